package xslt

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// sorting is one xsl:sort.
type sorting struct {
	by          expr
	order, data avt
}

func (c *compiler) sortings(n *node) (list []sorting, rest nodes, err error) {
	rest = n.kids
	for len(rest) > 0 && (rest[0].name == (name{Space: Space, Local: "sort"}) || rest[0].kind == textNode && strings.TrimFunc(rest[0].value, isSpace) == "" || rest[0].kind == commentNode) {
		k := rest[0]
		rest = rest[1:]
		if k.kind != elementNode {
			continue
		}
		s := sorting{by: &path{steps: []*step{{axis: "self", test: test{kind: "node"}}}}}
		if x, err := c.expr(k, "select"); err != nil {
			return nil, nil, err
		} else if x != nil {
			s.by = x
		}
		if s.order, _, err = c.avtOf(k, "order"); err != nil {
			return nil, nil, err
		}
		if s.data, _, err = c.avtOf(k, "data-type"); err != nil {
			return nil, nil, err
		}
		list = append(list, s)
	}
	return list, rest, nil
}

type sortKey struct {
	text   string
	number float64
}

// sorted brings nodes into the order that sortings ask for.
func (c *context) sorted(set nodes, by []sorting) (nodes, error) {
	if len(by) == 0 {
		return set, nil
	}
	down, numbers := make([]bool, len(by)), make([]bool, len(by))
	for i, s := range by {
		order, err := s.order.eval(c)
		if err != nil {
			return nil, err
		}
		data, err := s.data.eval(c)
		if err != nil {
			return nil, err
		}
		down[i], numbers[i] = order == "descending", data == "number"
	}
	type row struct {
		n    *node
		keys []sortKey
	}
	rows := make([]row, len(set))
	for i, n := range set {
		inner := &context{c.run, n, i + 1, len(set), n, c.vars}
		rows[i] = row{n, make([]sortKey, len(by))}
		for k, s := range by {
			v, err := text(inner, s.by)
			if err != nil {
				return nil, err
			}
			rows[i].keys[k] = sortKey{v, textNumber(v)}
		}
	}
	if err := c.run.spend(len(set) * 8); err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		for k := range by {
			order := compareKeys(a.keys[k], b.keys[k], numbers[k])
			if down[k] {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	out := make(nodes, len(rows))
	for i := range rows {
		out[i] = rows[i].n
	}
	return out, nil
}

func compareKeys(a, b sortKey, numeric bool) int {
	if !numeric {
		if order := strings.Compare(strings.ToLower(a.text), strings.ToLower(b.text)); order != 0 {
			return order
		}
		return strings.Compare(b.text, a.text) // small letters first
	}
	switch aNaN, bNaN := math.IsNaN(a.number), math.IsNaN(b.number); {
	case aNaN || bNaN:
		if aNaN == bNaN {
			return 0
		}
		if aNaN {
			return -1
		}
		return 1
	case a.number < b.number:
		return -1
	case a.number > b.number:
		return 1
	}
	return 0
}

type forEach struct {
	x    expr
	sort []sorting
	body []instruction
}

func (c *compiler) forEach(n *node) (instruction, error) {
	x, err := c.needed(n, "select")
	if err != nil {
		return nil, err
	}
	sort, rest, err := c.sortings(n)
	if err != nil {
		return nil, err
	}
	body, err := c.body(rest)
	return &forEach{x, sort, body}, err
}

func (f *forEach) do(c *context) error {
	set, err := nodeSet(c, f.x)
	if err != nil {
		return err
	}
	if set, err = c.sorted(set, f.sort); err != nil {
		return err
	}
	for i, n := range set {
		if err := (&context{c.run, n, i + 1, len(set), n, c.vars}).do(f.body); err != nil {
			return err
		}
	}
	return nil
}

type applyOut struct {
	x      expr // nil for the children
	mode   name
	sort   []sorting
	params []*binding
}

func (c *compiler) apply(n *node) (instruction, error) {
	a := &applyOut{}
	var err error
	if a.x, err = c.expr(n, "select"); err != nil {
		return nil, err
	}
	if a.mode, _, err = c.qname(n, "mode"); err != nil {
		return nil, err
	}
	var sorts nodes
	for _, k := range elements(n) {
		switch k.name {
		case name{Space: Space, Local: "sort"}:
			sorts = append(sorts, k)
		case name{Space: Space, Local: "with-param"}:
			b, err := c.binding(k)
			if err != nil {
				return nil, err
			}
			a.params = append(a.params, b)
		default:
			return nil, fault("'%s' does not belong into 'xsl:apply-templates'", k.name.Local)
		}
	}
	a.sort, _, err = c.sortings(&node{kids: sorts})
	return a, err
}

func (a *applyOut) do(c *context) error {
	set := nodes(c.node.kids)
	if a.x != nil {
		var err error
		if set, err = nodeSet(c, a.x); err != nil {
			return err
		}
	}
	params, err := c.params(a.params)
	if err != nil {
		return err
	}
	if set, err = c.sorted(set, a.sort); err != nil {
		return err
	}
	for i, n := range set {
		if err := c.run.apply(&context{run: c.run, node: n, pos: i + 1, size: len(set), current: n}, a.mode, params); err != nil {
			return err
		}
	}
	return nil
}

func (c *context) params(list []*binding) (map[name]any, error) {
	var out map[name]any
	for _, b := range list {
		v, err := c.bound(b)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = map[name]any{}
		}
		out[b.name] = v
	}
	return out, nil
}

type callOut struct {
	name   name
	params []*binding
}

func (c *compiler) call(n *node) (instruction, error) {
	q, ok, err := c.qname(n, "name")
	if err != nil || !ok {
		return nil, fault("'xsl:call-template' has no name")
	}
	o := &callOut{name: q}
	for _, k := range elements(n) {
		if k.name != (name{Space: Space, Local: "with-param"}) {
			return nil, fault("'%s' does not belong into 'xsl:call-template'", k.name.Local)
		}
		b, err := c.binding(k)
		if err != nil {
			return nil, err
		}
		o.params = append(o.params, b)
	}
	return o, nil
}

func (o *callOut) do(c *context) error {
	t := c.run.sheet.named[o.name]
	if t == nil {
		return fault("there is no template '%s'", o.name.Local)
	}
	params, err := c.params(o.params)
	if err != nil {
		return err
	}
	return c.run.call(&context{run: c.run, node: c.node, pos: c.pos, size: c.size, current: c.current}, t, params)
}

// numberOut is xsl:number.
type numberOut struct {
	level       string
	count, from []pattern
	value       expr
	format      avt
	group       string
	size        int
}

func (c *compiler) number(n *node) (instruction, error) {
	o := &numberOut{level: "single"}
	if l, ok := n.attr("level"); ok {
		o.level = l
	}
	var err error
	if o.value, err = c.expr(n, "value"); err != nil {
		return nil, err
	}
	for attribute, into := range map[string]*[]pattern{"count": &o.count, "from": &o.from} {
		if text, ok := n.attr(attribute); ok {
			if *into, err = patterns(text, n.uri); err != nil {
				return nil, err
			}
		}
	}
	if o.format, _, err = c.avtOf(n, "format"); err != nil {
		return nil, err
	}
	o.group, _ = n.attr("grouping-separator")
	size, _ := n.attr("grouping-size")
	o.size, _ = strconv.Atoi(size)
	return o, nil
}

func (o *numberOut) do(c *context) error {
	var list []int
	if o.value != nil {
		f, err := number(c, o.value)
		if err != nil {
			return err
		}
		if math.IsNaN(f) || math.Abs(f) > 1e15 {
			return c.run.writeText(numberText(f), false)
		}
		list = []int{int(math.Floor(f + 0.5))}
	} else {
		var err error
		if list, err = o.counted(c); err != nil {
			return err
		}
	}
	format, err := o.format.eval(c)
	if err != nil {
		return err
	}
	if format == "" {
		format = "1"
	}
	return c.run.writeText(o.write(list, format), false)
}

func anyMatch(c *context, list []pattern, n *node) (bool, error) {
	for i := range list {
		if ok, err := list[i].matches(c, n); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// counts reports whether a node is one that is counted.
func (o *numberOut) counts(c *context, n *node) (bool, error) {
	if o.count == nil {
		return n.kind == c.node.kind && n.name == c.node.name, nil
	}
	return anyMatch(c, o.count, n)
}

func (o *numberOut) counted(c *context) ([]int, error) {
	if o.level == "any" {
		return o.countedAny(c)
	}
	var list []int
	for n := c.node; n != nil; n = n.parent {
		if n != c.node {
			if stop, err := anyMatch(c, o.from, n); stop || err != nil {
				return list, err
			}
		}
		ok, err := o.counts(c, n)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		place := 1
		var wrong error
		walk("preceding-sibling", n, func(s *node) {
			if ok, err := o.counts(c, s); err != nil {
				wrong = err
			} else if ok {
				place++
			}
		}, func() bool { return wrong != nil })
		if wrong != nil {
			return nil, wrong
		}
		if list = append([]int{place}, list...); o.level == "single" {
			return list, nil
		}
	}
	return list, nil
}

func (o *numberOut) countedAny(c *context) ([]int, error) {
	total, found := 0, false
	var wrong error
	top := c.node
	for top.parent != nil {
		top = top.parent
	}
	over := false
	walk("descendant-or-self", top, func(n *node) {
		if wrong != nil || over {
			return
		}
		from, err := anyMatch(c, o.from, n)
		if err != nil {
			wrong = err
			return
		}
		if from && n != c.node {
			total, found = 0, false
		}
		ok, err := o.counts(c, n)
		if err != nil {
			wrong = err
		} else if ok {
			total, found = total+1, true
		}
		over = n == c.node
	}, func() bool { return over || wrong != nil })
	if !found {
		return nil, wrong
	}
	return []int{total}, wrong
}

// write writes numbers by a format such as "1.a ".
func (o *numberOut) write(list []int, format string) string {
	var marks, between []string
	last := strings.Builder{}
	alphanumeric := func(r rune) bool { return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	in := false
	for _, r := range format {
		if alphanumeric(r) != in && last.Len() > 0 || len(marks) == 0 && len(between) == 0 && alphanumeric(r) && last.Len() == 0 && !in {
			if in {
				marks = append(marks, last.String())
			} else {
				between = append(between, last.String())
			}
			last.Reset()
		}
		in = alphanumeric(r)
		last.WriteRune(r)
	}
	if in {
		marks = append(marks, last.String())
		between = append(between, "")
	} else {
		between = append(between, last.String())
	}
	if len(marks) == 0 {
		marks, between = []string{"1"}, []string{"", ""}
	}
	var b strings.Builder
	b.WriteString(between[0])
	for i, n := range list {
		if i > 0 {
			if separators := between[1 : len(between)-1]; len(separators) > 0 {
				b.WriteString(separators[min(i-1, len(separators)-1)])
			} else {
				b.WriteString(".")
			}
		}
		b.WriteString(o.one(n, marks[min(i, len(marks)-1)]))
	}
	b.WriteString(between[len(between)-1])
	return b.String()
}

func (o *numberOut) one(n int, mark string) string {
	switch {
	case n < 1:
	case mark == "a" || mark == "A":
		text := ""
		for m := n; m > 0; m = (m - 1) / 26 {
			text = string(rune('a'+(m-1)%26)) + text
		}
		if mark == "A" {
			return strings.ToUpper(text)
		}
		return text
	case (mark == "i" || mark == "I") && n < 4000:
		text := roman(n)
		if mark == "i" {
			return strings.ToLower(text)
		}
		return text
	}
	text := strconv.Itoa(n)
	for len(text) < len(mark) && strings.Trim(mark, "01") == "" {
		text = "0" + text
	}
	if o.group != "" && o.size > 0 {
		return decimalParts{group: o.size}.grouped(text, []rune(o.group)[0])
	}
	return text
}

func roman(n int) string {
	var b strings.Builder
	for _, r := range []struct {
		n int
		s string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for n >= r.n {
			b.WriteString(r.s)
			n -= r.n
		}
	}
	return b.String()
}
