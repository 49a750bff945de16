package apidoc

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/jsondoc"
)

// builder makes one operation.
type builder struct {
	*reader
	op      Operation
	source  *jsondoc.Object
	pointer string
	prefix  string // of the names of inline schemas: path and method
}

// parameters sorts those of the path item and of the operation, which override them, by where they stand.
func (b *builder) parameters(item *jsondoc.Object) {
	var order []string
	found := map[string]*jsondoc.Object{}
	for _, list := range [][]jsondoc.Value{item.Array("parameters"), b.source.Array("parameters")} {
		for i, v := range list {
			if !b.spend(200) {
				return
			}
			p := b.deref(v, b.pointer+"/parameters/"+strconv.Itoa(i))
			if p == nil {
				continue
			}
			key := scalarText(p, "in") + " " + scalarText(p, "name")
			if scalarText(p, "name") == "" || scalarText(p, "in") == "" {
				b.fail(p, b.pointer+"/parameters/"+strconv.Itoa(i), "a parameter needs the members name and in")
				continue
			}
			if found[key] == nil {
				order = append(order, key)
			}
			found[key] = p
		}
	}
	var form []*jsondoc.Object
	for _, key := range order {
		p := found[key]
		switch scalarText(p, "in") {
		case "path":
			b.op.TemplateParameters = append(b.op.TemplateParameters, b.parameter(p, true))
		case "query":
			b.queryParameter(p)
		case "header":
			b.op.Request.Headers = append(b.op.Request.Headers, b.parameter(p, p.Bool("required")))
		case "body":
			b.body(p)
		case "formData":
			form = append(form, p)
		}
	}
	if len(form) > 0 {
		b.form(form)
	}
}

// queryParameter puts a required one into the template unless the request says otherwise.
func (b *builder) queryParameter(p *jsondoc.Object) {
	if !p.Bool("required") || b.QueryParameters {
		b.op.Request.QueryParameters = append(b.op.Request.QueryParameters, b.parameter(p, p.Bool("required")))
		return
	}
	name := scalarText(p, "name")
	separator := "?"
	if strings.Contains(b.op.URLTemplate, "?") {
		separator = "&"
	}
	b.op.URLTemplate += separator + name + "={" + name + "}"
	b.op.TemplateParameters = append(b.op.TemplateParameters, b.parameter(p, true))
}

// template wants each parameter of the URL template once, and every declared one in it. What the
// template names and nobody declares becomes a string, as all of them are on the wire.
func (b *builder) template() {
	if len(b.op.URLTemplate) > 1000 {
		b.fail(b.source, b.pointer, "the URL template has more than 1000 characters")
		return
	}
	inTemplate := map[string]bool{}
	for _, name := range placeholders(b.op.URLTemplate) {
		key := strings.ToLower(name)
		if inTemplate[key] {
			b.fail(b.source, b.pointer, "the parameter %q is there twice in %q; names of required path and query parameters have to differ", name, clip(b.op.URLTemplate, 200))
		}
		inTemplate[key] = true
		if !slices.ContainsFunc(b.op.TemplateParameters, func(p Parameter) bool { return strings.EqualFold(p.Name, name) }) {
			b.op.TemplateParameters = append(b.op.TemplateParameters, Parameter{Name: name, Type: "string", Required: true, Values: []string{}})
		}
	}
	for _, p := range b.op.TemplateParameters {
		if !inTemplate[strings.ToLower(p.Name)] {
			b.fail(b.source, b.pointer, "the path parameter %q is not part of %q", p.Name, clip(b.op.URLTemplate, 200))
		}
	}
}

// placeholders are the names in braces, without the star of a wildcard.
func placeholders(template string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(template, "{")
		if !ok {
			return names
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return names
		}
		names = append(names, strings.TrimPrefix(name, "*"))
		template = after
	}
}

