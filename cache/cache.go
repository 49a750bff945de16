// Package cache keeps bytes for a while, for gateways: responses (cache-lookup, cache-store) and values
// (cache-lookup-value and its kin). What the bytes mean, and which keys there are, is for its callers to say.
//
// It promises that a cache never fails a call: what cannot be read is not there, what cannot be written is not kept
// (gateway.md 12.2). There are two implementations of one interface and one suite that both pass: Memory, bounded by bytes,
// and Shared, in Redis. Caches chooses between them as caching-type says.
//
// When Redis is gone every lookup in it misses at once (package redis) and what is to be kept is dropped. Neither goes
// to the built-in cache instead: prefer-external prefers by what is configured, so that nodes never disagree about where
// a value is.
package cache

import (
	"context"
	"time"
)

// Key names an entry: a service, what of it is kept, and under which name. They are apart so that callers need not join
// strings on each call.
type Key struct{ Space, Of, Name string }

// MaxEntry is the largest entry that is kept: what Azure caches of a response at most (gateway.md 16).
const MaxEntry = 2 << 20

// Cache keeps entries. It is safe for concurrent use. Bytes that were stored or found must not be changed.
type Cache interface {
	// Get finds what was stored under a key and is not too old.
	Get(ctx context.Context, k Key) ([]byte, bool)
	// Put stores, or does not, when the entry is too large or the cache cannot: a lookup right after may miss. Nothing is stored for no time.
	Put(k Key, value []byte, ttl time.Duration)
	// Remove removes. An error says that the entry may still be there.
	Remove(ctx context.Context, k Key) error
}

// Kind is which cache a policy asks for: its attribute caching-type.
type Kind int

const (
	PreferExternal Kind = iota
	Internal
	External
)

// KindOf reads caching-type.
func KindOf(text string) (Kind, bool) {
	switch text {
	case "", "prefer-external":
		return PreferExternal, true
	case "internal":
		return Internal, true
	case "external":
		return External, true
	}
	return 0, false
}

// Caches are the caches that calls of a service can use; nil for none. Consumption services have none built in.
type Caches struct{ Internal, External Cache }

// Of returns the cache of a kind, one that keeps nothing when there is none.
func (c Caches) Of(k Kind) Cache {
	switch {
	case k != Internal && c.External != nil:
		return c.External
	case k != External && c.Internal != nil:
		return c.Internal
	}
	return none{}
}

type none struct{}

func (none) Get(context.Context, Key) ([]byte, bool) { return nil, false }
func (none) Put(Key, []byte, time.Duration)          {}
func (none) Remove(context.Context, Key) error       { return nil }
