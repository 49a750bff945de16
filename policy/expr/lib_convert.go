package expr

import (
	"encoding/binary"
	"math"
	"strings"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
)

// System.Convert and System.BitConverter.

var convertDecls = []Decl{
	{Head: "static class System.Convert", Refused: "ChangeType DBNull GetTypeCode TryFromBase64String TryToBase64Chars TryFromBase64Chars", Members: convertMembers()},
	{Head: "static class System.BitConverter", Members: bitMembers()},
}

// unboxed know what objects of other packages are as a basic type, for Convert: a JValue is IConvertible.
var unboxed = []func(pointer any) (Value, bool){
	func(pointer any) (Value, bool) {
		t, ok := pointer.(*newtonsoft.Token)
		if !ok || t.IsContainer() {
			return Null, false
		}
		return scalarValue(t), true
	},
}

// convertSources are the types that Convert has overloads for.
var convertSources = []string{"object", "bool", "char", "sbyte", "byte", "short", "ushort", "int", "uint", "long", "ulong", "float", "double", "decimal", "DateTime", "string"}

func fromBase64(f *Frame, a []Value) (Value, error) {
	s, err := given(a[0], "s")
	if err != nil {
		return Null, err
	}
	b, err := dotnet.FromBase64(s)
	if err != nil {
		return Null, err
	}
	return Bytes(b), f.Spend(len(b))
}

func convertMembers() members {
	targets := []struct {
		name, word string
		to         *Type
	}{
		{"ToBoolean", "bool", boolType}, {"ToChar", "char", charType}, {"ToSByte", "sbyte", sbyteType}, {"ToByte", "byte", byteType}, {"ToInt16", "short", shortType},
		{"ToUInt16", "ushort", ushortType}, {"ToInt32", "int", intType}, {"ToUInt32", "uint", uintType}, {"ToInt64", "long", longType}, {"ToUInt64", "ulong", ulongType},
		{"ToSingle", "float", floatType}, {"ToDouble", "double", doubleType}, {"ToDecimal", "decimal", decimalType}, {"ToDateTime", "DateTime", dateTimeType}, {"ToString", "string", stringType},
	}
	var list members
	for _, target := range targets {
		code := func(f *Frame, a []Value) (Value, error) { return f.convert(a[0], target.to) }
		for _, source := range convertSources {
			list = append(list, m("static "+target.word+" "+target.name+"("+source+" value)", code))
			if source == "object" || source == "string" || target.word == "string" {
				list = append(list, m("static "+target.word+" "+target.name+"("+source+" value, IFormatProvider provider)", code))
			}
		}
	}
	for _, target := range targets[2:10] {
		list = append(list, m("static "+target.word+" "+target.name+"(string value, int fromBase)", func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return target.to.zero, nil
			}
			n, err := dotnet.ParseBase(a[0].Str(), intKinds[target.to.kind], int(a[1].n))
			return Value{target.to, n}, err
		}))
	}
	for _, word := range []string{"byte", "short", "int", "long"} {
		bits := intKinds[kindOfWord[word].kind].Bits
		list = append(list, m("static string ToString("+word+" value, int toBase)", func(_ *Frame, a []Value) (Value, error) {
			return textOr(dotnet.FormatBase(a[0].n, bits, int(a[1].n)))
		}))
	}
	return append(list,
		m("static string ToBase64String(byte[] inArray)", base64Of), m("static string ToBase64String(byte[] inArray, int offset, int length)", base64Of),
		m("static byte[] FromBase64String(string s)", fromBase64), m("static byte[] FromBase64CharArray(char[] inArray, int offset, int length)", fromBase64Chars),
		m("static int ToBase64CharArray(byte[] inArray, int offsetIn, int length, char[] outArray, int offsetOut)", toBase64Chars),
		m("static bool IsDBNull(object value)", zeroArgs(Bool(false), nil)),
		m("static string ToHexString(byte[] inArray)", hexOf), m("static string ToHexString(byte[] inArray, int offset, int length)", hexOf),
		m("static byte[] FromHexString(string s)", func(f *Frame, a []Value) (Value, error) {
			s, err := given(a[0], "s")
			if err != nil {
				return Null, err
			}
			b, err := dotnet.FromHex(s)
			if err != nil {
				return Null, err
			}
			return Bytes(b), f.Spend(len(b))
		}),
	)
}

