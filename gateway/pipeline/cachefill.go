package pipeline

import (
	"errors"
	"sync"
	"time"

	"gatehouse/cache"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// cacheValue is cache-value: a value from the cache, computed by the policies in it when it is not there or no longer
// fresh. Microsoft's policy toolkit says what it does; docs/divergences.md names what that leaves open.
//
// The value lies where cache-lookup-value and its kin find it. That it is fresh says an entry beside it, which goes after
// refresh-after.
type cacheValue struct {
	cached
	variable         string
	expires, refresh Whole
	fallback         Any
	block            Block
	filling          filling
}

// filling are the keys that are being computed, so that calls that come together compute a value once.
type filling struct {
	mu   sync.Mutex
	keys map[cache.Key]chan struct{}
}

// patience is how long a call waits for another to compute its value; then it computes the value itself.
const patience = 10 * time.Second

func compileCacheValue(k *Compiler, e *policy.Element) Step {
	s := &cacheValue{cached: k.cached(e), variable: k.Literal(e, "variable-name"), expires: k.Whole(e, "expires-after"), refresh: k.Whole(e, "refresh-after"), fallback: k.Any(e, "default-value")}
	for _, child := range e.Children {
		if child.Name == "value" {
			s.block = k.Block(child.Children, "value")
		}
	}
	return s
}

// Run sets the variable: to what the cache has, to what the policies make, else to the default.
func (s *cacheValue) Run(c *Call) error {
	from, key, err := s.at(c)
	refresh, err2 := s.refresh.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return err
	}
	always := s.refresh.Given() && refresh <= 0
	until := time.Now().Add(patience)
	for {
		old, fresh, found := s.find(c, from, key)
		if found && fresh && !always {
			c.Variables.Set(s.variable, old)
			return nil
		}
		ready, mine := s.filling.enter(key)
		if mine {
			defer s.filling.leave(key, ready)
			return s.fill(c, from, key, old, found)
		}
		if found && !always { // somebody computes it anew: what there is serves meanwhile
			c.Variables.Set(s.variable, old)
			return nil
		}
		if !time.Now().Before(until) {
			return s.fill(c, from, key, old, found)
		}
		if err := c.await(ready, until); err != nil {
			return err
		}
	}
}

// find returns what the cache has, and whether that is fresh.
func (s *cacheValue) find(c *Call, from cache.Cache, key cache.Key) (v expr.Value, fresh, found bool) {
	data, ok := from.Get(c.Waiting(), key)
	if !ok {
		return expr.Null, false, false
	}
	v, err := readValue(data)
	if err != nil {
		return expr.Null, false, false
	}
	_, fresh = from.Get(c.Waiting(), freshness(key))
	return v, fresh, true
}

// freshness is the key of the entry that says that another is fresh.
func freshness(key cache.Key) cache.Key {
	key.Of += "-fresh"
	return key
}

// fill computes the value and stores it. What is there already stays when nothing new comes of it.
func (s *cacheValue) fill(c *Call, to cache.Cache, key cache.Key, old expr.Value, found bool) error {
	before, had := c.Variables.Get(s.variable)
	c.Variables.Set(s.variable, expr.Null) // what it was before is not what the policies make
	if err := s.block.Run(c); err != nil {
		if isStop(err) || errors.Is(err, errOver) || !found {
			if had {
				c.Variables.Set(s.variable, before)
			}
			return err
		}
		c.Trace("cache-value", "The value could not be computed anew; the old one stays: "+failureOf(err, nil).Error())
		c.Variables.Set(s.variable, old)
		return nil
	}
	v, _ := c.Variables.Get(s.variable)
	if !v.IsNull() {
		return s.store(c, to, key, v)
	}
	if found {
		c.Variables.Set(s.variable, old)
		return nil
	}
	if !s.fallback.Given() {
		return nil
	}
	v, err := s.fallback.Eval(c)
	if err == nil {
		c.Variables.Set(s.variable, v)
	}
	return err
}

// store keeps a value. How long is asked now: the expressions may depend on what the policies found.
func (s *cacheValue) store(c *Call, to cache.Cache, key cache.Key, v expr.Value) error {
	expires, err := s.expires.Eval(c)
	refresh, err2 := s.refresh.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return err
	}
	if !s.refresh.Given() {
		refresh = expires
	}
	data, err := packValue(v)
	if err != nil {
		c.Trace("cache-value", "The value was not stored: "+err.Error())
		return nil
	}
	seconds := func(n int64) time.Duration { return time.Duration(min(n, maxRenewal)) * time.Second }
	to.Put(freshness(key), []byte{1}, seconds(min(refresh, expires)))
	to.Put(key, data, seconds(expires))
	return nil
}

// enter says whether the caller computes the value; else the channel closes when another has.
func (f *filling) enter(key cache.Key) (ready chan struct{}, mine bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ready, ok := f.keys[key]; ok {
		return ready, false
	}
	if f.keys == nil {
		f.keys = map[cache.Key]chan struct{}{}
	}
	ready = make(chan struct{})
	f.keys[key] = ready
	return ready, true
}

func (f *filling) leave(key cache.Key, ready chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, key)
	close(ready)
}

// await waits for somebody else, until a moment at most.
func (c *Call) await(ready chan struct{}, until time.Time) error {
	over := c.aside(func() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		select {
		case <-ready:
		case <-t.C:
		case <-c.Waiting().Done():
		}
	})
	if over == nil && c.Waiting().Err() != nil {
		return failed(ReasonClientConnection, "The client has gone.")
	}
	return over
}
