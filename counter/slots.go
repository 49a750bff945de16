package counter

import (
	"hash/maphash"
	"sync"
)

// slots counts what runs at this moment. A key is known only while something runs, so this needs no bound of its own.
type slots struct {
	seed   maphash.Seed
	shards [shards]struct {
		sync.Mutex
		taken map[Key]int
		_     [48]byte
	}
}

func newSlots() *slots {
	s := &slots{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].taken = map[Key]int{}
	}
	return s
}

func (s *slots) enter(k Key, most int) bool {
	at := &s.shards[shardOf(s.seed, k)]
	at.Lock()
	defer at.Unlock()
	n := at.taken[k]
	if n >= most {
		return false
	}
	at.taken[k] = n + 1
	return true
}

func (s *slots) leave(k Key) {
	at := &s.shards[shardOf(s.seed, k)]
	at.Lock()
	defer at.Unlock()
	if n := at.taken[k]; n > 1 {
		at.taken[k] = n - 1
	} else {
		delete(at.taken, k)
	}
}
