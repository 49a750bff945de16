package expr

import (
	"math"
	"math/big"

	"gatehouse/dotnet"
)

// operation computes a binary operator of values that have been converted to the type it works on.
type operation func(x, y Value) (Value, error)

// binary binds a binary operator.
func (b *binder) binary(n *binaryExpr) operand {
	switch n.op {
	case "&&", "||":
		x, yes, no := b.logical(n)
		b.state = yes.meet(no)
		return x
	case "??":
		return b.coalesce(n)
	}
	// Long sums nest to the left: they are walked, not recursed into.
	var chain []*binaryExpr
	var left node = n
	for {
		e, ok := left.(*binaryExpr)
		if !ok || precedence[e.op] < precedence["|"] {
			break
		}
		chain = append(chain, e)
		left = e.l
	}
	x := b.rvalueOrGroup(left)
	for i := len(chain) - 1; i >= 0; i-- {
		if b.busy() {
			return failed(n.at())
		}
		y := b.rvalueOrGroup(chain[i].r)
		x = b.operate(chain[i].at(), chain[i].op, x, y)
	}
	return x
}

func (b *binder) rvalueOrGroup(n node) operand { return b.rvalue(n) }

// operate applies a binary operator.
func (b *binder) operate(at int, op string, x, y operand) operand {
	if x.k == oError || y.k == oError {
		return failed(at)
	}
	if r, ok := b.userOperator(at, op, []operand{x, y}); ok {
		return r
	}
	var r operand
	ok := false
	switch op {
	case "+":
		if x.t == stringType || y.t == stringType {
			return b.concat(at, x, y)
		}
		r, ok = b.arithmetic(at, op, x, y)
	case "-", "*", "/", "%":
		r, ok = b.arithmetic(at, op, x, y)
	case "&", "|", "^":
		r, ok = b.bits(at, op, x, y)
	case "<<", ">>":
		r, ok = b.shift(at, op, x, y)
	case "==", "!=":
		r, ok = b.equality(at, op, x, y)
	case "<", ">", "<=", ">=":
		r, ok = b.comparison(at, op, x, y)
	}
	if !ok {
		b.fail(at, "Operator '%s' cannot be applied to operands of type '%s' and '%s'", op, x.describe(), y.describe())
		return failed(at)
	}
	r.at = at
	return r
}

// promoted is the type on which an operator of two numbers works; nil when there is none.
func promoted(x, y operand) *Type {
	s, t := x.t.underlying(), y.t.underlying()
	if !s.isNumber() || !t.isNumber() {
		return nil
	}
	has := func(k kind) bool { return s.kind == k || t.kind == k }
	other := func(k kind) *operand {
		if s.kind == k {
			return &y
		}
		return &x
	}
	positive := func(o *operand) bool { return o.c != nil && o.c.n >= 0 && (o.t == intType || o.t == longType) }
	isSigned := func(o *operand) bool {
		k := o.t.underlying().kind
		return k == kSByte || k == kShort || k == kInt || k == kLong
	}
	switch {
	case has(kDecimal):
		if has(kFloat) || has(kDouble) {
			return nil
		}
		return decimalType
	case has(kDouble):
		return doubleType
	case has(kFloat):
		return floatType
	case has(kULong):
		if o := other(kULong); isSigned(o) && !positive(o) {
			return nil
		}
		return ulongType
	case has(kLong):
		return longType
	case has(kUInt):
		if o := other(kUInt); isSigned(o) && !positive(o) {
			return longType
		}
		return uintType
	}
	return intType
}

// both converts two numbers to a type, or to its nullable when one of them may be null.
func (b *binder) both(x, y operand, t *Type) (operand, operand, bool) {
	isLifted := x.t.kind == kNullable || y.t.kind == kNullable
	if isLifted {
		t = nullable(t)
	}
	return b.forced(x, t), b.forced(y, t), isLifted
}

