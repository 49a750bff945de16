package telemetry

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/gateway/config"
)

// service is a configuration of a service with one API that answers by itself.
func service(more ...config.Entity) (*config.Config, *config.Update) {
	s := &config.Service{Resource: "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso", Statistics: "contoso"}
	s.SetID("")
	api := &config.API{Path: "a", Protocols: []string{"http"}, Current: true, Revision: "1"}
	api.SetID("/apis/a")
	operation := &config.Operation{Method: "GET", URLTemplate: "/items"}
	operation.SetID("/apis/a/operations/o")
	document := &config.Policy{Format: "rawxml", Value: "<policies><inbound><return-response /></inbound></policies>"}
	document.SetID("/apis/a/policies/policy")
	u := &config.Update{Service: s.Resource, Whole: true, Put: append([]config.Entity{s, api, operation, document}, more...)}
	c := &config.Config{}
	c.Apply(u)
	return c, u
}

// run makes one call and gives its Visit to f.
func run(f func(*gateway.Visit)) {
	c, u := service()
	g := gateway.New(gateway.Config{Default: "contoso", Observe: f})
	defer g.Close()
	g.Update(c, u)
	g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net/a/items?x=1&subscription-key=hush", nil))
}

// BenchmarkObserve is what metrics and the log add to a call.
func BenchmarkObserve(b *testing.B) {
	for name, log := range map[string]io.Writer{"metrics": nil, "log": io.Discard} {
		b.Run(name, func(b *testing.B) {
			t := New(Config{Metrics: NewMetrics(), Log: log})
			c, u := service()
			t.Update(c, u)
			run(func(v *gateway.Visit) {
				b.ReportAllocs()
				for b.Loop() {
					t.Observe(v)
				}
			})
		})
	}
}

// TestLabels: names that callers make up make no series.
func TestLabels(t *testing.T) {
	r := prometheus.NewRegistry()
	m := NewMetrics()
	r.MustRegister(m)
	run(func(v *gateway.Visit) {
		for range mostSeries + 10 {
			op := *v.Operation
			op.SetID("/apis/a/operations/" + time.Now().Format("150405.000000000"))
			v.Operation = &op
			m.Observe(v)
		}
	})
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == "gatehouse_gateway_requests_total" && len(f.GetMetric()) > 6*(mostSeries+1) {
			t.Errorf("%d series", len(f.GetMetric()))
		}
	}
}

// TestFullQueues: what does not fit is dropped at once, and counted.
func TestFullQueues(t *testing.T) {
	tel := New(Config{Log: io.Discard})
	run(func(v *gateway.Visit) {
		for range mostLines + 5 {
			tel.Observe(v)
		}
	})
	if lines, _ := tel.Dropped(); lines != 5 {
		t.Errorf("%d lines were dropped", lines)
	}
}

// fakeHub is an Event Hub that is busy at first.
type fakeHub struct {
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
	paths  []string
	busy   int
}

