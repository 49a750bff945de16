package trace

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestStore(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	s := NewStore(func() time.Time { return now })
	one := &Trace{ID: "One"}
	one.Add(Inbound, Entry{Source: "set-header", Time: now, Elapsed: 62*time.Second + 1500*time.Nanosecond, Data: map[string]string{"message": "x"}})
	one.Add(OnError, Entry{Source: "y", Time: now})
	if err := s.Put("/S/gateways/managed", one); err != nil {
		t.Fatal(err)
	}
	want := `{"traceId":"One","traceEntries":{"inbound":[{"source":"set-header","timestamp":"2026-03-04T12:00:00.0000000Z","elapsed":"00:01:02.0000015","data":{"message":"x"}}],` +
		`"backend":[],"outbound":[],"on-error":[{"source":"y","timestamp":"2026-03-04T12:00:00.0000000Z","elapsed":"00:00:00.0000000","data":null}]}}`
	if got := string(s.Get("/s/gateways/Managed", "one")); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if string(s.Get("/s/gateways/managed", "")) != want || s.Get("/s/gateways/other", "") != nil || s.Get("/s/gateways/managed", "two") != nil {
		t.Error("the last trace is that of its gateway")
	}
	now = now.Add(Life)
	if s.Get("/s/gateways/managed", "one") != nil || s.Get("/s/gateways/managed", "") != nil {
		t.Error("a trace outlived its life")
	}
	if (*Store)(nil).Get("g", "") != nil || (*Store)(nil).Put("g", one) != nil {
		t.Error("a nil store keeps nothing")
	}
}

// TestBounds: neither many traces nor large ones take more than there is for them.
func TestBounds(t *testing.T) {
	s := NewStore(nil)
	body := []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	for i := range 3 * mostTraces {
		if err := s.PutJSON(fmt.Sprint("/g", i%3), fmt.Sprint(i), body); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.order) > mostTraces || s.bytes > mostBytes || len(s.kept) != len(s.order) || len(s.last) != 3 {
		t.Errorf("%d traces of %d bytes", len(s.order), s.bytes)
	}
	if s.Get("/g2", fmt.Sprint(3*mostTraces-1)) == nil || s.Get("/g0", "0") != nil {
		t.Error("the oldest go first")
	}
	if s.PutJSON("/g", "large", make([]byte, mostBytes)) == nil || s.PutJSON("/g", "bad", []byte("{")) == nil {
		t.Error("what is no trace was kept")
	}
}
