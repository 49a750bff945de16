package xslt

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// context is where an expression is evaluated.
type context struct {
	run       *run
	node      *node
	pos, size int
	current   *node // what current() is
	vars      *frame
}

type nodes = []*node

type (
	literal  struct{ v any }
	variable struct{ name name }
	negative struct {
		x    expr
		flip bool
	}
	binary struct {
		op   string
		l, r expr
	}
	union struct{ parts []expr }
	path  struct {
		from     expr // nil for the context node
		absolute bool
		filter   []expr
		steps    []*step
	}
	step struct {
		axis       string
		test       test
		predicates []expr
	}
	test struct {
		kind string // node, text, comment, processing-instruction, *, space, name
		name name
	}
	call struct {
		f     function
		name  string
		args  []expr
		scope func(prefix string) (string, bool)
	}
)

func (l literal) eval(*context) (any, error) { return l.v, nil }

func (v *variable) eval(c *context) (any, error) { return c.run.variable(c.vars, v.name) }

func (n *negative) eval(c *context) (any, error) {
	f, err := number(c, n.x)
	if n.flip {
		f = -f
	}
	return f, err
}

func (u *union) eval(c *context) (any, error) {
	var all nodes
	for _, x := range u.parts {
		set, err := nodeSet(c, x)
		if err != nil {
			return nil, err
		}
		all = append(all[:len(all):len(all)], set...)
	}
	return ordered(all), nil
}

func (x *call) eval(c *context) (any, error) {
	if err := c.run.spend(1); err != nil {
		return nil, err
	}
	args := make([]any, len(x.args))
	for i, a := range x.args {
		v, err := a.eval(c)
		if err != nil {
			return nil, err
		}
		if set, ok := v.(nodes); ok && len(set) > 0 {
			if err := c.run.charge(set[:1]); err != nil {
				return nil, err
			}
		}
		args[i] = v
	}
	return x.f.run(c, x, args)
}

func (b *binary) eval(c *context) (any, error) {
	if b.op == "or" || b.op == "and" {
		l, err := truth(c, b.l)
		if err != nil || l == (b.op == "or") {
			return l, err
		}
		return truthAny(truth(c, b.r))
	}
	l, err := b.l.eval(c)
	if err != nil {
		return nil, err
	}
	r, err := b.r.eval(c)
	if err != nil {
		return nil, err
	}
	switch b.op {
	case "=", "!=", "<", "<=", ">", ">=":
		return c.compare(b.op, l, r)
	}
	for _, v := range []any{l, r} {
		if set, ok := v.(nodes); ok && len(set) > 0 {
			if err := c.run.charge(set[:1]); err != nil {
				return nil, err
			}
		}
	}
	x, y := toNumber(l), toNumber(r)
	switch b.op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "div":
		return x / y, nil
	}
	return math.Mod(x, y), nil
}

func truthAny(b bool, err error) (any, error) { return b, err }

func truth(c *context, x expr) (bool, error) {
	v, err := x.eval(c)
	return toBool(v), err
}

func number(c *context, x expr) (float64, error) {
	v, err := x.eval(c)
	if set, ok := v.(nodes); ok && len(set) > 0 && err == nil {
		err = c.run.charge(set[:1])
	}
	return toNumber(v), err
}

func text(c *context, x expr) (string, error) {
	v, err := x.eval(c)
	if err != nil {
		return "", err
	}
	return c.run.text(v)
}

var errNodes = errors.New("the expression is no set of nodes")

func nodeSet(c *context, x expr) (nodes, error) {
	v, err := x.eval(c)
	if err != nil {
		return nil, err
	}
	set, ok := v.(nodes)
	if !ok {
		return nil, errNodes
	}
	return set, nil
}

func toBool(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0 && v == v
	case string:
		return v != ""
	case nodes:
		return len(v) > 0
	}
	return false
}

func toNumber(v any) float64 {
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
		return 0
	case float64:
		return v
	case string:
		return textNumber(v)
	case nodes:
		return textNumber(toText(v))
	}
	return math.NaN()
}

// textNumber is a text as a number: digits with a point, nothing else.
func textNumber(s string) float64 {
	s = strings.TrimFunc(s, isSpace)
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits == "." || strings.Trim(digits, "0123456789.") != "" || strings.Count(digits, ".") > 1 {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return math.NaN()
	}
	return f
}

func toText(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return numberText(v)
	case string:
		return v
	case nodes:
		if len(v) > 0 {
			return v[0].text()
		}
	}
	return ""
}

func numberText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// compare compares as XPath does: sets of nodes by any of their members.
func (c *context) compare(op string, l, r any) (bool, error) {
	ln, lok := l.(nodes)
	rn, rok := r.(nodes)
	if err := c.run.spend(1 + len(ln)*len(rn)); err != nil {
		return false, err
	}
	for _, set := range []nodes{ln, rn} {
		if err := c.run.charge(set); err != nil {
			return false, err
		}
	}
	switch {
	case lok && rok:
		texts := make([]string, len(rn))
		for i, n := range rn {
			texts[i] = n.text()
		}
		for _, a := range ln {
			at := a.text()
			if slices.ContainsFunc(texts, func(b string) bool { return compareValues(op, at, b) }) {
				return true, nil
			}
		}
		return false, nil
	case lok:
		if _, isBool := r.(bool); isBool {
			return compareValues(op, len(ln) > 0, r), nil
		}
		return slices.ContainsFunc(ln, func(n *node) bool { return compareValues(op, n.text(), r) }), nil
	case rok:
		if _, isBool := l.(bool); isBool {
			return compareValues(op, l, len(rn) > 0), nil
		}
		return slices.ContainsFunc(rn, func(n *node) bool { return compareValues(op, l, n.text()) }), nil
	}
	return compareValues(op, l, r), nil
}

