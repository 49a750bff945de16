package expr

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"gatehouse/dotnet"
)

type tokenKind uint8

const (
	tkEnd tokenKind = iota
	tkName
	tkKeyword
	tkNumber
	tkString
	tkChar
	tkInterpolated
	tkOperator
)

type token struct {
	kind     tokenKind
	pos, end int
	text     string // of a name (without @), keyword or operator
	value    Value  // of a literal
	typ      *Type  // of a literal
	parts    []part // of an interpolated string
}

// part is a piece of an interpolated string: text, or the place of a hole in the code.
type part struct {
	text       string
	hole       bool
	start, end int    // of its expression
	align      string // after the comma, "" for none
	alignPos   int
	format     string // after the colon
}

// keywords are the reserved words of C#; var, when, nameof and the like are names that mean something in places.
var keywords = wordSet(`abstract as base bool break byte case catch char checked class const continue decimal default
	delegate do double else enum event explicit extern false finally fixed float for foreach goto if implicit in int
	interface internal is lock long namespace new null object operator out override params private protected public
	readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint
	ulong unchecked unsafe ushort using virtual void volatile while`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// operators are tried in this order, longest first. >> is put together by the parser, so that A<B<C>> reads well.
var operators = []string{
	"<<=", "??=", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", "->", "::", "..",
	"(", ")", "[", "]", "{", "}", ";", ",", ".", ":", "?", "+", "-", "*", "/", "%", "&", "|", "^", "!", "~", "=", "<", ">",
}

type lexer struct {
	code   string
	base   int // offset of code in the whole text
	at     int
	tokens []token
	fault  *lexFault
}

type lexFault struct {
	pos     int
	message string
}

// lex splits code into tokens; the last one is tkEnd.
func lex(code string, base int) ([]token, *lexFault) {
	l := &lexer{code: code, base: base, tokens: make([]token, 0, len(code)/4+2)}
	for l.fault == nil && l.blank() {
		l.token()
	}
	l.add(token{kind: tkEnd, pos: len(code), end: len(code)})
	return l.tokens, l.fault
}

func (l *lexer) add(t token) {
	t.pos += l.base
	t.end += l.base
	l.tokens = append(l.tokens, t)
}

func (l *lexer) fail(pos int, format string, args ...any) {
	if l.fault == nil {
		l.fault = &lexFault{l.base + pos, fmt.Sprintf(format, args...)}
	}
	l.at = len(l.code)
}

func (l *lexer) rest() string { return l.code[l.at:] }

// blank skips white space and comments, and reports whether anything follows.
func (l *lexer) blank() bool {
	for l.at < len(l.code) {
		c := l.code[l.at]
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			l.at++
		case strings.HasPrefix(l.rest(), "//"):
			end := strings.IndexAny(l.rest(), "\r\n")
			if end < 0 {
				end = len(l.rest())
			}
			l.at += end
		case strings.HasPrefix(l.rest(), "/*"):
			end := strings.Index(l.code[l.at+2:], "*/")
			if end < 0 {
				l.fail(l.at, "End-of-file found, '*/' expected")
				return false
			}
			l.at += end + 4
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(l.rest())
			if !unicode.IsSpace(r) && r != '\uFEFF' {
				return true
			}
			l.at += size
		default:
			return true
		}
	}
	return false
}

func (l *lexer) token() {
	start, rest := l.at, l.rest()
	c := rest[0]
	switch {
	case strings.HasPrefix(rest, `$@"`), strings.HasPrefix(rest, `@$"`):
		l.at += 3
		l.interpolated(start, true)
	case strings.HasPrefix(rest, `$"`):
		l.at += 2
		l.interpolated(start, false)
	case strings.HasPrefix(rest, `@"`):
		l.at += 2
		l.verbatim(start)
	case c == '"':
		l.at++
		l.str(start)
	case c == '\'':
		l.at++
		l.char(start)
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		l.number(start)
	case c == '#':
		l.fail(start, "Preprocessor directives must appear as the first non-whitespace character on a line")
	default:
		if l.name(start) {
			return
		}
		l.operator(start)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func startsName(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) }

func inName(r rune) bool {
	return startsName(r) || unicode.IsDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Pc, unicode.Cf)
}

