package expr

import (
	"math"

	"gatehouse/dotnet"
)

// Unary operators, ??, and operators that types declare.

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
