package dotnet

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Decimal is System.Decimal: a whole number of 96 bits divided by ten to the scale, 0 to 28. The scale is kept: 1.50 is not
// printed as 1.5. The zero Decimal is 0.
type Decimal struct {
	hi    uint32
	lo    uint64
	scale uint8
	neg   bool
}

const maxScale = 28

var (
	maxMantissa = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))
	bigTen      = big.NewInt(10)
)

// MaxDecimal and MinDecimal are the ends of the type.
var (
	MaxDecimal = Decimal{hi: math.MaxUint32, lo: math.MaxUint64}
	MinDecimal = Decimal{hi: math.MaxUint32, lo: math.MaxUint64, neg: true}
)

// DecimalOf converts an integer.
func DecimalOf(v int64) Decimal { return Decimal{lo: absolute(v), neg: v < 0} }

// DecimalOfUint converts an unsigned integer.
func DecimalOfUint(v uint64) Decimal { return Decimal{lo: v} }

// NewDecimal is new Decimal(lo, mid, hi, isNegative, scale).
func NewDecimal(lo, mid, hi int32, neg bool, scale uint8) (Decimal, error) {
	if scale > maxScale {
		return Decimal{}, OutOfRange("Decimal's scale value must be between 0 and 28, inclusive.", "scale")
	}
	return Decimal{hi: uint32(hi), lo: uint64(uint32(mid))<<32 | uint64(uint32(lo)), scale: scale, neg: neg}, nil
}

// Bits is decimal.GetBits: low, middle, high, flags.
func (d Decimal) Bits() [4]int32 {
	flags := uint32(d.scale) << 16
	if d.neg {
		flags |= 1 << 31
	}
	return [4]int32{int32(uint32(d.lo)), int32(uint32(d.lo >> 32)), int32(d.hi), int32(flags)}
}

// DecimalFromBits is new Decimal(int[]).
func DecimalFromBits(b []int32) (Decimal, error) {
	if len(b) == 4 {
		flags := uint32(b[3])
		if flags&0x7F00FFFF == 0 && flags>>16&0xFF <= maxScale {
			return NewDecimal(b[0], b[1], b[2], flags>>31 != 0, uint8(flags>>16))
		}
	}
	return Decimal{}, Argument("Decimal constructor requires an array or span of four valid decimal bytes.", "bits")
}

// Scale is the number of digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// IsZero reports whether the value is 0, whatever its scale.
func (d Decimal) IsZero() bool { return d.hi == 0 && d.lo == 0 }

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.IsZero():
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// mantissa gives the whole number with its sign.
func (d Decimal) mantissa() *big.Int {
	m := new(big.Int).SetUint64(uint64(d.hi))
	m.Lsh(m, 64).Or(m, new(big.Int).SetUint64(d.lo))
	if d.neg {
		m.Neg(m)
	}
	return m
}

func power(n int) *big.Int { return new(big.Int).Exp(bigTen, big.NewInt(int64(n)), nil) }

// aligned gives both whole numbers at the larger scale.
func aligned(a, b Decimal) (x, y *big.Int, scale int) {
	x, y, scale = a.mantissa(), b.mantissa(), int(max(a.scale, b.scale))
	return x.Mul(x, power(scale-int(a.scale))), y.Mul(y, power(scale-int(b.scale))), scale
}

// fit makes a decimal of an exact value, rounding half to even as far as scale and 96 bits ask for.
func fit(m *big.Int, scale int) (Decimal, error) {
	cut := max(0, scale-maxScale)
	if over := m.BitLen() - 96; over > 0 {
		cut = max(cut, over*30103/100000) // digits, rounded down; corrected below
	}
	for ; ; cut++ {
		if cut > scale && cut > 0 {
			return Decimal{}, OverflowOf("a Decimal")
		}
		q := roundQuotient(m, power(cut), ToEven)
		if q.CmpAbs(maxMantissa) <= 0 {
			return pack(q, scale-cut), nil
		}
	}
}

