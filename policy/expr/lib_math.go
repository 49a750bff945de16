package expr

import (
	"math"
	"math/rand/v2"

	"gatehouse/dotnet"
)

// System.Math and System.Random.

var mathDecls = []Decl{
	{Head: "enum System.MidpointRounding { ToEven, AwayFromZero, ToZero, ToNegativeInfinity, ToPositiveInfinity }"},
	{Head: "static class System.Math", Members: mathMembers()},
	{Head: "class System.Random", Type: randomType, Members: members{
		m("Random()", newRandom), m("Random(int Seed)", newRandom),
		m("static Random Shared { get; }", newRandom),
		m("int Next()", pure(func([]Value) Value { return Int(rand.IntN(math.MaxInt32)) })),
		m("int Next(int maxValue)", func(_ *Frame, a []Value) (Value, error) {
			if a[1].n < 0 {
				return Null, dotnet.OutOfRange("'maxValue' must be greater than zero.", "maxValue")
			}
			return Int(int(between(0, a[1].n))), nil
		}),
		m("int Next(int minValue, int maxValue)", func(_ *Frame, a []Value) (Value, error) {
			if a[1].n > a[2].n {
				return Null, dotnet.OutOfRange("'minValue' cannot be greater than maxValue.", "minValue")
			}
			return Int(int(between(a[1].n, a[2].n))), nil
		}),
		m("long NextInt64()", pure(func([]Value) Value { return Long(rand.Int64N(math.MaxInt64)) })),
		m("long NextInt64(long maxValue)", func(_ *Frame, a []Value) (Value, error) {
			if a[1].n < 0 {
				return Null, dotnet.OutOfRange("'maxValue' must be greater than zero.", "maxValue")
			}
			return Long(between(0, a[1].n)), nil
		}),
		m("long NextInt64(long minValue, long maxValue)", func(_ *Frame, a []Value) (Value, error) {
			if a[1].n > a[2].n {
				return Null, dotnet.OutOfRange("'minValue' cannot be greater than maxValue.", "minValue")
			}
			return Long(between(a[1].n, a[2].n)), nil
		}),
		m("double NextDouble()", pure(func([]Value) Value { return Double(rand.Float64()) })),
		m("float NextSingle()", pure(func([]Value) Value { return Single(rand.Float32()) })),
		m("void NextBytes(byte[] buffer)", func(f *Frame, a []Value) (Value, error) {
			b, ok := a[1].ByteSlice()
			if !ok {
				return Null, dotnet.ArgumentNull("buffer")
			}
			for i := range b {
				b[i] = byte(rand.Uint32())
			}
			return Null, f.Step(len(b) / 16)
		}),
	}},
}

// random is a System.Random. Seeds do not make it repeat itself (policy-expressions.md 5).
type random struct{ _ byte }

var randomType = new(Type)

func (*random) dotnetType() *Type { return randomType }

func newRandom(*Frame, []Value) (Value, error) { return Object(&random{}), nil }

// between is a number from least up to, but not with, most.
func between(least, most int64) int64 {
	if least == most {
		return least
	}
	return least + int64(rand.Uint64N(uint64(most)-uint64(least)))
}

// numberWords are the types that Math has overloads for.
var numberWords = []string{"sbyte", "byte", "short", "ushort", "int", "uint", "long", "ulong", "float", "double", "decimal"}

