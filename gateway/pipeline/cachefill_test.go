package pipeline

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/cache"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

type answering func(r *http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestCacheValueTogether: of calls that come at once one computes the value; a call whose client goes does not keep the others.
func TestCacheValueTogether(t *testing.T) {
	d, err := policy.Parse(`<policies><inbound><cache-value key="k" variable-name="v"><value><send-request mode="new" response-variable-name="r"><set-url>http://values.test/</set-url><set-method>GET</set-method></send-request>
		<set-variable name="v" value="@(((IResponse)context.Variables["r"]).Body.As<string>())" /></value></cache-value><return-response /></inbound></policies>`, policy.Raw)
	if err != nil {
		t.Fatal(err)
	}
	document := Compile(Source{Scope: policy.API, Document: d}, Env{})
	if document.Err != nil {
		t.Fatal(document.Err)
	}
	var asked atomic.Int32
	started := make(chan struct{})
	services := &Services{Transport: func(Upstream) (http.RoundTripper, error) {
		return answering(func(r *http.Request) (*http.Response, error) {
			n := asked.Add(1)
			if n == 1 {
				close(started)
				<-r.Context().Done() // the first client goes
				return nil, r.Context().Err()
			}
			time.Sleep(20 * time.Millisecond)
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(fmt.Sprint("value ", n)))}, nil
		}), nil
	}}
	memory, err := cache.NewMemory(8<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	home := Home{Key: "s", Caches: cache.Caches{Internal: memory}}
	run := func(ctx context.Context) string {
		c := NewCall(services)
		defer c.Release()
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/", nil)
		c.HTTP, c.Home, c.Request.Headers = r, home, expr.Headers{}
		c.Govern(document)
		c.Run()
		if c.LastError != nil && ctx.Err() == nil {
			t.Errorf("%+v", c.LastError)
		}
		v, _ := c.Variables.Get("v")
		return v.Print()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { run(ctx) })
	select {
	case <-started:
	case <-time.After(5 * time.Second):
		t.Fatal("nothing is computed")
	}
	var values [20]string
	for i := range values {
		all.Go(func() { values[i] = run(t.Context()) })
	}
	time.Sleep(10 * time.Millisecond)
	cancel()
	all.Wait()
	for _, v := range values {
		if v != values[0] || v == "" {
			t.Errorf("%q", values)
			break
		}
	}
	if n := asked.Load(); n != 2 { // the one that went, and one that took its place
		t.Errorf("computed %d times", n)
	}
}
