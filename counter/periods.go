package counter

import (
	"context"
	"errors"
	"hash/maphash"
	"math"
	"sync"
	"time"

	"gatehouse/analytics"
)

// periods are the counts of periods that this process knows, and what of them the ledger does not have yet.
//
// Locks are taken in this order: flushing or a shard's, a tally's, listing.
type periods struct {
	seed   maphash.Seed
	most   int
	opt    Options
	shards [shards]periodShard

	flushing sync.Mutex // held while the ledger is read or written, so that what is read is whole
	listing  sync.Mutex
	changed  []*tally // guarded by listing

	stop, stopped chan struct{}
}

// periodKey has the period as its name has it, so that memory and ledger agree which is which.
type periodKey struct {
	Key
	number int64
	length string
}

type periodShard struct {
	sync.Mutex
	tallies map[periodKey]*tally
	sweep   int
	_       [40]byte
}

// tally is what was counted in one period.
type tally struct {
	key    Key
	period Period

	sync.Mutex
	known   bool // used is what the ledger, or Redis, says plus what was counted since
	used    Amount
	pending Amount // not in the ledger yet
	listed  bool   // in periods.changed
	backlog Amount // not in Redis yet
	epoch   int64  // which Redis gave to the hash that it counts in
	asked   int64
}

func newPeriods(opt Options) *periods {
	p := &periods{seed: maphash.MakeSeed(), most: max(1, opt.MaxKeys/shards), opt: opt, stop: make(chan struct{}), stopped: make(chan struct{})}
	for i := range p.shards {
		p.shards[i].tallies, p.shards[i].sweep = map[periodKey]*tally{}, 64
	}
	if opt.Ledger == nil || opt.Every < 0 {
		close(p.stopped)
		return p
	}
	go p.run()
	return p
}

// run writes the ledger until close.
func (p *periods) run() {
	defer close(p.stopped)
	tick := time.NewTicker(p.opt.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := p.flush(context.Background()); err != nil {
				p.opt.Failed(err)
			}
		case <-p.stop:
			return
		}
	}
}

func (p *periods) close(ctx context.Context) error {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	<-p.stopped
	return p.flush(ctx)
}

// find returns the tally of a period.
func (p *periods) find(k Key, period Period, now int64) *tally {
	s := &p.shards[shardOf(p.seed, k)]
	s.Lock()
	defer s.Unlock()
	at := periodKey{k, period.number, period.length}
	t := s.tallies[at]
	if t == nil {
		s.makeRoom(p.most, now)
		t = &tally{key: k, period: period, asked: now}
		s.tallies[at] = t
	}
	return t
}

// makeRoom forgets periods that are over, and one that is not when there are too many. What the ledger lacks stays.
func (s *periodShard) makeRoom(most int, now int64) {
	if len(s.tallies) >= s.sweep || len(s.tallies) >= most {
		for k, t := range s.tallies {
			t.Lock()
			if end := t.period.End; !t.listed && !end.IsZero() && end.UnixNano() <= now && t.backlog == (Amount{}) {
				delete(s.tallies, k)
			}
			t.Unlock()
		}
		s.sweep = max(64, 2*len(s.tallies))
	}
	if len(s.tallies) < most {
		return
	}
	var oldest *periodKey
	asked, tries := int64(math.MaxInt64), 0
	for k, t := range s.tallies {
		t.Lock()
		if !t.listed && t.backlog == (Amount{}) && t.asked < asked {
			oldest, asked = &k, t.asked
		}
		t.Unlock()
		if tries++; tries == 16 {
			break
		}
	}
	if oldest != nil {
		delete(s.tallies, *oldest)
	}
}

// load learns from the ledger what was counted before.
func (p *periods) load(ctx context.Context, t *tally) {
	if p.opt.Ledger == nil {
		t.Lock()
		t.known = true
		t.Unlock()
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // others wait for this too
	defer cancel()
	p.flushing.Lock()
	defer p.flushing.Unlock()
	t.Lock()
	defer t.Unlock()
	if t.known {
		return
	}
	list, err := p.opt.Ledger.Quotas(ctx, t.key.Space, t.key.Ledger(), t.period.Name())
	if err != nil {
		p.opt.Failed(err) // counted from what is here; the next call asks again
		return
	}
	t.used, t.known = t.pending, true
	if len(list) > 0 {
		t.used = t.used.plus(Amount{list[0].Calls, int64(math.Round(list[0].Kilobytes * 1024))})
	}
}

// ready returns the tally of a period with what the ledger says, locked.
func (p *periods) ready(ctx context.Context, k Key, period Period, now int64) *tally {
	t := p.find(k, period, now)
	t.Lock()
	if !t.known {
		t.Unlock()
		p.load(ctx, t)
		t.Lock()
	}
	t.asked = now
	return t
}

// count adds to a tally, which is locked, and notes that the ledger lacks it.
func (p *periods) count(t *tally, n Amount) {
	t.used = t.used.plus(n)
	if p.opt.Ledger == nil || n == (Amount{}) {
		return
	}
	t.pending = t.pending.plus(n)
	if t.listed {
		return
	}
	t.listed = true
	p.listing.Lock()
	p.changed = append(p.changed, t)
	p.listing.Unlock()
}

// flush writes to the ledger what it lacks. What it did not take is kept for the next time.
func (p *periods) flush(ctx context.Context) error {
	p.flushing.Lock()
	defer p.flushing.Unlock()
	p.listing.Lock()
	changed := p.changed
	p.changed = nil
	p.listing.Unlock()
	spaces := map[string][]*tally{}
	for _, t := range changed {
		spaces[t.key.Space] = append(spaces[t.key.Space], t)
	}
	var faults []error
	for space, tallies := range spaces {
		faults = append(faults, p.charge(ctx, space, tallies))
	}
	return errors.Join(faults...)
}

func (p *periods) charge(ctx context.Context, space string, tallies []*tally) error {
	batch := make([]analytics.Quota, len(tallies))
	taken := make([]Amount, len(tallies))
	for i, t := range tallies {
		t.Lock()
		taken[i] = t.pending
		t.pending, t.listed = Amount{}, false
		t.Unlock()
		batch[i] = analytics.Quota{Counter: t.key.Ledger(), Period: t.period.Name(), Start: t.period.Start, End: t.period.end(),
			Calls: taken[i].Calls, Kilobytes: float64(taken[i].Bytes) / 1024}
	}
	err := p.opt.Ledger.Charge(ctx, space, batch)
	if err == nil {
		return nil
	}
	for i, t := range tallies {
		t.Lock()
		t.pending = t.pending.plus(taken[i])
		if !t.listed {
			t.listed = true
			p.listing.Lock()
			p.changed = append(p.changed, t)
			p.listing.Unlock()
		}
		t.Unlock()
	}
	return err
}

// end is when a period ends, for the ledger, which forgets periods some time after.
func (p Period) end() time.Time {
	if p.End.IsZero() {
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return p.End
}

// forget has the tallies of a counter ask the ledger again.
func (p *periods) forget(space, counter, period string) {
	for i := range p.shards {
		p.shards[i].forget(space, counter, period)
	}
}

func (s *periodShard) forget(space, counter, period string) {
	s.Lock()
	defer s.Unlock()
	for at, t := range s.tallies {
		if at.Space == space && at.Ledger() == counter && (period == "" || t.period.Name() == period) {
			t.Lock()
			t.known = false
			t.Unlock()
		}
	}
}
