package expr

import "errors"

// blockBody binds the statements of a block in a scope of their own.
func (b *binder) blockBody(list []node) exec {
	b.push()
	defer b.pop()
	return b.sequence(list)
}

// sequence binds statements in the scope at hand. Local functions are known in all of it.
func (b *binder) sequence(list []node) exec {
	var functions []*local
	for _, s := range list {
		if f, ok := s.(*localFunc); ok {
			functions = append(functions, b.declareFunction(f))
		}
	}
	codes := make([]exec, 0, len(list))
	for _, s := range list {
		if f, ok := s.(*localFunc); ok {
			b.bindFunction(f, functions)
			continue
		}
		if x := b.statement(s); x != nil {
			codes = append(codes, x)
		}
	}
	return b.opening(functions, inSequence(codes))
}

// opening makes the cells of captured locals and the local functions whenever control enters the block.
func (b *binder) opening(functions []*local, body exec) exec {
	cells := b.scope.cells
	if len(cells) == 0 && len(functions) == 0 {
		return body
	}
	type made struct {
		put func(*Frame, Value)
		fn  *function
		typ *Type
	}
	var list []made
	for _, l := range functions {
		list = append(list, made{storeCode(l.slot), l.function.code, l.t})
	}
	return func(f *Frame) (control, error) {
		makeCells(f, cells)
		for _, m := range list {
			m.put(f, f.closure(m.typ, m.fn))
		}
		return body(f)
	}
}

func inSequence(codes []exec) exec {
	switch len(codes) {
	case 0:
		return func(*Frame) (control, error) { return onward, nil }
	case 1:
		return codes[0]
	case 2:
		first, second := codes[0], codes[1]
		return func(f *Frame) (control, error) {
			if c, err := first(f); err != nil || c != onward {
				return c, err
			}
			return second(f)
		}
	}
	return func(f *Frame) (control, error) {
		for _, x := range codes {
			if c, err := x(f); err != nil || c != onward {
				return c, err
			}
		}
		return onward, nil
	}
}

// statement binds a statement. The places for what its expressions need in between are free again afterwards.
func (b *binder) statement(n node) exec {
	if b.busy() {
		return nil
	}
	x := b.statementOf(n)
	b.fn.top = b.fn.floor
	return x
}

func (b *binder) statementOf(n node) exec {
	switch n := n.(type) {
	case *block:
		return b.blockBody(n.list)
	case *emptyStmt:
		return nil
	case *declStmt:
		return b.declaration(n)
	case *exprStmt:
		return b.expressionStatement(n)
	case *ifStmt:
		return b.ifStatement(n)
	case *whileStmt:
		return b.while(n)
	case *doStmt:
		return b.do(n)
	case *forStmt:
		return b.forLoop(n)
	case *foreachStmt:
		return b.foreach(n)
	case *switchStmt:
		return b.switchStatement(n)
	case *jumpStmt:
		return b.jump(n)
	case *returnStmt:
		return b.returnStatement(n)
	case *throwStmt:
		return b.throwStatement(n)
	case *tryStmt:
		return b.try(n)
	case *usingStmt:
		return b.using(n)
	case *checkedStmt:
		outer := b.overflow
		b.overflow = wraps
		if n.checked {
			b.overflow = throws
		}
		x := b.blockBody(n.body.list)
		b.overflow = outer
		return x
	}
	b.fail(n.at(), "This statement is not supported within expressions")
	return nil
}

// embedded binds the body of a loop or if.
func (b *binder) embedded(n node) exec {
	if x := b.statement(n); x != nil {
		return x
	}
	return func(*Frame) (control, error) { return onward, nil }
}

func asExec(run code) exec {
	return func(f *Frame) (control, error) {
		_, err := run(f)
		return onward, err
	}
}

