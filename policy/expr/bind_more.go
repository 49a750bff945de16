package expr

import (
	"strings"

	"gatehouse/dotnet"
)

// index binds x[i].
func (b *binder) index(n *indexExpr) operand {
	x := b.value(b.expr(n.x))
	x = b.use(x)
	args, ok := b.arguments(n.args)
	if x.k == oError || !ok {
		return failed(n.at())
	}
	if x.k != oValue {
		b.fail(n.at(), "Cannot apply indexing with [] to an expression of type '%s'", x.describe())
		return failed(n.at())
	}
	pl := b.element(n.at(), x, args)
	if pl == nil {
		return failed(n.at())
	}
	b.noteKeyIn(x, args)
	r := b.load(pl, n.at())
	r.place = pl
	return r
}

func (b *binder) noteKeyIn(x operand, args []arg) {
	if len(args) == 1 {
		b.noteKey(&x, args[0].x)
	}
}

// element finds what x[args] stands for.
func (b *binder) element(at int, x operand, args []arg) *place {
	if x.t.kind == kArray {
		return b.arrayElement(at, x, args)
	}
	list := b.members(x.t, "Item")
	indexers := list[:0:0]
	for _, c := range list {
		if c.m.kind == mIndexer {
			indexers = append(indexers, c)
		}
	}
	if len(indexers) == 0 {
		b.fail(at, "Cannot apply indexing with [] to an expression of type '%s'", x.t.CSharp())
		return nil
	}
	best, why := b.choose(operand{k: oGroup, at: at, name: "this"}, indexers, args)
	if best == nil {
		if why != nil && why.rank == 0 {
			b.fail(at, "No overload for method 'this' takes %d arguments", len(args))
		} else {
			b.failCall(at, "this", why, args)
		}
		return nil
	}
	b.noteUse(best.m)
	pl := &place{t: best.ret, get: best.fn(nil), set: best.m.set, null: !x.t.isValue()}
	pl.parts = append([]operand{x}, b.finish(best, args)...)
	if best.m.set == nil {
		pl.why = "Property or indexer '" + best.on.CSharp() + ".this[" + best.m.params[0].typ.substitute(best.args, nil).CSharp() + "]' cannot be assigned to -- it is read only"
	}
	return pl
}

func (b *binder) arrayElement(at int, x operand, args []arg) *place {
	if len(args) != 1 {
		b.fail(at, "Wrong number of indices inside []; expected 1")
		return nil
	}
	i := args[0].x
	for _, t := range []*Type{intType, uintType, longType, ulongType} {
		if y, ok := b.implicit(i, t); ok {
			pl := &place{t: x.t.elem, parts: []operand{x, y}, null: true, get: arrayGet, set: arraySet}
			if x.t.elem == byteType {
				pl.get, pl.set = blobGet, blobSet
			}
			return pl
		}
	}
	b.failConversion(i, intType)
	return nil
}

func arrayGet(_ *Frame, a []Value) (Value, error) {
	items, i := a[0].ref.(*Array).Items, a[1].n
	if uint64(i) >= uint64(len(items)) {
		return Null, dotnet.ArrayIndex()
	}
	return items[i], nil
}

func arraySet(_ *Frame, a []Value) (Value, error) {
	arr, i := a[0].ref.(*Array), a[1].n
	if uint64(i) >= uint64(len(arr.Items)) {
		return Null, dotnet.ArrayIndex()
	}
	if v := a[2]; v.ref != nil && arr.Elem.isReference() && !isInstance(v, arr.Elem) {
		return Null, throw("System.ArrayTypeMismatchException", "Attempted to access an element as a type incompatible with the array.")
	}
	arr.Items[i] = a[2]
	return Null, nil
}

func blobGet(_ *Frame, a []Value) (Value, error) {
	bytes, i := a[0].ref.(*Blob).B, a[1].n
	if uint64(i) >= uint64(len(bytes)) {
		return Null, dotnet.ArrayIndex()
	}
	return Value{byteType, int64(bytes[i])}, nil
}

