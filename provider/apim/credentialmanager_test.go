package apim_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/provider/apim"
)

// provider of identities: it answers token requests, and keeps what it was asked.
type identityProvider struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []url.Values
	answer func(form url.Values) (status int, contentType, body string)
}

func newIdentityProvider(t *testing.T) *identityProvider {
	p := &identityProvider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = append(p.asked, r.PostForm)
		status, kind, body := p.answer(r.PostForm)
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *identityProvider) last() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[len(p.asked)-1]
}

func (p *identityProvider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

const tenantOfTests = "11111111-0000-4000-8000-000000000001"

// connected is a service with a provider at p, connections by both grants, and access policies for the object 2...
func connected(t *testing.T, p *identityProvider) (*armtest.World, *apim.Connections) {
	t.Helper()
	var c *apim.Connections
	w := armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		c = apim.NewConnections(apim.ConnectionsConfig{Store: w.Store, Loopback: true, Clock: w.Clock.Now})
		return buildConfig(t, apim.Config{Connections: c})(w)
	})
	for _, each := range [][2]string{
		{"", `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`},
		{"/authorizationProviders/p", `{"properties": {"displayName": "P", "identityProvider": "oauth2pkce", "oauth2": {"grantTypes": {"authorizationCode": {"clientId": "web", "clientSecret": "hush", "scopes": "mail files",
			"authorizationUrl": "` + p.URL + `/authorize", "tokenUrl": "` + p.URL + `/token", "refreshUrl": "` + p.URL + `/token"}, "clientCredentials": {"tokenUrl": "` + p.URL + `/token", "scopes": "all"}}}}}`},
		{"/authorizationProviders/p/authorizations/code", `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "AuthorizationCode"}}`},
		{"/authorizationProviders/p/authorizations/self", `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "ClientCredentials", "parameters": {"clientId": "robot", "clientSecret": "beep"}}}`},
		{"/authorizationProviders/p/authorizations/code/accessPolicies/a", `{"properties": {"tenantId": "` + tenantOfTests + `", "objectId": "22222222-0000-4000-8000-000000000002"}}`},
		{"/authorizationProviders/p/authorizations/self/accessPolicies/a", `{"properties": {"tenantId": "` + tenantOfTests + `", "objectId": "22222222-0000-4000-8000-000000000002", "appIds": ["33333333-0000-4000-8000-000000000003"]}}`},
	} {
		if a := w.Do("owner", "PUT", service+each[0]+version, nil, each[1]); a.Code != 201 && a.Code != 200 {
			t.Fatalf("%s: %d %s", each[0], a.Code, a.Body)
		}
	}
	return w, c
}

var asker = apim.Asker{Tenant: tenantOfTests, Object: "22222222-0000-4000-8000-000000000002", App: "33333333-0000-4000-8000-000000000003"}

func tokenText(t *testing.T, c *apim.Connections, name string, by apim.Asker) string {
	t.Helper()
	got, err := c.Token(context.Background(), gatehouse.MustID(service), "p", name, by)
	if err != nil {
		return fmt.Sprint("refused: ", gatehouse.CodeOf(err))
	}
	return got.AccessToken
}

