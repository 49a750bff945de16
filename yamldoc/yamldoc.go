// Package yamldoc reads YAML into the documents of package jsondoc, so that whatever
// reads those reads both. It promises that objects and members know line and column,
// that no name stands twice in one mapping, that dates stay text and numbers keep
// their literal, and that neither nesting nor aliases make a small text cost much.
// What the members mean is left to others.
package yamldoc

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/jsondoc"
)

// Options are what readers differ in; the zero value is for documents of our own.
type Options struct {
	Exact    bool // names compare with case
	MaxDepth int  // of objects and lists in each other, 100 when 0
}

// Kind is what sort of fault it is, for readers with words of their own.
type Kind int

// The kinds of faults.
const (
	Other  Kind = iota
	Syntax      // Detail is what the parser says
	Empty
	Twice   // Detail is the name
	Aliases // they make too much of a text
)

// Fault says where a text cannot be read and why.
type Fault struct {
	Line, Column int
	Message      string
	Kind         Kind
	Detail       string
}

// Error returns place and message.
func (f *Fault) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, f.Message)
}

// Parse reads the first document of a text. An empty one is a Fault, and so is one
// that says nothing but null.
func Parse(b []byte, o Options) (jsondoc.Value, error) {
	if o.MaxDepth == 0 {
		o.MaxDepth = 100
	}
	if err := flowDepth(b, o.MaxDepth); err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(b)).Decode(&node); err != nil && err.Error() != "EOF" {
		return nil, faultOf(err)
	}
	if len(node.Content) == 0 {
		return nil, &Fault{Line: 1, Column: 1, Message: "the document is empty", Kind: Empty}
	}
	x := &expander{Options: o, budget: 100_000 + 4*len(b)}
	return x.value(node.Content[0])
}

// flowDepth refuses brackets that lie deeper than any document's do, before the parser
// builds a node for each.
func flowDepth(b []byte, most int) error {
	run := 0
	for i, c := range b {
		switch c {
		case '[', '{':
			if run++; run > 1000 {
				return &Fault{Line: 1 + bytes.Count(b[:i], []byte("\n")), Column: 1, Message: fmt.Sprintf("brackets lie more than %d levels deep", most)}
			}
		case ']', '}', '\n':
			run = 0
		}
	}
	return nil
}

var place = regexp.MustCompile(`line (\d+)(?:, column (\d+))?:? ?`)

func faultOf(err error) error {
	f := &Fault{Line: 1, Column: 1, Kind: Syntax, Detail: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := place.FindStringSubmatch(f.Detail); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Column, _ = strconv.Atoi(m[2])
		f.Column = max(f.Column, 1)
		f.Detail = strings.TrimSpace(place.ReplaceAllString(f.Detail, ""))
	}
	f.Message = "this is not YAML: " + f.Detail
	return f
}

// expander turns nodes into values. What aliases repeat counts each time, against a
// budget that grows with the document, so that a few anchors cannot become gigabytes.
type expander struct {
	Options
	budget, depth int
}

func fail(n *yaml.Node, format string, args ...any) *Fault {
	return &Fault{Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...)}
}

// as says what sort of fault it is.
func (f *Fault) as(k Kind, detail string) *Fault {
	f.Kind, f.Detail = k, detail
	return f
}

func (x *expander) value(n *yaml.Node) (jsondoc.Value, error) {
	if x.budget -= 1 + len(n.Value); x.budget < 0 {
		return nil, fail(n, "aliases make the document many times larger than it is; write them out").as(Aliases, "")
	}
	if x.depth++; x.depth > x.MaxDepth {
		return nil, fail(n, "the document is nested more than %d levels deep", x.MaxDepth)
	}
	defer func() { x.depth-- }()
	switch n.Kind {
	case yaml.AliasNode:
		return x.value(n.Alias)
	case yaml.MappingNode:
		return x.mapping(n)
	case yaml.SequenceNode:
		return x.sequence(n)
	}
	return scalar(n), nil
}

func (x *expander) sequence(n *yaml.Node) (jsondoc.Value, error) {
	list := make([]jsondoc.Value, len(n.Content))
	for i, c := range n.Content {
		v, err := x.value(c)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

func (x *expander) mapping(n *yaml.Node) (jsondoc.Value, error) {
	o := &jsondoc.Object{}
	if x.Exact {
		o = jsondoc.NewExact()
	}
	o.SetPosition(n.Line, n.Column)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			return nil, fail(key, "a name has to be text")
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
			continue
		case o.Has(key.Value):
			return nil, fail(key, "the member %q is there twice", key.Value).as(Twice, key.Value)
		}
		v, err := x.value(value)
		if err != nil {
			return nil, err
		}
		o.Set(key.Value, v)
		o.SetPositionOf(key.Value, key.Line, key.Column)
	}
	for _, m := range merged {
		if err := x.merge(o, m); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// merge adds what << names and o does not have.
func (x *expander) merge(o *jsondoc.Object, n *yaml.Node) error {
	v, err := x.value(n)
	if err != nil {
		return err
	}
	list, ok := v.([]jsondoc.Value)
	if !ok {
		list = []jsondoc.Value{v}
	}
	for _, item := range list {
		from, ok := item.(*jsondoc.Object)
		if !ok {
			return fail(n, "<< merges mappings only")
		}
		for name, v := range from.All() {
			if !o.Has(name) {
				o.Set(name, v)
				o.SetPositionOf(name, n.Line, n.Column)
			}
		}
	}
	return nil
}

// scalar reads a plain value. Dates stay text, and so do numbers that JSON cannot hold.
func scalar(n *yaml.Node) jsondoc.Value {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		return number(n)
	}
	return n.Value
}

func number(n *yaml.Node) jsondoc.Value {
	if v, err := jsondoc.Parse([]byte(n.Value), jsondoc.Options{}); err == nil {
		if literal, ok := v.(jsondoc.Number); ok {
			return literal
		}
	}
	var i int64
	if n.ShortTag() == "!!int" && n.Decode(&i) == nil {
		return jsondoc.Number(strconv.FormatInt(i, 10))
	}
	var f float64
	if n.Decode(&f) == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return jsondoc.Number(fmt.Sprint(f))
	}
	return n.Value
}

// Marshal writes a document as YAML that Parse reads back: text that YAML would take
// for something else stands in quotes.
func Marshal(v jsondoc.Value) ([]byte, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(nodeOf(v)); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

func nodeOf(v jsondoc.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	switch v := v.(type) {
	case *jsondoc.Object:
		n = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for name, inner := range v.All() {
			n.Content = append(n.Content, textNode(name), nodeOf(inner))
		}
		n.Style = flowWhenEmpty(n)
	case []jsondoc.Value:
		n = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, inner := range v {
			n.Content = append(n.Content, nodeOf(inner))
		}
		n.Style = flowWhenEmpty(n)
	case string:
		n = textNode(v)
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case jsondoc.Number:
		n.Tag, n.Value = "!!int", v.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	}
	return n
}

// textNode is text. What only a quoted form keeps gets one: the encoder folds other
// long lines, and a plain scalar cannot hold every character.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsAny(s, "\r\u0085\u2028\u2029\ufeff") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' }) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func flowWhenEmpty(n *yaml.Node) yaml.Style {
	if len(n.Content) == 0 {
		return yaml.FlowStyle
	}
	return 0
}
