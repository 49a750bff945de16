package expr

import (
	"slices"
	"strings"

	"gatehouse/dotnet"
)

// System.String. Positions count UTF-16 units (policy-expressions.md 5); package dotnet knows how.

// ofText makes the code of a member from what a function of package dotnet says.
func ofText(get func(s string) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return get(a[0].Str()), nil }
}

func textOr(s string, err error) (Value, error) {
	if err != nil {
		return Null, err
	}
	return String(s), nil
}

func intOr(n int, err error) (Value, error) {
	if err != nil {
		return Null, err
	}
	return Int(n), nil
}

// given refuses null where .NET does.
func given(v Value, param string) (string, error) {
	if v.ref == nil {
		return "", dotnet.ArgumentNull(param)
	}
	return v.Str(), nil
}

// comparison reads a StringComparison argument.
func comparison(v Value) (dotnet.Comparison, error) {
	c := dotnet.Comparison(v.n)
	if !c.Valid() {
		return 0, dotnet.Argument("The string comparison type passed in is currently not supported.", "comparisonType")
	}
	return c, nil
}

// needle is the text that a string or char argument looks for.
func needle(v Value) (string, error) {
	if v.ref == charType {
		return unitText(uint16(v.n)), nil
	}
	return given(v, "value")
}

func unitsOf(v Value) []uint16 {
	if v.ref == charType {
		return []uint16{uint16(v.n)}
	}
	items, _ := elements(v)
	list := make([]uint16, len(items))
	for i, c := range items {
		list[i] = uint16(c.n)
	}
	return list
}

// searchedBy makes StartsWith, EndsWith and Contains; what is asked ordinally is ordinal, and so is what asks by culture
// (policy-expressions.md 5).
func searchedBy(find func(s, value string, c dotnet.Comparison) bool) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		s, err := needle(a[1])
		c := dotnet.Ordinal
		if err == nil && len(a) > 2 && a[2].ref != boolType {
			c, err = comparison(a[2])
		} else if len(a) > 2 && a[2].n != 0 {
			c = dotnet.OrdinalIgnoreCase
		}
		if err != nil {
			return Null, err
		}
		return Bool(find(a[0].Str(), s, c)), nil
	}
}

// indexed makes IndexOf: what is looked for, then start and count when they are given, then the comparison.
func indexOf(last bool) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		s, value := a[0].Str(), ""
		value, err := needle(a[1])
		if err != nil {
			return Null, err
		}
		start, count, c := 0, -1, dotnet.Ordinal
		length := dotnet.StringLength(s)
		if last {
			start = length - 1
		}
		numbers := 0
		for _, v := range a[2:] {
			if v.ref != intType {
				if c, err = comparison(v); err != nil {
					return Null, err
				}
				continue
			}
			if numbers++; numbers == 1 {
				start = int(v.n)
			} else {
				count = int(v.n)
			}
		}
		if last {
			if numbers < 2 {
				count = start + 1
			}
			if length == 0 {
				start, count = -1, 0
				if value == "" {
					return Int(0), nil
				}
				return Int(-1), nil
			}
			return intOr(dotnet.LastIndexOf(s, value, start, count, c))
		}
		if numbers < 2 {
			count = length - start
		}
		return intOr(dotnet.IndexOf(s, value, start, count, c))
	}
}

func indexOfAny(last bool) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		s := a[0].Str()
		if a[1].ref == nil {
			return Null, dotnet.ArgumentNull("anyOf")
		}
		length := dotnet.StringLength(s)
		start, count := 0, length
		if last {
			start = length - 1
		}
		if len(a) > 2 {
			start = int(a[2].n)
			count = length - start
		}
		if last {
			count = start + 1
		}
		if len(a) > 3 {
			count = int(a[3].n)
		}
		if last {
			if length == 0 {
				return Int(-1), nil
			}
			return intOr(dotnet.LastIndexOfAny(s, unitsOf(a[1]), start, count))
		}
		return intOr(dotnet.IndexOfAny(s, unitsOf(a[1]), start, count))
	}
}

