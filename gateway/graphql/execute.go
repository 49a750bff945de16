package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Field is a field that a resolver is to give a value.
type Field struct {
	Type, Name string
	Arguments  map[string]any
	Parent     any // the value of the object it belongs to: JSON, as encoding/json decodes it with UseNumber
}

// Resolver gives the value of a field, as JSON. ok is false when the field has no resolver: then it is the member of
// its parent with the field's name. The message of an error is shown to the caller.
type Resolver func(ctx context.Context, f Field) (value any, ok bool, err error)

// maxValues bounds the values of one answer.
const maxValues = 200_000

// Execute runs an operation, and returns the body of the answer. Fields are resolved in the order of the query.
func (o *Operation) Execute(ctx context.Context, resolve Resolver, removed Errors) []byte {
	root := o.Schema.ast.Query
	switch o.operation.Operation {
	case ast.Mutation:
		root = o.Schema.ast.Mutation
	case ast.Subscription:
		return Errors{{Message: "Subscriptions are not available over HTTP."}}.Body()
	}
	if root == nil {
		return Errors{{Message: "The schema does not have such operations."}}.Body()
	}
	return o.run(ctx, resolve, removed, root, map[string]any{})
}

// run answers what an operation asks of the root of its kind, whose value is given.
func (o *Operation) run(ctx context.Context, resolve Resolver, removed Errors, root *ast.Definition, value map[string]any) []byte {
	x := execution{ctx: ctx, o: o, resolve: resolve, errors: slices.Clip(removed)}
	var data bytes.Buffer
	if !x.object(&data, root, o.operation.SelectionSet, value, nil) {
		data.Reset()
		data.WriteString("null")
	}
	answer := append([]byte(`{"data":`), data.Bytes()...)
	if len(x.errors) > 0 {
		list, err := json.Marshal([]Error(x.errors))
		if err != nil {
			list = []byte(`[{"message":"The errors cannot be shown."}]`)
		}
		answer = append(append(answer, `,"errors":`...), list...)
	}
	return append(answer, '}')
}

type execution struct {
	ctx     context.Context
	o       *Operation
	resolve Resolver
	errors  Errors
	values  int
}

func (x *execution) fail(f *ast.Field, path []any, format string, args ...any) {
	if len(x.errors) >= 100 {
		return
	}
	e := Error{Message: fmt.Sprintf(format, args...), Path: append([]any{}, path...)}
	if f != nil && f.Position != nil {
		e.Locations = []Location{{f.Position.Line, f.Position.Column}}
	}
	x.errors = append(x.errors, e)
}

// collected is the fields of one response name, which are answered together.
type collected struct {
	name   string
	fields []*ast.Field
}

// collect lists the fields of a selection set for an object of a type (October 2021, 6.3.2).
func (x *execution) collect(of *ast.Definition, set ast.SelectionSet, into []collected) []collected {
	for _, one := range set {
		switch one := one.(type) {
		case *ast.Field:
			if x.included(one.Directives) {
				into = add(into, one)
			}
		case *ast.InlineFragment:
			if x.included(one.Directives) && (one.TypeCondition == "" || x.applies(of, one.TypeCondition)) {
				into = x.collect(of, one.SelectionSet, into)
			}
		case *ast.FragmentSpread:
			f := x.o.document.Fragments.ForName(one.Name)
			if f != nil && x.included(one.Directives) && x.applies(of, f.TypeCondition) {
				into = x.collect(of, f.SelectionSet, into)
			}
		}
	}
	return into
}

func add(list []collected, f *ast.Field) []collected {
	for i := range list {
		if list[i].name == f.Alias {
			list[i].fields = append(list[i].fields, f)
			return list
		}
	}
	return append(list, collected{f.Alias, []*ast.Field{f}})
}

func (x *execution) included(list ast.DirectiveList) bool {
	on := func(d *ast.Directive) bool {
		v, _ := d.ArgumentMap(x.o.variables)["if"].(bool)
		return v
	}
	if d := list.ForName("skip"); d != nil && on(d) {
		return false
	}
	d := list.ForName("include")
	return d == nil || on(d)
}

func (x *execution) applies(of *ast.Definition, condition string) bool {
	if of.Name == condition {
		return true
	}
	for _, possible := range x.o.Schema.ast.PossibleTypes[condition] {
		if possible.Name == of.Name {
			return true
		}
	}
	return false
}

// object writes the fields of an object. It reports false when one that must not be null is: then the object is null.
func (x *execution) object(out *bytes.Buffer, of *ast.Definition, set ast.SelectionSet, value any, path []any) bool {
	out.WriteByte('{')
	for i, c := range x.collect(of, set, nil) {
		if i > 0 {
			out.WriteByte(',')
		}
		name, _ := json.Marshal(c.name)
		out.Write(name)
		out.WriteByte(':')
		if !x.field(out, of, c, value, append(path[:len(path):len(path)], c.name)) {
			return false
		}
	}
	out.WriteByte('}')
	return true
}

func (x *execution) field(out *bytes.Buffer, of *ast.Definition, c collected, parent any, path []any) bool {
	f := c.fields[0]
	if f.Name == "__typename" {
		out.WriteString(strconv.Quote(of.Name))
		return true
	}
	definition := of.Fields.ForName(f.Name)
	if definition == nil {
		definition = f.Definition
	}
	value, err := x.value(of, f, parent)
	if err != nil {
		x.fail(f, path, "%s", err.Error())
		return x.null(out, definition.Type)
	}
	var set ast.SelectionSet
	for _, one := range c.fields {
		set = append(set, one.SelectionSet...)
	}
	return x.complete(out, definition.Type, f, set, value, path)
}

