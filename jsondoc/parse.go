package jsondoc

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"gatehouse"
)

// Options say what Parse accepts.
type Options struct {
	// Relaxed also accepts what az and PowerShell send as deployment templates
	// (clients.md 4, Bodies): names without quotes, // and /* */ comments, commas
	// before a closing bracket, strings in single quotes and over several lines.
	Relaxed bool
	// Exact makes every name compare with case, as documents of other formats mean theirs.
	Exact bool
	// Variants takes names that differ only in case: an object that holds some becomes an
	// exact one. It is for documents that were checked when they came; see Variants.
	Variants bool
	MaxDepth int // objects and arrays in each other; 0 is 100
	MaxBytes int // 0 is 16 MiB
}

// The defaults of Options, and the codes of Parse's errors.
const (
	DefaultDepth = 100
	DefaultBytes = 16 << 20

	InvalidRequestContent  = "InvalidRequestContent"
	RequestContentTooLarge = "RequestContentTooLarge"
)

// Parse reads one JSON value that fills b but for white space and a byte order
// mark at the start. Errors are *gatehouse.Error with line and column; the
// document keeps no reference to b.
func Parse(b []byte, o Options) (Value, error) {
	if o.MaxDepth == 0 {
		o.MaxDepth = DefaultDepth
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultBytes
	}
	if len(b) > o.MaxBytes {
		return nil, gatehouse.Errorf(gatehouse.TooLarge, RequestContentTooLarge,
			"The request content has %d bytes and at most %d are accepted: send less, or split the request.", len(b), o.MaxBytes)
	}
	p := &parser{s: strings.TrimPrefix(string(b), "\ufeff"), Options: o, line: 1}
	v, err := p.document()
	if err != nil {
		return nil, err
	}
	return v, nil
}

// ParseObject is Parse for a document that has to be an object.
func ParseObject(b []byte) (*Object, error) { return ParseObjectWith(b, Options{}) }

// ParseObjectWith is ParseObject with options.
func ParseObjectWith(b []byte, o Options) (*Object, error) {
	v, err := Parse(b, o)
	if err != nil {
		return nil, err
	}
	object, ok := v.(*Object)
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.Invalid, InvalidRequestContent,
			"The request content was invalid and could not be deserialized: 'it is %s where a JSON object is expected; send {...}'.", KindOf(v))
	}
	return object, nil
}

// KindOf names the type of a value with its article, for messages: "a string", "an object".
func KindOf(v Value) string {
	switch v.(type) {
	case nil:
		return "null"
	case *Object:
		return "an object"
	case []Value:
		return "an array"
	case string:
		return "a string"
	case Number:
		return "a number"
	case bool:
		return "a boolean"
	}
	return fmt.Sprintf("a %T", v)
}

// parser reads s from i on. Members and values of what is open lie on two
// stacks, so that every object and array is allocated once, at its final size.
type parser struct {
	Options
	s       string
	i       int
	line    int // of i, from 1
	start   int // offset where line begins
	depth   int
	members []member
	values  []Value
}

func (p *parser) document() (Value, error) {
	if !utf8.ValidString(p.s) {
		return nil, p.invalidUTF8()
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	if p.i == len(p.s) {
		return nil, p.fail(p.i, "there is nothing; send a JSON document")
	}
	v, err := p.value()
	if err == nil {
		err = p.space()
	}
	if err != nil {
		return nil, err
	}
	if p.i < len(p.s) {
		return nil, p.fail(p.i, "%s follows the end of the document; send one JSON value only", p.here())
	}
	return v, nil
}

func (p *parser) invalidUTF8() error {
	for i, r := range p.s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(p.s[i:]); size == 1 {
				return p.fail(i, "byte 0x%02x is not valid UTF-8; encode the content as UTF-8", p.s[i])
			}
		}
	}
	return nil
}

