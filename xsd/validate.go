package xsd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/dotnet/xlinq"
)

// Fault is one thing that a document has against its schema.
type Fault struct {
	Path    string // of the element: /order/item[2]
	Rule    string // a word: Element, Content, Value, Attribute, Type, Nil, Key, Unique, Keyref, ID
	Message string
}

// Bounds of what is checked.
const (
	maxSteps  = 4_000_000
	maxFaults = 20
)

// ErrBudget is a document that takes more to check than a message is worth.
var ErrBudget = errors.New("the document takes too many steps to be checked")

// Check checks an element as one that the schema declares globally; root is its name, "" for any. No faults and no
// error: it is valid.
func (s *Set) Check(n *xlinq.Node, root string) ([]Fault, error) {
	v := &validation{set: s, ids: map[string]bool{}, values: map[*xlinq.Node]string{}}
	at := &place{name: n.Name().Local, index: 1}
	switch e := s.elements[n.Name()]; {
	case root != "" && n.Name().Local != root:
		v.add(at, "Element", "the element '%s' is not the one that is expected here: '%s'", n.Name().Local, root)
	case e == nil:
		v.add(at, "Element", "the element '%s' of the namespace '%s' is not declared", n.Name().Local, n.Name().Space)
	default:
		v.element(e, n, at)
	}
	for _, ref := range v.refs {
		if !v.ids[ref] {
			v.add(at, "ID", "no element has the ID %s", quoted(ref))
		}
	}
	if v.steps > maxSteps {
		return nil, ErrBudget
	}
	return v.faults, nil
}

// Declares reports whether an element of that local name may be the root of a document.
func (s *Set) Declares(local string) bool {
	for n := range s.elements {
		if n.Local == local {
			return true
		}
	}
	return false
}

// place is where an element stands.
type place struct {
	up    *place
	name  string
	index int
}

func (p *place) String() string {
	if p == nil {
		return ""
	}
	text := p.up.String() + "/" + p.name
	if p.index > 1 {
		text += "[" + strconv.Itoa(p.index) + "]"
	}
	return text
}

type validation struct {
	set    *Set
	steps  int
	faults []Fault
	ids    map[string]bool
	refs   []string
	values map[*xlinq.Node]string // of what constraints may ask for
}

// spend counts steps; false when there are no more.
func (v *validation) spend(n int) bool {
	v.steps += n
	return v.steps <= maxSteps
}

func (v *validation) add(at *place, rule, format string, args ...any) {
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, Fault{at.String(), rule, fmt.Sprintf(format, args...)})
	}
}

func instance(n *xlinq.Node, local string) (string, bool) {
	a := n.Attribute(name{Space: InstanceSpace, Local: local})
	if a == nil {
		return "", false
	}
	text, _ := a.Value(nil)
	return strings.TrimSpace(text), true
}

// element checks an element against its declaration.
func (v *validation) element(e *element, n *xlinq.Node, at *place) {
	if !v.spend(1) {
		return
	}
	if e.abstract {
		v.add(at, "Element", "the element '%s' is abstract", e.name.Local)
		return
	}
	t, ok := v.typeOf(e.typ, e.block, n, at)
	if !ok {
		return
	}
	v.attributes(t, n, at)
	if text, given := instance(n, "nil"); given {
		if !e.nillable {
			v.add(at, "Nil", "the element '%s' cannot be nil", e.name.Local)
			return
		}
		if isTrue(text) {
			if len(significant(n)) > 0 || e.fixed != nil {
				v.add(at, "Nil", "the element '%s' is nil and has content", e.name.Local)
			}
			return
		}
	}
	v.content(e, t, n, at)
	if len(e.constraints) > 0 {
		v.constraints(e, n, at)
	}
}

// typeOf is the type of an element: what it says itself, if that is derived from the declared one.
func (v *validation) typeOf(declared *typ, block string, n *xlinq.Node, at *place) (*typ, bool) {
	t := declared
	if text, ok := instance(n, "type"); ok {
		prefix, local, valid := cutQName(text)
		space, known := n.NamespaceOf(prefix)
		if !known && prefix == "" {
			space, known = "", true
		}
		t = v.set.types[name{Space: space, Local: local}]
		if !valid || !known || t == nil {
			v.add(at, "Type", "the type %s does not exist", quoted(text))
			return nil, false
		}
		if t != declared && derivedBy(t, declared, block+" "+declared.block) && !memberOf(t, declared) {
			v.add(at, "Type", "the type %s may not stand for '%s'", quoted(text), declared.name.Local)
			return nil, false
		}
	}
	if t.abstract {
		v.add(at, "Type", "the type '%s' is abstract", t.name.Local)
		return nil, false
	}
	return t, true
}

// memberOf reports whether a simple type is one of those that a union is of.
func memberOf(t, union *typ) bool {
	return t.plain && union.plain && slices.Contains(union.simple.members, t.simple)
}

// significant are the nodes that are content: comments and instructions are none.
func significant(n *xlinq.Node) []*xlinq.Node {
	var list []*xlinq.Node
	for _, c := range n.Items() {
		switch c.Kind() {
		case xlinq.Element, xlinq.Text, xlinq.CDATA, xlinq.Whitespace, xlinq.SignificantWhitespace:
			list = append(list, c)
		}
	}
	return list
}

