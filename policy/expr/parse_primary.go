package expr

import "strings"

func (p *parser) primary() node {
	t := p.tok()
	at := pos(t.pos)
	switch t.kind {
	case tkEnd:
		p.fail(t.pos, "Expression expected")
		return &literal{at, Null, errType}
	case tkNumber, tkString, tkChar:
		p.i++
		return p.postfix(&literal{at, t.value, t.typ})
	case tkInterpolated:
		p.i++
		return p.postfix(p.interpolation(t))
	case tkName:
		return p.postfix(p.nameOrNameof())
	case tkKeyword:
		return p.keyword(t)
	}
	if t.text == "(" {
		p.i++
		x := p.expr()
		if p.is(",") {
			p.fail(p.tok().pos, "Tuples are not supported within expressions")
		}
		p.expect(")")
		return p.postfix(&parenExpr{at, x})
	}
	p.fail(t.pos, "Invalid expression term '%s'", t.text)
	return &literal{at, Null, errType}
}

func (p *parser) nameOrNameof() node {
	at := p.pos()
	if p.isName("nameof") && p.peek(1).text == "(" && p.peek(1).kind == tkOperator {
		p.i += 2
		x := p.expr()
		p.expect(")")
		return &nameofExpr{at, x}
	}
	name := p.ident()
	if name == "global" && p.accept("::") {
		name = p.ident()
	}
	p.names.used[name] = true
	return &nameExpr{at, name, p.genericArgs()}
}

var constants = map[string]*literal{
	"true": {value: Bool(true), typ: boolType}, "false": {value: Bool(false), typ: boolType}, "null": {typ: nullType},
}

func (p *parser) keyword(t *token) node {
	at := pos(t.pos)
	if c := constants[t.text]; c != nil {
		p.i++
		return p.postfix(&literal{at, c.value, c.typ})
	}
	switch t.text {
	case "new":
		p.i++
		return p.postfix(p.creation(at))
	case "default":
		p.i++
		d := &defaultExpr{pos: at}
		if p.accept("(") {
			d.typ = p.typ()
			p.expect(")")
		}
		return p.postfix(d)
	case "checked", "unchecked":
		p.i++
		p.expect("(")
		x := p.expr()
		p.expect(")")
		return p.postfix(&checkedExpr{at, t.text == "checked", x})
	case "typeof":
		p.fail(t.pos, "Usage of 'typeof' is not supported within expressions")
	case "this", "base":
		p.fail(t.pos, "Keyword '%s' is not available in the current context", t.text)
	case "sizeof", "stackalloc":
		p.fail(t.pos, "Usage of '%s' is not supported within expressions", t.text)
	default:
		if predefined[t.text] != nil {
			typ, _ := p.plainType()
			if !p.is(".") {
				p.fail(t.pos, "Invalid expression term '%s'", t.text)
			}
			return p.postfix(&typeExpr{at, typ})
		}
		p.fail(t.pos, "Invalid expression term '%s'", t.text)
	}
	return &literal{at, Null, errType}
}

// postfix parses what follows a primary expression: members, calls, indexers, ++ and --. Each level counts as nesting,
// because the tree that it makes is as deep.
func (p *parser) postfix(x node) node {
	x, _ = p.chain(x)
	return x
}

func (p *parser) chain(x node) (node, bool) {
	for links := 0; ; links++ {
		if links > maxNesting {
			p.fail(p.tok().pos, "An expression is too long or complex to compile")
			return x, false
		}
		t := p.tok()
		if t.kind != tkOperator {
			return x, false
		}
		at := pos(t.pos)
		switch t.text {
		case ".":
			p.i++
			x = p.member(x)
		case "(":
			x = &callExpr{pos(x.at()), x, p.args(")")}
		case "[":
			x = &indexExpr{pos(x.at()), x, p.args("]")}
		case "++", "--":
			p.i++
			x = &stepExpr{at, t.text, false, x}
		case "?.":
			p.i++
			return p.conditional(at, x, func(hole node) node { return p.member(hole) }), true
		case "?":
			if p.peek(1).text != "[" || p.peek(1).kind != tkOperator { // no expression begins with a bracket
				return x, false
			}
			p.i++
			return p.conditional(at, x, func(hole node) node { return &indexExpr{at, hole, p.args("]")} }), true
		case "->":
			p.fail(t.pos, "Pointers are not supported within expressions")
		default:
			return x, false
		}
	}
}

// conditional parses the rest of a chain after ?. or ?[, which is skipped as a whole when x is null.
func (p *parser) conditional(at pos, x node, first func(node) node) node {
	if !p.nest() {
		return x
	}
	defer p.unnest()
	hole := &holeExpr{pos: at}
	rest, _ := p.chain(first(hole))
	return &condAccess{at, x, rest, hole}
}

func (p *parser) member(x node) node {
	m := &memberExpr{pos: pos(x.at()), x: x, namePos: p.tok().pos}
	m.name = p.ident()
	m.args = p.genericArgs()
	return m
}

// args parses arguments in brackets.
func (p *parser) args(closing string) []argument {
	p.i++
	list := []argument{}
	for !p.is(closing) && p.tok().kind != tkEnd {
		list = append(list, p.argument())
		if !p.accept(",") {
			break
		}
	}
	p.expect(closing)
	return list
}

func (p *parser) argument() argument {
	a := argument{pos: p.pos()}
	if next := p.peek(1); p.tok().kind == tkName && next.kind == tkOperator && next.text == ":" {
		a.name = p.ident()
		p.i++
	}
	if p.is("out") || p.is("ref") {
		a.mode = p.next().text
		start := p.i
		if t, ok := p.tryType(false); ok && p.tok().kind == tkName && a.mode == "out" {
			a.declare, a.local = t, p.declare(p.ident())
			return a
		}
		p.i = start
	}
	a.x = p.expr()
	return a
}

