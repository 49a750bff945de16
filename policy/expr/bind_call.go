package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// candidate is a member as seen from a type: with the arguments of the type that declares it.
type candidate struct {
	m    *member
	on   *Type // the instance that declares it
	args []*Type
}

func (c candidate) ret() *Type { return c.m.ret.substitute(c.args, nil) }

// fn makes the code of a member for its type arguments.
func (c candidate) fn(targs []*Type) Func {
	if c.m.gen == nil {
		return c.m.fn
	}
	return c.m.gen(append(slices.Clone(c.args), targs...))
}

// members lists the members of a name that a type has, those of derived types first. Of properties there is one.
func (b *binder) members(t *Type, name string) []candidate {
	var list []candidate
	add := func(s *Type) {
		args := s.args
		if s.kind == kArray {
			args = []*Type{s.elem}
		}
		for _, m := range s.definition().members[name] {
			if m.kind == mOperator || m.kind == mConversion || m.kind == mConstructor && name != ".ctor" {
				continue
			}
			list = append(list, candidate{m, s, args})
		}
	}
	for s := t; s != nil; s = s.base() {
		add(s)
	}
	if t.kind == kInterface {
		for _, i := range t.interfaces() {
			add(i)
		}
		add(objectType)
	}
	if t.kind == kTypeParam {
		add(objectType)
	}
	if t.kind == kArray {
		return list
	}
	return list
}

// arg is an argument that has been bound.
type arg struct {
	name string
	mode string
	x    operand
	slot slot   // of the variable of an out argument
	of   *local // that an out argument declares with var
}

// arguments binds what stands between parentheses, but for lambdas, whose types come from the method.
func (b *binder) arguments(list []argument) ([]arg, bool) {
	out := make([]arg, len(list))
	ok := true
	for i, a := range list {
		out[i] = arg{name: a.name, mode: a.mode}
		switch {
		case a.declare != nil:
			out[i].x = operand{k: oValue, at: a.at(), t: nullType}
			if a.declare.keyword == "" && len(a.declare.parts) == 1 && a.declare.parts[0].name == "var" {
				out[i].of = b.designate(a.at(), a.local, nil)
			} else {
				out[i].of = b.designate(a.at(), a.local, b.typeOf(a.declare))
				out[i].x.t = out[i].of.t
			}
			out[i].slot = out[i].of.slot
		case a.mode == "out" && b.discards(a.x):
			out[i].of = b.designate(a.at(), discard, nil)
			out[i].x, out[i].slot = operand{k: oValue, at: a.at(), t: nullType}, out[i].of.slot
		case a.mode != "":
			x := b.expr(a.x)
			if x.local == nil || x.place == nil || x.place.why != "" {
				if x.k != oError {
					b.fail(a.at(), "A ref or out value must be an assignable variable")
				}
				ok = false
				continue
			}
			if a.mode == "ref" {
				x = b.use(x)
			}
			out[i].x, out[i].slot, out[i].of = x, x.place.at, x.local
		default:
			x := b.use(b.value(b.expr(a.x)))
			if x.k == oValue && x.t == voidType {
				b.fail(a.at(), "Argument %d: cannot convert from 'void' to 'object'", i+1)
				x = failed(a.at())
			}
			out[i].x = x
		}
		if out[i].x.k == oError && out[i].of == nil {
			ok = false
		}
	}
	return out, ok
}

// callOf binds f(args).
func (b *binder) callOf(n *callExpr) operand {
	fn := b.expr(n.fn)
	if fn.k == oValue {
		return b.callValue(n, fn)
	}
	if fn.k != oGroup {
		b.arguments(n.args)
		if fn.k == oType || fn.k == oNamespace {
			b.fail(n.at(), "Non-invocable member '%s' cannot be used like a method.", fn.describe())
		}
		return failed(n.at())
	}
	args, ok := b.arguments(n.args)
	if !ok {
		return failed(n.at())
	}
	r := b.callGroup(fn, args)
	r.at = n.at()
	b.noteNames(fn, args)
	return r
}

// noteNames keeps the literal names of variables and headers that a call looks up.
func (b *binder) noteNames(fn operand, args []arg) {
	if fn.recv == nil || len(args) == 0 {
		return
	}
	switch fn.name {
	case "GetValueOrDefault", "ContainsKey", "TryGetValue":
		b.noteKey(fn.recv, args[0].x)
	}
}