func blobSet(_ *Frame, a []Value) (Value, error) {
	bytes, i := a[0].ref.(*Blob).B, a[1].n
	if uint64(i) >= uint64(len(bytes)) {
		return Null, dotnet.ArrayIndex()
	}
	bytes[i] = byte(a[2].n)
	return Null, nil
}

// creation binds new T(args) {..}.
func (b *binder) creation(n *newExpr) operand {
	t := b.typeOf(n.typ)
	args, ok := b.arguments(n.args)
	if t == errType || !ok {
		return failed(n.at())
	}
	var x operand
	switch {
	case t.kind == kDelegate:
		return b.newDelegate(n, t, args)
	case t.static, t.kind == kInterface, t.kind == kArray, t == voidType:
		b.fail(n.at(), "Cannot create an instance of the abstract class or interface '%s'", t.CSharp())
		return failed(n.at())
	case t.kind == kNullable:
		x = b.newNullable(n, t, args)
	case t.isValue() && len(args) == 0 && len(t.definition().members[".ctor"]) == 0,
		t.isValue() && len(args) == 0 && !b.hasEmptyConstructor(t):
		x = computed(n.at(), t, func(*Frame) (Value, error) { return t.defaultValue(), nil })
	default:
		x = b.construct(n, t, args)
	}
	if n.init == nil || x.k == oError {
		return x
	}
	return b.initialize(x, n.init)
}

func (b *binder) hasEmptyConstructor(t *Type) bool {
	for _, m := range t.definition().members[".ctor"] {
		if len(m.params) == 0 {
			return true
		}
	}
	return false
}

func (b *binder) construct(n *newExpr, t *Type, args []arg) operand {
	def := t.definition()
	if def.refused[".ctor"] {
		b.fail(n.at(), "Usage of member '.ctor' of type '%s' is not supported within expressions", def.name)
		return failed(n.at())
	}
	var list []candidate
	for _, m := range def.members[".ctor"] {
		list = append(list, candidate{m, t, t.args})
	}
	if len(list) == 0 {
		b.fail(n.at(), "Cannot create an instance of the abstract class or interface '%s'", t.CSharp())
		return failed(n.at())
	}
	best, why := b.choose(operand{k: oGroup, at: n.at(), name: simpleName(t.name)}, list, args)
	if best == nil {
		if why != nil && why.rank == 0 {
			b.fail(n.at(), "'%s' does not contain a constructor that takes %d arguments", t.CSharp(), len(args))
		} else {
			b.failCall(n.at(), simpleName(t.name), why, args)
		}
		return failed(n.at())
	}
	b.noteUse(best.m)
	return b.call(best.m, best.fn(nil), nil, b.finish(best, args), t, n.at(), b.ctorOuts(best, args)...)
}

func (b *binder) ctorOuts(u *usable, args []arg) []out {
	v := *u
	m := *u.m
	m.static = true
	v.m = &m
	return b.outs(&v, args)
}

func (b *binder) newNullable(n *newExpr, t *Type, args []arg) operand {
	if len(args) == 0 {
		return computed(n.at(), t, nothing)
	}
	if len(args) > 1 {
		b.fail(n.at(), "'%s' does not contain a constructor that takes %d arguments", t.CSharp(), len(args))
		return failed(n.at())
	}
	x := b.to(args[0].x, t.elem)
	if x.k == oError {
		return x
	}
	return computed(n.at(), t, x.run)
}

func (b *binder) newDelegate(n *newExpr, t *Type, args []arg) operand {
	if len(args) != 1 {
		b.fail(n.at(), "Method name expected")
		return failed(n.at())
	}
	return b.to(args[0].x, t)
}

