package dotnet

import (
	"strings"
	"unicode/utf8"
)

const (
	surrogateMin = 0xD800
	lowMin       = 0xDC00
	surrogateMax = 0xDFFF
)

func isHigh(u rune) bool      { return u >= surrogateMin && u < lowMin }
func isLow(u rune) bool       { return u >= lowMin && u <= surrogateMax }
func isSurrogate(u rune) bool { return u >= surrogateMin && u <= surrogateMax }

// IsASCII reports whether every byte is below 0x80: then positions are the same in bytes and in UTF-16 units.
func IsASCII(s string) bool {
	for len(s) >= 8 {
		if (s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7])&0x80 != 0 {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// decode reads the character at the start of s, which may be half of a surrogate pair.
func decode(s string) (r rune, size int) {
	if s[0] < utf8.RuneSelf {
		return rune(s[0]), 1
	}
	if s[0] == 0xED && len(s) >= 3 && s[1] >= 0xA0 && s[1] <= 0xBF && s[2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return utf8.DecodeRuneInString(s)
}

// appendRune writes a character, half of a pair in three bytes.
func appendRune(b []byte, r rune) []byte {
	if isSurrogate(r) {
		return append(b, 0xED, byte(0x80|r>>6&0x3F), byte(0x80|r&0x3F))
	}
	return utf8.AppendRune(b, r)
}

// appendUnit writes a unit, joining it with a high half that b ends in.
func appendUnit(b []byte, u uint16) []byte {
	if isLow(rune(u)) && len(b) >= 3 {
		if high, n := decode(string(b[len(b)-3:])); n == 3 && isHigh(high) {
			return utf8.AppendRune(b[:len(b)-3], pair(high, rune(u)))
		}
	}
	return appendRune(b, rune(u))
}

func pair(high, low rune) rune { return (high-surrogateMin)<<10 + (low - lowMin) + 0x10000 }

func split(r rune) (high, low rune) {
	r -= 0x10000
	return surrogateMin + r>>10, lowMin + r&0x3FF
}

// Units gives the UTF-16 units of s.
func Units(s string) []uint16 {
	units := make([]uint16, 0, len(s))
	for len(s) > 0 {
		r, n := decode(s)
		s = s[n:]
		if r >= 0x10000 {
			high, low := split(r)
			units = append(units, uint16(high), uint16(low))
		} else {
			units = append(units, uint16(r))
		}
	}
	return units
}

// FromUnits makes a string of UTF-16 units: new string(char[]).
func FromUnits(units []uint16) string {
	b := make([]byte, 0, len(units))
	for _, u := range units {
		b = appendUnit(b, u)
	}
	return string(b)
}

// FromUnit makes a string of one unit: char.ToString().
func FromUnit(u uint16) string {
	if u < utf8.RuneSelf {
		return asciiStrings[u : u+1]
	}
	return string(appendRune(nil, rune(u)))
}

// asciiStrings holds every ASCII character, so that a string of one costs nothing.
var asciiStrings = func() string {
	b := make([]byte, utf8.RuneSelf)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// Concat joins strings; halves of a surrogate pair that meet become one character.
func Concat(parts ...string) string {
	for i := 1; i < len(parts); i++ {
		if startsLow(parts[i]) {
			return mend(strings.Join(parts, ""))
		}
	}
	return strings.Join(parts, "")
}

// ConcatTwo is Concat without the row of arguments: what + of two strings does.
func ConcatTwo(a, b string) string {
	if startsLow(b) {
		return mend(a + b)
	}
	return a + b
}

func startsLow(s string) bool {
	return len(s) >= 3 && s[0] == 0xED && s[1] >= 0xB0 && s[1] <= 0xBF
}

// mend joins the halves in a string that was put together byte by byte.
func mend(s string) string { return FromUnits(Units(s)) }

// Scalar makes valid UTF-8 of s for the world outside: a lone surrogate and a byte that is not UTF-8 become U+FFFD.
func Scalar(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := decode(s)
		if isSurrogate(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// StringLength is String.Length.
func StringLength(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, size := decode(s[i:])
		if r >= 0x10000 {
			n++
		}
		i += size
		n++
	}
	return n
}

// offset finds the byte at which unit i of s begins; half tells that i is the second half of the character that begins there.
// i may be the length; beyond that ok is false.
func offset(s string, i int) (at int, half, ok bool) {
	if i < 0 {
		return 0, false, false
	}
	for i > 0 {
		if at >= len(s) {
			return at, false, false
		}
		r, size := decode(s[at:])
		i--
		if r >= 0x10000 {
			if i == 0 {
				return at, true, true
			}
			i--
		}
		at += size
	}
	return at, false, true
}

// CharAt is the indexer of a string.
func CharAt(s string, i int) (uint16, error) {
	if i < 0 || i >= len(s) {
		return 0, ArrayIndex()
	}
	if IsASCII(s[:i+1]) {
		return uint16(s[i]), nil
	}
	at, half, ok := offset(s, i)
	if !ok || at >= len(s) {
		return 0, ArrayIndex()
	}
	r, _ := decode(s[at:])
	if r < 0x10000 {
		return uint16(r), nil
	}
	high, low := split(r)
	if half {
		return uint16(low), nil
	}
	return uint16(high), nil
}

// slice cuts units from to to out of s; the caller has checked them.
func slice(s string, from, to int) string {
	if IsASCII(s) {
		return s[from:to]
	}
	if from == to {
		return ""
	}
	start, half, _ := offset(s, from)
	var head []byte
	if half {
		r, size := decode(s[start:])
		_, low := split(r)
		head = appendRune(nil, low)
		start += size
		from++
	}
	length, cut, _ := offset(s[start:], to-from)
	end := start + length
	if head == nil && !cut {
		return s[start:end]
	}
	head = append(head, s[start:end]...)
	if cut {
		r, _ := decode(s[end:])
		high, _ := split(r)
		head = appendRune(head, high)
	}
	return string(head)
}
