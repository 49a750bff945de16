package policy

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
	"sync"
)

//go:embed table.txt
var tableText string

// namedOnly are policies that Microsoft's tools list and nothing else is known of: they can be saved, with anything in them.
const namedOnly = `authentication-token in=iboe at=gwpao on=cvnsk undocumented free
 "Known by its name only.
authentication-token-store in=iboe at=gwpao on=cvnsk undocumented free
 "Known by its name only.
set-request-metric-dimension-value in=iboe at=gwpao on=cvnsk undocumented free
 "Known by its name only.
`

// Definition is what is known of a policy, or of an element that belongs to one.
type Definition struct {
	Name        string
	Description string
	Sections    string // of "iboer": inbound, backend, outbound, on-error, resolver
	Scopes      string // of "gwpaor": global, workspace, product, api, operation, resolver
	Gateways    string // of "cvnsk": classic, v2, consumption, self-hosted, workspace
	Once        bool   // per section
	Unpublished bool   // named by Microsoft's tools, without a reference
	Occurs      byte   // of a child: 1, ?, * or +

	attrs    []*attribute
	children []*Definition
	holds    bool // policies
	text     bool
	literal  bool // text only without expressions
	markup   bool // text that may hold any elements
	free     bool // unchecked
}

type attribute struct {
	name     string
	required bool
	literal  bool   // no expression
	group    string // one of which is required
	kind     string // bool, int, number, span, datetime, enum; "" for text
	values   []string
	min, max string // of int; "" for none
	refers   Kind
	initial  string // what counts when it is left out, "" for none
}

// Definitions lists every policy by name.
func Definitions() []*Definition { return table().list }

type definitions struct {
	list   []*Definition
	byName map[string]*Definition
}

// table reads table.txt: a policy at the margin, its attributes and children one blank deeper, and so on.
var table = sync.OnceValue(func() *definitions {
	t := &definitions{byName: map[string]*Definition{}}
	same := map[*Definition]string{}
	var path []*Definition
	for line := range strings.Lines(tableText + namedOnly) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		text := strings.TrimLeft(line, " ")
		depth := len(line) - len(text)
		path = path[:depth]
		text = strings.TrimSpace(text)
		if description, ok := strings.CutPrefix(text, `"`); ok {
			path[depth-1].Description = description
			continue
		}
		words := strings.Fields(text)
		if words[0][0] == '@' {
			path[depth-1].attrs = append(path[depth-1].attrs, attributeOf(words))
			continue
		}
		d := definitionOf(words, same)
		if path = append(path, d); depth > 0 {
			path[depth-1].children = append(path[depth-1].children, d)
			continue
		}
		t.list = append(t.list, d)
		t.byName[d.Name] = d
	}
	for d, name := range same {
		d.attrs, d.children, d.text = t.byName[name].attrs, t.byName[name].children, t.byName[name].text
	}
	return t
})

func definitionOf(words []string, same map[*Definition]string) *Definition {
	d := &Definition{Name: words[0]}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "in":
			d.Sections = value
		case "at":
			d.Scopes = value
		case "on":
			d.Gateways = value
		case "as":
			same[d] = value
		case "once":
			d.Once = true
		case "undocumented":
			d.Unpublished = true
		case "holds":
			d.holds = true
		case "text":
			d.text = true
		case "literal":
			d.text, d.literal = true, true
		case "markup":
			d.text, d.markup = true, true
		case "free":
			d.free = true
		default:
			d.Occurs = w[0]
		}
	}
	return d
}

func attributeOf(words []string) *attribute {
	a := &attribute{name: words[0][1:]}
	for _, w := range words[1:] {
		kind, arguments, _ := strings.Cut(strings.TrimSuffix(w, ")"), "(")
		switch {
		case w == "!":
			a.required = true
		case w == "~":
			a.literal = true
		case w[0] == '^':
			a.group = w[1:]
		case w[0] == '=':
			a.initial = w[1:]
		case kind == "names":
			a.refers = Kind(arguments)
		case kind == "enum":
			a.kind, a.values = kind, strings.Split(arguments, "|")
		default:
			a.kind = kind
			a.min, a.max, _ = strings.Cut(arguments, ",")
		}
	}
	return a
}

func (d *Definition) attr(name string) *attribute {
	for _, a := range d.attrs {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (d *Definition) child(name string) *Definition {
	for _, c := range d.children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// In reports whether a policy may stand in a section.
func (d *Definition) In(section string) bool {
	for _, pair := range []struct{ name, letter string }{{"inbound", "i"}, {"backend", "b"}, {"outbound", "o"}, {"on-error", "e"}} {
		if pair.name == section {
			return strings.Contains(d.Sections, pair.letter)
		}
	}
	return false
}

// fault says what is wrong with a literal value, "" for nothing.
func (a *attribute) fault(v string) string {
	v = strings.TrimSpace(v)
	switch a.kind {
	case "bool":
		if fold := strings.ToLower(v); fold != "true" && fold != "false" && v != "1" && v != "0" {
			return invalid(a.name, v, "Boolean") + " Use true or false."
		}
	case "int":
		return a.intFault(v)
	case "number":
		if x, err := strconv.ParseFloat(v, 64); err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return invalid(a.name, v, "Decimal") + " Use a number."
		}
	case "span":
		if !isSpan(v) {
			return invalid(a.name, v, "Int32") + " Use a whole number of seconds, hh:mm:ss, or an ISO 8601 duration."
		}
	case "enum":
		for _, allowed := range a.values {
			if strings.EqualFold(allowed, v) {
				return ""
			}
		}
		return invalid(a.name, v, "String") + " Use " + either(a.values) + "."
	case "datetime":
		if _, ok := Moment(v); !ok {
			return invalid(a.name, v, "DateTime") + " Use a time such as 2026-01-31T00:00:00Z."
		}
	}
	return ""
}

func (a *attribute) intFault(v string) string {
	n, err := strconv.ParseInt(v, 10, 64)
	low, lowErr := strconv.ParseInt(a.min, 10, 64)
	high, highErr := strconv.ParseInt(a.max, 10, 64)
	if err == nil && (lowErr != nil || n >= low) && (highErr != nil || n <= high) {
		return ""
	}
	text := invalid(a.name, v, "Int32") + " Use a whole number"
	switch {
	case lowErr == nil && highErr == nil:
		text += " from " + a.min + " to " + a.max
	case lowErr == nil:
		text += " of at least " + a.min
	}
	return text + "."
}