// fail reports a fault at an offset. Line and column are counted here, off the fast path.
func (p *parser) fail(at int, format string, args ...any) error {
	line := 1 + strings.Count(p.s[:at], "\n")
	column := at - strings.LastIndexByte(p.s[:at], '\n')
	return gatehouse.Errorf(gatehouse.Invalid, InvalidRequestContent,
		"The request content was invalid and could not be deserialized: 'line %d, column %d: %s'.",
		line, column, fmt.Sprintf(format, args...))
}

// here describes what stands at i, for messages.
func (p *parser) here() string {
	if p.i >= len(p.s) {
		return "the end of the content"
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.i:])
	return fmt.Sprintf("%q", r)
}

// space skips white space and, when relaxed, comments.
func (p *parser) space() error {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '\n':
			p.i++
			p.newline()
		case ' ', '\t', '\r':
			p.i++
		case '/':
			if !p.Relaxed {
				return nil
			}
			if err := p.comment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// newline notes that a line starts at i.
func (p *parser) newline() {
	p.line++
	p.start = p.i
}

func (p *parser) comment() error {
	rest := p.s[p.i:]
	switch {
	case strings.HasPrefix(rest, "//"):
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		p.i += end
		return nil
	case strings.HasPrefix(rest, "/*"):
		end := strings.Index(rest[2:], "*/")
		if end < 0 {
			return p.fail(p.i, "the comment has no end; close it with */")
		}
		stop := p.i + end + 4
		for ; p.i < stop; p.i++ {
			if p.s[p.i] == '\n' {
				p.line++
				p.start = p.i + 1
			}
		}
		return nil
	}
	return p.fail(p.i, "'/' starts neither a value nor a comment; write // or /* */ for a comment")
}

func (p *parser) value() (Value, error) {
	if p.i >= len(p.s) {
		return nil, p.fail(p.i, "the content ends where a value is expected; is it complete?")
	}
	switch c := p.s[p.i]; {
	case c == '"', c == '\'' && p.Relaxed:
		s, err := p.text(c)
		if err != nil {
			return nil, err
		}
		return s, nil
	case c == '{':
		o, err := p.object()
		if err != nil {
			return nil, err
		}
		return o, nil
	case c == '[':
		return p.array()
	case c == '-', '0' <= c && c <= '9':
		return p.number()
	}
	return p.word()
}

func (p *parser) word() (Value, error) {
	rest := p.s[p.i:]
	for _, w := range []struct {
		text  string
		value Value
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if strings.HasPrefix(rest, w.text) {
			p.i += len(w.text)
			return w.value, nil
		}
	}
	return nil, p.fail(p.i, "%s starts no value; expected an object, array, string, number, true, false or null", p.here())
}

func (p *parser) enter(what string) error {
	if p.depth++; p.depth > p.MaxDepth {
		return p.fail(p.i, "%s lies more than %d levels deep; flatten the document", what, p.MaxDepth)
	}
	p.i++
	return p.space()
}

func (p *parser) object() (*Object, error) {
	o := &Object{line: uint32(p.line), col: uint32(p.i - p.start + 1), exact: p.Exact}
	open := p.i
	if err := p.enter("an object"); err != nil {
		return nil, err
	}
	base := len(p.members)
	for first := true; ; first = false {
		done, err := p.next('}', open, first)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		if err := p.member(); err != nil {
			return nil, err
		}
	}
	if n := len(p.members) - base; n > 0 {
		o.members = make([]member, n)
		copy(o.members, p.members[base:])
		p.members = p.members[:base]
	}
	p.depth--
	return o, p.unique(o)
}

func (p *parser) array() (Value, error) {
	open := p.i
	if err := p.enter("an array"); err != nil {
		return nil, err
	}
	base := len(p.values)
	for first := true; ; first = false {
		done, err := p.next(']', open, first)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		p.values = append(p.values, v)
	}
	a := make([]Value, len(p.values)-base)
	copy(a, p.values[base:])
	p.values = p.values[:base]
	p.depth--
	return a, nil
}

// next stands before a member or element, or at the end of what was opened at
// open; it takes the comma between two of them.
func (p *parser) next(end byte, open int, first bool) (done bool, err error) {
	if err := p.space(); err != nil {
		return false, err
	}
	comma := false
	if !first && p.i < len(p.s) && p.s[p.i] == ',' {
		comma = true
		p.i++
		if err := p.space(); err != nil {
			return false, err
		}
	}
	switch {
	case p.i >= len(p.s):
		return false, p.fail(open, "%q has no end; close it with %q", p.s[open], end)
	case p.s[p.i] == end:
		if comma && !p.Relaxed {
			return false, p.fail(p.i, "a comma stands before %q; remove it", end)
		}
		p.i++
		return true, nil
	case !first && !comma:
		return false, p.fail(p.i, "%s where a comma or %q is expected", p.here(), end)
	}
	return false, nil
}

func (p *parser) member() error {
	m := member{line: uint32(p.line), col: uint32(p.i - p.start + 1)}
	var err error
	switch c := p.s[p.i]; {
	case c == '"', c == '\'' && p.Relaxed:
		m.name, err = p.text(c)
	case p.Relaxed:
		m.name, err = p.identifier()
	default:
		err = p.fail(p.i, "%s where a member's name is expected; put names in double quotes", p.here())
	}
	if err == nil {
		err = p.space()
	}
	if err != nil {
		return err
	}
	if p.i >= len(p.s) || p.s[p.i] != ':' {
		return p.fail(p.i, "%s where the colon after %q is expected", p.here(), clip(m.name))
	}
	p.i++
	if err := p.space(); err != nil {
		return err
	}
	if m.value, err = p.value(); err != nil {
		return err
	}
	p.members = append(p.members, m)
	return nil
}

func (p *parser) identifier() (string, error) {
	from := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$'
		if !letter && (p.i == from || c < '0' || c > '9') {
			break
		}
		p.i++
	}
	if p.i == from {
		return "", p.fail(p.i, "%s where a member's name is expected", p.here())
	}
	return p.s[from:p.i], nil
}