func (b *binder) noteKey(recv *operand, key operand) {
	var list *[]string
	switch recv.prop {
	case "Variables":
		list = &b.reads.Variables
	case "Headers":
		list = &b.reads.Headers
	case "Claims":
		list = &b.reads.Claims
	default:
		return
	}
	if key.c == nil || !key.c.IsString() {
		b.reads.Computed = true
		return
	}
	note(list, key.c.Str())
}

// callValue calls a delegate or local function.
func (b *binder) callValue(n *callExpr, fn operand) operand {
	args, ok := b.arguments(n.args)
	if !ok {
		return failed(n.at())
	}
	var inv *member
	var targs []*Type
	switch {
	case fn.function != nil:
		inv = &member{name: fn.function.node.name, params: fn.function.params, ret: fn.function.ret}
	case fn.t.kind == kDelegate:
		inv, targs = fn.t.definition().invoke, fn.t.args
		fn = b.use(fn)
	default:
		b.fail(n.at(), "Method name expected")
		return failed(n.at())
	}
	use, why := b.applicable(candidate{inv, fn.t, targs}, nil, args, nil)
	if use == nil {
		b.failCall(n.at(), inv.name, why, args)
		return failed(n.at())
	}
	codes := b.finish(use, args)
	run, window, count := fn.run, b.alloc(len(codes)), len(codes)
	return computed(n.at(), use.ret, func(f *Frame) (Value, error) {
		c, err := run(f)
		if err != nil {
			return Null, err
		}
		for i, x := range codes {
			v, err := x.run(f)
			if err != nil {
				return Null, err
			}
			f.slots[window+i] = v
		}
		return f.Call(c, f.slots[window:window+count]...)
	})
}

// usable is a candidate that fits the arguments.
type usable struct {
	candidate
	targs    []*Type
	params   []parameter // one for each argument, in the order of the arguments
	where    []int       // the parameter of each argument
	expanded bool
	ret      *Type
	x        []operand // the arguments as converted
	ext      bool
	missing  int // parameters that take their default
}

// mismatch says why a candidate does not fit.
type mismatch struct {
	rank int // how near it was: the nearest is told
	arg  int
	text string
	args []any
	name string // of an argument without a parameter
	at   int    // where, when it is not the call
	want *Type
}

// callGroup resolves a call of a method by its name.
func (b *binder) callGroup(fn operand, args []arg) operand {
	var worst *mismatch
	if len(fn.group) > 0 {
		group := fn.group
		best, why := b.choose(fn, group, args)
		if best != nil {
			return b.emit(fn, best, args)
		}
		worst = why
	}
	if fn.recv != nil {
		if exts := b.lib.extensions[fn.name]; len(exts) > 0 {
			best, why := b.extension(fn, exts, args)
			if best != nil {
				return b.emit(fn, best, append([]arg{{x: *fn.recv}}, args...))
			}
			if worst == nil && why != nil && why.rank > 0 {
				why.arg = max(why.arg-1, 0)
				worst = why
			}
		}
	}
	if worst == nil {
		b.noMember(fn.t, fn.name, fn.at)
		return failed(fn.at)
	}
	b.failCall(fn.at, fn.name, worst, args)
	return failed(fn.at)
}

func (b *binder) extension(fn operand, exts []*member, args []arg) (*usable, *mismatch) {
	list := make([]candidate, 0, len(exts))
	for _, m := range exts {
		list = append(list, candidate{m: m, on: m.on})
	}
	with := append([]arg{{x: *fn.recv}}, args...)
	best, why := b.choose(operand{k: oGroup, targs: fn.targs, name: fn.name, at: fn.at}, list, with)
	if best != nil {
		best.ext = true
	} else if why != nil && why.rank > 1 && why.arg == 0 {
		why = nil // the receiver does not fit: it is not an extension of this type
	}
	return best, why
}

// choose does overload resolution.
func (b *binder) choose(fn operand, group []candidate, args []arg) (*usable, *mismatch) {
	var list []*usable
	var near *mismatch
	for _, cd := range group {
		u, why := b.applicable(cd, fn.targs, args, &fn)
		if u == nil {
			if near == nil || why.rank > near.rank {
				near = why
			}
			continue
		}
		// A method of a base class does not count when one of a derived class fits.
		hidden := slices.ContainsFunc(list, func(o *usable) bool { return o.on != u.on && !o.m.ext && o.on.derives(u.on) })
		if !hidden {
			list = append(list, u)
		}
	}
	if len(list) == 0 {
		return nil, near
	}
	best := list[0]
	for _, u := range list[1:] {
		if b.better(u, best, args) {
			best = u
		}
	}
	for _, u := range list {
		if u != best && !b.better(best, u, args) {
			return nil, &mismatch{rank: 9, text: "The call is ambiguous between the following methods or properties: '%s' and '%s'", args: []any{best.signature(), u.signature()}}
		}
	}
	return best, nil
}

