package pipeline

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"gatehouse/counter"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// The limits: rate-limit, rate-limit-by-key, quota, quota-by-key (gateway.md 8.1 and 12.3). Package counter counts.

// limitNames are the headers and variables that limits tell the client, and other policies, something by; "" is none.
type limitNames struct{ retryHeader, retryVariable, remainingHeader, remainingVariable, totalHeader string }

func (k *Compiler) limitNames(e *policy.Element) limitNames {
	return limitNames{k.headerName(e, "retry-after-header-name"), k.Literal(e, "retry-after-variable-name"),
		k.headerName(e, "remaining-calls-header-name"), k.Literal(e, "remaining-calls-variable-name"), k.headerName(e, "total-calls-header-name")}
}

// headerName is an attribute that names a header of the answer. Those that are the gateway's own stay what they are.
func (k *Compiler) headerName(e *policy.Element, attribute string) string {
	name := textproto.CanonicalMIMEHeaderKey(k.Literal(e, attribute))
	if ownHeader(name) {
		return ""
	}
	return name
}

// tell sets what was named, on every reply (gateway.md 8.1); of several policies the last counts.
func (n *limitNames) tell(c *Call, remaining, total int64) {
	remaining = max(0, remaining)
	setCount(c, n.remainingVariable, remaining)
	if n.remainingHeader == "" && n.totalHeader == "" {
		return
	}
	c.BeforeSend(func(c *Call) {
		setCountHeader(c, n.remainingHeader, remaining)
		setCountHeader(c, n.totalHeader, total)
	})
}

func setCount(c *Call, variable string, n int64) {
	if variable != "" {
		c.Variables.Set(variable, expr.Int(int(n)))
	}
}

func setCountHeader(c *Call, name string, n int64) {
	if name != "" {
		c.Reply().Headers[name] = []string{strconv.FormatInt(n, 10)}
	}
}

// refuse makes the failure of a call that has to wait.
func (n *limitNames) refuse(c *Call, f *Failure, wait time.Duration) error {
	if wait <= 0 {
		return f
	}
	seconds := counter.Seconds(wait)
	setCount(c, n.retryVariable, seconds)
	if n.retryHeader != "" {
		f.Header = http.Header{n.retryHeader: {strconv.FormatInt(seconds, 10)}}
	}
	return f
}

// rateExceeded is the failure of calls that come too fast (gateway.md 4 and 6).
func (n *limitNames) rateExceeded(c *Call, wait time.Duration) error {
	return n.refuse(c, &Failure{Reason: "RateLimitExceeded", Message: "Rate limit is exceeded", Status: http.StatusTooManyRequests,
		Text: fmt.Sprintf("Rate limit is exceeded. Try again in %d seconds.", counter.Seconds(wait))}, wait)
}

// counters are those of the gateway; a gateway without them refuses what it cannot limit.
func (c *Call) counters() (counter.Counters, error) {
	if c.Services.Counters == nil {
		return nil, failed("NotAvailable", "This gateway does not count calls.")
	}
	return c.Services.Counters, nil
}

// rateRule is one counter of rate-limit.
type rateRule struct {
	of     string
	window counter.Window
}

// scoped is what a policy says of all it governs, of an API in it, and of an operation of that.
type scoped[R any] struct {
	own  R
	apis []scopedAPI[R]
}

type scopedAPI[R any] struct {
	named
	rule       R
	operations []scopedOperation[R]
}

type scopedOperation[R any] struct {
	named
	rule R
}

// named names an API or operation; the id wins over the name (gateway.md 8.1).
type named struct{ id, name string }

func (n named) is(id, name string) bool {
	if n.id != "" {
		return strings.EqualFold(n.id, id)
	}
	return n.name == name
}

// of appends the rules for a call to rules.
func (s *scoped[R]) of(c *Call, rules []*R) []*R {
	rules = append(rules, &s.own)
	if c.API == nil {
		return rules
	}
	id, _, _ := strings.Cut(c.API.ID, ";rev=")
	for i := range s.apis {
		a := &s.apis[i]
		if !a.is(id, c.API.Name) {
			continue
		}
		rules = append(rules, &a.rule)
		for j := range a.operations {
			if o := &a.operations[j]; c.Operation != nil && o.is(c.Operation.ID, c.Operation.Name) {
				rules = append(rules, &o.rule)
			}
		}
	}
	return rules
}

// compileScoped compiles the element and the api and operation elements in it. of tells the counters apart.
func compileScoped[R any](k *Compiler, e *policy.Element, of string, rule func(e *policy.Element, of string) R) scoped[R] {
	s := scoped[R]{own: rule(e, of)}
	for _, a := range e.Children {
		api := scopedAPI[R]{named: k.named(a)}
		within := of + ":" + api.id + api.name
		api.rule = rule(a, within)
		for _, o := range a.Children {
			n := k.named(o)
			api.operations = append(api.operations, scopedOperation[R]{n, rule(o, within+":"+n.id+n.name)})
		}
		s.apis = append(s.apis, api)
	}
	return s
}

func (k *Compiler) named(e *policy.Element) named {
	n := named{k.Literal(e, "id"), k.Literal(e, "name")}
	if n.id != "" {
		n.name = ""
	}
	return n
}

