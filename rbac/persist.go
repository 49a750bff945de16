package rbac

import (
	"math/bits"
	"slices"
)

// The structures in this file are persistent: a copy of the small header is a
// snapshot, and an edit copies only the pieces that it touches. An edit is named
// by a token; a piece that carries the token was made by this very edit, is seen by
// nobody else yet, and may be changed in place.
type edit struct{ _ byte }

const chunkSize = 128

// vec is a persistent vector. Chunks are slices and not pointers to arrays: to index
// through a pointer, the compiler first reads the start of what it points to, and with
// a million of something that read is a cache miss of its own.
type vec[T any] struct {
	chunks [][]T
	owners []*edit // of the chunks
	owner  *edit
	n      uint32
}

// at returns an item for reading.
func (v *vec[T]) at(i uint32) *T { return &v.chunks[i/chunkSize][i%chunkSize] }

// edit returns an item for writing.
func (v *vec[T]) edit(e *edit, i uint32) *T {
	c := i / chunkSize
	if v.owners[c] != e {
		v.own(e)
		v.chunks[c], v.owners[c] = slices.Clone(v.chunks[c]), e
	}
	return &v.chunks[c][i%chunkSize]
}

func (v *vec[T]) own(e *edit) {
	if v.owner != e {
		v.chunks, v.owners, v.owner = slices.Clone(v.chunks), slices.Clone(v.owners), e
	}
}

// push appends an item and returns its index.
func (v *vec[T]) push(e *edit, item T) uint32 {
	i := v.n
	v.n++
	if i%chunkSize == 0 {
		v.own(e)
		v.chunks, v.owners = append(v.chunks, make([]T, chunkSize)), append(v.owners, e)
	}
	*v.edit(e, i) = item
	return i
}

// table is a persistent hash table from 32-bit tags to numbers; several entries may
// have the same tag, and whoever looks compares what the numbers stand for. It is an
// extendible hash: a directory of buckets that split one at a time, so growing never
// touches everything.
type table struct {
	dir   vec[bucket]
	over  []slot // entries of a bucket that can split no more; needs hundreds of equal tags
	depth uint8  // the directory has 1<<depth entries
}

const (
	bucketGroups = 63  // and one for the header, so that a bucket is 4 KB
	bucketFull   = 330 // fuller, and many entries do not stand in their group
	maxSplit     = 18
)

// group is a cache line of entries, filled from the front. An entry stands in the
// group that its tag asks for or, while groups are full, in the next one.
type group struct {
	tags  [8]uint32
	nexts [8]uint32 // the numbers plus one; 0 for none
}

type slot struct{ tag, next uint32 }

// bucket is an entry of the directory; several may be the same bucket.
type bucket struct {
	groups []group
	owner  *edit
}

func newBucket(e *edit, depth uint32) bucket {
	b := bucket{make([]group, bucketGroups+1), e}
	b.header().nexts[0] = depth
	return b
}

// header holds the number of entries and the depth: how many bits of the tag lead here.
func (b bucket) header() *group { return &b.groups[bucketGroups] }
func (b bucket) n() uint32      { return b.header().tags[0] }
func (b bucket) depth() uint8   { return uint8(b.header().nexts[0]) }

func newTable(e *edit) table {
	t := table{}
	t.dir.push(e, newBucket(e, 0))
	return t
}

// find returns the group where entries with a tag begin.
func (t *table) find(tag uint32) *group {
	return &t.dir.at(tag >> (32 - t.depth)).groups[tag%bucketGroups]
}

// probe goes through the entries with a tag:
//
//	for p := t.probe(tag); p.next(); { p.found }
type probe struct {
	groups []group
	over   []slot
	tag    uint32
	group  uint32
	hits   uint32 // of the group, one bit each
	full   bool
	found  uint32
}

func (t *table) probe(tag uint32) probe {
	p := probe{groups: t.dir.at(tag >> (32 - t.depth)).groups, over: t.over, tag: tag, group: tag % bucketGroups}
	p.load()
	return p
}

func (p *probe) load() {
	g := &p.groups[p.group]
	p.hits, p.full = g.match(p.tag), g.full()
}

// full reports whether entries of the group may stand in the next one.
func (g *group) full() bool { return g.nexts[7] != 0 }

