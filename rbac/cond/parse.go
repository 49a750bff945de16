package cond

import (
	"strconv"

	"gatehouse"
)

// Limits on what is accepted. The length is Azure's own (rbac.md 10); the nesting bounds the work.
const (
	MaxLength = 8 << 10
	maxDepth  = 64
)

// Condition is a parsed condition.
type Condition struct {
	text string
	root *node
}

type nodeKind uint8

const (
	orNode nodeKind = iota
	andNode
	notNode
	existsNode
	actionNode
	subOperationNode
	compareNode
)

// node is one expression.
type node struct {
	kind        nodeKind
	start, end  int // in the text
	grouped     bool
	kids        []*node           // of or, and, not
	pattern     gatehouse.Pattern // of an action
	name        string            // of a suboperation
	attribute   *attribute        // of exists
	left, right operand           // of a comparison, as are the following
	quantifier  *quantifier
	operator    *operator
}

// operand is one side of a comparison: an attribute, or literals converted to the operator's type.
type operand struct {
	attribute *attribute
	set       bool
	literals  []literal
	values    []value
	misfit    string // the literal that cannot be converted
	start     int
}

type literalKind uint8

const (
	stringLiteral literalKind = iota
	integerLiteral
	boolLiteral
	guidLiteral
)

type literal struct {
	kind literalKind
	text string // canonical spelling, without quotes
}

type parser struct {
	text  string
	at    token
	depth int
}

// Parse reads a condition. An error is an *Error.
func Parse(text string) (*Condition, error) {
	if len(text) > MaxLength {
		return nil, &Error{1, 1, "the condition is longer than 8 KB; split it over several role assignments"}
	}
	p := &parser{text: text}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	return &Condition{text, root}, nil
}

func (p *parser) parse() (*node, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.or()
	if err == nil && p.at.kind != endToken {
		err = p.expected("AND, OR or the end")
	}
	return root, err
}

func (p *parser) advance() (err *Error) {
	p.at, err = next(p.text, p.at.end)
	return err
}

func (p *parser) expected(what string) *Error {
	return fault(p.text, p.at.start, "expected %s, found %s", what, p.at.show())
}

// is reports whether the current token is the mark or the word, in any casing.
func (p *parser) is(names ...string) bool {
	for _, name := range names {
		if (p.at.kind == wordToken || p.at.kind == markToken) && gatehouse.EqualFold(p.at.text, name) {
			return true
		}
	}
	return false
}

func (p *parser) take(mark, why string) *Error {
	if !p.is(mark) {
		return p.expected(mark + " " + why)
	}
	return p.advance()
}

func (p *parser) or() (*node, *Error)  { return p.chain(orNode, p.and, "OR", "||") }
func (p *parser) and() (*node, *Error) { return p.chain(andNode, p.unary, "AND", "&&") }

func (p *parser) chain(kind nodeKind, part func() (*node, *Error), names ...string) (*node, *Error) {
	first, err := part()
	if err != nil || !p.is(names...) {
		return first, err
	}
	n := &node{kind: kind, start: first.start, kids: []*node{first}}
	for p.is(names...) {
		if err := p.advance(); err != nil {
			return nil, err
		}
		kid, err := part()
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
		n.end = kid.end
	}
	return n, nil
}

