package expr

import (
	"strings"

	"gatehouse/dotnet"
)

// expr binds an expression to a value, or to what its name stands for.
func (b *binder) expr(n node) operand {
	if b.busy() {
		return failed(n.at())
	}
	switch n := n.(type) {
	case *literal:
		if n.typ == errType {
			return failed(n.at())
		}
		return constant(n.at(), n.value, n.typ)
	case *parenExpr:
		x := b.expr(n.x)
		x.concat = nil
		return x
	case *nameExpr:
		return b.simple(n)
	case *typeExpr:
		return operand{k: oType, at: n.at(), t: b.typeOf(n.typ)}
	case *memberExpr:
		return b.member(n)
	case *holeExpr:
		return n.value
	case *condAccess:
		return b.condAccess(n)
	case *callExpr:
		return b.callOf(n)
	case *indexExpr:
		return b.index(n)
	case *newExpr:
		return b.creation(n)
	case *newArray:
		return b.newArray(n, nil)
	case *anonExpr:
		return b.anonymous(n)
	case *unaryExpr:
		return b.unary(n)
	case *stepExpr:
		return b.step(n)
	case *castExpr:
		return b.cast(n)
	case *binaryExpr:
		return b.binary(n)
	case *isExpr:
		return b.is(n)
	case *asExpr:
		return b.asType(n)
	case *ternary:
		return b.ternary(n)
	case *assignExpr:
		return b.assign(n)
	case *lambdaExpr:
		return operand{k: oLambda, at: n.at(), lambda: n}
	case *defaultExpr:
		return b.defaultOf(n)
	case *interpExpr:
		return b.interpolation(n)
	case *nameofExpr:
		return b.nameof(n)
	case *checkedExpr:
		outer := b.overflow
		b.overflow = wraps
		if n.checked {
			b.overflow = throws
		}
		x := b.expr(n.x)
		b.overflow = outer
		return x
	case *throwExpr:
		b.fail(n.at(), "A throw expression is not allowed in this context.")
	}
	return failed(n.at())
}

// value binds an operand that has to be a value.
func (b *binder) value(x operand) operand {
	switch x.k {
	case oType:
		b.fail(x.at, "'%s' is a type, which is not valid in the given context", x.t.CSharp())
		return failed(x.at)
	case oNamespace:
		b.fail(x.at, "The name '%s' does not exist in the current context", x.name)
		return failed(x.at)
	}
	return x
}

// typed binds an expression that has to be a value with a type of its own.
func (b *binder) typed(n node) operand {
	x := b.value(b.expr(n))
	switch {
	case x.k == oGroup:
		b.fail(x.at, "Cannot convert method group '%s' to non-delegate type 'object'. Did you intend to invoke the method?", x.name)
	case x.k == oLambda:
		b.fail(x.at, "Lambda expressions are only allowed as arguments of methods that take a delegate")
	case x.k == oValue && x.t == voidType:
		b.fail(x.at, "Operator or argument cannot be applied to operand of type 'void'")
	default:
		return x
	}
	return failed(x.at)
}

// simple binds a name: a local, the context, a type, or the beginning of a namespace.
func (b *binder) simple(n *nameExpr) operand {
	if len(n.args) == 0 {
		if l := b.lookup(n.name); l != nil {
			return b.read(l, n.at())
		}
		if n.name == "context" {
			return computed(n.at(), contextType, func(f *Frame) (Value, error) { return Value{f.ctx, 0}, nil })
		}
	}
	if t := b.lib.named(n.name, len(n.args)); t != nil {
		return b.typeName(n.at(), t, n.args)
	}
	if b.lib.namespaces[n.name] {
		return operand{k: oNamespace, at: n.at(), name: n.name}
	}
	if full := refusedType(n.name); full != "" {
		b.fail(n.at(), "Usage of type '%s' is not supported within expressions", full)
		return failed(n.at())
	}
	if refusedNamespaces[n.name] {
		return operand{k: oNamespace, at: n.at(), name: n.name}
	}
	b.fail(n.at(), "The name '%s' does not exist in the current context", n.name)
	return failed(n.at())
}

