package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway/config"
)

// witness is a backend that keeps the headers of what it was asked, and redirects to where it is told.
type witness struct {
	*httptest.Server
	mu   sync.Mutex
	seen []http.Header
}

func newWitness(t *testing.T, to func(*http.Request) string) *witness {
	w := &witness{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r.Header.Clone())
		w.mu.Unlock()
		if at := to(r); at != "" {
			http.Redirect(rw, r, at, http.StatusTemporaryRedirect)
			return
		}
		fmt.Fprint(rw, "arrived ", r.URL.Path)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *witness) last(t *testing.T) http.Header {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		t.Fatal("nothing came")
	}
	return w.seen[len(w.seen)-1]
}

func stays(*http.Request) string { return "" }

// TestRedirects: what follow-redirects sends to another server lets nobody in there; within the backend all goes along.
func TestRedirects(t *testing.T) {
	other := newWitness(t, stays)
	backend := newWitness(t, func(r *http.Request) string {
		switch r.URL.Path {
		case "/out":
			return other.URL + "/there"
		case "/round":
			return "/in"
		case "/loop":
			return "/loop"
		case "/back":
			return other.URL + "/back"
		}
		return ""
	})
	backends := entity("/backends/b", &config.Backend{URL: backend.URL, Credentials: &config.BackendCredentials{Header: map[string][]string{"X-Backend-Secret": {"s3"}}}})
	key := entity("/subscriptions/k", &config.Subscription{State: "active", Primary: "k", AllAccess: true})
	s := newSite(t, key, backends, newAPI("a", "a", "http://nowhere.invalid", func(a *config.API) { a.KeyNames.Header = "X-Own-Key" }), newOperation("a", "all", "GET", "/*"),
		newPolicy("/apis/a", `<inbound><base /><set-backend-service backend-id="b" /><set-header name="X-Gatehouse-Principal-Id"><value>ada</value></set-header></inbound>
			<backend><forward-request follow-redirects="true" /></backend><outbound><base /></outbound>`))
	secrets := []string{"Authorization", "Cookie", "X-Own-Key", "Ocp-Apim-Subscription-Key", "X-Api-Key", "X-Gatehouse-Principal-Id", "X-Backend-Secret", "Referer"}
	sent := []string{"Authorization", "Bearer t", "Cookie", "c=1", "X-Own-Key", "k", "Ocp-Apim-Subscription-Key", "k", "X-Api-Key", "k", "Accept", "text/plain", "X-Other", "o"}
	s.want("GET /a/out?subscription-key=k", 200, "arrived /there", sent...)
	got := other.last(t)
	for _, name := range secrets {
		if got[name] != nil {
			t.Errorf("another server was told %s: %q", name, got[name])
		}
	}
	if got.Get("Accept") != "text/plain" || got.Get("X-Other") != "o" || got.Get("User-Agent") != "Go-http-client/1.1" {
		t.Error("lost on the way:", got)
	}
	s.want("GET /a/round", 200, "arrived /in", sent...)
	got = backend.last(t)
	for _, name := range secrets[:len(secrets)-1] {
		if got[name] == nil {
			t.Errorf("the same server was not told %s", name)
		}
	}
	s.want("GET /a/loop", 500, "")
}

// TestForwardedHeaders: what a client says about how its request came reaches neither policies nor backends, unless it is a proxy
// that is trusted.
func TestForwardedHeaders(t *testing.T) {
	backend := newWitness(t, stays)
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "all", "GET", "/*"))
	forged := []string{"X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "bank.example", "Forwarded", "for=9.9.9.9", "X-Original-Url", "/admin", "X_Forwarded_Host", "bank.example"}
	s.want("GET /a/x", 200, "", forged...)
	if got := backend.last(t); len(got["X-Forwarded-For"]) != 1 || got.Get("X-Forwarded-For") != "127.0.0.1" || got["X-Forwarded-Proto"] != nil || got["X-Forwarded-Host"] != nil || got["Forwarded"] != nil || got["X-Original-Url"] != nil || got["X_forwarded_host"] != nil {
		t.Error(got)
	}
	s.g.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	s.want("GET /a/x", 200, "", forged...)
	if got := backend.last(t); got.Get("X-Forwarded-For") != "9.9.9.9, 127.0.0.1" || got.Get("X-Forwarded-Proto") != "https" || got.Get("X-Forwarded-Host") != "bank.example" || got["X_forwarded_host"] != nil {
		t.Error(got)
	}
}

