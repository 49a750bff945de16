package expr

import (
	"math"
	"slices"

	"gatehouse/dotnet"
)

// Conversions between types (C# 7 specification, chapter "Conversions").

// implicit converts x to a type if C# does it unasked.
func (b *binder) implicit(x operand, to *Type) (operand, bool) {
	if x.k == oError || to == errType {
		return failed(x.at), true
	}
	if x.k == oLambda {
		return b.lambdaTo(x, to)
	}
	if x.k == oGroup {
		return b.groupTo(x, to)
	}
	if x.k != oValue {
		return x, false
	}
	if y, ok := b.standard(x, to); ok {
		return y, true
	}
	return b.userConversion(x, to, false)
}

// standard converts x to a type by a conversion of the language itself.
func (b *binder) standard(x operand, to *Type) (operand, bool) {
	from := x.t
	switch {
	case from == to:
		return x, true
	case to.kind == kVoid || from.kind == kVoid || to.kind == kTypeParam || to.static:
		return x, false
	case from.kind == kNull:
		return b.nullTo(x, to)
	}
	if y, ok := b.constantTo(x, to); ok {
		return y, true
	}
	if widens(from, to) {
		return b.numeric(x, to), true
	}
	if to.kind == kNullable {
		if from.kind == kNullable {
			if widens(from.elem, to.elem) {
				return x.mapped(to, lifted(numericCode(from.elem, to.elem))), true
			}
			return x, false
		}
		y, ok := b.standard(x, to.elem)
		if !ok || y.t != to.elem {
			return x, false
		}
		y.t, y.c = to, nil
		return y, true
	}
	if from == jobjectType && to.def == dictionaryType && to.args[0] == stringType && to.args[1] == jtokenType {
		return x.mapped(to, func(v Value) (Value, error) { return dictionaryOf(v), nil }), true
	}
	if from.derives(to) {
		return x.as(to), true
	}
	return x, false
}

func (b *binder) nullTo(x operand, to *Type) (operand, bool) {
	if x.t == defaultType {
		v := to.defaultValue()
		return constant(x.at, v, to), true
	}
	if to.isReference() || to.kind == kNullable {
		return operand{k: oValue, t: to, at: x.at, c: x.c, run: x.run}, true
	}
	return x, false
}

// constantTo converts constants that fit: an int into a smaller type, 0 into an enumeration.
func (b *binder) constantTo(x operand, to *Type) (operand, bool) {
	if x.c == nil {
		return x, false
	}
	switch {
	case to.kind == kEnum && x.t.isInteger() && x.t != charType && x.c.n == 0:
		return constant(x.at, Value{to, 0}, to), true
	case x.t == intType && to.isInteger() && to != charType && fits(x.c.n, to.kind):
		return constant(x.at, Number(to, x.c.n), to), true
	case x.t == longType && to == ulongType && x.c.n >= 0:
		return constant(x.at, Number(to, x.c.n), to), true
	}
	return x, false
}

// fits reports whether an int is a value of an integer type.
func fits(n int64, k kind) bool {
	switch k {
	case kSByte:
		return n == int64(int8(n))
	case kByte:
		return n == int64(uint8(n))
	case kShort:
		return n == int64(int16(n))
	case kUShort, kChar:
		return n == int64(uint16(n))
	case kInt:
		return n == int64(int32(n))
	case kUInt:
		return n == int64(uint32(n))
	case kULong:
		return n >= 0
	}
	return true
}

// widening lists the implicit numeric conversions.
var widening = map[kind][]kind{
	kSByte:  {kShort, kInt, kLong, kFloat, kDouble, kDecimal},
	kByte:   {kShort, kUShort, kInt, kUInt, kLong, kULong, kFloat, kDouble, kDecimal},
	kShort:  {kInt, kLong, kFloat, kDouble, kDecimal},
	kUShort: {kInt, kUInt, kLong, kULong, kFloat, kDouble, kDecimal},
	kInt:    {kLong, kFloat, kDouble, kDecimal},
	kUInt:   {kLong, kULong, kFloat, kDouble, kDecimal},
	kLong:   {kFloat, kDouble, kDecimal},
	kULong:  {kFloat, kDouble, kDecimal},
	kChar:   {kUShort, kInt, kUInt, kLong, kULong, kFloat, kDouble, kDecimal},
	kFloat:  {kDouble},
}

