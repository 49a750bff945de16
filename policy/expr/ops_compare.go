package expr

// Comparison and equality.

// comparison applies < > <= >= to numbers and enumerations. With null it is false.
func (b *binder) comparison(at int, op string, x, y operand) (operand, bool) {
	x, y = b.nullOperand(x, y)
	t := b.comparable(&x, &y)
	if t == nil {
		return x, false
	}
	l, r, isLifted := b.both(x, y, t)
	return b.compare(at, op, t, l, r, isLifted), true
}

// comparable is the type on which two values are compared: that of numbers, or the same enumeration.
func (b *binder) comparable(x, y *operand) *Type {
	s, t := x.t.underlying(), y.t.underlying()
	switch {
	case s.kind == kEnum && s == t:
		return s
	case s.kind == kEnum && y.c != nil && y.t.isInteger() && y.c.n == 0:
		*y = constant(y.at, Value{s, 0}, s)
		return s
	case t.kind == kEnum && x.c != nil && x.t.isInteger() && x.c.n == 0:
		*x = constant(x.at, Value{t, 0}, t)
		return t
	}
	return promoted(*x, *y)
}

// compare makes the code of a comparison.
func (b *binder) compare(at int, op string, t *Type, x, y operand, isLifted bool) operand {
	test := comparisonOf(op, t)
	if isLifted {
		l, r := x.run, y.run
		return computed(at, boolType, func(f *Frame) (Value, error) {
			v, err := l(f)
			if err != nil {
				return Null, err
			}
			w, err := r(f)
			if err != nil {
				return Null, err
			}
			if v.ref == nil || w.ref == nil {
				same := v.ref == nil && w.ref == nil
				return Bool(op == "==" && same || op == "!=" && !same), nil
			}
			return Bool(test(v, w)), nil
		})
	}
	if x.c != nil && y.c != nil {
		return constant(at, Bool(test(*x.c, *y.c)), boolType)
	}
	l, r := x.run, y.run
	if y.c != nil && t == intType {
		return computed(at, boolType, intComparison(op, l, y.c.n))
	}
	return computed(at, boolType, func(f *Frame) (Value, error) {
		v, err := l(f)
		if err != nil {
			return Null, err
		}
		w, err := r(f)
		if err != nil {
			return Null, err
		}
		return Bool(test(v, w)), nil
	})
}

func intComparison(op string, l code, n int64) code {
	switch op {
	case "==":
		return func(f *Frame) (Value, error) { v, err := l(f); return Bool(v.n == n), err }
	case "!=":
		return func(f *Frame) (Value, error) { v, err := l(f); return Bool(v.n != n), err }
	case "<":
		return func(f *Frame) (Value, error) { v, err := l(f); return Bool(v.n < n), err }
	case ">":
		return func(f *Frame) (Value, error) { v, err := l(f); return Bool(v.n > n), err }
	case "<=":
		return func(f *Frame) (Value, error) { v, err := l(f); return Bool(v.n <= n), err }
	}
	return func(f *Frame) (Value, error) { v, err := l(f); return Bool(v.n >= n), err }
}

func comparisonOf(op string, t *Type) func(x, y Value) bool {
	switch t.kind {
	case kFloat, kDouble:
		return func(x, y Value) bool {
			a, c := x.Float(), y.Float()
			switch op {
			case "<":
				return a < c
			case ">":
				return a > c
			case "<=":
				return a <= c
			case ">=":
				return a >= c
			case "==":
				return a == c
			}
			return a != c
		}
	case kDecimal:
		return func(x, y Value) bool { return ordered(op, decimalOf(x).Cmp(decimalOf(y))) }
	case kULong:
		return func(x, y Value) bool { return ordered(op, compareUnsigned(uint64(x.n), uint64(y.n))) }
	}
	switch op {
	case "==":
		return func(x, y Value) bool { return x.n == y.n }
	case "!=":
		return func(x, y Value) bool { return x.n != y.n }
	case "<":
		return func(x, y Value) bool { return x.n < y.n }
	case ">":
		return func(x, y Value) bool { return x.n > y.n }
	case "<=":
		return func(x, y Value) bool { return x.n <= y.n }
	}
	return func(x, y Value) bool { return x.n >= y.n }
}

func compareUnsigned(a, c uint64) int {
	switch {
	case a < c:
		return -1
	case a > c:
		return 1
	}
	return 0
}

func ordered(op string, c int) bool {
	switch op {
	case "<":
		return c < 0
	case ">":
		return c > 0
	case "<=":
		return c <= 0
	case ">=":
		return c >= 0
	case "==":
		return c == 0
	}
	return c != 0
}

