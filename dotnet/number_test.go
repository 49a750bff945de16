package dotnet

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// message returns the text of an error's exception.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestNumberFormats has the examples of learn.microsoft.com (standard-numeric-format-strings, custom-numeric-format-strings,
// Number.Formatting) in the invariant culture.
func TestNumberFormats(t *testing.T) {
	dec := func(s string) Decimal {
		d, err := ParseDecimal(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		value  any
		format string
		want   string
	}{
		{123.456, "C", "¤123.46"}, {-123.456, "C3", "(¤123.456)"}, {12345.6789, "C", "¤12,345.68"},
		{1234, "D", "1234"}, {-1234, "D6", "-001234"}, {12345, "D8", "00012345"},
		{1052.0329112756, "E", "1.052033E+003"}, {-1052.0329112756, "e2", "-1.05e+003"}, {12345.6789, "E10", "1.2345678900E+004"},
		{12345.6789, "e4", "1.2346e+004"}, {0, "E2", "0.00E+000"},
		{1234.567, "F", "1234.57"}, {1234, "F1", "1234.0"}, {-1234.56, "F4", "-1234.5600"}, {12345.6789, "F0", "12346"},
		{2.5, "F0", "2"}, {0.125, "F2", "0.12"}, {dec("2.5"), "F0", "3"}, {dec("0.125"), "F2", "0.13"}, {-0.001, "F2", "-0.00"},
		{-123.456, "G", "-123.456"}, {123.4546, "G4", "123.5"}, {-1.234567890e-25, "G", "-1.23456789E-25"},
		{12345.6789, "G7", "12345.68"}, {123456789, "G7", "1.234568E+08"}, {123456789, "g3", "1.23e+08"},
		{1e15, "", "1000000000000000"}, {1e17, "", "1E+17"}, {0.0001, "", "0.0001"}, {0.00001, "", "1E-05"},
		{123456789012345680.0, "", "1.2345678901234568E+17"}, {-60.0, "", "-60"}, {0.30000000000000004, "", "0.30000000000000004"},
		{math.MaxFloat64, "", "1.7976931348623157E+308"}, {5e-324, "", "5E-324"}, {math.Copysign(0, -1), "", "-0"},
		{float32(3.4028235e38), "", "3.4028235E+38"}, {float32(0.1), "", "0.1"}, {float32(16777216), "", "16777216"},
		{1234.567, "N", "1,234.57"}, {1234, "N1", "1,234.0"}, {-1234.56, "N3", "-1,234.560"}, {123456789, "N4", "123,456,789.0000"},
		{1, "P", "100.00 %"}, {-0.39678, "P1", "-39.7 %"}, {0.2468013, "P3", "24.680 %"},
		{123456789.12345678, "R", "123456789.12345678"}, {1.0, "R", "1"},
		{255, "X", "FF"}, {-1, "x", "ffffffff"}, {255, "x4", "00ff"}, {-1, "X4", "FFFFFFFF"}, {42, "B", "101010"}, {255, "b16", "0000000011111111"},
		{1234.5678, "00000", "01235"}, {0.45678, "0.00", "0.46"}, {1234.5678, "#####", "1235"}, {0.45678, "#.##", ".46"},
		{2147483647, "##,#", "2,147,483,647"}, {2147483647, "#,#,,", "2,147"}, {0.3697, "%#0.00", "%36.97"}, {0.3697, "##.0 %", "37.0 %"},
		{0.03697, "#0.00‰", "36.97‰"}, {987654, "#0.0e0", "98.8e4"}, {1503.92311, "0.0##e+00", "1.504e+03"},
		{1.8901385e-16, "0.0e+00", "1.9e-16"}, {987654, `\###00\#`, "#987654#"}, {68, "# 'degrees'", "68 degrees"},
		{12.345, "#0.0#;(#0.0#);-\\0-", "12.35"}, {0, "#0.0#;(#0.0#);-\\0-", "-0-"}, {-12.345, "#0.0#;(#0.0#);-\\0-", "(12.35)"},
		{12.345, "#0.0#;(#0.0#)", "12.35"}, {0, "#0.0#;(#0.0#)", "0.0"}, {1234567890, "(###) ###-####", "(123) 456-7890"},
		{123456789, "000-00-0000", "123-45-6789"}, {1234567890, "0,,", "1235"}, {1234567890, "#,##0,,", "1,235"}, {7, "000000000", "000000007"},
		{86000, "###,###,000.##", "86,000"}, {0.5, "#", "1"}, {0, "#", ""}, {-5, "#;", "-5"}, {0.001, "0.00;-0.00;zero", "zero"},
		{math.NaN(), "F2", "NaN"}, {math.Inf(-1), "0", "-Infinity"}, {1, "a", "!Format specifier was invalid."}, {1.5, "D", "!Format specifier was invalid."},
		{dec("1.50"), "", "1.50"}, {dec("0.00"), "", "0.00"}, {dec("-0"), "", "0"}, {dec("0.0000001"), "", "0.0000001"},
		{dec("1234.50"), "G", "1234.50"}, {dec("1234.5"), "G4", "1235"}, {dec("-19.5"), "C", "(¤19.50)"}, {dec("1.5"), "R", "!Format specifier was invalid."},
		{MaxDecimal, "", "79228162514264337593543950335"}, {MaxDecimal, "N0", "79,228,162,514,264,337,593,543,950,335"},
		{uint64(math.MaxUint64), "N0", "18,446,744,073,709,551,615"}, {math.MinInt64, "", "-9223372036854775808"},
	} {
		var got string
		var err error
		switch v := c.value.(type) {
		case int:
			bits := 32
			if int(int32(v)) != v {
				bits = 64
			}
			got, err = FormatInt(int64(v), bits, c.format)
		case uint64:
			got, err = FormatUint(v, c.format)
		case float64:
			got, err = FormatDouble(v, c.format)
		case float32:
			got, err = FormatSingle(v, c.format)
		case Decimal:
			got, err = v.Format(c.format)
		}
		if err != nil {
			got = "!" + err.(*Exception).Message
		}
		if got != c.want {
			t.Errorf("(%v).ToString(%q) = %q, want %q", c.value, c.format, got, c.want)
		}
	}
}

func TestNumberParse(t *testing.T) {
	for _, c := range []struct {
		s    string
		k    IntKind
		want string
	}{
		{" -12 ", Int32, "-12"}, {"+7", Int32, "7"}, {"2147483647", Int32, "2147483647"},
		{"2147483648", Int32, "System.OverflowException: Value was either too large or too small for an Int32."},
		{"99999999999999999999999", Int64, "System.OverflowException: Value was either too large or too small for an Int64."},
		{"99999999999999999999999x", Int64, "System.FormatException: The input string '99999999999999999999999x' was not in a correct format."},
		{"-1", Byte, "System.OverflowException: Value was either too large or too small for an unsigned byte."},
		{"-0", UInt64, "0"}, {"-128", SByte, "-128"}, {"12\x00\x00", Int16, "12"},
		{"1,000", Int32, "System.FormatException: The input string '1,000' was not in a correct format."},
		{"1.0", Int32, "System.FormatException: The input string '1.0' was not in a correct format."},
		{"", Int32, "System.FormatException: The input string '' was not in a correct format."},
		{"- 1", Int32, "System.FormatException: The input string '- 1' was not in a correct format."},
	} {
		v, err := ParseInt(c.s, c.k)
		got := strconv.FormatInt(v, 10)
		if err != nil {
			got = message(err)
		}
		if got != c.want {
			t.Errorf("%s.Parse(%q) = %s, want %s", c.k.Name, c.s, got, c.want)
		}
	}
	for s, want := range map[string]float64{" 1,234.5e2 ": 123450, "-.5": -0.5, "5.": 5, "1e400": math.Inf(1), "-Infinity": math.Inf(-1),
		"1e-400": 0, "infinity": math.Inf(1), "0x10": math.NaN(), "1e": math.NaN(), "": math.NaN(), "1 2": math.NaN(), "--1": math.NaN()} {
		got, err := ParseDouble(s)
		if (err != nil) != math.IsNaN(want) || err == nil && got != want {
			t.Errorf("double.Parse(%q) = %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{" 1,234.50- ": "-1234.50", "0.10": "0.10", "1e5": "!", "79228162514264337593543950336": "!",
		"0.12345678901234567890123456789": "0.1234567890123456789012345679", "7.9228162514264337593543950335": "7.9228162514264337593543950335",
		"0.00000000000000000000000000005": "0.0000000000000000000000000000", "0.000000000000000000000000000050001": "0.0000000000000000000000000001"} {
		d, err := ParseDecimal(s)
		got := d.String()
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("decimal.Parse(%q) = %s, want %s", s, got, want)
		}
	}
	for s, want := range map[string]string{" true ": "True", "FALSE": "False", "1": "!", "": "!"} {
		b, err := ParseBool(s)
		got := BoolString(b)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("bool.Parse(%q) = %s", s, got)
		}
	}
}

func TestRoundTripFloats(t *testing.T) {
	for range 50000 {
		x := math.Float64frombits(rand.Uint64())
		if math.IsNaN(x) {
			continue
		}
		if y, err := ParseDouble(DoubleString(x)); err != nil || y != x {
			t.Fatalf("%x: %s: %x, %v", x, DoubleString(x), y, err)
		}
		f := math.Float32frombits(rand.Uint32())
		if f != f {
			continue
		}
		if g, err := ParseSingle(SingleString(f)); err != nil || g != f {
			t.Fatalf("%x: %s: %x, %v", f, SingleString(f), g, err)
		}
		v := rand.Int64() >> rand.IntN(64)
		for _, format := range []string{"", "D", "G", "N0", "0", "#,##0", "F0"} {
			s, err := FormatInt(v, 64, format)
			if back, err2 := ParseIntStyle(s, Int64, IntegerStyle|AllowThousands); err != nil || err2 != nil || back != v {
				t.Fatalf("%d in %q is %s: %v %v", v, format, s, err, err2)
			}
		}
		s, _ := FormatInt(v, 64, "X")
		if back, err := ParseIntStyle(s, Int64, AllowHexSpecifier); err != nil || back != v {
			t.Fatalf("%d is %s: %d, %v", v, s, back, err)
		}
	}
}

func randomDecimal() Decimal {
	d := Decimal{hi: rand.Uint32() >> rand.IntN(33), lo: rand.Uint64() >> rand.IntN(65), scale: uint8(rand.IntN(29)), neg: rand.IntN(2) == 0}
	if rand.IntN(3) > 0 {
		d.hi = 0
	}
	return d
}

func (d Decimal) rat() *big.Rat { return new(big.Rat).SetFrac(d.mantissa(), power(int(d.scale))) }

// TestDecimalArithmetic checks that a result is the exact one, or the nearest that fits; a result one unit of its last place
// away from exact must use its 28 places or its 96 bits up.
func TestDecimalArithmetic(t *testing.T) {
	ops := map[string]struct {
		do    func(a, b Decimal) (Decimal, error)
		exact func(z, a, b *big.Rat) *big.Rat
	}{
		"+": {Decimal.Add, (*big.Rat).Add}, "-": {Decimal.Sub, (*big.Rat).Sub},
		"*": {Decimal.Mul, (*big.Rat).Mul}, "/": {Decimal.Div, (*big.Rat).Quo},
	}
	limit := new(big.Rat).SetInt(maxMantissa)
	for range 20000 {
		a, b := randomDecimal(), randomDecimal()
		for name, op := range ops {
			if name == "/" && b.IsZero() {
				continue
			}
			want := op.exact(new(big.Rat), a.rat(), b.rat())
			got, err := op.do(a, b)
			if err != nil {
				if new(big.Rat).Abs(want).Cmp(limit) <= 0 {
					t.Fatalf("%v %s %v: %v, want %s", a, name, b, err, want.FloatString(30))
				}
				continue
			}
			diff := new(big.Rat).Sub(got.rat(), want)
			if diff.Sign() == 0 {
				continue
			}
			half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), power(int(got.scale))))
			if diff.Abs(diff).Cmp(half) > 0 {
				t.Fatalf("%v %s %v = %v, want %s", a, name, b, got, want.FloatString(40))
			}
			more := new(big.Int).Mul(got.mantissa(), bigTen)
			if got.scale < maxScale && more.CmpAbs(maxMantissa) <= 0 && name != "/" {
				t.Fatalf("%v %s %v = %v wastes digits, want %s", a, name, b, got, want.FloatString(40))
			}
		}
		if a.Cmp(b) != a.rat().Cmp(b.rat()) {
			t.Fatalf("%v <=> %v = %d", a, b, a.Cmp(b))
		}
		back, err := ParseDecimal(a.String())
		if err != nil || back.Cmp(a) != 0 || back.scale != a.scale {
			t.Fatalf("%v reads back as %v, %v", a, back, err)
		}
		if s, _ := a.Format("F28"); strings.TrimLeft(s, "-") != new(big.Rat).Abs(a.rat()).FloatString(28) {
			t.Fatalf("%v as F28: %s", a, s)
		}
	}
}

