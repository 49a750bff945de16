package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/config"
)

// site is a service under test: entities that can be changed, and the gateway that serves them.
type site struct {
	t  testing.TB
	c  *config.Config
	g  *Gateway
	at *httptest.Server
}

func entity[T config.Entity](id string, e T) T {
	e.SetID(id)
	return e
}

func newSite(t testing.TB, entities ...config.Entity) *site {
	s := &site{t: t, c: &config.Config{}, g: New(Config{Default: "contoso"})}
	t.Cleanup(s.g.Close)
	service := &config.Service{Resource: "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/Contoso", Location: "westeurope", Statistics: "contoso"}
	service.SetID("")
	s.apply(&config.Update{Whole: true, Put: append([]config.Entity{service}, entities...)})
	s.at = httptest.NewServer(s.g)
	t.Cleanup(s.at.Close)
	return s
}

func (s *site) apply(u *config.Update) {
	u.Service = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/Contoso"
	s.c.Apply(u)
	s.g.Update(s.c, u)
}

func (s *site) put(e ...config.Entity) { s.apply(&config.Update{Put: e}) }

func (s *site) remove(keys ...config.Key) { s.apply(&config.Update{Delete: keys}) }

// call sends a request, "GET /path" with headers behind, and returns status, headers and body.
func (s *site) call(request string, headers ...string) (int, http.Header, string) {
	s.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(context.Background(), method, s.at.URL, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.URL.Opaque = path
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// want calls and compares the status, and that the body holds a text.
func (s *site) want(request string, status int, body string, headers ...string) {
	s.t.Helper()
	got, _, text := s.call(request, headers...)
	if got != status || !strings.Contains(text, body) {
		s.t.Errorf("%s %q: %d %s; wanted %d with %s", request, headers, got, text, status, body)
	}
}

// echo is a backend that answers with what it was asked.
func echo(t testing.TB) string {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Set"))
		fmt.Fprintf(w, "%s %s host=%s for=%s body=%s", r.Method, r.URL.RequestURI(), r.Host, r.Header.Get("X-Forwarded-For"), body)
	}))
	t.Cleanup(at.Close)
	return at.URL
}

func newAPI(name, path, target string, more func(*config.API)) *config.API {
	a := entity("/apis/"+name, &config.API{DisplayName: name, Path: path, ServiceURL: target, Protocols: []string{"http", "https"}, Revision: "1", Current: true})
	if more != nil {
		more(a)
	}
	return a
}

func newOperation(api, name, method, template string) *config.Operation {
	return entity("/apis/"+api+"/operations/"+name, &config.Operation{DisplayName: name, Method: method, URLTemplate: template})
}

func newPolicy(of, sections string) *config.Policy {
	return entity(of+"/policies/policy", &config.Policy{Format: "rawxml", Value: "<policies>" + sections + "</policies>"})
}

// says is a policy that answers with a text and parameters.
func says(text string) string {
	return `<inbound><base /><return-response><set-body>` + text + `</set-body></return-response></inbound>`
}

func TestRoutes(t *testing.T) {
	var list []config.Entity
	add := func(api, name, method, template string) {
		list = append(list, newOperation(api, name, method, template), newPolicy("/apis/"+api+"/operations/"+name, says(api+"."+name)))
	}
	to := echo(t)
	list = append(list, newAPI("a", "a", to, nil), newAPI("ab", "a/B", to, nil), newAPI("root", "", to, nil),
		newAPI("secure", "secure", to, func(a *config.API) { a.Protocols = []string{"https"} }))
	add("a", "items", "GET", "/items")
	add("a", "item", "GET", "/items/{id}")
	add("a", "new", "GET", "/items/new")
	add("a", "json", "GET", "/items/{id}.json")
	add("a", "range", "GET", "/range/{from}-{to}")
	add("a", "deep", "GET", "/items/{id}/x")
	add("a", "rest", "GET", "/files/*")
	add("a", "query", "GET", "/items?kind={kind}")
	add("a", "post", "POST", "/items")
	add("ab", "b", "GET", "/b")
	add("root", "any", "GET", "/*")
	add("secure", "s", "GET", "/s")
	s := newSite(t, list...)
	for request, want := range map[string]string{
		"GET /a/items": "a.items", "GET /A/Items": "a.items", "GET /a/items/": "a.items", "GET /a/items/5": "a.item", "GET /a/items/new": "a.new",
		"GET /a/items/5.json": "a.json", "GET /a/range/1-2": "a.range", "GET /a/items/new/x": "a.deep", "GET /a/files": "a.rest", "GET /a/files/1/2": "a.rest",
		"GET /a/items?Kind=x": "a.query", "GET /a/items?other=x": "a.items", "POST /a/items": "a.post", "GET /a/b/b": "ab.b", "GET /a/b/../items": "a.items",
		"GET /a/%2e%2e/a/items": "a.items", "GET /a/items/x%2Fy": "a.item", "GET /elsewhere": "root.any", "GET /": "root.any",
		"DELETE /a/items": "Resource not found", "GET /a/b/c": "Resource not found", "GET /secure/s": "Resource not found", "GET /../x": "Resource not found",
	} {
		status := 200
		if want == "Resource not found" {
			status = 404
		}
		s.want(request, status, want)
	}
	s.want("GET /a/items", 200, "a.items", "Host", "contoso.localhost:99")
	s.g.Default = ""
	s.put(newPolicy("/apis/a", "<inbound><base /></inbound>"))
	s.want("GET /a/items", 404, "host name", "Host", "elsewhere.example")
	s.want("GET /a/items", 200, "a.items", "Host", "CONTOSO.azure-api.net")
}

