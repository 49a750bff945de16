package feed

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/gateway/config"
)

const version = "?api-version=2025-09-01-preview"

var contoso = armtest.GroupID().String() + "/providers/Microsoft.ApiManagement/service/Contoso"

// start is a World with a service, and the Feed of it.
func start(t *testing.T) (w *armtest.World, f *Feed, own follower, put func(path, body string)) {
	t.Helper()
	own = follower{}
	w = armtest.Start(t, build(t, func(_ *armtest.World, made *Feed) {
		f = made
		f.Follow(own.take)
	}))
	put = func(path, body string) {
		t.Helper()
		at := version
		if strings.Contains(path, "Gatehouse.Gateway") {
			at = "?api-version=2026-11-01"
		}
		if a := w.Do("owner", "PUT", contoso+path+at, nil, body); a.Code/100 != 2 {
			t.Fatalf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	put("", `{"location": "West Europe", "sku": {"name": "Developer"}, "identity": {"type": "SystemAssigned"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso",
		"customProperties": {"Microsoft.WindowsAzure.ApiManagement.Gateway.Security.Protocols.Tls10": "True"}}}`)
	return w, f, own, put
}

// everything are requests that make one of every type that a gateway needs.
var everything = [][2]string{
	{"/namedValues/Plain", `{"properties": {"displayName": "plain-text", "value": "in the open"}}`},
	{"/namedValues/hidden", `{"properties": {"displayName": "hidden-text", "value": "hush", "secret": true}}`},
	{"/namedValues/vaulted", `{"properties": {"displayName": "vaulted", "secret": true, "keyVault": {"secretIdentifier": "https://v.vault.azure.net/secrets/s"}}}`},
	{"/apiVersionSets/Orders", `{"properties": {"displayName": "Orders", "versioningScheme": "Query", "versionQueryName": "v"}}`},
	{"/authorizationServers/server", `{"properties": {"displayName": "S", "clientRegistrationEndpoint": "https://s.test/r", "authorizationEndpoint": "https://s.test/a", "tokenEndpoint": "https://s.test/t", "grantTypes": ["clientCredentials"], "clientId": "c", "clientSecret": "hush"}}`},
	{"/openidConnectProviders/oidc", `{"properties": {"displayName": "O", "metadataEndpoint": "https://o.test/.well-known/openid-configuration", "clientId": "c", "clientSecret": "hush"}}`},
	{"/apis/Orders", `{"properties": {"displayName": "Orders", "path": "shop/orders", "protocols": ["https", "http"], "apiVersion": "v2", "apiVersionSetId": "/apiVersionSets/Orders", "serviceUrl": "https://backend.test/{{plain-text}}",
		"subscriptionRequired": true, "subscriptionKeyParameterNames": {"header": "X-Key", "query": "key"}, "authenticationSettings": {"oAuth2": {"authorizationServerId": "server", "scope": "s"}}}}`},
	{"/apis/Orders/schemas/things", `{"properties": {"contentType": "application/vnd.oai.openapi.components+json", "document": {"components": {"schemas": {"Thing": {"type": "object"}}}}}}`},
	{"/apis/Orders/operations/Get", `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/things/{id}", "description": "gets", "templateParameters": [{"name": "id", "type": "string", "required": true}],
		"request": {"queryParameters": [{"name": "q", "type": "int", "defaultValue": "1", "values": ["1", "2"]}], "headers": [{"name": "H", "type": "string"}]},
		"responses": [{"statusCode": 200, "representations": [{"contentType": "application/json", "schemaId": "things", "typeName": "Thing", "examples": {"default": {"value": {"a": 1, "A": 2}}}}]}]}}`},
	{"/apis/Orders/operations/Get/policies/policy", `{"properties": {"format": "rawxml", "value": "<policies><inbound><base /></inbound></policies>"}}`},
	{"/apis/Orders/policies/policy", `{"properties": {"value": "<policies><inbound><base /></inbound></policies>"}}`},
	{"/apis/Orders;rev=2", `{"properties": {"sourceApiId": "/apis/Orders", "serviceUrl": "https://two.test"}}`},
	{"/apis/Orders/providers/Gatehouse.Gateway/roleChecks/default", `{"properties": {"mode": "enforce", "audiences": ["api://orders"], "signIn": true}}`},
	{"/loggers/Hub", `{"properties": {"loggerType": "azureEventHub", "isBuffered": false, "credentials": {"name": "hub", "connectionString": "Endpoint=sb://hush"}}}`},
	{"/apis/Orders/diagnostics/azuremonitor", `{"properties": {"loggerId": "/loggers/azuremonitor", "alwaysLog": "allErrors", "sampling": {"samplingType": "fixed", "percentage": 12.5}, "frontend": {"request": {"headers": ["A"], "body": {"bytes": 12}, "dataMasking": {"headers": [{"value": "B", "mode": "Mask"}]}}}}}`},
	{"/apis/graph", `{"properties": {"displayName": "G", "path": "graph", "type": "graphql"}}`},
	{"/apis/graph/resolvers/r", `{"properties": {"displayName": "R", "path": "Query/things"}}`},
	{"/apis/graph/resolvers/r/policies/policy", `{"properties": {"format": "rawxml", "value": "<http-data-source><http-request><set-method>GET</set-method><set-url>https://x.test</set-url></http-request></http-data-source>"}}`},
	{"/apis/tooling", `{"properties": {"displayName": "M", "path": "mcp", "type": "mcp"}}`},
	{"/apis/tooling/tools/get-thing", `{"properties": {"displayName": "Get thing", "description": "d", "operationId": "/apis/Orders/operations/Get"}}`},
	{"/products/Gold", `{"properties": {"displayName": "Gold", "state": "published", "approvalRequired": true, "subscriptionsLimit": 3}}`},
	{"/products/Gold/apis/Orders", ``},
	{"/products/Gold/groups/developers", ``},
	{"/users/ann", `{"properties": {"email": "ann@contoso.test", "firstName": "Ann", "lastName": "A"}}`},
	{"/subscriptions/ann", `{"properties": {"displayName": "Ann's", "scope": "/products/Gold", "ownerId": "/users/ann", "state": "active", "primaryKey": "one", "secondaryKey": "two", "allowTracing": true}}`},
	{"/subscriptions/all", `{"properties": {"displayName": "All", "scope": "/apis", "primaryKey": "three", "secondaryKey": "four"}}`},
	{"/subscriptions/one", `{"properties": {"displayName": "One", "scope": "/apis/Orders;rev=1", "primaryKey": "five", "secondaryKey": "six"}}`},
	{"/policyFragments/Common", `{"properties": {"format": "rawxml", "value": "<fragment><set-method>GET</set-method></fragment>"}}`},
	{"/policies/policy", `{"properties": {"format": "rawxml", "value": "<policies><inbound /></policies>"}}`},
	{"/backends/One", `{"properties": {"url": "https://one.test", "protocol": "http", "credentials": {"query": {"q": ["{{hidden-text}}"]}, "header": {"h": ["v", "w"]}, "authorization": {"scheme": "Basic", "parameter": "hush"}},
		"tls": {"validateCertificateName": false}, "proxy": {"url": "http://proxy.test", "username": "u", "password": "hush"},
		"circuitBreaker": {"rules": [{"name": "r", "failureCondition": {"count": 3, "interval": "PT1M", "statusCodeRanges": [{"min": 500, "max": 599}], "errorReasons": ["timeout"]}, "tripDuration": "PT30S", "acceptRetryAfter": true}]}}}`},
	{"/backends/Pool", `{"properties": {"type": "Pool", "pool": {"services": [{"id": "/backends/One", "priority": 2, "weight": 5}]}}}`},
	{"/caches/default", `{"properties": {"connectionString": "redis.test:6380,password=hush", "useFromLocation": "default"}}`},
	{"/schemas/Global", `{"properties": {"schemaType": "xml", "value": "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"/>"}}`},
	{"/schemas/json", `{"properties": {"schemaType": "json", "document": {"type": "object"}}}`},
	{"/identityProviders/google", `{"properties": {"clientId": "c", "clientSecret": "hush"}}`},
	{"/authorizationProviders/aad", `{"properties": {"displayName": "A", "identityProvider": "aad", "oauth2": {"redirectUrl": "https://r.test", "grantTypes": {"clientCredentials": {"clientId": "c", "clientSecret": "hush"}}}}}`},
	{"/authorizationProviders/aad/authorizations/conn", `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "ClientCredentials", "parameters": {"clientId": "c", "clientSecret": "hush"}}}`},
	{"/authorizationProviders/aad/authorizations/conn/accessPolicies/pol", `{"properties": {"tenantId": "7e4a4700-0000-4000-8000-000000000001", "objectId": "0b7ec700-0000-4000-8000-000000000004"}}`},
	{"/gateways/Factory", `{"properties": {"locationData": {"name": "Hall 1"}, "description": "d"}}`},
	{"/gateways/Factory/apis/Orders", ``},
	{"/gateways/Factory/hostnameConfigurations/own", `{"properties": {"hostname": "api.factory.test", "negotiateClientCertificate": true}}`},
	{"/workspaces/Team", `{"properties": {"displayName": "Team"}}`},
	{"/workspaces/Team/apis/a", `{"properties": {"displayName": "A", "path": "team/a"}}`},
	{"/workspaces/Team/products/p", `{"properties": {"displayName": "P", "subscriptionRequired": false}}`},
	{"/workspaces/Team/products/p/apiLinks/l", `{"properties": {"apiId": "/apis/a"}}`},
	{"/workspaces/Team/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/apis", "primaryKey": "seven", "secondaryKey": "eight"}}`},
	{"/workspaces/Team/policies/policy", `{"properties": {"format": "rawxml", "value": "<policies><inbound><base /></inbound></policies>"}}`},
	{"/workspaces/Team/namedValues/v", `{"properties": {"displayName": "plain-text", "value": "of the team"}}`},
}

// TestValues keeps what gateways get of one of everything in testdata/values.txt, for review.
func TestValues(t *testing.T) {
	w, f, own, put := start(t)
	theirs := map[config.Key]bool{"": true}
	for k := range f.services[gatehouse.MustID(contoso).Scope()].All() {
		theirs[k.Key()] = k.Key() != ""
	}
	for _, each := range everything {
		put(each[0], each[1])
	}
	gateway := strings.TrimSuffix(contoso, "/service/Contoso") + "/gateways/Side"
	for _, each := range [][2]string{{gateway, `{"location": "West Europe", "sku": {"name": "WorkspaceGatewayPremium"}}`},
		{gateway + "/configConnections/c", `{"properties": {"sourceId": "` + contoso + `/workspaces/Team"}}`},
		{gateway + "/hostnameBindings/h", `{"properties": {"hostname": "Team.contoso.test", "keyVault": {"secretId": "https://v.vault.azure.net/secrets/s"}}}`}} {
		if a := w.Do("owner", "PUT", each[0]+version, nil, each[1]); a.Code/100 != 2 {
			t.Fatalf("%s: %d %s", each[0], a.Code, a.Body)
		}
	}
	same(t, "everything", w, f, own)
	var out strings.Builder
	for _, e := range f.services[gatehouse.MustID(contoso).Scope()].Update().Put {
		if theirs[e.Key()] {
			continue // came with the service
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", masked(b))
	}
	armtest.Golden(t, "testdata/values.txt", []byte(out.String()))
}

var (
	moments = regexp.MustCompile(`20\d\d-\d\d-\d\dT[0-9:.]+Z`)
	guids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

func masked(b []byte) []byte {
	return guids.ReplaceAllFunc(moments.ReplaceAllLiteral(b, []byte("${time}")), func(g []byte) []byte {
		if slices.Contains([]string{armtest.Tenant.String(), armtest.Subscription.String(), armtest.Alice.String()}, string(g)) {
			return g
		}
		return []byte("${guid}")
	})
}

// TestRandom: whatever is written and deleted, in whatever order, by several at once, what followed equals what is read anew.
func TestRandom(t *testing.T) {
	for seed := range uint64(3) {
		w, f, own, put := start(t)
		for _, each := range everything {
			put(each[0], each[1])
		}
		var wait sync.WaitGroup
		for worker := range uint64(4) {
			wait.Go(func() {
				r := rand.New(rand.NewPCG(seed, worker))
				for range 100 {
					each := everything[r.IntN(len(everything))]
					method, path := "PUT", each[0]
					at := version
					if strings.Contains(path, "Gatehouse.Gateway") {
						at = "?api-version=2026-11-01"
					}
					switch n := r.IntN(10); {
					case n < 3:
						method, at = "DELETE", at+"&deleteSubscriptions=true&deleteRevisions=true"
					case n < 4:
						path = path[:strings.LastIndexByte(path, '/')] + "/other" // names of others, and another of the kind
					}
					if a := w.Do("owner", method, contoso+path+at, nil, each[1]); a.Code >= 500 {
						t.Errorf("%s %s: %d %s", method, path, a.Code, a.Body)
					}
				}
			})
		}
		wait.Wait()
		same(t, fmt.Sprint("seed ", seed), w, f, own)
	}
}
