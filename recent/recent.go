// Package recent finds again what was made of a text a moment ago.
//
// It promises that what is found was put for exactly that text: texts are compared whole, and the hash that leads to them is made
// with a seed that nobody outside the process can learn, and is compared first, so that the time of a look-up tells nothing of
// the texts that are held. A look-up takes no lock and allocates nothing, where a digest of an access token takes a microsecond.
//
// It leaves to its user what has to be asked each time: nothing in a table ends by itself. It holds few texts, so that it stands
// before a cache that holds more.
package recent

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// size is how many texts a Table holds at most, longest how long they may be.
const (
	size    = 1024
	longest = 8 << 10
)

// Table holds values by text. It is safe for concurrent use; values are shared. The zero Table is not usable: call New.
type Table[V any] struct {
	seed  maphash.Seed
	slots [size]atomic.Pointer[entry[V]]
}

type entry[V any] struct {
	hash  uint64
	text  string
	value V
}

// New returns an empty Table.
func New[V any]() *Table[V] { return &Table[V]{seed: maphash.MakeSeed()} }

// Get returns what was put for a text, if it is still there.
func (t *Table[V]) Get(text string) (value V, ok bool) {
	hash := maphash.String(t.seed, text)
	if e := t.slots[hash%size].Load(); e != nil && e.hash == hash && e.text == text {
		return e.value, true
	}
	return value, false
}

// Put keeps a value for a text, in the place of another one where there is no other place. Long texts are not kept.
func (t *Table[V]) Put(text string, value V) {
	if len(text) > longest {
		return
	}
	hash := maphash.String(t.seed, text)
	t.slots[hash%size].Store(&entry[V]{hash, strings.Clone(text), value})
}
