package odata

import (
	"fmt"
	"strings"
	"time"

	"gatehouse"
)

// Pos is a place in a filter: Line and Column count from 1, Column in characters.
type Pos struct{ Line, Column int }

// String reads "line 1, column 8".
func (p Pos) String() string { return fmt.Sprintf("line %d, column %d", p.Line, p.Column) }

// Expr is a node of a filter: *Binary, *Not, *In, *Call, *Lambda, *Field or *Literal.
// String returns text that parses to an equal node.
type Expr interface {
	String() string
	At() Pos
}

// Op is an operator between two operands.
type Op string

// The operators, in the spelling of the language.
const (
	And Op = "and"
	Or  Op = "or"
	Eq  Op = "eq"
	Ne  Op = "ne"
	Gt  Op = "gt"
	Ge  Op = "ge"
	Lt  Op = "lt"
	Le  Op = "le"
)

// Binary joins two operands: a logical or a comparison, by Op.
type Binary struct {
	Op          Op
	Left, Right Expr
	Pos         Pos // of the operator
}

// Not negates X.
type Not struct {
	X   Expr
	Pos Pos
}

// In holds when X equals one of List.
type In struct {
	X    Expr
	List []*Literal
	Pos  Pos
}

// Call applies a function. Name is in the spelling of the language whatever the
// caller wrote.
type Call struct {
	Name string
	Args []Expr
	Pos  Pos
}

// Lambda asks about the elements of a list: Path/any(Var:Body) or Path/all(Var:Body).
// Body is nil in Path/any(), which asks whether there is an element.
type Lambda struct {
	Path string
	All  bool
	Var  string
	Body Expr
	Pos  Pos
}

// Field names what Env.Lookup finds; steps are separated by slashes.
type Field struct {
	Path string
	Pos  Pos
}

// Literal is a value: nil, bool, string, Number, time.Time or gatehouse.GUID.
type Literal struct {
	Value any
	Pos   Pos

	text string    // how a number, time or GUID was written
	when time.Time // what a string means when it is compared with a time
}

// Number is a numeric literal as it was written.
type Number string

// At returns where the node starts; for a Binary, where its operator is.
func (e *Binary) At() Pos  { return e.Pos }
func (e *Not) At() Pos     { return e.Pos }
func (e *In) At() Pos      { return e.Pos }
func (e *Call) At() Pos    { return e.Pos }
func (e *Lambda) At() Pos  { return e.Pos }
func (e *Field) At() Pos   { return e.Pos }
func (e *Literal) At() Pos { return e.Pos }

func (e *Binary) String() string {
	right := wrap(e.Right, e.Op, true)
	if _, valueFirst := e.Left.(*Literal); !valueFirst && rank(e.Op) == 3 {
		switch e.Right.(type) {
		case *Field, *Lambda: // without parentheses this would read as a value
			right = "(" + right + ")"
		}
	}
	return wrap(e.Left, e.Op, false) + " " + string(e.Op) + " " + right
}

// wrap puts an operand into parentheses where the grammar needs them to keep the tree.
func wrap(operand Expr, op Op, right bool) string {
	inner, ok := operand.(*Binary)
	need := ok && rank(inner.Op) <= rank(op) && (right || rank(inner.Op) < rank(op) || rank(op) == 3)
	if _, not := operand.(*Not); not {
		need = rank(op) == 3
	}
	if _, in := operand.(*In); in {
		need = rank(op) == 3
	}
	if need {
		return "(" + operand.String() + ")"
	}
	return operand.String()
}

func rank(op Op) int {
	switch op {
	case Or:
		return 1
	case And:
		return 2
	}
	return 3
}

func (e *Not) String() string {
	switch e.X.(type) {
	case *Binary, *In:
		return "not (" + e.X.String() + ")"
	}
	return "not " + e.X.String()
}

func (e *In) String() string {
	list := make([]string, len(e.List))
	for i, l := range e.List {
		list[i] = l.String()
	}
	return wrap(e.X, Eq, false) + " in (" + strings.Join(list, ",") + ")"
}

func (e *Call) String() string {
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = a.String()
	}
	return e.Name + "(" + strings.Join(args, ",") + ")"
}

func (e *Lambda) String() string {
	word := "any"
	if e.All {
		word = "all"
	}
	if e.Body == nil {
		return e.Path + "/" + word + "()"
	}
	return e.Path + "/" + word + "(" + e.Var + ":" + e.Body.String() + ")"
}

func (e *Field) String() string { return e.Path }

func (e *Literal) String() string {
	switch v := e.Value.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case gatehouse.GUID:
		return v.String()
	}
	return e.text
}

// Conjuncts returns the operands of the outermost "and", or e alone, or nothing for nil.
func Conjuncts(e Expr) []Expr {
	if e == nil {
		return nil
	}
	if b, ok := e.(*Binary); ok && b.Op == And {
		return append(Conjuncts(b.Left), Conjuncts(b.Right)...)
	}
	return []Expr{e}
}

// Equality takes apart "field eq value", written either way round. The value of
// null is nil; Text gives any value's text.
func Equality(e Expr) (field string, value *Literal, ok bool) {
	b, isBinary := e.(*Binary)
	if !isBinary || b.Op != Eq {
		return "", nil, false
	}
	left, right := b.Left, b.Right
	if _, swapped := left.(*Literal); swapped {
		left, right = right, left
	}
	f, isField := left.(*Field)
	l, isLiteral := right.(*Literal)
	if !isField || !isLiteral {
		return "", nil, false
	}
	return f.Path, l, true
}

// AnyEquality takes apart "list/any(x:x eq value)".
func AnyEquality(e Expr) (list string, value *Literal, ok bool) {
	l, isLambda := e.(*Lambda)
	if !isLambda || l.All || l.Body == nil {
		return "", nil, false
	}
	field, value, ok := Equality(l.Body)
	return l.Path, value, ok && field == l.Var
}

// Text returns the value as text without quotes; "" for null.
func (e *Literal) Text() string {
	switch v := e.Value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return e.String()
}

// CallOf returns e as a call of the named function.
func CallOf(e Expr, name string) (*Call, bool) {
	c, ok := e.(*Call)
	return c, ok && gatehouse.Fold(c.Name) == gatehouse.Fold(name)
}
