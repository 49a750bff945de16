package pipeline

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/counter"
	"gatehouse/policy"
)

// quotaRule is one counter of quota. Zero amounts are not limited.
type quotaRule struct {
	of    string
	limit counter.Amount
	cycle counter.Cycle
	used  bool
}

// quotaRule compiles calls, bandwidth (in KB) and renewal-period. On an api or operation all of them may be missing.
func (k *Compiler) quotaRule(e *policy.Element, of string, first time.Time) quotaRule {
	r := quotaRule{of: of, limit: counter.Amount{Calls: counter.Unlimited, Bytes: counter.Unlimited}}
	if _, ok := e.Attr("calls"); ok {
		r.limit.Calls, r.used = k.amount(e, "calls", 0), true
	}
	if _, ok := e.Attr("bandwidth"); ok {
		r.limit.Bytes, r.used = min(k.amount(e, "bandwidth", 0), counter.Unlimited/1024)*1024, true
	}
	r.cycle = counter.Every(time.Duration(min(k.amount(e, "renewal-period", 0), maxRenewal))*time.Second, first)
	return r
}

// maxRenewal is 200 years in seconds: longer ones do not fit a time.Duration.
const maxRenewal = 200 * 366 * 86400

// quotaExceeded is the failure of a call whose quota is used up (gateway.md 4 and 6).
func quotaExceeded(c *Call, v counter.QuotaVerdict) error {
	what := "call volume"
	if v.Out == counter.Bandwidth {
		what = "bandwidth"
	}
	text := "Out of " + what + " quota."
	if v.End > 0 {
		text += " Quota will be replenished in " + dayTime(v.End) + "."
	}
	names := limitNames{retryHeader: "Retry-After"}
	return names.refuse(c, &Failure{Reason: "QuotaExceeded", Message: text, Status: http.StatusForbidden, Text: text}, v.End)
}

// dayTime writes a time as .NET's TimeSpan does: 00:30:02, 7.00:00:00.
func dayTime(d time.Duration) string {
	n := counter.Seconds(d)
	text := fmt.Sprintf("%02d:%02d:%02d", n/3600%24, n/60%60, n%60)
	if days := n / 86400; days > 0 {
		return fmt.Sprintf("%d.%s", days, text)
	}
	return text
}

// quota is quota: per subscription of a product, from the date on that the subscription starts.
type quota struct{ rules scoped[quotaRule] }

func compileQuota(k *Compiler, e *policy.Element) Step {
	return &quota{compileScoped(k, e, k.holder(), func(e *policy.Element, of string) quotaRule { return k.quotaRule(e, of, time.Time{}) })}
}

func (s *quota) Run(c *Call) error {
	if c.Subscription == nil {
		return nil
	}
	counters, err := c.counters()
	if err != nil {
		return err
	}
	first, now := time.Unix(0, 0), c.Services.now()
	if c.Subscription.StartDate != nil {
		first = *c.Subscription.StartDate
	} else if c.Subscription.CreatedDate != nil {
		first = *c.Subscription.CreatedDate
	}
	var space [3]*quotaRule
	rules := slices.DeleteFunc(s.rules.of(c, space[:0]), func(r *quotaRule) bool { return !r.used })
	judge := func(n int64) error {
		for _, r := range rules {
			k := counter.Key{Space: c.Home.Key, Of: r.of, Name: c.Subscription.ID}
			if v := counters.Quota(c.Waiting(), k, r.cycle.From(first).At(now), r.limit, counter.Amount{Calls: n}); !v.OK() {
				return quotaExceeded(c, v)
			}
		}
		return nil
	}
	if len(rules) > 1 { // all are judged before one counts
		if err := judge(0); err != nil {
			return err
		}
	}
	if err := judge(1); err != nil {
		return err
	}
	c.AfterSend(func(c *Call) {
		bytes := counter.Amount{Bytes: c.Traffic.Received + c.Traffic.Sent}
		for _, r := range s.rules.of(c, nil) {
			if r.used && bytes.Bytes > 0 {
				counters.AddQuota(c.Waiting(), counter.Key{Space: c.Home.Key, Of: r.of, Name: c.Subscription.ID}, r.cycle.From(first).At(now), bytes)
			}
		}
	})
	return nil
}

// quotaByKey is quota-by-key. A key that several scopes count by is counted once per call.
type quotaByKey struct {
	rule      quotaRule
	key       Text
	increment increment
}

func compileQuotaByKey(k *Compiler, e *policy.Element) Step {
	first, ok := policy.Moment(k.Literal(e, "first-period-start"))
	if !ok {
		k.Fault(e, "The 'first-period-start' attribute is invalid - The value has to be a date and time such as 2026-01-31T00:00:00Z.")
	}
	of := strings.TrimSuffix(k.workspace(), ":")
	return &quotaByKey{k.quotaRule(e, of, first), k.Text(e, "counter-key"), k.increment(e)}
}

func (s *quotaByKey) Run(c *Call) error {
	name, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	counters, err := c.counters()
	if err != nil {
		return err
	}
	k, period := counter.Key{Space: c.Home.Key, Of: s.rule.of, Name: name}, s.rule.cycle.At(c.Services.now())
	limit, n := s.rule.limit, counter.Amount{Calls: s.increment.now()}
	i := slices.IndexFunc(c.shared.counted, func(in countedIn) bool { return in.key == k && in.cycle == s.rule.cycle })
	if i >= 0 { // another scope has judged and counted this call; this one's limit is judged without it
		limit.Calls += min(c.shared.counted[i].n, counter.Unlimited-limit.Calls)
		n.Calls = 0
	}
	if v := counters.Quota(c.Waiting(), k, period, limit, n); !v.OK() {
		return quotaExceeded(c, v)
	}
	if i >= 0 {
		return nil
	}
	c.shared.counted = append(c.shared.counted, countedIn{k, s.rule.cycle, n.Calls})
	if s.increment.late() {
		s.increment.then(c, func(c *Call, n int64) { counters.AddQuota(c.Waiting(), k, period, counter.Amount{Calls: n}) })
	}
	c.AfterSend(func(c *Call) {
		if n := c.Traffic.Received + c.Traffic.Sent; n > 0 {
			counters.AddQuota(c.Waiting(), k, period, counter.Amount{Bytes: n})
		}
	})
	return nil
}

// countedIn is a counter that a call was counted in, and as how many.
type countedIn struct {
	key   counter.Key
	cycle counter.Cycle
	n     int64
}
