package apidoc

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/jsondoc"
)

// reader walks an OpenAPI document in its own order. It notes faults and goes on, so that a
// refusal names several.
type reader struct {
	Options
	root    *jsondoc.Object
	v2      bool
	names   names
	shapes  *jsondoc.Object // definitions, or components.schemas, and what inline schemas add
	inlined map[*jsondoc.Object]string
	counts  map[string]int // of inline schemas by name
	schema  string         // name of the schema that holds shapes
	spent   int
	faults  []*Fault
	api     *API
}

// mostFaults is how many faults a refusal names.
const mostFaults = 5

func readSwagger(b []byte, o Options) (*API, error) {
	root, err := parseDocument(b)
	if err != nil {
		return nil, err
	}
	if version := scalarText(root, "swagger"); version != "2.0" {
		return nil, fault(objectPlace(root, ""), "the document is no OpenAPI 2.0: it needs \"swagger\": \"2.0\"")
	}
	return (&reader{Options: o, root: root, v2: true}).read()
}

func readOpenAPI(b []byte, o Options) (*API, error) {
	root, err := parseDocument(b)
	if err != nil {
		return nil, err
	}
	return readThree(root, o)
}

func readOpenAPIJSON(b []byte, o Options) (*API, error) {
	v, err := ParseJSON(utf8Text(b))
	if err != nil {
		return nil, err
	}
	root, ok := v.(*jsondoc.Object)
	if !ok {
		return nil, fault("line 1, column 1", "the document is %s where an object is expected", jsondoc.KindOf(v))
	}
	return readThree(root, o)
}

// readThree reads OpenAPI 3.0 and 3.1. The service refuses 2.0 under these formats.
func readThree(root *jsondoc.Object, o Options) (*API, error) {
	version := scalarText(root, "openapi")
	if root.Has("swagger") {
		return nil, fault(objectPlace(root, ""), "the document is OpenAPI 2.0; import it with the format swagger-json or swagger-link-json")
	}
	if !strings.HasPrefix(version, "3.0") && !strings.HasPrefix(version, "3.1") && !strings.HasPrefix(version, "3.2") {
		return nil, fault(objectPlace(root, ""), "the document is no OpenAPI 3: it needs a member openapi such as \"3.0.1\"")
	}
	return (&reader{Options: o, root: root}).read()
}

func (r *reader) read() (*API, error) {
	r.api = &API{}
	r.inlined, r.counts = map[*jsondoc.Object]string{}, map[string]int{}
	contentType, where := OpenAPIComponents, "components.schemas"
	if r.v2 {
		contentType, where = SwaggerDefinitions, "definitions"
	}
	r.schema = r.SchemaID(contentType)
	r.shapes = jsondoc.NewExact()
	for name, v := range r.root.Object(where).All() {
		r.shapes.Set(name, v)
	}
	r.info()
	r.servers()
	r.references(r.root, "#")
	r.paths()
	if len(r.faults) > 0 {
		return nil, r.fault()
	}
	if r.shapes.Len() > 0 {
		document := jsondoc.Value(r.shapes)
		if !r.v2 {
			document = jsondoc.NewObject("schemas", r.shapes)
		}
		r.api.Schemas = []Schema{{ID: r.schema, ContentType: contentType, Document: jsondoc.Marshal(document)}}
	}
	return r.api, nil
}

func (r *reader) fault() error {
	words := make([]string, len(r.faults)-1)
	for i, f := range r.faults[1:] {
		words[i] = f.Error()
	}
	first := *r.faults[0]
	if len(words) > 0 {
		first.Message += "; " + strings.Join(words, "; ")
	}
	return &first
}

// mostSpent bounds, in bytes, what references may make of a document: parts that many operations
// share are written into each.
const mostSpent = 128 << 20

// spend reports whether there is still room for n bytes more.
func (r *reader) spend(n int) bool {
	before := r.spent
	if r.spent += n; r.spent > mostSpent && before <= mostSpent {
		r.faults = append([]*Fault{fault("#", "references make the document many times larger than it is")}, r.faults...)
	}
	return r.spent <= mostSpent
}

// fail notes a fault. Place is that of an object when it is known, and always a JSON pointer.
func (r *reader) fail(o *jsondoc.Object, pointer, format string, args ...any) {
	f := fault(objectPlace(o, pointer), format, args...)
	for _, known := range r.faults {
		if known.Message == f.Message {
			return // the same again, seen from a second place
		}
	}
	if len(r.faults) < mostFaults {
		r.faults = append(r.faults, f)
	}
}

