package expr

import (
	"fmt"
	"strings"
)

type memberKind uint8

const (
	mMethod memberKind = iota
	mProperty
	mIndexer
	mConstructor
	mConstant
	mOperator
	mConversion
)

// member is a row of the tables, read from its C# signature.
type member struct {
	kind     memberKind
	name     string
	on       *Type // the definition that declares it
	static   bool
	ext      bool // an extension method
	implicit bool // of a conversion
	tparams  []*Type
	params   []parameter
	ret      *Type
	canGet   bool
	canSet   bool
	fn, set  Func
	gen      Generic
	constant Value
	sig      string
}

type parameter struct {
	name     string
	typ      *Type
	out, ref bool
	rest     bool // params
	optional bool
	def      Value
}

// sigParser reads the signatures of the tables: C# declarations without bodies.
type sigParser struct {
	*parser
	lib     *library
	on      *Type
	tparams []*Type
	err     error
}

func (l *library) signature(text string, on *Type) *sigParser {
	return &sigParser{parser: newParser(text), lib: l, on: on}
}

func (s *sigParser) oops(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%q of %v: %s", s.code, s.on, fmt.Sprintf(format, args...))
	}
}

func (s *sigParser) done() error {
	if s.err == nil && s.fault != nil {
		s.oops("%s at %d", s.fault.message, s.fault.pos)
	}
	if s.err == nil && s.tok().kind != tkEnd {
		s.oops("unexpected %q", s.tok().text)
	}
	return s.err
}

// wanted parses a type and looks it up.
func (s *sigParser) wanted() *Type {
	n := s.typ()
	if s.fault != nil {
		return errType
	}
	return s.look(n)
}

func (s *sigParser) look(n *typeNode) *Type {
	t := s.lookPlain(n)
	if n.nullable {
		t = nullable(t)
	}
	for range n.ranks {
		t = arrayOf(t)
	}
	return t
}

func (s *sigParser) lookPlain(n *typeNode) *Type {
	if n.keyword != "" {
		return predefined[n.keyword]
	}
	var names []string
	for _, p := range n.parts {
		names = append(names, p.name)
	}
	name, last := strings.Join(names, "."), n.parts[len(n.parts)-1]
	if len(n.parts) == 1 && len(last.args) == 0 {
		for _, p := range s.tparams {
			if p.name == name {
				return p
			}
		}
		if s.on != nil {
			for _, p := range s.on.args {
				if s.on.def == nil && p.name == name {
					return p
				}
			}
		}
	}
	def := s.lib.byName(name, len(last.args))
	if def == nil {
		s.oops("no type %s with %d arguments", name, len(last.args))
		return errType
	}
	if len(last.args) == 0 {
		return def
	}
	args := make([]*Type, len(last.args))
	for i, a := range last.args {
		args[i] = s.look(a)
	}
	return instance(def, args...)
}

// typeParams parses <T, U> and gives each parameter its place.
func (s *sigParser) typeParams(ofMethod bool) (list []*Type, variance []int8) {
	if !s.accept("<") {
		return nil, nil
	}
	varies := false
	for {
		v := int8(0)
		if s.accept("out") {
			v, varies = 1, true
		} else if s.accept("in") {
			v, varies = -1, true
		}
		list = append(list, &Type{kind: kTypeParam, name: s.ident(), index: len(list), ofMethod: ofMethod})
		variance = append(variance, v)
		if !s.accept(",") {
			break
		}
	}
	s.expect(">")
	if !varies {
		variance = nil
	}
	return list, variance
}

// member reads a declaration of a member.
func (s *sigParser) member(m *member) {
	m.on, m.sig = s.on, s.code
	m.static = s.on.static
	for {
		switch {
		case s.accept("static"):
			m.static = true
		case s.accept("readonly"):
		case s.accept("const"):
			m.static, m.kind = true, mConstant
		case s.accept("implicit"):
			m.implicit = true
			s.conversion(m)
			return
		case s.accept("explicit"):
			s.conversion(m)
			return
		default:
			s.rest(m)
			return
		}
	}
}