// equality applies == and != to numbers, booleans, strings and references.
func (b *binder) equality(at int, op string, x, y operand) (operand, bool) {
	if x.t == defaultType || y.t == defaultType {
		return b.equalsDefault(at, op, x, y)
	}
	s, t := x.t, y.t
	switch {
	case s.kind == kNull && t.kind == kNull:
		return constant(at, Bool(op == "=="), boolType), true
	case t.kind == kNull:
		return b.equalsNull(at, op, x)
	case s.kind == kNull:
		return b.equalsNull(at, op, y)
	case s == stringType && t == stringType:
		return b.equalsString(at, op, x, y), true
	case s.underlying() == boolType && t.underlying() == boolType:
		l, r, isLifted := b.both(x, y, boolType)
		return b.compare(at, op, boolType, l, r, isLifted), true
	}
	if on := b.comparable(&x, &y); on != nil {
		l, r, isLifted := b.both(x, y, on)
		return b.compare(at, op, on, l, r, isLifted), true
	}
	if s.isReference() && t.isReference() && (s.derives(t) || t.derives(s) || s.kind == kInterface && !t.isValue() && downcasts(s, t) || t.kind == kInterface && downcasts(t, s)) {
		return b.equalsReference(at, op, x, y), true
	}
	return x, false
}

func (b *binder) equalsDefault(at int, op string, x, y operand) (operand, bool) {
	if x.t == defaultType {
		x, y = y, x
	}
	if x.t.kind == kNull {
		return x, false
	}
	y, ok := b.nullTo(y, x.t)
	if !ok {
		return x, false
	}
	return b.operate(at, op, x, y), true
}

func (b *binder) equalsNull(at int, op string, x operand) (operand, bool) {
	if x.t.isValue() && x.t.kind != kNullable {
		return x, false
	}
	run, want := x.run, op == "=="
	return computed(at, boolType, func(f *Frame) (Value, error) {
		v, err := run(f)
		return Bool((v.ref == nil) == want), err
	}), true
}

func (b *binder) equalsString(at int, op string, x, y operand) operand {
	want := op == "=="
	if x.c != nil && y.c != nil {
		return constant(at, Bool(sameText(*x.c, *y.c) == want), boolType)
	}
	l, r := x.run, y.run
	if y.c != nil && y.c.ref != nil {
		s := y.c.Str()
		return computed(at, boolType, func(f *Frame) (Value, error) {
			v, err := l(f)
			return Bool((v.ref != nil && v.Str() == s) == want), err
		})
	}
	return computed(at, boolType, func(f *Frame) (Value, error) {
		v, err := l(f)
		if err != nil {
			return Null, err
		}
		w, err := r(f)
		f.weigh(v)
		return Bool(sameText(v, w) == want), err
	})
}

func sameText(v, w Value) bool {
	if v.ref == nil || w.ref == nil {
		return v.ref == nil && w.ref == nil
	}
	return v.Str() == w.Str()
}

// equalsReference compares references. A static string and an object that holds one are compared by text: C# compares
// references there, which is true on .NET by the luck of interning (policy-expressions.md 4).
func (b *binder) equalsReference(at int, op string, x, y operand) operand {
	l, r, want := x.run, y.run, op == "=="
	text := x.t == stringType || y.t == stringType
	if text && x.t != y.t {
		b.warnings = append(b.warnings, lexFault{at, "Possible unintended reference comparison; to get a value comparison, cast the other side to type 'string'"})
	}
	return computed(at, boolType, func(f *Frame) (Value, error) {
		v, err := l(f)
		if err != nil {
			return Null, err
		}
		w, err := r(f)
		if err != nil {
			return Null, err
		}
		if text && v.IsString() && w.IsString() {
			return Bool((v.Str() == w.Str()) == want), nil
		}
		return Bool(sameObject(v, w) == want), nil
	})
}

// sameObject is ReferenceEquals. Two boxes are never the same.
func sameObject(v, w Value) bool {
	switch x := v.ref.(type) {
	case nil:
		return w.ref == nil
	case *Type:
		return false
	case Headers:
		y, ok := w.ref.(Headers)
		return ok && len(x) == len(y)
	case Claims:
		y, ok := w.ref.(Claims)
		return ok && len(x) == len(y)
	case stringMap:
		y, ok := w.ref.(stringMap)
		return ok && len(x) == len(y)
	}
	switch w.ref.(type) {
	case Headers, Claims, stringMap:
		return false
	}
	return v == w
}
