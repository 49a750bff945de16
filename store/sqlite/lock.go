package sqlite

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lockFile takes the lock that keeps a second process out. The system frees it
// when the process ends, however it ends; the process ID in the file is for the message only.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the lock file: %w; the user running Gatehouse must be able to write the data directory", err)
	}
	if err := waitLock(f); err != nil {
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

// InUse reports whether a process has the data directory open for writing, however
// the last one that had it ended. Looking takes the lock for a moment, which
// lockFile allows for.
func InUse(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, LockFile), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return tryLock(f) != nil
}

// lookTime is how long a start waits for somebody who only looks at the lock.
const lookTime = 50 * time.Millisecond

// waitLock is tryLock for longer than InUse takes.
func waitLock(f *os.File) (err error) {
	for end := time.Now().Add(lookTime); ; time.Sleep(lookTime / 10) {
		if err = tryLock(f); err == nil || time.Now().After(end) {
			return err
		}
	}
}
