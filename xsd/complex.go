package xsd

import (
	"slices"
	"strconv"
	"strings"
)

// element is the declaration of an element.
type element struct {
	name               name
	typ                *typ
	global, done       bool
	nillable, abstract bool
	fixed, initial     *string
	block              string
	head               *element // of the group that it may stand for
	constraints        []*constraint
}

func (e *element) blocks(what string) bool { return listed(e.block, what) }

func listed(list, what string) bool {
	for word := range strings.FieldsSeq(list) {
		if word == what || word == "#all" {
			return true
		}
	}
	return false
}

// typ is a type, simple or complex.
type typ struct {
	name       name
	simple     *simple // of the text; nil when elements may stand in it, or nothing
	plain      bool    // a simple type: no attributes
	content    *particle
	mixed      bool
	abstract   bool
	block      string
	attributes attributeSet
	base       *typ
	derivation string // extension or restriction
	done       bool
}

// attribute is the declaration of an attribute.
type attribute struct {
	name           name
	simple         *simple
	fixed, initial *string
}

type attributeUse struct {
	*attribute
	required bool
	fixed    *string
}

// attributeSet is the attributes of a type.
type attributeSet struct {
	uses       map[name]attributeUse
	prohibited map[name]bool
	wild       *wildcard
}

func (a *attributeSet) use(u attributeUse) {
	if a.uses == nil {
		a.uses = map[name]attributeUse{}
	}
	a.uses[u.name] = u
}

// missing are the required attributes that are not there.
func (a *attributeSet) missing(present map[name]bool) []string {
	var list []string
	for _, u := range a.uses {
		if u.required && !present[u.name] {
			list = append(list, u.name.Local)
		}
	}
	slices.Sort(list)
	return list
}

// wildcard is any or anyAttribute.
type wildcard struct {
	process string // strict, lax, skip
	others  string // the namespace that is not admitted, when not is set
	not     bool
	any     bool
	spaces  []string
}

func (w *wildcard) admits(space string) bool {
	switch {
	case w.any:
		return true
	case w.not:
		return space != w.others && space != ""
	}
	return slices.Contains(w.spaces, space)
}

func (s source) wildcard() (*wildcard, error) {
	w := &wildcard{process: attr(s.node, "processContents")}
	if w.process == "" {
		w.process = "strict"
	}
	text, given := hasAttr(s.node, "namespace")
	switch text = strings.TrimSpace(text); {
	case !given || text == "##any":
		w.any = true
	case text == "##other":
		w.not, w.others = true, s.doc.target
	default:
		for word := range strings.FieldsSeq(text) {
			switch word {
			case "##targetNamespace":
				word = s.doc.target
			case "##local":
				word = ""
			}
			w.spaces = append(w.spaces, word)
		}
	}
	if a := unknown(s, "namespace processContents minOccurs maxOccurs id"); a != "" {
		return nil, fault("the attribute '%s' of a wildcard is not supported", a)
	}
	return w, nil
}

// unknown names an attribute without a namespace that is not in the list.
func unknown(s source, list string) string {
	for _, a := range s.node.Attributes() {
		if n := a.Name(); n.Space == "" && !a.IsDeclaration() && !slices.Contains(strings.Fields(list), n.Local) {
			return n.Local
		}
	}
	return ""
}

// anyType is what everything is made of.
var anyType = &typ{name: name{Space: Space, Local: "anyType"}, mixed: true, done: true,
	content:    &particle{kind: 'r', items: []*particle{leafOf(nil, &wildcard{any: true, process: "lax"})}, min: 0, max: -1, nullable: true},
	attributes: attributeSet{wild: &wildcard{any: true, process: "lax"}}}

// derivedBy reports whether t comes from base by a way that is blocked, or does not come from it at all.
func derivedBy(t, base *typ, blocked string) bool {
	for ; t != nil; t = t.base {
		if t == base {
			return false
		}
		if listed(blocked, t.derivation) {
			return true
		}
	}
	return base != anyType
}

