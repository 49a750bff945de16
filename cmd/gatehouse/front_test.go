package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/entra"
	"gatehouse/gateway/config"
)

// TestCallbacks: codes of sign-ins go only to where the gateway is for sure.
func TestCallbacks(t *testing.T) {
	f := newFarm(t, "--gateway-url", "https://Shop.example")
	r, err := readFile[running](f.dir, runtimeFile)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := connection(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	f.do("PATCH", f.service+apimVersion, `{"properties": {"hostnameConfigurations": [{"type": "Proxy", "hostName": "api.farm.example", "certificateSource": "Managed"}, {"type": "Management", "hostName": "manage.farm.example", "certificateSource": "Managed"}]}}`)
	port := r.Gateway[strings.LastIndexByte(r.Gateway, ':')+1:]
	for address, good := range map[string]bool{
		"https://localhost:" + port + "/.gatehouse/callback":              true,
		"https://farm.localhost:" + port + "/.gatehouse/callback":         true,
		"https://shop.example/.gatehouse/callback":                        true,
		"https://api.farm.example/.gatehouse/callback":                    true,
		"https://api.farm.example:" + port + "/.gatehouse/callback":       true,
		"https://api.farm.example:9/.gatehouse/callback":                  false,
		"https://manage.farm.example/.gatehouse/callback":                 false,
		"https://farm.azure-api.net/.gatehouse/callback":                  false,
		"https://farm.azure-api.net:" + port + "/.gatehouse/callback":     false,
		"https://localhost/.gatehouse/callback":                           false,
		"https://localhost:1/.gatehouse/callback":                         false,
		"http://farm.localhost:" + port + "/.gatehouse/callback":          false,
		"https://evil.example/.gatehouse/callback":                        false,
		"https://evil.example:" + port + "/.gatehouse/callback":           false,
		"https://shop.example:444/.gatehouse/callback":                    false,
		"https://shop.example/.gatehouse/callback/x":                      false,
		"https://shop.example/x/../.gatehouse/callback":                   false,
		"https://shop.example/%2egatehouse/callback":                      false,
		"https://shop.example/.gatehouse/callback?x=y":                    false,
		"https://shop.example/.gatehouse/callback?":                       false,
		"https://shop.example/.gatehouse/callback#x":                      false,
		"https://evil@shop.example/.gatehouse/callback":                   false,
		"https://shop.example\\@evil.example/.gatehouse/callback":         false,
		"https://shop.example.evil.example/.gatehouse/callback":           false,
		"https://localhost:" + port + "@evil.example/.gatehouse/callback": false,
		"https://localhost.evil.example:" + port + "/.gatehouse/callback": false,
	} {
		query := url.Values{"client_id": {gatewayClient.String()}, "response_type": {"code"}, "redirect_uri": {address}, "scope": {"api://gatehouse-gateway/.default"}, "state": {"s"},
			"code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"}}
		status, body, err := ask(f.dir, http.MethodGet, "/"+b.TenantID+"/oauth2/v2.0/authorize?"+query.Encode(), nil, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if asked := status == http.StatusOK && bytes.Contains(body, []byte(`name="password"`)); asked != good {
			t.Errorf("%s: %d, sign-in page: %v", address, status, asked)
		}
	}
}

// TestIdentityOf: a policy acts as an identity that the service has, and as no other.
func TestIdentityOf(t *testing.T) {
	own, other := "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	assigned := config.Identity{Resource: "/subscriptions/s/x", Principal: other, Client: "00000000-0000-4000-8000-00000000000C"}
	for _, c := range []struct {
		identities   []config.Identity
		client, want string
	}{
		{nil, "", ""},
		{[]config.Identity{{Principal: own}, assigned}, "", own},
		{[]config.Identity{{Principal: own}, assigned}, "00000000-0000-4000-8000-00000000000c", other},
		{[]config.Identity{{Principal: own}, assigned}, other, ""},
		{[]config.Identity{{Principal: own}, assigned}, own, ""},
		{[]config.Identity{assigned}, "", ""},
		{[]config.Identity{{Principal: own, Client: "c"}}, "c", ""},
	} {
		got, err := identityOf(&config.Service{Identities: c.identities}, c.client)
		if c.want == "" && err == nil || c.want != "" && (err != nil || got.String() != c.want) {
			t.Errorf("%v as %q: %v %v", c.identities, c.client, got, err)
		}
	}
}

// TestIdentitiesElsewhere: a gateway in another process asks the server about tokens of its tenant, which count no more once they
// are withdrawn; identities of the service are for its own gateways alone.
func TestIdentitiesElsewhere(t *testing.T) {
	f := newFarm(t)
	c, err := newClient(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, inbound := range map[string]string{
		"jwt": `<validate-jwt header-name="Authorization"><openid-config url="` + fixedURL + "/" + c.b.TenantID + `/v2.0/.well-known/openid-configuration" /></validate-jwt>`,
		"own": `<authentication-managed-identity resource="api://gatehouse-gateway" />`,
	} {
		at := f.service + "/apis/" + name
		f.do("PUT", at+apimVersion, `{"properties": {"displayName": "`+name+`", "path": "`+name+`", "protocols": ["https"], "subscriptionRequired": false, "serviceUrl": "`+f.backend+`"}}`)
		f.do("PUT", at+"/operations/get"+apimVersion, `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/"}}`)
		policy, _ := json.Marshal("<policies><inbound><base />" + inbound + "</inbound></policies>")
		f.do("PUT", at+"/policies/policy"+apimVersion, `{"properties": {"format": "rawxml", "value": `+string(policy)+`}}`)
		f.do("PUT", f.service+"/gateways/barn/apis/"+name+apimVersion, "")
	}
	f.do("PATCH", f.service+apimVersion, `{"identity": {"type": "SystemAssigned"}}`)
	text, err := c.tokenAs(t.Context(), adminName, entra.GatewayAudience)
	if err != nil {
		t.Fatal(err)
	}
	g := f.gateway(t.TempDir(), f.gatewayToken())
	g.becomes(200, "/jwt/", "Bearer "+text)
	g.is(401, "/jwt/", "")
	g.is(401, "/jwt/", "Bearer x")
	g.is(500, "/own/", "")
	time.Sleep(1100 * time.Millisecond) // tokens count whole seconds
	graph, err := c.token(t.Context(), "https://graph.microsoft.com")
	if err != nil {
		t.Fatal(err)
	}
	if status, answer, err := ask(f.dir, "POST", "/v1.0/users/"+adminName+"/revokeSignInSessions", http.Header{"Authorization": {"Bearer " + graph}}, nil, false); err != nil || status != 200 {
		t.Fatal(status, err, string(answer))
	}
	g.becomes(401, "/jwt/", "Bearer "+text)

	managed, err := c.tokenAs(t.Context(), c.b.ClientID, fixedURL)
	if err != nil {
		t.Fatal(err)
	}
	who := parsed([]byte(f.do("GET", f.service+apimVersion, ""))).String("identity.principalId")
	sub := "/subscriptions/" + c.b.SubscriptionID
	role := sub + "/providers/Microsoft.Authorization/roleDefinitions/22222222-2222-4222-8222-222222222222"
	f.do("PUT", role+"?api-version=2022-04-01", `{"properties": {"roleName": "Gateway", "type": "CustomRole", "assignableScopes": ["`+sub+`"], "permissions": [{"actions": [], "dataActions": ["Microsoft.ApiManagement/service/gateways/getConfiguration/action"]}]}}`)
	f.do("PUT", f.service+"/providers/Microsoft.Authorization/roleAssignments/33333333-3333-4333-8333-333333333333?api-version=2022-04-01",
		`{"properties": {"principalId": "`+(&caller{token: managed}).me().String()+`", "principalType": "ServicePrincipal", "roleDefinitionId": "`+role+`"}}`)
	status, answer, err := ask(f.dir, "POST", "/gateway-config/farm/managed/identity", http.Header{"Authorization": {"Bearer " + managed}}, []byte(`{"Resource": "api://gatehouse-gateway"}`), false)
	if token := parsed(answer).String("value.Token"); err != nil || status != 200 || (&caller{token: token}).me().String() != who {
		t.Error(status, err, string(answer))
	}
	for _, body := range []string{`{"Resource": "api://gatehouse-gateway", "Client": "` + c.b.ClientID + `"}`, `{"Resource": ""}`, `x`} {
		if status, answer, _ := ask(f.dir, "POST", "/gateway-config/farm/managed/identity", http.Header{"Authorization": {"Bearer " + managed}}, []byte(body), false); status == 200 && parsed(answer).String("refusal") == "" {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	for _, call := range []string{"identity", "authorization"} {
		if status, answer, _ := ask(f.dir, "POST", "/gateway-config/farm/barn/"+call, http.Header{"Authorization": {"GatewayKey " + f.gatewayToken()}}, []byte(`{"Resource": "api://gatehouse-gateway"}`), false); parsed(answer).String("refusal") == "" {
			t.Errorf("a self-hosted gateway got an %s: %d %s", call, status, answer)
		}
		if status, _, _ := ask(f.dir, "POST", "/gateway-config/farm/managed/"+call, nil, []byte(`{"Resource": "api://gatehouse-gateway"}`), false); status != 401 {
			t.Errorf("nobody got an %s: %d", call, status)
		}
	}
}
