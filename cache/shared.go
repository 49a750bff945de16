package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/redis"
)

// Shared is a cache in Redis. Writes happen in the background, one after the other.
type Shared struct {
	conn    *redis.Conn
	failed  func(error)
	dropped atomic.Int64

	mutex  sync.RWMutex // held for reading while something is put into writes
	closed bool
	writes chan write
	bytes  atomic.Int64 // of writes that wait
	done   chan struct{}
}

var _ Cache = (*Shared)(nil)

// Of writes that wait there are at most so many, and at most so many bytes of them.
const (
	maxWrites = 1024
	maxBytes  = 32 << 20
)

// write is something to do: to store, or to remove when there is no value.
type write struct {
	key    string
	value  []byte
	ttl    time.Duration
	result chan error // nil when nobody waits
}

// NewShared makes a cache in the Redis at the other end of c, which stays the caller's to close, after Close. Errors go to failed if it is not nil.
func NewShared(c *redis.Conn, failed func(error)) *Shared {
	if failed == nil {
		failed = func(error) {}
	}
	s := &Shared{conn: c, failed: failed, writes: make(chan write, maxWrites), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *Shared) run() {
	defer close(s.done)
	for w := range s.writes {
		var err error
		if w.value == nil {
			err = s.conn.Delete(context.Background(), w.key)
		} else {
			err = s.conn.Set(context.Background(), w.key, w.value, w.ttl)
		}
		s.bytes.Add(-int64(len(w.value)))
		s.fault(err)
		if w.result != nil {
			w.result <- err
		}
	}
}

// fault tells of an error, but not of each call while Redis is known to be gone, nor of calls whose client is gone.
func (s *Shared) fault(err error) {
	if err != nil && err != redis.ErrDown && !errors.Is(err, context.Canceled) {
		s.failed(err)
	}
}

func name(k Key) string { return "gatehouse:cache:" + k.Space + "\x00" + k.Of + "\x00" + k.Name }

func (s *Shared) Get(ctx context.Context, k Key) ([]byte, bool) {
	value, err := s.conn.Get(ctx, name(k))
	s.fault(err)
	return value, err == nil && value != nil
}

func (s *Shared) Put(k Key, value []byte, ttl time.Duration) {
	w := write{key: name(k), value: value, ttl: ttl}
	if len(value) > MaxEntry || ttl <= 0 {
		w.value = nil
	} else if value == nil {
		w.value = []byte{}
	}
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if s.closed || s.bytes.Load()+int64(len(w.value)) > maxBytes {
		s.dropped.Add(1)
		return
	}
	s.bytes.Add(int64(len(w.value)))
	select {
	case s.writes <- w:
	default:
		s.bytes.Add(-int64(len(w.value)))
		s.dropped.Add(1)
	}
}

// Remove takes its turn behind writes that came before, so that none of them brings the entry back.
func (s *Shared) Remove(ctx context.Context, k Key) error {
	w := write{key: name(k), result: make(chan error, 1)}
	s.mutex.RLock()
	if s.closed {
		s.mutex.RUnlock()
		return redis.ErrDown
	}
	select {
	case s.writes <- w:
		s.mutex.RUnlock()
	case <-ctx.Done():
		s.mutex.RUnlock()
		return ctx.Err()
	}
	select {
	case err := <-w.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Dropped is how many entries were not stored because too many waited.
func (s *Shared) Dropped() int64 { return s.dropped.Load() }

// Close writes what waits and ends the background.
func (s *Shared) Close() {
	s.mutex.Lock()
	if !s.closed {
		s.closed = true
		close(s.writes)
	}
	s.mutex.Unlock()
	<-s.done
}
