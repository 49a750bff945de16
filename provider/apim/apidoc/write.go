package apidoc

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/jsondoc"
)

// writer makes an OpenAPI document of an API.
type writer struct {
	*Exported
	v2 bool
}

func (w *writer) document() (*jsondoc.Object, error) {
	o := jsondoc.NewExact()
	if w.v2 {
		o.Set("swagger", "2.0")
	} else {
		o.Set("openapi", "3.0.1")
	}
	o.Set("info", w.info())
	w.server(o)
	paths, others := w.paths()
	o.Set("paths", paths)
	if others.Len() > 0 {
		o.Set("x-ms-paths", others)
	}
	shapes, err := w.shapes()
	if err != nil {
		return nil, err
	}
	w.components(o, shapes)
	if len(w.Tags) > 0 {
		var tags []jsondoc.Value
		for _, t := range w.Tags {
			tag := exact("name", t.Name)
			setText(tag, "description", t.Description)
			tags = append(tags, tag)
		}
		o.Set("tags", tags)
	}
	return o, nil
}

func exact(pairs ...any) *jsondoc.Object {
	o := jsondoc.NewExact()
	for i := 0; i+1 < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func setText(o *jsondoc.Object, name, value string) {
	if value != "" {
		o.Set(name, value)
	}
}

func (w *writer) info() *jsondoc.Object {
	info := exact("title", w.DisplayName)
	setText(info, "description", w.Description)
	setText(info, "termsOfService", w.TermsOfService)
	for _, each := range []struct {
		name    string
		members map[string]string
	}{{"contact", w.Contact}, {"license", w.License}} {
		if len(each.members) == 0 {
			continue
		}
		o := exact()
		for _, name := range []string{"name", "url", "email"} {
			setText(o, name, each.members[name])
		}
		info.Set(each.name, o)
	}
	info.Set("version", first(w.Version, "1.0"))
	return info
}

func (w *writer) server(o *jsondoc.Object) {
	if !w.v2 {
		o.Set("servers", []jsondoc.Value{exact("url", w.Server)})
		return
	}
	scheme, rest, _ := strings.Cut(w.Server, "://")
	host, base, _ := strings.Cut(rest, "/")
	setText(o, "host", host)
	o.Set("basePath", "/"+base)
	o.Set("schemes", []jsondoc.Value{first(scheme, "https")})
}

// components are the schemas, and how callers show their subscription key.
func (w *writer) components(o, shapes *jsondoc.Object) {
	keys, uses := exact(), []jsondoc.Value{}
	for _, each := range [][3]string{{"apiKeyHeader", w.KeyHeader, "header"}, {"apiKeyQuery", w.KeyQuery, "query"}} {
		if each[1] != "" {
			keys.Set(each[0], exact("type", "apiKey", "name", each[1], "in", each[2]))
			uses = append(uses, exact(each[0], []jsondoc.Value{}))
		}
	}
	if w.v2 {
		if shapes.Len() > 0 {
			o.Set("definitions", shapes)
		}
		if keys.Len() > 0 {
			o.Set("securityDefinitions", keys)
		}
	} else if shapes.Len()+keys.Len() > 0 {
		c := exact()
		if shapes.Len() > 0 {
			c.Set("schemas", shapes)
		}
		if keys.Len() > 0 {
			c.Set("securitySchemes", keys)
		}
		o.Set("components", c)
	}
	if len(uses) > 0 {
		o.Set("security", uses)
	}
}

// shapes joins the JSON schemas of the API, with references as this version writes them.
func (w *writer) shapes() (*jsondoc.Object, error) {
	all := jsondoc.NewExact()
	for _, s := range w.Schemas {
		if s.ContentType != SwaggerDefinitions && s.ContentType != OpenAPIComponents {
			continue
		}
		v, err := ParseJSON(s.Document)
		if err != nil {
			return nil, err
		}
		o, _ := v.(*jsondoc.Object)
		if s.ContentType == OpenAPIComponents {
			o = o.Object("schemas")
		}
		for name, shape := range o.All() {
			if !all.Has(name) {
				all.Set(name, w.rewritten(shape))
			}
		}
	}
	return all, nil
}

const (
	homeOf2 = "#/definitions/"
	homeOf3 = "#/components/schemas/"
)

// rewritten is a schema with its references led to where this version keeps schemas.
func (w *writer) rewritten(v jsondoc.Value) jsondoc.Value {
	switch v := v.(type) {
	case *jsondoc.Object:
		for name, inner := range v.All() {
			if s, ok := inner.(string); ok && name == "$ref" {
				if name, ok := strings.CutPrefix(s, homeOf2); ok && !w.v2 {
					v.Set("$ref", homeOf3+name)
				} else if name, ok := strings.CutPrefix(s, homeOf3); ok && w.v2 {
					v.Set("$ref", homeOf2+name)
				}
				continue
			}
			w.rewritten(inner)
		}
	case []jsondoc.Value:
		for _, inner := range v {
			w.rewritten(inner)
		}
	}
	return v
}

func (w *writer) ref(typeName string) *jsondoc.Object {
	home := homeOf3
	if w.v2 {
		home = homeOf2
	}
	return exact("$ref", home+escape(typeName))
}

// paths puts each operation under its path. What OpenAPI cannot tell apart, or would not read as
// the same template again, goes under x-ms-paths with its query.
func (w *writer) paths() (paths, others *jsondoc.Object) {
	paths, others = jsondoc.NewExact(), jsondoc.NewExact()
	for i := range w.Operations {
		o := &w.Operations[i]
		path, query, _ := strings.Cut(o.URLTemplate, "?")
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		path = strings.ReplaceAll(path, "{*", "{")
		method := strings.ToLower(o.Method)
		names, regular := queryNames(query)
		item, _ := paths.Get(path)
		under := paths
		if at, ok := item.(*jsondoc.Object); !regular || ok && at.Has(method) || !strings.Contains(methods, " "+method+" ") {
			under, names, path = others, nil, strings.TrimSuffix(path+"?"+query, "?")
			item, _ = others.Get(path)
		}
		at, _ := item.(*jsondoc.Object)
		if at == nil {
			at = jsondoc.NewExact()
			under.Set(path, at)
		}
		at.Set(method, w.operation(o, names))
	}
	return paths, others
}

// queryNames are the parameters of a query such as a={a}&b={b}; regular is false for any other one.
func queryNames(query string) (names []string, regular bool) {
	if query == "" {
		return nil, true
	}
	for _, part := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if value != "{"+name+"}" || name == "" {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

func (w *writer) operation(o *Operation, query []string) *jsondoc.Object {
	out := jsondoc.NewExact()
	if len(o.Tags) > 0 {
		tags := make([]jsondoc.Value, len(o.Tags))
		for i, t := range o.Tags {
			tags[i] = t
		}
		out.Set("tags", tags)
	}
	setText(out, "summary", o.DisplayName)
	setText(out, "description", o.Description)
	out.Set("operationId", o.Name)
	parameters := []jsondoc.Value{}
	for _, p := range o.TemplateParameters {
		in := "path"
		if slices.Contains(query, p.Name) {
			in = "query"
		}
		p.Required = true
		parameters = append(parameters, w.parameter(p, in))
	}
	if r := o.Request; r != nil {
		for _, p := range r.QueryParameters {
			parameters = append(parameters, w.parameter(p, "query"))
		}
		for _, p := range r.Headers {
			parameters = append(parameters, w.parameter(p, "header"))
		}
		if w.v2 {
			parameters = append(parameters, w.bodyParameters(out, r)...)
		}
	}
	if len(parameters) > 0 {
		out.Set("parameters", parameters)
	}
	if r := o.Request; !w.v2 && r != nil && (r.Description != "" || len(r.Representations) > 0) {
		body := exact()
		setText(body, "description", r.Description)
		body.Set("content", w.content(r.Representations))
		out.Set("requestBody", body)
	}
	if w.v2 {
		w.produces(out, o.Responses)
	}
	responses := jsondoc.NewExact()
	for _, r := range o.Responses {
		responses.Set(strconv.Itoa(r.StatusCode), w.response(r))
	}
	if responses.Len() == 0 {
		responses.Set("default", exact("description", "")) // there has to be one; beside another member it is read as none
		responses.Set("x-gatehouse-none", true)
	}
	out.Set("responses", responses)
	return out
}

func (w *writer) parameter(p Parameter, in string) *jsondoc.Object {
	out := exact("name", p.Name, "in", in)
	setText(out, "description", p.Description)
	if p.Required {
		out.Set("required", true)
	}
	w.shapeOf(out, p)
	return out
}

// shapeOf says what a parameter may be: in itself, or in the schema that it refers to.
func (w *writer) shapeOf(out *jsondoc.Object, p Parameter) {
	if w.v2 {
		plainShape(out, p)
		return
	}
	if p.TypeName != "" {
		out.Set("schema", w.ref(p.TypeName))
	} else {
		s := exact()
		plainShape(s, p)
		out.Set("schema", s)
	}
	w.setExamples(out, p.Examples)
}

func plainShape(out *jsondoc.Object, p Parameter) {
	out.Set("type", first(p.Type, "string"))
	var values []jsondoc.Value
	for _, v := range p.Values {
		values = append(values, literal(v, p.Type))
	}
	switch {
	case p.Type == "array" && len(values) > 0:
		out.Set("items", exact("type", "string", "enum", values))
	case p.Type == "array":
		out.Set("items", exact("type", "string"))
	case len(values) > 0:
		out.Set("enum", values)
	}
	if p.DefaultValue != "" {
		out.Set("default", literal(p.DefaultValue, p.Type))
	}
}

// literal reads the text of a value as its type has it.
func literal(s, kind string) jsondoc.Value {
	switch kind {
	case "integer", "number", "boolean", "array", "object":
		if v, err := jsondoc.Parse([]byte(s), jsondoc.Options{Exact: true}); err == nil && v != nil {
			if _, isText := v.(string); !isText {
				return v
			}
		}
	}
	return s
}

func (w *writer) setExamples(out *jsondoc.Object, all map[string]Example) {
	if len(all) == 0 {
		return
	}
	if e, ok := all["default"]; ok && len(all) == 1 && e.Summary == "" && e.Description == "" && len(e.Value) > 0 {
		out.Set("example", value(e.Value))
		return
	}
	list := jsondoc.NewExact()
	for _, name := range sortedKeys(all) {
		e := all[name]
		o := exact()
		setText(o, "summary", e.Summary)
		setText(o, "description", e.Description)
		if len(e.Value) > 0 {
			o.Set("value", value(e.Value))
		}
		setText(o, "externalValue", e.ExternalValue)
		list.Set(name, o)
	}
	out.Set("examples", list)
}

// value reads JSON of our own making.
func value(raw []byte) jsondoc.Value {
	v, err := jsondoc.Parse(raw, jsondoc.Options{Exact: true, MaxBytes: len(raw) + 1})
	if err != nil {
		return nil
	}
	return v
}

// content are the representations of a body or response of OpenAPI 3.
func (w *writer) content(all []Representation) *jsondoc.Object {
	out := jsondoc.NewExact()
	for _, r := range all {
		media := exact()
		switch {
		case len(r.FormParameters) > 0:
			media.Set("schema", formShape(r.FormParameters))
		case r.TypeName != "":
			media.Set("schema", w.ref(r.TypeName))
		}
		w.setExamples(media, r.Examples)
		out.Set(r.ContentType, media)
	}
	return out
}

func formShape(all []Parameter) *jsondoc.Object {
	properties, required := jsondoc.NewExact(), []jsondoc.Value{}
	for _, p := range all {
		o := exact()
		setText(o, "description", p.Description)
		plainShape(o, p)
		properties.Set(p.Name, o)
		if p.Required {
			required = append(required, p.Name)
		}
	}
	out := exact("type", "object", "properties", properties)
	if len(required) > 0 {
		out.Set("required", required)
	}
	return out
}

func (w *writer) response(r Response) *jsondoc.Object {
	out := exact("description", r.Description)
	if len(r.Headers) > 0 {
		headers := jsondoc.NewExact()
		for _, h := range r.Headers {
			o := exact()
			setText(o, "description", h.Description)
			if h.Required && !w.v2 {
				o.Set("required", true)
			}
			w.shapeOf(o, h)
			headers.Set(h.Name, o)
		}
		out.Set("headers", headers)
	}
	if !w.v2 {
		if len(r.Representations) > 0 {
			out.Set("content", w.content(r.Representations))
		}
		return out
	}
	examples := jsondoc.NewExact()
	for _, rep := range r.Representations {
		if rep.TypeName != "" && !out.Has("schema") {
			out.Set("schema", w.ref(rep.TypeName))
		}
		if e, ok := rep.Examples["default"]; ok && len(e.Value) > 0 {
			examples.Set(rep.ContentType, value(e.Value))
		}
	}
	if examples.Len() > 0 {
		out.Set("examples", examples)
	}
	return out
}

// produces lists the content types of all responses, which OpenAPI 2 does not tell apart. JSON
// of the typed ones alone goes without saying.
func (w *writer) produces(out *jsondoc.Object, all []Response) {
	var list []jsondoc.Value
	onlyTyped := true
	for _, r := range all {
		for _, rep := range r.Representations {
			if !contains(list, rep.ContentType) {
				list = append(list, rep.ContentType)
			}
			onlyTyped = onlyTyped && rep.TypeName != "" && rep.ContentType == "application/json"
		}
	}
	if len(list) > 0 && !onlyTyped {
		out.Set("produces", list)
	}
}

// bodyParameters are the body or the form of OpenAPI 2.
func (w *writer) bodyParameters(out *jsondoc.Object, r *Request) []jsondoc.Value {
	var consumes, form []jsondoc.Value
	var body *jsondoc.Object
	for _, rep := range r.Representations {
		consumes = append(consumes, rep.ContentType)
		if len(rep.FormParameters) > 0 {
			for _, p := range rep.FormParameters {
				form = append(form, w.parameter(p, "formData"))
			}
			continue
		}
		if body == nil {
			body = exact("name", "body", "in", "body", "schema", exact())
			setText(body, "description", r.Description)
		}
		if schema := body.Object("schema"); rep.TypeName != "" && schema.Len() == 0 {
			body.Set("schema", w.ref(rep.TypeName))
		}
	}
	if len(consumes) > 0 {
		out.Set("consumes", consumes)
	}
	if len(form) > 0 {
		return form
	}
	if body == nil {
		return nil
	}
	return []jsondoc.Value{body}
}
