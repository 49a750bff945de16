package gateway

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"gatehouse/cache"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy"
	"gatehouse/redis"
)

// Stores are what calls keep for later ones: the built-in cache, the caches that services bring along, completions by
// their prompts. Its zero value keeps nothing in this process.
type Stores struct {
	Internal *cache.Memory  // nil for none
	Vectors  *cache.Vectors // nil for none
	Failed   func(error)    // hears of errors of Redis; nil for nobody

	mu       sync.Mutex
	external map[string]*external // by connection string
}

type external struct {
	conn  *redis.Conn
	cache *cache.Shared
}

// Home is what calls of a service share: Config.Home of a Gateway.
func (s *Stores) Home(c *config.Config) pipeline.Home {
	h := pipeline.Home{Key: c.Service.Statistics, Vectors: s.Vectors}
	if s.Internal != nil && !strings.EqualFold(c.Service.SKU.Name, "Consumption") { // which has none built in (gateway.md 12.2)
		h.Caches.Internal = s.Internal
	}
	if connection := externalCache(c); connection != "" {
		found, err := s.open(connection)
		if err != nil {
			s.failed(err)
		} else {
			h.Caches.External = found
		}
	}
	return h
}

func (s *Stores) failed(err error) {
	if s.Failed != nil {
		s.Failed(err)
	}
}

// externalCache is the connection string of the cache that a service uses where it is: that of its region, else the default; "" for none.
func externalCache(c *config.Config) string {
	var found *config.Cache
	for _, e := range slices.SortedFunc(c.Caches.All(), func(a, b *config.Cache) int { return strings.Compare(string(a.Key()), string(b.Key())) }) {
		switch place := strings.ReplaceAll(strings.ToLower(e.Location), " ", ""); {
		case place == strings.ReplaceAll(strings.ToLower(c.Service.Location), " ", "") && place != "":
			found = e
		case place == "default" && found == nil:
			found = e
		}
	}
	if found == nil {
		return ""
	}
	return policy.ReplaceAll(found.Connection, func(name string) (string, bool) {
		for v := range c.NamedValues.All() {
			if v.Key().Workspace() == "" && v.DisplayName == name && !v.Missing {
				return v.Value, true
			}
		}
		return "", false
	})
}

// open returns the cache at the other end of a connection string, which services may share.
func (s *Stores) open(connection string) (*cache.Shared, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.external[connection]; e != nil {
		return e.cache, nil
	}
	if strings.Contains(connection, "{{") {
		return nil, errors.New("an external cache is not used: its connection string refers to a named value that is not there")
	}
	o, err := redis.Parse(connection)
	if err != nil {
		return nil, err
	}
	e := &external{conn: redis.New(o)}
	e.cache = cache.NewShared(e.conn, s.Failed)
	if s.external == nil {
		s.external = map[string]*external{}
	}
	s.external[connection] = e
	return e.cache, nil
}

// Close writes what waits to be written and ends the connections. No call may use the stores then.
func (s *Stores) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range maps.Values(s.external) {
		e.cache.Close()
		e.conn.Close()
	}
	s.external = nil
	if s.Internal != nil {
		s.Internal.Close()
	}
}
