package apidoc

import (
	"encoding/xml"
	"strconv"
	"strings"
)

const (
	wsdlSpace   = "http://schemas.xmlsoap.org/wsdl/"
	soap11Space = "http://schemas.xmlsoap.org/wsdl/soap/"
	soap12Space = "http://schemas.xmlsoap.org/wsdl/soap12/"
	schemaSpace = "http://www.w3.org/2001/XMLSchema"
)

// wsdl is a WSDL 1.1 document with its parts by name.
type wsdl struct {
	Options
	root     *element
	source   []byte
	bindings map[string]*element
	types    map[string]*element
	messages map[string]*element
	schemas  []schemaPart
	names    names
	spent    int // bytes of schemas, with what they inherit
	api      *API
}

// schemaPart is a <schema> of the document's types, and the elements that it declares.
type schemaPart struct {
	id, space string
	elements  map[string]*element
}

func readWSDL(b []byte, o Options) (*API, error) {
	b = utf8Text(b)
	root, err := parseXML(b)
	if err != nil {
		return nil, err
	}
	if root.Name.Space != wsdlSpace || root.Name.Local != "definitions" {
		return nil, fault(root.place(), "the document is no WSDL 1.1: its root element is %s", root.Name.Local)
	}
	if i := root.first("import"); i != nil {
		return nil, fault(i.place(), "import is not supported; merge the documents into one")
	}
	w := &wsdl{Options: o, root: root, source: b, api: &API{}, bindings: byName(root, "binding"), types: byName(root, "portType"), messages: byName(root, "message")}
	if err := w.readTypes(); err != nil {
		return nil, err
	}
	service, port, binding, err := w.selected()
	if err != nil {
		return nil, err
	}
	w.api.DisplayName = clip(first(service.attr("name"), root.attr("name"), "SOAP"), 300)
	w.api.Description = service.first("documentation").words()
	w.api.ServiceURL = port.first("address").attrOf("location")
	if o.SOAP {
		w.api.Type = "soap"
	}
	return w.api, w.operations(binding)
}

func (e *element) attrOf(name string) string {
	if e == nil {
		return ""
	}
	return e.attr(name)
}

func byName(root *element, kind string) map[string]*element {
	all := map[string]*element{}
	for _, e := range root.named(kind) {
		all[e.attr("name")] = e
	}
	return all
}

// readTypes keeps each embedded schema as one of the API, with the prefixes that it inherits.
func (w *wsdl) readTypes() error {
	contents := w.root.first("types").named("schema")
	for i, e := range contents {
		for _, kind := range []string{"import", "include", "redefine"} {
			for _, leads := range e.named(kind) {
				if leads.attr("schemaLocation") != "" {
					return fault(leads.place(), "%s of another document (%s) is not supported; merge the documents into one", kind, clip(leads.attr("schemaLocation"), 200))
				}
			}
		}
		part := schemaPart{id: w.SchemaID(XSD), space: e.attr("targetNamespace"), elements: byName(e, "element")}
		if i > 0 {
			part.id += "-" + strconv.Itoa(i+1)
		}
		source := w.standalone(e)
		if w.spent += len(source); w.spent > 2*MaxBytes {
			return fault(e.place(), "namespaces that every schema inherits make the document many times larger than it is")
		}
		w.schemas = append(w.schemas, part)
		w.api.Schemas = append(w.api.Schemas, Schema{ID: part.id, ContentType: XSD, Document: text(source)})
	}
	return nil
}

// standalone is the source of an element with the namespaces that it takes from above declared on it.
func (w *wsdl) standalone(e *element) string {
	source := string(w.source[e.from:e.to])
	own := map[string]bool{}
	if e.scope != nil {
		for _, a := range e.Attr {
			if a.Name.Space == "xmlns" {
				own[a.Name.Local] = true
			} else if a.Name.Local == "xmlns" {
				own[""] = true
			}
		}
	}
	var declared strings.Builder
	for s := e.scope; s != nil; s = s.above {
		for _, prefix := range s.sorted() {
			if own[prefix] {
				continue
			}
			own[prefix] = true
			declared.WriteString(" xmlns")
			if prefix != "" {
				declared.WriteString(":" + prefix)
			}
			declared.WriteString(`="`)
			xml.EscapeText(&declared, []byte(s.names[prefix]))
			declared.WriteString(`"`)
		}
	}
	end := strings.IndexAny(source, " \t\r\n/>")
	if end < 0 {
		return source
	}
	return source[:end] + declared.String() + source[end:]
}