func TestVersionsAndRevisions(t *testing.T) {
	to := echo(t)
	list := []config.Entity{entity("/apiVersionSets/seg", &config.VersionSet{Scheme: "Segment"}), entity("/apiVersionSets/q", &config.VersionSet{Scheme: "Query", Query: "api-version"}),
		entity("/apiVersionSets/h", &config.VersionSet{Scheme: "Header", Header: "Api-Version"})}
	for _, set := range []string{"seg", "q", "h"} {
		for _, version := range []string{"", "v1", "v2"} {
			name := set + version
			list = append(list, newAPI(name, set, to, func(a *config.API) { a.Version, a.VersionSet = version, config.KeyOf("/apiVersionSets/"+set) }),
				newOperation(name, "o", "GET", "/o"), newPolicy("/apis/"+name, says(name+".")))
		}
	}
	for rev := 2; rev <= 3; rev++ {
		name := fmt.Sprintf("segv1;rev=%d", rev)
		list = append(list, newAPI(name, "seg", to, func(a *config.API) {
			a.Version, a.VersionSet, a.Current, a.Revision, a.Offline = "v1", config.KeyOf("/apiVersionSets/seg"), false, fmt.Sprint(rev), rev == 3
		}), newOperation(name, "o", "GET", "/o"), newPolicy("/apis/"+name, says("rev")))
	}
	s := newSite(t, list...)
	for request, want := range map[string]string{"GET /seg/o": "seg.", "GET /seg/v1/o": "segv1.", "GET /seg/V2/o": "segv2.", "GET /seg/v3/o": "", "GET /q/o": "q.", "GET /q/o?api-version=v2": "qv2.",
		"GET /q/o?api-version=v9": "", "GET /seg/v1;rev=2/o": "rev", "GET /seg/v1;rev=1/o": "segv1.", "GET /seg/v1;rev=3/o": "", "GET /seg;rev=2/v1/o": ""} {
		if want == "" {
			s.want(request, 404, "Resource not found")
		} else {
			s.want(request, 200, want)
		}
	}
	s.want("GET /h/o", 200, "h.")
	s.want("GET /h/o", 200, "hv1.", "Api-Version", "v1")
	s.want("GET /h/o", 404, "", "Api-Version", "v5")
}