// forced converts a number to a wider one; constants that fit are taken too.
func (b *binder) forced(x operand, t *Type) operand {
	if y, ok := b.standard(x, t); ok {
		return y
	}
	if y, ok := b.explicitStandard(x, t); ok {
		return y
	}
	return x
}

// compute makes the code of an operation, folding constants.
func (b *binder) compute(at int, t *Type, x, y operand, isLifted bool, op operation) operand {
	if x.c != nil && y.c != nil && !isLifted {
		if v, err := op(*x.c, *y.c); err == nil {
			return constant(at, v, t)
		}
	}
	l, r := x.run, y.run
	if isLifted {
		return computed(at, nullable(t), func(f *Frame) (Value, error) {
			v, err := l(f)
			if err != nil {
				return Null, err
			}
			w, err := r(f)
			if err != nil || v.ref == nil || w.ref == nil {
				return Null, err
			}
			return op(v, w)
		})
	}
	return computed(at, t, func(f *Frame) (Value, error) {
		v, err := l(f)
		if err != nil {
			return Null, err
		}
		w, err := r(f)
		if err != nil {
			return Null, err
		}
		return op(v, w)
	})
}

// arithmetic applies + - * / % to numbers and enumerations.
func (b *binder) arithmetic(at int, op string, x, y operand) (operand, bool) {
	if x.t.kind == kEnum || y.t.kind == kEnum {
		return b.enumArithmetic(at, op, x, y)
	}
	x, y = b.nullOperand(x, y)
	t := promoted(x, y)
	if t == nil {
		return x, false
	}
	l, r, isLifted := b.both(x, y, t)
	if l.c != nil && r.c != nil && !isLifted {
		return b.fold(at, op, t, *l.c, *r.c), true
	}
	if r.c != nil && (op == "/" || op == "%") && isZero(*r.c, t) && (t.isInteger() || t.kind == kDecimal) {
		b.fail(at, "Division by constant zero")
		return failed(at), true
	}
	if !isLifted && t == intType && b.overflow != throws {
		if fast := intCode(op, l, r); fast != nil {
			return computed(at, t, fast), true
		}
	}
	return b.compute(at, t, l, r, isLifted, arithmeticOf(op, t, b.overflow == throws)), true
}

// nullOperand gives a null literal the nullable type of its neighbour.
func (b *binder) nullOperand(x, y operand) (operand, operand) {
	if x.t.kind == kNull && y.t.underlying().isNumber() {
		x.t = nullable(y.t.underlying())
	}
	if y.t.kind == kNull && x.t.underlying().isNumber() {
		y.t = nullable(x.t.underlying())
	}
	return x, y
}

func (b *binder) enumArithmetic(at int, op string, x, y operand) (operand, bool) {
	switch {
	case op == "-" && x.t == y.t:
		return b.compute(at, intType, x, y, false, func(v, w Value) (Value, error) { return Number(intType, v.n-w.n), nil }), true
	case (op == "+" || op == "-") && x.t.kind == kEnum && y.t.isInteger():
		t := x.t
		return b.compute(at, t, x, y, false, func(v, w Value) (Value, error) {
			if op == "-" {
				return Value{t, v.n - w.n}, nil
			}
			return Value{t, v.n + w.n}, nil
		}), true
	case op == "+" && y.t.kind == kEnum && x.t.isInteger():
		t := y.t
		return b.compute(at, t, x, y, false, func(v, w Value) (Value, error) { return Value{t, v.n + w.n}, nil }), true
	}
	return x, false
}

func isZero(v Value, t *Type) bool {
	if t.kind == kDecimal {
		return decimalOf(v).IsZero()
	}
	return v.n == 0
}