func (u *usable) signature() string {
	s := u.on.CSharp() + "." + u.m.name + "("
	for i, p := range u.m.params {
		if i > 0 {
			s += ", "
		}
		s += p.typ.substitute(u.args, u.targs).CSharp()
	}
	return s + ")"
}

func (b *binder) failCall(at int, name string, why *mismatch, args []arg) {
	switch {
	case why == nil:
		b.fail(at, "The call of '%s' does not fit", name)
	case why.text != "":
		if why.at > 0 {
			at = why.at
		}
		b.fail(at, why.text, why.args...)
	case why.name != "":
		b.fail(at, "The best overload for '%s' does not have a parameter named '%s'", name, why.name)
	case why.want != nil && why.arg < len(args):
		a := args[why.arg]
		if a.x.k == oLambda {
			b.lambdaFault(a.x, why.want)
			return
		}
		b.fail(max(a.x.at, 0), "Argument %d: cannot convert from '%s' to '%s'", why.arg+1, a.x.describe(), why.want.CSharp())
	default:
		b.fail(at, "No overload for method '%s' takes %d arguments", name, len(args))
	}
}

// applicable matches arguments with parameters, in the normal form and then with params expanded.
func (b *binder) applicable(cd candidate, targs []*Type, args []arg, fn *operand) (*usable, *mismatch) {
	if len(targs) > 0 && len(targs) != len(cd.m.tparams) {
		return nil, &mismatch{rank: 1, text: "The generic method '%s' cannot be used with %d type arguments", args: []any{cd.m.name, len(targs)}}
	}
	u, why := b.form(cd, targs, args, false)
	if u != nil {
		return u, nil
	}
	if n := len(cd.m.params); n > 0 && cd.m.params[n-1].rest {
		if e, other := b.form(cd, targs, args, true); e != nil {
			return e, nil
		} else if other.rank >= why.rank {
			why = other
		}
	}
	return nil, why
}

// form tries one form of a candidate.
func (b *binder) form(cd candidate, targs []*Type, args []arg, expanded bool) (*usable, *mismatch) {
	u := &usable{candidate: cd, targs: targs, expanded: expanded}
	if why := u.match(args); why != nil {
		return nil, why
	}
	if len(cd.m.tparams) > 0 && len(targs) == 0 {
		inferred, why := b.infer(u, args)
		if why != nil {
			return nil, why
		}
		u.targs = inferred
	}
	u.ret = cd.m.ret.substitute(cd.args, u.targs)
	for i := range u.params {
		u.params[i].typ = u.params[i].typ.substitute(cd.args, u.targs)
	}
	u.x = make([]operand, len(args))
	for i, a := range args {
		p := u.params[i]
		if why := b.passes(u, i, a, p); why != nil {
			return nil, why
		}
	}
	return u, nil
}

func (b *binder) passes(u *usable, i int, a arg, p parameter) *mismatch {
	switch {
	case p.out && a.mode != "out" || p.ref && a.mode != "ref":
		word := "out"
		if p.ref {
			word = "ref"
		}
		return &mismatch{rank: 3, arg: i, text: "Argument %d must be passed with the '%s' keyword", args: []any{i + 1, word}}
	case !p.out && !p.ref && a.mode != "":
		return &mismatch{rank: 3, arg: i, text: "Argument %d may not be passed with the '%s' keyword", args: []any{i + 1, a.mode}}
	case a.mode != "":
		if a.of.t != nil && a.of.t != p.typ {
			return &mismatch{rank: 3, arg: i, text: "Argument %d: cannot convert from '%s %s' to '%s %s'", args: []any{i + 1, a.mode, a.of.t.CSharp(), a.mode, p.typ.CSharp()}}
		}
		u.x[i] = a.x
		return nil
	}
	before := len(b.faults)
	x, ok := b.implicit(a.x, p.typ)
	if len(b.faults) > before {
		b.faults = b.faults[:before]
		ok = false
	}
	if !ok {
		return &mismatch{rank: 4, arg: i, want: p.typ}
	}
	u.x[i] = x
	return nil
}

