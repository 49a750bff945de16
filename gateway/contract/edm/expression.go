package edm

import "strings"

// binary are the operators between two expressions: how tightly they bind, and what their operands and result are.
var binary = map[string]struct {
	binds    int
	operands string // "bool", or "" for any single primitive value
	result   string
}{
	"or": {1, "bool", "bool"}, "and": {2, "bool", "bool"}, "eq": {3, "", "bool"}, "ne": {3, "", "bool"},
	"lt": {4, "", "bool"}, "le": {4, "", "bool"}, "gt": {4, "", "bool"}, "ge": {4, "", "bool"},
	"add": {5, "", ""}, "sub": {5, "", ""}, "mul": {6, "", ""}, "div": {6, "", ""}, "divby": {6, "", ""}, "mod": {6, "", ""},
	"in": {7, "", "bool"}, "has": {7, "", "bool"},
}

// functions of the language: how many arguments they take at least and at most, and the class of what they return.
var functions = map[string]struct {
	least, most int
	class       string
}{
	"contains": {2, 2, "bool"}, "startswith": {2, 2, "bool"}, "endswith": {2, 2, "bool"}, "matchesPattern": {2, 2, "bool"},
	"length": {1, 1, "number"}, "indexof": {2, 2, "number"}, "substring": {2, 3, ""}, "concat": {2, 2, ""},
	"tolower": {1, 1, "string"}, "toupper": {1, 1, "string"}, "trim": {1, 1, "string"},
	"year": {1, 1, "number"}, "month": {1, 1, "number"}, "day": {1, 1, "number"}, "hour": {1, 1, "number"}, "minute": {1, 1, "number"}, "second": {1, 1, "number"},
	"fractionalseconds": {1, 1, "number"}, "totalseconds": {1, 1, "number"}, "totaloffsetminutes": {1, 1, "number"},
	"date": {1, 1, "date"}, "time": {1, 1, "time"}, "now": {0, 0, "instant"}, "mindatetime": {0, 0, "instant"}, "maxdatetime": {0, 0, "instant"},
	"round": {1, 1, "number"}, "floor": {1, 1, "number"}, "ceiling": {1, 1, "number"},
	"geo.distance": {2, 2, "number"}, "geo.length": {1, 1, "number"}, "geo.intersects": {2, 2, "bool"},
}

// condition takes an expression that is a truth value.
func (s *scanner) condition() { s.want(s.expression(1), "bool") }

// want refuses a value of another class; null and what is not known may be anything.
func (s *scanner) want(v value, class string) {
	switch {
	case v.many || v.t != nil && class == "bool":
		s.fail(DataType, "In '%s', a single value is expected before character %d.", s.name, s.at+1)
	case class != "" && v.class != "" && v.class != "null" && v.class != class:
		s.fail(DataType, "In '%s', a %s value is expected before character %d.", s.name, class, s.at+1)
	}
}

// expression takes an expression of operators that bind at least so tightly.
func (s *scanner) expression(binds int) value {
	s.deeper()
	left := s.unary()
	for {
		at := s.at
		spaced := s.space()
		word := s.word()
		op, ok := binary[word]
		if !ok || op.binds < binds || !spaced {
			s.at = at
			break
		}
		if !s.space() {
			s.fail(Malformed, "In '%s', a blank is expected at character %d.", s.name, s.at+1)
		}
		s.want(left, op.operands)
		if word == "in" {
			s.list()
		} else {
			s.want(s.expression(op.binds+1), op.operands)
		}
		left = value{class: op.result}
	}
	s.depth--
	return left
}

func (s *scanner) unary() value {
	at := s.at
	if s.keyword("not") {
		if s.space() || strings.HasPrefix(s.rest(), "(") {
			s.want(s.expression(7), "bool")
			return value{class: "bool"}
		}
		s.at = at
	}
	if class, ok := s.literal(); ok {
		return value{class: class}
	}
	switch {
	case s.alias():
		return value{}
	case s.take("-"):
		s.space()
		s.want(s.expression(7), "")
		return value{}
	case s.take("("):
		s.space()
		v := s.expression(1)
		s.space()
		s.need(")")
		return v
	}
	return s.path()
}

// list takes what may follow in: literals in parentheses, or a path to a collection.
func (s *scanner) list() {
	if !s.take("(") {
		if v := s.unary(); !v.many && v != (value{}) {
			s.fail(DataType, "In '%s', 'in' needs a collection.", s.name)
		}
		return
	}
	for {
		s.space()
		if _, ok := s.literal(); !ok && !s.alias() {
			s.fail(Malformed, "In '%s', a literal is expected at character %d.", s.name, s.at+1)
		}
		s.space()
		if !s.take(",") {
			break
		}
	}
	s.need(")")
}

// path takes what begins with a name: a function of the language, or the way to a property.
func (s *scanner) path() value {
	at := s.at
	if s.take("$it") {
		return s.steps(s.it)
	}
	if strings.HasPrefix(s.rest(), "$") {
		s.at++
		s.fail(Unsupported, "In '%s', '$%s' is not supported.", s.name, s.word())
	}
	name := s.word()
	if name == "" {
		s.fail(Malformed, "In '%s', an expression is expected at character %d.", s.name, s.at+1)
	}
	if v, ok := s.vars[name]; ok {
		return s.steps(v)
	}
	if strings.HasPrefix(s.rest(), "(") {
		if name == "cast" || name == "isof" {
			return s.cast(name)
		}
		if f, ok := functions[name]; ok {
			s.arguments(f.least, f.most)
			return value{class: f.class}
		}
	}
	s.at = at
	if s.it.many {
		s.fail(Unsuited, "In '%s', '%s' is no property of a collection.", s.name, name)
	}
	return s.steps(s.step(s.it))
}

