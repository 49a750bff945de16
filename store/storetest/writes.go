package storetest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/store"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func testEqualTimes(f *fixture) {
	for i := range 5 {
		f.put(group(fmt.Sprint("g", i), `{}`))
	}
	changes := f.changes(store.ChangeQuery{Since: f.clock.now, Until: f.clock.now.Add(1)})
	if len(changes) != 0 { // Until is at the same microsecond
		f.Errorf("%d changes before their time", len(changes))
	}
	changes = f.changes(store.ChangeQuery{Since: f.clock.now, Until: f.clock.now.Add(time.Microsecond)})
	for i, c := range changes {
		if c.Seq != int64(i+1) || !c.Time.Equal(f.clock.now) {
			f.Errorf("change %d is %d at %s", i, c.Seq, c.Time)
		}
	}
	if len(changes) != 5 {
		f.Errorf("%d changes at one moment, want 5", len(changes))
	}
}

func testClockBack(f *fixture) {
	f.put(group("a", `{}`))
	start := f.clock.now
	f.clock.now = start.Add(-time.Hour)
	f.put(group("b", `{}`))
	f.reopen()
	f.put(group("c", `{}`))
	for _, c := range f.changes(store.ChangeQuery{}) {
		if !c.Time.Equal(start) {
			f.Errorf("change %d is at %s, want no time before %s", c.Seq, c.Time, start)
		}
	}
}

// testLostRace is If-Match in small: read the revision, compare, write.
func testLostRace(f *fixture) {
	f.put(group("Rg", `{"v":0}`))
	seen := f.get(groupID("Rg")).Revision
	lost := errors.New("lost")
	var won atomic.Int32
	f.parallel(20, func(i int) {
		_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error {
			d, err := tx.Get(context.Background(), groupID("Rg").Scope())
			if err != nil {
				return err
			}
			if d.Revision != seen {
				return lost
			}
			d.Body = fmt.Appendf(nil, `{"v":%d}`, i+1)
			return tx.Put(d)
		})
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, lost):
			f.Error(err)
		}
	})
	if won.Load() != 1 || f.verify() != 2 {
		f.Errorf("%d writers won, want 1", won.Load())
	}
}

func (f *fixture) parallel(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// hold occupies the writer, so that what is started until release shares a batch.
func (f *fixture) hold() (release func()) {
	started, end, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		f.s.Write(context.Background(), cause(), func(*store.Tx) error { close(started); <-end; return nil })
	}()
	<-started
	return func() { close(end); <-done }
}

// testRollback runs writes in shared batches; those that fail, in various ways, leave nothing behind.
func testRollback(f *fixture) {
	own := errors.New("own")
	var kept atomic.Int64
	release := f.hold()
	time.AfterFunc(20*time.Millisecond, release)
	f.parallel(60, func(i int) {
		a, b := fmt.Sprintf("a%02d", i), fmt.Sprintf("b%02d", i)
		_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error {
			if err := tx.Put(group(a, `{}`)); err != nil {
				return err
			}
			if err := tx.PutTicket(store.Ticket{Kind: "k", Key: a, Expires: f.clock.now.Add(time.Hour)}); err != nil {
				return err
			}
			if i%3 == 1 {
				return own
			}
			if i%3 == 2 {
				panic("on purpose")
			}
			return tx.Put(group(b, `{}`))
		})
		_, errA := f.s.Get(context.Background(), groupID(a).Scope())
		_, errB := f.s.Get(context.Background(), groupID(b).Scope())
		_, errT := f.s.Ticket(context.Background(), "k", a)
		if (err == nil) != (i%3 == 0) || i%3 == 1 && err != own {
			f.Errorf("write %d: %v", i, err)
		}
		if (errA == nil) != (err == nil) || (errB == nil) != (err == nil) || (errT == nil) != (err == nil) {
			f.Errorf("write %d: %v, but documents and ticket: %v, %v, %v", i, err, errA, errB, errT)
		}
		if err == nil {
			kept.Add(2)
		}
	})
	if n := f.verify(); int64(n) != kept.Load() {
		f.Errorf("%d changes, want %d: a failed write left some", n, kept.Load())
	}
}

func testPanic(f *fixture) {
	_, err := f.s.Write(context.Background(), cause(), func(*store.Tx) error { panic("on purpose") })
	if err == nil || gatehouse.KindOf(err) != gatehouse.Internal || !strings.Contains(err.Error(), "on purpose") {
		f.Errorf("got %v", err)
	}
	f.put(group("Rg", `{}`))
}

// testGoexit is what a failing test does inside a write.
func testGoexit(f *fixture) {
	_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error {
		f.must(tx.Put(group("gone", `{}`)))
		runtime.Goexit()
		return nil
	})
	if err == nil {
		f.Error("a write that never returned was acknowledged")
	}
	f.missing(groupID("gone"))
	f.put(group("Rg", `{}`))
	f.verify()
}