// initialize runs what stands in braces after a creation on the new object.
func (b *binder) initialize(x operand, init *initializer) operand {
	tmp := b.alloc(1)
	self := computed(x.at, x.t, func(f *Frame) (Value, error) { return f.slots[tmp], nil })
	codes := b.initializers(self, init)
	if codes == nil && len(init.items) > 0 {
		return failed(x.at)
	}
	run := x.run
	return computed(x.at, x.t, func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		f.slots[tmp] = v
		for _, c := range codes {
			if _, err := c(f); err != nil {
				return Null, err
			}
		}
		return v, nil
	})
}

func (b *binder) initializers(self operand, init *initializer) []code {
	var codes []code
	for i := range init.items {
		item := &init.items[i]
		var x operand
		switch {
		case item.name != "":
			target := b.instanceMember(self, &memberExpr{pos: item.pos, name: item.name, namePos: item.at()})
			x = b.initialized(target, item)
		case item.index != nil:
			args, ok := b.arguments(item.index)
			if !ok {
				return nil
			}
			pl := b.element(item.at(), self, args)
			if pl == nil {
				return nil
			}
			target := b.load(pl, item.at())
			target.place = pl
			x = b.initialized(target, item)
		default:
			args := make([]argument, len(item.args))
			for j, a := range item.args {
				args[j] = argument{pos: pos(a.at()), x: a}
			}
			x = b.added(self, item, args)
		}
		if x.k == oError {
			return nil
		}
		codes = append(codes, x.run)
	}
	return codes
}

func (b *binder) added(self operand, item *initItem, args []argument) operand {
	bound, ok := b.arguments(args)
	if !ok {
		return failed(item.at())
	}
	group := b.members(self.t, "Add")
	if len(group) == 0 {
		b.fail(item.at(), "Cannot initialize type '%s' with a collection initializer because it does not implement 'System.Collections.IEnumerable'", self.t.CSharp())
		return failed(item.at())
	}
	return b.callGroup(operand{k: oGroup, at: item.at(), name: "Add", group: group, recv: &self, t: self.t}, bound)
}

func (b *binder) initialized(target operand, item *initItem) operand {
	if target.k == oError {
		return target
	}
	if item.nested != nil {
		return b.initialize(target, item.nested)
	}
	return b.store(item.at(), target, b.typedOrLambda(item.args[0]))
}

func (b *binder) typedOrLambda(n node) operand { return b.use(b.value(b.expr(n))) }

// newArray binds new T[n], new T[] {..}, new[] {..} and, with a type, T[] a = {..}.
func (b *binder) newArray(n *newArray, t *Type) operand {
	if n.elem != nil {
		elem := b.typeOf(n.elem)
		if elem == errType || elem == voidType {
			return failed(n.at())
		}
		t = arrayOf(elem)
	}
	if n.init == nil {
		return b.emptyArray(n, t)
	}
	list := make([]operand, len(n.init.items))
	for i := range n.init.items {
		item := &n.init.items[i]
		switch {
		case item.nested != nil && t != nil && t.elem.kind == kArray:
			list[i] = b.newArray(&newArray{pos: item.pos, init: item.nested}, t.elem)
		case item.nested != nil:
			b.fail(item.at(), "Array initializers can only be used in a variable or field initializer. Try using a new expression instead.")
			return failed(n.at())
		default:
			list[i] = b.typedOrLambda(item.args[0])
		}
		if list[i].k == oError {
			return failed(n.at())
		}
	}
	if t == nil {
		elem := b.bestType(list)
		if elem == nil {
			b.fail(n.at(), "No best type found for implicitly-typed array")
			return failed(n.at())
		}
		t = arrayOf(elem)
	}
	for i, x := range list {
		if list[i] = b.to(x, t.elem); list[i].k == oError {
			return failed(n.at())
		}
	}
	if len(n.size) > 0 {
		if size := b.rvalue(n.size[0]); size.c == nil || int(size.c.n) != len(list) {
			b.fail(n.at(), "An array initializer of length '%d' is expected", max(0, constantLength(size)))
			return failed(n.at())
		}
	}
	x := b.arrayOfValues(t, list)
	x.at = n.at()
	return x
}