// match finds the parameter of each argument.
func (u *usable) match(args []arg) *mismatch {
	params := u.m.params
	fixed := len(params)
	if u.expanded {
		fixed--
	}
	filled := make([]bool, len(params))
	u.where, u.params = make([]int, len(args)), make([]parameter, len(args))
	for i, a := range args {
		at := i
		if a.name != "" {
			at = slices.IndexFunc(params, func(p parameter) bool { return p.name == a.name })
			if at < 0 {
				return &mismatch{rank: 2, name: a.name}
			}
			if filled[at] {
				return &mismatch{rank: 2, text: "Named argument '%s' specifies a parameter for which a positional argument has already been given", args: []any{a.name}}
			}
		}
		switch {
		case at < fixed:
			filled[at] = true
			u.params[i] = params[at]
		case u.expanded:
			at = fixed
			p := params[fixed]
			p.typ, p.rest = p.typ.elem, false
			u.params[i] = p
		default:
			return &mismatch{rank: 0}
		}
		u.where[i] = at
	}
	for i, p := range params[:fixed] {
		if !filled[i] {
			if !p.optional {
				return &mismatch{rank: 0}
			}
			u.missing++
		}
	}
	return nil
}

// better reports whether u is the better function member than v (C# 7 specification 12.6.4.3).
func (b *binder) better(u, v *usable, args []arg) bool {
	wins := false
	same := true
	for i, a := range args {
		s, t := u.params[i].typ, v.params[i].typ
		if s == t {
			continue
		}
		same = false
		switch b.betterConversion(a.x, s, t) {
		case 1:
			wins = true
		case -1:
			return false
		}
	}
	if wins {
		return true
	}
	if !same {
		for i := range args {
			if s, t := u.params[i].typ, v.params[i].typ; s != t && b.betterConversion(args[i].x, s, t) == 0 {
				if !(b.converts(s, t) && b.converts(t, s)) {
					return b.tie(u, v, false)
				}
			}
		}
	}
	return b.tie(u, v, true)
}

// tie decides between candidates whose parameters are equally good.
func (b *binder) tie(u, v *usable, equal bool) bool {
	switch {
	case !equal && !b.sameParams(u, v):
		if (u.missing == 0) != (v.missing == 0) {
			return u.missing == 0
		}
		return u.m.ext && v.m.ext && len(u.m.tparams) < len(v.m.tparams)
	case (len(u.m.tparams) == 0) != (len(v.m.tparams) == 0):
		return len(u.m.tparams) == 0
	case u.expanded != v.expanded:
		return !u.expanded
	case u.expanded && len(u.m.params) != len(v.m.params):
		return len(u.m.params) > len(v.m.params)
	case u.missing != v.missing:
		return u.missing < v.missing
	}
	if s := moreSpecific(u, v); s != 0 {
		return s > 0
	}
	// The same member found twice, through a class and its interface: the first one listed stays.
	return false
}

func (b *binder) sameParams(u, v *usable) bool {
	for i := range u.params {
		if u.params[i].typ != v.params[i].typ {
			return false
		}
	}
	return true
}

// moreSpecific compares the declared parameter types: List<T> says more than T.
func moreSpecific(u, v *usable) int {
	result := 0
	for i := range u.where {
		s, t := u.m.params[u.where[i]].typ, v.m.params[v.where[i]].typ
		if u.expanded && u.where[i] == len(u.m.params)-1 {
			s = s.elem
		}
		if v.expanded && v.where[i] == len(v.m.params)-1 {
			t = t.elem
		}
		switch d := specificity(s, t); {
		case d == 0:
		case result == 0:
			result = d
		case result != d:
			return 0
		}
	}
	return result
}

func specificity(s, t *Type) int {
	switch {
	case s == t:
		return 0
	case s.kind == kTypeParam && t.kind != kTypeParam:
		return -1
	case t.kind == kTypeParam && s.kind != kTypeParam:
		return 1
	case s.def != nil && s.def == t.def:
		result := 0
		for i := range s.args {
			if d := specificity(s.args[i], t.args[i]); d != 0 {
				if result != 0 && result != d {
					return 0
				}
				result = d
			}
		}
		return result
	case s.kind == kArray && t.kind == kArray:
		return specificity(s.elem, t.elem)
	}
	return 0
}

