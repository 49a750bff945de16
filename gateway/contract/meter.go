package contract

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/gateway/config"
)

// A small body can make much of a schema: alternatives that hold each other double the work with each level, a pattern may try
// a text in all ways there are, and each wrong item is told. So a check is bounded, and one that was not finished is a
// violation.
const (
	stepsEach  = 50      // schemas that are looked at for a value
	stepsMore  = 200_000 // and for all together
	checkLife  = 20 * time.Second
	patterns   = time.Second // for all patterns and texts together
	listedMost = 100_000     // values of a body of which is told what is wrong
	idleMost   = 16          // instances of a schema that are kept
)

// meter bounds one check. It is told of each schema that is looked at, and gives up by a panic, since nothing else ends
// a check.
type meter struct {
	steps    int
	until    time.Time
	patterns time.Duration // left
}

// overrun is the panic of a meter.
type overrun struct{}

func (m *meter) begin(values int) {
	m.steps, m.until, m.patterns = stepsMore+stepsEach*values, time.Now().Add(checkLife), patterns
}

// Validate implements jsonschema.SchemaExt.
func (m *meter) Validate(*jsonschema.ValidatorContext, any) {
	if m.steps--; m.steps < 0 || m.steps%1024 == 0 && time.Now().After(m.until) {
		panic(overrun{})
	}
}

// pattern compiles the regular expressions of schemas, which are those of ECMAScript.
func (m *meter) pattern(text string) (jsonschema.Regexp, error) {
	if len(text) > 4096 {
		return nil, errors.New("the pattern is longer than 4,096 bytes")
	}
	re, err := regexp2.Compile(text, regexp2.ECMAScript)
	if err != nil {
		return nil, err
	}
	return expression{re, m}, nil
}

type expression struct {
	*regexp2.Regexp
	meter *meter
}

// MatchString ends the check when the pattern runs too long: neither answer would be right.
func (e expression) MatchString(s string) bool {
	began := time.Now()
	e.MatchTimeout = e.meter.patterns
	ok, err := e.Regexp.MatchString(s)
	if e.meter.patterns -= time.Since(began); err != nil || e.meter.patterns <= 0 {
		panic(overrun{})
	}
	return ok
}

// instance is a compiled schema for one check at a time.
type instance struct {
	schema, broken *jsonschema.Schema // broken is fulfilled by what the schema is not by
	meter          meter
}

// run checks a value. overrun says that the check was given up.
func (in *instance) run(by *jsonschema.Schema, value any, values int) (err error, given bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, given = p.(overrun); !given {
				panic(p)
			}
		}
	}()
	in.meter.begin(values)
	return by.Validate(value), false
}

// violations are what a value of so many values breaks.
func (in *instance) violations(value any, values int, kind string) []Violation {
	if err, given := in.run(in.broken, value, values); given || err != nil {
		return unfinished(kind, given)
	}
	if values > listedMost {
		return []Violation{{Name: "/", Type: kind, Rule: "Schema", Details: "/: the body does not fulfil its schema"}}
	}
	err, given := in.run(in.schema, value, values)
	if given {
		return unfinished(kind, given)
	}
	return listed(err, kind)
}

// unfinished is what there is to say of a value that is not broken: nothing, unless nobody knows.
func unfinished(kind string, given bool) []Violation {
	if !given {
		return nil
	}
	return []Violation{{Type: kind, Rule: Unchecked, Details: "the body could not be checked in the time that there is for it"}}
}

// compiled is a schema that is kept, with the instances of it that nobody uses.
type compiled struct {
	err  error
	idle []*instance
}

// check checks a value against the schema at a JSON pointer of a document; "" is all of it.
func (s *Schemas) check(document *config.Schema, pointer string, o Options, value any, kind string) []Violation {
	text := document.Document
	if len(text) == 0 {
		text = json.RawMessage(document.Text)
	}
	if len(text) == 0 {
		return []Violation{{"", kind, Unchecked, "the schema is empty"}}
	}
	twice := ""
	if o.Folded {
		value = foldNames(value, &twice)
	}
	if twice != "" {
		return []Violation{{"", kind, Malformed, "the body has a member twice: " + twice}}
	}
	key := schemaKey{document, pointer, o}
	in, err := s.take(key, text)
	if err != nil {
		return []Violation{{"", kind, Unchecked, err.Error()}}
	}
	defer s.giveBack(key, in)
	return in.violations(value, count(value), kind)
}

// take returns an instance of a schema that nobody uses, made anew where there is none.
func (s *Schemas) take(key schemaKey, text json.RawMessage) (*instance, error) {
	s.mu.Lock()
	if known := s.kept[key]; known != nil {
		if n := len(known.idle); n > 0 || known.err != nil {
			defer s.mu.Unlock()
			if known.err != nil {
				return nil, known.err
			}
			in := known.idle[n-1]
			known.idle = known.idle[:n-1]
			return in, nil
		}
	}
	s.mu.Unlock()
	in, err := compileSchema(text, key.pointer, key.options)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= schemasKept {
		s.kept = map[schemaKey]*compiled{}
	}
	if s.kept[key] == nil {
		s.kept[key] = &compiled{err: err}
	}
	return in, err
}

func (s *Schemas) giveBack(key schemaKey, in *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.kept[key]; known != nil && len(known.idle) < idleMost {
		known.idle = append(known.idle, in)
	}
}

// count is how many values a value consists of.
func count(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += count(item)
		}
	case map[string]any:
		for _, item := range v {
			n += count(item)
		}
	}
	return n
}