func objectPlace(o *jsondoc.Object, pointer string) string {
	place := at(o.Position())
	switch {
	case pointer == "":
		return place
	case place == "":
		return pointer
	}
	return place + " (" + pointer + ")"
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func unescape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
}

// scalarText is a string, or a number that YAML made of one.
func scalarText(o *jsondoc.Object, name string) string {
	v, _ := o.Get(name)
	return plain(v)
}

// plain is a scalar as text; "" for null and for what is no scalar.
func plain(v jsondoc.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case jsondoc.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (r *reader) info() {
	info := r.root.Object("info")
	if info == nil {
		r.fail(r.root, "#", "the member info is missing")
		return
	}
	r.api.DisplayName, r.api.Version = clip(scalarText(info, "title"), 300), scalarText(info, "version")
	if r.api.DisplayName == "" {
		r.fail(info, "#/info", "the member title is missing")
	}
	r.api.Description, r.api.TermsOfService = scalarText(info, "description"), scalarText(info, "termsOfService")
	r.api.Contact = texts(info.Object("contact"), "name", "url", "email")
	r.api.License = texts(info.Object("license"), "name", "url")
	for _, v := range r.root.Array("tags") {
		if t, ok := v.(*jsondoc.Object); ok && scalarText(t, "name") != "" {
			r.api.Tags = append(r.api.Tags, Tag{scalarText(t, "name"), scalarText(t, "description")})
		}
	}
}

func texts(o *jsondoc.Object, names ...string) map[string]string {
	found := map[string]string{}
	for _, name := range names {
		if s := scalarText(o, name); s != "" {
			found[name] = s
		}
	}
	return found
}

// servers takes the first address that the document names (apim-control-plane.md 2.2).
func (r *reader) servers() {
	list := r.root.Array("servers")
	if r.v2 {
		list = r.root.Array("x-servers")
	}
	if len(list) > 0 {
		s, _ := list[0].(*jsondoc.Object)
		address := scalarText(s, "url")
		for name, v := range s.Object("variables").All() {
			variable, _ := v.(*jsondoc.Object)
			address = strings.ReplaceAll(address, "{"+name+"}", scalarText(variable, "default"))
		}
		r.api.ServiceURL = r.absolute(address)
		return
	}
	if !r.v2 {
		return
	}
	host, base, scheme := scalarText(r.root, "host"), scalarText(r.root, "basePath"), "https"
	if schemes := r.root.Array("schemes"); len(schemes) > 0 && !contains(schemes, "https") {
		scheme = plain(schemes[0])
	}
	if host == "" {
		r.api.ServiceURL = r.absolute(base)
		return
	}
	r.api.ServiceURL = strings.TrimSuffix(scheme+"://"+host+"/"+strings.TrimPrefix(base, "/"), "/")
}

func contains(list []jsondoc.Value, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// absolute resolves an address against the one that the document came from; without such, a relative one tells nothing.
func (r *reader) absolute(address string) string {
	u, err := r.Base.Parse(address)
	if err != nil || address == "" || u.Host == "" {
		return ""
	}
	return strings.TrimSuffix(unescaped(u), "/")
}

func unescaped(u *url.URL) string {
	if plain, err := url.PathUnescape(u.String()); err == nil && strings.ContainsAny(plain, "{}") {
		return plain // braces of a template stay as they were
	}
	return u.String()
}

// references wants every $ref to lead somewhere within the document. Examples and extensions hold anything.
func (r *reader) references(v jsondoc.Value, pointer string) {
	switch v := v.(type) {
	case *jsondoc.Object:
		if ref, ok := v.Get("$ref"); ok {
			if s, isText := ref.(string); isText {
				r.lookup(v, s, pointer)
			}
		}
		for name, inner := range v.All() {
			switch {
			case name == "example", name == "examples", name == "default", name == "enum", name == "const", strings.HasPrefix(name, "x-"):
			default:
				r.references(inner, pointer+"/"+escape(name))
			}
		}
	case []jsondoc.Value:
		for i, inner := range v {
			r.references(inner, pointer+"/"+strconv.Itoa(i))
		}
	}
}

// lookup is what a reference of o names, nil and a fault when there is nothing.
func (r *reader) lookup(o *jsondoc.Object, ref, pointer string) jsondoc.Value {
	path, local := strings.CutPrefix(ref, "#")
	if !local {
		r.fail(o, pointer, "the reference %q leads out of the document; only references that start with # are read", clip(ref, 200))
		return nil
	}
	if path == "" || path[0] != '/' {
		return nil // the whole document, or an anchor of a JSON schema
	}
	at := jsondoc.Value(r.root)
	for _, step := range strings.Split(path[1:], "/") {
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		step = unescape(step)
		found := false
		switch v := at.(type) {
		case *jsondoc.Object:
			at, found = v.Get(step)
		case []jsondoc.Value:
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(v) {
				at, found = v[i], true
			}
		}
		if !found {
			r.fail(o, pointer, "the reference %q leads nowhere", clip(ref, 200))
			return nil
		}
	}
	return at
}

// mostHops is how long a chain of references may be before it counts as a circle.
const mostHops = 32

// deref follows references from v to an object; nil when there is none, which is noted.
func (r *reader) deref(v jsondoc.Value, pointer string) *jsondoc.Object {
	for range mostHops {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			r.fail(nil, pointer, "%s stands where an object is expected", jsondoc.KindOf(v))
			return nil
		}
		ref, _ := o.Get("$ref")
		s, ok := ref.(string)
		if !ok {
			return o
		}
		if v = r.lookup(o, s, pointer); v == nil {
			return nil
		}
	}
	r.fail(nil, pointer, "the reference runs in a circle")
	return nil
}

// methods are those of a path item, in the order in which the specification lists them.
const methods = " get put post delete options head patch trace "

func (r *reader) paths() {
	paths, ok := r.root.Get("paths")
	all, _ := paths.(*jsondoc.Object)
	if all == nil && (r.v2 || ok || !r.root.Has("webhooks") && !r.root.Has("components")) {
		r.fail(r.root, "#", "the member paths is missing or no object")
		return
	}
	r.pathsOf(all, "#/paths")
	r.pathsOf(r.root.Object("x-ms-paths"), "#/x-ms-paths")
}

func (r *reader) pathsOf(all *jsondoc.Object, pointer string) {
	for path, v := range all.All() {
		if strings.HasPrefix(path, "x-") {
			continue
		}
		here := pointer + "/" + escape(path)
		if !strings.HasPrefix(path, "/") {
			r.fail(all, here, "the path %q does not start with a slash", clip(path, 100))
			continue
		}
		item := r.deref(v, here)
		if !r.spend(100 * item.Len()) {
			return
		}
		for method, v := range item.All() {
			if !strings.Contains(methods, " "+method+" ") {
				continue
			}
			if !r.spend(1000) {
				return
			}
			if o, ok := v.(*jsondoc.Object); ok {
				r.operation(path, method, item, o, here+"/"+method)
			} else {
				r.fail(item, here+"/"+method, "the operation is %s where an object is expected", jsondoc.KindOf(v))
			}
		}
	}
}

func (r *reader) operation(path, method string, item, o *jsondoc.Object, pointer string) {
	b := &builder{reader: r, prefix: pascal(path) + pascal(method), pointer: pointer, source: o}
	verb := strings.ToUpper(method)
	id := scalarText(o, "operationId")
	b.op = Operation{Name: r.names.name(id, method+"-"+path), Method: verb, Description: clip(scalarText(o, "description"), 1000),
		DisplayName:        clip(first(scalarText(o, "summary"), id, pascal(method)+" - "+path), 300),
		TemplateParameters: []Parameter{}, Responses: []Response{},
		Request: &Request{QueryParameters: []Parameter{}, Headers: []Parameter{}, Representations: []Representation{}}}
	b.op.URLTemplate = path
	b.parameters(item)
	if !r.v2 && verb != "GET" && verb != "HEAD" && verb != "OPTIONS" { // the service drops bodies of these
		b.requestBody()
	}
	b.template()
	b.responses()
	for _, t := range o.Array("tags") {
		if s, ok := t.(string); ok {
			b.op.Tags = append(b.op.Tags, s)
		}
	}
	r.api.Operations = append(r.api.Operations, b.op)
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

func raw(v jsondoc.Value) json.RawMessage { return jsondoc.Marshal(v) }
