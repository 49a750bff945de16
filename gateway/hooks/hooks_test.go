package hooks

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/feed"
	"gatehouse/gateway/trace"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
	"gatehouse/provider/rolecheck"
	"gatehouse/rbac/builtin"
)

const (
	version  = "?api-version=2024-05-01"
	audience = "api://gatehouse-gateway"
)

var contoso = armtest.GroupID().String() + "/providers/Microsoft.ApiManagement/service/contoso"

// authority takes "{audience} {object ID}" for a token.
type authority struct{ w *armtest.World }

func (a authority) Authenticate(_ context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error) {
	for _, aud := range audiences {
		if rest, ok := strings.CutPrefix(bearer, aud+":"); ok {
			id, err := gatehouse.ParseGUID(rest)
			if err == nil && a.w.Guard.SignsIn(id) {
				return &gatehouse.Caller{ID: id, Type: gatehouse.User, Name: "somebody@contoso.test"}, nil
			}
		}
	}
	return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "The access token is invalid.")
}

func (authority) Certificate(context.Context, *x509.Certificate) (*gatehouse.Caller, error) {
	return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "no")
}

// Foreign takes "{anything}.{claims}.{object ID}" for a token that a federated identity credential is for.
func (a authority) Foreign(_ context.Context, bearer string, by *admit.Foreign) (*gatehouse.Caller, error) {
	id, err := gatehouse.ParseGUID(bearer[strings.LastIndexByte(bearer, '.')+1:])
	if err != nil || by.Setting != "/apis/orders/rolechecks/default" || by.Service != contoso {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "no")
	}
	return &gatehouse.Caller{ID: id, Type: gatehouse.User, Name: "robot", Method: "federated", Issuer: by.Issuers[0]}, nil
}

func (a authority) Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error) {
	return a.w.Guard.AuthorizeData(ctx, caller, action, scope)
}

// fixture is a management side with a gateway on it.
type fixture struct {
	*armtest.World
	t       *testing.T
	at      *httptest.Server
	traces  *trace.Store
	counts  *analytics.Store
	hooks   *Hooks
	seen    http.Header // that a backend got last
	backend string
}

func start(t *testing.T) *fixture {
	f := &fixture{t: t, traces: trace.NewStore(nil)}
	var err error
	if f.counts, err = analytics.Open(t.Context(), t.TempDir(), analytics.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.counts.Close() })
	quiet := slog.New(slog.DiscardHandler)
	var g *gateway.Gateway
	f.World = armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		source, err := feed.New(t.Context(), w.Store, quiet)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := admit.NewSigner("https://gateway.test", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.hooks = New(Config{Gate: admit.New(admit.Config{Authority: authority{w}}), Signer: signer, Audience: audience, Results: f.counts, Traces: f.traces, Clock: w.Clock.Now, Log: quiet})
		g = gateway.New(gateway.Config{Begin: f.hooks.Begin, Admit: f.hooks.Admit, Debug: f.hooks.Debug, Observe: f.hooks.Observe, Default: "contoso", Log: quiet})
		source.Follow(f.hooks.Update)
		source.Follow(g.Update)
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, rolecheck.New(rolecheck.Config{}), authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index, Traces: f.traces}))
	})
	t.Cleanup(g.Close)
	f.at = httptest.NewServer(g)
	t.Cleanup(f.at.Close)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.seen = r.Header.Clone()
		io.WriteString(w, "hello")
	}))
	t.Cleanup(backend.Close)
	f.backend = backend.URL
	f.put("", `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`)
	f.put("/apis/orders", `{"properties": {"displayName": "Orders", "path": "orders", "protocols": ["http"], "subscriptionRequired": false, "serviceUrl": "`+backend.URL+`"}}`)
	f.put("/apis/orders/operations/get", `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/"}}`)
	f.put("/apis/orders/operations/post", `{"properties": {"displayName": "Post", "method": "POST", "urlTemplate": "/"}}`)
	f.put("/apis/orders;rev=2", `{"properties": {"sourceApiId": "/apis/orders"}}`)
	return f
}

func (f *fixture) do(method, path, body string) map[string]any {
	f.t.Helper()
	a := f.Do("owner", method, path, nil, body)
	if a.Code/100 != 2 {
		f.t.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
	}
	out := map[string]any{}
	_ = json.Unmarshal(a.Body.Bytes(), &out) // some answers are empty
	return out
}

