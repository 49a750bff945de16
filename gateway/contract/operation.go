package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/gateway/config"
)

// Types of violations.
const (
	QueryParameter  = "QueryParameter"
	PathParameter   = "PathParameter"
	HeaderParameter = "HeaderParameter"
	ResponseHeader  = "ResponseHeader"
	StatusCode      = "StatusCode"
	RequestBody     = "RequestBody"
	ResponseBody    = "ResponseBody"
)

// Rules that are broken, besides the keywords of JSON Schema.
const (
	Unspecified = "Unspecified" // the contract does not know it
	Required    = "Required"
	DataType    = "DataType"
	Enumeration = "Enumeration"
	Malformed   = "Malformed"
	Unchecked   = "Unchecked" // it cannot be checked here
	SizeLimit   = "SizeLimit"
)

// Operation is the contract of one operation. It never changes.
type Operation struct {
	Definition *config.Operation
	// Schema finds a schema of the API by its name; nil when there is none.
	Schema func(name string) *config.Schema
	// Siblings are all schemas of the API: XML schemas import each other by namespace.
	Siblings []*config.Schema
	schemas  *Schemas
}

// New returns the contract of an operation. Schemas are compiled when they are first needed and kept in s.
func New(op *config.Operation, schema func(name string) *config.Schema, s *Schemas) *Operation {
	return &Operation{Definition: op, Schema: schema, schemas: s}
}

// Query checks the parameters of a query. Those in the template are required parts of the address.
func (o *Operation) Query(values url.Values) []Violation {
	known := o.query()
	var all []Violation
	for i := range known {
		all = append(all, o.parameter(&known[i], lookup(values, known[i].Name), QueryParameter)...)
	}
	for _, name := range sortedNames(values) {
		if !named(known, name) {
			all = append(all, Violation{name, QueryParameter, Unspecified, "The operation does not know the query parameter '" + name + "'."})
		}
	}
	return all
}

func (o *Operation) query() []config.Parameter {
	var known []config.Parameter
	if o.Definition.Request != nil {
		known = slices.Clone(o.Definition.Request.Query)
	}
	_, query, _ := strings.Cut(o.Definition.URLTemplate, "?")
	inTemplate, _ := url.ParseQuery(query) // what can be read counts
	for name := range inTemplate {
		if !named(known, name) {
			known = append(known, config.Parameter{Name: name, Required: true})
		}
	}
	return known
}

// Path checks the parameters that the template matched.
func (o *Operation) Path(matched map[string]string) []Violation {
	var all []Violation
	for i := range o.Definition.TemplateParameters {
		p := &o.Definition.TemplateParameters[i]
		if v, ok := matched[p.Name]; ok {
			all = append(all, o.parameter(p, []string{v}, PathParameter)...)
		}
	}
	return all
}

// unspoken are headers that no contract lists, since every call has them or the gateway makes them.
var unspoken = []string{"Host", "Connection", "Content-Length", "Content-Type", "Transfer-Encoding", "Accept", "Accept-Encoding", "User-Agent", "Authorization", "Date", "Server",
	"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Traceparent", "Tracestate", "Cookie", "Set-Cookie", "Trailer", "Upgrade", "Te", "Keep-Alive", "Content-Encoding"}

// Headers checks the headers of a request; key is that of subscription keys.
func (o *Operation) Headers(h http.Header, key string) []Violation {
	var known []config.Parameter
	if o.Definition.Request != nil {
		known = o.Definition.Request.Headers
	}
	return o.headers(h, known, HeaderParameter, key)
}

func (o *Operation) headers(h http.Header, known []config.Parameter, kind, key string) []Violation {
	var all []Violation
	for i := range known {
		all = append(all, o.parameter(&known[i], h.Values(known[i].Name), kind)...)
	}
	for _, name := range sortedNames(h) {
		if !named(known, name) && !slices.Contains(unspoken, name) && !strings.EqualFold(name, key) {
			all = append(all, Violation{name, kind, Unspecified, "The operation does not know the header '" + name + "'."})
		}
	}
	return all
}