func (b *binder) declaration(n *declStmt) exec {
	isVar := n.typ.keyword == "" && len(n.typ.parts) == 1 && n.typ.parts[0].name == "var" && !n.typ.nullable && len(n.typ.ranks) == 0 && len(n.typ.parts[0].args) == 0
	var t *Type
	if !isVar {
		if t = b.typeOf(n.typ); t == voidType || t.static {
			b.fail(n.typ.at(), "Cannot declare a variable of static type '%s'", t.CSharp())
			t = errType
		}
	}
	if isVar && len(n.vars) > 1 {
		b.fail(n.at(), "Implicitly-typed variables cannot have multiple declarators")
	}
	var codes []exec
	for i := range n.vars {
		if x := b.declarator(n, &n.vars[i], t); x != nil {
			codes = append(codes, x)
		}
	}
	if len(codes) == 0 {
		return nil
	}
	return inSequence(codes)
}

func (b *binder) declarator(n *declStmt, v *declarator, t *Type) exec {
	x, has := b.initial(n, v, t)
	if t == nil {
		t = x.t
	}
	l := b.declare(v.at(), v.name, t)
	if !has {
		if n.constant {
			b.fail(v.at(), "A const field requires a value to be provided")
		}
		return nil
	}
	b.state = b.state.with(l.id)
	if x.k == oError {
		l.t = firstType(t, errType)
		return nil
	}
	if n.constant {
		b.constantLocal(v, l, x)
		return nil
	}
	put, run := storeCode(l.slot), x.run
	if !l.slot.cell {
		i := l.slot.at
		return func(f *Frame) (control, error) {
			v, err := run(f)
			f.slots[i] = v
			return onward, err
		}
	}
	return func(f *Frame) (control, error) {
		v, err := run(f)
		if err == nil {
			put(f, v)
		}
		return onward, err
	}
}

func firstType(t, other *Type) *Type {
	if t == nil {
		return other
	}
	return t
}

func (b *binder) constantLocal(v *declarator, l *local, x operand) {
	if x.c == nil {
		if !(l.t.isReference() && x.t == l.t && l.t != stringType) {
			b.fail(v.init.at(), "The expression being assigned to '%s' must be constant", v.name)
			return
		}
	}
	if x.c != nil {
		c := *x.c
		l.constant = &c
	}
}

// initial binds what a variable begins with; has says whether there is anything.
func (b *binder) initial(n *declStmt, v *declarator, t *Type) (x operand, has bool) {
	switch {
	case v.array != nil:
		if t == nil || t.kind != kArray {
			if t != errType {
				b.fail(v.at(), "Can only use array initializer expressions to assign to array types. Try using a new expression instead.")
			}
			return failed(v.at()), true
		}
		return b.newArray(&newArray{pos: v.array.pos, init: v.array}, t), true
	case v.init == nil:
		if t == nil {
			b.fail(v.at(), "Implicitly-typed variables must be initialized")
			return failed(v.at()), true
		}
		return operand{}, false
	}
	x = b.use(b.value(b.expr(v.init)))
	if x.k == oError {
		return x, true
	}
	if t != nil {
		return b.to(x, t), true
	}
	switch {
	case x.k == oLambda:
		b.fail(v.at(), "Cannot assign lambda expression to an implicitly-typed variable")
	case x.k == oGroup:
		b.fail(v.at(), "Cannot assign method group to an implicitly-typed variable")
	case x.t.kind == kNull:
		b.fail(v.at(), "Cannot assign <null> to an implicitly-typed variable")
	case x.t == voidType:
		b.fail(v.at(), "Cannot assign void to an implicitly-typed variable")
	default:
		return x, true
	}
	return failed(v.at()), true
}

func (b *binder) expressionStatement(n *exprStmt) exec {
	if !isStatement(n.x) {
		if before := len(b.faults); true {
			b.expr(n.x)
			if len(b.faults) == before {
				b.fail(n.at(), "Only assignment, call, increment, decrement, await, and new object expressions can be used as a statement")
			}
		}
		return nil
	}
	x := b.expr(n.x)
	if x.run == nil {
		return nil
	}
	return asExec(x.run)
}

func (b *binder) ifStatement(n *ifStmt) exec {
	cond, yes, no := b.condition(n.cond)
	b.state = yes
	then := b.embeddedScope(n.then)
	after := b.state
	b.state = no
	var alt exec
	if n.alt != nil {
		alt = b.embeddedScope(n.alt)
	}
	b.state = after.meet(b.state)
	if cond.run == nil {
		return nil
	}
	test := cond.run
	if alt == nil {
		return func(f *Frame) (control, error) {
			v, err := test(f)
			if err != nil || v.n == 0 {
				return onward, err
			}
			return then(f)
		}
	}
	return func(f *Frame) (control, error) {
		v, err := test(f)
		if err != nil {
			return onward, err
		}
		if v.n != 0 {
			return then(f)
		}
		return alt(f)
	}
}

