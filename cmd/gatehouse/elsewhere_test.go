package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gatehouse/entra"
)

// policy gives an API a policy document.
func (f *farm) policy(api, inbound string) {
	f.Helper()
	text, _ := json.Marshal("<policies><inbound><base />" + inbound + "</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>")
	f.do("PUT", f.service+"/apis/"+api+"/policies/policy"+apimVersion, `{"properties": {"format": "rawxml", "value": `+string(text)+`}}`)
}

// until asks again until the answer is right.
func until(t testing.TB, what string, right func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !right(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// TestQuotasElsewhere: what is set at quotas/{counterKey} counts at a gateway elsewhere, too, also when it was away meanwhile.
func TestQuotasElsewhere(t *testing.T) {
	f := newFarm(t)
	f.api("few", "")
	f.policy("few", `<quota-by-key calls="3" renewal-period="3600" counter-key="few" />`)
	data, token := t.TempDir(), f.gatewayToken()
	g := f.gateway(data, token)
	at := f.service + "/quotas/few" + apimVersion
	counted := func() (calls string) {
		status, answer, err := ask(f.dir, "GET", at, http.Header{"Authorization": {f.token}}, nil, false)
		if err != nil || status != 200 {
			return ""
		}
		var list struct {
			Value []struct {
				Value struct {
					Calls json.Number `json:"callsCount"`
				}
			}
		}
		if json.Unmarshal(answer, &list) != nil || len(list.Value) != 1 {
			return ""
		}
		return list.Value[0].Value.Calls.String()
	}
	use := func(g *farmGateway) {
		t.Helper()
		for range 3 {
			g.is(200, "/few/", "")
		}
		g.is(403, "/few/", "")
	}
	set := func(calls int) {
		t.Helper()
		f.do("PATCH", at, fmt.Sprintf(`{"properties": {"callsCount": %d}}`, calls))
	}
	use(g)
	until(t, "the server knows of three calls", func() bool { return counted() == "3" })
	set(0)
	g.becomes(200, "/few/", "")
	until(t, "the server knows of one more", func() bool { return counted() == "1" })
	set(3)
	g.becomes(403, "/few/", "")
	set(0)
	g.becomes(200, "/few/", "")
	until(t, "and of one", func() bool { return counted() == "1" })

	_ = g.cmd.Process.Kill()
	<-g.done
	set(3) // while nobody hears it
	g = f.gateway(data, token)
	g.becomes(403, "/few/", "")
	set(0)
	g.becomes(200, "/few/", "")
}

// TestSignInElsewhere: a gateway that began without the server sends browsers to sign in once the server is there, and until
// then lets nobody in.
func TestSignInElsewhere(t *testing.T) {
	f := newFarm(t)
	f.do("PUT", f.service+"/apis/guarded/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": {"mode": "enforce", "signIn": true}}`)
	data, token := t.TempDir(), f.gatewayToken()
	page := http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"none"}}
	sent := func(g *farmGateway) bool {
		g.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		r, err := http.NewRequest("GET", g.at+"/guarded/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = page
		a, err := g.client.Do(r)
		if err != nil {
			return false
		}
		defer a.Body.Close()
		return a.StatusCode == 302 && strings.Contains(a.Header.Get("Location"), "/oauth2/v2.0/authorize?") && len(a.Cookies()) > 0
	}
	g := f.gateway(data, token)
	if !sent(g) {
		t.Error("a browser is not sent to sign in")
	}
	until(t, "the configuration is kept", func() bool { _, err := os.Stat(filepath.Join(data, "gateway-config")); return err == nil })
	f.server.kill()
	_ = g.cmd.Process.Kill()
	<-g.done
	g = f.gateway(data, token)
	if sent(g) {
		t.Error("a browser is sent to a server that nobody heard of")
	}
	if got := g.send("/guarded/", page); got != 503 {
		t.Errorf("a browser without a server: %d, want 503", got)
	}
	g.is(401, "/guarded/", "")
	g.is(200, "/open", "")
	if got := g.send("/guarded/", http.Header{"Cookie": {"__Host-gatehouse=of-before"}, "Sec-Fetch-Site": {"same-origin"}}); got != 503 {
		t.Errorf("a session without a server: %d, want 503", got)
	}
	if got := g.send("/.gatehouse/sign-in?back=/", nil); got != 503 {
		t.Errorf("the sign-in without a server: %d, want 503", got)
	}
	start(t, f.dir, "--listen", f.at, "--gateway-listen", "off")
	until(t, "a browser is sent to sign in after all", func() bool { return sent(g) })
}

// TestToolsElsewhere: a gateway elsewhere offers the tools of an MCP server whose operations are assigned to it, each call by the
// rights of who calls.
func TestToolsElsewhere(t *testing.T) {
	s := newStops(t)
	const preview = "?api-version=2025-09-01-preview"
	s.do("PUT", s.service+"/apis/tools"+preview, `{"properties": {"displayName": "Tools", "path": "tools", "protocols": ["https"], "type": "mcp", "subscriptionRequired": false}}`)
	for _, api := range []string{"guarded", "open", "elsewhere"} {
		s.do("PUT", s.service+"/apis/tools/tools/"+api+preview, `{"properties": {"displayName": "`+api+`", "operationId": "/apis/`+api+`/operations/get"}}`)
	}
	s.do("PUT", s.service+"/gateways/barn/apis/tools"+apimVersion, "")
	id, _, token := s.person()
	s.away.turns(401, "/guarded/", nil)
	connect := func() (*sdk.ClientSession, error) {
		c := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
		return c.Connect(context.Background(), &sdk.StreamableClientTransport{Endpoint: s.away.at + "/tools/mcp", DisableStandaloneSSE: true, MaxRetries: -1,
			HTTPClient: &http.Client{Transport: bearing{map[string]string{"Authorization": token}, s.away.client.Transport}}}, nil)
	}
	var m *sdk.ClientSession
	until(t, "the MCP server is there", func() bool {
		var err error
		m, err = connect()
		return err == nil
	})
	defer m.Close()
	e := &estate{t: t}
	names := func() string {
		list, err := m.ListTools(t.Context(), nil)
		if err != nil {
			return err.Error()
		}
		var all []string
		for _, tool := range list.Tools {
			all = append(all, tool.Name)
		}
		return strings.Join(all, " ")
	}
	if got := names(); got != "guarded open" {
		t.Errorf("tools: %s; what is not assigned to the gateway is none", got)
	}
	if bad, text := e.tool(m, "open", nil); bad || text != "hello\n" {
		t.Error("a tool that asks for no role:", bad, text)
	}
	if bad, text := e.tool(m, "guarded", nil); !bad || !strings.Contains(text, "403") {
		t.Error("a tool without a role:", bad, text)
	}
	revoke := s.assign(id, "User")
	until(t, "a tool with a role", func() bool { bad, text := e.tool(m, "guarded", nil); return !bad && text == "hello\n" })
	revoke()
	until(t, "the role is gone", func() bool { bad, _ := e.tool(m, "guarded", nil); return bad })
	s.do("PUT", s.service+"/gateways/barn/apis/elsewhere"+apimVersion, "")
	until(t, "another tool", func() bool { return names() == "elsewhere guarded open" })
	s.do("DELETE", s.service+"/gateways/barn/apis/open"+apimVersion, "")
	until(t, "one tool less", func() bool { return names() == "elsewhere guarded" })
}

// TestAgentsAtPolicies: what lets the token of an agent pass, at the server and elsewhere. Policies that verify tokens look for a
// principal, which a grant is not; a role check knows grants.
func TestAgentsAtPolicies(t *testing.T) {
	s := newStops(t)
	s.api("jwt", "")
	s.policy("jwt", `<validate-jwt header-name="Authorization"><openid-config url="`+fixedURL+"/"+s.by.b.TenantID+`/v2.0/.well-known/openid-configuration" /></validate-jwt>`)
	s.api("entra", "")
	s.policy("entra", `<validate-azure-ad-token tenant-id="`+s.by.b.TenantID+`"><audiences><audience>`+entra.GatewayAudience+`</audience></audiences></validate-azure-ad-token>`)
	id, name, token := s.person()
	s.assign(id, "User")
	agent := &client{b: s.by.b, r: s.by.r, http: s.by.http}
	var err error
	if agent.bearer, err = s.by.tokenAs(t.Context(), name, s.by.r.PublicURL); err != nil {
		t.Fatal(err)
	}
	var made agentToken
	if err := agent.post(t.Context(), "/providers/Gatehouse.Access/issueAgentToken", map[string]any{"agent": "bot", "dataActions": []string{"Gatehouse.Gateway/*"}, "scopes": []string{s.service}, "lifetime": "15m"}, &made); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*farmGateway{s.here, s.away} {
		for _, api := range []string{"/jwt/", "/entra/"} {
			g.becomes(200, api, token)
			g.is(401, api, "Bearer "+made.Token)
			g.is(401, api, "Bearer x")
		}
		g.becomes(200, "/guarded/", token)
		g.becomes(200, "/guarded/", "Bearer "+made.Token)
	}
	s.graph("PATCH", "/users/"+id, `{"accountEnabled": false}`)
	for _, path := range []string{"/jwt/", "/entra/", "/guarded/"} {
		s.here.is(401, path, token)
		s.away.becomes(401, path, token)
	}
}
