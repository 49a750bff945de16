package odata

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse"
)

// Limits of a filter. Azure's own URL limits are of this order; these bound the work.
const (
	MaxFilter = 16 << 10 // bytes
	maxDepth  = 40       // parentheses, nots, calls and lambdas inside each other
	maxNodes  = 2000
)

// InvalidFilter is the code of every error about a filter, ARM's own name for it.
const InvalidFilter = "InvalidFilterInQueryString"

// functions are the names that a filter may call and how many arguments each takes.
var functions = map[string]struct {
	name string
	args int
}{
	"startswith": {"startswith", 2}, "endswith": {"endswith", 2}, "contains": {"contains", 2},
	"substringof": {"substringof", 2}, "tolower": {"tolower", 1}, "toupper": {"toupper", 1},
	"atscope": {"atScope", 0}, "atscopeandbelow": {"atScopeAndBelow", 0}, "assignedto": {"assignedTo", 1},
	"astarget": {"asTarget", 0}, "asrequestor": {"asRequestor", 0}, "asapprover": {"asApprover", 0},
}

// Parse reads a filter. Errors are *gatehouse.Error of kind Invalid with the
// target $filter, and name line and column.
func Parse(filter string) (Expr, error) {
	p := &parser{text: filter}
	if len(filter) > MaxFilter {
		return nil, fault(Pos{1, 1}, "the filter is longer than %d bytes: shorten it or send several requests", MaxFilter)
	}
	if !utf8.ValidString(filter) {
		return nil, fault(Pos{1, 1}, "the filter is not valid UTF-8")
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, p.fault("%s is not expected here: join conditions with and, or", p.next())
	}
	return e, nil
}

func fault(at Pos, format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, InvalidFilter, "Invalid $filter at %s: %s.", at, fmt.Sprintf(format, args...)).At("$filter")
}

type parser struct {
	text  string
	at    int
	depth int
	nodes int
	vars  []string // lambda variables in force, innermost last
}

func (p *parser) fault(format string, args ...any) error { return fault(p.pos(p.at), format, args...) }

func (p *parser) pos(at int) Pos {
	before := p.text[:at]
	line := strings.Count(before, "\n") + 1
	return Pos{line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}
}

// next describes what stands at the current place, for errors.
func (p *parser) next() string {
	rest := p.text[p.at:]
	if rest == "" {
		return "the end of the filter"
	}
	if end := strings.IndexFunc(rest, unicode.IsSpace); end > 0 {
		rest = rest[:end]
	}
	if len(rest) > 40 {
		rest = strings.ToValidUTF8(rest[:40], "") + "…"
	}
	return strconv.Quote(rest)
}

func (p *parser) space() {
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += n
	}
}

// take consumes one punctuation mark, after blanks.
func (p *parser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) want(c byte, why string) error {
	if p.take(c) {
		return nil
	}
	return p.fault("expected %q %s, found %s", c, why, p.next())
}

// peek returns the run of word characters at the current place, after blanks.
func (p *parser) peek() string {
	p.space()
	rest := p.text[p.at:]
	for i, r := range rest {
		if !wordRune(r) {
			return rest[:i]
		}
	}
	return rest
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_@.$-", r)
}

func (p *parser) keyword(words ...Op) (Op, Pos, bool) {
	w := gatehouse.Fold(p.peek())
	for _, word := range words {
		if w == string(word) {
			at := p.pos(p.at)
			p.at += len(p.peek())
			return word, at, true
		}
	}
	return "", Pos{}, false
}

// enter counts a level of nesting; callers leave with p.depth--.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fault("the filter nests deeper than %d levels", maxDepth)
	}
	return nil
}

// grown counts a node.
func (p *parser) grown() error {
	if p.nodes++; p.nodes > maxNodes {
		return p.fault("the filter has more than %d terms", maxNodes)
	}
	return nil
}

func (p *parser) or() (Expr, error)  { return p.chain(Or, p.and) }
func (p *parser) and() (Expr, error) { return p.chain(And, p.not) }

func (p *parser) chain(op Op, operand func() (Expr, error)) (Expr, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for {
		_, at, ok := p.keyword(op)
		if !ok {
			return left, nil
		}
		right, err := operand()
		if err != nil {
			return nil, err
		}
		for _, side := range []Expr{left, right} {
			if err := condition(side, op); err != nil {
				return nil, err
			}
		}
		left = &Binary{op, left, right, at}
	}
}

