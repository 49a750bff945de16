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

// TestGraphQLSocket: a connection whose messages nobody can check is refused where they have to be checked, also when the
// handshake itself brings a query that may pass. Mutations are sent by POST.
func TestGraphQLSocket(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the backend was reached") }))
	t.Cleanup(backend.Close)
	schema := func(api string) *config.Schema {
		return entity("/apis/"+api+"/schemas/graphql", &config.Schema{ContentType: "application/vnd.ms-azure-apim.graphql.schema", Text: "type Query { me: String }\ntype Mutation { drop: String }"})
	}
	s := newSite(t, newAPI("g", "graph", backend.URL, func(a *config.API) { a.Type, a.Protocols = "graphql", []string{"http", "ws"} }), schema("g"),
		newAPI("own", "own", "", func(a *config.API) { a.Type = "graphql" }), schema("own"),
		entity("/apis/g/policies/policy", &config.Policy{Format: "rawxml", Value: `<policies><inbound><base /><validate-graphql-request><authorize><rule path="/Query/secret" action="reject" /></authorize></validate-graphql-request></inbound></policies>`}))
	s.want("GET /graph?query={me}", 400, "Requests over a WebSocket cannot be checked", "Connection", "Upgrade", "Upgrade", "websocket")
	s.want("GET /own?query=mutation{drop}", 400, "Only queries may be sent by GET")
}
