package xslt

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

type function struct {
	min, max int // arguments; max -1 is any number
	run      func(c *context, x *call, args []any) (any, error)
}

// functions are made when the first is looked up: some of them look up others.
var functions struct {
	once  sync.Once
	named map[string]function
}

// functionNamed finds a function of XPath 1.0 or XSLT 1.0; ok is false for one that is not available.
func functionNamed(name string) (f function, ok bool) {
	functions.once.Do(func() { functions.named = allFunctions() })
	f, ok = functions.named[name]
	return f, ok
}

// allFunctions leaves out document() and what asks for a DTD.
func allFunctions() map[string]function {
	return map[string]function{
		"last":          {0, 0, func(c *context, _ *call, _ []any) (any, error) { return float64(c.size), nil }},
		"position":      {0, 0, func(c *context, _ *call, _ []any) (any, error) { return float64(c.pos), nil }},
		"current":       {0, 0, func(c *context, _ *call, _ []any) (any, error) { return nodes{c.current}, nil }},
		"true":          {0, 0, func(*context, *call, []any) (any, error) { return true, nil }},
		"false":         {0, 0, func(*context, *call, []any) (any, error) { return false, nil }},
		"not":           {1, 1, func(_ *context, _ *call, a []any) (any, error) { return !toBool(a[0]), nil }},
		"boolean":       {1, 1, func(_ *context, _ *call, a []any) (any, error) { return toBool(a[0]), nil }},
		"number":        {0, 1, func(c *context, _ *call, a []any) (any, error) { return toNumber(c.orNode(a)), nil }},
		"floor":         {1, 1, func(_ *context, _ *call, a []any) (any, error) { return math.Floor(toNumber(a[0])), nil }},
		"ceiling":       {1, 1, func(_ *context, _ *call, a []any) (any, error) { return math.Ceil(toNumber(a[0])), nil }},
		"round":         {1, 1, func(_ *context, _ *call, a []any) (any, error) { return math.Floor(toNumber(a[0]) + 0.5), nil }},
		"count":         {1, 1, ofNodes(func(_ *context, set nodes) (any, error) { return float64(len(set)), nil })},
		"sum":           {1, 1, ofNodes(sum)},
		"name":          {0, 1, ofName(func(n *node) string { return qualified(n) })},
		"local-name":    {0, 1, ofName(func(n *node) string { return n.name.Local })},
		"namespace-uri": {0, 1, ofName(func(n *node) string { return n.name.Space })},
		"generate-id":   {0, 1, ofName(generated)},
		"id":            {1, 1, func(*context, *call, []any) (any, error) { return nodes(nil), nil }}, // attributes are IDs by a DTD only
		"lang":          {1, 1, texts(func(c *context, a []string) (any, error) { return c.node.lang(a[0]), nil })},
		"string":        {0, 1, func(c *context, _ *call, a []any) (any, error) { return c.run.text(c.orNode(a)) }},
		"string-length": {0, 1, func(c *context, _ *call, a []any) (any, error) {
			s, err := c.run.text(c.orNode(a))
			return float64(utf8.RuneCountInString(s)), err
		}},
		"normalize-space": {0, 1, func(c *context, _ *call, a []any) (any, error) {
			s, err := c.run.text(c.orNode(a))
			return strings.Join(strings.FieldsFunc(s, isSpace), " "), err
		}},
		"concat":      {2, -1, texts(func(c *context, a []string) (any, error) { s := strings.Join(a, ""); return s, c.run.take(len(s)) })},
		"starts-with": {2, 2, texts(func(_ *context, a []string) (any, error) { return strings.HasPrefix(a[0], a[1]), nil })},
		"contains":    {2, 2, texts(func(_ *context, a []string) (any, error) { return strings.Contains(a[0], a[1]), nil })},
		"substring-before": {2, 2, texts(func(_ *context, a []string) (any, error) {
			before, _, ok := strings.Cut(a[0], a[1])
			return whenTrue(ok, before), nil
		})},
		"substring-after": {2, 2, texts(func(_ *context, a []string) (any, error) { _, after, _ := strings.Cut(a[0], a[1]); return after, nil })},
		"translate":       {3, 3, texts(translate)},
		"substring":       {2, 3, substring},
		"key":             {2, 2, keyed},
		"format-number":   {2, 3, formatNumber},
		"system-property": {1, 1, texts(func(_ *context, a []string) (any, error) {
			switch _, local, _ := strings.Cut(a[0], ":"); local {
			case "version":
				return 1.0, nil
			case "vendor":
				return "Gatehouse", nil
			}
			return "", nil
		})},
		"function-available": {1, 1, texts(func(_ *context, a []string) (any, error) { _, ok := functionNamed(a[0]); return ok, nil })},
		"element-available": {1, 1, texts(func(_ *context, a []string) (any, error) {
			_, local, ok := strings.Cut(a[0], ":")
			return ok && instructionNamed(local) != nil, nil
		})},
		"unparsed-entity-uri": {1, 1, func(*context, *call, []any) (any, error) { return "", nil }},
	}
}

