package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/gateway/config"
)

// TestSyntheticGraphQL: an API without a server behind it answers by its resolvers, and what is saved about them counts for the next call.
func TestSyntheticGraphQL(t *testing.T) {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"name":%q}`, r.URL.Path) }))
	t.Cleanup(at.Close)
	resolver := func(path string) *config.Policy {
		return entity("/apis/g/resolvers/me/policies/policy", &config.Policy{Format: "rawxml",
			Value: `<http-data-source><http-request><set-method>GET</set-method><set-url>` + at.URL + path + `</set-url></http-request></http-data-source>`})
	}
	schema := entity("/apis/g/schemas/graphql", &config.Schema{ContentType: "application/vnd.ms-azure-apim.graphql.schema", Text: "type Query { me: User }\ntype User { name: String }"})
	s := newSite(t, newAPI("g", "graph", "", func(a *config.API) { a.Type = "graphql" }), schema, entity("/apis/g/resolvers/me", &config.Resolver{Path: "Query/me"}), resolver("/one"))
	s.want("GET /graph?query={me{name}}", 200, `{"data":{"me":{"name":"/one"}}}`)
	s.put(resolver("/two"))
	s.want("GET /graph?query={me{name}}", 200, `{"data":{"me":{"name":"/two"}}}`)
	s.want("GET /graph?query={nothing}", 400, `Cannot query field`)
	s.remove("/apis/g/resolvers/me", "/apis/g/resolvers/me/policies/policy")
	s.want("GET /graph?query={me{name}}", 200, `{"data":{"me":null}}`)
	s.remove(schema.Key())
	s.want("GET /graph?query={me{name}}", 500, "Internal server error")
}
