package pipeline

import (
	"time"

	"gatehouse/cache"
	"gatehouse/policy"
)

// The value cache: cache-lookup-value, cache-store-value, cache-remove-value (gateway.md 8.1). Its keys are one space for
// the service, and one for each workspace: a workspace reads nothing that others stored.

// cached is what the three have in common.
type cached struct {
	kind cache.Kind
	of   string
	name Text
}

func (k *Compiler) cached(e *policy.Element) cached {
	return cached{k.cachingType(e), k.workspace() + "value", k.Text(e, "key")}
}

// at finds the cache and the key in it.
func (s *cached) at(c *Call) (cache.Cache, cache.Key, error) {
	name, err := s.name.Eval(c)
	return c.Home.Caches.Of(s.kind), cache.Key{Space: c.Home.Key, Of: s.of, Name: name}, err
}

type cacheLookupValue struct {
	cached
	variable string
	fallback Any
}

func compileCacheLookupValue(k *Compiler, e *policy.Element) Step {
	return &cacheLookupValue{k.cached(e), k.Literal(e, "variable-name"), k.Any(e, "default-value")}
}

// Run sets the variable to what is found, with its type; else to the default if there is one.
func (s *cacheLookupValue) Run(c *Call) error {
	from, key, err := s.at(c)
	if err != nil {
		return err
	}
	if data, ok := from.Get(c.Waiting(), key); ok {
		if v, err := readValue(data); err == nil {
			c.Variables.Set(s.variable, v)
			return nil
		}
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

type cacheStoreValue struct {
	cached
	value    Any
	duration Whole
}

func compileCacheStoreValue(k *Compiler, e *policy.Element) Step {
	return &cacheStoreValue{k.cached(e), k.Any(e, "value"), k.Whole(e, "duration")}
}

// Run stores the value, if it is of a kind that caches keep.
func (s *cacheStoreValue) Run(c *Call) error {
	to, key, err := s.at(c)
	value, err2 := s.value.Eval(c)
	seconds, err3 := s.duration.Eval(c)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	data, err := packValue(value)
	if err != nil {
		c.Trace("cache-store-value", "The value was not stored: "+err.Error())
		return nil
	}
	to.Put(key, data, time.Duration(min(seconds, maxRenewal))*time.Second)
	return nil
}

type cacheRemoveValue struct {
	cached
	strict Flag
}

func compileCacheRemoveValue(k *Compiler, e *policy.Element) Step {
	return &cacheRemoveValue{k.cached(e), k.Flag(e, "fail-on-cache-removal-error")}
}

func (s *cacheRemoveValue) Run(c *Call) error {
	from, key, err := s.at(c)
	strict, err2 := s.strict.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return err
	}
	if err := from.Remove(c.Waiting(), key); err != nil && strict {
		return &Failure{Reason: "CacheRemovalFailed", Message: "The value could not be removed from the cache.", Cause: err}
	}
	return nil
}
