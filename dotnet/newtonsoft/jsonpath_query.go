package newtonsoft

import (
	"strconv"
	"strings"

	"gatehouse/dotnet"
)

// query is a condition in a path: ?(@.price < 10 && @.tag).
type query struct {
	op          string // "&&", "||", "" for existence, or a comparison
	parts       []*query
	left, right side
}

// side is what a condition compares: a path from the root or the token at hand, or a value.
type side struct {
	root  bool
	steps []step
	value *Token
	regex *regex
}

type regex struct {
	pattern, options string
	engine           *dotnet.Regex // once it was needed
}

// RegexCharge is what a match of a regular expression in a path takes from the budget: so many bytes at once say to the one who
// gave it that a match begins, which may take its time.
const RegexCharge = 4 << 10

const openQuery = "Path ended with open query."

func (p *pathParser) query(end byte, scan bool) step {
	p.pos++
	if p.more(openIndexer) && p.peek() != '(' {
		p.fail("Unexpected character while parsing path indexer: %c", p.peek())
	}
	p.pos++
	q := p.condition()
	if p.err != nil {
		return nil
	}
	p.pos++
	p.blanks()
	if p.more(openIndexer) && p.peek() != end {
		p.fail("Unexpected character while parsing path indexer: %c", p.peek())
	}
	return queryStep{q, scan}
}

// condition reads terms joined by && and ||. There are no parentheses, and what follows a change of the operator belongs
// to the newer one, as in Json.NET.
func (p *pathParser) condition() *query {
	var root, parent *query
	for p.err == nil && p.pos < len(p.s) {
		term := &query{left: p.side()}
		if c := p.peek(); p.err == nil && c != ')' && c != '|' && c != '&' {
			term.op = p.operator()
			term.right = p.side()
		}
		if p.err != nil {
			return nil
		}
		if p.peek() == ')' {
			if parent == nil {
				return term
			}
			parent.parts = append(parent.parts, term)
			return root
		}
		op := "&&"
		if p.peek() == '|' {
			op = "||"
		}
		if !strings.HasPrefix(p.s[p.pos:], op) {
			p.fail("Unexpected character while parsing path query: %c", p.peek())
			return nil
		}
		p.pos += 2
		if parent == nil || parent.op != op {
			joint := &query{op: op}
			if parent != nil {
				parent.parts = append(parent.parts, joint)
			} else {
				root = joint
			}
			parent = joint
		}
		parent.parts = append(parent.parts, term)
	}
	p.fail(openQuery)
	return nil
}

func (p *pathParser) operator() string {
	for _, op := range []string{"===", "==", "=~", "!==", "!=", "<>", "<=", "<", ">=", ">"} {
		if strings.HasPrefix(p.s[p.pos:], op) {
			p.pos += len(op)
			if op == "<>" {
				op = "!="
			}
			return op
		}
	}
	p.fail("Could not read query operator.")
	return ""
}

func (p *pathParser) side() (s side) {
	p.blanks()
	switch c := p.peek(); {
	case c == '@' || c == '$':
		s.root = c == '$'
		p.pos++
		if p.path(&s.steps, p.pos, true) {
			p.fail(openQuery)
		}
	case c == '\'':
		s.value = NewValue(String, p.quoted())
	case c == '-' || c >= '0' && c <= '9':
		s.value = p.literalNumber()
	case c == '/':
		s.regex = p.regex()
	case p.word("true"):
		s.value = NewValue(Boolean, true)
	case p.word("false"):
		s.value = NewValue(Boolean, false)
	case p.word("null"):
		s.value = NewNull()
	default:
		p.fail("Unexpected character while parsing path query: %c", c)
	}
	p.blanks()
	p.more(openQuery)
	return s
}

func (p *pathParser) word(w string) bool {
	if !strings.HasPrefix(p.s[p.pos:], w) {
		return false
	}
	p.pos += len(w)
	return true
}

func (p *pathParser) literalNumber() *Token {
	start := p.pos
	for p.pos < len(p.s) && p.s[p.pos] != ' ' && p.s[p.pos] != ')' {
		p.pos++
	}
	text := p.s[start:p.pos]
	if strings.ContainsAny(text, ".eE") {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return NewValue(Float, f)
		}
	} else if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return NewValue(Integer, n)
	}
	p.fail("Unexpected character while parsing path query: %c", text[0])
	return nil
}