func constantLength(x operand) int {
	if x.c == nil {
		return 0
	}
	return int(x.c.n)
}

func (b *binder) emptyArray(n *newArray, t *Type) operand {
	size := b.rvalue(n.size[0])
	if size.k == oError {
		return size
	}
	for _, in := range []*Type{intType, uintType, longType, ulongType} {
		if y, ok := b.implicit(size, in); ok {
			return b.sizedArray(n.at(), t, y)
		}
	}
	b.failConversion(size, intType)
	return failed(n.at())
}

func (b *binder) sizedArray(at int, t *Type, size operand) operand {
	run, elem := size.run, t.elem
	zero := elem.defaultValue()
	return computed(at, t, func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		if v.n < 0 {
			return Null, dotnet.Overflow()
		}
		if v.n > maxBytes {
			return Null, f.Spend(maxBytes + 1)
		}
		n := int(v.n)
		if elem == byteType {
			if err := f.Spend(n); err != nil {
				return Null, err
			}
			return Bytes(make([]byte, n)), nil
		}
		if err := f.Spend(n * valueSize); err != nil {
			return Null, err
		}
		items := make([]Value, n)
		if zero.ref != nil {
			for i := range items {
				items[i] = zero
			}
		}
		return Value{&Array{Elem: elem, Items: items}, 0}, nil
	})
}

const valueSize = 24

// Anonymous is an object of an anonymous type.
type Anonymous struct {
	typ    *Type
	Values []Value
}

func (a *Anonymous) dotnetType() *Type { return a.typ }

// Names returns the names of the members.
func (a *Anonymous) Names() []string {
	names := make([]string, len(a.typ.anonymous))
	for i, m := range a.typ.anonymous {
		names[i] = m.name
	}
	return names
}

// anonymous binds new { a = x, b.c }. Two with the same names and types are of one type.
func (b *binder) anonymous(n *anonExpr) operand {
	members := make([]anonMember, len(n.names))
	codes := make([]code, len(n.names))
	for i, v := range n.values {
		x := b.rvalue(v)
		if x.k == oError {
			return x
		}
		if x.t.kind == kNull {
			b.fail(x.at, "Cannot assign '<null>' to anonymous type property")
			return failed(n.at())
		}
		for _, m := range members[:i] {
			if m.name == n.names[i] {
				b.fail(v.at(), "An anonymous type cannot have multiple properties with the same name")
				return failed(n.at())
			}
		}
		members[i], codes[i] = anonMember{n.names[i], x.t}, x.run
	}
	t := b.anonymousType(members)
	return computed(n.at(), t, func(f *Frame) (Value, error) {
		if err := f.Spend((len(codes) + 3) * valueSize); err != nil {
			return Null, err
		}
		values := make([]Value, len(codes))
		for i, c := range codes {
			v, err := c(f)
			if err != nil {
				return Null, err
			}
			values[i] = v
		}
		return Value{&Anonymous{t, values}, 0}, nil
	})
}

func (b *binder) anonymousType(members []anonMember) *Type {
	for _, t := range b.anons {
		if sameMembers(t.anonymous, members) {
			return t
		}
	}
	t := &Type{kind: kAnonymous, name: "<>f__AnonymousType" + itoa(len(b.anons)), anonymous: members, set: &b.set, declared: []*Type{anonymousBase}}
	b.anons = append(b.anons, t)
	return t
}

func sameMembers(a, c []anonMember) bool {
	if len(a) != len(c) {
		return false
	}
	for i := range a {
		if a[i] != c[i] {
			return false
		}
	}
	return true
}

func (b *binder) anonymousMember(x operand, i, at int) operand {
	run := x.run
	r := computed(at, x.t.anonymous[i].typ, func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		if v.ref == nil {
			return Null, dotnet.NullReference()
		}
		return v.ref.(*Anonymous).Values[i], nil
	})
	r.place = &place{t: r.t, why: "Property or indexer '" + x.t.CSharp() + "." + x.t.anonymous[i].name + "' cannot be assigned to -- it is read only"}
	return r
}