// typeName makes a type of a definition and the arguments that are written.
func (b *binder) typeName(at int, def *Type, args []*typeNode) operand {
	if def.internal {
		b.fail(at, "Usage of type '%s' is not supported within expressions", def.name)
		return failed(at)
	}
	t := b.generic(at, def, args)
	if t == errType {
		return failed(at)
	}
	return operand{k: oType, at: at, t: t}
}

func (b *binder) generic(at int, def *Type, args []*typeNode) *Type {
	if len(args) == 0 {
		return def
	}
	list := make([]*Type, len(args))
	for i, a := range args {
		list[i] = b.typeOf(a)
		if list[i] == errType {
			return errType
		}
		if list[i] == voidType || list[i].static {
			b.fail(a.at(), "'%s': static types cannot be used as type arguments", list[i].CSharp())
			return errType
		}
		if list[i].depth > 8 {
			b.fail(at, "The type nests too deep")
			return errType
		}
	}
	if def == nullableType && !list[0].isValue() {
		b.fail(at, "The type '%s' must be a non-nullable value type in order to use it as parameter 'T' in the generic type or method 'Nullable<T>'", list[0].CSharp())
		return errType
	}
	return instance(def, list...)
}

// typeOf binds a type that is written in the code.
func (b *binder) typeOf(n *typeNode) *Type {
	if n == nil {
		return errType
	}
	t := b.plainType(n)
	if t == errType {
		return t
	}
	if n.nullable {
		if !t.isValue() || t.kind == kNullable || t == voidType {
			b.fail(n.at(), "The type '%s' must be a non-nullable value type in order to use it as parameter 'T' in the generic type or method 'Nullable<T>'", t.CSharp())
			return errType
		}
		t = nullable(t)
	}
	for i := len(n.ranks) - 1; i >= 0; i-- {
		if n.ranks[i] > 0 {
			b.fail(n.at(), "Arrays of several dimensions are not supported within expressions")
			return errType
		}
		if t.depth > 8 {
			b.fail(n.at(), "The type nests too deep")
			return errType
		}
		t = arrayOf(t)
	}
	return t
}

func (b *binder) plainType(n *typeNode) *Type {
	if n.keyword != "" {
		return predefined[n.keyword]
	}
	if len(n.parts) == 0 {
		return errType
	}
	var names []string
	for i, p := range n.parts {
		names = append(names, p.name)
		if len(p.args) > 0 && i < len(n.parts)-1 {
			b.fail(p.at(), "The type name '%s' could not be found", n.parts[i+1].name)
			return errType
		}
	}
	name, last := strings.Join(names, "."), n.parts[len(n.parts)-1]
	def := b.lib.named(name, len(last.args))
	if def == nil && len(names) > 1 { // a nested type
		outer := strings.Join(names[:len(names)-1], ".")
		if o := b.lib.named(outer, 0); o != nil {
			def = b.lib.types[o.name+"+"+last.name]
		}
	}
	if def != nil {
		return b.typeName(n.at(), def, last.args).t
	}
	b.unknownType(n.at(), name, len(last.args))
	return errType
}

func (b *binder) unknownType(at int, name string, arity int) {
	if name == "dynamic" {
		b.fail(at, "Usage of 'dynamic' is not supported within expressions")
		return
	}
	if full := refusedType(name); full != "" {
		b.fail(at, "Usage of type '%s' is not supported within expressions", full)
		return
	}
	if other := b.lib.anyArity(name); other != nil {
		if n := len(other.args); n > 0 {
			b.fail(at, "Using the generic type '%s' requires %d type arguments", other.open().CSharp(), n)
		} else {
			b.fail(at, "The non-generic type '%s' cannot be used with type arguments", other.CSharp())
		}
		return
	}
	b.fail(at, "The type or namespace name '%s' could not be found (are you missing a using directive or an assembly reference?)", name)
}

