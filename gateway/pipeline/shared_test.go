package pipeline

import (
	"encoding/json"
	"time"

	"gatehouse/cache"
	"gatehouse/counter"
	"gatehouse/gateway/config"
)

// limitServices are what the calls of a case share: counters and a cache.
func (w *world) limitServices(s *Services) {
	now := func() time.Time { return w.now }
	s.Counters = counter.NewLocal(counter.Options{Clock: now, Every: -1})
	kept, err := cache.NewMemory(8<<20, now)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(kept.Close)
	w.shared.Key, w.shared.Caches = "contoso", cache.Caches{Internal: kept}
}

// configure reads a configuration, of which a case has the backends.
func (w *world) configure(text []byte) {
	var u config.Update
	if err := json.Unmarshal(text, &u); err != nil {
		w.t.Fatal(err)
	}
	w.shared.Backends = NewBackendSet(config.New(&u), &Circuits{})
}
