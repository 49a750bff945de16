package mcp

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse"
	"gatehouse/gateway/config"
)

// Server is the MCP servers of a gateway. It is safe for concurrent use.
type Server struct {
	gateway  func() http.Handler
	services atomic.Pointer[map[string]map[config.Key]*offered] // by the folded name of the service
	mu       sync.Mutex                                         // held to change services
}

// New returns a Server whose tools call a gateway, which is made later.
func New(gateway func() http.Handler) *Server {
	s := &Server{gateway: gateway}
	s.services.Store(&map[string]map[config.Key]*offered{})
	return s
}

// offered are the tools of an API. They never change.
type offered struct {
	name, version string
	tools         []tool
}

// tool is an operation as a language model sees it.
type tool struct {
	name, title, description string
	schema                   json.RawMessage
	method, host, path       string
	query, header            map[string]string // that say the version
	inputs                   []input
}

// input is an argument of a tool.
type input struct {
	as, name string // of the argument, of the parameter
	where    where
	required bool
}

type where int

const (
	inPath where = iota
	inQuery
	inHeader
	inBody
)

func (s *Server) tools(service, key string) *offered {
	return (*s.services.Load())[gatehouse.Fold(service)][config.KeyOf(key)]
}

// Update is a feed.Follower.
func (s *Server) Update(c *config.Config, u *config.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(*s.services.Load())
	if u.Gone || c == nil || c.Service == nil {
		delete(next, gatehouse.Fold(u.Service[strings.LastIndexByte(u.Service, '/')+1:]))
		s.services.Store(&next)
		return
	}
	if !concerns(u) {
		return
	}
	made := map[config.Key]*offered{}
	for a := range c.APIs.All() {
		if strings.EqualFold(a.Type, "mcp") {
			made[a.Key()] = offer(c, a)
		}
	}
	next[gatehouse.Fold(c.Service.ServiceName())] = made
	s.services.Store(&next)
}

// concerns reports whether an update is about APIs.
func concerns(u *config.Update) bool {
	about := func(k config.Key) bool {
		_, api := k.Of("apis")
		_, set := k.Of("apiversionsets")
		return api || set || k == ""
	}
	return u.Whole || slices.ContainsFunc(u.Put, func(e config.Entity) bool { return about(e.Key()) }) || slices.ContainsFunc(u.Delete, about)
}