func (l *library) anyArity(name string) *Type {
	for n := range 5 {
		if t := l.named(name, n); t != nil {
			return t
		}
	}
	return nil
}

// read binds the use of a local.
func (b *binder) read(l *local, at int) operand {
	if l.constant != nil {
		return constant(at, *l.constant, l.t)
	}
	if l.t == nil || l.t == errType {
		if len(b.faults) == 0 {
			b.fail(at, "The type of '%s' cannot be inferred", l.name)
		}
		return failed(at)
	}
	where, ok := b.placeOf(l)
	if !ok {
		b.fail(at, "The local variable '%s' cannot be captured here", l.name)
		return failed(at)
	}
	x := operand{k: oValue, at: at, t: l.t, local: l, run: readCode(where), function: l.function}
	x.place = &place{t: l.t, local: l, at: where, why: l.fixed}
	return x
}

func readCode(s slot) code {
	i := s.at
	if s.cell {
		return func(f *Frame) (Value, error) { return s.in(f).v, nil }
	}
	return func(f *Frame) (Value, error) { return f.slots[i], nil }
}

// use checks that a local has a value where it is read.
func (b *binder) use(x operand) operand {
	if x.local != nil && x.function == nil && !b.state.has(x.local.id) {
		b.fail(x.at, "Use of unassigned local variable '%s'", x.local.name)
		b.state = b.state.with(x.local.id)
	}
	return x
}

// rvalue binds an expression whose value is read.
func (b *binder) rvalue(n node) operand { return b.use(b.typed(n)) }

// member binds x.name.
func (b *binder) member(n *memberExpr) operand {
	if x, ok := b.colorColor(n); ok {
		return x
	}
	return b.memberOf(b.expr(n.x), n)
}

// colorColor resolves a name that is both a local and a type, such as a variable called Convert, by what has the member.
func (b *binder) colorColor(n *memberExpr) (operand, bool) {
	s, ok := n.x.(*nameExpr)
	if !ok || len(s.args) > 0 {
		return operand{}, false
	}
	l := b.lookup(s.name)
	if l == nil || l.t == nil || l.t == errType || simpleName(l.t.name) != s.name || len(l.t.args) > 0 {
		return operand{}, false
	}
	t := b.lib.named(s.name, 0)
	if t != l.t {
		return operand{}, false
	}
	for _, c := range b.members(t, n.name) {
		if !c.m.static {
			return operand{}, false
		}
	}
	return b.memberOf(operand{k: oType, at: n.x.at(), t: t}, n), true
}

func (b *binder) memberOf(x operand, n *memberExpr) operand {
	switch x.k {
	case oError:
		return failed(n.at())
	case oNamespace:
		return b.inNamespace(x, n)
	case oType:
		return b.staticMember(x, n)
	case oLambda, oGroup:
		b.fail(n.namePos, "'%s' is not valid in the given context", x.describe())
		return failed(n.at())
	}
	x = b.use(x)
	if x.t == voidType || x.t.kind == kNull {
		b.fail(n.namePos, "Operator '.' cannot be applied to operand of type '%s'", x.t.CSharp())
		return failed(n.at())
	}
	return b.instanceMember(x, n)
}

func (b *binder) inNamespace(x operand, n *memberExpr) operand {
	name := x.name + "." + n.name
	if t := b.lib.named(name, len(n.args)); t != nil {
		return b.typeName(n.at(), t, n.args)
	}
	if b.lib.namespaces[name] || refusedNamespaces[name] {
		return operand{k: oNamespace, at: n.at(), name: name}
	}
	if full := refusedType(name); full != "" {
		b.fail(n.at(), "Usage of type '%s' is not supported within expressions", full)
		return failed(n.at())
	}
	b.fail(n.namePos, "The type or namespace name '%s' does not exist in the namespace '%s' (are you missing an assembly reference?)", n.name, x.name)
	return failed(n.at())
}

