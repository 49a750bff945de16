package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/past"
	"gatehouse/siem"
	"gatehouse/store"
)

// forwardDir is where a data directory keeps how far each target has come.
const forwardDir = "forward"

const forwardingHelp = `"gatehouse serve --forward FILE" sends every change, refusal and sign-in to others, at
least once and in order, also when the server is killed or a target is away for days.
FILE is YAML or JSON; paths in it are relative to it:

  targets:
    - name: soc                              # of its metrics and its cursor
      to: syslog+tls://collector.example:6514
      ca: collector-ca.pem                   # default: the authorities of the system
      format: cef                            # cef, ocsf or json; syslog: cef, others: ocsf
    - name: archive
      to: file:/var/log/gatehouse/ocsf.jsonl # rotate it by moving it away
      from: beginning                        # default: now
    - name: chat
      to: https://hooks.example/gatehouse
      secretFile: hook.key                   # signs deliveries: X-Gatehouse-Signature
      kinds: [refused, delete]               # write, delete, refused, signin, event

How far each target has come is in DATA/forward/NAME.cursor. /metrics has
gatehouse_forward_sent_total, gatehouse_forward_failures_total and gatehouse_forward_behind.
docs/evidence.md has the mapping to OCSF and CEF and how to check a signature.`

// background is what runs beside the listeners.
type background struct {
	forwarder *siem.Forwarder
	publisher *publisher
	past      *past.History // prepared for questions once the server runs
}

func (c *serveConfig) background(ctx context.Context, s *store.Store) (b background, err error) {
	config := &siem.Config{}
	if c.forward != "" {
		if config, err = siem.LoadConfig(c.forward); err != nil {
			return b, usage(err)
		}
	}
	if b.forwarder, err = siem.New(config, s, filepath.Join(c.data, forwardDir), version()); err != nil {
		return b, err
	}
	b.publisher, err = newPublisher(ctx, s, c.data, c.checkpoints, c.checkpointEvery)
	return b, err
}

// start runs everything until stop is called, which waits for the ends.
func (b background) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { b.forwarder.Run(ctx) })
	all.Go(func() { b.publisher.run(ctx) })
	all.Go(func() {
		if err := b.past.Mark(ctx); err != nil && ctx.Err() == nil {
			slog.Error("questions about the past will be slow", "error", err)
		}
	})
	return func() { cancel(); all.Wait() }
}

// forwardMetrics show how far each target is.
type forwardMetrics struct {
	store     *store.Store
	forwarder *siem.Forwarder
	sent      *prometheus.Desc
	failures  *prometheus.Desc
	behind    *prometheus.Desc
}

func newForwardMetrics(s *store.Store, f *siem.Forwarder) *forwardMetrics {
	target := []string{"target"}
	return &forwardMetrics{store: s, forwarder: f,
		sent:     prometheus.NewDesc("gatehouse_forward_sent_total", "Changes handed to a target, repetitions included.", target, nil),
		failures: prometheus.NewDesc("gatehouse_forward_failures_total", "Attempts that failed.", target, nil),
		behind:   prometheus.NewDesc("gatehouse_forward_behind", "Changes that a target does not have for certain yet.", target, nil)}
}

// Describe implements prometheus.Collector.
func (m *forwardMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.sent
	to <- m.failures
	to <- m.behind
}

// Collect implements prometheus.Collector.
func (m *forwardMetrics) Collect(to chan<- prometheus.Metric) {
	head, _ := m.store.Head(context.Background())
	for _, s := range m.forwarder.Stats() {
		to <- prometheus.MustNewConstMetric(m.sent, prometheus.CounterValue, float64(s.Sent), s.Target)
		to <- prometheus.MustNewConstMetric(m.failures, prometheus.CounterValue, float64(s.Failures), s.Target)
		to <- prometheus.MustNewConstMetric(m.behind, prometheus.GaugeValue, float64(head-s.Acknowledged), s.Target)
	}
}
