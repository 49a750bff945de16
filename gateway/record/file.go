package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var errUnknown = errors.New("the service of the call is not known any more")

// Files are where records go: one file, or a directory in which a new one begins when the last has its size. Each is for its
// owner alone. One goroutine writes.
type Files struct {
	name    string
	dir     bool
	most    int64 // bytes of all files
	each    int64 // bytes of one file
	now     func() time.Time
	file    *os.File
	written int64
	old     []string // files of the directory that are complete, oldest first
	sizes   map[string]int64
	total   int64 // bytes of old
}

const (
	fileBegin, fileEnd = "calls-", ".jsonl"
	parts              = 8 // of a directory's size that one file takes
)

// OpenFiles opens a file that records are added to, or a directory: one that there is, or a name that ends in a slash. The
// size is that of all together: a file that has it takes no more, of a directory the oldest file goes.
func OpenFiles(name string, most int64) (*Files, error) {
	f := &Files{name: name, most: most, each: most, now: time.Now, sizes: map[string]int64{}}
	info, err := os.Stat(name)
	f.dir = err == nil && info.IsDir() || strings.HasSuffix(name, string(filepath.Separator))
	if !f.dir {
		return f, f.open(name)
	}
	f.each = max(most/parts, 1)
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, err
	}
	if err := f.list(); err != nil {
		return nil, err
	}
	return f, f.next()
}

// list finds what earlier processes wrote.
func (f *Files) list() error {
	found, err := filepath.Glob(filepath.Join(f.name, fileBegin+"*"+fileEnd))
	if err != nil {
		return err
	}
	slices.Sort(found) // their names are times
	for _, name := range found {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		f.keep(name, info.Size())
	}
	return nil
}

func (f *Files) keep(name string, size int64) {
	f.old, f.sizes[name] = append(f.old, name), size
	f.total += size
}

func (f *Files) open(name string) (err error) {
	if f.file, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err == nil {
		f.written = info.Size()
		err = f.file.Chmod(0o600)
	}
	return err
}

// next begins a new file and makes room for it.
func (f *Files) next() error {
	if f.file != nil {
		if err := f.file.Close(); err != nil {
			return err
		}
		f.keep(f.file.Name(), f.written)
	}
	for len(f.old) > 0 && f.total+f.each > f.most {
		if err := os.Remove(f.old[0]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		f.total -= f.sizes[f.old[0]]
		delete(f.sizes, f.old[0])
		f.old = f.old[1:]
	}
	return f.open(filepath.Join(f.name, fileBegin+f.now().UTC().Format("20060102T150405.000000000")+fileEnd))
}

// errFull ends the recording to one file.
var errFull = errors.New("the file has the size that it may have: move it away and start again, or record into a directory")

// Write adds one record.
func (f *Files) Write(line []byte) (int, error) {
	if f.written > 0 && f.written+int64(len(line)) > f.each {
		if !f.dir {
			return 0, errFull
		}
		if err := f.next(); err != nil {
			return 0, fmt.Errorf("a new file: %w", err)
		}
	}
	n, err := f.file.Write(line)
	f.written += int64(n)
	return n, err
}

// Close closes the file that is open.
func (f *Files) Close() error { return f.file.Close() }