func (f *fixture) put(path, body string) { f.t.Helper(); f.do("PUT", contoso+path+version, body) }

// set writes the role check of the service, or of what a path below it names.
func (f *fixture) set(of, body string) {
	f.t.Helper()
	f.do("PUT", contoso+of+"/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": `+body+`}`)
}

// call calls the API and returns status, headers and body.
func (f *fixture) call(method, path string, headers ...string) (int, http.Header, string) {
	f.t.Helper()
	r, err := http.NewRequest(method, f.at.URL+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header[http.CanonicalHeaderKey(headers[i])] = []string{headers[i+1]}
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer a.Body.Close()
	body, _ := io.ReadAll(a.Body)
	return a.StatusCode, a.Header, string(body)
}

func (f *fixture) want(what string, status int, method, path string, headers ...string) {
	f.t.Helper()
	if got, _, body := f.call(method, path, headers...); got != status {
		f.t.Errorf("%s: %s %s: %d %s, want %d", what, method, path, got, body, status)
	}
}

// role gives somebody a data action at a scope, and returns how to take it away.
func (f *fixture) role(who gatehouse.GUID, scope, action string) (revoke func()) {
	f.t.Helper()
	sub := "/subscriptions/" + armtest.Subscription.String()
	role := sub + "/providers/Microsoft.Authorization/roleDefinitions/" + gatehouse.NewGUID().String()
	f.do("PUT", role+"?api-version=2022-04-01", fmt.Sprintf(`{"properties": {"roleName": %q, "type": "CustomRole", "assignableScopes": [%q], "permissions": [{"actions": [], "dataActions": [%q]}]}}`,
		role[len(role)-8:], sub, action))
	at := scope + "/providers/Microsoft.Authorization/roleAssignments/" + gatehouse.NewGUID().String() + "?api-version=2022-04-01"
	f.do("PUT", at, fmt.Sprintf(`{"properties": {"roleDefinitionId": %q, "principalId": %q, "principalType": "User"}}`, role, who))
	return func() { f.t.Helper(); f.do("DELETE", at, "") }
}

// TestForeign: tokens of other identity providers count where the setting names their issuer, in enforce and audit alike, and do not
// pass on to policies and backends when they could be exchanged.
func TestForeign(t *testing.T) {
	f := start(t)
	token := "Bearer x." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss": "https://other.test"}`)) + "." + armtest.Bob.String()
	const issuers = `"issuers": [{"issuer": "https://other.test", "audiences": ["api://orders"], "federatedCredentials": true}]`
	f.set("/apis/orders", `{"mode": "enforce"}`)
	f.want("not named", 401, "GET", "/orders/", "Authorization", token)
	f.set("/apis/orders", `{"mode": "enforce", `+issuers+`}`)
	f.want("without a role", 403, "GET", "/orders/", "Authorization", token)
	f.role(armtest.Bob, contoso+"/apis/orders", builtin.CallRead)
	f.want("with a role", 200, "GET", "/orders/", "Authorization", token)
	if f.seen.Get("Authorization") != "" || f.seen.Get("X-Gatehouse-Principal-Id") != armtest.Bob.String() {
		t.Error("the backend got", f.seen)
	}
	f.want("a token of this server", 200, "GET", "/orders/", "Authorization", "Bearer "+audience+":"+armtest.Bob.String())
	if f.seen.Get("Authorization") == "" {
		t.Error("the backend did not get a token that is for it")
	}
	f.want("another issuer", 401, "GET", "/orders/", "Authorization", "Bearer x."+base64.RawURLEncoding.EncodeToString([]byte(`{"iss": "https://evil.test"}`))+"."+armtest.Bob.String())
	f.set("/apis/orders", `{"mode": "enforce", "header": "X-Token", `+issuers+`}`)
	f.want("a header of its own", 200, "GET", "/orders/", "X-Token", token)
	if f.seen.Get("X-Token") != "" {
		t.Error("the backend got", f.seen)
	}
	f.set("/apis/orders", `{"mode": "audit", `+issuers+`}`)
	f.want("audit", 200, "POST", "/orders/", "Authorization", token)
	if f.seen.Get("Authorization") != "" {
		t.Error("the backend got", f.seen)
	}
}

