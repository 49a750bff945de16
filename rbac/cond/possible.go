package cond

import (
	"slices"
	"strings"
	"time"

	"gatehouse"
)

// Outcomes is a set of outcomes.
type Outcomes uint8

// Has reports whether an outcome is in the set.
func (s Outcomes) Has(o Outcome) bool { return s&(1<<o) != 0 }

const anyOutcome Outcomes = 1<<False | 1<<True | 1<<Fault

// maxWorlds bounds how many combinations of values Possible tries.
const maxWorlds = 1 << 12

// Known says what can be said about an attribute before there is a request.
type Known struct {
	Fixed  bool  // Values are all it can have
	Values []any // none: it is always missing
	Single bool  // it never holds more than one value
	// From bounds a date that is always there: the time of the request lies not before it.
	From time.Time
}

// Possible is everything that the condition can come to for an action, whatever the attributes hold. It may say too
// much and never too little: without True in it the condition cannot hold, without False it cannot fail, but for
// attributes of a wrong type, which are left out. A nil known knows nothing.
//
// An attribute that is only compared with values of its own type is tried with each value that these comparisons
// tell apart, so that what excludes one another is seen; other comparisons may come to either.
func (c *Condition) Possible(action, subOperation string, known func(Source, string) Known) Outcomes {
	p := possible{env: Env{Action: action, SubOperation: subOperation}, domains: map[string]*domain{}}
	c.root.walk(func(n *node) {
		for _, a := range n.attributes() {
			p.domain(a, known).meet(n)
		}
	})
	worlds := 1
	for _, d := range p.order {
		d.choose()
		worlds *= max(1, len(d.values))
		if worlds > maxWorlds {
			return anyOutcome
		}
	}
	return p.try(c.root, 0)
}

func (n *node) attributes() (out []*attribute) {
	for _, a := range []*attribute{n.attribute, n.left.attribute, n.right.attribute} {
		if a != nil {
			out = append(out, a)
		}
	}
	return out
}

type possible struct {
	env     Env
	domains map[string]*domain
	order   []*domain
}

// keyOf is the same for references that are surely to the same attribute.
func keyOf(a *attribute) string {
	if a.key != len(a.name) {
		return a.source.String() + "{" + a.name
	}
	return a.source.String() + "[" + gatehouse.Fold(a.name)
}

// many stands for a list of values: operators without quantifier are false of one.
var many = &value{}

func (p *possible) domain(a *attribute, known func(Source, string) Known) *domain {
	d := p.domains[keyOf(a)]
	if d == nil {
		d = &domain{}
		if known != nil {
			d.known = known(a.source, a.name)
		}
		d.known.Single = d.known.Single || a.isNow()
		p.domains[keyOf(a)] = d
		p.order = append(p.order, d)
	}
	return d
}

// domain is one attribute and the values that tell apart all that a condition asks of it; nil is a missing one. Without
// values, what is asked of it may come to anything.
type domain struct {
	known    Known
	operator *operator // of a comparison with it
	literals []value
	opaque   bool
	values   []*value
	current  *value
}

// meet adds a leaf to what is asked of an attribute.
func (d *domain) meet(n *node) {
	if n.kind == existsNode {
		return
	}
	same := d.operator == nil || d.operator.family == n.operator.family && d.operator.folds() == n.operator.folds()
	switch {
	case n.left.attribute == nil || n.right.attribute != nil || !same:
		d.opaque = true
	case n.operator.family == stringFamily && !strings.HasSuffix(strings.TrimSuffix(n.operator.name, "IgnoreCase"), "Equals"):
		d.opaque = !d.known.Fixed // a pattern is met by texts that no list of texts represents
	case n.quantifier != nil && !d.known.Single && !d.known.Fixed:
		d.opaque = true // a list can hold what excludes one another
	}
	d.operator = n.operator
	d.literals = append(d.literals, n.right.values...)
}

func (o *operator) folds() bool { return strings.HasSuffix(o.name, "IgnoreCase") }

