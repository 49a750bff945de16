package main

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