// betterConversion compares the conversions of an argument to two types: 1 when the first is better, -1 when the second.
func (b *binder) betterConversion(x operand, s, t *Type) int {
	if x.k == oLambda {
		return b.betterLambda(x, s, t)
	}
	if x.k == oValue && x.t.kind != kNull {
		if x.t == s {
			return 1
		}
		if x.t == t {
			return -1
		}
	}
	return b.betterTarget(s, t)
}

func (b *binder) betterTarget(s, t *Type) int {
	toT, toS := b.converts(s, t), b.converts(t, s)
	switch {
	case toT && !toS:
		return 1
	case toS && !toT:
		return -1
	}
	signed := func(k kind) bool { return k == kSByte || k == kShort || k == kInt || k == kLong }
	unsigned := func(k kind) bool { return k == kByte || k == kUShort || k == kUInt || k == kULong }
	a, c := s.underlying().kind, t.underlying().kind
	switch {
	case signed(a) && unsigned(c):
		return 1
	case signed(c) && unsigned(a):
		return -1
	}
	return 0
}

// emit makes the code of a call that has been resolved.
func (b *binder) emit(fn operand, u *usable, args []arg) operand {
	if fn.recv == nil && !u.m.static && fn.k == oGroup && u.m.kind == mMethod {
		b.fail(fn.at, "An object reference is required for the non-static field, method, or property '%s'", u.signature())
		return failed(fn.at)
	}
	if fn.recv != nil && u.m.static && !u.ext {
		b.fail(fn.at, "Member '%s' cannot be accessed with an instance reference; qualify it with a type name instead", u.signature())
		return failed(fn.at)
	}
	b.noteUse(u.m)
	codes := b.finish(u, args)
	var recv *operand
	if !u.m.static {
		recv = fn.recv
	}
	return b.call(u.m, u.fn(u.targs), recv, codes, u.ret, fn.at, b.outs(u, args)...)
}

// out says which argument is stored where after a call.
type out struct {
	arg int
	to  slot
}

// outs gives types to variables declared with out var, and says where out arguments go.
func (b *binder) outs(u *usable, args []arg) []out {
	var list []out
	shift := 0
	if !u.m.static {
		shift = 1
	}
	for i, a := range args {
		if a.mode == "" {
			continue
		}
		if a.of.t == nil {
			a.of.t = u.params[i].typ
		}
		to, _ := b.placeOf(a.of)
		list = append(list, out{u.where[i] + shift, to})
		b.state = b.state.with(a.of.id)
	}
	return list
}

// finish puts the converted arguments in the order of the parameters, with defaults and params arrays.
func (b *binder) finish(u *usable, args []arg) []operand {
	params := u.m.params
	codes := make([]operand, len(params))
	var rest []operand
	for i, at := range u.where {
		x := u.x[i]
		if args[i].mode != "" {
			x = b.passed(args[i], u.params[i])
		}
		if u.expanded && at == len(params)-1 {
			rest = append(rest, x)
			continue
		}
		codes[at] = x
	}
	for i, p := range params {
		if u.expanded && i == len(params)-1 {
			codes[i] = b.arrayOfValues(p.typ.substitute(u.args, u.targs), rest)
			continue
		}
		if codes[i].k == oError && codes[i].run == nil {
			t := p.typ.substitute(u.args, u.targs)
			v := p.def
			if v.ref == nil {
				v = t.defaultValue()
			}
			codes[i] = constant(0, v, t)
		}
	}
	return b.inOrder(u, codes)
}

// inOrder keeps the order in which named arguments are written: those out of order are evaluated first, into places of their own.
func (b *binder) inOrder(u *usable, codes []operand) []operand {
	if slices.IsSorted(u.where) {
		return codes
	}
	first := b.alloc(len(u.where))
	var order []code
	for i, at := range u.where {
		order = append(order, codes[at].run)
		to := first + i
		t := codes[at].t
		codes[at] = computed(codes[at].at, t, func(f *Frame) (Value, error) { return f.slots[to], nil })
	}
	early := -1
	for i := range codes {
		if slices.Contains(u.where, i) {
			early = i
			break
		}
	}
	for i := range codes[:early] {
		if codes[i].c == nil {
			return codes
		}
	}
	run := codes[early].run
	codes[early].run = func(f *Frame) (Value, error) {
		for i, x := range order {
			v, err := x(f)
			if err != nil {
				return Null, err
			}
			f.slots[first+i] = v
		}
		return run(f)
	}
	return codes
}