func (b *binder) typeArgs(list []*typeNode) ([]*Type, bool) {
	var out []*Type
	for _, a := range list {
		t := b.typeOf(a)
		if t == errType {
			return nil, false
		}
		if t == voidType || t.static {
			b.fail(a.at(), "The type '%s' may not be used as a type argument", t.CSharp())
			return nil, false
		}
		out = append(out, t)
	}
	return out, true
}

func (b *binder) staticMember(x operand, n *memberExpr) operand {
	t := x.t
	if t.kind == kEnum && len(n.args) == 0 {
		for _, e := range t.enum {
			if e.name == n.name {
				return constant(n.at(), Value{t, e.value}, t)
			}
		}
	}
	if nested := b.lib.types[t.name+"+"+n.name]; nested != nil && len(n.args) == 0 {
		return operand{k: oType, at: n.at(), t: nested}
	}
	if b.isRefused(t, n.name, n.namePos) {
		return failed(n.at())
	}
	list := b.members(t, n.name)
	if len(list) == 0 {
		b.fail(n.namePos, "'%s' does not contain a definition for '%s'", t.CSharp(), n.name)
		return failed(n.at())
	}
	first := list[0]
	if first.m.kind == mMethod {
		targs, ok := b.typeArgs(n.args)
		if !ok {
			return failed(n.at())
		}
		return operand{k: oGroup, at: n.namePos, name: n.name, group: list, targs: targs, t: t}
	}
	if !first.m.static {
		b.fail(n.namePos, "An object reference is required for the non-static field, method, or property '%s.%s'", t.CSharp(), n.name)
		return failed(n.at())
	}
	if first.m.kind == mConstant {
		b.noteUse(first.m)
		return constant(n.at(), first.m.constant, first.ret())
	}
	return b.property(first, nil, n)
}

// isRefused reports a member that .NET has and expressions may not use.
func (b *binder) isRefused(t *Type, name string, at int) bool {
	for s := t; s != nil; s = s.base() {
		if def := s.definition(); def.refused[name] {
			b.fail(at, "Usage of member '%s' of type '%s' is not supported within expressions", name, def.name)
			return true
		}
		if len(s.definition().members[name]) > 0 {
			return false
		}
	}
	return false
}

func (b *binder) instanceMember(x operand, n *memberExpr) operand {
	for i, m := range x.t.anonymous {
		if m.name == n.name && x.t.kind == kAnonymous {
			return b.anonymousMember(x, i, n.at())
		}
	}
	if b.isRefused(x.t, n.name, n.namePos) {
		return failed(n.at())
	}
	list := b.members(x.t, n.name)
	if len(list) > 0 && list[0].m.kind != mMethod {
		if list[0].m.static {
			b.fail(n.namePos, "Member '%s.%s' cannot be accessed with an instance reference; qualify it with a type name instead", x.t.CSharp(), n.name)
			return failed(n.at())
		}
		return b.property(list[0], &x, n)
	}
	if len(list) == 0 && len(b.lib.extensions[n.name]) == 0 {
		b.noMember(x.t, n.name, n.namePos)
		return failed(n.at())
	}
	targs, ok := b.typeArgs(n.args)
	if !ok {
		return failed(n.at())
	}
	return operand{k: oGroup, at: n.namePos, name: n.name, group: list, targs: targs, recv: &x, t: x.t}
}

func (b *binder) noMember(t *Type, name string, at int) {
	b.fail(at, "'%s' does not contain a definition for '%s' and no accessible extension method '%s' accepting a first argument of type '%s' could be found (are you missing a using directive or an assembly reference?)", t.CSharp(), name, name, t.CSharp())
}

