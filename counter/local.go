package counter

import "context"

// Local counts in this process.
type Local struct {
	opt     Options
	rates   *rates
	periods *periods
}

var _ Counters = (*Local)(nil)

// NewLocal starts counters of this process alone.
func NewLocal(o Options) *Local {
	o = o.withDefaults()
	return &Local{opt: o, rates: newRates(o.MaxKeys), periods: newPeriods(o)}
}

func (l *Local) Rate(_ context.Context, k Key, w Window, n int64) Verdict {
	return l.rates.count(k, w, n, l.opt.Clock().UnixNano(), false)
}

func (l *Local) AddRate(_ context.Context, k Key, w Window, n int64) {
	l.rates.count(k, w, n, l.opt.Clock().UnixNano(), true)
}

func (l *Local) Quota(ctx context.Context, k Key, p Period, limit, n Amount) QuotaVerdict {
	now := l.opt.Clock()
	t := l.periods.ready(ctx, k, p, now.UnixNano())
	defer t.Unlock()
	v := QuotaVerdict{Out: t.used.within(limit), End: p.left(now)}
	if v.OK() {
		l.periods.count(t, n)
	}
	v.Used = t.used
	return v
}

func (l *Local) AddQuota(ctx context.Context, k Key, p Period, n Amount) {
	t := l.periods.ready(ctx, k, p, l.opt.Clock().UnixNano())
	defer t.Unlock()
	l.periods.count(t, n)
}

func (l *Local) Reload(_ context.Context, space, counter, period string) {
	l.periods.forget(space, counter, period)
}

func (l *Local) Flush(ctx context.Context) error { return l.periods.flush(ctx) }
func (l *Local) Close(ctx context.Context) error { return l.periods.close(ctx) }
