package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"sync"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

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
	t := newTurns(c)
	defer t.end(c)
	for _, child := range s.children {
		f := c.fork(t)
		go func() { done <- t.run(f, child) }()
	}
	for range s.children {
		var b branched
		if over := c.aside(func() { b = <-done }); over != nil {
			return over
		}
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

// turns are taken by the children of wait. What variables refer to is theirs in common and not for several goroutines at
// once, so one runs at a time; the others are between their turns, or wait for servers.
type turns struct {
	mu   *sync.Mutex
	over bool   // nobody waits for the children any more
	up   *turns // of the wait that this one stands in, which has the same mu
}

func newTurns(c *Call) *turns {
	if c.turns == nil {
		return &turns{mu: new(sync.Mutex)}
	}
	return &turns{mu: c.turns.mu, up: c.turns}
}

// end has the children that are left stop when their turn comes.
func (t *turns) end(c *Call) {
	if c.turns == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
	}
	t.over = true
}

func (t *turns) ended() bool { return t != nil && (t.over || t.up.ended()) }

// run runs a child. It has a goroutine of its own, where a panic would end the process.
func (t *turns) run(f *Call, child Block) (b branched) {
	b.c = f
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			b.err = fmt.Errorf("a policy in wait failed inside: %v", r)
		}
	}()
	if b.err = errOver; !t.ended() {
		b.err = child.Run(f)
	}
	return b
}

// errOver ends a child of wait that nobody waits for any more.
var errOver = errors.New("the wait is over")

// aside runs what waits for something outside of the call, and touches nothing of it: others have their turn meanwhile. The
// error is errOver when the call went on without this child.
func (c *Call) aside(f func()) error {
	if c.turns == nil {
		f()
		return nil
	}
	func() {
		c.turns.mu.Unlock()
		defer c.turns.mu.Lock()
		f()
	}()
	if c.turns.ended() {
		return errOver
	}
	return nil
}

// fork makes a copy of a call that can run beside it.
func (c *Call) fork(t *turns) *Call {
	f := new(Call)
	*f = *c
	f.forked, f.turns = true, t
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
	return f
}

// join takes over what a fork has set.
func (c *Call) join(f *Call, before *expr.Variables) {
	for name, value := range f.Variables.All {
		if was, there := before.Get(name); !there || !was.Is(value) {
			c.Variables.Set(name, value)
		}
	}
	c.closing = append(c.closing, f.closing...)
	c.before = append(c.before, f.before...)
	c.after = append(c.after, f.after...)
	c.steps += f.steps
}