// amount is an attribute that takes a whole number of at least least, and no expression.
func (k *Compiler) amount(e *policy.Element, attribute string, least int64) int64 {
	w := k.Whole(e, attribute)
	switch {
	case !w.Literal():
		k.Fault(e, "The attribute '%s' does not take expressions.", attribute)
	case w.n < least:
		k.Fault(e, "The '%s' attribute is invalid - The value has to be at least %d.", attribute, least)
	}
	return w.n
}

// holder tells what a document is attached to from others of its kind, as names of counters do: starter, or workspaces:w:products:starter.
func (k *Compiler) holder() string {
	path := strings.TrimSuffix(strings.Trim(k.doc.ID, "/"), "/policies/policy")
	return strings.ReplaceAll(strings.TrimPrefix(path, "products/"), "/", ":")
}

// workspace is that of the document with a colon after it, "" for those of the service: what workspaces count and keep is their own.
func (k *Compiler) workspace() string {
	if rest, ok := strings.CutPrefix(strings.Trim(k.doc.ID, "/"), "workspaces/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return "workspaces:" + name + ":"
	}
	return ""
}

// rateLimit is rate-limit: per subscription, with counters of their own for APIs and operations.
type rateLimit struct {
	names limitNames
	rules scoped[rateRule]
}

func compileRateLimit(k *Compiler, e *policy.Element) Step {
	return &rateLimit{k.limitNames(e), compileScoped(k, e, "rate-limit:"+k.holder(), func(e *policy.Element, of string) rateRule {
		return rateRule{of, counter.Window{Limit: k.amount(e, "calls", 1), Length: time.Duration(k.amount(e, "renewal-period", 1)) * time.Second}}
	})}
}

func (s *rateLimit) Run(c *Call) error {
	if c.Subscription == nil {
		return nil
	}
	counters, err := c.counters()
	if err != nil {
		return err
	}
	var space [3]*rateRule
	rules := s.rules.of(c, space[:0])
	remaining, total, wait := int64(counter.Unlimited), int64(0), time.Duration(0)
	see := func(n int64) {
		for _, r := range rules {
			v := counters.Rate(c.Waiting(), counter.Key{Space: c.Home.Key, Of: r.of, Name: c.Subscription.ID}, r.window, n)
			if left := r.window.Limit - v.Used; left < remaining {
				remaining, total = left, r.window.Limit
			}
			if !v.OK {
				wait = max(wait, v.Retry)
			}
		}
	}
	if len(rules) > 1 { // all are judged before one counts
		see(0)
	}
	if wait == 0 {
		remaining = counter.Unlimited
		see(1)
	}
	s.names.tell(c, remaining, total)
	if wait > 0 {
		return s.names.rateExceeded(c, wait)
	}
	return nil
}

// increment is what a call counts as: increment-count if increment-condition. When one is an expression it is known when
// the call ends, and the next call is judged by it (gateway.md 8.1).
type increment struct {
	when Flag
	n    Whole
}

func (k *Compiler) increment(e *policy.Element) increment {
	return increment{k.Flag(e, "increment-condition"), k.Whole(e, "increment-count")}
}

func (i *increment) late() bool { return !i.when.Literal() || !i.n.Literal() }

// now is what is counted at once.
func (i *increment) now() int64 {
	if i.late() || i.when.Given() && !i.when.on {
		return 0
	}
	return i.n.n
}

// then counts what is known when the call ends.
func (i *increment) then(c *Call, count func(c *Call, n int64)) {
	c.BeforeSend(func(c *Call) {
		if i.when.Given() {
			if yes, err := i.when.Eval(c); err != nil || !yes {
				traceFault(c, err)
				return
			}
		}
		n, err := i.n.Eval(c)
		traceFault(c, err)
		if err == nil && n != 0 {
			count(c, n)
		}
	})
}

// traceFault notes an error of an expression that runs when it can no longer change the answer.
func traceFault(c *Call, err error) {
	if err != nil {
		c.Trace("increment", "Expression evaluation failed. "+expressionText(err))
	}
}

// rateLimitByKey is rate-limit-by-key: one counter per key, wherever the policy stands.
type rateLimitByKey struct {
	names         limitNames
	of            string
	calls, period Whole
	key           Text
	increment     increment
}

func compileRateLimitByKey(k *Compiler, e *policy.Element) Step {
	return &rateLimitByKey{k.limitNames(e), k.workspace() + "rate-limit-by-key", k.Whole(e, "calls"), k.Whole(e, "renewal-period"), k.Text(e, "counter-key"), k.increment(e)}
}

func (s *rateLimitByKey) Run(c *Call) error {
	calls, err := s.calls.Eval(c)
	period, err2 := s.period.Eval(c)
	key, err3 := s.key.Eval(c)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	if calls < 1 || period < 1 {
		return failed(ReasonExpression, "calls and renewal-period have to be at least 1.")
	}
	counters, err := c.counters()
	if err != nil {
		return err
	}
	k, w := counter.Key{Space: c.Home.Key, Of: s.of, Name: key}, counter.Window{Limit: calls, Length: time.Duration(period) * time.Second}
	v := counters.Rate(c.Waiting(), k, w, s.increment.now())
	s.names.tell(c, calls-v.Used, calls)
	if !v.OK {
		return s.names.rateExceeded(c, v.Retry)
	}
	if s.increment.late() {
		s.increment.then(c, func(c *Call, n int64) { c.Services.Counters.AddRate(c.Waiting(), k, w, n) })
	}
	return nil
}
