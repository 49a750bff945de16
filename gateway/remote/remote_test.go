package remote

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/feed"
	"gatehouse/gateway/trace"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
	"gatehouse/provider/rolecheck"
	"gatehouse/rbac/builtin"
)

var quiet = slog.New(slog.DiscardHandler)

const version = "?api-version=2024-05-01"

var contoso = armtest.GroupID().String() + "/providers/Microsoft.ApiManagement/service/contoso"

// authority knows who everybody is whose token is "token of {object ID}", and decides by the World's guard.
type authority struct{ w *armtest.World }

func (a authority) Authenticate(_ context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error) {
	id, err := gatehouse.ParseGUID(strings.TrimPrefix(bearer, "token of "))
	if err != nil || len(audiences) == 0 || !a.w.Guard.SignsIn(id) {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "no")
	}
	return &gatehouse.Caller{ID: id, Type: gatehouse.User, Name: "somebody", ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
}

func (a authority) Foreign(_ context.Context, bearer string, by *admit.Foreign) (*gatehouse.Caller, error) {
	id, err := gatehouse.ParseGUID(strings.TrimPrefix(bearer, "foreign token of "))
	if err != nil || by.Setting != "/apis/orders/rolechecks/default" || by.Service != contoso || !a.w.Guard.SignsIn(id) {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "no")
	}
	return &gatehouse.Caller{ID: id, Type: gatehouse.User, Name: "somebody", Issuer: "https://other.test", ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
}

func (a authority) Certificate(context.Context, *x509.Certificate) (*gatehouse.Caller, error) {
	return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "no")
}

func (a authority) Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error) {
	return a.w.Guard.AuthorizeData(ctx, caller, action, scope)
}

// fixture is a World with a service, a Node for it, and switches to break the way to it.
type fixture struct {
	*armtest.World
	t      *testing.T
	node   *Node
	feed   *feed.Feed
	server *httptest.Server
	down   atomic.Bool
	asked  atomic.Int64 // questions that reached the node
	shift  atomic.Int64 // of the gateway's clock
	counts *analytics.Store
	traces *trace.Store
}

func start(t *testing.T) *fixture {
	f := &fixture{t: t, traces: trace.NewStore(nil)}
	var err error
	if f.counts, err = analytics.Open(t.Context(), t.TempDir(), analytics.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.counts.Close() })
	f.World = armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		if f.feed, err = feed.New(t.Context(), w.Store, quiet); err != nil {
			t.Fatal(err)
		}
		f.node, err = NewNode(t.Context(), NodeConfig{Store: w.Store, Guard: w.Guard, Feed: f.feed, Authority: authority{w}, Analytics: f.counts, Traces: f.traces, Log: quiet,
			Clock: w.Clock.Now, Manager: func(ctx context.Context, bearer string) (*gatehouse.Caller, error) {
				return authority{w}.Authenticate(ctx, bearer, "management")
			}})
		if err != nil {
			t.Fatal(err)
		}
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, rolecheck.New(rolecheck.Config{}), authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index}))
	})
	f.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if r.Method == http.MethodPost {
			f.asked.Add(1)
		}
		f.node.ServeHTTP(w, r)
	}))
	t.Cleanup(f.server.Close)
	t.Cleanup(f.node.Close)
	f.put("", `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`)
	for _, api := range []string{"orders", "billing"} {
		f.put("/apis/"+api, `{"properties": {"displayName": "`+api+`", "path": "`+api+`", "protocols": ["https"]}}`)
		f.put("/apis/"+api+"/operations/get", `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/"}}`)
		f.put("/namedValues/"+api, `{"properties": {"displayName": "`+api+`", "value": "hush-`+api+`", "secret": true}}`)
		f.put("/apis/"+api+"/policies/policy", `{"properties": {"format": "rawxml", "value": "<policies><inbound><set-header name=\"x\"><value>{{`+api+`}}</value></set-header></inbound></policies>"}}`)
		f.put("/products/"+api, `{"properties": {"displayName": "`+api+`"}}`)
		f.put("/products/"+api+"/apis/"+api, "")
		f.put("/subscriptions/"+api, `{"properties": {"displayName": "`+api+`", "scope": "/products/`+api+`", "primaryKey": "key-`+api+`"}}`)
	}
	f.put("/gateways/factory", `{"properties": {"locationData": {"name": "Factory"}}}`)
	f.put("/gateways/branch", `{"properties": {"locationData": {"name": "Branch"}}}`)
	f.put("/gateways/factory/apis/orders", "")
	return f
}