// TestFailures: a connection that is out of order costs one request and one change for a while, not one for each call; once it
// or its provider is changed it is tried again.
func TestFailures(t *testing.T) {
	p := newIdentityProvider(t)
	p.answer = func(url.Values) (int, string, string) { return 500, "application/json", `{}` }
	w, c := connected(t, p)
	last := func() int64 {
		n, _, err := w.Store.Last(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	tokenText(t, c, "self", asker)
	changes := last()
	for range 20 {
		if got := tokenText(t, c, "self", asker); got != "refused: Unauthenticated" {
			t.Error(got)
		}
	}
	if p.count() != 1 || last() != changes {
		t.Errorf("%d requests, %d changes more", p.count(), last()-changes)
	}
	w.Clock.Advance(11 * time.Second)
	if tokenText(t, c, "self", asker); p.count() != 2 {
		t.Error("not tried again:", p.count())
	}
	p.answer = func(url.Values) (int, string, string) { return 200, "application/json", `{"access_token":"t"}` }
	w.Do("owner", "PUT", service+"/authorizationProviders/p/authorizations/self"+version, http.Header{"If-Match": {"*"}}, `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "ClientCredentials", "parameters": {"clientId": "robot", "clientSecret": "boop"}}}`)
	if got := tokenText(t, c, "self", asker); got != "t" || p.count() != 3 {
		t.Error("after it was mended:", got, p.count())
	}
	for _, name := range []string{"", "self/accessPolicies/a", "self?x", "../authorizations/self"} {
		if got := tokenText(t, c, name, asker); got != "refused: ResourceNotFound" {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// TestClear: the secrets of a client go nowhere in the clear but on this machine.
func TestClear(t *testing.T) {
	p := newIdentityProvider(t)
	w, c := connected(t, p)
	w.Do("owner", "PUT", service+"/authorizationProviders/p"+version, http.Header{"If-Match": {"*"}}, `{"properties": {"displayName": "P", "identityProvider": "oauth2", "oauth2": {"grantTypes": {"clientCredentials": {"tokenUrl": "http://tokens.test/token"}}}}}`)
	if got := tokenText(t, c, "self", asker); got != "refused: ValidationError" || p.count() != 0 {
		t.Error(got, p.count())
	}
}

// TestClientCredentials: tokens are got once, kept until shortly before their end, and only for who has an access policy.
func TestClientCredentials(t *testing.T) {
	p := newIdentityProvider(t)
	p.answer = func(url.Values) (int, string, string) {
		return 200, "application/json", fmt.Sprintf(`{"access_token":"t%d","expires_in":3600,"scope":"all"}`, len(p.asked))
	}
	w, c := connected(t, p)
	for name, by := range map[string]apim.Asker{"nobody": {}, "another object": {Tenant: asker.Tenant, Object: asker.App, App: asker.App}, "another tenant": {Tenant: asker.App, Object: asker.Object, App: asker.App}, "another application": {Tenant: asker.Tenant, Object: asker.Object}} {
		if got := tokenText(t, c, "self", by); got != "refused: ResourceNotFound" {
			t.Errorf("%s: %s", name, got)
		}
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if got := tokenText(t, c, "self", asker); got != "t1" {
				t.Error(got)
			}
		})
	}
	wait.Wait()
	if f := p.last(); p.count() != 1 || f.Get("grant_type") != "client_credentials" || f.Get("client_id") != "robot" || f.Get("client_secret") != "beep" || f.Get("scope") != "all" {
		t.Error(p.count(), f)
	}
	w.Clock.Advance(59*time.Minute + time.Second)
	if got := tokenText(t, c, "self", asker); got != "t2" {
		t.Error(got)
	}
	a := w.Do("owner", "GET", service+"/authorizationProviders/p/authorizations/self"+version, nil, "")
	if s := a.Body.String(); !strings.Contains(s, `"status":"Connected"`) || strings.Contains(s, "t2") || strings.Contains(s, `"error"`) {
		t.Error(s)
	}
	// Another client secret begins anew, and a refusal shows in the connection.
	w.Do("owner", "PUT", service+"/authorizationProviders/p/authorizations/self"+version, nil, `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "ClientCredentials", "parameters": {"clientId": "robot", "clientSecret": "wrong"}}}`)
	p.answer = func(url.Values) (int, string, string) {
		return 401, "application/json", `{"error":"invalid_client","error_description":"hush about this"}`
	}
	if _, err := c.Token(context.Background(), gatehouse.MustID(service), "p", "self", asker); err == nil || strings.Contains(err.Error(), "hush") {
		t.Error(err)
	}
	a = w.Do("owner", "GET", service+"/authorizationProviders/p/authorizations/self"+version, nil, "")
	if !strings.Contains(a.Body.String(), `"status":"Error"`) {
		t.Error(a.Body)
	}
}

// pkce is the S256 challenge of a verifier (RFC 7636 4.2).
func pkce(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestCode goes the way of a person: link, sign-in, back; then tokens are renewed without them.
func TestCode(t *testing.T) {
	p := newIdentityProvider(t)
	p.answer = func(f url.Values) (int, string, string) {
		if f.Get("grant_type") == "refresh_token" {
			return 200, "application/x-www-form-urlencoded", "access_token=second&expires_in=100"
		}
		return 200, "application/json; charset=utf-8", `{"access_token":"first","refresh_token":"again","expires_in":"3600","user":"ada"}`
	}
	w, c := connected(t, p)
	if got := tokenText(t, c, "code", asker); got != "refused: Unauthenticated" {
		t.Error("before anybody signed in:", got)
	}
	a := w.Do("owner", "POST", service+"/authorizationProviders/p/authorizations/code/getLoginLinks"+version, nil, `{"postLoginRedirectUrl": "https://contoso.test/done?x=1"}`)
	link, err := url.Parse(parse(t, a.Body.Bytes()).String("loginLink"))
	if err != nil || link.Query().Get("code_challenge") == "" {
		t.Fatal(a.Body)
	}
	back := func(state, code string) *httptest.ResponseRecorder {
		r := httptest.NewRecorder()
		c.ServeHTTP(r, httptest.NewRequest("GET", apim.RedirectPath+"contoso?"+url.Values{"state": {state}, "code": {code}}.Encode(), nil))
		return r
	}
	state := link.Query().Get("state")
	for _, bad := range []string{"", "x", state + "x", strings.Split(state, ".")[0] + ".", "L3N1YnNjcmlwdGlvbnM.x"} {
		if r := back(bad, "c"); r.Code != http.StatusBadRequest {
			t.Errorf("state %q: %d", bad, r.Code)
		}
	}
	r := back(state, "thecode")
	if r.Code != http.StatusSeeOther || r.Header().Get("Location") != "https://contoso.test/done?x=1" {
		t.Fatal(r.Code, r.Header())
	}
	if f := p.last(); f.Get("code") != "thecode" || pkce(f.Get("code_verifier")) != link.Query().Get("code_challenge") || f.Get("redirect_uri") != link.Query().Get("redirect_uri") || f.Get("client_secret") != "hush" {
		t.Error(f)
	}
	if r := back(state, "thecode"); r.Code != http.StatusBadRequest {
		t.Error("a sign-in works twice:", r.Code)
	}
	if got := tokenText(t, c, "code", asker); got != "first" {
		t.Error(got)
	}
	w.Clock.Advance(2 * time.Hour)
	if got := tokenText(t, c, "code", asker); got != "second" || p.last().Get("refresh_token") != "again" {
		t.Error(got, p.last())
	}
	w.Clock.Advance(2 * time.Hour)
	if got := tokenText(t, c, "code", asker); got != "second" || p.last().Get("refresh_token") != "again" {
		t.Error("the refresh token was lost:", got)
	}
}

// TestTokenEndpointIsGuarded: whoever writes a provider cannot make the server ask itself, in the clear or not.
func TestTokenEndpointIsGuarded(t *testing.T) {
	for scheme, want := range map[string]string{"http": "refused: ValidationError", "https": "refused: Unauthenticated"} {
		p := newIdentityProvider(t)
		var reached atomic.Int32
		at := httptest.NewUnstartedServer(p.Config.Handler)
		at.Config.ConnState = func(net.Conn, http.ConnState) { reached.Add(1) }
		if at.Start(); scheme == "https" {
			at.URL = strings.Replace(at.URL, "http:", "https:", 1)
		}
		defer at.Close()
		p.URL = at.URL
		w, _ := connected(t, p)
		c := apim.NewConnections(apim.ConnectionsConfig{Store: w.Store, Clock: w.Clock.Now})
		if got := tokenText(t, c, "self", asker); got != want || reached.Load() != 0 {
			t.Error(scheme, got, reached.Load())
		}
	}
}