// compile compiles everything that is global.
func (c *compiler) compile() error {
	for n, s := range builtin {
		c.set.types[name{Space: Space, Local: n}] = &typ{name: name{Space: Space, Local: n}, simple: s, plain: true, done: true}
	}
	for n, s := range builtin { // anySimpleType is the root of simple types
		t := c.set.types[name{Space: Space, Local: n}]
		if t.base, t.derivation = c.set.types[name{Space: Space, Local: "anySimpleType"}], "restriction"; s.base != nil {
			t.base = c.set.types[s.base.name]
		}
		if n == "anySimpleType" {
			t.base = anyType
		}
	}
	c.set.types[anyType.name] = anyType
	xml := func(local, kind string) {
		n := name{Space: "http://www.w3.org/XML/1998/namespace", Local: local}
		c.set.attributes[n] = &attribute{name: n, simple: builtin[kind]}
	}
	xml("lang", "string")
	xml("space", "NCName")
	xml("base", "anyURI")
	xml("id", "ID")
	for n := range c.types {
		c.set.types[n] = &typ{name: n}
	}
	for n := range c.elements {
		c.set.elements[n] = &element{name: n, global: true}
	}
	for n, s := range c.types {
		if err := c.fill(n, s); err != nil {
			return err
		}
	}
	for n, s := range c.attributes {
		a, err := c.attribute(s, n)
		if err != nil {
			return err
		}
		c.set.attributes[n] = a
	}
	for n, s := range c.elements {
		if err := c.fillElement(c.set.elements[n], s); err != nil {
			return err
		}
	}
	return c.substitutes()
}

// substitutes finds who may stand for whom, over several steps too.
func (c *compiler) substitutes() error {
	for _, e := range c.set.elements {
		seen := map[*element]bool{e: true}
		for h := e.head; h != nil; h = h.head {
			if seen[h] {
				return fault("the substitution group of '%s' goes round in a circle", e.name.Local)
			}
			seen[h] = true
			c.set.members[h.name] = append(c.set.members[h.name], e)
		}
	}
	return nil
}

// typeNamed finds a type; it may not be filled yet.
func (c *compiler) typeNamed(s source, text string) (*typ, error) {
	n, err := s.ref(text)
	if err != nil {
		return nil, err
	}
	if t := c.set.types[n]; t != nil {
		return t, nil
	}
	return nil, fault("the type '%s' does not exist", text)
}

// filled is typeNamed with the type complete.
func (c *compiler) filled(s source, text string) (*typ, error) {
	t, err := c.typeNamed(s, text)
	if err != nil || t.done {
		return t, err
	}
	return t, c.fill(t.name, c.types[t.name])
}

func (c *compiler) fill(n name, s source) error {
	t := c.set.types[n]
	if t.done {
		return nil
	}
	if c.busy[t] {
		return fault("the type '%s' is made of itself", n.Local)
	}
	c.busy[t] = true
	defer delete(c.busy, t)
	return c.typeInto(t, s)
}

func (c *compiler) typeInto(t *typ, s source) error {
	if s.node.Name().Local == "simpleType" {
		st, err := c.simpleType(s, t.name)
		if err != nil {
			return err
		}
		t.simple, t.plain, t.derivation, t.done = st, true, "restriction", true
		t.base = c.set.types[name{Space: Space, Local: "anySimpleType"}]
		if st.base != nil {
			if base := c.set.types[st.base.name]; base != nil && st.base.name.Local != "" {
				t.base = base
			}
		}
		return nil
	}
	if err := c.complexType(t, s); err != nil {
		return err
	}
	t.done = true
	return nil
}

// complexType reads a complex type.
func (c *compiler) complexType(t *typ, s source) error {
	t.mixed, t.abstract, t.block = isTrue(attr(s.node, "mixed")), isTrue(attr(s.node, "abstract")), s.blocked()
	t.base, t.derivation = anyType, "restriction"
	if a := unknown(s, "name mixed abstract block final id"); a != "" {
		return fault("the attribute '%s' of a complex type is not supported", a)
	}
	kids := children(s.node)
	if len(kids) > 0 && (kids[0].Name().Local == "simpleContent" || kids[0].Name().Local == "complexContent") {
		way := source{kids[0], s.doc}
		if m, ok := hasAttr(way.node, "mixed"); ok {
			t.mixed = isTrue(m)
		}
		steps := children(way.node)
		if len(kids) != 1 || len(steps) != 1 {
			return fault("a complex type has more in it than its %s", kids[0].Name().Local)
		}
		return c.derive(t, source{steps[0], s.doc}, kids[0].Name().Local == "simpleContent")
	}
	p, err := c.body(s, &t.attributes)
	t.content = p
	return err
}

func (s source) blocked() string {
	if b, ok := hasAttr(s.node, "block"); ok {
		return b
	}
	return s.doc.block
}

func isTrue(v string) bool { v = strings.TrimSpace(v); return v == "true" || v == "1" }

