package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gatehouse/rbac/builtin"
)

// bearing adds headers to all requests of a client.
type bearing struct {
	headers map[string]string
	next    http.RoundTripper
}

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range b.headers {
		r.Header.Set(name, value)
	}
	return b.next.RoundTrip(r)
}

// model connects to an MCP server of the estate as a language model would.
func (e *estate) model(path, token string) (*sdk.ClientSession, error) {
	c := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	return c.Connect(context.Background(), &sdk.StreamableClientTransport{Endpoint: "https://localhost:" + e.port + path, DisableStandaloneSSE: true, MaxRetries: -1,
		HTTPClient: &http.Client{Transport: bearing{map[string]string{"Authorization": "Bearer " + token, "Ocp-Apim-Subscription-Key": estateKey}, e.client.Transport}}}, nil)
}

func (e *estate) tool(s *sdk.ClientSession, name string, arguments map[string]any) (failed bool, text string) {
	e.t.Helper()
	r, err := s.CallTool(context.Background(), &sdk.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		return true, err.Error()
	}
	for _, c := range r.Content {
		if t, ok := c.(*sdk.TextContent); ok {
			text += t.Text + "\n"
		}
	}
	return r.IsError, text
}

// TestMCP: an API of type mcp offers operations as tools; a model calls them as an agent for somebody, with all that holds for calls.
func TestMCP(t *testing.T) {
	e := newEstate(t)
	e.put("/apis/greetings/operations/item", `{"properties": {"displayName": "An item", "description": "Gets one item.", "method": "GET", "urlTemplate": "/items/{id}?kind={kind}",
		"templateParameters": [{"name": "id", "type": "string", "required": true}, {"name": "kind", "type": "string", "values": ["a", "b"]}],
		"request": {"headers": [{"name": "X-Wish", "type": "string"}, {"name": "Authorization", "type": "string"}]}}}`)
	e.put("/apis/greetings/schemas/things", `{"properties": {"contentType": "application/vnd.oai.openapi.components+json", "document": {"components": {"schemas": {"Thing": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}}`)
	e.put("/apis/greetings/operations/echo", `{"properties": {"displayName": "Echo", "method": "POST", "urlTemplate": "/echo", "request": {"representations": [{"contentType": "application/json", "schemaId": "things", "typeName": "Thing"}]}}}`)
	e.put("/apis/tools?api-version=2025-09-01-preview", `{"properties": {"displayName": "Tools", "path": "tools", "protocols": ["https"], "type": "mcp", "subscriptionRequired": true}}`)
	for _, name := range []string{"item", "echo", "hello"} {
		e.put("/apis/tools/tools/"+name+"?api-version=2025-09-01-preview", `{"properties": {"displayName": "`+name+`", "operationId": "/apis/greetings/operations/`+name+`"}}`)
	}
	e.put("/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": {"mode": "enforce"}}`)
	e.role(e.service+"/apis/tools", builtin.CallInvoke)
	e.role(e.service+"/apis/greetings", "Gatehouse.Gateway/*")
	agent := e.output("token", "agent", "--as", "ada@"+domain, "--agent", "model", "--action", "Gatehouse.Gateway/*", "--scope", e.service+"/apis/tools,"+e.service+"/apis/greetings/operations/item")
	s, err := e.model("/tools/mcp", agent)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.ListTools(t.Context(), nil)
	if err != nil || len(list.Tools) != 3 {
		t.Fatalf("%+v %v", list, err)
	}
	for _, tool := range list.Tools {
		schema := fmt.Sprint(tool.InputSchema)
		switch {
		case tool.Name == "item" && (tool.Description != "Gets one item." || !strings.Contains(schema, "required:[id]") || !strings.Contains(schema, "enum:[a b]") || strings.Contains(schema, "Authorization")),
			tool.Name == "echo" && !strings.Contains(schema, "$ref:#/$defs/Thing"):
			t.Errorf("%+v", tool)
		}
	}
	if bad, text := e.tool(s, "item", map[string]any{"id": "7 8", "kind": "b", "X-Wish": "well"}); bad || !strings.Contains(text, "/base/items/7%208?kind=b") || !strings.Contains(text, "well") {
		t.Error("a tool that both user and grant allow:", bad, text)
	}
	if bad, text := e.tool(s, "item", map[string]any{"id": ".."}); !bad || strings.Contains(text, "backend.contoso") {
		t.Error("a path that leads elsewhere:", text)
	}
	if bad, text := e.tool(s, "item", nil); !bad || !strings.Contains(text, `"id" is missing`) {
		t.Error("without what is required:", text)
	}
	if bad, text := e.tool(s, "hello", nil); !bad || !strings.Contains(text, "status 403") || !strings.Contains(text, "does not cover") && !strings.Contains(text, "denied") {
		t.Error("a tool that the grant does not cover:", bad, text)
	}
	user, err := e.model("/tools/mcp", e.output("token", "--as", "ada@"+domain, "--resource", "api://gatehouse-gateway"))
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	if bad, text := e.tool(user, "hello", nil); bad || text != "Hello\n" {
		t.Error("the user itself:", bad, text)
	}
	if bad, text := e.tool(user, "echo", map[string]any{"body": map[string]any{"size": 3}}); bad || !strings.Contains(text, `{\"size\":3}`) {
		t.Error("a body:", bad, text)
	}
	if _, err := e.model("/tools/mcp", e.output("token", "--as", "grace@"+domain, "--resource", "api://gatehouse-gateway")); err == nil {
		t.Error("somebody without a role at the MCP server connects")
	}
	e.put("/apis/tools/policies/policy?api-version=2025-09-01-preview", e.policy(`<return-response><set-status code="418" /></return-response>`))
	if status, _, _ := e.call("POST", "/tools/mcp", `{}`, "Authorization", "Bearer "+agent, "Ocp-Apim-Subscription-Key", estateKey); status != 418 {
		t.Error("the policies of the MCP server did not run:", status)
	}
}
