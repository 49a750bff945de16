package expr

import (
	"fmt"
	"strings"
)

// binder gives every node of the tree its type and code, as a C# compiler would, in one pass: what a node means is found and
// the closure that does it is made at once. Locals are places in an activation, known before anything runs.
type binder struct {
	lib      *library
	want     Slot
	warnings []lexFault
	faults   []lexFault
	scope    *scope
	fn       *fnScope
	state    state
	locals   int
	work     int
	reads    reader
	lambdas  map[*lambdaExpr][]boundLambda
	anons    []*Type
	set      typeSet // of this program's own types
	overflow overflow
	jumps    *jumps
	catches  []slot        // hidden locals of the exceptions that are being caught, innermost last
	used     func(*member) // told of every member that is used
}

// overflow says what arithmetic on integers does: constants that overflow are refused, other numbers wrap, unless checked or
// unchecked is written around them.
type overflow uint8

const (
	byDefault overflow = iota
	throws
	wraps
)

// maxWork bounds how many nodes are bound: lambdas that stand in calls with several overloads are bound several times.
const maxWork = 200_000

// maxReported is how many faults of one expression are told.
const maxReported = 10

func (b *binder) fail(at int, format string, args ...any) {
	for _, f := range b.faults {
		if f.pos == at {
			return // the first one says it
		}
	}
	b.faults = append(b.faults, lexFault{at, fmt.Sprintf(format, args...)})
}

// fnScope is a function that is being bound.
type fnScope struct {
	outer    *fnScope
	fn       *function
	names    *names
	top      int
	floor    int // places below it hold locals and stay in use
	captured map[*local]slot
	ret      *Type // what return has to give; nil when it is being inferred
	results  []operand
	isVoid   bool
}

// scope holds the locals of a block.
type scope struct {
	outer  *scope
	fn     *fnScope
	locals []*local
	inner  map[string]bool // names that blocks inside have declared
	cells  []int           // slots of captured locals of this block
}

// local is a variable, constant or local function.
type local struct {
	name     string
	t        *Type
	slot     slot
	fn       *fnScope
	id       int
	constant *Value
	function *localFunction
	fixed    string // why it cannot be assigned
}

type localFunction struct {
	params []parameter
	ret    *Type
	node   *localFunc
	code   *function
}

// state is which locals are assigned for certain at a point. At a dead point all are.
type state struct {
	bits []uint64
	dead bool
}

func (s state) has(id int) bool {
	return s.dead || id>>6 < len(s.bits) && s.bits[id>>6]&(1<<(id&63)) != 0
}

func (s state) with(id int) state {
	if s.has(id) {
		return s
	}
	bits := make([]uint64, max(len(s.bits), id>>6+1))
	copy(bits, s.bits)
	bits[id>>6] |= 1 << (id & 63)
	return state{bits, false}
}

// meet is what holds when control may come from either.
func (s state) meet(t state) state {
	if s.dead {
		return t
	}
	if t.dead {
		return s
	}
	n := min(len(s.bits), len(t.bits))
	bits := make([]uint64, n)
	for i := range bits {
		bits[i] = s.bits[i] & t.bits[i]
	}
	return state{bits, false}
}

// join is what holds when both have happened.
func (s state) join(t state) state {
	if s.dead || t.dead {
		return state{dead: true}
	}
	if len(s.bits) < len(t.bits) {
		s, t = t, s
	}
	bits := append([]uint64(nil), s.bits...)
	for i := range t.bits {
		bits[i] |= t.bits[i]
	}
	return state{bits, false}
}

var dead = state{dead: true}

// jumps collects the states of break and continue of the statement they leave.
type jumps struct {
	outer     *jumps
	loop      bool
	broken    state
	continued state
}

func (b *binder) push() {
	b.scope = &scope{outer: b.scope, fn: b.fn}
}

// pop leaves a block. Its locals' names stay forbidden around it only as the names of locals there.
func (b *binder) pop() {
	s := b.scope
	b.scope = s.outer
	if b.scope == nil || b.scope.fn != s.fn {
		return
	}
	if b.scope.inner == nil {
		b.scope.inner = map[string]bool{}
	}
	for _, l := range s.locals {
		b.scope.inner[l.name] = true
	}
	for name := range s.inner {
		b.scope.inner[name] = true
	}
}

