package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// Ticket is a short-lived value that is looked up by a key which is itself
// secret: a refresh token, a device code, a session, an operation in progress.
// Tickets are not in the change log. The database holds a digest of the key, and the value sealed.
type Ticket struct {
	Kind    string
	Key     string
	Owner   string // who loses it by DropTickets, such as a principal's ID
	Value   []byte
	Expires time.Time
}

// PutTicket stores t, in place of one with the same kind and key.
func (s *Store) PutTicket(ctx context.Context, t Ticket) error {
	return s.quietly(ctx, func(tx *Tx) error { return tx.PutTicket(t) })
}

// Ticket returns a ticket that has not expired, or an error of kind NotFound.
func (s *Store) Ticket(ctx context.Context, kind, key string) (Ticket, error) {
	return s.ticket(ctx, s.driver, kind, key, s.opt.Clock().UnixMicro())
}

// TakeTicket returns a ticket and deletes it. Of several who try at once, one succeeds.
func (s *Store) TakeTicket(ctx context.Context, kind, key string) (t Ticket, err error) {
	err = s.quietly(ctx, func(tx *Tx) (err error) {
		t, err = tx.TakeTicket(kind, key)
		return err
	})
	if err != nil {
		return Ticket{}, err
	}
	return t, nil
}

// DropTickets deletes an owner's tickets of a kind, of every kind when it is "".
func (s *Store) DropTickets(ctx context.Context, kind, owner string) error {
	return s.quietly(ctx, func(tx *Tx) error { return tx.DropTickets(kind, owner) })
}

// quietly runs f like Write, for work that is not in the change log.
func (s *Store) quietly(ctx context.Context, f func(*Tx) error) error {
	return s.submit(ctx, &job{f: f, done: make(chan struct{})})
}

// PutTicket is Store.PutTicket within a write.
func (tx *Tx) PutTicket(t Ticket) error {
	if tx.over {
		return errOver()
	}
	key := ticketKey(t.Kind, t.Key)
	sealed := tx.s.keys.Load().seal(t.Value, ticketContext(t.Kind, key))
	row := &TicketRow{Kind: t.Kind, Key: key, Owner: t.Owner, Value: sealed, Expires: t.Expires.UnixMicro()}
	return unavailable(tx.note(tx.db.PutTicket(row)))
}

// TakeTicket is Store.TakeTicket within a write.
func (tx *Tx) TakeTicket(kind, key string) (Ticket, error) {
	if tx.over {
		return Ticket{}, errOver()
	}
	t, err := tx.s.ticket(context.Background(), tx.db, kind, key, tx.s.opt.Clock().UnixMicro())
	if err != nil {
		return Ticket{}, err
	}
	return t, unavailable(tx.note(tx.db.DeleteTicket(kind, ticketKey(kind, key))))
}

// DropTickets is Store.DropTickets within a write.
func (tx *Tx) DropTickets(kind, owner string) error {
	if tx.over {
		return errOver()
	}
	return unavailable(tx.note(tx.db.DropTickets(kind, owner)))
}

func (tx *Tx) sweep() error {
	return unavailable(tx.note(tx.db.SweepTickets(tx.s.opt.Clock().UnixMicro())))
}

func (s *Store) ticket(ctx context.Context, rows Rows, kind, key string, now int64) (Ticket, error) {
	digest := ticketKey(kind, key)
	row, err := rows.Ticket(ctx, kind, digest)
	if errors.Is(err, ErrNoRow) || err == nil && row.Expires <= now {
		return Ticket{}, notFound("ticket of kind", kind)
	}
	if err != nil {
		return Ticket{}, unavailable(err)
	}
	value, err := s.keys.Load().unseal(row.Value, ticketContext(kind, digest))
	if err != nil {
		return Ticket{}, internalf("a ticket of kind %s cannot be opened: %w", kind, err)
	}
	return Ticket{Kind: kind, Key: key, Owner: row.Owner, Value: value, Expires: fromMicro(row.Expires)}, nil
}

func ticketKey(kind, key string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + key))
	return hexHash(sum[:])
}
