package pipeline

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway/config"
	"gatehouse/policy/expr"
)

// yard is a service with backends, and the servers behind them by host.
type yard struct {
	t        *testing.T
	now      time.Time
	config   *config.Config
	circuits Circuits
	servers  map[string]func(*http.Request) (*http.Response, error)
	calls    []string // hosts
	tokens   []string // resources that tokens were asked for
	upstream Upstream
}

func newYard(t *testing.T, backends ...*config.Backend) *yard {
	y := &yard{t: t, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), servers: map[string]func(*http.Request) (*http.Response, error){}}
	u := &config.Update{Whole: true, Put: []config.Entity{&config.Service{Resource: "/s"}}}
	for _, b := range backends {
		u.Put = append(u.Put, b)
	}
	y.config = config.New(u)
	return y
}

func server(id string, breakers ...config.BreakerRule) *config.Backend {
	b := &config.Backend{URL: "https://" + id + ".test/v1", Protocol: "http", TLS: config.BackendTLS{Chain: true, Host: true}, Breakers: breakers}
	b.SetID("/backends/" + id)
	return b
}

func poolOf(id, cookie string, members ...config.PoolMember) *config.Backend {
	b := &config.Backend{Type: "Pool", Pool: &config.BackendPool{Members: members, Cookie: cookie}}
	b.SetID("/backends/" + id)
	return b
}

func memberOf(id string, priority, weight config.Int) config.PoolMember {
	return config.PoolMember{Backend: config.KeyOf("/backends/" + id), Priority: priority, Weight: weight}
}

func answer(code int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: code, Header: h, Body: http.NoBody}, nil
	}
}

func (y *yard) RoundTrip(r *http.Request) (*http.Response, error) {
	y.calls = append(y.calls, strings.TrimSuffix(r.URL.Host, ".test"))
	if s := y.servers[r.URL.Host]; s != nil {
		return s(r)
	}
	return answer(200)(r)
}

// call makes a call of a backend, after changing the request.
func (y *yard) call(id string, change ...func(*Call)) *Call {
	y.t.Helper()
	c := NewCall(&Services{Now: func() time.Time { return y.now }, Transport: func(u Upstream) (http.RoundTripper, error) {
		y.upstream = u
		return y, nil
	}, IdentityToken: func(_ context.Context, resource, client string) (string, error) {
		y.tokens = append(y.tokens, resource+" "+client)
		return "token", nil
	}})
	c.Home.Backends = NewBackendSet(y.config, &y.circuits)
	c.Request.Method, c.Request.Headers = "GET", expr.Headers{}
	*c.Request.URL = expr.URL{Path: "/x", RawQuery: "a=1&code=mine&b=%20"}
	*c.Request.OriginalURL = expr.URL{Scheme: "https", Host: "contoso.azure-api.net", Path: "/x"}
	for _, f := range change {
		f(c)
	}
	entity := c.Home.Backends.Find("", id)
	if entity == nil {
		y.t.Fatalf("no backend %s", id)
	}
	c.Target.Entity, c.Target.BackendID = entity, id
	step := &forward{timeout: Whole{slot{set: true}, 10}}
	if err := (Block{placed{Step: step, place: &Place{Element: "forward-request"}}}).Run(c); err != nil {
		var f *Failure
		if !errors.As(err, &f) {
			y.t.Fatal(err)
		}
		c.fail(f)
	}
	c.Sending()
	return c
}

func (y *yard) wantCalls(want string) {
	y.t.Helper()
	if got := strings.Join(y.calls, " "); got != want {
		y.t.Errorf("called %s, want %s", got, want)
	}
	y.calls = nil
}

func (y *yard) want(id string, code int) {
	y.t.Helper()
	if got := y.call(id).Response.StatusCode; got != code {
		y.t.Errorf("%s: %d, want %d", id, got, code)
	}
}

func number(n config.Int) *config.Int { return &n }

