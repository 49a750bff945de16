// Package openapi writes an OpenAPI 3.1 document of Gatehouse's own calls from their
// declarations: an Operation says what a call is, and Go types with JSON names say what
// goes in and comes out. Azure's calls are documented by Azure and are not in it.
package openapi

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
)

// Operation is one call.
type Operation struct {
	Method, Path string // parameters in braces
	ID           string // operationId, unique
	Tag          string
	Summary      string
	Description  string
	Query        []Parameter // besides api-version
	Body         any         // a value of the type of the request's body; nil for none
	Answer       any         // likewise for a 200; nil for none
	Versions     []string    // api-versions, newest first; none for calls without that parameter
	Open         bool        // no token is asked for
}

// Parameter is a query parameter.
type Parameter struct{ Name, Description string }

// Document writes the document. Types are named by their package and name, once each.
func Document(title, version, server string, operations []Operation) *jsondoc.Object {
	w := &writer{schemas: jsondoc.NewObject()}
	paths := jsondoc.NewObject()
	for _, o := range slices.SortedFunc(slices.Values(operations), func(a, b Operation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	}) {
		if !paths.Has(o.Path) {
			paths.Set(o.Path, jsondoc.NewObject())
		}
		v, _ := paths.Get(o.Path)
		item, _ := v.(*jsondoc.Object)
		item.Set(strings.ToLower(o.Method), w.operation(o))
	}
	w.schemas.Set("Error", jsondoc.NewObject("type", "object", "properties", jsondoc.NewObject("error", jsondoc.NewObject("type", "object",
		"properties", jsondoc.NewObject("code", text(""), "message", text(""), "target", text(""))))))
	return jsondoc.NewObject("openapi", "3.1.0", "info", jsondoc.NewObject("title", title, "version", version),
		"servers", []jsondoc.Value{jsondoc.NewObject("url", server)}, "paths", paths,
		"components", jsondoc.NewObject("schemas", w.schemas, "securitySchemes", jsondoc.NewObject("bearer", jsondoc.NewObject("type", "http", "scheme", "bearer", "bearerFormat", "JWT"))))
}

type writer struct{ schemas *jsondoc.Object }

func text(format string) *jsondoc.Object {
	o := jsondoc.NewObject("type", "string")
	if format != "" {
		o.Set("format", format)
	}
	return o
}

func (w *writer) operation(o Operation) *jsondoc.Object {
	out := jsondoc.NewObject("operationId", o.ID, "tags", []jsondoc.Value{o.Tag}, "summary", o.Summary)
	if o.Description != "" {
		out.Set("description", o.Description)
	}
	out.Set("parameters", parameters(o))
	if o.Body != nil {
		out.Set("requestBody", jsondoc.NewObject("required", true, "content", w.content(o.Body)))
	}
	ok := jsondoc.NewObject("description", "OK")
	if o.Answer != nil {
		ok.Set("content", w.content(o.Answer))
	}
	failed := jsondoc.NewObject("description", "An error in Azure's shape", "content",
		jsondoc.NewObject("application/json", jsondoc.NewObject("schema", jsondoc.NewObject("$ref", "#/components/schemas/Error"))))
	out.Set("responses", jsondoc.NewObject("200", ok, "default", failed))
	if !o.Open {
		out.Set("security", []jsondoc.Value{jsondoc.NewObject("bearer", []jsondoc.Value{})})
	}
	return out
}

func parameters(o Operation) []jsondoc.Value {
	out := []jsondoc.Value{}
	for part := range strings.SplitSeq(o.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			p := jsondoc.NewObject("name", name, "in", "path", "required", true, "schema", text(""))
			if name == "scope" {
				p.Set("description", "A resource ID without its first slash: subscriptions/.../resourceGroups/..., as it is, slashes included. Leave it and the slash out for the tenant root.")
			}
			out = append(out, p)
		}
	}
	for _, q := range o.Query {
		out = append(out, jsondoc.NewObject("name", q.Name, "in", "query", "description", q.Description, "schema", text("")))
	}
	if len(o.Versions) > 0 {
		versions := []jsondoc.Value{}
		for _, v := range o.Versions {
			versions = append(versions, v)
		}
		schema := text("")
		schema.Set("enum", versions)
		out = append(out, jsondoc.NewObject("name", "api-version", "in", "query", "required", true, "schema", schema))
	}
	return out
}

func (w *writer) content(v any) *jsondoc.Object {
	return jsondoc.NewObject("application/json", jsondoc.NewObject("schema", w.schema(reflect.TypeOf(v))))
}

var (
	timeType = reflect.TypeFor[time.Time]()
	guidType = reflect.TypeFor[gatehouse.GUID]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

func (w *writer) schema(t reflect.Type) *jsondoc.Object {
	switch {
	case t == timeType:
		return text("date-time")
	case t == guidType:
		return text("uuid")
	case t == rawType:
		return jsondoc.NewObject()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.schema(t.Elem())
	case reflect.Slice:
		return jsondoc.NewObject("type", "array", "items", w.schema(t.Elem()))
	case reflect.Map:
		return jsondoc.NewObject("type", "object", "additionalProperties", w.schema(t.Elem()))
	case reflect.Struct:
		return w.named(t)
	case reflect.Bool:
		return jsondoc.NewObject("type", "boolean")
	case reflect.Int, reflect.Int64, reflect.Uint8:
		return jsondoc.NewObject("type", "integer")
	case reflect.String:
		return text("")
	}
	return jsondoc.NewObject() // any
}

// named refers to a struct's schema and writes it the first time; a struct may hold itself.
func (w *writer) named(t reflect.Type) *jsondoc.Object {
	name := t.Name()
	ref := jsondoc.NewObject("$ref", "#/components/schemas/"+name)
	if name == "" {
		return w.members(t)
	}
	if !w.schemas.Has(name) {
		w.schemas.Set(name, jsondoc.NewObject())
		w.schemas.Set(name, w.members(t))
	}
	return ref
}

func (w *writer) members(t reflect.Type) *jsondoc.Object {
	if t.Kind() == reflect.Pointer { // embedded by reference
		t = t.Elem()
	}
	properties, required := jsondoc.NewObject(), []jsondoc.Value{}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && tag == "":
			inner := w.members(f.Type)
			for name, v := range inner.Object("properties").All() {
				properties.Set(name, v)
			}
			required = append(required, inner.Array("required")...)
		case !f.IsExported() || tag == "-":
		default:
			name := cmp.Or(tag, f.Name)
			properties.Set(name, w.schema(f.Type))
			if !strings.Contains(options, "omit") {
				required = append(required, name)
			}
		}
	}
	out := jsondoc.NewObject("type", "object", "properties", properties)
	if len(required) > 0 {
		out.Set("required", required)
	}
	return out
}
