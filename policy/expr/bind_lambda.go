package expr

import "slices"

// boundLambda is a lambda bound for some types of parameters; it is kept because calls with several overloads try it often.
type boundLambda struct {
	outer  *fnScope
	params []*Type
	ret    *Type
	fn     *function
	result *Type // inferred; voidType for none
	value  *operand
	faults []lexFault
}

// delegateOf returns parameters and result of a delegate type.
func delegateOf(t *Type) ([]*Type, *Type, bool) {
	if t == nil || t.kind != kDelegate {
		return nil, nil, false
	}
	inv := t.definition().invoke
	params := make([]*Type, len(inv.params))
	for i, p := range inv.params {
		params[i] = p.typ.substitute(t.args, nil)
	}
	return params, inv.ret.substitute(t.args, nil), true
}

// lambdaTo converts a lambda to a delegate type.
func (b *binder) lambdaTo(x operand, to *Type) (operand, bool) {
	params, ret, ok := delegateOf(to)
	if !ok || len(params) != len(x.lambda.params) {
		return x, false
	}
	if slices.ContainsFunc(params, (*Type).holdsParams) || ret.holdsParams() {
		return x, false
	}
	l := b.lambda(x.lambda, params, ret)
	if len(l.faults) > 0 {
		return x, false
	}
	fn := l.fn
	return computed(x.at, to, func(f *Frame) (Value, error) { return f.closure(to, fn), nil }), true
}

// lambdaFault says why a lambda is not a delegate of a type.
func (b *binder) lambdaFault(x operand, to *Type) {
	params, ret, ok := delegateOf(to)
	switch {
	case !ok:
		b.fail(x.at, "Cannot convert lambda expression to type '%s' because it is not a delegate type", to.CSharp())
	case len(params) != len(x.lambda.params):
		b.fail(x.at, "Delegate '%s' does not take %d arguments", to.CSharp(), len(x.lambda.params))
	default:
		if slices.ContainsFunc(params, (*Type).holdsParams) {
			b.fail(x.at, "The types of the lambda expression's parameters cannot be inferred")
			return
		}
		if l := b.lambda(x.lambda, params, ret); len(l.faults) > 0 {
			f := l.faults[0]
			b.fail(f.pos, "%s", f.message)
			return
		}
		b.fail(x.at, "Cannot convert lambda expression to intended delegate type")
	}
}

// lambda binds a lambda for types of parameters and a wanted result; a nil result is inferred.
func (b *binder) lambda(n *lambdaExpr, params []*Type, ret *Type) *boundLambda {
	for i := range b.lambdas[n] {
		l := &b.lambdas[n][i]
		if l.outer == b.fn && l.ret == ret && slices.Equal(l.params, params) {
			return l
		}
	}
	l := boundLambda{outer: b.fn, params: params, ret: ret, fn: &function{name: "lambda"}}
	faults, state, jumps, catches, top := b.faults, b.state, b.jumps, b.catches, b.fn.top
	b.faults, b.jumps, b.catches = nil, nil, nil
	s := &fnScope{outer: b.fn, fn: l.fn, names: n.names, ret: ret, isVoid: ret == voidType}
	b.fn = s
	b.push()
	b.bindLambda(n, s, &l)
	b.pop()
	b.fn = s.outer
	b.fn.top = max(b.fn.top, top)
	l.faults, b.faults = b.faults, faults
	b.state, b.jumps, b.catches = state, jumps, catches
	b.lambdas[n] = append(b.lambdas[n], l)
	return &l
}

func (b *binder) bindLambda(n *lambdaExpr, s *fnScope, l *boundLambda) {
	if b.busy() {
		return
	}
	for i, p := range n.params {
		if p.typ != nil {
			if t := b.typeOf(p.typ); t != l.params[i] && t != errType {
				b.fail(p.at(), "Cannot convert lambda expression to intended delegate type because the parameter types do not match the delegate parameter types")
			}
		}
		v := b.declareParam(p.at(), p.name, l.params[i])
		l.fn.params = append(l.fn.params, v.slot)
		b.state = b.state.with(v.id)
	}
	b.scope.cells = nil // cells of parameters are made by the call
	if n.body != nil {
		b.lambdaBody(n, s, l)
		return
	}
	l.fn.body = b.blockBody(n.block.list)
	l.result = voidType
	if !b.state.dead && s.ret != voidType && (s.ret != nil || len(s.results) > 0) {
		b.fail(n.at(), "Not all code paths return a value in lambda expression")
	}
	if s.ret == nil && len(s.results) > 0 {
		l.result = b.bestType(s.results)
		if l.result == nil {
			b.fail(n.at(), "The result type of the lambda expression cannot be inferred")
		}
		if len(s.results) == 1 {
			l.value = &s.results[0]
		}
	}
}

