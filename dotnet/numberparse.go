package dotnet

import (
	"errors"
	"strconv"
	"strings"
)

// NumberStyles is System.Globalization.NumberStyles: what a number's text may have besides digits.
type NumberStyles int

// The styles, with .NET's numbers, and the ones that Parse takes without being told.
const (
	AllowLeadingWhite NumberStyles = 1 << iota
	AllowTrailingWhite
	AllowLeadingSign
	AllowTrailingSign
	AllowParentheses
	AllowDecimalPoint
	AllowThousands
	AllowExponent
	AllowCurrencySymbol
	AllowHexSpecifier

	IntegerStyle = AllowLeadingWhite | AllowTrailingWhite | AllowLeadingSign
	FloatStyle   = IntegerStyle | AllowDecimalPoint | AllowExponent | AllowThousands
	NumberStyle  = IntegerStyle | AllowTrailingSign | AllowDecimalPoint | AllowThousands
)

// IntKind is an integer type: its bits, whether it has a sign, and its name with the article as in "too large for an Int32".
type IntKind struct {
	Bits     int
	Signed   bool
	Name     string // System.Int32
	overflow string
}

// The integer types.
var (
	SByte  = IntKind{8, true, "System.SByte", "a signed byte"}
	Byte   = IntKind{8, false, "System.Byte", "an unsigned byte"}
	Int16  = IntKind{16, true, "System.Int16", "an Int16"}
	UInt16 = IntKind{16, false, "System.UInt16", "a UInt16"}
	Int32  = IntKind{32, true, "System.Int32", "an Int32"}
	UInt32 = IntKind{32, false, "System.UInt32", "a UInt32"}
	Int64  = IntKind{64, true, "System.Int64", "an Int64"}
	UInt64 = IntKind{64, false, "System.UInt64", "a UInt64"}
	Char   = IntKind{16, false, "System.Char", "a character"}
)

// Overflow is what a conversion to the type throws.
func (k IntKind) Overflow() *Exception { return OverflowOf(k.overflow) }

// Fit makes the type's bits of a sign and an absolute value, as an int64 that holds them (UInt64 wraps round).
func (k IntKind) Fit(neg bool, abs uint64) (int64, bool) {
	if k.Signed {
		limit := uint64(1) << (k.Bits - 1)
		if neg {
			return int64(-abs), abs <= limit
		}
		return int64(abs), abs < limit
	}
	return int64(abs), (!neg || abs == 0) && (k.Bits == 64 || abs>>k.Bits == 0)
}

// scanned is a number's text taken apart.
type scanned struct {
	neg      bool
	whole    string // digits before the point, leading zeros cut
	fraction string
	exponent int
}

func isNumberSpace(c byte) bool { return c == ' ' || c >= 9 && c <= 13 }

// scan reads a number. What follows it may only be blanks (where allowed) and NULs.
func scan(s string, styles NumberStyles) (n scanned, ok bool) {
	i := 0
	signed, parenthesis, currency := false, false, styles&AllowCurrencySymbol == 0
	for i < len(s) {
		switch c := s[i]; {
		case isNumberSpace(c) && styles&AllowLeadingWhite != 0 && (!signed || styles&AllowCurrencySymbol != 0):
			i++
			continue
		case (c == '+' || c == '-') && styles&AllowLeadingSign != 0 && !signed:
			signed, n.neg = true, c == '-'
			i++
			continue
		case c == '(' && styles&AllowParentheses != 0 && !signed:
			signed, parenthesis, n.neg = true, true, true
			i++
			continue
		case !currency && strings.HasPrefix(s[i:], "¤"):
			currency = true
			i += len("¤")
			continue
		}
		break
	}
	i, any := n.scanDigits(s, i, styles)
	if !any {
		return n, false
	}
	if styles&AllowExponent != 0 {
		i = n.scanExponent(s, i)
	}
	for i < len(s) {
		switch c := s[i]; {
		case isNumberSpace(c) && styles&AllowTrailingWhite != 0:
			i++
			continue
		case (c == '+' || c == '-') && styles&AllowTrailingSign != 0 && !signed:
			signed, n.neg = true, c == '-'
			i++
			continue
		case c == ')' && parenthesis:
			parenthesis = false
			i++
			continue
		case !currency && strings.HasPrefix(s[i:], "¤"):
			currency = true
			i += len("¤")
			continue
		}
		break
	}
	return n, !parenthesis && strings.Trim(s[i:], "\x00") == ""
}

func (n *scanned) scanDigits(s string, i int, styles NumberStyles) (end int, any bool) {
	var whole, fraction []byte
	point := false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			any = true
			if point {
				fraction = append(fraction, c)
			} else if c != '0' || len(whole) > 0 {
				whole = append(whole, c)
			}
			continue
		case c == '.' && styles&AllowDecimalPoint != 0 && !point:
			point = true
			continue
		case c == ',' && styles&AllowThousands != 0 && any && !point:
			continue
		}
		break
	}
	n.whole, n.fraction = string(whole), string(fraction)
	return i, any
}

