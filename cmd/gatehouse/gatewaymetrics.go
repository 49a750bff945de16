package main

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/gateway/pipeline"
)

// gatewayMetrics are what /metrics shows of calls of APIs (gateway.md 14). They name services, APIs and operations, never
// who called.
type gatewayMetrics struct {
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec
	cache    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	backend  *prometheus.HistogramVec
	open     *prometheus.Desc
	gateway  atomic.Pointer[gateway.Gateway]
}

func newGatewayMetrics() *gatewayMetrics {
	buckets := prometheus.ExponentialBuckets(0.0005, 2, 18)
	return &gatewayMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_gateway_requests_total", Help: "Calls by API, operation and class of status."}, []string{"service", "api", "operation", "status"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_gateway_failures_total", Help: "Calls that went to on-error, by the reason that LastError had."}, []string{"service", "reason"}),
		cache:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_gateway_cache_lookups_total", Help: "Lookups of responses in caches."}, []string{"service", "result"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_gateway_request_seconds", Help: "Time to answer a call.", Buckets: buckets}, []string{"service"}),
		backend:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_gateway_backend_seconds", Help: "Time that calls waited for their backends.", Buckets: buckets}, []string{"service"}),
		open:     prometheus.NewDesc("gatehouse_gateway_open_circuits", "Backends that get no calls because they failed.", nil, nil),
	}
}

// watch adds to what a gateway does when a call is over.
func (m *gatewayMetrics) watch(c *gateway.Config) {
	then := c.Observe
	c.Observe = func(v *gateway.Visit) {
		m.observe(v)
		if then != nil {
			then(v)
		}
	}
}

func (m *gatewayMetrics) observe(v *gateway.Visit) {
	service, api, operation := v.Plan.Service.ServiceName(), "", ""
	if v.API != nil {
		api = v.API.Name()
	}
	if v.Operation != nil {
		operation = v.Operation.Name()
	}
	m.requests.WithLabelValues(service, api, operation, statusClass(v.Reply().StatusCode)).Inc()
	m.seconds.WithLabelValues(service).Observe(time.Since(v.Times.Start).Seconds())
	if v.Backends.Sent {
		m.backend.WithLabelValues(service).Observe(v.Times.Backend.Seconds())
	}
	if v.Failed != nil {
		m.refused.WithLabelValues(service, v.Failed.Reason).Inc()
	}
	switch v.Cached {
	case pipeline.Hit:
		m.cache.WithLabelValues(service, "hit").Inc()
	case pipeline.Miss:
		m.cache.WithLabelValues(service, "miss").Inc()
	}
}

// statusClass is 2xx and its kin.
func statusClass(status int) string { return strconv.Itoa(status/100) + "xx" }

// Describe implements prometheus.Collector.
func (m *gatewayMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, each := range m.vectors() {
		each.Describe(to)
	}
	to <- m.open
}

// Collect implements prometheus.Collector.
func (m *gatewayMetrics) Collect(to chan<- prometheus.Metric) {
	for _, each := range m.vectors() {
		each.Collect(to)
	}
	if g := m.gateway.Load(); g != nil {
		to <- prometheus.MustNewConstMetric(m.open, prometheus.GaugeValue, float64(len(g.OpenCircuits())))
	}
}

func (m *gatewayMetrics) vectors() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.refused, m.cache, m.seconds, m.backend}
}
