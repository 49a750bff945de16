// Package past is the world at any moment that the change log knows: which documents
// there were, and who might do what.
//
// It promises that the answer is the one that was given then by the rules of today: the
// same documents, judged by the same code as now. Built-in roles are those of this
// program. It reads the log only as far as documents changed since, and keeps the
// latest answers. It asks nobody for rights; that is left to those who pass its answers on.
package past

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/guard"
	"gatehouse/store"
	"gatehouse/world"
)

// History answers what was. It is safe for concurrent use.
type History struct {
	store *store.Store
	clock func() time.Time

	turns chan struct{} // who reads the log for a moment that is not known

	mu    sync.Mutex
	guard *guard.Guard // nil until it is needed and none was given
	kept  []*state     // the last ones asked for, the latest first
	marks []*state     // at even distances, the newest first, so that no moment is far from one
}

// keptMoments is how many moments are kept for the next question.
const keptMoments = 8

// New returns the History of a store. Live is the Guard that follows it; nil reads the
// documents when they are first needed, for a store that is only read.
func New(s *store.Store, live *guard.Guard, clock func() time.Time) *History {
	if clock == nil {
		clock = time.Now
	}
	return &History{store: s, guard: live, clock: clock, turns: make(chan struct{}, maxTurns)}
}

// maxTurns is how many read the log at once: anybody who is signed in may ask about
// the past, and what everybody else does must not wait for those who do.
const maxTurns = 2

// turn waits until the log may be read. Who has one must not ask for another.
func (h *History) turn(ctx context.Context) (done func(), err error) {
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Moment is the state after one change, as it was at a time. It never changes.
type Moment struct {
	*state
	Time time.Time // what conditions and time windows see
}

// state is what moments between the same two changes share.
type state struct {
	*Reader
	Seq int64 // of the last change that counts

	history *History
	mu      sync.Mutex
	known   atomic.Pointer[guard.Guard] // nil until it is asked for
}

// At returns the state at a time: all changes made then or before count. A time before
// the first change is one at which there was nothing.
func (h *History) At(ctx context.Context, t time.Time) (*Moment, error) {
	if now := h.clock(); t.After(now) {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "TimeInFuture", "%s is in the future: it is %s now. Give a time that has passed.",
			t.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)).At("at")
	}
	seq, _, err := h.store.Last(ctx, t)
	if err != nil {
		return nil, err
	}
	return h.moment(seq, t), nil
}

// After returns the state right after a change, also between the changes of one operation; 0 is before the first.
func (h *History) After(ctx context.Context, seq int64) (*Moment, error) {
	if seq < 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "ChangeInvalid", "Changes are numbered from 1 on; there is no change %d.", seq).At("at")
	}
	if seq == 0 {
		return h.moment(0, time.Time{}), nil
	}
	c, err := h.store.Change(ctx, seq)
	if err != nil {
		return nil, err
	}
	return h.moment(seq, c.Time), nil
}

// Parse reads what people write for a moment: a time, a day, an age such as 24h, or #812 for the state after change 812.
func (h *History) Parse(ctx context.Context, text string) (*Moment, error) {
	if number, ok := strings.CutPrefix(text, "#"); ok {
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, badMoment(text)
		}
		return h.After(ctx, seq)
	}
	t, err := ParseTime(text, h.clock())
	if err != nil {
		return nil, err
	}
	return h.At(ctx, t)
}

// ParseTime reads a time, a day or an age.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, badMoment(text)
}

func badMoment(text string) error {
	return gatehouse.Errorf(gatehouse.Invalid, "TimeInvalid", "%q is not a moment: write 2026-01-31T12:00:00Z, 2026-01-31, an age such as 24h, or #812 for the state after change 812.", text).At("at")
}

// moment finds or makes the state after a change.
func (h *History) moment(seq int64, t time.Time) *Moment {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.kept, func(s *state) bool { return s.Seq == seq })
	var s *state
	if i >= 0 {
		s = h.kept[i]
		h.kept = slices.Delete(h.kept, i, i+1)
	} else {
		s = &state{Reader: newReader(h.store, seq), Seq: seq, history: h}
	}
	h.kept = slices.Insert(h.kept, 0, s)
	h.kept = h.kept[:min(len(h.kept), keptMoments)]
	return &Moment{s, t}
}

