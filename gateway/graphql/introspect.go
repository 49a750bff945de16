package graphql

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// What a schema says of itself (October 2021, 4).

type schemaNode struct{ schema *ast.Schema }

func (n schemaNode) member(name string, _ map[string]any) any {
	switch name {
	case "description":
		return text(n.schema.Description)
	case "types":
		names := make([]string, 0, len(n.schema.Types))
		for t := range n.schema.Types {
			names = append(names, t)
		}
		slices.Sort(names)
		list := make([]any, len(names))
		for i, t := range names {
			list[i] = typeNode{schema: n.schema, definition: n.schema.Types[t]}
		}
		return list
	case "queryType":
		return typeNode{schema: n.schema, definition: n.schema.Query}
	case "mutationType":
		return typeNode{schema: n.schema, definition: n.schema.Mutation}
	case "subscriptionType":
		return typeNode{schema: n.schema, definition: n.schema.Subscription}
	case "directives":
		var names []string
		for d := range n.schema.Directives {
			names = append(names, d)
		}
		slices.Sort(names)
		list := make([]any, len(names))
		for i, d := range names {
			list[i] = directiveNode{n.schema, n.schema.Directives[d]}
		}
		return list
	}
	return nil
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// typeNode is a named type, or one wrapped in lists and non-nulls.
type typeNode struct {
	schema     *ast.Schema
	definition *ast.Definition
	wrapped    *ast.Type // nil for a named type
}

func (n typeNode) isNull() bool { return n.definition == nil && n.wrapped == nil }

func typeOf(s *ast.Schema, t *ast.Type) typeNode {
	if !t.NonNull && t.Elem == nil {
		return typeNode{schema: s, definition: s.Types[t.NamedType]}
	}
	return typeNode{schema: s, wrapped: t}
}

func (n typeNode) member(name string, arguments map[string]any) any {
	if n.wrapped != nil {
		return n.wrapper(name)
	}
	d := n.definition
	switch name {
	case "kind":
		return string(d.Kind)
	case "name":
		return d.Name
	case "description":
		return text(d.Description)
	case "specifiedByURL":
		if by := d.Directives.ForName("specifiedBy"); by != nil && by.Arguments.ForName("url") != nil {
			return text(by.Arguments.ForName("url").Value.Raw)
		}
	case "fields":
		return n.fields(arguments["includeDeprecated"] == true)
	case "inputFields":
		return n.inputFields()
	case "interfaces":
		return n.named(d.Interfaces, d.Kind == ast.Object || d.Kind == ast.Interface)
	case "possibleTypes":
		var names []string
		for _, possible := range n.schema.GetPossibleTypes(d) {
			names = append(names, possible.Name)
		}
		return n.named(names, d.IsAbstractType())
	case "enumValues":
		return n.enumValues(arguments["includeDeprecated"] == true)
	}
	return nil
}

func (n typeNode) wrapper(name string) any {
	inner := *n.wrapped
	switch {
	case name == "kind" && inner.NonNull:
		return "NON_NULL"
	case name == "kind":
		return "LIST"
	case name != "ofType":
		return nil
	case inner.NonNull:
		inner.NonNull = false
		return typeOf(n.schema, &inner)
	}
	return typeOf(n.schema, inner.Elem)
}

func (n typeNode) named(names []string, applies bool) any {
	if !applies {
		return nil
	}
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = typeNode{schema: n.schema, definition: n.schema.Types[name]}
	}
	return list
}

func (n typeNode) fields(deprecated bool) any {
	if n.definition.Kind != ast.Object && n.definition.Kind != ast.Interface {
		return nil
	}
	list := []any{}
	for _, f := range n.definition.Fields {
		if strings.HasPrefix(f.Name, "__") || !deprecated && f.Directives.ForName("deprecated") != nil {
			continue
		}
		list = append(list, fieldNode{n.schema, f})
	}
	return list
}

func (n typeNode) inputFields() any {
	if n.definition.Kind != ast.InputObject {
		return nil
	}
	list := make([]any, len(n.definition.Fields))
	for i, f := range n.definition.Fields {
		list[i] = inputNode{n.schema, f.Name, f.Description, f.Type, f.DefaultValue, f.Directives}
	}
	return list
}

func (n typeNode) enumValues(deprecated bool) any {
	if n.definition.Kind != ast.Enum {
		return nil
	}
	list := []any{}
	for _, v := range n.definition.EnumValues {
		if deprecated || v.Directives.ForName("deprecated") == nil {
			list = append(list, enumNode{v})
		}
	}
	return list
}

func deprecation(list ast.DirectiveList, name string) any {
	d := list.ForName("deprecated")
	if name == "isDeprecated" {
		return d != nil
	}
	if d == nil {
		return nil
	}
	if reason := d.Arguments.ForName("reason"); reason != nil {
		return reason.Value.Raw
	}
	return "No longer supported"
}

type fieldNode struct {
	schema *ast.Schema
	field  *ast.FieldDefinition
}

func (n fieldNode) member(name string, _ map[string]any) any {
	switch name {
	case "name":
		return n.field.Name
	case "description":
		return text(n.field.Description)
	case "args":
		return arguments(n.schema, n.field.Arguments)
	case "type":
		return typeOf(n.schema, n.field.Type)
	}
	return deprecation(n.field.Directives, name)
}

func arguments(s *ast.Schema, list ast.ArgumentDefinitionList) any {
	out := make([]any, len(list))
	for i, a := range list {
		out[i] = inputNode{s, a.Name, a.Description, a.Type, a.DefaultValue, a.Directives}
	}
	return out
}

type inputNode struct {
	schema            *ast.Schema
	name, description string
	kind              *ast.Type
	value             *ast.Value
	directives        ast.DirectiveList
}

func (n inputNode) member(name string, _ map[string]any) any {
	switch name {
	case "name":
		return n.name
	case "description":
		return text(n.description)
	case "type":
		return typeOf(n.schema, n.kind)
	case "defaultValue":
		if n.value == nil {
			return nil
		}
		return n.value.String()
	}
	return deprecation(n.directives, name)
}

type enumNode struct{ value *ast.EnumValueDefinition }

func (n enumNode) member(name string, _ map[string]any) any {
	switch name {
	case "name":
		return n.value.Name
	case "description":
		return text(n.value.Description)
	}
	return deprecation(n.value.Directives, name)
}

type directiveNode struct {
	schema    *ast.Schema
	directive *ast.DirectiveDefinition
}

func (n directiveNode) member(name string, _ map[string]any) any {
	switch name {
	case "name":
		return n.directive.Name
	case "description":
		return text(n.directive.Description)
	case "isRepeatable":
		return n.directive.IsRepeatable
	case "args":
		return arguments(n.schema, n.directive.Arguments)
	case "locations":
		list := make([]any, len(n.directive.Locations))
		for i, l := range n.directive.Locations {
			list[i] = string(l)
		}
		return list
	}
	return nil
}
