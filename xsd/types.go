package xsd

import (
	"strconv"
	"strings"

	"gatehouse/dotnet/xlinq"
)

// first is the first child of a kind, nil for none.
func first(s source, kind string) *xlinq.Node {
	for _, n := range children(s.node) {
		if n.Name() == (name{Space: Space, Local: kind}) {
			return n
		}
	}
	return nil
}

// simpleType reads a simple type.
func (c *compiler) simpleType(s source, n name) (*simple, error) {
	kids := children(s.node)
	if len(kids) != 1 {
		return nil, fault("a simple type has not one way of being derived")
	}
	way := source{kids[0], s.doc}
	switch way.node.Name().Local {
	case "restriction":
		base, err := c.simpleBase(way, "base")
		if err != nil {
			return nil, err
		}
		t := newSimple(n, base)
		return t, c.facetsInto(t, way)
	case "list":
		item, err := c.simpleBase(way, "itemType")
		if err != nil {
			return nil, err
		}
		if item.item != nil {
			return nil, fault("a list of lists")
		}
		t := newSimple(n, nil)
		t.item, t.space, t.primitive = item, "collapse", "anySimpleType"
		return t, nil
	case "union":
		return c.union(way, n)
	}
	return nil, fault("'%s' in a simple type is not supported", way.node.Name().Local)
}

// simpleBase is the simple type that an attribute names, or that stands within.
func (c *compiler) simpleBase(s source, attribute string) (*simple, error) {
	if text, ok := hasAttr(s.node, attribute); ok {
		return c.simpleNamed(s, text)
	}
	inner := first(s, "simpleType")
	if inner == nil {
		return nil, fault("a simple type has no %s", attribute)
	}
	return c.simpleType(source{inner, s.doc}, name{})
}

func (c *compiler) simpleNamed(s source, text string) (*simple, error) {
	t, err := c.filled(s, text)
	if err != nil {
		return nil, err
	}
	if !t.plain {
		return nil, fault("'%s' is no simple type", text)
	}
	return t.simple, nil
}

func (c *compiler) union(s source, n name) (*simple, error) {
	t := newSimple(n, nil)
	t.space, t.primitive = "preserve", "anySimpleType"
	for text := range strings.FieldsSeq(attr(s.node, "memberTypes")) {
		m, err := c.simpleNamed(s, text)
		if err != nil {
			return nil, err
		}
		t.members = append(t.members, m)
	}
	for _, inner := range children(s.node) {
		m, err := c.simpleType(source{inner, s.doc}, name{})
		if err != nil {
			return nil, err
		}
		t.members = append(t.members, m)
	}
	if len(t.members) == 0 {
		return nil, fault("a union has no members")
	}
	return t, nil
}

// facetsInto reads the facets in a restriction.
func (c *compiler) facetsInto(t *simple, s source) error {
	base := t.base
	own := &simple{} // patterns of one step are alternatives
	for _, n := range children(s.node) {
		kind, text := n.Name().Local, attr(n, "value")
		switch kind {
		case "simpleType", "attribute", "attributeGroup", "anyAttribute":
			continue
		case "pattern":
			re, err := compilePattern(text)
			if err != nil {
				return fault("%v", err)
			}
			if len(own.patterns) == 0 {
				own.patterns = append(own.patterns, nil)
			}
			own.patterns[0] = append(own.patterns[0], re)
		case "enumeration":
			if t.kind == "QName" {
				return fault("enumerations of qualified names are not supported")
			}
			v, err := base.read(text)
			if err != nil {
				return fault("a value of an enumeration is none of its type: %v", err)
			}
			if t.enumeration == nil {
				t.enumeration = map[string]bool{}
			}
			t.enumeration[v.key] = true
		default:
			if err := t.facet(kind, text); err != nil {
				return err
			}
		}
	}
	t.patterns = own.patterns
	return nil
}

func (s *simple) facet(kind, text string) (err error) {
	number := func(into *int) {
		if *into, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || *into < 0 {
			err = fault("the facet %s has the value %q", kind, text)
		}
	}
	bound := func(into **value) {
		v, wrong := s.base.read(text)
		if wrong != nil {
			err = fault("the facet %s has the value %q", kind, text)
		}
		*into = &v
	}
	switch kind {
	case "length":
		number(&s.length)
	case "minLength":
		number(&s.minLength)
	case "maxLength":
		number(&s.maxLength)
	case "totalDigits":
		number(&s.totalDigits)
	case "fractionDigits":
		number(&s.fractionDigits)
	case "minInclusive":
		bound(&s.minIn)
	case "minExclusive":
		bound(&s.minEx)
	case "maxInclusive":
		bound(&s.maxIn)
	case "maxExclusive":
		bound(&s.maxEx)
	case "whiteSpace":
		if text != "preserve" && text != "replace" && text != "collapse" {
			return fault("the facet %s has the value %q", kind, text)
		}
		s.space = text
	default:
		return fault("the facet '%s' is not supported", kind)
	}
	return err
}