func whenTrue(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

func (c *context) orNode(args []any) any {
	if len(args) > 0 {
		return args[0]
	}
	return nodes{c.node}
}

func ofNodes(f func(*context, nodes) (any, error)) func(*context, *call, []any) (any, error) {
	return func(c *context, _ *call, a []any) (any, error) {
		set, ok := a[0].(nodes)
		if !ok {
			return nil, errNodes
		}
		return f(c, set)
	}
}

func ofName(f func(*node) string) func(*context, *call, []any) (any, error) {
	return func(c *context, _ *call, a []any) (any, error) {
		set, ok := c.orNode(a).(nodes)
		if !ok {
			return nil, errNodes
		}
		if len(set) == 0 {
			return "", nil
		}
		return f(set[0]), nil
	}
}

func texts(f func(*context, []string) (any, error)) func(*context, *call, []any) (any, error) {
	return func(c *context, _ *call, a []any) (any, error) {
		list := make([]string, len(a))
		for i := range a {
			s, err := c.run.text(a[i])
			if err != nil {
				return nil, err
			}
			list[i] = s
		}
		return f(c, list)
	}
}

func sum(c *context, set nodes) (any, error) {
	total := 0.0
	for _, n := range set {
		total += textNumber(n.text())
	}
	return total, c.run.charge(set)
}

func qualified(n *node) string {
	if n.prefix != "" {
		return n.prefix + ":" + n.name.Local
	}
	return n.name.Local
}

func generated(n *node) string { return "n" + strconv.Itoa(int(n.kind)) + "-" + strconv.Itoa(n.order) }

func (n *node) lang(want string) bool {
	for ; n != nil; n = n.parent {
		for _, a := range n.attrs {
			if a.name == (name{Space: "http://www.w3.org/XML/1998/namespace", Local: "lang"}) {
				have := strings.ToLower(a.value)
				want = strings.ToLower(want)
				return have == want || strings.HasPrefix(have, want+"-")
			}
		}
	}
	return false
}

func translate(c *context, a []string) (any, error) {
	from, to := []rune(a[1]), []rune(a[2])
	if err := c.run.spend(len(a[0])/16 + len(from)/16); err != nil {
		return nil, err
	}
	into := map[rune]rune{}
	for i, r := range from {
		if _, ok := into[r]; ok {
			continue
		}
		if into[r] = -1; i < len(to) {
			into[r] = to[i]
		}
	}
	return strings.Map(func(r rune) rune {
		if m, ok := into[r]; ok {
			return m
		}
		return r
	}, a[0]), nil
}

func substring(c *context, _ *call, a []any) (any, error) {
	s, err := c.run.text(a[0])
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	start := math.Floor(toNumber(a[1]) + 0.5)
	end := math.Inf(1)
	if len(a) == 3 {
		end = start + math.Floor(toNumber(a[2])+0.5)
	}
	low, high := 0, 0
	for i := range runes {
		if p := float64(i + 1); p >= start && p < end {
			if high == 0 {
				low = i
			}
			high = i + 1
		}
	}
	return string(runes[low:max(high, low)]), nil
}

// formatNumber is format-number, with the patterns of Java 1.1.
func formatNumber(c *context, x *call, a []any) (any, error) {
	pattern, err := c.run.text(a[1])
	if err != nil {
		return nil, err
	}
	f := c.run.sheet.decimals[name{}]
	if len(a) == 3 {
		text, err := c.run.text(a[2])
		if err != nil {
			return nil, err
		}
		n, err := (&parser{scope: x.scope}).qname(text)
		if err != nil {
			return nil, err
		}
		if f = c.run.sheet.decimals[n]; f == nil {
			return nil, fault("there is no decimal-format %q", text)
		}
	}
	if f == nil {
		f = &usualDecimals
	}
	return f.format(toNumber(a[0]), pattern)
}

// decimals is a decimal-format.
type decimals struct {
	point, group, minus, percent, permille, zero, digit, separator rune
	infinity, nan                                                  string
}

var usualDecimals = decimals{'.', ',', '-', '%', '‰', '0', '#', ';', "Infinity", "NaN"}

const maxDecimals = 340 // digits of a pattern

func (d *decimals) format(f float64, pattern string) (string, error) {
	if len(pattern) > maxDecimals {
		return "", fault("the pattern of a number is too long")
	}
	if f != f {
		return d.nan, nil
	}
	positive, negative, both := strings.Cut(pattern, string(d.separator))
	p := d.parts(positive)
	if f < 0 {
		if both {
			n := d.parts(negative)
			p.prefix, p.suffix = n.prefix, n.suffix
		} else {
			p.prefix = string(d.minus) + p.prefix
		}
		f = -f
	}
	if math.IsInf(f, 0) {
		return p.prefix + d.infinity + p.suffix, nil
	}
	digits := strconv.FormatFloat(f*p.scale, 'f', p.most, 64)
	whole, part, _ := strings.Cut(digits, ".")
	for len(part) > p.least && strings.HasSuffix(part, "0") {
		part = part[:len(part)-1]
	}
	whole = strings.TrimLeft(whole, "0")
	for len(whole) < p.whole {
		whole = "0" + whole
	}
	if whole == "" && part == "" {
		whole = "0"
	}
	return p.prefix + d.own(p.grouped(whole, d.group), part) + p.suffix, nil
}

// own writes digits with the format's own characters.
func (d *decimals) own(whole, part string) string {
	if part != "" {
		whole += string(d.point) + part
	}
	if d.zero == '0' {
		return whole
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' && r != d.point && r != d.group {
			return d.zero + r - '0'
		}
		return r
	}, whole)
}

