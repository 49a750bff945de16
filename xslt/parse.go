package xslt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// expr is an expression of XPath.
type expr interface{ eval(c *context) (any, error) }

// token of XPath.
type token struct {
	kind byte // n(ame), s(tring), d(igits), o(perator), v(ariable), e(nd)
	text string
}

// Bounds of expressions.
const (
	maxExpression = 16 << 10
	maxNesting    = 100
)

func tokens(s string) ([]token, error) {
	if len(s) > maxExpression {
		return nil, errors.New("the expression is too long")
	}
	var list []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"' || c == '\'':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				return nil, errors.New("a text does not end")
			}
			list = append(list, token{'s', s[i+1 : i+1+end]})
			i += end + 2
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			end := i
			for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
				end++
			}
			list = append(list, token{'d', s[i:end]})
			i = end
		case strings.HasPrefix(s[i:], "//") || strings.HasPrefix(s[i:], "::") || strings.HasPrefix(s[i:], "..") || strings.HasPrefix(s[i:], "!=") || strings.HasPrefix(s[i:], "<=") || strings.HasPrefix(s[i:], ">="):
			list = append(list, token{'o', s[i : i+2]})
			i += 2
		case strings.IndexByte("()[].@,|+-=<>/*$", c) >= 0:
			if c == '*' && operand(list) {
				list = append(list, token{'n', "*"})
			} else {
				list = append(list, token{'o', string(c)})
			}
			i++
		default:
			word, err := nameAt(s[i:])
			if err != nil {
				return nil, err
			}
			i += len(word)
			t := token{'n', word}
			if n := len(list); n > 0 && list[n-1] == (token{'o', "$"}) {
				list, t.kind = list[:n-1], 'v'
			} else if !operand(list) && (word == "and" || word == "or" || word == "mod" || word == "div") {
				t.kind = 'o'
			}
			list = append(list, t)
		}
	}
	return append(list, token{'e', ""}), nil
}

// operand reports whether an operand has to come next, so that * is a name test and "and" a name.
func operand(list []token) bool {
	if len(list) == 0 {
		return true
	}
	last := list[len(list)-1]
	return last.kind == 'o' && last.text != ")" && last.text != "]" && last.text != "." && last.text != ".."
}

// nameAt reads a name with a prefix, or prefix:*.
func nameAt(s string) (string, error) {
	i, colon := 0, false
	for i < len(s) {
		c, n := utf8.DecodeRuneInString(s[i:])
		if c == ':' && !colon && i > 0 && i+1 < len(s) && s[i+1] != ':' {
			colon = true
			if s[i+1] == '*' {
				return s[:i+2], nil
			}
		} else if c == utf8.RuneError || !(c == '_' || unicode.IsLetter(c) || i > 0 && (c == '-' || c == '.' || c == '·' || unicode.IsDigit(c) || unicode.Is(unicode.Mn, c))) {
			break
		}
		i += n
	}
	if i == 0 {
		return "", fmt.Errorf("the character %q is not expected", s[:min(len(s), 4)])
	}
	return s[:i], nil
}

// parser of XPath.
type parser struct {
	list  []token
	at    int
	depth int
	scope func(prefix string) (string, bool)
}