// match returns a bit for each place with a tag; the places need not be in use. It has
// no branches: which place it is cannot be predicted.
func (g *group) match(tag uint32) uint32 {
	return equal(g.tags[0], tag) | equal(g.tags[1], tag)<<1 | equal(g.tags[2], tag)<<2 | equal(g.tags[3], tag)<<3 |
		equal(g.tags[4], tag)<<4 | equal(g.tags[5], tag)<<5 | equal(g.tags[6], tag)<<6 | equal(g.tags[7], tag)<<7
}

// first returns the number at the first of the places, which are those of match; any number when there is none.
func (g *group) first(places uint32) uint32 {
	return max(g.nexts[bits.TrailingZeros32(places)%8], 1) - 1
}

func equal(a, b uint32) uint32 {
	x := uint64(a ^ b)
	return uint32((x - 1) >> 63)
}

func (p *probe) next() bool {
	for {
		for p.hits != 0 {
			i := bits.TrailingZeros32(p.hits) % 8
			p.hits &= p.hits - 1
			if n := p.groups[p.group].nexts[i]; n != 0 {
				p.found = n - 1
				return true
			}
		}
		if !p.full {
			return len(p.over) > 0 && p.nextOver()
		}
		p.group = (p.group + 1) % bucketGroups
		p.load()
	}
}

func (p *probe) nextOver() bool {
	for i, s := range p.over {
		if s.tag == p.tag {
			p.over, p.found = p.over[i+1:], s.next-1
			return true
		}
	}
	p.over = nil
	return false
}

// place puts b at every directory entry that its depth covers.
func (t *table) place(e *edit, b bucket, tag uint32) {
	span := uint32(1) << (t.depth - b.depth())
	first := tag >> (32 - t.depth) &^ (span - 1)
	for i := range span {
		*t.dir.edit(e, first+i) = b
	}
}

func (t *table) bucket(e *edit, tag uint32) bucket {
	b := *t.dir.at(tag >> (32 - t.depth))
	if b.owner != e {
		b = bucket{slices.Clone(b.groups), e}
		t.place(e, b, tag)
	}
	return b
}

// add adds an entry.
func (t *table) add(e *edit, tag, number uint32) {
	b := t.bucket(e, tag)
	for b.n() >= bucketFull {
		if b.depth() == maxSplit {
			t.over = append(slices.Clip(t.over), slot{tag, number + 1})
			return
		}
		t.split(e, b, tag)
		b = t.bucket(e, tag)
	}
	b.add(tag, number+1)
}

func (b bucket) add(tag, next uint32) {
	for i := tag % bucketGroups; ; i = (i + 1) % bucketGroups {
		g := &b.groups[i]
		for k := range g.nexts {
			if g.nexts[k] == 0 {
				g.tags[k], g.nexts[k] = tag, next
				b.header().tags[0]++
				return
			}
		}
	}
}

// each calls f with all entries.
func (b bucket) each(f func(tag, next uint32)) {
	for i := range b.groups[:bucketGroups] {
		g := &b.groups[i]
		for k := 0; k < len(g.nexts) && g.nexts[k] != 0; k++ {
			f(g.tags[k], g.nexts[k])
		}
	}
}

// double gives the directory one more bit.
func (t *table) double(e *edit) {
	var dir vec[bucket]
	for i := range t.dir.n {
		b := *t.dir.at(i)
		dir.push(e, b)
		dir.push(e, b)
	}
	t.dir = dir
	t.depth++
}

// split replaces the bucket b by two, by the next bit of their tags.
func (t *table) split(e *edit, b bucket, tag uint32) {
	if b.depth() == t.depth {
		t.double(e)
	}
	depth := b.depth() + 1
	bit := uint32(1) << (32 - depth)
	low, high := newBucket(e, uint32(depth)), newBucket(e, uint32(depth))
	b.each(func(tag, next uint32) {
		if tag&bit == 0 {
			low.add(tag, next)
		} else {
			high.add(tag, next)
		}
	})
	t.place(e, low, tag&^bit)
	t.place(e, high, tag|bit)
}

// remove removes one entry. Its bucket is filled anew, so that no gap hides others.
func (t *table) remove(e *edit, tag, number uint32) {
	if i := slices.Index(t.over, slot{tag, number + 1}); i >= 0 {
		t.over = slices.Delete(slices.Clone(t.over), i, i+1)
		return
	}
	b := t.bucket(e, tag)
	fresh := newBucket(e, uint32(b.depth()))
	gone := false
	b.each(func(other, next uint32) {
		if !gone && other == tag && next == number+1 {
			gone = true
			return
		}
		fresh.add(other, next)
	})
	t.place(e, fresh, tag)
}