func TestPool(t *testing.T) {
	t.Run("turns", func(t *testing.T) {
		y := newYard(t, server("a"), server("b"), server("c"), poolOf("equal", "", memberOf("a", 0, 0), memberOf("b", 0, 0), memberOf("c", 1, 0)),
			poolOf("weighted", "", memberOf("a", 1, 3), memberOf("b", 1, 1), memberOf("c", 1, 0)))
		for range 4 {
			y.want("equal", 200)
		}
		y.wantCalls("a b a b")
		for range 8 {
			y.want("weighted", 200)
		}
		y.wantCalls("a a b a a a b a")
		c := y.call("equal")
		if *c.Backend != (expr.Backend{ID: "a", Type: "Pool"}) {
			t.Errorf("context.Backend is %+v", *c.Backend)
		}
	})
	t.Run("priorities", func(t *testing.T) {
		rule := config.BreakerRule{Count: number(2), Interval: "PT1M", TripDuration: "PT30S", StatusRanges: []config.StatusRange{{Min: 500, Max: 599}}}
		y := newYard(t, server("a", rule), server("b", rule), server("c", rule), poolOf("p", "", memberOf("a", 1, 0), memberOf("b", 1, 0), memberOf("c", 2, 0)))
		y.servers["a.test"], y.servers["b.test"] = answer(503), answer(500)
		for range 5 {
			y.call("p")
		}
		y.wantCalls("a b a b c") // two failures each, then the next priority
		y.servers["c.test"] = func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }
		y.want("p", 500)
		y.want("p", 500)
		y.calls = nil
		y.want("p", 503)
		y.wantCalls("")
		y.now = y.now.Add(30 * time.Second)
		y.servers["a.test"], y.servers["b.test"] = answer(200), answer(200)
		y.want("p", 200)
		y.want("p", 200)
		y.wantCalls("b a")
	})
	t.Run("affinity", func(t *testing.T) {
		rule := config.BreakerRule{Count: number(1), Interval: "PT1M", TripDuration: "PT30S"}
		y := newYard(t, server("a", rule), server("b", rule), poolOf("p", "SessionId", memberOf("a", 1, 0), memberOf("b", 1, 0)))
		first := y.call("p")
		line := first.Response.Headers["Set-Cookie"]
		if len(line) != 1 || !strings.HasPrefix(line[0], "SessionId=") || strings.Contains(line[0], "backends") || !strings.HasSuffix(line[0], "; Path=/; HttpOnly; Secure; SameSite=Lax") {
			t.Fatalf("cookie %q", line)
		}
		value, _, _ := strings.Cut(line[0], ";")
		back := func(c *Call) { c.Request.Headers["Cookie"] = []string{"other=1; " + value} }
		for range 3 {
			if c := y.call("p", back); c.Response.Headers["Set-Cookie"] != nil {
				t.Error("a cookie that counts is set again")
			}
		}
		y.wantCalls("a a a a")
		y.servers["a.test"] = answer(500)
		y.call("p", back)
		if c := y.call("p", back); c.Response.Headers["Set-Cookie"] == nil {
			t.Error("the client was not told that it belongs to another server now")
		}
		y.wantCalls("a b")
		y.call("p", func(c *Call) { c.Request.Headers["Cookie"] = []string{"SessionId=unknown"} })
		y.wantCalls("b")
	})
	t.Run("broken", func(t *testing.T) {
		y := newYard(t, server("a"), poolOf("inner", "", memberOf("a", 0, 0)), poolOf("none", "", memberOf("gone", 0, 0), memberOf("inner", 0, 0)))
		y.want("none", 503)
		y.wantCalls("")
	})
}

