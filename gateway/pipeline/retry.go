package pipeline

import (
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// maxRetries is the most that count may say (gateway.md 16).
const maxRetries = 50

// retry runs its policies, and again while its condition holds.
type retry struct {
	condition, fast       Flag
	count, interval       Whole
	most, delta           Whole
	block                 Block
	isLinear, exponential bool
}

func compileRetry(k *Compiler, e *policy.Element) Step {
	s := &retry{condition: k.Flag(e, "condition"), fast: k.Flag(e, "first-fast-retry"), count: k.Whole(e, "count"), interval: k.Whole(e, "interval"),
		most: k.Whole(e, "max-interval"), delta: k.Whole(e, "delta")}
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
			if err := c.Services.sleep(c.Waiting(), wait); err != nil {
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
	seconds := float64(interval)
	switch {
	case s.exponential:
		seconds = min(seconds+math.Pow(2, float64(n-1))*(0.8+0.4*rand.Float64())*float64(delta), float64(most))
	case s.isLinear:
		seconds += float64((n - 1) * delta)
	case s.most.Given():
		seconds = min(seconds, float64(most))
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// wait runs its children at once, until all are done or one is. Their variables are the call's
// afterwards; what they do to the messages is lost, since each has a copy.
type wait struct {
	forAll   Text
	children []Block
}

func compileWait(k *Compiler, e *policy.Element) Step {
	s := &wait{forAll: k.Text(e, "for")}
	for _, child := range e.Children {
		s.children = append(s.children, k.Block([]*policy.Element{child}, ""))
	}
	return s
}

// branched is the end of one child.
type branched struct {
	c   *Call
	err error
}

func (s *wait) Run(c *Call) error {
	kind, err := s.forAll.Eval(c)
	if err != nil {
		return err
	}
	if b := c.Body(Request); b != nil {
		if err := b.Keep(); err != nil {
			return &Failure{Reason: ReasonClientConnection, Message: "The body of the request could not be read.", Cause: err}
		}
	}
	before := c.Variables.Clone()
	done := make(chan branched, len(s.children))
	var traced sync.Mutex
	for _, child := range s.children {
		f := c.fork(&traced)
		go func() { done <- branched{f, child.Run(f)} }()
	}
	for range s.children {
		b := <-done
		c.join(b.c, &before)
		if err == nil {
			err = b.err
		}
		if isEnd(b.err) && b.c.Response != nil {
			c.SetResponse(b.c.Response)
			c.Answered = true
		}
		if kind == "any" {
			break
		}
	}
	return err
}

// fork makes a copy of a call that can run beside it.
func (c *Call) fork(traced *sync.Mutex) *Call {
	f := new(Call)
	*f = *c
	f.forked = true
	f.Variables = c.Variables.Clone()
	f.before, f.after, f.closing = nil, nil, nil
	f.memory.request = *c.Request
	f.Request = &f.memory.request
	f.Request.Headers = maps.Clone(c.Request.Headers)
	u := *c.Request.URL
	f.Request.URL = &u
	if b := c.Body(Request); b != nil {
		view := *b
		f.Request.Body = &view
	}
	if c.Response != nil {
		f.memory.response = *c.Response
		f.memory.response.Headers = maps.Clone(c.Response.Headers)
		f.Response = &f.memory.response
		if b := c.Body(Answer); b != nil && !b.Streams() {
			view := *b
			f.Response.Body = &view
		}
	}
	if tracer := c.Tracer; tracer != nil {
		f.Tracer = func(e Entry) {
			traced.Lock()
			defer traced.Unlock()
			tracer(e)
		}
	}
	return f
}

// join takes over what a fork has set.
func (c *Call) join(f *Call, before *expr.Variables) {
	for name, value := range f.Variables.All {
		if was, there := before.Get(name); !there || was != value {
			c.Variables.Set(name, value)
		}
	}
	c.closing = append(c.closing, f.closing...)
	c.before = append(c.before, f.before...)
	c.after = append(c.after, f.after...)
	c.steps += f.steps
}