// assign binds = and the compound assignments.
func (b *binder) assign(n *assignExpr) operand {
	if n.op == "=" && b.discards(n.l) {
		return b.rvalue(n.r)
	}
	x := b.value(b.expr(n.l))
	if x.k == oError {
		b.use(b.value(b.expr(n.r)))
		return x
	}
	if n.op == "=" {
		y := b.typedOrLambda(n.r)
		return b.store(n.at(), x, y)
	}
	x = b.use(x)
	if !b.assignable(n.at(), x) {
		return failed(n.at())
	}
	op := strings.TrimSuffix(n.op, "=")
	return b.update(n.at(), x, func(old operand) operand {
		y := b.rvalue(n.r)
		if y.k == oError {
			return y
		}
		return b.compound(n.at(), op, old, y)
	}, false)
}

// compound computes x op y for x op= y: the result is cast back when C# does so.
func (b *binder) compound(at int, op string, x, y operand) operand {
	r := b.operate(at, op, x, y)
	if r.k == oError {
		return r
	}
	if z, ok := b.implicit(r, x.t); ok {
		return z
	}
	_, fitsRight := b.implicit(y, x.t)
	if fitsRight || op == "<<" || op == ">>" {
		if z, ok := b.explicit(r, x.t); ok {
			return z
		}
	}
	b.failConversion(r, x.t)
	return failed(at)
}

func (b *binder) assignable(at int, x operand) bool {
	switch {
	case x.k == oError:
		return false
	case x.k != oValue || x.place == nil:
		b.fail(at, "The left-hand side of an assignment must be a variable, property or indexer")
		return false
	case x.place.why != "":
		b.fail(at, "%s", x.place.why)
		return false
	}
	return true
}

// store binds x = y.
func (b *binder) store(at int, x, y operand) operand {
	if !b.assignable(x.at, x) || y.k == oError {
		return failed(at)
	}
	pl := x.place
	y = b.to(y, pl.t)
	if y.k == oError {
		return y
	}
	if pl.local != nil {
		b.state = b.state.with(pl.local.id)
		put, run := storeCode(pl.at), y.run
		if !pl.at.cell {
			i := pl.at.at
			return computed(at, pl.t, func(f *Frame) (Value, error) {
				v, err := run(f)
				if err != nil {
					return Null, err
				}
				f.slots[i] = v
				return v, nil
			})
		}
		return computed(at, pl.t, func(f *Frame) (Value, error) {
			v, err := run(f)
			if err == nil {
				put(f, v)
			}
			return v, err
		})
	}
	parts := append(pl.parts[:len(pl.parts):len(pl.parts)], y)
	return computed(at, pl.t, b.assignment(parts, pl))
}

// assignment evaluates the parts of a place and the value, and stores it. It is the value.
func (b *binder) assignment(parts []operand, pl *place) code {
	n := len(parts)
	w := b.alloc(n)
	codes := make([]code, n)
	for i, x := range parts {
		codes[i] = x.run
	}
	set, null := pl.set, pl.null
	return func(f *Frame) (Value, error) {
		for i, x := range codes {
			v, err := x(f)
			if err != nil {
				return Null, err
			}
			f.slots[w+i] = v
		}
		a := f.slots[w : w+n : w+n]
		if null && a[0].ref == nil {
			return Null, dotnet.NullReference()
		}
		v := a[n-1]
		_, err := set(f, a)
		return v, err
	}
}