func (b *binder) embeddedScope(n node) exec {
	b.push()
	defer b.pop()
	x := b.embedded(n)
	return b.opening(nil, x)
}

func (b *binder) enterLoop() {
	b.jumps = &jumps{outer: b.jumps, loop: true, broken: dead, continued: dead}
}

func (b *binder) leaveLoop() *jumps {
	j := b.jumps
	b.jumps = j.outer
	return j
}

func (b *binder) while(n *whileStmt) exec {
	cond, yes, no := b.condition(n.cond)
	b.state = yes
	b.enterLoop()
	body := b.embeddedScope(n.body)
	j := b.leaveLoop()
	b.state = no.meet(j.broken)
	if cond.run == nil {
		return nil
	}
	return loop(cond.run, body, nil, true)
}

func (b *binder) do(n *doStmt) exec {
	b.enterLoop()
	body := b.embeddedScope(n.body)
	j := b.leaveLoop()
	b.state = b.state.meet(j.continued)
	cond, _, no := b.condition(n.cond)
	b.state = no.meet(j.broken)
	if cond.run == nil {
		return nil
	}
	return loop(cond.run, body, nil, false)
}

// loop runs a while, do or for.
func loop(test code, body exec, post []exec, testFirst bool) exec {
	return func(f *Frame) (control, error) {
		for first := true; ; first = false {
			if test != nil && (testFirst || !first) {
				v, err := test(f)
				if err != nil || v.n == 0 {
					return onward, err
				}
			}
			if err := f.step(); err != nil {
				return onward, err
			}
			c, err := body(f)
			if err != nil || c == returns {
				return c, err
			}
			if c == breaks {
				return onward, nil
			}
			for _, p := range post {
				if _, err := p(f); err != nil {
					return onward, err
				}
			}
		}
	}
}

func (b *binder) forLoop(n *forStmt) exec {
	b.push()
	defer b.pop()
	var init []exec
	for _, s := range n.init {
		if x := b.statement(s); x != nil {
			init = append(init, x)
		}
	}
	var test code
	no := dead
	if n.cond != nil {
		cond, yes, whenFalse := b.condition(n.cond)
		b.state, no = yes, whenFalse
		if test = cond.run; test == nil {
			test = nothing
		}
	}
	b.enterLoop()
	body := b.embeddedScope(n.body)
	j := b.leaveLoop()
	b.state = b.state.meet(j.continued)
	var post []exec
	for _, s := range n.post {
		if x := b.statement(s); x != nil {
			post = append(post, x)
		}
	}
	b.state = no.meet(j.broken)
	run := loop(test, body, post, true)
	begin := inSequence(init)
	return b.opening(nil, func(f *Frame) (control, error) {
		if _, err := begin(f); err != nil {
			return onward, err
		}
		return run(f)
	})
}

func (b *binder) foreach(n *foreachStmt) exec {
	x := b.rvalue(n.x)
	if x.t == jobjectType && x.k != oError { // has a GetEnumerator of its own, which C# prefers to JToken's
		x = x.mapped(arrayOf(instance(pairType, stringType, jtokenType)), func(v Value) (Value, error) {
			if v.ref == nil {
				return Null, nil
			}
			return memberPairs(asToken(v)), nil
		})
	}
	b.push()
	defer b.pop()
	before := b.state
	elem := errType
	if x.k != oError {
		if elem = b.elementOf(x.t); elem == nil {
			b.fail(n.x.at(), "foreach statement cannot operate on variables of type '%s' because '%s' does not contain a public instance or extension definition for 'GetEnumerator'", x.t.CSharp(), x.t.CSharp())
			elem = errType
		}
	}
	t := elem
	if !(n.typ.keyword == "" && len(n.typ.parts) == 1 && n.typ.parts[0].name == "var") {
		t = b.typeOf(n.typ)
	}
	item := b.alloc(1)
	b.fn.floor = b.fn.top
	l := b.declare(n.at(), n.name, t)
	l.fixed = "Cannot assign to '" + n.name + "' because it is a 'foreach iteration variable'"
	b.state = b.state.with(l.id)
	get := computed(n.at(), elem, func(f *Frame) (Value, error) { return f.slots[item], nil })
	if t != errType && elem != errType {
		y, ok := b.explicit(get, t)
		if !ok {
			b.fail(n.typ.at(), "Cannot convert type '%s' to '%s'", elem.CSharp(), t.CSharp())
			return nil
		}
		get = y
	}
	b.enterLoop()
	body := b.embeddedScope(n.body)
	b.leaveLoop()
	b.state = before
	if x.k == oError || elem == errType {
		return nil
	}
	return foreachCode(x.run, item, get.run, l.slot, b.scope.cells, body, t == elem)
}