// derive reads an extension or restriction of another type.
func (c *compiler) derive(t *typ, s source, text bool) error {
	t.derivation = s.node.Name().Local
	base, err := c.filled(s, attr(s.node, "base"))
	if err != nil {
		return err
	}
	t.base = base
	if t.derivation != "extension" && t.derivation != "restriction" {
		return fault("'%s' does not belong into a complex type", t.derivation)
	}
	if text {
		return c.simpleContent(t, base, s)
	}
	if base.plain || base.simple != nil {
		return fault("'%s' has text for its content and cannot be the base of what has elements", base.name.Local)
	}
	own := attributeSet{}
	p, err := c.body(s, &own)
	if err != nil {
		return err
	}
	if t.derivation == "extension" {
		t.mixed = t.mixed || base.mixed
		if base.content != nil && base.content.kind == 'a' && p.kind != 'e' {
			return fault("what 'all' says cannot be extended")
		}
		if base.content != nil {
			p = sequence(base.content, p)
		}
	}
	t.content = p
	return t.inherit(base, own)
}

// inherit joins the attributes of the base with a type's own.
func (t *typ) inherit(base *typ, own attributeSet) error {
	t.attributes = attributeSet{wild: own.wild}
	for n, u := range base.attributes.uses {
		if !own.prohibited[n] {
			t.attributes.use(u)
		}
	}
	for _, u := range own.uses {
		t.attributes.use(u)
	}
	if t.derivation == "extension" && base.attributes.wild != nil {
		if own.wild != nil && !own.wild.any && !base.attributes.wild.any {
			return fault("wildcards of attributes that are joined by extension are not supported")
		}
		if own.wild == nil || base.attributes.wild.any {
			t.attributes.wild = base.attributes.wild
		}
	}
	return nil
}

func (c *compiler) simpleContent(t, base *typ, s source) error {
	own := attributeSet{}
	if base.simple == nil && t.derivation == "extension" {
		return fault("'%s' has no text to be extended", base.name.Local)
	}
	t.simple = base.simple
	if t.derivation == "restriction" {
		st := newSimple(name{}, base.simple)
		if inner := first(s, "simpleType"); inner != nil {
			of, err := c.simpleType(source{inner, s.doc}, name{})
			if err != nil {
				return err
			}
			st = newSimple(name{}, of)
		} else if base.simple == nil {
			return fault("'%s' has no text to be restricted", base.name.Local)
		}
		if err := c.facetsInto(st, s); err != nil {
			return err
		}
		t.simple = st
	}
	if _, err := c.attributesInto(s, &own); err != nil {
		return err
	}
	return t.inherit(base, own)
}

// body reads the content model and the attributes in s.
func (c *compiler) body(s source, into *attributeSet) (*particle, error) {
	rest, err := c.attributesInto(s, into)
	if err != nil {
		return nil, err
	}
	switch len(rest) {
	case 0:
		return emptyParticle, nil
	case 1:
		return c.particle(source{rest[0], s.doc}, true)
	}
	return nil, fault("'%s' has more than one content model", s.node.Name().Local)
}

// particle reads a part of a content model. Only at the top may all stand.
func (c *compiler) particle(s source, top bool) (*particle, error) {
	if c.parts++; c.parts > maxParts {
		return nil, fault("the schema has too many parts")
	}
	low, high, err := s.occurs()
	if err != nil {
		return nil, err
	}
	var p *particle
	switch kind := s.node.Name(); {
	case kind.Space != Space:
		err = fault("'%s' does not belong into a content model", kind.Local)
	case kind.Local == "element":
		p, err = c.localElement(s)
	case kind.Local == "any":
		var w *wildcard
		w, err = s.wildcard()
		p = leafOf(nil, w)
	case kind.Local == "group":
		p, err = c.group(s, top)
	case kind.Local == "sequence", kind.Local == "choice", kind.Local == "all":
		p, err = c.compositor(s, kind.Local, top)
	default:
		err = fault("'%s' in a content model is not supported", kind.Local)
	}
	if err != nil {
		return nil, err
	}
	if p == nil && low > 0 && high != 0 {
		return leafOf(nil, &wildcard{}), nil // a choice of nothing: nothing fits
	}
	return repeat(p, low, high), nil
}

func (s source) occurs() (low, high int, err error) {
	low, high = 1, 1
	if text, ok := hasAttr(s.node, "minOccurs"); ok {
		if low, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || low < 0 {
			return 0, 0, fault("minOccurs %q is no number", text)
		}
	}
	if text, ok := hasAttr(s.node, "maxOccurs"); ok {
		if text = strings.TrimSpace(text); text == "unbounded" {
			return low, -1, nil
		}
		if high, err = strconv.Atoi(text); err != nil || high < 0 {
			return 0, 0, fault("maxOccurs %q is no number", text)
		}
	}
	if low > high {
		return 0, 0, fault("minOccurs is more than maxOccurs")
	}
	return low, high, nil
}

