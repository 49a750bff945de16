package sqldb

import (
	"context"
	"database/sql"
	"errors"

	"gatehouse/store"
)

// Tx is the writer's connection. There is one, used for one transaction after the other.
type Tx struct {
	reader
	all                         []*sql.Stmt
	begin, commit, rollback     *sql.Stmt
	savepoint, undo, release    *sql.Stmt
	putDocument, deleteDocument *sql.Stmt
	appendRecord                *sql.Stmt
	putTicket, deleteTicket     *sql.Stmt
	dropTickets, dropAll, sweep *sql.Stmt
	putDataKey, setMeta         *sql.Stmt
}

func newTx(ctx context.Context, conn *sql.Conn, d Dialect) (*Tx, error) {
	tx := &Tx{}
	tx.reader.prepare = func(ctx context.Context, query string) (*sql.Stmt, error) {
		s, err := conn.PrepareContext(ctx, query)
		if err == nil {
			tx.all = append(tx.all, s)
		}
		return s, err
	}
	for _, s := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&tx.begin, d.Begin},
		{&tx.commit, `COMMIT`},
		{&tx.rollback, `ROLLBACK`},
		{&tx.savepoint, `SAVEPOINT one_write`},
		{&tx.undo, `ROLLBACK TO one_write`},
		{&tx.release, `RELEASE one_write`},
		{&tx.putDocument, `INSERT INTO documents (key, id, type, type_name, parent, name, revision, created, updated, body, secret)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, updated = excluded.updated, body = excluded.body, secret = excluded.secret`},
		{&tx.deleteDocument, `DELETE FROM documents WHERE key = $1`},
		{&tx.appendRecord, `INSERT INTO changes (` + recordColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`},
		{&tx.putTicket, `INSERT INTO tickets (kind, key, owner, value, expires) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (kind, key) DO UPDATE SET owner = excluded.owner, value = excluded.value, expires = excluded.expires`},
		{&tx.deleteTicket, `DELETE FROM tickets WHERE kind = $1 AND key = $2`},
		{&tx.dropTickets, `DELETE FROM tickets WHERE owner = $1 AND kind = $2`},
		{&tx.dropAll, `DELETE FROM tickets WHERE owner = $1`},
		{&tx.sweep, `DELETE FROM tickets WHERE expires <= $1`},
		{&tx.putDataKey, `INSERT INTO data_keys (id, wrapped, created) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET wrapped = excluded.wrapped`},
		{&tx.setMeta, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`},
	} {
		var err error
		if *s.into, err = tx.prepare(ctx, s.query); err != nil {
			return nil, errors.Join(err, tx.close())
		}
	}
	return tx, nil
}

// close closes the statements; database/sql leaves those of a single connection to their maker.
func (tx *Tx) close() (err error) {
	for _, s := range tx.all {
		err = errors.Join(err, s.Close())
	}
	return err
}

// exec runs without a context that could end: an interrupted statement would undo the whole transaction.
func (tx *Tx) exec(s *sql.Stmt, args ...any) error {
	_, err := s.ExecContext(context.Background(), args...)
	return err
}

// PutDocument implements store.DriverTx.
func (tx *Tx) PutDocument(r *store.Row) error {
	return tx.exec(tx.putDocument, r.Key, r.ID, r.Type, r.TypeName, r.Parent, r.Name, r.Revision, r.Created, r.Updated, r.Body, r.Secret)
}

// DeleteDocument implements store.DriverTx.
func (tx *Tx) DeleteDocument(key string) error { return tx.exec(tx.deleteDocument, key) }

// AppendRecord implements store.DriverTx.
func (tx *Tx) AppendRecord(r *store.Record) error {
	return tx.exec(tx.appendRecord, r.Seq, r.Time, r.Kind, r.Resource, r.Scope, r.Type, r.Actor, r.Operation, r.Correlation,
		r.Hash, r.SecretBefore, r.SecretAfter, r.Body)
}

// PutTicket implements store.DriverTx.
func (tx *Tx) PutTicket(t *store.TicketRow) error {
	return tx.exec(tx.putTicket, t.Kind, t.Key, t.Owner, t.Value, t.Expires)
}

// DeleteTicket implements store.DriverTx.
func (tx *Tx) DeleteTicket(kind, key string) error {
	result, err := tx.deleteTicket.ExecContext(context.Background(), kind, key)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return store.ErrNoRow
}

// DropTickets implements store.DriverTx.
func (tx *Tx) DropTickets(kind, owner string) error {
	if kind == "" {
		return tx.exec(tx.dropAll, owner)
	}
	return tx.exec(tx.dropTickets, owner, kind)
}

// SweepTickets implements store.DriverTx.
func (tx *Tx) SweepTickets(now int64) error { return tx.exec(tx.sweep, now) }

// PutDataKey implements store.DriverTx.
func (tx *Tx) PutDataKey(k store.DataKey) error {
	return tx.exec(tx.putDataKey, k.ID, k.Wrapped, k.Created)
}

// SetMeta implements store.DriverTx.
func (tx *Tx) SetMeta(name, value string) error { return tx.exec(tx.setMeta, name, value) }

// Savepoint implements store.DriverTx.
func (tx *Tx) Savepoint() error { return tx.exec(tx.savepoint) }

// RollbackToSavepoint implements store.DriverTx.
func (tx *Tx) RollbackToSavepoint() error {
	if err := tx.exec(tx.undo); err != nil {
		return err
	}
	return tx.exec(tx.release)
}

// ReleaseSavepoint implements store.DriverTx.
func (tx *Tx) ReleaseSavepoint() error { return tx.exec(tx.release) }

// Commit implements store.DriverTx.
func (tx *Tx) Commit() error { return tx.exec(tx.commit) }

// Rollback implements store.DriverTx.
func (tx *Tx) Rollback() error { return tx.exec(tx.rollback) }
