package newtonsoft

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexeme is what the reader stands on: JsonToken.
type lexeme int

const (
	lexNone lexeme = iota
	lexStartObject
	lexStartArray
	lexStartConstructor
	lexPropertyName
	lexComment
	lexInteger
	lexFloat
	lexString
	lexBoolean
	lexNull
	lexUndefined
	lexEndObject
	lexEndArray
	lexEndConstructor
	lexDate
)

var lexemeNames = [...]string{"None", "StartObject", "StartArray", "StartConstructor", "PropertyName", "Comment", "Integer",
	"Float", "String", "Boolean", "Null", "Undefined", "EndObject", "EndArray", "EndConstructor", "Date"}

func (l lexeme) String() string { return lexemeNames[l] }

// state is what the reader expects next.
type state int

const (
	atStart state = iota
	inProperty
	inObjectStart
	inObject
	inArrayStart
	inArray
	inConstructorStart
	inConstructor
	afterValue
	finished
)

// place is one step of the path to where the reader is.
type place struct {
	typ  Type // None outside of everything
	at   int
	name string
}

// reader reads JSON the way JsonTextReader does: lenient, and with its texts for what it cannot read.
type reader struct {
	s       string
	pos     int
	line    int
	newline int // where the line starts
	state   state
	spend   Spend
	plain   bool // dates stay strings

	tok  lexeme
	text string // name, comment, constructor
	val  any    // of a value

	cur   place
	outer []place
	err   error
}

func newReader(text string, spend Spend) *reader {
	return &reader{s: text, line: 1, cur: place{at: -1}, spend: spend}
}

// fail notes an error at the place where the reader is; it returns false for the callers' convenience.
func (r *reader) fail(format string, args ...any) bool {
	if r.err == nil {
		r.err = throw("Newtonsoft.Json.JsonReaderException", "%s", r.message(fmt.Sprintf(format, args...)))
	}
	return false
}

// message adds path and position to a text.
func (r *reader) message(text string) string {
	text = strings.TrimSpace(text)
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	line, column := r.line, units(r.s[min(r.newline, r.pos):min(r.pos, len(r.s))])
	if r.state == atStart && column == 0 && r.tok != lexComment {
		line = 0
	}
	return fmt.Sprintf("%s Path '%s', line %d, position %d.", text, r.path(), line, column)
}

// units counts UTF-16 code units.
func units(s string) (n int) {
	for _, c := range s {
		if n++; c > 0xFFFF {
			n++
		}
	}
	return n
}

func (r *reader) path() string {
	if r.cur.typ == None {
		return ""
	}
	var b strings.Builder
	for _, p := range r.outer {
		p.write(&b)
	}
	if r.state != inArrayStart && r.state != inObjectStart && r.state != inConstructorStart {
		r.cur.write(&b)
	}
	return b.String()
}

func (p place) write(b *strings.Builder) {
	if p.typ == Object {
		writeName(b, p.name)
	} else {
		fmt.Fprintf(b, "[%d]", p.at)
	}
}

// writeName adds a member to a path; names with signs of their own are put in brackets.
func writeName(b *strings.Builder, name string) {
	if strings.ContainsAny(name, ". '/\"[]()\t\n\r\f\b\\\u0085\u2028\u2029") {
		b.WriteString("['")
		b.Write(escape(nil, name, '\''))
		b.WriteString("']")
		return
	}
	if b.Len() > 0 {
		b.WriteByte('.')
	}
	b.WriteString(name)
}

func (r *reader) depth() int {
	d := len(r.outer)
	if r.cur.typ == None || r.tok == lexStartObject || r.tok == lexStartArray || r.tok == lexStartConstructor {
		return d
	}
	return d + 1
}

// read goes to the next lexeme; false at the end and after an error.
func (r *reader) read() bool {
	for r.err == nil {
		switch r.state {
		case inObject, inObjectStart:
			return r.objectPart()
		case afterValue:
			if more, done := r.afterValue(); done {
				return more
			}
		case finished:
			return r.rest()
		default:
			return r.value()
		}
	}
	return false
}

// rest reads what follows the outermost value: comments at most.
func (r *reader) rest() bool {
	r.blanks()
	switch {
	case r.pos >= len(r.s):
		r.tok = lexNone
		return false
	case r.s[r.pos] == '/':
		return r.comment()
	}
	return r.fail("Additional text encountered after finished reading JSON content: %s.", r.char())
}

// char is the character the reader stands on, for messages.
func (r *reader) char() string {
	c, _ := utf8.DecodeRuneInString(r.s[min(r.pos, len(r.s)):])
	return string(c)
}

// blank skips one character of white space (or U+0000, which Json.NET skips too) and says whether there was one.
func (r *reader) blank() bool {
	switch c := r.s[r.pos]; {
	case c == '\n':
		r.pos++
		r.endLine()
	case c == '\r':
		if r.pos++; r.pos < len(r.s) && r.s[r.pos] == '\n' {
			r.pos++
		}
		r.endLine()
	case c == ' ' || c == '\t' || c == 0 || c == '\v' || c == '\f':
		r.pos++
	case c < utf8.RuneSelf:
		return false
	default:
		w, n := utf8.DecodeRuneInString(r.s[r.pos:])
		if !isSpace(w) {
			return false
		}
		r.pos += n
	}
	return true
}

