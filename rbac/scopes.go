package rbac

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"

	"gatehouse"
)

// root is the number of the tenant root.
const root = 0

// scopes numbers the scopes that something is attached to, and all above them. Each
// is a node of a tree that holds only its own part of the path, /type/name or
// /providers/namespace/type/name. Management groups and subscriptions stand on top
// level by path (rbac.md 3.2) and hang below their management group by data.
type scopes struct {
	keys  hashKeys
	table table // from the hash of a path to nodes
	nodes vec[nodes]
	n     uint32
	free  uint32 // head of the list of unused nodes, linked by next
}

// hashKeys are random, so that nobody can choose names that collide.
type hashKeys [3]uint64

func newKeys() (k hashKeys) {
	for i := range k {
		k[i] = rand.Uint64() | 1
	}
	return k
}

// node is one scope. Links are 0 where there is none: the root is nobody's child.
type node struct {
	parent            uint32 // the root, another node, or the management group
	first, next, prev uint32 // children and siblings
	offset            uint32 // of its part of the path, in the text of its chunk
	tag               uint32
	refs              uint32 // assignments, denies and placements here
	length            uint16
	flags             uint16
}

const (
	topLevel uint16 = 1 << iota // no part of the path stands before it
	hasDeny
	placed // a management group was named for it, by data
)

const nodesSize = 128

// nodes is a chunk of nodes with the text of their names, so that both are copied
// together on an edit, and text of removed nodes can be dropped then.
type nodes struct {
	items []node
	text  []byte
	owner *edit
}

func newScopes(e *edit, keys hashKeys) scopes {
	s := scopes{keys: keys, table: newTable(e), n: 1}
	s.nodes.push(e, nodes{items: make([]node, nodesSize), owner: e})
	return s
}

func (s *scopes) at(i uint32) *node { return &s.nodes.at(i / nodesSize).items[i%nodesSize] }

// name returns the node's part of the path; it stays valid.
func (s *scopes) name(i uint32) []byte {
	c := s.nodes.at(i / nodesSize)
	n := &c.items[i%nodesSize]
	return c.text[n.offset : n.offset+uint32(n.length)]
}

func (s *scopes) chunk(e *edit, i uint32) *nodes {
	c := s.nodes.edit(e, i/nodesSize)
	if c.owner != e {
		*c = c.copy(e)
	}
	return c
}

func (s *scopes) edit(e *edit, i uint32) *node { return &s.chunk(e, i).items[i%nodesSize] }

// copy makes a chunk that e owns, with the text that is still in use.
func (c *nodes) copy(e *edit) nodes {
	d := nodes{items: slices.Clone(c.items), owner: e}
	used := 0
	for i := range d.items {
		used += int(d.items[i].length)
	}
	d.text = make([]byte, 0, used+64)
	for i := range d.items {
		n := &d.items[i]
		part := c.text[n.offset : n.offset+uint32(n.length)]
		n.offset = uint32(len(d.text))
		d.text = append(d.text, part...)
	}
	return d
}

// trim gives back the room that the texts have kept to grow.
func (s *scopes) trim(e *edit) {
	for i := range s.nodes.n {
		c := s.nodes.edit(e, i)
		c.text = append(make([]byte, 0, len(c.text)), c.text...)
	}
}

// pathOf is the folded path without the slash that stands for the root.
func pathOf(scope gatehouse.Scope) string {
	if scope.IsRoot() {
		return ""
	}
	return scope.String()
}

// cutter cuts a path into its parts, /type/name or /providers/namespace/type/name,
// and hashes the path up to the end of each, eight bytes at a time in one pass.
type cutter struct {
	path    string
	end     int    // of the last part
	at      int    // where word begins
	word    uint64 // eight bytes of the path, or the rest of it
	slashes uint64 // the slashes in word that were not passed yet
	hash    uint64 // of what is before word
}

func (s *scopes) cut(path string) cutter {
	c := cutter{path: path, hash: s.keys[0]}
	if path != "" {
		c.word = word(path, 0)
		c.slashes = slashes(c.word)
		c.slashes &= c.slashes - 1 // the first byte
	}
	return c
}

// word returns eight bytes of a text, or what there is of them.
func word(s string, at int) (w uint64) {
	if at+8 <= len(s) {
		p := s[at : at+8]
		return uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 | uint64(p[4])<<32 | uint64(p[5])<<40 | uint64(p[6])<<48 | uint64(p[7])<<56
	}
	for i := at; i < len(s); i++ {
		w |= uint64(s[i]) << (8 * (i - at))
	}
	return w
}

