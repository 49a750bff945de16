package pipeline

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/cache"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// waiting compiles inbound policies.
func waiting(t *testing.T, inbound string) *Document {
	t.Helper()
	parsed, err := policy.Parse("<policies><inbound>"+inbound+"</inbound><backend /><outbound /></policies>", policy.Raw)
	if err != nil {
		t.Fatal(err)
	}
	d := Compile(Source{ID: "apis/a/policies/policy", Scope: policy.API, Document: parsed}, Env{})
	if d.Err != nil {
		t.Fatal(d.Err)
	}
	return d
}

// TestWaitShares: children of wait that change one object do not do so at once: a dictionary would end the process, and a
// value that is half of one and half of another one is no memory of ours. Run with -race.
func TestWaitShares(t *testing.T) {
	change := func(text string) string {
		return `<choose><when condition="@{ var d = (Dictionary<string,object>)context.Variables[&quot;d&quot;];
			for (int i = 0; i < 5000; i++) { d[(i % 50).ToString()] = ` + text + `; d.Remove(((i + 25) % 50).ToString()); }
			return true; }"><set-variable name="x" value="1" /></when></choose>`
	}
	d := waiting(t, `<set-variable name="d" value="@(new Dictionary<string,object>())" /><set-variable name="h" value="@(context.Request.Headers)" />
		<wait for="all">`+change("1")+change(`new string('a', i)`)+change("2.5")+change("null")+`</wait>`)
	c := NewCall(&Services{})
	c.Govern(d)
	c.Request.Headers = expr.Headers{}
	c.Run()
	if c.Failed != nil {
		t.Error(c.Failed, c.Failed.Cause)
	}
	if v, _ := c.Variables.Get("x"); v.Str() != "1" {
		t.Errorf("x is %q", v.Str())
	}
	c.Release()
}

// slow is a server that answers a path /slow when it is told to.
type slow struct {
	began, begin, done chan struct{}
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/slow" {
		defer close(s.done)
		close(s.began)
		<-s.begin
	}
	<-s.began // quick, but not before the other is on its way
	return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader("text")), ContentLength: 4}, nil
}

// TestWaitAny: a child that nobody waits for any more does nothing when its turn comes, and meanwhile keeps no other from its own.
func TestWaitAny(t *testing.T) {
	send := func(path, variable string) string {
		return `<send-request response-variable-name="` + variable + `"><set-url>https://one.test` + path + `</set-url><set-method>GET</set-method></send-request>`
	}
	d := waiting(t, `<set-variable name="l" value="@(new List<string>())" /><wait for="any">`+
		`<choose><when condition="@(true)">`+send("/slow", "a")+`<set-variable name="z" value="@{ ((List<string>)context.Variables[&quot;l&quot;]).Add(&quot;late&quot;); return 1; }" /></when></choose>`+
		send("/quick", "b")+`</wait>`)
	server := &slow{began: make(chan struct{}), begin: make(chan struct{}), done: make(chan struct{})}
	c := NewCall(&Services{Transport: func(Upstream) (http.RoundTripper, error) { return server, nil }, Sleep: func(context.Context, time.Duration) error { return nil }})
	c.Govern(d)
	c.Request.Headers = expr.Headers{}
	c.Run()
	if c.Failed != nil {
		t.Fatal(c.Failed, c.Failed.Cause)
	}
	if v, _ := c.Variables.Get("b"); v.IsNull() {
		t.Error("b is not set")
	}
	l, _ := c.Variables.Get("l")
	close(server.begin)
	<-server.done
	time.Sleep(20 * time.Millisecond)
	if list := l.Ref().(*expr.List); len(list.Items) != 0 {
		t.Error("the child ran on after wait was over")
	}
	c.Release()
}

// TestCacheKnowsCallers: what a backend answered to a caller whom a role check told it, by a session and without Authorization,
// is not for others.
func TestCacheKnowsCallers(t *testing.T) {
	kept, err := cache.NewMemory(8<<20, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	d := waiting(t, `<cache-lookup vary-by-developer="false" vary-by-developer-groups="false" />`)
	for _, who := range []string{"", "bob"} {
		c := NewCall(&Services{})
		c.Home = Home{Key: "contoso", Caches: cache.Caches{Internal: kept}}
		c.Request.Method, c.Request.Headers = http.MethodGet, expr.Headers{}
		if who != "" {
			c.Variables.Set("gatehouse.principalId", expr.String(who))
		}
		c.Govern(d)
		c.Run()
		if c.Failed != nil {
			t.Fatal(c.Failed, c.Failed.Cause)
		}
		if asked := c.shared.lookup != nil; asked != (who == "") {
			t.Errorf("a call of %q asks the cache: %v", who, asked)
		}
		c.Release()
	}
}
