package expr

import "gatehouse/dotnet"

// Decimals are pointers to dotnet.Decimal, which is not changed once it is there.

func decimalValue(d dotnet.Decimal) Value { return Value{&d, 0} }

func decimalOf(v Value) dotnet.Decimal {
	if d, ok := v.ref.(*dotnet.Decimal); ok {
		return *d
	}
	return dotnet.Decimal{}
}

func decimalLiteral(digits string) (Value, bool) {
	d, err := dotnet.ParseDecimalStyle(digits, dotnet.FloatStyle)
	return decimalValue(d), err == nil
}

func decimalOperation(op string) operation {
	return func(x, y Value) (Value, error) {
		a, c := decimalOf(x), decimalOf(y)
		var d dotnet.Decimal
		var err error
		switch op {
		case "+":
			d, err = a.Add(c)
		case "-":
			d, err = a.Sub(c)
		case "*":
			d, err = a.Mul(c)
		case "/":
			d, err = a.Div(c)
		default:
			d, err = a.Rem(c)
		}
		if err != nil {
			return Null, err
		}
		return decimalValue(d), nil
	}
}

var intKinds = map[kind]dotnet.IntKind{
	kSByte: dotnet.SByte, kByte: dotnet.Byte, kShort: dotnet.Int16, kUShort: dotnet.UInt16, kChar: dotnet.UInt16,
	kInt: dotnet.Int32, kUInt: dotnet.UInt32, kLong: dotnet.Int64, kULong: dotnet.UInt64,
}

// decimalCode converts between decimal and the other numbers.
func decimalCode(from, to *Type) func(Value) (Value, error) {
	return func(v Value) (Value, error) {
		if from.kind == to.kind {
			return v, nil
		}
		if to.kind == kDecimal {
			var d dotnet.Decimal
			var err error
			switch from.kind {
			case kDouble:
				d, err = dotnet.DecimalOfDouble(v.Float())
			case kFloat:
				d, err = dotnet.DecimalOfSingle(float32(v.Float()))
			case kULong:
				d = dotnet.DecimalOfUint(uint64(v.n))
			default:
				d = dotnet.DecimalOf(v.n)
			}
			if err != nil {
				return Null, err
			}
			return decimalValue(d), nil
		}
		d := decimalOf(v)
		if to.kind == kFloat || to.kind == kDouble {
			return floating(to, d.Float()), nil
		}
		n, err := d.Truncate().Int(intKinds[to.kind])
		return Value{to, n}, err
	}
}