func (c *compiler) compositor(s source, kind string, top bool) (*particle, error) {
	var items []*particle
	for _, child := range children(s.node) {
		if kind == "all" && child.Name().Local != "element" {
			return nil, fault("'all' holds elements only")
		}
		p, err := c.particle(source{child, s.doc}, false)
		if err != nil {
			return nil, err
		}
		items = append(items, p)
	}
	switch {
	case kind == "choice":
		return choice(items...), nil
	case kind == "sequence":
		return sequence(items...), nil
	case !top:
		return nil, fault("'all' stands in another group")
	}
	return all(slices.DeleteFunc(items, func(p *particle) bool { return p.kind == 'e' })), nil
}

// group reads a reference to a group.
func (c *compiler) group(s source, top bool) (*particle, error) {
	n, err := s.ref(attr(s.node, "ref"))
	if err != nil {
		return nil, err
	}
	if p, ok := c.groupsDone[n]; ok {
		return p, nil
	}
	def, ok := c.groups[n]
	kids := []source{}
	if ok {
		for _, k := range children(def.node) {
			kids = append(kids, source{k, def.doc})
		}
	}
	if len(kids) != 1 {
		return nil, fault("the group '%s' does not exist, or holds not one content model", n.Local)
	}
	if c.busy[def.node] {
		return nil, fault("the group '%s' holds itself", n.Local)
	}
	c.busy[def.node] = true
	defer delete(c.busy, def.node)
	p, err := c.particle(kids[0], top)
	if err == nil {
		c.groupsDone[n] = p
	}
	return p, err
}

// localElement reads an element in a content model.
func (c *compiler) localElement(s source) (*particle, error) {
	if ref, ok := hasAttr(s.node, "ref"); ok {
		n, err := s.ref(ref)
		if err != nil {
			return nil, err
		}
		e := c.set.elements[n]
		if e == nil {
			return nil, fault("the element '%s' does not exist", ref)
		}
		return leafOf(e, nil), nil
	}
	e := &element{name: name{Local: attr(s.node, "name")}}
	if e.name.Local == "" {
		return nil, fault("an element has neither name nor ref")
	}
	qualified := s.doc.qualifiedElements
	if form, ok := hasAttr(s.node, "form"); ok {
		qualified = form == "qualified"
	}
	if qualified {
		e.name.Space = s.doc.target
	}
	return leafOf(e, nil), c.fillElement(e, s)
}

// fillElement reads what is said of an element.
func (c *compiler) fillElement(e *element, s source) error {
	if e.done {
		return nil
	}
	e.done = true
	e.nillable, e.abstract, e.block = isTrue(attr(s.node, "nillable")), isTrue(attr(s.node, "abstract")), s.blocked()
	if a := unknown(s, "name type nillable abstract block final default fixed form substitutionGroup minOccurs maxOccurs id"); a != "" {
		return fault("the attribute '%s' of an element is not supported", a)
	}
	e.fixed, e.initial = optional(s, "fixed"), optional(s, "default")
	if head, ok := hasAttr(s.node, "substitutionGroup"); ok {
		n, err := s.ref(head)
		if err != nil {
			return err
		}
		if e.head = c.set.elements[n]; e.head == nil {
			return fault("the element '%s' does not exist", head)
		}
	}
	for _, child := range children(s.node) {
		if err := c.inElement(e, source{child, s.doc}); err != nil {
			return err
		}
	}
	if text, ok := hasAttr(s.node, "type"); ok {
		t, err := c.typeNamed(s, text)
		if err != nil {
			return err
		}
		if e.typ != nil {
			return fault("the element '%s' has two types", e.name.Local)
		}
		e.typ = t
	}
	if e.typ == nil {
		return c.inheritType(e, s)
	}
	return nil
}

// inheritType gives an element without a type that of the head of its group.
func (c *compiler) inheritType(e *element, s source) error {
	if e.head == nil {
		e.typ = anyType
		return nil
	}
	if e.head.typ == nil {
		if e.head.done {
			return fault("the substitution group of '%s' goes round in a circle", e.name.Local)
		}
		if err := c.fillElement(e.head, c.elements[e.head.name]); err != nil {
			return err
		}
	}
	e.typ = e.head.typ
	return nil
}

func optional(s source, attribute string) *string {
	if v, ok := hasAttr(s.node, attribute); ok {
		return &v
	}
	return nil
}

func (c *compiler) inElement(e *element, s source) error {
	switch kind := s.node.Name().Local; kind {
	case "simpleType", "complexType":
		if e.typ != nil {
			return fault("the element '%s' has two types", e.name.Local)
		}
		e.typ = &typ{}
		return c.typeInto(e.typ, s)
	case "key", "unique", "keyref":
		k, err := constraintOf(s)
		if err == nil {
			e.constraints = append(e.constraints[:len(e.constraints):len(e.constraints)], k)
		}
		return err
	default:
		return fault("'%s' in an element is not supported", kind)
	}
}
