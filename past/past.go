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

	mu    sync.Mutex
	guard *guard.Guard // nil until it is needed and none was given
	kept  []*state     // the last ones asked for, the latest first
}

// keptMoments is how many moments are kept for the next question.
const keptMoments = 8

// New returns the History of a store. Live is the Guard that follows it; nil reads the
// documents when they are first needed, for a store that is only read.
func New(s *store.Store, live *guard.Guard, clock func() time.Time) *History {
	if clock == nil {
		clock = time.Now
	}
	return &History{store: s, guard: live, clock: clock}
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
	guard   *guard.Guard // nil until it is asked for
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
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.guard == nil {
		g, err := m.fork(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the access after change %d: %w", m.Seq, err)
		}
		m.guard = g
	}
	return m.guard.WithClock(func() time.Time { return m.Time }), nil
}

func (s *state) fork(ctx context.Context) (*guard.Guard, error) {
	live, err := s.history.live(ctx, s.Seq)
	if err != nil {
		return nil, err
	}
	return live.Fork(nil, s.documents(ctx))
}

// documents yields those that bear on access and were not as they are now. What changes
// while it reads is met as well: it was then as it was before that change.
func (s *state) documents(ctx context.Context) iter.Seq2[guard.Document, error] {
	return func(yield func(guard.Document, error) bool) {
		for _, typ := range guard.Types() {
			others, err := s.changed(ctx, typ)
			if err != nil {
				yield(guard.Document{}, err)
				return
			}
			for _, p := range others {
				if !yield(guard.Document{ID: p.ID, Type: typ, Body: p.Body}, nil) {
					return
				}
			}
		}
	}
}

// World is who could do what at the moment, as plain values.
func (m *Moment) World(ctx context.Context) (*world.World, error) {
	w, err := &world.World{}, error(nil)
	if err == nil {
		w.Now = m.Time
	}
	return w, err
}
