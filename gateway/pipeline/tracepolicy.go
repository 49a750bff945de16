package pipeline

import (
	"strings"

	"gatehouse/policy"
)

// Telemetry is what a trace policy sends to loggers, besides the trace of the call.
type Telemetry struct {
	Source, Message string
	Severity        string // verbose, information or error
	Metadata        map[string]string
}

// tracePolicy is trace.
type tracePolicy struct {
	source, severity string
	message          Text
	names, values    []Text
}

func compileTrace(k *Compiler, e *policy.Element) Step {
	s := &tracePolicy{source: k.Literal(e, "source"), severity: strings.ToLower(k.Literal(e, "severity")), message: k.Content(e)} // text in the element itself is the older form
	for _, child := range e.Children {
		switch child.Name {
		case "message":
			s.message = k.Content(child)
		case "metadata":
			s.names, s.values = append(s.names, k.Text(child, "name")), append(s.values, k.Text(child, "value"))
		}
	}
	return s
}

func (s *tracePolicy) Run(c *Call) error {
	if !c.Tracing && c.Services.Telemetry == nil {
		return nil
	}
	message, err := s.message.Eval(c)
	if err != nil {
		return err
	}
	var pairs []string
	metadata := map[string]string{}
	for i := range s.names {
		name, err := s.names[i].Eval(c)
		value, err2 := s.values[i].Eval(c)
		if err = cmpErr(err, err2); err != nil {
			return err
		}
		pairs, metadata[name] = append(pairs, name, value), value
	}
	c.Trace(s.source, message, append(pairs, "severity", s.severity)...)
	if c.Services.Telemetry != nil {
		c.Services.Telemetry(c, Telemetry{Source: s.source, Message: message, Severity: s.severity, Metadata: metadata})
	}
	return nil
}
