package jsondoc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Marshal writes a value compactly, members in their order. Only what JSON
// demands is escaped, so < > & stay as they are. The same value always gives
// the same bytes. It panics on a Go value that is no Value and cannot be one.
func Marshal(v Value) []byte { return Append(nil, v) }

// Append is Marshal onto b.
func Append(b []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case string:
		return AppendString(b, v)
	case Number:
		return append(b, v...)
	case *Object:
		return appendObject(b, v)
	case []Value:
		b = append(b, '[')
		for i := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = Append(b, v[i])
		}
		return append(b, ']')
	}
	return Append(b, convert(v))
}

func appendObject(b []byte, o *Object) []byte {
	if o == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i := range o.members {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, o.members[i].name)
		b = append(b, ':')
		b = Append(b, o.members[i].value)
	}
	return append(b, '}')
}

// AppendString writes a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[from:i]...)
		b = appendEscape(b, c)
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return fmt.Appendf(b, `\u%04x`, c)
}

// MarshalIndent is Marshal with every member and element on a line of its own,
// for people.
func MarshalIndent(v Value, indent string) []byte {
	var out bytes.Buffer
	if json.Indent(&out, Marshal(v), "", indent) != nil {
		return Marshal(v) // a Number made by hand that is none
	}
	return out.Bytes()
}

// MarshalJSON makes an Object part of what encoding/json writes.
func (o *Object) MarshalJSON() ([]byte, error) { return Marshal(o), nil }

// UnmarshalJSON reads what ParseObject accepts; null leaves o as it is.
func (o *Object) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	read, err := ParseObject(b)
	if err != nil {
		return err
	}
	*o = *read
	return nil
}
