package expr

import (
	"math/big"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
)

// How values become tokens and tokens values.

// tokenOf makes content of a value: a token itself, or a JValue.
func tokenOf(f *Frame, v Value) (*newtonsoft.Token, error) {
	if t := asToken(v); t != nil {
		return t, nil
	}
	return scalarToken(f, v)
}

// scalarToken makes a JValue.
func scalarToken(f *Frame, v Value) (*newtonsoft.Token, error) {
	if err := f.Spend(tokenBytes); err != nil {
		return nil, err
	}
	typ, x, ok := scalarOf(v)
	if !ok {
		return nil, dotnet.NewException(dotnet.ArgumentException, "Could not determine JSON object type for type %s.", typeOf(v))
	}
	return newtonsoft.NewValue(typ, x), nil
}

// scalarOf is what a JValue holds for a value; false for what it cannot hold.
func scalarOf(v Value) (newtonsoft.Type, any, bool) {
	switch x := v.ref.(type) {
	case nil:
		return newtonsoft.Null, nil, true
	case text:
		return newtonsoft.String, v.Str(), true
	case *Type:
		return scalarNumber(v, x)
	case *dotnet.Decimal:
		return newtonsoft.Float, *x, true
	case *dotnet.DateTimeOffset:
		return newtonsoft.Date, *x, true
	case *guid:
		return newtonsoft.Guid, dotnet.Guid(*x).String(), true
	case *dotnet.URI:
		return newtonsoft.Uri, x.OriginalString(), true
	case *Blob:
		return newtonsoft.Bytes, x.B, true
	}
	return 0, nil, false
}

func scalarNumber(v Value, t *Type) (newtonsoft.Type, any, bool) {
	switch {
	case t == dateTimeType:
		return newtonsoft.Date, dotnet.DateTime(v.n), true
	case t == timeSpanType:
		return newtonsoft.TimeSpan, dotnet.TimeSpan(v.n), true
	case t.kind == kBool:
		return newtonsoft.Boolean, v.n != 0, true
	case t.kind == kChar:
		return newtonsoft.String, unitText(uint16(v.n)), true
	case t.kind == kFloat:
		return newtonsoft.Float, float32(v.Float()), true
	case t.kind == kDouble:
		return newtonsoft.Float, v.Float(), true
	case t.kind == kULong:
		return newtonsoft.Integer, uint64(v.n), true
	case t.isInteger(), t.kind == kEnum:
		return newtonsoft.Integer, v.n, true
	}
	return 0, nil, false
}

// bigType is System.Numerics.BigInteger, which expressions may carry but not name.
var bigType = &Type{kind: kStruct, name: "System.Numerics.BigInteger"}

// bigInteger is a value of it.
type bigInteger struct{ n *big.Int }

func (*bigInteger) dotnetType() *Type { return bigType }

// scalarValue is JValue.Value.
func scalarValue(t *newtonsoft.Token) Value {
	switch v := t.Value().(type) {
	case string:
		switch t.Type() {
		case newtonsoft.Guid:
			if g, err := dotnet.ParseGuid(v); err == nil {
				return guidValue(g)
			}
		case newtonsoft.Uri:
			if u, err := dotnet.ParseURI(v); err == nil {
				return Value{u, 0}
			}
			return Value{dotnet.Relative(v), 0}
		}
		return String(v)
	case bool:
		return Bool(v)
	case int64:
		return Long(v)
	case uint64:
		return Number(ulongType, int64(v))
	case *big.Int:
		return Value{&bigInteger{v}, 0}
	case float64:
		return Double(v)
	case float32:
		return Single(v)
	case dotnet.DateTime:
		return Number(dateTimeType, int64(v))
	case dotnet.TimeSpan:
		return Number(timeSpanType, int64(v))
	case dotnet.DateTimeOffset:
		return Value{&v, 0}
	case dotnet.Decimal:
		return decimalValue(v)
	case []byte:
		return Bytes(v)
	}
	return Null
}