// fold computes constants; what overflows is refused, unless it stands in unchecked (M).
func (b *binder) fold(at int, op string, t *Type, x, y Value) operand {
	if (op == "/" || op == "%") && isZero(y, t) && (t.isInteger() || t.kind == kDecimal) {
		b.fail(at, "Division by constant zero")
		return failed(at)
	}
	v, err := arithmeticOf(op, t, b.overflow != wraps)(x, y)
	if err != nil {
		b.fail(at, "The operation overflows at compile time in checked mode")
		return failed(at)
	}
	return constant(at, v, t)
}

func intCode(op string, x, y operand) code {
	l, r := x.run, y.run
	switch op {
	case "+":
		if y.c != nil {
			n := y.c.n
			return func(f *Frame) (Value, error) {
				v, err := l(f)
				return Value{intType, int64(int32(v.n + n))}, err
			}
		}
		return func(f *Frame) (Value, error) {
			v, err := l(f)
			if err != nil {
				return Null, err
			}
			w, err := r(f)
			return Value{intType, int64(int32(v.n + w.n))}, err
		}
	case "-":
		if y.c != nil {
			n := y.c.n
			return func(f *Frame) (Value, error) {
				v, err := l(f)
				return Value{intType, int64(int32(v.n - n))}, err
			}
		}
	}
	return nil
}

// arithmeticOf returns an arithmetic operator on a type.
func arithmeticOf(op string, t *Type, checked bool) operation {
	switch t.kind {
	case kDecimal:
		return decimalOperation(op)
	case kFloat, kDouble:
		return func(x, y Value) (Value, error) { return floating(t, floatOp(op, x.Float(), y.Float())), nil }
	}
	if op == "/" || op == "%" {
		return division(op, t)
	}
	if checked {
		return func(x, y Value) (Value, error) { return checkedOp(op, t, x.n, y.n) }
	}
	k := t.kind
	switch op {
	case "+":
		return func(x, y Value) (Value, error) { return Value{t, wrap(x.n+y.n, k)}, nil }
	case "-":
		return func(x, y Value) (Value, error) { return Value{t, wrap(x.n-y.n, k)}, nil }
	}
	return func(x, y Value) (Value, error) { return Value{t, wrap(x.n*y.n, k)}, nil }
}

func floatOp(op string, x, y float64) float64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	}
	return math.Mod(x, y)
}

func division(op string, t *Type) operation {
	return func(x, y Value) (Value, error) {
		switch {
		case y.n == 0:
			return Null, dotnet.DivideByZero()
		case t.kind == kULong:
			if op == "/" {
				return Value{t, int64(uint64(x.n) / uint64(y.n))}, nil
			}
			return Value{t, int64(uint64(x.n) % uint64(y.n))}, nil
		case y.n == -1:
			if op == "%" {
				return Value{t, 0}, nil
			}
			if t.kind == kInt && x.n == math.MinInt32 || t.kind == kLong && x.n == math.MinInt64 {
				return Null, dotnet.Overflow()
			}
		case op == "%":
			return Value{t, x.n % y.n}, nil
		}
		return Value{t, x.n / y.n}, nil
	}
}

func checkedOp(op string, t *Type, x, y int64) (Value, error) {
	wide := func(n int64) *big.Int {
		if t.kind == kULong {
			return new(big.Int).SetUint64(uint64(n))
		}
		return big.NewInt(n)
	}
	a, c := wide(x), wide(y)
	switch op {
	case "+":
		a.Add(a, c)
	case "-":
		a.Sub(a, c)
	case "*":
		a.Mul(a, c)
	}
	switch {
	case t.kind == kULong && a.IsUint64():
		return Value{t, int64(a.Uint64())}, nil
	case t.kind != kULong && a.IsInt64() && fits(a.Int64(), t.kind):
		return Value{t, a.Int64()}, nil
	}
	return Null, dotnet.Overflow()
}

