package rbac

import (
	"bytes"
	"iter"
	"math/bits"
	"slices"
	"time"

	"gatehouse"
)

// Groups returns the groups that a principal is in, directly or through groups, in the order of their IDs.
func (s *Snapshot) Groups(principal gatehouse.GUID) []gatehouse.GUID {
	n := s.people.find(&principal)
	if n == 0 {
		return nil
	}
	out := s.guids(s.people.all.at(n).groups())
	slices.SortFunc(out, compareGUIDs)
	return out
}

func compareGUIDs(a, b gatehouse.GUID) int { return bytes.Compare(a[:], b[:]) }

func (s *Snapshot) guids(numbers []uint32) []gatehouse.GUID {
	out := make([]gatehouse.GUID, len(numbers))
	for i, n := range numbers {
		out[i] = s.people.all.at(n).id
	}
	return out
}

// GroupPath returns a shortest way from a principal over direct memberships to a
// group, both included; nil when it is not in the group.
func (s *Snapshot) GroupPath(principal, group gatehouse.GUID) []gatehouse.GUID {
	p, g := s.people.find(&principal), s.people.find(&group)
	if p == 0 || g == 0 {
		return nil
	}
	return s.guids(s.people.path(p, g))
}

// Members returns the direct members of a group, in the order of their IDs.
func (s *Snapshot) Members(group gatehouse.GUID) []gatehouse.GUID {
	g := s.people.find(&group)
	if g == 0 {
		return nil
	}
	out := s.guids(slices.Collect(s.people.down.with(g)))
	slices.SortFunc(out, compareGUIDs)
	return out
}

// Ancestors returns a scope and everything above it, most specific first, with
// management groups and, last, the root (rbac.md 3.2).
func (s *Snapshot) Ancestors(scope gatehouse.Scope) []gatehouse.Scope {
	var out []gatehouse.Scope
	top := scope
	for at := scope; !at.IsRoot(); at = at.Parent() {
		out = append(out, at)
		top = at
	}
	if n, ok := s.scopes.find(top); ok && n != root {
		var chain trail
		chain.add(n)
		s.scopes.climb(n, &chain)
		for _, n := range chain.all()[1:] {
			out = append(out, s.scopes.path(n))
		}
	}
	return append(out, gatehouse.Scope{})
}

// Under reports whether a scope is another or lies below it, by path or by management group.
func (s *Snapshot) Under(scope, above gatehouse.Scope) bool {
	return slices.Contains(s.Ancestors(scope), above)
}

// Role returns a role definition.
func (s *Snapshot) Role(id gatehouse.GUID) (gatehouse.RoleDefinition, bool) {
	n, ok := s.roleNumbers[id]
	if !ok || s.roles[n].definition == nil {
		return gatehouse.RoleDefinition{}, false
	}
	return *s.roles[n].definition, true
}

// Roles returns all role definitions, in no particular order.
func (s *Snapshot) Roles() iter.Seq[gatehouse.RoleDefinition] {
	return func(yield func(gatehouse.RoleDefinition) bool) {
		for _, r := range s.roles {
			if r.definition != nil && !yield(*r.definition) {
				return
			}
		}
	}
}

// assignment puts an assignment together again.
func (s *Snapshot) assignment(p *person, r rows, i int, scope gatehouse.Scope) gatehouse.RoleAssignment {
	a := gatehouse.RoleAssignment{ID: r.ids[i], Scope: scope, Principal: p.id, Role: s.roles[r.hot[i].roleIndex()].id}
	if x := r.extra(i); x != nil {
		a.Start, a.End = x.start, x.end
		if x.condition != nil {
			a.Condition = x.condition.text
		}
	}
	return a
}

// Assignment returns a role assignment by scope and ID.
func (s *Snapshot) Assignment(scope gatehouse.Scope, id gatehouse.GUID) (a gatehouse.RoleAssignment, ok bool) {
	at, ok := s.scopes.find(scope)
	if !ok {
		return a, false
	}
	n, ok := s.holder(at, id)
	if !ok {
		return a, false
	}
	p := s.people.all.at(n)
	p.at(at, func(r rows, i int) bool {
		if r.ids[i] == id {
			a = s.assignment(p, r, i, scope)
		}
		return r.ids[i] != id
	})
	return a, true
}

// AssignmentByID returns a role assignment wherever it is: their IDs are unique in the tenant (rbac.md 6.2).
func (s *Snapshot) AssignmentByID(id gatehouse.GUID) (a gatehouse.RoleAssignment, ok bool) {
	for at := s.byID.probe(s.people.tag(&id)); at.next() && !ok; {
		for b := range s.of(at.found) {
			if b.ID == id {
				a, ok = b, true
				break
			}
		}
	}
	return a, ok
}