// property binds the use of a property, of an object or of a type.
func (b *binder) property(cd candidate, recv *operand, n *memberExpr) operand {
	if len(n.args) > 0 {
		b.fail(n.namePos, "The property '%s' cannot be used with type arguments", n.name)
		return failed(n.at())
	}
	pl := &place{t: cd.ret(), set: cd.m.set}
	if cd.m.set == nil {
		pl.why = "Property or indexer '" + cd.m.on.CSharp() + "." + n.name + "' cannot be assigned to -- it is read only"
	}
	pl.get = cd.fn(nil)
	b.noteUse(cd.m)
	if recv != nil {
		pl.parts = []operand{*recv}
		pl.null = !recv.t.isValue()
		b.noteRead(recv, n.name)
	}
	x := b.load(pl, n.at())
	x.place, x.prop = pl, n.name
	return x
}

// load reads a place whose parts are evaluated for it.
func (b *binder) load(pl *place, at int) operand {
	return computed(at, pl.t, b.invoke(pl.get, pl.parts, pl.null, false))
}

// noteRead keeps what of the context is looked at.
func (b *binder) noteRead(recv *operand, name string) {
	t := recv.t
	if t.kind == kInterface && contextTypes[t.name] != "" || t == contextType {
		word := name
		if of := contextTypes[t.name]; of != "" {
			word = of + "." + name
		}
		note(&b.reads.Members, word)
	}
}

// condAccess binds x?.rest: rest is skipped when x is null.
func (b *binder) condAccess(n *condAccess) operand {
	x := b.rvalue(n.x)
	if x.k == oError {
		return x
	}
	if x.t.isValue() && x.t.kind != kNullable {
		b.fail(n.at(), "Operator '?' cannot be applied to operand of type '%s'", x.t.CSharp())
		return failed(n.at())
	}
	tmp := b.alloc(1)
	n.hole.value = computed(n.hole.at(), x.t.underlying(), func(f *Frame) (Value, error) { return f.slots[tmp], nil })
	before := b.state
	rest := b.value(b.expr(n.rest))
	b.state = before
	if rest.k == oError {
		return rest
	}
	if rest.k != oValue {
		b.fail(n.at(), "'%s' is not valid in the given context", rest.describe())
		return failed(n.at())
	}
	t := rest.t
	if t.isValue() && t.kind != kNullable && t != voidType {
		t = nullable(t)
	}
	run, then := x.run, rest.run
	return computed(n.at(), t, func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil || v.ref == nil {
			return Null, err
		}
		f.slots[tmp] = v
		return then(f)
	})
}

func (b *binder) defaultOf(n *defaultExpr) operand {
	if n.typ == nil {
		return constant(n.at(), Null, defaultType)
	}
	t := b.typeOf(n.typ)
	if t == errType {
		return failed(n.at())
	}
	x := constant(n.at(), t.defaultValue(), t)
	if !t.isNumber() && t != boolType && t.isValue() {
		x.c = nil
	}
	return x
}

func (b *binder) nameof(n *nameofExpr) operand {
	name := projected(n.x)
	if name == "" {
		b.fail(n.at(), "Expression does not have a name.")
		return failed(n.at())
	}
	before := b.state
	if !b.namesMember(n.x) {
		b.expr(n.x)
	}
	b.state = before
	return constant(n.at(), String(name), stringType)
}

// namesMember reports whether n is a type and one of its members: nameof(string.Length).
func (b *binder) namesMember(n node) bool {
	m, ok := n.(*memberExpr)
	if !ok {
		return false
	}
	faults := len(b.faults)
	x := b.expr(m.x)
	b.faults = b.faults[:faults]
	return x.k == oType && len(b.members(x.t, m.name)) > 0
}