// split makes Split: the separators, then a count and options in this order where they are given.
func split(f *Frame, a []Value) (Value, error) {
	count, options := 1<<31-1, dotnet.SplitOptions(0)
	for _, v := range a[2:] {
		if v.ref == intType {
			count = int(v.n)
		} else {
			options = dotnet.SplitOptions(v.n)
		}
	}
	s := a[0].Str()
	if err := f.Spend(len(s)); err != nil {
		return Null, err
	}
	var parts []string
	var err error
	switch x := a[1].ref.(type) {
	case text:
		if a[1].n == 0 {
			parts, err = dotnet.SplitStrings(s, []string{}, count, options)
			break
		}
		parts, err = dotnet.SplitStrings(s, []string{a[1].Str()}, count, options)
	case *Array:
		if x.Elem == stringType {
			list := make([]string, 0, len(x.Items))
			for _, v := range x.Items {
				list = append(list, v.Str())
			}
			parts, err = dotnet.SplitStrings(s, list, count, options)
			break
		}
		parts, err = dotnet.SplitChars(s, unitsOf(a[1]), count, options)
	case *Type:
		parts, err = dotnet.SplitChars(s, unitsOf(a[1]), count, options)
	default:
		parts, err = dotnet.SplitChars(s, nil, count, options)
	}
	if err != nil {
		return Null, err
	}
	if err := f.Spend(len(parts) * valueSize); err != nil {
		return Null, err
	}
	return Strings(parts), nil
}

// texts are ToString() of values, "" for null.
func (f *Frame) texts(items []Value) ([]string, error) {
	list := make([]string, len(items))
	size := 0
	for i, v := range items {
		s, err := f.text(v)
		if err != nil {
			return nil, err
		}
		list[i] = s
		size += len(s)
	}
	return list, f.Spend(size)
}

func concatAll(f *Frame, a []Value) (Value, error) {
	if len(a) == 1 {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("values")
		}
		if _, ok := a[0].ref.(text); !ok {
			items, err := collect(f, a[0])
			if err != nil {
				return Null, err
			}
			a = items
		}
	}
	list, err := f.texts(a)
	if err != nil {
		return Null, err
	}
	return String(dotnet.Concat(list...)), nil
}

// concatOne is Concat(object), which does not walk what it gets.
func concatOne(f *Frame, a []Value) (Value, error) {
	s, err := f.text(a[0])
	return String(s), err
}

func join(f *Frame, a []Value) (Value, error) {
	if a[1].ref == nil {
		return Null, dotnet.ArgumentNull("values")
	}
	items, err := collect(f, a[1])
	if err != nil {
		return Null, err
	}
	if len(a) > 2 {
		start, count := int(a[2].n), int(a[3].n)
		if start < 0 || count < 0 || start+count > len(items) {
			return Null, dotnet.OutOfRange("Index was out of range. Must be non-negative and less than the size of the collection.", "startIndex")
		}
		items = items[start : start+count]
	}
	list, err := f.texts(items)
	if err != nil {
		return Null, err
	}
	separator := a[0].Str()
	if a[0].ref == charType {
		separator = unitText(uint16(a[0].n))
	}
	if err := f.Spend(len(separator) * len(list)); err != nil {
		return Null, err
	}
	return String(strings.Join(list, separator)), nil
}

// formatAll is string.Format: a format and its arguments, one array or several values.
func formatAll(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("format")
	}
	args := a[1:]
	if len(args) == 1 {
		if x, ok := args[0].ref.(*Array); ok && x.Elem == objectType {
			args = x.Items
		}
	}
	c, err := dotnet.ParseComposite(a[0].Str())
	if err != nil {
		return Null, err
	}
	s, err := c.Format(len(args), func(i int, format string) (string, error) { return f.format(args[i], format) }, f.Spend)
	return textOr(s, err)
}

// compareTexts is string.Compare: two texts, then whether case counts or the comparison.
func compareTexts(_ *Frame, a []Value) (Value, error) {
	c := dotnet.CurrentCulture
	if len(a) > 2 {
		switch {
		case a[2].ref != boolType:
			var err error
			if c, err = comparison(a[2]); err != nil {
				return Null, err
			}
		case a[2].n != 0:
			c = dotnet.CurrentCultureIgnoreCase
		}
	}
	return Int(compareNull(a[0], a[1], func(s, t string) int { return dotnet.Compare(s, t, c) })), nil
}

func compareNull(v, w Value, compare func(s, t string) int) int {
	switch {
	case v.ref == nil && w.ref == nil:
		return 0
	case v.ref == nil:
		return -1
	case w.ref == nil:
		return 1
	}
	return compare(v.Str(), w.Str())
}

