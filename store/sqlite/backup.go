package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	sqlitedriver "modernc.org/sqlite"
)

// backupStep is how many pages are copied between two progress reports.
const backupStep = 2000

// Backup implements store.Driver with SQLite's backup interface. The source
// connection holds a read transaction, so the copy is of one moment and writes
// going on meanwhile do not restart it.
func (d *Driver) Backup(ctx context.Context, path string, progress func(done, total int64)) error {
	return copyDatabase(ctx, d.path, path, progress)
}

// copyDatabase copies one database to a new file and checks the copy.
func copyDatabase(ctx context.Context, from, to string, progress func(done, total int64)) error {
	if err := createEmpty(to); err != nil {
		return err
	}
	if err := copyAll(ctx, from, to, progress); err != nil {
		return err
	}
	return checkCopy(ctx, to)
}

func copyAll(ctx context.Context, from, to string, progress func(done, total int64)) error {
	db, err := sql.Open("sqlite", source(from, []string{"busy_timeout(10000)", "query_only(1)"}))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := hold(ctx, conn); err != nil {
		return explain(err)
	}
	return conn.Raw(func(c any) error { return copyPages(ctx, c, to, progress) })
}

func createEmpty(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already: give the name of a new file", path)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// hold starts a read transaction; it begins with the first read.
func hold(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, `BEGIN DEFERRED`); err != nil {
		return err
	}
	var n int
	return conn.QueryRowContext(ctx, `SELECT count(*) FROM meta`).Scan(&n)
}

func copyPages(ctx context.Context, c any, to string, progress func(done, total int64)) (err error) {
	b, err := c.(interface {
		NewBackup(string) (*sqlitedriver.Backup, error)
	}).NewBackup(source(to, []string{"synchronous(FULL)"}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Finish()) }()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = b.Step(backupStep); err != nil {
			return err
		}
		if progress != nil {
			progress(int64(b.PageCount()-b.Remaining()), int64(b.PageCount()))
		}
	}
	return nil
}
