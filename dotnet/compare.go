package dotnet

import (
	"cmp"
	"hash/maphash"
	"strings"
)

// Comparison is System.StringComparison.
type Comparison int

// The comparisons, with .NET's numbers.
const (
	CurrentCulture Comparison = iota
	CurrentCultureIgnoreCase
	InvariantCulture
	InvariantCultureIgnoreCase
	Ordinal
	OrdinalIgnoreCase
)

// Valid tells a comparison from a number that is none.
func (c Comparison) Valid() bool { return c >= CurrentCulture && c <= OrdinalIgnoreCase }

func (c Comparison) ignoresCase() bool { return c&1 != 0 }

// Equals is string.Equals(a, b, comparison).
func Equals(a, b string, c Comparison) bool {
	switch {
	case a == b:
		return true
	case c == OrdinalIgnoreCase:
		return equalFold(a, b)
	case c == Ordinal:
		return false
	}
	return Compare(a, b, c) == 0
}

func equalFold(a, b string) bool {
	for len(a) > 0 && len(b) > 0 {
		r, n := decode(a)
		q, m := decode(b)
		if r != q && upper(r) != upper(q) {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return a == b
}

// Compare is string.Compare(a, b, comparison) of two strings that are not null.
func Compare(a, b string, c Comparison) int {
	switch c {
	case Ordinal:
		return CompareOrdinal(a, b)
	case OrdinalIgnoreCase:
		return CompareOrdinal(ToUpperInvariant(a), ToUpperInvariant(b))
	}
	return compareCulture(a, b, c.ignoresCase())
}

// CompareOrdinal is string.CompareOrdinal: the difference of the first units that differ, or of the lengths.
func CompareOrdinal(a, b string) int {
	if a == b {
		return 0
	}
	if IsASCII(a) && IsASCII(b) {
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				return int(a[i]) - int(b[i])
			}
		}
		return len(a) - len(b)
	}
	x, y := Units(a), Units(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return int(x[i]) - int(y[i])
		}
	}
	return len(x) - len(y)
}

// compareCulture orders as the invariant culture does, on the three levels of the Unicode root collation: first the letters
// themselves, then their accents, then their case, small before capital. Accents are known for Latin letters; other scripts
// keep the order of their code points.
func compareCulture(a, b string, ignoreCase bool) int {
	if a == b {
		return 0
	}
	second, third := 0, 0
	for {
		var x, y weight
		var more, more2 bool
		x, a, more = nextWeight(a)
		y, b, more2 = nextWeight(b)
		if !more || !more2 {
			switch {
			case more:
				return 1
			case more2:
				return -1
			}
			break
		}
		if c := cmp.Compare(x.letter, y.letter); c != 0 {
			return c
		}
		if second == 0 {
			second = cmp.Compare(x.accent, y.accent)
		}
		if third == 0 {
			third = cmp.Compare(x.capital, y.capital)
		}
	}
	if second != 0 || ignoreCase {
		return second
	}
	return third
}

type weight struct{ letter, accent, capital int }

// before lists what the root collation puts before the digits, in its order.
const before = "\t\n\v\f\r\u0085\u2028\u2029 \u00A0_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"

// accented lists Latin letters with a mark: the plain letters, then their forms in the order of the marks.
var accented = func() map[rune]weight {
	m := map[rune]weight{}
	for _, row := range strings.Fields(`aàáâãäåāăą cçćĉċč dďđ eèéêëēĕėęě gĝğġģ hĥħ iìíîïĩīĭįı jĵ kķ lĺļľŀł nñńņňŋ oòóôõöøōŏő rŕŗř sśŝşš tţťŧ uùúûüũūŭůűų wŵ yýÿŷ zźżž`) {
		letters := []rune(row)
		for i, r := range letters[1:] {
			m[r] = weight{letter: letterWeight(letters[0]), accent: i + 1}
			if u := upper(r); u != r {
				m[u] = weight{letter: letterWeight(letters[0]), accent: i + 1, capital: 1}
			}
		}
	}
	return m
}()

const letterBase = 1000

func letterWeight(small rune) int { return letterBase + int(small-'a') }

// nextWeight reads the weight of the next character that has one; control characters have none.
func nextWeight(s string) (w weight, rest string, ok bool) {
	for len(s) > 0 {
		r, n := decode(s)
		s = s[n:]
		switch {
		case r >= 'a' && r <= 'z':
			return weight{letter: letterWeight(r)}, s, true
		case r >= 'A' && r <= 'Z':
			return weight{letter: letterWeight(r + 'a' - 'A'), capital: 1}, s, true
		case r >= '0' && r <= '9':
			return weight{letter: 500 + int(r)}, s, true
		}
		if i := strings.IndexRune(before, r); i >= 0 {
			return weight{letter: 1 + i}, s, true
		}
		if r < 0x20 || r == 0x7F || r == 0xAD || r >= 0x80 && r < 0xA0 {
			continue
		}
		if w, ok := accented[r]; ok {
			return w, s, true
		}
		if l := lower(r); l != r {
			return weight{letter: letterBase + 1000 + int(l), capital: 1}, s, true
		}
		return weight{letter: letterBase + 1000 + int(r)}, s, true
	}
	return weight{}, "", false
}

// hashSeed makes hash codes differ from process to process, as .NET's do.
var hashSeed = maphash.MakeSeed()

// HashCode is s.GetHashCode().
func HashCode(s string) int32 { return int32(maphash.String(hashSeed, s)) }