// update binds what reads a place and stores there what it makes of it: compound assignments, ++ and --. The parts of
// the place are evaluated once. After says that the old value is the result.
func (b *binder) update(at int, x operand, change func(operand) operand, after bool) operand {
	pl := x.place
	if pl.local != nil {
		return b.updateLocal(at, x, change, after)
	}
	n := len(pl.parts)
	w := b.alloc(n + 2)
	old := computed(x.at, pl.t, func(f *Frame) (Value, error) { return f.slots[w+n+1], nil })
	y := change(old)
	if y.k == oError {
		return y
	}
	if y = b.to(y, pl.t); y.k == oError {
		return y
	}
	parts, get, set, null, run := pl.parts, pl.get, pl.set, pl.null, y.run
	return computed(at, pl.t, func(f *Frame) (Value, error) {
		for i, x := range parts {
			v, err := x.run(f)
			if err != nil {
				return Null, err
			}
			f.slots[w+i] = v
		}
		if null && f.slots[w].ref == nil {
			return Null, dotnet.NullReference()
		}
		before, err := get(f, f.slots[w:w+n:w+n])
		if err != nil {
			return Null, err
		}
		f.slots[w+n+1] = before
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		f.slots[w+n] = v
		if _, err = set(f, f.slots[w:w+n+1:w+n+1]); after {
			return before, err
		}
		return v, err
	})
}

func (b *binder) updateLocal(at int, x operand, change func(operand) operand, after bool) operand {
	y := change(computed(x.at, x.t, x.run))
	if y.k == oError {
		return y
	}
	if y = b.to(y, x.t); y.k == oError {
		return y
	}
	put, read, run := storeCode(x.place.at), x.run, y.run
	if !after {
		return computed(at, x.t, func(f *Frame) (Value, error) {
			v, err := run(f)
			if err == nil {
				put(f, v)
			}
			return v, err
		})
	}
	return computed(at, x.t, func(f *Frame) (Value, error) {
		before, err := read(f)
		if err != nil {
			return Null, err
		}
		v, err := run(f)
		if err == nil {
			put(f, v)
		}
		return before, err
	})
}

// step binds ++ and --.
func (b *binder) step(n *stepExpr) operand {
	x := b.use(b.value(b.expr(n.x)))
	if !b.assignable(n.at(), x) {
		return failed(n.at())
	}
	t := x.t.underlying()
	if !t.isNumber() && t.kind != kEnum {
		b.fail(n.at(), "Operator '%s' cannot be applied to operand of type '%s'", n.op, x.describe())
		return failed(n.at())
	}
	return b.update(n.at(), x, func(old operand) operand {
		y := b.operate(n.at(), n.op[:1], old, constant(n.at(), Int(1), intType))
		if y.k == oError {
			return y
		}
		if z, ok := b.explicit(y, x.t); ok {
			return z
		}
		return y
	}, !n.prefix)
}

// maxConstant bounds the strings that are put together when an expression is compiled: naming a constant twice doubles it.
const maxConstant = 1 << 20

// concat binds + of strings. What is strung together further on the left is taken into one operation.
func (b *binder) concat(at int, x, y operand) operand {
	var parts []operand
	for _, z := range []operand{x, y} {
		if z.k != oValue || z.t == voidType {
			b.fail(at, "Operator '+' cannot be applied to operands of type '%s' and '%s'", x.describe(), y.describe())
			return failed(at)
		}
		if z.concat != nil {
			parts = append(parts, z.concat...)
			continue
		}
		parts = append(parts, z)
	}
	if x.c != nil && y.c != nil && constantText(x) && constantText(y) {
		if len(plainText(*x.c))+len(plainText(*y.c)) > maxConstant {
			b.fail(at, "Length of String constant resulting from concatenation exceeds %d. Try splitting the string into multiple constants.", maxConstant)
			return failed(at)
		}
		return constant(at, String(dotnet.Concat(plainText(*x.c), plainText(*y.c))), stringType)
	}
	if len(parts) > 1000 {
		b.fail(at, "An expression is too long or complex to compile")
		return failed(at)
	}
	codes := make([]code, len(parts))
	for i, p := range parts {
		codes[i] = p.run
	}
	r := computed(at, stringType, concatCode(codes))
	r.concat = parts
	return r
}

