package dotnet

import (
	"math"
	"strconv"
	"strings"
)

// maxPrecision bounds the precision of a standard format. .NET goes to 999,999,999; nobody who means well needs it.
const maxPrecision = 100_000

// number is a value as digits: 0.d1d2d3... times ten to the scale. Zero has no digits.
type number struct {
	digits  []byte // '0' to '9'
	scale   int
	neg     bool
	float   bool // digits were rounded exactly by their maker, and there is a negative zero
	decimal bool // trailing zeros count
}

func (n *number) digit(i int) (byte, bool) {
	if i < len(n.digits) {
		return n.digits[i], true
	}
	return '0', false
}

func intNumber(abs uint64, neg bool) *number {
	n := &number{neg: neg}
	if abs != 0 {
		n.digits = strconv.AppendUint(nil, abs, 10)
	}
	n.scale = len(n.digits)
	return n
}

// FormatInt is ToString(format) of a signed integer type of so many bits.
func FormatInt(v int64, bits int, format string) (string, error) {
	if format == "" {
		return strconv.FormatInt(v, 10), nil
	}
	mask := uint64(math.MaxUint64) >> (64 - bits)
	return formatInteger(absolute(v), v < 0, uint64(v)&mask, format)
}

// FormatUint is ToString(format) of an unsigned integer type.
func FormatUint(v uint64, format string) (string, error) {
	if format == "" {
		return strconv.FormatUint(v, 10), nil
	}
	return formatInteger(v, false, v, format)
}

