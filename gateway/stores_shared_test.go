package gateway

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/counter"
	"gatehouse/gateway/pipeline"
	"gatehouse/redis"
	"gatehouse/redis/redistest"
)

// Two gateways with one Redis have one limit; without it each has its own.
func TestGatewaysTogether(t *testing.T) {
	server := redistest.Start(t)
	nodes := make([]*site, 2)
	for i := range nodes {
		conn := redis.New(redis.Options{Address: server.Address, Timeout: 5 * time.Second, Pause: time.Minute})
		defer conn.Close()
		n := newSite(t, newAPI("a", "a", "http://127.0.0.1:1", nil), newOperation("a", "get", "GET", "/x"),
			newPolicy("/apis/a", `<inbound><rate-limit-by-key calls="3" renewal-period="300" counter-key="k" /><return-response /></inbound>`))
		n.g.Close()
		n.g = New(Config{Default: "contoso", Services: pipeline.Services{Counters: counter.NewShared(conn, counter.Options{})}})
		t.Cleanup(n.g.Close)
		n.g.Update(n.c, n.c.Update())
		n.at.Close()
		n.at = httptest.NewServer(n.g)
		t.Cleanup(n.at.Close)
		nodes[i] = n
	}
	for i := range 3 {
		nodes[i%2].want("GET /a/x", 200, "")
	}
	for _, n := range nodes {
		status, headers, body := n.call("GET /a/x")
		if status != 429 || headers.Get("Retry-After") == "" || !strings.HasPrefix(body, `{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in `) {
			t.Errorf("%d %v %s", status, headers, body)
		}
	}
	server.Stop()
	nodes[0].want("GET /a/x", 200, "") // it had 2 of the 3
	nodes[0].want("GET /a/x", 429, "")
	nodes[1].want("GET /a/x", 200, "")
	nodes[1].want("GET /a/x", 200, "")
	nodes[1].want("GET /a/x", 429, "")
}