// name reads a name or keyword; @ makes a keyword a name.
func (l *lexer) name(start int) bool {
	i := start
	verbatim := l.code[i] == '@'
	if verbatim {
		i++
	}
	begin := i
	for i < len(l.code) {
		r, size := rune(l.code[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(l.code[i:])
		}
		if i == begin && !startsName(r) || !inName(r) {
			break
		}
		i += size
	}
	if i == begin {
		return false
	}
	t := token{kind: tkName, pos: start, end: i, text: l.code[begin:i]}
	if !verbatim && keywords[t.text] {
		t.kind = tkKeyword
	}
	l.at = i
	l.add(t)
	return true
}

func (l *lexer) operator(start int) {
	rest := l.rest()
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		if op == "?." && len(rest) > 2 && isDigit(rest[2]) {
			op = "?" // a ? .5 : 1
		}
		l.at += len(op)
		l.add(token{kind: tkOperator, pos: start, end: l.at, text: op})
		return
	}
	r, _ := utf8.DecodeRuneInString(rest)
	l.fail(start, "Unexpected character '%c'", r)
}

// units collects the UTF-16 code units of a text, so that two escapes can make one character.
type units struct {
	b    strings.Builder
	high uint16 // a high surrogate that waits for its other half
}

func (u *units) unit(c uint16) {
	switch {
	case u.high != 0 && c >= 0xDC00 && c < 0xE000:
		u.b.WriteRune(utf16.DecodeRune(rune(u.high), rune(c)))
		u.high = 0
	case c >= 0xD800 && c < 0xDC00:
		u.flush()
		u.high = c
	default:
		u.flush()
		writeUnit(&u.b, c)
	}
}

func (u *units) rune(r rune) {
	u.flush()
	u.b.WriteRune(r)
}

func (u *units) flush() {
	if u.high != 0 {
		writeUnit(&u.b, u.high)
		u.high = 0
	}
}

func (u *units) String() string {
	u.flush()
	return u.b.String()
}

// writeUnit writes a code unit; half of a pair is kept in the three bytes that UTF-8 would have for it.
func writeUnit(b *strings.Builder, c uint16) {
	if c >= 0xD800 && c < 0xE000 {
		b.WriteByte(0xED)
		b.WriteByte(byte(0x80 | c>>6&0x3F))
		b.WriteByte(byte(0x80 | c&0x3F))
		return
	}
	b.WriteRune(rune(c))
}

func (l *lexer) str(start int) {
	var u units
	for l.at < len(l.code) {
		switch c := l.code[l.at]; c {
		case '"':
			l.at++
			l.add(token{kind: tkString, pos: start, end: l.at, value: String(u.String()), typ: stringType})
			return
		case '\n', '\r':
			l.fail(l.at, "Newline in constant")
			return
		case '\\':
			l.escape(&u)
		default:
			l.rune(&u)
		}
	}
	l.fail(start, "Unterminated string literal")
}

func (l *lexer) rune(u *units) {
	if c := l.code[l.at]; c < utf8.RuneSelf {
		u.flush()
		u.b.WriteByte(c)
		l.at++
		return
	}
	r, size := utf8.DecodeRuneInString(l.rest())
	u.rune(r)
	l.at += size
}

func (l *lexer) verbatim(start int) {
	var b strings.Builder
	for l.at < len(l.code) {
		c := l.code[l.at]
		l.at++
		if c == '"' {
			if l.at >= len(l.code) || l.code[l.at] != '"' {
				l.add(token{kind: tkString, pos: start, end: l.at, value: String(b.String()), typ: stringType})
				return
			}
			l.at++
		}
		b.WriteByte(c)
	}
	l.fail(start, "Unterminated string literal")
}

func (l *lexer) char(start int) {
	var u units
	for l.at < len(l.code) && l.code[l.at] != '\'' && l.code[l.at] != '\n' {
		if l.code[l.at] == '\\' {
			l.escape(&u)
		} else {
			l.rune(&u)
		}
	}
	if l.at >= len(l.code) || l.code[l.at] != '\'' {
		l.fail(start, "Newline in constant")
		return
	}
	l.at++
	list := dotnet.Units(u.String())
	switch {
	case len(list) == 0:
		l.fail(start, "Empty character literal")
	case len(list) > 1:
		l.fail(start, "Too many characters in character literal")
	default:
		l.add(token{kind: tkChar, pos: start, end: l.at, value: Char(list[0]), typ: charType})
	}
}

