package pipeline

import "time"

// Entry is one line of the trace of a call (gateway.md 14).
type Entry struct {
	Section string
	Source  string
	Time    time.Time
	Elapsed time.Duration // since the call began
	Message string
	Data    map[string]string
}

// Tracer takes the entries of a call that is traced.
type Tracer func(Entry)

// Trace adds an entry to the call's trace, when it has one. Pairs are names and values.
func (c *Call) Trace(source string, message string, pairs ...string) {
	if !c.Tracing || c.Tracer == nil {
		return
	}
	now := c.Services.now()
	e := Entry{Section: c.section.String(), Source: source, Time: now, Elapsed: now.Sub(c.Times.Start), Message: message}
	for i := 0; i+1 < len(pairs); i += 2 {
		if e.Data == nil {
			e.Data = make(map[string]string, len(pairs)/2)
		}
		e.Data[pairs[i]] = pairs[i+1]
	}
	c.Tracer(e)
}

func (c *Call) traceStep(at *Place) {
	if at.Element != "base" {
		c.Trace(at.Element, "", "scope", at.Scope, "path", at.Path)
	}
}

// traceExpression is context.Trace of expressions.
func (c *Call) traceExpression(message string) { c.Trace("expression", message) }