// TestOddSpellings: a header with underscores that a backend takes for one that was looked at does not pass; others do.
func TestOddSpellings(t *testing.T) {
	backend := newWitness(t, stays)
	s := newSite(t, newAPI("a", "a", backend.URL, func(a *config.API) { a.KeyNames.Header = "X-Own-Key" }), newOperation("a", "all", "GET", "/*"))
	s.want("GET /a/x", 200, "", "X_HTTP_Method_Override", "DELETE", "X-Http_Method-Override", "DELETE", "X_Gatehouse_Principal_Id", "ada", "X.Gatehouse.Principal.Id", "ada", "X_Own_Key", "k", "client_id", "c",
		"X-Tenant", "a", "X_Tenant", "b")
	var odd []string
	for name := range backend.last(t) {
		if strings.ContainsAny(name, "_.") {
			odd = append(odd, name)
		}
	}
	if len(odd) != 1 || odd[0] != "Client_id" {
		t.Error(odd)
	}
}

// TestForgedLoopback: a request of a policy to the gateway itself is no proxy's, though it comes from this machine.
func TestForgedLoopback(t *testing.T) {
	s := newSite(t, newAPI("a", "a", "http://x.invalid", nil), newOperation("a", "o", "GET", "/"), newAPI("b", "b", "http://x.invalid", nil), newOperation("b", "o", "GET", "/"),
		newPolicy("/apis/a", `<inbound><base /><send-request response-variable-name="r"><set-url>http://contoso.azure-api.net/b</set-url>
			<set-header name="X-Forwarded-For"><value>9.9.9.9</value></set-header><set-header name="X-Forwarded-Proto"><value>https</value></set-header></send-request>
			<return-response><set-body>@(((IResponse)context.Variables["r"]).Body.As&lt;string>())</set-body></return-response></inbound>`),
		newPolicy("/apis/b", `<inbound><base /><return-response><set-body>@(context.Request.IpAddress + " " + context.Request.OriginalUrl.Scheme)</set-body></return-response></inbound>`))
	s.g.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	s.want("GET /a", 200, "127.0.0.1 http", "X-Forwarded-For", "8.8.8.8")
}

// TestKindOfAnyCase: an API of type WebSocket takes nothing but handshakes, however its type is written.
func TestKindOfAnyCase(t *testing.T) {
	s := newSite(t, newAPI("a", "a", echo(t), func(a *config.API) { a.Type = "WebSocket"; a.Protocols = []string{"http", "ws"} }), entity("/apis/a/operations/onHandshake", &config.Operation{Method: "GET", URLTemplate: "/"}))
	s.want("GET /a", 404, "Resource not found")
}

// TestTraceHeadersPass: a gateway that follows nothing passes on what belongs to a trace as it is, malformed or not.
func TestTraceHeadersPass(t *testing.T) {
	backend := newWitness(t, stays)
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "all", "GET", "/*"))
	for _, parent := range []string{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "no such thing"} {
		s.want("GET /a/x", 200, "", "Traceparent", parent, "Tracestate", "vendor=1,,", "Baggage", "k=v", "Request-Id", "|1.")
		if got := backend.last(t); got.Get("Traceparent") != parent || got.Get("Tracestate") != "vendor=1,," || got.Get("Baggage") != "k=v" || got.Get("Request-Id") != "|1." {
			t.Error(got)
		}
	}
}