func TestKeys(t *testing.T) {
	to := echo(t)
	needs := func(a *config.API) { a.SubscriptionRequired = true }
	list := []config.Entity{newAPI("a", "a", to, needs), newOperation("a", "o", "GET", "/o"), newAPI("b", "b", to, needs), newOperation("b", "o", "GET", "/o"),
		newAPI("free", "free", to, nil), newOperation("free", "o", "GET", "/o"), newAPI("opened", "opened", to, needs), newOperation("opened", "o", "GET", "/o"),
		entity("/products/p", &config.Product{SubscriptionRequired: true, Published: true}), entity("/products/p/apis/a", &config.Link{To: "/apis/a"}),
		entity("/products/open", &config.Product{Published: true}), entity("/products/open/apis/opened", &config.Link{To: "/apis/opened"}),
		newPolicy("/products/p", `<outbound><base /><set-header name="X-Product"><value>p</value></set-header></outbound><backend><base /></backend><inbound><base /></inbound>`)}
	subscribe := func(name string, scope config.Key, state string) {
		list = append(list, entity("/subscriptions/"+name, &config.Subscription{Scope: scope, State: state, Primary: name + "1", Secondary: name + "2", AllAccess: name == "master"}))
	}
	subscribe("prod", "/products/p", "active")
	subscribe("api", "/apis/b", "active")
	subscribe("all", "", "active")
	subscribe("master", "", "active")
	subscribe("gone", "/products/p", "suspended")
	s := newSite(t, list...)
	const name = "Ocp-Apim-Subscription-Key"
	s.want("GET /a/o", 401, `{ "statusCode": 401, "message": "Access denied due to missing subscription key.`)
	s.want("GET /a/o", 401, "invalid subscription key", name, "nope")
	s.want("GET /a/o", 401, "invalid subscription key", name, "gone1")
	s.want("GET /a/o", 200, "GET /o", name, "prod1")
	s.want("GET /a/o?subscription-key=prod2", 200, "GET /o")
	s.want("GET /b/o", 401, "invalid", name, "prod1")
	s.want("GET /b/o", 200, "", name, "api1")
	s.want("GET /a/o", 401, "invalid", name, "api1")
	s.want("GET /a/o", 200, "", name, "all2")
	s.want("GET /b/o", 200, "", name, "master1")
	s.want("GET /free/o", 200, "")
	s.want("GET /free/o", 401, "invalid", name, "nope")
	s.want("GET /opened/o", 200, "")
	if _, h, body := s.call("GET /a/o"); h.Get("Www-Authenticate") != `AzureApiManagementKey realm="https://`+strings.TrimPrefix(s.at.URL, "http://")+`/a",name="Ocp-Apim-Subscription-Key",type="header"` || len(body) != 152 {
		t.Error(h, len(body))
	}
	if _, h, _ := s.call("GET /a/o", name, "prod1"); h.Get("X-Product") != "p" {
		t.Error("product policies run for keys of the product", h)
	}
	if _, h, _ := s.call("GET /a/o", name, "all1"); h.Get("X-Product") != "" {
		t.Error("product policies run for keys of the product only", h)
	}
	suspended := entity("/subscriptions/prod", &config.Subscription{Scope: "/products/p", State: "cancelled", Primary: "prod1", Secondary: "prod2"})
	s.put(suspended)
	s.want("GET /a/o", 401, "invalid", name, "prod1")
	s.remove("/subscriptions/all")
	s.want("GET /a/o", 401, "invalid", name, "all1")
}

// What is saved counts for the next call, and only what depends on it is compiled again.
func TestUpdates(t *testing.T) {
	to := echo(t)
	s := newSite(t, newAPI("a", "a", to, nil), newOperation("a", "o", "GET", "/o"), newAPI("b", "b", to, nil), newOperation("b", "o", "GET", "/o"),
		newPolicy("/apis/a", says("{{greeting}}")), newPolicy("/apis/b", says("b")+`<on-error><include-fragment fragment-id="f" /></on-error>`),
		entity("/namedValues/x", &config.NamedValue{DisplayName: "greeting", Value: "hello"}))
	s.want("GET /a/o", 200, "hello")
	s.want("GET /b/o", 500, "Internal server error") // its fragment is not there
	before := s.g.builders[fold(s.c.Service.Resource)].documents["/apis/b"]
	s.put(entity("/namedValues/x", &config.NamedValue{DisplayName: "greeting", Value: "goodbye"}))
	s.want("GET /a/o", 200, "goodbye")
	if s.g.builders[fold(s.c.Service.Resource)].documents["/apis/b"] != before {
		t.Error("a document that does not mention a named value was made again")
	}
	s.put(entity("/policyFragments/F", &config.Fragment{Format: "rawxml", Value: "<fragment><set-status code=\"400\" /></fragment>"}))
	s.want("GET /b/o", 200, "b")
	s.remove(config.KeyOf("/namedValues/x"))
	s.want("GET /a/o", 500, "Internal server error")
	s.put(newPolicy("", `<inbound><return-response><set-status code="418" /></return-response></inbound>`))
	s.want("GET /b/o", 418, "")
	s.put(newPolicy("/apis/a", says("plain")))
	s.want("GET /a/o", 418, "")
	s.remove("/apis/a")
	s.want("GET /a/o", 404, "")
	s.apply(&config.Update{Gone: true})
	s.want("GET /b/o", 404, "host name")
}

// TestProductSeen: what expressions see of a product follows its APIs and groups.
func TestProductSeen(t *testing.T) {
	s := newSite(t, newAPI("a", "a", echo(t), nil), newOperation("a", "o", "GET", "/o"),
		entity("/products/open", &config.Product{Published: true}), entity("/products/open/apis/a", &config.Link{To: "/apis/a"}),
		entity("/groups/g", &config.Group{DisplayName: "first"}), entity("/products/open/groups/g", &config.Link{To: "/groups/g"}),
		newPolicy("/products/open", says(`@(string.Join(",", context.Product.Apis.Select(a => a.Name + " at " + a.Path)) + " for " + string.Join(",", context.Product.Groups.Select(g => g.Name)))`)))
	s.want("GET /a/o", 200, "a at a for first")
	s.put(newAPI("a", "a", echo(t), func(a *config.API) { a.DisplayName = "renamed" }))
	s.want("GET /a/o", 200, "renamed at a for first")
	s.put(entity("/groups/g", &config.Group{DisplayName: "second"}))
	s.want("GET /a/o", 200, "renamed at a for second")
	s.put(newAPI("b", "b", echo(t), nil), entity("/products/open/apis/b", &config.Link{To: "/apis/b"}))
	s.want("GET /a/o", 200, "renamed at a,b at b for second")
	s.remove("/apis/b")
	s.want("GET /a/o", 200, "renamed at a for second")
}

