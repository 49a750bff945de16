package spans

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/telemetry"
)

// receiver takes spans by OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	spans    []*otlp.Span
	resource map[string]string
	raw      strings.Builder
	heads    []http.Header
	paths    []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{resource: map[string]string{}}
	r.Server = httptest.NewServer(r.handler(t))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) handler(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		var got collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &got)
		}
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(body)
		r.heads, r.paths = append(r.heads, in.Header), append(r.paths, in.URL.Path)
		for _, of := range got.ResourceSpans {
			for _, a := range of.Resource.Attributes {
				r.resource[a.Key] = a.Value.GetStringValue()
			}
			for _, scope := range of.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}
}

// values are the attributes of a span, or of an event of it, as texts.
func values(of interface{ GetAttributes() []*keyValue }) map[string]string {
	list := map[string]string{}
	for _, a := range of.GetAttributes() {
		if text := a.Value.GetStringValue(); text != "" {
			list[a.Key] = text
		} else {
			list[a.Key] = strings.TrimSpace(strings.TrimPrefix(a.Value.String(), "int_value:"))
		}
	}
	return list
}

// scene is a gateway whose calls are followed.
type scene struct {
	t       *testing.T
	to      *receiver
	spans   *Spans
	gateway *gateway.Gateway
	backend *httptest.Server
	mu      sync.Mutex
	seen    []http.Header // that the backend got
	stop    func()
	over    atomic.Int32 // calls that are
}

const serviceID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso"

func newScene(t *testing.T, document string, more ...config.Entity) *scene {
	s := &scene{t: t, to: newReceiver(t)}
	s.backend = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Header.Clone())
		s.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/broken") {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(s.backend.Close)
	var err error
	if s.spans, err = New(t.Context(), Config{Endpoint: s.to.URL, Version: "9", Every: time.Hour}); err != nil {
		t.Fatal(err)
	}
	tel := telemetry.New(telemetry.Config{})
	s.spans.Looks = tel
	c := gateway.Config{Default: "contoso", Placed: s.spans.Placed, Outgoing: s.spans.Outgoing, Log: slog.New(slog.DiscardHandler)}
	c.Observe = func(v *gateway.Visit) {
		s.spans.Observe(v)
		s.over.Add(1)
	}
	c.Admit = func(v *gateway.Visit) *pipeline.Failure {
		v.Caller = &gatehouse.Caller{ID: gatehouse.GUID{1}, Name: "ada", Agent: &gatehouse.Agent{Name: "bot"}}
		return nil
	}
	c.Services.Telemetry = s.spans.Event
	s.gateway = gateway.New(c)
	t.Cleanup(s.gateway.Close)
	cfg, u := service(s.backend.URL, document, more...)
	tel.Update(cfg, u)
	s.gateway.Update(cfg, u)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.spans.Run(ctx) }()
	s.stop = func() { cancel(); <-done }
	t.Cleanup(s.stop)
	return s
}

func service(backend, document string, more ...config.Entity) (*config.Config, *config.Update) {
	put := func(id string, e interface {
		config.Entity
		SetID(string)
	}) config.Entity {
		e.SetID(id)
		return e
	}
	list := []config.Entity{put("", &config.Service{Resource: serviceID, Statistics: "contoso"}),
		put("/apis/orders", &config.API{Path: "shop/orders", ServiceURL: backend, Protocols: []string{"http"}, Current: true, Revision: "3"}),
		put("/apis/orders/operations/get", &config.Operation{Method: "GET", URLTemplate: "/items/{id}?kind={kind}"}),
		put("/apis/orders/operations/any", &config.Operation{Method: "GET", URLTemplate: "/*"}),
		put("/apis/other", &config.API{Path: "other", ServiceURL: backend, Protocols: []string{"http"}, Current: true, Revision: "1"}),
		put("/apis/other/operations/get", &config.Operation{Method: "GET", URLTemplate: "/"}),
		put("/apis/other/policies/policy", &config.Policy{Format: "rawxml", Value: "<policies><inbound><return-response /></inbound></policies>"}),
		put("/subscriptions/sub", &config.Subscription{State: "active", Primary: "the-primary-key", AllAccess: true}),
		put("/namedValues/hush", &config.NamedValue{DisplayName: "hush", Value: "s3cret-value", Secret: true}),
		put("/apis/orders/policies/policy", &config.Policy{Format: "rawxml", Value: "<policies>" + document + "</policies>"})}
	u := &config.Update{Service: serviceID, Whole: true, Put: append(list, more...)}
	c := &config.Config{}
	c.Apply(u)
	return c, u
}

