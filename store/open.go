package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
)

// Options say how a Store is opened. The zero value is usable but for the key:
// one of MasterKey and KeyFile must be set.
type Options struct {
	MasterKey []byte           // 32 bytes; takes precedence over KeyFile
	KeyFile   string           // read, and created 0600 when the database holds no sealed key yet
	ReadOnly  bool             // refuse writes
	Clock     func() time.Time // time.Now when nil
	Logger    *slog.Logger     // slog.Default() when nil
	MaxBatch  int              // writes that share a commit at most; 0 for 256
	MaxHold   time.Duration    // how long a batch accepts further writes; 0 for 10 ms
	Sweep     time.Duration    // how often expired tickets are deleted; 0 for a minute
}

// Store holds documents and, in the same transactions, the log of their changes.
// It is safe for concurrent use. A read that starts after a write was acknowledged sees it.
type Store struct {
	driver    Driver
	opt       Options
	keys      atomic.Pointer[keyring]
	head      atomic.Pointer[head]
	queue     chan *job
	quit      chan struct{}
	done      chan struct{}
	closing   sync.Once
	listeners atomic.Pointer[[]func([]gatehouse.Change)]
	rotating  sync.Mutex
}

// head is the end of the change log.
type head struct {
	seq  int64
	time int64 // microseconds
	hash [32]byte
}

// Open unlocks the keys and starts the writer. On
// success the Store owns d and closes it.
func Open(ctx context.Context, d Driver, o Options) (*Store, error) {
	s := &Store{driver: d, opt: o.withDefaults(),
		queue: make(chan *job), quit: make(chan struct{}), done: make(chan struct{})}
	s.listeners.Store(new([]func([]gatehouse.Change)))
	if err := s.unlock(ctx); err != nil {
		return nil, err
	}
	h, err := lastHead(ctx, d)
	if err != nil {
		return nil, unavailable(err)
	}
	s.head.Store(h)
	if o.ReadOnly {
		close(s.done)
	} else {
		go s.write()
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = 256
	}
	if o.MaxHold == 0 {
		o.MaxHold = 10 * time.Millisecond
	}
	if o.Sweep == 0 {
		o.Sweep = time.Minute
	}
	return o
}

// Close lets the running batch finish, refuses what is queued, and closes the driver.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.quit)
		<-s.done
		err = s.driver.Close()
	})
	return err
}

// OnCommit registers f to be called with the changes of every commit, in commit
// order and before their writers are answered. Register before serving. f must
// not call the Store's writing methods. A panic in f ends the process: going on
// would mean deciding by a state that the log has left behind.
func (s *Store) OnCommit(f func([]gatehouse.Change)) {
	for {
		old := s.listeners.Load()
		all := append(append([]func([]gatehouse.Change){}, *old...), f)
		if s.listeners.CompareAndSwap(old, &all) {
			return
		}
	}
}

// Head returns the sequence number and hash of the newest change; 0 and zeros for
// an empty log. It asks the database: a commit is visible to readers a moment
// before its writer is answered, and a read-only store follows another process.
func (s *Store) Head(ctx context.Context) (seq int64, hash string) {
	h, err := lastHead(ctx, s.driver)
	if err != nil {
		h = s.head.Load()
	}
	return h.seq, hexHash(h.hash[:])
}

func lastHead(ctx context.Context, rows Rows) (*head, error) {
	h := &head{}
	err := rows.Records(ctx, RecordRange{Descending: true, Limit: 1}, func(r *Record) bool {
		h.seq, h.time = r.Seq, r.Time
		copy(h.hash[:], r.Hash)
		return false
	})
	return h, err
}

// unavailable gives a failure of the engine a kind; it leaves errors that have one, and those of a context, alone.
func unavailable(err error) error {
	var known *gatehouse.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &gatehouse.Error{Kind: gatehouse.Unavailable, Code: "StorageUnavailable", RetryAfter: time.Second, Cause: err,
		Message: "The database could not do what was asked; nothing of this request was changed. Try again, and if it persists check the server's log, its disk space and its disk."}
}

func errClosed() error {
	return gatehouse.Errorf(gatehouse.Unavailable, "StorageClosed", "The server is stopping and takes no more writes. Try again once it runs.")
}

func errReadOnly() error {
	return gatehouse.Errorf(gatehouse.Unavailable, "StorageReadOnly", "This process opened the data directory for reading only. Send the change to the running server.")
}

func notFound(what string, key any) error {
	return gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "There is no %s %v.", what, key)
}

func internalf(format string, args ...any) error { return fmt.Errorf("store: "+format, args...) }
