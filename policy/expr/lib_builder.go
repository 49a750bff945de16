package expr

import (
	"strings"

	"gatehouse/dotnet"
)

// System.Text.StringBuilder.

// Builder is a StringBuilder. Its text is kept in pieces, put together when it is asked for.
type Builder struct {
	pieces []string
	units  int // how long the text is
}

func (*Builder) dotnetType() *Type { return builderType }

var builderType = new(Type)

func (b *Builder) text() string {
	if len(b.pieces) > 1 {
		b.pieces = []string{dotnet.Concat(b.pieces...)}
	}
	if len(b.pieces) == 0 {
		return ""
	}
	return b.pieces[0]
}

func (b *Builder) set(s string) { b.pieces, b.units = []string{s}, dotnet.StringLength(s) }

func (b *Builder) add(f *Frame, s string) error {
	if s != "" {
		b.pieces = append(b.pieces, s)
		b.units += dotnet.StringLength(s)
	}
	return f.Spend(len(s) + 16)
}

// adding makes Append, which returns the builder.
func adding(suffix string) Func {
	return func(f *Frame, a []Value) (Value, error) {
		s := ""
		if len(a) > 1 {
			var err error
			if items, ok := a[1].ref.(*Array); ok && items.Elem == charType {
				s = dotnet.FromUnits(unitsOf(a[1]))
			} else if s, err = f.text(a[1]); err != nil {
				return Null, err
			}
		}
		return a[0], a[0].ref.(*Builder).add(f, s+suffix)
	}
}

// changing makes a member that changes the whole text.
func changing(change func(s string, a []Value) (string, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		b := a[0].ref.(*Builder)
		s, err := change(b.text(), a)
		if err != nil {
			return Null, err
		}
		b.set(s)
		return a[0], f.Spend(len(s))
	}
}

func builderMembers() members {
	made := func(f *Frame, a []Value) (Value, error) {
		b := &Builder{}
		if len(a) > 0 && a[0].IsString() {
			return Value{b, 0}, b.add(f, a[0].Str())
		}
		return Value{b, 0}, nil
	}
	format := func(f *Frame, a []Value) (Value, error) {
		v, err := formatAll(f, a[1:])
		if err != nil {
			return Null, err
		}
		return a[0], a[0].ref.(*Builder).add(f, v.Str())
	}
	list := members{
		m("StringBuilder()", made), m("StringBuilder(int capacity)", made), m("StringBuilder(string value)", made), m("StringBuilder(string value, int capacity)", made),
		m("StringBuilder AppendLine()", adding("\n")), m("StringBuilder AppendLine(string value)", adding("\n")),
		m("StringBuilder Append(char value, int repeatCount)", func(f *Frame, a []Value) (Value, error) {
			n := int(a[2].n)
			if n < 0 {
				return Null, dotnet.OutOfRange("Non-negative number required.", "repeatCount")
			}
			if err := f.Spend(n); err != nil {
				return Null, err
			}
			return a[0], a[0].ref.(*Builder).add(f, strings.Repeat(unitText(uint16(a[1].n)), n))
		}),
		m("StringBuilder AppendFormat(string format, object arg0)", format), m("StringBuilder AppendFormat(string format, object arg0, object arg1)", format),
		m("StringBuilder AppendFormat(string format, object arg0, object arg1, object arg2)", format), m("StringBuilder AppendFormat(string format, params object[] args)", format),
		m("StringBuilder AppendJoin(string separator, params string[] values)", appendJoin),
		m("StringBuilder Insert(int index, string value)", changing(func(s string, a []Value) (string, error) { return dotnet.Insert(s, int(a[1].n), a[2].Str()) })),
		m("StringBuilder Insert(int index, char value)", changing(func(s string, a []Value) (string, error) {
			return dotnet.Insert(s, int(a[1].n), unitText(uint16(a[2].n)))
		})),
		m("StringBuilder Remove(int startIndex, int length)", changing(func(s string, a []Value) (string, error) {
			return dotnet.Remove(s, int(a[1].n), int(a[2].n))
		})),
		m("StringBuilder Replace(string oldValue, string newValue)", func(f *Frame, a []Value) (Value, error) {
			b := a[0].ref.(*Builder)
			v, err := replaceText(f, []Value{String(b.text()), a[1], a[2]})
			if err == nil {
				b.set(v.Str())
			}
			return a[0], err
		}),
		m("StringBuilder Replace(char oldChar, char newChar)", changing(func(s string, a []Value) (string, error) {
			return dotnet.ReplaceChar(s, uint16(a[1].n), uint16(a[2].n)), nil
		})),
		m("StringBuilder Clear()", changing(func(string, []Value) (string, error) { return "", nil })),
		p("int Length { get; set; }", of(func(b *Builder) Value { return Int(b.units) }), func(f *Frame, a []Value) (Value, error) {
			b, n := a[0].ref.(*Builder), int(a[1].n)
			s := b.text()
			if n < 0 {
				return Null, dotnet.OutOfRange("Length cannot be less than zero.", "value")
			}
			if have := dotnet.StringLength(s); n > have {
				if err := f.Spend(n - have); err != nil {
					return Null, err
				}
				b.set(s + strings.Repeat("\x00", n-have))
				return Null, nil
			}
			s, err := dotnet.SubstringN(s, 0, n)
			b.set(s)
			return Null, err
		}),
		m("int Capacity { get; }", func(_ *Frame, a []Value) (Value, error) {
			return Int(max(16, a[0].ref.(*Builder).units)), nil
		}),
		p("char this[int index] { get; set; }", func(_ *Frame, a []Value) (Value, error) {
			u, err := dotnet.CharAt(a[0].ref.(*Builder).text(), int(a[1].n))
			return Char(u), err
		}, func(_ *Frame, a []Value) (Value, error) {
			b := a[0].ref.(*Builder)
			units := dotnet.Units(b.text())
			if uint64(a[1].n) >= uint64(len(units)) {
				return Null, indexRange()
			}
			units[a[1].n] = uint16(a[2].n)
			b.set(dotnet.FromUnits(units))
			return Null, nil
		}),
		m("string ToString()", func(_ *Frame, a []Value) (Value, error) { return String(a[0].ref.(*Builder).text()), nil }),
		m("string ToString(int startIndex, int length)", func(_ *Frame, a []Value) (Value, error) {
			return textOr(dotnet.SubstringN(a[0].ref.(*Builder).text(), int(a[1].n), int(a[2].n)))
		}),
		m("bool Equals(StringBuilder sb)", func(_ *Frame, a []Value) (Value, error) {
			other, ok := a[1].ref.(*Builder)
			return Bool(ok && other.text() == a[0].ref.(*Builder).text()), nil
		}),
	}
	for _, t := range []string{"string", "char", "bool", "int", "long", "double", "decimal", "object", "char[]", "byte", "sbyte", "short", "ushort", "uint", "ulong", "float"} {
		list = append(list, m("StringBuilder Append("+t+" value)", adding("")))
	}
	return list
}

var builderDecls = []Decl{{Head: "class System.Text.StringBuilder", Type: builderType, Refused: "GetChunks", Members: append(builderMembers(), builderExtras()...)}}