func (r *reader) endLine() { r.line, r.newline = r.line+1, r.pos }

func (r *reader) blanks() {
	for r.pos < len(r.s) && r.blank() {
	}
}

// isSpace is char.IsWhiteSpace: Unicode's white space, as Go counts it.
func isSpace(c rune) bool { return unicode.IsSpace(c) }

func (r *reader) open(tok lexeme, typ Type, next state) bool {
	if r.cur.at++; r.cur.typ != None {
		r.outer = append(r.outer, r.cur)
	}
	r.tok, r.state = tok, next
	r.cur = place{typ: typ, at: -1}
	if len(r.outer) >= MaxDepth {
		return r.fail("The reader's MaxDepth of %d has been exceeded.", MaxDepth)
	}
	return true
}

func (r *reader) close(tok lexeme, typ Type) bool {
	was := r.cur
	r.cur = place{at: -1}
	if n := len(r.outer); n > 0 {
		r.cur, r.outer = r.outer[n-1], r.outer[:n-1]
	}
	r.tok = tok
	if was.typ != typ {
		return r.fail("JsonToken %s is not valid for closing JsonType %s.", tok, was.typ)
	}
	r.settle()
	return true
}

// settle is the state after a whole value.
func (r *reader) settle() {
	if r.cur.typ == None {
		r.state = finished
	} else {
		r.state = afterValue
	}
}

func (r *reader) emit(tok lexeme, val any) bool {
	r.tok, r.val = tok, val
	r.settle()
	r.cur.at++
	if err := r.spend.take(tokenSize); err != nil {
		r.err = err
		return false
	}
	return true
}

func (r *reader) objectPart() bool {
	for r.pos < len(r.s) {
		switch {
		case r.s[r.pos] == '}':
			r.pos++
			return r.close(lexEndObject, Object)
		case r.s[r.pos] == '/':
			return r.comment()
		case r.blank():
		default:
			return r.property()
		}
	}
	return false
}

func (r *reader) property() bool {
	c := r.s[r.pos]
	var name string
	switch {
	case c == '"' || c == '\'':
		r.pos++
		var ok bool
		if name, ok = r.quoted(c); !ok {
			return false
		}
	case r.identifier():
		start := r.pos
		for r.identifier() {
			_, n := utf8.DecodeRuneInString(r.s[r.pos:])
			r.pos += n
		}
		if r.pos >= len(r.s) {
			return r.fail("Unexpected end while parsing unquoted property name.")
		}
		if w, _ := utf8.DecodeRuneInString(r.s[r.pos:]); w != ':' && !isSpace(w) {
			return r.fail("Invalid JavaScript property identifier character: %s.", r.char())
		}
		name = r.s[start:r.pos]
	default:
		return r.fail("Invalid property identifier character: %s.", r.char())
	}
	r.blanks()
	if r.pos >= len(r.s) || r.s[r.pos] != ':' {
		return r.fail("Invalid character after parsing property name. Expected ':' but got: %s.", r.charOrNul())
	}
	r.pos++
	r.tok, r.text, r.state, r.cur.name = lexPropertyName, name, inProperty, name
	if err := r.spend.take(tokenSize); err != nil {
		r.err = err
		return false
	}
	return true
}

// charOrNul is the character the reader stands on; at the end it is the NUL that ends Json.NET's buffer.
func (r *reader) charOrNul() string {
	if r.pos >= len(r.s) {
		return "\x00"
	}
	return r.char()
}

// identifier says whether the next character may stand in a name without quotes.
func (r *reader) identifier() bool {
	if r.pos >= len(r.s) {
		return false
	}
	c, _ := utf8.DecodeRuneInString(r.s[r.pos:])
	return c == '_' || c == '$' || unicode.IsLetter(c) || unicode.Is(unicode.Nd, c)
}

// afterValue reads what may follow a value. done says that there is a lexeme, or an end.
func (r *reader) afterValue() (more, done bool) {
	for r.pos < len(r.s) {
		switch c := r.s[r.pos]; {
		case c == '}':
			r.pos++
			return r.close(lexEndObject, Object), true
		case c == ']':
			r.pos++
			return r.close(lexEndArray, Array), true
		case c == ')':
			r.pos++
			return r.close(lexEndConstructor, Constructor), true
		case c == '/':
			return r.comment(), true
		case c == ',':
			r.pos++
			r.state = map[Type]state{Object: inObject, Array: inArray, Constructor: inConstructor}[r.cur.typ]
			return false, false
		case r.blank():
		default:
			return r.fail("After parsing a value an unexpected character was encountered: %s.", r.char()), true
		}
	}
	r.state = finished
	return false, false
}

