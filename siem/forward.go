package siem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// Forwarder sends changes to targets for as long as it runs.
type Forwarder struct {
	store   *store.Store
	dir     string // of the cursors
	version string
	lines   []*line
	first   time.Duration // pause after a first failure
}

// Pauses between attempts double from the first to the last.
const firstPause, lastPause = time.Second, time.Minute

// batch is how many changes are sent at a time at most.
const batch = 200

// Stat is how far a target has come.
type Stat struct {
	Target           string
	Sent, Failures   uint64
	Acknowledged     int64 // the newest change that the target has
	LastFailure      string
	LastAcknowledged time.Time
}

// New returns a Forwarder that keeps its cursors in dir. Call it before anything is written.
func New(c *Config, s *store.Store, dir, version string) (*Forwarder, error) {
	f := &Forwarder{store: s, dir: dir, version: version, first: firstPause}
	if len(c.Targets) == 0 {
		return f, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for i := range c.Targets {
		l := &line{f: f, target: &c.Targets[i], wake: make(chan struct{}, 1)}
		l.sink = newSink(l.target)
		if err := l.begin(); err != nil {
			return nil, err
		}
		f.lines = append(f.lines, l)
	}
	s.OnCommit(func([]gatehouse.Change) {
		for _, l := range f.lines {
			select {
			case l.wake <- struct{}{}:
			default: // it is awake already
			}
		}
	})
	return f, nil
}

// Run forwards until ctx ends.
func (f *Forwarder) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, l := range f.lines {
		all.Go(func() { l.run(ctx) })
	}
	all.Wait()
}

// Stats tells how far each target has come.
func (f *Forwarder) Stats() []Stat {
	stats := make([]Stat, len(f.lines))
	for i, l := range f.lines {
		if s := l.stat.Load(); s != nil {
			stats[i] = *s
		}
		stats[i].Target = l.target.Name
	}
	return stats
}

// sink is a receiver. It is used by one goroutine.
type sink interface {
	// send hands over changes up to the one numbered last; those that the target does not want are not among them.
	send(ctx context.Context, changes []encoded, last int64) error
	// settled is the newest change that the receiver certainly has; an error means that what was on the way may be lost.
	settled() (int64, error)
	close()
}

// encoded is a change ready to be sent.
type encoded struct {
	seq  int64
	kind gatehouse.ChangeKind
	time time.Time
	high bool // something failed or was refused
	text []byte
}

// line is the way to one target, owned by the goroutine that runs it.
type line struct {
	f      *Forwarder
	target *Target
	sink   sink
	wake   chan struct{}
	cursor int64 // on disk
	sent   int64 // handed to the sink
	stat   atomic.Pointer[Stat]
}

type cursorFile struct {
	Seq int64 `json:"seq"`
}

func (l *line) path() string { return filepath.Join(l.f.dir, l.target.Name+".cursor") }

// begin reads how far the target has come; a new one starts now or at the beginning.
func (l *line) begin() error {
	raw, err := os.ReadFile(l.path())
	var c cursorFile
	switch {
	case errors.Is(err, os.ErrNotExist):
		if l.target.From != "beginning" {
			c.Seq, _ = l.f.store.Head(context.Background())
		}
		if err := writeCursor(l.path(), c); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("%s is damaged: write {\"seq\": N} into it, N being the last change that %s has, or delete it to start now", l.path(), l.target.Name)
		}
	}
	l.cursor, l.sent = c.Seq, c.Seq
	l.stat.Store(&Stat{Acknowledged: c.Seq})
	return nil
}

func writeCursor(path string, c cursorFile) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (l *line) run(ctx context.Context) {
	defer l.sink.close()
	pause := time.Duration(0)
	for ctx.Err() == nil {
		more, err := l.step(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			pause = min(max(2*pause, l.f.first), lastPause)
			l.failed(err, pause)
			l.sent = l.cursor // what was on the way may be lost: it is sent again
			sleep(ctx, pause+rand.N(pause/2+1))
		case more:
			pause = 0
		default:
			pause = 0
			l.wait(ctx)
		}
	}
}

// wait is for the next change, or for what is on the way to settle.
func (l *line) wait(ctx context.Context) {
	tick := time.NewTimer(time.Second)
	defer tick.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-tick.C:
	}
}

// step sends a batch and moves the cursor to what the target has; more says that there is more to send.
func (l *line) step(ctx context.Context) (more bool, err error) {
	changes, last, err := l.next(ctx)
	if err != nil {
		return false, err
	}
	if last > l.sent {
		if err := l.sink.send(ctx, changes, last); err != nil {
			return false, err
		}
		l.sent = last
	}
	settled, err := l.sink.settled()
	if err != nil {
		return false, err
	}
	if settled = min(settled, l.sent); settled > l.cursor {
		if err := writeCursor(l.path(), cursorFile{settled}); err != nil {
			return false, err
		}
		l.cursor = settled
	}
	l.told(len(changes))
	return last > 0 && l.moreThan(ctx, last), nil
}

func (l *line) moreThan(ctx context.Context, last int64) bool {
	head, _ := l.f.store.Head(ctx)
	return head > last
}

// next reads and encodes changes after those sent; last is the number of the last one looked at, 0 for none.
func (l *line) next(ctx context.Context) (list []encoded, last int64, err error) {
	changes, err := l.f.store.Changes(ctx, store.ChangeQuery{AfterSeq: l.sent, Limit: batch})
	if err != nil {
		return nil, 0, err
	}
	for c, err := range changes {
		if err != nil {
			return nil, 0, err
		}
		last = c.Seq
		if len(l.target.Kinds) > 0 && !slices.Contains(l.target.Kinds, string(c.Kind)) {
			continue
		}
		text, err := Encode(l.target.Format, l.f.version, &c)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, encoded{c.Seq, c.Kind, c.Time, !succeeded(&c), text})
	}
	return list, last, nil
}

func (l *line) failed(err error, pause time.Duration) {
	s := *l.stat.Load()
	s.Failures++
	s.LastFailure = err.Error()
	l.stat.Store(&s)
	slog.Warn("changes were not forwarded; it is tried again", "target", l.target.Name, "after", l.cursor, "in", pause, "error", err)
}

func (l *line) told(sent int) {
	s := *l.stat.Load()
	s.Sent += uint64(sent)
	if s.Acknowledged != l.cursor {
		s.LastAcknowledged = time.Now()
	}
	s.Acknowledged = l.cursor
	l.stat.Store(&s)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
