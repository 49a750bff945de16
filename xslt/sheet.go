package xslt

import (
	"errors"
	"slices"
	"strings"
)

// Space is the namespace of stylesheets.
const Space = "http://www.w3.org/1999/XSL/Transform"

// Sheet is a compiled stylesheet. It never changes.
type Sheet struct {
	rules    map[name][]*rule // by mode, those that come first before others
	named    map[name]*template
	globals  []*binding
	keys     map[name][]key
	decimals map[name]*decimals
	sets     map[name][]*attributeSet
	aliases  map[string]string
	strips   []spaceRule
	output   output
}

type rule struct {
	pattern  pattern
	priority float64
	order    int
	template *template
}

type template struct {
	params []*binding
	body   []instruction
}

// binding is a variable or parameter.
type binding struct {
	name   name
	param  bool
	value  expr // nil for that of the body
	body   []instruction
	global int // its place among those of the sheet
}

type key struct {
	match []pattern
	use   expr
}

type attributeSet struct {
	uses []name
	body []instruction
}

type spaceRule struct {
	test test
	keep bool
}

type output struct {
	method                     string
	omit, indent, standalone   bool
	indentSaid, standaloneSaid bool
	public, system             string
	cdata                      map[name]bool
}

// Bounds of what is compiled.
const (
	maxSheet = 512 << 10
	maxRules = 20_000
)

// compiler compiles a stylesheet.
type compiler struct {
	sheet *Sheet
	count int
}

// Compile compiles a stylesheet.
func Compile(text string) (*Sheet, error) {
	if len(text) > maxSheet {
		return nil, errors.New("the stylesheet is too large")
	}
	root, err := read(text, 64<<20, func(n *node) bool { return n.preserved() || n.name == (name{Space: Space, Local: "text"}) })
	if err != nil {
		return nil, fault("the stylesheet is not well-formed XML: %w", err)
	}
	c := &compiler{sheet: &Sheet{rules: map[name][]*rule{}, named: map[name]*template{}, keys: map[name][]key{}, decimals: map[name]*decimals{}, sets: map[name][]*attributeSet{}, aliases: map[string]string{}}}
	top := elements(root)[0]
	switch {
	case top.name.Space == Space && (top.name.Local == "stylesheet" || top.name.Local == "transform"):
		err = c.top(top)
	default:
		if !slices.ContainsFunc(top.attrs, func(a *node) bool { return a.name == name{Space: Space, Local: "version"} }) {
			return nil, errors.New("the document is no stylesheet")
		}
		err = c.simplified(top)
	}
	if err != nil {
		return nil, err
	}
	for _, list := range c.sheet.rules {
		slices.SortStableFunc(list, func(a, b *rule) int {
			if a.priority != b.priority {
				if a.priority > b.priority {
					return -1
				}
				return 1
			}
			return b.order - a.order // of those that are alike the last counts
		})
	}
	return c.sheet, nil
}

func elements(n *node) nodes {
	var list nodes
	for _, k := range n.kids {
		if k.kind == elementNode {
			list = append(list, k)
		}
	}
	return list
}

// simplified is a stylesheet that is one literal element.
func (c *compiler) simplified(n *node) error {
	body, err := c.body(nodes{n})
	if err != nil {
		return err
	}
	return c.rule("/", name{}, "", n, &template{body: body})
}