type decimalParts struct {
	prefix, suffix            string
	whole, least, most, group int
	scale                     float64
}

func (d *decimals) parts(pattern string) decimalParts {
	p := decimalParts{scale: 1}
	runes := []rune(pattern)
	inside := func(r rune) bool { return r == d.digit || r == d.zero || r == d.group || r == d.point }
	first := slices.IndexFunc(runes, inside)
	if first < 0 {
		first = len(runes)
	}
	last := first
	for last < len(runes) && inside(runes[last]) {
		last++
	}
	p.prefix, p.suffix = string(runes[:first]), string(runes[last:])
	switch {
	case strings.ContainsRune(p.prefix+p.suffix, d.percent):
		p.scale = 100
	case strings.ContainsRune(p.prefix+p.suffix, d.permille):
		p.scale = 1000
	}
	fraction, since := false, -1
	for _, r := range runes[first:last] {
		switch {
		case r == d.point:
			fraction = true
		case r == d.group:
			if !fraction {
				since = 0
			}
		case fraction:
			if p.most++; r == d.zero {
				p.least++
			}
		default:
			if r == d.zero {
				p.whole++
			}
			if since >= 0 {
				since++
			}
		}
	}
	p.group = max(since, 0)
	return p
}

func (p decimalParts) grouped(whole string, mark rune) string {
	if p.group == 0 {
		return whole
	}
	var out []string
	for len(whole) > p.group {
		out = append([]string{whole[len(whole)-p.group:]}, out...)
		whole = whole[:len(whole)-p.group]
	}
	return strings.Join(append([]string{whole}, out...), string(mark))
}

// keyed is key().
func keyed(c *context, x *call, a []any) (any, error) {
	text, err := c.run.text(a[0])
	if err != nil {
		return nil, err
	}
	n, err := (&parser{scope: x.scope}).qname(text)
	if err != nil {
		return nil, err
	}
	top := c.node
	for top.parent != nil {
		top = top.parent
	}
	table, err := c.run.keyTable(n, top)
	if err != nil {
		return nil, err
	}
	set, ok := a[1].(nodes)
	if !ok {
		return slices.Clone(table[toText(a[1])]), nil
	}
	if err := c.run.charge(set); err != nil {
		return nil, err
	}
	var all nodes
	for _, m := range set {
		all = append(all, table[m.text()]...)
		if err := c.run.spend(len(table[m.text()])); err != nil {
			return nil, err
		}
	}
	return ordered(all), nil
}
