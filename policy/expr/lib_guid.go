package expr

import "gatehouse/dotnet"

// System.Guid.

func guidOf(v Value) dotnet.Guid {
	if g, ok := v.ref.(*guid); ok {
		return dotnet.Guid(*g)
	}
	return dotnet.Guid{}
}

func guidOr(g dotnet.Guid, err error) (Value, error) { return guidValue(g), err }

// guidOfParts makes a Guid of numbers, and of eight bytes that stand alone or in an array.
func guidOfParts(_ *Frame, a []Value) (Value, error) {
	tail := make([]byte, 0, 8)
	if len(a) == 4 {
		b, ok := a[3].ByteSlice()
		if !ok {
			return Null, dotnet.ArgumentNull("d")
		}
		tail = b
	} else {
		for _, v := range a[3:] {
			tail = append(tail, byte(v.n))
		}
	}
	return guidOr(dotnet.GuidOfParts(uint32(a[0].n), uint16(a[1].n), uint16(a[2].n), tail))
}

func guidMembers() members {
	parse := func(_ *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "input")
		if err != nil {
			return Null, err
		}
		return guidOr(dotnet.ParseGuid(s))
	}
	exact := func(_ *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "input")
		if err != nil {
			return Null, err
		}
		format, err := given(a[1], "format")
		if err != nil {
			return Null, err
		}
		return guidOr(dotnet.ParseGuidExact(s, format))
	}
	zero := func() Value { return guidValue([16]byte{}) }
	list := members{
		m("Guid(string g)", parse),
		m("Guid(byte[] b)", func(_ *Frame, a []Value) (Value, error) {
			b, ok := a[0].ByteSlice()
			if !ok {
				return Null, dotnet.ArgumentNull("b")
			}
			return guidOr(dotnet.GuidOfBytes(b))
		}),
		m("Guid(int a, short b, short c, byte[] d)", guidOfParts), m("Guid(int a, short b, short c, byte d, byte e, byte f, byte g, byte h, byte i, byte j, byte k)", guidOfParts),
		m("static Guid Empty { get; }", zeroArgs(guidValue([16]byte{}), nil)),
		m("static Guid NewGuid()", pure(func([]Value) Value { return guidValue(dotnet.NewGuid()) })),
		m("static Guid Parse(string input)", parse), m("static bool TryParse(string input, out Guid result)", tried(parse, zero)),
		m("static Guid ParseExact(string input, string format)", exact), m("static bool TryParseExact(string input, string format, out Guid result)", tried(exact, zero)),
		m("static Guid Parse(string input, IFormatProvider provider)", parse), m("static bool TryParse(string input, IFormatProvider provider, out Guid result)", tried(parse, zero)),
		m("byte[] ToByteArray()", pure(func(a []Value) Value { return Bytes(guidOf(a[0]).ToByteArray()) })),
		m("string ToString()", pure(func(a []Value) Value { return String(guidOf(a[0]).String()) })),
		m("string ToString(string format)", func(_ *Frame, a []Value) (Value, error) { return textOr(guidOf(a[0]).Format(a[1].Str())) }),
		m("string ToString(string format, IFormatProvider provider)", func(_ *Frame, a []Value) (Value, error) { return textOr(guidOf(a[0]).Format(a[1].Str())) }),
		m("int GetHashCode()", pure(func(a []Value) Value {
			g := guidOf(a[0])
			return Int(int(int32(dotnet.HashCode(string(g[:])))))
		})),
		m("bool Equals(object o)", pure(func(a []Value) Value {
			_, ok := a[1].ref.(*guid)
			return Bool(ok && guidOf(a[0]) == guidOf(a[1]))
		})),
	}
	list = append(list, m("int CompareTo(Guid value)", pure(func(a []Value) Value { return Int(guidOf(a[0]).Cmp(guidOf(a[1]))) })))
	return append(list, comparisons("Guid", false, func(a, b Value) int { return guidOf(a).Cmp(guidOf(b)) })...)
}
