package expr

import (
	"encoding/base64"
	"slices"
	"strings"

	"gatehouse/dotnet"
)

// Members of which there is but one of a kind: of Convert over char[], of the static classes beside Nullable and KeyValuePair, and what
// dictionaries, sets and queues have besides their interfaces.

// toBase64Chars is Convert.ToBase64CharArray: how many characters it wrote.
func toBase64Chars(f *Frame, a []Value) (Value, error) {
	b, err := section(a[:3])
	if err != nil {
		return Null, err
	}
	into, ok := a[3].ref.(*Array)
	if !ok {
		return Null, dotnet.ArgumentNull("outArray")
	}
	s := base64.StdEncoding.EncodeToString(b)
	at := a[4].n
	if at < 0 || at+int64(len(s)) > int64(len(into.Items)) {
		return Null, dotnet.OutOfRange("Either offset did not refer to a position in the string, or there is an insufficient length of destination character array.", "offsetOut")
	}
	for i := range len(s) {
		into.Items[int(at)+i] = Char(uint16(s[i]))
	}
	return Int(len(s)), f.Step(len(s) / 16)
}

// fromBase64Chars is Convert.FromBase64CharArray.
func fromBase64Chars(f *Frame, a []Value) (Value, error) {
	units, from, n := unitsOf(a[0]), a[1].n, a[2].n
	switch {
	case a[0].ref == nil:
		return Null, dotnet.ArgumentNull("inArray")
	case n < 0:
		return Null, dotnet.OutOfRange("Index was out of range. Must be non-negative and less than the size of the collection.", "length")
	case from < 0 || from+n > int64(len(units)):
		return Null, dotnet.OutOfRange("Offset and length must refer to a position in the string.", "offset")
	}
	return fromBase64(f, []Value{String(dotnet.FromUnits(units[from : from+n]))})
}

// copyUnits is string.CopyTo and StringBuilder.CopyTo.
func copyUnits(text func(v Value) string) Func {
	return func(f *Frame, a []Value) (Value, error) {
		into, ok := a[2].ref.(*Array)
		if !ok {
			return Null, dotnet.ArgumentNull("destination")
		}
		units, from, at, n := dotnet.Units(text(a[0])), a[1].n, a[3].n, a[4].n
		if from < 0 || at < 0 || n < 0 || from+n > int64(len(units)) || at+n > int64(len(into.Items)) {
			return Null, dotnet.OutOfRange("Index and count must refer to a location within the string.", "sourceIndex")
		}
		for i, u := range units[from : from+n] {
			into.Items[int(at)+i] = Char(u)
		}
		return Null, f.Step(int(n) / 16)
	}
}

// compareParts is Compare and CompareOrdinal of parts of two texts: each with its start, then a length.
func compareParts(compare func(s, t string) int) Func {
	part := func(v Value, from, n int64) (Value, error) {
		if v.ref == nil {
			return Null, nil
		}
		units := dotnet.Units(v.Str())
		if from < 0 || n < 0 || from > int64(len(units)) {
			return Null, dotnet.OutOfRange("Index was out of range. Must be non-negative and less than the size of the collection.", "indexA")
		}
		return String(dotnet.FromUnits(units[from:min(from+n, int64(len(units)))])), nil
	}
	return func(_ *Frame, a []Value) (Value, error) {
		x, err := part(a[0], a[1].n, a[4].n)
		if err != nil {
			return Null, err
		}
		y, err := part(a[2], a[3].n, a[4].n)
		return Int(compareNull(x, y, compare)), err
	}
}

// lineEndings is ReplaceLineEndings.
func lineEndings(f *Frame, a []Value) (Value, error) {
	end := "\n"
	if len(a) > 1 {
		end = a[1].Str()
	}
	s := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(a[0].Str())
	if err := f.Spend(len(s) + strings.Count(s, "\n")*len(end)); err != nil {
		return Null, err
	}
	return String(strings.ReplaceAll(s, "\n", end)), nil
}

func stringExtras() members {
	text := func(v Value) string { return v.Str() }
	behindProvider := func(f *Frame, a []Value) (Value, error) { return formatAll(f, a[1:]) }
	list := members{
		m("void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)", copyUnits(text)),
		m("string ReplaceLineEndings()", lineEndings), m("string ReplaceLineEndings(string replacementText)", lineEndings),
		m("static int CompareOrdinal(string strA, int indexA, string strB, int indexB, int length)", compareParts(dotnet.CompareOrdinal)),
		m("static int Compare(string strA, int indexA, string strB, int indexB, int length)", compareParts(func(s, t string) int { return dotnet.Compare(s, t, dotnet.CurrentCulture) })),
	}
	for _, params := range []string{"object arg0", "object arg0, object arg1", "object arg0, object arg1, object arg2", "params object[] args"} {
		list = append(list, m("static string Format(IFormatProvider provider, string format, "+params+")", behindProvider))
	}
	return list
}

