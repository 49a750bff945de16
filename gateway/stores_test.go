package gateway

import (
	"testing"
	"time"

	"gatehouse/cache"
	"gatehouse/gateway/config"
	"gatehouse/redis/redistest"
)

func TestStores(t *testing.T) {
	server := redistest.Start(t)
	memory, err := cache.NewMemory(8<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	var told []error
	s := &Stores{Internal: memory, Failed: func(err error) { told = append(told, err) }}
	defer s.Close()
	service := func(sku string, caches ...*config.Cache) *config.Config {
		u := &config.Update{Whole: true, Put: []config.Entity{&config.Service{Statistics: "/s 1", Location: "West Europe", SKU: config.SKU{Name: sku}}}}
		for i, c := range caches {
			c.SetID("/caches/" + string(rune('a'+i)))
			u.Put = append(u.Put, c)
		}
		v := &config.NamedValue{DisplayName: "redis", Value: server.Address + ",abortConnect=False"}
		v.SetID("/namedValues/v")
		return config.New(&config.Update{Whole: true, Put: append(u.Put, v)})
	}
	if h := s.Home(service("Developer")); h.Key != "/s 1" || h.Caches.Internal == nil || h.Caches.External != nil {
		t.Errorf("without an external cache: %+v", h)
	}
	if h := s.Home(service("Consumption")); h.Caches.Internal != nil {
		t.Error("a Consumption service has a built-in cache")
	}
	elsewhere := &config.Cache{Connection: "redis://127.0.0.1:1", Location: "eastus"}
	if h := s.Home(service("Developer", elsewhere)); h.Caches.External != nil {
		t.Error("the cache of another region is used")
	}
	h := s.Home(service("Developer", &config.Cache{Connection: "redis://127.0.0.1:1", Location: "default"}, &config.Cache{Connection: "{{redis}}", Location: "westeurope"}))
	k := cache.Key{Space: "x"}
	h.Caches.External.Put(k, []byte("v"), time.Minute)
	for range 100 {
		if got, ok := h.Caches.External.Get(t.Context(), k); ok && string(got) == "v" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got, _ := h.Caches.External.Get(t.Context(), k); string(got) != "v" {
		t.Errorf("the cache of the region has %q", got)
	}
	if again := s.Home(service("Developer", &config.Cache{Connection: "{{redis}}", Location: "default"})); again.Caches.External != h.Caches.External {
		t.Error("one connection string has two caches")
	}
	if len(told) > 0 {
		t.Error(told)
	}
	if h := s.Home(service("Developer", &config.Cache{Connection: "{{none}}", Location: "default"})); h.Caches.External != nil || len(told) != 1 {
		t.Errorf("a connection that is not known: %+v, %v", h, told)
	}
}