// castOf makes the code of Value<U>: the token itself when it is a U, else its value converted as Convert.ChangeType does.
func castOf(to *Type) Func {
	zero := to.defaultValue()
	return treeCode(func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
		if a[0].ref == nil {
			return zero, nil
		}
		if t == nil {
			return Null, dotnet.Argument("Source value must be a JToken.", "")
		}
		return castToken(f, t, to)
	})
}

func castToken(f *Frame, t *newtonsoft.Token, to *Type) (Value, error) {
	self := tokenValue(t)
	if isInstance(self, to) {
		return self, nil
	}
	if t.IsContainer() {
		return Null, dotnet.NewException(dotnet.InvalidCastException, "Cannot cast %s to %s.", t.Class(), to)
	}
	v := scalarValue(t)
	if v.ref == nil {
		if to.isReference() || to.kind == kNullable {
			return Null, nil
		}
		return Null, dotnet.NewException(dotnet.InvalidCastException, "Null object cannot be converted to a value type.")
	}
	if isInstance(v, to) {
		return v, nil
	}
	return changeType(f, v, to.underlying())
}

// changeType is Convert.ChangeType of a value that is not null and not of the type yet.
func changeType(f *Frame, v Value, to *Type) (Value, error) {
	if typeOf(v) == to {
		return v, nil
	}
	switch {
	case to == stringType:
		s, err := f.text(v)
		return String(s), err
	case to == objectType:
		return v, nil
	case v.IsString():
		return convertText(v.Str(), to)
	}
	if x, ok := v.ref.(*bigInteger); ok {
		return convertBig(x.n, to)
	}
	t, scalar := v.ref.(*Type)
	_, isDecimal := v.ref.(*dotnet.Decimal)
	number := isDecimal || scalar && (t.isNumber() || t.kind == kBool)
	switch {
	case to == dateTimeType:
		if o, ok := v.ref.(*dotnet.DateTimeOffset); ok {
			return Number(dateTimeType, int64(o.Clock())), nil
		}
	case number && to.kind == kBool:
		if isDecimal {
			return Bool(!decimalOf(v).IsZero()), nil
		}
		return Bool(t.kind == kDouble && v.Float() != 0 || t.kind == kFloat && v.Float() != 0 || !(t.kind == kDouble || t.kind == kFloat) && v.n != 0), nil
	case number && to.isNumber():
		return convertNumber(v, to)
	}
	return Null, dotnet.InvalidConversion(simpleName(typeOf(v).String()), simpleName(to.String()))
}

// convertText parses a text as Convert does.
func convertText(s string, to *Type) (Value, error) {
	switch {
	case to == dateTimeType:
		d, err := dotnet.ParseDateTime(s, dotnet.Now(dotnet.Local))
		return Number(dateTimeType, int64(d)), err
	case to == timeSpanType:
		d, err := dotnet.ParseTimeSpan(s)
		return Number(timeSpanType, int64(d)), err
	case to.kind == kBool:
		x, err := dotnet.ParseBool(s)
		return Bool(x), err
	case to.kind == kChar:
		x, err := dotnet.ParseChar(s)
		return Char(x), err
	case to.kind == kDouble:
		x, err := dotnet.ParseDouble(s)
		return Double(x), err
	case to.kind == kFloat:
		x, err := dotnet.ParseSingle(s)
		return Single(x), err
	case to.kind == kDecimal:
		x, err := dotnet.ParseDecimal(s)
		return decimalValue(x), err
	case to.isInteger():
		x, err := dotnet.ParseInt(s, intKinds[to.kind])
		return Number(to, x), err
	}
	return Null, dotnet.InvalidConversion("String", simpleName(to.String()))
}

// convertNumber rounds to even and checks the range.
func convertNumber(v Value, to *Type) (Value, error) {
	if d, ok := v.ref.(*dotnet.Decimal); ok {
		if to.isInteger() {
			n, err := dotnet.DecimalToInt(*d, intKinds[to.kind])
			return Number(to, n), err
		}
		return floating(to, d.Float()), nil
	}
	from := v.ref.(*Type)
	if from.kind == kBool {
		v, from = Int(int(v.n)), intType
	}
	switch {
	case to.kind == kDecimal:
		return decimalCode(from, to)(v)
	case to.kind == kDouble || to.kind == kFloat:
		return floating(to, toFloat(v, from.kind)), nil
	case from.kind == kDouble || from.kind == kFloat:
		n, err := dotnet.FloatToInt(v.Float(), intKinds[to.kind])
		return Number(to, n), err
	}
	n, err := dotnet.Narrow(v.n, intKinds[from.kind], intKinds[to.kind])
	return Number(to, n), err
}