func absolute(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func formatInteger(abs uint64, neg bool, raw uint64, format string) (string, error) {
	specifier, precision, err := parseSpecifier(format)
	if err != nil {
		return "", err
	}
	switch {
	case specifier == 'D' || specifier == 'd' || (specifier == 'G' || specifier == 'g') && precision < 1:
		return sign(neg) + zeroPad(strconv.FormatUint(abs, 10), precision), nil
	case specifier == 'x':
		return zeroPad(strconv.FormatUint(raw, 16), precision), nil
	case specifier == 'X':
		return zeroPad(strings.ToUpper(strconv.FormatUint(raw, 16)), precision), nil
	case specifier == 'B' || specifier == 'b':
		return zeroPad(strconv.FormatUint(raw, 2), precision), nil
	case specifier == 'R' || specifier == 'r':
		return "", badSpecifier()
	}
	return intNumber(abs, neg).format(specifier, precision, format)
}

func sign(neg bool) string {
	if neg {
		return "-"
	}
	return ""
}

func zeroPad(s string, width int) string {
	return strings.Repeat("0", max(0, width-len(s))) + s
}

func badSpecifier() *Exception { return formatError("Format specifier was invalid.") }

// parseSpecifier takes a standard format apart; a specifier of 0 says that the format is a custom one. Without a precision it
// is -1.
func parseSpecifier(format string) (specifier byte, precision int, err error) {
	if format == "" || format[0] == 0 {
		return 'G', -1, nil
	}
	c := format[0]
	if c|0x20 < 'a' || c|0x20 > 'z' {
		return 0, -1, nil
	}
	if len(format) == 1 {
		return c, -1, nil
	}
	for i := 1; i < len(format); i++ {
		d := format[i]
		if d < '0' || d > '9' {
			return 0, -1, nil
		}
		if precision = precision*10 + int(d-'0'); precision > maxPrecision {
			return 0, 0, badSpecifier()
		}
	}
	return c, precision, nil
}

// FormatDouble is double.ToString(format).
func FormatDouble(x float64, format string) (string, error) { return formatFloat(x, 64, format) }

// FormatSingle is float.ToString(format).
func FormatSingle(x float32, format string) (string, error) {
	return formatFloat(float64(x), 32, format)
}

// DoubleString is double.ToString(): the shortest text that reads back as the same number.
func DoubleString(x float64) string { s, _ := formatFloat(x, 64, ""); return s }

// SingleString is float.ToString().
func SingleString(x float32) string { s, _ := formatFloat(float64(x), 32, ""); return s }

// floatDigits makes digits of x: fmt 'e' with so many significant digits after the first, 'f' with so many decimals, -1 the
// fewest that tell x from its neighbours. Rounding is exact, half to even, as .NET has it since Core 3.0.
func floatDigits(x float64, bits int, how byte, precision int) *number {
	n := &number{neg: math.Signbit(x), float: true}
	text := strconv.AppendFloat(nil, math.Abs(x), how, precision, bits)
	if how == 'e' {
		at := len(text) - 1
		for text[at] != 'e' {
			at--
		}
		exponent, _ := strconv.Atoi(string(text[at+1:]))
		n.scale, text = exponent+1, text[:at]
	} else {
		n.scale = len(text)
		if precision > 0 {
			n.scale -= precision + 1
		}
	}
	for _, c := range text {
		if c == '.' || c == '0' && len(n.digits) == 0 {
			if c == '0' {
				n.scale--
			}
			continue
		}
		n.digits = append(n.digits, c)
	}
	n.trim()
	return n
}

// trim cuts zeros at the end, and says what zero looks like.
func (n *number) trim() {
	for len(n.digits) > 0 && n.digits[len(n.digits)-1] == '0' {
		n.digits = n.digits[:len(n.digits)-1]
	}
	if len(n.digits) == 0 {
		n.scale = 0
		if !n.float {
			n.neg = false
		}
	}
}

func formatFloat(x float64, bits int, format string) (string, error) {
	switch {
	case math.IsNaN(x):
		return "NaN", nil
	case math.IsInf(x, 1):
		return "Infinity", nil
	case math.IsInf(x, -1):
		return "-Infinity", nil
	}
	specifier, precision, err := parseSpecifier(format)
	if err != nil {
		return "", err
	}
	custom, roundTrip := 15, 17
	if bits == 32 {
		custom, roundTrip = 7, 9
	}
	switch specifier {
	case 0:
		return floatDigits(x, bits, 'e', custom-1).formatCustom(format)
	case 'E', 'e':
		if precision < 0 {
			precision = 6
		}
		return floatDigits(x, bits, 'e', precision).format(specifier, precision, format)
	case 'G', 'g', 'R', 'r':
		if precision <= 0 || specifier|0x20 == 'r' {
			n := floatDigits(x, bits, 'e', -1)
			return n.format('G'|specifier&0x20, max(len(n.digits), roundTrip), format)
		}
		return floatDigits(x, bits, 'e', precision-1).format(specifier, precision, format)
	case 'C', 'c', 'F', 'f', 'N', 'n', 'P', 'p':
		if precision < 0 {
			precision = 2
		}
		if specifier|0x20 == 'p' {
			return floatDigits(x, bits, 'f', precision+2).format(specifier, precision, format)
		}
		return floatDigits(x, bits, 'f', precision).format(specifier, precision, format)
	}
	return "", badSpecifier()
}

// format prints the number in a standard format, or the custom one when the specifier is 0.
func (n *number) format(specifier byte, precision int, format string) (string, error) {
	if specifier == 0 {
		return n.formatCustom(format)
	}
	var b strings.Builder
	switch specifier {
	case 'C', 'c':
		n.fixDecimals(&precision)
		if n.neg {
			b.WriteString("(¤")
			n.writeFixed(&b, precision, true)
			b.WriteByte(')')
		} else {
			b.WriteString("¤")
			n.writeFixed(&b, precision, true)
		}
	case 'F', 'f', 'N', 'n':
		n.fixDecimals(&precision)
		b.WriteString(sign(n.neg))
		n.writeFixed(&b, precision, specifier|0x20 == 'n')
	case 'P', 'p':
		if len(n.digits) > 0 {
			n.scale += 2
		}
		n.fixDecimals(&precision)
		b.WriteString(sign(n.neg))
		n.writeFixed(&b, precision, true)
		b.WriteString(" %")
	case 'E', 'e':
		if precision < 0 {
			precision = 6
		}
		n.round(precision + 1)
		b.WriteString(sign(n.neg))
		n.writeScientific(&b, precision, specifier)
	case 'G', 'g':
		n.writeGeneral(&b, precision, specifier-'G'+'E')
	default:
		return "", badSpecifier()
	}
	return b.String(), nil
}

// fixDecimals rounds to so many decimals, two when precision is not given.
func (n *number) fixDecimals(precision *int) {
	if *precision < 0 {
		*precision = 2
	}
	n.round(n.scale + *precision)
}

// round keeps so many digits. Half goes up, away from zero; the digits of floating-point numbers have been rounded before.
func (n *number) round(keep int) {
	if n.float {
		if keep < len(n.digits) {
			n.digits = n.digits[:max(keep, 0)]
		}
		n.trim()
		return
	}
	n.roundHalfUp(keep)
}

func (n *number) roundHalfUp(keep int) {
	if keep >= 0 && keep < len(n.digits) && n.digits[keep] >= '5' {
		i := keep
		for i > 0 && n.digits[i-1] == '9' {
			i--
		}
		if i > 0 {
			n.digits[i-1]++
			n.digits = n.digits[:i]
		} else {
			n.digits, n.scale = append(n.digits[:0], '1'), n.scale+1
		}
		return
	}
	if keep < len(n.digits) {
		n.digits = n.digits[:max(keep, 0)]
	}
	n.trim()
}

func (n *number) writeFixed(b *strings.Builder, decimals int, group bool) {
	at := 0
	if n.scale <= 0 {
		b.WriteByte('0')
	}
	for left := n.scale; left > 0; left-- {
		d, ok := n.digit(at)
		if ok {
			at++
		}
		b.WriteByte(d)
		if group && left > 1 && left%3 == 1 {
			b.WriteByte(',')
		}
	}
	if decimals <= 0 {
		return
	}
	b.WriteByte('.')
	zeros := min(max(-n.scale, 0), decimals)
	b.WriteString(strings.Repeat("0", zeros))
	for range decimals - zeros {
		d, _ := n.digit(at)
		b.WriteByte(d)
		at++
	}
}

func (n *number) writeScientific(b *strings.Builder, decimals int, e byte) {
	d, _ := n.digit(0)
	b.WriteByte(d)
	if decimals > 0 {
		b.WriteByte('.')
	}
	for i := range decimals {
		d, _ := n.digit(i + 1)
		b.WriteByte(d)
	}
	exponent := 0
	if len(n.digits) > 0 {
		exponent = n.scale - 1
	}
	writeExponent(b, exponent, e, 3, true)
}

func writeExponent(b *strings.Builder, exponent int, e byte, width int, plus bool) {
	b.WriteByte(e)
	if exponent < 0 {
		b.WriteByte('-')
		exponent = -exponent
	} else if plus {
		b.WriteByte('+')
	}
	b.WriteString(zeroPad(strconv.Itoa(exponent), width))
}

// writeGeneral prints with so many significant digits, scientific when the exponent is out of their reach. A decimal without
// a precision is written out in full, zeros at the end included.
func (n *number) writeGeneral(b *strings.Builder, precision int, e byte) {
	plain := false
	switch {
	case precision < 1 && n.decimal && precision == -1:
		plain = true
		n.neg = n.neg && len(n.digits) > 0
	default:
		if precision < 1 {
			precision = len(n.digits)
		}
		n.round(precision)
	}
	b.WriteString(sign(n.neg))
	left, at := n.scale, 0
	scientific := !plain && (left > precision || left < -3)
	if scientific {
		left = 1
	}
	if left <= 0 {
		b.WriteByte('0')
	}
	for ; left > 0; left-- {
		d, ok := n.digit(at)
		if ok {
			at++
		}
		b.WriteByte(d)
	}
	if at < len(n.digits) || left < 0 {
		b.WriteByte('.')
		b.WriteString(strings.Repeat("0", -left))
		b.Write(n.digits[min(at, len(n.digits)):])
	}
	if scientific {
		writeExponent(b, n.scale-1, e, 2, true)
	}
}
