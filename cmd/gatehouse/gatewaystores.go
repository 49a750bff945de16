package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/analytics"
	"gatehouse/cache"
	"gatehouse/counter"
	"gatehouse/gateway"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/telemetry"
	"gatehouse/redis"
)

// cacheBytes is how large the built-in cache of a gateway is.
const cacheBytes = 256 << 20

// gatewayStores are what calls of APIs are counted in and what is kept for later ones.
type gatewayStores struct {
	stores   gateway.Stores
	counters counter.Counters
	metrics  pipeline.Metrics
	calls    *telemetry.Metrics
	gateway  atomic.Pointer[gateway.Gateway]
	conn     *redis.Conn // that counters are shared by; nil when they are not
}

// newGatewayStores counts in this process, or in the Redis whose connection string is in a file. Quotas are kept in counted, by
// way of ledger unless that is nil; without counted none are kept.
func newGatewayStores(counted *analytics.Store, ledger counter.Ledger, redisFile string) (*gatewayStores, error) {
	memory, err := cache.NewMemory(cacheBytes, nil)
	if err != nil {
		return nil, err
	}
	s := &gatewayStores{stores: gateway.Stores{Internal: memory, Vectors: &cache.Vectors{}, Failed: seldom("a cache cannot be used")}, calls: telemetry.NewMetrics()}
	o := counter.Options{Failed: seldom("calls cannot be counted where they should be")}
	if counted != nil {
		o.Ledger = counted
	}
	if ledger != nil {
		o.Ledger = ledger
	}
	if redisFile == "" {
		s.counters = counter.NewLocal(o)
	} else {
		text, err := os.ReadFile(redisFile)
		if err != nil {
			return nil, fmt.Errorf("--gateway-redis: %w", err)
		}
		where, err := redis.Parse(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, fmt.Errorf("--gateway-redis: %s: %w", redisFile, err)
		}
		s.conn = redis.New(where)
		s.counters = counter.NewShared(s.conn, o)
	}
	counted.OnEdit(s.counters.Reload)
	return s, nil
}

// seldom logs an error at most every 10 seconds: it may be that of every call.
func seldom(what string) func(error) {
	var next atomic.Int64
	return func(err error) {
		now := time.Now().UnixNano()
		if at := next.Load(); now >= at && next.CompareAndSwap(at, now+int64(10*time.Second)) {
			slog.Warn(what, "error", err)
		}
	}
}

// open makes a gateway that uses them.
func (s *gatewayStores) open(c gateway.Config) *gateway.Gateway {
	c.Home = s.stores.Home
	c.Services.Counters, c.Services.Metrics = s.counters, &s.metrics
	then := c.Observe
	c.Observe = func(v *gateway.Visit) {
		s.calls.Observe(v)
		if then != nil {
			then(v)
		}
	}
	g := gateway.New(c)
	s.gateway.Store(g)
	return g
}

// register has a registry show what calls did and what policies sent.
func (s *gatewayStores) register(r prometheus.Registerer) error {
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_gateway_open_circuits", Help: "Backends that get no calls because they failed."}, func() float64 {
		if g := s.gateway.Load(); g != nil {
			return float64(len(g.OpenCircuits()))
		}
		return 0
	})
	return errors.Join(r.Register(s.calls), r.Register(open), r.Register(newPolicyMetrics(&s.metrics)))
}

// close writes what is counted and not kept yet. No call may run then.
func (s *gatewayStores) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.counters.Close(ctx)
	s.stores.Close()
	if s.conn != nil {
		s.conn.Close()
	}
	if err != nil {
		return errors.Join(errors.New("some calls of APIs were not added to their quotas"), err)
	}
	return nil
}

// policyMetrics shows what emit-metric and its kin sent: a summary for each, of which there is the sum and the count.
type policyMetrics struct {
	sent    *pipeline.Metrics
	dropped *prometheus.Desc
}

func newPolicyMetrics(m *pipeline.Metrics) *policyMetrics {
	return &policyMetrics{m, prometheus.NewDesc("gatehouse_policies_metrics_dropped_total", "Values of policies' metrics that were dropped because there are too many series.", nil, nil)}
}

// Describe implements prometheus.Collector. What policies send is not known before.
func (*policyMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *policyMetrics) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(m.dropped, prometheus.CounterValue, float64(m.sent.Dropped()))
	for _, s := range m.sent.All() {
		var names, values []string
		for _, l := range s.Labels {
			names, values = append(names, l.Name), append(values, l.Value)
		}
		desc := prometheus.NewDesc("gatehouse_policy_"+s.Name, "Sent by policies.", names, nil)
		if made, err := prometheus.NewConstSummary(desc, s.Count, s.Sum, nil, values...); err == nil {
			to <- made
		}
	}
}