func (s *scene) call(path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net"+path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.gateway.ServeHTTP(w, r)
	return w
}

// ended drains the spans and gives them by their names; the first is the one that began first.
func (s *scene) ended(n int) []*otlp.Span {
	s.t.Helper()
	s.stop()
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	if len(s.to.spans) != n {
		names := []string{}
		for _, x := range s.to.spans {
			names = append(names, x.Name)
		}
		s.t.Fatalf("%d spans, wanted %d: %q", len(s.to.spans), n, names)
	}
	return s.to.spans
}

func one(t *testing.T, list []*otlp.Span, right func(*otlp.Span) bool) *otlp.Span {
	t.Helper()
	var found *otlp.Span
	for _, each := range list {
		if right(each) {
			if found != nil {
				t.Fatal("more than one:", each)
			}
			found = each
		}
	}
	if found == nil {
		t.Fatal("no such span in", list)
	}
	return found
}

func isServer(s *otlp.Span) bool { return s.Kind == otlp.Span_SPAN_KIND_SERVER }

const (
	caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traced = "0af7651916cd43dd8448eb211c80319c"
)

// TestSpans: a call continues the trace of its caller, what it sends belongs to its own span, and nothing that lets anybody in
// leaves the house.
func TestSpans(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "edge")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=one")
	aside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Traceparent"))
	}))
	defer aside.Close()
	s := newScene(t, `<inbound><base /><send-request response-variable-name="r"><set-url>`+aside.URL+`/side/{{hush}}?code=c0de</set-url></send-request>
		<set-header name="X-Aside"><value>@(((IResponse)context.Variables["r"]).Body.As&lt;string>())</value></set-header>
		<trace source="mine" severity="error"><message>@("saw {{hush}} and " + context.Subscription.PrimaryKey + " and " + context.Request.Headers["Authorization"][0])</message><metadata name="colour" value="blue" /><metadata name="token" value="blue-token" /></trace></inbound>
		<backend><base /></backend><outbound><base /></outbound>`)
	w := s.call("/shop/orders/items/7?kind=x&subscription-key=the-primary-key&sig=s1g", "Traceparent", caller, "Tracestate", "vendor=1", "Baggage", "k=v", "Authorization", "Bearer t0ken-text", "User-Agent", "curl/9")
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	list := s.ended(3)
	server := one(t, list, isServer)
	if hex.EncodeToString(server.TraceId) != traced || hex.EncodeToString(server.ParentSpanId) != "b7ad6b7169203331" || server.TraceState != "vendor=1" {
		t.Errorf("the caller's trace is not continued: %v", server)
	}
	if server.Name != "GET /shop/orders/items/{id}" || server.Status.GetCode() != otlp.Status_STATUS_CODE_UNSET {
		t.Errorf("%s %v", server.Name, server.Status)
	}
	attributes := values(server)
	for name, want := range map[string]string{"http.request.method": "GET", "http.route": "/shop/orders/items/{id}", "url.path": "/shop/orders/items/7", "url.scheme": "http", "server.address": "contoso.azure-api.net", "server.port": "80",
		"http.response.status_code": "200", "network.protocol.version": "1.1", "user_agent.original": "curl/9", "gatehouse.service": "contoso", "gatehouse.api": "orders", "gatehouse.api.revision": "3", "gatehouse.operation": "get",
		"gatehouse.subscription": "sub", "gatehouse.principal.id": gatehouse.GUID{1}.String(), "gatehouse.agent": "bot"} {
		if attributes[name] != want {
			t.Errorf("%s is %q, wanted %q", name, attributes[name], want)
		}
	}
	if len(server.Events) != 1 || server.Events[0].Name != "mine" || values(server.Events[0])["message"] != "saw *** and *** and Bearer ***" || values(server.Events[0])["metadata.colour"] != "blue" {
		t.Error(server.Events)
	}
	backend := one(t, list, func(x *otlp.Span) bool { return !isServer(x) && !strings.Contains(values(x)["url.full"], "/side/") })
	side := one(t, list, func(x *otlp.Span) bool { return strings.Contains(values(x)["url.full"], "/side/") })
	for _, x := range []*otlp.Span{backend, side} {
		if string(x.TraceId) != string(server.TraceId) || string(x.ParentSpanId) != string(server.SpanId) || x.Kind != otlp.Span_SPAN_KIND_CLIENT {
			t.Errorf("not a child: %v", x)
		}
	}
	if got := values(side)["url.full"]; got != aside.URL+"/side/***" {
		t.Error(got)
	}
	got := s.seen[0]
	if want := "00-" + traced + "-" + hex.EncodeToString(backend.SpanId) + "-01"; len(got["Traceparent"]) != 1 || got.Get("Traceparent") != want || got.Get("Tracestate") != "vendor=1" || got.Get("Baggage") != "k=v" {
		t.Errorf("the backend was told %v, wanted %s", got, want)
	}
	if want := "00-" + traced + "-" + hex.EncodeToString(side.SpanId) + "-01"; got.Get("X-Aside") != want {
		t.Errorf("send-request told %s, wanted %s", got.Get("X-Aside"), want)
	}
	for _, secret := range []string{"the-primary-key", "t0ken-text", "s3cret-value", "c0de", "s1g", "blue-token"} {
		if strings.Contains(s.to.raw.String(), secret) {
			t.Errorf("%s was exported", secret)
		}
	}
	if s.to.resource["service.name"] != "edge" || s.to.resource["service.version"] != "9" || s.to.heads[0].Get("X-Tenant") != "one" || s.to.paths[0] != "/v1/traces" {
		t.Error(s.to.resource, s.to.heads, s.to.paths)
	}
}

