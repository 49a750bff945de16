package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/rbac/builtin"
)

// metrics are what /metrics shows. They name types and actions, never principals or resources.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	known    map[string]bool // folded actions of the catalogue
}

// liveHeap is what is in use, without what waits to be collected.
var liveHeap = collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/heap/live:bytes$`)}

func newMetrics(a *app) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_arm_requests_total", Help: "Management requests by verb and status."}, []string{"verb", "status"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_arm_request_seconds", Help: "Time to answer a management request.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}, []string{"verb"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_arm_refused_total", Help: "Refused management requests by action."}, []string{"action", "code"}),
		known:    map[string]bool{},
	}
	for _, o := range builtin.Operations() {
		m.known[gatehouse.Fold(o.Name)] = true
	}
	m.registry.MustRegister(m.requests, m.seconds, m.refused, collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(liveHeap)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "gatehouse_unknown_signins_total", Help: "Failed sign-ins of names that do not exist."},
			func() float64 { return float64(a.entra.UnknownSignIns()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "gatehouse_refusals_dropped_total", Help: "Refusals that were not put on record because there were too many."},
			func() float64 { return float64(a.refusals.Dropped()) }))
	return m
}

func (m *metrics) observe(e arm.Event) {
	verb := string(e.Verb)
	if verb == "" {
		verb = "none"
	}
	m.requests.WithLabelValues(verb, fmt.Sprint(e.Status)).Inc()
	m.seconds.WithLabelValues(verb).Observe(e.Duration.Seconds())
	if e.Status == http.StatusForbidden {
		m.refused.WithLabelValues(m.action(e.Action), e.Code).Inc()
	}
}

// action is a label's value. Some actions hold a namespace out of the path: what the
// catalogue does not have is one value, or callers could invent series without end.
func (m *metrics) action(name string) string {
	if m.known[gatehouse.Fold(name)] {
		return name
	}
	return "other"
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// metricsMux is what the listener of --metrics-listen serves.
func (m *metrics) mux() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.handler())
	return mux
}

// toThisMachine serves programs of this machine only. A request that came through a
// proxy was made by somebody else, wherever the proxy runs.
func toThisMachine(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() || forwarded(r) {
			http.Error(w, "This is answered to programs of the server's own machine only. For others start the server with --metrics-listen.", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func forwarded(r *http.Request) bool {
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}