func convertBig(n *big.Int, to *Type) (Value, error) {
	switch {
	case to.kind == kDouble || to.kind == kFloat:
		x, _ := new(big.Float).SetInt(n).Float64()
		return floating(to, x), nil
	case to.kind == kDecimal:
		x, err := dotnet.ParseDecimal(n.String())
		return decimalValue(x), err
	case to.kind == kULong && n.IsUint64():
		return Number(to, int64(n.Uint64())), nil
	case to.isInteger():
		return Null, dotnet.OverflowOf("an " + simpleName(to.String()))
	}
	return Null, dotnet.InvalidConversion("BigInteger", simpleName(to.String()))
}

// valuesOf makes the code of Values: the children of each item, or the member of a name or place, converted.
func valuesOf(to *Type) Func {
	return func(f *Frame, a []Value) (Value, error) {
		var list []Value
		add := func(x *newtonsoft.Token) error {
			if x == nil {
				return nil
			}
			v, err := castToken(f, x, to)
			if err == nil {
				err = f.Spend(valueSize)
			}
			list = append(list, v)
			return err
		}
		err := iterate(f, a[0], func(item Value) (bool, error) {
			if err := f.Step(1); err != nil {
				return false, err
			}
			t := asToken(item)
			switch {
			case t == nil:
			case len(a) > 1 && a[1].ref != nil:
				v, err := childAt(f, t, []Value{item, a[1]})
				if err == nil {
					err = add(asToken(v))
				}
				return err == nil, err
			case !t.IsContainer():
				return true, add(t)
			default:
				for _, c := range t.Items() {
					if err := add(c); err != nil {
						return false, err
					}
				}
			}
			return true, nil
		})
		return Value{&Array{to, list}, 0}, treeError(err)
	}
}

// allOf makes the code of extensions that visit tokens of each item.
func allOf(elem *Type, visit func(*newtonsoft.Token, func(*newtonsoft.Token) bool)) Func {
	one := walked(elem, visit)
	return func(f *Frame, a []Value) (Value, error) {
		var list []Value
		err := iterate(f, a[0], func(item Value) (bool, error) {
			if item.ref == nil {
				return true, nil
			}
			v, err := one(f, []Value{item})
			if err == nil {
				list = append(list, v.ref.(*Array).Items...)
			}
			return err == nil, err
		})
		return Value{&Array{elem, list}, 0}, err
	}
}

// jsonConversions are JToken's operators, from and to the basic types and their nullables.
func jsonConversions() members {
	const numbers = "Integer Float String Comment Raw Boolean"
	var list members
	for _, c := range []struct{ cs, name, from string }{
		{"bool", "Boolean", numbers}, {"long", "Int64", numbers}, {"int", "Int32", numbers}, {"short", "Int16", numbers}, {"ushort", "UInt16", numbers},
		{"byte", "Byte", numbers}, {"sbyte", "SByte", numbers}, {"uint", "UInt32", numbers}, {"ulong", "UInt64", numbers},
		{"float", "Single", numbers}, {"double", "Double", numbers}, {"decimal", "Decimal", numbers},
		{"char", "Char", "Integer Float String Comment Raw"}, {"DateTime", "DateTime", "Date String Comment Raw"},
		{"DateTimeOffset", "DateTimeOffset", "Date String Comment Raw"}, {"Guid", "Guid", "String Comment Raw Guid Bytes"},
		{"TimeSpan", "TimeSpan", "String Comment Raw TimeSpan"},
	} {
		list = append(list,
			m("static explicit operator "+c.cs+"(JToken value)", converting(c.name, c.from, false)),
			m("static explicit operator "+c.cs+"?(JToken value)", converting(c.name, c.from, true)),
			m("static implicit operator JToken("+c.cs+" value)", newValue),
			m("static implicit operator JToken("+c.cs+"? value)", newValue))
	}
	return append(list,
		m("static explicit operator string(JToken value)", converting("String", "Date Integer Float String Comment Raw Boolean Bytes Guid TimeSpan Uri", true)),
		m("static explicit operator byte[](JToken value)", converting("byte array", "Bytes String Comment Raw Integer", false)),
		m("static explicit operator Uri(JToken value)", converting("Uri", "String Comment Raw Uri", true)),
		m("static implicit operator JToken(string value)", newValue), m("static implicit operator JToken(byte[] value)", newValue),
		m("static implicit operator JToken(Uri value)", newValue))
}