func pack(m *big.Int, scale int) Decimal {
	abs := new(big.Int).Abs(m)
	lo := new(big.Int).And(abs, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	return Decimal{hi: uint32(abs.Rsh(abs, 64).Uint64()), lo: lo, scale: uint8(scale), neg: m.Sign() < 0}
}

// MidpointRounding is System.MidpointRounding.
type MidpointRounding int

// The ways of rounding, with .NET's numbers.
const (
	ToEven MidpointRounding = iota
	AwayFromZero
	ToZero
	ToNegativeInfinity
	ToPositiveInfinity
)

func (m MidpointRounding) check() error {
	if m < ToEven || m > ToPositiveInfinity {
		return NewException(ArgumentException, "The value '%d' is not valid for this usage of the type MidpointRounding. (Parameter 'mode')", m)
	}
	return nil
}

// roundQuotient divides and rounds to a whole number.
func roundQuotient(m, by *big.Int, mode MidpointRounding) *big.Int {
	q, r := new(big.Int).QuoRem(m, by, new(big.Int))
	if r.Sign() == 0 {
		return q
	}
	up := false
	half := r.Lsh(r, 1).CmpAbs(by)
	switch mode {
	case ToEven:
		up = half > 0 || half == 0 && q.Bit(0) == 1
	case AwayFromZero:
		up = half >= 0
	case ToNegativeInfinity:
		up = m.Sign() < 0
	case ToPositiveInfinity:
		up = m.Sign() > 0
	}
	if up {
		q.Add(q, big.NewInt(int64(m.Sign()*by.Sign())))
	}
	return q
}

// small reports whether the values share a scale and fit a word, and what they are: most sums are like that.
func small(a, b Decimal) (x, y int64, ok bool) {
	if a.scale != b.scale || a.hi|b.hi != 0 || a.lo|b.lo >= 1<<62 {
		return 0, 0, false
	}
	x, y = int64(a.lo), int64(b.lo)
	if a.neg {
		x = -x
	}
	if b.neg {
		y = -y
	}
	return x, y, true
}

// Add is a + b.
func (d Decimal) Add(b Decimal) (Decimal, error) {
	if x, y, ok := small(d, b); ok {
		sum := DecimalOf(x + y)
		sum.scale = d.scale
		return sum, nil
	}
	x, y, scale := aligned(d, b)
	return fit(x.Add(x, y), scale)
}

// Sub is a - b.
func (d Decimal) Sub(b Decimal) (Decimal, error) { return d.Add(b.Neg()) }

// Mul is a * b.
func (d Decimal) Mul(b Decimal) (Decimal, error) {
	if d.hi|b.hi == 0 && d.scale+b.scale <= maxScale {
		if hi, lo := bits.Mul64(d.lo, b.lo); hi == 0 {
			return Decimal{lo: lo, scale: d.scale + b.scale, neg: d.neg != b.neg}, nil
		}
	}
	x := d.mantissa()
	return fit(x.Mul(x, b.mantissa()), int(d.scale)+int(b.scale))
}

// Div is a / b: exact where 28 digits are enough, else rounded half to even at the last one that 96 bits hold.
func (d Decimal) Div(b Decimal) (Decimal, error) {
	if b.IsZero() {
		return Decimal{}, DivideByZero()
	}
	x, y := d.mantissa(), b.mantissa()
	least := max(0, int(d.scale)-int(b.scale))
	at := func(scale int) *big.Int { // the dividend so that the quotient has that scale
		return new(big.Int).Mul(x, power(scale-int(d.scale)+int(b.scale)))
	}
	q, r := new(big.Int).QuoRem(at(least), y, new(big.Int))
	if r.Sign() == 0 && q.CmpAbs(maxMantissa) <= 0 {
		return pack(q, least), nil
	}
	for scale := maxScale; scale >= least; scale-- {
		q := roundQuotient(at(scale), y, ToEven)
		if q.CmpAbs(maxMantissa) <= 0 {
			return pack(q, scale).stripped(), nil
		}
	}
	// The quotient has fewer digits after the point than the operands would give it.
	for scale := least - 1; scale >= 0; scale-- {
		shift := least - scale
		q := roundQuotient(at(least), new(big.Int).Mul(y, power(shift)), ToEven)
		if q.CmpAbs(maxMantissa) <= 0 {
			return pack(q, scale), nil
		}
	}
	return Decimal{}, OverflowOf("a Decimal")
}

// stripped is d without zeros at the end.
func (d Decimal) stripped() Decimal {
	m, scale := d.mantissa(), int(d.scale)
	for scale > 0 {
		q, r := new(big.Int).QuoRem(m, bigTen, new(big.Int))
		if r.Sign() != 0 {
			break
		}
		m, scale = q, scale-1
	}
	s := pack(m, scale)
	s.neg = d.neg
	return s
}

// Rem is a % b; it takes the sign of a.
func (d Decimal) Rem(b Decimal) (Decimal, error) {
	if b.IsZero() {
		return Decimal{}, DivideByZero()
	}
	x, y, scale := aligned(d, b)
	return fit(x.Rem(x, y), scale)
}

// Neg is -a.
func (d Decimal) Neg() Decimal { d.neg = !d.neg; return d }

// Abs is Math.Abs(a).
func (d Decimal) Abs() Decimal { d.neg = false; return d }

// Cmp compares values, not scales.
func (d Decimal) Cmp(b Decimal) int {
	if x, y, ok := small(d, b); ok {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	x, y, _ := aligned(d, b)
	return x.Cmp(y)
}

// Round is decimal.Round(a, decimals, mode).
func (d Decimal) Round(decimals int, mode MidpointRounding) (Decimal, error) {
	if decimals < 0 || decimals > maxScale {
		return Decimal{}, OutOfRange("Decimal can only round to between 0 and 28 digits of precision.", "decimals")
	}
	if err := mode.check(); err != nil {
		return Decimal{}, err
	}
	if int(d.scale) <= decimals {
		return d, nil
	}
	return pack(roundQuotient(d.mantissa(), power(int(d.scale)-decimals), mode), decimals), nil
}

// Floor, Ceiling and Truncate give whole numbers of scale 0.
func (d Decimal) Floor() Decimal { r, _ := d.Round(0, ToNegativeInfinity); return r }

// Ceiling is decimal.Ceiling(a).
func (d Decimal) Ceiling() Decimal { r, _ := d.Round(0, ToPositiveInfinity); return r }

// Truncate is decimal.Truncate(a).
func (d Decimal) Truncate() Decimal { r, _ := d.Round(0, ToZero); return r }

// Int converts to an integer type, cutting the fraction off, as a cast does.
func (d Decimal) Int(k IntKind) (int64, error) {
	t := d.Truncate()
	if t.hi == 0 {
		if v, ok := k.Fit(t.neg, t.lo); ok {
			return v, nil
		}
	}
	return 0, k.Overflow()
}

// Float converts to double, the way .NET does it: in two roundings.
func (d Decimal) Float() float64 {
	x := (float64(d.lo) + float64(d.hi)*(1<<64)) / powersOfTen[d.scale]
	if d.neg {
		return -x
	}
	return x
}

var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
	1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28}

// DecimalOfDouble is (decimal)x: 15 significant digits, no zeros at the end.
func DecimalOfDouble(x float64) (Decimal, error) { return decimalOfFloat(x, 15) }

// DecimalOfSingle is (decimal)x of a float: 7 significant digits.
func DecimalOfSingle(x float32) (Decimal, error) { return decimalOfFloat(float64(x), 7) }

func decimalOfFloat(x float64, digits int) (Decimal, error) {
	if math.IsNaN(x) || math.Abs(x) >= 1<<96 {
		return Decimal{}, OverflowOf("a Decimal")
	}
	n := floatDigits(x, 64, 'e', digits-1)
	if len(n.digits) == 0 || n.scale < -maxScale-1 {
		return Decimal{}, nil
	}
	m, _ := new(big.Int).SetString(string(n.digits), 10)
	if n.neg {
		m.Neg(m)
	}
	scale := len(n.digits) - n.scale
	if scale < 0 {
		m.Mul(m, power(-scale))
		scale = 0
	}
	return fit(m, scale)
}

// ParseDecimal is decimal.Parse. Digits that do not fit are rounded away; zeros at the end are kept.
func ParseDecimal(s string) (Decimal, error) { return ParseDecimalStyle(s, NumberStyle) }

// ParseDecimalStyle is decimal.Parse with number styles.
func ParseDecimalStyle(s string, styles NumberStyles) (Decimal, error) {
	n, ok := scan(s, styles)
	if !ok {
		return Decimal{}, badInput(s)
	}
	scale := len(n.fraction) - n.exponent
	digits := strings.TrimLeft(n.whole+n.fraction, "0")
	switch {
	case digits == "":
		return Decimal{scale: uint8(min(max(scale, 0), maxScale)), neg: n.neg}, nil
	case len(digits)-scale > 29:
		return Decimal{}, OverflowOf("a Decimal")
	case len(digits)-scale < -maxScale-1:
		return Decimal{scale: maxScale, neg: n.neg}, nil
	}
	if len(digits) > 64 { // far more than counts; what is cut off only matters as more than nothing
		scale -= len(digits) - 64
		if strings.Trim(digits[64:], "0") != "" {
			digits, scale = digits[:64]+"1", scale+1
		} else {
			digits = digits[:64]
		}
	}
	m, _ := new(big.Int).SetString(digits, 10)
	if scale < 0 {
		m.Mul(m, power(-scale))
		scale = 0
	}
	if n.neg {
		m.Neg(m)
	}
	return fit(m, scale)
}

// Format is ToString(format).
func (d Decimal) Format(format string) (string, error) {
	specifier, precision, err := parseSpecifier(format)
	if err != nil {
		return "", err
	}
	n := &number{neg: d.neg, decimal: true}
	if !d.IsZero() {
		n.digits = []byte(new(big.Int).Abs(d.mantissa()).String())
	}
	n.scale = len(n.digits) - int(d.scale)
	return n.format(specifier, precision, format)
}

// String is ToString().
func (d Decimal) String() string {
	if d.scale == 0 && d.hi == 0 {
		return sign(d.neg && d.lo != 0) + strconv.FormatUint(d.lo, 10)
	}
	s, _ := d.Format("")
	return s
}