func (s *sigParser) conversion(m *member) {
	s.expect("operator")
	m.kind, m.static, m.name = mConversion, true, "op_Explicit"
	if m.implicit {
		m.name = "op_Implicit"
	}
	m.ret = s.wanted()
	s.parameters(m, "(", ")")
}

func (s *sigParser) rest(m *member) {
	if t := s.tok(); t.kind == tkName && t.text == simpleName(s.on.name) && s.peek(1).text == "(" {
		s.next()
		m.kind, m.name, m.ret = mConstructor, ".ctor", s.on.open()
		s.parameters(m, "(", ")")
		return
	}
	s.tparams = s.methodParams()
	m.tparams = s.tparams
	m.ret = s.wanted()
	switch {
	case s.accept("operator"):
		op := s.next().text
		if op == ">" && s.is(">") {
			s.next()
			op = ">>"
		}
		m.kind, m.static, m.name = mOperator, true, "op "+op
		s.parameters(m, "(", ")")
	case s.accept("this"):
		m.kind, m.name = mIndexer, "Item"
		s.parameters(m, "[", "]")
		s.accessors(m)
	default:
		m.name = s.ident()
		switch {
		case s.is("<"):
			s.typeParams(true)
			s.parameters(m, "(", ")")
		case s.is("("):
			s.parameters(m, "(", ")")
		case s.is("{"):
			m.kind = mProperty
			s.accessors(m)
		case m.kind == mConstant:
		default:
			m.kind, m.canGet = mProperty, true
		}
	}
}

// methodParams looks ahead for the type parameters of a generic method, which its result may name.
func (s *sigParser) methodParams() []*Type {
	start := s.i
	defer func() { s.i = start }()
	if _, ok := s.tryType(false); !ok || s.tok().kind != tkName {
		return nil
	}
	s.next()
	list, _ := s.typeParams(true)
	return list
}

func (s *sigParser) accessors(m *member) {
	s.expect("{")
	for !s.is("}") && s.tok().kind != tkEnd {
		switch s.ident() {
		case "get":
			m.canGet = true
		case "set":
			m.canSet = true
		default:
			s.oops("get or set expected")
		}
		s.expect(";")
	}
	s.expect("}")
}

func (s *sigParser) parameters(m *member, open, closing string) {
	s.expect(open)
	for !s.is(closing) && s.tok().kind != tkEnd {
		var p parameter
		if s.accept("this") {
			m.ext, m.static = true, true
		}
		p.out, p.rest = s.accept("out"), s.accept("params")
		p.ref = s.accept("ref")
		p.typ = s.wanted()
		p.name = s.ident()
		if s.accept("=") {
			p.optional = true
			p.def = s.constant(p.typ)
		}
		m.params = append(m.params, p)
		if !s.accept(",") {
			break
		}
	}
	s.expect(closing)
}

// constant reads a default of a parameter: a literal, default, or a name of the parameter's enumeration.
func (s *sigParser) constant(t *Type) Value {
	switch x := s.unary().(type) {
	case *literal:
		if t.isNumber() && x.typ != t && x.typ.isInteger() {
			return Number(t, x.value.n)
		}
		return x.value
	case *unaryExpr:
		if l, ok := x.x.(*literal); ok && x.op == "-" {
			return Number(t, -l.value.n)
		}
	case *defaultExpr:
		return t.defaultValue()
	case *memberExpr:
		for _, e := range t.enum {
			if e.name == x.name {
				return Number(t, e.value)
			}
		}
	}
	s.oops("a default that is not understood")
	return Null
}

func simpleName(full string) string { return full[strings.LastIndexAny(full, ".+")+1:] }

// open is the type with its own parameters as arguments: what List<T> means inside its declaration.
func (t *Type) open() *Type {
	if len(t.args) > 0 && t.def == nil {
		return instance(t, t.args...)
	}
	return t
}
