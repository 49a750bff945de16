package gateway

import (
	"net/http"
	"sync/atomic"
	"testing"
)

// A backend that is the gateway itself, over the network, is found out: by forwards, and by requests that policies make.
func TestGoesRound(t *testing.T) {
	s := newSite(t)
	var calls atomic.Int32
	handler := s.at.Config.Handler
	s.at.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handler.ServeHTTP(w, r)
	})
	s.put(newAPI("round", "round", s.at.URL+"/round", nil), newOperation("round", "get", "GET", "/*"),
		newAPI("ask", "ask", s.at.URL, nil), newOperation("ask", "get", "GET", "/*"),
		newPolicy("/apis/ask", `<inbound><send-request response-variable-name="r"><set-url>`+s.at.URL+`/ask/</set-url><set-header name="CDN-Loop" exists-action="override"><value>none</value></set-header></send-request>
			<return-response><set-status code="@(((IResponse)context.Variables[&quot;r&quot;]).StatusCode)" /></return-response></inbound>`))
	for _, path := range []string{"/round/x", "/ask/x"} {
		calls.Store(0)
		s.want("GET "+path, http.StatusLoopDetected, "")
		if n := calls.Load(); n != maxHops+1 {
			t.Errorf("%s: the gateway was called %d times", path, n)
		}
	}
}

// What others wrote stays, and the backend sees the gateway in it.
func TestHops(t *testing.T) {
	s := newSite(t, newAPI("echo", "echo", echo(t), nil), newOperation("echo", "get", "GET", "/*"),
		newPolicy("/apis/echo", `<inbound><base /></inbound><backend><base /></backend><outbound><set-header name="X-Hops"><value>@(context.Request.Headers.GetValueOrDefault("CDN-Loop"))</value></set-header></outbound>`))
	for before, want := range map[string]string{"": "gatehouse", "cdn.example; a=b": "cdn.example; a=b, gatehouse"} {
		headers := []string{"X-Nothing", "1"}
		if before != "" {
			headers = []string{"CDN-Loop", before}
		}
		if _, h, _ := s.call("GET /echo/x", headers...); h.Get("X-Hops") != want {
			t.Errorf("%q: %q", before, h.Get("X-Hops"))
		}
	}
}