func (b *binder) alloc(n int) int {
	at := b.fn.top
	b.fn.top += n
	b.fn.fn.slots = max(b.fn.fn.slots, b.fn.top)
	return at
}

func (b *binder) lookup(name string) *local {
	for s := b.scope; s != nil; s = s.outer {
		for i := len(s.locals) - 1; i >= 0; i-- {
			if s.locals[i].name == name {
				return s.locals[i]
			}
		}
	}
	return nil
}

// declare makes a local in the scope at hand.
func (b *binder) declare(at int, name string, t *Type) *local {
	for _, l := range b.scope.locals {
		if l.name == name {
			b.fail(at, "A local variable or function named '%s' is already defined in this scope", name)
		}
	}
	if b.scope.inner[name] || b.lookup(name) != nil || name == "context" {
		b.fail(at, "A local or parameter named '%s' cannot be declared in this scope because that name is used in an enclosing local scope to define a local or parameter", name)
	}
	l := b.hidden(name, t)
	if l.slot.cell {
		b.scope.cells = append(b.scope.cells, l.slot.at)
	}
	return l
}

// discard is the name of a variable that nobody wants. A pattern or out argument of this name declares none that code could read.
const discard = "_"

// designate declares the local of a pattern or out argument.
func (b *binder) designate(at int, name string, t *Type) *local {
	if name == discard {
		return b.hidden("<discard>", t)
	}
	return b.declare(at, name, t)
}

// discards reports whether a name is _ and nothing is called so.
func (b *binder) discards(n node) bool {
	x, ok := n.(*nameExpr)
	return ok && x.name == discard && b.lookup(discard) == nil
}

func (b *binder) hidden(name string, t *Type) *local {
	l := &local{name: name, t: t, fn: b.fn, id: b.locals}
	b.locals++
	l.slot = b.newSlot(b.fn.names.captured[name])
	b.scope.locals = append(b.scope.locals, l)
	return l
}

// newSlot makes a place for a local. Cells have places of their own: they are there from the beginning of a block, when what
// comes before the declaration uses the other places for what it needs in between.
func (b *binder) newSlot(captured bool) slot {
	if captured {
		b.fn.fn.cells++
		return slot{at: b.fn.fn.cells - 1, cell: true}
	}
	s := slot{at: b.alloc(1)}
	b.fn.floor = b.fn.top
	return s
}

// placeOf returns where the function at hand finds a local, capturing it through all functions between.
func (b *binder) placeOf(l *local) (slot, bool) { return b.fn.find(l) }

func (s *fnScope) find(l *local) (slot, bool) {
	if l.fn == s {
		return l.slot, true
	}
	if at, ok := s.captured[l]; ok {
		return at, true
	}
	if s.outer == nil || !l.slot.cell {
		return slot{}, false
	}
	from, ok := s.outer.find(l)
	if !ok {
		return slot{}, false
	}
	to := slot{at: len(s.fn.captures), cell: true, up: true}
	if s.captured == nil {
		s.captured = map[*local]slot{}
	}
	s.captured[l] = to
	s.fn.captures = append(s.fn.captures, from)
	return to, true
}

// compile is Compile without the cache; used, if any, is told of every member that the code uses.
func compile(code string, block bool, want Slot, used func(*member)) (program *Program, faults []Fault) {
	defer func() {
		if r := recover(); r != nil { // the last guard: a mistake of ours must not keep a document from being read
			program, faults = nil, []Fault{{Line: 1, Column: 1, Message: fmt.Sprintf("The expression cannot be compiled: %v", r)}}
		}
	}()
	if len(code) > maxSource {
		return nil, []Fault{{Line: 1, Column: 1, Message: fmt.Sprintf("The expression is longer than %d KiB", maxSource>>10)}}
	}
	p := newParser(code)
	tree := p.program(block)
	if p.fault != nil {
		return nil, located(code, []lexFault{*p.fault})
	}
	b := &binder{lib: lib(), want: want, lambdas: map[*lambdaExpr][]boundLambda{}, used: used}
	main := b.main(tree)
	if len(b.faults) > 0 {
		return nil, located(code, b.faults)
	}
	return &Program{want: want, main: main, reads: b.reads.Reads, warnings: located(code, b.warnings)}, nil
}