// TestNewTraces: what is no traceparent is none, and what belongs to it goes with it.
func TestNewTraces(t *testing.T) {
	bad := []string{"", "x", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", strings.Repeat("0", 9000)}
	s := newScene(t, `<backend><base /></backend>`)
	for _, text := range bad {
		s.call("/shop/orders/items/7?kind=x", "Traceparent", text, "Tracestate", "vendor=1")
	}
	s.call("/shop/orders/items/7?kind=x", "Traceparent", caller, "Traceparent", strings.Replace(caller, "b7", "c8", 1))
	list := s.ended(2 * (len(bad) + 1))
	for i := 0; i < len(list); i += 2 {
		backend, server := list[i], list[i+1]
		if !isServer(server) || len(server.ParentSpanId) != 0 || hex.EncodeToString(server.TraceId) == traced || string(backend.ParentSpanId) != string(server.SpanId) {
			t.Errorf("%d: %v", i/2, server)
		}
		if got := s.seen[i/2]; len(got["Traceparent"]) != 1 || !strings.HasPrefix(got.Get("Traceparent"), "00-"+hex.EncodeToString(server.TraceId)) || got["Tracestate"] != nil {
			t.Errorf("%d: %v", i/2, got)
		}
	}
}

// TestFailures: what fails on our side or behind is an error; what a caller did wrong is not.
func TestFailures(t *testing.T) {
	document := `<inbound><base /><choose><when condition="@(context.Request.Url.Path.EndsWith(&quot;away&quot;))"><set-backend-service base-url="http://127.0.0.1:1" /></when></choose></inbound><backend><base /></backend>`
	for path, want := range map[string]struct {
		status, backend otlp.Status_StatusCode
		code, reason    string
		n               int
	}{
		"/shop/orders/broken": {otlp.Status_STATUS_CODE_ERROR, otlp.Status_STATUS_CODE_ERROR, "502", "", 2},
		"/shop/orders/away":   {otlp.Status_STATUS_CODE_ERROR, otlp.Status_STATUS_CODE_ERROR, "500", "BackendConnectionFailure", 2},
		"/nothing":            {otlp.Status_STATUS_CODE_UNSET, 0, "404", "OperationNotFound", 1},
	} {
		s := newScene(t, document)
		s.call(path)
		list := s.ended(want.n)
		server := one(t, list, isServer)
		got := values(server)
		if server.Status.GetCode() != want.status || got["http.response.status_code"] != want.code || got["gatehouse.failure.reason"] != want.reason {
			t.Errorf("%s: %v %v", path, server.Status, got)
		}
		if want.n == 2 && list[0].Status.GetCode() != want.backend {
			t.Errorf("%s: the backend's %v", path, list[0])
		}
	}
}

// flushAll sends what waits, one by one, without Run.
func (s *Spans) flushAll() {
	for len(s.finished) > 0 {
		s.export(context.Background(), []readOnly{<-s.finished})
	}
}

// TestCorrelation: diagnostics say which headers go out, those of an API before those of the service.
func TestCorrelation(t *testing.T) {
	diagnostic := func(id, protocol string) config.Entity {
		d := &config.Diagnostic{Correlation: protocol}
		d.SetID(id)
		return d
	}
	id := "|0af7651916cd43dd8448eb211c80319c.b7ad6b7169203331."
	for _, c := range []struct {
		of        []config.Entity
		continues bool
		parent    string // what the backend is told, with SPAN for ours and TRACE for the trace
		request   string
	}{
		{nil, true, "00-TRACE-SPAN-01", "kept"},
		{[]config.Entity{diagnostic("/diagnostics/applicationinsights", "W3C")}, true, "00-TRACE-SPAN-01", "kept"},
		{[]config.Entity{diagnostic("/diagnostics/azuremonitor", "None")}, false, caller, "kept"},
		{[]config.Entity{diagnostic("/diagnostics/applicationinsights", "None"), diagnostic("/apis/orders/diagnostics/applicationinsights", "W3C")}, true, "00-TRACE-SPAN-01", "kept"},
		{[]config.Entity{diagnostic("/diagnostics/applicationinsights", "Legacy")}, false, caller, "|TRACE.SPAN."},
	} {
		s := newScene(t, `<backend><base /></backend>`, c.of...)
		s.call("/shop/orders/items/7?kind=x", "Traceparent", caller, "Request-Id", "kept")
		list := s.ended(2)
		server, backend := list[1], list[0]
		if continues := hex.EncodeToString(server.TraceId) == traced; continues != c.continues {
			t.Errorf("%v: continues: %v", c.of, continues)
		}
		told := strings.NewReplacer("TRACE", hex.EncodeToString(server.TraceId), "SPAN", hex.EncodeToString(backend.SpanId))
		if got := s.seen[0]; got.Get("Traceparent") != told.Replace(c.parent) || got.Get("Request-Id") != told.Replace(c.request) {
			t.Errorf("%v: %v", c, got)
		}
	}
	if got := requestID([]string{id}); got.TraceID().String() != traced || got.SpanID().String() != "b7ad6b7169203331" || !got.IsValid() {
		t.Error(got)
	}
	for _, bad := range []string{"", id[1:], id + "x", strings.Replace(id, "0af", "xyz", 1), "|1.2."} {
		if requestID([]string{bad}).IsValid() {
			t.Error(bad)
		}
	}
}

// TestWithin: a call that a policy makes of the gateway itself is part of the call that makes it, and so is one that outlives it.
func TestWithin(t *testing.T) {
	s := newScene(t, `<inbound><base /><send-request response-variable-name="r"><set-url>http://contoso.azure-api.net/other</set-url></send-request>
		<send-one-way-request><set-url>http://contoso.azure-api.net/other</set-url></send-one-way-request><return-response /></inbound>`)
	s.call("/shop/orders/items/7?kind=x", "Traceparent", caller)
	for start := time.Now(); s.over.Load() < 3 && time.Since(start) < 5*time.Second; {
		time.Sleep(time.Millisecond)
	}
	list := s.ended(3)
	outer := one(t, list, func(x *otlp.Span) bool { return x.Name == "GET /shop/orders/items/{id}" })
	n := 0
	for _, x := range list {
		if string(x.TraceId) != string(outer.TraceId) {
			t.Errorf("another trace: %v", x)
		}
		if x.Name == "GET /other/" && string(x.ParentSpanId) == string(outer.SpanId) {
			n++
		}
	}
	if n != 2 {
		t.Error(list)
	}
}

// TestUnsampled: a caller that is not recorded stays so, and backends hear it.
func TestUnsampled(t *testing.T) {
	s := newScene(t, `<backend><base /></backend>`)
	s.call("/shop/orders/items/7?kind=x", "Traceparent", strings.TrimSuffix(caller, "01")+"00")
	s.ended(0)
	if got := s.seen[0].Get("Traceparent"); !strings.HasPrefix(got, "00-"+traced) || !strings.HasSuffix(got, "-00") {
		t.Error(got)
	}
}

// TestAway: a receiver that is away costs calls nothing; what is lost is counted, and said once.
func TestAway(t *testing.T) {
	var log strings.Builder
	s, err := New(t.Context(), Config{Endpoint: "http://127.0.0.1:1", Queue: 3, Every: time.Hour, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for range 5 {
			_, span := s.tracer.Start(t.Context(), "x")
			span.End()
		}
		s.flushAll()
	}
	if s.Dropped() != 10 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "traces cannot be exported") {
		t.Error(s.Dropped(), log.String())
	}
}

// TestSettings: settings that cannot be understood are said at the start.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		sampler, argument, endpoint, protocol string
		ok                                    bool
	}{
		{"", "", "http://localhost:4318", "", true}, {"parentbased_traceidratio", "0.25", "", "http/protobuf", true}, {"always_off", "", "https://x.example/otel", "", true}, {"traceidratio", "1", "", "", true},
		{"xray", "", "", "", false}, {"parentbased_xray", "", "", "", false}, {"traceidratio", "2", "", "", false}, {"traceidratio", "NaN", "", "", false}, {"", "", "localhost:4318", "", false},
		{"", "", "http://u:p@localhost", "", false}, {"", "", "http://localhost", "grpc", false},
	} {
		t.Setenv("OTEL_TRACES_SAMPLER", c.sampler)
		t.Setenv("OTEL_TRACES_SAMPLER_ARG", c.argument)
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", c.protocol)
		if _, err := New(t.Context(), Config{Endpoint: c.endpoint}); (err == nil) != c.ok {
			t.Errorf("%v: %v", c, err)
		} else if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Error(err)
		}
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	if Asked("") || !Asked("http://x") {
		t.Error("asked for nothing")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x")
	if !Asked("") {
		t.Error("the environment was not heard")
	}
	t.Setenv("OTEL_SDK_DISABLED", "true")
	if Asked("http://x") {
		t.Error("switched off and on")
	}
}

