package dotnet

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// alphabet mixes widths: ASCII, two and three bytes, a pair, halves of pairs.
var alphabet = []uint16{'a', 'b', 'A', ' ', 0xE9, 0x20AC, 0xD83D, 0xDE00, 0xD83D, 0xDE00, 0xFFFD}

func randomUnits(n int) []uint16 {
	u := make([]uint16, rand.IntN(n+1))
	for i := range u {
		u[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return u
}

// TestStringsAgainstUnits runs the functions against the same done on plain rows of units.
func TestStringsAgainstUnits(t *testing.T) {
	for range 20000 {
		u, v := randomUnits(8), randomUnits(2)
		s, w := FromUnits(u), FromUnits(v)
		if got := Units(s); !slices.Equal(got, u) {
			t.Fatalf("Units(FromUnits(%x)) = %x", u, got)
		}
		if got := Units(Concat(s, w)); !slices.Equal(got, slices.Concat(u, v)) {
			t.Fatalf("Concat(%x, %x) = %x", u, v, got)
		}
		if Concat(s, w) != FromUnits(slices.Concat(u, v)) {
			t.Fatalf("Concat(%x, %x) has two spellings", u, v)
		}
		if StringLength(s) != len(u) {
			t.Fatalf("StringLength(%x) = %d", u, StringLength(s))
		}
		from := rand.IntN(len(u) + 1)
		to := from + rand.IntN(len(u)-from+1)
		if got, err := SubstringN(s, from, to-from); err != nil || got != FromUnits(u[from:to]) {
			t.Fatalf("Substring(%x, %d, %d) = %x, %v", u, from, to-from, Units(got), err)
		}
		if got, err := Remove(s, from, to-from); err != nil || got != FromUnits(slices.Delete(slices.Clone(u), from, to)) {
			t.Fatalf("Remove(%x, %d, %d) = %x, %v", u, from, to-from, Units(got), err)
		}
		if got, err := Insert(s, from, w); err != nil || got != FromUnits(slices.Insert(slices.Clone(u), from, v...)) {
			t.Fatalf("Insert(%x, %d, %x) = %x, %v", u, from, v, Units(got), err)
		}
		if got, err := IndexOf(s, w, from, to-from, Ordinal); err != nil || got != naiveIndex(u, v, from, to) {
			t.Fatalf("IndexOf(%x, %x, %d, %d) = %d, %v", u, v, from, to-from, got, err)
		}
		if len(v) > 0 {
			last := -1
			for i := 0; i+len(v) <= len(u); i++ {
				if slices.Equal(u[i:i+len(v)], v) {
					last = i
				}
			}
			if got, err := LastIndexOf(s, w, len(u)-1, len(u), Ordinal); err != nil || got != last {
				t.Fatalf("LastIndexOf(%x, %x) = %d, %v", u, v, got, err)
			}
			if got, err := Replace(s, w, "xy", Ordinal); err != nil || got != FromUnits(naiveReplace(u, v)) {
				t.Fatalf("Replace(%x, %x) = %x", u, v, Units(got))
			}
			if got, _ := SplitChars(s, v[:1], NoLimit, 0); len(got) != count(u, v[0])+1 {
				t.Fatalf("Split(%x, %x) = %q", u, v[0], got)
			}
			if StartsWith(s, w, Ordinal) != (len(u) >= len(v) && slices.Equal(u[:len(v)], v)) {
				t.Fatalf("StartsWith(%x, %x)", u, v)
			}
		}
		for i, x := range u {
			if got, err := CharAt(s, i); err != nil || got != x {
				t.Fatalf("CharAt(%x, %d) = %x, %v", u, i, got, err)
			}
		}
		if a, b := CompareOrdinal(s, w), slices.Compare(u, v); (a < 0) != (b < 0) || (a > 0) != (b > 0) {
			t.Fatalf("CompareOrdinal(%x, %x) = %d", u, v, a)
		}
		if Compare(s, w, InvariantCulture) != -Compare(w, s, InvariantCulture) {
			t.Fatalf("Compare(%x, %x) is not antisymmetric", u, v)
		}
	}
}

func count(u []uint16, x uint16) (n int) {
	for _, y := range u {
		if x == y {
			n++
		}
	}
	return n
}

func naiveIndex(u, v []uint16, from, to int) int {
	for i := from; i+len(v) <= to; i++ {
		if slices.Equal(u[i:i+len(v)], v) {
			return i
		}
	}
	return -1
}

func naiveReplace(u, v []uint16) (out []uint16) {
	for i := 0; i < len(u); {
		if i+len(v) <= len(u) && slices.Equal(u[i:i+len(v)], v) {
			out, i = append(out, 'x', 'y'), i+len(v)
		} else {
			out, i = append(out, u[i]), i+1
		}
	}
	return out
}

func TestSplit(t *testing.T) {
	chars := func(s string) []uint16 { return Units(s) }
	for _, c := range []struct {
		s, set string
		count  int
		o      SplitOptions
		want   []string
	}{
		{"a,b,,c", ",", NoLimit, 0, []string{"a", "b", "", "c"}},
		{"", ",", NoLimit, 0, []string{""}},
		{"", ",", NoLimit, RemoveEmptyEntries, []string{}},
		{"a b\tc", "", NoLimit, 0, []string{"a", "b", "c"}},
		{"a,b,,c", ",", NoLimit, RemoveEmptyEntries, []string{"a", "b", "c"}},
		{"a,b,c", ",", 2, 0, []string{"a", "b,c"}},
		{",,a,,b,,c", ",", 2, RemoveEmptyEntries, []string{"a", "b,,c"}}, // documented: leading empties go, the rest is kept whole
		{",,a", ",", 1, RemoveEmptyEntries, []string{",,a"}},
		{"a,b", ",", 0, 0, []string{}},
		{" a , ,b ", ",", NoLimit, TrimEntries, []string{"a", "", "b"}},
		{" a , ,b ", ",", NoLimit, TrimEntries | RemoveEmptyEntries, []string{"a", "b"}},
	} {
		got, err := SplitChars(c.s, chars(c.set), c.count, c.o)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("Split(%q, %q, %d, %d) = %q, %v, want %q", c.s, c.set, c.count, c.o, got, err, c.want)
		}
	}
	// learn.microsoft.com, String.Split: "[stop]ONE[stop][stop]TWO[stop][stop][stop]THREE[stop][stop]"
	const s = "[stop]ONE[stop][stop]TWO[stop][stop][stop]THREE[stop][stop]"
	for _, c := range []struct {
		count int
		o     SplitOptions
		want  []string
	}{
		{NoLimit, 0, []string{"", "ONE", "", "TWO", "", "", "THREE", "", ""}},
		{NoLimit, RemoveEmptyEntries, []string{"ONE", "TWO", "THREE"}},
		{2, 0, []string{"", "ONE[stop][stop]TWO[stop][stop][stop]THREE[stop][stop]"}},
		{2, RemoveEmptyEntries, []string{"ONE", "TWO[stop][stop][stop]THREE[stop][stop]"}},
	} {
		if got, _ := SplitStrings(s, []string{"[stop]"}, c.count, c.o); !slices.Equal(got, c.want) {
			t.Errorf("Split(%d, %d) = %q, want %q", c.count, c.o, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	// Each before the next, as the root collation has it.
	row := []string{"", "_x", "-a", "1", "2", "a", "A", "á", "ab", "aB", "Ab", "b", "B", "éa", "f", "z", "Ω"}
	for i := range row[1:] {
		if Compare(row[i], row[i+1], CurrentCulture) >= 0 {
			t.Errorf("%q is not before %q", row[i], row[i+1])
		}
	}
	if Compare("ABC", "abc", CurrentCultureIgnoreCase) != 0 || Compare("abc", "ABC", InvariantCulture) != -1 {
		t.Error("case")
	}
	if CompareOrdinal("a", "C") != 'a'-'C' {
		t.Error("ordinal")
	}
	if !Equals("STRASSE", "strasse", OrdinalIgnoreCase) || Equals("straße", "STRASSE", OrdinalIgnoreCase) || Equals("ſ", "s", OrdinalIgnoreCase) {
		t.Error("ignore case")
	}
}

func TestStringRefusals(t *testing.T) {
	fail := func(want string, f func() (string, error)) {
		t.Helper()
		_, err := f()
		var e *Exception
		if !errors.As(err, &e) || e.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	fail("System.ArgumentOutOfRangeException: startIndex cannot be larger than length of string. (Parameter 'startIndex')",
		func() (string, error) { return Substring("abc", 4) })
	fail("System.ArgumentOutOfRangeException: Index and length must refer to a location within the string. (Parameter 'length')",
		func() (string, error) { return SubstringN("abc", 1, 3) })
	fail("System.ArgumentOutOfRangeException: StartIndex cannot be less than zero. (Parameter 'startIndex')",
		func() (string, error) { return Substring("abc", -1) })
	fail("System.ArgumentException: String cannot be of zero length. (Parameter 'oldValue')",
		func() (string, error) { return Replace("abc", "", "x", Ordinal) })
	fail("System.IndexOutOfRangeException: Index was outside the bounds of the array.",
		func() (string, error) { _, err := CharAt("abc", 3); return "", err })
	if !NewException(ArgumentNullException, "x").IsA("System.Exception") || NewException(FormatException, "x").IsA(ArgumentException) {
		t.Error("IsA")
	}
}

func TestCasing(t *testing.T) {
	for _, c := range [][3]string{{"aßéI", "AßÉI", "aßéi"}, {"ıİ", "ıİ", "ıİ"}, {"𐐨", "𐐀", "𐐨"}} {
		if ToUpperInvariant(c[0]) != c[1] || ToLowerInvariant(c[0]) != c[2] {
			t.Errorf("%s: %s %s", c[0], ToUpperInvariant(c[0]), ToLowerInvariant(c[0]))
		}
	}
	if got, _ := Replace("aXbxÉ", "x", "-", OrdinalIgnoreCase); got != "a-b-É" {
		t.Error(got)
	}
}

func FuzzStrings(f *testing.F) {
	f.Add("aé😀", "\xed\xa0\xbd", 1, 2)
	f.Fuzz(func(t *testing.T, s, v string, start, count int) {
		SubstringN(s, start, count)
		IndexOf(s, v, start, count, OrdinalIgnoreCase)
		LastIndexOf(s, v, start, count, Ordinal)
		Replace(s, v, "x", OrdinalIgnoreCase)
		SplitStrings(s, []string{v}, count, RemoveEmptyEntries)
		Compare(s, v, CurrentCulture)
		Trim(s, Units(v))
		CharAt(s, start)
	})
}
