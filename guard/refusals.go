package guard

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// How many refusals are put on record: whoever is refused again and again could otherwise
// fill the disk, and push what matters out of every list.
const (
	callerBurst  = 200 // of one caller at once
	callerRate   = 1.0 // and then so many a second
	overallBurst = 2000
	overallRate  = 10.0
	quiet        = time.Minute // after which a gap is put on record
)

// Refusals puts refusals on record, as many as the log can bear. What is more is counted,
// and how many there were is on record too. It is safe for concurrent use.
type Refusals struct {
	store *store.Store
	clock func() time.Time

	mu      sync.Mutex
	all     bucket
	callers map[gatehouse.GUID]*bucket
	dropped uint64
}

// bucket is what one caller, or all, have left.
type bucket struct {
	left   float64
	filled time.Time
	// What was not recorded, since the last time that this was said.
	missed      int
	first, last time.Time
	caller      gatehouse.Caller
}

// NewRefusals returns the Refusals of a store; a nil clock is time.Now.
func NewRefusals(s *store.Store, clock func() time.Time) *Refusals {
	if clock == nil {
		clock = time.Now
	}
	now := clock()
	return &Refusals{store: s, clock: clock, all: bucket{left: overallBurst, filled: now}, callers: map[gatehouse.GUID]*bucket{}}
}

// Record puts a refusal on record before its caller hears of it, unless there were too many.
func (r *Refusals) Record(ctx context.Context, c gatehouse.Change) error {
	gaps, ok := r.take(c.Cause.Caller)
	for _, gap := range gaps {
		if err := r.store.Record(ctx, gap); err != nil {
			return err
		}
	}
	if !ok {
		return nil
	}
	return r.store.Record(ctx, c)
}

// Flush puts on record what was left out so far; a server that ends calls it.
func (r *Refusals) Flush(ctx context.Context) error {
	r.mu.Lock()
	gaps := r.gaps(time.Time{})
	r.mu.Unlock()
	for _, gap := range gaps {
		if err := r.store.Record(ctx, gap); err != nil {
			return err
		}
	}
	return nil
}

// Dropped is how many refusals were not recorded since the server started.
func (r *Refusals) Dropped() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// take counts one refusal: ok when it is to be recorded, after the gaps.
func (r *Refusals) take(c gatehouse.Caller) (gaps []gatehouse.Change, ok bool) {
	now := r.clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.callers[c.ID]
	if b == nil {
		r.forget(now)
		b = &bucket{left: callerBurst, filled: now}
		r.callers[c.ID] = b
	}
	b.fill(now, callerRate, callerBurst)
	r.all.fill(now, overallRate, overallBurst)
	if b.left < 1 || r.all.left < 1 {
		if b.missed == 0 {
			b.first = now
		}
		b.missed++
		b.last, b.caller = now, c
		r.dropped++
		return nil, false
	}
	b.left--
	r.all.left--
	return r.gaps(now.Add(-quiet)), true
}

func (b *bucket) fill(now time.Time, rate, most float64) {
	if now.After(b.filled) {
		b.left = min(most, b.left+rate*now.Sub(b.filled).Seconds())
		b.filled = now
	}
}

// gaps are what was left out of callers who have been quiet since, or of all when since is zero.
func (r *Refusals) gaps(since time.Time) (out []gatehouse.Change) {
	for _, b := range r.callers {
		if b.missed == 0 || !since.IsZero() && b.last.After(since) {
			continue
		}
		out = append(out, gatehouse.Change{Kind: gatehouse.Event, Resource: "/", Type: "Gatehouse.Access/refusals",
			Cause: gatehouse.Cause{Caller: b.caller, Action: "Gatehouse.Access/refusals/drop/action", Scope: "/", Operation: gatehouse.NewGUID().String()},
			Note:  fmt.Sprintf("%d refusals of this caller from %s to %s are not in the log: there were too many", b.missed, b.first.UTC().Format(time.RFC3339), b.last.UTC().Format(time.RFC3339))})
		b.missed = 0
	}
	return out
}

// forget lets go of callers of whom there is nothing to remember.
func (r *Refusals) forget(now time.Time) {
	if len(r.callers) < 4096 {
		return
	}
	for id, b := range r.callers {
		if b.fill(now, callerRate, callerBurst); b.missed == 0 && b.left >= callerBurst {
			delete(r.callers, id)
		}
	}
}
