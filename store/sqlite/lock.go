package sqlite

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// lockFile takes the lock that keeps a second process out. The system frees it
// when the process ends, however it ends; the process ID in the file is for the message only.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the lock file: %w; the user running Gatehouse must be able to write the data directory", err)
	}
	if err := tryLock(f); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 20)) // no more than a hint
		_ = f.Close()
		return nil, fmt.Errorf("the data directory %s is in use by another Gatehouse process (process ID %s): stop that one, or give this one a directory of its own with --data",
			filepath.Dir(path), strings.TrimSpace(string(holder)))
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintln(f, os.Getpid()) // only for the message above
	}
	return f, nil
}
