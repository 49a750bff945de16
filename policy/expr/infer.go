package expr

import "slices"

// Type inference for generic methods (C# 7 specification 12.6.3).

type inference struct {
	b      *binder
	u      *usable
	fixed  []*Type
	bounds [][]bound
	fault  *mismatch // of a lambda by itself
}

type bound struct {
	t     *Type
	exact bool
}

// infer finds the type arguments of a generic method from its arguments.
func (b *binder) infer(u *usable, args []arg) ([]*Type, *mismatch) {
	n := len(u.m.tparams)
	in := &inference{b: b, u: u, fixed: make([]*Type, n), bounds: make([][]bound, n)}
	for i, a := range args {
		p := u.params[i]
		if a.x.k == oValue && a.x.t.kind != kNull && a.x.t != voidType {
			if a.mode != "" {
				if a.of != nil && a.of.t != nil {
					in.infer(a.of.t, in.param(p.typ), true)
				}
				continue
			}
			in.infer(a.x.t, in.param(p.typ), false)
		}
	}
	ok := in.lambdas(args)
	for i := range in.fixed {
		ok = ok && (in.fixed[i] != nil || in.fix(i))
	}
	switch {
	case ok:
		return in.fixed, nil
	case in.fault != nil:
		return nil, in.fault
	}
	return nil, &mismatch{rank: 2, text: "The type arguments for method '%s' cannot be inferred from the usage. Try specifying the type arguments explicitly.", args: []any{u.m.name}}
}

// param puts the arguments of the declaring type into a parameter's type.
func (in *inference) param(t *Type) *Type { return t.substitute(in.u.args, nil) }

// lambdas infers from the results of lambdas, as soon as the types of their parameters are known.
func (in *inference) lambdas(args []arg) bool {
	done := make([]bool, len(args))
	for range args {
		progress := false
		for i, a := range args {
			if done[i] || a.x.k != oLambda && a.x.k != oGroup {
				continue
			}
			ok, ready := in.fromLambda(a.x, in.param(in.u.params[i].typ))
			if in.fault != nil {
				in.fault.arg = i
			}
			if !ok {
				return false
			}
			if ready {
				done[i], progress = true, true
			}
		}
		if !progress {
			break
		}
	}
	return true
}

// fromLambda reports whether inference may go on, and whether the lambda was ready for it.
func (in *inference) fromLambda(x operand, t *Type) (ok, ready bool) {
	params, ret, isDelegate := delegateOf(t)
	if !isDelegate {
		return t.kind == kTypeParam, false
	}
	if x.k == oLambda && len(params) != len(x.lambda.params) {
		return false, false
	}
	for i, p := range params {
		if x.k == oLambda && x.lambda.params[i].typ != nil {
			if declared := in.b.typeOf(x.lambda.params[i].typ); declared != errType {
				in.infer(declared, p, true)
			}
		}
		for _, j := range paramsIn(p) {
			if in.fixed[j] == nil && !in.fix(j) {
				return true, false
			}
		}
		params[i] = p.substitute(nil, in.fixed)
	}
	if !ret.holdsParams() {
		return true, true
	}
	if x.k == oGroup {
		in.fromGroup(x, params, ret)
		return true, true
	}
	l := in.b.lambda(x.lambda, params, nil)
	if len(l.faults) > 0 || l.result == nil {
		if len(l.faults) > 0 {
			in.fault = &mismatch{rank: 8, at: l.faults[0].pos, text: "%s", args: []any{l.faults[0].message}}
		}
		return false, true
	}
	if l.result.kind == kNull {
		return true, true
	}
	if l.result == voidType {
		return false, false
	}
	in.infer(l.result, ret, false)
	return true, true
}

func (in *inference) fromGroup(x operand, params []*Type, ret *Type) {
	args := make([]arg, len(params))
	for i, t := range params {
		args[i].x = computed(x.at, t, nothing)
	}
	if best, _ := in.b.choose(x, x.group, args); best != nil {
		in.infer(best.ret, ret, false)
	}
}

// paramsIn lists the type parameters of the method that stand in a type.
func paramsIn(t *Type) []int {
	switch {
	case t.kind == kTypeParam:
		if t.ofMethod {
			return []int{t.index}
		}
	case t.elem != nil:
		return paramsIn(t.elem)
	case t.def != nil:
		var list []int
		for _, a := range t.args {
			list = append(list, paramsIn(a)...)
		}
		return list
	}
	return nil
}

// infer notes what an argument of type u says of a parameter of type v.
func (in *inference) infer(u, v *Type, exact bool) {
	if v.kind == kTypeParam {
		if v.ofMethod && in.fixed[v.index] == nil {
			in.bounds[v.index] = append(in.bounds[v.index], bound{u, exact})
		}
		return
	}
	if !v.holdsParams() {
		return
	}
	switch {
	case v.kind == kArray:
		if u.kind == kArray {
			in.infer(u.elem, v.elem, exact || u.elem.isValue())
		}
	case v.kind == kNullable:
		if u.kind == kNullable {
			in.infer(u.elem, v.elem, exact)
		} else if !exact {
			in.infer(u, v.elem, exact)
		}
	default:
		in.inferGeneric(u, v, exact)
	}
}

func (in *inference) inferGeneric(u, v *Type, exact bool) {
	found := u
	if exact {
		if u.def != v.def {
			return
		}
	} else if found = u.as(v.def); found == nil {
		return
	}
	for i, a := range found.args {
		variance := int8(0)
		if v.def.variance != nil {
			variance = v.def.variance[i]
		}
		in.infer(a, v.args[i], exact || variance == 0 || a.isValue())
	}
}

// fix chooses the type of a parameter.
func (in *inference) fix(i int) bool {
	var candidates []*Type
	for _, bd := range in.bounds[i] {
		if !slices.Contains(candidates, bd.t) {
			candidates = append(candidates, bd.t)
		}
	}
	var fits []*Type
	for _, t := range candidates {
		ok := true
		for _, bd := range in.bounds[i] {
			if bd.exact && bd.t != t || !bd.exact && bd.t != t && !in.b.standardConverts(bd.t, t) {
				ok = false
				break
			}
		}
		if ok {
			fits = append(fits, t)
		}
	}
	if len(fits) == 0 {
		return false
	}
	in.fixed[i] = fits[0]
	return true
}