func mathMembers() members {
	list := members{c("const double PI", Double(math.Pi)), c("const double E", Double(math.E)), c("const double Tau", Double(2*math.Pi))}
	one := func(name string, f func(float64) float64) {
		list = append(list, m("static double "+name+"(double a)", pure(func(a []Value) Value { return Double(f(a[0].Float())) })))
	}
	for name, f := range map[string]func(float64) float64{"Acos": math.Acos, "Acosh": math.Acosh, "Asin": math.Asin, "Asinh": math.Asinh, "Atan": math.Atan, "Atanh": math.Atanh,
		"Cbrt": math.Cbrt, "Cos": math.Cos, "Cosh": math.Cosh, "Exp": math.Exp, "Log": math.Log, "Log10": math.Log10, "Log2": math.Log2, "Sin": math.Sin, "Sinh": math.Sinh,
		"Sqrt": math.Sqrt, "Tan": math.Tan, "Tanh": math.Tanh, "Floor": math.Floor, "Ceiling": math.Ceil, "Truncate": math.Trunc,
		"BitDecrement": func(x float64) float64 { return next(x, math.Inf(-1)) }, "BitIncrement": func(x float64) float64 { return next(x, math.Inf(1)) }} {
		one(name, f)
	}
	for name, f := range map[string]func(a, b float64) float64{"Atan2": math.Atan2, "Pow": math.Pow, "IEEERemainder": math.Remainder, "CopySign": math.Copysign,
		"MaxMagnitude": func(a, b float64) float64 { return byMagnitude(a, b, 1) }, "MinMagnitude": func(a, b float64) float64 { return byMagnitude(a, b, -1) }} {
		list = append(list, m("static double "+name+"(double x, double y)", pure(func(a []Value) Value { return Double(f(a[0].Float(), a[1].Float())) })))
	}
	for name, f := range map[string]func(d dotnet.Decimal) dotnet.Decimal{"Floor": dotnet.Decimal.Floor, "Ceiling": dotnet.Decimal.Ceiling, "Truncate": dotnet.Decimal.Truncate} {
		list = append(list, m("static decimal "+name+"(decimal d)", pure(func(a []Value) Value { return decimalValue(f(decimalOf(a[0]))) })))
	}
	for _, word := range numberWords {
		list = append(list,
			m("static "+word+" Max("+word+" val1, "+word+" val2)", chosen(1)), m("static "+word+" Min("+word+" val1, "+word+" val2)", chosen(-1)),
			m("static "+word+" Clamp("+word+" value, "+word+" min, "+word+" max)", clamp))
		if word[0] == 'u' || word == "byte" {
			continue
		}
		list = append(list, m("static "+word+" Abs("+word+" value)", absolute), m("static int Sign("+word+" value)", signOf))
	}
	return append(list,
		m("static double Log(double a, double newBase)", pure(func(a []Value) Value { return Double(logBase(a[0].Float(), a[1].Float())) })),
		m("static double FusedMultiplyAdd(double x, double y, double z)", pure(func(a []Value) Value { return Double(math.FMA(a[0].Float(), a[1].Float(), a[2].Float())) })),
		m("static double ScaleB(double x, int n)", pure(func(a []Value) Value { return Double(math.Ldexp(a[0].Float(), int(a[1].n))) })),
		m("static int ILogB(double x)", pure(func(a []Value) Value { return Int(math.Ilogb(a[0].Float())) })),
		m("static long BigMul(int a, int b)", pure(func(a []Value) Value { return Long(a[0].n * a[1].n) })),
		m("static int DivRem(int a, int b, out int result)", divRem), m("static long DivRem(long a, long b, out long result)", divRem),
		m("static double Round(double a)", roundFloat), m("static double Round(double value, int digits)", roundFloat),
		m("static double Round(double value, MidpointRounding mode)", roundFloat), m("static double Round(double value, int digits, MidpointRounding mode)", roundFloat),
		m("static decimal Round(decimal d)", roundDecimal), m("static decimal Round(decimal d, int decimals)", roundDecimal),
		m("static decimal Round(decimal d, MidpointRounding mode)", roundDecimal), m("static decimal Round(decimal d, int decimals, MidpointRounding mode)", roundDecimal),
	)
}

func next(x, to float64) float64 {
	if math.IsInf(x, 0) && math.Signbit(x) == math.Signbit(to) {
		return x
	}
	return math.Nextafter(x, to)
}