// unique refuses names that are the same without case: which of them counts
// would depend on who reads the document, and a check could look at the wrong one.
func (p *parser) unique(o *Object) error {
	i, first := o.twice()
	if i >= 0 && p.Variants && !o.exact {
		o.exact = true
		i, first = o.twice()
	}
	if i < 0 {
		return nil
	}
	return duplicate(o.members[i], first)
}

// twice finds the first member whose name stands before it already, and indexes large objects.
func (o *Object) twice() (at int, first string) {
	if len(o.members) >= indexed {
		o.index = make(map[string]int, len(o.members))
		for i, m := range o.members {
			key := o.key(m.name)
			if j, twice := o.index[key]; twice {
				return i, o.members[j].name
			}
			o.index[key] = i
		}
		return -1, ""
	}
	for i, m := range o.members {
		for j := range i {
			if first := o.members[j].name; first == m.name || !o.exact && sameName(first, m.name) {
				return i, first
			}
		}
	}
	return -1, ""
}

// CheckVariants returns the refusal that Parse without Variants would give for an exact object
// in v, unless it lies at or below one of the paths, which are names joined by dots. A path
// leads into each element of an array.
func CheckVariants(v Value, paths []string) error {
	switch v := v.(type) {
	case *Object:
		return v.checkVariants(paths)
	case []Value:
		for _, item := range v {
			if err := CheckVariants(item, paths); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Object) checkVariants(paths []string) error {
	if o.exact {
		folded := &Object{members: o.members}
		if i, first := folded.twice(); i >= 0 {
			return duplicate(o.members[i], first)
		}
	}
	for name, v := range o.All() {
		var below []string
		free := false
		for _, path := range paths {
			first, rest, more := strings.Cut(path, ".")
			switch {
			case !sameName(first, name):
			case more:
				below = append(below, rest)
			default:
				free = true
			}
		}
		if free {
			continue
		}
		if err := CheckVariants(v, below); err != nil {
			return err
		}
	}
	return nil
}

func duplicate(m member, first string) error {
	fault := fmt.Sprintf("the member %q is there twice", clip(m.name))
	if m.name != first {
		fault = fmt.Sprintf("the members %q and %q differ only in case, and names compare without case", clip(first), clip(m.name))
	}
	return gatehouse.Errorf(gatehouse.Invalid, InvalidRequestContent,
		"The request content was invalid and could not be deserialized: 'line %d, column %d: %s; remove one of them'.", m.line, m.col, fault)
}

func (p *parser) number() (Value, error) {
	from := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	whole := p.digits()
	ok := whole > 0 && (whole == 1 || p.s[p.i-whole] != '0')
	if ok && p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		ok = p.digits() > 0
	}
	if ok && p.i < len(p.s) && p.s[p.i]|0x20 == 'e' {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		ok = p.digits() > 0
	}
	if !ok {
		return nil, p.fail(from, "%q is not a JSON number; write it like 12, -0.5 or 1e6", clip(p.s[from:min(p.i+1, len(p.s))]))
	}
	return Number(p.s[from:p.i]), nil
}

func (p *parser) digits() int {
	from := p.i
	for p.i < len(p.s) && '0' <= p.s[p.i] && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i - from
}

// text reads a string; one without escapes is a part of the document and costs no copy.
func (p *parser) text(quote byte) (string, error) {
	open := p.i
	p.i++
	from := p.i
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == quote:
			p.i++
			return p.s[from : p.i-1], nil
		case c == '\\':
			return p.escaped(quote, open)
		case c < ' ':
			if err := p.control(c); err != nil {
				return "", err
			}
		}
	}
	return "", p.fail(open, "the string has no end; close it with %q", quote)
}