func (c *compiler) top(root *node) error {
	for _, n := range elements(root) {
		if c.count++; c.count > maxRules {
			return errors.New("the stylesheet has too many parts")
		}
		if n.name.Space != Space {
			if n.name.Space == "" {
				return fault("the element '%s' does not belong to the top of a stylesheet", n.name.Local)
			}
			if strings.Contains(n.name.Space, "xslt") || n.name.Local == "script" {
				return errors.New("scripts and extensions of stylesheets are not available")
			}
			continue
		}
		if err := c.declaration(n); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) declaration(n *node) (err error) {
	switch n.name.Local {
	case "template":
		return c.template(n)
	case "variable", "param":
		b, err := c.binding(n)
		if err == nil {
			b.global = len(c.sheet.globals) + 1
			c.sheet.globals = append(c.sheet.globals, b)
		}
		return err
	case "output":
		return c.output(n)
	case "key":
		return c.key(n)
	case "decimal-format":
		return c.decimalFormat(n)
	case "strip-space", "preserve-space":
		names, _ := n.attr("elements")
		for word := range strings.FieldsSeq(names) {
			t := test{}
			if err := (&parser{scope: n.uri}).nameTest(&t, word); err != nil {
				return err
			}
			c.sheet.strips = append(c.sheet.strips, spaceRule{t, n.name.Local == "preserve-space"})
		}
		return nil
	case "attribute-set":
		return c.attributeSet(n)
	case "namespace-alias":
		from, _ := n.attr("stylesheet-prefix")
		to, _ := n.attr("result-prefix")
		uri := func(prefix string) string {
			if prefix == "#default" {
				prefix = ""
			}
			u, _ := n.uri(prefix)
			return u
		}
		c.sheet.aliases[uri(from)] = uri(to)
		return nil
	case "import", "include":
		return fault("stylesheets cannot %s others", n.name.Local)
	}
	return fault("the element 'xsl:%s' does not belong to the top of a stylesheet", n.name.Local)
}

func (c *compiler) qname(n *node, attribute string) (q name, given bool, err error) {
	text, ok := n.attr(attribute)
	if !ok {
		return name{}, false, nil
	}
	q, err = (&parser{scope: n.uri}).qname(strings.TrimSpace(text))
	return q, true, err
}

func (c *compiler) template(n *node) error {
	t := &template{}
	kids := n.kids
	for len(kids) > 0 && kids[0].name == (name{Space: Space, Local: "param"}) {
		b, err := c.binding(kids[0])
		if err != nil {
			return err
		}
		t.params, kids = append(t.params, b), kids[1:]
	}
	var err error
	if t.body, err = c.body(kids); err != nil {
		return err
	}
	q, isNamed, err := c.qname(n, "name")
	if err != nil {
		return err
	}
	if isNamed {
		if c.sheet.named[q] != nil {
			return fault("there are two templates '%s'", q.Local)
		}
		c.sheet.named[q] = t
	}
	match, ok := n.attr("match")
	if !ok {
		if !isNamed {
			return errors.New("a template has neither match nor name")
		}
		return nil
	}
	mode, _, err := c.qname(n, "mode")
	if err != nil {
		return err
	}
	priority, _ := n.attr("priority")
	return c.rule(match, mode, priority, n, t)
}

func (c *compiler) rule(match string, mode name, priority string, n *node, t *template) error {
	list, err := patterns(match, n.uri)
	if err != nil {
		return err
	}
	for _, p := range list {
		r := &rule{p, p.priority, n.order, t}
		if priority != "" {
			if r.priority = textNumber(priority); r.priority != r.priority {
				return fault("the priority %q is no number", priority)
			}
		}
		c.sheet.rules[mode] = append(c.sheet.rules[mode], r)
	}
	return nil
}

// expr reads the expression in an attribute, nil when it is missing.
func (c *compiler) expr(n *node, attribute string) (expr, error) {
	text, ok := n.attr(attribute)
	if !ok {
		return nil, nil
	}
	return parse(text, n.uri)
}

func (c *compiler) needed(n *node, attribute string) (expr, error) {
	x, err := c.expr(n, attribute)
	if x == nil && err == nil {
		err = fault("'xsl:%s' has no %s", n.name.Local, attribute)
	}
	return x, err
}

func (c *compiler) binding(n *node) (*binding, error) {
	q, ok, err := c.qname(n, "name")
	if err != nil || !ok {
		return nil, fault("'xsl:%s' has no name", n.name.Local)
	}
	b := &binding{name: q, param: n.name.Local == "param"}
	if b.value, err = c.expr(n, "select"); err != nil {
		return nil, err
	}
	if b.value == nil {
		b.body, err = c.body(n.kids)
	}
	return b, err
}

func (c *compiler) key(n *node) error {
	q, ok, err := c.qname(n, "name")
	if err != nil || !ok {
		return errors.New("'xsl:key' has no name")
	}
	match, _ := n.attr("match")
	k := key{}
	if k.match, err = patterns(match, n.uri); err != nil {
		return err
	}
	if k.use, err = c.needed(n, "use"); err != nil {
		return err
	}
	c.sheet.keys[q] = append(c.sheet.keys[q], k)
	return nil
}

func (c *compiler) attributeSet(n *node) error {
	q, ok, err := c.qname(n, "name")
	if err != nil || !ok {
		return errors.New("'xsl:attribute-set' has no name")
	}
	s := &attributeSet{}
	if s.uses, err = setNames(n, ""); err != nil {
		return err
	}
	if s.body, err = c.body(n.kids); err != nil {
		return err
	}
	c.sheet.sets[q] = append(c.sheet.sets[q], s)
	return nil
}

// setNames reads use-attribute-sets, which stands in the namespace of stylesheets on literal elements.
func setNames(n *node, uri string) ([]name, error) {
	var all []name
	for _, a := range n.attrs {
		if a.name != (name{Space: uri, Local: "use-attribute-sets"}) {
			continue
		}
		for word := range strings.FieldsSeq(a.value) {
			q, err := (&parser{scope: n.uri}).qname(word)
			if err != nil {
				return nil, err
			}
			all = append(all, q)
		}
	}
	return all, nil
}

func (c *compiler) output(n *node) error {
	o := &c.sheet.output
	yes := func(attribute string, into *bool) bool {
		v, ok := n.attr(attribute)
		if ok {
			*into = v == "yes"
		}
		return ok
	}
	if m, ok := n.attr("method"); ok {
		if m != "xml" && m != "html" && m != "text" {
			return fault("the output method '%s' is not available", m)
		}
		o.method = m
	}
	yes("omit-xml-declaration", &o.omit)
	o.indentSaid = yes("indent", &o.indent) || o.indentSaid
	o.standaloneSaid = yes("standalone", &o.standalone) || o.standaloneSaid
	if v, ok := n.attr("doctype-public"); ok {
		o.public = v
	}
	if v, ok := n.attr("doctype-system"); ok {
		o.system = v
	}
	list, _ := n.attr("cdata-section-elements")
	for word := range strings.FieldsSeq(list) {
		q, err := (&parser{scope: n.uri}).qname(word)
		if err != nil {
			return err
		}
		if !strings.Contains(word, ":") {
			q.Space, _ = n.uri("")
		}
		if o.cdata == nil {
			o.cdata = map[name]bool{}
		}
		o.cdata[q] = true
	}
	return nil
}

func (c *compiler) decimalFormat(n *node) error {
	d := usualDecimals
	q, _, err := c.qname(n, "name")
	if err != nil {
		return err
	}
	for attribute, into := range map[string]*rune{"decimal-separator": &d.point, "grouping-separator": &d.group, "minus-sign": &d.minus, "percent": &d.percent,
		"per-mille": &d.permille, "zero-digit": &d.zero, "digit": &d.digit, "pattern-separator": &d.separator} {
		if v, ok := n.attr(attribute); ok {
			runes := []rune(v)
			if len(runes) != 1 {
				return fault("'%s' of a decimal-format is not one character", attribute)
			}
			*into = runes[0]
		}
	}
	if v, ok := n.attr("infinity"); ok {
		d.infinity = v
	}
	if v, ok := n.attr("NaN"); ok {
		d.nan = v
	}
	c.sheet.decimals[q] = &d
	return nil
}

// avt is a template of an attribute's value: texts and expressions in turn.
type avt []any

func (c *compiler) avt(n *node, text string) (avt, error) {
	var out avt
	var literal strings.Builder
	for i := 0; i < len(text); i++ {
		ch := text[i]
		switch {
		case (ch == '{' || ch == '}') && i+1 < len(text) && text[i+1] == ch:
			literal.WriteByte(ch)
			i++
		case ch == '}':
			return nil, fault("a brace does not begin: %s", text)
		case ch == '{':
			end := closing(text[i+1:])
			if end < 0 {
				return nil, fault("a brace does not end: %s", text)
			}
			x, err := parse(text[i+1:i+1+end], n.uri)
			if err != nil {
				return nil, err
			}
			out = append(out, literal.String(), x)
			literal.Reset()
			i += end + 1
		default:
			literal.WriteByte(ch)
		}
	}
	return append(out, literal.String()), nil
}

// closing finds the brace that ends an expression, past those in its texts.
func closing(s string) int {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch {
		case quote != 0:
			if s[i] == quote {
				quote = 0
			}
		case s[i] == '"' || s[i] == '\'':
			quote = s[i]
		case s[i] == '}':
			return i
		}
	}
	return -1
}

func (c *compiler) avtOf(n *node, attribute string) (avt, bool, error) {
	text, ok := n.attr(attribute)
	if !ok {
		return nil, false, nil
	}
	a, err := c.avt(n, text)
	return a, true, err
}

func (a avt) eval(c *context) (string, error) {
	var b strings.Builder
	for _, part := range a {
		switch part := part.(type) {
		case string:
			b.WriteString(part)
		case expr:
			s, err := text(c, part)
			if err != nil {
				return "", err
			}
			b.WriteString(s)
		}
	}
	return b.String(), c.run.take(b.Len())
}

// isName reports whether a text may name an element or attribute.
func isName(s string) bool {
	word, err := nameAt(s)
	return err == nil && word == s && !strings.HasSuffix(s, "*") && s != "xmlns"
}