func equalTexts(_ *Frame, a []Value) (Value, error) {
	if len(a) < 3 {
		return Bool(sameText(a[0], a[1])), nil
	}
	c, err := comparison(a[2])
	if err != nil {
		return Null, err
	}
	if a[0].ref == nil || a[1].ref == nil {
		return Bool(a[0].ref == a[1].ref), nil
	}
	return Bool(dotnet.Equals(a[0].Str(), a[1].Str(), c)), nil
}

func trimmed(trim func(s string, set []uint16) string) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		var set []uint16
		if len(a) > 1 && a[1].ref != nil {
			set = unitsOf(a[1])
		}
		return String(trim(a[0].Str(), set)), nil
	}
}

func padded(pad func(s string, width int, fill uint16) (string, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[1].n > 0 {
			if err := f.Spend(int(a[1].n)); err != nil {
				return Null, err
			}
		}
		return textOr(pad(a[0].Str(), int(a[1].n), uint16(a[2].n)))
	}
}

func replaceText(f *Frame, a []Value) (Value, error) {
	s := a[0].Str()
	if a[1].ref == charType {
		return String(dotnet.ReplaceChar(s, uint16(a[1].n), uint16(a[2].n))), f.Spend(len(s))
	}
	old, err := given(a[1], "oldValue")
	if err != nil {
		return Null, err
	}
	c := dotnet.Ordinal
	if len(a) > 3 {
		if c, err = comparison(a[3]); err != nil {
			return Null, err
		}
	}
	with := a[2].Str()
	if len(old) > 0 && len(with) > len(old) { // what comes out may be much larger than what went in
		if err := f.Spend(strings.Count(s, old) * (len(with) - len(old))); err != nil {
			return Null, err
		}
	}
	r, err := dotnet.Replace(s, old, with, c)
	if err == nil {
		err = f.Spend(len(r))
	}
	return textOr(r, err)
}

var comparisonDecl = Decl{Head: "enum System.StringComparison { CurrentCulture, CurrentCultureIgnoreCase, InvariantCulture, InvariantCultureIgnoreCase, Ordinal, OrdinalIgnoreCase }"}

var stringDecls = []Decl{
	comparisonDecl,
	{Head: "[Flags] enum System.StringSplitOptions { None, RemoveEmptyEntries, TrimEntries }"},
	{Head: "class System.String : IEnumerable<char>, IComparable, IComparable<string>, IEquatable<string>", Type: stringType,
		Refused: "Intern IsInterned Normalize IsNormalized GetTypeCode GetPinnableReference GetEnumeratorOf", Members: append(stringMembers(), stringExtras()...)},
}