// creation parses what follows new.
func (p *parser) creation(at pos) node {
	switch {
	case p.is("{"):
		return p.anonymous(at)
	case p.is("["):
		p.i++
		for p.accept(",") {
			p.fail(p.tok().pos, "Arrays of several dimensions are not supported within expressions")
		}
		p.expect("]")
		return &newArray{pos: at, init: p.arrayInit()}
	case p.is("("):
		p.fail(p.tok().pos, "Feature 'target-typed object creation' is not available in C# 7.0. Please use language version 9.0 or greater.")
	}
	t, ok := p.plainType()
	if !ok {
		p.fail(p.tok().pos, "Type expected")
		return &literal{at, Null, errType}
	}
	if p.accept("?") {
		t.nullable = true
	}
	if p.is("[") {
		return p.arrayCreation(at, t)
	}
	n := &newExpr{pos: at, typ: t}
	if p.is("(") {
		n.args = p.args(")")
	} else if !p.is("{") {
		p.fail(p.tok().pos, "A new expression requires (), [], or {} after type")
	}
	if p.is("{") {
		n.init = p.initializer()
	}
	return n
}

func (p *parser) arrayCreation(at pos, t *typeNode) node {
	n := &newArray{pos: at, elem: t}
	p.i++
	if !p.is("]") {
		n.size = append(n.size, p.expr())
	}
	if p.is(",") {
		p.fail(p.tok().pos, "Arrays of several dimensions are not supported within expressions")
	}
	p.expect("]")
	for p.is("[") && p.peek(1).text == "]" {
		t.ranks = append(t.ranks, 0)
		p.i += 2
	}
	if p.is("{") {
		n.init = p.arrayInit()
	} else if n.size == nil {
		p.fail(p.tok().pos, "Array creation must have array size or array initializer")
	}
	return n
}

// arrayInit parses {a, b, {c}}.
func (p *parser) arrayInit() *initializer {
	init := &initializer{pos: p.pos()}
	if !p.nest() {
		return init
	}
	defer p.unnest()
	p.expect("{")
	for !p.is("}") && p.tok().kind != tkEnd {
		item := initItem{pos: p.pos()}
		if p.is("{") {
			item.nested = p.arrayInit()
		} else {
			item.args = []node{p.expr()}
		}
		init.items = append(init.items, item)
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return init
}

// initializer parses what follows new T(): members, elements, or things to add.
func (p *parser) initializer() *initializer {
	init := &initializer{pos: p.pos()}
	if !p.nest() {
		return init
	}
	defer p.unnest()
	p.expect("{")
	for !p.is("}") && p.tok().kind != tkEnd {
		init.items = append(init.items, p.initItem())
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return init
}

func (p *parser) initItem() initItem {
	item := initItem{pos: p.pos()}
	switch next := p.peek(1); {
	case p.is("["):
		item.index = p.args("]")
		p.expect("=")
	case p.tok().kind == tkName && next.kind == tkOperator && next.text == "=":
		item.name = p.ident()
		p.i++
	case p.is("{"):
		p.i++
		for !p.is("}") && p.tok().kind != tkEnd {
			item.args = append(item.args, p.expr())
			if !p.accept(",") {
				break
			}
		}
		p.expect("}")
		return item
	}
	if p.is("{") {
		item.nested = p.initializer()
		return item
	}
	item.args = []node{p.expr()}
	return item
}

func (p *parser) anonymous(at pos) node {
	n := &anonExpr{pos: at}
	p.expect("{")
	for !p.is("}") && p.tok().kind != tkEnd {
		name, here := "", p.tok().pos
		if next := p.peek(1); p.tok().kind == tkName && next.kind == tkOperator && next.text == "=" {
			name = p.ident()
			p.i++
		}
		x := p.expr()
		if name == "" {
			if name = projected(x); name == "" {
				p.fail(here, "Invalid anonymous type member declarator. Anonymous type members must be declared with a member assignment, simple name or member access.")
			}
		}
		n.names, n.values = append(n.names, name), append(n.values, x)
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return n
}

// projected is the name that a member of an anonymous type takes from its value.
func projected(x node) string {
	switch x := x.(type) {
	case *nameExpr:
		return x.name
	case *memberExpr:
		return x.name
	case *condAccess:
		return projected(x.rest)
	}
	return ""
}

// interpolation parses the holes of an interpolated string, each with a parser of its own.
func (p *parser) interpolation(t *token) node {
	n := &interpExpr{pos: pos(t.pos)}
	for _, part := range t.parts {
		q := interpPart{text: part.text}
		if part.hole {
			q.x = p.piece(part.start, part.end)
			if part.align != "" {
				q.align = p.piece(part.alignPos, part.alignPos+len(part.align))
			}
			q.format = part.format
		}
		n.parts = append(n.parts, q)
	}
	return n
}

// piece parses a part of the code as one expression.
func (p *parser) piece(start, end int) node {
	if strings.TrimSpace(p.code[start:end]) == "" {
		p.fail(start, "Expression expected")
		return &literal{pos(start), Null, errType}
	}
	tokens, fault := lex(p.code[start:end], start)
	outer, at := p.tokens, p.i
	p.tokens, p.i = tokens, 0
	if fault != nil && p.fault == nil {
		p.fault = fault
		p.i = len(tokens) - 1
	}
	x := p.expr()
	if t := p.tok(); t.kind != tkEnd {
		p.fail(t.pos, "A '}' character is expected to close the interpolation")
	}
	p.tokens, p.i = outer, at
	if p.fault != nil {
		p.i = len(p.tokens) - 1
	}
	return x
}
