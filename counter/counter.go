package counter

import (
	"context"
	"math"
	"time"

	"gatehouse/analytics"
)

// Key names a counter: a service, what of it is counted, and by what. They are apart so that callers need not join strings
// on each call.
type Key struct{ Space, Of, Name string }

// Ledger is the name of a period's counter in quotas/{counterKey} of its service, which the space is.
func (k Key) Ledger() string {
	if k.Of == "" {
		return k.Name
	}
	return k.Of + ":" + k.Name
}

// Window is a limit on what may be counted within a length of time that ends now.
type Window struct {
	Limit  int64
	Length time.Duration
}

// Verdict says whether a call may pass.
type Verdict struct {
	OK    bool
	Used  int64         // counted in the window, this call included
	Retry time.Duration // if not OK: until there is room again
}

// Seconds is how long to wait in whole seconds, 1 at least, as Retry-After has it.
func Seconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }

// Unlimited is the limit of what is not limited.
const Unlimited = math.MaxInt64

// Amount is what periods count. For token quotas a call is a token.
type Amount struct{ Calls, Bytes int64 }

func (a Amount) plus(b Amount) Amount { return Amount{a.Calls + b.Calls, a.Bytes + b.Bytes} }

// within says which part of a limit is used up, or Nothing.
func (a Amount) within(limit Amount) Exhausted {
	switch {
	case a.Calls >= limit.Calls:
		return Calls
	case a.Bytes >= limit.Bytes:
		return Bandwidth
	}
	return Nothing
}

// Exhausted is what of a quota is used up.
type Exhausted int

const (
	Nothing Exhausted = iota
	Calls
	Bandwidth
)

// QuotaVerdict says whether a call may pass, and what was counted in the period, this call included.
type QuotaVerdict struct {
	Out  Exhausted
	Used Amount
	End  time.Duration // until the period ends; 0 when it never does
}

// OK reports whether the call may pass.
func (v QuotaVerdict) OK() bool { return v.Out == Nothing }

// Counters count. They are safe for concurrent use, and no method fails: see the package's comment for what happens when
// a part is gone.
type Counters interface {
	// Rate judges whether the window has room, and counts n if it has.
	Rate(ctx context.Context, k Key, w Window, n int64) Verdict
	// AddRate counts n, which may be negative, room or not.
	AddRate(ctx context.Context, k Key, w Window, n int64)

	// Quota judges whether the period has room, and counts n if it has.
	Quota(ctx context.Context, k Key, p Period, limit, n Amount) QuotaVerdict
	// AddQuota counts n, which may be negative, room or not.
	AddQuota(ctx context.Context, k Key, p Period, n Amount)
	// Reload forgets what is known of the periods of a counter, or of the one of that name, so that the ledger is asked
	// again. The arguments are those of analytics.Store's OnEdit.
	Reload(ctx context.Context, space, counter, period string)

	// Flush writes to the ledger what it does not have.
	Flush(ctx context.Context) error
	// Close flushes and ends what runs in the background.
	Close(ctx context.Context) error
}

// Ledger keeps periods: *analytics.Store.
type Ledger interface {
	Charge(ctx context.Context, service string, batch []analytics.Quota) error
	Quotas(ctx context.Context, service, counter, period string) ([]analytics.Quota, error)
}

// Options are common to both implementations. Zero values take the defaults.
type Options struct {
	Ledger  Ledger           // nil keeps periods in memory only
	Every   time.Duration    // how often the ledger is written; 1 s; negative for only when Flush is called
	MaxKeys int              // how many windows and how many periods are in memory at most; 262,144 (about 100 MB of windows)
	Clock   func() time.Time // time.Now
	Failed  func(error)      // told of errors of the ledger and of Redis; nil for nobody
}

func (o Options) withDefaults() Options {
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.MaxKeys == 0 {
		o.MaxKeys = 1 << 18
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	return o
}
