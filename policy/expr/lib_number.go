package expr

import (
	"gatehouse/dotnet"
)

// Numbers, bool and char: what all of them have. Parsing, formats and constants stand in the tables of numbers.

var primitiveDecls = []Decl{
	{Head: "struct System.Void", Type: voidType},
	primitive("struct System.Boolean", "bool", boolType, boolMembers()...),
	primitive("struct System.Char", "char", charType, charMembers()...),
	primitive("struct System.SByte", "sbyte", sbyteType, integerMembers("sbyte")...),
	primitive("struct System.Byte", "byte", byteType, integerMembers("byte")...),
	primitive("struct System.Int16", "short", shortType, integerMembers("short")...),
	primitive("struct System.UInt16", "ushort", ushortType, integerMembers("ushort")...),
	primitive("struct System.Int32", "int", intType, integerMembers("int")...),
	primitive("struct System.UInt32", "uint", uintType, integerMembers("uint")...),
	primitive("struct System.Int64", "long", longType, integerMembers("long")...),
	primitive("struct System.UInt64", "ulong", ulongType, integerMembers("ulong")...),
	primitive("struct System.Single", "float", floatType, floatMembers("float")...),
	primitive("struct System.Double", "double", doubleType, floatMembers("double")...),
	primitive("struct System.Decimal", "decimal", decimalType, decimalMembers()...),
}

// primitive declares a number type with what all of them have.
func primitive(head, word string, t *Type, more ...row) Decl {
	d := Decl{Head: head + " : IComparable, IComparable<" + word + ">, IEquatable<" + word + ">", Type: t, Members: members{
		m("string ToString()", func(f *Frame, a []Value) (Value, error) {
			s, _ := scalarText(a[0], t)
			if t.kind == kDecimal {
				s = decimalOf(a[0]).String()
			}
			return String(s), nil
		}),
		m("bool Equals("+word+" obj)", func(f *Frame, a []Value) (Value, error) {
			same, err := f.equal(a[0], a[1])
			return Bool(same), err
		}),
		m("int CompareTo("+word+" value)", compareTo),
	}}
	if t.kind == kDecimal {
		d.Zero = decimalValue(dotnet.Decimal{})
	}
	d.Members = append(d.Members, more...)
	return d
}