// TestRoleCheck: role assignments made as usual decide who may call, from the next call on.
func TestRoleCheck(t *testing.T) {
	f := start(t)
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String()}
	owner := []string{"Authorization", "Bearer " + audience + ":" + armtest.Owner.String()}
	f.want("without a setting", 200, "GET", "/orders")
	f.set("", `{"mode": "enforce"}`)
	status, header, body := f.call("GET", "/orders")
	if status != 401 || header.Get("WWW-Authenticate") != "Bearer" || !strings.HasPrefix(body, `{ "statusCode": 401, "message": "`) {
		t.Error(status, header, body)
	}
	f.want("a bad token", 401, "GET", "/orders", "Authorization", "Bearer x")
	f.want("a token for something else", 401, "GET", "/orders", "Authorization", "Bearer https://management.azure.com:"+armtest.Owner.String())
	f.want("no role", 403, "GET", "/orders", bob...)
	f.want("Owner's star is no data action", 403, "GET", "/orders", owner...)
	for name, at := range map[string]string{"operation": contoso + "/apis/orders/operations/get", "API": contoso + "/apis/orders", "service": contoso,
		"group": armtest.GroupID().String(), "subscription": "/subscriptions/" + armtest.Subscription.String()} {
		revoke := f.role(armtest.Bob, at, builtin.CallRead)
		f.want("a role at the "+name, 200, "GET", "/orders", bob...)
		f.want("the same revision of it", 200, "GET", "/orders;rev=2", bob...)
		f.want("that is for reading", 403, "POST", "/orders", bob...)
		revoke()
		f.want("no role at the "+name, 403, "GET", "/orders", bob...)
	}
	defer f.role(armtest.Bob, contoso+"/apis/orders", "Gatehouse.Gateway/*")()
	f.want("a star", 200, "POST", "/orders", bob...)
	if got := f.seen.Get("X-Gatehouse-Principal-Id"); got != armtest.Bob.String() || f.seen.Get(admit.AssertionHeader) == "" {
		t.Errorf("the backend was told of %q", got)
	}
	f.want("somebody who says to be another", 200, "GET", "/orders", append(bob, "X-Gatehouse-Principal-Id", armtest.Owner.String())...)
	if got := f.seen.Get("X-Gatehouse-Principal-Id"); got != armtest.Bob.String() {
		t.Errorf("the backend was told of %q", got)
	}
}

