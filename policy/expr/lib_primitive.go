package expr

import (
	"math"
	"strings"
	"unicode"

	"gatehouse/dotnet"
)

// What numbers, bool and char have besides the members of lib_number.go: constants, Parse, TryParse, formats.

// pure makes the code of a member that looks at its values only.
func pure(get func(a []Value) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return get(a), nil }
}

// tried makes TryParse of Parse: its last argument takes the result, zero when there is none.
func tried(parse Func, zero func() Value) Func {
	return func(f *Frame, a []Value) (Value, error) {
		out := len(a) - 1
		if a[0].ref == nil {
			a[out] = zero()
			return Bool(false), nil
		}
		v, err := parse(f, a[:out])
		if err != nil {
			if _, ok := err.(*LimitError); ok {
				return Null, err
			}
			a[out] = zero()
			return Bool(false), nil
		}
		a[out] = v
		return Bool(true), nil
	}
}

// parsing gives Parse and TryParse of a type, with and without a format provider, which does nothing.
func parsing(word string, t *Type, parse func(s string) (Value, error)) []row {
	code := func(_ *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "s")
		if err != nil {
			return Null, err
		}
		return parse(s)
	}
	try := tried(code, func() Value { return t.zero })
	return []row{
		m("static "+word+" Parse(string s)", code),
		m("static "+word+" Parse(string s, IFormatProvider provider)", code),
		m("static bool TryParse(string s, out "+word+" result)", try),
		m("static bool TryParse(string s, IFormatProvider provider, out "+word+" result)", try),
	}
}

// formatted gives ToString with a format and with a provider.
func formatted(print func(v Value, format string) (string, error)) []row {
	code := func(_ *Frame, a []Value) (Value, error) { return textOr(print(a[0], a[1].Str())) }
	return []row{
		m("string ToString(string format)", code),
		m("string ToString(string format, IFormatProvider provider)", code),
		m("string ToString(IFormatProvider provider)", func(_ *Frame, a []Value) (Value, error) { return textOr(print(a[0], "")) }),
	}
}

// comparedTo is CompareTo(object): null is less, another type is refused.
func comparedTo(name string) row {
	return m("int CompareTo(object value)", func(f *Frame, a []Value) (Value, error) {
		if a[1].ref == nil {
			return Int(1), nil
		}
		if typeOf(a[0]) != typeOf(a[1]) {
			return Null, dotnet.Argument("Object must be of type "+name+".", "")
		}
		return compareTo(f, a)
	})
}

var kindOfWord = map[string]*Type{"sbyte": sbyteType, "byte": byteType, "short": shortType, "ushort": ushortType, "int": intType, "uint": uintType,
	"long": longType, "ulong": ulongType, "float": floatType, "double": doubleType}

func integerMembers(word string) []row {
	t := kindOfWord[word]
	k := intKinds[t.kind]
	least, most := int64(0), int64(-1)
	if k.Signed {
		least, most = math.MinInt64>>(64-k.Bits), math.MaxInt64>>(64-k.Bits)
	} else if k.Bits < 64 {
		most = 1<<k.Bits - 1
	}
	list := []row{
		c("const "+word+" MinValue", Value{t, least}),
		c("const "+word+" MaxValue", Value{t, most}),
		comparedTo(simpleName(t.name)),
	}
	list = append(list, parsing(word, t, func(s string) (Value, error) {
		n, err := dotnet.ParseInt(s, k)
		return Value{t, n}, err
	})...)
	return append(list, formatted(func(v Value, format string) (string, error) {
		if k.Signed {
			return dotnet.FormatInt(v.n, k.Bits, format)
		}
		return dotnet.FormatUint(uint64(v.n), format)
	})...)
}

