package pipeline

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway/config"
	"gatehouse/policy"
)

// mock is mock-response: an answer out of the operation's definition.
type mock struct {
	status int
	media  string
	index  int
}

func compileMock(k *Compiler, e *policy.Element) Step {
	s := &mock{media: k.Literal(e, "content-type")}
	s.status, _ = strconv.Atoi(k.Literal(e, "status-code"))
	s.index, _ = strconv.Atoi(k.Literal(e, "index"))
	if s.status < 200 || s.status > 999 {
		k.Fault(e, "The 'status-code' attribute takes a status from 200 to 999.")
	}
	return s
}

func (s *mock) Run(c *Call) error {
	r := c.NewResponse(s.status, "")
	if found := s.representation(c); found != nil {
		r.Headers["Content-Type"] = []string{found.ContentType}
		if body := s.example(c, found); body != nil {
			r.Body = NewBody(body)
		}
	} else if s.media != "" {
		r.Headers["Content-Type"] = []string{s.media}
	}
	return c.End()
}

func (s *mock) representation(c *Call) *config.Representation {
	if c.Contract == nil {
		return nil
	}
	answer := c.Contract.Response(s.status)
	if answer == nil {
		return nil
	}
	var fitting []*config.Representation
	for i := range answer.Representations {
		if p := &answer.Representations[i]; s.media == "" || strings.EqualFold(mediaType(p.ContentType), mediaType(s.media)) {
			fitting = append(fitting, p)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	return fitting[min(max(s.index, 0), len(fitting)-1)]
}

func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(media)
}

// example is the sample of a representation, one made of its schema, or nil.
func (s *mock) example(c *Call, p *config.Representation) []byte {
	names := slices.Sorted(maps.Keys(p.Examples))
	if i := slices.Index(names, "default"); i > 0 && s.index == 0 {
		names = append([]string{"default"}, slices.Delete(names, i, i+1)...)
	}
	for i, name := range names {
		if i < s.index && i < len(names)-1 {
			continue
		}
		value := p.Examples[name].Value
		var text string
		if json.Unmarshal(value, &text) == nil {
			return []byte(text)
		}
		if len(value) > 0 && string(value) != "null" {
			return value
		}
	}
	schema := c.Contract.Schema(p.Schema)
	if schema == nil || p.Schema == "" || !strings.Contains(p.ContentType, "json") {
		return nil
	}
	var document map[string]any
	if json.Unmarshal(schema.Document, &document) != nil {
		return nil
	}
	g := sampler{definitions: definitions(document)}
	sample, err := json.Marshal(g.sample(g.definitions[p.TypeName], 0))
	if err != nil {
		return nil
	}
	return sample
}

func definitions(document map[string]any) map[string]any {
	if d, ok := document["definitions"].(map[string]any); ok {
		return d
	}
	components, _ := document["components"].(map[string]any)
	d, _ := components["schemas"].(map[string]any)
	return d
}

// sampler makes values that fit schemas, roughly: enough for a mock.
type sampler struct {
	definitions map[string]any
	made        int
}

// The bounds of a sample.
const (
	sampleDepth = 8
	sampleSize  = 1000
)

func (g *sampler) sample(schema any, depth int) any {
	s, ok := schema.(map[string]any)
	if g.made++; !ok || depth > sampleDepth || g.made > sampleSize {
		return nil
	}
	if ref, ok := s["$ref"].(string); ok {
		return g.sample(g.definitions[ref[strings.LastIndexByte(ref, '/')+1:]], depth+1)
	}
	for _, name := range [...]string{"example", "default", "const"} {
		if v, ok := s[name]; ok {
			return v
		}
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return list[0]
	}
	for _, name := range [...]string{"allOf", "oneOf", "anyOf"} {
		if list, ok := s[name].([]any); ok && len(list) > 0 {
			return g.union(s, list, name == "allOf", depth)
		}
	}
	kind, _ := s["type"].(string)
	switch {
	case kind == "object" || s["properties"] != nil:
		return g.object(s, depth)
	case kind == "array":
		return []any{g.sample(s["items"], depth+1)}
	case kind == "integer", kind == "number":
		return 0
	case kind == "boolean":
		return true
	}
	return sampleText(s)
}

func sampleText(s map[string]any) string {
	switch s["format"] {
	case "date-time":
		return "2026-01-31T12:00:00Z"
	case "date":
		return "2026-01-31"
	case "uuid":
		return "00000000-0000-0000-0000-000000000000"
	}
	return "string"
}

func (g *sampler) object(s map[string]any, depth int) map[string]any {
	made := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		made[name] = g.sample(properties[name], depth+1)
	}
	return made
}

// union is all of allOf together, or the first of the others.
func (g *sampler) union(s map[string]any, list []any, all bool, depth int) any {
	if !all {
		return g.sample(list[0], depth+1)
	}
	made := g.object(s, depth)
	for _, part := range list {
		if o, ok := g.sample(part, depth+1).(map[string]any); ok {
			maps.Copy(made, o)
		}
	}
	return made
}
