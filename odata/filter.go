package odata

import "strings"

// Filter is a checked $filter, ready to be asked about one object after another.
// It is safe for concurrent use; a nil Filter matches everything.
type Filter struct{ expr Expr }

// ParseFilter parses a $filter and checks it against the rules. A blank text is a nil Filter.
func ParseFilter(text string, r *Rules) (*Filter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	e, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if err := r.Check(e); err != nil {
		return nil, err
	}
	return &Filter{e}, nil
}

// Match reports whether the filter holds for what lookup returns. Functions
// without a field, such as atScope, hold: who lists applies them beforehand.
func (f *Filter) Match(lookup func(path string) (any, bool)) bool {
	if f == nil {
		return true
	}
	env := Env{Lookup: lookup, Call: func(string, []any) (bool, error) { return true, nil }}
	ok, err := env.Match(f.expr)
	return ok && err == nil
}

// Calls reports whether a function without a field is one of the filter's conjuncts.
func (f *Filter) Calls(name string) bool {
	return f.call(name) != nil
}

func (f *Filter) call(name string) *Call {
	if f == nil {
		return nil
	}
	for _, e := range Conjuncts(f.expr) {
		if c, ok := CallOf(e, name); ok {
			return c
		}
	}
	return nil
}

// Argument returns the text that such a function was called with.
func (f *Filter) Argument(name string) (string, bool) {
	c := f.call(name)
	if c == nil || len(c.Args) != 1 {
		return "", false
	}
	l, ok := c.Args[0].(*Literal)
	if !ok {
		return "", false
	}
	return l.Text(), true
}