func offer(c *config.Config, a *config.API) *offered {
	o := &offered{name: a.DisplayName, version: a.Revision}
	if o.name == "" {
		o.name = a.Name()
	}
	if o.version == "" {
		o.version = "1"
	}
	taken := map[string]bool{}
	for _, t := range c.Tools.Below(a.Key()) {
		made, ok := toolOf(c, t)
		if ok && !taken[made.name] {
			taken[made.name] = true
			o.tools = append(o.tools, made)
		}
	}
	return o
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// toolOf makes a tool of its operation, which has to be one of an HTTP API.
func toolOf(c *config.Config, t *config.Tool) (made tool, ok bool) {
	op, found := c.Operations.Get(t.Operation)
	if !found || t.Operation == "" {
		return made, false
	}
	of, _ := t.Operation.Of("apis")
	a, found := c.APIs.Get(of)
	if !found || a.Type != "" && !strings.EqualFold(a.Type, "http") {
		return made, false
	}
	made = tool{name: unfit.ReplaceAllString(t.Name(), "_"), title: t.DisplayName, description: t.Description, method: strings.ToUpper(op.Method), host: c.Service.BuiltInHost(),
		query: map[string]string{}, header: map[string]string{}}
	if made.description == "" {
		made.description = op.Description
	}
	if made.description == "" {
		made.description = op.DisplayName
	}
	made.address(c, a, op)
	made.describe(c, a, op)
	return made, true
}

// address is where an operation is called, and what says its version.
func (t *tool) address(c *config.Config, a *config.API, op *config.Operation) {
	t.path = "/" + strings.Trim(a.Path, "/")
	if set, ok := c.VersionSets.Get(a.VersionSet); ok && a.VersionSet != "" && a.Version != "" {
		switch strings.ToLower(set.Scheme) {
		case "query":
			t.query[set.Query] = a.Version
		case "header":
			t.header[set.Header] = a.Version
		default:
			t.path = strings.TrimSuffix(t.path, "/") + "/" + a.Version
		}
	}
	if !a.Current {
		t.path += ";rev=" + a.Revision
	}
	template, query, _ := strings.Cut(op.URLTemplate, "?")
	t.path = strings.TrimSuffix(t.path, "/") + "/" + strings.TrimPrefix(template, "/")
	for part := range strings.SplitSeq(query, "&") {
		if name, value, ok := strings.Cut(part, "="); ok && !strings.Contains(value, "{") {
			t.query[name] = value
		}
	}
}

// describe makes the schema of a tool's arguments: parameters by their names, and the body.
func (t *tool) describe(c *config.Config, a *config.API, op *config.Operation) {
	properties, required := map[string]any{}, []string{}
	add := func(p *config.Parameter, at where, must bool) {
		as := p.Name
		if _, taken := properties[as]; taken {
			as = map[where]string{inPath: "path_", inQuery: "query_", inHeader: "header_"}[at] + as
		}
		properties[as] = parameter(p)
		if must {
			required = append(required, as)
		}
		t.inputs = append(t.inputs, input{as, p.Name, at, must})
	}
	path, query, _ := strings.Cut(op.URLTemplate, "?")
	for i := range op.TemplateParameters {
		p := &op.TemplateParameters[i]
		switch {
		case strings.Contains(path, "{"+p.Name+"}") || strings.Contains(path, "{*"+p.Name+"}"):
			add(p, inPath, true)
		case strings.Contains(query, "{"+p.Name+"}"):
			add(p, inQuery, p.Required)
		}
	}
	schema := map[string]any{"type": "object", "properties": properties}
	if r := op.Request; r != nil {
		for i := range r.Query {
			add(&r.Query[i], inQuery, r.Query[i].Required)
		}
		for i := range r.Headers {
			if p := &r.Headers[i]; open(c, a, p.Name) {
				add(p, inHeader, p.Required)
			}
		}
		t.body(c, a, r, schema, properties)
	}
	if len(required) > 0 {
		schema["required"] = required
	}
	t.schema, _ = json.Marshal(schema) // plain values always encode
}

// open reports whether a header is for a language model to choose: who calls is not, nor what belongs to the connection.
func open(_ *config.Config, a *config.API, name string) bool {
	canonical := http.CanonicalHeaderKey(name)
	switch canonical {
	case "Authorization", "Proxy-Authorization", "Cookie", "Ocp-Apim-Subscription-Key", "Apim-Debug-Authorization", "Ocp-Apim-Trace":
		return false
	}
	return !strings.EqualFold(name, a.KeyNames.Header) && !strings.HasPrefix(canonical, "X-Gatehouse-") && !slices.Contains(own, canonical)
}

// parameter is the schema of a parameter.
func parameter(p *config.Parameter) map[string]any {
	s := map[string]any{"type": "string"}
	switch strings.ToLower(p.Type) {
	case "int", "integer", "int32", "int64":
		s["type"] = "integer"
	case "number", "float", "double", "decimal":
		s["type"] = "number"
	case "bool", "boolean":
		s["type"] = "boolean"
	case "array", "object":
		s["type"] = strings.ToLower(p.Type)
	}
	if p.Description != "" {
		s["description"] = p.Description
	}
	if s["type"] == "string" {
		if p.Default != "" {
			s["default"] = p.Default
		}
		if len(p.Values) > 0 {
			s["enum"] = p.Values
		}
	}
	return s
}

// body adds the argument that is the body, of operations that take JSON.
func (t *tool) body(c *config.Config, a *config.API, r *config.Message, schema, properties map[string]any) {
	for i := range r.Representations {
		rep := &r.Representations[i]
		if !strings.Contains(strings.ToLower(rep.ContentType), "json") {
			continue
		}
		as := "body"
		for properties[as] != nil {
			as = "request_" + as
		}
		properties[as] = map[string]any{}
		if defs := definitions(c, a, rep.Schema); defs != nil && rep.TypeName != "" && defs[rep.TypeName] != nil {
			schema["$defs"] = defs
			properties[as] = map[string]any{"$ref": "#/$defs/" + rep.TypeName}
		}
		t.inputs = append(t.inputs, input{as, "", inBody, false})
		return
	}
}

// definitions are those of a schema of an API, referring to each other as those of a tool do.
func definitions(c *config.Config, a *config.API, name string) map[string]any {
	s, ok := c.Schemas.Get(a.Key().Child("schemas", name))
	if !ok || name == "" || len(s.Document) == 0 {
		return nil
	}
	var doc struct {
		Components  struct{ Schemas map[string]any }
		Definitions map[string]any
	}
	text := strings.NewReplacer(`"#/components/schemas/`, `"#/$defs/`, `"#/definitions/`, `"#/$defs/`).Replace(string(s.Document))
	if json.Unmarshal([]byte(text), &doc) != nil {
		return nil
	}
	if len(doc.Components.Schemas) > 0 {
		return doc.Components.Schemas
	}
	return doc.Definitions
}
