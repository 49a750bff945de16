package xslt

import (
	"errors"
	"slices"
	"strings"
)

// Bounds of a run.
const (
	maxSteps  = 3_000_000
	maxDepth  = 5_000
	maxOutput = 32 << 20
	maxTotal  = 128 << 20 // bytes of texts and nodes that are made on the way
	maxInput  = 512 << 20
)

// Errors of runs that cost too much.
var (
	ErrSteps = errors.New("the transformation takes too many steps")
	ErrDepth = errors.New("templates are nested too deep")
	ErrSize  = errors.New("the transformation makes too much")
)

// run is one transformation.
type run struct {
	sheet   *Sheet
	steps   int
	bytes   int
	depth   int
	order   int
	source  *node
	at      *node // where output goes
	params  map[string]string
	globals []any
	making  []bool // globals that are being made
	tables  map[tableKey]map[string]nodes
}

type tableKey struct {
	name name
	top  *node
}

// frame is a variable with those before it.
type frame struct {
	name  name
	value any
	next  *frame
}

// Transform transforms a document. Parameters are texts for those of the stylesheet; others have no effect.
func (s *Sheet) Transform(document string, params map[string]string) (out string, err error) {
	keep := s.keeps
	if len(s.strips) == 0 {
		keep = nil
	}
	source, err := read(document, maxInput, keep)
	if err != nil {
		return "", fault("the document is not well-formed XML: %w", err)
	}
	source.measure()
	r := &run{sheet: s, source: source, order: 1 << 30, params: params, at: &node{kind: rootNode}, globals: make([]any, len(s.globals)), making: make([]bool, len(s.globals)), tables: map[tableKey]map[string]nodes{}}
	result := r.at
	if err := r.apply(&context{run: r, node: source, pos: 1, size: 1, current: source}, name{}, nil); err != nil {
		return "", err
	}
	return s.output.print(result)
}

// keeps reports whether white space alone counts in an element of the source.
func (s *Sheet) keeps(n *node) bool {
	best, keep := -1.0, true
	for _, rule := range s.strips {
		if p := rule.test.priority(); rule.test.matches(n, "child") && p >= best {
			best, keep = p, rule.keep
		}
	}
	return keep || n.preserved()
}

func (r *run) spend(n int) error {
	if r.steps += n; r.steps > maxSteps {
		return ErrSteps
	}
	return nil
}

// take counts bytes that are made.
func (r *run) take(n int) error {
	if r.bytes += n; r.bytes > maxTotal {
		return ErrSize
	}
	return r.spend(1 + n/256)
}

// charge counts what it costs to read the text of nodes.
func (r *run) charge(set nodes) error {
	cost := len(set)
	for _, n := range set {
		cost += n.size / 16
	}
	return r.spend(cost)
}

// text is a value as text.
func (r *run) text(v any) (string, error) {
	s := toText(v)
	if _, ok := v.(nodes); ok {
		return s, r.take(len(s))
	}
	return s, nil
}

func (c *context) do(body []instruction) error {
	vars := c.vars
	defer func() { c.vars = vars }()
	for _, i := range body {
		if err := c.run.spend(1); err != nil {
			return err
		}
		if err := i.do(c); err != nil {
			return err
		}
	}
	return nil
}

// variable finds a variable: of the template, then of the sheet.
func (r *run) variable(f *frame, n name) (any, error) {
	for ; f != nil; f = f.next {
		if f.name == n {
			return f.value, nil
		}
	}
	for i, b := range r.sheet.globals {
		if b.name == n {
			return r.global(i, b)
		}
	}
	return nil, fault("there is no variable '%s'", n.Local)
}

// global makes a variable of the sheet when it is first asked for.
func (r *run) global(i int, b *binding) (any, error) {
	if r.globals[i] != nil {
		return r.globals[i], nil
	}
	if b.param {
		if v, ok := r.params[b.name.Local]; ok && b.name.Space == "" {
			r.globals[i] = v
			return v, nil
		}
	}
	if r.making[i] {
		return nil, fault("the variable '%s' asks for itself", b.name.Local)
	}
	r.making[i] = true
	v, err := (&context{run: r, node: r.source, pos: 1, size: 1, current: r.source}).bound(b)
	if set, ok := v.(nodes); ok && set == nil {
		v = nodes{}
	}
	r.globals[i] = v
	return v, err
}

// apply runs the template for a node, or what is done without one.
func (r *run) apply(c *context, mode name, params map[name]any) error {
	for _, rule := range r.sheet.rules[mode] {
		ok, err := rule.pattern.matches(c, c.node)
		if err != nil {
			return err
		}
		if ok {
			return r.call(c, rule.template, params)
		}
	}
	switch c.node.kind {
	case rootNode, elementNode:
		return r.nested(func() error {
			for i, k := range c.node.kids {
				if err := r.apply(&context{run: r, node: k, pos: i + 1, size: len(c.node.kids), current: k}, mode, nil); err != nil {
					return err
				}
			}
			return nil
		})
	case textNode, attributeNode:
		return r.writeText(c.node.value, false)
	}
	return nil
}

func (r *run) nested(f func() error) error {
	if r.depth++; r.depth > maxDepth {
		return ErrDepth
	}
	defer func() { r.depth-- }()
	return f()
}

func (r *run) call(c *context, t *template, params map[name]any) error {
	return r.nested(func() error {
		for _, p := range t.params {
			v, ok := params[p.name]
			if !ok {
				var err error
				if v, err = c.bound(p); err != nil {
					return err
				}
			}
			c.vars = &frame{p.name, v, c.vars}
		}
		return c.do(t.body)
	})
}

