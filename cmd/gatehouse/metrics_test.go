package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The main listener shows its metrics to this machine only, and not to whoever comes through a proxy on it.
func TestMetricsAreForThisMachine(t *testing.T) {
	h := toThisMachine(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, c := range []struct {
		from, header string
		status       int
	}{
		{"127.0.0.1:5000", "", 200}, {"[::1]:5000", "", 200}, {"[::ffff:127.0.0.1]:5000", "", 200},
		{"192.0.2.7:5000", "", 403}, {"[2001:db8::1]:5000", "", 403}, {"", "", 403}, {"@", "", 403},
		{"127.0.0.1:5000", "X-Forwarded-For", 403}, {"127.0.0.1:5000", "x-forwarded-host", 403}, {"127.0.0.1:5000", "Forwarded", 403}, {"127.0.0.1:5000", "via", 403},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = c.from
		if c.header != "" {
			r.Header.Set(c.header, "192.0.2.7")
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("from %q with %q: %d, want %d", c.from, c.header, w.Code, c.status)
		}
	}
}

// Callers choose parts of some actions; they may not choose how many series there are.
func TestMetricsOfInventedActions(t *testing.T) {
	m := newMetrics(&app{})
	if got := m.action("microsoft.apimanagement/service/READ"); got == "other" {
		t.Errorf("a known action counts as %q", got)
	}
	for _, invented := range []string{"Invented.One/register/action", "", "Microsoft.ApiManagement/service/reads"} {
		if got := m.action(invented); got != "other" {
			t.Errorf("%q counts as %q", invented, got)
		}
	}
	w := httptest.NewRecorder()
	m.mux().ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "gatehouse_") {
		t.Errorf("the listener for metrics serves something else: %d %s", w.Code, w.Body)
	}
}