// steps takes the rest of a path.
func (s *scanner) steps(v value) value {
	for n := 0; s.take("/"); n++ {
		if n > depthMost {
			s.fail(TooComplex, "In '%s', a path is too long.", s.name)
		}
		v = s.step(v)
	}
	return v
}

// step takes one segment of a path in an expression.
func (s *scanner) step(v value) value {
	if v.many {
		at := s.at
		switch {
		case s.take("$count"):
			return value{class: "number"}
		case s.keyword("any"), s.keyword("all"):
			s.lambda(v, s.text[at:s.at])
			return value{class: "bool"}
		}
	}
	name := s.word()
	if name == "" {
		s.fail(Malformed, "In '%s', a name is expected at character %d.", s.name, s.at+1)
	}
	if strings.Contains(name, ".") {
		return s.qualified(v, name)
	}
	if v.many {
		s.fail(Unsuited, "In '%s', '%s' is no property of a collection.", s.name, name)
	}
	next, _ := s.property(v, name)
	return next
}

// property finds a property of a value.
func (s *scanner) property(v value, name string) (next value, navigates bool) {
	if v.t == nil {
		s.fail(Unknown, "In '%s', '%s' is asked of what has no properties.", s.name, name)
	}
	p, ok := s.m.member(v.t, name)
	if !ok {
		if s.m.isOpen(v.t) {
			return value{}, false
		}
		s.fail(Unknown, "In '%s', '%s' has no property '%s'.", s.name, v.t.name, name)
	}
	return s.typed(p.of), p.nav
}

func (s *scanner) typed(r ref) value {
	v, ok := s.m.value(r)
	if !ok {
		s.fail(Unknown, "In '%s', the type '%s' is not in the metadata.", s.name, r.name)
	}
	return v
}

// qualified goes on with a type cast or a bound function.
func (s *scanner) qualified(v value, name string) value {
	full := s.m.full(name)
	if t := s.m.types[full]; t != nil && v.t != nil && t.kind == v.t.kind {
		return s.castTo(v, t)
	}
	return s.call(full, &v)
}

func (s *scanner) castTo(v value, t *structure) value {
	if !s.m.derives(t, v.t) {
		s.fail(DataType, "In '%s', '%s' does not derive from '%s'.", s.name, t.name, v.t.name)
	}
	return value{t: t, many: v.many}
}

// call takes the parameters of a function, bound to a value when there is one.
func (s *scanner) call(full string, bound *value) value {
	if len(s.m.calls[full]) == 0 {
		s.fail(Unknown, "In '%s', the metadata has no '%s'.", s.name, full)
	}
	o := s.m.overload(full, bound, false, s.parameters())
	if o == nil || o.returns == nil {
		s.fail(Unknown, "In '%s', no function '%s' takes these parameters.", s.name, full)
	}
	return s.typed(*o.returns)
}

// parameters takes the named parameters of a function, and returns their names.
func (s *scanner) parameters() (names []string) {
	s.need("(")
	if s.take(")") {
		return nil
	}
	seen := map[string]bool{}
	for {
		s.space()
		name := s.identifier()
		if seen[name] {
			s.fail(Duplicate, "In '%s', '%s' is there twice.", s.name, name)
		}
		seen[name], names = true, append(names, name)
		s.need("=")
		s.expression(1)
		s.space()
		if !s.take(",") {
			s.need(")")
			return names
		}
	}
}

// lambda takes what any and all hold.
func (s *scanner) lambda(v value, name string) {
	s.need("(")
	s.space()
	if name == "any" && s.take(")") {
		return
	}
	variable := s.identifier()
	if _, ok := s.vars[variable]; ok {
		s.fail(Duplicate, "In '%s', the variable '%s' is there already.", s.name, variable)
	}
	s.space()
	s.need(":")
	s.space()
	if s.vars == nil {
		s.vars = map[string]value{}
	}
	s.vars[variable] = value{class: v.class, t: v.t}
	s.condition()
	delete(s.vars, variable)
	s.space()
	s.need(")")
}

func (s *scanner) arguments(least, most int) {
	s.need("(")
	s.space()
	n := 0
	for !s.take(")") {
		if n > 0 {
			s.need(",")
			s.space()
		}
		s.expression(1)
		s.space()
		n++
	}
	if n < least || n > most {
		s.fail(Malformed, "In '%s', a function has the wrong number of arguments.", s.name)
	}
}

// cast takes the arguments of cast and isof: an expression, which may be left out, and a type.
func (s *scanner) cast(name string) value {
	s.need("(")
	s.space()
	at := s.at
	full := s.m.full(s.word())
	if v, ok := s.m.value(ref{name: full}); ok && strings.HasPrefix(strings.TrimLeft(s.rest(), " \t"), ")") {
		return s.closeCast(name, v)
	}
	s.at = at
	s.expression(1)
	s.space()
	s.need(",")
	s.space()
	return s.closeCast(name, s.typed(ref{name: s.m.full(s.word())}))
}

func (s *scanner) closeCast(name string, v value) value {
	s.space()
	s.need(")")
	if name == "isof" {
		return value{class: "bool"}
	}
	return s.steps(v)
}
