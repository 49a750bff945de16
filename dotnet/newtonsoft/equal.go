package newtonsoft

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"unicode"
	"unicode/utf8"

	"gatehouse/dotnet"
)

// Equal is JToken.DeepEquals. The order of an object's members does not count; a null of Go stands for C#'s.
func Equal(a, b *Token) bool {
	if a == nil || b == nil || a == b {
		return a == b
	}
	if !a.IsContainer() || !b.IsContainer() {
		return !a.IsContainer() && !b.IsContainer() && valuesEqual(a, b)
	}
	if a.typ != b.typ || len(a.items) != len(b.items) || a.typ != Object && a.name != b.name {
		return false
	}
	for i, x := range a.items {
		y := b.items[i]
		if a.typ == Object {
			y = b.Property(x.name)
		}
		if y == nil || !Equal(x, y) {
			return false
		}
	}
	return true
}

// valuesEqual is JValue.Equals: the same type and the same value; strings and numbers are compared across their Go types.
func valuesEqual(a, b *Token) bool {
	if a.typ != b.typ {
		return false
	}
	if a.value == nil || b.value == nil {
		return a.value == nil && b.value == nil
	}
	c, ok := compare(a, b)
	return ok && c == 0
}

// Compare is JValue.CompareTo: by the first token's type, or by the second's when the first is a string and the second is
// not. ok is false when the values cannot be compared, for which .NET throws.
func Compare(a, b *Token) (int, bool) {
	if a.value == nil || b.value == nil {
		return cmp.Compare(present(a), present(b)), true
	}
	return compare(a, b)
}

func present(t *Token) int {
	if t.value == nil {
		return 0
	}
	return 1
}

func compare(a, b *Token) (int, bool) {
	switch x := a.value.(type) {
	case string:
		y, ok := b.value.(string)
		return dotnet.CompareOrdinal(x, y), ok
	case bool:
		y, ok := b.value.(bool)
		return cmp.Compare(bit(x), bit(y)), ok
	case []byte:
		y, ok := b.value.([]byte)
		return bytes.Compare(x, y), ok
	}
	if x, ok := number(a.value); ok {
		y, ok := number(b.value)
		return compareNumbers(x, y), ok
	}
	return compareOther(a.value, b.value)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// number widens a value to *big.Int or float64.
func number(v any) (any, bool) {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v), true
	case uint64:
		return new(big.Int).SetUint64(v), true
	case *big.Int:
		return v, true
	case float32:
		return float64(v), true
	case float64:
		return v, true
	case dotnet.Decimal:
		return v.Float(), true
	}
	return nil, false
}

func compareNumbers(a, b any) int {
	x, xInt := a.(*big.Int)
	y, yInt := b.(*big.Int)
	if xInt && yInt {
		return x.Cmp(y)
	}
	f, g := float(a), float(b)
	if near(f, g) {
		return 0
	}
	return cmp.Compare(f, g)
}

func float(v any) float64 {
	switch v := v.(type) {
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	case float64:
		return v
	}
	return nan
}

// near is the tolerance with which Json.NET compares fractions.
func near(a, b float64) bool {
	if a == b {
		return true
	}
	epsilon := (math.Abs(a) + math.Abs(b) + 10) * 2.2204460492503131e-16
	return math.Abs(a-b) < epsilon
}

// FoldProperty finds a property without regard to case: an exact match first, then the first that folds to the name
// (JObject.Property and GetValue with a StringComparison that ignores case).
func (t *Token) FoldProperty(name string) *Token {
	if p := t.Property(name); p != nil {
		return p
	}
	for _, p := range t.items {
		if sameFold(p.name, name) {
			return p
		}
	}
	return nil
}

// sameFold compares as OrdinalIgnoreCase does: each character's upper case, no special folding.
func sameFold(a, b string) bool {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y && unicode.ToUpper(x) != unicode.ToUpper(y) {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return a == b
}

func compareOther(a, b any) (int, bool) {
	switch x := a.(type) {
	case dotnet.DateTime:
		switch y := b.(type) {
		case dotnet.DateTime:
			return x.Cmp(y), true
		case dotnet.DateTimeOffset:
			return x.Cmp(y.Clock()), true
		}
	case dotnet.DateTimeOffset:
		switch y := b.(type) {
		case dotnet.DateTime:
			return x.Cmp(dotnet.OffsetOf(y)), true
		case dotnet.DateTimeOffset:
			return x.Cmp(y), true
		}
	case dotnet.TimeSpan:
		y, ok := b.(dotnet.TimeSpan)
		return cmp.Compare(x, y), ok
	}
	return 0, false
}
