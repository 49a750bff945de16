package odata

import (
	"sort"
	"strings"

	"gatehouse"
)

// Rules say what a filter may hold for one kind of object.
type Rules struct {
	// Fields maps each field that may be named to what may be done with it:
	// operators, functions, "in", "any" and "all", or "*" for everything.
	Fields map[string]string
	// Functions lists the functions without a field that may be called: atScope, assignedTo.
	Functions string
	// Or and Not permit those words; much of ARM understands "and" only.
	Or, Not bool
}

// Names builds Rules that permit everything on the fields of a list separated by
// blanks, as in the Filter of an ARM type.
func Names(fields string) *Rules {
	r := &Rules{Fields: map[string]string{}, Or: true, Not: true}
	for _, name := range strings.Fields(fields) {
		r.Fields[name] = "*"
	}
	return r
}

// Check refuses a filter that names what the rules do not, saying where and what
// they permit instead. A nil filter passes.
func (r *Rules) Check(e Expr) error {
	if e == nil {
		return nil
	}
	return r.check(e, nil)
}

// check walks e; vars maps lambda variables to the list they run over.
func (r *Rules) check(e Expr, vars map[string]string) error {
	switch e := e.(type) {
	case *Not:
		if !r.Not {
			return fault(e.At(), "not is not supported here")
		}
		return r.check(e.X, vars)
	case *Binary:
		if e.Op == Or && !r.Or {
			return fault(e.At(), "or is not supported here")
		}
		if rank(e.Op) == 3 {
			return r.all(string(e.Op), vars, e.Left, e.Right)
		}
		if err := r.check(e.Left, vars); err != nil {
			return err
		}
		return r.check(e.Right, vars)
	case *In:
		return r.all("in", vars, e.X)
	case *Lambda:
		return r.lambda(e, vars)
	case *Call:
		return r.call(e, vars)
	}
	if l, ok := e.(*Literal); ok {
		if _, ok := l.Value.(bool); !ok {
			return fault(e.At(), "%s is neither true nor false: compare it with something", clip(e.String()))
		}
	}
	return r.use(e, "eq", vars)
}

func (r *Rules) all(what string, vars map[string]string, operands ...Expr) error {
	for _, o := range operands {
		if err := r.use(o, what, vars); err != nil {
			return err
		}
	}
	return nil
}

// use checks an operand of the operator or function called what.
func (r *Rules) use(e Expr, what string, vars map[string]string) error {
	switch e := e.(type) {
	case *Literal:
		return nil
	case *Field:
		return r.field(e, what, vars)
	}
	return r.check(e, vars)
}

func (r *Rules) field(e *Field, what string, vars map[string]string) error {
	path := e.Path
	first, rest, _ := strings.Cut(path, "/")
	if list, ok := vars[first]; ok {
		if path = list; rest != "" {
			path += "/" + rest
		}
	}
	name, allowed, ok := r.find(path)
	if !ok {
		return fault(e.Pos, "%q cannot be filtered by: use one of %s", clip(path), r.names())
	}
	if allowed != "*" && !listed(allowed, what) {
		return fault(e.Pos, "%s does not apply to %s: use one of %s", what, name, allowed)
	}
	return nil
}

func (r *Rules) find(path string) (name, allowed string, ok bool) {
	for name, allowed := range r.Fields {
		if gatehouse.Fold(name) == gatehouse.Fold(path) {
			return name, allowed, true
		}
	}
	return "", "", false
}

func (r *Rules) names() string {
	names := make([]string, 0, len(r.Fields))
	for name := range r.Fields {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(append(names, strings.Fields(r.Functions)...), ", ")
}

func (r *Rules) lambda(e *Lambda, vars map[string]string) error {
	word := "any"
	if e.All {
		word = "all"
	}
	if err := r.field(&Field{e.Path, e.Pos}, word, vars); err != nil || e.Body == nil {
		return err
	}
	inner := map[string]string{e.Var: e.Path}
	for name, list := range vars {
		if name != e.Var {
			inner[name] = list
		}
	}
	return r.check(e.Body, inner)
}

func (r *Rules) call(e *Call, vars map[string]string) error {
	if functions[gatehouse.Fold(e.Name)].name != e.Name || pseudo(e.Name) {
		if !listed(r.Functions, e.Name) {
			return fault(e.Pos, "%s is not supported here: use one of %s", e.Name, r.names())
		}
		return nil
	}
	what := e.Name
	if what == "tolower" || what == "toupper" {
		what = "eq"
	}
	return r.all(what, vars, e.Args...)
}

// pseudo tells ARM's functions, which are not about a field.
func pseudo(name string) bool {
	switch name {
	case "startswith", "endswith", "contains", "substringof", "tolower", "toupper":
		return false
	}
	return true
}

func listed(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if gatehouse.Fold(w) == gatehouse.Fold(word) {
			return true
		}
	}
	return false
}
