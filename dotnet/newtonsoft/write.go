package newtonsoft

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/dotnet"
)

// newline is the platform's line end (see the package comment).
const newline = "\n"

// Print is ToString(Formatting): indented by two spaces, or compact.
func (t *Token) Print(indented bool, s Spend) (string, error) {
	w := writer{indented: indented, spend: s}
	w.token(t, 0)
	w.charge(true)
	return string(w.out), w.err
}

// writer prints tokens as JsonTextWriter does.
type writer struct {
	out      []byte
	indented bool
	paid     int
	spend    Spend
	err      error
}

// charge pays for what was printed since last time, in steps.
func (w *writer) charge(last bool) {
	if n := len(w.out) - w.paid; w.err == nil && (last || n > 4096) {
		w.paid = len(w.out)
		w.err = w.spend.take(n)
	}
}

func (w *writer) line(depth int) {
	if !w.indented {
		return
	}
	w.out = append(w.out, newline...)
	for range depth {
		w.out = append(w.out, "  "...)
	}
}

func (w *writer) token(t *Token, depth int) {
	if w.charge(false); w.err != nil {
		return
	}
	switch t.typ {
	case Object:
		w.list(t, depth, '{', '}')
	case Array:
		w.list(t, depth, '[', ']')
	case Constructor:
		w.out = append(append(w.out, "new "...), t.name...)
		w.list(t, depth, '(', ')')
	case Property:
		w.out = Quote(w.out, t.name)
		w.out = append(w.out, ':')
		if w.indented {
			w.out = append(w.out, ' ')
		}
		if v := t.Item(); v != nil {
			w.token(v, depth)
		} else {
			w.out = append(w.out, "null"...)
		}
	default:
		w.out = appendScalar(w.out, t)
	}
}

func (w *writer) list(t *Token, depth int, open, end byte) {
	w.out = append(w.out, open)
	first := true
	for _, c := range t.items {
		if !first && c.typ != Comment {
			w.out = append(w.out, ',')
		}
		w.line(depth + 1)
		w.token(c, depth+1)
		first = first && c.typ == Comment
	}
	if len(t.items) > 0 {
		w.line(depth)
	}
	w.out = append(w.out, end)
}

// appendScalar prints a value.
func appendScalar(b []byte, t *Token) []byte {
	switch t.typ {
	case Null:
		return append(b, "null"...)
	case Undefined:
		return append(b, "undefined"...)
	case Comment:
		text, _ := t.value.(string)
		return append(append(append(b, "/*"...), text...), "*/"...)
	case Raw:
		if text, ok := t.value.(string); ok {
			return append(b, text...)
		}
	}
	switch v := t.value.(type) {
	case string:
		return Quote(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case *big.Int:
		return v.Append(b, 10)
	case float64:
		return appendFloat(b, v, 64)
	case float32:
		return appendFloat(b, float64(v), 32)
	case []byte:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v), '"')
	}
	return appendOther(b, t.value)
}

// appendFloat prints a float so that it reads back as one: 1.0, never 1. NaN and infinities are strings in JSON.
func appendFloat(b []byte, f float64, bits int) []byte {
	text := dotnet.DoubleString(f)
	if bits == 32 {
		text = dotnet.SingleString(float32(f))
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(append(append(b, '"'), text...), '"')
	case !strings.ContainsAny(text, ".E"):
		text += ".0"
	}
	return append(b, text...)
}

// Quote appends a string with the escapes of Json.NET: quote, backslash, control characters, and the three line ends
// that JavaScript knows besides.
func Quote(b []byte, s string) []byte {
	return append(escape(append(b, '"'), s, '"'), '"')
}

func escape(b []byte, s string, quote byte) []byte {
	const hex = "0123456789abcdef"
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		size, short := 1, ""
		switch {
		case c >= utf8.RuneSelf:
			var u rune
			u, size = utf8.DecodeRuneInString(s[i:])
			short = lineEnd(u)
		case c == quote || c == '\\':
			short = `\` + string(c)
		case c < ' ':
			if k := strings.IndexByte("\t\n\r\f\b", c); k >= 0 {
				short = `\` + "tnrfb"[k:k+1]
			} else {
				short = `\u00` + hex[c>>4:c>>4+1] + hex[c&15:c&15+1]
			}
		}
		if short != "" {
			b = append(append(b, s[from:i]...), short...)
			from = i + size
		}
		i += size
	}
	return append(b, s[from:]...)
}

func lineEnd(u rune) string {
	switch u {
	case 0x85:
		return `\u0085`
	case 0x2028:
		return `\u2028`
	case 0x2029:
		return `\u2029`
	}
	return ""
}