// pairs is a persistent ordered set of pairs of numbers.
type pairs struct {
	leaves []*leaf
	owner  *edit
}

type pair uint64

func pairOf(a, b uint32) pair       { return pair(a)<<32 | pair(b) }
func (p pair) split() (a, b uint32) { return uint32(p >> 32), uint32(p) }

const leafSize = 510 // so that a leaf is 4 KB

type leaf struct {
	keys  [leafSize]pair
	n     int
	owner *edit
}

// newPairs builds the set from sorted keys without duplicates.
func newPairs(e *edit, keys []pair) pairs {
	s := pairs{owner: e}
	for part := range slices.Chunk(keys, leafSize*15/16) {
		l := &leaf{owner: e, n: len(part)}
		copy(l.keys[:], part)
		s.leaves = append(s.leaves, l)
	}
	return s
}

// locate returns the leaf and place where key is or would go.
func (s *pairs) locate(key pair) (leaf, at int, found bool) {
	lo, hi := 0, len(s.leaves)
	for lo < hi {
		if mid := (lo + hi) / 2; s.leaves[mid].keys[0] <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	leaf = max(lo-1, 0)
	if leaf < len(s.leaves) {
		l := s.leaves[leaf]
		at, found = slices.BinarySearch(l.keys[:l.n], key)
	}
	return leaf, at, found
}

func (s *pairs) own(e *edit) {
	if s.owner != e {
		s.leaves, s.owner = slices.Clone(s.leaves), e
	}
}

func (s *pairs) edit(e *edit, i int) *leaf {
	l := s.leaves[i]
	if l.owner != e {
		c := *l
		l = &c
		l.owner = e
		s.own(e)
		s.leaves[i] = l
	}
	return l
}

// add adds key and reports whether it was new.
func (s *pairs) add(e *edit, key pair) bool {
	i, at, found := s.locate(key)
	if found {
		return false
	}
	if len(s.leaves) == 0 {
		s.own(e)
		s.leaves = append(s.leaves, &leaf{owner: e})
	}
	l := s.edit(e, i)
	if l.n == leafSize {
		l, at = s.split(e, i, at)
	}
	copy(l.keys[at+1:l.n+1], l.keys[at:l.n])
	l.keys[at] = key
	l.n++
	return true
}

// split makes room in the full, owned leaf i; keys that arrive in order leave full leaves behind.
func (s *pairs) split(e *edit, i, at int) (*leaf, int) {
	low := s.leaves[i]
	half := leafSize / 2
	if i == len(s.leaves)-1 && at == leafSize {
		half = leafSize - 1
	}
	high := &leaf{owner: e, n: leafSize - half}
	copy(high.keys[:], low.keys[half:])
	low.n = half
	s.leaves = slices.Insert(s.leaves, i+1, high)
	s.owner = e
	if at > half {
		return high, at - half
	}
	return low, at
}

// remove removes key and reports whether it was there.
func (s *pairs) remove(e *edit, key pair) bool {
	i, at, found := s.locate(key)
	if !found {
		return false
	}
	l := s.edit(e, i)
	copy(l.keys[at:l.n-1], l.keys[at+1:l.n])
	l.n--
	if l.n == 0 {
		s.own(e)
		s.leaves = slices.Delete(s.leaves, i, i+1)
	}
	return true
}

// has reports whether the pair is in the set.
func (s *pairs) has(a, b uint32) bool {
	_, _, found := s.locate(pairOf(a, b))
	return found
}

// with returns the second parts of all pairs that start with a, in order.
func (s *pairs) with(a uint32) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		i, at, _ := s.locate(pairOf(a, 0))
		for ; i < len(s.leaves); i, at = i+1, 0 {
			l := s.leaves[i]
			for ; at < l.n; at++ {
				first, second := l.keys[at].split()
				if first != a || !yield(second) {
					return
				}
			}
		}
	}
}

// any reports whether a pair starts with a.
func (s *pairs) any(a uint32) bool {
	for range s.with(a) {
		return true
	}
	return false
}
