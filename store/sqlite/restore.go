package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gatehouse/store"
)

// Restore makes the data directory dir from a backup. It refuses a directory that
// is not empty. The database appears under its name only when it is complete and
// checked. keyRestored tells whether the master key lay beside the backup; without
// it, put the key file into dir, or set the environment variable, before the start.
func Restore(ctx context.Context, backup, dir string, progress func(done, total int64)) (keyRestored bool, err error) {
	if info, err := os.Stat(backup); err != nil || !info.Mode().IsRegular() {
		return false, fmt.Errorf("there is no backup file %s: give the file that gatehouse backup wrote", backup)
	}
	if err := emptyDir(dir); err != nil {
		return false, err
	}
	path := filepath.Join(dir, DatabaseFile)
	part := path + ".partial"
	if err := copyDatabase(ctx, backup, part, progress); err != nil {
		return false, errors.Join(fmt.Errorf("restoring %s: %w", backup, err), removeDatabase(part))
	}
	if err := os.Rename(part, path); err != nil {
		return false, err
	}
	return restoreKey(backup+store.KeySuffix, filepath.Join(dir, KeyFile))
}

func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("the directory %s is not empty and was left as it is: restore into a new one", dir)
	}
	return nil
}

func restoreKey(from, to string) (bool, error) {
	text, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	_, err = f.Write(text)
	return err == nil, errors.Join(err, f.Sync(), f.Close())
}

// checkCopy reads the whole copy as SQLite understands it, and leaves one file.
func checkCopy(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", source(path, []string{"journal_mode(DELETE)"}))
	if err != nil {
		return err
	}
	err = integrity(ctx, db)
	return errors.Join(err, db.Close())
}

func integrity(ctx context.Context, db *sql.DB) error {
	var answer string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return fmt.Errorf("the copy is damaged: %s; check the disks and try again", answer)
	}
	_, _, err := compareSchema(ctx, db)
	return err
}

func removeDatabase(path string) error {
	var all error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}
