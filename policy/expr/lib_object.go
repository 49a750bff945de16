package expr

import (
	"strings"

	"gatehouse/dotnet"
)

// System.Object, ValueType, Enum, Nullable, the interfaces that belong to no family, and delegates.

var (
	disposableType = new(Type)
	anonymousBase  = objectType
)

var objectDecls = []Decl{
	{Head: "class System.Object", Type: objectType, Refused: "GetType MemberwiseClone Finalize", Members: members{
		m("Object()", func(*Frame, []Value) (Value, error) { return Value{&Plain{}, 0}, nil }),
		m("string ToString()", func(f *Frame, a []Value) (Value, error) {
			s, err := f.text(a[0])
			return String(s), err
		}),
		m("bool Equals(object obj)", func(f *Frame, a []Value) (Value, error) {
			same, err := f.equal(a[0], a[1])
			return Bool(same), err
		}),
		m("static bool Equals(object objA, object objB)", func(f *Frame, a []Value) (Value, error) {
			same, err := f.equal(a[0], a[1])
			return Bool(same), err
		}),
		m("static bool ReferenceEquals(object objA, object objB)", func(_ *Frame, a []Value) (Value, error) {
			if a[0].IsString() && a[1].IsString() {
				return Bool(a[0].Str() == a[1].Str()), nil
			}
			return Bool(sameObject(a[0], a[1])), nil
		}),
		m("int GetHashCode()", func(f *Frame, a []Value) (Value, error) {
			h, err := f.hash(a[0])
			return Int(int(h)), err
		}),
	}},
	{Head: "internal class System.ValueType", Type: valueTypeType},
	{Head: "class System.Enum", Type: enumType, Refused: "HasFlag CompareTo GetName GetNames GetValues GetUnderlyingType IsDefined Format ToObject GetTypeCode", Members: members{
		m("string ToString()", func(_ *Frame, a []Value) (Value, error) { return String(typeOf(a[0]).enumText(a[0].n)), nil }),
		m("string ToString(string format)", enumFormat),
		g("static TEnum Parse<TEnum>(string value)", func(t []*Type) Func { return enumParse(t[0], false) }),
		g("static TEnum Parse<TEnum>(string value, bool ignoreCase)", func(t []*Type) Func { return enumParse(t[0], false) }),
		g("static bool TryParse<TEnum>(string value, out TEnum result)", func(t []*Type) Func { return enumParse(t[0], true) }),
		g("static bool TryParse<TEnum>(string value, bool ignoreCase, out TEnum result)", func(t []*Type) Func { return enumParse(t[0], true) }),
	}},
	{Head: "struct System.Nullable<T>", Type: nullableType, Members: members{
		m("bool HasValue { get; }", func(_ *Frame, a []Value) (Value, error) { return Bool(a[0].ref != nil), nil }),
		m("T Value { get; }", func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, noValue()
			}
			return a[0], nil
		}),
		g("T GetValueOrDefault()", func(t []*Type) Func {
			zero := t[0].defaultValue()
			return func(_ *Frame, a []Value) (Value, error) {
				if a[0].ref == nil {
					return zero, nil
				}
				return a[0], nil
			}
		}),
		m("T GetValueOrDefault(T defaultValue)", func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return a[1], nil
			}
			return a[0], nil
		}),
		m("string ToString()", func(f *Frame, a []Value) (Value, error) {
			s, err := f.text(a[0])
			return String(s), err
		}),
		m("bool Equals(object other)", func(f *Frame, a []Value) (Value, error) {
			same, err := f.equal(a[0], a[1])
			return Bool(same), err
		}),
		m("int GetHashCode()", func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Int(0), nil
			}
			h, err := f.hash(a[0])
			return Int(int(h)), err
		}),
	}},
	{Head: "interface System.IDisposable", Type: disposableType, Members: members{
		m("void Dispose()", func(*Frame, []Value) (Value, error) { return Null, nil }),
	}},
	{Head: "interface System.IComparable", Members: members{m("int CompareTo(object obj)", compareTo)}},
	{Head: "interface System.IComparable<in T>", Members: members{m("int CompareTo(T other)", compareTo)}},
	{Head: "interface System.IEquatable<T>", Members: members{
		m("bool Equals(T other)", func(f *Frame, a []Value) (Value, error) {
			same, err := f.equal(a[0], a[1])
			return Bool(same), err
		}),
	}},
	{Head: "interface System.IFormatProvider"},
}

