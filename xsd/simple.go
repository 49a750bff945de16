package xsd

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// simple is a simple type. Its facets are its own; those of its base hold as well.
type simple struct {
	name      name
	base      *simple // nil of primitive types
	primitive string  // of atomic types
	check     func(string) bool
	item      *simple   // of lists
	members   []*simple // of unions
	space     string    // preserve, replace or collapse
	kind      string    // ID, IDREF, QName: what else holds of the value

	patterns                     [][]*regexp.Regexp // one of each group has to match
	enumeration                  map[string]bool
	length, minLength, maxLength int // -1 for none
	totalDigits, fractionDigits  int
	minIn, minEx, maxIn, maxEx   *value
}

func newSimple(n name, base *simple) *simple {
	s := &simple{name: n, base: base, length: -1, minLength: -1, maxLength: -1, totalDigits: -1, fractionDigits: -1}
	if base != nil {
		s.primitive, s.item, s.members, s.space, s.kind = base.primitive, base.item, base.members, base.space, base.kind
	}
	return s
}

// normal brings a text into the form that the type looks at.
func (s *simple) normal(text string) string {
	switch s.space {
	case "replace":
		return strings.Map(func(c rune) rune {
			if c == '\t' || c == '\n' || c == '\r' {
				return ' '
			}
			return c
		}, text)
	case "collapse":
		return strings.Join(strings.FieldsFunc(text, isSpace), " ")
	}
	return text
}

func isSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// read checks a text; the error says what is wrong with it.
func (s *simple) read(text string) (value, error) {
	if len(s.members) > 0 {
		return s.readUnion(text)
	}
	text = s.normal(text)
	v, err := s.lexical(text)
	if err != nil {
		return v, err
	}
	for t := s; t != nil; t = t.base {
		if err := t.facets(text, v); err != nil {
			return v, err
		}
	}
	return v, nil
}

func (s *simple) readUnion(text string) (value, error) {
	for _, m := range s.members {
		v, err := m.read(text)
		if err != nil {
			continue
		}
		v.key = m.primitive + " " + v.key
		normal := m.normal(text)
		for t := s; t != nil; t = t.base {
			if err := t.facets(normal, v); err != nil {
				return v, err
			}
		}
		return v, nil
	}
	return value{}, fmt.Errorf("%s is not a value of %s", quoted(text), s.describe())
}

func (s *simple) lexical(text string) (value, error) {
	if s.item != nil {
		var v value
		var keys []string
		for part := range strings.FieldsFuncSeq(text, isSpace) {
			one, err := s.item.read(part)
			if err != nil {
				return v, err
			}
			v.items = append(v.items, one)
			keys = append(keys, one.key)
		}
		v.key, v.length = strings.Join(keys, " "), len(v.items)
		return v, nil
	}
	v, ok := primitives[s.primitive](text)
	if !ok {
		return v, fmt.Errorf("%s is not a value of %s", quoted(text), s.describe())
	}
	return v, nil
}

// facets are those of this type alone.
func (s *simple) facets(text string, v value) error {
	wrong := func(rule string) error {
		return fmt.Errorf("%s breaks the rule %s of %s", quoted(text), rule, s.describe())
	}
	if s.check != nil && !s.check(text) {
		return fmt.Errorf("%s is not a value of %s", quoted(text), s.describe())
	}
	for _, group := range s.patterns {
		if !anyMatches(group, text) {
			return wrong("pattern")
		}
	}
	if s.enumeration != nil && !s.enumeration[v.key] {
		return wrong("enumeration")
	}
	switch {
	case s.length >= 0 && v.length != s.length:
		return wrong("length")
	case s.minLength >= 0 && v.length < s.minLength:
		return wrong("minLength")
	case s.maxLength >= 0 && v.length > s.maxLength:
		return wrong("maxLength")
	case s.minIn != nil && !v.ordered(*s.minIn, 1, 0):
		return wrong("minInclusive")
	case s.minEx != nil && !v.ordered(*s.minEx, 1, 1):
		return wrong("minExclusive")
	case s.maxIn != nil && !v.ordered(*s.maxIn, -1, 0):
		return wrong("maxInclusive")
	case s.maxEx != nil && !v.ordered(*s.maxEx, -1, -1):
		return wrong("maxExclusive")
	}
	if s.totalDigits >= 0 || s.fractionDigits >= 0 {
		total, fraction := digits(text)
		if s.totalDigits >= 0 && total > s.totalDigits {
			return wrong("totalDigits")
		}
		if s.fractionDigits >= 0 && fraction > s.fractionDigits {
			return wrong("fractionDigits")
		}
	}
	return nil
}