func foreachCode(source code, item int, get code, to slot, cells []int, body exec, plain bool) exec {
	put := storeCode(to)
	return func(f *Frame) (control, error) {
		v, err := source(f)
		if err != nil {
			return onward, err
		}
		result := onward
		err = iterate(f, v, func(x Value) (bool, error) {
			if err := f.step(); err != nil {
				return false, err
			}
			if !plain {
				f.slots[item] = x
				if x, err = get(f); err != nil {
					return false, err
				}
			}
			makeCells(f, cells)
			put(f, x)
			c, err := body(f)
			if c == returns {
				result = returns
			}
			return c != breaks && c != returns, err
		})
		return result, err
	}
}

// elementOf is what foreach finds in a type; nil when it cannot walk it.
func (b *binder) elementOf(t *Type) *Type {
	if t.kind == kArray {
		return t.elem
	}
	// As C# has it, a GetEnumerator of the type itself counts before the interfaces.
	for _, c := range b.members(t, "GetEnumerator") {
		if ret := c.ret(); len(c.m.params) == 0 && ret.def == enumeratorType {
			return ret.args[0]
		}
	}
	if t.definition() == enumerableType && len(t.args) == 1 {
		return t.args[0]
	}
	if i := t.as(enumerableType); i != nil {
		return i.args[0]
	}
	if t == plainEnumerable || t.derives(plainEnumerable) {
		return objectType
	}
	return nil
}

func (b *binder) jump(n *jumpStmt) exec {
	j := b.jumps
	if n.word == "continue" {
		for j != nil && !j.loop {
			j = j.outer
		}
	}
	if j == nil {
		b.fail(n.at(), "No enclosing loop out of which to break or continue")
		return nil
	}
	c := breaks
	if n.word == "continue" {
		j.continued = j.continued.meet(b.state)
		c = continues
	} else {
		j.broken = j.broken.meet(b.state)
	}
	b.state = dead
	return func(*Frame) (control, error) { return c, nil }
}

func (b *binder) returnStatement(n *returnStmt) exec {
	s := b.fn
	defer func() { b.state = dead }()
	if n.x == nil {
		if s.ret != nil && s.ret != voidType {
			b.fail(n.at(), "An object of a type convertible to '%s' is required", b.returnType())
		}
		return func(*Frame) (control, error) { return returns, nil }
	}
	if s.ret == voidType {
		b.fail(n.at(), "Since the delegate or function returns void, a return keyword must not be followed by an object expression")
	}
	x := b.use(b.value(b.expr(n.x)))
	if x.k == oError {
		return nil
	}
	x.at = n.x.at()
	switch {
	case s.outer == nil:
		x = b.deliver(x)
	case s.ret == nil:
		if x.k != oValue || x.t == voidType {
			b.fail(x.at, "The result type of the lambda expression cannot be inferred")
			return nil
		}
		s.results = append(s.results, x)
	case s.ret != voidType:
		x = b.to(x, s.ret)
	}
	if x.run == nil {
		return nil
	}
	run := x.run
	return func(f *Frame) (control, error) {
		v, err := run(f)
		if err != nil {
			return onward, err
		}
		f.result = v
		return returns, nil
	}
}

