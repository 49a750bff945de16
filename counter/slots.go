package counter

import (
	"hash/maphash"
	"sync"
)

// Slots counts what runs at this moment, on this node (gateway.md 8.2: limit-concurrency counts per gateway instance). A key is
// known only while something runs, so there is no bound of its own. Its zero value is empty.
type Slots struct {
	once   sync.Once
	seed   maphash.Seed
	shards [shards]struct {
		sync.Mutex
		taken map[Key]int
		_     [48]byte
	}
}

// Enter takes one of so many slots, if one is free. Leave gives it back.
func (s *Slots) Enter(k Key, most int) bool {
	s.once.Do(func() { s.seed = maphash.MakeSeed() })
	at := &s.shards[shardOf(s.seed, k)]
	at.Lock()
	defer at.Unlock()
	if at.taken == nil {
		at.taken = map[Key]int{}
	}
	n := at.taken[k]
	if n >= most {
		return false
	}
	at.taken[k] = n + 1
	return true
}

// Leave gives back a slot that Enter took.
func (s *Slots) Leave(k Key) {
	at := &s.shards[shardOf(s.seed, k)]
	at.Lock()
	defer at.Unlock()
	if n := at.taken[k]; n > 1 {
		at.taken[k] = n - 1
	} else {
		delete(at.taken, k)
	}
}
