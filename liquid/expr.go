package liquid

import (
	"strconv"
	"strings"
)

// expr is a value to be found out.
type expr interface{ eval(r *run) any }

type literal struct{ v any }

func (l literal) eval(*run) any { return l.v }

type rangeExpr struct{ from, to expr }

func (x rangeExpr) eval(r *run) any {
	from, _ := numeric(x.from.eval(r))
	to, _ := numeric(x.to.eval(r))
	return span{int64(float(from)), int64(float(to))}
}

// lookup is a.b[c].
type lookup struct {
	name string
	path []expr
}

func (l lookup) eval(r *run) any {
	v := r.lookup(l.name)
	for _, p := range l.path {
		if v = r.memberOf(v, p.eval(r)); v == nil {
			return nil
		}
	}
	return v
}

// memberOf is the step from a value to one of its members or items. Names are case-sensitive but for size, first, last.
func (r *run) memberOf(v, key any) any {
	if name, ok := key.(string); ok {
		if o, ok := v.(Object); ok {
			if e, ok := v.(xmlElement); ok { // which has to be searched
				_ = r.step(len(e.n.Items()) / 8) // the error is kept
			}
			if m, ok := o.Member(name); ok {
				return m
			}
		}
		return r.builtIn(v, name)
	}
	n, ok := numeric(key)
	l, isList := r.listOf(v)
	if !ok || !isList {
		return nil
	}
	i := int(float(n))
	if i < 0 {
		i += l.Len()
	}
	if i < 0 || i >= l.Len() {
		return nil
	}
	return l.At(i)
}

// builtIn is what every text and list has. Names that are none of it are told apart first: looking at an object as a list
// costs as much as it is large.
func (r *run) builtIn(v any, name string) any {
	switch name {
	case "size", "Size", "first", "First", "last", "Last":
	default:
		return nil
	}
	_, isText := v.(string)
	l, isList := r.listOf(v)
	switch name {
	case "size", "Size":
		if isText {
			return sizeOf(v)
		}
		if isList {
			return int64(l.Len())
		}
	case "first", "First":
		if isList && l.Len() > 0 {
			return l.At(0)
		}
	case "last", "Last":
		if isList && l.Len() > 0 {
			return l.At(l.Len() - 1)
		}
	}
	return nil
}

// listOf is listOf, paid for where the list has to be made.
func (r *run) listOf(v any) (List, bool) {
	l, ok := listOf(v)
	if _, made := l.(slice); made {
		_ = r.step(l.Len() / 4) // the error is kept
	}
	return l, ok
}

// filtered is a value that goes through filters.
type filtered struct {
	of      expr
	filters []filterCall
}

type filterCall struct {
	name string
	args []expr
}

func (f filtered) eval(r *run) any {
	v := f.of.eval(r)
	for _, call := range f.filters {
		fn := filters[call.name]
		if fn == nil {
			continue // DotLiquid leaves the input alone
		}
		args := make([]any, len(call.args))
		for i, a := range call.args {
			args[i] = a.eval(r)
		}
		r.step(1)
		v = fn(r, v, args)
	}
	return v
}

// condition is what stands behind if.
type condition struct {
	op          string // comparison, "and", "or", or "" for truth of left
	left, right expr
}

func (c condition) eval(r *run) any {
	l := c.left.eval(r)
	switch c.op {
	case "":
		return truth(l)
	case "and":
		return truth(l) && truth(c.right.eval(r))
	case "or":
		return truth(l) || truth(c.right.eval(r))
	}
	return r.compareBy(c.op, l, c.right.eval(r))
}

func (x *run) compareBy(op string, l, r any) bool {
	switch op {
	case "==":
		return x.equal(l, r)
	case "!=", "<>":
		return !x.equal(l, r)
	case "contains", "Contains":
		return x.contains(l, r)
	case "startswith", "startsWith", "StartsWith":
		s, ok := l.(string)
		return ok && strings.HasPrefix(s, text(r))
	case "endswith", "endsWith", "EndsWith":
		s, ok := l.(string)
		return ok && strings.HasSuffix(s, text(r))
	case "haskey", "hasKey", "HasKey":
		o, ok := l.(Object)
		if ok {
			_, ok = o.Member(text(r))
		}
		return ok
	}
	c, ok := compare(l, r)
	switch op {
	case "<":
		return ok && c < 0
	case "<=":
		return ok && c <= 0
	case ">":
		return ok && c > 0
	}
	return ok && c >= 0
}

func (x *run) contains(l, r any) bool {
	if s, ok := l.(string); ok {
		_ = x.step(len(s) / bytesPerStep) // the error is kept
		return r != nil && strings.Contains(s, text(r))
	}
	if k, ok := l.(Keyed); ok {
		_, found := k.Member(text(r))
		return found
	}
	list, ok := listOf(l)
	if !ok {
		return false
	}
	for i := range list.Len() {
		if x.step(1) != nil || x.equal(list.At(i), r) {
			return true
		}
	}
	return false
}

// scanner reads the inside of a tag.
type scanner struct {
	s      string
	pos    int
	err    string
	depth  int // of values in values
	joined int // comparisons by and, or
}

func (s *scanner) fail(message string) {
	if s.err == "" {
		s.err = message
	}
	s.pos = len(s.s)
}