func widens(from, to *Type) bool {
	return from.isNumber() && to.isNumber() && slices.Contains(widening[from.kind], to.kind)
}

// converts reports whether there is an implicit conversion from a type to another, for operands that are not constants.
func (b *binder) converts(from, to *Type) bool {
	_, ok := b.implicit(operand{k: oValue, t: from, run: nothing}, to)
	return ok
}

func (b *binder) standardConverts(from, to *Type) bool {
	_, ok := b.standard(operand{k: oValue, t: from, run: nothing}, to)
	return ok
}

func nothing(*Frame) (Value, error) { return Null, nil }

// numeric converts between numbers.
func (b *binder) numeric(x operand, to *Type) operand {
	run := numericCode(x.t, to)
	if x.c != nil {
		if v, err := run(*x.c); err == nil {
			return constant(x.at, v, to)
		}
	}
	return x.mapped(to, run)
}

// numericCode converts a value of one number type to another, unchecked.
func numericCode(from, to *Type) func(Value) (Value, error) {
	switch {
	case from.kind == kDecimal || to.kind == kDecimal:
		return decimalCode(from, to)
	case to.kind == kFloat || to.kind == kDouble:
		return func(v Value) (Value, error) { return floating(to, toFloat(v, from.kind)), nil }
	case from.kind == kFloat || from.kind == kDouble:
		return func(v Value) (Value, error) { return Value{to, truncated(v.Float(), to.kind)}, nil }
	}
	return func(v Value) (Value, error) { return Value{to, wrap(v.n, to.kind)}, nil }
}

func toFloat(v Value, k kind) float64 {
	switch k {
	case kFloat, kDouble:
		return v.Float()
	case kULong:
		return float64(uint64(v.n))
	}
	return float64(v.n)
}

func floating(t *Type, x float64) Value {
	if t.kind == kFloat {
		return Single(float32(x))
	}
	return Double(x)
}

// wrap cuts an integer to the bits of a type.
func wrap(n int64, k kind) int64 {
	switch k {
	case kSByte:
		return int64(int8(n))
	case kByte:
		return int64(uint8(n))
	case kShort:
		return int64(int16(n))
	case kUShort, kChar:
		return int64(uint16(n))
	case kInt:
		return int64(int32(n))
	case kUInt:
		return int64(uint32(n))
	}
	return n
}

// truncated converts a float to an integer as x64 does: what does not fit gives the least value, or wraps for narrow types.
func truncated(x float64, k kind) int64 {
	switch {
	case math.IsNaN(x):
		if k == kInt || k == kLong {
			return wrap(map[kind]int64{kInt: math.MinInt32, kLong: math.MinInt64}[k], k)
		}
		return 0
	case k == kULong:
		if x >= 1<<63 {
			if x >= 1<<64 {
				return math.MinInt64
			}
			return int64(uint64(x))
		}
		return int64(x)
	case x >= 1<<63 || x < -(1<<63):
		if k == kLong {
			return math.MinInt64
		}
		if k == kInt {
			return math.MinInt32
		}
		return 0
	case k == kInt && (x >= 1<<31 || x <= -(1<<31)-1):
		return math.MinInt32
	}
	return wrap(int64(x), k)
}

// lifted makes a conversion pass null on.
func lifted(run func(Value) (Value, error)) func(Value) (Value, error) {
	return func(v Value) (Value, error) {
		if v.ref == nil {
			return Null, nil
		}
		return run(v)
	}
}

