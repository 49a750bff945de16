// Package sqlite is the store.Driver for SQLite, and the data directory around
// it: database, master key, lock. It keeps its promises by WAL mode with
// synchronous FULL: a commit is on disk before it is acknowledged.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	sqlitedriver "modernc.org/sqlite"

	"gatehouse/store"
	"gatehouse/store/sqldb"
)

// The files of a data directory that belong to this package.
const (
	DatabaseFile = "gatehouse.db"
	KeyFile      = "master.key"
	LockFile     = "gatehouse.lock"
)

// Settings are SQLite's own.
type Settings struct {
	Unsafe   bool // synchronous OFF: for tests and throw-away data; a power cut may lose or break everything
	ReadOnly bool // no lock, no writer, no migration: to look at the data directory of a running server
}

// Open opens the data directory dir, making it when needed, and the store in it.
// Another process that has it open is an error, unless o.ReadOnly. The master key
// comes from o, from the environment variable GATEHOUSE_MASTER_KEY, or from the key file in dir.
func Open(ctx context.Context, dir string, o store.Options, s Settings) (*store.Store, error) {
	s.ReadOnly = s.ReadOnly || o.ReadOnly
	o.ReadOnly = s.ReadOnly
	if o.MasterKey == nil && o.KeyFile == "" {
		key, err := store.EnvMasterKey()
		if err != nil {
			return nil, err
		}
		o.MasterKey, o.KeyFile = key, filepath.Join(dir, KeyFile)
	}
	d, err := OpenDriver(ctx, dir, s)
	if err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, d, o)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return opened, nil
}

// Driver is a store.Driver. It holds the lock on its data directory until Close.
type Driver struct {
	*sqldb.DB
	path string
	lock *os.File
}

// OpenDriver opens the database in dir and brings its schema up to date.
func OpenDriver(ctx context.Context, dir string, s Settings) (*Driver, error) {
	d := &Driver{path: filepath.Join(dir, DatabaseFile)}
	if err := d.claim(dir, s); err != nil {
		return nil, err
	}
	if err := d.open(ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", d.path, explain(err)), d.unlock())
	}
	return d, nil
}

// claim makes the directory and files with tight permissions and takes the lock.
func (d *Driver) claim(dir string, s Settings) (err error) {
	if s.ReadOnly {
		if _, err := os.Stat(d.path); err != nil {
			return fmt.Errorf("there is no database in %s: give the data directory of a server that has run (--data): %w", dir, err)
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w; give another one with --data", err)
	}
	if info, err := os.Stat(dir); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("everybody on this machine can write to the data directory %s: run chmod 700 on it, or give another one with --data", dir)
	}
	if d.lock, err = lockFile(filepath.Join(dir, LockFile)); err != nil {
		return err
	}
	f, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o600) // the journal files inherit its permissions
	if err != nil {
		return errors.Join(fmt.Errorf("making the database: %w", err), d.unlock())
	}
	return f.Close()
}

func (d *Driver) open(ctx context.Context, s Settings) error {
	reads, err := pool(d.path, s, "query_only(1)")
	if err != nil {
		return err
	}
	reads.SetMaxOpenConns(8)
	reads.SetMaxIdleConns(8)
	if s.ReadOnly {
		if err = requireSchema(ctx, reads); err == nil {
			d.DB, err = sqldb.New(ctx, nil, reads, dialect)
		}
		return closeOn(err, reads)
	}
	writes, err := pool(d.path, s, "cache_size(-32000)", "journal_size_limit(67108864)")
	if err != nil {
		return closeOn(err, reads)
	}
	writes.SetMaxOpenConns(1)
	if err = migrate(ctx, writes); err == nil {
		d.DB, err = sqldb.New(ctx, writes, reads, dialect)
	}
	return closeOn(err, reads, writes)
}

var dialect = sqldb.Dialect{Begin: `BEGIN IMMEDIATE`}

func closeOn(err error, pools ...*sql.DB) error {
	if err == nil {
		return nil
	}
	for _, p := range pools {
		err = errors.Join(err, p.Close())
	}
	return err
}

// Check implements store.Driver.
func (d *Driver) Check(ctx context.Context) error {
	lines, err := d.Text(ctx, `PRAGMA integrity_check(3)`)
	if err != nil {
		return explain(err)
	}
	if len(lines) == 1 && lines[0] == "ok" {
		return nil
	}
	return fmt.Errorf("SQLite finds %s damaged: %s", d.path, strings.Join(lines, "; "))
}

// Close closes the database, then gives the directory free.
func (d *Driver) Close() error { return errors.Join(d.DB.Close(), d.unlock()) }

func (d *Driver) unlock() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

func pool(path string, s Settings, pragmas ...string) (*sql.DB, error) {
	sync := "synchronous(FULL)"
	if s.Unsafe {
		sync = "synchronous(OFF)"
	}
	return sql.Open("sqlite", source(path, append([]string{"busy_timeout(10000)", "journal_mode(WAL)", sync, "temp_store(MEMORY)"}, pragmas...)))
}

// source is the data source name of a file, whatever characters its path has.
func source(path string, pragmas []string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(abs), RawQuery: q.Encode()}).String()
}

// explain adds to the errors that people meet what to do about them.
func explain(err error) error {
	var e *sqlitedriver.Error
	if !errors.As(err, &e) {
		return err
	}
	const corrupt, notADatabase = 11, 26
	switch e.Code() & 0xff {
	case corrupt, notADatabase:
		return fmt.Errorf("%w: the file is damaged or no database; restore a backup (gatehouse restore) into an empty directory", err)
	}
	if strings.Contains(err.Error(), "readonly") {
		return fmt.Errorf("%w: the user running Gatehouse must be able to write the data directory", err)
	}
	return err
}