func stringMembers() members {
	substring := func(f *Frame, a []Value) (Value, error) {
		if len(a) > 2 {
			return textOr(dotnet.SubstringN(a[0].Str(), int(a[1].n), int(a[2].n)))
		}
		return textOr(dotnet.Substring(a[0].Str(), int(a[1].n)))
	}
	lower := ofText(func(s string) Value { return String(dotnet.ToLowerInvariant(s)) })
	upper := ofText(func(s string) Value { return String(dotnet.ToUpperInvariant(s)) })
	starts, ends, contains := searchedBy(dotnet.StartsWith), searchedBy(dotnet.EndsWith), searchedBy(dotnet.Contains)
	index, lastIndex := indexOf(false), indexOf(true)
	list := members{
		g("String(char c, int count)", func([]*Type) Func {
			return func(f *Frame, a []Value) (Value, error) {
				if a[1].n < 0 {
					return Null, dotnet.OutOfRange("'count' must be non-negative.", "count")
				}
				if err := f.Spend(int(a[1].n)); err != nil {
					return Null, err
				}
				return String(strings.Repeat(unitText(uint16(a[0].n)), int(a[1].n))), nil
			}
		}),
		m("String(char[] value)", func(_ *Frame, a []Value) (Value, error) { return String(dotnet.FromUnits(unitsOf(a[0]))), nil }),
		m("String(char[] value, int startIndex, int length)", func(_ *Frame, a []Value) (Value, error) {
			u, i, n := unitsOf(a[0]), int(a[1].n), int(a[2].n)
			if i < 0 || n < 0 || i+n > len(u) {
				return Null, dotnet.OutOfRange("Index was out of range. Must be non-negative and less than or equal to the size of the collection.", "startIndex")
			}
			return String(dotnet.FromUnits(u[i : i+n])), nil
		}),
		c("const string Empty", String("")),
		m("int Length { get; }", ofText(func(s string) Value { return Int(dotnet.StringLength(s)) })),
		m("char this[int index] { get; }", func(_ *Frame, a []Value) (Value, error) {
			u, err := dotnet.CharAt(a[0].Str(), int(a[1].n))
			return Char(u), err
		}),
		m("string ToString()", func(_ *Frame, a []Value) (Value, error) { return a[0], nil }),
		m("string ToString(IFormatProvider provider)", func(_ *Frame, a []Value) (Value, error) { return a[0], nil }),
		m("object Clone()", func(_ *Frame, a []Value) (Value, error) { return a[0], nil }),
		m("bool Equals(string value)", equalTexts), m("bool Equals(string value, StringComparison comparisonType)", equalTexts),
		m("bool Equals(object obj)", func(_ *Frame, a []Value) (Value, error) {
			return Bool(a[1].IsString() && a[0].Str() == a[1].Str()), nil
		}),
		m("static bool Equals(string a, string b)", equalTexts), m("static bool Equals(string a, string b, StringComparison comparisonType)", equalTexts),
		m("int GetHashCode()", ofText(func(s string) Value { return Int(int(dotnet.HashCode(s))) })),
		m("int CompareTo(string strB)", compareTexts),
		m("int CompareTo(object value)", func(f *Frame, a []Value) (Value, error) {
			if a[1].ref != nil && !a[1].IsString() {
				return Null, dotnet.Argument("Object must be of type String.", "")
			}
			return compareTexts(f, a)
		}),
		m("static int Compare(string strA, string strB)", compareTexts), m("static int Compare(string strA, string strB, bool ignoreCase)", compareTexts),
		m("static int Compare(string strA, string strB, StringComparison comparisonType)", compareTexts),
		m("static int CompareOrdinal(string strA, string strB)", func(_ *Frame, a []Value) (Value, error) {
			return Int(compareNull(a[0], a[1], dotnet.CompareOrdinal)), nil
		}),
		m("static bool operator ==(string a, string b)", equalTexts),
		m("static bool operator !=(string a, string b)", func(_ *Frame, a []Value) (Value, error) { return Bool(!sameText(a[0], a[1])), nil }),
		m("static bool IsNullOrEmpty(string value)", ofText(func(s string) Value { return Bool(s == "") })),
		m("static bool IsNullOrWhiteSpace(string value)", ofText(func(s string) Value { return Bool(dotnet.IsBlank(s)) })),
		m("string Substring(int startIndex)", substring), m("string Substring(int startIndex, int length)", substring),
		m("string Remove(int startIndex)", func(_ *Frame, a []Value) (Value, error) {
			if a[1].n >= int64(dotnet.StringLength(a[0].Str())) {
				return Null, dotnet.OutOfRange("startIndex must be less than length of string.", "startIndex")
			}
			return textOr(dotnet.SubstringN(a[0].Str(), 0, int(a[1].n)))
		}),
		m("string Remove(int startIndex, int count)", func(_ *Frame, a []Value) (Value, error) {
			return textOr(dotnet.Remove(a[0].Str(), int(a[1].n), int(a[2].n)))
		}),
		m("string Insert(int startIndex, string value)", func(f *Frame, a []Value) (Value, error) {
			s, err := given(a[2], "value")
			if err != nil {
				return Null, err
			}
			r, err := dotnet.Insert(a[0].Str(), int(a[1].n), s)
			if err == nil {
				err = f.Spend(len(r))
			}
			return textOr(r, err)
		}),
		m("string Replace(string oldValue, string newValue)", replaceText), m("string Replace(char oldChar, char newChar)", replaceText),
		m("string Replace(string oldValue, string newValue, StringComparison comparisonType)", replaceText),
		m("string ToLower()", lower), m("string ToLowerInvariant()", lower), m("string ToUpper()", upper), m("string ToUpperInvariant()", upper),
		m("string PadLeft(int totalWidth, char paddingChar = ' ')", padded(dotnet.PadLeft)), m("string PadRight(int totalWidth, char paddingChar = ' ')", padded(dotnet.PadRight)),
		m("char[] ToCharArray()", func(f *Frame, a []Value) (Value, error) { return charArray(f, a[0].Str()) }),
		m("char[] ToCharArray(int startIndex, int length)", func(f *Frame, a []Value) (Value, error) {
			s, err := dotnet.SubstringN(a[0].Str(), int(a[1].n), int(a[2].n))
			if err != nil {
				return Null, err
			}
			return charArray(f, s)
		}),
		m("static string Copy(string str)", func(_ *Frame, a []Value) (Value, error) { return a[0], nil }),
		m("static string Concat(string str0, string str1)", concatAll), m("static string Concat(string str0, string str1, string str2)", concatAll),
		m("static string Concat(string str0, string str1, string str2, string str3)", concatAll), m("static string Concat(params string[] values)", concatAll),
		m("static string Concat(object arg0)", concatOne), m("static string Concat(object arg0, object arg1)", concatAll),
		m("static string Concat(object arg0, object arg1, object arg2)", concatAll), m("static string Concat(params object[] args)", concatAll),
		m("static string Concat(IEnumerable<string> values)", concatAll), m("static string Concat<T>(IEnumerable<T> values)", concatAll),
		m("static string Format(string format, object arg0)", formatAll), m("static string Format(string format, object arg0, object arg1)", formatAll),
		m("static string Format(string format, object arg0, object arg1, object arg2)", formatAll), m("static string Format(string format, params object[] args)", formatAll),
	}
	for _, trim := range []struct {
		name string
		fn   Func
	}{{"Trim", trimmed(dotnet.Trim)}, {"TrimStart", trimmed(dotnet.TrimStart)}, {"TrimEnd", trimmed(dotnet.TrimEnd)}} {
		list = append(list, m("string "+trim.name+"()", trim.fn), m("string "+trim.name+"(char trimChar)", trim.fn), m("string "+trim.name+"(params char[] trimChars)", trim.fn))
	}
	for _, search := range []struct {
		name string
		fn   Func
	}{{"StartsWith", starts}, {"EndsWith", ends}, {"Contains", contains}} {
		list = append(list, m("bool "+search.name+"(string value)", search.fn), m("bool "+search.name+"(char value)", search.fn),
			m("bool "+search.name+"(string value, StringComparison comparisonType)", search.fn))
	}
	list = append(list, m("bool Contains(char value, StringComparison comparisonType)", contains))
	for _, search := range []struct {
		name string
		fn   Func
		any  Func
	}{{"IndexOf", index, indexOfAny(false)}, {"LastIndexOf", lastIndex, indexOfAny(true)}} {
		for _, of := range []string{"char", "string"} {
			list = append(list, m("int "+search.name+"("+of+" value)", search.fn), m("int "+search.name+"("+of+" value, int startIndex)", search.fn),
				m("int "+search.name+"("+of+" value, int startIndex, int count)", search.fn))
		}
		list = append(list, m("int "+search.name+"(string value, StringComparison comparisonType)", search.fn),
			m("int "+search.name+"(string value, int startIndex, StringComparison comparisonType)", search.fn),
			m("int "+search.name+"(string value, int startIndex, int count, StringComparison comparisonType)", search.fn),
			m("int "+search.name+"Any(char[] anyOf)", search.any), m("int "+search.name+"Any(char[] anyOf, int startIndex)", search.any),
			m("int "+search.name+"Any(char[] anyOf, int startIndex, int count)", search.any))
	}
	for _, separator := range []string{"char separator", "string separator", "char[] separator", "string[] separator"} {
		array := strings.Contains(separator, "[]")
		options := " = StringSplitOptions.None"
		if array {
			options = ""
		}
		list = append(list, m("string[] Split("+separator+", StringSplitOptions options"+options+")", split),
			m("string[] Split("+separator+", int count, StringSplitOptions options"+options+")", split))
	}
	list = append(list, m("string[] Split(params char[] separator)", split), m("string[] Split(char[] separator, int count)", split))
	for _, separator := range []string{"string", "char"} {
		list = append(list, m("static string Join("+separator+" separator, params string[] value)", join), m("static string Join("+separator+" separator, params object[] values)", join),
			m("static string Join<T>("+separator+" separator, IEnumerable<T> values)", join))
	}
	return append(list, m("static string Join(string separator, IEnumerable<string> values)", join),
		m("static string Join(string separator, string[] value, int startIndex, int count)", join),
		g("IEnumerator<char> GetEnumerator()", func([]*Type) Func { return getEnumerator([]*Type{charType}) }))
}

func charArray(f *Frame, s string) (Value, error) {
	if err := f.Spend(len(s) * (valueSize + 2)); err != nil {
		return Null, err
	}
	units := dotnet.Units(s)
	items := make([]Value, len(units))
	for i, u := range units {
		items[i] = Char(u)
	}
	return Value{&Array{charType, slices.Clip(items)}, 0}, nil
}