func TestForwarding(t *testing.T) {
	s := newSite(t, newAPI("a", "a/b", echo(t)+"/base/", nil), newOperation("a", "all", "GET", "/*"),
		newPolicy("/apis/a", `<inbound><base /><set-header name="X-Set"><value>set</value></set-header></inbound><backend><base /></backend><outbound><base /></outbound>`))
	s.want("GET /a/b/x%2Fy/z/?q=%20", 200, "GET /base/x%2Fy/z/?q=%20 ")
	s.want("GET /a/b", 200, "GET /base ")
	s.want("GET /a/b/x", 200, "for=127.0.0.1 ", "X-Forwarded-For", "9.9.9.9")
	if _, h, _ := s.call("GET /a/b/x"); h.Get("X-Seen") != "set" {
		t.Error(h)
	}
}

// Pieces of event streams go out as they come, and a client that goes ends the backend's call.
func TestStreams(t *testing.T) {
	gone := make(chan struct{})
	next := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-next
		fmt.Fprint(w, "data: 2\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer backend.Close()
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "all", "GET", "/*"))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", s.at.URL+"/a/x", nil)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	read := bufio.NewReader(answer.Body)
	if line, err := read.ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatal(line, err)
	}
	close(next)
	_, _ = read.ReadString('\n')
	if line, err := read.ReadString('\n'); err != nil || line != "data: 2\n" {
		t.Fatal(line, err)
	}
	cancel()
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the backend's call goes on")
	}
}

func TestWebSocket(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("X-Set") != "set" {
			http.Error(w, "no", 400)
			return
		}
		conn, rw, _ := http.NewResponseController(w).Hijack()
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprintf(rw, "echo %s", line)
		_ = rw.Flush()
	}))
	defer backend.Close()
	s := newSite(t, newAPI("ws", "ws", strings.Replace(backend.URL, "http", "ws", 1), func(a *config.API) { a.Type, a.Protocols = "websocket", []string{"ws"} }),
		newOperation("ws", "onHandshake", "GET", "/"), newPolicy("/apis/ws/operations/onHandshake", `<inbound><base /><set-header name="X-Set"><value>set</value></set-header></inbound><backend><base /></backend>`))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.at.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: contoso\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	read := bufio.NewReader(conn)
	answer, err := http.ReadResponse(read, nil)
	if err != nil || answer.StatusCode != 101 {
		t.Fatal(answer, err)
	}
	fmt.Fprintf(conn, "hello\n")
	if line, _ := read.ReadString('\n'); line != "echo hello\n" {
		t.Error(line)
	}
}

// TestForwardedProto: a proxy that ends TLS says so, and only one that is trusted.
func TestForwardedProto(t *testing.T) {
	s := newSite(t, newAPI("a", "a", echo(t), func(a *config.API) { a.Protocols = []string{"https"} }), newOperation("a", "o", "GET", "/"))
	s.want("GET /a", 404, "Resource not found", "X-Forwarded-Proto", "https")
	s.g.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	s.want("GET /a", 200, "GET", "X-Forwarded-Proto", "https")
	s.want("GET /a", 404, "Resource not found", "X-Forwarded-Proto", "http")
	s.want("GET /a", 404, "Resource not found")
}

// TestForwardedLoop: what a policy sends to the gateway itself comes from this machine, and yet from no proxy that is trusted.
func TestForwardedLoop(t *testing.T) {
	loop := entity("/apis/b/policies/policy", &config.Policy{Format: "rawxml", Value: `<policies><inbound><base /><send-request mode="new" response-variable-name="r"><set-url>https://contoso.azure-api.net/a</set-url><set-method>GET</set-method>` +
		`<set-header name="X-Forwarded-For" exists-action="override"><value>192.0.2.7</value></set-header></send-request><return-response><set-body>@(((IResponse)context.Variables["r"]).Body.As<string>())</set-body></return-response></inbound></policies>`})
	said := entity("/apis/a/policies/policy", &config.Policy{Format: "rawxml", Value: `<policies><inbound><base /><return-response><set-body>@("from " + context.Request.IpAddress)</set-body></return-response></inbound></policies>`})
	s := newSite(t, newAPI("a", "a", echo(t), nil), newOperation("a", "o", "GET", "/"), said, newAPI("b", "b", echo(t), nil), newOperation("b", "o", "GET", "/"), loop)
	s.g.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	s.want("GET /a", 200, "from 192.0.2.7", "X-Forwarded-For", "192.0.2.7")
	s.want("GET /b", 200, "from 127.0.0.1")
}
