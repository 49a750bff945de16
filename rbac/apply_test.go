package rbac

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"gatehouse"
)

// after is the world after updates, the plain way.
func after(w World, updates []Update) World {
	w.Roles, w.Assignments, w.Denies = slices.Clone(w.Roles), slices.Clone(w.Assignments), slices.Clone(w.Denies)
	w.Members, w.Parents = slices.Clone(w.Members), maps.Clone(w.Parents)
	for _, u := range updates {
		w.update(u)
	}
	return w
}

func (w *World) update(u Update) {
	switch u.kind {
	case putRole:
		w.update(DeleteRole(u.role.ID))
		w.Roles = append(w.Roles, u.role)
	case deleteRole:
		w.Roles = slices.DeleteFunc(w.Roles, func(r gatehouse.RoleDefinition) bool { return r.ID == u.id })
	case putAssignment:
		w.update(DeleteAssignment(u.assignment.Scope, u.assignment.ID))
		w.Assignments = append(w.Assignments, u.assignment)
	case deleteAssignment:
		w.Assignments = slices.DeleteFunc(w.Assignments, func(a gatehouse.RoleAssignment) bool { return a.ID == u.id && a.Scope == u.scope })
	case putDeny:
		w.update(DeleteDeny(u.deny.Scope, u.deny.ID))
		w.Denies = append(w.Denies, u.deny)
	case deleteDeny:
		w.Denies = slices.DeleteFunc(w.Denies, func(d gatehouse.DenyAssignment) bool { return d.ID == u.id && d.Scope == u.scope })
	case addMember:
		w.update(RemoveMember(u.member.Group, u.member.Member))
		if !u.member.Group.IsZero() && !u.member.Member.IsZero() {
			w.Members = append(w.Members, u.member)
		}
	case removeMember:
		w.Members = slices.DeleteFunc(w.Members, func(m Membership) bool { return m == u.member })
	case setParent:
		w.Parents[u.scope] = u.parent
	case removeParent:
		delete(w.Parents, u.scope)
	}
}

// existing mostly names what is there, so that updates and deletes hit.
func (d *dice) update(w *World) Update {
	switch d.IntN(14) {
	case 0:
		return PutRole(d.role())
	case 1:
		return DeleteRole(guid("role", d.IntN(8)))
	case 2, 3:
		return PutAssignment(d.assignment())
	case 4, 5:
		if len(w.Assignments) > 0 {
			a := pick(d, w.Assignments...)
			if d.chance(50) {
				a.Principal, a.Role = d.principal(), guid("role", d.IntN(9))
				return PutAssignment(a)
			}
			return DeleteAssignment(a.Scope, a.ID)
		}
	case 6:
		return DeleteAssignment(d.scope(), guid("assignment", d.IntN(1000)))
	case 7:
		return PutDeny(d.deny())
	case 8:
		if len(w.Denies) > 0 {
			x := pick(d, w.Denies...)
			return DeleteDeny(x.Scope, x.ID)
		}
	case 9:
		m := d.member()
		return AddMember(m.Group, m.Member)
	case 10:
		if len(w.Members) > 0 {
			m := pick(d, w.Members...)
			return RemoveMember(m.Group, m.Member)
		}
	case 11:
		return SetParent(d.parent())
	case 12:
		child, _ := d.parent()
		return RemoveParent(child)
	}
	m := d.member()
	return RemoveMember(m.Group, m.Member)
}

// lines makes worlds comparable: order does not count.
func lines(w World) (out []string) {
	for _, r := range w.Roles {
		out = append(out, fmt.Sprintf("role %+v", r))
	}
	for _, a := range w.Assignments {
		out = append(out, fmt.Sprintf("assignment %+v", a))
	}
	for _, d := range w.Denies {
		out = append(out, fmt.Sprintf("deny %+v", d))
	}
	for _, m := range w.Members {
		if !m.Group.IsZero() && !m.Member.IsZero() {
			out = append(out, fmt.Sprintf("member %+v", m))
		}
	}
	for child, parent := range w.Parents {
		out = append(out, fmt.Sprintf("parent %s %s", child, parent))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// checkWorld compares a Snapshot with the world that it should hold, also its indexes and its size.
func checkWorld(t *testing.T, s *Snapshot, w World) {
	t.Helper()
	if got, want := lines(s.World()), lines(w); !slices.Equal(got, want) {
		t.Fatalf("World() = %q\nwant %q", got, want)
	}
	for _, a := range w.Assignments {
		if got, ok := s.Assignment(a.Scope, a.ID); !ok || got != a {
			t.Fatalf("Assignment(%s, %s) = %+v, want %+v", a.Scope, a.ID, got, a)
		}
	}
	fresh := New(w)
	if got, want := live(s), live(fresh); got != want {
		t.Fatalf("after changes %v are in use, in a fresh snapshot %v", got, want)
	}
}

// live counts the scopes and people in use: neither may outlive what is said about them.
func live(s *Snapshot) (count [2]int) {
	s.scopes.below(root, func(uint32) bool { count[0]++; return true })
	free := 0
	for n := s.people.free; n != 0; n = s.people.all.at(n).uses {
		free++
	}
	count[1] = int(s.people.all.n) - 1 - free
	return count
}

func TestApply(t *testing.T) {
	worlds := 80
	if testing.Short() {
		worlds = 30
	}
	for seed := range uint64(worlds) {
		d := newDice(1000 + seed)
		w := settled(d.world())
		s := New(w)
		if seed%2 == 1 {
			s = build(w, hashKeys{})
		}
		for range 15 {
			var updates []Update
			for range 1 + d.IntN(4) {
				updates = append(updates, d.update(&w))
			}
			before, old := s, w
			s, w = s.Apply(updates...), after(w, updates)
			checkWorld(t, s, w)
			checkWorld(t, before, old)
			for range 4 {
				r := d.request()
				compare(t, s, oracle{w}, &r)
				compare(t, before, oracle{old}, &r)
			}
		}
	}
}

// One snapshot can be changed in two ways; neither sees the other.
func TestApplyForks(t *testing.T) {
	for seed := range uint64(100) {
		d := newDice(5000 + seed)
		w := settled(d.world())
		s := New(w)
		one, two := []Update{d.update(&w), d.update(&w)}, []Update{d.update(&w), d.update(&w)}
		a, b := s.Apply(one...), s.Apply(two...)
		a2 := a.Apply(two...)
		checkWorld(t, a, after(w, one))
		checkWorld(t, b, after(w, two))
		checkWorld(t, a2, after(after(w, one), two))
		checkWorld(t, s, w)
	}
}