func (b *binder) returnType() string {
	if b.fn.outer == nil {
		return b.wanted()
	}
	return b.fn.ret.CSharp()
}

func (b *binder) throwStatement(n *throwStmt) exec {
	defer func() { b.state = dead }()
	if n.x != nil {
		return asExec(b.throwCode(&throwExpr{n.pos, n.x}))
	}
	if len(b.catches) == 0 || b.catches[len(b.catches)-1].at < 0 {
		b.fail(n.at(), "A throw statement with no arguments is not allowed outside of a catch clause")
		return nil
	}
	at := b.catches[len(b.catches)-1].at
	return func(f *Frame) (control, error) {
		if e, ok := f.slots[at].ref.(*Exception); ok {
			return onward, e
		}
		return onward, errors.New("nothing is being caught")
	}
}

// catcher is a catch clause that is ready to run.
type catcher struct {
	typeName string // "" for all
	hidden   int
	open     exec // makes cells and stores the exception
	when     code
	body     exec
}

func (b *binder) try(n *tryStmt) exec {
	before := b.state
	body := b.blockBody(n.body.list)
	after := b.state
	var catches []catcher
	var seen []*Type
	for i := range n.catches {
		b.state = before
		c, t := b.catchClause(&n.catches[i])
		for _, s := range seen {
			if t != errType && t.derives(s) {
				b.fail(n.catches[i].at(), "A previous catch clause already catches all exceptions of this or of a super type ('%s')", s.CSharp())
			}
		}
		if n.catches[i].when == nil {
			seen = append(seen, t)
		}
		catches = append(catches, c)
		after = after.meet(b.state)
	}
	if n.finally == nil {
		b.state = after
		return tryCode(body, catches, nil)
	}
	b.state = before
	outer := b.jumps
	b.jumps = nil // control cannot leave the body of a finally clause
	last := b.blockBody(n.finally.list)
	b.jumps = outer
	b.state = after.join(b.state)
	return tryCode(body, catches, last)
}

func (b *binder) catchClause(n *catchClause) (catcher, *Type) {
	b.push()
	defer b.pop()
	c := catcher{hidden: b.alloc(1)}
	b.fn.floor = b.fn.top
	t := exceptionType
	if n.typ != nil {
		if t = b.typeOf(n.typ); t != errType && !t.derives(exceptionType) {
			b.fail(n.typ.at(), "The type caught or thrown must be derived from System.Exception")
			t = errType
		}
		c.typeName = t.name
	}
	var put func(*Frame, Value)
	if n.local != "" {
		l := b.declare(n.at(), n.local, t)
		b.state = b.state.with(l.id)
		put = storeCode(l.slot)
	}
	if n.when != nil {
		x, yes, _ := b.condition(n.when)
		c.when, b.state = x.run, yes
	}
	b.catches = append(b.catches, slot{at: c.hidden})
	c.body = b.blockBody(n.body.list)
	b.catches = b.catches[:len(b.catches)-1]
	cells, hidden := b.scope.cells, c.hidden
	c.open = func(f *Frame) (control, error) {
		makeCells(f, cells)
		if put != nil {
			put(f, f.slots[hidden])
		}
		return onward, nil
	}
	return c, t
}

// tryCode runs a try statement. What stops an expression for its limits is not an exception: no clause sees it.
func tryCode(body exec, catches []catcher, finally exec) exec {
	guarded := body
	if len(catches) > 0 {
		guarded = func(f *Frame) (control, error) {
			c, err := body(f)
			if err == nil {
				return c, nil
			}
			e, ok := exception(err).(*Exception)
			if !ok {
				return onward, err
			}
			return handle(f, catches, e)
		}
	}
	if finally == nil {
		return guarded
	}
	return func(f *Frame) (control, error) {
		c, err := guarded(f)
		var limit *LimitError
		if errors.As(err, &limit) {
			return c, err
		}
		result := f.result
		if c2, err2 := finally(f); err2 != nil || c2 != onward {
			return c2, err2
		}
		f.result = result
		return c, err
	}
}