// cast binds (T)x.
func (b *binder) cast(n *castExpr) operand {
	t := b.typeOf(n.typ)
	x := b.use(b.value(b.expr(n.x)))
	if t == errType || x.k == oError {
		return failed(n.at())
	}
	x.at = n.at()
	if x.k == oValue && x.t == voidType {
		b.fail(n.at(), "Cannot convert type 'void' to '%s'", t.CSharp())
		return failed(n.at())
	}
	before := len(b.faults)
	y, ok := b.explicit(x, t)
	if !ok && len(b.faults) == before {
		if x.k == oLambda {
			b.lambdaFault(x, t)
		} else {
			b.fail(n.at(), "Cannot convert type '%s' to '%s'", x.describe(), t.CSharp())
		}
	}
	if !ok {
		return failed(n.at())
	}
	y.local, y.place, y.concat = nil, nil, nil
	y.at = n.at()
	return y
}

// is binds x is T, x is T name and x is constant.
func (b *binder) is(n *isExpr) operand {
	x := b.rvalue(n.x)
	if n.value != nil {
		return b.isConstant(x, n)
	}
	if n.typ.keyword == "" && len(n.typ.parts) == 1 && n.typ.parts[0].name == "var" && n.local != "" {
		l := b.designate(n.at(), n.local, x.t)
		b.state = b.state.with(l.id)
		store, run := storeCode(l.slot), x.run
		return computed(n.at(), boolType, func(f *Frame) (Value, error) {
			v, err := run(f)
			if err != nil {
				return Null, err
			}
			store(f, v)
			return Bool(true), nil
		})
	}
	if n.local == "" && n.typ.keyword == "" && !n.typ.nullable && len(n.typ.ranks) == 0 {
		if y, ok := b.typeAsConstant(n); ok {
			return b.isConstantOperand(x, y, n)
		}
	}
	t := b.typeOf(n.typ)
	if x.k == oError || t == errType {
		if n.local != "" {
			b.state = b.state.with(b.designate(n.at(), n.local, errType).id)
		}
		return failed(n.at())
	}
	if x.t.kind != kNull && !x.t.derives(t) && !downcasts(x.t, t) && x.t.underlying() != t {
		if n.local != "" {
			b.designate(n.at(), n.local, t)
			b.fail(n.at(), "An expression of type '%s' cannot be handled by a pattern of type '%s'.", x.t.CSharp(), t.CSharp())
			return failed(n.at())
		}
	}
	run := x.run
	if n.local == "" {
		return computed(n.at(), boolType, func(f *Frame) (Value, error) {
			v, err := run(f)
			return Bool(err == nil && v.ref != nil && isInstance(v, t)), err
		})
	}
	l := b.designate(n.at(), n.local, t)
	store := storeCode(l.slot)
	y := computed(n.at(), boolType, func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil || v.ref == nil || !isInstance(v, t) {
			return Bool(false), err
		}
		store(f, v)
		return Bool(true), nil
	})
	y.local = l // assigned when true: see condition
	y.place = patternPlace
	return y
}

// patternPlace marks the operand of x is T name, whose local is assigned only when it is true.
var patternPlace = &place{why: "The left-hand side of an assignment must be a variable, property or indexer"}

// typeAsConstant reads the name after is as a constant, when it is not that of a type.
func (b *binder) typeAsConstant(n *isExpr) (operand, bool) {
	var x node
	for i, p := range n.typ.parts {
		if len(p.args) > 0 {
			return operand{}, false
		}
		if i == 0 {
			x = &nameExpr{p.pos, p.name, nil}
		} else {
			x = &memberExpr{pos: n.typ.parts[0].pos, x: x, name: p.name, namePos: p.at()}
		}
	}
	before := len(b.faults)
	y := b.expr(x)
	b.faults = b.faults[:before]
	return y, y.k == oValue && y.c != nil
}

func (b *binder) isConstant(x operand, n *isExpr) operand {
	return b.isConstantOperand(x, b.rvalue(n.value), n)
}