// control judges a raw control character: line ends and tabs pass when relaxed.
func (p *parser) control(c byte) error {
	if !p.Relaxed || c != '\n' && c != '\r' && c != '\t' {
		return p.fail(p.i, "a string holds the raw control character 0x%02x; write it as \\u%04x", c, c)
	}
	if c == '\n' {
		p.line++
		p.start = p.i + 1
	}
	return nil
}

// escaped reads the rest of a string that was opened at open; i is at its first backslash.
func (p *parser) escaped(quote byte, open int) (string, error) {
	b := make([]byte, 0, 2*(p.i-open)+16)
	b = append(b, p.s[open+1:p.i]...)
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == quote:
			p.i++
			return string(b), nil
		case c == '\\':
			var err error
			if b, err = p.escape(b); err != nil {
				return "", err
			}
			continue
		case c < ' ':
			if err := p.control(c); err != nil {
				return "", err
			}
		}
		b = append(b, p.s[p.i])
		p.i++
	}
	return "", p.fail(open, "the string has no end; close it with %q", quote)
}

func (p *parser) escape(b []byte) ([]byte, error) {
	if p.i+1 >= len(p.s) {
		return nil, p.fail(p.i, "the content ends in an escape")
	}
	const names, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	c := p.s[p.i+1]
	if k := strings.IndexByte(names, c); k >= 0 {
		p.i += 2
		return append(b, meant[k]), nil
	}
	if c == '\'' && p.Relaxed {
		p.i += 2
		return append(b, c), nil
	}
	r, ok := p.hex(p.i)
	if !ok {
		return nil, p.fail(p.i, "the string holds an unknown escape; write a backslash as \\\\")
	}
	size := 6
	if utf16.IsSurrogate(r) {
		low, _ := p.hex(p.i + 6)
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return nil, p.fail(p.i, "the string holds half of a surrogate pair; write both halves, or the character itself")
		}
		size = 12
	}
	p.i += size
	return utf8.AppendRune(b, r), nil
}

// hex reads the \uXXXX at an offset.
func (p *parser) hex(at int) (rune, bool) {
	if at+6 > len(p.s) || p.s[at] != '\\' || p.s[at+1] != 'u' {
		return 0, false
	}
	r := rune(0)
	for _, c := range []byte(p.s[at+2 : at+6]) {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// clip shortens text of the document for a message.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
