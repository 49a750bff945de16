package dotnet

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
)

// FloatToInt is Convert.ToInt32(double) and its kin: rounded half to even.
func FloatToInt(x float64, k IntKind) (int64, error) {
	v, ok := k.OfFloat(math.RoundToEven(x))
	if !ok {
		return 0, k.Overflow()
	}
	return v, nil
}

// OfFloat gives the whole part of x if the type holds it.
func (k IntKind) OfFloat(x float64) (int64, bool) {
	x = math.Trunc(x)
	if k.Signed {
		limit := math.Ldexp(1, k.Bits-1)
		if !(x >= -limit && x < limit) {
			return 0, false
		}
		return int64(x), true
	}
	if !(x >= 0 && x < math.Ldexp(1, k.Bits)) {
		return 0, false
	}
	return int64(uint64(x)), true
}

// DecimalToInt is Convert.ToInt32(decimal) and its kin: rounded half to even.
func DecimalToInt(d Decimal, k IntKind) (int64, error) {
	r, err := d.Round(0, ToEven)
	if err != nil {
		return 0, err
	}
	return r.Int(k)
}

// Narrow converts between integer types as Convert does; from tells a UInt64 from an Int64.
func Narrow(v int64, from, to IntKind) (int64, error) {
	neg := from.Signed && v < 0
	abs := uint64(v)
	if neg {
		abs = -abs
	}
	r, ok := to.Fit(neg, abs)
	if !ok {
		return 0, to.Overflow()
	}
	return r, nil
}

func badBase() *Exception { return NewException(ArgumentException, "Invalid Base.") }

// FormatBase is Convert.ToString(value, base) of a type with so many bits: two's complement unless the base is 10.
func FormatBase(v int64, bits, base int) (string, error) {
	switch base {
	case 10:
		return strconv.FormatInt(v, 10), nil
	case 2, 8, 16:
		return strconv.FormatUint(uint64(v)&(math.MaxUint64>>(64-bits)), base), nil
	}
	return "", badBase()
}

// ParseBase is Convert.ToInt32(text, base) and its kin. Other bases than 10 give the bits: FFFFFFFF is -1.
func ParseBase(s string, k IntKind, base int) (int64, error) {
	if base != 2 && base != 8 && base != 10 && base != 16 {
		return 0, badBase()
	}
	if s == "" {
		return 0, OutOfRange("Index was out of range. Must be non-negative and less than the size of the collection.", "startIndex")
	}
	text := s
	neg := false
	if text[0] == '-' || text[0] == '+' {
		if neg = text[0] == '-'; neg && base != 10 {
			return 0, NewException(ArgumentException, "String cannot contain a minus sign if the base is not 10.")
		}
		if neg && !k.Signed {
			return 0, NewException(OverflowException, "The string was being parsed as an unsigned number and could not have a negative sign.")
		}
		text = text[1:]
	}
	if base == 16 && len(text) >= 2 && text[0] == '0' && text[1]|0x20 == 'x' {
		text = text[2:]
	}
	n := 0
	for n < len(text) {
		d, ok := hexDigit(text[n])
		if !ok || int(d) >= base {
			break
		}
		n++
	}
	switch {
	case n == 0:
		return 0, formatError("Could not find any recognizable digits.")
	case n < len(text):
		return 0, formatError("Additional non-parsable characters are at the end of the string.")
	}
	abs, err := strconv.ParseUint(text, base, 64)
	if err != nil {
		return 0, k.Overflow()
	}
	if base == 10 {
		v, ok := k.Fit(neg, abs)
		if !ok {
			return 0, k.Overflow()
		}
		return v, nil
	}
	if k.Bits < 64 && abs>>k.Bits != 0 {
		return 0, k.Overflow()
	}
	return k.Wrap(int64(abs)), nil
}

// FromBase64 is Convert.FromBase64String: blanks, tabs and line ends do not count, padding is wanted, bits behind the last byte
// are not looked at.
func FromBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, " \t\r\n") {
		s = strings.Map(func(r rune) rune {
			if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
				return -1
			}
			return r
		}, s)
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, formatError("The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.")
	}
	return b, nil
}

// ToBase64 is Convert.ToBase64String, with a line break after every 76 characters when asked.
func ToBase64(b []byte, breaks bool) string {
	s := base64.StdEncoding.EncodeToString(b)
	if !breaks {
		return s
	}
	var lines []string
	for len(s) > 76 {
		lines = append(lines, s[:76])
		s = s[76:]
	}
	return strings.Join(append(lines, s), "\r\n")
}

// FromHex is Convert.FromHexString.
func FromHex(s string) ([]byte, error) {
	if len(s)%2 != 0 {
		return nil, formatError("The input is not a valid hex string as its length is not a multiple of 2.")
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, formatError("The input is not a valid hex string as it contains a non-hex character.")
	}
	return b, nil
}

// HexString is BitConverter.ToString: AA-BB-CC.
func HexString(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	const digits = "0123456789ABCDEF"
	text := make([]byte, 0, 3*len(b))
	for _, x := range b {
		text = append(text, digits[x>>4], digits[x&15], '-')
	}
	return string(text[:len(text)-1])
}

// RoundFloat is Math.Round(double, digits, mode).
func RoundFloat(x float64, digits int, mode MidpointRounding) (float64, error) {
	if digits < 0 || digits > 15 {
		return 0, OutOfRange("Rounding digits must be between 0 and 15, inclusive.", "digits")
	}
	if err := mode.check(); err != nil {
		return 0, err
	}
	if !(math.Abs(x) < 1e16) {
		return x, nil
	}
	power := powersOfTen[digits]
	x *= power
	switch mode {
	case ToEven:
		x = math.RoundToEven(x)
	case AwayFromZero:
		x = math.Round(x)
	case ToZero:
		x = math.Trunc(x)
	case ToNegativeInfinity:
		x = math.Floor(x)
	case ToPositiveInfinity:
		x = math.Ceil(x)
	}
	return x / power, nil
}
