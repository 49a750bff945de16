package apidoc

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// printer writes XML with one element a line.
type printer struct {
	strings.Builder
	open []string
}

func (p *printer) indent() { p.WriteString(strings.Repeat("  ", len(p.open))) }

// start opens an element; attributes alternate names and values, and empty values are left out.
func (p *printer) start(name string, attributes ...string) {
	p.tag(name, ">", attributes)
	p.open = append(p.open, name)
}

func (p *printer) empty(name string, attributes ...string) { p.tag(name, " />", attributes) }

func (p *printer) tag(name, end string, attributes []string) {
	p.indent()
	p.WriteString("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		if attributes[i+1] != "" {
			p.WriteString(" " + attributes[i] + `="` + attribute(attributes[i+1]) + `"`)
		}
	}
	p.WriteString(end + "\n")
}

func (p *printer) end() {
	name := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	p.indent()
	p.WriteString("</" + name + ">\n")
}

// doc writes an element of text, unless there is none.
func (p *printer) doc(name, text string, attributes ...string) {
	if text == "" && (len(attributes) < 2 || attributes[1] == "") {
		return
	}
	p.indent()
	p.WriteString("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		p.WriteString(" " + attributes[i] + `="` + attribute(attributes[i+1]) + `"`)
	}
	p.WriteString(">" + attribute(text) + "</" + name + ">\n")
}

var xmlDeclaration = regexp.MustCompile(`^\s*<\?xml[^>]*\?>\s*`)

// schemaText is a schema that is text, without the declaration that only the start of a document may have.
func schemaText(s Schema) string {
	var text string
	if json.Unmarshal(s.Document, &text) != nil {
		return ""
	}
	return xmlDeclaration.ReplaceAllString(strings.TrimPrefix(text, "\ufeff"), "")
}

func writeWADL(e *Exported) ([]byte, error) {
	p := &printer{}
	p.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	p.start("application", "xmlns", "http://wadl.dev.java.net/2009/02", "xmlns:xs", schemaSpace)
	p.doc("doc", e.Description, "title", e.DisplayName)
	for _, s := range e.Schemas {
		if s.ContentType == WADLGrammars {
			p.WriteString(schemaText(s) + "\n")
		}
	}
	p.start("resources", "base", e.Server)
	for i := range e.Operations {
		wadlOperation(p, &e.Operations[i])
	}
	p.end()
	p.end()
	return []byte(p.String()), nil
}

func wadlOperation(p *printer, o *Operation) {
	path, query, _ := strings.Cut(o.URLTemplate, "?")
	names, regular := queryNames(query)
	if !regular {
		path, names = o.URLTemplate, nil
	}
	inQuery := map[string]bool{}
	for _, name := range names {
		inQuery[name] = true
	}
	p.start("resource", "path", strings.ReplaceAll(path, "{*", "{"))
	for _, t := range o.TemplateParameters {
		if !inQuery[t.Name] {
			wadlParam(p, t, "template")
		}
	}
	p.start("method", "name", o.Method, "id", o.Name)
	p.doc("doc", o.Description, "title", o.DisplayName)
	p.start("request")
	for _, t := range o.TemplateParameters {
		if inQuery[t.Name] {
			t.Required = true
			wadlParam(p, t, "query")
		}
	}
	if r := o.Request; r != nil {
		for _, q := range r.QueryParameters {
			wadlParam(p, q, "query")
		}
		for _, h := range r.Headers {
			wadlParam(p, h, "header")
		}
		wadlRepresentations(p, r.Representations)
	}
	p.end()
	for _, r := range o.Responses {
		p.start("response", "status", strconv.Itoa(r.StatusCode))
		p.doc("doc", r.Description)
		for _, h := range r.Headers {
			wadlParam(p, h, "header")
		}
		wadlRepresentations(p, r.Representations)
		p.end()
	}
	p.end()
	p.end()
}

func wadlParam(p *printer, q Parameter, style string) {
	required := ""
	if q.Required {
		required = "true"
	}
	p.start("param", "name", q.Name, "style", style, "type", "xs:"+first(q.Type, "string"), "required", required, "default", q.DefaultValue)
	p.doc("doc", q.Description)
	for _, v := range q.Values {
		p.empty("option", "value", v)
	}
	p.end()
}

func wadlRepresentations(p *printer, all []Representation) {
	for _, r := range all {
		p.start("representation", "mediaType", r.ContentType, "element", r.TypeName)
		for _, f := range r.FormParameters {
			wadlParam(p, f, "query")
		}
		p.end()
	}
}