// condition refuses operands of and, or, not that cannot be true or false.
func condition(e Expr, op Op) error {
	l, ok := e.(*Literal)
	if !ok {
		return nil
	}
	if _, isBool := l.Value.(bool); isBool {
		return nil
	}
	return fault(e.At(), "%s is a value, and %s needs a condition such as name eq 'x'", e, op)
}

func (p *parser) not() (Expr, error) {
	_, at, ok := p.keyword("not")
	if !ok {
		return p.comparison()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	x, err := p.not()
	if err != nil {
		return nil, err
	}
	if err := condition(x, "not"); err != nil {
		return nil, err
	}
	return &Not{x, at}, p.grown()
}

func (p *parser) comparison() (Expr, error) {
	left, err := p.term(false)
	if err != nil {
		return nil, err
	}
	if _, at, ok := p.keyword("in"); ok {
		return p.in(left, at)
	}
	op, at, ok := p.keyword(Eq, Ne, Gt, Ge, Lt, Le)
	if !ok {
		return left, nil
	}
	_, valueFirst := left.(*Literal)
	right, err := p.term(!valueFirst)
	if err != nil {
		return nil, err
	}
	return &Binary{op, left, right, at}, p.grown()
}

func (p *parser) in(x Expr, at Pos) (Expr, error) {
	if err := p.want('(', "after in"); err != nil {
		return nil, err
	}
	e := &In{X: x, Pos: at}
	for {
		value, err := p.term(true)
		if err != nil {
			return nil, err
		}
		l, ok := value.(*Literal)
		if !ok {
			return nil, fault(value.At(), "the list after in holds values only")
		}
		e.List = append(e.List, l)
		if !p.take(',') {
			return e, p.want(')', "to close the list after in")
		}
	}
}

// term reads an operand. With bare set, a word is a value without quotes; else it
// is a field.
func (p *parser) term(bare bool) (Expr, error) {
	if err := p.grown(); err != nil {
		return nil, err
	}
	p.space()
	at := p.pos(p.at)
	if p.take('(') {
		return p.group()
	}
	if p.at < len(p.text) && p.text[p.at] == '\'' {
		s, err := p.quoted()
		return &Literal{Value: s, Pos: at, when: looseTime(s)}, err
	}
	word := p.peek()
	after := p.text[p.at+len(word):]
	switch {
	case word != "" && strings.HasPrefix(after, "("):
		return p.call(word, at)
	case word != "" && strings.HasPrefix(after, "'"):
		return p.typed(word, at)
	case word != "" && p.bound(word), !bare && startsField(word) && !constant(word):
		return p.path(at)
	}
	return p.bare(at)
}

func (p *parser) group() (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	return e, p.want(')', "to close the parenthesis")
}

func (p *parser) quoted() (string, error) {
	start := p.at
	var b strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		if p.text[p.at] != '\'' {
			b.WriteByte(p.text[p.at])
			continue
		}
		if p.at+1 < len(p.text) && p.text[p.at+1] == '\'' {
			p.at++
			b.WriteByte('\'')
			continue
		}
		p.at++
		return b.String(), nil
	}
	p.at = start
	return "", p.fault("the text has no closing quote: a quote inside text is written twice")
}

func (p *parser) bound(word string) bool {
	for _, v := range p.vars {
		if v == word {
			return true
		}
	}
	return false
}

// startsField tells fields from numbers, times and GUIDs: all of those but the
// GUIDs start with no letter.
func startsField(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	if !unicode.IsLetter(r) && r != '_' && r != '@' {
		return false
	}
	_, err := gatehouse.ParseGUID(word)
	return err != nil && !reserved(word)
}

func constant(word string) bool {
	switch gatehouse.Fold(word) {
	case "true", "false", "null":
		return true
	}
	return false
}

// path reads a field, its steps, and the lambda that may end it.
func (p *parser) path(at Pos) (Expr, error) {
	path := p.step()
	for p.at < len(p.text) && p.text[p.at] == '/' {
		p.at++
		word := p.peekHere()
		if word == "" {
			return nil, p.fault("a field name must follow the slash, found %s", p.next())
		}
		if all := gatehouse.Fold(word) == "all"; (all || gatehouse.Fold(word) == "any") && strings.HasPrefix(p.text[p.at+len(word):], "(") {
			p.at += len(word) + 1
			return p.lambda(path, all, at)
		}
		path += "/" + p.step()
	}
	return &Field{path, at}, nil
}

func (p *parser) step() string {
	word := p.peekHere()
	p.at += len(word)
	return word
}

// peekHere is peek without skipping blanks.
func (p *parser) peekHere() string {
	if p.at < len(p.text) {
		if r, _ := utf8.DecodeRuneInString(p.text[p.at:]); unicode.IsSpace(r) {
			return ""
		}
	}
	return p.peek()
}