// parse reads an expression; scope finds namespaces.
func parse(text string, scope func(prefix string) (string, bool)) (expr, error) {
	list, err := tokens(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	p := &parser{list: list, scope: scope}
	x, err := p.or()
	if err == nil && p.list[p.at].kind != 'e' {
		err = fmt.Errorf("%q is not expected", p.list[p.at].text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return x, nil
}

func (p *parser) peek() token { return p.list[p.at] }

func (p *parser) take(op string) bool {
	if p.list[p.at] == (token{'o', op}) {
		p.at++
		return true
	}
	return false
}

func (p *parser) need(op string) error {
	if !p.take(op) {
		return fmt.Errorf("%q is expected", op)
	}
	return nil
}

// levels are the binary operators, those that bind least first.
var levels = [][]string{{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "div", "mod"}}

func (p *parser) or() (expr, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, errors.New("the expression is nested too deep")
	}
	defer func() { p.depth-- }()
	return p.binary(0)
}

func (p *parser) binary(level int) (expr, error) {
	if level == len(levels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil {
		op := ""
		for _, o := range levels[level] {
			if p.take(o) {
				op = o
				break
			}
		}
		if op == "" {
			return left, nil
		}
		var right expr
		if right, err = p.binary(level + 1); err == nil {
			left = &binary{op, left, right}
		}
	}
	return nil, err
}

func (p *parser) unary() (expr, error) {
	minus := 0
	for p.take("-") {
		minus++
	}
	x, err := p.union()
	if err != nil || minus == 0 {
		return x, err
	}
	return &negative{x, minus%2 == 1}, nil
}

func (p *parser) union() (expr, error) {
	x, err := p.path()
	if err != nil || p.peek() != (token{'o', "|"}) {
		return x, err
	}
	u := &union{parts: []expr{x}}
	for p.take("|") {
		if x, err = p.path(); err != nil {
			return nil, err
		}
		u.parts = append(u.parts, x)
	}
	return u, nil
}

var nodeTypes = map[string]bool{"node": true, "text": true, "comment": true, "processing-instruction": true}

// path reads a location path, or another primary expression with what follows it.
func (p *parser) path() (expr, error) {
	t := p.peek()
	primary := t.kind == 's' || t.kind == 'd' || t.kind == 'v' || t == token{'o', "("} || t.kind == 'n' && p.list[p.at+1] == (token{'o', "("}) && !nodeTypes[t.text]
	if !primary {
		return p.location()
	}
	x, err := p.primary()
	if err != nil {
		return nil, err
	}
	predicates, err := p.predicates()
	if err != nil {
		return nil, err
	}
	if len(predicates) == 0 && p.peek() != (token{'o', "/"}) && p.peek() != (token{'o', "//"}) {
		return x, nil
	}
	steps, err := p.more(nil)
	return &path{from: x, filter: predicates, steps: steps}, err
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	p.at++
	switch t.kind {
	case 's':
		return literal{t.text}, nil
	case 'd':
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", t.text)
		}
		return literal{f}, nil
	case 'v':
		n, err := p.qname(t.text)
		return &variable{n}, err
	case 'o':
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		return x, p.need(")")
	}
	return p.call(t.text)
}

// qname resolves a name; without a prefix it is in no namespace.
func (p *parser) qname(text string) (name, error) {
	prefix, local, ok := strings.Cut(text, ":")
	if !ok {
		return name{Local: text}, nil
	}
	uri, known := p.scope(prefix)
	if !known {
		return name{}, fmt.Errorf("the prefix %q is not declared", prefix)
	}
	return name{Space: uri, Local: local}, nil
}

func (p *parser) call(text string) (expr, error) {
	f, ok := functionNamed(text)
	if !ok {
		return nil, fmt.Errorf("the function %s() is not available", text)
	}
	c := &call{f: f, name: text, scope: p.scope}
	if err := p.need("("); err != nil {
		return nil, err
	}
	for !p.take(")") {
		if len(c.args) > 0 {
			if err := p.need(","); err != nil {
				return nil, err
			}
		}
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, x)
	}
	if len(c.args) < f.min || f.max >= 0 && len(c.args) > f.max {
		return nil, fmt.Errorf("the function %s() does not take %d arguments", text, len(c.args))
	}
	return c, nil
}

func (p *parser) predicates() ([]expr, error) {
	var list []expr
	for p.take("[") {
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		list = append(list, x)
		if err := p.need("]"); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (p *parser) location() (expr, error) {
	l := &path{}
	switch {
	case p.take("//"):
		l.absolute = true
		l.steps = append(l.steps, &step{axis: "descendant-or-self", test: test{kind: "node"}})
	case p.take("/"):
		l.absolute = true
		if t := p.peek(); t.kind != 'n' && t != (token{'o', "."}) && t != (token{'o', ".."}) && t != (token{'o', "@"}) {
			return l, nil
		}
	}
	s, err := p.step()
	if err != nil {
		return nil, err
	}
	l.steps = append(l.steps, s)
	l.steps, err = p.more(l.steps)
	return l, err
}

// more reads the steps that follow.
func (p *parser) more(steps []*step) ([]*step, error) {
	for {
		if p.take("//") {
			steps = append(steps, &step{axis: "descendant-or-self", test: test{kind: "node"}})
		} else if !p.take("/") {
			return steps, nil
		}
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
}

var axes = map[string]bool{"child": true, "descendant": true, "parent": true, "ancestor": true, "following-sibling": true, "preceding-sibling": true, "following": true,
	"preceding": true, "attribute": true, "namespace": true, "self": true, "descendant-or-self": true, "ancestor-or-self": true}

func (p *parser) step() (*step, error) {
	switch {
	case p.take("."):
		return &step{axis: "self", test: test{kind: "node"}}, nil
	case p.take(".."):
		return &step{axis: "parent", test: test{kind: "node"}}, nil
	}
	s := &step{axis: "child"}
	if p.take("@") {
		s.axis = "attribute"
	} else if p.peek().kind == 'n' && p.list[p.at+1] == (token{'o', "::"}) {
		s.axis = p.peek().text
		if !axes[s.axis] {
			return nil, fmt.Errorf("there is no axis %q", s.axis)
		}
		p.at += 2
	}
	t := p.peek()
	if t.kind != 'n' {
		return nil, fmt.Errorf("%q is not expected", t.text)
	}
	p.at++
	var err error
	if nodeTypes[t.text] && p.take("(") {
		s.test.kind = t.text
		if t.text == "processing-instruction" && p.peek().kind == 's' {
			s.test.name.Local = p.peek().text
			p.at++
		}
		err = p.need(")")
	} else {
		err = p.nameTest(&s.test, t.text)
	}
	if err != nil {
		return nil, err
	}
	s.predicates, err = p.predicates()
	return s, err
}

func (p *parser) nameTest(t *test, text string) (err error) {
	switch prefix, ok := strings.CutSuffix(text, ":*"); {
	case text == "*":
		t.kind = "*"
	case ok:
		t.kind = "space"
		t.name, err = p.qname(prefix + ":x")
	default:
		t.kind = "name"
		t.name, err = p.qname(text)
	}
	return err
}
