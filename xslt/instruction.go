package xslt

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// instruction is one thing that a template does. It writes into the run's tree.
type instruction interface{ do(c *context) error }

// body compiles what a template holds.
func (c *compiler) body(kids nodes) ([]instruction, error) {
	var list []instruction
	for _, n := range kids {
		if c.count++; c.count > maxRules {
			return nil, errors.New("the stylesheet has too many parts")
		}
		var i instruction
		var err error
		switch {
		case n.kind == textNode:
			i = &textOut{value: n.value}
		case n.kind != elementNode:
			continue
		case n.name.Space == Space:
			make := instructionNamed(n.name.Local)
			if make == nil {
				return nil, fault("the instruction 'xsl:%s' is not available", n.name.Local)
			}
			i, err = make(c, n)
		case c.extension(n):
			return nil, fault("the extension element '%s' is not available", qualified(n))
		default:
			i, err = c.literal(n)
		}
		if err != nil {
			return nil, err
		}
		if i != nil {
			list = append(list, i)
		}
	}
	return list, nil
}

// extension reports whether an element is of a namespace that a stylesheet has for extensions.
func (c *compiler) extension(n *node) bool {
	for up := n; up != nil; up = up.parent {
		for _, a := range up.attrs {
			own := up.name.Space == Space && a.name == name{Local: "extension-element-prefixes"} || a.name == name{Space: Space, Local: "extension-element-prefixes"}
			for prefix := range strings.FieldsSeq(a.value) {
				if prefix == "#default" {
					prefix = ""
				}
				if uri, ok := up.uri(prefix); own && ok && uri == n.name.Space {
					return true
				}
			}
		}
	}
	return false
}

type makeInstruction func(*compiler, *node) (instruction, error)

// instructions are made when the first is looked up: what stands in instructions are instructions.
var instructions struct {
	once  sync.Once
	named map[string]makeInstruction
}

// instructionNamed finds who compiles an element of XSLT inside a template, nil for none.
func instructionNamed(name string) makeInstruction {
	instructions.once.Do(func() { instructions.named = allInstructions() })
	return instructions.named[name]
}

func allInstructions() map[string]makeInstruction {
	return map[string]makeInstruction{
		"apply-templates": (*compiler).apply, "call-template": (*compiler).call, "for-each": (*compiler).forEach, "if": (*compiler).when, "choose": (*compiler).choose,
		"value-of": (*compiler).valueOf, "text": (*compiler).text, "copy": (*compiler).copy, "copy-of": (*compiler).copyOf, "element": (*compiler).element,
		"attribute": (*compiler).attribute, "comment": (*compiler).note, "processing-instruction": (*compiler).note, "variable": (*compiler).variable, "number": (*compiler).number,
		"message": (*compiler).message, "fallback": func(*compiler, *node) (instruction, error) { return nil, nil },
		"sort": (*compiler).elsewhere, "with-param": (*compiler).elsewhere,
	}
}

func (c *compiler) elsewhere(n *node) (instruction, error) {
	return nil, fault("'xsl:%s' does not belong there", n.name.Local)
}

// literal is an element that is written as it stands.
type literalOut struct {
	name   name
	prefix string
	spaces []space
	attrs  []literalAttribute
	sets   []name
	body   []instruction
}

type literalAttribute struct {
	name   name
	prefix string
	value  avt
}

func (c *compiler) literal(n *node) (instruction, error) {
	l := &literalOut{name: c.aliased(n.name), prefix: n.prefix}
	excluded := excludedSpaces(n)
	for _, s := range n.inScope() {
		if s.uri == Space || slices.Contains(excluded, s.uri) && s.uri != n.name.Space {
			continue
		}
		l.spaces = append(l.spaces, space{s.prefix, c.aliased(name{Space: s.uri}).Space})
	}
	for _, a := range n.attrs {
		if a.name.Space == Space {
			continue
		}
		value, err := c.avt(n, a.value)
		if err != nil {
			return nil, err
		}
		l.attrs = append(l.attrs, literalAttribute{c.aliased(a.name), a.prefix, value})
	}
	var err error
	if l.sets, err = setNames(n, Space); err != nil {
		return nil, err
	}
	l.body, err = c.body(n.kids)
	return l, err
}

func (c *compiler) aliased(n name) name {
	if to, ok := c.sheet.aliases[n.Space]; ok && n.Space != "" {
		n.Space = to
	}
	return n
}

// excludedSpaces are the namespaces that are not copied with a literal element.
func excludedSpaces(n *node) (uris []string) {
	for up := n; up != nil; up = up.parent {
		for _, a := range up.attrs {
			if a.name.Local != "exclude-result-prefixes" && a.name.Local != "extension-element-prefixes" || up.name.Space == Space && a.name.Space != "" || up.name.Space != Space && a.name.Space != Space {
				continue
			}
			for prefix := range strings.FieldsSeq(a.value) {
				if prefix == "#default" {
					prefix = ""
				}
				if uri, ok := up.uri(prefix); ok {
					uris = append(uris, uri)
				}
			}
		}
	}
	return uris
}

