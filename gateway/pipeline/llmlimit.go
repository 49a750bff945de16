package pipeline

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/counter"
	"gatehouse/policy"
)

// tokenLimit is llm-token-limit and azure-openai-token-limit (gateway.md 8.2).
type tokenLimit struct {
	of                               string
	key                              Text
	perMinute, quota                 Whole
	period                           Text
	cycle                            counter.Cycle // when the period is literal
	estimate                         Flag
	retry                            limitNames
	rateHeader, rateVariable         string
	quotaHeader, quotaVariable       string
	consumedHeader, consumedVariable string
}

func compileTokenLimit(k *Compiler, e *policy.Element) Step {
	s := &tokenLimit{of: k.workspace() + "tokens", key: k.Text(e, "counter-key"), perMinute: k.Whole(e, "tokens-per-minute"), quota: k.Whole(e, "token-quota"),
		period: k.Text(e, "token-quota-period"), estimate: k.Flag(e, "estimate-prompt-tokens"),
		retry:      limitNames{retryHeader: k.headerName(e, "retry-after-header-name"), retryVariable: k.Literal(e, "retry-after-variable-name")},
		rateHeader: k.headerName(e, "remaining-tokens-header-name"), rateVariable: k.Literal(e, "remaining-tokens-variable-name"),
		quotaHeader: k.headerName(e, "remaining-quota-tokens-header-name"), quotaVariable: k.Literal(e, "remaining-quota-tokens-variable-name"),
		consumedHeader: k.headerName(e, "tokens-consumed-header-name"), consumedVariable: k.Literal(e, "tokens-consumed-variable-name")}
	if s.quota.Given() != s.period.Given() || !s.quota.Given() && !s.perMinute.Given() {
		k.Fault(e, "The policy takes 'tokens-per-minute', or 'token-quota' with 'token-quota-period', or all three.")
	}
	if s.period.Given() && s.period.Literal() {
		var err error
		if s.cycle, err = counter.Calendar(s.period.text); err != nil {
			k.Fault(e, "The 'token-quota-period' attribute is invalid - %s.", err)
		}
	}
	return s
}

// tokenCall is what a policy has counted of a call.
type tokenCall struct {
	*tokenLimit
	counters counter.Counters
	key      counter.Key
	window   counter.Window
	period   counter.Period
	quota    int64
	asked    int64 // tokens of the prompt that were counted before the call
	second   bool  // another policy with this key counts
	used     usedTokens
}

type usedTokens struct{ rate, quota, consumed int64 }

func (s *tokenLimit) Run(c *Call) error {
	t, err := s.eval(c)
	if err != nil {
		return err
	}
	c.BeforeSend(t.headers)
	if err := t.judge(c); err != nil {
		t.asked = 0
		return err
	}
	t.used.consumed = t.asked
	t.tell(c)
	if !t.second {
		c.shared.tokenKeys = append(c.shared.tokenKeys, t.key)
	}
	c.tokenUse(func(c *Call, u usage) {
		t.count(c, u.total()-t.asked)
		t.asked = 0 // each further answer counts on top
		t.used.consumed = u.total()
		t.tell(c)
	})
	return nil
}

func (s *tokenLimit) eval(c *Call) (*tokenCall, error) {
	t := &tokenCall{tokenLimit: s}
	name, err := s.key.Eval(c)
	perMinute, err2 := s.perMinute.Eval(c)
	quota, err3 := s.quota.Eval(c)
	estimate, err4 := s.estimate.Eval(c)
	if err := cmpErr(err, err2, err3, err4); err != nil {
		return nil, err
	}
	if t.counters, err = c.counters(); err != nil {
		return nil, err
	}
	t.key, t.quota = counter.Key{Space: c.Home.Key, Of: s.of, Name: name}, quota
	t.window = counter.Window{Limit: perMinute, Length: time.Minute}
	if s.quota.Given() {
		cycle := s.cycle
		if !s.period.Literal() {
			text, err := s.period.Eval(c)
			if err != nil {
				return nil, err
			}
			if cycle, err = counter.Calendar(text); err != nil {
				return nil, failed(ReasonExpression, "token-quota-period: "+err.Error()+".")
			}
		}
		t.period = cycle.At(c.Services.now())
	}
	p, err := c.prompt()
	if err != nil {
		return nil, err
	}
	if estimate || p.stream { // streams are always estimated
		t.asked = p.tokens
	}
	t.second = slices.Contains(c.shared.tokenKeys, t.key)
	return t, nil
}