// bits applies & | ^ to integers, booleans and enumerations.
func (b *binder) bits(at int, op string, x, y operand) (operand, bool) {
	s, t := x.t.underlying(), y.t.underlying()
	if s == boolType && t == boolType {
		return b.boolBits(at, op, x, y), true
	}
	on := promoted(x, y)
	if s.kind == kEnum {
		if y.c != nil && y.t == intType && y.c.n == 0 {
			y = constant(y.at, Value{s, 0}, s)
		} else if s != t {
			return x, false
		}
		on = s
	} else if on == nil || !on.isInteger() {
		return x, false
	}
	l, r, isLifted := b.both(x, y, on)
	return b.compute(at, on, l, r, isLifted, func(v, w Value) (Value, error) {
		switch op {
		case "&":
			return Value{on, v.n & w.n}, nil
		case "|":
			return Value{on, v.n | w.n}, nil
		}
		return Value{on, wrap(v.n^w.n, on.kind)}, nil
	}), true
}

// boolBits is & | ^ of bool, and of bool? with null for unknown.
func (b *binder) boolBits(at int, op string, x, y operand) operand {
	run := func(v, w Value) (Value, error) {
		switch {
		case op == "&" && (isFalse(v) || isFalse(w)):
			return Bool(false), nil
		case op == "|" && (v.n != 0 || w.n != 0):
			return Bool(true), nil
		case v.ref == nil || w.ref == nil:
			return Null, nil
		case op == "^":
			return Bool(v.n != w.n), nil
		}
		return Bool(op == "&"), nil
	}
	t := boolType
	if x.t != boolType || y.t != boolType {
		t = nullable(boolType)
	}
	return b.compute(at, t, x, y, false, run)
}

func isFalse(v Value) bool { return v.ref != nil && v.n == 0 }

// shift applies << and >>; the count is masked.
func (b *binder) shift(at int, op string, x, y operand) (operand, bool) {
	s := x.t.underlying()
	if !s.isInteger() || !y.t.underlying().isInteger() {
		return x, false
	}
	if count := y.t.underlying().kind; count == kUInt || count == kLong || count == kULong {
		return x, false
	}
	t := s
	if s.kind != kUInt && s.kind != kLong && s.kind != kULong {
		t = intType
	}
	isLifted := x.t.kind == kNullable || y.t.kind == kNullable
	left, count := t, intType
	if isLifted {
		left, count = nullable(t), nullable(intType)
	}
	l, r := b.forced(x, left), b.forced(y, count)
	mask := int64(31)
	if t.kind == kLong || t.kind == kULong {
		mask = 63
	}
	return b.compute(at, t, l, r, isLifted, func(v, w Value) (Value, error) {
		n := uint(w.n & mask)
		switch {
		case op == "<<":
			return Value{t, wrap(v.n<<n, t.kind)}, nil
		case t.kind == kULong:
			return Value{t, int64(uint64(v.n) >> n)}, nil
		}
		return Value{t, v.n >> n}, nil
	}), true
}

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

// coalesce binds x ?? y.
func (b *binder) coalesce(n *binaryExpr) operand {
	x := b.rvalue(n.l)
	after := b.state
	y := b.branch(n.r)
	b.state = after
	if x.k == oError {
		return x
	}
	if x.t.isValue() && x.t.kind != kNullable {
		if y != nil {
			b.fail(n.at(), "Operator '??' cannot be applied to operands of type '%s' and '%s'", x.describe(), y.describe())
		}
		return failed(n.at())
	}
	if y == nil {
		failing := b.throwCode(n.r.(*throwExpr))
		run := x.run
		return computed(n.at(), x.t.underlying(), func(f *Frame) (Value, error) {
			if v, err := run(f); err != nil || v.ref != nil {
				return v, err
			}
			return failing(f)
		})
	}
	if y.k == oError {
		return *y
	}
	l, r, ok := b.coalesced(x, *y)
	if !ok {
		b.fail(n.at(), "Operator '??' cannot be applied to operands of type '%s' and '%s'", x.describe(), y.describe())
		return failed(n.at())
	}
	// The conversion of the left side happens only when it is not null.
	tmp := b.alloc(1)
	inner := x
	inner.run, inner.c, inner.t = func(f *Frame) (Value, error) { return f.slots[tmp], nil }, nil, x.t.underlying()
	left, ok := b.implicit(inner, l)
	if x.t.kind == kNull {
		return r
	}
	if !ok {
		inner.t = x.t
		left, _ = b.implicit(inner, l)
	}
	run, then, other := x.run, left.run, r.run
	return computed(n.at(), l, func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		if v.ref == nil {
			return other(f)
		}
		f.slots[tmp] = v
		return then(f)
	})
}