func (l *literalOut) do(c *context) error {
	e := &node{kind: elementNode, name: l.name, prefix: l.prefix, spaces: slices.Clone(l.spaces)}
	return c.run.inside(e, func() error {
		if err := c.useSets(l.sets, 0); err != nil {
			return err
		}
		for _, a := range l.attrs {
			v, err := a.value.eval(c)
			if err != nil {
				return err
			}
			if err := c.run.setAttribute(a.name, a.prefix, v); err != nil {
				return err
			}
		}
		return c.do(l.body)
	})
}

// useSets writes the attributes of sets.
func (c *context) useSets(names []name, depth int) error {
	if depth > 20 {
		return errors.New("attribute sets use each other in a circle")
	}
	for _, n := range names {
		list := c.run.sheet.sets[n]
		if list == nil {
			return fault("there is no attribute set '%s'", n.Local)
		}
		for _, s := range list {
			if err := c.useSets(s.uses, depth+1); err != nil {
				return err
			}
			if err := c.do(s.body); err != nil {
				return err
			}
		}
	}
	return nil
}

type textOut struct {
	value string
	raw   bool
}

func (t *textOut) do(c *context) error { return c.run.writeText(t.value, t.raw) }

func (c *compiler) text(n *node) (instruction, error) {
	if len(elements(n)) > 0 {
		return nil, errors.New("'xsl:text' holds an element")
	}
	raw, _ := n.attr("disable-output-escaping")
	return &textOut{n.text(), raw == "yes"}, nil
}

type valueOut struct {
	x   expr
	raw bool
}

func (c *compiler) valueOf(n *node) (instruction, error) {
	x, err := c.needed(n, "select")
	raw, _ := n.attr("disable-output-escaping")
	return &valueOut{x, raw == "yes"}, err
}

func (v *valueOut) do(c *context) error {
	s, err := text(c, v.x)
	if err != nil {
		return err
	}
	return c.run.writeText(s, v.raw)
}

type conditional struct {
	tests  []expr // nil for otherwise
	bodies [][]instruction
}

func (c *compiler) when(n *node) (instruction, error) {
	x, err := c.needed(n, "test")
	if err != nil {
		return nil, err
	}
	body, err := c.body(n.kids)
	return &conditional{[]expr{x}, [][]instruction{body}}, err
}

func (c *compiler) choose(n *node) (instruction, error) {
	out := &conditional{}
	for _, k := range elements(n) {
		var x expr
		var err error
		switch k.name {
		case name{Space: Space, Local: "when"}:
			if x, err = c.needed(k, "test"); err != nil {
				return nil, err
			}
		case name{Space: Space, Local: "otherwise"}:
		default:
			return nil, fault("'%s' does not belong into 'xsl:choose'", k.name.Local)
		}
		body, err := c.body(k.kids)
		if err != nil {
			return nil, err
		}
		out.tests, out.bodies = append(out.tests, x), append(out.bodies, body)
	}
	return out, nil
}

func (i *conditional) do(c *context) error {
	for k, x := range i.tests {
		ok := x == nil
		if !ok {
			var err error
			if ok, err = truth(c, x); err != nil {
				return err
			}
		}
		if ok {
			return c.do(i.bodies[k])
		}
	}
	return nil
}

// variable binds a name for what follows it.
type bind struct{ b *binding }

func (c *compiler) variable(n *node) (instruction, error) {
	b, err := c.binding(n)
	return &bind{b}, err
}

func (b *bind) do(c *context) error {
	v, err := c.bound(b.b)
	if err != nil {
		return err
	}
	c.vars = &frame{b.b.name, v, c.vars}
	return nil
}

// bound is the value of a binding.
func (c *context) bound(b *binding) (any, error) {
	if b.value != nil {
		return b.value.eval(c)
	}
	if len(b.body) == 0 {
		return "", nil
	}
	return c.run.fragment(func() error { return c.do(b.body) })
}

type elementOut struct {
	name, space avt
	spaced      bool
	sets        []name
	body        []instruction
	at          *node
}

func (c *compiler) element(n *node) (instruction, error) {
	e := &elementOut{at: n}
	var ok bool
	var err error
	if e.name, ok, err = c.avtOf(n, "name"); err != nil || !ok {
		return nil, errors.Join(err, errors.New("'xsl:element' needs a name"))
	}
	if e.space, e.spaced, err = c.avtOf(n, "namespace"); err != nil {
		return nil, err
	}
	if e.sets, err = setNames(n, ""); err != nil {
		return nil, err
	}
	e.body, err = c.body(n.kids)
	return e, err
}