// attributesInto reads what s says of attributes, and returns its other children.
func (c *compiler) attributesInto(s source, into *attributeSet) (rest []*xlinq.Node, err error) {
	for _, n := range children(s.node) {
		child := source{n, s.doc}
		switch n.Name() {
		case name{Space: Space, Local: "attribute"}:
			err = c.attributeUse(child, into)
		case name{Space: Space, Local: "attributeGroup"}:
			err = c.attributeGroup(child, into)
		case name{Space: Space, Local: "anyAttribute"}:
			if into.wild != nil {
				return nil, fault("wildcards of attributes that are joined are not supported")
			}
			into.wild, err = child.wildcard()
		case name{Space: Space, Local: "simpleType"}:
		default:
			if !facetNames[n.Name().Local] {
				rest = append(rest, n)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

var facetNames = map[string]bool{"length": true, "minLength": true, "maxLength": true, "pattern": true, "enumeration": true, "whiteSpace": true, "minInclusive": true,
	"minExclusive": true, "maxInclusive": true, "maxExclusive": true, "totalDigits": true, "fractionDigits": true}

func (c *compiler) attributeGroup(s source, into *attributeSet) error {
	n, err := s.ref(attr(s.node, "ref"))
	if err != nil {
		return err
	}
	found := c.attributesDone[n]
	if found == nil {
		def, ok := c.attributeGroups[n]
		if !ok || c.busy[def.node] {
			return fault("the attribute group '%s' does not exist, or holds itself", n.Local)
		}
		c.busy[def.node] = true
		defer delete(c.busy, def.node)
		found = &attributeSet{}
		rest, err := c.attributesInto(def, found)
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			return fault("'%s' does not belong into an attribute group", rest[0].Name().Local)
		}
		c.attributesDone[n] = found
	}
	for _, u := range found.uses {
		into.use(u)
	}
	if found.wild != nil {
		if into.wild != nil {
			return fault("wildcards of attributes that are joined are not supported")
		}
		into.wild = found.wild
	}
	return nil
}

func (c *compiler) attributeUse(s source, into *attributeSet) error {
	a := &attribute{}
	if ref, ok := hasAttr(s.node, "ref"); ok {
		n, err := s.ref(ref)
		if err != nil {
			return err
		}
		if a = c.set.attributes[n]; a == nil {
			def, ok := c.attributes[n]
			if !ok {
				return fault("the attribute '%s' does not exist", ref)
			}
			if a, err = c.attribute(def, n); err != nil {
				return err
			}
		}
	} else {
		n := name{Local: attr(s.node, "name")}
		form, given := hasAttr(s.node, "form")
		if given && form == "qualified" || !given && s.doc.qualifiedAttributes {
			n.Space = s.doc.target
		}
		var err error
		if a, err = c.attribute(s, n); err != nil {
			return err
		}
	}
	switch use := attr(s.node, "use"); use {
	case "prohibited":
		if into.prohibited == nil {
			into.prohibited = map[name]bool{}
		}
		into.prohibited[a.name] = true
	case "", "optional", "required":
		into.use(attributeUse{attribute: a, required: use == "required", fixed: optional(s, "fixed")})
	default:
		return fault("an attribute has the use '%s'", use)
	}
	return nil
}

// attribute reads the declaration of an attribute.
func (c *compiler) attribute(s source, n name) (*attribute, error) {
	a := &attribute{name: n, fixed: optional(s, "fixed"), initial: optional(s, "default"), simple: builtin["anySimpleType"]}
	if n.Local == "" {
		return nil, fault("an attribute has neither name nor ref")
	}
	if u := unknown(s, "name type use default fixed form id ref"); u != "" {
		return nil, fault("the attribute '%s' of an attribute is not supported", u)
	}
	var err error
	if text, ok := hasAttr(s.node, "type"); ok {
		a.simple, err = c.simpleNamed(s, text)
	} else if inner := first(s, "simpleType"); inner != nil {
		a.simple, err = c.simpleType(source{inner, s.doc}, name{})
	}
	return a, err
}