// explicit converts x to a type as a cast does.
func (b *binder) explicit(x operand, to *Type) (operand, bool) {
	if y, ok := b.implicit(x, to); ok {
		return y, true
	}
	if x.k != oValue || x.t.kind == kVoid || to.static || to.kind == kTypeParam {
		return x, false
	}
	from := x.t
	switch {
	case castsNumber(from, to):
		return b.castNumber(x, to), true
	case from.kind == kNullable && to.kind == kNullable && castsNumber(from.elem, to.elem):
		return x.mapped(to, lifted(numberCast(from.elem, to.elem))), true
	case to.kind == kNullable && castsNumber(from, to.elem):
		return x.mapped(to, numberCast(from, to.elem)), true
	case from.kind == kNullable && (from.elem == to || castsNumber(from.elem, to)):
		run := numberCast(from.elem, to)
		return x.mapped(to, func(v Value) (Value, error) {
			if v.ref == nil {
				return Null, noValue()
			}
			return run(v)
		}), true
	}
	if y, ok := b.userConversion(x, to, true); ok {
		return y, true
	}
	if downcasts(from, to) {
		return x.mapped(to, caster(to)), true
	}
	return x, false
}

func noValue() error { return dotnet.InvalidOperation("Nullable object must have a value.") }

func castsNumber(from, to *Type) bool {
	number := func(t *Type) bool { return t.isNumber() || t.kind == kEnum }
	return number(from) && number(to)
}

func numberCast(from, to *Type) func(Value) (Value, error) {
	asInt := func(t *Type) *Type {
		if t.kind == kEnum {
			return intType
		}
		return t
	}
	if from == to {
		return func(v Value) (Value, error) { return v, nil }
	}
	run := numericCode(asInt(from), asInt(to))
	if to.kind != kEnum {
		return run
	}
	return func(v Value) (Value, error) {
		v, err := run(v)
		return Value{to, v.n}, err
	}
}

// castNumber casts between numbers; a constant that does not fit is refused, unless it stands in unchecked (M).
func (b *binder) castNumber(x operand, to *Type) operand {
	run := numberCast(x.t, to)
	if x.c != nil {
		if to.isInteger() && !b.inRange(*x.c, x.t, to) {
			if b.overflow != wraps {
				b.fail(x.at, "Constant value '%s' cannot be converted to a '%s' (use 'unchecked' syntax to override)", plain(*x.c), to.CSharp())
				return failed(x.at)
			}
		}
		if v, err := run(*x.c); err == nil {
			return constant(x.at, v, to)
		}
		b.fail(x.at, "Constant value '%s' cannot be converted to a '%s'", plain(*x.c), to.CSharp())
		return failed(x.at)
	}
	if b.overflow == throws && to.isInteger() && x.t.kind != kEnum {
		from := x.t
		return x.mapped(to, func(v Value) (Value, error) {
			if !inRange(v, from, to) {
				return Null, dotnet.Overflow()
			}
			return run(v)
		})
	}
	return x.mapped(to, run)
}

func (b *binder) inRange(v Value, from, to *Type) bool { return inRange(v, from, to) }

func inRange(v Value, from, to *Type) bool {
	switch from.kind {
	case kDecimal:
		return true
	case kFloat, kDouble:
		x := math.Trunc(v.Float())
		low, high := bounds(to.kind)
		return x >= low && x <= high && !(high >= math.MaxInt64 && x >= high+1)
	case kULong:
		if v.n < 0 {
			return to.kind == kULong
		}
	}
	if to.kind == kULong {
		return v.n >= 0
	}
	return fits(v.n, to.kind)
}

func bounds(k kind) (low, high float64) {
	switch k {
	case kSByte:
		return math.MinInt8, math.MaxInt8
	case kByte:
		return 0, math.MaxUint8
	case kShort:
		return math.MinInt16, math.MaxInt16
	case kUShort, kChar:
		return 0, math.MaxUint16
	case kInt:
		return math.MinInt32, math.MaxInt32
	case kUInt:
		return 0, math.MaxUint32
	case kULong:
		return 0, math.MaxUint64
	}
	return math.MinInt64, math.MaxInt64
}