// live is the Guard that moments are forked from: one that knows the change seq.
func (h *History) live(ctx context.Context, seq int64) (*guard.Guard, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for wait := 0; h.guard != nil && h.guard.Seq() < seq; wait++ {
		// A commit can be read a moment before those who follow the store were told of it.
		if wait == patience {
			h.guard = nil // it follows no store: somebody else writes
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	if h.guard == nil {
		g, err := guard.New(ctx, h.store)
		if err != nil {
			return nil, err
		}
		h.guard = g
	}
	return h.guard, nil
}

// patience is for how many milliseconds a Guard is given to learn of a commit.
const patience = 1000

// Guard answers as the live one would have at the moment.
func (m *Moment) Guard(ctx context.Context) (*guard.Guard, error) {
	g, err := m.access(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the access after change %d: %w", m.Seq, err)
	}
	return g.WithClock(func() time.Time { return m.Time }), nil
}

func (s *state) access(ctx context.Context) (*guard.Guard, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.known.Load(); g != nil {
		return g, nil
	}
	g, err := s.fork(ctx)
	if err == nil {
		s.known.Store(g)
	}
	return g, err
}

// fork makes the Guard from that of the nearest later state that is known, at last the live one.
func (s *state) fork(ctx context.Context) (*guard.Guard, error) {
	done, err := s.history.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	from, until, err := s.history.nearest(ctx, s.Seq)
	if err != nil {
		return nil, err
	}
	return from.Fork(nil, s.others(ctx, until))
}

// nearest returns a Guard that knows the change seq and as few later ones as possible,
// and the last change that it knows; 0 for the live one, which goes on.
func (h *History) nearest(ctx context.Context, seq int64) (g *guard.Guard, until int64, err error) {
	h.mu.Lock()
	near := slices.Concat(h.kept, h.marks)
	h.mu.Unlock()
	for _, s := range near {
		if s.Seq < seq || until > 0 && s.Seq >= until {
			continue
		}
		if known := s.known.Load(); known != nil {
			g, until = known, s.Seq
		}
	}
	if g == nil {
		g, err = h.live(ctx, seq)
	}
	return g, until, err
}

// others yields the documents that bear on access and were otherwise than they are after
// the change until, 0 for now. What changes while it reads is met as well: it was then
// as it was before that change. Reading goes on while its caller works.
func (s *state) others(ctx context.Context, until int64) iter.Seq2[guard.Document, error] {
	return func(yield func(guard.Document, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		found := make(chan []store.Past, 4)
		var failed error
		go func() {
			defer close(found)
			for _, typ := range guard.Types() {
				if failed = s.read(ctx, typ, until, found); failed != nil {
					return
				}
			}
		}()
		for some := range found {
			for _, p := range some {
				if !yield(guard.Document{ID: p.ID, Type: p.Type, Body: p.Body}, nil) {
					return
				}
			}
		}
		if failed != nil {
			yield(guard.Document{}, failed)
		}
	}
}

// read hands on what changed of a type, some at a time.
func (s *state) read(ctx context.Context, typ string, until int64, to chan<- []store.Past) error {
	var some []store.Past
	send := func() error {
		select {
		case to <- some:
			some = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for p, err := range s.store.Before(ctx, typ, s.Seq, until) {
		if err == nil {
			if some = append(some, p); len(some) == 500 {
				err = send()
			}
		}
		if err != nil {
			return err
		}
	}
	return send()
}

// A log of more changes than markFrom gets marks, this many.
const markFrom, markCount = 100_000, 32

// Mark prepares moments at even distances over a long log, so that none is far from
// one: run it once beside the server. What it keeps is small, since states share what they have in common.
func (h *History) Mark(ctx context.Context) error {
	end, _, err := h.store.Last(ctx, time.Time{})
	if err != nil || end < markFrom {
		return err
	}
	for i := int64(markCount); i > 0; i-- {
		s := &state{Reader: newReader(h.store, end*i/markCount), Seq: end * i / markCount, history: h}
		if _, err := s.access(ctx); err != nil {
			return err
		}
		h.mu.Lock()
		h.marks = append(h.marks, s)
		h.mu.Unlock()
	}
	return nil
}

// World is who could do what at the moment, as plain values.
func (m *Moment) World(ctx context.Context) (*world.World, error) {
	w, err := world.FromStore(ctx, m.Reader)
	if err == nil {
		w.Now = m.Time
	}
	return w, err
}
