package front

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestConnection: get-authorization-context gets the token of a connection for those who have an access policy of it: the service
// itself, or whoever a token names.
func TestConnection(t *testing.T) {
	w := start(t, "--allow-loopback-links")
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token": "of-the-connection", "token_type": "Bearer", "expires_in": 3600}`)
	}))
	t.Cleanup(provider.Close)
	at := w.service + "/authorizationProviders/p"
	w.manage("PUT", at+apim, map[string]any{"properties": map[string]any{"displayName": "P", "identityProvider": "oauth2",
		"oauth2": map[string]any{"redirectUrl": "https://x.test", "grantTypes": map[string]any{"clientCredentials": map[string]any{"tokenUrl": provider.URL, "scopes": "s"}}}}})
	w.manage("PUT", at+"/authorizations/c"+apim, map[string]any{"properties": map[string]any{"authorizationType": "OAuth2", "oauth2grantType": "ClientCredentials",
		"parameters": map[string]any{"clientId": "c", "clientSecret": "s"}}})
	allow := func(name, object string) {
		w.manage("PUT", at+"/authorizations/c/accessPolicies/"+name+apim, map[string]any{"properties": map[string]any{"tenantId": w.Env["TENANT_ID"], "objectId": object}})
	}
	ask := func(more string) string {
		return `<get-authorization-context provider-id="p" authorization-id="c" context-variable-name="got" ` + more + ` />
<set-header name="X-Got" exists-action="override"><value>@(((Authorization)context.Variables["got"]).AccessToken)</value></set-header>`
	}
	got := func(what, path, want string, headers ...string) {
		t.Helper()
		n, _, _ := w.upstream.last()
		status, body, _ := w.send(w.client, "GET", w.at+path, "", headers...)
		now, seen, _ := w.upstream.last()
		if want == "" && (status != 500 || now != n) || want != "" && (status != 200 || seen.Get("X-Got") != want) {
			t.Errorf("%s: %d %s, %q", what, status, body, seen.Get("X-Got"))
		}
	}
	w.policy("managed", ask(`identity-type="managed"`))
	got("a service without an identity", "/managed/", "")
	w.manage("PATCH", w.service+apim, map[string]any{"identity": map[string]any{"type": "SystemAssigned"}})
	got("without an access policy", "/managed/", "")
	own, _ := w.manage("GET", w.service+apim, nil)["identity"].(map[string]any)
	allow("own", own["principalId"].(string))
	got("with an access policy", "/managed/", "of-the-connection")

	w.policy("jwt", ask(`identity-type="jwt" identity="@(context.Request.Headers.GetValueOrDefault(&quot;X-Who&quot;,&quot;&quot;))"`))
	token := w.token("https://azure-api.net/authorization-manager")
	got("nobody", "/jwt/", "")
	got("bob without an access policy", "/jwt/", "", "X-Who", token)
	allow("bob", w.bob)
	got("bob", "/jwt/", "of-the-connection", "X-Who", token)
	got("bob's token for something else", "/jwt/", "", "X-Who", w.token(audience))
	got("no token", "/jwt/", "", "X-Who", "x.y.z")
}