// computed is a name that a stylesheet makes.
func computed(c *context, at *node, nameOf, spaceOf avt, spaced, attribute bool) (n name, prefix string, err error) {
	text, err := nameOf.eval(c)
	if err != nil {
		return n, "", err
	}
	if text = strings.TrimFunc(text, isSpace); !isName(text) {
		return n, "", fault("%.60q cannot name an element or attribute", text)
	}
	prefix, local, ok := strings.Cut(text, ":")
	if !ok {
		prefix, local = "", text
	}
	n.Local = local
	if spaced {
		n.Space, err = spaceOf.eval(c)
		return n, prefix, err
	}
	if prefix == "" && attribute {
		return n, "", nil
	}
	if n.Space, ok = at.uri(prefix); !ok && prefix != "" {
		return n, "", fault("the prefix %q is not declared", prefix)
	}
	return n, prefix, nil
}

func (e *elementOut) do(c *context) error {
	n, prefix, err := computed(c, e.at, e.name, e.space, e.spaced, false)
	if err != nil {
		return err
	}
	return c.run.inside(&node{kind: elementNode, name: n, prefix: prefix}, func() error {
		if err := c.useSets(e.sets, 0); err != nil {
			return err
		}
		return c.do(e.body)
	})
}

type attributeOut struct {
	name, space avt
	spaced      bool
	body        []instruction
	at          *node
}

func (c *compiler) attribute(n *node) (instruction, error) {
	a := &attributeOut{at: n}
	var ok bool
	var err error
	if a.name, ok, err = c.avtOf(n, "name"); err != nil || !ok {
		return nil, errors.Join(err, errors.New("'xsl:attribute' needs a name"))
	}
	if a.space, a.spaced, err = c.avtOf(n, "namespace"); err != nil {
		return nil, err
	}
	a.body, err = c.body(n.kids)
	return a, err
}

func (a *attributeOut) do(c *context) error {
	n, prefix, err := computed(c, a.at, a.name, a.space, a.spaced, true)
	if err != nil {
		return err
	}
	v, err := c.made(a.body)
	if err != nil {
		return err
	}
	return c.run.setAttribute(n, prefix, v)
}

// made is the text that a body makes.
func (c *context) made(body []instruction) (string, error) {
	set, err := c.run.fragment(func() error { return c.do(body) })
	if err != nil {
		return "", err
	}
	return c.run.text(set)
}

type noteOut struct {
	kind kind
	name avt
	body []instruction
}

func (c *compiler) note(n *node) (instruction, error) {
	o := &noteOut{kind: commentNode}
	var err error
	if n.name.Local == "processing-instruction" {
		o.kind = instructionNode
		var ok bool
		if o.name, ok, err = c.avtOf(n, "name"); err != nil || !ok {
			return nil, errors.Join(err, errors.New("'xsl:processing-instruction' needs a name"))
		}
	}
	o.body, err = c.body(n.kids)
	return o, err
}

func (o *noteOut) do(c *context) error {
	v, err := c.made(o.body)
	if err != nil {
		return err
	}
	n := &node{kind: o.kind}
	if o.kind == instructionNode {
		if n.name.Local, err = o.name.eval(c); err != nil {
			return err
		}
		if !isName(n.name.Local) || strings.ContainsRune(n.name.Local, ':') || strings.EqualFold(n.name.Local, "xml") {
			return fault("%.60q cannot name an instruction", n.name.Local)
		}
		n.value = strings.ReplaceAll(v, "?>", "? >")
	} else {
		for strings.Contains(v, "--") {
			v = strings.ReplaceAll(v, "--", "- -")
		}
		if n.value = v; strings.HasSuffix(v, "-") {
			n.value += " "
		}
	}
	return c.run.write(n)
}

type copyOut struct {
	sets []name
	body []instruction
}

func (c *compiler) copy(n *node) (instruction, error) {
	sets, err := setNames(n, "")
	if err != nil {
		return nil, err
	}
	body, err := c.body(n.kids)
	return &copyOut{sets, body}, err
}

func (o *copyOut) do(c *context) error {
	n := c.node
	switch n.kind {
	case rootNode:
		return c.do(o.body)
	case elementNode:
		return c.run.inside(&node{kind: elementNode, name: n.name, prefix: n.prefix, spaces: n.inScope()}, func() error {
			if err := c.useSets(o.sets, 0); err != nil {
				return err
			}
			return c.do(o.body)
		})
	}
	return c.run.copy(n)
}

type copyOfOut struct{ x expr }

func (c *compiler) copyOf(n *node) (instruction, error) {
	x, err := c.needed(n, "select")
	return &copyOfOut{x}, err
}

func (o *copyOfOut) do(c *context) error {
	v, err := o.x.eval(c)
	if err != nil {
		return err
	}
	set, ok := v.(nodes)
	if !ok {
		return c.run.writeText(toText(v), false)
	}
	for _, n := range set {
		if err := c.run.copy(n); err != nil {
			return err
		}
	}
	return nil
}

type messageOut struct {
	body []instruction
	end  bool
}

func (c *compiler) message(n *node) (instruction, error) {
	end, _ := n.attr("terminate")
	body, err := c.body(n.kids)
	return &messageOut{body, end == "yes"}, err
}

func (m *messageOut) do(c *context) error {
	v, err := c.made(m.body)
	if err != nil || !m.end {
		return err
	}
	return fault("the stylesheet ends the transformation: %.200s", v)
}