func (p *parser) lambda(path string, all bool, at Pos) (Expr, error) {
	e := &Lambda{Path: path, All: all, Pos: at}
	if !all && p.take(')') {
		return e, nil
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e.Var = p.peek()
	if !startsField(e.Var) || constant(e.Var) {
		return nil, p.fault("expected a name for the element, as in any(x:x eq 'value'), found %s", p.next())
	}
	p.at += len(e.Var)
	if err := p.want(':', "after the element's name"); err != nil {
		return nil, err
	}
	p.vars = append(p.vars, e.Var)
	defer func() { p.vars = p.vars[:len(p.vars)-1] }()
	body, err := p.or()
	if err != nil {
		return nil, err
	}
	e.Body = body
	if err := condition(body, "any or all"); err != nil {
		return nil, err
	}
	return e, p.want(')', "to close any or all")
}

func (p *parser) call(word string, at Pos) (Expr, error) {
	known, ok := functions[gatehouse.Fold(word)]
	if !ok {
		return nil, p.fault("%s is not a function: use startswith, endswith, contains, substringof or atScope and its kin", strconv.Quote(clip(word)))
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.at += len(word) + 1
	e := &Call{Name: known.name, Pos: at}
	for !p.take(')') {
		if len(e.Args) > 0 {
			if err := p.want(',', "between arguments"); err != nil {
				return nil, err
			}
		}
		arg, err := p.term(false)
		if err != nil {
			return nil, err
		}
		switch arg.(type) {
		case *Field, *Literal, *Call:
		default:
			return nil, fault(arg.At(), "an argument of %s is a field, a value or a function", known.name)
		}
		e.Args = append(e.Args, arg)
	}
	if len(e.Args) != known.args {
		return nil, fault(at, "%s takes %d arguments and has %d", known.name, known.args, len(e.Args))
	}
	return e, nil
}

// typed reads the prefixed values of OData 2: datetime'…' and guid'…'.
func (p *parser) typed(word string, at Pos) (Expr, error) {
	p.at += len(word)
	text, err := p.quoted()
	if err != nil {
		return nil, err
	}
	switch gatehouse.Fold(word) {
	case "guid":
		if g, err := gatehouse.ParseGUID(text); err == nil {
			return &Literal{Value: g, Pos: at}, nil
		}
	case "datetime", "datetimeoffset":
		if t := looseTime(text); !t.IsZero() && bareEnd(text) == len(text) {
			return &Literal{Value: t, Pos: at, text: text}, nil
		}
	default:
		return nil, fault(at, "%s is not a prefix of values: use datetime or guid, or none", strconv.Quote(clip(word)))
	}
	return nil, fault(at, "%s is not a %s", strconv.Quote(clip(text)), gatehouse.Fold(word))
}

// bare reads a value without quotes: it ends at a blank, parenthesis, comma or quote.
func (p *parser) bare(at Pos) (Expr, error) {
	text := p.text[p.at : p.at+bareEnd(p.text[p.at:])]
	if text == "" || reserved(text) {
		return nil, p.fault("expected a field or a value, found %s", p.next())
	}
	if strings.ContainsRune(text, '"') {
		return nil, p.fault("text is written in single quotes, found %s", p.next())
	}
	p.at += len(text)
	switch gatehouse.Fold(text) {
	case "null":
		return &Literal{Pos: at}, nil
	case "true", "false":
		return &Literal{Value: gatehouse.Fold(text) == "true", Pos: at}, nil
	}
	if g, err := gatehouse.ParseGUID(text); err == nil {
		return &Literal{Value: g, Pos: at}, nil
	}
	if numeric(text) {
		return &Literal{Value: Number(text), Pos: at, text: text}, nil
	}
	if t := looseTime(text); !t.IsZero() {
		return &Literal{Value: t, Pos: at, text: text}, nil
	}
	return &Literal{Value: text, Pos: at}, nil
}

func bareEnd(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("(),'", r) })
	if end < 0 {
		return len(s)
	}
	return end
}

func reserved(word string) bool {
	switch gatehouse.Fold(word) {
	case "and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "in":
		return true
	}
	return false
}

func numeric(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || strings.ContainsAny(s, "xXpP_") {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// looseTime reads a timestamp with or without time, fraction and zone (UTC when
// there is none, clients.md 7); the zero time when s is none.
func looseTime(s string) time.Time {
	if len(s) < 10 || len(s) > 40 || s[4] != '-' {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