// null writes null where the type lets it.
func (x *execution) null(out *bytes.Buffer, t *ast.Type) bool {
	out.WriteString("null")
	return !t.NonNull
}

// node is a value that is no JSON: a part of the schema that is asked about.
type node interface {
	member(name string, arguments map[string]any) any
}

func (x *execution) value(of *ast.Definition, f *ast.Field, parent any) (any, error) {
	if n, ok := parent.(node); ok {
		return n.member(f.Name, f.ArgumentMap(x.o.variables)), nil
	}
	switch f.Name {
	case "__schema":
		return schemaNode{x.o.Schema.ast}, nil
	case "__type":
		name, _ := f.ArgumentMap(x.o.variables)["name"].(string)
		if d := x.o.Schema.ast.Types[name]; d != nil {
			return typeNode{schema: x.o.Schema.ast, definition: d}, nil
		}
		return nil, nil
	}
	if err := x.ctx.Err(); err != nil {
		return nil, fmt.Errorf("the call ended before the field was resolved")
	}
	value, ok, err := x.resolve(x.ctx, Field{of.Name, f.Name, f.ArgumentMap(x.o.variables), parent})
	if ok || err != nil {
		return value, err
	}
	members, _ := parent.(map[string]any)
	return members[f.Name], nil
}

// complete writes a value as its type says (October 2021, 6.4.3).
func (x *execution) complete(out *bytes.Buffer, t *ast.Type, f *ast.Field, set ast.SelectionSet, value any, path []any) bool {
	if x.values++; x.values > maxValues {
		if x.values == maxValues+1 {
			x.fail(f, path, "The answer holds more than %d values.", maxValues)
		}
		return x.null(out, t)
	}
	if isNull(value) {
		if t.NonNull {
			x.fail(f, path, "The field must not be null, and it is.")
		}
		return x.null(out, t)
	}
	if t.Elem != nil {
		return x.list(out, t, f, set, value, path)
	}
	d := x.o.Schema.ast.Types[t.NamedType]
	switch {
	case d == nil:
		x.fail(f, path, "The schema does not have the type %s.", t.NamedType)
		return x.null(out, t)
	case d.IsLeafType():
		return x.leaf(out, t, d, f, value, path)
	}
	if d.IsAbstractType() {
		if d = x.concrete(d, value); d == nil {
			x.fail(f, path, "The value does not say in __typename which %s it is.", t.NamedType)
			return x.null(out, t)
		}
	}
	start := out.Len()
	if !x.object(out, d, set, value, path) {
		out.Truncate(start)
		return x.null(out, t)
	}
	return true
}

func isNull(v any) bool {
	n, ok := v.(interface{ isNull() bool })
	return v == nil || ok && n.isNull()
}

func (x *execution) list(out *bytes.Buffer, t *ast.Type, f *ast.Field, set ast.SelectionSet, value any, path []any) bool {
	items, ok := value.([]any)
	if !ok {
		x.fail(f, path, "The value is not a list.")
		return x.null(out, t)
	}
	start := out.Len()
	out.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			out.WriteByte(',')
		}
		if !x.complete(out, t.Elem, f, set, item, append(path[:len(path):len(path)], i)) {
			out.Truncate(start)
			return x.null(out, t)
		}
	}
	out.WriteByte(']')
	return true
}

func (x *execution) concrete(abstract *ast.Definition, value any) *ast.Definition {
	possible := x.o.Schema.ast.GetPossibleTypes(abstract)
	members, _ := value.(map[string]any)
	name, _ := members["__typename"].(string)
	for _, d := range possible {
		if d.Name == name {
			return d
		}
	}
	if name == "" && len(possible) == 1 {
		return possible[0]
	}
	return nil
}

func (x *execution) leaf(out *bytes.Buffer, t *ast.Type, d *ast.Definition, f *ast.Field, value any, path []any) bool {
	value, ok := coerce(d, value)
	if !ok {
		x.fail(f, path, "The value is not of type %s.", d.Name)
		return x.null(out, t)
	}
	b, err := json.Marshal(value)
	if err != nil {
		x.fail(f, path, "The value cannot be written.")
		return x.null(out, t)
	}
	out.Write(b)
	return true
}

// coerce brings a value into a scalar type (October 2021, 3.5). Own scalars are passed as they are.
func coerce(d *ast.Definition, value any) (any, bool) {
	if d.Kind == ast.Enum {
		s, ok := value.(string)
		return s, ok && d.EnumValues.ForName(s) != nil
	}
	switch d.Name {
	case "Int":
		n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
		_, isText := value.(string)
		return json.Number(strconv.FormatFloat(n, 'f', -1, 64)), err == nil && !isText && n == math.Trunc(n) && math.Abs(n) <= math.MaxInt32
	case "Float":
		_, isText := value.(string)
		n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
		return value, err == nil && !isText && !math.IsInf(n, 0)
	case "Boolean":
		_, ok := value.(bool)
		return value, ok
	case "String", "ID":
		switch v := value.(type) {
		case string:
			return v, true
		case json.Number:
			return v.String(), true
		case bool:
			return strconv.FormatBool(v), d.Name == "String"
		}
		return nil, false
	}
	return value, true
}
