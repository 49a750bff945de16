package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gatehouse/cache"
	"gatehouse/counter"
	"gatehouse/gateway/config"
)

// limitServices are what the calls of a case share: counters and a cache.
func (w *world) limitServices(s *Services) {
	now := func() time.Time { return w.now }
	s.Counters = counter.NewLocal(counter.Options{Clock: now, Every: -1})
	var tick atomic.Int64 // the cache looks at the clock from a goroutine of its own
	kept, err := cache.NewMemory(8<<20, func() time.Time { return time.Unix(0, tick.Load()) })
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(kept.Close)
	s.Metrics = &Metrics{}
	w.shared.Vectors = &cache.Vectors{Clock: now}
	var external cache.Cache
	if w.options["external"] != "" {
		external = goneCache{}
	}
	w.shared.Key, w.shared.Caches = "contoso", cache.Caches{External: external, Internal: &ticking{kept, func() { tick.Store(w.now.UnixNano()) }}}
}

// configure reads a configuration, of which a case has the backends.
func (w *world) configure(text []byte) {
	var u config.Update
	if err := json.Unmarshal(text, &u); err != nil {
		w.t.Fatal(err)
	}
	w.shared.Backends = NewBackendSet(config.New(&u), &Circuits{})
}

// printMetrics notes what emit-metric and its kin sent.
func (w *world) printMetrics() {
	for _, m := range w.services.Metrics.All() {
		fmt.Fprintf(&w.seen, "metric %s", m.Name)
		for _, l := range m.Labels {
			fmt.Fprintf(&w.seen, " %s=%q", l.Name, l.Value)
		}
		fmt.Fprintf(&w.seen, " count=%d sum=%g\n", m.Count, m.Sum)
	}
}

// goneCache is one that cannot be reached.
type goneCache struct{}

func (goneCache) Get(context.Context, cache.Key) ([]byte, bool) { return nil, false }
func (goneCache) Put(cache.Key, []byte, time.Duration)          {}
func (goneCache) Remove(context.Context, cache.Key) error       { return errors.New("the cache is gone") }

// ticking is a cache that is told the time before it is asked.
type ticking struct {
	*cache.Memory
	tick func()
}

func (c *ticking) Get(ctx context.Context, k cache.Key) ([]byte, bool) {
	c.tick()
	return c.Memory.Get(ctx, k)
}

func (c *ticking) Put(k cache.Key, value []byte, ttl time.Duration) {
	c.tick()
	c.Memory.Put(k, value, ttl)
}