var simpleEscapes = map[byte]uint16{'\'': '\'', '"': '"', '\\': '\\', '0': 0, 'a': 7, 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

func (l *lexer) escape(u *units) {
	start := l.at
	l.at++
	if l.at >= len(l.code) {
		l.fail(start, "Unrecognized escape sequence")
		return
	}
	c := l.code[l.at]
	l.at++
	if unit, ok := simpleEscapes[c]; ok {
		u.unit(unit)
		return
	}
	low, high := 4, 4
	switch c {
	case 'u':
	case 'U':
		low, high = 8, 8
	case 'x':
		low = 1
	default:
		l.fail(start, "Unrecognized escape sequence")
		return
	}
	n := 0
	for n < high && l.at+n < len(l.code) && isHex(l.code[l.at+n]) {
		n++
	}
	x, err := strconv.ParseUint(l.code[l.at:l.at+n], 16, 32)
	if n < low || err != nil || x > unicode.MaxRune {
		l.fail(start, "Unrecognized escape sequence")
		return
	}
	l.at += n
	if x > 0xFFFF {
		u.rune(rune(x))
		return
	}
	u.unit(uint16(x))
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// interpolated reads $"..." after its opening quote. Holes are found here and parsed by the parser.
func (l *lexer) interpolated(start int, verbatim bool) {
	var parts []part
	var u units
	text := func() {
		if s := u.String(); s != "" {
			parts = append(parts, part{text: s})
		}
		u = units{}
	}
	for l.at < len(l.code) {
		c := l.code[l.at]
		doubled := l.at+1 < len(l.code) && l.code[l.at+1] == c
		switch {
		case c == '"' && verbatim && doubled, (c == '{' || c == '}') && doubled:
			u.rune(rune(c))
			l.at += 2
		case c == '"':
			l.at++
			text()
			l.add(token{kind: tkInterpolated, pos: start, end: l.at, parts: parts, typ: stringType})
			return
		case c == '{':
			text()
			p, ok := l.hole(verbatim)
			if !ok {
				return
			}
			parts = append(parts, p)
		case c == '}':
			l.fail(l.at, "A '}' character must be escaped (by doubling) in an interpolated string")
			return
		case c == '\\' && !verbatim:
			l.escape(&u)
		case (c == '\n' || c == '\r') && !verbatim:
			l.fail(l.at, "Newline in constant")
			return
		default:
			l.rune(&u)
		}
	}
	l.fail(start, "Unterminated string literal")
}

// hole reads {expression,alignment:format} at the brace.
func (l *lexer) hole(verbatim bool) (part, bool) {
	open := l.at
	p := part{hole: true, start: l.base + l.at + 1}
	end := l.skipTo(l.at+1, ",:}")
	if end < 0 {
		l.fail(open, "A '}' character is expected to close the interpolation")
		return p, false
	}
	p.end = l.base + end
	if l.code[end] == ',' {
		from := end + 1
		if end = l.skipTo(from, ":}"); end < 0 {
			l.fail(open, "A '}' character is expected to close the interpolation")
			return p, false
		}
		p.align, p.alignPos = l.code[from:end], l.base+from
	}
	if l.code[end] == ':' {
		from := end + 1
		stop := strings.IndexAny(l.code[from:], "}\"")
		if stop < 0 || l.code[from+stop] != '}' {
			l.fail(open, "A '}' character is expected to close the interpolation")
			return p, false
		}
		end = from + stop
		p.format = l.code[from:end]
		if !verbatim {
			p.format = unescaped(p.format)
		}
	}
	l.at = end + 1
	return p, true
}

// unescaped resolves the escapes of a format inside an interpolated string; what is wrong stays as it is.
func unescaped(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	sub := &lexer{code: s}
	var u units
	for sub.at < len(s) {
		if s[sub.at] == '\\' {
			sub.escape(&u)
		} else {
			sub.rune(&u)
		}
	}
	if sub.fault != nil {
		return s
	}
	return u.String()
}

// skipTo returns the place of the first of the characters that stands outside of brackets, texts and comments; -1 for none.
func (l *lexer) skipTo(i int, stops string) int {
	depth := 0
	for i < len(l.code) {
		c := l.code[i]
		switch {
		case depth == 0 && strings.IndexByte(stops, c) >= 0:
			return i
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			if depth--; depth < 0 {
				return -1
			}
		case c == '"' || c == '\'' || c == '@' || c == '$':
			sub := &lexer{code: l.code, at: i}
			sub.token()
			if sub.fault != nil {
				if c == '@' || c == '$' {
					break
				}
				return -1
			}
			i = sub.at
			continue
		}
		i++
	}
	return -1
}

// number reads an integer or real literal with its suffix.
func (l *lexer) number(start int) {
	i := start
	scan := func(ok func(byte) bool) {
		for i < len(l.code) && (ok(l.code[i]) || l.code[i] == '_' && i > start) {
			i++
		}
	}
	lower := strings.ToLower(l.code[start:min(start+2, len(l.code))])
	base, from, realNumber := 10, start, false
	switch lower {
	case "0x":
		base, from, i = 16, start+2, start+2
		scan(isHex)
	case "0b":
		base, from, i = 2, start+2, start+2
		scan(func(c byte) bool { return c == '0' || c == '1' })
	default:
		scan(isDigit)
		if i+1 < len(l.code) && l.code[i] == '.' && isDigit(l.code[i+1]) {
			realNumber = true
			i++
			scan(isDigit)
		}
		if i < len(l.code) && l.code[i]|0x20 == 'e' {
			j := i + 1
			if j < len(l.code) && (l.code[j] == '+' || l.code[j] == '-') {
				j++
			}
			if j < len(l.code) && isDigit(l.code[j]) {
				realNumber = true
				i = j
				scan(isDigit)
			}
		}
	}
	digits := strings.ReplaceAll(l.code[from:i], "_", "")
	suffixAt := i
	for i < len(l.code) && strings.IndexByte("uUlLfFdDmM", l.code[i]) >= 0 {
		i++
	}
	suffix := strings.ToLower(l.code[suffixAt:i])
	l.at = i
	if i < len(l.code) && (startsName(rune(l.code[i])) || isDigit(l.code[i])) {
		l.fail(start, "Invalid number")
		return
	}
	if realNumber || suffix == "f" || suffix == "d" || suffix == "m" {
		if base != 10 {
			l.fail(start, "Invalid number")
			return
		}
		l.real(start, digits, suffix)
		return
	}
	l.integer(start, digits, base, suffix)
}

func (l *lexer) real(start int, digits, suffix string) {
	t := token{kind: tkNumber, pos: start, end: l.at}
	switch suffix {
	case "", "d", "f":
		x, err := strconv.ParseFloat(digits, 64)
		if err != nil || math.IsInf(x, 0) {
			l.fail(start, "Floating-point constant is outside the range of type 'double'")
			return
		}
		t.value, t.typ = Double(x), doubleType
		if suffix == "f" {
			t.value, t.typ = Single(float32(x)), floatType
		}
	case "m":
		d, ok := decimalLiteral(digits)
		if !ok {
			l.fail(start, "Floating-point constant is outside the range of type 'decimal'")
			return
		}
		t.value, t.typ = d, decimalType
	default:
		l.fail(start, "Invalid number")
		return
	}
	l.add(t)
}

func (l *lexer) integer(start int, digits string, base int, suffix string) {
	x, ok := new(big.Int).SetString(digits, base)
	if !ok || len(digits) > 100 {
		l.fail(start, "Invalid number")
		return
	}
	if !x.IsUint64() {
		l.fail(start, "Integral constant is too large")
		return
	}
	n := x.Uint64()
	unsigned, long := strings.Contains(suffix, "u"), strings.Contains(suffix, "l")
	if len(suffix) > 2 || len(suffix) == 2 && !(unsigned && long) {
		l.fail(start, "Invalid number")
		return
	}
	t := token{kind: tkNumber, pos: start, end: l.at}
	switch {
	case n <= math.MaxInt32 && !unsigned && !long:
		t.typ = intType
	case n <= math.MaxUint32 && !long:
		t.typ = uintType
	case n <= math.MaxInt64 && !unsigned:
		t.typ = longType
	default:
		t.typ = ulongType
	}
	t.value = Number(t.typ, int64(n))
	l.add(t)
}
