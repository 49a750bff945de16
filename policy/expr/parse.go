package expr

import (
	"fmt"
	"strings"
)

// parser is a recursive-descent parser of C# 7 as far as policy-expressions.md 3 goes. It stops at the first fault:
// fail moves it to the end, where everything else falls silent.
type parser struct {
	code   string
	tokens []token
	i      int
	depth  int
	fault  *lexFault
	names  *names
}

func newParser(code string) *parser {
	tokens, fault := lex(code, 0)
	return &parser{code: code, tokens: tokens, fault: fault, names: newNames()}
}

func (p *parser) tok() *token { return &p.tokens[p.i] }

func (p *parser) peek(n int) *token { return &p.tokens[min(p.i+n, len(p.tokens)-1)] }

func (p *parser) pos() pos { return pos(p.tok().pos) }

func (p *parser) next() *token {
	t := p.tok()
	if t.kind != tkEnd {
		p.i++
	}
	return t
}

func (p *parser) fail(at int, format string, args ...any) {
	if p.fault == nil {
		p.fault = &lexFault{at, fmt.Sprintf(format, args...)}
	}
	p.i = len(p.tokens) - 1
}

func (p *parser) is(op string) bool {
	t := p.tok()
	return (t.kind == tkOperator || t.kind == tkKeyword) && t.text == op
}

func (p *parser) isName(word string) bool {
	t := p.tok()
	return t.kind == tkName && t.text == word && p.code[t.pos] != '@'
}

func (p *parser) accept(op string) bool {
	if p.is(op) {
		p.i++
		return true
	}
	return false
}

// expect takes op, or says as the C# compiler does that it is missing after the last token.
func (p *parser) expect(op string) {
	if p.accept(op) {
		return
	}
	at := p.tok().pos
	if p.i > 0 && op != "{" {
		at = p.tokens[p.i-1].end
	}
	p.fail(at, "%s expected", op)
}

func (p *parser) nest() bool {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.tok().pos, "An expression or statement is too complex to compile: it nests deeper than %d", maxNesting)
		return false
	}
	return true
}

func (p *parser) unnest() { p.depth-- }

func (p *parser) ident() string {
	t := p.tok()
	if t.kind == tkName {
		p.i++
		return t.text
	}
	if t.kind == tkKeyword {
		p.fail(t.pos, "Identifier expected; '%s' is a keyword", t.text)
	} else {
		p.fail(t.pos, "Identifier expected")
	}
	return ""
}

// declare notes that the function at hand declares a name.
func (p *parser) declare(name string) string {
	p.names.declared[name] = true
	return name
}

// within parses a function inside the one at hand and keeps track of what it captures.
func (p *parser) within(parse func()) *names {
	outer, inner := p.names, newNames()
	p.names = inner
	parse()
	p.names = outer
	for name := range inner.used {
		if !inner.declared[name] {
			outer.used[name], outer.captured[name] = true, true
		}
	}
	return inner
}

// Types.

var predefined = map[string]*Type{
	"bool": boolType, "char": charType, "sbyte": sbyteType, "byte": byteType, "short": shortType, "ushort": ushortType,
	"int": intType, "uint": uintType, "long": longType, "ulong": ulongType, "float": floatType, "double": doubleType,
	"decimal": decimalType, "string": stringType, "object": objectType, "void": voidType,
}

// typ parses a type or fails.
func (p *parser) typ() *typeNode {
	at := p.tok().pos
	t, ok := p.tryType(false)
	if !ok {
		p.fail(at, "Type expected")
		return &typeNode{pos: pos(at)}
	}
	return t
}

// tryType parses a type; when there is none it stays where it is. After is and as, a ? may begin a conditional.
func (p *parser) tryType(pattern bool) (*typeNode, bool) {
	start := p.i
	t, ok := p.plainType()
	if !ok {
		p.i = start
		return nil, false
	}
	if p.is("?") && !(pattern && p.beginsOperand(p.i+1)) {
		p.i++
		t.nullable = true
	}
	for p.is("[") {
		j := p.i + 1
		for p.tokens[min(j, len(p.tokens)-1)].text == "," {
			j++
		}
		if p.tokens[min(j, len(p.tokens)-1)].text != "]" || p.tokens[min(j, len(p.tokens)-1)].kind != tkOperator {
			break
		}
		t.ranks = append(t.ranks, j-p.i-1)
		p.i = j + 1
	}
	return t, true
}