// downcasts reports whether a reference of one type may turn out to be of another.
func downcasts(from, to *Type) bool {
	switch {
	case from.kind == kTypeParam || to.kind == kTypeParam:
		return false
	case to.derives(from):
		return true
	case to.kind == kNullable:
		return to.elem.derives(from) && !from.isValue()
	case from.isValue() || to.isValue():
		return false
	case from.kind == kInterface:
		return to != stringType && (to.kind != kArray || from.def != nil)
	case to.kind == kInterface:
		return from.kind != kString && from.kind != kArray && from.kind != kDelegate
	case from.kind == kArray && to.kind == kArray:
		return downcasts(from.elem, to.elem)
	}
	return false
}

// caster checks at run time that an object is of a type.
func caster(to *Type) func(Value) (Value, error) {
	return func(v Value) (Value, error) {
		if v.ref == nil {
			if to.isValue() && to.kind != kNullable {
				return Null, dotnet.NullReference()
			}
			return Null, nil
		}
		if isInstance(v, to) {
			return v, nil
		}
		return Null, dotnet.InvalidCast(typeOf(v).String(), to.String())
	}
}

// isInstance reports whether an object, which is not null, is of a type.
func isInstance(v Value, t *Type) bool {
	if t.kind == kNullable {
		t = t.elem
	}
	of := typeOf(v)
	return of == t || !t.isValue() && of.derives(t)
}

// userConversion converts by an operator that one of the types, or a base of theirs, declares.
func (b *binder) userConversion(x operand, to *Type, explicit bool) (operand, bool) {
	from := x.t
	if from.kind == kInterface || to.kind == kInterface || from.kind == kNull || to == objectType || from == objectType && !explicit {
		return x, false
	}
	var candidates []*member
	collect := func(t *Type) {
		for ; t != nil; t = t.base() {
			for _, m := range t.definition().fresh {
				if m.kind == mConversion && (m.implicit || explicit) && !slices.Contains(candidates, m) {
					candidates = append(candidates, m)
				}
			}
		}
	}
	collect(from.underlying())
	collect(to.underlying())
	m := b.bestConversion(candidates, x, to, explicit)
	if m == nil {
		return b.liftedConversion(x, to, explicit)
	}
	y, ok := b.standard(x, m.params[0].typ)
	if !ok {
		if y, ok = b.explicitStandard(x, m.params[0].typ); !ok {
			return x, false
		}
	}
	b.noteUse(m)
	r := b.call(m, m.fn, nil, []operand{y}, m.ret, x.at)
	if z, ok := b.standard(r, to); ok {
		return z, true
	}
	return b.explicitStandard(r, to)
}

func (b *binder) liftedConversion(x operand, to *Type, explicit bool) (operand, bool) {
	if x.t.kind != kNullable || to.kind != kNullable && !explicit {
		return x, false
	}
	tmp := b.alloc(1)
	inner := operand{k: oValue, t: x.t.elem, at: x.at, run: func(f *Frame) (Value, error) { return f.slots[tmp], nil }}
	y, ok := b.userConversion(inner, to.underlying(), explicit)
	if !ok {
		return x, false
	}
	run, isNullable := x.run, to.kind == kNullable
	return operand{k: oValue, t: to, at: x.at, run: func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		if v.ref == nil {
			if isNullable {
				return Null, nil
			}
			return Null, noValue()
		}
		f.slots[tmp] = v
		return y.run(f)
	}}, true
}

