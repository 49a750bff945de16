package analytics

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver named sqlite
)

// File is the database within a data directory.
const File = "analytics.db"

// Quarter is what statistics are kept by.
const Quarter = 15 * time.Minute

// Options say how much is kept. Zero values take the defaults.
type Options struct {
	Statistics  time.Duration    // how long statistics are kept; 400 days
	Requests    time.Duration    // how long requests are kept; 7 days
	MaxRequests int              // how many requests are kept at most; 1,000,000
	Clock       func() time.Time // time.Now
}

func (o Options) withDefaults() Options {
	if o.Statistics == 0 {
		o.Statistics = 400 * 24 * time.Hour
	}
	if o.Requests == 0 {
		o.Requests = 7 * 24 * time.Hour
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = 1_000_000
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// Store holds statistics, requests and quotas. It is safe for concurrent use. A nil
// Store is one that nothing was ever counted in, and which keeps nothing.
type Store struct {
	db  *sql.DB
	opt Options

	writing sync.Mutex // batches go one after the other
	swept   time.Time
	sums    rollup
	names   names
	edited  []func(ctx context.Context, service, counter, period string)
}

//go:embed schema.sql
var schema string

// Open opens the database in dir, making it when needed.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	path := filepath.Join(dir, File)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // its journal takes over the permissions
	if err != nil {
		return nil, fmt.Errorf("making the database of statistics: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "temp_store(MEMORY)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), db.Close())
	}
	s := &Store{db: db, opt: o.withDefaults(), names: names{ids: map[string]int64{}, texts: map[int64]string{}}, sums: rollup{waiting: map[bucket]*Sums{}}}
	if err := errors.Join(s.restore(ctx), s.migrate(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("bringing %s up to date: %w", path, err), db.Close())
	}
	return s, nil
}

// Close writes what waits and closes the database.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.settle(context.Background(), nil), s.db.Close())
}

// write runs f in a transaction, alone; what f returns is run when the transaction has become true, before the next one.
func (s *Store) write(ctx context.Context, f func(tx *sql.Tx) (then func(), err error)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	then, err := f(tx)
	if err != nil {
		s.names.forget() // some may be of this transaction
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		s.names.forget()
		return err
	}
	if then != nil {
		then()
	}
	return nil
}

// upkeep writes sums that have waited, and deletes what is too old, once an hour at most. What it returns is for when the
// transaction has become true.
func (s *Store) upkeep(tx *sql.Tx) (then func(), err error) {
	now := s.opt.Clock()
	old := now.Sub(s.swept) >= time.Hour
	if !old && !s.sums.due(now) {
		return nil, nil
	}
	if err := s.sums.write(tx); err != nil { // before requests go that would tell of them
		return nil, err
	}
	if old {
		s.swept, err = now, s.sweep(tx, now)
	}
	return func() { s.sums.clear(now) }, err
}

// sweep deletes what is too old.
func (s *Store) sweep(tx *sql.Tx, now time.Time) error {
	for _, each := range []struct {
		statement string
		before    int64
	}{
		{`DELETE FROM buckets WHERE time < $1`, now.Add(-s.opt.Statistics).Unix()},
		{`DELETE FROM quotas WHERE until < $1`, now.Add(-s.opt.Statistics).Unix()},
		{`DELETE FROM edits WHERE time < $1 AND id < (SELECT max(id) FROM edits e WHERE e.service = edits.service)`, now.Add(-editsKept).Unix()}, // the last says how far one is
		{`DELETE FROM segments WHERE last < $1`, now.Add(-s.opt.Requests).UnixMicro()},
		{`DELETE FROM segments WHERE upto <= $1`, s.sums.upto - int64(s.opt.MaxRequests)},
		{`UPDATE segments SET gone = max(gone, $1 - upto + n) WHERE id = (SELECT min(id) FROM segments)`, s.sums.upto - int64(s.opt.MaxRequests)},
	} {
		if _, err := tx.Exec(each.statement, each.before); err != nil {
			return err
		}
	}
	return nil
}