func (f *fixture) do(method, path, body string, want ...int) map[string]any {
	f.t.Helper()
	a := f.Do("owner", method, path, nil, body)
	ok := a.Code/100 == 2
	for _, code := range want {
		ok = ok || a.Code == code
	}
	if !ok {
		f.t.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
	}
	out := map[string]any{}
	_ = json.Unmarshal(a.Body.Bytes(), &out) // some answers are empty
	return out
}

func (f *fixture) put(path, body string) { f.t.Helper(); f.do("PUT", contoso+path+version, body) }

// key makes a token with a key of a gateway.
func (f *fixture) key(gateway, which string) string {
	f.t.Helper()
	body := fmt.Sprintf(`{"keyType": %q, "expiry": %q}`, which, f.Clock.Now().Add(24*time.Hour).Format(time.RFC3339))
	return f.do("POST", contoso+"/gateways/"+gateway+"/generateToken"+version, body)["value"].(string)
}

// gateway starts a Remote.
func (f *fixture) gateway(name, token, dir string) *Remote {
	f.t.Helper()
	r, err := New(Config{Endpoint: f.server.URL + Path + "/Contoso", Gateway: name, Token: func() (string, error) { return token, nil }, Transport: f.server.Client().Transport, Dir: dir, Log: quiet,
		Clock: func() time.Time { return time.Now().Add(time.Duration(f.shift.Load())) }})
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// run runs a Remote until the returned function is called.
func run(t *testing.T, r *Remote) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// eventually waits for something to become true.
func eventually(t *testing.T, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("not within ten seconds: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(began)
}

func (r *Remote) keys() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config == nil {
		return ""
	}
	var all []string
	for _, e := range r.config.Update().Put {
		all = append(all, string(e.Key()))
	}
	return strings.Join(all, " ")
}

// text is all that a Remote knows.
func (r *Remote) text(t *testing.T) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config == nil {
		return ""
	}
	b, err := json.Marshal(r.config.Update())
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestLimited: a gateway gets what it serves, follows what becomes of that, and never sees secrets of other APIs.
func TestLimited(t *testing.T) {
	f := start(t)
	r := f.gateway("", f.key("factory", "primary"), "")
	run(t, r)
	eventually(t, "a configuration", r.Known)
	if n := f.node.Heard(); n != 1 {
		t.Errorf("%d gateways are heard of", n)
	}
	for key, want := range map[string]bool{"/apis/orders": true, "/apis/orders/operations/get": true, "/products/orders": true, "/namedvalues/orders": true, "/subscriptions/orders": true,
		"/apis/billing": false, "/apis/billing/policies/policy": false, "/products/billing": false, "/namedvalues/billing": false, "/subscriptions/billing": false, "/gateways/branch": false} {
		if got := strings.Contains(" "+r.keys()+" ", " "+key+" "); got != want {
			t.Errorf("%s is there: %v", key, got)
		}
	}
	if text := r.text(t); strings.Contains(text, "hush-billing") || strings.Contains(text, "key-billing") || !strings.Contains(text, "hush-orders") {
		t.Error("secrets of other APIs, or not those of its own")
	}
	f.put("/subscriptions/orders", `{"properties": {"displayName": "o", "scope": "/products/orders", "state": "suspended"}}`)
	took := eventually(t, "a suspended key", func() bool { return strings.Contains(r.text(t), `"suspended"`) })
	t.Logf("a key was suspended at the gateway after %v", took)
	f.put("/gateways/factory/hostnameConfigurations/h", `{"properties": {"hostname": "API.factory.test"}}`)
	eventually(t, "a host name", func() bool { return strings.Contains(r.text(t), `"hostName":"api.factory.test"`) })
	f.put("/gateways/factory/apis/billing", "")
	eventually(t, "another API", func() bool { return strings.Contains(r.text(t), "hush-billing") })
	f.do("DELETE", contoso+"/gateways/factory/apis/billing"+version, "")
	eventually(t, "one API less", func() bool { return !strings.Contains(r.text(t), "billing") })
	f.do("DELETE", contoso+version, "")
	eventually(t, "no service", func() bool { return !r.Known() })
}

// TestProof: only a gateway of the service, with a token that is good now, gets anything.
func TestProof(t *testing.T) {
	f := start(t)
	good := f.key("factory", "primary")
	second := f.key("factory", "secondary")
	get := func(path, authorization string) int {
		r, err := http.NewRequest("GET", f.server.URL+Path+path+"/updates?wait=0s", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", authorization)
		a, err := f.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a.StatusCode
	}
	owner := "Bearer token of " + armtest.Owner.String()
	check := func(when string, cases ...[3]any) {
		t.Helper()
		for _, c := range cases {
			if got := get(c[0].(string), c[1].(string)); got != c[2] {
				t.Errorf("%s: %s with %q: %d, want %v", when, c[0], c[1], got, c[2])
			}
		}
	}
	check("at first", [3]any{"/contoso/factory", "GatewayKey " + good, 200}, [3]any{"/CONTOSO/Factory", "gatewaykey " + second, 200},
		[3]any{"/contoso/branch", "GatewayKey " + good, 401}, [3]any{"/contoso/managed", "GatewayKey " + good, 401}, [3]any{"/other/factory", "GatewayKey " + good, 401},
		[3]any{"/contoso/factory", "Bearer " + good, 401}, [3]any{"/contoso/factory", "", 401}, [3]any{"/contoso/factory", "GatewayKey factory&209901010000&eA==", 401},
		[3]any{"/contoso/factory", owner, 403}, // Owner's star is no data action
		[3]any{"/contoso/managed", owner, 403}, [3]any{"/contoso/nothing", owner, 403}, [3]any{"/nothing/factory", owner, 403}, [3]any{"/contoso/factory", "Basic token of " + armtest.Owner.String(), 401})
	f.do("POST", contoso+"/gateways/factory/regenerateKey"+version, `{"keyType": "primary"}`)
	check("after the key was made anew", [3]any{"/contoso/factory", "GatewayKey " + good, 401}, [3]any{"/contoso/factory", "GatewayKey " + second, 200})
	f.role(armtest.Alice, contoso+"/gateways/factory", "Microsoft.ApiManagement/service/gateways/getConfiguration/action")
	alice := "Bearer token of " + armtest.Alice.String()
	check("with the data action", [3]any{"/contoso/factory", alice, 200}, [3]any{"/contoso/branch", alice, 403}, [3]any{"/contoso/managed", alice, 403}, [3]any{"/contoso/nothing", alice, 403})
	f.role(armtest.Alice, contoso, "Microsoft.ApiManagement/service/gateways/getConfiguration/action")
	check("with the data action at the service", [3]any{"/contoso/branch", alice, 200}, [3]any{"/contoso/managed", alice, 200}, [3]any{"/contoso/nothing", alice, 401})
	f.Clock.Advance(25 * time.Hour)
	check("a day later", [3]any{"/contoso/factory", "GatewayKey " + second, 401})
}

// role gives somebody a data action at a scope, and returns the path of the assignment.
func (f *fixture) role(who gatehouse.GUID, scope, action string) string {
	f.t.Helper()
	sub := "/subscriptions/" + armtest.Subscription.String()
	role := sub + "/providers/Microsoft.Authorization/roleDefinitions/" + gatehouse.NewGUID().String()
	f.do("PUT", role+"?api-version=2022-04-01", fmt.Sprintf(`{"properties": {"roleName": %q, "type": "CustomRole", "assignableScopes": [%q], "permissions": [{"actions": [], "dataActions": [%q]}]}}`,
		role[len(role)-8:], sub, action))
	at := scope + "/providers/Microsoft.Authorization/roleAssignments/" + gatehouse.NewGUID().String() + "?api-version=2022-04-01"
	f.do("PUT", at, fmt.Sprintf(`{"properties": {"roleDefinitionId": %q, "principalId": %q, "principalType": "User"}}`, role, who))
	return at
}

// TestRights: answers are remembered, end with a change of rights, and end when the node is silent for too long.
func TestRights(t *testing.T) {
	f := start(t)
	r := f.gateway("factory", f.key("factory", "primary"), "")
	run(t, r)
	eventually(t, "word from the node", r.Fresh)
	at := gatehouse.MustID(contoso + "/apis/orders/operations/get")
	ask := func() error {
		caller, err := r.Authenticate(t.Context(), "token of "+armtest.Bob.String(), "api://gatehouse-gateway")
		if err != nil {
			return err
		}
		d, err := r.Decide(t.Context(), caller, builtin.CallRead, at)
		if d.Allowed != (err == nil) {
			t.Errorf("allowed: %v, error: %v", d.Allowed, err)
		}
		return err
	}
	if err := ask(); gatehouse.KindOf(err) != gatehouse.Forbidden {
		t.Error(err)
	}
	assignment := f.role(armtest.Bob, contoso, builtin.CallRead)
	eventually(t, "the role", func() bool { return ask() == nil })
	for scope, want := range map[string]gatehouse.Kind{contoso: 0, contoso + "/apis/other": gatehouse.Forbidden} {
		agent := &gatehouse.Caller{ID: armtest.Bob, Type: gatehouse.User, Agent: &gatehouse.Agent{Name: "bot", Actions: []string{"*"}, Scopes: []string{scope}, Expires: time.Now().Add(100 * 365 * 24 * time.Hour)}}
		if d, err := r.Decide(t.Context(), agent, builtin.CallRead, at); d.Allowed != (want == 0) || err != nil && gatehouse.KindOf(err) != want {
			t.Errorf("an agent with a grant at %s: %+v %v", scope, d, err)
		}
	}
	setting := &admit.Foreign{Service: "of somebody else", Setting: "/apis/orders/rolechecks/default"}
	if c, err := r.Foreign(t.Context(), "foreign token of "+armtest.Bob.String(), setting); err != nil || c.ID != armtest.Bob || c.Issuer == "" {
		t.Error("a token of another identity provider:", c, err)
	}
	if _, err := r.Foreign(t.Context(), "foreign token of "+armtest.Bob.String(), &admit.Foreign{Setting: "/rolechecks/default"}); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
		t.Error("by another setting:", err)
	}
	before := f.asked.Load()
	for range 100 {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	if more := f.asked.Load() - before; more > 2 {
		t.Errorf("the node was asked %d times for what is known", more)
	}
	f.do("PUT", contoso+"/apis/orders/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": {"mode": "enforce"}}`)
	before = f.asked.Load()
	eventually(t, "a role check that changed has the node asked again", func() bool { _ = ask(); return f.asked.Load() > before })
	f.put("/apis/other", `{"properties": {"displayName": "Other", "path": "other"}}`)
	before = f.asked.Load()
	if err := ask(); err != nil || f.asked.Load() != before {
		t.Error("a change that is not about rights made the node be asked", err)
	}
	f.do("DELETE", assignment, "")
	took := eventually(t, "no role", func() bool { return ask() != nil })
	t.Logf("a role was gone at the gateway after %v", took)
	if err := ask(); gatehouse.KindOf(err) != gatehouse.Forbidden {
		t.Error(err)
	}
	if _, err := r.Decide(t.Context(), &gatehouse.Caller{ID: armtest.Owner}, builtin.CallRead, armtest.GroupID()); gatehouse.KindOf(err) != gatehouse.Unavailable {
		t.Error("a question about what is not the gateway's:", err)
	}
	f.role(armtest.Bob, contoso, builtin.CallRead)
	eventually(t, "the role again", func() bool { return ask() == nil })
	f.down.Store(true)
	if err := ask(); err != nil {
		t.Error("what is known counts for a while:", err)
	}
	f.shift.Store(int64(31 * time.Second))
	if err := ask(); gatehouse.KindOf(err) != gatehouse.Unavailable {
		t.Error("past the bound nobody is let in:", err)
	}
	if !r.Known() {
		t.Error("calls without role checks are served still")
	}
	f.down.Store(false)
	eventually(t, "the node again", func() bool { return ask() == nil })
}

// TestDisk: what was known is served after a start without the node, and nobody reads it on the disk.
func TestDisk(t *testing.T) {
	f := start(t)
	dir := filepath.Join(t.TempDir(), "gateway")
	token := f.key("factory", "primary")
	one := f.gateway("", token, dir)
	stop := run(t, one)
	eventually(t, "a configuration", one.Known)
	stop()
	f.down.Store(true)
	two := f.gateway("", token, dir)
	if two.text(t) == "" || two.text(t) != one.text(t) {
		t.Errorf("%s, want %s", two.text(t), one.text(t))
	}
	sealed, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil || bytes.Contains(sealed, []byte("hush")) || bytes.Contains(sealed, []byte("apis")) {
		t.Error("the file can be read", err)
	}
	for _, name := range []string{configFile, KeyFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(name, info.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, configFile), append(sealed, 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	if three := f.gateway("", token, dir); three.Known() {
		t.Error("a damaged file was taken")
	}
	f.down.Store(false)
	f.do("DELETE", contoso+version, "")
	f.do("PUT", contoso+version, `{"location": "westeurope", "properties": {"restore": true}}`)
	run(t, two)
	eventually(t, "the service that came back", func() bool { return two.Fresh() && two.Known() })
}

// TestResults: what a gateway counted arrives, also when the node was away meanwhile, for its own service only.
func TestResults(t *testing.T) {
	f := start(t)
	f.down.Store(true)
	r := f.gateway("", f.key("factory", "primary"), "")
	run(t, r)
	at := time.Now().UTC().Truncate(time.Hour)
	if err := r.Add(t.Context(), []analytics.Request{{Service: "of somebody else", Time: at, ID: "1", API: "/apis/orders", Status: 200}}); err != nil {
		t.Fatal(err)
	}
	r.Charge(t.Context(), "likewise", []analytics.Quota{{Counter: "c", Period: "0_P1D", Start: at, End: at.Add(time.Hour), Calls: 3}})
	r.Put("likewise", &trace.Trace{ID: "t1"})
	time.Sleep(20 * time.Millisecond)
	f.down.Store(false)
	var key string
	f.feed.View(gatehouse.MustID(contoso).Scope(), func(c *config.Config) { key = c.Service.Statistics })
	eventually(t, "a request", func() bool {
		list, _, err := f.counts.Requests(t.Context(), analytics.Query{Service: key}, 0, 10)
		return err == nil && len(list) == 1 && list[0].API == "/apis/orders"
	})
	eventually(t, "a quota", func() bool {
		quotas, err := f.counts.Quotas(t.Context(), key, "c", "")
		return err == nil && len(quotas) == 1 && quotas[0].Calls == 3
	})
	eventually(t, "a trace", func() bool { return f.traces.Get(contoso+"/gateways/factory", "t1") != nil })
	if r.Dropped() != 0 {
		t.Error("results were lost")
	}
}

func TestQueue(t *testing.T) {
	var q queue
	for i := range 3 {
		q.put(&results{Requests: make([]analytics.Request, mostRequests/2)})
		q.waiting.Requests[len(q.waiting.Requests)-1].ID = fmt.Sprint(i)
	}
	if q.dropped != mostRequests/2 || q.waiting.Requests[mostRequests/2-1].ID != "1" {
		t.Error(q.dropped, q.waiting.Requests[mostRequests/2-1].ID)
	}
	b := q.take()
	q.giveBack(b)
	if len(q.waiting.Requests) != mostRequests || q.waiting.Requests[mostRequests-1].ID != "2" {
		t.Error(len(q.waiting.Requests))
	}
}

func TestEndpoint(t *testing.T) {
	for _, endpoint := range []string{"", "http://localhost/gateway-config/contoso", "https://localhost", "https://localhost/gateway-config/", "https://localhost/gateway-config/a/b", "https://localhost/other/contoso"} {
		if _, err := New(Config{Endpoint: endpoint, Gateway: "g", Token: func() (string, error) { return "t", nil }}); err == nil {
			t.Errorf("%q is an endpoint", endpoint)
		}
	}
	if _, err := New(Config{Endpoint: "https://localhost/gateway-config/contoso", Token: func() (string, error) { return "eyJ", nil }}); err == nil {
		t.Error("a gateway without a name")
	}
}

// TestLeft: a gateway that was away while it, or its service, was deleted hears of that when it comes back, also after a
// start, and serves nothing any more. Whoever was not that gateway hears nothing.
func TestLeft(t *testing.T) {
	for what, path := range map[string]string{"the gateway": contoso + "/gateways/factory" + version, "the service": contoso + version} {
		f := start(t)
		token, dir := f.key("factory", "primary"), t.TempDir()
		stays, starts := f.gateway("", token, ""), f.gateway("", token, dir)
		run(t, stays)
		stop := run(t, starts)
		eventually(t, "a configuration", func() bool { return stays.Known() && starts.Known() })
		other := f.gateway("", f.key("branch", "primary"), "")
		run(t, other)
		eventually(t, "that of another", other.Known)
		stop()
		f.down.Store(true)
		f.do("DELETE", path, "")
		again := f.gateway("", token, dir)
		if !again.Known() { // the other may have heard by a call that was under way
			t.Fatal("nothing was kept")
		}
		stays.mu.Lock()
		state := stays.state
		stays.mu.Unlock()
		f.down.Store(false)
		run(t, again)
		eventually(t, what+" is gone", func() bool { return !again.Known() && !stays.Known() })
		if known, want := other.Known(), what == "the gateway"; want && !known {
			t.Error("another gateway went, too")
		}
		for query, want := range map[string]int{"state=" + state: 200, "state=": 401, "state=x" + state: 401, "state=" + state[:len(state)-1]: 401, "was=" + state: 200} {
			for _, at := range []string{"factory", "branch"} {
				r, err := http.NewRequest("GET", f.server.URL+Path+"/contoso/"+at+"/updates?"+query, nil)
				if err != nil {
					t.Fatal(err)
				}
				a, err := f.server.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				a.Body.Close()
				if expected := map[bool]int{true: want, false: 401}[at == "factory"]; a.StatusCode != expected {
					t.Errorf("%s with %s: %d, want %d", at, query, a.StatusCode, expected)
				}
			}
		}
	}
}

// TestKept: secrets of clients that only the management node needs leave it for no gateway.
func TestKept(t *testing.T) {
	f := start(t)
	f.put("/authorizationServers/as", `{"properties": {"displayName": "as", "clientRegistrationEndpoint": "https://x.test/r", "authorizationEndpoint": "https://x.test/a", "grantTypes": ["authorizationCode"], "clientId": "c", "clientSecret": "quiet-as"}}`)
	f.put("/openidConnectProviders/oi", `{"properties": {"displayName": "oi", "metadataEndpoint": "https://x.test/m", "clientId": "c", "clientSecret": "quiet-oi"}}`)
	f.put("/authorizationProviders/ap", `{"properties": {"displayName": "ap", "identityProvider": "oauth2", "oauth2": {"grantTypes": {"clientCredentials": {"tokenUrl": "https://x.test/t"}}}}}`)
	f.put("/authorizationProviders/ap/authorizations/one", `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "ClientCredentials", "parameters": {"clientId": "c", "clientSecret": "quiet-one"}}}`)
	f.role(armtest.Alice, contoso, "Microsoft.ApiManagement/service/gateways/getConfiguration/action")
	for name, token := range map[string]string{"factory": f.key("factory", "primary"), Managed: "token of " + armtest.Alice.String()} {
		r := f.gateway(name, token, "")
		run(t, r)
		eventually(t, "a configuration", r.Known)
		if text := r.text(t); strings.Contains(text, "quiet-") || !strings.Contains(text, "hush-orders") {
			t.Errorf("%s got secrets that it does not need, or not those that it does", name)
		}
	}
}
