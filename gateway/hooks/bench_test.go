package hooks

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/analytics"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
)

// away takes records and forgets them.
type away struct{}

func (away) Add(context.Context, []analytics.Request) error { return nil }

// BenchmarkObserve is what recording adds to a call: a hundred nanoseconds, and next to nothing allocated.
func BenchmarkObserve(b *testing.B) {
	h := New(Config{Results: away{}})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	service := &config.Service{Resource: "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso", Statistics: "contoso"}
	api := &config.API{Path: "a", Protocols: []string{"http"}, Current: true, Revision: "1"}
	api.SetID("/apis/a")
	operation := &config.Operation{Method: "GET", URLTemplate: "/items"}
	operation.SetID("/apis/a/operations/o")
	document := &config.Policy{Format: "rawxml", Value: "<policies><inbound><return-response /></inbound></policies>"}
	document.SetID("/apis/a/policies/policy")
	service.SetID("")
	c := &config.Config{}
	u := &config.Update{Service: service.Resource, Whole: true, Put: []config.Entity{service, api, operation, document}}
	c.Apply(u)
	h.Update(c, u)
	g := gateway.New(gateway.Config{Default: "contoso", Observe: func(v *gateway.Visit) {
		b.ReportAllocs()
		for b.Loop() {
			h.Observe(v)
		}
	}})
	defer g.Close()
	g.Update(c, u)
	g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net/a/items?x=1&subscription-key=hush", nil))
	b.ReportMetric(float64(h.Dropped())/float64(b.N), "dropped/op")
	cancel()
	<-done
}