// coalesced finds the type of x ?? y.
func (b *binder) coalesced(x, y operand) (*Type, operand, bool) {
	if x.t.kind == kNullable {
		if r, ok := b.implicit(y, x.t.elem); ok {
			return x.t.elem, r, true
		}
	}
	if x.t.kind != kNull {
		if r, ok := b.implicit(y, x.t); ok {
			return x.t, r, true
		}
	}
	if y.k != oValue || y.t.kind == kNull || y.t == voidType {
		return nil, y, false
	}
	if x.t.kind == kNull || b.converts(x.t.underlying(), y.t) {
		return y.t, y, true
	}
	return nil, y, false
}

// userOperator applies an operator that one of the operands' types declares.
func (b *binder) userOperator(at int, op string, xs []operand) (operand, bool) {
	var list []candidate
	for _, x := range xs {
		for t := x.t.underlying(); t != nil && t.kind != kNull; t = t.base() {
			if t.isNumber() || t == boolType || t == stringType || t == objectType {
				break
			}
			found := false
			for _, m := range t.definition().members["op "+op] {
				if len(m.params) == len(xs) {
					c := candidate{m, t, t.args}
					found = true
					if !containsMember(list, m) {
						list = append(list, c)
					}
				}
			}
			if found {
				break
			}
		}
	}
	if len(list) == 0 {
		return operand{}, false
	}
	args := make([]arg, len(xs))
	isLifted := false
	for i, x := range xs {
		args[i].x = x
		isLifted = isLifted || x.t.kind == kNullable
	}
	if best, _ := b.choose(operand{k: oGroup, at: at}, list, args); best != nil {
		b.noteUse(best.m)
		return b.call(best.m, best.fn(nil), nil, b.finish(best, args), best.ret, at), true
	}
	if !isLifted && !(len(xs) == 2 && (xs[0].t.kind == kNull || xs[1].t.kind == kNull)) {
		return operand{}, false
	}
	return b.liftedOperator(at, op, list, xs)
}

func containsMember(list []candidate, m *member) bool {
	for _, c := range list {
		if c.m == m {
			return true
		}
	}
	return false
}

// liftedOperator applies an operator of a struct to nullables: comparisons with null are false, other results null.
func (b *binder) liftedOperator(at int, op string, list []candidate, xs []operand) (operand, bool) {
	base := b.alloc(len(xs))
	args := make([]arg, len(xs))
	for i, x := range xs {
		if x.t.kind == kNull {
			if op == "==" || op == "!=" {
				return operand{}, false
			}
			x.t = xs[1-i].t
		}
		to := base + i
		args[i].x = computed(x.at, x.t.underlying(), func(f *Frame) (Value, error) { return f.slots[to], nil })
	}
	best, _ := b.choose(operand{k: oGroup, at: at}, list, args)
	if best == nil {
		return operand{}, false
	}
	r := b.call(best.m, best.fn(nil), nil, b.finish(best, args), best.ret, at)
	t, compares := r.t, r.t == boolType
	if !compares {
		t = nullable(t)
	}
	run := r.run
	return computed(at, t, func(f *Frame) (Value, error) {
		nulls := 0
		for i, x := range xs {
			v, err := x.run(f)
			if err != nil {
				return Null, err
			}
			if v.ref == nil {
				nulls++
			}
			f.slots[base+i] = v
		}
		switch {
		case nulls == 0:
			return run(f)
		case compares:
			same := nulls == len(xs)
			return Bool(op == "==" && same || op == "!=" && !same), nil
		}
		return Null, nil
	}), true
}

