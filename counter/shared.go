package counter

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"gatehouse/redis"
)

// Shared counts in Redis. What happens without it is in the package's comment. Clocks of the nodes have to agree to a
// sixtieth of the windows.
type Shared struct {
	local *Local // what this node alone counted, and the way to the ledger
	conn  *redis.Conn
}

var _ Counters = (*Shared)(nil)

var (
	//go:embed rate.lua
	rateText string
	//go:embed quota.lua
	quotaText string

	rateScript, quotaScript = redis.NewScript(rateText), redis.NewScript(quotaText)
)

// NewShared starts counters in the Redis at the other end of c, which stays the caller's to close.
func NewShared(c *redis.Conn, o Options) *Shared { return &Shared{NewLocal(o), c} }

// rateName and quotaName are names in Redis, of parts that may hold anything.
func rateName(k Key, length time.Duration) string {
	return "gatehouse:rate:" + k.Space + "\x00" + k.Of + "\x00" + k.Name + "\x00" + decimal(int64(length))
}

func quotaName(space, ledger, period string) string {
	return "gatehouse:quota:" + space + "\x00" + ledger + "\x00" + period
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// run runs a script that answers so many numbers.
func (s *Shared) run(ctx context.Context, script *redis.Script, key string, args []string, numbers int) ([]int64, error) {
	got, err := s.conn.Run(ctx, script, []string{key}, args)
	if err == nil && len(got) != numbers {
		err = fmt.Errorf("a script answered %d numbers", len(got))
	}
	return got, err
}

// failed tells of an error, but not of each call while Redis is known to be gone, nor of calls whose client is gone.
func (s *Shared) failed(err error) {
	if err != redis.ErrDown && !errors.Is(err, context.Canceled) {
		s.local.opt.Failed(err)
	}
}

func (s *Shared) rate(ctx context.Context, k Key, w Window, n int64, force bool) (Verdict, error) {
	part := max(1, w.Length.Microseconds()/parts)
	got, err := s.run(ctx, rateScript, rateName(k, w.Length),
		[]string{decimal(s.local.opt.Clock().UnixMicro()), decimal(part), decimal(w.Limit), decimal(n), flag(force)}, 3)
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{OK: got[0] == 1, Used: got[1], Retry: time.Duration(got[2]) * time.Microsecond}, nil
}

func (s *Shared) Rate(ctx context.Context, k Key, w Window, n int64) Verdict {
	v, err := s.rate(ctx, k, w, n, false)
	if err != nil {
		s.failed(err)
		return s.local.Rate(ctx, k, w, n)
	}
	if v.OK {
		s.local.AddRate(ctx, k, w, n)
	}
	return v
}

func (s *Shared) AddRate(ctx context.Context, k Key, w Window, n int64) {
	s.local.AddRate(ctx, k, w, n)
	if _, err := s.rate(context.WithoutCancel(ctx), k, w, n, true); err != nil {
		s.failed(err)
	}
}

func (s *Shared) Quota(ctx context.Context, k Key, p Period, limit, n Amount) QuotaVerdict {
	return s.quota(ctx, k, p, limit, n, false)
}

func (s *Shared) AddQuota(ctx context.Context, k Key, p Period, n Amount) {
	s.quota(context.WithoutCancel(ctx), k, p, Amount{Unlimited, Unlimited}, n, true)
}

func (s *Shared) quota(ctx context.Context, k Key, p Period, limit, n Amount, force bool) QuotaVerdict {
	now, periods := s.local.opt.Clock(), s.local.periods
	t := periods.find(k, p, now.UnixNano())
	t.Lock()
	t.asked = now.UnixNano()
	backlog := t.backlog
	t.backlog = Amount{}
	t.Unlock()
	v, err := s.ask(ctx, t, limit, n, backlog, force, now)
	if err != nil {
		s.failed(err)
		return s.alone(ctx, t, limit, n, backlog, force, now)
	}
	t.Lock()
	defer t.Unlock()
	if v.OK() {
		periods.count(t, n)
	}
	t.used, t.known = v.Used, true
	return v
}

// ask has Redis judge and count. Where Redis has not seen the period it starts with what the ledger says.
func (s *Shared) ask(ctx context.Context, t *tally, limit, n, backlog Amount, force bool, now time.Time) (QuotaVerdict, error) {
	left := t.period.left(now)
	t.Lock()
	seen := ""
	if s.local.opt.Ledger != nil {
		seen = decimal(t.epoch)
	}
	t.Unlock()
	key := quotaName(t.key.Space, t.key.Ledger(), t.period.Name())
	args := []string{decimal(limit.Calls), decimal(limit.Bytes), decimal(n.Calls), decimal(n.Bytes), decimal(backlog.Calls), decimal(backlog.Bytes),
		flag(force), decimal(left.Milliseconds()), "0", "0", "0", seen}
	got, err := s.run(ctx, quotaScript, key, args, 4)
	if err == nil && got[0] < 0 {
		start := s.start(ctx, t)
		args[4], args[5] = "0", "0"
		args[8], args[9], args[10] = decimal(rand.Int64N(1<<53-1)+1), decimal(start.Calls), decimal(start.Bytes)
		got, err = s.run(ctx, quotaScript, key, args, 4)
	}
	if err != nil {
		return QuotaVerdict{}, err
	}
	t.Lock()
	t.epoch = got[3]
	t.Unlock()
	return QuotaVerdict{Out: Exhausted(got[0]), Used: Amount{got[1], got[2]}, End: left}, nil
}

// start is what a period begins with in a Redis that does not know it: all that is known.
func (s *Shared) start(ctx context.Context, t *tally) Amount {
	t.Lock()
	t.known = t.known && s.local.opt.Ledger == nil
	t.Unlock()
	s.local.periods.load(ctx, t)
	t.Lock()
	defer t.Unlock()
	return t.used
}

// alone judges and counts without Redis.
func (s *Shared) alone(ctx context.Context, t *tally, limit, n, backlog Amount, force bool, now time.Time) QuotaVerdict {
	t.Lock()
	known := t.known
	t.Unlock()
	if !known {
		s.local.periods.load(ctx, t)
	}
	t.Lock()
	defer t.Unlock()
	t.backlog = t.backlog.plus(backlog)
	v := QuotaVerdict{End: t.period.left(now)}
	if !force {
		v.Out = t.used.within(limit)
	}
	if v.OK() {
		s.local.periods.count(t, n)
		t.backlog = t.backlog.plus(n)
	}
	v.Used = t.used
	return v
}

// Reload makes Redis forget too: whoever asks it next brings what the ledger says. Only what is in the ledger can have been set there.
func (s *Shared) Reload(ctx context.Context, space, counter, period string) {
	if err := s.local.Flush(ctx); err != nil {
		s.failed(err)
	}
	s.local.periods.forget(space, counter, period)
	if s.local.opt.Ledger == nil {
		return
	}
	list, err := s.local.opt.Ledger.Quotas(ctx, space, counter, period)
	if err != nil {
		s.failed(err)
	}
	var names []string
	for i := range list {
		names = append(names, quotaName(space, counter, list[i].Period))
	}
	if len(names) == 0 {
		return
	}
	if err := s.conn.Delete(ctx, names...); err != nil {
		s.failed(err)
	}
}

func (s *Shared) Flush(ctx context.Context) error { return s.local.Flush(ctx) }
func (s *Shared) Close(ctx context.Context) error { return s.local.Close(ctx) }