func (b *binder) isConstantOperand(x, y operand, n *isExpr) operand {
	if x.k == oError || y.k == oError {
		return failed(n.at())
	}
	if y.c == nil {
		b.fail(y.at, "A constant value is expected")
		return failed(n.at())
	}
	if x.t == objectType || y.t.kind == kNull {
		want, run := *y.c, x.run
		return computed(n.at(), boolType, func(f *Frame) (Value, error) {
			v, err := run(f)
			return Bool(err == nil && sameConstant(v, want)), err
		})
	}
	y = b.to(y, x.t)
	if y.k == oError {
		return y
	}
	want, run := Null, x.run
	if y.c != nil {
		want = *y.c
	} else if v, err := y.run(nil); err == nil {
		want = v
	}
	return computed(n.at(), boolType, func(f *Frame) (Value, error) {
		v, err := run(f)
		return Bool(err == nil && sameConstant(v, want)), err
	})
}

// sameConstant is Equals between a value and a constant.
func sameConstant(v, want Value) bool {
	if want.ref == nil || v.ref == nil {
		return v.ref == want.ref
	}
	if want.IsString() {
		return v.IsString() && v.Str() == want.Str()
	}
	if d, ok := want.ref.(*dotnet.Decimal); ok {
		e, ok := v.ref.(*dotnet.Decimal)
		return ok && e.Cmp(*d) == 0
	}
	return v == want
}

// asType binds x as T.
func (b *binder) asType(n *asExpr) operand {
	x := b.rvalue(n.x)
	t := b.typeOf(n.typ)
	if x.k == oError || t == errType {
		return failed(n.at())
	}
	if t.isValue() && t.kind != kNullable {
		b.fail(n.at(), "The as operator must be used with a reference type or nullable type ('%s' is a non-nullable value type)", t.CSharp())
		return failed(n.at())
	}
	if x.t.kind != kNull && !x.t.derives(t) && !downcasts(x.t, t) && x.t.underlying() != t.underlying() {
		b.fail(n.at(), "Cannot convert type '%s' to '%s' via a reference conversion, boxing conversion, unboxing conversion, wrapping conversion, or null type conversion", x.t.CSharp(), t.CSharp())
		return failed(n.at())
	}
	return x.mapped(t, func(v Value) (Value, error) {
		if v.ref == nil || !isInstance(v, t) {
			return Null, nil
		}
		return v, nil
	})
}

// ternary binds c ? x : y.
func (b *binder) ternary(n *ternary) operand {
	cond, yesState, noState := b.condition(n.cond)
	b.state = yesState
	x := b.branch(n.yes)
	afterYes := b.state
	b.state = noState
	y := b.branch(n.no)
	b.state = afterYes.meet(b.state)
	if x == nil && y == nil {
		b.fail(n.at(), "Type of conditional expression cannot be determined because both sides throw")
		return failed(n.at())
	}
	if x == nil || y == nil {
		return b.throwing(n, cond, x, y)
	}
	if cond.k == oError || x.k == oError || y.k == oError {
		return failed(n.at())
	}
	l, r, ok := b.common(*x, *y)
	if !ok {
		b.fail(n.at(), "Type of conditional expression cannot be determined because there is no implicit conversion between '%s' and '%s'", x.describe(), y.describe())
		return failed(n.at())
	}
	if cond.c != nil && l.c != nil && r.c != nil {
		if cond.c.Bool() {
			return l
		}
		return r
	}
	test, yes, no := cond.run, l.run, r.run
	return computed(n.at(), l.t, func(f *Frame) (Value, error) {
		v, err := test(f)
		if err != nil {
			return Null, err
		}
		if v.n != 0 {
			return yes(f)
		}
		return no(f)
	})
}

// branch binds a side of a conditional; nil is one that throws.
func (b *binder) branch(n node) *operand {
	if t, ok := n.(*throwExpr); ok {
		b.throwCode(t)
		b.state = dead
		return nil
	}
	x := b.use(b.value(b.expr(n)))
	return &x
}

