package pipeline

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/cache"
	"gatehouse/counter"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// benchCall runs a document again and again, over a backend that answers at once.
func benchCall(b *testing.B, document string) {
	d, err := policy.Parse(document, policy.Raw)
	if err != nil {
		b.Fatal(err)
	}
	kept, err := cache.NewMemory(8<<20, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	compiled := Compile(Source{ID: "api", Scope: policy.Global, Document: d}, Env{})
	if compiled.Err != nil {
		b.Fatal(compiled.Err)
	}
	services := &Services{Counters: counter.NewLocal(counter.Options{}), Transport: func(Upstream) (http.RoundTripper, error) { return instant{}, nil }}
	subscription := &expr.Subscription{ID: "alice"}
	api, headers := &expr.API{ID: "echo-api", Revision: "1"}, expr.Headers{"Accept": {"application/json"}}
	b.ReportAllocs()
	for b.Loop() {
		c := NewCall(services)
		c.Home, c.Chain = Home{Key: "contoso", Caches: cache.Caches{Internal: kept}}, Chain{compiled}
		c.Subscription, c.API = subscription, api
		c.Request.Method, c.Request.Headers, c.Request.IPAddress = "GET", headers, "203.0.113.9"
		*c.Request.URL, *c.Request.OriginalURL = expr.URL{Path: "/x"}, expr.URL{Path: "/echo/x"}
		c.Target.Base = instantBase
		c.Run()
		c.Sending()
		if body := c.Body(Answer); body != nil {
			r, _ := body.Open()
			io.Copy(io.Discard, r)
			r.Close()
		}
		c.Sent()
		if c.Response.StatusCode != 200 {
			b.Fatal(c.Response.StatusCode)
		}
		c.Release()
	}
}

var instantBase, _ = baseURL("http://backend.test")

// instant answers at once.
type instant struct{}

func (instant) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2}, nil
}

const benchTail = `</inbound><backend><return-response /></backend></policies>`

func BenchmarkNothing(b *testing.B) { benchCall(b, `<policies><inbound>`+benchTail) }

func BenchmarkRateLimit(b *testing.B) {
	benchCall(b, `<policies><inbound><rate-limit calls="2000000000" renewal-period="60" />`+benchTail)
}

func BenchmarkRateLimitByKey(b *testing.B) {
	benchCall(b, `<policies><inbound><rate-limit-by-key calls="2000000000" renewal-period="60" counter-key="@(context.Request.IpAddress)" />`+benchTail)
}

func BenchmarkQuotaByKey(b *testing.B) {
	benchCall(b, `<policies><inbound><quota-by-key calls="2000000000" renewal-period="3600" counter-key="@(context.Request.IpAddress)" />`+benchTail)
}

func BenchmarkCacheHit(b *testing.B) {
	benchCall(b, `<policies><inbound><cache-lookup vary-by-developer="false" vary-by-developer-groups="false"><vary-by-header>Accept</vary-by-header></cache-lookup></inbound>
		<backend><forward-request /></backend><outbound><cache-store duration="3600" /></outbound></policies>`)
}

func BenchmarkForward(b *testing.B) {
	benchCall(b, `<policies><backend><forward-request /></backend></policies>`)
}