// parameter reads one of OpenAPI 2, which holds its type itself, or 3, which has a schema.
func (b *builder) parameter(p *jsondoc.Object, required bool) Parameter {
	out := Parameter{Name: scalarText(p, "name"), Description: scalarText(p, "description"), Required: required, Values: []string{}, Type: "string"}
	shape := p
	if !b.v2 {
		out.Examples = b.examples(p)
		if v, ok := p.Get("schema"); ok {
			shape = b.shape(v)
			out.SchemaID, out.TypeName = b.parameterType(v, shape)
		} else {
			shape = nil
		}
	}
	b.spend(len(out.Description))
	if b.spend(16 * len(shape.Array("enum"))) {
		describe(&out, shape)
	}
	return out
}

// shape is a schema without its references; an empty one when that is no object, which JSON schema permits.
func (b *builder) shape(v jsondoc.Value) *jsondoc.Object {
	if _, isBool := v.(bool); isBool {
		return nil
	}
	return b.deref(v, b.pointer)
}

func describe(out *Parameter, shape *jsondoc.Object) {
	if t := typeOf(shape); t != "" {
		out.Type = t
	}
	if v, ok := shape.Get("default"); ok {
		if out.DefaultValue = plain(v); out.DefaultValue == "" && v != nil && v != "" {
			out.DefaultValue = string(jsondoc.Marshal(v))
		}
	}
	values := shape.Array("enum")
	if out.Type == "array" && len(values) == 0 {
		values = shape.Array("items.enum")
	}
	for _, v := range values {
		if s := plain(v); s != "" {
			out.Values = append(out.Values, s)
		}
	}
}

// typeOf is a schema's type; of several, the first that is not null.
func typeOf(shape *jsondoc.Object) string {
	v, _ := shape.Get("type")
	list, ok := v.([]jsondoc.Value)
	if !ok {
		return plain(v)
	}
	for _, t := range list {
		if t != "null" {
			return plain(t)
		}
	}
	return ""
}

// parameterType refers to the schema of a parameter when it says more than the parameter's own members can.
func (b *builder) parameterType(v jsondoc.Value, shape *jsondoc.Object) (id, name string) {
	if name := b.component(v); name != "" {
		return b.schema, name
	}
	for member := range shape.All() {
		switch member {
		case "type", "default", "enum", "description", "example", "title":
		default:
			return b.schema, b.inline(v, b.prefix+"Request")
		}
	}
	return "", ""
}

// component is the name of the schema that v refers to, "" when it is written in place.
func (b *builder) component(v jsondoc.Value) string {
	o, _ := v.(*jsondoc.Object)
	ref, _ := o.Get("$ref")
	s, _ := ref.(string)
	home := "#/components/schemas/"
	if b.v2 {
		home = "#/definitions/"
	}
	name, ok := strings.CutPrefix(s, home)
	if !ok || strings.Contains(name, "/") {
		return ""
	}
	return unescape(name)
}

// inline gives a schema that is written in place a name of its own among the others, and marks it as the service does.
func (b *builder) inline(v jsondoc.Value, name string) string {
	if o, ok := v.(*jsondoc.Object); ok {
		if known, ok := b.inlined[o]; ok {
			return known // several operations share what holds it
		}
		c := jsondoc.NewExact()
		for member, value := range o.All() {
			c.Set(member, value)
		}
		c.Set("x-apim-inline", true)
		free := b.free(name)
		b.inlined[o] = free
		b.shapes.Set(free, c)
		return free
	}
	free := b.free(name)
	b.shapes.Set(free, v)
	return free
}

func (b *builder) free(name string) string {
	free := name
	for b.shapes.Has(free) {
		b.counts[name]++
		free = name + "-" + strconv.Itoa(b.counts[name])
	}
	return free
}