func (d *domain) choose() {
	switch {
	case d.known.Fixed && len(d.known.Values) == 0:
		d.values = []*value{nil}
		return
	case d.opaque:
		return
	case d.known.Fixed && d.operator == nil:
		d.values = []*value{{}}
		return
	}
	for _, v := range d.candidates() {
		if d.known.From.IsZero() || !v.time.Before(d.known.From) {
			d.values = append(d.values, &v)
		}
	}
	if !d.known.Fixed && d.known.From.IsZero() {
		d.values = append(d.values, nil)
	}
	if !d.known.Fixed && !d.known.Single {
		d.values = append(d.values, many)
	}
}

// candidates has a value of each kind that the literals tell apart: each of them, and its neighbours.
func (d *domain) candidates() (out []value) {
	if d.operator == nil { // only asked whether it exists
		return []value{{}}
	}
	family := d.operator.family
	if d.known.Fixed {
		for _, a := range d.known.Values {
			if v, ok := convertAny(a, family); ok {
				out = append(out, v)
			}
		}
		return out
	}
	switch family {
	case boolFamily:
		return []value{truth(false), truth(true)}
	case stringFamily:
		out = []value{{text: "\x00"}}
	case guidFamily:
		out = []value{{guid: gatehouse.NameGUID(gatehouse.GUID{}, "none of these")}}
	case dateFamily:
		out = []value{{time: d.known.From}}
	}
	for _, v := range d.literals {
		out = append(out, v)
		switch family {
		case numericFamily:
			out = append(out, value{number: v.number - 1}, value{number: v.number + 1})
		case dateFamily:
			out = append(out, value{time: v.time.Add(-1)}, value{time: v.time.Add(1)})
		}
	}
	unique := out[:0:0]
	for _, v := range out {
		if !slices.Contains(unique, v) {
			unique = append(unique, v)
		}
	}
	return unique
}

// try evaluates for every combination of values.
func (p *possible) try(root *node, i int) (out Outcomes) {
	if i == len(p.order) {
		return p.eval(root)
	}
	d := p.order[i]
	if d.values == nil {
		return p.try(root, i+1)
	}
	for _, v := range d.values {
		d.current = v
		if out |= p.try(root, i+1); out == anyOutcome {
			break
		}
	}
	return out
}

func (p *possible) eval(n *node) Outcomes {
	switch n.kind {
	case notNode:
		return p.eval(n.kids[0]).not()
	case orNode, andNode:
		return p.evalChain(n)
	case actionNode, subOperationNode:
		return 1 << n.evalLeaf(&p.env)
	case existsNode:
		d := p.domains[keyOf(n.attribute)]
		switch {
		case n.attribute.isNow():
			return 1 << True
		case d.values == nil:
			return 1<<False | 1<<True
		}
		return 1 << outcome(d.current != nil)
	}
	return p.compare(n)
}

func (s Outcomes) not() Outcomes {
	out := s & (1 << Fault)
	if s.Has(False) {
		out |= 1 << True
	}
	if s.Has(True) {
		out |= 1 << False
	}
	return out
}

// evalChain follows every way through: a part that may decide may also leave the rest to the next.
func (p *possible) evalChain(n *node) (out Outcomes) {
	decisive := outcome(n.kind == orNode)
	for _, kid := range n.kids {
		o := p.eval(kid)
		out |= o & (1<<decisive | 1<<Fault)
		if !o.Has(decisive.not()) {
			return out
		}
	}
	return out | 1<<decisive.not()
}

func (p *possible) compare(n *node) Outcomes {
	if n.left.misfit != "" || n.right.misfit != "" {
		return 1 << Fault
	}
	as := n.attributes()
	if len(as) == 0 {
		return 1 << n.compare(&p.env)
	}
	for _, a := range as {
		if d := p.domains[keyOf(a)]; d.values != nil && d.current == nil {
			return 1 << False // missing, whatever the other side is
		}
	}
	d := p.domains[keyOf(as[0])]
	if d.opaque || d.values == nil {
		return 1<<False | 1<<True
	}
	if d.current == many {
		return 1 << False
	}
	l := list{values: []value{*d.current}, n: 1}
	r := list{values: n.right.values, n: len(n.right.values)}
	if n.quantifier == nil {
		return 1 << outcome(n.plain(&l, &r))
	}
	return 1 << outcome(n.quantified(&l, &r))
}
