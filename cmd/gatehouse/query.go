package main

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jmespath-community/go-jmespath"
	"github.com/jmespath-community/go-jmespath/pkg/parsing"

	"gatehouse/jsondoc"
)

// search answers a JMESPath query. Objects that the query builds keep the order in
// which it names their members, as az keeps it: "[].{Who:who,Id:seq}" makes the
// columns Who and Id. The library answers with Go maps, which have no order, so
// it is read from the query itself.
func search(query string, v jsondoc.Value) (jsondoc.Value, error) {
	tree, err := jmespath.NewParser().Parse(query)
	if err != nil {
		return nil, queryError(query, err)
	}
	var plain any
	if err := json.Unmarshal(jsondoc.Marshal(v), &plain); err != nil {
		return nil, err
	}
	found, err := jmespath.Search(query, plain)
	if err != nil {
		return nil, queryError(query, err)
	}
	o := orders{}
	o.read(tree)
	return o.apply(found), nil
}

func queryError(query string, err error) error {
	var syntax jmespath.SyntaxError
	if errors.As(err, &syntax) {
		return usagef("--query has a fault: %v\n  %s\n  %s^\nJMESPath is described at https://jmespath.org; \"gatehouse help formatting\" has examples",
			strings.TrimPrefix(err.Error(), "SyntaxError: "), query, strings.Repeat(" ", min(syntax.Offset, len(query))))
	}
	return usagef("--query %q cannot be answered: %v", query, err)
}

// orders are the orders of members that a query writes, by the sorted names.
type orders map[string][]string

func key(names []string) string { return strings.Join(slices.Sorted(slices.Values(names)), "\x00") }

func (o orders) read(n parsing.ASTNode) {
	if n.NodeType == parsing.ASTMultiSelectHash {
		names := make([]string, len(n.Children))
		for i, child := range n.Children {
			names[i], _ = child.Value.(string)
		}
		o[key(names)] = names
	}
	for _, child := range n.Children {
		o.read(child)
	}
}

// apply turns what the library found into ordered values. Objects that the query
// did not build are sorted by name, as az sorts them.
func (o orders) apply(v any) jsondoc.Value {
	switch v := v.(type) {
	case map[string]any:
		return o.object(v)
	case []any:
		list := make([]jsondoc.Value, len(v))
		for i := range v {
			list[i] = o.apply(v[i])
		}
		return list
	case float64:
		return jsondoc.Number(strconv.FormatFloat(v, 'f', -1, 64))
	case nil, string, bool:
		return v
	}
	return nil // an expression such as &name, which has no JSON form
}

func (o orders) object(m map[string]any) *jsondoc.Object {
	names := slices.Sorted(maps.Keys(m))
	if order, ok := o[key(names)]; ok {
		names = order
	}
	object := jsondoc.NewObject()
	for _, name := range names {
		object.Set(name, o.apply(m[name]))
	}
	return object
}
