package template

import (
	"fmt"
	"strings"

	"gatehouse/jsondoc"
)

// Limits of the expression language. Azure names the length; the depth bounds the stack.
const (
	maxExpression = 24576
	maxNesting    = 250
)

type kind uint8

const (
	literal  kind = iota
	function      // args are its arguments; namespace is set for a function of the template
	member        // args[0].text
	indexer       // args[0][args[1]]
)

// node is a part of a parsed expression.
type node struct {
	kind      kind
	safe      bool // .? and [?: null where the value is null or lacks the member
	pos       int  // in the expression, from 1
	text      string
	namespace string
	value     Value // of a literal
	args      []*node
}

// Value is a JSON value as package jsondoc has it.
type Value = jsondoc.Value

// isExpression tells expressions from plain text: they stand in brackets, and
// a doubled one at the start makes plain text of them.
func isExpression(s string) bool {
	return len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' && s[1] != '['
}

// plain returns the text that a string without expression stands for.
func plain(s string) string {
	if len(s) > 1 && s[0] == '[' && s[1] == '[' && s[len(s)-1] == ']' {
		return s[1:]
	}
	return s
}

// parseExpression reads an expression with its brackets. Errors are *fault.
func parseExpression(s string) (*node, error) {
	if len(s) > maxExpression {
		return nil, faultf("the expression has %d characters and at most %d are accepted; move parts of it to variables", len(s), maxExpression)
	}
	p := &expressionParser{s: s[:len(s)-1], i: 1}
	n, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.space(); p.i < len(p.s) {
		return nil, p.fail("%s follows the end of the expression; join values with concat() or format()", p.here())
	}
	return n, nil
}

type expressionParser struct {
	s     string
	i     int
	depth int
}

func (p *expressionParser) fail(format string, args ...any) error {
	return faultf("%s at position %d of the expression '%s'", fmt.Sprintf(format, args...), p.i+1, clip(p.s+"]"))
}

func (p *expressionParser) here() string {
	if p.i >= len(p.s) {
		return "the end"
	}
	for _, r := range p.s[p.i:] {
		return fmt.Sprintf("'%c'", r)
	}
	return ""
}

func (p *expressionParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

// take consumes a token when it comes next.
func (p *expressionParser) take(token string) bool {
	p.space()
	if !strings.HasPrefix(p.s[p.i:], token) {
		return false
	}
	p.i += len(token)
	return true
}

func (p *expressionParser) expression() (*node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.fail("more than %d levels of nesting", maxNesting)
	}
	defer func() { p.depth-- }()
	n, err := p.primary()
	for err == nil {
		start := p.i
		switch {
		case p.take(".?"):
			n, err = p.member(n, true, start)
		case p.take("."):
			n, err = p.member(n, false, start)
		case p.take("[?"):
			n, err = p.index(n, true, start)
		case p.take("["):
			n, err = p.index(n, false, start)
		default:
			return n, nil
		}
	}
	return nil, err
}

func (p *expressionParser) member(base *node, safe bool, start int) (*node, error) {
	p.space()
	name := p.identifier()
	if name == "" {
		return nil, p.fail("%s where a property name is expected", p.here())
	}
	return &node{kind: member, safe: safe, pos: start + 1, text: name, args: []*node{base}}, nil
}

func (p *expressionParser) index(base *node, safe bool, start int) (*node, error) {
	at, err := p.expression()
	if err != nil {
		return nil, err
	}
	if !p.take("]") {
		return nil, p.fail("%s where ']' is expected", p.here())
	}
	return &node{kind: indexer, safe: safe, pos: start + 1, args: []*node{base, at}}, nil
}

func (p *expressionParser) primary() (*node, error) {
	p.space()
	start := p.i
	if p.i >= len(p.s) {
		return nil, p.fail("a value is missing")
	}
	switch c := p.s[p.i]; {
	case c == '\'':
		return p.quoted()
	case c == '-' || '0' <= c && c <= '9':
		return p.integer()
	}
	name := p.identifier()
	if name == "" {
		return nil, p.fail("%s where a function, a 'string' or a number is expected", p.here())
	}
	n := &node{kind: function, pos: start + 1, text: name}
	if p.take(".") {
		n.namespace = name
		if n.text = p.identifier(); n.text == "" {
			return nil, p.fail("%s where a function name is expected", p.here())
		}
	}
	if !p.take("(") {
		return nil, p.fail("'%s' is followed by %s where '(' is expected; put text in single quotes", clip(name), p.here())
	}
	var err error
	n.args, err = p.arguments()
	return n, err
}

func (p *expressionParser) arguments() ([]*node, error) {
	if p.take(")") {
		return nil, nil
	}
	var args []*node
	for {
		arg, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if p.take(")") {
			return args, nil
		}
		if !p.take(",") {
			return nil, p.fail("%s where ',' or ')' is expected", p.here())
		}
	}
}

// quoted reads text in single quotes, in which two quotes are one.
func (p *expressionParser) quoted() (*node, error) {
	start := p.i
	var b strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		if p.s[p.i] != '\'' {
			b.WriteByte(p.s[p.i])
			continue
		}
		if p.i+1 < len(p.s) && p.s[p.i+1] == '\'' {
			p.i++
			b.WriteByte('\'')
			continue
		}
		p.i++
		return &node{kind: literal, pos: start + 1, value: b.String()}, nil
	}
	p.i = start
	return nil, p.fail("the text has no closing quote")
}

func (p *expressionParser) integer() (*node, error) {
	start := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	for p.i < len(p.s) && '0' <= p.s[p.i] && p.s[p.i] <= '9' {
		p.i++
	}
	n, ok := toInt(jsondoc.Number(p.s[start:p.i]))
	if !ok {
		p.i = start
		return nil, p.fail("a number that is no 64-bit integer")
	}
	return &node{kind: literal, pos: start + 1, value: number(n)}, nil
}

func (p *expressionParser) identifier() string {
	start := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' && p.i == start
		if !letter && (p.i == start || c < '0' || c > '9') {
			break
		}
		p.i++
	}
	return p.s[start:p.i]
}
