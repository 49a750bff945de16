package apidoc

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// maker writes random documents of OpenAPI 2 or 3.
type maker struct {
	*rand.Rand
	v2 bool
}

func (m *maker) pick(all ...string) string { return all[m.IntN(len(all))] }
func (m *maker) some() bool                { return m.IntN(2) == 0 }

func (m *maker) ref() map[string]any {
	home := "#/components/schemas/"
	if m.v2 {
		home = "#/definitions/"
	}
	return map[string]any{"$ref": home + m.pick("Pet", "pet", "Pet~1Owner")}
}

func (m *maker) plain() map[string]any {
	s := map[string]any{"type": m.pick("string", "integer", "number", "boolean")}
	if s["type"] == "string" && m.some() {
		s["enum"] = []any{"a", "b c", "1"}
	}
	if s["type"] == "integer" && m.some() {
		s["default"] = json.Number(m.pick("0", "-7", "12345678901234567890"))
	}
	if m.some() {
		s["description"] = "a description"
	}
	return s
}

func (m *maker) schema() any {
	switch m.IntN(4) {
	case 0:
		return m.ref()
	case 1:
		return map[string]any{"type": "array", "items": m.ref()}
	case 2:
		return map[string]any{"type": "object", "properties": map[string]any{"Id": m.plain(), "id": m.ref(), "description": m.plain()}}
	}
	return m.plain()
}

func (m *maker) parameter(name, in string) map[string]any {
	p := map[string]any{"name": name, "in": in}
	if in == "path" || m.some() {
		p["required"] = true
	}
	shape := m.plain()
	delete(shape, "description")
	if m.some() {
		p["description"] = "what " + name + " is"
	}
	if m.v2 {
		if in == "formData" && m.IntN(4) == 0 {
			shape = map[string]any{"type": "file"}
		}
		for k, v := range shape {
			p[k] = v
		}
		return p
	}
	if m.some() {
		shape["minLength"] = 1
	}
	p["schema"] = shape
	if m.IntN(4) == 0 {
		p["schema"] = m.ref()
	}
	if m.IntN(4) == 0 {
		p["example"] = []any{"x", map[string]any{"A": 1, "a": nil}}
	}
	return p
}

func (m *maker) content() map[string]any {
	all := map[string]any{}
	for _, kind := range []string{"application/json", "text/xml", "application/x-www-form-urlencoded"} {
		if !m.some() {
			continue
		}
		media := map[string]any{}
		if m.some() {
			media["schema"] = m.schema()
		}
		if m.some() {
			media["examples"] = map[string]any{"one": map[string]any{"summary": "One", "value": map[string]any{"Id": 1, "id": 1.50}}, "two": map[string]any{"externalValue": "https://x.test"}}
		}
		all[kind] = media
	}
	return all
}

func (m *maker) operation(method string, path []string) map[string]any {
	o := map[string]any{}
	if m.some() {
		o["operationId"] = fmt.Sprint(m.pick("get", "Get_", "list things ", "é"), m.IntN(1000))
	}
	if m.some() {
		o["summary"] = "Does something: \"#\" - { }"
	}
	if m.some() {
		o["description"] = "Line one.\n  Line two.\n\n* list\n"
	}
	if m.some() {
		o["tags"] = []any{"b", "a"}
	}
	var parameters []any
	for _, name := range path {
		parameters = append(parameters, m.parameter(name, "path"))
	}
	for i := range m.IntN(4) {
		parameters = append(parameters, m.parameter(fmt.Sprint("p", i), m.pick("query", "header")))
	}
	body := method != "get" && method != "head" && method != "options"
	if m.v2 && body {
		switch m.IntN(3) {
		case 0:
			parameters = append(parameters, map[string]any{"name": "body", "in": "body", "description": "The body", "schema": m.schema()})
		case 1:
			parameters = append(parameters, m.parameter("f", "formData"), m.parameter("g", "formData"))
		}
		if m.some() {
			o["consumes"] = []any{"application/json", "text/xml"}
		}
	} else if body && m.some() {
		o["requestBody"] = map[string]any{"description": "The body", "content": m.content()}
	}
	if len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if m.v2 && m.some() {
		o["produces"] = []any{"application/json", "text/csv"}
	}
	responses := map[string]any{"200": m.response()}
	if m.some() {
		responses["404"] = map[string]any{"description": "none"}
	}
	if m.some() {
		responses["default"] = m.response()
	}
	o["responses"] = responses
	return o
}

func (m *maker) response() map[string]any {
	r := map[string]any{"description": "fine"}
	if m.some() {
		header := m.plain()
		if !m.v2 {
			header = map[string]any{"schema": header, "description": "says"}
		}
		r["headers"] = map[string]any{"X-A": header}
	}
	if !m.v2 {
		if m.some() {
			r["content"] = m.content()
		}
		return r
	}
	if m.some() {
		r["schema"] = m.schema()
		if m.some() {
			r["examples"] = map[string]any{"application/json": map[string]any{"Id": "a", "id": nil}}
		}
	}
	return r
}

func (m *maker) document() []byte {
	shapes := map[string]any{"Pet": m.plain(), "pet": m.schema(), "Pet/Owner": map[string]any{"type": "object", "properties": map[string]any{"a": m.schema()}}}
	if shape := shapes["pet"].(map[string]any); shape["$ref"] != nil {
		shapes["pet"] = map[string]any{"allOf": []any{shape}}
	}
	doc := map[string]any{"info": map[string]any{"title": "T", "version": "1.0"}}
	if m.v2 {
		doc["swagger"], doc["host"], doc["basePath"], doc["definitions"] = "2.0", "x.test", "/b", shapes
		if m.some() {
			doc["produces"], doc["consumes"] = []any{"application/json"}, []any{"application/json"}
		}
	} else {
		doc["openapi"], doc["components"] = m.pick("3.0.1", "3.1.0"), map[string]any{"schemas": shapes}
		doc["servers"] = []any{map[string]any{"url": "https://x.test/b"}}
	}
	paths := map[string]any{}
	for i := range 1 + m.IntN(4) {
		path, names := fmt.Sprint("/things", i), []string(nil)
		if m.some() {
			path, names = path+"/{id}/{Name}", []string{"id", "Name"}
		}
		item := map[string]any{}
		for range 1 + m.IntN(3) {
			method := m.pick("get", "put", "post", "delete", "patch", "head", "options")
			item[method] = m.operation(method, names)
		}
		paths[path] = item
	}
	doc["paths"] = paths
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return b
}

// Whatever document comes in: its export imports as the same operations and schemas.
func TestRandomRoundTrip(t *testing.T) {
	for seed := range uint64(800) {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 5)), v2: seed%2 == 0}
		document := m.document()
		format, export, back := "openapi", m.pick("openapi-link", "openapi+json-link"), "openapi"
		if m.v2 {
			format, export, back = "swagger-json", "swagger-link", "swagger-json"
		}
		o := Options{QueryParameters: m.some()}
		api, err := Import(format, document, o)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, document)
		}
		got := again(t, api, export, back, o)
		same(t, fmt.Sprintf("seed %d, %s\n", seed, document), api, got)
		if t.Failed() {
			return
		}
	}
}