func floatMembers(word string) []row {
	t := kindOfWord[word]
	of := func(x float64) Value {
		if t == floatType {
			return Single(float32(x))
		}
		return Double(x)
	}
	most, least := math.MaxFloat64, math.SmallestNonzeroFloat64
	smallest := math.Ldexp(1, -1022)
	if t == floatType {
		most, least, smallest = math.MaxFloat32, math.SmallestNonzeroFloat32, math.Ldexp(1, -126)
	}
	is := func(name string, test func(x float64) bool) row {
		return m("static bool "+name+"("+word+" d)", pure(func(a []Value) Value { return Bool(test(a[0].Float())) }))
	}
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	list := []row{
		c("const "+word+" MinValue", of(-most)), c("const "+word+" MaxValue", of(most)), c("const "+word+" Epsilon", of(least)), c("const "+word+" NaN", of(math.NaN())),
		c("const "+word+" PositiveInfinity", of(math.Inf(1))), c("const "+word+" NegativeInfinity", of(math.Inf(-1))),
		is("IsNaN", math.IsNaN), is("IsInfinity", func(x float64) bool { return math.IsInf(x, 0) }), is("IsPositiveInfinity", func(x float64) bool { return math.IsInf(x, 1) }),
		is("IsNegativeInfinity", func(x float64) bool { return math.IsInf(x, -1) }), is("IsFinite", finite), is("IsNegative", math.Signbit),
		is("IsNormal", func(x float64) bool { return finite(x) && math.Abs(x) >= smallest }),
		is("IsSubnormal", func(x float64) bool { return x != 0 && math.Abs(x) < smallest }),
		comparedTo(simpleName(t.name)),
	}
	list = append(list, parsing(word, t, func(s string) (Value, error) {
		if t == floatType {
			x, err := dotnet.ParseSingle(s)
			return Single(x), err
		}
		x, err := dotnet.ParseDouble(s)
		return Double(x), err
	})...)
	return append(list, formatted(func(v Value, format string) (string, error) {
		if t == floatType {
			return dotnet.FormatSingle(float32(v.Float()), format)
		}
		return dotnet.FormatDouble(v.Float(), format)
	})...)
}

func boolMembers() []row {
	list := []row{
		m("static string TrueString { get; }", zeroArgs(String("True"), nil)), m("static string FalseString { get; }", zeroArgs(String("False"), nil)), comparedTo("Boolean"),
		m("string ToString(IFormatProvider provider)", pure(func(a []Value) Value { return String(dotnet.BoolString(a[0].Bool())) })),
	}
	code := func(_ *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "value")
		if err != nil {
			return Null, err
		}
		b, err := dotnet.ParseBool(s)
		return Bool(b), err
	}
	return append(list, m("static bool Parse(string value)", code),
		m("static bool TryParse(string value, out bool result)", tried(code, func() Value { return Bool(false) })))
}

// charTests are the questions that char answers of a character.
var charTests = []struct {
	name string
	test func(r rune) bool
}{
	{"IsControl", unicode.IsControl}, {"IsDigit", unicode.IsDigit}, {"IsLetter", unicode.IsLetter},
	{"IsLetterOrDigit", func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }}, {"IsLower", unicode.IsLower}, {"IsUpper", unicode.IsUpper},
	{"IsNumber", unicode.IsNumber}, {"IsPunctuation", unicode.IsPunct}, {"IsSymbol", unicode.IsSymbol},
	{"IsSeparator", func(r rune) bool { return unicode.Is(unicode.Z, r) }}, {"IsWhiteSpace", dotnet.IsWhiteSpace},
	{"IsSurrogate", func(r rune) bool { return r >= 0xD800 && r <= 0xDFFF }}, {"IsHighSurrogate", func(r rune) bool { return r >= 0xD800 && r < 0xDC00 }},
	{"IsLowSurrogate", func(r rune) bool { return r >= 0xDC00 && r <= 0xDFFF }},
}