// beginsOperand reports whether an expression may begin at a token: then the ? before it asks.
func (p *parser) beginsOperand(i int) bool {
	t := &p.tokens[min(i, len(p.tokens)-1)]
	switch t.kind {
	case tkEnd:
		return false
	case tkOperator:
		return strings.Contains("( + - ! ~ ++ -- ", t.text+" ")
	case tkKeyword:
		return t.text != "is" && t.text != "as"
	}
	return true
}

func (p *parser) plainType() (*typeNode, bool) {
	t := &typeNode{pos: p.pos()}
	if tok := p.tok(); tok.kind == tkKeyword {
		if predefined[tok.text] == nil {
			return nil, false
		}
		t.keyword = tok.text
		p.i++
		return t, true
	}
	for {
		tok := p.tok()
		if tok.kind != tkName {
			return nil, false
		}
		part := namePart{pos: pos(tok.pos), name: tok.text}
		p.i++
		if tok.text == "global" && p.is("::") {
			p.i++
			continue
		}
		if p.is("<") {
			args, ok := p.tryTypeArgs()
			if !ok {
				return nil, false
			}
			part.args = args
		}
		t.parts = append(t.parts, part)
		if !p.is(".") || p.peek(1).kind != tkName {
			return t, true
		}
		p.i++
	}
}

// tryTypeArgs parses <A, B>; when that is not what stands there it stays where it is.
func (p *parser) tryTypeArgs() ([]*typeNode, bool) {
	start := p.i
	if !p.nest() {
		return nil, false
	}
	defer p.unnest()
	p.i++
	var args []*typeNode
	for {
		t, ok := p.tryType(false)
		if !ok {
			p.i = start
			return nil, false
		}
		args = append(args, t)
		if p.accept(",") {
			continue
		}
		if p.accept(">") {
			return args, true
		}
		p.i = start
		return nil, false
	}
}

// genericArgs parses the type arguments after a name in an expression, deciding as C# does between a generic call
// and less-than: by the token after the closing bracket.
func (p *parser) genericArgs() []*typeNode {
	if !p.is("<") {
		return nil
	}
	start := p.i
	args, ok := p.tryTypeArgs()
	if ok {
		t := p.tok()
		if t.kind == tkEnd || t.kind == tkOperator && strings.Contains(" ( ) ] } : ; , . ? == != | ^ && || & [ ?. ", " "+t.text+" ") {
			return args
		}
	}
	p.i = start
	return nil
}

// Expressions, from the loosest to the tightest.

func (p *parser) expr() node {
	if !p.nest() {
		return &literal{pos: p.pos(), typ: errType}
	}
	defer p.unnest()
	if p.isLambda() {
		return p.lambda()
	}
	at := p.pos()
	if p.accept("throw") {
		return &throwExpr{at, p.expr()}
	}
	p.refuseQuery()
	l := p.ternary()
	t := p.tok()
	if t.kind != tkOperator {
		return l
	}
	switch op := t.text; op {
	case "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=":
		p.i++
		return &assignExpr{pos(t.pos), op, l, p.expr()}
	case "??=":
		p.fail(t.pos, "Feature 'coalescing assignment' is not available in C# 7.0. Please use language version 8.0 or greater.")
	case ">":
		if p.shiftAssign() {
			p.i += 2
			return &assignExpr{pos(t.pos), ">>=", l, p.expr()}
		}
	}
	return l
}

// shiftAssign reports whether > and >= stand together.
func (p *parser) shiftAssign() bool {
	a, b := p.tok(), p.peek(1)
	return a.text == ">" && b.text == ">=" && a.end == b.pos
}

