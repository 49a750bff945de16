package rbac

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sort"

	"gatehouse"
)

// people numbers the principals that something is said about: assignees, members,
// groups, and those that deny assignments name.
type people struct {
	seed  maphash.Seed
	table table // from the hash of a GUID to persons
	all   vec[person]
	free  uint32 // head of the list of unused numbers, linked by uses; 0 for none, as number 0 is never used
	up    pairs  // member, group
	down  pairs  // group, member
}

// person is one principal, in two cache lines. Its groups stand in it, so that Decide
// need not wait for one more read to know them.
type person struct {
	hot    []row // what is assigned to it, ordered by scope; inPieces when there is much
	id     gatehouse.GUID
	cold   *cold     // nil when nothing is assigned
	spill  *[]uint32 // the groups when they are more than fit; shared and immutable
	uses   uint32    // memberships and deny assignments that name it
	n      uint32    // of the groups in nearby
	nearby [16]uint32
}

// groups returns the groups of w, nested ones included, without itself, ordered.
func (w *person) groups() []uint32 {
	if w.spill != nil {
		return *w.spill
	}
	return w.nearby[:w.n%(uint32(len(w.nearby))+1)]
}

func (w *person) setGroups(all []uint32, spill *[]uint32) {
	w.spill, w.n = nil, 0
	if len(all) > len(w.nearby) {
		w.spill = spill
		return
	}
	w.n = uint32(copy(w.nearby[:], all))
}

// cold is the rest of what is assigned to somebody. Immutable.
type cold struct {
	ids    []gatehouse.GUID // of the assignments in hot
	extras []*extra         // of the same; nil when none has any
	more   []rows           // in place of hot when there is much: ordered likewise, none empty
}

// inPieces stands for rows that are kept in cold.more. It is never written.
var inPieces = []row{{scope: noScope}}

const noScope = ^uint32(0)

func (w *person) many() bool { return len(w.hot) > 0 && w.hot[0].scope == noScope }

// row is the part of an assignment that decides nearly always.
type row struct {
	scope uint32
	role  uint32 // the lowest bit says that there is an extra
}

func (r row) roleIndex() uint32 { return r.role >> 1 }
func (r row) hasExtra() bool    { return r.role&1 != 0 }

// rows are some assignments of one principal; a view of a person's own, or a piece of many.
type rows struct {
	hot    []row
	ids    []gatehouse.GUID
	extras []*extra
}

// A person with more than manyRows assignments keeps them in pieces of at most that
// many, so that one change copies one piece.
const manyRows = 1024

func newPeople(e *edit, seed maphash.Seed) people {
	p := people{seed: seed, table: newTable(e), up: pairs{owner: e}, down: pairs{owner: e}}
	p.all.push(e, person{})
	return p
}

func (p *people) tag(id *gatehouse.GUID) uint32 { return uint32(maphash.Bytes(p.seed, id[:]) >> 32) }

// find returns the number of a principal, 0 when nothing is known of it.
func (p *people) find(id *gatehouse.GUID) uint32 {
	for at := p.table.probe(p.tag(id)); at.next(); {
		if p.all.at(at.found).id == *id {
			return at.found
		}
	}
	return 0
}

func (p *people) intern(e *edit, id gatehouse.GUID) uint32 {
	if n := p.find(&id); n != 0 {
		return n
	}
	n := p.free
	if n == 0 {
		n = p.all.push(e, person{id: id})
	} else {
		p.free = p.all.at(n).uses
		*p.all.edit(e, n) = person{id: id}
	}
	p.table.add(e, p.tag(&id), n)
	return n
}

// prune forgets a principal that nothing is said about any more.
func (p *people) prune(e *edit, n uint32) {
	who := p.all.at(n)
	if who.uses > 0 || who.cold != nil {
		return
	}
	p.table.remove(e, p.tag(&who.id), n)
	*p.all.edit(e, n) = person{uses: p.free}
	p.free = n
}

func (p *people) use(e *edit, n uint32) { p.all.edit(e, n).uses++ }

func (p *people) unuse(e *edit, n uint32) {
	p.all.edit(e, n).uses--
	p.prune(e, n)
}

// in reports whether the principal is n or in the group n.
func (w *person) in(self, n uint32) bool {
	if self == n {
		return true
	}
	_, found := slices.BinarySearch(w.groups(), n)
	return found
}

// own returns the rows of w that are not in pieces.
func (w *person) own() rows {
	if w.cold == nil || w.many() {
		return rows{}
	}
	return rows{w.hot, w.cold.ids, w.cold.extras}
}

