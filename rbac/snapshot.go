package rbac

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"

	"gatehouse"
)

// Snapshot is the access of one moment. It never changes and is safe for concurrent use.
type Snapshot struct {
	scopes      scopes
	people      people
	byID        table // from the hash of an assignment's ID to the people that have it
	assigned    pairs // scope, person: for all assignments
	roles       []*role
	roleNumbers map[gatehouse.GUID]uint32
	denies      vec[*deny]
	deniesAt    pairs    // scope, number of a deny
	freeDenies  []uint32 // numbers of no deny
	actions     *catalogue
	strays      map[gatehouse.Scope]gatehouse.Scope // parents that cannot be
}

// New builds a Snapshot. Conditions that do not parse grant nothing and are reported by Problems.
func New(w World) *Snapshot { return build(w, newKeys()) }

func build(w World, keys hashKeys) *Snapshot {
	e := new(edit)
	s := &Snapshot{scopes: newScopes(e, keys), byID: newTable(e), actions: newCatalogue(w.Actions)}
	s.people = newPeople(e, maphash.MakeSeed())
	s.roleNumbers = map[gatehouse.GUID]uint32{}
	b := &builder{Snapshot: s, e: e, owned: true, extras: map[string]*extra{}}
	for _, r := range w.Roles {
		b.putRole(r)
	}
	b.load(w.Assignments)
	for _, d := range w.Denies {
		b.putDeny(d)
	}
	for child, parent := range w.Parents {
		b.setParent(child, parent)
	}
	for _, m := range w.Members {
		b.addMember(m)
	}
	b.finish()
	s.scopes.trim(e)
	return s
}

// Apply returns the Snapshot after updates, in their order.
func (s *Snapshot) Apply(updates ...Update) *Snapshot {
	after := *s
	b := &builder{Snapshot: &after, e: new(edit), extras: map[string]*extra{}}
	for i := range updates {
		b.apply(&updates[i])
	}
	b.finish()
	return &after
}

// builder is a Snapshot in the making.
type builder struct {
	*Snapshot
	e         *edit
	owned     bool // roles, roleNumbers, freeDenies and strays are not shared any more
	extras    map[string]*extra
	regrouped []uint32 // people whose memberships changed
	left      []uint32 // people to unuse in the end
}

func (b *builder) apply(u *Update) {
	switch u.kind {
	case putRole:
		b.putRole(u.role)
	case deleteRole:
		b.deleteRole(u.id)
	case putAssignment:
		b.putAssignment(&u.assignment)
	case deleteAssignment:
		b.deleteAssignment(u.scope, u.id)
	case putDeny:
		b.putDeny(u.deny)
	case deleteDeny:
		b.deleteDeny(u.scope, u.id)
	case addMember:
		b.addMember(u.member)
	case removeMember:
		b.removeMember(u.member)
	case setParent:
		b.setParent(u.scope, u.parent)
	case removeParent:
		b.removeParent(u.scope)
	}
}

// own copies the small shared parts before the first change to any of them.
func (b *builder) own() {
	if !b.owned {
		b.roles, b.roleNumbers = slices.Clone(b.roles), maps.Clone(b.roleNumbers)
		b.freeDenies, b.strays = slices.Clone(b.freeDenies), maps.Clone(b.strays)
		b.owned = true
	}
}

func (b *builder) finish() {
	if len(b.regrouped) > 0 {
		b.people.regroup(b.e, b.regrouped)
	}
	for _, n := range b.left {
		b.people.unuse(b.e, n)
	}
}

// roleNumber returns the number of a role, which need not exist: an assignment may
// outlive its role or come before it.
func (b *builder) roleNumber(id gatehouse.GUID) uint32 {
	if n, ok := b.roleNumbers[id]; ok {
		return n
	}
	b.own()
	n := uint32(len(b.roles))
	b.roles = append(b.roles, &role{id: id})
	b.roleNumbers[id] = n
	return n
}

func (b *builder) putRole(r gatehouse.RoleDefinition) {
	n := b.roleNumber(r.ID)
	b.own()
	b.roles[n] = &role{id: r.ID, definition: &r, entries: compileEntries(r.Permissions, b.actions)}
}

func (b *builder) deleteRole(id gatehouse.GUID) {
	if n, ok := b.roleNumbers[id]; ok {
		b.own()
		b.roles[n] = &role{id: id}
	}
}