// keyTable is the table of a key in a document.
func (r *run) keyTable(n name, top *node) (map[string]nodes, error) {
	if t, ok := r.tables[tableKey{n, top}]; ok {
		return t, nil
	}
	keys, ok := r.sheet.keys[n]
	if !ok {
		return nil, fault("there is no key '%s'", n.Local)
	}
	t := map[string]nodes{}
	r.tables[tableKey{n, top}] = t
	var wrong error
	visit := func(m *node) {
		for i := range keys {
			if wrong == nil {
				wrong = r.enter(t, &keys[i], m)
			}
		}
	}
	walk("descendant-or-self", top, func(m *node) {
		visit(m)
		for _, a := range m.attrs {
			visit(a)
		}
	}, func() bool { return wrong != nil })
	return t, wrong
}

func (r *run) enter(t map[string]nodes, k *key, n *node) error {
	c := &context{run: r, node: n, pos: 1, size: 1, current: n}
	ok, err := anyMatch(c, k.match, n)
	if !ok || err != nil {
		return err
	}
	v, err := k.use.eval(c)
	if err != nil {
		return err
	}
	put := func(s string) {
		if list := t[s]; len(list) == 0 || list[len(list)-1] != n {
			t[s] = append(list, n)
		}
	}
	if set, isSet := v.(nodes); isSet {
		if err := r.charge(set); err != nil {
			return err
		}
		for _, m := range set {
			put(m.text())
		}
		return nil
	}
	put(toText(v))
	return nil
}

// fragment is the tree that f writes.
func (r *run) fragment(f func() error) (nodes, error) {
	outer := r.at
	r.order++
	top := &node{kind: rootNode, order: r.order}
	r.at = top
	err := f()
	r.at = outer
	top.measure()
	return nodes{top}, err
}

// write appends a node to the output.
func (r *run) write(n *node) error {
	if err := r.take(nodeCost + len(n.value)); err != nil {
		return err
	}
	r.order++
	n.order = r.order
	r.at.add(n)
	return nil
}

func (r *run) writeText(s string, raw bool) error {
	if s == "" {
		return nil
	}
	if k := len(r.at.kids); k > 0 && r.at.kids[k-1].kind == textNode && r.at.kids[k-1].raw == raw && len(r.at.kids[k-1].value) < 4096 {
		r.at.kids[k-1].value += s
		return r.take(len(s))
	}
	return r.write(&node{kind: textNode, value: s, raw: raw})
}

// inside writes an element and what f writes in it.
func (r *run) inside(e *node, f func() error) error {
	if e.name.Space == "" {
		e.prefix = ""
	}
	if e.prefix != "xml" {
		e.spaces = append(slices.DeleteFunc(e.spaces, func(s space) bool { return s.prefix == e.prefix }), space{e.prefix, e.name.Space})
	}
	if err := r.write(e); err != nil {
		return err
	}
	outer := r.at
	r.at = e
	err := r.nested(f)
	r.at = outer
	return err
}

// setAttribute sets an attribute of the element that is being written. Behind its content it has no effect, as XSLT allows.
func (r *run) setAttribute(n name, prefix, value string) error {
	if err := r.take(nodeCost + len(value)); err != nil {
		return err
	}
	e := r.at
	if e.kind != elementNode || len(e.kids) > 0 {
		return nil
	}
	if n.Space != "" {
		prefix = e.declare(n.Space, prefix)
	} else {
		prefix = ""
	}
	if i := slices.IndexFunc(e.attrs, func(a *node) bool { return a.name == n }); i >= 0 {
		e.attrs[i].value = value
		return nil
	}
	r.order++
	e.attrs = append(e.attrs, &node{kind: attributeNode, name: n, prefix: prefix, value: value, parent: e, order: r.order, index: len(e.attrs)})
	return nil
}

// declare finds or makes a prefix for a namespace.
func (n *node) declare(uri, prefix string) string {
	if uri == "http://www.w3.org/XML/1998/namespace" {
		return "xml"
	}
	if have, ok := n.uri(prefix); ok && have == uri && prefix != "" {
		return prefix
	}
	if have := n.prefixOf(uri); have != "" {
		return have
	}
	taken := func(p string) bool {
		return p == "" || p == "xml" || p == "xmlns" || slices.ContainsFunc(n.spaces, func(s space) bool { return s.prefix == p }) || n.prefix == p
	}
	for i := 0; taken(prefix); i++ {
		prefix = "ns" + strings.Repeat("_", i)
	}
	n.spaces = append(n.spaces, space{prefix, uri})
	return prefix
}

// copy copies a node with all in it.
func (r *run) copy(n *node) error {
	switch n.kind {
	case rootNode:
		for _, k := range n.kids {
			if err := r.copy(k); err != nil {
				return err
			}
		}
		return nil
	case textNode:
		return r.writeText(n.value, n.raw)
	case attributeNode:
		return r.setAttribute(n.name, n.prefix, n.value)
	case namespaceNode:
		if r.at.kind == elementNode && n.name.Local != "xml" {
			r.at.declare(n.value, n.name.Local)
		}
		return nil
	case commentNode, instructionNode:
		return r.write(&node{kind: n.kind, name: n.name, value: n.value})
	}
	return r.inside(&node{kind: elementNode, name: n.name, prefix: n.prefix, spaces: n.inScope()}, func() error {
		for _, a := range n.attrs {
			if err := r.setAttribute(a.name, a.prefix, a.value); err != nil {
				return err
			}
		}
		for _, k := range n.kids {
			if err := r.copy(k); err != nil {
				return err
			}
		}
		return nil
	})
}