// unary binds ! - + ~.
func (b *binder) unary(n *unaryExpr) operand {
	if n.op == "!" {
		x, yes, no := b.condition2(n.x)
		if x.k == oError {
			return x
		}
		b.state = yes.meet(no)
		if x.t == boolType {
			return b.not(n.at(), x)
		}
		return b.unaryOf(n.at(), n.op, x)
	}
	return b.unaryOf(n.at(), n.op, b.rvalue(n.x))
}

// condition2 binds the operand of !, which is a condition unless its type has an operator ! or is bool?.
func (b *binder) condition2(n node) (operand, state, state) {
	switch n.(type) {
	case *isExpr, *parenExpr, *binaryExpr, *unaryExpr:
		return b.condition(n)
	}
	x := b.rvalue(n)
	return x, b.state, b.state
}

func (b *binder) not(at int, x operand) operand {
	if x.k == oError {
		return x
	}
	if x.c != nil {
		return constant(at, Bool(!x.c.Bool()), boolType)
	}
	run := x.run
	return computed(at, boolType, func(f *Frame) (Value, error) {
		v, err := run(f)
		return Bool(v.n == 0), err
	})
}

func (b *binder) unaryOf(at int, op string, x operand) operand {
	if x.k == oError {
		return failed(at)
	}
	if r, ok := b.userOperator(at, op, []operand{x}); ok {
		return r
	}
	t := x.t.underlying()
	isLifted := x.t.kind == kNullable
	bad := func() operand {
		b.fail(at, "Operator '%s' cannot be applied to operand of type '%s'", op, x.describe())
		return failed(at)
	}
	if op == "!" {
		if t != boolType {
			if y, ok := b.implicit(x, boolType); ok {
				return b.not(at, y)
			}
			return bad()
		}
		return x.mapped(x.t, lifted(func(v Value) (Value, error) { return Bool(v.n == 0), nil }))
	}
	if op == "~" && t.kind == kEnum {
		return x.mapped(x.t, lifted(func(v Value) (Value, error) { return Value{t, ^v.n}, nil }))
	}
	if !t.isNumber() || op == "~" && !t.isInteger() {
		return bad()
	}
	on := t
	switch {
	case t.kind < kInt:
		on = intType
	case t.kind == kUInt && op == "-":
		on = longType
	case t.kind == kULong && op == "-":
		return bad()
	}
	if isLifted {
		y := b.forced(x, nullable(on))
		return y.mapped(nullable(on), lifted(unaryCode(op, on, b.overflow == throws)))
	}
	y := b.forced(x, on)
	if y.c != nil {
		v, err := unaryCode(op, on, b.overflow != wraps)(*y.c)
		if err != nil {
			b.fail(at, "The operation overflows at compile time in checked mode")
			return failed(at)
		}
		return constant(at, v, on)
	}
	return y.mapped(on, unaryCode(op, on, b.overflow == throws))
}

func unaryCode(op string, t *Type, checked bool) func(Value) (Value, error) {
	switch {
	case op == "+":
		return func(v Value) (Value, error) { return v, nil }
	case op == "~":
		return func(v Value) (Value, error) { return Value{t, wrap(^v.n, t.kind)}, nil }
	case t.kind == kDecimal:
		return func(v Value) (Value, error) { return decimalValue(decimalOf(v).Neg()), nil }
	case t.kind == kFloat, t.kind == kDouble:
		return func(v Value) (Value, error) { return floating(t, -v.Float()), nil }
	}
	return func(v Value) (Value, error) {
		if checked && !fits(-v.n, t.kind) || checked && v.n == math.MinInt64 {
			return Null, dotnet.Overflow()
		}
		return Value{t, wrap(-v.n, t.kind)}, nil
	}
}