// extra returns what an assignment has besides its row, nil for most.
func (b *builder) extra(a *gatehouse.RoleAssignment) *extra {
	timed := !a.Start.IsZero() || !a.End.IsZero()
	if a.Condition == "" && !timed {
		return nil
	}
	var c *condition
	if a.Condition != "" {
		x, ok := b.extras[a.Condition]
		if !ok {
			x = &extra{condition: newCondition(a.Condition)}
			b.extras[a.Condition] = x
		}
		if !timed {
			return x
		}
		c = x.condition
	}
	return &extra{condition: c, start: a.Start, end: a.End}
}

func (b *builder) row(a *gatehouse.RoleAssignment, x *extra) row {
	h := row{scope: b.scopes.intern(b.e, a.Scope), role: b.roleNumber(a.Role) << 1}
	if x != nil {
		h.role |= 1
	}
	return h
}

func (b *builder) putAssignment(a *gatehouse.RoleAssignment) {
	b.deleteAssignment(a.Scope, a.ID)
	x := b.extra(a)
	h := b.row(a, x)
	n := b.people.intern(b.e, a.Principal)
	b.people.all.edit(b.e, n).assign(h, a.ID, x)
	b.byID.add(b.e, b.people.tag(&a.ID), n)
	b.assigned.add(b.e, pairOf(h.scope, n))
}

// holder finds the principal that has an assignment.
func (s *Snapshot) holder(scope uint32, id gatehouse.GUID) (uint32, bool) {
	for p := s.byID.probe(s.people.tag(&id)); p.next(); {
		found := false
		s.people.all.at(p.found).at(scope, func(r rows, i int) bool {
			found = r.ids[i] == id
			return !found
		})
		if found {
			return p.found, true
		}
	}
	return 0, false
}

func (b *builder) deleteAssignment(scope gatehouse.Scope, id gatehouse.GUID) {
	at, ok := b.scopes.find(scope)
	if !ok {
		return
	}
	n, ok := b.holder(at, id)
	if !ok {
		return
	}
	who := b.people.all.edit(b.e, n)
	who.withdraw(at, id)
	if !who.has(at) {
		b.assigned.remove(b.e, pairOf(at, n))
	}
	b.byID.remove(b.e, b.people.tag(&id), n)
	b.people.prune(b.e, n)
	b.scopes.release(b.e, at)
}

// loaded is an assignment on its way in.
type loaded struct {
	person uint32
	row    row
	id     gatehouse.GUID
	extra  *extra
}

// load adds many assignments at once to a Snapshot that has none.
func (b *builder) load(assignments []gatehouse.RoleAssignment) {
	items := b.number(assignments)
	slices.SortStableFunc(items, func(x, y loaded) int {
		return cmp.Or(cmp.Compare(x.person, y.person), cmp.Compare(x.row.scope, y.row.scope))
	})
	keys := make([]pair, 0, len(items))
	for len(items) > 0 {
		n := items[0].person
		k := slices.IndexFunc(items, func(i loaded) bool { return i.person != n })
		if k < 0 {
			k = len(items)
		}
		b.fill(b.people.all.edit(b.e, n), items[:k])
		for i := range items[:k] {
			keys = append(keys, pairOf(items[i].row.scope, n))
			b.byID.add(b.e, b.people.tag(&items[i].id), n)
		}
		items = items[k:]
	}
	slices.Sort(keys)
	b.assigned = newPairs(b.e, slices.Compact(keys))
}

// number turns assignments into items. Of several with the same scope and ID the last counts.
func (b *builder) number(assignments []gatehouse.RoleAssignment) []loaded {
	type key struct {
		id    gatehouse.GUID
		scope uint32
	}
	known := make(map[key]int, len(assignments))
	items := make([]loaded, 0, len(assignments))
	for i := range assignments {
		a := &assignments[i]
		x := b.extra(a)
		h := b.row(a, x)
		item := loaded{b.people.intern(b.e, a.Principal), h, a.ID, x}
		if at, ok := known[key{a.ID, h.scope}]; ok {
			b.scopes.release(b.e, h.scope)
			b.people.use(b.e, items[at].person)
			b.left = append(b.left, items[at].person)
			items[at] = item
			continue
		}
		known[key{a.ID, h.scope}] = len(items)
		items = append(items, item)
	}
	return items
}

