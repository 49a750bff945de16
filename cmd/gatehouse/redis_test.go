package main

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/redis/redistest"
)

// TestRedisGone: the server's gateway and one elsewhere count together in Redis. While that is gone no call fails for it, and each
// goes on counting by itself; role checks do not need it.
func TestRedisGone(t *testing.T) {
	server := redistest.Start(t)
	file := filepath.Join(t.TempDir(), "redis")
	if err := os.WriteFile(file, []byte(server.Address), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStops(t, "--gateway-redis", file)
	s.api("limited", "")
	s.policy("limited", `<rate-limit-by-key calls="4" renewal-period="300" counter-key="together" />`)
	id, _, token := s.person()
	s.assign(id, "User")
	_ = s.away.cmd.Process.Kill()
	<-s.away.done
	s.away = s.gateway(t.TempDir(), s.gatewayToken(), "--redis", file)
	s.here.is(200, "/limited/", "")
	s.here.is(200, "/limited/", "")
	s.away.is(200, "/limited/", "")
	s.away.is(200, "/limited/", "")
	s.here.is(429, "/limited/", "")
	s.away.is(429, "/limited/", "")
	server.Stop()
	for _, g := range []*farmGateway{s.here, s.away} {
		g.is(200, "/open", "")
		g.becomes(200, "/guarded/", token)
		if got := g.send("/limited/", nil); got != 200 && got != 429 {
			t.Errorf("without Redis: %d", got)
		}
		g.turns(429, "/limited/", nil) // counted here
	}
}