// ordered reports whether v stands to o as one of two orders say; without an order it does not.
func (v value) ordered(o value, a, b int) bool {
	order, ok := v.compare(o)
	return ok && (order == a || order == b)
}

func anyMatches(group []*regexp.Regexp, text string) bool {
	for _, re := range group {
		if re.MatchString(text) {
			return true
		}
	}
	return false
}

// digits counts those of a decimal that matter.
func digits(text string) (total, fraction int) {
	whole, part, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	whole, part = strings.TrimLeft(whole, "0"), strings.TrimRight(part, "0")
	if whole == "" {
		return len(strings.TrimLeft(part, "0")), len(part)
	}
	return len(whole) + len(part), len(part)
}

func (s *simple) describe() string {
	if s.name.Local == "" && s.base != nil {
		return "a type made of " + s.base.describe()
	}
	if s.name.Local == "" {
		return "its type"
	}
	return "'" + s.name.Local + "'"
}

// quoted is a text for a message, cut when it is long.
func quoted(text string) string {
	const most = 60
	if runes := []rune(text[:min(len(text), 4*most)]); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}

// builtin are the types that every schema knows.
var builtin = makeBuiltin()

func makeBuiltin() map[string]*simple {
	all := map[string]*simple{}
	for p := range primitives {
		s := newSimple(name{Space: Space, Local: p}, nil)
		s.primitive, s.space = p, "collapse"
		switch p {
		case "string", "anySimpleType":
			s.space = "preserve"
		case "QName", "NOTATION":
			s.kind = "QName"
		}
		all[p] = s
	}
	derive := func(n, base, space string, check func(string) bool) *simple {
		s := newSimple(name{Space: Space, Local: n}, all[base])
		s.check = check
		if space != "" {
			s.space = space
		}
		all[n] = s
		return s
	}
	derive("normalizedString", "string", "replace", nil)
	derive("token", "normalizedString", "collapse", nil)
	derive("language", "token", "", languageForm.MatchString)
	derive("NMTOKEN", "token", "", isNmtoken)
	derive("Name", "token", "", isName)
	derive("NCName", "Name", "", isNCName)
	for _, n := range []string{"ID", "IDREF", "ENTITY"} {
		derive(n, "NCName", "", nil).kind = n
	}
	for list, item := range map[string]string{"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"} {
		s := newSimple(name{Space: Space, Local: list}, nil)
		s.item, s.space, s.minLength = all[item], "collapse", 1
		all[list] = s
	}
	integers(all, derive)
	return all
}

func integers(all map[string]*simple, derive func(n, base, space string, check func(string) bool) *simple) {
	derive("integer", "decimal", "", func(s string) bool { return !strings.Contains(s, ".") }).fractionDigits = 0
	for _, r := range [...][4]string{{"nonPositiveInteger", "integer", "", "0"}, {"negativeInteger", "nonPositiveInteger", "", "-1"},
		{"long", "integer", "-9223372036854775808", "9223372036854775807"}, {"int", "long", "-2147483648", "2147483647"}, {"short", "int", "-32768", "32767"}, {"byte", "short", "-128", "127"},
		{"nonNegativeInteger", "integer", "0", ""}, {"positiveInteger", "nonNegativeInteger", "1", ""}, {"unsignedLong", "nonNegativeInteger", "", "18446744073709551615"},
		{"unsignedInt", "unsignedLong", "", "4294967295"}, {"unsignedShort", "unsignedInt", "", "65535"}, {"unsignedByte", "unsignedShort", "", "255"}} {
		s := derive(r[0], r[1], "", nil)
		bound := func(text string) *value {
			if text == "" {
				return nil
			}
			n, _ := new(big.Rat).SetString(text)
			return &value{num: n}
		}
		s.minIn, s.maxIn = bound(r[2]), bound(r[3])
	}
}
