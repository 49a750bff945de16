package apidoc

import (
	"strconv"
	"strings"
)

// wadl reads a WADL document of 2009 or 2006.
type wadl struct {
	Options
	names    names
	types    map[string]*element // by id: methods, params, representations, resource types
	schemaID string
	api      *API
	budget   int
}

func readWADL(b []byte, o Options) (*API, error) {
	b = utf8Text(b)
	root, err := parseXML(b)
	if err != nil {
		return nil, err
	}
	if root.Name.Local != "application" {
		return nil, fault(root.place(), "the document is no WADL: its root element is %s where <application> is expected", root.Name.Local)
	}
	w := &wadl{Options: o, types: map[string]*element{}, api: &API{}, budget: maxElements}
	w.index(root)
	w.api.DisplayName = clip(first(title(root), "WADL"), 300)
	w.api.Description = root.first("doc").words()
	w.grammars(root, b)
	resources := root.first("resources")
	if resources == nil {
		return nil, fault(root.place(), "the WADL has no <resources>")
	}
	w.api.ServiceURL = strings.TrimSuffix(resources.attr("base"), "/")
	for _, r := range resources.named("resource") {
		if err := w.resource(r, "", nil, 0); err != nil {
			return nil, err
		}
	}
	return w.api, nil
}

func title(e *element) string {
	if d := e.first("doc"); d != nil {
		return d.attr("title")
	}
	return ""
}

// index finds what other elements refer to with href="#id".
func (w *wadl) index(e *element) {
	if id := e.attr("id"); id != "" {
		w.types[id] = e
	}
	for _, c := range e.children {
		w.index(c)
	}
}

// target follows an href within the document.
func (w *wadl) target(e *element) (*element, error) {
	href := e.attr("href")
	if href == "" {
		return e, nil
	}
	id, local := strings.CutPrefix(href, "#")
	if found := w.types[id]; local && found != nil && found.attr("href") == "" {
		return found, nil
	}
	return nil, fault(e.place(), "the reference '%s' does not lead to an element of this document", clip(href, 200))
}

// grammars keeps what the document says of types, as it stands.
func (w *wadl) grammars(root *element, source []byte) {
	g := root.first("grammars")
	if g == nil || len(g.named("schema")) == 0 {
		return
	}
	w.schemaID = w.SchemaID(WADLGrammars)
	whole := &wsdl{source: source}
	w.api.Schemas = append(w.api.Schemas, Schema{ID: w.schemaID, ContentType: WADLGrammars, Document: text(whole.standalone(g))})
}

func (w *wadl) resource(e *element, path string, above []*element, depth int) error {
	if depth > maxDepth {
		return fault(e.place(), "resources lie more than %d levels deep", maxDepth)
	}
	path += "/" + strings.Trim(e.attr("path"), "/")
	path = strings.TrimSuffix(path, "/")
	params := append(above[:len(above):len(above)], e.named("param")...)
	methods := e.named("method")
	for _, id := range strings.Fields(e.attr("type")) {
		if t := w.types[strings.TrimPrefix(id, "#")]; t != nil {
			methods = append(methods, t.named("method")...)
		}
	}
	for _, m := range methods {
		if err := w.method(m, path, params); err != nil {
			return err
		}
	}
	for _, r := range e.named("resource") {
		if err := w.resource(r, path, params, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *wadl) method(given *element, path string, params []*element) error {
	m, err := w.target(given)
	if err != nil {
		return err
	}
	verb := strings.ToUpper(m.attr("name"))
	if verb == "" {
		return fault(m.place(), "a method needs the attribute name")
	}
	request := m.first("request")
	params = append(params[:len(params):len(params)], request.named("param")...)
	if w.budget -= 10 + len(params); w.budget < 0 {
		return fault(m.place(), "references make the document many times larger than it is")
	}
	b := &builder{reader: &reader{Options: w.Options}, source: nil, pointer: m.place()}
	b.op = Operation{Name: w.names.name(m.attr("id"), strings.ToLower(verb)+"-"+path), Method: verb, URLTemplate: first(path, "/"),
		DisplayName: clip(first(title(m), m.attr("id"), pascal(strings.ToLower(verb))+" - "+first(path, "/")), 300), Description: clip(m.first("doc").words(), 1000),
		TemplateParameters: []Parameter{}, Responses: []Response{},
		Request: &Request{QueryParameters: []Parameter{}, Headers: []Parameter{}, Representations: []Representation{}}}
	if err := w.params(b, params); err != nil {
		return err
	}
	b.template()
	if len(b.faults) > 0 {
		return b.faults[0]
	}
	if b.op.Request.Representations, err = w.representations(request); err != nil {
		return err
	}
	if err := w.responses(b, m); err != nil {
		return err
	}
	w.api.Operations = append(w.api.Operations, b.op)
	return nil
}

func (w *wadl) params(b *builder, all []*element) error {
	for _, given := range all {
		e, err := w.target(given)
		if err != nil {
			return err
		}
		p := w.param(e)
		switch e.attr("style") {
		case "template":
			p.Required = true
			b.op.TemplateParameters = append(b.op.TemplateParameters, p)
		case "header":
			b.op.Request.Headers = append(b.op.Request.Headers, p)
		case "query":
			if !p.Required || w.QueryParameters {
				b.op.Request.QueryParameters = append(b.op.Request.QueryParameters, p)
				continue
			}
			separator := "?"
			if strings.Contains(b.op.URLTemplate, "?") {
				separator = "&"
			}
			b.op.URLTemplate += separator + p.Name + "={" + p.Name + "}"
			b.op.TemplateParameters = append(b.op.TemplateParameters, p)
		}
	}
	return nil
}

func (w *wadl) param(e *element) Parameter {
	kind := e.resolve(e.attr("type")).Local
	p := Parameter{Name: e.attr("name"), Description: e.first("doc").words(), Type: first(kind, "string"), DefaultValue: e.attr("default"),
		Required: e.attr("required") == "true", Values: []string{}}
	for _, o := range e.named("option") {
		p.Values = append(p.Values, o.attr("value"))
	}
	return p
}

func (w *wadl) representations(of *element) ([]Representation, error) {
	all := []Representation{}
	for _, given := range of.named("representation") {
		e, err := w.target(given)
		if err != nil {
			return nil, err
		}
		if e.attr("mediaType") == "" {
			continue
		}
		r := Representation{ContentType: e.attr("mediaType")}
		if name := e.attr("element"); name != "" && w.schemaID != "" {
			r.SchemaID, r.TypeName = w.schemaID, e.resolve(name).Local
		}
		for _, p := range e.named("param") {
			r.FormParameters = append(r.FormParameters, w.param(p))
		}
		all = append(all, r)
	}
	return all, nil
}

func (w *wadl) responses(b *builder, m *element) error {
	for _, e := range m.named("response") {
		for _, status := range strings.Fields(first(e.attr("status"), "200")) {
			code, err := strconv.Atoi(status)
			if err != nil || code < 100 || code > 599 {
				return fault(e.place(), "'%s' is no status code", clip(status, 100))
			}
			if w.budget -= 10; w.budget < 0 {
				return fault(m.place(), "references make the document many times larger than it is")
			}
			representations, err := w.representations(e)
			if err != nil {
				return err
			}
			out := Response{StatusCode: code, Description: e.first("doc").words(), Representations: representations, Headers: []Parameter{}}
			for _, p := range e.named("param") {
				if p.attr("style") == "header" {
					out.Headers = append(out.Headers, w.param(p))
				}
			}
			b.op.Responses = append(b.op.Responses, out)
		}
	}
	return nil
}