// characterAt is the character of a string at a position, put together when it has two halves there.
func characterAt(a []Value) (rune, error) {
	s, err := given(a[0], "s")
	if err != nil {
		return 0, err
	}
	i := int(a[1].n)
	u, err := dotnet.CharAt(s, i)
	if err != nil {
		return 0, dotnet.IndexRange("index")
	}
	if u >= 0xD800 && u < 0xDC00 {
		if low, err := dotnet.CharAt(s, i+1); err == nil && low >= 0xDC00 && low <= 0xDFFF {
			return (rune(u)-0xD800)<<10 + rune(low) - 0xDC00 + 0x10000, nil
		}
	}
	return rune(u), nil
}

func charMembers() []row {
	list := []row{
		c("const char MinValue", Char(0)), c("const char MaxValue", Char(0xFFFF)), comparedTo("Char"),
		m("static string ToString(char c)", pure(func(a []Value) Value { return String(unitText(uint16(a[0].n))) })),
		m("string ToString(IFormatProvider provider)", pure(func(a []Value) Value { return String(unitText(uint16(a[0].n))) })),
	}
	for _, t := range charTests {
		list = append(list,
			m("static bool "+t.name+"(char c)", pure(func(a []Value) Value { return Bool(t.test(rune(a[0].n))) })),
			m("static bool "+t.name+"(string s, int index)", func(_ *Frame, a []Value) (Value, error) {
				r, err := characterAt(a)
				if strings.Contains(t.name, "Surrogate") && err == nil && r >= 0x10000 {
					r = 0xD800 // asked of the unit, not of the pair
				}
				return Bool(t.test(r)), err
			}))
	}
	cased := func(change func(s string) string) Func {
		return pure(func(a []Value) Value {
			u, _ := dotnet.CharAt(change(unitText(uint16(a[0].n))), 0)
			return Char(u)
		})
	}
	parse := func(_ *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "s")
		if err != nil {
			return Null, err
		}
		u, err := dotnet.ParseChar(s)
		return Char(u), err
	}
	numeric := func(r rune) float64 {
		if unicode.IsDigit(r) {
			for zero := r; ; zero-- { // decimal digits stand in rows of ten
				if !unicode.IsDigit(zero-1) || r-zero == 9 {
					return float64(r - zero)
				}
			}
		}
		return -1
	}
	return append(list,
		m("static char ToLower(char c)", cased(dotnet.ToLowerInvariant)), m("static char ToUpper(char c)", cased(dotnet.ToUpperInvariant)),
		m("static char ToLowerInvariant(char c)", cased(dotnet.ToLowerInvariant)), m("static char ToUpperInvariant(char c)", cased(dotnet.ToUpperInvariant)),
		m("static char Parse(string s)", parse), m("static bool TryParse(string s, out char result)", tried(parse, func() Value { return Char(0) })),
		m("static double GetNumericValue(char c)", pure(func(a []Value) Value { return Double(numeric(rune(a[0].n))) })),
		m("static double GetNumericValue(string s, int index)", func(_ *Frame, a []Value) (Value, error) {
			r, err := characterAt(a)
			return Double(numeric(r)), err
		}),
		m("static bool IsSurrogatePair(char highSurrogate, char lowSurrogate)", pure(func(a []Value) Value {
			return Bool(a[0].n >= 0xD800 && a[0].n < 0xDC00 && a[1].n >= 0xDC00 && a[1].n <= 0xDFFF)
		})),
		m("static bool IsSurrogatePair(string s, int index)", func(_ *Frame, a []Value) (Value, error) {
			r, err := characterAt(a)
			return Bool(r >= 0x10000), err
		}),
		m("static string ConvertFromUtf32(int utf32)", func(_ *Frame, a []Value) (Value, error) {
			if r := a[0].n; r < 0 || r > unicode.MaxRune || r >= 0xD800 && r <= 0xDFFF {
				return Null, dotnet.OutOfRange("A valid UTF32 value is between 0x000000 and 0x10ffff, inclusive, and should not include surrogate codepoint values (0x00d800 ~ 0x00dfff).", "utf32")
			}
			return String(string(rune(a[0].n))), nil
		}),
		m("static int ConvertToUtf32(string s, int index)", func(_ *Frame, a []Value) (Value, error) {
			r, err := characterAt(a)
			if err == nil && r >= 0xD800 && r <= 0xDFFF {
				return Null, dotnet.Argument("Found a surrogate char without its partner at index "+itoa(int(a[1].n))+".", "s")
			}
			return Int(int(r)), err
		}),
		m("static int ConvertToUtf32(char highSurrogate, char lowSurrogate)", func(_ *Frame, a []Value) (Value, error) {
			high, low := a[0].n, a[1].n
			switch {
			case high < 0xD800 || high >= 0xDC00:
				return Null, dotnet.OutOfRange("A valid high surrogate character is between 0xd800 and 0xdbff, inclusive.", "highSurrogate")
			case low < 0xDC00 || low > 0xDFFF:
				return Null, dotnet.OutOfRange("A valid low surrogate character is between 0xdc00 and 0xdfff, inclusive.", "lowSurrogate")
			}
			return Int(int((high-0xD800)<<10 + low - 0xDC00 + 0x10000)), nil
		}),
	)
}

