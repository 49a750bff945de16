//go:build !race

package gateway

import (
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// stub is a backend without a network: it answers each request with the same few bytes.
type stub struct{}

func (stub) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{Status: "200 OK", StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("hello")), ContentLength: 5, Request: r}, nil
}

// allocated is how often serving a request allocates, without what its own headers take.
func allocated(t *testing.T, g *Gateway, path string) float64 {
	r, _ := http.NewRequest(http.MethodGet, "http://contoso.azure-api.net"+path, nil)
	r.RemoteAddr = "192.0.2.1:5000"
	w := &answered{discard: discard{http.Header{}}}
	least := math.Inf(1)
	for range 8 { // others may allocate meanwhile: documents are compiled beside calls
		least = min(least, testing.AllocsPerRun(100, func() { serve(t, g, w, r) }))
	}
	return least
}

func serve(t *testing.T, g *Gateway, w *answered, r *http.Request) {
	clear(r.Header)
	clear(w.h)
	r.Header["Ocp-Apim-Subscription-Key"] = key1
	if g.ServeHTTP(w, r); w.status != http.StatusOK {
		t.Fatalf("%s is answered with %d", r.URL.Path, w.status)
	}
}

// answered keeps the status of the last answer.
type answered struct {
	discard
	status int
}

func (a *answered) WriteHeader(status int) { a.status = status }

var key1 = []string{"key1"}

// TestAllocations: a call that is answered here, and one that is forwarded, allocate no more than they did when this was written;
// among thousands of APIs no more than among a few, since nothing is compiled or searched for by call.
func TestAllocations(t *testing.T) {
	some := map[int]*site{}
	for _, n := range []int{10, 2000} {
		s := large(t, n)
		s.g.Services.Transport = func(pipeline.Upstream) (http.RoundTripper, error) { return stub{}, nil }
		s.put(newAPI("forward", "forward", "http://backend.invalid", nil), newOperation("forward", "get", "GET", "/items/{id}"),
			newAPI("steps", "steps", "http://backend.invalid", func(a *config.API) { a.SubscriptionRequired = true }), newOperation("steps", "get", "GET", "/items/{id}"),
			newPolicy("/apis/steps", `<inbound><base /><set-variable name="a" value="@(context.Request.MatchedParameters["id"])" />
				<choose><when condition="@(context.Variables.GetValueOrDefault("a","") == "5")"><set-header name="X-B" exists-action="override"><value>b</value></set-header></when></choose></inbound>
				<backend><base /></backend><outbound><base /></outbound>`))
		some[n] = s
	}
	for path, most := range map[string]float64{"/api5/v1/items/5": 4, "/forward/items/5": 18, "/steps/items/5": 18} {
		few, many := allocated(t, some[10].g, path), allocated(t, some[2000].g, path)
		if few > most || many > few+1 {
			t.Errorf("%s allocates %v times among ten APIs, at most %v are known; %v times among 2,000", path, few, most, many)
		}
		t.Logf("%s: %v, %v", path, few, many)
	}
}

// TestLookup: finding API, operation and subscription allocates nothing.
func TestLookup(t *testing.T) {
	s := large(t, 100)
	p := s.g.Plan("contoso.azure-api.net")
	for _, path := range []string{"/api42/v1/items", "/api42/v1/items/5"} {
		r, _ := http.NewRequest(http.MethodGet, "http://contoso.azure-api.net"+path, nil)
		var found search
		if n := testing.AllocsPerRun(100, func() {
			found = search{method: http.MethodGet, values: found.values}
			c, ok := p.route(r, path, plainHTTP)
			if !ok || c.api.operation(&found, c.rest) == nil || p.subscription("key1") == nil {
				t.Fatal(path, "is not found")
			}
		}); n > 0 {
			t.Errorf("looking up %s allocates %v times", path, n)
		}
	}
}
