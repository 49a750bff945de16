package dotnet

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// loose writes every surrogate pair of s as its two halves, so that a search for one half finds it.
func loose(s string) string {
	b := make([]byte, 0, len(s)+len(s)/2)
	for len(s) > 0 {
		r, n := decode(s)
		if r >= 0x10000 {
			high, low := split(r)
			b = appendRune(appendRune(b, high), low)
		} else {
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return string(b)
}

// hasHalf reports whether s holds a surrogate without its partner.
func hasHalf(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == 0xED && s[i+1] >= 0xA0 {
			return true
		}
	}
	return false
}

// Substring is s.Substring(start).
func Substring(s string, start int) (string, error) {
	return SubstringN(s, start, StringLength(s)-start)
}

// SubstringN is s.Substring(start, length).
func SubstringN(s string, start, length int) (string, error) {
	n := StringLength(s)
	switch {
	case start < 0:
		return "", OutOfRange("StartIndex cannot be less than zero.", "startIndex")
	case start > n:
		return "", OutOfRange("startIndex cannot be larger than length of string.", "startIndex")
	case length < 0:
		return "", OutOfRange("Length cannot be less than zero.", "length")
	case start > n-length:
		return "", OutOfRange("Index and length must refer to a location within the string.", "length")
	}
	return slice(s, start, start+length), nil
}

// checkRange checks the start and count of a search forwards; count below zero means up to the end.
func checkRange(n, start, count int, toEnd bool) (int, error) {
	if start < 0 || start > n {
		return 0, OutOfRange("Index was out of range. Must be non-negative and less than or equal to the size of the collection.", "startIndex")
	}
	if toEnd {
		return n - start, nil
	}
	if count < 0 || count > n-start {
		return 0, OutOfRange("Count must be positive and count must refer to a location within the string/array/collection.", "count")
	}
	return count, nil
}

// ToEnd as a count asks IndexOf to search up to the end of the string.
const ToEnd = -1 << 31

// IndexOf is s.IndexOf(value, start, count, comparison); ToEnd as count searches the rest. Except for case, every comparison
// is ordinal (policy-expressions.md 5).
func IndexOf(s, value string, start, count int, c Comparison) (int, error) {
	count, err := checkRange(StringLength(s), start, count, count == ToEnd)
	if err != nil {
		return 0, err
	}
	if c.ignoresCase() {
		s, value = ToUpperInvariant(s), ToUpperInvariant(value)
	}
	part := slice(s, start, start+count)
	if hasHalf(value) {
		part, value = loose(part), loose(value)
	}
	i := strings.Index(part, value)
	if i < 0 {
		return -1, nil
	}
	return start + StringLength(part[:i]), nil
}

// IndexOfAny is s.IndexOfAny(set, start, count), and IndexOf(char) with a set of one.
func IndexOfAny(s string, set []uint16, start, count int) (int, error) {
	count, err := checkRange(StringLength(s), start, count, count == ToEnd)
	if err != nil {
		return 0, err
	}
	for i, u := range Units(slice(s, start, start+count)) {
		if containsUnit(set, u) {
			return start + i, nil
		}
	}
	return -1, nil
}

func containsUnit(set []uint16, u uint16) bool {
	for _, x := range set {
		if x == u {
			return true
		}
	}
	return false
}

// LastIndexOf is s.LastIndexOf(value, start, count, comparison): the search goes backwards from start over count units.
func LastIndexOf(s, value string, start, count int, c Comparison) (int, error) {
	n := StringLength(s)
	if n == 0 && (start == -1 || start == 0) {
		if value == "" {
			return 0, nil
		}
		return -1, nil
	}
	if start < 0 || start > n {
		return 0, OutOfRange("Index was out of range. Must be non-negative and less than or equal to the size of the collection.", "startIndex")
	}
	if start == n {
		start--
		if count > 0 {
			count--
		}
	}
	if count < 0 || start-count+1 < 0 {
		return 0, OutOfRange("Count must be positive and count must refer to a location within the string/array/collection.", "count")
	}
	if c.ignoresCase() {
		s, value = ToUpperInvariant(s), ToUpperInvariant(value)
	}
	first := start - count + 1
	part := slice(s, first, start+1)
	if hasHalf(value) {
		part, value = loose(part), loose(value)
	}
	i := strings.LastIndex(part, value)
	if i < 0 {
		return -1, nil
	}
	return first + StringLength(part[:i]), nil
}

// LastIndexOfAny is s.LastIndexOfAny(set, start, count), and LastIndexOf(char) with a set of one.
func LastIndexOfAny(s string, set []uint16, start, count int) (int, error) {
	units := Units(s)
	if len(units) == 0 {
		return -1, nil
	}
	if start < 0 || start >= len(units) {
		return 0, IndexRange("startIndex")
	}
	if count < 0 || count > start+1 {
		return 0, OutOfRange("Count must be positive and count must refer to a location within the string/array/collection.", "count")
	}
	for i := start; i > start-count; i-- {
		if containsUnit(set, units[i]) {
			return i, nil
		}
	}
	return -1, nil
}

// Contains is s.Contains(value, comparison).
func Contains(s, value string, c Comparison) bool {
	i, _ := IndexOf(s, value, 0, ToEnd, c)
	return i >= 0
}

// ContainsChar is s.Contains(char).
func ContainsChar(s string, u uint16) bool {
	if u < utf8.RuneSelf {
		return strings.IndexByte(s, byte(u)) >= 0
	}
	return Contains(s, FromUnit(u), Ordinal)
}

// StartsWith is s.StartsWith(value, comparison).
func StartsWith(s, value string, c Comparison) bool {
	if c.ignoresCase() {
		s, value = ToUpperInvariant(s), ToUpperInvariant(value)
	}
	if hasHalf(value) {
		s, value = loose(s), loose(value)
	}
	return strings.HasPrefix(s, value)
}

// EndsWith is s.EndsWith(value, comparison).
func EndsWith(s, value string, c Comparison) bool {
	if c.ignoresCase() {
		s, value = ToUpperInvariant(s), ToUpperInvariant(value)
	}
	if hasHalf(value) {
		s, value = loose(s), loose(value)
	}
	return strings.HasSuffix(s, value)
}

// Insert is s.Insert(start, value).
func Insert(s string, start int, value string) (string, error) {
	n := StringLength(s)
	if start < 0 || start > n {
		return "", OutOfRange("", "startIndex")
	}
	return Concat(slice(s, 0, start), value, slice(s, start, n)), nil
}

// Remove is s.Remove(start, count); ToEnd as count removes the rest.
func Remove(s string, start, count int) (string, error) {
	n := StringLength(s)
	switch {
	case start < 0:
		return "", OutOfRange("StartIndex cannot be less than zero.", "startIndex")
	case count == ToEnd && start > n:
		return "", OutOfRange("startIndex must be less than length of string.", "startIndex")
	case count == ToEnd:
		return slice(s, 0, start), nil
	case count < 0:
		return "", OutOfRange("Count cannot be less than zero.", "count")
	case start > n-count:
		return "", OutOfRange("Index and count must refer to a location within the string.", "count")
	}
	return Concat(slice(s, 0, start), slice(s, start+count, n)), nil
}

// PadLeft is s.PadLeft(width, char).
func PadLeft(s string, width int, fill uint16) (string, error) {
	pad, err := padding(s, width, fill)
	return ConcatTwo(pad, s), err
}

// PadRight is s.PadRight(width, char).
func PadRight(s string, width int, fill uint16) (string, error) {
	pad, err := padding(s, width, fill)
	return ConcatTwo(s, pad), err
}

func padding(s string, width int, fill uint16) (string, error) {
	if width < 0 {
		return "", OutOfRange("Non-negative number required.", "totalWidth")
	}
	return strings.Repeat(FromUnit(fill), max(0, width-StringLength(s))), nil
}

// trims says which characters a set trims; without a set it is white space.
func trims(set []uint16) func(rune) bool {
	if len(set) == 0 {
		return IsWhiteSpace
	}
	return func(r rune) bool { return r < 0x10000 && containsUnit(set, uint16(r)) }
}

// IsWhiteSpace is char.IsWhiteSpace; Unicode's set and Go's are the same.
func IsWhiteSpace(r rune) bool { return unicode.IsSpace(r) }

// IsBlank reports whether s is empty or white space: the second half of string.IsNullOrWhiteSpace.
func IsBlank(s string) bool { return strings.TrimFunc(s, IsWhiteSpace) == "" }

// Trim is s.Trim(set); no set is white space.
func Trim(s string, set []uint16) string { return TrimEnd(TrimStart(s, set), set) }

// TrimStart is s.TrimStart(set).
func TrimStart(s string, set []uint16) string {
	if setHasHalf(set) {
		return mend(trimLeft(loose(s), trims(set)))
	}
	return trimLeft(s, trims(set))
}

// TrimEnd is s.TrimEnd(set).
func TrimEnd(s string, set []uint16) string {
	if setHasHalf(set) {
		return mend(trimRight(loose(s), trims(set)))
	}
	return trimRight(s, trims(set))
}

func setHasHalf(set []uint16) bool {
	for _, u := range set {
		if isSurrogate(rune(u)) {
			return true
		}
	}
	return false
}

func trimLeft(s string, of func(rune) bool) string {
	for len(s) > 0 {
		r, n := decode(s)
		if !of(r) {
			break
		}
		s = s[n:]
	}
	return s
}

func trimRight(s string, of func(rune) bool) string {
	for len(s) > 0 {
		n := 1
		for n < 4 && n < len(s) && s[len(s)-n]&0xC0 == 0x80 {
			n++
		}
		r, size := decode(s[len(s)-n:])
		if size != n {
			r, n = utf8.RuneError, 1
		}
		if !of(r) {
			break
		}
		s = s[:len(s)-n]
	}
	return s
}

// Replace is s.Replace(old, new, comparison); old may not be empty.
func Replace(s, old, with string, c Comparison) (string, error) {
	if old == "" {
		return "", Argument("String cannot be of zero length.", "oldValue")
	}
	if hasHalf(old) || hasHalf(with) || hasHalf(s) {
		s, err := replaceFold(loose(s), loose(old), with, c)
		return mend(s), err
	}
	return replaceFold(s, old, with, c)
}

func replaceFold(s, old, with string, c Comparison) (string, error) {
	if !c.ignoresCase() {
		return strings.ReplaceAll(s, old, with), nil
	}
	var b strings.Builder
	rest, upper, wanted := s, ToUpperInvariant(s), ToUpperInvariant(old)
	for {
		i := strings.Index(upper, wanted)
		if i < 0 {
			b.WriteString(rest)
			return b.String(), nil
		}
		from, _, _ := offset(rest, StringLength(upper[:i]))
		size, _, _ := offset(rest[from:], StringLength(wanted))
		b.WriteString(rest[:from])
		b.WriteString(with)
		rest, upper = rest[from+size:], upper[i+len(wanted):]
	}
}

// ReplaceChar is s.Replace(char, char).
func ReplaceChar(s string, old, with uint16) string {
	s, _ = Replace(s, FromUnit(old), FromUnit(with), Ordinal)
	return s
}

// upper and lower map one character to one, as .NET's invariant casing does: nothing that becomes two characters, and none of
// the letters whose partner is ASCII though they are not (dotless i, dotted I, long s, the Kelvin sign).
func upper(r rune) rune {
	switch r {
	case 'ı', 'ſ':
		return r
	}
	return unicode.ToUpper(r)
}

func lower(r rune) rune {
	switch r {
	case 'İ', '\u212A':
		return r
	}
	return unicode.ToLower(r)
}

// ToUpperInvariant is s.ToUpperInvariant(), and ToUpper under the invariant culture.
func ToUpperInvariant(s string) string {
	if IsASCII(s) {
		return strings.ToUpper(s)
	}
	return mapRunes(s, upper)
}

// ToLowerInvariant is s.ToLowerInvariant(), and ToLower under the invariant culture.
func ToLowerInvariant(s string) string {
	if IsASCII(s) {
		return strings.ToLower(s)
	}
	return mapRunes(s, lower)
}

func mapRunes(s string, f func(rune) rune) string {
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		r, n := decode(s)
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[0])
		} else {
			b = appendRune(b, f(r))
		}
		s = s[n:]
	}
	return string(b)
}