func named(list []config.Parameter, name string) bool {
	return slices.ContainsFunc(list, func(p config.Parameter) bool { return strings.EqualFold(p.Name, name) })
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// lookup is all values of a parameter, however its name is written: a backend may read any of them.
func lookup(values url.Values, name string) (all []string) {
	for n, v := range values {
		if strings.EqualFold(n, name) {
			all = append(all, v...)
		}
	}
	return all
}

// parameter checks the values of one parameter; none means that it was left out.
func (o *Operation) parameter(p *config.Parameter, values []string, kind string) []Violation {
	if len(values) == 0 {
		if !p.Required {
			return nil
		}
		return []Violation{{p.Name, kind, Required, "'" + p.Name + "' is required."}}
	}
	var all []Violation
	for _, text := range values {
		all = append(all, o.value(p, text, len(values) == 1, kind)...)
	}
	return all
}

func (o *Operation) value(p *config.Parameter, text string, alone bool, kind string) []Violation {
	value, ok := typed(p.Type, text, alone)
	if !ok {
		return []Violation{{p.Name, kind, DataType, "'" + p.Name + "' is not of type " + strings.ToLower(p.Type) + "."}}
	}
	if len(p.Values) > 0 && !slices.Contains(p.Values, text) {
		return []Violation{{p.Name, kind, Enumeration, "'" + p.Name + "' is not one of " + strings.Join(p.Values, ", ") + "."}}
	}
	if p.Schema == "" || p.TypeName == "" {
		return nil
	}
	all := o.check(p.Schema, p.TypeName, Options{}, value, kind)
	for i := range all {
		all[i].Name = p.Name
	}
	return all
}

// typed reads a parameter as its type says. A list comes as one value with commas, or as several values.
func typed(kind, text string, alone bool) (value any, ok bool) {
	switch strings.ToLower(kind) {
	case "integer", "int", "int32", "int64", "long":
		_, err := strconv.ParseInt(text, 10, 64)
		return json.Number(text), err == nil
	case "number", "double", "float", "decimal":
		f, err := strconv.ParseFloat(text, 64)
		return json.Number(text), err == nil && f-f == 0 && !strings.ContainsAny(text, "xX_pP")
	case "boolean", "bool":
		return text == "true", text == "true" || text == "false"
	case "array":
		if !alone {
			return text, true
		}
		var list []any
		for part := range strings.SplitSeq(text, ",") {
			list = append(list, part)
		}
		return list, true
	case "object":
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		_, isObject := v.(map[string]any)
		return v, err == nil && isObject
	}
	return text, true
}

// check checks a value against a type of a schema of the API.
func (o *Operation) check(name, typeName string, options Options, value any, kind string) []Violation {
	s := o.Schema(name)
	if s == nil {
		return []Violation{{"", kind, Unchecked, "the API has no schema '" + name + "'"}}
	}
	return o.schemas.check(s, pointerTo(s.Document, typeName), options, value, kind)
}

// pointerTo finds a type in a document of definitions: those of Swagger, and components of OpenAPI.
func pointerTo(document json.RawMessage, typeName string) string {
	if typeName == "" {
		return ""
	}
	var parts struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
		Components  struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	_ = json.Unmarshal(document, &parts) // what cannot be read fails when it is compiled
	name := strings.NewReplacer("~", "~0", "/", "~1").Replace(strings.TrimPrefix(strings.TrimPrefix(typeName, "#/definitions/"), "#/components/schemas/"))
	if _, ok := parts.Definitions[typeName]; ok {
		return "/definitions/" + name
	}
	return "/components/schemas/" + name
}

// Response returns what is said about a status; nil when the operation does not know it.
func (o *Operation) Response(status int) *config.Message {
	for i := range o.Definition.Responses {
		if int(o.Definition.Responses[i].Status) == status {
			return &o.Definition.Responses[i]
		}
	}
	return nil
}

// Status checks a status code.
func (o *Operation) Status(status int) []Violation {
	if o.Response(status) != nil {
		return nil
	}
	return []Violation{{strconv.Itoa(status), StatusCode, Unspecified, "The operation does not know the status code " + strconv.Itoa(status) + "."}}
}

// ResponseHeaders checks the headers of a response.
func (o *Operation) ResponseHeaders(status int, h http.Header) []Violation {
	var known []config.Parameter
	if r := o.Response(status); r != nil {
		known = r.Headers
	}
	return o.headers(h, known, ResponseHeader, "")
}

// Representation finds what is said about a media type: of the request, or of the response with a status.
func (o *Operation) Representation(status int, contentType string) *config.Representation {
	m := o.Definition.Request
	if status != 0 {
		m = o.Response(status)
	}
	if m == nil {
		return nil
	}
	want := MediaType(contentType)
	for i := range m.Representations {
		if MediaType(m.Representations[i].ContentType) == want {
			return &m.Representations[i]
		}
	}
	return nil
}

// MediaType is a content type without parameters, in lower case.
func MediaType(contentType string) string {
	if t, _, err := mime.ParseMediaType(contentType); err == nil {
		return t
	}
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// JSON checks a body against the schema of its representation; without one it only has to be JSON.
func (o *Operation) JSON(r *config.Representation, body []byte, kind string, options Options) []Violation {
	value, err := readJSON(body)
	if err != nil {
		return []Violation{{"", kind, Malformed, err.Error()}}
	}
	if r == nil || r.Schema == "" || r.TypeName == "" {
		return nil
	}
	return o.check(r.Schema, r.TypeName, options, value, kind)
}

// JSONBy checks a body against a schema that a policy names; ref is a pointer into it.
func (s *Schemas) JSONBy(document *config.Schema, ref string, body []byte, kind string, options Options) []Violation {
	value, err := readJSON(body)
	if err != nil {
		return []Violation{{"", kind, Malformed, err.Error()}}
	}
	return s.check(document, strings.TrimPrefix(ref, "#"), options, value, kind)
}

// readJSON reads a body. A member that is there twice could be one thing to the check and another to the backend.
func readJSON(body []byte) (any, error) {
	if err := unique(json.NewDecoder(bytes.NewReader(body)), 0); err != nil {
		return nil, err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the body is not JSON")
	}
	return v, nil
}

func unique(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return errors.New("the body is not JSON")
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth > nestingMax {
		return errors.New("the body is nested too deep")
	}
	seen := map[string]bool{}
	for d.More() {
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return errors.New("the body is not JSON")
			}
			text, _ := name.(string)
			if seen[text] {
				return errors.New("the body has a member twice: " + text)
			}
			seen[text] = true
		}
		if err := unique(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