// constantText reports whether a constant can be strung together at compile time: only strings and null are constants then.
func constantText(x operand) bool { return x.t == stringType || x.t.kind == kNull }

func plainText(v Value) string { return v.Str() }

func concatCode(codes []code) code {
	if len(codes) == 2 {
		return func(f *Frame) (Value, error) {
			s, err := f.textOf(codes[0])
			if err != nil {
				return Null, err
			}
			t, err := f.textOf(codes[1])
			if err != nil {
				return Null, err
			}
			if err := f.Spend(len(s) + len(t)); err != nil {
				return Null, err
			}
			return String(dotnet.Concat(s, t)), nil
		}
	}
	return func(f *Frame) (Value, error) {
		var buffer [8]string
		list := buffer[:0]
		size := 0
		for _, c := range codes {
			s, err := f.textOf(c)
			if err != nil {
				return Null, err
			}
			list = append(list, s)
			size += len(s)
		}
		if err := f.Spend(size); err != nil {
			return Null, err
		}
		return String(dotnet.Concat(list...)), nil
	}
}

func (f *Frame) textOf(c code) (string, error) {
	v, err := c(f)
	if err != nil {
		return "", err
	}
	return f.text(v)
}

// interpolation binds $"..", which formats as string.Format does.
func (b *binder) interpolation(n *interpExpr) operand {
	codes := make([]code, 0, len(n.parts))
	var parts []operand
	for _, p := range n.parts {
		x := constant(n.at(), String(p.text), stringType)
		if p.x != nil {
			y := b.rvalue(p.x)
			if y.k == oError {
				return y
			}
			x = b.formatted(y, p)
			if x.k == oError {
				return x
			}
		}
		parts = append(parts, x)
		codes = append(codes, x.run)
	}
	switch len(codes) {
	case 0:
		return constant(n.at(), String(""), stringType)
	case 1:
		if parts[0].c != nil && n.parts[0].x == nil {
			x := parts[0]
			x.at = n.at()
			return x
		}
	}
	return computed(n.at(), stringType, concatCode(codes))
}

func (b *binder) formatted(x operand, p interpPart) operand {
	width := 0
	if p.align != nil {
		w := b.rvalue(p.align)
		if w = b.to(w, intType); w.k == oError {
			return w
		}
		if w.c == nil {
			b.fail(w.at, "A constant value is expected")
			return failed(w.at)
		}
		width = int(w.c.n)
	}
	format := p.format
	if width == 0 && format == "" {
		return x
	}
	run := x.run
	return computed(x.at, stringType, func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		s, err := f.format(v, format)
		if err != nil {
			return Null, err
		}
		if err := f.Spend(max(width, -width)); err != nil {
			return Null, err
		}
		return String(aligned(s, width)), nil
	})
}

// aligned pads a text to a width, on the right when it is negative.
func aligned(s string, width int) string {
	n := max(width, -width) - dotnet.StringLength(s)
	switch {
	case n <= 0:
		return s
	case width < 0:
		return s + strings.Repeat(" ", n)
	}
	return strings.Repeat(" ", n) + s
}

// throwCode binds throw x.
func (b *binder) throwCode(n *throwExpr) code {
	x := b.rvalue(n.x)
	if x.k == oError {
		return nothing
	}
	if x.t.kind != kNull && !x.t.derives(exceptionType) {
		b.fail(n.x.at(), "The type caught or thrown must be derived from System.Exception")
		return nothing
	}
	run := x.run
	return func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		if e, ok := v.ref.(*Exception); ok {
			return Null, e
		}
		return Null, dotnet.NullReference()
	}
}

// isStatement reports whether an expression may stand as a statement.
func isStatement(n node) bool {
	switch x := n.(type) {
	case *callExpr, *assignExpr, *stepExpr, *newExpr:
		return true
	case *condAccess:
		return isStatement(x.rest)
	}
	return false
}
