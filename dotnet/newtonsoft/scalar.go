package newtonsoft

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// maxBigDigits is Json.NET's bound for integers that do not fit 64 bits.
const maxBigDigits = 380

// quoted reads a string up to its closing quote.
func (r *reader) quoted(quote byte) (string, bool) {
	start := r.pos
	for r.pos < len(r.s) {
		switch c := r.s[r.pos]; c {
		case quote:
			s := r.s[start:r.pos]
			r.pos++
			return s, true
		case '\\':
			return r.escaped(start, quote)
		case '\r', '\n':
			r.blank()
		default:
			r.pos++
		}
	}
	return "", r.fail("Unterminated string. Expected delimiter: %c.", quote)
}

// escaped goes on reading a string that has escapes.
func (r *reader) escaped(start int, quote byte) (string, bool) {
	b := append(make([]byte, 0, r.pos-start+64), r.s[start:r.pos]...)
	for r.pos < len(r.s) {
		switch c := r.s[r.pos]; c {
		case quote:
			r.pos++
			if err := r.spend.take(cap(b)); err != nil {
				r.err = err
				return "", false
			}
			return string(b), true
		case '\\':
			r.pos++
			var ok bool
			if b, ok = r.escape(b, quote); !ok {
				return "", false
			}
		case '\r', '\n':
			from := r.pos
			r.blank()
			b = append(b, r.s[from:r.pos]...)
		default:
			b = append(b, c)
			r.pos++
		}
	}
	return "", r.fail("Unterminated string. Expected delimiter: %c.", quote)
}

// escape reads what follows a backslash.
func (r *reader) escape(b []byte, quote byte) ([]byte, bool) {
	if r.pos >= len(r.s) {
		return b, r.fail("Unterminated string. Expected delimiter: %c.", quote)
	}
	c := r.s[r.pos]
	if c == 'u' {
		r.pos++
		u, ok := r.unicode()
		if !ok {
			return b, false
		}
		return utf8.AppendRune(b, u), true
	}
	if i := strings.IndexByte("btnfr\\\"'/", c); i >= 0 {
		r.pos++
		return append(b, "\b\t\n\f\r\\\"'/"[i]), true
	}
	bad := r.char()
	r.pos += len(bad)
	return b, r.fail("Bad JSON escape sequence: \\%s.", bad)
}

// unicode reads four hexadecimal digits, and a second escape when they are half of a pair. Halves without their other
// half become U+FFFD.
func (r *reader) unicode() (rune, bool) {
	u, ok := r.hex4()
	if !ok || u < 0xD800 || u > 0xDFFF {
		return u, ok
	}
	if u < 0xDC00 && strings.HasPrefix(r.s[r.pos:], `\u`) {
		back := r.pos
		r.pos += 2
		low, ok := r.hex4()
		if !ok {
			return 0, false
		}
		if low >= 0xDC00 && low <= 0xDFFF {
			return (u-0xD800)<<10 + (low - 0xDC00) + 0x10000, true
		}
		r.pos = back
	}
	return utf8.RuneError, true
}

func (r *reader) hex4() (rune, bool) {
	if len(r.s)-r.pos < 4 {
		r.pos = len(r.s)
		return 0, r.fail("Unexpected end while parsing Unicode escape sequence.")
	}
	digits := r.s[r.pos : r.pos+4]
	var u rune
	for i := range 4 {
		d := strings.IndexByte("0123456789abcdef", digits[i]|0x20)
		if d < 0 || digits[i] < '0' {
			return 0, r.fail(`Invalid Unicode escape sequence: \u%s.`, strings.ToValidUTF8(digits, "\uFFFD"))
		}
		u = u<<4 + rune(d)
	}
	r.pos += 4
	return u, true
}

// stringValue makes a value of a string; one that looks like a date becomes a date (DateParseHandling.DateTime).
func (r *reader) stringValue(s string) bool {
	if d, ok := parseDate(s); ok && !r.plain {
		return r.emit(lexDate, d)
	}
	return r.emit(lexString, s)
}

// number reads a number: decimal, hexadecimal (0x) or octal (leading 0), 64 bits wide or more, or a fraction.
func (r *reader) number() bool {
	start := r.pos
	for r.pos < len(r.s) && strings.IndexByte("+-.0123456789abcdefABCDEFxX", r.s[r.pos]) >= 0 {
		r.pos++
	}
	if !r.numberEnd() {
		return r.fail("Unexpected character encountered while parsing number: %s.", r.char())
	}
	text := r.s[start:r.pos]
	val, tok, ok := parseNumber(text)
	switch {
	case !ok && tok == lexInteger:
		return r.fail("JSON integer %s is too large to parse.", text)
	case !ok:
		return r.fail("Input string '%s' is not a valid number.", text)
	}
	return r.emit(tok, val)
}

func (r *reader) numberEnd() bool {
	if r.pos >= len(r.s) {
		return true
	}
	switch r.s[r.pos] {
	case ',', '}', ']', ')', '/', 0:
		return true
	}
	w, _ := utf8.DecodeRuneInString(r.s[r.pos:])
	return isSpace(w)
}

func parseNumber(text string) (any, lexeme, bool) {
	if len(text) > 1 && text[0] == '0' && strings.IndexByte(".eE", text[1]) < 0 {
		base := 8
		if text[1] == 'x' || text[1] == 'X' {
			base, text = 16, text[2:]
		}
		n, err := strconv.ParseUint(text, base, 64)
		if err != nil {
			return nil, lexFloat, false
		}
		return int64(n), lexInteger, true
	}
	digits := strings.TrimPrefix(text, "-")
	if digits != "" && strings.Trim(digits, "0123456789") == "" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, lexInteger, true
		}
		if len(text) > maxBigDigits {
			return nil, lexInteger, false
		}
		n, ok := new(big.Int).SetString(text, 10)
		return n, lexInteger, ok
	}
	if strings.Trim(text, "+-.0123456789eE") != "" {
		return nil, lexFloat, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, lexFloat, false
	}
	return f, lexFloat, true
}
