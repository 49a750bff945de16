// Package sqldb implements the statements of store.Driver over database/sql, in
// SQL that SQLite and PostgreSQL both understand. An engine's own package opens
// the pools, runs its migrations, takes the backups, and names what differs in a Dialect.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"

	"gatehouse/store"
)

// Dialect holds the statements that engines spell differently.
type Dialect struct {
	Begin string // starts a write transaction and takes the write lock at once
}

// DB is the part of a store.Driver that engines share: reading through a pool,
// writing through one connection.
type DB struct {
	reader
	pool   *sql.DB
	writes *sql.DB
	conn   *sql.Conn // the writer's
	tx     *Tx
}

// New prepares the statements. The schema must exist. The DB owns both pools.
func New(ctx context.Context, writes, reads *sql.DB, d Dialect) (*DB, error) {
	db := &DB{pool: reads, writes: writes}
	db.reader.prepare = func(ctx context.Context, query string) (*sql.Stmt, error) { return reads.PrepareContext(ctx, query) }
	if writes == nil {
		return db, nil
	}
	conn, err := writes.Conn(ctx)
	if err != nil {
		return nil, err
	}
	db.conn = conn
	if db.tx, err = newTx(ctx, conn, d); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return db, nil
}

// Text runs a query whose one column is text, such as a pragma, and returns its rows.
func (db *DB) Text(ctx context.Context, query string) (lines []string, err error) {
	err = db.each(ctx, query, nil, func(rows *sql.Rows) (bool, error) {
		var line string
		err := rows.Scan(&line)
		lines = append(lines, line)
		return true, err
	})
	return lines, err
}

// Writer returns the writer's connection, for migrations before the first Begin.
func (db *DB) Writer() *sql.Conn { return db.conn }

// Begin implements store.Driver.
func (db *DB) Begin(context.Context) (store.DriverTx, error) {
	if db.tx == nil {
		return nil, errors.New("the database is open for reading only")
	}
	err := db.tx.exec(db.tx.begin)
	if err != nil && db.tx.exec(db.tx.rollback) == nil { // a rollback had failed: the earlier transaction was still open
		err = db.tx.exec(db.tx.begin)
	}
	if err != nil {
		return nil, err
	}
	return db.tx, nil
}

// Close closes both pools, the writer's last: what ends a SQLite journal is the
// end of the last connection, if no statement of it is left.
func (db *DB) Close() error {
	err := db.pool.Close()
	if db.tx != nil {
		err = errors.Join(err, db.tx.close(), db.conn.Close(), db.writes.Close())
	}
	return err
}

// reader runs the reading statements, prepared on first use.
type reader struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	ready   sync.Map // query text -> *sql.Stmt
}

func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := r.ready.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := r.prepare(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	if other, loaded := r.ready.LoadOrStore(query, s); loaded {
		_ = s.Close() // somebody else was faster
		return other.(*sql.Stmt), nil
	}
	return s, nil
}

// one scans a single row.
func (r *reader) one(ctx context.Context, query string, args []any, into ...any) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	err = s.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNoRow
	}
	return err
}

// each scans row after row until scan returns false.
func (r *reader) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) (bool, error)) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if more, err := scan(rows); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

func limit(n int) int64 {
	if n <= 0 {
		return math.MaxInt64
	}
	return int64(n)
}

const documentColumns = `id, type_name, type, parent, name, revision, created, updated, body, secret`

// Document implements store.Rows.
func (r *reader) Document(ctx context.Context, key string) (*store.Row, error) {
	row := &store.Row{Key: key}
	err := r.one(ctx, `SELECT `+documentColumns+` FROM documents WHERE key = $1`, []any{key},
		&row.ID, &row.TypeName, &row.Type, &row.Parent, &row.Name, &row.Revision, &row.Created, &row.Updated, &row.Body, &row.Secret)
	if err != nil {
		return nil, err
	}
	return row, nil
}

func rangeWhere(q store.Range) (string, []any) {
	where, args := ` FROM documents WHERE key > $1 AND key < $2`, []any{q.After, q.Before}
	if q.Type != "" {
		args = append(args, q.Type)
		where += fmt.Sprintf(` AND type = $%d`, len(args))
	}
	if q.Parent != "" {
		args = append(args, q.Parent)
		where += fmt.Sprintf(` AND parent = $%d`, len(args))
	}
	if q.Name != "" {
		args = append(args, q.Name)
		where += fmt.Sprintf(` AND name = $%d`, len(args))
	}
	return where, args
}

// Documents implements store.Rows.
func (r *reader) Documents(ctx context.Context, q store.Range, yield func(*store.Row) bool) error {
	where, args := rangeWhere(q)
	args = append(args, limit(q.Limit))
	query := fmt.Sprintf(`SELECT key, %s%s ORDER BY key LIMIT $%d`, documentColumns, where, len(args))
	return r.each(ctx, query, args, func(rows *sql.Rows) (bool, error) {
		row := &store.Row{}
		err := rows.Scan(&row.Key, &row.ID, &row.TypeName, &row.Type, &row.Parent, &row.Name, &row.Revision, &row.Created, &row.Updated, &row.Body, &row.Secret)
		return err == nil && yield(row), err
	})
}

// CountDocuments implements store.Rows.
func (r *reader) CountDocuments(ctx context.Context, q store.Range) (n int, err error) {
	where, args := rangeWhere(q)
	return n, r.one(ctx, `SELECT count(*)`+where, args, &n)
}

// Ticket implements store.Rows.
func (r *reader) Ticket(ctx context.Context, kind, key string) (*store.TicketRow, error) {
	t := &store.TicketRow{Kind: kind, Key: key}
	err := r.one(ctx, `SELECT owner, value, expires FROM tickets WHERE kind = $1 AND key = $2`, []any{kind, key}, &t.Owner, &t.Value, &t.Expires)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// DataKeys implements store.Rows.
func (r *reader) DataKeys(ctx context.Context) (keys []store.DataKey, err error) {
	err = r.each(ctx, `SELECT id, wrapped, created FROM data_keys ORDER BY id`, nil, func(rows *sql.Rows) (bool, error) {
		var k store.DataKey
		err := rows.Scan(&k.ID, &k.Wrapped, &k.Created)
		keys = append(keys, k)
		return true, err
	})
	return keys, err
}

// Meta implements store.Rows.
func (r *reader) Meta(ctx context.Context, name string) (value string, err error) {
	return value, r.one(ctx, `SELECT value FROM meta WHERE name = $1`, []any{name}, &value)
}