// pieceOf is the piece of a byte[] that offset and length name, where they are given.
func pieceOf(a []Value, param, offset string) ([]byte, error) {
	b, ok := a[0].ByteSlice()
	if !ok {
		return nil, dotnet.ArgumentNull(param)
	}
	if len(a) == 1 {
		return b, nil
	}
	i, n := int(a[1].n), len(b)-int(a[1].n)
	if len(a) > 2 {
		n = int(a[2].n)
	}
	switch {
	case n < 0 && len(a) > 2:
		return nil, dotnet.OutOfRange("Index was out of range. Must be non-negative and less than the size of the collection.", "length")
	case i < 0:
		return nil, dotnet.OutOfRange("Value must be positive.", offset)
	case n < 0 || i > len(b)-n:
		return nil, dotnet.OutOfRange("Offset and length must refer to a position in the string.", offset)
	}
	return b[i : i+n], nil
}

func base64Of(f *Frame, a []Value) (Value, error) {
	b, err := pieceOf(a, "inArray", "offset")
	if err != nil {
		return Null, err
	}
	return String(dotnet.ToBase64(b, false)), f.Spend(len(b)/3*4 + 4)
}

func hexOf(f *Frame, a []Value) (Value, error) {
	b, err := pieceOf(a, "inArray", "offset")
	if err != nil {
		return Null, err
	}
	return String(strings.ReplaceAll(dotnet.HexString(b), "-", "")), f.Spend(3 * len(b))
}

// convert is what Convert does between basic types. Rounding is half to even; what does not fit throws.
func (f *Frame) convert(v Value, to *Type) (Value, error) {
	if to.kind == kString {
		s, err := f.text(v)
		if v.IsNull() && err == nil {
			return String(""), nil
		}
		return String(s), err
	}
	switch x := v.ref.(type) {
	case nil:
		return to.zero, nil
	case text:
		return f.convertText(v.Str(), to)
	case *Type:
		return convertScalar(v, x, to)
	case *dotnet.Decimal:
		return convertDecimal(*x, to)
	}
	for _, of := range unboxed {
		if w, ok := of(v.ref); ok {
			return f.convert(w, to)
		}
	}
	return Null, dotnet.InvalidCast(typeOf(v).String(), "System.IConvertible")
}

func (f *Frame) convertText(s string, to *Type) (Value, error) {
	switch {
	case to.kind == kBool:
		b, err := dotnet.ParseBool(s)
		return Bool(b), err
	case to.kind == kChar:
		u, err := dotnet.ParseChar(s)
		return Char(u), err
	case to.kind == kFloat:
		x, err := dotnet.ParseSingle(s)
		return Single(x), err
	case to.kind == kDouble:
		x, err := dotnet.ParseDouble(s)
		return Double(x), err
	case to.kind == kDecimal:
		return decimalOr(dotnet.ParseDecimal(s))
	case to == dateTimeType:
		d, err := dotnet.ParseDateTime(s, f.clock())
		return dateValue(d), err
	}
	n, err := dotnet.ParseInt(s, intKinds[to.kind])
	return Value{to, n}, err
}

func convertScalar(v Value, from, to *Type) (Value, error) {
	wrong := dotnet.InvalidConversion(simpleName(from.name), simpleName(to.name))
	if from.kind == kEnum {
		from = intType
	}
	switch {
	case from == to, from.kind == to.kind && from.isNumber():
		return Value{to, v.n}, nil
	case !from.isNumber() && from.kind != kBool, to == dateTimeType:
		return Null, wrong
	case from.kind == kChar && !(to.isInteger()), to.kind == kChar && !from.isInteger():
		return Null, wrong
	case to.kind == kBool:
		if from.kind == kDouble || from.kind == kFloat {
			return Bool(v.Float() != 0), nil
		}
		return Bool(v.n != 0), nil
	case from.kind == kDouble || from.kind == kFloat:
		return convertFloat(v.Float(), from, to)
	}
	source := intKinds[from.kind]
	if from.kind == kBool {
		source = dotnet.Byte
	}
	switch to.kind {
	case kDouble, kFloat:
		x := float64(v.n)
		if from.kind == kULong {
			x = float64(uint64(v.n))
		}
		if to.kind == kFloat {
			return Single(float32(x)), nil
		}
		return Double(x), nil
	case kDecimal:
		if from.kind == kULong {
			return decimalValue(dotnet.DecimalOfUint(uint64(v.n))), nil
		}
		return decimalValue(dotnet.DecimalOf(v.n)), nil
	case kChar:
		n, err := dotnet.Narrow(v.n, source, dotnet.Char)
		return Value{to, n}, err
	}
	n, err := dotnet.Narrow(v.n, source, intKinds[to.kind])
	return Value{to, n}, err
}

func convertFloat(x float64, from, to *Type) (Value, error) {
	switch to.kind {
	case kDouble:
		return Double(x), nil
	case kFloat:
		return Single(float32(x)), nil
	case kDecimal:
		if from.kind == kFloat {
			return decimalOr(dotnet.DecimalOfSingle(float32(x)))
		}
		return decimalOr(dotnet.DecimalOfDouble(x))
	}
	n, err := dotnet.FloatToInt(x, intKinds[to.kind])
	if err != nil && (to.kind == kLong || to.kind == kULong) {
		err = dotnet.Overflow() // these two are plain checked casts
	}
	return Value{to, n}, err
}