// declareParam declares a parameter; as C# 7 has it, it may not hide a local.
func (b *binder) declareParam(at int, name string, t *Type) *local { return b.declare(at, name, t) }

func (b *binder) lambdaBody(n *lambdaExpr, s *fnScope, l *boundLambda) {
	if t, ok := n.body.(*throwExpr); ok {
		l.fn.value = b.throwCode(t)
		l.result = voidType
		return
	}
	x := b.use(b.value(b.expr(n.body)))
	if x.k == oError {
		if len(b.faults) == 0 {
			b.fail(n.at(), "The lambda expression is at fault")
		}
		return
	}
	switch {
	case s.ret == nil:
		if x.k == oValue {
			l.result, l.value = x.t, &x
		} else {
			b.fail(x.at, "The result type of the lambda expression cannot be inferred")
		}
	case s.ret == voidType:
		if !isStatement(n.body) {
			b.fail(n.at(), "Only assignment, call, increment, decrement, await, and new object expressions can be used as a statement")
		}
	default:
		if x.k == oValue && x.t == voidType {
			b.fail(x.at, "Cannot convert type 'void' to '%s'", s.ret.CSharp())
		}
		x = b.to(x, s.ret)
	}
	if x.run != nil {
		l.fn.value = b.withCells(x.run)
	}
}

// bestType is the type to which all of the operands convert, among their own types.
func (b *binder) bestType(list []operand) *Type {
	var best *Type
	tried := map[*Type]bool{} // what fits depends on the type alone, and a list may be long
	for _, x := range list {
		if x.k != oValue || x.t.kind == kNull || x.t == voidType || tried[x.t] {
			continue
		}
		tried[x.t] = true
		fits := true
		for _, y := range list {
			if y.t == x.t && y.k == oValue {
				continue
			}
			if _, ok := b.implicit(y, x.t); !ok {
				fits = false
				break
			}
		}
		if fits {
			if best != nil && best != x.t && b.converts(best, x.t) {
				continue
			}
			best = x.t
		}
	}
	return best
}

// betterLambda compares delegate types by the results that the lambda would have.
func (b *binder) betterLambda(x operand, s, t *Type) int {
	ps, rs, okS := delegateOf(s)
	pt, rt, okT := delegateOf(t)
	if !okS || !okT || !slices.Equal(ps, pt) {
		return 0
	}
	switch {
	case rs == rt:
		return 0
	case rt == voidType:
		return 1
	case rs == voidType:
		return -1
	}
	l := b.lambda(x.lambda, ps, nil)
	if l.result != nil {
		if l.result == rs {
			return 1
		}
		if l.result == rt {
			return -1
		}
	}
	return b.betterTarget(rs, rt)
}

// groupTo converts the name of a method to a delegate type.
func (b *binder) groupTo(x operand, to *Type) (operand, bool) {
	params, ret, ok := delegateOf(to)
	if !ok || slices.ContainsFunc(params, (*Type).holdsParams) || ret.holdsParams() {
		return x, false
	}
	args := make([]arg, len(params))
	for i, t := range params {
		args[i].x = computed(x.at, t, nothing)
	}
	best, _ := b.choose(x, x.group, args)
	if best == nil || best.expanded || best.missing > 0 || ret != voidType && !best.ret.derives(ret) || len(x.group) == 0 {
		return x, false
	}
	fn := best.fn(best.targs)
	if x.recv == nil {
		if !best.m.static {
			return x, false
		}
		return computed(x.at, to, func(*Frame) (Value, error) { return Value{&Closure{typ: to, native: fn}, 0}, nil }), true
	}
	run := x.recv.run
	return computed(x.at, to, func(f *Frame) (Value, error) {
		recv, err := run(f)
		if err != nil {
			return Null, err
		}
		return Value{&Closure{typ: to, native: func(f *Frame, a []Value) (Value, error) { return fn(f, append([]Value{recv}, a...)) }}, 0}, nil
	}), true
}