func (p *parser) refuseQuery() {
	if p.isName("from") && p.peek(1).kind == tkName && (p.peek(2).text == "in" || p.peek(2).kind == tkName && p.peek(3).text == "in") {
		p.fail(p.tok().pos, "Query expressions are not supported within expressions; call the methods Where, Select and so on")
	}
}

func (p *parser) isLambda() bool {
	t := p.tok()
	switch {
	case t.kind == tkKeyword && t.text == "delegate":
		if p.peek(1).text == "(" {
			return true
		}
		p.fail(t.pos, "Anonymous methods without parameters are not supported within expressions; write a lambda expression")
		return false
	case t.kind == tkName && t.text == "async" && (p.peek(1).text == "(" || p.peek(1).kind == tkName && p.peek(2).text == "=>"):
		if p.peek(1).kind == tkName || p.arrowAfter(p.i+1) {
			p.fail(t.pos, "Asynchronous lambdas are not supported within expressions")
		}
		return false
	case t.kind == tkName:
		return p.peek(1).kind == tkOperator && p.peek(1).text == "=>"
	case t.kind == tkOperator && t.text == "(":
		return p.arrowAfter(p.i)
	}
	return false
}

// arrowAfter reports whether => follows the parenthesis that closes the one at i.
func (p *parser) arrowAfter(i int) bool {
	depth := 0
	for ; i < len(p.tokens)-1; i++ {
		if t := &p.tokens[i]; t.kind == tkOperator {
			switch t.text {
			case "(":
				depth++
			case ")":
				if depth--; depth == 0 {
					next := &p.tokens[i+1]
					return next.kind == tkOperator && next.text == "=>"
				}
			case ";", "{", "}":
				return false
			}
		}
	}
	return false
}

func (p *parser) lambda() node {
	l := &lambdaExpr{pos: p.pos()}
	l.names = p.within(func() {
		switch t := p.tok(); {
		case p.accept("delegate"): // delegate (int x) { ... }
			l.params = p.params(true)
			l.block = p.block()
			return
		case t.kind == tkName:
			l.params = []param{{pos: pos(t.pos), name: p.declare(p.ident())}}
		default:
			l.params = p.params(false)
		}
		p.expect("=>")
		p.body(l)
	})
	return l
}

func (p *parser) body(l *lambdaExpr) {
	if p.is("{") {
		l.block = p.block()
		return
	}
	l.body = p.expr()
}

