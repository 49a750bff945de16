package policy

import (
	"slices"
	"strings"

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

// CheckResolved returns the faults of values that hold named values, once lookup knows these: what Check cannot see. Values
// may be secrets, so that the faults tell nothing of them. Names that lookup does not know are left as they are.
func CheckResolved(d *Document, lookup func(Name) (string, bool)) []Fault {
	c := &checker{}
	for _, s := range d.policies() {
		if def := table().byName[s.Name]; def != nil {
			c.resolved(s, def, lookup)
		}
	}
	return c.faults[:min(len(c.faults), maxFaults)]
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
	if def.free {
		return
	}
	check := func(v Value, attribute string) {
		if len(v.Names) == 0 {
			return
		}
		if r, missing := v.Resolve(lookup); len(missing) == 0 && !def.takes(attribute, r) {
			c.fault(e, "%s", misfit(attribute, v.Names))
		}
	}
	for i := range e.Attrs {
		check(e.Attrs[i].Value, e.Attrs[i].Name)
	}
	if template, _ := e.Attr("template"); !strings.EqualFold(strings.TrimSpace(template.Text), "liquid") {
		check(e.Text, "")
	}
	if def.markup { // what stands in it are no elements of policies
		return
	}
	if rule := rules[e.Name]; rule != nil && def == table().byName[e.Name] && e.named() {
		c.faults = append(c.faults, rule(e.with(lookup))...)
	}
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

// takes reports whether a value, with its named values replaced, can stand in an attribute, or in the text for "".
func (d *Definition) takes(attribute string, v Value) bool {
	a := d.attr(attribute)
	switch {
	case v.Expr == nil:
		return a == nil || a.fault(v.Text) == ""
	case a != nil && a.literal, a == nil && d.literal:
		return false
	}
	_, faults := expr.Compile(v.Expr.Code, v.Expr.Block, d.Wants(attribute))
	return len(faults) == 0
}

func misfit(attribute string, names []Name) string {
	var list []string
	for _, n := range names {
		if !slices.Contains(list, n.Name) {
			list = append(list, n.Name)
		}
	}
	where := "The text is"
	if attribute != "" {
		where = "The '" + attribute + "' attribute is"
	}
	return where + " invalid with the values of the named values '" + strings.Join(list, "', '") + "'."
}

// named reports whether named values stand in an element, or in those in it.
func (e *Element) named() bool {
	return len(e.Text.Names) > 0 || slices.ContainsFunc(e.Attrs, func(a Attr) bool { return len(a.Value.Names) > 0 }) || slices.ContainsFunc(e.Children, (*Element).named)
}

// with is a copy of an element with the named values that lookup knows in their place. What it does not know stays.
func (e *Element) with(lookup func(Name) (string, bool)) *Element {
	resolve := func(v Value) Value {
		if r, missing := v.Resolve(lookup); len(missing) == 0 {
			return r
		}
		return v
	}
	made := *e
	made.Text, made.Attrs, made.Children = resolve(e.Text), slices.Clone(e.Attrs), slices.Clone(e.Children)
	for i := range made.Attrs {
		made.Attrs[i].Value = resolve(made.Attrs[i].Value)
	}
	for i, child := range made.Children {
		made.Children[i] = child.with(lookup)
	}
	return &made
}
