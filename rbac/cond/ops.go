package cond

import (
	"strings"
	"unicode/utf8"

	"gatehouse"
)

// family is the type that both sides of an operator have to be.
type family uint8

const (
	stringFamily family = iota
	numericFamily
	dateFamily
	guidFamily
	boolFamily
)

var familyNames = [...]string{"a string", "an integer", "a date such as 2026-01-31T12:00:00.0Z", "a GUID", "true or false"}

// operator is one row of the table of operators (rbac.md 7.3). test is the positive
// form; a negated operator is its complement, per pair of values.
type operator struct {
	name       string
	family     family
	negated    bool
	quantified bool // may stand behind ForAnyOfAnyValues: and its like
	test       func(l, r value) bool
}

var operators = []operator{
	{"StringEquals", stringFamily, false, true, stringEquals},
	{"StringNotEquals", stringFamily, true, true, stringEquals},
	{"StringEqualsIgnoreCase", stringFamily, false, true, stringEqualsFold},
	{"StringNotEqualsIgnoreCase", stringFamily, true, true, stringEqualsFold},
	{"StringStartsWith", stringFamily, false, false, stringStarts},
	{"StringNotStartsWith", stringFamily, true, false, stringStarts},
	{"StringStartsWithIgnoreCase", stringFamily, false, false, stringStartsFold},
	{"StringNotStartsWithIgnoreCase", stringFamily, true, false, stringStartsFold},
	{"StringLike", stringFamily, false, true, stringLike},
	{"StringNotLike", stringFamily, true, true, stringLike},
	{"StringLikeIgnoreCase", stringFamily, false, true, stringLikeFold},
	{"StringNotLikeIgnoreCase", stringFamily, true, true, stringLikeFold},
	{"NumericEquals", numericFamily, false, true, func(l, r value) bool { return l.number == r.number }},
	{"NumericNotEquals", numericFamily, true, true, func(l, r value) bool { return l.number == r.number }},
	{"NumericLessThan", numericFamily, false, true, func(l, r value) bool { return l.number < r.number }},
	{"NumericLessThanEquals", numericFamily, false, true, func(l, r value) bool { return l.number <= r.number }},
	{"NumericGreaterThan", numericFamily, false, true, func(l, r value) bool { return l.number > r.number }},
	{"NumericGreaterThanEquals", numericFamily, false, true, func(l, r value) bool { return l.number >= r.number }},
	{"DateTimeEquals", dateFamily, false, false, func(l, r value) bool { return l.time.Equal(r.time) }},
	{"DateTimeNotEquals", dateFamily, true, false, func(l, r value) bool { return l.time.Equal(r.time) }},
	{"DateTimeLessThan", dateFamily, false, false, func(l, r value) bool { return l.time.Before(r.time) }},
	{"DateTimeLessThanEquals", dateFamily, false, false, func(l, r value) bool { return !l.time.After(r.time) }},
	{"DateTimeGreaterThan", dateFamily, false, false, func(l, r value) bool { return l.time.After(r.time) }},
	{"DateTimeGreaterThanEquals", dateFamily, false, false, func(l, r value) bool { return !l.time.Before(r.time) }},
	{"GuidEquals", guidFamily, false, true, func(l, r value) bool { return l.guid == r.guid }},
	{"GuidNotEquals", guidFamily, true, true, func(l, r value) bool { return l.guid == r.guid }},
	{"BoolEquals", boolFamily, false, false, func(l, r value) bool { return l.number == r.number }},
	{"BoolNotEquals", boolFamily, true, false, func(l, r value) bool { return l.number == r.number }},
}

func operatorNamed(name string) *operator {
	for i := range operators {
		if gatehouse.EqualFold(operators[i].name, name) {
			return &operators[i]
		}
	}
	return nil
}

func (o *operator) holds(l, r value) bool { return o.test(l, r) != o.negated }

func stringEquals(l, r value) bool     { return l.text == r.text }
func stringEqualsFold(l, r value) bool { return gatehouse.EqualFold(l.text, r.text) }
func stringStarts(l, r value) bool     { return strings.HasPrefix(l.text, r.text) }
func stringLike(l, r value) bool       { return like(r.text, l.text, same) }
func stringLikeFold(l, r value) bool   { return like(r.text, l.text, sameFold) }

func stringStartsFold(l, r value) bool {
	s, prefix := l.text, r.text
	for prefix != "" {
		x, n := utf8.DecodeRuneInString(s)
		y, m := utf8.DecodeRuneInString(prefix)
		if n == 0 || !sameFold(x, y) {
			return false
		}
		s, prefix = s[n:], prefix[m:]
	}
	return true
}

func same(a, b rune) bool     { return a == b }
func sameFold(a, b rune) bool { return a == b || gatehouse.FoldRune(a) == gatehouse.FoldRune(b) }

// like matches the whole of s: a star is any run of characters, a question mark
// one character, and a backslash makes either of them ordinary. On a mismatch it
// returns to the last star only, which suffices and keeps the work to len(pattern)*len(s).
func like(pattern, s string, same func(a, b rune) bool) bool {
	star, resume := -1, 0
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, resume = p, i
			p++
			continue
		}
		want, wild, width := likeRune(pattern[p:])
		r, n := utf8.DecodeRuneInString(s[i:])
		if width > 0 && (wild || same(want, r)) {
			p += width
			i += n
			continue
		}
		if star < 0 {
			return false
		}
		_, n = utf8.DecodeRuneInString(s[resume:])
		resume += n
		p, i = star+1, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// likeRune reads one character of a pattern: what it is, whether it stands for any
// character, and how many bytes it takes; 0 at the end.
func likeRune(pattern string) (r rune, wild bool, width int) {
	if pattern == "" {
		return 0, false, 0
	}
	if pattern[0] == '?' {
		return 0, true, 1
	}
	if len(pattern) > 1 && pattern[0] == '\\' && (pattern[1] == '*' || pattern[1] == '?') {
		return rune(pattern[1]), false, 2
	}
	r, width = utf8.DecodeRuneInString(pattern)
	return r, false, width
}

// quantifier says how a list on the left meets a list on the right (rbac.md 7.4).
// Without one, the left side has to be a single value.
type quantifier struct {
	name              string
	allLeft, allRight bool
}

var quantifiers = []quantifier{
	{"ForAnyOfAnyValues", false, false},
	{"ForAllOfAnyValues", true, false},
	{"ForAnyOfAllValues", false, true},
	{"ForAllOfAllValues", true, true},
}

func quantifierNamed(name string) *quantifier {
	for i := range quantifiers {
		if gatehouse.EqualFold(quantifiers[i].name, name) {
			return &quantifiers[i]
		}
	}
	return nil
}
