package rbac

import "testing"

// FuzzDecide makes a world and changes from a seed and asks the Snapshot and the
// oracle the same questions, for as long as it is let.
func FuzzDecide(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Add(uint64(99), uint64(7))
	f.Fuzz(func(t *testing.T, seed, change uint64) {
		d := newDice(seed)
		w := settled(d.world())
		s := New(w)
		c := newDice(change)
		for range 3 {
			updates := []Update{c.update(&w), c.update(&w)}
			s, w = s.Apply(updates...), after(w, updates)
		}
		checkWorld(t, s, w)
		for range 10 {
			r := c.request()
			compare(t, s, oracle{w}, &r)
			compareWhoCan(t, s, oracle{w}, &r)
		}
	})
}