// Assignments returns the role assignments at, above and below a scope, as reach says.
// Those at one scope come together; there is no further order.
func (s *Snapshot) Assignments(scope gatehouse.Scope, reach Reach) iter.Seq[gatehouse.RoleAssignment] {
	return func(yield func(gatehouse.RoleAssignment) bool) {
		s.nodes(scope, reach, func(n uint32) bool { return s.assignmentsAt(n, yield) })
	}
}

func (s *Snapshot) assignmentsAt(n uint32, yield func(gatehouse.RoleAssignment) bool) bool {
	var scope gatehouse.Scope
	more, first := true, true
	for who := range s.assigned.with(n) {
		if first {
			scope, first = s.scopes.path(n), false
		}
		p := s.people.all.at(who)
		p.at(n, func(r rows, i int) bool {
			more = yield(s.assignment(p, r, i, scope))
			return more
		})
		if !more {
			break
		}
	}
	return more
}

// nodes calls f with the scopes that something is attached to at, above and below a scope, until f returns false.
func (s *Snapshot) nodes(scope gatehouse.Scope, reach Reach, f func(uint32) bool) {
	var chain trail
	self, exact := s.scopes.resolve(scope, &chain)
	if reach&At != 0 && exact && !f(self) {
		return
	}
	for _, n := range chain.all() {
		if reach&Above != 0 && (n != self || !exact) && !f(n) {
			return
		}
	}
	if reach&Below != 0 && exact {
		s.scopes.below(self, f)
	}
}

// AssignmentsOf returns the role assignments that name a principal; those of its groups are not among them.
func (s *Snapshot) AssignmentsOf(principal gatehouse.GUID) iter.Seq[gatehouse.RoleAssignment] {
	n := s.people.find(&principal)
	if n == 0 {
		return func(func(gatehouse.RoleAssignment) bool) {}
	}
	return s.of(n)
}

func (s *Snapshot) of(n uint32) iter.Seq[gatehouse.RoleAssignment] {
	return func(yield func(gatehouse.RoleAssignment) bool) {
		p := s.people.all.at(n)
		var scope gatehouse.Scope
		last := ^uint32(0)
		p.pieces(func(r rows) bool {
			for i, h := range r.hot {
				if h.scope != last {
					scope, last = s.scopes.path(h.scope), h.scope
				}
				if !yield(s.assignment(p, r, i, scope)) {
					return false
				}
			}
			return true
		})
	}
}

// RoleUses counts the role assignments of a role. It looks at all assignments.
func (s *Snapshot) RoleUses(role gatehouse.GUID) int {
	n, ok := s.roleNumbers[role]
	if !ok {
		return 0
	}
	count := 0
	for i := range s.people.all.n {
		s.people.all.at(i).pieces(func(r rows) bool {
			for _, h := range r.hot {
				if h.roleIndex() == n {
					count++
				}
			}
			return true
		})
	}
	return count
}

// Denies returns the deny assignments at, above and below a scope, as reach says.
func (s *Snapshot) Denies(scope gatehouse.Scope, reach Reach) iter.Seq[gatehouse.DenyAssignment] {
	return func(yield func(gatehouse.DenyAssignment) bool) {
		s.nodes(scope, reach, func(n uint32) bool {
			for i := range s.deniesAt.with(n) {
				if !yield((*s.denies.at(i)).DenyAssignment) {
					return false
				}
			}
			return true
		})
	}
}

// Deny returns a deny assignment by scope and ID.
func (s *Snapshot) Deny(scope gatehouse.Scope, id gatehouse.GUID) (gatehouse.DenyAssignment, bool) {
	for d := range s.Denies(scope, At) {
		if d.ID == id {
			return d, true
		}
	}
	return gatehouse.DenyAssignment{}, false
}

// inForce calls f with the rows of a principal and its groups that are in force: the
// window holds now, the role exists and the condition can be read. A zero principal has none.
func (s *Snapshot) inForce(principal gatehouse.GUID, now time.Time, f func(r rows, i int) bool) {
	self := s.people.find(&principal)
	if self == 0 || principal.IsZero() {
		return
	}
	more := true
	for _, n := range append([]uint32{self}, s.people.all.at(self).groups()...) {
		s.people.all.at(n).pieces(func(r rows) bool {
			for i, h := range r.hot {
				x := r.extra(i)
				live := s.roles[h.roleIndex()].definition != nil && (x == nil || x.in(now) && (x.condition == nil || x.condition.parsed != nil))
				if more = !live || f(r, i); !more {
					break
				}
			}
			return more
		})
		if !more {
			return
		}
	}
}