func (p *parser) deeper(f func() (*node, *Error)) (*node, *Error) {
	if p.depth == maxDepth {
		return nil, fault(p.text, p.at.start, "the condition nests deeper than %d levels", maxDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	return f()
}

func (p *parser) unary() (*node, *Error) {
	switch {
	case p.is("NOT", "!"):
		return p.not()
	case p.is("Exists"):
		return p.exists()
	case p.is("("):
		return p.group()
	case p.is("ActionMatches", "SubOperationMatches"):
		return p.function()
	}
	return p.comparison()
}

func (p *parser) not() (*node, *Error) {
	start := p.at.start
	if err := p.advance(); err != nil {
		return nil, err
	}
	kid, err := p.deeper(p.unary)
	if err != nil {
		return nil, err
	}
	return &node{kind: notNode, start: start, end: kid.end, kids: []*node{kid}}, nil
}

func (p *parser) exists() (*node, *Error) {
	n := &node{kind: existsNode, start: p.at.start}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.at.kind != attributeToken {
		return nil, p.expected("an attribute such as @Resource[name] after Exists")
	}
	n.attribute, n.end = newAttribute(p.at.source, p.at.text), p.at.end
	return n, p.advance()
}

func (p *parser) group() (*node, *Error) {
	start := p.at.start
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.deeper(p.or)
	if err != nil {
		return nil, err
	}
	end := p.at.end
	if !p.is(")") {
		return nil, p.expected("AND, OR or the ) that closes this group")
	}
	n.start, n.end, n.grouped = start, end, true
	return n, p.advance()
}

func (p *parser) function() (*node, *Error) {
	n := &node{kind: actionNode, start: p.at.start}
	if p.is("SubOperationMatches") {
		n.kind = subOperationNode
	}
	name := p.at.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.take("{", "after "+name); err != nil {
		return nil, err
	}
	if p.at.kind != stringToken {
		return nil, p.expected("a string in single quotes inside " + name + "{ }")
	}
	if n.kind == actionNode {
		n.pattern = gatehouse.NewPattern(p.at.text)
	} else {
		n.name = p.at.text
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n.end = p.at.end
	return n, p.take("}", "to close "+name+"{")
}

func (p *parser) comparison() (*node, *Error) {
	n := &node{kind: compareNode, start: p.at.start}
	const what = "an attribute such as @Request[name], a value, ActionMatches, Exists, NOT or ("
	var err *Error
	if n.left, _, err = p.operand(what); err != nil {
		return nil, err
	}
	if err = p.operation(n); err != nil {
		return nil, err
	}
	if n.right, n.end, err = p.operand("a value, a set { } or an attribute after " + n.operator.name); err != nil {
		return nil, err
	}
	n.left.convert(n.operator.family)
	n.right.convert(n.operator.family)
	return n, nil
}

func (p *parser) operation(n *node) *Error {
	const what = "an operator such as StringEquals, GuidEquals or ForAnyOfAnyValues:GuidEquals"
	if p.at.kind != wordToken {
		return p.expected(what)
	}
	if n.quantifier = quantifierNamed(p.at.text); n.quantifier != nil {
		if err := p.advance(); err != nil {
			return err
		}
		if err := p.take(":", "and an operator after "+n.quantifier.name); err != nil {
			return err
		}
	}
	if n.operator = operatorNamed(p.at.text); p.at.kind != wordToken || n.operator == nil {
		return p.expected(what)
	}
	if n.quantifier != nil && !n.operator.quantified {
		return fault(p.text, p.at.start, "%s cannot stand behind %s; use it alone", n.operator.name, n.quantifier.name)
	}
	return p.advance()
}

// operand reads one side of a comparison and returns where it ends.
func (p *parser) operand(what string) (o operand, end int, err *Error) {
	o.start, end = p.at.start, p.at.end
	switch {
	case p.at.kind == attributeToken:
		o.attribute = newAttribute(p.at.source, p.at.text)
		return o, end, p.advance()
	case p.is("{"):
		return p.set()
	}
	l, err := p.literal(what)
	if err != nil {
		return o, 0, err
	}
	o.literals = []literal{l}
	return o, end, nil
}

func (p *parser) set() (o operand, end int, err *Error) {
	o.set, o.start = true, p.at.start
	for {
		if err := p.advance(); err != nil {
			return o, 0, err
		}
		l, err := p.literal("a value of the set: a string in single quotes, an integer, true, false or a GUID")
		if err != nil {
			return o, 0, err
		}
		o.literals = append(o.literals, l)
		if !p.is(",") {
			break
		}
	}
	end = p.at.end
	if !p.is("}") {
		return o, 0, p.expected(", or the } that closes the set")
	}
	return o, end, p.advance()
}

func (p *parser) literal(what string) (literal, *Error) {
	l, ok := literalOf(p.at)
	if !ok {
		return l, p.expected(what)
	}
	return l, p.advance()
}

// literalOf reads a word as a GUID first: 32 decimal digits are a GUID too.
func literalOf(t token) (literal, bool) {
	if t.kind == stringToken {
		return literal{stringLiteral, t.text}, true
	}
	if t.kind != wordToken {
		return literal{}, false
	}
	if g, err := gatehouse.ParseGUID(t.text); err == nil {
		return literal{guidLiteral, g.String()}, true
	}
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return literal{integerLiteral, strconv.FormatInt(n, 10)}, true
	}
	word := gatehouse.Fold(t.text)
	return literal{boolLiteral, word}, word == "true" || word == "false"
}