// typed completes a representation with its schema.
func (b *builder) typed(out *Representation, v jsondoc.Value, name string) {
	if o, ok := v.(*jsondoc.Object); v == nil || ok && o.Len() == 0 {
		return // says nothing
	}
	out.SchemaID = b.schema
	if out.TypeName = b.component(v); out.TypeName == "" {
		out.TypeName = b.inline(v, name)
	}
}

func (b *builder) examples(o *jsondoc.Object) map[string]Example {
	if v, ok := o.Get("example"); ok {
		return b.example("default", v)
	}
	all := map[string]Example{}
	for name, v := range o.Object("examples").All() {
		e := b.deref(v, b.pointer)
		if e == nil {
			continue
		}
		out := Example{Summary: scalarText(e, "summary"), Description: scalarText(e, "description"), ExternalValue: scalarText(e, "externalValue")}
		if value, ok := e.Get("value"); ok {
			out.Value = raw(value)
			if !b.spend(len(out.Value)) {
				return nil
			}
		}
		all[name] = out
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func (b *builder) example(name string, v jsondoc.Value) map[string]Example {
	e := Example{Value: raw(v)}
	if !b.spend(len(e.Value)) {
		return nil
	}
	return map[string]Example{name: e}
}

// consumes and produces are lists of the operation, or else of the document.
func (b *builder) media(list, fallback string) []string {
	values := b.source.Array(list)
	if !b.source.Has(list) {
		values = b.root.Array(list)
	}
	var all []string
	seen := map[jsondoc.Value]bool{}
	for _, v := range values {
		if s, ok := v.(string); ok && !seen[s] && b.spend(100+len(s)) {
			seen[s] = true
			all = append(all, s)
		}
	}
	if len(all) == 0 && fallback != "" {
		all = []string{fallback}
	}
	return all
}

func bodiless(method string) bool { return method == "GET" || method == "HEAD" || method == "OPTIONS" }

// body is the body parameter of OpenAPI 2.
func (b *builder) body(p *jsondoc.Object) {
	if bodiless(b.op.Method) {
		return
	}
	b.op.Request.Description = scalarText(p, "description")
	for _, contentType := range b.media("consumes", "application/json") {
		r := Representation{ContentType: contentType}
		v, _ := p.Get("schema")
		b.typed(&r, v, b.prefix+"Request")
		b.op.Request.Representations = append(b.op.Request.Representations, r)
	}
}

// form makes the formData parameters of OpenAPI 2 a representation.
func (b *builder) form(all []*jsondoc.Object) {
	if bodiless(b.op.Method) {
		return
	}
	contentType := "application/x-www-form-urlencoded"
	var parameters []Parameter
	for _, p := range all {
		if scalarText(p, "type") == "file" {
			contentType = "multipart/form-data"
		}
		parameters = append(parameters, b.parameter(p, p.Bool("required")))
	}
	for _, given := range b.media("consumes", "") {
		if strings.Contains(given, "form") {
			contentType = given
			break
		}
	}
	b.op.Request.Representations = append(b.op.Request.Representations, Representation{ContentType: contentType, FormParameters: parameters})
}

// requestBody is the body of OpenAPI 3.
func (b *builder) requestBody() {
	v, ok := b.source.Get("requestBody")
	if !ok {
		return
	}
	body := b.deref(v, b.pointer+"/requestBody")
	b.op.Request.Description = scalarText(body, "description")
	b.op.Request.Representations = append(b.op.Request.Representations, b.contents(body, b.prefix, "Request", b.pointer+"/requestBody")...)
}

// contents are the media types of a body or response of OpenAPI 3.
func (b *builder) contents(of *jsondoc.Object, prefix, suffix, pointer string) []Representation {
	all := []Representation{}
	for contentType, v := range of.Object("content").All() {
		media := b.deref(v, pointer+"/content/"+escape(contentType))
		if media == nil || !b.spend(100) {
			continue
		}
		r := Representation{ContentType: contentType, Examples: b.examples(media)}
		schema, _ := media.Get("schema")
		if fields := b.fields(contentType, schema); fields != nil {
			r.FormParameters = fields
		} else {
			b.typed(&r, schema, prefix+pascal(contentType)+suffix)
		}
		all = append(all, r)
	}
	return all
}

// fields are the members of a form whose schema is written in place and says no more than form parameters can.
func (b *builder) fields(contentType string, schema jsondoc.Value) []Parameter {
	o, _ := schema.(*jsondoc.Object)
	if contentType != "application/x-www-form-urlencoded" && contentType != "multipart/form-data" || o.Object("properties") == nil {
		return nil
	}
	for name := range o.All() {
		if name != "type" && name != "properties" && name != "required" {
			return nil
		}
	}
	required := o.Array("required")
	var all []Parameter
	for name, v := range o.Object("properties").All() {
		if !b.spend(100) {
			return all
		}
		shape, _ := v.(*jsondoc.Object)
		for member := range shape.All() {
			if member != "type" && member != "description" && member != "default" && member != "enum" {
				return nil
			}
		}
		p := Parameter{Name: name, Description: scalarText(shape, "description"), Type: "string", Values: []string{}, Required: contains(required, name)}
		describe(&p, shape)
		all = append(all, p)
	}
	return all
}

func (b *builder) responses() {
	all := b.source.Object("responses")
	if all == nil {
		if b.v2 || b.source.Has("responses") {
			b.fail(b.source, b.pointer, "the member responses is missing or no object")
		}
		return
	}
	for status, v := range all.All() {
		if strings.HasPrefix(status, "x-") {
			continue
		}
		code, err := strconv.Atoi(status)
		if status == "default" && all.Len() == 1 {
			code, err = 200, nil // petstore's createUser came out so
		}
		if err != nil {
			if status != "default" && !(len(status) == 3 && strings.HasSuffix(strings.ToUpper(status), "XX")) {
				b.fail(all, b.pointer+"/responses/"+escape(status), "%q is no status code", clip(status, 100))
			}
			continue // ranges and further defaults have no place in an operation
		}
		if code < 100 || code > 599 {
			b.fail(all, b.pointer+"/responses/"+escape(status), "%d is no status code", code)
			continue
		}
		if !b.spend(100) {
			return
		}
		if response := b.deref(v, b.pointer+"/responses/"+status); response != nil {
			b.op.Responses = append(b.op.Responses, b.response(code, response, b.pointer+"/responses/"+status))
		}
	}
}

func (b *builder) response(code int, o *jsondoc.Object, pointer string) Response {
	out := Response{StatusCode: code, Description: scalarText(o, "description"), Representations: []Representation{}, Headers: []Parameter{}}
	for name, v := range o.Object("headers").All() {
		h := b.deref(v, pointer+"/headers/"+escape(name))
		if h == nil || strings.EqualFold(name, "Content-Type") || !b.spend(200) {
			continue
		}
		p := b.parameter(h, h.Bool("required"))
		p.Name = name
		out.Headers = append(out.Headers, p)
	}
	prefix := b.prefix + strconv.Itoa(code)
	if !b.v2 {
		out.Representations = b.contents(o, prefix, "Response", pointer)
		return out
	}
	schema, _ := o.Get("schema")
	examples := o.Object("examples")
	if s, ok := schema.(*jsondoc.Object); ok && scalarText(s, "type") == "file" {
		schema = nil
	}
	fallback := ""
	if schema != nil {
		fallback = "application/json"
	} else if code == 204 || code == 304 || code < 200 {
		return out // has no body to be of a type
	}
	for _, contentType := range b.media("produces", fallback) {
		r := Representation{ContentType: contentType}
		b.typed(&r, schema, prefix+pascal(contentType)+"Response")
		if v, ok := examples.Get(contentType); ok {
			r.Examples = b.example("default", v)
		}
		out.Representations = append(out.Representations, r)
	}
	return out
}
