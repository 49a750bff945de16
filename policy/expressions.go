package policy

import (
	"gatehouse/policy/expr"
)

// wants are the slots of values that the kinds of attributes in the table do not tell (policy-expressions.md 4): element, a slash, and
// the attribute, or nothing for the element's text.
var wants = map[string]expr.Slot{
	"set-variable/value":                expr.WantAny,
	"cache-store-value/value":           expr.WantAny,
	"cache-lookup-value/default-value":  expr.WantAny,
	"when/condition":                    expr.WantBool,
	"retry/condition":                   expr.WantBool,
	"set-body/":                         expr.WantBody,
	"authentication-certificate/body":   expr.WantBytes,
	"rate-limit-by-key/increment-count": expr.WantInt,
}

// Wants says what an expression in an attribute of an element has to give; attribute "" is the element's text.
func (d *Definition) Wants(attribute string) expr.Slot {
	if slot, ok := wants[d.Name+"/"+attribute]; ok {
		return slot
	}
	a := d.attr(attribute)
	if a == nil {
		return expr.WantText
	}
	switch {
	case a.kind == "bool" || a.name == "increment-condition" || a.name == "condition":
		return expr.WantBool
	case a.kind == "int" || a.kind == "span":
		return expr.WantInt
	case a.kind == "number":
		return expr.WantFloat
	}
	return expr.WantText
}

// Place returns the place in the document of an offset in the code of the expression, where line and column are those in the
// code. It is exact for documents in the form rawxml; entities in the other form move it to the left.
func (x *Expression) Place(f expr.Fault) Pos {
	at := x.Pos
	at.Offset += 2 + f.Offset
	if f.Line <= 1 {
		at.Column += 2 + max(f.Column-1, 0)
		return at
	}
	at.Line, at.Column = at.Line+f.Line-1, f.Column
	return at
}

// expression compiles an expression as the gateway will. One that holds named values is compiled when their values are known:
// see CheckResolved.
func (c *checker) expression(e *Element, v Value, slot expr.Slot) {
	if v.Expr == nil || len(v.Names) > 0 {
		return
	}
	c.compiles(e, v.Expr, slot)
}

func (c *checker) compiles(e *Element, x *Expression, slot expr.Slot) {
	_, faults := expr.Compile(x.Code, x.Block, slot)
	if len(faults) > 0 && len(c.faults) < maxFaults {
		c.faults = append(c.faults, Fault{e.Name, x.Place(faults[0]), faults[0].Message}) // one for each expression (gateway.md 5.5)
	}
}

// CheckResolved returns the faults of the expressions that hold named values, and of those that values make, once lookup
// knows the values: what Check cannot see. Names that lookup does not know are left as they are.
func CheckResolved(d *Document, lookup func(Name) (string, bool)) []Fault {
	c := &checker{}
	for _, s := range d.policies() {
		if def := table().byName[s.Name]; def != nil {
			c.resolved(s, def, lookup)
		}
	}
	return c.faults
}

// policies are the elements of the document that may be policies, wherever they stand on the first level.
func (d *Document) policies() []*Element {
	if len(d.Sections) == 0 {
		if table().byName[d.Root.Name] != nil {
			return []*Element{d.Root}
		}
		return d.Root.Children
	}
	var list []*Element
	for _, s := range d.Sections {
		list = append(list, s.Policies...)
	}
	return list
}

func (c *checker) resolved(e *Element, def *Definition, lookup func(Name) (string, bool)) {
	if def.free || def.markup && e.Text.Expr == nil && len(e.Text.Names) == 0 {
		return
	}
	check := func(v Value, attribute string) {
		if len(v.Names) == 0 {
			return
		}
		if r, missing := v.Resolve(lookup); r.Expr != nil && len(missing) == 0 {
			c.compiles(e, r.Expr, def.Wants(attribute))
		}
	}
	for i := range e.Attrs {
		check(e.Attrs[i].Value, e.Attrs[i].Name)
	}
	check(e.Text, "")
	for _, child := range e.Children {
		known := def.child(child.Name)
		if known == nil {
			known = table().byName[child.Name]
		}
		if known != nil {
			c.resolved(child, known, lookup)
		}
	}
}