func byMagnitude(a, b float64, sign float64) float64 {
	x, y := math.Abs(a), math.Abs(b)
	switch {
	case sign*x > sign*y || math.IsNaN(x):
		return a
	case x == y && sign < 0:
		return math.Min(a, b)
	case x == y:
		return math.Max(a, b)
	}
	return b
}

func logBase(a, base float64) float64 {
	switch {
	case math.IsNaN(a), math.IsNaN(base):
		return math.NaN()
	case base == 1, a != 1 && (base == 0 || math.IsInf(base, 1)):
		return math.NaN()
	}
	return math.Log(a) / math.Log(base)
}

// chosen is Max or Min. Not a number is what comes out when it is among what went in.
func chosen(sign int) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == doubleType || a[0].ref == floatType {
			x, y := a[0].Float(), a[1].Float()
			if math.IsNaN(x) || !math.IsNaN(y) && (sign > 0 && math.Max(x, y) == x && math.Signbit(math.Max(x, y)) == math.Signbit(x) || sign < 0 && math.Min(x, y) == x && math.Signbit(math.Min(x, y)) == math.Signbit(x)) {
				return a[0], nil
			}
			return a[1], nil
		}
		order, err := f.compare(a[0], a[1])
		if order*sign >= 0 {
			return a[0], err
		}
		return a[1], err
	}
}

func clamp(f *Frame, a []Value) (Value, error) {
	low, err := f.compare(a[0], a[1])
	if err != nil {
		return Null, err
	}
	if wrong, _ := f.compare(a[1], a[2]); wrong > 0 {
		least, _ := f.text(a[1])
		most, _ := f.text(a[2])
		return Null, throw(dotnet.ArgumentException, "'%s' cannot be greater than %s.", least, most)
	}
	if (a[0].ref == doubleType || a[0].ref == floatType) && math.IsNaN(a[0].Float()) {
		return a[0], nil
	}
	if low < 0 {
		return a[1], nil
	}
	if high, _ := f.compare(a[0], a[2]); high > 0 {
		return a[2], nil
	}
	return a[0], nil
}

func absolute(_ *Frame, a []Value) (Value, error) {
	t, ok := a[0].ref.(*Type)
	if !ok {
		return decimalValue(decimalOf(a[0]).Abs()), nil
	}
	switch t.kind {
	case kDouble:
		return Double(math.Abs(a[0].Float())), nil
	case kFloat:
		return Single(float32(math.Abs(a[0].Float()))), nil
	}
	if a[0].n >= 0 {
		return a[0], nil
	}
	if a[0].n == math.MinInt64>>(64-intKinds[t.kind].Bits) {
		return Null, throw(dotnet.OverflowException, "Negating the minimum value of a twos complement number is invalid.")
	}
	return Value{t, -a[0].n}, nil
}

func signOf(_ *Frame, a []Value) (Value, error) {
	t, ok := a[0].ref.(*Type)
	if !ok {
		return Int(decimalOf(a[0]).Sign()), nil
	}
	x := float64(a[0].n)
	if t.kind == kDouble || t.kind == kFloat {
		x = a[0].Float()
	}
	switch {
	case x > 0:
		return Int(1), nil
	case x < 0:
		return Int(-1), nil
	case math.IsNaN(x):
		return Null, throw(dotnet.ArithmeticException, "Function does not accept floating point Not-a-Number values.")
	}
	return Int(0), nil
}

func divRem(_ *Frame, a []Value) (Value, error) {
	t := a[0].ref.(*Type)
	switch {
	case a[1].n == 0:
		return Null, dotnet.DivideByZero()
	case a[1].n == -1 && a[0].n == math.MinInt64>>(64-intKinds[t.kind].Bits):
		return Null, dotnet.Overflow()
	}
	a[2] = Value{t, a[0].n % a[1].n}
	return Value{t, a[0].n / a[1].n}, nil
}

func roundFloat(_ *Frame, a []Value) (Value, error) {
	digits, mode := rounding(a[1:])
	x, err := dotnet.RoundFloat(a[0].Float(), digits, mode)
	return Double(x), err
}
