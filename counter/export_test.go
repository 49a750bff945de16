package counter

import "time"

// Sizes is how many windows and periods are in memory.
func (l *Local) Sizes() (rates, periods int) {
	for i := range shards {
		rates += len(l.rates.shards[i].rings)
		periods += len(l.periods.shards[i].tallies)
	}
	return rates, periods
}

// Down reports whether Redis is not asked at the moment, and Hold has it so for some time.
func (s *Shared) Down() bool           { return s.conn.Down() }
func (s *Shared) Hold(d time.Duration) { s.conn.Hold(d) }
