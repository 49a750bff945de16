package expr

// program parses the code of a whole expression: one expression, or the statements of a block.
func (p *parser) program(isBlock bool) *lambdaExpr {
	l := &lambdaExpr{names: p.names}
	if p.fault != nil {
		return l
	}
	if isBlock {
		l.block = &block{pos: p.pos()}
		for p.tok().kind != tkEnd && p.fault == nil {
			l.block.list = append(l.block.list, p.statement())
		}
		l.block.end = len(p.code)
		return l
	}
	if p.tok().kind == tkEnd {
		p.fail(p.tok().pos, "Expression expected")
		return l
	}
	l.body = p.expr()
	if t := p.tok(); t.kind != tkEnd {
		switch t.text {
		case ")", "}", "]", ";":
			p.fail(t.pos, "Unexpected '%s'", t.text)
		default:
			p.fail(p.tokens[p.i-1].end, ") expected")
		}
	}
	return l
}

func (p *parser) block() *block {
	b := &block{pos: p.pos()}
	if !p.nest() {
		return b
	}
	defer p.unnest()
	p.expect("{")
	for !p.is("}") && p.tok().kind != tkEnd {
		b.list = append(b.list, p.statement())
	}
	b.end = p.tok().pos
	p.expect("}")
	return b
}

// refusedStatements begin with a word that C# has and expressions do not.
var refusedStatements = map[string]string{
	"goto": "goto", "lock": "lock", "unsafe": "unsafe code", "fixed": "fixed", "class": "class declarations", "struct": "struct declarations",
	"enum": "enum declarations", "delegate": "delegate declarations", "interface": "interface declarations", "namespace": "namespace declarations",
	"public": "declarations of members", "private": "declarations of members", "static": "declarations of members", "internal": "declarations of members",
	"ref": "ref locals", "event": "declarations of members", "extern": "declarations of members", "abstract": "class declarations", "sealed": "class declarations",
}

func (p *parser) statement() node {
	at := p.pos()
	if !p.nest() {
		return &emptyStmt{at}
	}
	defer p.unnest()
	t := p.tok()
	switch t.kind {
	case tkOperator:
		switch t.text {
		case "{":
			return p.block()
		case ";":
			p.i++
			return &emptyStmt{at}
		}
	case tkKeyword:
		if what := refusedStatements[t.text]; what != "" {
			p.fail(t.pos, "Usage of '%s' is not supported within expressions", what)
			return &emptyStmt{at}
		}
		if s := p.keywordStatement(at, t.text); s != nil {
			return s
		}
	case tkName:
		if p.isName("yield") && (p.peek(1).text == "return" || p.peek(1).text == "break") {
			p.fail(t.pos, "Usage of 'yield' is not supported within expressions")
		}
		if next := p.peek(1); next.kind == tkOperator && next.text == ":" {
			p.fail(t.pos, "Labels are not supported within expressions")
		}
	}
	if d := p.declaration(); d != nil {
		return d
	}
	s := &exprStmt{at, p.expr()}
	p.expect(";")
	return s
}

func (p *parser) keywordStatement(at pos, word string) node {
	switch word {
	case "if":
		p.i++
		s := &ifStmt{pos: at, cond: p.condition(), then: p.embedded()}
		if p.accept("else") {
			s.alt = p.embedded()
		}
		return s
	case "while":
		p.i++
		return &whileStmt{at, p.condition(), p.embedded()}
	case "do":
		return p.do(at)
	case "for":
		return p.forLoop(at)
	case "foreach":
		return p.foreach(at)
	case "switch":
		return p.switchStatement(at)
	case "break", "continue":
		p.i++
		p.expect(";")
		return &jumpStmt{at, word}
	case "return":
		p.i++
		s := &returnStmt{pos: at}
		if !p.is(";") {
			s.x = p.expr()
		}
		p.expect(";")
		return s
	case "throw":
		p.i++
		s := &throwStmt{pos: at}
		if !p.is(";") {
			s.x = p.expr()
		}
		p.expect(";")
		return s
	case "try":
		return p.try(at)
	case "using":
		return p.using(at)
	case "checked", "unchecked":
		if p.peek(1).text == "{" {
			p.i++
			return &checkedStmt{at, word == "checked", p.block()}
		}
	case "const":
		p.i++
		d := p.declarators(p.typ(), true)
		p.expect(";")
		return d
	case "else":
		p.fail(int(at), "Invalid expression term 'else'")
	case "case", "default":
		if word == "default" && p.peek(1).text != ":" {
			return nil
		}
		p.fail(int(at), "Unexpected '%s'", word)
	case "catch", "finally":
		p.fail(int(at), "Unexpected '%s'", word)
	}
	return nil
}

func (p *parser) condition() node {
	p.expect("(")
	x := p.expr()
	p.expect(")")
	return x
}

// embedded parses the statement that belongs to another one, which cannot be a declaration.
func (p *parser) embedded() node {
	at := p.pos()
	s := p.statement()
	switch s.(type) {
	case *declStmt, *localFunc:
		p.fail(int(at), "Embedded statement cannot be a declaration or labeled statement")
	}
	return s
}

func (p *parser) do(at pos) node {
	p.i++
	s := &doStmt{pos: at, body: p.embedded()}
	p.expect("while")
	s.cond = p.condition()
	p.expect(";")
	return s
}