// decimalOr makes a value of what decimal arithmetic says.
func decimalOr(d dotnet.Decimal, err error) (Value, error) {
	if err != nil {
		return Null, err
	}
	return decimalValue(d), nil
}

func decimalMembers() []row {
	one := func(op func(d dotnet.Decimal) dotnet.Decimal) Func {
		return pure(func(a []Value) Value { return decimalValue(op(decimalOf(a[0]))) })
	}
	two := func(op func(a, b dotnet.Decimal) (dotnet.Decimal, error)) Func {
		return func(_ *Frame, a []Value) (Value, error) { return decimalOr(op(decimalOf(a[0]), decimalOf(a[1]))) }
	}
	convert := func(_ *Frame, a []Value) (Value, error) {
		if t, ok := a[0].ref.(*Type); ok {
			switch t.kind {
			case kFloat:
				return decimalOr(dotnet.DecimalOfSingle(float32(a[0].Float())))
			case kDouble:
				return decimalOr(dotnet.DecimalOfDouble(a[0].Float()))
			case kULong, kUInt:
				return decimalValue(dotnet.DecimalOfUint(uint64(a[0].n))), nil
			}
		}
		return decimalValue(dotnet.DecimalOf(a[0].n)), nil
	}
	list := []row{
		c("const decimal Zero", decimalValue(dotnet.Decimal{})), c("const decimal One", decimalValue(dotnet.DecimalOf(1))), c("const decimal MinusOne", decimalValue(dotnet.DecimalOf(-1))),
		c("const decimal MaxValue", decimalValue(dotnet.MaxDecimal)), c("const decimal MinValue", decimalValue(dotnet.MinDecimal)), comparedTo("Decimal"),
		m("Decimal(int value)", convert), m("Decimal(uint value)", convert), m("Decimal(long value)", convert), m("Decimal(ulong value)", convert), m("Decimal(float value)", convert), m("Decimal(double value)", convert),
		m("Decimal(int lo, int mid, int hi, bool isNegative, byte scale)", func(_ *Frame, a []Value) (Value, error) {
			return decimalOr(dotnet.NewDecimal(int32(a[0].n), int32(a[1].n), int32(a[2].n), a[3].Bool(), uint8(a[4].n)))
		}),
		m("Decimal(int[] bits)", func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("bits")
			}
			items, _ := elements(a[0])
			bits := make([]int32, len(items))
			for i, v := range items {
				bits[i] = int32(v.n)
			}
			return decimalOr(dotnet.DecimalFromBits(bits))
		}),
		m("static int[] GetBits(decimal d)", pure(func(a []Value) Value {
			var items []Value
			for _, b := range decimalOf(a[0]).Bits() {
				items = append(items, Int(int(b)))
			}
			return arrayFrom(intType, items)
		})),
		m("static decimal Add(decimal d1, decimal d2)", two(dotnet.Decimal.Add)), m("static decimal Subtract(decimal d1, decimal d2)", two(dotnet.Decimal.Sub)),
		m("static decimal Multiply(decimal d1, decimal d2)", two(dotnet.Decimal.Mul)), m("static decimal Divide(decimal d1, decimal d2)", two(dotnet.Decimal.Div)),
		m("static decimal Remainder(decimal d1, decimal d2)", two(dotnet.Decimal.Rem)),
		m("static decimal Negate(decimal d)", one(dotnet.Decimal.Neg)), m("static decimal Floor(decimal d)", one(dotnet.Decimal.Floor)),
		m("static decimal Ceiling(decimal d)", one(dotnet.Decimal.Ceiling)), m("static decimal Truncate(decimal d)", one(dotnet.Decimal.Truncate)),
		m("static int Compare(decimal d1, decimal d2)", pure(func(a []Value) Value { return Int(decimalOf(a[0]).Cmp(decimalOf(a[1]))) })),
		m("static bool Equals(decimal d1, decimal d2)", pure(func(a []Value) Value { return Bool(decimalOf(a[0]).Cmp(decimalOf(a[1])) == 0) })),
		m("static decimal Round(decimal d)", roundDecimal), m("static decimal Round(decimal d, int decimals)", roundDecimal),
		m("static decimal Round(decimal d, MidpointRounding mode)", roundDecimal), m("static decimal Round(decimal d, int decimals, MidpointRounding mode)", roundDecimal),
		m("static double ToDouble(decimal d)", pure(func(a []Value) Value { return Double(decimalOf(a[0]).Float()) })),
		m("static float ToSingle(decimal d)", pure(func(a []Value) Value { return Single(float32(decimalOf(a[0]).Float())) })),
		m("static decimal FromOACurrency(long cy)", func(_ *Frame, a []Value) (Value, error) {
			return decimalOr(dotnet.DecimalOf(a[0].n).Div(dotnet.DecimalOf(10000)))
		}),
		m("static long ToOACurrency(decimal value)", func(_ *Frame, a []Value) (Value, error) {
			d, err := decimalOf(a[0]).Mul(dotnet.DecimalOf(10000))
			if err != nil {
				return Null, dotnet.OverflowOf("a Currency")
			}
			n, err := dotnet.DecimalToInt(d, dotnet.Int64)
			return Long(n), err
		}),
	}
	for name, word := range map[string]string{"ToByte": "byte", "ToSByte": "sbyte", "ToInt16": "short", "ToUInt16": "ushort", "ToInt32": "int", "ToUInt32": "uint", "ToInt64": "long", "ToUInt64": "ulong"} {
		t := kindOfWord[word]
		list = append(list, m("static "+word+" "+name+"(decimal d)", func(_ *Frame, a []Value) (Value, error) {
			n, err := decimalOf(a[0]).Int(intKinds[t.kind])
			return Value{t, n}, err
		}))
	}
	list = append(list, parsing("decimal", decimalType, func(s string) (Value, error) { return decimalOr(dotnet.ParseDecimal(s)) })...)
	return append(list, formatted(func(v Value, format string) (string, error) { return decimalOf(v).Format(format) })...)
}

// roundDecimal is Round of a decimal: then the number of digits and how, where they are given.
func roundDecimal(_ *Frame, a []Value) (Value, error) {
	digits, mode := rounding(a[1:])
	return decimalOr(decimalOf(a[0]).Round(digits, mode))
}

// rounding reads the arguments of Round after the number.
func rounding(a []Value) (digits int, mode dotnet.MidpointRounding) {
	for _, v := range a {
		if v.ref == intType {
			digits = int(v.n)
		} else {
			mode = dotnet.MidpointRounding(v.n)
		}
	}
	return digits, mode
}
