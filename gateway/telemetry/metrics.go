package telemetry

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// Metrics are what Prometheus reads of calls: a prometheus.Collector. They are safe for concurrent use.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	cache    *prometheus.CounterVec
	failures *prometheus.CounterVec

	mu     sync.RWMutex
	cells  map[place]*cell
	series map[series]bool // that cells were made for
}

// place is what calls are counted by; the pointers spare looking names up.
type place struct {
	service   *config.Service
	api       *config.API
	operation *config.Operation
}

type series struct{ service, api, operation string }

// cell is the counters of a place, found once.
type cell struct {
	classes                  [6]prometheus.Counter // by the first digit of the status
	total, backend, policies prometheus.Observer
	hit, miss                prometheus.Counter
}

// The bounds of what is remembered: names that have series, and places that were looked up.
const (
	mostSeries = 5_000
	mostCells  = 20_000
)

// NewMetrics returns Metrics of no calls.
func NewMetrics() *Metrics {
	return &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_gateway_requests_total", Help: "Calls of APIs by operation and class of the status."}, []string{"service", "api", "operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_gateway_request_seconds", Help: "Time of calls: total, waiting for the backend, and the rest, which is policies and sending.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}, []string{"service", "part"}),
		cache:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_gateway_cache_lookups_total", Help: "Calls for which policies asked the response cache."}, []string{"service", "result"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_gateway_failures_total", Help: "Calls that went to on-error, by reason: refusals of counters, keys, roles, and failures."}, []string{"service", "reason"}),
		cells:    map[place]*cell{}, series: map[series]bool{},
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, each := range m.vectors() {
		each.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	for _, each := range m.vectors() {
		each.Collect(to)
	}
}

func (m *Metrics) vectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.seconds, m.cache, m.failures}
}

// register has the registry show what queues lost and how old configurations are.
func (t *Telemetry) register() {
	drops := func(queue string, count func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "gatehouse_gateway_dropped_total", Help: "What did not fit into a queue beside the calls.", ConstLabels: prometheus.Labels{"queue": queue}}, count)
	}
	t.Registry.MustRegister(&ages{t}, drops("log", func() float64 { return float64(t.lost.Load()) }), drops("events", func() float64 { return float64(t.unsent.Load()) }))
	for queue, count := range t.Drops {
		t.Registry.MustRegister(drops(queue, func() float64 { return float64(count()) }))
	}
}

// reasons are those that have series of their own.
var reasons = map[string]bool{
	"RateLimitExceeded": true, "QuotaExceeded": true, "ConcurrencyLimitExceeded": true, "TokenLimitExceeded": true, "TokenQuotaExceeded": true,
	"SubscriptionKeyNotFound": true, "SubscriptionKeyInvalid": true, "OperationNotFound": true, "CallerIpNotAllowed": true, "TokenNotPresent": true, "TokenNotValid": true,
	"IdentityNotFound": true, "IdentityInvalid": true, "RoleAssignmentNotFound": true, "DenyAssignmentFound": true, "AuthorityUnavailable": true, "CrossSiteRequest": true,
	"BackendConnectionFailure": true, "ClientConnectionFailure": true, "Timeout": true, "ExpressionValueEvaluationFailure": true, "NoHealthyBackend": true, "CircuitOpen": true,
}

// Observe counts a call that is over.
func (m *Metrics) Observe(v *gateway.Visit) {
	c := m.cell(place{v.Plan.Service, v.API, v.Operation})
	status := v.Reply().StatusCode
	c.classes[min(max(status/100, 0), 5)].Inc()
	c.total.Observe(v.Total.Seconds())
	if v.Backends.Sent {
		c.backend.Observe(v.Times.Backend.Seconds())
	}
	c.policies.Observe(max(0, v.Total-v.Times.Backend).Seconds())
	switch v.Cached {
	case pipeline.Hit:
		c.hit.Inc()
	case pipeline.Miss:
		c.miss.Inc()
	}
	if v.Failed == nil {
		return
	}
	reason := v.Failed.Reason
	if !reasons[reason] {
		reason = "other"
		if status == http.StatusTooManyRequests {
			reason = "Refused"
		}
	}
	m.failures.WithLabelValues(v.Plan.Service.ServiceName(), reason).Inc()
}

// cell finds the counters of a place.
func (m *Metrics) cell(p place) *cell {
	m.mu.RLock()
	c := m.cells[p]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c = m.cells[p]; c != nil {
		return c
	}
	if len(m.cells) >= mostCells { // the configuration has changed often
		clear(m.cells)
	}
	c = m.newCell(p)
	m.cells[p] = c
	return c
}

func (m *Metrics) newCell(p place) *cell {
	s := series{p.service.ServiceName(), "none", "none"}
	if p.api != nil {
		s.api = p.api.Name()
	}
	if p.operation != nil && p.operation.ID != "" {
		s.operation = p.operation.Name()
	}
	if !m.series[s] {
		if len(m.series) >= mostSeries {
			s.api, s.operation = "other", "other"
		}
		m.series[s] = true
	}
	c := &cell{total: m.seconds.WithLabelValues(s.service, "total"), backend: m.seconds.WithLabelValues(s.service, "backend"), policies: m.seconds.WithLabelValues(s.service, "policies"),
		hit: m.cache.WithLabelValues(s.service, "hit"), miss: m.cache.WithLabelValues(s.service, "miss")}
	for i, class := range [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"} {
		c.classes[i] = m.requests.WithLabelValues(s.service, s.api, s.operation, class)
	}
	return c
}

// ages tells how long ago the configuration of each service changed.
type ages struct{ t *Telemetry }

var ageDesc = prometheus.NewDesc("gatehouse_gateway_configuration_age_seconds", "Time since the configuration of a service last changed.", []string{"service"}, nil)

// Describe implements prometheus.Collector.
func (*ages) Describe(to chan<- *prometheus.Desc) { to <- ageDesc }

// Collect implements prometheus.Collector.
func (a *ages) Collect(to chan<- prometheus.Metric) {
	seen := map[string]time.Time{}
	for _, s := range *a.t.settings.Load() {
		if s.changed.After(seen[s.name]) {
			seen[s.name] = s.changed
		}
	}
	for name, changed := range seen {
		to <- prometheus.MustNewConstMetric(ageDesc, prometheus.GaugeValue, a.t.Clock().Sub(changed).Seconds(), name)
	}
}