func (b *builder) fill(who *person, items []loaded) {
	r := rows{hot: make([]row, len(items)), ids: make([]gatehouse.GUID, len(items))}
	for i := range items {
		r.hot[i], r.ids[i] = items[i].row, items[i].id
		if x := items[i].extra; x != nil {
			if r.extras == nil {
				r.extras = make([]*extra, len(items))
			}
			r.extras[i] = x
		}
	}
	if len(items) <= manyRows {
		who.setOwn(r)
		return
	}
	var more []rows
	for from := 0; from < len(items); from += manyRows / 2 {
		more = append(more, r.part(from, min(from+manyRows/2, len(items))))
	}
	who.setMore(more)
}

func (b *builder) putDeny(d gatehouse.DenyAssignment) {
	b.deleteDeny(d.Scope, d.ID)
	x := &deny{DenyAssignment: d, scope: b.scopes.intern(b.e, d.Scope), entries: compileEntries(d.Permissions, b.actions)}
	if d.Condition != "" {
		x.condition = newCondition(d.Condition)
	}
	x.everyone = slices.Contains(d.Principals, gatehouse.GUID{})
	x.principals, x.excluded = b.named(d.Principals), b.named(d.ExcludePrincipals)
	b.own()
	var n uint32
	if last := len(b.freeDenies) - 1; last >= 0 {
		n = b.freeDenies[last]
		b.freeDenies = b.freeDenies[:last]
		*b.denies.edit(b.e, n) = x
	} else {
		n = b.denies.push(b.e, x)
	}
	b.deniesAt.add(b.e, pairOf(x.scope, n))
	b.scopes.edit(b.e, x.scope).flags |= hasDeny
}

// named numbers principals. The zero GUID is nobody here: everyone is told apart, and cannot be excluded (rbac.md 3.1).
func (b *builder) named(ids []gatehouse.GUID) []uint32 {
	var out []uint32
	for _, id := range ids {
		if !id.IsZero() {
			n := b.people.intern(b.e, id)
			b.people.use(b.e, n)
			out = append(out, n)
		}
	}
	return out
}

func (b *builder) deleteDeny(scope gatehouse.Scope, id gatehouse.GUID) {
	at, ok := b.scopes.find(scope)
	if !ok {
		return
	}
	for n := range b.deniesAt.with(at) {
		if d := *b.denies.at(n); d.ID == id {
			b.dropDeny(n, d)
			return
		}
	}
}

func (b *builder) dropDeny(n uint32, d *deny) {
	b.own()
	b.deniesAt.remove(b.e, pairOf(d.scope, n))
	*b.denies.edit(b.e, n) = nil
	b.freeDenies = append(b.freeDenies, n)
	for _, p := range slices.Concat(d.principals, d.excluded) {
		b.people.unuse(b.e, p)
	}
	if !b.deniesAt.any(d.scope) {
		b.scopes.edit(b.e, d.scope).flags &^= hasDeny
	}
	b.scopes.release(b.e, d.scope)
}

// addMember ignores the zero GUID, which is nobody in particular, and members of themselves.
func (b *builder) addMember(m Membership) {
	if m.Group.IsZero() || m.Member.IsZero() {
		return
	}
	group, member := b.people.intern(b.e, m.Group), b.people.intern(b.e, m.Member)
	if b.people.join(b.e, group, member) {
		b.regrouped = append(b.regrouped, member)
	}
}

func (b *builder) removeMember(m Membership) {
	group, member := b.people.find(&m.Group), b.people.find(&m.Member)
	if group == 0 || member == 0 || !b.people.leave(b.e, group, member) {
		return
	}
	b.regrouped = append(b.regrouped, member)
	b.left = append(b.left, group, member)
}

func (b *builder) setParent(child, parent gatehouse.Scope) {
	b.removeStray(child)
	if holds(child, parent) {
		b.scopes.place(b.e, child, parent)
		return
	}
	b.scopes.unplace(b.e, child)
	b.own()
	if b.strays == nil {
		b.strays = map[gatehouse.Scope]gatehouse.Scope{}
	}
	b.strays[child] = parent
}

func (b *builder) removeParent(child gatehouse.Scope) {
	b.removeStray(child)
	b.scopes.unplace(b.e, child)
}

func (b *builder) removeStray(child gatehouse.Scope) {
	if _, ok := b.strays[child]; ok {
		b.own()
		delete(b.strays, child)
	}
}