func TestCircuit(t *testing.T) {
	t.Run("count", func(t *testing.T) {
		y := newYard(t, server("a", config.BreakerRule{Count: number(3), Interval: "PT10S", TripDuration: "PT1M", StatusRanges: []config.StatusRange{{Min: 429, Max: 429}, {Min: 500, Max: 503}}}))
		for _, code := range []int{429, 404, 504, 200, 500} {
			y.servers["a.test"] = answer(code)
			y.want("a", code)
		}
		y.now = y.now.Add(11 * time.Second) // what was counted is too old now
		for _, code := range []int{500, 503} {
			y.servers["a.test"] = answer(code)
			y.want("a", code)
		}
		y.now = y.now.Add(5 * time.Second)
		y.servers["a.test"] = answer(429)
		y.want("a", 429)
		y.calls = nil
		c := y.call("a")
		if c.LastError.Reason != "BackendCircuitOpen" || c.Response.StatusCode != 503 {
			t.Errorf("open: %d %+v", c.Response.StatusCode, c.LastError)
		}
		if body, _ := c.Body(Answer).Bytes(true); string(body) != `{ "statusCode": 503, "message": "Service unavailable" }` {
			t.Errorf("body %s", body)
		}
		y.wantCalls("")
		if open := y.circuits.Open(y.now); len(open) != 1 || open[0] != "/s/backends/a" {
			t.Errorf("open are %q", open)
		}
		y.now = y.now.Add(59 * time.Second)
		y.want("a", 503)
		y.now = y.now.Add(time.Second)
		y.want("a", 429) // closed again, and one failure does not open it
		y.want("a", 429)
		y.wantCalls("a a")
	})
	t.Run("percentage", func(t *testing.T) {
		y := newYard(t, server("a", config.BreakerRule{Percentage: number(50), Interval: "PT1M", TripDuration: "PT1M", StatusRanges: []config.StatusRange{{Min: 500, Max: 500}}}))
		for _, code := range []int{200, 200, 200, 500, 500} {
			y.servers["a.test"] = answer(code)
			y.want("a", code)
		}
		y.want("a", 500)
		y.want("a", 503)
	})
	t.Run("retry-after", func(t *testing.T) {
		y := newYard(t, server("a", config.BreakerRule{Count: number(1), Interval: "PT1M", TripDuration: "PT1M", AcceptRetryAfter: true}))
		y.servers["a.test"] = answer(500, "Retry-After", "7")
		y.want("a", 500)
		y.now = y.now.Add(6 * time.Second)
		y.want("a", 503)
		y.now = y.now.Add(time.Second)
		y.servers["a.test"] = answer(500, "Retry-After", y.now.Add(3*time.Second).Format(http.TimeFormat))
		y.want("a", 500)
		y.now = y.now.Add(2 * time.Second)
		y.want("a", 503)
		y.now = y.now.Add(time.Second)
		y.servers["a.test"] = answer(500, "Retry-After", "soon")
		y.want("a", 500)
		y.now = y.now.Add(59 * time.Second)
		y.want("a", 503)
	})
	t.Run("reasons", func(t *testing.T) {
		y := newYard(t, server("a", config.BreakerRule{Count: number(1), Interval: "PT1M", TripDuration: "PT1M", ErrorReasons: []string{"timeout"}}))
		y.servers["a.test"] = func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }
		y.want("a", 500)
		y.want("a", 500)
		y.servers["a.test"] = func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }
		y.want("a", 500)
		y.want("a", 503)
	})
	t.Run("new rules", func(t *testing.T) {
		y := newYard(t, server("a", config.BreakerRule{Count: number(1), Interval: "PT1M", TripDuration: "PT1M"}))
		y.servers["a.test"] = answer(500)
		y.want("a", 500)
		y.want("a", 503) // the next plan knows too
		y.config.Apply(&config.Update{Put: []config.Entity{server("a", config.BreakerRule{Count: number(2), Interval: "PT1M", TripDuration: "PT1M"})}})
		y.want("a", 500)
	})
}