// TestRatio: the share of calls that begin a trace is about what was asked for; those of a caller that records all are.
func TestRatio(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
	s := newScene(t, `<inbound><return-response /></inbound>`)
	for range 200 {
		s.call("/shop/orders/items/7?kind=x")
	}
	for range 20 {
		s.call("/shop/orders/items/7?kind=x", "Traceparent", caller)
	}
	s.stop()
	followed := 0
	for _, x := range s.to.spans {
		if hex.EncodeToString(x.TraceId) == traced {
			followed++
		}
	}
	if n := len(s.to.spans) - followed; followed != 20 || n < 50 || n > 150 {
		t.Errorf("%d of 20, and %d of 200", followed, n)
	}
}

// BenchmarkCall is what following costs a call that the gateway answers itself.
func BenchmarkCall(b *testing.B) {
	for name, ratio := range map[string]string{"off": "", "unsampled": "0", "sampled": "1"} {
		b.Run(name, func(b *testing.B) {
			b.Setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
			s, err := New(b.Context(), Config{Endpoint: "http://127.0.0.1:1", Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			s.Looks = telemetry.New(telemetry.Config{})
			c := gateway.Config{Default: "contoso", Log: slog.New(slog.DiscardHandler)}
			if ratio != "" {
				c.Placed, c.Outgoing, c.Observe = s.Placed, s.Outgoing, s.Observe
			}
			g := gateway.New(c)
			defer g.Close()
			g.Update(service("http://127.0.0.1:1", `<inbound><return-response /></inbound>`))
			r := httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net/shop/orders/items/7?kind=x", nil)
			b.ReportAllocs()
			for b.Loop() {
				g.ServeHTTP(nobody{}, r)
			}
		})
	}
}

// nobody takes an answer.
type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{} }
func (nobody) WriteHeader(int)             {}
func (nobody) Write(b []byte) (int, error) { return len(b), nil }
