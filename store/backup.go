package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// KeySuffix is appended to a backup's name for the file that holds its master key, when asked for.
const KeySuffix = ".key"

// BackupOptions say how a backup is made.
type BackupOptions struct {
	IncludeKey bool // also write the master key, to the backup's name with KeySuffix
	Progress   func(done, total int64)
}

// Backup writes a consistent copy of everything to path while writes go on, and
// checks it. The file appears under its name only when it is complete. Without
// the master key, which is left out unless asked for, the secrets in it stay closed.
func (s *Store) Backup(ctx context.Context, path string, o BackupOptions) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("store: %s exists already; give the name of a new file", path)
	}
	if o.IncludeKey { // the key that is copied must be the one of the copied database
		s.rotating.Lock()
		defer s.rotating.Unlock()
	}
	part := path + ".partial"
	if err := os.RemoveAll(part); err != nil { // of an interrupted backup
		return err
	}
	if err := s.driver.Backup(ctx, part, o.Progress); err != nil {
		_ = os.Remove(part) // incomplete
		return fmt.Errorf("store: the backup was not made: %w", err)
	}
	if o.IncludeKey {
		if err := s.backupKey(ctx, path+KeySuffix); err != nil {
			return err
		}
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (s *Store) backupKey(ctx context.Context, path string) error {
	fingerprint, err := s.driver.Meta(ctx, metaMaster)
	if err != nil {
		return unavailable(err)
	}
	m, _, err := s.findMaster(fingerprint)
	if err != nil {
		return err
	}
	return writeKeyFile(path, m)
}
