package counter

import (
	"math"
	"time"
)

// parts is how many sub-windows a window has (gateway.md 12.3). That page rounds them up to a second; these are not
// rounded, since a window of a few seconds would then be coarse.
const parts = 60

// ring is a sliding window. All times are in nanoseconds since 1970.
type ring struct {
	part   int64 // length of a sub-window
	origin int64 // when sub-window 0 began
	head   int64 // number of the newest sub-window
	sum    int64
	used   int64 // when it was last asked
	counts [parts]int32
}

func newRing(length time.Duration) *ring { return &ring{part: max(1, int64(length)/parts)} }

// turn moves the ring to now. A clock that was set back counts into the newest sub-window.
func (r *ring) turn(now int64) {
	number := max(r.head, (now-r.origin)/r.part)
	if number-r.head >= parts {
		clear(r.counts[:])
		r.sum = 0
	} else {
		for i := r.head + 1; i <= number; i++ {
			at := &r.counts[i%parts]
			r.sum -= int64(*at)
			*at = 0
		}
	}
	r.head, r.used = number, max(r.used, now)
	if r.sum == 0 { // the next call is exactly where the ring begins
		clear(r.counts[:])
		r.origin, r.head = now, 0
	}
}

func (r *ring) add(n int64) {
	at := &r.counts[r.head%parts]
	old := *at
	*at = int32(max(math.MinInt32, min(math.MaxInt32, int64(old)+n)))
	r.sum += int64(*at) - int64(old)
}

// wait is how long it takes until less than limit is left.
func (r *ring) wait(now, limit int64) time.Duration {
	left := r.sum
	for i := max(0, r.head-parts+1); i <= r.head; i++ {
		if left -= int64(r.counts[i%parts]); left < limit {
			return time.Duration(r.origin + (i+parts)*r.part - now)
		}
	}
	return time.Duration(r.part * parts) // nothing is ever let through
}

// idle reports whether there is nothing left to count.
func (r *ring) idle(now int64) bool { return now-r.used >= r.part*parts }