func builderExtras() members {
	text := func(v Value) string { return v.ref.(*Builder).text() }
	inserted := func(f *Frame, a []Value) (Value, error) {
		s, err := writtenText(f, a[2:])
		if err != nil {
			return Null, err
		}
		b := a[0].ref.(*Builder)
		r, err := dotnet.Insert(b.text(), int(a[1].n), s)
		if err == nil {
			b.set(r)
			err = f.Spend(len(r))
		}
		return a[0], err
	}
	part := func(f *Frame, a []Value) (Value, error) {
		s, err := writtenText(f, a[1:])
		if err == nil {
			s, err = dotnet.SubstringN(s, int(a[2].n), int(a[3].n))
		}
		if err != nil {
			return Null, err
		}
		return a[0], a[0].ref.(*Builder).add(f, s)
	}
	list := members{
		m("void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)", copyUnits(text)),
		m("StringBuilder Append(StringBuilder value)", adding("")), m("StringBuilder Append(string value, int startIndex, int count)", part), m("StringBuilder Append(char[] value, int startIndex, int charCount)", part),
		m("int EnsureCapacity(int capacity)", func(_ *Frame, a []Value) (Value, error) { return Int(int(max(a[1].n, 16))), nil }), m("int MaxCapacity { get; }", zeroArgs(Int(1<<31-1), nil)),
	}
	for _, t := range []string{"bool", "char[]", "decimal", "double", "float", "int", "long", "object", "uint", "ulong"} {
		list = append(list, m("StringBuilder Insert(int index, "+t+" value)", inserted))
	}
	for _, separator := range []string{"char", "string"} {
		for _, values := range []string{"params object[] values", "params string[] values"} {
			if separator == "char" || values != "params string[] values" {
				list = append(list, m("StringBuilder AppendJoin("+separator+" separator, "+values+")", appendJoin))
			}
		}
		list = append(list, m("StringBuilder AppendJoin<T>("+separator+" separator, IEnumerable<T> values)", appendJoin))
	}
	return list
}

func appendJoin(f *Frame, a []Value) (Value, error) {
	v, err := join(f, slices.Clone(a[1:]))
	if err != nil {
		return Null, err
	}
	return a[0], a[0].ref.(*Builder).add(f, v.Str())
}

// removeOut is Dictionary.Remove(key, out value).
func removeOut(t []*Type) Func {
	get := tryGetValue(t)
	return func(f *Frame, a []Value) (Value, error) {
		had, err := get(f, a)
		if err != nil || !had.Bool() {
			return had, err
		}
		return removeKey(f, a[:2])
	}
}

// symmetricExcept keeps what is in one of two sets and not in both.
func symmetricExcept(f *Frame, a []Value) (Value, error) {
	s := a[0].ref.(*Set)
	other := newSet(s.typ)
	other.in.comparer = s.in.comparer
	items, err := collect(f, a[1])
	if err != nil {
		return Null, err
	}
	for _, v := range items {
		if fresh, err := other.add(f, v); err != nil {
			return Null, err
		} else if !fresh {
			continue
		}
		had, err := s.remove(f, v)
		if err == nil && !had {
			_, err = s.add(f, v)
		}
		if err != nil {
			return Null, err
		}
	}
	return Null, nil
}

// orNothing makes TryDequeue, TryPop and TryPeek of what throws when there is nothing.
func orNothing(take Func) Generic {
	return func(t []*Type) Func {
		return func(f *Frame, a []Value) (Value, error) {
			a[1] = t[0].defaultValue()
			if lengthOf(a[0]) == 0 {
				return Bool(false), nil
			}
			v, err := take(f, a[:1])
			a[1] = v
			return Bool(err == nil), err
		}
	}
}

var moreDecls = []Decl{
	{Head: "static class System.Nullable", Refused: "GetUnderlyingType", Members: members{
		m("static int Compare<T>(T? n1, T? n2)", func(f *Frame, a []Value) (Value, error) {
			c, err := f.compare(a[0], a[1])
			return Int(c), err
		}),
		m("static bool Equals<T>(T? n1, T? n2)", func(f *Frame, a []Value) (Value, error) {
			same, err := f.equal(a[0], a[1])
			return Bool(same), err
		}),
	}},
	{Head: "static class System.Collections.Generic.KeyValuePair", Members: members{
		g("static KeyValuePair<TKey, TValue> Create<TKey, TValue>(TKey key, TValue value)", func(t []*Type) Func {
			typ := instance(pairType, t...)
			return func(_ *Frame, a []Value) (Value, error) { return Value{&Pair{typ, a[0], a[1]}, 0}, nil }
		}),
	}},
}