func handle(f *Frame, catches []catcher, e *Exception) (control, error) {
	for i := range catches {
		c := &catches[i]
		if c.typeName != "" && !e.IsA(c.typeName) {
			continue
		}
		f.slots[c.hidden] = Value{e, 0}
		if _, err := c.open(f); err != nil {
			return onward, err
		}
		if c.when != nil {
			v, err := c.when(f)
			var limit *LimitError
			if errors.As(err, &limit) {
				return onward, err
			}
			if err != nil || v.n == 0 {
				continue
			}
		}
		return c.body(f)
	}
	return onward, e
}

// using binds using (T x = y) body: what it holds needs no disposal here.
func (b *binder) using(n *usingStmt) exec {
	b.push()
	defer b.pop()
	var first exec
	if n.decl != nil {
		first = b.declaration(n.decl)
		for _, l := range b.scope.locals {
			l.fixed = "Cannot assign to '" + l.name + "' because it is a 'using variable'"
			b.disposable(n.at(), l.t)
		}
	} else if x := b.rvalue(n.x); x.k != oError {
		b.disposable(n.at(), x.t)
		first = asExec(x.run)
	}
	body := b.embeddedScope(n.body)
	if first == nil {
		return nil
	}
	return b.opening(nil, inSequence([]exec{first, body}))
}

func (b *binder) disposable(at int, t *Type) {
	if t != errType && t.kind != kNull && !t.derives(disposableType) {
		b.fail(at, "'%s': type used in a using statement must be implicitly convertible to 'System.IDisposable'", t.CSharp())
	}
}

// Local functions.

func (b *binder) declareFunction(n *localFunc) *local {
	sig := &localFunction{node: n, ret: voidType, code: &function{name: n.name}}
	if n.result != nil {
		sig.ret = b.typeOf(n.result)
	}
	for i, p := range n.fn.params {
		q := parameter{name: p.name, typ: b.typeOf(p.typ), rest: p.rest}
		if p.rest && (q.typ.kind != kArray || i < len(n.fn.params)-1) && q.typ != errType {
			b.fail(p.at(), "A params parameter must be the last parameter in a parameter list, and an array")
			q.rest = false
		}
		if p.def != nil {
			x := b.to(b.rvalue(p.def), q.typ)
			if x.c == nil && x.k != oError {
				b.fail(p.def.at(), "Default parameter value for '%s' must be a compile-time constant", p.name)
			} else if x.c != nil {
				q.optional, q.def = true, *x.c
			}
		}
		sig.params = append(sig.params, q)
	}
	b.fn.names.captured[n.name] = true // it is there before the statements around it have run
	l := b.declare(n.at(), n.name, objectType)
	l.function, l.fixed = sig, "Cannot assign to '"+n.name+"' because it is a 'method group'"
	b.state = b.state.with(l.id)
	return l
}

func (b *binder) bindFunction(n *localFunc, list []*local) {
	var sig *localFunction
	for _, l := range list {
		if l.function.node == n {
			sig = l.function
		}
	}
	before, jumps, catches := b.state, b.jumps, b.catches
	b.jumps, b.catches = nil, nil
	s := &fnScope{outer: b.fn, fn: sig.code, names: n.fn.names, ret: sig.ret, isVoid: sig.ret == voidType}
	b.fn = s
	b.push()
	for i, p := range n.fn.params {
		v := b.declare(p.at(), p.name, sig.params[i].typ)
		sig.code.params = append(sig.code.params, v.slot)
		b.state = b.state.with(v.id)
	}
	b.scope.cells = nil
	// What a local function captures counts as assigned: it may be called later than here.
	for id := range b.locals {
		b.state = b.state.with(id)
	}
	b.functionBody(n, sig)
	b.pop()
	b.fn = s.outer
	b.state, b.jumps, b.catches = before, jumps, catches
}

func (b *binder) functionBody(n *localFunc, sig *localFunction) {
	if n.fn.body == nil {
		sig.code.body = b.blockBody(n.fn.block.list)
		if !b.state.dead && sig.ret != voidType {
			b.fail(n.at(), "'%s': not all code paths return a value", n.name)
		}
		return
	}
	x := b.use(b.value(b.expr(n.fn.body)))
	if sig.ret != voidType {
		x = b.to(x, sig.ret)
	}
	sig.code.value = b.withCells(x.run)
}