// selected finds the service and port of the request's selector, or the first that speak SOAP.
func (w *wsdl) selected() (service, port, binding *element, err error) {
	for _, s := range w.root.named("service") {
		if w.Service != "" && s.attr("name") != w.Service {
			continue
		}
		for _, p := range s.named("port") {
			if w.Endpoint != "" && p.attr("name") != w.Endpoint {
				continue
			}
			b := w.bindings[p.resolve(p.attr("binding")).Local]
			if soap := b.first("binding"); soap != nil && (soap.Name.Space == soap11Space || soap.Name.Space == soap12Space) {
				return s, p, b, nil
			}
		}
	}
	if w.Service != "" || w.Endpoint != "" {
		return nil, nil, nil, fault(w.root.place(), "the WSDL has no SOAP endpoint '%s' of a service '%s'", w.Endpoint, w.Service)
	}
	return nil, nil, nil, fault(w.root.place(), "the WSDL has no service with a SOAP endpoint")
}

func (w *wsdl) operations(binding *element) error {
	portType := w.types[binding.resolve(binding.attr("type")).Local]
	abstract := byName(portType, "operation")
	contentType := "text/xml"
	if binding.first("binding").Name.Space == soap12Space {
		contentType = "application/soap+xml"
	}
	for _, o := range binding.named("operation") {
		name := o.attr("name")
		declared := abstract[name]
		if name == "" || declared == nil {
			return fault(o.place(), "the operation '%s' of the binding is not one of its port type", clip(name, 100))
		}
		action := first(o.first("operation").attrOf("soapAction"), name)
		in, out := w.message(declared.first("input")), w.message(declared.first("output"))
		op := Operation{Name: w.names.name(name, name), DisplayName: clip(name, 300), Method: "POST", Description: clip(declared.first("documentation").words(), 1000),
			TemplateParameters: []Parameter{}, Request: &Request{QueryParameters: []Parameter{}, Headers: []Parameter{}, Representations: []Representation{}}}
		response := Response{StatusCode: 200, Representations: []Representation{}, Headers: []Parameter{}}
		if w.SOAP {
			op.URLTemplate = "/?soapAction=" + strings.NewReplacer("{", "%7B", "}", "%7D", " ", "%20").Replace(action)
			op.Request.Description, response.Description = in.name, out.name
			op.Request.Representations = append(op.Request.Representations, in.representation(contentType))
			if declared.first("output") != nil {
				response.Representations = append(response.Representations, out.representation(contentType))
			}
		} else {
			op.URLTemplate = "/" + name
			op.Request.Representations = append(op.Request.Representations, Representation{ContentType: "application/json"})
			response.Representations = append(response.Representations, Representation{ContentType: "application/json"})
			op.Policy = restPolicy(contentType, w.api.ServiceURL, action, in, out)
		}
		if len(op.URLTemplate) > 1000 {
			return fault(o.place(), "the URL template has more than 1000 characters")
		}
		op.Responses = []Response{response}
		w.api.Operations = append(w.api.Operations, op)
	}
	return nil
}

// message is what an input or output of an operation holds.
type message struct {
	name     string // of the message
	element  xml.Name
	schemaID string
	fields   []field
}

// field is an element of a message; a plain one is a number or truth value, which JSON writes without quotes.
type field struct {
	name  string
	plain bool
}

const plainTypes = " int integer long short byte decimal float double boolean unsignedInt unsignedLong unsignedShort unsignedByte positiveInteger nonNegativeInteger "

func (w *wsdl) message(e *element) message {
	if e == nil {
		return message{}
	}
	m := message{name: e.resolve(e.attr("message")).Local}
	for _, part := range w.messages[m.name].named("part") {
		if part.attr("element") == "" {
			continue
		}
		m.element = part.resolve(part.attr("element"))
		for _, s := range w.schemas {
			if declared := s.elements[m.element.Local]; declared != nil && s.space == m.element.Space {
				m.schemaID = s.id
				for _, e := range declared.first("complexType").first("sequence").named("element") {
					kind := e.resolve(e.attr("type"))
					m.fields = append(m.fields, field{e.attr("name"), kind.Space == schemaSpace && strings.Contains(plainTypes, " "+kind.Local+" ")})
				}
			}
		}
		return m
	}
	return m
}

func (m message) representation(contentType string) Representation {
	r := Representation{ContentType: contentType}
	if m.schemaID != "" {
		r.SchemaID, r.TypeName = m.schemaID, m.element.Local
	}
	return r
}