func (p *parser) forLoop(at pos) node {
	p.i++
	s := &forStmt{pos: at}
	p.expect("(")
	if !p.is(";") {
		if d := p.typedDeclarators(); d != nil {
			s.init = []node{d}
		} else {
			s.init = p.expressions()
		}
	}
	p.expect(";")
	if !p.is(";") {
		s.cond = p.expr()
	}
	p.expect(";")
	if !p.is(")") {
		s.post = p.expressions()
	}
	p.expect(")")
	s.body = p.embedded()
	return s
}

func (p *parser) expressions() []node {
	var list []node
	for {
		at := p.pos()
		list = append(list, &exprStmt{at, p.expr()})
		if !p.accept(",") {
			return list
		}
	}
}

func (p *parser) foreach(at pos) node {
	p.i++
	p.expect("(")
	s := &foreachStmt{pos: at, typ: p.typ()}
	s.name = p.declare(p.ident())
	p.expect("in")
	s.x = p.expr()
	p.expect(")")
	s.body = p.embedded()
	return s
}

func (p *parser) switchStatement(at pos) node {
	p.i++
	s := &switchStmt{pos: at, x: p.condition()}
	p.expect("{")
	for !p.is("}") && p.tok().kind != tkEnd {
		section := switchSection{pos: p.pos()}
		for p.is("case") || p.is("default") && p.peek(1).text == ":" {
			section.labels = append(section.labels, p.label())
		}
		if len(section.labels) == 0 {
			p.fail(p.tok().pos, "Expected 'case' or 'default'")
		}
		for !p.is("case") && !(p.is("default") && p.peek(1).text == ":") && !p.is("}") && p.tok().kind != tkEnd {
			section.body = append(section.body, p.statement())
		}
		s.sections = append(s.sections, section)
	}
	p.expect("}")
	return s
}

func (p *parser) label() switchLabel {
	l := switchLabel{pos: p.pos()}
	if p.next().text == "default" {
		l.isDefault = true
		p.expect(":")
		return l
	}
	start := p.i
	if t, ok := p.tryType(true); ok && p.tok().kind == tkName && !p.isName("when") {
		l.typ, l.local = t, p.declare(p.ident())
	} else {
		p.i = start
		l.value = p.ternary()
	}
	if p.isName("when") {
		p.i++
		l.when = p.expr()
	}
	p.expect(":")
	return l
}

func (p *parser) try(at pos) node {
	p.i++
	s := &tryStmt{pos: at, body: p.block()}
	for p.is("catch") {
		c := catchClause{pos: p.pos()}
		p.i++
		if p.accept("(") {
			c.typ = p.typ()
			if p.tok().kind == tkName {
				c.local = p.declare(p.ident())
			}
			p.expect(")")
		}
		if p.isName("when") {
			p.i++
			c.when = p.condition()
		}
		c.body = p.block()
		s.catches = append(s.catches, c)
	}
	if p.accept("finally") {
		s.finally = p.block()
	}
	if s.catches == nil && s.finally == nil {
		p.fail(p.tok().pos, "Expected catch or finally")
	}
	return s
}

func (p *parser) using(at pos) node {
	p.i++
	if !p.is("(") {
		p.fail(p.tok().pos, "Using directives and using declarations are not supported within expressions")
	}
	p.expect("(")
	s := &usingStmt{pos: at}
	if s.decl = p.typedDeclarators(); s.decl == nil {
		s.x = p.expr()
	}
	p.expect(")")
	s.body = p.embedded()
	return s
}

// declaration parses a declaration of variables or of a local function; nil when none stands here.
func (p *parser) declaration() node {
	if d := p.typedDeclarators(); d != nil {
		p.expect(";")
		return d
	}
	start := p.i
	if p.isName("async") && p.peek(1).kind != tkOperator {
		p.fail(p.tok().pos, "Asynchronous functions are not supported within expressions")
		return nil
	}
	t, ok := p.tryType(false)
	if !ok || p.tok().kind != tkName || p.peek(1).text != "(" {
		p.i = start
		return nil
	}
	f := &localFunc{pos: t.pos, result: t, name: p.declare(p.ident())}
	f.fn = &lambdaExpr{pos: t.pos}
	f.fn.names = p.within(func() {
		f.fn.params = p.params(true)
		if p.accept("=>") {
			f.fn.body = p.expr()
			p.expect(";")
			return
		}
		f.fn.block = p.block()
	})
	return f
}

// typedDeclarators parses T a = x, b; nil when none stands here.
func (p *parser) typedDeclarators() *declStmt {
	start := p.i
	t, ok := p.tryType(false)
	if ok && p.tok().kind == tkName {
		switch next := p.peek(1); {
		case next.kind == tkOperator && (next.text == "=" || next.text == ";" || next.text == "," || next.text == ")"):
			return p.declarators(t, false)
		case next.kind != tkOperator || next.text != "(" && next.text != "in":
			if !(p.isName("in")) {
				p.i++
				p.expect(";")
			}
		}
	}
	p.i = start
	return nil
}

func (p *parser) declarators(t *typeNode, constant bool) *declStmt {
	d := &declStmt{pos: t.pos, typ: t, constant: constant}
	for {
		v := declarator{pos: p.pos()}
		v.name = p.declare(p.ident())
		if p.accept("=") {
			if p.is("{") {
				v.array = p.arrayInit()
			} else {
				v.init = p.expr()
			}
		}
		d.vars = append(d.vars, v)
		if !p.accept(",") {
			return d
		}
	}
}