// scanExponent reads E, a sign and digits; an E without digits is not part of the number.
func (n *scanned) scanExponent(s string, i int) int {
	if i >= len(s) || s[i]|0x20 != 'e' {
		return i
	}
	j := i + 1
	neg := false
	if j < len(s) && (s[j] == '+' || s[j] == '-') {
		neg = s[j] == '-'
		j++
	}
	digits := j
	for ; j < len(s) && s[j] >= '0' && s[j] <= '9'; j++ {
		n.exponent = min(n.exponent*10+int(s[j]-'0'), 99999)
	}
	if j == digits {
		return i
	}
	if neg {
		n.exponent = -n.exponent
	}
	return j
}

// ParseInt is Parse of an integer type. The bits of a UInt64 come as an int64.
func ParseInt(s string, k IntKind) (int64, error) { return ParseIntStyle(s, k, IntegerStyle) }

// ParseIntStyle is Parse of an integer type with number styles.
func ParseIntStyle(s string, k IntKind, styles NumberStyles) (int64, error) {
	if styles&AllowHexSpecifier != 0 {
		return parseHex(s, k, styles)
	}
	n, ok := scan(s, styles)
	if !ok {
		return 0, badInput(s)
	}
	if strings.Trim(n.fraction, "0") != "" || n.exponent < 0 || n.exponent > 20 {
		return 0, k.Overflow()
	}
	abs, err := strconv.ParseUint("0"+n.whole+strings.Repeat("0", n.exponent), 10, 64)
	if err != nil {
		return 0, k.Overflow()
	}
	v, ok := k.Fit(n.neg, abs)
	if !ok {
		return 0, k.Overflow()
	}
	return v, nil
}

func parseHex(s string, k IntKind, styles NumberStyles) (int64, error) {
	text := s
	if styles&AllowLeadingWhite != 0 {
		text = strings.TrimLeft(text, " \t\n\v\f\r")
	}
	if styles&AllowTrailingWhite != 0 {
		text = strings.TrimRight(text, " \t\n\v\f\r")
	}
	for i := range len(text) {
		if _, ok := hexDigit(text[i]); !ok {
			return 0, badInput(s)
		}
	}
	if text == "" {
		return 0, badInput(s)
	}
	v, err := strconv.ParseUint(text, 16, k.Bits)
	if err != nil {
		return 0, k.Overflow()
	}
	return k.Wrap(int64(v)), nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// Wrap cuts v to the type's bits, as an unchecked conversion does.
func (k IntKind) Wrap(v int64) int64 {
	unused := 64 - k.Bits
	if k.Signed {
		return v << unused >> unused
	}
	return int64(uint64(v) << unused >> unused)
}

// ParseDouble is double.Parse. Too large a number is an infinity, as since .NET Core 3.0.
func ParseDouble(s string) (float64, error) { return parseFloat(s, 64) }

// ParseSingle is float.Parse.
func ParseSingle(s string) (float32, error) {
	x, err := parseFloat(s, 32)
	return float32(x), err
}

func parseFloat(s string, bits int) (float64, error) {
	n, ok := scan(s, FloatStyle)
	if !ok {
		return namedFloat(s)
	}
	text := n.whole + "." + n.fraction
	if n.whole == "" {
		text = "0" + text
	}
	x, err := strconv.ParseFloat(text+"e"+strconv.Itoa(n.exponent), bits)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, badInput(s)
	}
	if n.neg {
		x = -x
	}
	return x, nil
}

// namedFloat reads Infinity and NaN, with or without a sign, in any case.
func namedFloat(s string) (float64, error) {
	word := strings.ToLower(strings.TrimFunc(s, IsWhiteSpace))
	switch word {
	case "infinity", "+infinity", "-infinity", "nan", "+nan", "-nan":
		return strconv.ParseFloat(strings.TrimSuffix(strings.TrimLeft(word, "+"), ""), 64)
	}
	return 0, badInput(s)
}

// ParseBool is bool.Parse: True or False in any case, with blanks and NULs around.
func ParseBool(s string) (bool, error) {
	word := strings.TrimFunc(s, func(r rune) bool { return r == 0 || IsWhiteSpace(r) })
	switch {
	case strings.EqualFold(word, "true") && len(word) == 4:
		return true, nil
	case strings.EqualFold(word, "false") && len(word) == 5:
		return false, nil
	}
	return false, NewException(FormatException, "String '%s' was not recognized as a valid Boolean.", s)
}

// BoolString is bool.ToString().
func BoolString(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// ParseChar is char.Parse.
func ParseChar(s string) (uint16, error) {
	if StringLength(s) != 1 {
		return 0, formatError("String must be exactly one character long.")
	}
	return CharAt(s, 0)
}
