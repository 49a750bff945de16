package xlinq

import (
	"strings"
	"unicode/utf8"
)

func (r *Reader) startTag() bool {
	at := r.pos + 1
	if len(r.open) == 0 && r.rootSeen {
		return r.fail(at, "There are multiple root elements.")
	}
	r.pos++
	prefix, local, ok := r.qname()
	if !ok {
		return false
	}
	t := tag{prefix: prefix, name: Name{Local: local}, at: at, spaces: len(r.spaces)}
	if n := len(r.open); n > 0 {
		t.keep = r.open[n-1].keep
	}
	if len(r.open) >= MaxDepth {
		return r.fail(at, "Elements are nested more than %d deep.", MaxDepth)
	}
	found, ok := r.attributes(&t)
	if !ok {
		return false
	}
	if !r.resolve(&t, found) {
		return false
	}
	r.rootSeen = true
	r.kind, r.prefix, r.name = Element, t.prefix, t.name
	r.empty = r.s[r.pos] == '/'
	if r.empty {
		r.pos++
		r.spaces = r.spaces[:t.spaces]
	} else {
		r.open = append(r.open, t)
	}
	r.pos++
	return true
}

type attribute struct {
	prefix, local, value string
	at                   int
}

// attributes reads those of a start tag and stops at its > or />.
func (r *Reader) attributes(t *tag) ([]attribute, bool) {
	var list []attribute
	for {
		space := r.blanks()
		switch {
		case r.pos >= len(r.s):
			return nil, r.fail(len(r.s), "Unexpected end of file has occurred. The following elements are not closed: %s.", t.qualified())
		case r.s[r.pos] == '>', strings.HasPrefix(r.s[r.pos:], "/>"):
			return list, true
		case !space:
			c, _ := utf8.DecodeRuneInString(r.s[r.pos:])
			return nil, r.fail(r.pos, "The '%c' character, hexadecimal value 0x%02X, cannot be included in a name.", c, c)
		}
		a, ok := r.attribute()
		if !ok {
			return nil, false
		}
		if err := r.spend.take(nodeSize + len(a.value)); err != nil {
			r.err = err
			return nil, false
		}
		list = append(list, a)
		r.declare(t, a)
	}
}

func (r *Reader) attribute() (a attribute, ok bool) {
	a.at = r.pos
	if a.prefix, a.local, ok = r.qname(); !ok {
		return a, false
	}
	r.blanks()
	if r.pos >= len(r.s) || r.s[r.pos] != '=' {
		return a, r.unexpected("=")
	}
	r.pos++
	r.blanks()
	if r.pos >= len(r.s) || r.s[r.pos] != '"' && r.s[r.pos] != '\'' {
		return a, r.unexpected("\"' or '''")
	}
	i := strings.IndexByte(r.s[r.pos+1:], r.s[r.pos])
	if i < 0 {
		return a, r.fail(len(r.s), "There is an unclosed literal string.")
	}
	raw, at := r.s[r.pos+1:r.pos+1+i], r.pos+1
	if k := strings.IndexByte(raw, '<'); k >= 0 {
		return a, r.fail(at+k, "'<', hexadecimal value 0x3C, is an invalid attribute character.")
	}
	r.pos += i + 2
	a.value, ok = r.decode(raw, at, true)
	return a, ok
}

func (r *Reader) unexpected(want string) bool {
	if r.pos >= len(r.s) {
		return r.fail(r.pos, "Unexpected end of file has occurred.")
	}
	c, _ := utf8.DecodeRuneInString(r.s[r.pos:])
	return r.fail(r.pos, "'%c' is an unexpected token. The expected token is '%s'.", c, want)
}

// declare takes note of namespaces and xml:space before names are resolved.
func (r *Reader) declare(t *tag, a attribute) {
	switch {
	case a.prefix == "xmlns":
		r.spaces = append(r.spaces, binding{a.local, a.value})
	case a.prefix == "" && a.local == "xmlns":
		r.spaces = append(r.spaces, binding{"", a.value})
	case a.prefix == "xml" && a.local == "space":
		t.keep = a.value == "preserve"
	}
}

func (r *Reader) lookup(prefix string) (string, bool) {
	for i := len(r.spaces) - 1; i >= 0; i-- {
		if r.spaces[i].prefix == prefix {
			return r.spaces[i].space, true
		}
	}
	return "", false
}

// resolve gives the element and its attributes their namespaces.
func (r *Reader) resolve(t *tag, found []attribute) bool {
	space, ok := r.lookup(t.prefix)
	if !ok {
		return r.fail(t.at, "'%s' is an undeclared prefix.", t.prefix)
	}
	t.name.Space = space
	seen := make(map[Name]bool, len(found))
	for i, f := range found {
		name := Name{Local: f.local}
		if f.prefix != "" {
			if name.Space, ok = r.lookup(f.prefix); !ok {
				return r.fail(f.at, "'%s' is an undeclared prefix.", f.prefix)
			}
		}
		if seen[name] {
			return r.fail(f.at, "'%s' is a duplicate attribute name.", qualified(f.prefix, f.local))
		}
		seen[name] = true
		a, err := NewAttribute(name, f.value)
		if err != nil {
			return r.fail(f.at, "%s", err.Error())
		}
		a.at = i
		r.attrs = append(r.attrs, a)
	}
	return true
}

func (r *Reader) endTag() bool {
	at := r.pos + 2
	r.pos += 2
	prefix, local, ok := r.qname()
	if !ok {
		return false
	}
	n := len(r.open)
	if n == 0 {
		return r.fail(at, "Unexpected end tag.")
	}
	t := r.open[n-1]
	if t.prefix != prefix || t.name.Local != local {
		line, column := r.where(t.at)
		return r.fail(at, "The '%s' start tag on line %d position %d does not match the end tag of '%s'.",
			t.qualified(), line, column, qualified(prefix, local))
	}
	r.blanks()
	if r.pos >= len(r.s) || r.s[r.pos] != '>' {
		return r.unexpected(">")
	}
	r.pos++
	r.open, r.spaces = r.open[:n-1], r.spaces[:t.spaces]
	r.kind, r.prefix, r.name = EndElement, prefix, t.name
	return true
}
