package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/gateway/config"
)

// TestOData: requests of an OData API are checked against the metadata that is saved with it; without any none passes.
func TestOData(t *testing.T) {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.EscapedPath()) }))
	t.Cleanup(at.Close)
	schema := entity("/apis/o/schemas/odata", &config.Schema{ContentType: "application/vnd.ms-azure-apim.odata.schema", Text: `<e:Edmx Version="4.0" xmlns:e="http://docs.oasis-open.org/odata/ns/edmx"><e:DataServices>
		<Schema Namespace="N" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="T"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.String"/></EntityType>
		<EntityContainer Name="C"><EntitySet Name="Things" EntityType="N.T"/></EntityContainer></Schema></e:DataServices></e:Edmx>`})
	s := newSite(t, newAPI("o", "shop", at.URL+"/base", func(a *config.API) { a.Type = "odata" }), schema,
		entity("/apis/o/policies/policy", &config.Policy{Format: "rawxml", Value: `<policies><inbound><base /><validate-odata-request /></inbound><backend><base /></backend></policies>`}))
	s.want("GET /shop/Things('a%2Fb')/ID", 200, "/base/Things('a%2Fb')/ID")
	s.want("GET /shop/Things?$filter=ID%20eq%20'a'", 200, "/base/Things")
	s.want("GET /shop/Nothing", 400, "The service has no 'Nothing'.")
	s.want("GET /shop/Things('a')/../Nothing", 400, "")
	s.want("DELETE /shop/Things", 400, "does not suit")
	s.remove(schema.Key())
	s.want("GET /shop/Things", 500, "Internal server error")
}