func (p *pathParser) regex() *regex {
	start := p.pos + 1
	for p.pos++; p.pos < len(p.s); p.pos++ {
		switch p.s[p.pos] {
		case '\\':
			p.pos++
		case '/':
			r := &regex{pattern: p.s[start:p.pos]}
			p.pos++
			from := p.pos
			for p.pos < len(p.s) && p.s[p.pos] >= 'a' && p.s[p.pos] <= 'z' {
				p.pos++
			}
			r.options = p.s[from:p.pos]
			return r
		}
	}
	p.fail("Path ended with an open regex.")
	return nil
}

// holds says whether a token meets the condition.
func (q *query) holds(w *pathWalk, t *Token) bool {
	switch q.op {
	case "&&":
		for _, part := range q.parts {
			if !part.holds(w, t) {
				return false
			}
		}
		return true
	case "||":
		for _, part := range q.parts {
			if part.holds(w, t) {
				return true
			}
		}
		return false
	}
	left := q.left.tokens(w, t)
	if q.op == "" {
		return len(left) > 0
	}
	if q.right.regex != nil {
		for _, l := range left {
			if w.matches(l, q.right.regex) {
				return true
			}
		}
		return false
	}
	right := q.right.tokens(w, t)
	for _, l := range left {
		for _, r := range right {
			if w.take(1); w.err == nil && w.compares(q.op, l, r) {
				return true
			}
		}
	}
	return false
}

func (s side) tokens(w *pathWalk, t *Token) []*Token {
	if s.value != nil {
		return []*Token{s.value}
	}
	if s.root {
		t = w.root
	}
	must := w.must
	w.must = false
	defer func() { w.must = must }()
	return w.walk(s.steps, t)
}

// compares applies an operator to two tokens; with a container only "is different" can hold.
func (w *pathWalk) compares(op string, l, r *Token) bool {
	if l.IsContainer() || r.IsContainer() {
		return op == "!="
	}
	switch op {
	case "==":
		return looselyEqual(l, r)
	case "!=":
		return !looselyEqual(l, r)
	case "===", "!==":
		numbers := l.typ != r.typ && isNumber(l) && isNumber(r)
		same := valuesEqual(l, r) || numbers && looselyEqual(l, r)
		return same == (op == "===")
	}
	order, ok := orderOf(l, r)
	if !ok {
		w.err = throw("System.FormatException", "Input string was not in a correct format.")
		return false
	}
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func isNumber(t *Token) bool { return t.typ == Integer || t.typ == Float }

// orderOf compares across types as JValue.CompareTo does: a string becomes a number when the other side is one.
func orderOf(l, r *Token) (int, bool) {
	if l.value != nil && r.value != nil && (l.typ == String) != (r.typ == String) && (isNumber(l) || isNumber(r)) {
		a, okA := asNumber(l)
		b, okB := asNumber(r)
		return compareNumbers(a, b), okA && okB
	}
	return Compare(l, r)
}

func asNumber(t *Token) (any, bool) {
	if text, ok := t.value.(string); ok {
		v, _, ok := parseNumber(strings.TrimSpace(text))
		if !ok {
			return nil, false
		}
		return number(v)
	}
	return number(t.value)
}

// looselyEqual is ==: numbers of both kinds compare, and a string compares with the text of dates, bytes and identifiers.
func looselyEqual(l, r *Token) bool {
	if valuesEqual(l, r) {
		return true
	}
	if isNumber(l) && isNumber(r) {
		order, ok := Compare(l, r)
		return ok && order == 0
	}
	text, ok := r.value.(string)
	if !ok || r.typ != String {
		return false
	}
	switch l.typ {
	case Date, Bytes, Guid, TimeSpan, Uri:
		return strings.Trim(string(appendScalar(nil, l)), `"`) == text
	}
	return false
}

// regexOptions are the letters behind a pattern: /a/i.
var regexOptions = map[rune]dotnet.RegexOptions{'i': dotnet.RegexIgnoreCase, 'm': dotnet.RegexMultiline, 's': dotnet.RegexSingleline, 'x': dotnet.RegexExplicitCapture}

// matches is =~: only strings match.
func (w *pathWalk) matches(t *Token, r *regex) bool {
	text, ok := t.value.(string)
	if !ok || t.typ != String || w.err != nil {
		return false
	}
	if r.engine == nil {
		options := dotnet.RegexOptions(0)
		for _, letter := range r.options {
			options |= regexOptions[letter]
		}
		if r.engine, w.err = dotnet.NewRegex(r.pattern, options, 0); w.err != nil {
			return false
		}
	}
	if w.take(RegexCharge); w.err != nil {
		return false
	}
	found, err := r.engine.IsMatch(text, 0)
	w.err = err
	return found
}