func convertDecimal(d dotnet.Decimal, to *Type) (Value, error) {
	switch {
	case to.kind == kDecimal:
		return decimalValue(d), nil
	case to.kind == kDouble:
		return Double(d.Float()), nil
	case to.kind == kFloat:
		return Single(float32(d.Float())), nil
	case to.kind == kBool:
		return Bool(!d.IsZero()), nil
	case to.kind == kChar || to == dateTimeType:
		return Null, dotnet.InvalidConversion("Decimal", simpleName(to.name))
	}
	n, err := dotnet.DecimalToInt(d, intKinds[to.kind])
	return Value{to, n}, err
}

func bitMembers() members {
	list := members{
		c("const bool IsLittleEndian", Bool(true)),
		m("static string ToString(byte[] value)", hexPairs), m("static string ToString(byte[] value, int startIndex)", hexPairs), m("static string ToString(byte[] value, int startIndex, int length)", hexPairs),
		m("static long DoubleToInt64Bits(double value)", pure(func(a []Value) Value { return Long(int64(math.Float64bits(a[0].Float()))) })),
		m("static double Int64BitsToDouble(long value)", pure(func(a []Value) Value { return Double(math.Float64frombits(uint64(a[0].n))) })),
		m("static int SingleToInt32Bits(float value)", pure(func(a []Value) Value { return Int(int(int32(math.Float32bits(float32(a[0].Float()))))) })),
		m("static float Int32BitsToSingle(int value)", pure(func(a []Value) Value { return Single(math.Float32frombits(uint32(a[0].n))) })),
		m("static bool ToBoolean(byte[] value, int startIndex)", func(_ *Frame, a []Value) (Value, error) {
			bits, err := bitsAt(a, 1)
			return Bool(bits != 0), err
		}),
		m("static byte[] GetBytes(bool value)", pure(func(a []Value) Value { return Bytes([]byte{byte(a[0].n)}) })),
		m("static byte[] GetBytes(float value)", pure(func(a []Value) Value {
			return Bytes(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(a[0].Float()))))
		})),
		m("static byte[] GetBytes(double value)", pure(func(a []Value) Value { return Bytes(binary.LittleEndian.AppendUint64(nil, uint64(a[0].n))) })),
		m("static float ToSingle(byte[] value, int startIndex)", func(_ *Frame, a []Value) (Value, error) {
			bits, err := bitsAt(a, 4)
			return Single(math.Float32frombits(uint32(bits))), err
		}),
		m("static double ToDouble(byte[] value, int startIndex)", func(_ *Frame, a []Value) (Value, error) {
			bits, err := bitsAt(a, 8)
			return Double(math.Float64frombits(bits)), err
		}),
	}
	for name, word := range map[string]string{"ToChar": "char", "ToInt16": "short", "ToUInt16": "ushort", "ToInt32": "int", "ToUInt32": "uint", "ToInt64": "long", "ToUInt64": "ulong"} {
		t := kindOfWord[word]
		if word == "char" {
			t = charType
		}
		k := intKinds[t.kind]
		list = append(list,
			m("static "+word+" "+name+"(byte[] value, int startIndex)", func(_ *Frame, a []Value) (Value, error) {
				bits, err := bitsAt(a, k.Bits/8)
				return Value{t, k.Wrap(int64(bits))}, err
			}),
			m("static byte[] GetBytes("+word+" value)", pure(func(a []Value) Value {
				return Bytes(binary.LittleEndian.AppendUint64(nil, uint64(a[0].n))[:k.Bits/8])
			})))
	}
	return list
}

func hexPairs(f *Frame, a []Value) (Value, error) {
	b, err := pieceOf(a, "value", "startIndex")
	if err != nil {
		return Null, err
	}
	return String(dotnet.HexString(b)), f.Spend(3 * len(b))
}

// bitsAt reads a number of so many bytes, the least first.
func bitsAt(a []Value, size int) (uint64, error) {
	b, ok := a[0].ByteSlice()
	i := int(a[1].n)
	switch {
	case !ok:
		return 0, dotnet.ArgumentNull("value")
	case i < 0 || i >= len(b):
		return 0, dotnet.IndexRange("startIndex")
	case i > len(b)-size:
		return 0, dotnet.Argument("Destination array is not long enough to copy all the items in the collection. Check array index and length.", "value")
	}
	var raw [8]byte
	copy(raw[:], b[i:i+size])
	return binary.LittleEndian.Uint64(raw[:]), nil
}
