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