func testUseAfterEnd(f *fixture) {
	var kept *store.Tx
	f.write(func(tx *store.Tx) error { kept = tx; return nil })
	_, getErr := kept.Get(context.Background(), groupID("Rg").Scope())
	if getErr == nil || kept.Put(group("Rg", `{}`)) == nil || kept.Note(gatehouse.Event, "x") == nil || kept.DropTickets("", "x") == nil {
		f.Error("a transaction works after its end")
	}
}

func testCancelQueued(f *fixture) {
	release := f.hold()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() {
		_, err := f.s.Write(ctx, cause(), func(tx *store.Tx) error { return tx.Put(group("Rg", `{}`)) })
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		f.Errorf("got %v while queued", err)
	}
	release()
	f.missing(groupID("Rg"))
	if _, err := f.s.Write(ctx, cause(), func(tx *store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		f.Errorf("got %v with an ended context", err)
	}
}

func testCancelRunning(f *fixture) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := f.s.Write(ctx, cause(), func(tx *store.Tx) error {
		cancel()
		time.Sleep(5 * time.Millisecond)
		return tx.Put(group("Rg", `{}`))
	})
	f.must(err)
	f.get(groupID("Rg"))
}

func testManyWriters(f *fixture) {
	const writers, each = 40, 20
	f.put(group("sum", `{"v":0}`))
	f.parallel(writers, func(w int) {
		for i := range each {
			own := group(fmt.Sprintf("w%d-%d", w, i), `{}`)
			_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error {
				d, err := tx.Get(context.Background(), groupID("sum").Scope())
				if err != nil {
					return err
				}
				n, _ := strconv.Atoi(strings.Trim(string(d.Body), `{"v:}`))
				d.Body = fmt.Appendf(nil, `{"v":%d}`, n+1)
				return errors.Join(tx.Put(d), tx.Put(own))
			})
			if err != nil {
				f.Error(err)
			}
			if d, err := f.s.Get(context.Background(), own.Key()); err != nil || d.Revision != own.Revision {
				f.Errorf("a write is not read after its acknowledgement: %v", err)
			}
		}
	})
	if got := string(f.get(groupID("sum")).Body); got != fmt.Sprintf(`{"v":%d}`, writers*each) {
		f.Errorf("the sum is %s: writes did not follow one another", got)
	}
	if n := f.verify(); n != 1+2*writers*each {
		f.Errorf("%d changes", n)
	}
}

func testListeners(f *fixture) {
	var seen atomic.Int64
	f.s.OnCommit(func(changes []gatehouse.Change) {
		for _, c := range changes {
			if !seen.CompareAndSwap(c.Seq-1, c.Seq) {
				f.Errorf("change %d came after %d", c.Seq, seen.Load())
			}
			if _, err := f.s.Get(context.Background(), groupID(gatehouse.MustID(c.Resource).Name()).Scope()); err != nil {
				f.Errorf("a listener was called before the commit: %v", err)
			}
		}
	})
	f.parallel(30, func(i int) {
		c, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error {
			if i%5 == 0 {
				return errors.New("own")
			}
			return tx.Put(group(fmt.Sprint("g", i), `{}`))
		})
		if err == nil && seen.Load() < c.Changes[0].Seq {
			f.Errorf("write %d was answered before the listener saw it", c.Changes[0].Seq)
		}
	})
	if seen.Load() != 24 {
		f.Errorf("the listener saw %d changes, want 24", seen.Load())
	}
}

func testBackup(f *fixture) {
	for i := range 50 {
		f.put(group(fmt.Sprint("g", i), `{"filler":"`+strings.Repeat("x", 5000)+`"}`))
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				f.put(group("busy", fmt.Sprintf(`{"v":%d}`, i)))
			}
		}
	}()
	to := filepath.Join(f.TempDir(), "backup")
	var reports int
	err := f.s.Backup(context.Background(), to, store.BackupOptions{IncludeKey: true, Progress: func(done, total int64) {
		if reports++; done > total {
			f.Errorf("progress %d of %d", done, total)
		}
	}})
	close(stop)
	<-done
	f.must(err)
	if reports == 0 {
		f.Error("no progress was reported")
	}
	if f.s.Backup(context.Background(), to, store.BackupOptions{}) == nil {
		f.Error("a backup overwrote an existing file")
	}
}

func testClose(f *fixture) {
	release := f.hold()
	queued := make(chan error)
	go func() {
		_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error { return tx.Put(group("Rg", `{}`)) })
		queued <- err
	}()
	closed := make(chan error)
	go func() { closed <- f.s.Close() }()
	release()
	written := <-queued
	f.must(<-closed)
	f.must(f.s.Close())
	_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error { return nil })
	f.wantKind(err, gatehouse.Unavailable)
	f.open()
	_, err = f.s.Get(context.Background(), groupID("Rg").Scope())
	if (err == nil) != (written == nil) {
		f.Errorf("a queued write was answered with %v, after reopening: %v", written, err)
	}
}