// params parses parameters in parentheses; those of local functions have types, those of lambdas may.
func (p *parser) params(typed bool) []param {
	var list []param
	p.expect("(")
	for !p.is(")") && p.tok().kind != tkEnd {
		q := param{pos: p.pos()}
		q.rest = typed && p.accept("params")
		if p.is("ref") || p.is("out") || p.is("in") || p.is("params") {
			p.fail(p.tok().pos, "Parameters with '%s' are not supported within expressions", p.tok().text)
		}
		if next := p.peek(1).text; typed || p.tok().kind != tkName || next != "," && next != ")" {
			q.typ = p.typ()
		}
		q.name = p.declare(p.ident())
		if typed && p.accept("=") {
			q.def = p.expr()
		}
		list = append(list, q)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return list
}

func (p *parser) ternary() node {
	cond := p.coalesce()
	if p.is("switch") && p.peek(1).text == "{" {
		p.fail(p.tok().pos, "Feature 'recursive patterns' is not available in C# 7.0. Please use language version 8.0 or greater.")
	}
	if !p.is("?") {
		return cond
	}
	at := p.pos()
	p.i++
	yes := p.expr()
	p.expect(":")
	no := p.expr()
	return &ternary{at, cond, yes, no}
}

func (p *parser) coalesce() node {
	l := p.binary(0)
	if !p.is("??") {
		return l
	}
	if !p.nest() {
		return l
	}
	defer p.unnest()
	at := p.pos()
	p.i++
	if p.is("throw") {
		return &binaryExpr{at, "??", l, p.expr()}
	}
	return &binaryExpr{at, "??", l, p.coalesce()}
}

// precedence of the binary operators between ?? and the unary ones.
var precedence = map[string]int{
	"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7, "is": 7, "as": 7,
	"<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}

// binaryOp returns the operator at hand and how many tokens it takes: >> and >= are put together here.
func (p *parser) binaryOp() (string, int) {
	t := p.tok()
	if t.kind != tkOperator && t.kind != tkKeyword {
		return "", 0
	}
	if t.text == ">" {
		next := p.peek(1)
		if next.kind == tkOperator && next.pos == t.end {
			switch next.text {
			case ">":
				return ">>", 2
			case ">=":
				return "", 0
			}
		}
	}
	return t.text, 1
}

func (p *parser) binary(level int) node {
	l := p.unary()
	for count := 0; ; count++ {
		op, n := p.binaryOp()
		prec := precedence[op]
		if prec == 0 || prec <= level {
			return l
		}
		if count > 2000 {
			p.fail(p.tok().pos, "An expression is too long or complex to compile")
			return l
		}
		at := p.pos()
		p.i += n
		switch op {
		case "is":
			l = p.isPattern(at, l)
		case "as":
			t, ok := p.tryType(true)
			if !ok {
				p.fail(p.tok().pos, "Type expected")
			}
			l = &asExpr{at, l, t}
		default:
			l = &binaryExpr{at, op, l, p.binary(prec)}
		}
	}
}

func (p *parser) isPattern(at pos, x node) node {
	e := &isExpr{pos: at, x: x}
	start := p.i
	if t, ok := p.tryType(true); ok {
		if tok := p.tok(); tok.kind == tkName && !p.isName("when") {
			e.typ, e.local = t, p.declare(p.ident())
			return e
		}
		if !p.is("(") && !p.is("++") {
			e.typ = t
			return e
		}
		p.i = start
	}
	e.value = p.binary(precedence["<<"] - 1)
	return e
}

func (p *parser) unary() node {
	if !p.nest() {
		return &literal{pos: p.pos(), typ: errType}
	}
	defer p.unnest()
	t := p.tok()
	at := pos(t.pos)
	if t.kind == tkOperator {
		switch t.text {
		case "!", "-", "+", "~":
			p.i++
			return p.signed(at, t.text)
		case "++", "--":
			p.i++
			return &stepExpr{at, t.text, true, p.unary()}
		case "&", "*":
			p.fail(t.pos, "Pointers are not supported within expressions")
		case "(":
			if typ, ok := p.cast(); ok {
				return &castExpr{at, typ, p.unary()}
			}
		}
	}
	if p.isName("await") && (p.peek(1).kind == tkName || p.peek(1).kind == tkKeyword) {
		p.fail(t.pos, "The 'await' operator is not supported within expressions")
	}
	return p.primary()
}

// signed reads the operand of a sign; the least int and long are literals that exist with their sign only.
func (p *parser) signed(at pos, op string) node {
	if next := p.tok(); op == "-" && next.kind == tkNumber {
		switch {
		case next.typ == uintType && next.value.n == 1<<31 && !strings.ContainsAny(p.code[next.pos:next.end], "uU"):
			p.i++
			return p.postfix(&literal{at, Number(intType, -1<<31), intType})
		case next.typ == ulongType && uint64(next.value.n) == 1<<63 && !strings.ContainsAny(p.code[next.pos:next.end], "uU"):
			p.i++
			return p.postfix(&literal{at, Number(longType, -1<<63), longType})
		}
	}
	return &unaryExpr{at, op, p.unary()}
}

// cast decides whether a parenthesis begins a cast, by the rules of the C# specification.
func (p *parser) cast() (*typeNode, bool) {
	start := p.i
	p.i++
	t, ok := p.tryType(false)
	if !ok || !p.accept(")") {
		p.i = start
		return nil, false
	}
	if t.keyword != "" || t.nullable || len(t.ranks) > 0 {
		return t, true
	}
	switch next := p.tok(); next.kind {
	case tkName, tkNumber, tkString, tkChar, tkInterpolated:
		return t, true
	case tkKeyword:
		if next.text != "is" && next.text != "as" && next.text != "in" {
			return t, true
		}
	case tkOperator:
		if next.text == "(" || next.text == "!" || next.text == "~" {
			return t, true
		}
	}
	p.i = start
	return nil, false
}