// room is the limit that leaves place for what is asked: calls are judged by what was counted before them, but for the
// prompt that another policy with this key has counted already.
func (t *tokenCall) room(limit int64) int64 {
	switch {
	case t.asked == 0:
		return limit
	case t.second:
		return limit + 1
	}
	return limit - t.asked + 1
}

// judge refuses the call, or counts its prompt.
func (t *tokenCall) judge(c *Call) error {
	n := t.asked
	if t.second {
		n = 0
	}
	if t.tokenLimit.quota.Given() {
		v := t.counters.Quota(c.Waiting(), t.key, t.period, counter.Amount{Calls: t.room(t.quota), Bytes: counter.Unlimited}, counter.Amount{})
		t.used.quota = v.Used.Calls
		if !v.OK() {
			if t.perMinute.Given() {
				t.used.rate = t.counters.Rate(c.Waiting(), t.key, t.window, 0).Used
			}
			t.tell(c)
			text := "Token quota is exceeded. Quota will be replenished in " + dayTime(v.End) + "."
			return t.retry.refuse(c, &Failure{Reason: "TokenQuotaExceeded", Message: text, Status: http.StatusForbidden, Text: text}, v.End)
		}
	}
	if t.perMinute.Given() {
		v := t.counters.Rate(c.Waiting(), t.key, counter.Window{Limit: t.room(t.window.Limit), Length: t.window.Length}, n)
		t.used.rate = v.Used
		if !v.OK {
			t.tell(c)
			return t.retry.refuse(c, &Failure{Reason: "TokenLimitExceeded", Message: "Token limit is exceeded.", Status: http.StatusTooManyRequests,
				Text: fmt.Sprintf("Token limit is exceeded. Try again in %d seconds.", counter.Seconds(v.Retry))}, v.Retry)
		}
	}
	if t.tokenLimit.quota.Given() && n > 0 {
		t.counters.AddQuota(c.Waiting(), t.key, t.period, counter.Amount{Calls: n})
		t.used.quota += n
	}
	return nil
}

// count adds what the call used more, or less, than was counted.
func (t *tokenCall) count(c *Call, n int64) {
	if t.perMinute.Given() {
		if !t.second && n != 0 {
			t.counters.AddRate(c.Waiting(), t.key, t.window, n)
		}
		t.used.rate += n
	}
	if t.tokenLimit.quota.Given() {
		if !t.second && n != 0 {
			t.counters.AddQuota(c.Waiting(), t.key, t.period, counter.Amount{Calls: n})
		}
		t.used.quota += n
	}
}

// tell sets the variables.
func (t *tokenCall) tell(c *Call) {
	if t.perMinute.Given() {
		setCount(c, t.rateVariable, max(0, t.window.Limit-t.used.rate))
	}
	if t.tokenLimit.quota.Given() {
		setCount(c, t.quotaVariable, max(0, t.quota-t.used.quota))
	}
	setCount(c, t.consumedVariable, t.used.consumed)
}

// headers sets the headers of the answer. A call that no backend answered used nothing.
func (t *tokenCall) headers(c *Call) {
	if !c.watch().answered {
		t.count(c, -t.asked)
		t.asked, t.used.consumed = 0, 0
	}
	set := func(name string, n int64) {
		if name != "" {
			c.Reply().Headers[name] = []string{strconv.FormatInt(max(0, n), 10)}
		}
	}
	if t.perMinute.Given() {
		set(t.rateHeader, t.window.Limit-t.used.rate)
	}
	if t.tokenLimit.quota.Given() {
		set(t.quotaHeader, t.quota-t.used.quota)
	}
	set(t.consumedHeader, t.used.consumed)
}
