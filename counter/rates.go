package counter

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// shards is how many parts a map of counters has, each with its own lock.
const shards = 64

// rates are the sliding windows of this process.
type rates struct {
	seed   maphash.Seed
	most   int // windows in one shard
	shards [shards]rateShard
}

// rateKey has the length because windows of different lengths do not share a ring.
type rateKey struct {
	Key
	length time.Duration
}

type rateShard struct {
	sync.Mutex
	rings map[rateKey]*ring
	sweep int // how many there are when idle ones are looked for next
	_     [40]byte
}

func newRates(maxKeys int) *rates {
	r := &rates{seed: maphash.MakeSeed(), most: max(1, maxKeys/shards)}
	for i := range r.shards {
		r.shards[i].rings, r.shards[i].sweep = map[rateKey]*ring{}, 64
	}
	return r
}

func shardOf(seed maphash.Seed, k Key) uint64 { return maphash.String(seed, k.Name) % shards }

// count adds n, if there is room or force.
func (r *rates) count(k Key, w Window, n, now int64, force bool) Verdict {
	s := &r.shards[shardOf(r.seed, k)]
	s.Lock()
	defer s.Unlock()
	found := s.rings[rateKey{k, w.Length}]
	if found == nil {
		s.makeRoom(r.most, now)
		found = newRing(w.Length)
		s.rings[rateKey{k, w.Length}] = found
	}
	found.turn(now)
	if !force && found.sum >= w.Limit {
		return Verdict{Used: found.sum, Retry: found.wait(now, w.Limit)}
	}
	if n != 0 {
		found.add(n)
	}
	return Verdict{OK: true, Used: found.sum}
}

// makeRoom forgets windows that are idle when there are twice as many as were left last time, and one that is not when
// there are too many: of some, the one that was asked for longest ago.
func (s *rateShard) makeRoom(most int, now int64) {
	if len(s.rings) >= s.sweep || len(s.rings) >= most {
		for k, r := range s.rings {
			if r.idle(now) {
				delete(s.rings, k)
			}
		}
		s.sweep = max(64, 2*len(s.rings))
	}
	for len(s.rings) >= most {
		var oldest rateKey
		used, tries := int64(math.MaxInt64), 0
		for k, r := range s.rings {
			if r.used < used {
				oldest, used = k, r.used
			}
			if tries++; tries == 16 {
				break
			}
		}
		delete(s.rings, oldest)
	}
}