// slashes returns the highest bit of every byte that is a slash.
func slashes(w uint64) uint64 {
	const low = 0x7f7f7f7f7f7f7f7f
	w ^= 0x2f2f2f2f2f2f2f2f // zero where there is a slash
	return ^((w&low + low) | w | low)
}

// next cuts one part and returns a tag for the path up to its end. The path must have
// a part left.
func (c *cutter) next(s *scopes) uint32 {
	segments := 2
	if strings.HasPrefix(c.path[c.end:], "/providers/") {
		segments = 4
	}
	path, at, w, marks, h := c.path, c.at, c.word, c.slashes, c.hash
	for segments > 0 {
		if marks != 0 {
			c.end = at + bits.TrailingZeros64(marks)/8
			marks &= marks - 1
			segments--
			continue
		}
		if at+8 > len(path) {
			c.end = len(path)
			break
		}
		h = fold(h^w, s.keys[1])
		at += 8
		w = word(path, at)
		marks = slashes(w)
	}
	c.at, c.word, c.slashes, c.hash = at, w, marks, h
	part := w & (1<<(8*(c.end-at)) - 1) // of the word, what belongs to the path up to the end
	return uint32(fold(h^part, s.keys[2]^uint64(c.end)) >> 32)
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// child finds the node of a part below a parent. The names are compared, so a
// collision of hashes costs time and never an answer.
func (s *scopes) child(parent uint32, part string, tag uint32, top bool) (uint32, bool) {
	for p := s.table.probe(tag); p.next(); {
		if s.is(p.found, parent, part, top) {
			return p.found, true
		}
	}
	return 0, false
}

// is reports whether node n is a part of a path below a parent.
func (s *scopes) is(n, parent uint32, part string, top bool) bool {
	c := s.nodes.at(n / nodesSize)
	x := &c.items[n%nodesSize]
	if x.flags&topLevel != 0 != top || !top && x.parent != parent {
		return false
	}
	return int(x.length) == len(part) && string(c.text[x.offset:x.offset+uint32(x.length)]) == part
}

// trail is a list of nodes that, unless it is very long, allocates nothing.
type trail struct {
	ids  [40]uint32
	n    int
	rest []uint32
}

func (t *trail) add(id uint32) {
	if t.n < len(t.ids) {
		t.ids[t.n] = id
	} else {
		t.rest = append(t.rest, id)
	}
	t.n++
}

func (t *trail) at(i int) uint32 {
	if i < len(t.ids) {
		return t.ids[i]
	}
	return t.rest[i-len(t.ids)]
}

func (t *trail) has(id uint32) bool {
	for _, other := range t.ids[:min(t.n, len(t.ids))] {
		if other == id {
			return true
		}
	}
	return slices.Contains(t.rest, id)
}

// all returns the nodes as a slice of their own.
func (t *trail) all() []uint32 { return append(slices.Clone(t.ids[:min(t.n, len(t.ids))]), t.rest...) }

// resolve puts the nodes of a scope and of all above it into the empty trail: the
// root, then by path from the top, then the management groups, nearest first. It
// returns the last node by path, and whether that is the scope itself: when it is
// not, nothing is attached to the scope or below it.
func (s *scopes) resolve(scope gatehouse.Scope, chain *trail) (at uint32, exact bool) {
	parts := levels{cutter: s.cut(pathOf(scope))}
	return s.follow(&parts, chain, false)
}

// follow resolves, or guesses, a path of which some parts may be taken already.
func (s *scopes) follow(parts *levels, chain *trail, guessing bool) (at uint32, exact bool) {
	chain.add(root)
	for exact = true; exact; {
		if parts.n == 0 {
			if parts.end == len(parts.path) {
				break
			}
			parts.take(s)
			parts.match()
		}
		at, exact = parts.follow(s, at, chain, guessing)
		parts.n = 0
	}
	parts.depth = chain.n - 1
	if chain.n > 1 {
		s.climb(chain.at(1), chain)
	}
	return at, exact
}

// levels are some parts of a path, with where the nodes of the paths that end with
// them may be found.
type levels struct {
	cutter
	n      int
	depth  int // how many nodes were found, in the end
	starts [maxLevels + 1]uint32
	tags   [maxLevels]uint32
	hits   [maxLevels]uint32 // places in the group that have the tag
	groups [maxLevels]*group
}

const maxLevels = 10 // taken at once

// take cuts the next parts.
func (l *levels) take(s *scopes) {
	n := 0
	c := l.cutter
	l.starts[0] = uint32(c.end)
	for n < maxLevels && c.end < len(c.path) {
		tag := c.next(s)
		l.tags[n] = tag
		l.groups[n] = s.table.find(tag)
		n++
		l.starts[n] = uint32(c.end)
	}
	l.cutter, l.n = c, n
}

func (l *levels) match() {
	for i, tag := range l.tags[:l.n] {
		l.hits[i] = l.groups[i].match(tag)
	}
}

// first returns the first node that has the tag of a part; any, when none has.
func (l *levels) first(i int) uint32 { return l.groups[i].first(l.hits[i]) }

// follow goes down the parts from a node as far as there are nodes for them. Where a
// tag has exactly one entry, and no other can stand in the next group, it is taken
// without a look at the node when guessing: see guess.
func (l *levels) follow(s *scopes, at uint32, chain *trail, guessing bool) (last uint32, whole bool) {
	for i := range l.n {
		hits, g := l.hits[i], l.groups[i]
		simple := !g.full() && len(s.table.over) == 0
		if hits == 0 && simple {
			return at, false
		}
		next, ok := l.first(i), guessing && simple && hits&(hits-1) == 0 && g.nexts[bits.TrailingZeros32(hits)%8] != 0
		if !ok {
			part, top := l.path[l.starts[i]:l.starts[i+1]], chain.n == 1
			if next, ok = s.child(at, part, l.tags[i], top); !ok {
				return at, false
			}
		}
		at = next
		chain.add(at)
	}
	return at, true
}

// guess is resolve without looking at the nodes: where two paths have the same tag,
// the trail may hold the node of the other one, for a part that has no node of its own.
// It is never without a node that resolve finds. What is not granted at the scopes of
// a guess is therefore not granted; what is granted there has to be resolved.
func (s *scopes) guess(parts *levels, chain *trail) (at uint32, exact bool) {
	return s.follow(parts, chain, true)
}

// right looks at the nodes of a guess. It may report a right guess as wrong when the
// path is very long.
func (s *scopes) right(parts *levels, chain *trail) bool {
	parent := uint32(root)
	for i := range parts.depth {
		n := chain.at(i + 1)
		if parts.starts[0] != 0 || i == maxLevels || !s.is(n, parent, parts.path[parts.starts[i]:parts.starts[i+1]], i == 0) {
			return false
		}
		parent = n
	}
	return true
}

// climb adds the management groups above a top-level node, nearest first, each once.
func (s *scopes) climb(top uint32, chain *trail) {
	for p := s.at(top).parent; p != root && !chain.has(p); p = s.at(p).parent {
		chain.add(p)
	}
}

// find returns the node of a scope.
func (s *scopes) find(scope gatehouse.Scope) (uint32, bool) {
	var chain trail
	return s.resolve(scope, &chain)
}

// under reports whether a node is another or below it.
func (s *scopes) under(id, other uint32) bool {
	if other == root {
		return true
	}
	for id != root && id != other && s.at(id).flags&topLevel == 0 {
		id = s.at(id).parent
	}
	if id == root || id == other {
		return id == other
	}
	var chain trail
	chain.add(id)
	s.climb(id, &chain)
	return chain.has(other)
}

// path rebuilds the folded path of a node.
func (s *scopes) path(id uint32) gatehouse.Scope {
	var parts [][]byte
	size := 0
	for id != root {
		parts = append(parts, s.name(id))
		size += len(parts[len(parts)-1])
		if s.at(id).flags&topLevel != 0 {
			break
		}
		id = s.at(id).parent
	}
	text := make([]byte, 0, size)
	for _, part := range slices.Backward(parts) {
		text = append(text, part...)
	}
	return gatehouse.MustScope(string(text)) // it was one when it was taken apart
}

// intern returns the node of a scope, made if need be, and counts one more reference to it.
func (s *scopes) intern(e *edit, scope gatehouse.Scope) uint32 {
	at := uint32(root)
	if path := pathOf(scope); path != "" {
		for c := s.cut(path); c.end < len(path); {
			start := c.end
			tag := c.next(s)
			part, top := path[start:c.end], start == 0
			next, ok := s.child(at, part, tag, top)
			if !ok {
				next = s.add(e, at, part, tag, top)
			}
			at = next
		}
	}
	s.edit(e, at).refs++
	return at
}

func (s *scopes) add(e *edit, parent uint32, part string, tag uint32, top bool) uint32 {
	id := s.take(e)
	c := s.chunk(e, id)
	n := node{offset: uint32(len(c.text)), length: uint16(len(part)), tag: tag}
	if top {
		n.flags = topLevel
	}
	c.text = append(c.text, part...)
	c.items[id%nodesSize] = n
	s.table.add(e, tag, id)
	s.link(e, id, parent)
	return id
}

// take returns the number of an unused node.
func (s *scopes) take(e *edit) uint32 {
	if id := s.free; id != 0 {
		s.free = s.at(id).next
		return id
	}
	id := s.n
	s.n++
	if id%nodesSize == 0 {
		s.nodes.push(e, nodes{items: make([]node, nodesSize), owner: e})
	}
	return id
}

func (s *scopes) link(e *edit, id, parent uint32) {
	p := s.edit(e, parent)
	n := s.edit(e, id)
	n.parent, n.prev, n.next = parent, 0, p.first
	if n.next != 0 {
		s.edit(e, n.next).prev = id
	}
	p.first = id
}

func (s *scopes) unlink(e *edit, id uint32) {
	n := *s.at(id)
	if n.prev == 0 {
		s.edit(e, n.parent).first = n.next
	} else {
		s.edit(e, n.prev).next = n.next
	}
	if n.next != 0 {
		s.edit(e, n.next).prev = n.prev
	}
}

// release drops one reference, and the node with what is above it when nothing needs them any more.
func (s *scopes) release(e *edit, id uint32) {
	s.edit(e, id).refs--
	s.prune(e, id)
}

func (s *scopes) prune(e *edit, id uint32) {
	for id != root {
		n := *s.at(id)
		if n.refs > 0 || n.first != 0 {
			return
		}
		s.unlink(e, id)
		s.table.remove(e, n.tag, id)
		*s.edit(e, id) = node{next: s.free}
		s.free = id
		id = n.parent
	}
}

// place hangs a subscription or management group below a management group.
func (s *scopes) place(e *edit, child, parent gatehouse.Scope) {
	id := s.intern(e, child)
	if s.at(id).flags&placed != 0 {
		s.edit(e, id).refs--
	}
	s.edit(e, id).flags |= placed
	to := s.intern(e, parent)
	s.move(e, id, to)
	s.release(e, to) // its child keeps it
}

func (s *scopes) unplace(e *edit, child gatehouse.Scope) {
	id, ok := s.find(child)
	if !ok || s.at(id).flags&placed == 0 {
		return
	}
	s.edit(e, id).flags &^= placed
	s.move(e, id, root)
	s.release(e, id)
}

func (s *scopes) move(e *edit, id, to uint32) {
	from := s.at(id).parent
	s.unlink(e, id)
	s.link(e, id, to)
	s.prune(e, from)
}

// below calls f with every node below id, until f returns false. Below the root are
// all others, also management groups that hang below each other in a circle.
func (s *scopes) below(id uint32, f func(uint32) bool) bool {
	if id == root {
		for i := uint32(1); i < s.n; i++ {
			if s.at(i).length > 0 && !f(i) {
				return false
			}
		}
		return true
	}
	return s.descend(id, map[uint32]bool{id: true}, f)
}

func (s *scopes) descend(id uint32, seen map[uint32]bool, f func(uint32) bool) bool {
	for c := s.at(id).first; c != 0; c = s.at(c).next {
		if s.at(c).flags&topLevel != 0 {
			if seen[c] {
				continue
			}
			seen[c] = true
		}
		if !f(c) || !s.descend(c, seen, f) {
			return false
		}
	}
	return true
}

// holds reports whether child can hang below parent by data.
func holds(child, parent gatehouse.Scope) bool {
	return (isManagementGroup(child) || isSubscription(child)) && isManagementGroup(parent)
}

func isManagementGroup(s gatehouse.Scope) bool {
	m, ok := s.ManagementGroup()
	return ok && m == s
}

func isSubscription(s gatehouse.Scope) bool {
	sub, ok := s.Subscription()
	return ok && sub == s
}