// passed is what a method gets for an out or ref argument.
func (b *binder) passed(a arg, p parameter) operand {
	if a.mode == "out" {
		return constant(a.x.at, p.typ.defaultValue(), p.typ)
	}
	return a.x
}

// arrayOfValues makes an array of operands, converted to its elements' type before.
func (b *binder) arrayOfValues(t *Type, list []operand) operand {
	codes := make([]code, len(list))
	for i, x := range list {
		codes[i] = x.run
	}
	elem, size := t.elem, len(codes)
	if elem == byteType {
		return computed(0, t, func(f *Frame) (Value, error) {
			bytes := make([]byte, size)
			for i, x := range codes {
				v, err := x(f)
				if err != nil {
					return Null, err
				}
				bytes[i] = byte(v.n)
			}
			return Bytes(bytes), nil
		})
	}
	return computed(0, t, func(f *Frame) (Value, error) {
		if err := f.Spend(size * valueSize); err != nil {
			return Null, err
		}
		items := make([]Value, size)
		for i, x := range codes {
			v, err := x(f)
			if err != nil {
				return Null, err
			}
			items[i] = v
		}
		return Value{&Array{Elem: elem, Items: items}, 0}, nil
	})
}

// call makes the code of a call: receiver and arguments are put into a row of places, where the member finds them.
func (b *binder) call(m *member, fn Func, recv *operand, args []operand, ret *Type, at int, outs ...out) operand {
	parts := args
	if recv != nil {
		parts = append([]operand{*recv}, args...)
	}
	if fn == nil {
		fn = m.gen(nil)
	}
	null := recv != nil && !recv.t.isValue()
	run := b.invoke(fn, parts, null, true)
	if len(outs) > 0 {
		run = b.invokeOut(fn, parts, null, outs)
	}
	return computed(at, ret, run)
}

// invoke makes the code that evaluates parts and hands them to a member. Null says that the first one may be null and must
// not; counted that it is a step.
func (b *binder) invoke(fn Func, parts []operand, null, counted bool) code {
	n := len(parts)
	w := b.alloc(n)
	codes := make([]code, n)
	for i, x := range parts {
		codes[i] = x.run
	}
	switch {
	case n == 0:
		return func(f *Frame) (Value, error) {
			if err := f.step(); err != nil {
				return Null, err
			}
			return fn(f, nil)
		}
	case n == 1 && !counted:
		first := codes[0]
		return func(f *Frame) (Value, error) {
			v, err := first(f)
			if err != nil {
				return Null, err
			}
			if null && v.ref == nil {
				return Null, dotnet.NullReference()
			}
			f.weigh(v)
			a := f.slots[w : w+1 : w+1]
			a[0] = v
			return fn(f, a)
		}
	}
	return func(f *Frame) (Value, error) {
		for i, x := range codes {
			v, err := x(f)
			if err != nil {
				return Null, err
			}
			f.weigh(v)
			f.slots[w+i] = v
		}
		a := f.slots[w : w+n : w+n]
		if null && a[0].ref == nil {
			return Null, dotnet.NullReference()
		}
		if counted {
			if err := f.step(); err != nil {
				return Null, err
			}
		}
		return fn(f, a)
	}
}

func (b *binder) invokeOut(fn Func, parts []operand, null bool, outs []out) code {
	n := len(parts)
	w := b.alloc(n)
	stores := make([]func(*Frame, Value), len(outs))
	for i, o := range outs {
		stores[i] = storeCode(o.to)
	}
	return func(f *Frame) (Value, error) {
		for i, x := range parts {
			v, err := x.run(f)
			if err != nil {
				return Null, err
			}
			f.weigh(v)
			f.slots[w+i] = v
		}
		a := f.slots[w : w+n : w+n]
		if null && a[0].ref == nil {
			return Null, dotnet.NullReference()
		}
		if err := f.step(); err != nil {
			return Null, err
		}
		v, err := fn(f, a)
		if err != nil {
			return Null, err
		}
		for i, o := range outs {
			stores[i](f, a[o.arg])
		}
		return v, nil
	}
}

func storeCode(s slot) func(*Frame, Value) {
	i := s.at
	if s.cell {
		return func(f *Frame, v Value) { s.in(f).v = v }
	}
	return func(f *Frame, v Value) { f.slots[i] = v }
}