func TestBackendCredentials(t *testing.T) {
	b := server("a")
	b.Credentials = &config.BackendCredentials{Header: map[string][]string{"x-key": {"{{secret}}"}, "X-Two": {"1", "2"}}, Query: map[string][]string{"code": {"{{secret}}", "é"}},
		Authorization: &config.Authorization{Scheme: "Basic", Parameter: "{{secret}}"}, Certificates: []config.Key{"/certificates/c"}}
	b.Proxy = &config.BackendProxy{URL: "http://proxy.test:8080", Username: "u", Password: "p@"}
	b.TLS = config.BackendTLS{Thumbprints: []string{"aa bb"}, Names: []config.FabricServerName{{Name: "n", Issuer: "cc"}}}
	identity := server("i")
	identity.Credentials = &config.BackendCredentials{ManagedIdentity: &config.BackendIdentity{Resource: "api://x", Client: "me"}}
	lacking := server("l")
	lacking.Credentials = &config.BackendCredentials{Header: map[string][]string{"x-key": {"{{nothing}}"}}}
	fabric := server("f")
	fabric.URL = "fabric:/app"
	y := newYard(t, b, identity, lacking, fabric)
	secret, certificate, kept := &config.NamedValue{DisplayName: "secret", Value: "s&1"}, &config.Certificate{Thumbprint: "ABCD"}, &config.NamedValue{DisplayName: "nothing", Value: "of a workspace"}
	secret.SetID("/namedValues/n")
	kept.SetID("/workspaces/w/namedValues/n")
	certificate.SetID("/certificates/c")
	y.config.Apply(&config.Update{Put: []config.Entity{secret, certificate, kept}})
	var seen *http.Request
	y.servers["a.test"] = func(r *http.Request) (*http.Response, error) { seen = r; return answer(200)(r) }
	y.servers["i.test"] = y.servers["a.test"]

	c := y.call("a", func(c *Call) { c.Request.Headers["X-Key"] = []string{"of the client"} })
	if got := seen.URL.String(); got != "https://a.test/v1/x?a=1&b=%20&code=s%261&code=%C3%A9" {
		t.Errorf("sent to %s", got)
	}
	if h := seen.Header; h.Get("X-Key") != "s&1" || len(h["X-Two"]) != 2 || h.Get("Authorization") != "Basic s&1" {
		t.Errorf("headers %v", h)
	}
	if c.Request.Headers["X-Key"][0] != "of the client" || c.Request.Headers["Authorization"] != nil {
		t.Errorf("expressions see the backend's credentials: %v", c.Request.Headers)
	}
	proxy, _ := url.Parse(y.upstream.Proxy)
	if y.upstream.Certificate != "ABCD" || !y.upstream.AnyChain || !y.upstream.AnyName || y.upstream.Pins != "AABB\nname=n CC" || proxy.Host != "proxy.test:8080" {
		t.Errorf("upstream %+v", y.upstream)
	}
	y.call("i")
	if seen.Header.Get("Authorization") != "Bearer token" || len(y.tokens) != 1 || y.tokens[0] != "api://x me" {
		t.Errorf("managed identity: %v, %v", seen.Header, y.tokens)
	}
	for _, id := range []string{"l", "f"} {
		if c := y.call(id); c.Response.StatusCode != 500 || c.LastError.Reason != ReasonBackendConnection {
			t.Errorf("%s: %d %+v", id, c.Response.StatusCode, c.LastError)
		}
	}
}

// A backend of a workspace is for that workspace; documents in it see those of the service too.
func TestBackendWorkspaces(t *testing.T) {
	y := newYard(t, server("a"))
	inner := server("b")
	inner.SetID("/workspaces/w/backends/b")
	y.config.Apply(&config.Update{Put: []config.Entity{inner}})
	set := NewBackendSet(y.config, &y.circuits)
	if set.Find("", "b") != nil || set.Find("/workspaces/w", "B") == nil || set.Find("/workspaces/w", "a") == nil || set.Find("/workspaces/v", "b") != nil {
		t.Error("backends are found where they are not, or are not found where they are")
	}
	var none *BackendSet
	if none.Find("", "a") != nil {
		t.Error("a gateway without backends has one")
	}
}

// Calls that run at once share turns and circuits.
func TestPoolTogether(t *testing.T) {
	rule := config.BreakerRule{Count: number(5), Interval: "PT1M", TripDuration: "PT1M"}
	y := newYard(t, server("a", rule), server("b", rule), poolOf("p", "", memberOf("a", 1, 1), memberOf("b", 1, 1)))
	entity := NewBackendSet(y.config, &y.circuits).Find("", "p")
	var wg sync.WaitGroup
	var picked [2]atomic.Int64
	for range 8 {
		wg.Go(func() {
			c := NewCall(&Services{})
			defer c.Release()
			for range 100 {
				m, err := entity.Pick(c)
				if err != nil {
					t.Error(err)
					return
				}
				picked[m.ID[0]-'a'].Add(1)
				m.Done(&http.Response{StatusCode: 200}, nil)
			}
		})
	}
	wg.Wait()
	if a, b := picked[0].Load(), picked[1].Load(); a != 400 || b != 400 {
		t.Errorf("%d and %d turns", a, b)
	}
}

func BenchmarkPoolPick(b *testing.B) {
	rule := config.BreakerRule{Count: number(1000), Interval: "PT1M", TripDuration: "PT1M"}
	y := newYard(nil, server("a", rule), server("b", rule), poolOf("p", "", memberOf("a", 1, 2), memberOf("b", 1, 1)))
	c := NewCall(&Services{})
	set := NewBackendSet(y.config, &y.circuits)
	entity := set.Find("", "p")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := entity.Pick(c); err != nil {
			b.Fatal(err)
		}
	}
}
