package apidoc

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

// parseDocument reads JSON, or else YAML, into objects whose names compare with case.
func parseDocument(b []byte) (*jsondoc.Object, error) {
	b = utf8Text(b)
	var v jsondoc.Value
	var err error
	if text := bytes.TrimLeft(b, " \t\r\n"); len(text) > 0 && text[0] == '{' {
		if v, err = ParseJSON(b); err != nil && !looksLikeYAML(text) {
			return nil, err
		}
	}
	if v == nil {
		if v, err = parseYAML(b); err != nil {
			return nil, err
		}
	}
	o, ok := v.(*jsondoc.Object)
	if !ok {
		return nil, fault("line 1, column 1", "the document is %s where an object is expected", jsondoc.KindOf(v))
	}
	return o, nil
}

// looksLikeYAML tells a flow mapping with bare names from JSON with a fault.
func looksLikeYAML(b []byte) bool {
	b = bytes.TrimLeft(b[1:], " \t\r\n")
	return len(b) > 0 && b[0] != '"' && b[0] != '}'
}

// expander turns YAML nodes into values. What aliases repeat counts each time, against a
// budget that grows with the document, so that a few anchors cannot become gigabytes.
type expander struct {
	budget int
	depth  int
}

func parseYAML(b []byte) (jsondoc.Value, error) {
	if err := yamlDepth(b); err != nil {
		return nil, err
	}
	var node yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	if err := decoder.Decode(&node); err != nil {
		return nil, yamlFault(err)
	}
	if len(node.Content) == 0 {
		return nil, fault("line 1, column 1", "the document is empty")
	}
	x := &expander{budget: 100_000 + 4*len(b)}
	return x.value(node.Content[0])
}

// yamlDepth refuses flow brackets that lie deeper than any document's do, before the parser
// builds a node for each.
func yamlDepth(b []byte) error {
	run := 0
	for i, c := range b {
		switch c {
		case '[', '{':
			if run++; run > 1000 {
				return fault(at(1+bytes.Count(b[:i], []byte("\n")), 1), "brackets lie more than %d levels deep", maxDepth)
			}
		case ']', '}', '\n':
			run = 0
		}
	}
	return nil
}

var yamlLine = regexp.MustCompile(`line (\d+)(?:, column (\d+))?:? ?`)

func yamlFault(err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	place := "line 1, column 1"
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ := strconv.Atoi(m[1])
		column, _ := strconv.Atoi(m[2])
		place = at(line, max(column, 1))
		message = strings.TrimSpace(yamlLine.ReplaceAllString(message, ""))
	}
	return fault(place, "the YAML cannot be read: %s", message)
}

func (x *expander) value(n *yaml.Node) (jsondoc.Value, error) {
	x.budget -= 1 + len(n.Value)
	if x.budget < 0 {
		return nil, fault(at(n.Line, n.Column), "aliases make the document many times larger than it is; write them out or use $ref")
	}
	if x.depth++; x.depth > maxDepth {
		return nil, fault(at(n.Line, n.Column), "the document is nested more than %d levels deep", maxDepth)
	}
	defer func() { x.depth-- }()
	switch n.Kind {
	case yaml.AliasNode:
		return x.value(n.Alias)
	case yaml.MappingNode:
		return x.mapping(n)
	case yaml.SequenceNode:
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
	return scalar(n)
}

func (x *expander) mapping(n *yaml.Node) (jsondoc.Value, error) {
	o := jsondoc.NewExact()
	o.SetPosition(n.Line, n.Column)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return nil, fault(at(key.Line, key.Column), "a name has to be text")
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if o.Has(key.Value) {
			return nil, fault(at(key.Line, key.Column), "the member %q is there twice", clip(key.Value, 100))
		}
		v, err := x.value(value)
		if err != nil {
			return nil, err
		}
		o.Set(key.Value, v)
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
			return fault(at(n.Line, n.Column), "<< merges mappings only")
		}
		for name, v := range from.All() {
			if !o.Has(name) {
				o.Set(name, v)
			}
		}
	}
	return nil
}

// scalar reads a plain value. Dates stay text, and so do numbers that JSON cannot hold.
func scalar(n *yaml.Node) (jsondoc.Value, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b, nil
		}
	case "!!int", "!!float":
		return number(n), nil
	}
	return n.Value, nil
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
