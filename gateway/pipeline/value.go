package pipeline

import (
	"math"
	"strconv"
	"strings"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// slot is the value of an attribute or of text: known when compiled, or an expression.
type slot struct {
	program *expr.Program // nil for a literal
	set     bool          // false when the attribute was left out and has no default
}

// Given reports whether there is a value: written, or by default.
func (s slot) Given() bool { return s.set }

// Literal reports whether the value is known when compiled.
func (s slot) Literal() bool { return s.program == nil }

// Program is the expression that makes the value, nil for a literal.
func (s slot) Program() *expr.Program { return s.program }

func (s slot) run(c *Call) (expr.Value, error) { return s.program.Run(&c.Context, &c.Budget) }

// The kinds of values. What was left out without a default is the zero value.
type (
	// Text is a string; expressions of basic types print.
	Text struct {
		slot
		text string
	}
	// Flag is a bool.
	Flag struct {
		slot
		on bool
	}
	// Whole is a whole number. Durations are numbers of seconds.
	Whole struct {
		slot
		n int64
	}
	// Real is any number.
	Real struct {
		slot
		x float64
	}
	// Any is what a variable takes: a string when literal.
	Any struct {
		slot
		value expr.Value
	}
)

// Eval returns the text.
func (t Text) Eval(c *Call) (string, error) {
	if t.program == nil {
		return t.text, nil
	}
	v, err := t.run(c)
	return v.Print(), err
}

// Eval returns the bool.
func (f Flag) Eval(c *Call) (bool, error) {
	if f.program == nil {
		return f.on, nil
	}
	v, err := f.run(c)
	return v.Bool(), err
}

// Eval returns the number.
func (w Whole) Eval(c *Call) (int64, error) {
	if w.program == nil {
		return w.n, nil
	}
	v, err := w.run(c)
	return v.Int(), err
}

// Eval returns the number.
func (r Real) Eval(c *Call) (float64, error) {
	if r.program == nil {
		return r.x, nil
	}
	v, err := r.run(c)
	return v.Float(), err
}

// Eval returns the value.
func (a Any) Eval(c *Call) (expr.Value, error) {
	if a.program == nil {
		return a.value, nil
	}
	return a.run(c)
}

// value finds an attribute, or its default, with named values replaced.
func (k *Compiler) value(e *policy.Element, attribute string) (policy.Value, bool) {
	if v, ok := e.Attr(attribute); ok {
		return k.resolve(e, v), true
	}
	text := k.definition(e).Default(attribute)
	return policy.Value{Text: text}, text != ""
}

// definition is what the table knows of a policy, or of an element in the one that is compiled.
func (k *Compiler) definition(e *policy.Element) *policy.Definition {
	if k.inside != nil {
		if d := k.inside.Below(e.Name); d != nil {
			return d
		}
	}
	if d := policy.Define(e.Name); d != nil {
		return d
	}
	return &policy.Definition{}
}

// program compiles an expression for a slot.
func (k *Compiler) program(e *policy.Element, x *policy.Expression, want expr.Slot) *expr.Program {
	p, faults := expr.Compile(x.Code, x.Block, want)
	for _, f := range faults {
		at := *e
		at.Pos = expressionPos(x.Pos, f)
		k.Fault(&at, "%s", f.Message)
	}
	return p
}

// expressionPos is the place in the document of a fault in an expression: code starts two characters after the @.
func expressionPos(at policy.Pos, f expr.Fault) policy.Pos {
	at.Offset += 2 + f.Offset
	if f.Line <= 1 {
		at.Column += 2 + max(f.Column-1, 0)
		return at
	}
	at.Line, at.Column = at.Line+f.Line-1, f.Column
	return at
}

// Text compiles an attribute that takes a string.
func (k *Compiler) Text(e *policy.Element, attribute string) Text {
	v, ok := k.value(e, attribute)
	if !ok {
		return Text{}
	}
	return k.TextOf(e, v)
}

// TextOf compiles a value, already resolved, that is a string.
func (k *Compiler) TextOf(e *policy.Element, v policy.Value) Text {
	if v.Expr != nil {
		return Text{slot: slot{k.program(e, v.Expr, expr.WantText), true}}
	}
	return Text{slot: slot{set: true}, text: v.Text}
}

// Content compiles the text in an element, without the blanks around it.
func (k *Compiler) Content(e *policy.Element) Text {
	v := k.resolve(e, e.Text)
	if v.Expr == nil {
		v.Text = strings.TrimSpace(v.Text)
	}
	return k.TextOf(e, v)
}

// Contents compiles the text of each child of a name.
func (k *Compiler) Contents(e *policy.Element, child string) []Text {
	var all []Text
	for _, c := range e.Children {
		if c.Name == child {
			all = append(all, k.Content(c))
		}
	}
	return all
}

// Literal returns an attribute that takes no expression.
func (k *Compiler) Literal(e *policy.Element, attribute string) string {
	v, ok := k.value(e, attribute)
	if ok && v.Expr != nil {
		k.Fault(e, "The attribute '%s' does not take expressions.", attribute)
	}
	return strings.TrimSpace(v.Text)
}

// Flag compiles an attribute that takes a bool.
func (k *Compiler) Flag(e *policy.Element, attribute string) Flag {
	v, ok := k.value(e, attribute)
	switch {
	case !ok:
		return Flag{}
	case v.Expr != nil:
		return Flag{slot: slot{k.program(e, v.Expr, expr.WantBool), true}}
	}
	switch strings.ToLower(strings.TrimSpace(v.Text)) {
	case "true", "1":
		return Flag{slot: slot{set: true}, on: true}
	case "false", "0":
		return Flag{slot: slot{set: true}}
	}
	k.Fault(e, "The '%s' attribute is invalid - The value '%s' is not true or false.", attribute, v.Text)
	return Flag{}
}

// Whole compiles an attribute that takes a whole number, or a duration: seconds, hh:mm:ss or ISO 8601.
func (k *Compiler) Whole(e *policy.Element, attribute string) Whole {
	v, ok := k.value(e, attribute)
	switch {
	case !ok:
		return Whole{}
	case v.Expr != nil:
		return Whole{slot: slot{k.program(e, v.Expr, expr.WantInt), true}}
	}
	text := strings.TrimSpace(v.Text)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		var ok bool
		if n, ok = policy.Seconds(text); !ok {
			k.Fault(e, "The '%s' attribute is invalid - The value '%s' is not a whole number.", attribute, v.Text)
		}
	}
	return Whole{slot{set: true}, n}
}

// Real compiles an attribute that takes any number.
func (k *Compiler) Real(e *policy.Element, attribute string) Real {
	v, ok := k.value(e, attribute)
	switch {
	case !ok:
		return Real{}
	case v.Expr != nil:
		return Real{slot: slot{k.program(e, v.Expr, expr.WantFloat), true}}
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(v.Text), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		k.Fault(e, "The '%s' attribute is invalid - The value '%s' is not a number.", attribute, v.Text)
	}
	return Real{slot{set: true}, x}
}

// Any compiles an attribute that takes any value; a literal is a string.
func (k *Compiler) Any(e *policy.Element, attribute string) Any {
	v, ok := k.value(e, attribute)
	switch {
	case !ok:
		return Any{}
	case v.Expr != nil:
		return Any{slot: slot{k.program(e, v.Expr, expr.WantAny), true}}
	}
	return Any{slot{set: true}, expr.String(v.Text)}
}