// TestSettings: the setting of an API counts before that of the product, and that before the service's.
func TestSettings(t *testing.T) {
	f := start(t)
	f.put("/products/gold", `{"properties": {"displayName": "Gold", "subscriptionRequired": true}}`)
	f.put("/products/gold/apis/orders", "")
	f.put("/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/products/gold", "primaryKey": "hush-key"}}`)
	key := []string{"Ocp-Apim-Subscription-Key", "hush-key"}
	f.set("", `{"mode": "enforce"}`)
	f.set("/products/gold", `{"mode": "off"}`)
	f.want("by the product", 200, "GET", "/orders", key...)
	f.want("without", 401, "GET", "/orders")
	f.set("/apis/orders", `{"mode": "enforce", "audiences": ["api://orders"], "header": "X-Token"}`)
	f.want("the API's own", 401, "GET", "/orders", key...)
	defer f.role(armtest.Bob, contoso, builtin.CallRead)()
	f.want("its audience, in its header", 200, "GET", "/orders", "X-Token", "api://orders:"+armtest.Bob.String())
	f.want("not in the usual header", 401, "GET", "/orders", "Authorization", "Bearer api://orders:"+armtest.Bob.String())
	f.set("/apis/orders", `{"mode": "audit"}`)
	f.want("audit lets pass", 200, "GET", "/orders")
	f.set("/apis/orders", `{"mode": "enforce", "readAction": "Microsoft.ApiManagement/service/gateways/getConfiguration/action"}`)
	f.want("another action", 403, "GET", "/orders", "Authorization", "Bearer "+audience+":"+armtest.Bob.String())
	f.do("DELETE", contoso+"/apis/orders/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", "")
	f.want("the product's again", 200, "GET", "/orders", key...)
}

// TestTrace: debug credentials make one API's calls write down what happens; keys are not in it.
func TestTrace(t *testing.T) {
	f := start(t)
	f.put("/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/apis", "primaryKey": "hush-key"}}`)
	f.put("/apis/orders/policies/policy", `{"properties": {"format": "rawxml", "value": "<policies><inbound><base /><set-header name=\"x\"><value>hush-key</value></set-header></inbound></policies>"}}`)
	credentials := func(api string) string {
		return f.do("POST", contoso+"/gateways/managed/listDebugCredentials"+version, `{"apiId": "`+contoso+`/apis/`+api+`", "purposes": ["tracing"], "credentialsExpireAfter": "PT10M"}`)["token"].(string)
	}
	token := credentials("orders")
	status, header, body := f.call("GET", "/orders", debugHeader, token, "Ocp-Apim-Subscription-Key", "hush-key")
	id := header.Get(traceHeader)
	if status != 200 || id == "" {
		t.Fatal(status, header, body)
	}
	if f.seen.Get(debugHeader) != "" {
		t.Error("the credentials went to the backend")
	}
	a := f.Do("owner", "POST", contoso+"/gateways/managed/listTrace"+version, nil, `{"traceId": "`+id+`"}`)
	if text := a.Body.String(); a.Code != 200 || !strings.Contains(text, `"inbound"`) || strings.Contains(text, "hush-key") {
		t.Error(a.Code, text)
	}
	f.set("", `{"mode": "audit", "header": "X-Pass"}`)
	_, header, _ = f.call("GET", "/orders", debugHeader, token, "X-Pass", "Bearer hush-token", "Ocp-Apim-Subscription-Key", "hush-key")
	a = f.Do("owner", "POST", contoso+"/gateways/managed/listTrace"+version, nil, `{"traceId": "`+header.Get(traceHeader)+`"}`)
	if text := a.Body.String(); a.Code != 200 || !strings.Contains(text, "X-Pass") || strings.Contains(text, "hush-token") {
		t.Error("the token of a header that a role check names:", a.Code, text)
	}
	f.put("/apis/other", `{"properties": {"displayName": "Other", "path": "other"}}`)
	if _, header, _ := f.call("GET", "/orders", debugHeader, credentials("other")); header.Get(traceHeader) != "" || header[http.CanonicalHeaderKey(wrongHeader)] == nil {
		t.Error("credentials of another API", header)
	}
	f.Clock.Advance(time.Hour)
	if _, header, _ := f.call("GET", "/orders", debugHeader, token); header.Get(traceHeader) != "" || header.Get(expiredHeader) == "" {
		t.Error("expired credentials", header)
	}
	f.do("POST", contoso+"/gateways/managed/invalidateDebugCredentials"+version, "")
	if _, header, _ := f.call("GET", "/orders", debugHeader, credentials("orders")+"x"); header.Get(traceHeader) != "" {
		t.Error("forged credentials", header)
	}
}

// TestRecords: calls are recorded, without what lets callers in.
func TestRecords(t *testing.T) {
	f := start(t)
	f.put("/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/apis", "primaryKey": "hush-key"}}`)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.hooks.Run(ctx) }()
	f.want("a call", 200, "GET", "/orders?a=1&subscription-key=hush-key&sig=hush")
	f.want("of nothing", 404, "GET", "/nothing")
	cancel()
	<-done
	var key string
	for _, s := range *f.hooks.services.Load() {
		key = s.resource
	}
	list, _, err := f.counts.Requests(t.Context(), analytics.Query{Service: f.statistics(key)}, 0, 10)
	if err != nil || len(list) != 2 {
		t.Fatal(len(list), err)
	}
	r := list[0]
	if r.API != "/apis/orders" || r.Operation != "/apis/orders/operations/get" || r.Subscription != "/subscriptions/s" || r.Status != 200 || r.BackendStatus != 200 ||
		r.Gateway != "West Europe" || !strings.HasSuffix(r.URL, "/orders?a=1") || r.ResponseSize != 5 {
		t.Errorf("%+v", r)
	}
	if r := list[1]; r.API != "" || r.Status != 404 {
		t.Errorf("%+v", r)
	}
}

func (f *fixture) statistics(resource string) string {
	f.t.Helper()
	d, err := f.Store.Get(f.t.Context(), gatehouse.MustID(resource).Scope())
	if err != nil {
		f.t.Fatal(err)
	}
	r, err := arm.FromDocument(d)
	if err != nil {
		f.t.Fatal(err)
	}
	return apim.StatisticsKey(r)
}