func (b *binder) throwing(n *ternary, cond operand, x, y *operand) operand {
	node, value := n.no, x
	if x == nil {
		node, value = n.yes, y
	}
	failing := b.throwCode(node.(*throwExpr))
	if cond.k == oError || value.k == oError {
		return failed(n.at())
	}
	test, good, onYes := cond.run, value.run, x != nil
	return computed(n.at(), value.t, func(f *Frame) (Value, error) {
		v, err := test(f)
		if err != nil {
			return Null, err
		}
		if (v.n != 0) == onYes {
			return good(f)
		}
		return failing(f)
	})
}

// common converts two operands to the type of one of them.
func (b *binder) common(x, y operand) (operand, operand, bool) {
	if x.k == oLambda || y.k == oLambda || x.k == oGroup || y.k == oGroup || x.t == voidType && y.t != voidType || y.t == voidType && x.t != voidType {
		return x, y, false
	}
	if x.t == y.t {
		return x, y, x.t.kind != kNull
	}
	toY, okY := b.implicitTyped(x, y.t)
	toX, okX := b.implicitTyped(y, x.t)
	switch {
	case okY && okX:
		// Constants may convert both ways: the type to which the other's type converts is meant.
		if b.converts(x.t, y.t) {
			return toY, y, true
		}
		return x, toX, true
	case okY:
		return toY, y, true
	case okX:
		return x, toX, true
	}
	return x, y, false
}

func (b *binder) implicitTyped(x operand, t *Type) (operand, bool) {
	if t.kind == kNull || t == voidType {
		return x, false
	}
	return b.implicit(x, t)
}

// condition binds a boolean and says what is assigned when it is true and when it is false.
func (b *binder) condition(n node) (x operand, yes, no state) {
	switch e := n.(type) {
	case *parenExpr:
		return b.condition(e.x)
	case *unaryExpr:
		if e.op == "!" {
			x, yes, no := b.condition(e.x)
			return b.not(e.at(), x), no, yes
		}
	case *binaryExpr:
		if e.op == "&&" || e.op == "||" {
			return b.logical(e)
		}
	}
	x = b.value(b.expr(n))
	if x.place == patternPlace {
		no = b.state
		yes = b.state.with(x.local.id)
		x.local, x.place = nil, nil
		return b.to(x, boolType), yes, no
	}
	x = b.use(x)
	if x.k != oError {
		x = b.truth(x)
	}
	yes, no = b.state, b.state
	if x.c != nil && x.k == oValue {
		if x.c.Bool() {
			no = dead
		} else {
			yes = dead
		}
	}
	return x, yes, no
}

// truth converts a condition to bool.
func (b *binder) truth(x operand) operand {
	if x.k == oValue && x.t == boolType {
		return x
	}
	return b.to(x, boolType)
}

// logical binds && and ||.
func (b *binder) logical(e *binaryExpr) (operand, state, state) {
	l, lYes, lNo := b.condition(e.l)
	and := e.op == "&&"
	if b.state = lYes; !and {
		b.state = lNo
	}
	r, rYes, rNo := b.condition(e.r)
	yes, no := rYes, lNo.meet(rNo)
	if !and {
		yes, no = lYes.meet(rYes), rNo
	}
	b.state = yes.meet(no)
	if l.k == oError || r.k == oError {
		return failed(e.at()), yes, no
	}
	if l.c != nil && r.c != nil {
		v := l.c.Bool() && r.c.Bool()
		if !and {
			v = l.c.Bool() || r.c.Bool()
		}
		return constant(e.at(), Bool(v), boolType), yes, no
	}
	left, right := l.run, r.run
	if and {
		return computed(e.at(), boolType, func(f *Frame) (Value, error) {
			v, err := left(f)
			if err != nil || v.n == 0 {
				return v, err
			}
			return right(f)
		}), yes, no
	}
	return computed(e.at(), boolType, func(f *Frame) (Value, error) {
		v, err := left(f)
		if err != nil || v.n != 0 {
			return v, err
		}
		return right(f)
	}), yes, no
}
