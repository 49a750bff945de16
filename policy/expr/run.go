package expr

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/dotnet"
)

// code evaluates an expression; exec runs a statement.
type (
	code func(f *Frame) (Value, error)
	exec func(f *Frame) (control, error)
)

// control is how a statement ended.
type control uint8

const (
	onward control = iota
	breaks
	continues
	returns
)

// function is the code of a program, lambda or local function.
type function struct {
	name     string
	params   []slot // where its arguments go
	captures []slot // the cells that a lambda takes along, where it is made
	slots    int
	cells    int
	value    code // of a lambda that is one expression
	body     exec
}

// slot is the place of a local in an activation. A local that a lambda captures lives in a cell, which is among the cells of
// the activation that declares it, and among those from above in the lambda's own.
type slot struct {
	at       int
	cell, up bool
}

// in returns the cell of a captured local.
func (s slot) in(f *Frame) *cell {
	if s.up {
		return f.above[s.at].ref.(*cell)
	}
	return f.cells[s.at].ref.(*cell)
}

type cell struct{ v Value }

// Closure is a lambda with what it has captured; or, for a delegate made of a method, that method.
type Closure struct {
	typ    *Type
	fn     *function
	cells  []Value
	native Func
}

func (c *Closure) dotnetType() *Type { return c.typ }

// Frame is one evaluation under way: the locals of the function at hand, and the budget.
type Frame struct {
	slots  []Value // of the activation at hand
	cells  []Value // its captured locals
	above  []Value // what it has captured itself
	chunk  []Value
	top    int // of chunk in use
	high   int
	depth  int
	nest   int // of objects that hold objects
	steps  int
	bytes  int
	turn   int
	result Value // of return
	ctx    *Context
	params *queryParams // of the URL whose query was asked for last
	stop   time.Time    // zero until somebody asks: most evaluations are over before
	most   time.Time    // of the call; zero for none
}

const chunkSize = 512

var frames = sync.Pool{New: func() any { return &Frame{chunk: make([]Value, chunkSize)} }}

// Context returns the call.
func (f *Frame) Context() *Context { return f.ctx }

// Now returns the time.
func (f *Frame) Now() time.Time {
	if f.ctx.Now != nil {
		return f.ctx.Now()
	}
	return time.Now()
}

// Deadline is when this evaluation is stopped: a while from the first look at the clock, or with the call.
func (f *Frame) Deadline() time.Time {
	if f.stop.IsZero() {
		f.stop = time.Now().Add(maxWall)
		if !f.most.IsZero() && f.most.Before(f.stop) {
			f.stop = f.most
		}
	}
	return f.stop
}

// clockTurn is how many steps pass between looks at the clock.
const clockTurn = 4096

// Step takes n steps from the budget.
func (f *Frame) Step(n int) error {
	if n < 0 || n > f.steps {
		return &LimitError{fmt.Sprintf("it takes more than %d steps", maxSteps)}
	}
	f.steps -= n
	if f.turn -= n; f.turn <= 0 {
		f.turn = clockTurn
		if stop := f.Deadline(); time.Now().After(stop) {
			return &LimitError{"it takes too long"}
		}
	}
	return nil
}

// tick takes one step and looks at the clock: before what may take long by itself, such as a match of a regular expression.
func (f *Frame) tick() error {
	f.turn = 0
	return f.Step(1)
}

// weigh brings the next look at the clock nearer when something large is about to be worked on: a step over it takes long.
func (f *Frame) weigh(v Value) {
	switch x := v.ref.(type) {
	case text:
		f.turn -= int(v.n >> 10)
	case *Blob:
		f.turn -= len(x.B) >> 10
	case *Array:
		f.turn -= len(x.Items) >> 6
	case *List:
		f.turn -= len(x.Items) >> 6
	case *Builder:
		if len(x.pieces) > 1 { // it will be put together
			f.turn -= x.units >> 8
		}
	}
}

func (f *Frame) step() error {
	f.steps--
	f.turn--
	if f.turn > 0 && f.steps > 0 {
		return nil
	}
	return f.Step(1)
}

// Spend takes n bytes from the budget.
func (f *Frame) Spend(n int) error {
	if n < 0 || n > f.bytes {
		return &LimitError{fmt.Sprintf("it makes more than %d MiB of text and objects", maxBytes>>20)}
	}
	f.bytes -= n
	return nil
}

// activation is what has to be put back when a function is left.
type activation struct {
	slots, cells, above, chunk []Value
	top                        int
}

