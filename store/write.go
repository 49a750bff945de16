package store

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"gatehouse"
)

// Commit tells what a Write changed.
type Commit struct {
	Changes []gatehouse.Change // in order; none when nothing changed; listeners have the same, do not modify them
}

// Write runs f in a transaction and returns once its work is durable and the
// commit listeners have seen it. Writes run one after the other, each seeing those
// before it, and share commits; when f returns an error or panics, only its own
// work is undone. f must be quick and must not call the Store, only the Tx.
//
// A context that ends while the write is queued prevents it; once f runs, the
// write completes whatever becomes of the context.
func (s *Store) Write(ctx context.Context, cause gatehouse.Cause, f func(*Tx) error) (Commit, error) {
	j := &job{cause: cause, f: f, done: make(chan struct{})}
	err := s.submit(ctx, j)
	return Commit{j.changes}, err
}

// Record appends a change that concerns no document: a refusal, a sign-in, an
// event. Sequence, time and hashes are filled in.
func (s *Store) Record(ctx context.Context, c gatehouse.Change) error {
	_, err := s.Write(ctx, c.Cause, func(tx *Tx) error { return tx.record(c) })
	return err
}

// job is one closure on its way through the writer.
type job struct {
	cause   gatehouse.Cause
	f       func(*Tx) error
	state   atomic.Int32
	done    chan struct{} // closed when err and changes are final
	err     error
	changes []gatehouse.Change
}

const (
	queued int32 = iota
	running
	abandoned
)

func (s *Store) submit(ctx context.Context, j *job) error {
	if s.opt.ReadOnly {
		return errReadOnly()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.queue <- j:
	case <-s.quit:
		return errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(queued, abandoned) {
			return ctx.Err()
		}
		<-j.done
	}
	return j.err
}

// write is the writer goroutine: it alone holds transactions.
func (s *Store) write() {
	sweep := time.NewTicker(s.opt.Sweep)
	defer sweep.Stop()
	for {
		select {
		case <-s.quit:
			close(s.done)
			return
		case j := <-s.queue:
			s.commit(j)
		case <-sweep.C:
			s.commit(&job{f: (*Tx).sweep, done: make(chan struct{})})
		}
	}
}

// commit runs first and whatever else is waiting in one transaction. The writers
// that arrive while it reaches the disk form the next one.
func (s *Store) commit(first *job) {
	b := &batch{s: s, head: *s.head.Load()}
	defer b.restart()
	deadline := time.Now().Add(s.opt.MaxHold)
	b.run(first)
	for len(b.jobs) < s.opt.MaxBatch && time.Now().Before(deadline) {
		select {
		case j := <-s.queue:
			b.run(j)
			continue
		default:
		}
		break
	}
	b.finish()
}

// batch is one transaction and the jobs in it.
type batch struct {
	s       *Store
	tx      DriverTx // nil before the first job and after a rollback
	jobs    []*job
	changes []gatehouse.Change
	head    head  // of the log, with what the batch appended
	kept    int   // jobs whose work is in tx
	broken  error // the transaction is lost
	durable bool  // committed
	failed  bool
}

func (b *batch) run(j *job) {
	if !j.state.CompareAndSwap(queued, running) {
		return
	}
	b.jobs = append(b.jobs, j)
	if b.broken != nil {
		return
	}
	if b.broken = b.prepare(); b.broken != nil {
		return
	}
	before := b.head
	tx := b.newTx(j)
	if j.err = tx.call(j.f); j.err != nil {
		b.head = before
		if err := b.undo(); err != nil {
			b.broken = internalf("undoing a write failed: %w; the write itself failed with: %v", err, j.err)
		}
		return
	}
	if b.broken = b.keep(); b.broken != nil {
		return
	}
	j.changes = tx.changes
	b.changes = append(b.changes, tx.changes...)
}

// prepare makes sure that the next job can be undone alone. The first needs no
// savepoint, since undoing it is undoing all.
func (b *batch) prepare() (err error) {
	if b.tx == nil {
		b.tx, err = b.s.driver.Begin(context.Background())
		return err
	}
	if b.kept == 0 {
		return nil
	}
	return b.tx.Savepoint()
}

func (b *batch) keep() error {
	b.kept++
	if b.kept == 1 {
		return nil
	}
	return b.tx.ReleaseSavepoint()
}

func (b *batch) undo() error {
	if b.kept > 0 {
		return b.tx.RollbackToSavepoint()
	}
	tx := b.tx
	b.tx = nil
	return tx.Rollback()
}

func (b *batch) finish() {
	if b.broken == nil && b.tx != nil {
		b.broken = b.tx.Commit()
	}
	if b.broken != nil {
		b.fail()
	} else {
		b.publish()
	}
	for _, j := range b.jobs {
		close(j.done)
	}
}

func (b *batch) publish() {
	b.durable = true
	end := b.head // a copy: the batch and its changes shall not live as long as the head
	b.s.head.Store(&end)
	if len(b.changes) == 0 {
		return
	}
	for _, f := range *b.s.listeners.Load() {
		f(b.changes)
	}
}

// fail gives every job of a lost transaction the reason, and takes the end of the
// log from the database, which alone knows now.
func (b *batch) fail() {
	b.failed = true
	if b.tx != nil {
		_ = b.tx.Rollback() // already lost; the engine may have rolled back itself
	}
	b.s.opt.Logger.Error("store: a commit failed", "error", b.broken, "writes", len(b.jobs))
	for _, j := range b.jobs {
		j.err, j.changes = unavailable(b.broken), nil
	}
	if h, err := lastHead(context.Background(), b.s.driver); err == nil {
		b.s.head.Store(h)
	}
}

// restart keeps the store alive when a closure ended its goroutine with
// runtime.Goexit, as a failing test does: the batch fails, a new writer takes over.
func (b *batch) restart() {
	if b.durable || b.failed {
		return
	}
	b.broken = internalf("a write ended its goroutine instead of returning")
	b.finish()
	go b.s.write()
}

func (b *batch) newTx(j *job) *Tx {
	now := max(b.s.opt.Clock().UnixMicro(), b.head.time)
	return &Tx{s: b.s, db: b.tx, head: &b.head, cause: &j.cause, now: now}
}

// call runs f and turns a panic into an error. An error of the engine that f
// swallowed still fails the write.
func (tx *Tx) call(f func(*Tx) error) (err error) {
	defer func() {
		tx.over = true
		if r := recover(); r != nil {
			err = internalf("a write panicked: %v\n%s", r, debug.Stack())
		}
	}()
	if err = f(tx); err == nil {
		err = tx.failed
	}
	return unavailableOf(err, tx.failed)
}

// unavailableOf gives err a kind only when the engine is to blame, so that a caller's own errors come back as they were.
func unavailableOf(err, failed error) error {
	if err != nil && failed != nil {
		return unavailable(failed)
	}
	return err
}
