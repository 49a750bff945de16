package pipeline

import (
	"math"
	"math/rand/v2"
	"time"

	"gatehouse/policy"
)

// maxRetries is the most that count may say (gateway.md 16).
const maxRetries = 50

// retry runs its policies, and again while its condition holds.
type retry struct {
	condition, fast       Flag
	count                 Whole
	interval, most, delta Real
	block                 Block
	isLinear, exponential bool
}

func compileRetry(k *Compiler, e *policy.Element) Step {
	s := &retry{condition: k.Flag(e, "condition"), fast: k.Flag(e, "first-fast-retry"), count: k.Whole(e, "count"), interval: k.Real(e, "interval"),
		most: k.Real(e, "max-interval"), delta: k.Real(e, "delta")}
	s.exponential = s.most.Given() && s.delta.Given()
	s.isLinear = s.delta.Given() && !s.exponential
	k.retried++
	s.block = k.Block(e.Children, "")
	k.retried--
	return s
}

func (s *retry) Run(c *Call) error {
	count, err := s.count.Eval(c)
	fast, err2 := s.fast.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	if err := s.block.Run(c); err != nil {
		return err
	}
	for n := int64(1); n <= min(count, maxRetries); n++ {
		again, err := s.condition.Eval(c)
		if err != nil || !again {
			return err
		}
		wait, err := s.pause(c, n)
		if err != nil {
			return err
		}
		if wait > 0 && (n > 1 || !fast) {
			if over := c.aside(func() { err = c.Services.sleep(c.Waiting(), wait) }); over != nil {
				return over
			}
			if err != nil {
				return &Failure{Reason: ReasonClientConnection, Message: "The client has gone."}
			}
		}
		if err := s.block.Run(c); err != nil {
			return err
		}
	}
	return nil
}

// pause is how long to wait before the nth retry (gateway.md 8.1).
func (s *retry) pause(c *Call, n int64) (time.Duration, error) {
	interval, err := s.interval.Eval(c)
	most, err2 := s.most.Eval(c)
	delta, err3 := s.delta.Eval(c)
	if err = cmpErr(err, err2, err3); err != nil {
		return 0, err
	}
	seconds := interval
	switch {
	case s.exponential:
		seconds = min(seconds+math.Pow(2, float64(n-1))*(0.8+0.4*rand.Float64())*delta, most)
	case s.isLinear:
		seconds += float64(n-1) * delta
	case s.most.Given():
		seconds = min(seconds, most)
	}
	return time.Duration(min(seconds, maxRenewal) * float64(time.Second)), nil
}