// writeWSDL describes an API of SOAP operations: those whose templates name an action.
func writeWSDL(e *Exported) ([]byte, error) {
	s := &soapWriter{Exported: e, spaces: map[string]string{}}
	contentType := ""
	for i := range e.Operations {
		o := &e.Operations[i]
		_, action, ok := strings.Cut(o.URLTemplate, "soapAction=")
		if !ok {
			continue
		}
		s.names = append(s.names, s.used.unique(xmlName(o.DisplayName)))
		s.actions = append(s.actions, strings.NewReplacer("%7B", "{", "%7D", "}", "%20", " ").Replace(action))
		s.operations = append(s.operations, o)
		if o.Request != nil && len(o.Request.Representations) > 0 && contentType == "" {
			contentType = o.Request.Representations[0].ContentType
		}
	}
	if len(s.operations) == 0 {
		return nil, fault("", "the API has no SOAP operations; export it as openapi-link, swagger-link or wadl-link")
	}
	s.soap12 = strings.Contains(contentType, "soap+xml")
	return s.write()
}

// soapWriter writes a WSDL 1.1 document.
type soapWriter struct {
	*Exported
	operations     []*Operation
	names, actions []string
	used           names
	spaces         map[string]string // target namespace by schema
	target         string
	soap12         bool
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

func xmlName(s string) string {
	s = notInName.ReplaceAllString(s, "")
	if s == "" || s[0] < 'A' {
		s = "_" + s
	}
	return s
}

func (s *soapWriter) write() ([]byte, error) {
	for _, schema := range s.Schemas {
		if schema.ContentType != XSD {
			continue
		}
		root, err := parseXML([]byte(schemaText(schema)))
		if err != nil {
			return nil, err
		}
		s.spaces[schema.ID] = root.attr("targetNamespace")
		s.target = first(s.target, s.spaces[schema.ID])
	}
	s.target = first(s.target, "http://tempuri.org/")
	p := &printer{}
	soap := soap11Space
	if s.soap12 {
		soap = soap12Space
	}
	service := xmlName(s.DisplayName)
	p.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	p.start("wsdl:definitions", "name", service, "targetNamespace", s.target, "xmlns:tns", s.target, "xmlns:wsdl", wsdlSpace, "xmlns:soap", soap)
	p.start("wsdl:types")
	for _, schema := range s.Schemas {
		if schema.ContentType == XSD {
			p.WriteString(schemaText(schema) + "\n")
		}
	}
	p.end()
	s.messages(p)
	p.start("wsdl:portType", "name", service+"PortType")
	for i, o := range s.operations {
		p.start("wsdl:operation", "name", s.names[i])
		p.doc("wsdl:documentation", o.Description)
		p.empty("wsdl:input", "message", "tns:"+s.message(i, false))
		if s.answers(i) {
			p.empty("wsdl:output", "message", "tns:"+s.message(i, true))
		}
		p.end()
	}
	p.end()
	s.binding(p, service)
	p.end()
	return []byte(p.String()), nil
}

func (s *soapWriter) answers(i int) bool {
	return len(s.operations[i].Responses) > 0 && len(s.operations[i].Responses[0].Representations) > 0
}

// message is the name of an operation's message: the one that the import noted, or one of our own.
func (s *soapWriter) message(i int, out bool) string {
	o, suffix, noted := s.operations[i], "In", ""
	if out {
		suffix, noted = "Out", o.Responses[0].Description
	} else if o.Request != nil {
		noted = o.Request.Description
	}
	if noted != "" && xmlName(noted) == noted {
		return noted
	}
	return s.names[i] + suffix
}

func (s *soapWriter) messages(p *printer) {
	written := map[string]bool{}
	one := func(name string, all []Representation) {
		if written[name] {
			return
		}
		written[name] = true
		p.start("wsdl:message", "name", name)
		if len(all) > 0 && all[0].TypeName != "" {
			space := first(s.spaces[all[0].SchemaID], s.target)
			p.empty("wsdl:part", "xmlns:q", space, "name", "parameters", "element", "q:"+all[0].TypeName)
		}
		p.end()
	}
	for i, o := range s.operations {
		var all []Representation
		if o.Request != nil {
			all = o.Request.Representations
		}
		one(s.message(i, false), all)
		if s.answers(i) {
			one(s.message(i, true), o.Responses[0].Representations)
		}
	}
}

func (s *soapWriter) binding(p *printer, service string) {
	p.start("wsdl:binding", "name", service+"Soap", "type", "tns:"+service+"PortType")
	p.empty("soap:binding", "transport", "http://schemas.xmlsoap.org/soap/http")
	for i := range s.operations {
		p.start("wsdl:operation", "name", s.names[i])
		p.empty("soap:operation", "soapAction", s.actions[i], "style", "document")
		p.start("wsdl:input")
		p.empty("soap:body", "use", "literal")
		p.end()
		if s.answers(i) {
			p.start("wsdl:output")
			p.empty("soap:body", "use", "literal")
			p.end()
		}
		p.end()
	}
	p.end()
	p.start("wsdl:service", "name", service)
	p.doc("wsdl:documentation", s.Description)
	p.start("wsdl:port", "name", service+"Soap", "binding", "tns:"+service+"Soap")
	p.empty("soap:address", "location", s.Server)
	p.end()
	p.end()
}