func located(code string, list []lexFault) []Fault {
	var faults []Fault
	for _, f := range list[:min(len(list), maxReported)] {
		at := min(max(f.pos, 0), len(code))
		before := code[:at]
		line := strings.LastIndexByte(before, '\n') + 1
		column := 1
		for _, r := range before[line:] {
			column++
			if r > 0xFFFF {
				column++
			}
		}
		faults = append(faults, Fault{at, strings.Count(before, "\n") + 1, column, f.message})
	}
	return faults
}

// main binds a whole program.
func (b *binder) main(tree *lambdaExpr) *function {
	fn := &function{name: "expression"}
	b.fn = &fnScope{fn: fn, names: tree.names, ret: objectType}
	b.push()
	defer b.pop()
	if tree.body != nil {
		x := b.expr(tree.body)
		x = b.deliver(x)
		fn.value = b.withCells(x.run)
		return fn
	}
	fn.body = b.blockBody(tree.block.list)
	if !b.state.dead {
		b.fail(max(tree.block.end-1, 0), "Not all code paths return a value")
	}
	return fn
}

// withCells makes the cells that an expression's own variables (out var x) need when lambdas capture them.
func (b *binder) withCells(run code) code {
	cells := b.scope.cells
	if len(cells) == 0 || run == nil {
		return run
	}
	return func(f *Frame) (Value, error) {
		makeCells(f, cells)
		return run(f)
	}
}

func makeCells(f *Frame, cells []int) {
	for _, at := range cells {
		f.cells[at] = Value{new(cell), 0}
	}
}

// slotTypes are what may be delivered to a slot, in the order in which a conversion is tried.
func (b *binder) slotTypes() []*Type {
	switch b.want {
	case WantBool:
		return []*Type{boolType, nullable(boolType)}
	case WantInt:
		return []*Type{intType, longType, nullable(intType), nullable(longType)}
	case WantFloat:
		return []*Type{doubleType, nullable(doubleType)}
	case WantBytes:
		return []*Type{arrayOf(byteType)}
	}
	return nil
}

// deliver converts the result of an expression to what its slot wants (policy-expressions.md 4).
func (b *binder) deliver(x operand) operand {
	x = b.value(x)
	if x.k == oError {
		return x
	}
	if x.k != oValue || x.t == voidType {
		b.fail(x.at, "Cannot implicitly convert type '%s' to '%s'", x.describe(), b.wanted())
		return failed(x.at)
	}
	switch b.want {
	case WantAny:
		return x
	case WantText, WantBody:
		if b.want == WantBody && x.t == arrayOf(byteType) || printable(x.t) {
			return x
		}
		if y, ok := b.implicit(x, stringType); ok {
			return y
		}
	default:
		for _, t := range b.slotTypes() {
			if y, ok := b.implicit(x, t); ok {
				return y
			}
		}
	}
	hint := ""
	if _, ok := b.explicit(x, b.wantedType()); ok {
		hint = ". An explicit conversion exists (are you missing a cast?)"
	}
	b.fail(x.at, "Cannot implicitly convert type '%s' to '%s'%s", x.describe(), b.wanted(), hint)
	return failed(x.at)
}

func (b *binder) wantedType() *Type {
	if list := b.slotTypes(); list != nil {
		return list[0]
	}
	return stringType
}

func (b *binder) wanted() string { return b.wantedType().CSharp() }

// printable reports whether a text slot prints values of a type. What is static object is printed, or refused, when it is
// known: an expression such as @(context.Variables["x"]) is common in documents that work.
func printable(t *Type) bool {
	t = t.underlying()
	return t.kind >= kObject || t.kind == kEnum || t.kind == kNull || t.isValue() && t.kind != kVoid && t.kind != kTypeParam
}

// noteUse notes that the code uses a member.
func (b *binder) noteUse(m *member) {
	if b.used != nil {
		b.used(m)
	}
}

func (b *binder) busy() bool {
	if b.work++; b.work > maxWork {
		b.fail(0, "An expression is too long or complex to compile")
		return true
	}
	return false
}

// reader notes what an expression looks at.
type reader struct{ Reads }

func note(list *[]string, name string) {
	for _, n := range *list {
		if n == name {
			return
		}
	}
	*list = append(*list, name)
}