func (w *person) setOwn(r rows) {
	w.hot, w.cold = r.hot, nil
	if len(r.hot) > 0 {
		w.cold = &cold{ids: r.ids, extras: r.extras}
	}
}

// more returns the pieces of w; nil when its rows are not in pieces.
func (w *person) more() []rows {
	if w.cold == nil {
		return nil
	}
	return w.cold.more
}

func (w *person) setMore(more []rows) {
	w.hot, w.cold = nil, nil
	if len(more) > 0 {
		w.hot, w.cold = inPieces, &cold{more: more}
	}
}

// pieces calls f with all the rows of w, until f returns false.
func (w *person) pieces(f func(rows) bool) {
	if r := w.own(); len(r.hot) > 0 {
		f(r)
	}
	for _, piece := range w.more() {
		if !f(piece) {
			return
		}
	}
}

// from returns the first of the pieces that reaches as far as a scope.
func from(more []rows, scope uint32) int {
	return sort.Search(len(more), func(i int) bool {
		hot := more[i].hot
		return hot[len(hot)-1].scope >= scope
	})
}

// at calls f with the rows of w at a scope, until f returns false.
func (w *person) at(scope uint32, f func(r rows, i int) bool) {
	if !w.many() {
		w.own().at(scope, f)
		return
	}
	more := w.more()
	for i := from(more, scope); i < len(more) && more[i].hot[0].scope <= scope; i++ {
		if !more[i].at(scope, f) {
			return
		}
	}
}

func (r rows) at(scope uint32, f func(r rows, i int) bool) bool {
	for i := r.first(scope); i < len(r.hot) && r.hot[i].scope == scope; i++ {
		if !f(r, i) {
			return false
		}
	}
	return true
}

// has reports whether anything is assigned to w at a scope.
func (w *person) has(scope uint32) (found bool) {
	w.at(scope, func(rows, int) bool { found = true; return false })
	return found
}

// first returns the index of the first row at a scope or after it.
func (r rows) first(scope uint32) int {
	i, _ := slices.BinarySearchFunc(r.hot, scope, func(h row, s uint32) int { return cmp.Compare(h.scope, s) })
	return i
}

func (r rows) extra(i int) *extra {
	if r.extras == nil {
		return nil
	}
	return r.extras[i]
}

// insert returns new rows with one more.
func (r rows) insert(h row, id gatehouse.GUID, x *extra) rows {
	i := r.first(h.scope)
	out := rows{hot: inserted(r.hot, i, h), ids: inserted(r.ids, i, id)}
	if r.extras != nil || x != nil {
		extras := r.extras
		if extras == nil {
			extras = make([]*extra, len(r.hot))
		}
		out.extras = inserted(extras, i, x)
	}
	return out
}

func inserted[T any](s []T, i int, item T) []T {
	out := make([]T, len(s)+1)
	copy(out, s[:i])
	out[i] = item
	copy(out[i+1:], s[i:])
	return out
}

func (r rows) remove(i int) rows {
	out := rows{hot: removed(r.hot, i), ids: removed(r.ids, i)}
	if r.extras != nil {
		out.extras = removed(r.extras, i)
	}
	return out
}

func removed[T any](s []T, i int) []T {
	if len(s) == 1 {
		return nil
	}
	out := make([]T, len(s)-1)
	copy(out, s[:i])
	copy(out[i:], s[i+1:])
	return out
}

// part returns some of the rows as rows of their own.
func (r rows) part(from, to int) rows {
	out := rows{hot: slices.Clone(r.hot[from:to]), ids: slices.Clone(r.ids[from:to])}
	if r.extras != nil {
		out.extras = slices.Clone(r.extras[from:to])
	}
	return out
}

func (r rows) halves() (a, b rows) { h := len(r.hot) / 2; return r.part(0, h), r.part(h, len(r.hot)) }

// assign adds a row to w, which the edit owns.
func (w *person) assign(h row, id gatehouse.GUID, x *extra) {
	if !w.many() {
		r := w.own().insert(h, id, x)
		if len(r.hot) <= manyRows {
			w.setOwn(r)
		} else {
			low, high := r.halves()
			w.setMore([]rows{low, high})
		}
		return
	}
	more := slices.Clone(w.more())
	i, found := slices.BinarySearchFunc(more, h.scope, func(r rows, s uint32) int { return cmp.Compare(r.hot[0].scope, s) })
	if !found {
		i = max(i-1, 0)
	}
	more[i] = more[i].insert(h, id, x)
	if len(more[i].hot) > manyRows {
		low, high := more[i].halves()
		more[i] = low
		more = slices.Insert(more, i+1, high)
	}
	w.setMore(more)
}

