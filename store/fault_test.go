package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

var errDisk = errors.New("no space left on the device")

// faulty is a driver whose statements fail on demand, each a number of times.
type faulty struct {
	store.Driver
	begin, commit, savepoint, release, undo, put, record atomic.Int32
}

func fails(n *atomic.Int32) bool { return n.Add(-1) >= 0 }

func (f *faulty) Begin(ctx context.Context) (store.DriverTx, error) {
	if fails(&f.begin) {
		return nil, errDisk
	}
	tx, err := f.Driver.Begin(ctx)
	return &faultyTx{tx, f}, err
}

type faultyTx struct {
	store.DriverTx
	f *faulty
}

func (tx *faultyTx) or(n *atomic.Int32, do func() error) error {
	if fails(n) {
		return errDisk
	}
	return do()
}

func (tx *faultyTx) Commit() error    { return tx.or(&tx.f.commit, tx.DriverTx.Commit) }
func (tx *faultyTx) Savepoint() error { return tx.or(&tx.f.savepoint, tx.DriverTx.Savepoint) }
func (tx *faultyTx) ReleaseSavepoint() error {
	return tx.or(&tx.f.release, tx.DriverTx.ReleaseSavepoint)
}
func (tx *faultyTx) RollbackToSavepoint() error {
	return tx.or(&tx.f.undo, tx.DriverTx.RollbackToSavepoint)
}
func (tx *faultyTx) PutDocument(r *store.Row) error {
	return tx.or(&tx.f.put, func() error { return tx.DriverTx.PutDocument(r) })
}
func (tx *faultyTx) AppendRecord(r *store.Record) error {
	return tx.or(&tx.f.record, func() error { return tx.DriverTx.AppendRecord(r) })
}

func openFaulty(t *testing.T) (*store.Store, *faulty) {
	dir := t.TempDir()
	d, err := sqlite.OpenDriver(context.Background(), dir, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Driver: d}
	s, err := store.Open(context.Background(), f, store.Options{KeyFile: filepath.Join(dir, "key"), MaxHold: time.Second, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, f
}

func putThing(s *store.Store, name string) error {
	id := gatehouse.MustID("/subscriptions/s/resourceGroups/" + name)
	_, err := s.Write(context.Background(), gatehouse.Cause{Action: "x"}, func(tx *store.Tx) error {
		return tx.Put(&store.Document{ID: id, Type: "Microsoft.Resources/subscriptions/resourceGroups", Body: []byte(`{}`)})
	})
	return err
}

// TestEngineFailures fails each statement in a batch of writes. Those that were
// refused left nothing, those that were acknowledged are there, listeners heard of
// nothing else, the chain holds, and the store goes on.
func TestEngineFailures(t *testing.T) {
	for _, c := range []struct {
		name string
		arm  func(*faulty) *atomic.Int32
	}{
		{"begin", func(f *faulty) *atomic.Int32 { return &f.begin }},
		{"commit", func(f *faulty) *atomic.Int32 { return &f.commit }},
		{"savepoint", func(f *faulty) *atomic.Int32 { return &f.savepoint }},
		{"release", func(f *faulty) *atomic.Int32 { return &f.release }},
		{"put", func(f *faulty) *atomic.Int32 { return &f.put }},
		{"record", func(f *faulty) *atomic.Int32 { return &f.record }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f := openFaulty(t)
			var heard sync.Map
			s.OnCommit(func(changes []gatehouse.Change) {
				for _, change := range changes {
					heard.Store(change.Resource, true)
				}
			})
			refused := 0
			for round := range 10 {
				c.arm(f).Store(1)
				refused += burst(t, s, &heard, round)
			}
			if refused == 0 {
				t.Error("no write was refused: the test proves nothing")
			}
			c.arm(f).Store(0)
			if err := putThing(s, "last"); err != nil {
				t.Error(err)
			}
			if r, err := audit.Verify(context.Background(), s, nil); err != nil || r.Fault != nil {
				t.Error(err, r.Fault)
			}
		})
	}
}

// burst writes 30 documents at once and returns how many writes were refused.
func burst(t *testing.T, s *store.Store, heard *sync.Map, round int) int {
	var all sync.WaitGroup
	var refused atomic.Int32
	for i := range 30 {
		all.Go(func() {
			name := fmt.Sprintf("r%d-%d", round, i)
			err := putThing(s, name)
			_, getErr := s.Get(context.Background(), gatehouse.MustScope("/subscriptions/s/resourceGroups/"+name))
			_, told := heard.Load("/subscriptions/s/resourceGroups/" + name)
			if (err == nil) != (getErr == nil) || told != (err == nil) {
				t.Errorf("%s: write %v, read %v, listener told %v", name, err, getErr, told)
			}
			if err != nil {
				refused.Add(1)
				if gatehouse.KindOf(err) != gatehouse.Unavailable || !errors.Is(err, errDisk) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	all.Wait()
	return int(refused.Load())
}

// TestUndoFails: when even undoing one write fails, the batch fails as a whole.
func TestUndoFails(t *testing.T) {
	s, f := openFaulty(t)
	started, end := make(chan struct{}), make(chan struct{})
	results := make(chan error, 3)
	go func() {
		_, err := s.Write(context.Background(), gatehouse.Cause{}, func(tx *store.Tx) error {
			close(started)
			<-end
			return tx.Note(gatehouse.Event, "kept, were it not for the other")
		})
		results <- err
	}()
	<-started
	f.undo.Store(1)
	for range 2 {
		go func() {
			_, err := s.Write(context.Background(), gatehouse.Cause{}, func(tx *store.Tx) error { return errors.New("own") })
			results <- err
		}()
	}
	time.Sleep(10 * time.Millisecond)
	close(end)
	for range 3 {
		if err := <-results; err == nil {
			t.Error("a write of a lost batch was acknowledged")
		}
	}
	if seq, _ := s.Head(context.Background()); seq != 0 {
		t.Errorf("the head is %d", seq)
	}
	if err := putThing(s, "after"); err != nil {
		t.Error(err)
	}
}

// TestSwallowedFailure: a write that ignores a failed statement fails all the same.
func TestSwallowedFailure(t *testing.T) {
	s, f := openFaulty(t)
	f.put.Store(1)
	_, err := s.Write(context.Background(), gatehouse.Cause{}, func(tx *store.Tx) error {
		_ = tx.Put(&store.Document{ID: gatehouse.MustID("/subscriptions/s"), Type: "x", Body: []byte(`{}`)})
		return nil
	})
	if gatehouse.KindOf(err) != gatehouse.Unavailable {
		t.Errorf("got %v", err)
	}
}