// Permissions returns the permission entries in force for a principal at a scope, one
// per entry and assignment and never merged, with the conditions of both (rbac.md
// 6.4). Entries whose own condition cannot be read grant nothing and are left out.
// Deny assignments are not reflected.
func (s *Snapshot) Permissions(principal gatehouse.GUID, scope gatehouse.Scope, now time.Time) []gatehouse.Permission {
	var chain trail
	s.scopes.resolve(scope, &chain)
	var out []gatehouse.Permission
	s.inForce(principal, now, func(r rows, i int) bool {
		if chain.has(r.hot[i].scope) {
			out = append(out, s.roles[r.hot[i].roleIndex()].permissions(r.extra(i))...)
		}
		return true
	})
	return out
}

func (r *role) permissions(x *extra) []gatehouse.Permission {
	var out []gatehouse.Permission
	for i, p := range r.definition.Permissions {
		if c := r.entries[i].condition; c != nil && c.parsed == nil {
			continue
		}
		if x != nil && x.condition != nil {
			p.ConditionVersion = "2.0"
			if p.Condition != "" {
				p.Condition = "(" + p.Condition + ") AND (" + x.condition.text + ")"
			} else {
				p.Condition = x.condition.text
			}
		}
		out = append(out, p)
	}
	return out
}

// Visible reports whether a principal holds an assignment in force at, above or below
// a scope (rbac.md 5.2).
func (s *Snapshot) Visible(principal gatehouse.GUID, scope gatehouse.Scope, now time.Time) bool {
	var chain trail
	self, exact := s.scopes.resolve(scope, &chain)
	visible := false
	s.inForce(principal, now, func(r rows, i int) bool {
		at := r.hot[i].scope
		visible = chain.has(at) || exact && s.scopes.under(at, self)
		return !visible
	})
	return visible
}

// World returns what the Snapshot was made from, in no particular order.
func (s *Snapshot) World() World {
	w := World{
		Roles:       slices.Collect(s.Roles()),
		Assignments: slices.Collect(s.Assignments(gatehouse.Scope{}, At|Below)),
		Parents:     s.parents(),
		Actions:     s.actions.names,
	}
	for i := range s.denies.n {
		if d := *s.denies.at(i); d != nil {
			w.Denies = append(w.Denies, d.DenyAssignment)
		}
	}
	for i := range s.people.all.n {
		for g := range s.people.up.with(i) {
			w.Members = append(w.Members, Membership{s.people.all.at(g).id, s.people.all.at(i).id})
		}
	}
	return w
}

func (s *Snapshot) parents() map[gatehouse.Scope]gatehouse.Scope {
	out := map[gatehouse.Scope]gatehouse.Scope{}
	for i := range s.scopes.n {
		if n := s.scopes.at(i); n.flags&placed != 0 {
			out[s.scopes.path(i)] = s.scopes.path(n.parent)
		}
	}
	for child, parent := range s.strays {
		out[child] = parent
	}
	return out
}

// RolesWith returns the roles that permit an action, whatever conditions they put on it, in no particular order.
func (s *Snapshot) RolesWith(action string, data bool) []gatehouse.RoleDefinition {
	q := question{action, s.actions.find(action), data}
	var out []gatehouse.RoleDefinition
	for _, r := range s.roles {
		if r.definition != nil && r.permits(&q) {
			out = append(out, *r.definition)
		}
	}
	return out
}

// Permits reports whether a role permits an action, whatever conditions it puts on it.
func (s *Snapshot) Permits(role gatehouse.GUID, action string, data bool) bool {
	n, ok := s.roleNumbers[role]
	return ok && s.roles[n].permits(&question{action, s.actions.find(action), data})
}

func (r *role) permits(q *question) bool {
	for i := range r.entries {
		if r.entries[i].matches(q) {
			return true
		}
	}
	return false
}

// Breadth measures how much a role permits: how many of World.Actions its patterns
// match, and how many of those do more than read.
func (s *Snapshot) Breadth(role gatehouse.GUID) (actions, writes int) {
	n, ok := s.roleNumbers[role]
	if !ok {
		return 0, 0
	}
	for word := range (len(s.actions.names) + 63) / 64 {
		var of uint64
		for i := range s.roles[n].entries {
			of |= s.roles[n].entries[i].control.known[word] | s.roles[n].entries[i].data.known[word]
		}
		actions += bits.OnesCount64(of)
		writes += bits.OnesCount64(of &^ s.actions.reads[word])
	}
	return actions, writes
}
