package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// benchBackend answers at once with a small body.
func benchBackend(b *testing.B) string {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"hello":"world"}`)
	}))
	b.Cleanup(at.Close)
	return at.URL
}

// benchCalls measures a handler without the client's connection.
func benchCalls(b *testing.B, h http.Handler, path string) {
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Ocp-Apim-Subscription-Key", "key1")
		w := discard{http.Header{}}
		h.ServeHTTP(w, r)
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkForward is a call with a key, its operation found, forwarded by the default policies.
func BenchmarkForward(b *testing.B) {
	s := newSite(b, newAPI("a", "a", benchBackend(b), func(a *config.API) { a.SubscriptionRequired = true }), newOperation("a", "o", "GET", "/items/{id}"),
		entity("/subscriptions/s", &config.Subscription{Scope: "/apis/a", State: "active", Primary: "key1"}))
	benchCalls(b, s.g, "http://contoso.azure-api.net/a/items/5")
}

// BenchmarkReverseProxy is what the standard library takes for the forwarding alone.
func BenchmarkReverseProxy(b *testing.B) {
	to, _ := url.Parse(benchBackend(b))
	benchCalls(b, &httputil.ReverseProxy{Transport: plain(b), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}}, "http://contoso.azure-api.net/a/items/5")
}

// BenchmarkRoute finds API, operation and key among 10,000 APIs, and answers without a backend.
func BenchmarkRoute(b *testing.B) {
	s := large(b, 10_000)
	benchCalls(b, s.g, "http://contoso.azure-api.net/api5000/v1/items/5")
}

func large(b testing.TB, n int) *site {
	list := []config.Entity{newPolicy("", `<inbound><set-header name="X-A"><value>a</value></set-header></inbound><backend><forward-request /></backend><outbound />`),
		entity("/subscriptions/s", &config.Subscription{Scope: "", State: "active", Primary: "key1"})}
	for i := range n {
		name := fmt.Sprintf("api%d", i)
		list = append(list, newAPI(name, name+"/v1", "http://backend.invalid", nil), newOperation(name, "list", "GET", "/items"), newOperation(name, "get", "GET", "/items/{id}"),
			newPolicy("/apis/"+name, `<inbound><base /><return-response /></inbound>`))
	}
	return newSite(b, list...)
}

// BenchmarkUpdate saves one policy among 10,000 APIs; it takes effect within the time of a turn.
func BenchmarkUpdate(b *testing.B) {
	s := large(b, 10_000)
	time.Sleep(time.Second) // the documents are compiled by then
	b.ResetTimer()
	for i := range b.N {
		s.put(newPolicy("/apis/api77", fmt.Sprintf(`<inbound><base /><set-header name="X-N"><value>%d</value></set-header><return-response /></inbound>`, i)))
	}
}

// BenchmarkUpdateNamedValue changes a named value that one of 10,000 documents mentions.
func BenchmarkUpdateNamedValue(b *testing.B) {
	s := large(b, 10_000)
	s.put(newPolicy("/apis/api77", `<inbound><base /><set-header name="X-N"><value>{{n}}</value></set-header><return-response /></inbound>`))
	b.ResetTimer()
	for i := range b.N {
		s.put(entity("/namedValues/n", &config.NamedValue{DisplayName: "n", Value: fmt.Sprint(i)}))
	}
}

// BenchmarkLoad builds the plan of 10,000 APIs anew.
func BenchmarkLoad(b *testing.B) {
	s := large(b, 10_000)
	u := s.c.Update()
	b.ResetTimer()
	for range b.N {
		s.apply(u)
	}
}

func plain(b *testing.B) http.RoundTripper {
	t, err := (&transports{}).get(pipeline.Upstream{})
	if err != nil {
		b.Fatal(err)
	}
	return t
}