// withdraw removes the row with the given scope and ID from w, which the edit owns.
func (w *person) withdraw(scope uint32, id gatehouse.GUID) {
	if !w.many() {
		if i := w.own().locate(scope, id); i >= 0 {
			w.setOwn(w.own().remove(i))
		}
		return
	}
	more := w.more()
	for k := from(more, scope); k < len(more) && more[k].hot[0].scope <= scope; k++ {
		i := more[k].locate(scope, id)
		if i < 0 {
			continue
		}
		rest := more[k].remove(i)
		more = slices.Clone(more)
		if more[k] = rest; len(rest.hot) == 0 {
			more = slices.Delete(more, k, k+1)
		}
		w.setMore(more)
		return
	}
}

func (r rows) locate(scope uint32, id gatehouse.GUID) int {
	for i := r.first(scope); i < len(r.hot) && r.hot[i].scope == scope; i++ {
		if r.ids[i] == id {
			return i
		}
	}
	return -1
}

// join records a direct membership and reports whether it is new.
func (p *people) join(e *edit, group, member uint32) bool {
	if !p.up.add(e, pairOf(member, group)) {
		return false
	}
	p.down.add(e, pairOf(group, member))
	p.use(e, group)
	p.use(e, member)
	return true
}

// leave ends a direct membership and reports whether there was one. The principals
// stay in use until their groups have been worked out anew; unuse both then.
func (p *people) leave(e *edit, group, member uint32) bool {
	if !p.up.remove(e, pairOf(member, group)) {
		return false
	}
	p.down.remove(e, pairOf(group, member))
	return true
}

// regroup works out anew the groups of the given principals and of all in them: groups
// first, by walking up, then the others, whose groups are those that they are in
// directly with the groups of those.
func (p *people) regroup(e *edit, changed []uint32) {
	var containers, leaves []uint32
	for _, n := range p.reach(&p.down, changed) {
		if p.down.any(n) {
			containers = append(containers, n)
		} else {
			leaves = append(leaves, n)
		}
	}
	for _, n := range containers {
		closed := p.reach(&p.up, []uint32{n})[1:]
		slices.Sort(closed)
		closed = slices.Clip(slices.Clone(closed))
		p.setGroups(e, n, &closed)
	}
	shared := map[string]*[]uint32{}
	for _, n := range leaves {
		p.setGroups(e, n, p.leafGroups(n, shared))
	}
}

func (p *people) setGroups(e *edit, n uint32, groups *[]uint32) {
	if !slices.Equal(p.all.at(n).groups(), *groups) {
		p.all.edit(e, n).setGroups(*groups, groups)
	}
}

// leafGroups shares one list among all that are directly in the same groups.
func (p *people) leafGroups(n uint32, shared map[string]*[]uint32) *[]uint32 {
	var key []byte
	var all []uint32
	for g := range p.up.with(n) {
		key = append(key, byte(g), byte(g>>8), byte(g>>16), byte(g>>24))
		all = append(all, g)
	}
	if list, ok := shared[string(key)]; ok {
		return list
	}
	for _, g := range all[:len(all):len(all)] {
		all = append(all, p.all.at(g).groups()...)
	}
	slices.Sort(all)
	list := slices.Clip(slices.Clone(slices.Compact(all)))
	shared[string(key)] = &list
	return &list
}

// reach returns the given numbers and all that can be reached from them, each once.
func (p *people) reach(edges *pairs, from []uint32) []uint32 {
	seen := make(map[uint32]bool, len(from))
	var out []uint32
	for _, n := range from {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	for i := 0; i < len(out); i++ {
		for n := range edges.with(out[i]) {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// path returns a shortest way up from a member to a group, both included.
func (p *people) path(member, group uint32) []uint32 {
	came := map[uint32]uint32{member: member}
	queue := []uint32{member}
	for i := 0; i < len(queue) && queue[i] != group; i++ {
		for g := range p.up.with(queue[i]) {
			if _, ok := came[g]; !ok {
				came[g] = queue[i]
				queue = append(queue, g)
			}
		}
	}
	if _, ok := came[group]; !ok {
		return nil
	}
	out := []uint32{group}
	for out[0] != member {
		out = slices.Insert(out, 0, came[out[0]])
	}
	return out
}