// enter begins an activation of a function.
func (f *Frame) enter(fn *function, above []Value) (outer activation, err error) {
	if f.depth >= maxRecursion {
		return outer, &LimitError{fmt.Sprintf("its functions call each other deeper than %d", maxRecursion)}
	}
	f.depth++
	outer = activation{f.slots, f.cells, f.above, f.chunk, f.top}
	n := fn.slots + fn.cells
	if f.top+n > len(f.chunk) {
		f.chunk = make([]Value, max(chunkSize, 2*n))
		f.top = 0
	}
	middle := f.top + fn.slots
	f.slots, f.cells, f.above = f.chunk[f.top:middle:middle], f.chunk[middle:f.top+n], above
	f.top += n
	if f.top > f.high {
		f.high = f.top
	}
	return outer, nil
}

func (f *Frame) leave(outer *activation) {
	f.depth--
	f.slots, f.cells, f.above, f.chunk, f.top = outer.slots, outer.cells, outer.above, outer.chunk, outer.top
}

// Call calls a lambda or other delegate.
func (f *Frame) Call(fn Value, args ...Value) (Value, error) {
	c, ok := fn.ref.(*Closure)
	if !ok {
		return Null, dotnet.NullReference()
	}
	if err := f.step(); err != nil {
		return Null, err
	}
	if c.native != nil {
		return c.native(f, slices.Clone(args))
	}
	outer, err := f.enter(c.fn, c.cells)
	if err != nil {
		return Null, err
	}
	for i, to := range c.fn.params {
		if to.cell {
			f.cells[to.at] = Value{&cell{args[i]}, 0}
			continue
		}
		f.slots[to.at] = args[i]
	}
	v, err := c.fn.run(f)
	f.leave(&outer)
	return v, err
}

// run evaluates the function in the activation at hand.
func (fn *function) run(f *Frame) (Value, error) {
	if fn.value != nil {
		return fn.value(f)
	}
	before := f.result // of a return that waits for its finally clause
	f.result = Null
	_, err := fn.body(f)
	v := f.result
	f.result = before
	if err != nil {
		return Null, err
	}
	return v, nil
}

// closure makes a lambda of the activation at hand.
func (f *Frame) closure(t *Type, fn *function) Value {
	c := &Closure{typ: t, fn: fn}
	if len(fn.captures) > 0 {
		c.cells = make([]Value, len(fn.captures))
		for i, from := range fn.captures {
			c.cells[i] = Value{from.in(f), 0}
		}
	}
	return Value{c, 0}
}

// Run evaluates the program over a call. Its error is an *Exception or a *LimitError; any other is a fault of ours.
func (p *Program) Run(c *Context, b *Budget) (v Value, err error) {
	f := frames.Get().(*Frame)
	steps := min(maxSteps, maxCallSteps-b.steps)
	f.ctx, f.steps, f.bytes, f.turn = c, steps, maxBytes, clockTurn
	f.most = b.Deadline
	defer func() {
		b.steps += steps - max(f.steps, 0)
		if r := recover(); r != nil { // the last guard: a mistake of ours must not take the gateway down
			v, err = Null, fmt.Errorf("an expression failed inside: %v", r)
			return
		}
		f.reset()
		frames.Put(f)
	}()
	if steps <= 0 {
		return Null, &LimitError{fmt.Sprintf("the expressions of this call take more than %d steps", maxCallSteps)}
	}
	if _, err = f.enter(p.main, nil); err != nil {
		return Null, err
	}
	v, err = p.main.run(f)
	if err != nil {
		return Null, exception(err)
	}
	return p.deliver(f, v)
}

// reset forgets everything of the call.
func (f *Frame) reset() {
	chunk := f.chunk
	if len(chunk) != chunkSize {
		chunk = make([]Value, chunkSize)
	} else {
		clear(chunk[:min(f.high, chunkSize)])
	}
	*f = Frame{chunk: chunk}
}

// exception turns any error that C# can see into an *Exception; limits stay what they are.
func exception(err error) error {
	var limit *LimitError
	var e *Exception
	switch {
	case errors.As(err, &limit):
		return limit
	case errors.As(err, &e):
		return e
	}
	return dotnet.NewException("System.Exception", "%s", err.Error())
}

// throw makes an exception of a .NET type.
func throw(typeName, format string, args ...any) error {
	return dotnet.NewException(typeName, format, args...)
}
