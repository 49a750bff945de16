package mcp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/gateway/config"
)

func entity[T config.Entity](id string, e T) T {
	e.SetID(id)
	return e
}

// offering is a Server with one tool: /items/{id} of the API orders.
func offering(t *testing.T, gateway http.HandlerFunc) *Server {
	t.Helper()
	s := New(func() http.Handler { return gateway })
	service := &config.Service{Resource: "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/Contoso"}
	op := &config.Operation{Method: "DELETE", URLTemplate: "/items/{id}", TemplateParameters: []config.Parameter{{Name: "id", Required: true}}}
	u := &config.Update{Service: service.Resource, Whole: true, Put: []config.Entity{entity("", service), entity("/apis/orders", &config.API{Path: "orders", Revision: "1", Current: true}),
		entity("/apis/orders/operations/drop", op), entity("/apis/tools", &config.API{Path: "tools", Type: "mcp", Current: true}),
		entity("/apis/tools/tools/drop", &config.Tool{Operation: "/apis/orders/operations/drop"})}}
	s.Update(config.New(u), u)
	return s
}

func call(s *Server, message string, headers ...string) (int, string) {
	r := httptest.NewRequest("POST", "/contoso/apis/tools/mcp", strings.NewReader(message))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Body)
	return w.Code, string(b)
}

func calling(arguments string) string {
	return `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "drop", "arguments": ` + arguments + `}}`
}

// TestPanic: a call that ends with a panic ends alone.
func TestPanic(t *testing.T) {
	for _, with := range []any{http.ErrAbortHandler, "a mistake of ours"} {
		s := offering(t, func(http.ResponseWriter, *http.Request) { panic(with) })
		if status, body := call(s, calling(`{"id": "7"}`)); status != 200 || !strings.Contains(body, "broke off") || strings.Contains(body, "mistake") {
			t.Errorf("%d %s", status, body)
		}
	}
}

// TestArguments: the arguments of a tool lead to its operation and to no other, and say nothing of who calls.
func TestArguments(t *testing.T) {
	var seen *http.Request
	s := offering(t, func(_ http.ResponseWriter, r *http.Request) { seen = r })
	for id, want := range map[string]string{`"7"`: "/orders/items/7", `"a/b"`: "/orders/items/a%2Fb", `"../x"`: "/orders/items/..%2Fx", `"7?x=1#y"`: "/orders/items/7%3Fx=1%23y", `";rev=2"`: "/orders/items/%3Brev=2",
		`"{id}"`: "/orders/items/%7Bid%7D", `7`: "/orders/items/7", `""`: "", `"."`: "", `".."`: "", `"..."`: "", `null`: ""} {
		seen = nil
		_, body := call(s, calling(`{"id": `+id+`}`), "Authorization", "Bearer x", "X-Gatehouse-Principal-Id", "forged", "X-Forwarded-For", "192.0.2.1, 192.0.2.2")
		switch {
		case want == "" && (seen != nil || !strings.Contains(body, `"isError":true`)):
			t.Errorf("%s: %s", id, body)
		case want != "" && (seen == nil || seen.Method != "DELETE" || seen.URL.EscapedPath() != want || seen.Header.Get("Authorization") != "Bearer x" || seen.Header.Get("X-Gatehouse-Principal-Id") != "" || seen.RemoteAddr != "192.0.2.2:0"):
			t.Errorf("%s: %+v %s", id, seen, body)
		}
	}
	if _, body := call(s, calling(`{"id": "7", "Authorization": "Bearer y"}`)); !strings.Contains(body, "isError") && !strings.Contains(body, "error") {
		t.Error("an argument that the tool does not have", body)
	}
}
