package pipeline

import (
	"errors"
	"fmt"
	"slices"
)

// maxSteps bounds the steps of one call (gateway.md 16).
const maxSteps = 10_000

// Step is one compiled policy. It runs to its end or fails: a *Failure says in which words, any
// other error is an expression that failed. errEnd ends the pipeline.
type Step interface{ Run(c *Call) error }

// StepFunc is a Step that is a function.
type StepFunc func(*Call) error

// Run calls f.
func (f StepFunc) Run(c *Call) error { return f(c) }

// Block is steps one after the other.
type Block []placed

type placed struct {
	Step
	place *Place
	store bool // it is, or leads to, cache-store
}

// Run runs the steps up to the first that fails, and gives that failure its place.
func (b Block) Run(c *Call) error {
	for i := range b {
		if c.shared.skip != 0 && !b[i].store {
			continue
		}
		if err := c.step(b[i].place); err != nil {
			return err
		}
		err := b[i].Run(c)
		if err == nil {
			continue
		}
		if isStop(err) {
			return err
		}
		return failureOf(err, b[i].place)
	}
	return nil
}

// step counts one step, and stops calls that nobody waits for.
func (c *Call) step(at *Place) error {
	if c.steps++; c.steps > maxSteps {
		return &Failure{Reason: "TooManySteps", Message: fmt.Sprintf("The call ran more than %d policies.", maxSteps), place: at}
	}
	if c.Tracing {
		c.traceStep(at)
	}
	if c.HTTP != nil && c.section != OnError && c.HTTP.Context().Err() != nil {
		return &Failure{Reason: ReasonClientConnection, Message: "The client has gone.", Source: at.Element, place: at}
	}
	return nil
}

// Chain is the documents that govern a call, the widest scope first (gateway.md 5.2).
type Chain []*Document

// Run runs a call through its documents: inbound, backend, outbound, and on-error when one of
// them fails. Afterwards the call has a response.
func (c *Call) Run() {
	if c.Tracing {
		c.TraceFunc = c.traceExpression
	}
	cached := false
	for _, s := range [...]Section{Inbound, Backend, Outbound} {
		if s == Backend && cached {
			continue
		}
		err := c.runSection(s)
		if errors.Is(err, errCached) {
			cached = true
			if slices.ContainsFunc(c.Chain, func(d *Document) bool { return d.stores&c.shared.hit != 0 }) {
				c.shared.skip = c.shared.hit
			}
			continue
		}
		if err != nil {
			c.settle(err)
			return
		}
	}
}

// Fail ends a call that never came to its policies, or that fails after them, as if a policy had failed.
func (c *Call) Fail(f *Failure) { c.settle(f) }

// settle ends the pipeline: at once when the response is complete, else by on-error (gateway.md 6).
func (c *Call) settle(err error) {
	if errors.Is(err, errEnd) {
		return
	}
	f := failureOf(err, nil)
	c.fail(f)
	if err = c.runSection(OnError); err == nil || errors.Is(err, errEnd) {
		return
	}
	c.fail(&Failure{Reason: failureOf(err, nil).Reason, Message: failureOf(err, nil).Message, Cause: err, place: failureOf(err, nil).place})
}

// fail puts what failed before expressions, and prepares the answer.
func (c *Call) fail(f *Failure) {
	c.Failed, c.shared.skip = f, 0
	c.LastError = f.lastError()
	c.Answered = true
	f.prepare(c)
	c.Trace(c.LastError.Source, f.Error())
}

// runSection runs a section of the narrowest document; base in it leads to the wider ones.
func (c *Call) runSection(s Section) error {
	c.section = s
	return c.runFrom(len(c.Chain)-1, s)
}

func (c *Call) runFrom(level int, s Section) error {
	if level < 0 {
		return nil
	}
	outer := c.level
	c.level = level
	err := c.Chain[level].sections[s].Run(c)
	c.level = outer
	return err
}

// baseStep runs the same section of the next wider scope. In the widest it has no effect.
type baseStep struct{}

// Run runs it.
func (baseStep) Run(c *Call) error { return c.runFrom(c.level-1, c.section) }