func (r *reader) value() bool {
	for r.pos < len(r.s) {
		switch c := r.s[r.pos]; {
		case c == '"' || c == '\'':
			r.pos++
			s, ok := r.quoted(c)
			return ok && r.stringValue(s)
		case c == '{':
			r.pos++
			return r.open(lexStartObject, Object, inObjectStart)
		case c == '[':
			r.pos++
			return r.open(lexStartArray, Array, inArrayStart)
		case c == ']':
			r.pos++
			return r.close(lexEndArray, Array)
		case c == ')':
			r.pos++
			return r.close(lexEndConstructor, Constructor)
		case c == ',': // stays, so that the next read takes it: [,1] has an undefined value first
			return r.emit(lexUndefined, nil)
		case c == '/':
			return r.comment()
		case r.blank():
		default:
			return r.scalar(c)
		}
	}
	return false
}

func (r *reader) scalar(c byte) bool {
	next := byte(0)
	if r.pos+1 < len(r.s) {
		next = r.s[r.pos+1]
	}
	switch {
	case c == 't':
		return r.word("true", "boolean value", lexBoolean, true)
	case c == 'f':
		return r.word("false", "boolean value", lexBoolean, false)
	case c == 'n' && r.pos+1 >= len(r.s):
		r.pos++
		return r.fail("Unexpected end when reading JSON.")
	case c == 'n' && next == 'u':
		return r.word("null", "null value", lexNull, nil)
	case c == 'n' && next == 'e':
		return r.constructor()
	case c == 'N':
		return r.word("NaN", "NaN value", lexFloat, nan)
	case c == 'I':
		return r.word("Infinity", "Infinity value", lexFloat, inf)
	case c == '-' && next == 'I':
		return r.word("-Infinity", "-Infinity value", lexFloat, -inf)
	case c == 'u':
		return r.word("undefined", "undefined value", lexUndefined, nil)
	case c >= '0' && c <= '9', c == '-', c == '.':
		return r.number()
	}
	if w, _ := utf8.DecodeRuneInString(r.s[r.pos:]); unicode.IsNumber(w) {
		return r.number()
	}
	return r.fail("Unexpected character encountered while parsing value: %s.", r.char())
}

// word reads one of the fixed words, which a separator has to follow.
func (r *reader) word(word, what string, tok lexeme, val any) bool {
	i := 0
	for i < len(word) && r.pos+i < len(r.s) && r.s[r.pos+i] == word[i] {
		i++
	}
	if i < len(word) && len(r.s)-r.pos < len(word) {
		r.pos = len(r.s)
		return r.fail("Unexpected end when reading JSON.")
	}
	r.pos += i
	if i < len(word) || !r.separator() {
		return r.fail("Error parsing %s.", what)
	}
	return r.emit(tok, val)
}

func (r *reader) separator() bool {
	if r.pos >= len(r.s) {
		return true
	}
	switch c := r.s[r.pos]; c {
	case '}', ']', ',', 0:
		return true
	case ')':
		return r.state == inConstructor || r.state == inConstructorStart
	case '/':
		return r.pos+1 < len(r.s) && (r.s[r.pos+1] == '/' || r.s[r.pos+1] == '*')
	}
	w, _ := utf8.DecodeRuneInString(r.s[r.pos:])
	return isSpace(w)
}

func (r *reader) constructor() bool {
	if !strings.HasPrefix(r.s[r.pos:], "new") {
		return r.fail("Unexpected content while parsing JSON.")
	}
	if r.pos += 3; !r.separator() {
		return r.fail("Unexpected content while parsing JSON.")
	}
	r.blanks()
	start := r.pos
	for {
		if r.pos >= len(r.s) {
			return r.fail("Unexpected end while parsing constructor.")
		}
		w, n := utf8.DecodeRuneInString(r.s[r.pos:])
		if !unicode.IsLetter(w) && !unicode.Is(unicode.Nd, w) {
			if w != '(' && !isSpace(w) {
				return r.fail("Unexpected character while parsing constructor: %s.", r.char())
			}
			break
		}
		r.pos += n
	}
	r.text = r.s[start:r.pos]
	r.blanks()
	if r.pos >= len(r.s) || r.s[r.pos] != '(' {
		return r.fail("Unexpected character while parsing constructor: %s.", r.charOrNul())
	}
	r.pos++
	return r.open(lexStartConstructor, Constructor, inConstructorStart)
}

// comment reads /* */ and //. They leave the state alone.
func (r *reader) comment() bool {
	r.pos++
	if r.pos >= len(r.s) {
		return r.fail("Unexpected end while parsing comment.")
	}
	c := r.s[r.pos]
	if c != '*' && c != '/' {
		return r.fail("Error parsing comment. Expected: *, got %s.", r.char())
	}
	r.pos++
	start := r.pos
	r.tok = lexComment
	if c == '/' {
		for r.pos < len(r.s) && r.s[r.pos] != '\r' && r.s[r.pos] != '\n' {
			r.pos++
		}
		r.text = r.s[start:r.pos]
		return true
	}
	for r.pos < len(r.s) {
		if strings.HasPrefix(r.s[r.pos:], "*/") {
			r.text = r.s[start:r.pos]
			r.pos += 2
			return true
		}
		if !r.blank() {
			r.pos++
		}
	}
	return r.fail("Unexpected end while parsing comment.")
}