func (v *validation) content(e *element, t *typ, n *xlinq.Node, at *place) {
	if t.simple != nil {
		v.text(e, t.simple, n, at)
		return
	}
	nodes := significant(n)
	if e != nil && e.fixed != nil && len(nodes) > 0 {
		if text, _ := n.Value(nil); text != *e.fixed || !t.mixed {
			v.add(at, "Value", "the element '%s' has another value than the fixed one", e.name.Local)
		}
	}
	left, counts := t.content, map[string]int{}
	for _, c := range nodes {
		if c.Kind() != xlinq.Element {
			if text, _ := c.Value(nil); !t.mixed && strings.TrimFunc(text, isSpace) != "" {
				v.add(at, "Content", "the element '%s' holds elements only and has text", n.Name().Local)
				return
			}
			continue
		}
		counts[c.Name().Local]++
		below := &place{at, c.Name().Local, counts[c.Name().Local]}
		s := &step{v: v, name: c.Name()}
		rest := s.over(left)
		if rest == nil {
			v.unexpected(left, c, below)
			return
		}
		left = rest
		v.child(s, c, below)
	}
	if !left.nullable {
		v.add(at, "Content", "the element '%s' is not complete; expected: %s", n.Name().Local, strings.Join(left.expected(nil), ", "))
	}
}

func (v *validation) unexpected(left *particle, c *xlinq.Node, at *place) {
	if expected := left.expected(nil); len(expected) > 0 {
		v.add(at, "Content", "the element '%s' of the namespace '%s' is not expected here; expected: %s", c.Name().Local, c.Name().Space, strings.Join(expected, ", "))
		return
	}
	v.add(at, "Content", "the element '%s' of the namespace '%s' is not expected here", c.Name().Local, c.Name().Space)
}

// child checks an element by the leaf that took it.
func (v *validation) child(s *step, c *xlinq.Node, at *place) {
	if s.decl != nil {
		v.element(s.decl, c, at)
		return
	}
	v.wild(s.hit.wild, c, at)
}

func (v *validation) wild(w *wildcard, c *xlinq.Node, at *place) {
	if w.process == "skip" || !v.spend(1) {
		return
	}
	if e := v.set.elements[c.Name()]; e != nil {
		v.element(e, c, at)
		return
	}
	if w.process == "strict" {
		v.add(at, "Element", "the element '%s' of the namespace '%s' is not declared", c.Name().Local, c.Name().Space)
		return
	}
	if _, typed := instance(c, "type"); typed {
		v.element(&element{name: c.Name(), typ: anyType}, c, at)
		return
	}
	v.content(nil, anyType, c, at)
}

// text checks an element that holds text alone.
func (v *validation) text(e *element, s *simple, n *xlinq.Node, at *place) {
	for _, c := range n.Items() {
		if c.Kind() == xlinq.Element {
			v.add(at, "Content", "the element '%s' holds text only and has elements", n.Name().Local)
			return
		}
	}
	var text string
	for _, c := range significant(n) {
		part, _ := c.Value(nil)
		text += part
	}
	if text == "" && e != nil && e.initial != nil {
		text = *e.initial
	} else if text == "" && e != nil && e.fixed != nil {
		text = *e.fixed
	}
	got, ok := v.value(s, text, n, n, at)
	if ok && e != nil && e.fixed != nil {
		if want, err := s.read(*e.fixed); err != nil || want.key != got.key {
			v.add(at, "Value", "the element '%s' has another value than the fixed one", n.Name().Local)
		}
	}
}

// value checks a text, and notes what is unique or refers.
func (v *validation) value(s *simple, text string, n, scope *xlinq.Node, at *place) (value, bool) {
	if !v.spend(1 + len(text)/64) {
		return value{}, false
	}
	got, err := s.read(text)
	if err != nil {
		v.add(at, "Value", "%v", err)
		return got, false
	}
	v.values[n] = s.primitive + " " + got.key
	item := s
	if s.item != nil {
		item = s.item
	}
	for word := range strings.FieldsSeq(s.normal(text)) {
		switch item.kind {
		case "ID":
			if v.ids[word] {
				v.add(at, "ID", "the ID %s is there twice", quoted(word))
			}
			v.ids[word] = true
		case "IDREF":
			v.refs = append(v.refs, word)
		case "QName":
			if prefix, _, _ := cutQName(word); prefix != "" {
				if _, known := scope.NamespaceOf(prefix); !known {
					v.add(at, "Value", "the prefix of %s is not declared", quoted(word))
				}
			}
		}
	}
	return got, true
}

// attributes checks those of an element.
func (v *validation) attributes(t *typ, n *xlinq.Node, at *place) {
	present := map[name]bool{}
	for _, a := range n.Attributes() {
		an := a.Name()
		if a.IsDeclaration() || an.Space == InstanceSpace && slices.Contains([]string{"type", "nil", "schemaLocation", "noNamespaceSchemaLocation"}, an.Local) {
			continue
		}
		present[an] = true
		text, _ := a.Value(nil)
		if u, ok := t.attributes.uses[an]; ok {
			v.attribute(u.attribute, u.fixed, text, a, n, at)
			continue
		}
		w := t.attributes.wild
		if w == nil || !w.admits(an.Space) {
			v.add(at, "Attribute", "the element '%s' has no attribute '%s'", n.Name().Local, an.Local)
			continue
		}
		if known := v.set.attributes[an]; w.process != "skip" && known != nil {
			v.attribute(known, nil, text, a, n, at)
		} else if w.process == "strict" {
			v.add(at, "Attribute", "the attribute '%s' is not declared", an.Local)
		}
	}
	for _, missing := range t.attributes.missing(present) {
		v.add(at, "Attribute", "the element '%s' lacks the attribute '%s'", n.Name().Local, missing)
	}
}

func (v *validation) attribute(a *attribute, fixed *string, text string, n, scope *xlinq.Node, at *place) {
	got, ok := v.value(a.simple, text, n, scope, at)
	if fixed == nil {
		fixed = a.fixed
	}
	if !ok || fixed == nil {
		return
	}
	if want, err := a.simple.read(*fixed); err != nil || want.key != got.key {
		v.add(at, "Value", "the attribute '%s' has another value than the fixed one", a.name.Local)
	}
}