func (s *scanner) blanks() {
	for s.pos < len(s.s) && strings.IndexByte(" \t\r\n", s.s[s.pos]) >= 0 {
		s.pos++
	}
}

// next says whether a text comes next, after blanks, and passes over it.
func (s *scanner) next(text string) bool {
	s.blanks()
	if !strings.HasPrefix(s.s[s.pos:], text) {
		return false
	}
	s.pos += len(text)
	return true
}

func (s *scanner) over() bool {
	s.blanks()
	return s.pos >= len(s.s)
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= 0x80
}

func (s *scanner) word() string {
	s.blanks()
	start := s.pos
	for s.pos < len(s.s) && wordByte(s.s[s.pos]) {
		s.pos++
	}
	if s.pos < len(s.s) && s.s[s.pos] == '?' {
		s.pos++
	}
	return s.s[start:s.pos]
}

// keyword says whether a word comes next and passes over it.
func (s *scanner) keyword(word string) bool {
	back := s.pos
	if s.word() == word {
		return true
	}
	s.pos = back
	return false
}

func (s *scanner) value() expr {
	if s.depth++; s.depth > maxNesting {
		s.fail("values are nested too deeply")
	}
	defer func() { s.depth-- }()
	s.blanks()
	if s.pos >= len(s.s) {
		s.fail("a value is missing")
		return literal{}
	}
	switch c := s.s[s.pos]; {
	case c == '"' || c == '\'':
		end := strings.IndexByte(s.s[s.pos+1:], c)
		if end < 0 {
			s.fail("a string does not end")
			return literal{}
		}
		v := s.s[s.pos+1 : s.pos+1+end]
		s.pos += end + 2
		return literal{v}
	case c == '(':
		return s.rangeValue()
	case c >= '0' && c <= '9', c == '-' && s.pos+1 < len(s.s) && s.s[s.pos+1] >= '0' && s.s[s.pos+1] <= '9':
		return s.number()
	case wordByte(c), c == '[':
		return s.variable()
	}
	s.fail("unexpected " + s.s[s.pos:s.pos+1])
	return literal{}
}

func (s *scanner) rangeValue() expr {
	s.pos++
	from := s.value()
	if !s.next("..") {
		s.fail(".. is missing in a range")
	}
	to := s.value()
	if !s.next(")") {
		s.fail(") is missing after a range")
	}
	return rangeExpr{from, to}
}

func (s *scanner) number() expr {
	start := s.pos
	if s.s[s.pos] == '-' {
		s.pos++
	}
	digits := func() {
		for s.pos < len(s.s) && s.s[s.pos] >= '0' && s.s[s.pos] <= '9' {
			s.pos++
		}
	}
	digits()
	if strings.HasPrefix(s.s[s.pos:], ".") && !strings.HasPrefix(s.s[s.pos:], "..") {
		s.pos++
		digits()
	}
	t := s.s[start:s.pos]
	if n, err := strconv.ParseInt(t, 10, 64); err == nil {
		return literal{n}
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil {
		s.fail("bad number " + t)
	}
	return literal{f}
}

func (s *scanner) variable() expr {
	l := lookup{}
	if s.s[s.pos] != '[' {
		l.name = s.word()
		switch l.name {
		case "nil", "null", "Nil", "Null":
			return literal{}
		case "true", "True":
			return literal{true}
		case "false", "False":
			return literal{false}
		case "empty", "blank", "Empty", "Blank":
			return literal{special(strings.ToLower(l.name))}
		}
	}
	for s.pos < len(s.s) {
		switch {
		case s.s[s.pos] == '[':
			s.pos++
			l.path = append(l.path, s.value())
			if !s.next("]") {
				s.fail("] is missing")
			}
		case s.s[s.pos] == '.' && !strings.HasPrefix(s.s[s.pos:], ".."):
			s.pos++
			name := s.word()
			if name == "" {
				s.fail("a name is missing after .")
			}
			l.path = append(l.path, literal{name})
		default:
			return l
		}
	}
	return l
}

// filtered reads value | Filter: a, b | Filter.
func (s *scanner) filtered() expr {
	f := filtered{of: s.value()}
	for s.next("|") {
		call := filterCall{name: s.word()}
		if s.next(":") {
			for {
				call.args = append(call.args, s.value())
				if !s.next(",") {
					break
				}
			}
		}
		f.filters = append(f.filters, call)
	}
	if len(f.filters) == 0 {
		return f.of
	}
	return f
}

var operators = []string{"==", "!=", "<>", "<=", ">=", "<", ">", "contains", "Contains", "startswith", "startsWith", "StartsWith",
	"endswith", "endsWith", "EndsWith", "haskey", "hasKey", "HasKey"}

// condition reads comparisons joined by and, or; the last binds first.
func (s *scanner) condition() expr {
	if s.joined++; s.joined > maxConditions {
		s.fail("the condition is too long")
	}
	c := condition{left: s.value()}
	s.blanks()
	for _, op := range operators {
		if wordByte(op[0]) && s.keyword(op) || !wordByte(op[0]) && s.next(op) {
			c.op, c.right = op, s.value()
			break
		}
	}
	for _, op := range []string{"and", "or"} {
		if s.keyword(op) {
			return condition{op: op, left: c, right: s.condition()}
		}
	}
	return c
}