func compareValues(op string, l, r any) bool {
	if op == "=" || op == "!=" {
		return equal(l, r) == (op == "=")
	}
	x, y := toNumber(l), toNumber(r)
	switch op {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

func equal(l, r any) bool {
	_, lb := l.(bool)
	_, rb := r.(bool)
	_, lf := l.(float64)
	_, rf := r.(float64)
	switch {
	case lb || rb:
		return toBool(l) == toBool(r)
	case lf || rf:
		return toNumber(l) == toNumber(r)
	}
	return toText(l) == toText(r)
}

func (p *path) eval(c *context) (any, error) {
	var set nodes
	switch {
	case p.from != nil:
		from, err := nodeSet(c, p.from)
		if err != nil {
			return nil, err
		}
		if set, err = c.filter(from, p.filter); err != nil {
			return nil, err
		}
	case p.absolute:
		top := c.node
		for top.parent != nil {
			top = top.parent
		}
		set = nodes{top}
	default:
		set = nodes{c.node}
	}
	for _, s := range p.steps {
		var next nodes
		for _, n := range set {
			found, err := s.from(c, n)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		set = next
		if len(p.steps) > 0 {
			set = ordered(set)
		}
	}
	return set, nil
}

// from takes a step from one node. What it returns is in the order of the axis, filtered.
func (s *step) from(c *context, n *node) (nodes, error) {
	var found nodes
	steps := 0
	each := func(m *node) {
		steps++
		if s.test.matches(m, s.axis) {
			found = append(found, m)
		}
	}
	walk(s.axis, n, each, func() bool { return steps > maxSteps })
	if err := c.run.spend(1 + steps); err != nil {
		return nil, err
	}
	return c.filter(found, s.predicates)
}

// filter keeps what all predicates hold for.
func (c *context) filter(set nodes, predicates []expr) (nodes, error) {
	for _, p := range predicates {
		var kept nodes
		for i, n := range set {
			inner := &context{c.run, n, i + 1, len(set), c.current, c.vars}
			if err := c.run.spend(1); err != nil {
				return nil, err
			}
			v, err := p.eval(inner)
			if err != nil {
				return nil, err
			}
			if f, ok := v.(float64); ok && f == float64(i+1) || !ok && toBool(v) {
				kept = append(kept, n)
			}
		}
		set = kept
	}
	return set, nil
}

func (t test) matches(n *node, axis string) bool {
	principal := elementNode
	switch axis {
	case "attribute":
		principal = attributeNode
	case "namespace":
		principal = namespaceNode
	}
	switch t.kind {
	case "node":
		return true
	case "text":
		return n.kind == textNode
	case "comment":
		return n.kind == commentNode
	case "processing-instruction":
		return n.kind == instructionNode && (t.name.Local == "" || t.name.Local == n.name.Local)
	case "*":
		return n.kind == principal
	case "space":
		return n.kind == principal && n.name.Space == t.name.Space
	}
	return n.kind == principal && n.name == t.name
}

// walk calls each for the nodes on an axis, in its order, until stop says so.
func walk(axis string, n *node, each func(*node), stop func() bool) {
	switch axis {
	case "self":
		each(n)
	case "child":
		for _, k := range n.kids {
			each(k)
		}
	case "attribute":
		for _, a := range n.attrs {
			each(a)
		}
	case "namespace":
		if n.kind == elementNode {
			each(&node{kind: namespaceNode, name: name{Local: "xml"}, value: "http://www.w3.org/XML/1998/namespace", parent: n, order: n.order})
			for _, s := range n.inScope() {
				each(&node{kind: namespaceNode, name: name{Local: s.prefix}, value: s.uri, parent: n, order: n.order})
			}
		}
	case "parent":
		if n.parent != nil {
			each(n.parent)
		}
	case "ancestor", "ancestor-or-self":
		if axis == "ancestor" {
			n = n.parent
		}
		for ; n != nil; n = n.parent {
			each(n)
		}
	case "descendant", "descendant-or-self":
		if axis == "descendant-or-self" {
			each(n)
		}
		descend(n, each, stop)
	case "following-sibling", "preceding-sibling":
		siblings(axis, n, each)
	default:
		beside(axis, n, each, stop)
	}
}

func descend(n *node, each func(*node), stop func() bool) {
	for _, k := range n.kids {
		if stop() {
			return
		}
		each(k)
		descend(k, each, stop)
	}
}

func siblings(axis string, n *node, each func(*node)) {
	if n.parent == nil || n.kind == attributeNode || n.kind == namespaceNode {
		return
	}
	if axis == "following-sibling" {
		for _, k := range n.parent.kids[n.index+1:] {
			each(k)
		}
		return
	}
	for i := n.index - 1; i >= 0; i-- {
		each(n.parent.kids[i])
	}
}

// beside walks following and preceding: all that ends before, or begins behind, a node.
func beside(axis string, n *node, each func(*node), stop func() bool) {
	if n.kind == attributeNode && axis == "following" {
		for _, k := range n.parent.kids {
			each(k)
			descend(k, each, stop)
		}
	}
	if n.kind == attributeNode {
		n = n.parent
	}
	for ; n != nil && n.parent != nil && !stop(); n = n.parent {
		siblings(axis+"-sibling", n, func(k *node) {
			if axis == "following" {
				each(k)
				descend(k, each, stop)
				return
			}
			var below nodes
			descend(k, func(m *node) { below = append(below, m) }, stop)
			for _, m := range slices.Backward(below) {
				each(m)
			}
			each(k)
		})
	}
}

func fault(format string, args ...any) error { return fmt.Errorf(format, args...) }