func (h *fakeHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if h.busy > 0 {
		h.busy--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	h.bodies, h.heads, h.paths = append(h.bodies, string(body)), append(h.heads, r.Header.Clone()), append(h.paths, r.URL.Path)
	w.WriteHeader(http.StatusCreated)
}

// TestEventHub: messages go to the hub of the logger, signed, in batches, again when it is busy.
func TestEventHub(t *testing.T) {
	at := &fakeHub{busy: 1}
	server := httptest.NewTLSServer(at)
	defer server.Close()
	before := hubClient.Transport
	hubClient.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}}
	defer func() { hubClient.Transport = before }()
	value := &config.NamedValue{DisplayName: "secret-key", Value: "c2VjcmV0", Secret: true}
	value.SetID("/namedValues/secret-key")
	logger := &config.Logger{Type: "azureEventHub", Credentials: map[string]string{"name": "calls", "connectionString": "Endpoint=sb://" + strings.TrimPrefix(server.URL, "https://") + "/;SharedAccessKeyName=sender;SharedAccessKey={{secret-key}}"}}
	logger.SetID("/loggers/hub")
	document := &config.Policy{Format: "rawxml", Value: `<policies><inbound><log-to-eventhub logger-id="hub" partition-key="k">hello</log-to-eventhub><return-response /></inbound></policies>`}
	document.SetID("/apis/a/policies/policy")
	c, u := service(value, logger, document)
	tel := New(Config{})
	tel.Update(c, u)
	g := gateway.New(gateway.Config{Default: "contoso"})
	g.Services.Events = tel.Event
	defer g.Close()
	g.Update(c, u)
	for range 3 {
		g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net/a/items", nil))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tel.Run(ctx)
	if len(at.bodies) != 1 || at.paths[0] != "/calls/messages" {
		t.Fatalf("%d batches %v", len(at.bodies), at.paths)
	}
	var got []hubMessage
	if err := json.Unmarshal([]byte(at.bodies[0]), &got); err != nil || len(got) != 3 || got[0].Body != "hello" || got[0].Properties.PartitionKey != "k" {
		t.Errorf("%s", at.bodies[0])
	}
	signature := at.heads[0].Get("Authorization")
	if !strings.HasPrefix(signature, "SharedAccessSignature sr=https%3A%2F%2F") || !strings.Contains(signature, "&skn=sender") || strings.Contains(signature, "c2VjcmV0") {
		t.Error(signature)
	}
	if _, events := tel.Dropped(); events != 0 {
		t.Errorf("%d messages were dropped", events)
	}
}

// TestSampling: a diagnostic takes its share of the calls, and all errors when it is told so.
func TestSampling(t *testing.T) {
	share := 25.0
	d := &config.Diagnostic{Sampling: &share, AlwaysLog: "allErrors"}
	d.SetID("/diagnostics/applicationinsights")
	c, u := service(d)
	n := 0
	var b strings.Builder
	tel := New(Config{Log: &b, Random: func() float64 { n++; return float64(n%4) / 4 }})
	tel.Update(c, u)
	g := gateway.New(gateway.Config{Default: "contoso", Debug: tel.Begin, Observe: tel.Observe})
	defer g.Close()
	g.Update(c, u)
	for range 8 {
		g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net/a/items", nil))
	}
	for range 3 {
		g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net/nothing", nil))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tel.Run(ctx)
	if got := strings.Count(b.String(), `"type":"diagnostic"`); got != 2+3 {
		t.Errorf("%d entries: %s", got, b.String())
	}
	if n != 11 {
		t.Errorf("the dice were thrown %d times for 11 calls", n)
	}
}

// TestUnheard: nothing is kept of calls whose diagnostics lead nowhere, and an API's own that leads nowhere still stands before
// that of the service.
func TestUnheard(t *testing.T) {
	hub := &config.Logger{Type: "azureEventHub"}
	hub.SetID("/loggers/hub")
	insights := &config.Logger{Type: "applicationInsights"}
	insights.SetID("/loggers/insights")
	diagnostic := func(id string, l *config.Logger) *config.Diagnostic {
		d := &config.Diagnostic{Logger: l.Key()}
		d.SetID(id)
		return d
	}
	wide, own := "/diagnostics/applicationinsights", "/apis/a/diagnostics/applicationinsights"
	for _, c := range []struct {
		log         io.Writer
		diagnostics []config.Entity
		kept        bool
	}{
		{nil, []config.Entity{diagnostic(wide, insights)}, false},
		{io.Discard, []config.Entity{diagnostic(wide, insights)}, true},
		{nil, []config.Entity{diagnostic(wide, hub)}, true},
		{nil, []config.Entity{diagnostic(wide, hub), diagnostic(own, insights)}, false},
		{nil, []config.Entity{diagnostic(wide, insights), diagnostic(own, hub)}, true},
		{nil, []config.Entity{diagnostic("/apis/b/diagnostics/applicationinsights", hub)}, false},
	} {
		tel := New(Config{Log: c.log})
		tel.Update(service(append(c.diagnostics, hub, insights)...))
		run(func(v *gateway.Visit) {
			if tel.Begin(v); (v.Kept != nil) != c.kept {
				t.Errorf("%v, log %v: kept %v", c.diagnostics, c.log != nil, v.Kept)
			}
		})
	}
}