// explicitStandard is a cast without operators of types.
func (b *binder) explicitStandard(x operand, to *Type) (operand, bool) {
	switch {
	case castsNumber(x.t, to):
		return b.castNumber(x, to), true
	case x.t.kind == kNullable && x.t.elem == to:
		return x.mapped(to, func(v Value) (Value, error) {
			if v.ref == nil {
				return Null, noValue()
			}
			return v, nil
		}), true
	case downcasts(x.t, to):
		return x.mapped(to, caster(to)), true
	}
	return x, false
}

// bestConversion picks the most specific operator (C# 7 specification, "Processing of user-defined conversions").
func (b *binder) bestConversion(list []*member, x operand, to *Type, explicit bool) *member {
	encompasses := func(wide, narrow *Type) bool { return wide == narrow || b.standardConverts(narrow, wide) }
	fitsSource := func(p *Type) bool {
		if _, ok := b.standard(x, p); ok {
			return true
		}
		return explicit && encompasses(x.t, p)
	}
	fitsTarget := func(r *Type) bool { return encompasses(to, r) || explicit && encompasses(r, to) }
	var usable []*member
	for _, m := range list {
		if fitsSource(m.params[0].typ) && fitsTarget(m.ret) {
			usable = append(usable, m)
		}
	}
	if len(usable) == 0 {
		return nil
	}
	var sources, targets []*Type
	for _, m := range usable {
		sources, targets = append(sources, m.params[0].typ), append(targets, m.ret)
	}
	source := mostSpecific(sources, x.t, func(t *Type) bool { return encompasses(t, x.t) }, encompasses)
	target := mostSpecific(targets, to, func(t *Type) bool { return encompasses(to, t) }, func(a, c *Type) bool { return encompasses(c, a) })
	for _, m := range usable {
		if m.params[0].typ == source && m.ret == target {
			return m
		}
	}
	return nil
}

// mostSpecific prefers the wanted type itself, then the nearest of those on the good side, then the nearest of the others.
func mostSpecific(list []*Type, wanted *Type, good func(*Type) bool, encompasses func(wide, narrow *Type) bool) *Type {
	if slices.Contains(list, wanted) {
		return wanted
	}
	var side []*Type
	for _, t := range list {
		if good(t) {
			side = append(side, t)
		}
	}
	inner := true
	if len(side) == 0 {
		side, inner = list, false
	}
	for _, t := range side {
		best := true
		for _, u := range side {
			if inner && !encompasses(u, t) || !inner && !encompasses(t, u) {
				best = false
				break
			}
		}
		if best {
			return t
		}
	}
	return nil
}

// to converts x or reports that it cannot.
func (b *binder) to(x operand, t *Type) operand {
	if x.k == oError || t == errType {
		return failed(x.at)
	}
	if y, ok := b.implicit(x, t); ok {
		return y
	}
	if x.k == oLambda {
		b.lambdaFault(x, t)
		return failed(x.at)
	}
	b.failConversion(x, t)
	return failed(x.at)
}

func (b *binder) failConversion(x operand, t *Type) {
	if x.k == oGroup {
		b.fail(x.at, "Cannot convert method group '%s' to non-delegate type '%s'. Did you intend to invoke the method?", x.name, t.CSharp())
		return
	}
	if x.c != nil && x.t == intType && t.isInteger() {
		b.fail(x.at, "Constant value '%s' cannot be converted to a '%s'", plain(*x.c), t.CSharp())
		return
	}
	if x.k == oValue && x.t.kind == kNull {
		b.fail(x.at, "Cannot convert null to '%s' because it is a non-nullable value type", t.CSharp())
		return
	}
	if x.k == oValue {
		before := len(b.faults)
		_, ok := b.explicit(x, t)
		b.faults = b.faults[:before]
		if ok {
			b.fail(x.at, "Cannot implicitly convert type '%s' to '%s'. An explicit conversion exists (are you missing a cast?)", x.describe(), t.CSharp())
			return
		}
	}
	b.fail(x.at, "Cannot implicitly convert type '%s' to '%s'", x.describe(), t.CSharp())
}