// basicTypes are the types that tokens and elements convert to, by their simple names.
var basicTypes = map[string]*Type{
	"Boolean": boolType, "Char": charType, "SByte": sbyteType, "Byte": byteType, "Int16": shortType, "UInt16": ushortType, "Int32": intType,
	"UInt32": uintType, "Int64": longType, "UInt64": ulongType, "Single": floatType, "Double": doubleType, "Decimal": decimalType,
	"DateTime": dateTimeType, "TimeSpan": timeSpanType,
}

// converting makes the code of an explicit operator.
func converting(name, from string, nulls bool) Func {
	allowed := wordSet(from)
	return treeCode(func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
		if t == nil {
			if nulls || name == "byte array" {
				return Null, nil
			}
			return Null, dotnet.ArgumentNull("value")
		}
		if t.Type() == newtonsoft.Property {
			t = t.Item()
		}
		empty := t.Type() == newtonsoft.Null || t.Type() == newtonsoft.Undefined
		if !allowed[t.Type().String()] && !(nulls && empty) {
			return Null, dotnet.NewException(dotnet.ArgumentException, "Can not convert %s to %s.", t.Type(), name)
		}
		v := scalarValue(t)
		if v.ref == nil {
			return Null, nil
		}
		return convertTo(f, v, name)
	})
}

// convertTo converts the value of a JValue for an operator.
func convertTo(f *Frame, v Value, name string) (Value, error) {
	switch name {
	case "String":
		if b, ok := v.ref.(*Blob); ok {
			return String(dotnet.ToBase64(b.B, false)), f.Spend(2 * len(b.B))
		}
		s, err := f.text(v)
		return String(s), err
	case "byte array":
		return toBytes(f, v)
	case "Uri":
		if !v.IsString() {
			return v, nil
		}
		u, err := dotnet.ParseURI(v.Str())
		if err != nil {
			return Value{dotnet.Relative(v.Str()), 0}, nil
		}
		return Value{u, 0}, nil
	case "Guid":
		if b, ok := v.ref.(*Blob); ok {
			g, err := dotnet.GuidOfBytes(b.B)
			return guidValue(g), err
		}
		if !v.IsString() {
			return v, nil
		}
		g, err := dotnet.ParseGuid(v.Str())
		return guidValue(g), err
	case "DateTimeOffset":
		return toOffset(v)
	}
	to := basicTypes[name]
	if x, ok := v.ref.(*bigInteger); ok && name == "Boolean" {
		return Bool(x.n.Sign() != 0), nil
	}
	return changeType(f, v, to)
}

func toOffset(v Value) (Value, error) {
	var o dotnet.DateTimeOffset
	switch {
	case v.IsString():
		var err error
		if o, err = dotnet.ParseDateTimeOffset(v.Str(), dotnet.Now(dotnet.Local)); err != nil {
			return Null, err
		}
	case v.ref == dateTimeType:
		o = dotnet.OffsetOf(dotnet.DateTime(v.n))
	default:
		return v, nil
	}
	return Value{&o, 0}, nil
}

func toBytes(f *Frame, v Value) (Value, error) {
	switch x := v.ref.(type) {
	case *Blob:
		return v, nil
	case text:
		b, err := dotnet.FromBase64(v.Str())
		if err != nil {
			return Null, err
		}
		return Bytes(b), f.Spend(len(b))
	case *bigInteger:
		b := x.n.Bytes()
		for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
		return Bytes(b), nil
	}
	return Null, dotnet.NewException(dotnet.ArgumentException, "Can not convert %s to byte array.", "Integer")
}