// TestDecimalDocumented has results as the C# language and class library documentation print them.
func TestDecimalDocumented(t *testing.T) {
	p := func(s string) Decimal { d, _ := ParseDecimal(s); return d }
	show := func(d Decimal, err error) string {
		if err != nil {
			return message(err)
		}
		return d.String()
	}
	for _, c := range [][2]string{
		{show(p("10.0").Div(p("4"))), "2.5"}, {show(p("1.0").Div(p("1"))), "1.0"}, {show(p("2.00").Div(p("4"))), "0.50"},
		{show(p("1").Div(p("3"))), "0.3333333333333333333333333333"}, {show(p("2").Div(p("3"))), "0.6666666666666666666666666667"},
		{show(p("5.0").Div(p("2.50"))), "2"}, {show(p("1.10").Add(p("2.2"))), "3.30"}, {show(p("1.10").Mul(p("2.0"))), "2.200"},
		{show(MaxDecimal.Add(p("1"))), "System.OverflowException: Value was either too large or too small for a Decimal."},
		{show(p("1").Div(p("0.0"))), "System.DivideByZeroException: Attempted to divide by zero."},
		{show(p("-7.5").Rem(p("2"))), "-1.5"}, {show(p("2.5").Round(0, ToEven)), "2"}, {show(p("3.45").Round(1, AwayFromZero)), "3.5"},
		{show(p("-3.45").Round(1, ToEven)), "-3.4"}, {show(DecimalOfDouble(0.30000000000000004)), "0.3"}, {show(DecimalOfDouble(1e20)), "100000000000000000000"},
		{show(DecimalOfDouble(123456789.123456789)), "123456789.123457"}, {show(DecimalOfSingle(16777216)), "16777220"},
		{p("-1.5").Floor().String(), "-2"}, {p("-1.5").Ceiling().String(), "-1"}, {p("-1.5").Truncate().String(), "-1"},
	} {
		if c[0] != c[1] {
			t.Errorf("got %s, want %s", c[0], c[1])
		}
	}
}

func FuzzNumbers(f *testing.F) {
	f.Add("1,234.5e-2", "#,##0.00;(0);'x'", 12345.678)
	f.Fuzz(func(t *testing.T, s, format string, x float64) {
		if len(format) > 20 {
			return
		}
		ParseInt(s, Int32)
		ParseDouble(s)
		d, err := ParseDecimal(s)
		if err == nil {
			if back, err := ParseDecimal(d.String()); err != nil || back.Cmp(d) != 0 {
				t.Fatalf("%q: %v %v %v", s, d, back, err)
			}
			d.Format(format)
		}
		FormatDouble(x, format)
		FormatInt(int64(math.Float64bits(x)), 64, format)
	})
}