// Plain is a System.Object.
type Plain struct{ _ byte }

func (*Plain) dotnetType() *Type { return objectType }

func compareTo(f *Frame, a []Value) (Value, error) {
	c, err := f.compare(a[0], a[1])
	return Int(c), err
}

func enumFormat(_ *Frame, a []Value) (Value, error) {
	t := typeOf(a[0])
	switch a[1].Str() {
	case "", "g", "G", "f", "F":
		return String(t.enumText(a[0].n)), nil
	case "d", "D":
		return String(itoa(int(a[0].n))), nil
	case "x", "X":
		s, err := dotnet.FormatInt(a[0].n, 32, "X8")
		return String(s), err
	}
	return Null, throw(dotnet.FormatException, "Format string can be only \"G\", \"g\", \"X\", \"x\", \"F\", \"f\", \"D\" or \"d\".")
}

// enumParse reads names, separated by commas, or a number.
func enumParse(t *Type, try bool) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		fold := len(a) > 1 && a[1].ref == boolType && a[1].n != 0
		n, ok := t.parseEnum(a[0].Str(), fold)
		if try {
			if !ok {
				n = 0
			}
			a[len(a)-1] = Value{t, n}
			return Bool(ok), nil
		}
		if t.kind != kEnum {
			return Null, throw(dotnet.ArgumentException, "Type provided must be an Enum. (Parameter 'enumType')")
		}
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("value")
		}
		if !ok {
			return Null, throw(dotnet.ArgumentException, "Requested value '%s' was not found.", a[0].Str())
		}
		return Value{t, n}, nil
	}
}

func (t *Type) parseEnum(s string, fold bool) (int64, bool) {
	if n, err := dotnet.ParseInt(s, dotnet.Int32); err == nil {
		return n, true
	}
	total := int64(0)
	for word := range strings.SplitSeq(s, ",") {
		word = strings.TrimSpace(word)
		found := false
		for _, e := range t.enum {
			if e.name == word || fold && strings.EqualFold(e.name, word) {
				total |= e.value
				found = true
				break
			}
		}
		if !found {
			return 0, false
		}
	}
	return total, true
}

var delegateDecls = []Decl{
	{Head: "delegate void System.Action()"},
	{Head: "delegate void System.Action<in T>(T obj)"},
	{Head: "delegate void System.Action<in T1, in T2>(T1 arg1, T2 arg2)"},
	{Head: "delegate void System.Action<in T1, in T2, in T3>(T1 arg1, T2 arg2, T3 arg3)"},
	{Head: "delegate void System.Action<in T1, in T2, in T3, in T4>(T1 arg1, T2 arg2, T3 arg3, T4 arg4)"},
	{Head: "delegate TResult System.Func<out TResult>()"},
	{Head: "delegate TResult System.Func<in T, out TResult>(T arg)"},
	{Head: "delegate TResult System.Func<in T1, in T2, out TResult>(T1 arg1, T2 arg2)"},
	{Head: "delegate TResult System.Func<in T1, in T2, in T3, out TResult>(T1 arg1, T2 arg2, T3 arg3)"},
	{Head: "delegate TResult System.Func<in T1, in T2, in T3, in T4, out TResult>(T1 arg1, T2 arg2, T3 arg3, T4 arg4)"},
	{Head: "delegate bool System.Predicate<in T>(T obj)"},
	{Head: "delegate int System.Comparison<in T>(T x, T y)"},
	{Head: "delegate TOutput System.Converter<in TInput, out TOutput>(TInput input)"},
}
