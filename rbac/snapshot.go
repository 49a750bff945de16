package rbac

import (
	"iter"
	"maps"
	"slices"
	"time"

	"gatehouse"
)

// Snapshot is the access of one moment. It never changes and is safe for concurrent use.
type Snapshot struct{ o oracle }

// New builds a Snapshot. Conditions that do not parse grant nothing and are reported by Problems.
func New(w World) *Snapshot {
	s := &Snapshot{oracle{World{Parents: map[gatehouse.Scope]gatehouse.Scope{}}}}
	var updates []Update
	for _, r := range w.Roles {
		updates = append(updates, PutRole(r))
	}
	for _, a := range w.Assignments {
		updates = append(updates, PutAssignment(a))
	}
	for _, d := range w.Denies {
		updates = append(updates, PutDeny(d))
	}
	s = s.Apply(updates...)
	s.o.w.Members = slices.Clone(w.Members)
	maps.Copy(s.o.w.Parents, w.Parents)
	return s
}

// Apply returns the Snapshot after updates, in their order.
func (s *Snapshot) Apply(updates ...Update) *Snapshot {
	w := s.o.w
	w.Roles, w.Assignments, w.Denies = slices.Clone(w.Roles), slices.Clone(w.Assignments), slices.Clone(w.Denies)
	w.Members, w.Parents = slices.Clone(w.Members), maps.Clone(w.Parents)
	for _, u := range updates {
		w.update(u)
	}
	return &Snapshot{oracle{w}}
}

func (w *World) update(u Update) {
	switch u.kind {
	case putRole, deleteRole:
		id := u.id
		if u.kind == putRole {
			id = u.role.ID
		}
		w.Roles = slices.DeleteFunc(w.Roles, func(r gatehouse.RoleDefinition) bool { return r.ID == id })
		if u.kind == putRole {
			w.Roles = append(w.Roles, u.role)
		}
	case putAssignment:
		w.Assignments = without(w.Assignments, u.assignment.Scope, u.assignment.ID)
		w.Assignments = append(w.Assignments, u.assignment)
	case deleteAssignment:
		w.Assignments = without(w.Assignments, u.scope, u.id)
	case putDeny:
		w.Denies = withoutDeny(w.Denies, u.deny.Scope, u.deny.ID)
		w.Denies = append(w.Denies, u.deny)
	case deleteDeny:
		w.Denies = withoutDeny(w.Denies, u.scope, u.id)
	case addMember, removeMember:
		w.Members = slices.DeleteFunc(w.Members, func(m Membership) bool { return m == u.member })
		if u.kind == addMember {
			w.Members = append(w.Members, u.member)
		}
	case setParent:
		w.Parents[u.scope] = u.parent
	case removeParent:
		delete(w.Parents, u.scope)
	}
}

func without(as []gatehouse.RoleAssignment, scope gatehouse.Scope, id gatehouse.GUID) []gatehouse.RoleAssignment {
	return slices.DeleteFunc(as, func(a gatehouse.RoleAssignment) bool { return a.ID == id && a.Scope == scope })
}

func withoutDeny(ds []gatehouse.DenyAssignment, scope gatehouse.Scope, id gatehouse.GUID) []gatehouse.DenyAssignment {
	return slices.DeleteFunc(ds, func(d gatehouse.DenyAssignment) bool { return d.ID == id && d.Scope == scope })
}

// Decide answers a Request.
func (s *Snapshot) Decide(r *gatehouse.Request) gatehouse.Decision { return s.o.decide(r) }

// Explain answers like Decide, with the reasons.
func (s *Snapshot) Explain(r *gatehouse.Request) Explanation {
	e := Explanation{Decision: s.Decide(r), Chain: s.Ancestors(r.Scope), Groups: s.Groups(r.Principal)}
	grants, _ := s.o.grants(r)
	for _, a := range grants {
		e.Reasons = append(e.Reasons, Reason{Kind: Allows, Assignment: a.ID, Scope: a.Scope, Role: a.Role})
	}
	for _, d := range s.o.denies(r, false) {
		e.Reasons = append(e.Reasons, Reason{Kind: Denies, Deny: true, Assignment: d.ID, Name: d.Name, Scope: d.Scope})
	}
	return e
}

// WhoCan returns every known principal that Decide would allow, groups included, in the order of their IDs.
func (s *Snapshot) WhoCan(q WhoCanRequest) []Holder {
	known := map[gatehouse.GUID]bool{}
	for _, a := range s.o.w.Assignments {
		known[a.Principal] = true
	}
	for _, m := range s.o.w.Members {
		known[m.Group], known[m.Member] = true, true
	}
	var out []Holder
	for _, p := range sortedGUIDs(known) {
		if d := s.Decide(&gatehouse.Request{Principal: p, Action: q.Action, Data: q.Data, Scope: q.Scope, SubOperation: q.SubOperation, Attributes: q.Attributes, Now: q.Now}); d.Allowed {
			out = append(out, Holder{Principal: p, Grant: d.Grant, Role: d.Role})
		}
	}
	return out
}

func (s *Snapshot) inForce(p gatehouse.GUID, now time.Time) iter.Seq2[gatehouse.RoleAssignment, gatehouse.RoleDefinition] {
	ids := append(s.Groups(p), p)
	return func(yield func(gatehouse.RoleAssignment, gatehouse.RoleDefinition) bool) {
		for _, a := range s.o.w.Assignments {
			role, ok := s.o.role(a.Role)
			_, broken := s.o.holds(a.Condition, &gatehouse.Request{})
			if ok && !broken && !a.Principal.IsZero() && slices.Contains(ids, a.Principal) && inWindow(a, now) && !yield(a, role) {
				return
			}
		}
	}
}

// Permissions returns the permission entries in force for a principal at a scope, one per
// entry and assignment, never merged (rbac.md 6.4). Denies are not reflected.
func (s *Snapshot) Permissions(principal gatehouse.GUID, scope gatehouse.Scope, now time.Time) []gatehouse.Permission {
	var out []gatehouse.Permission
	chain := s.Ancestors(scope)
	for a, role := range s.inForce(principal, now) {
		if slices.Contains(chain, a.Scope) {
			out = append(out, role.Permissions...)
		}
	}
	return out
}

// Visible reports whether a principal holds an assignment in force at, above or below a scope (rbac.md 5.2).
func (s *Snapshot) Visible(principal gatehouse.GUID, scope gatehouse.Scope, now time.Time) bool {
	chain := s.Ancestors(scope)
	for a := range s.inForce(principal, now) {
		if slices.Contains(chain, a.Scope) || slices.Contains(s.Ancestors(a.Scope), scope) {
			return true
		}
	}
	return false
}

// Groups returns the groups that a principal is in, directly or through groups, in the order of their IDs.
func (s *Snapshot) Groups(principal gatehouse.GUID) []gatehouse.GUID { return s.o.groups(principal) }

// Ancestors returns a scope and everything above it, most specific first, with management groups and the root (rbac.md 3.2).
func (s *Snapshot) Ancestors(scope gatehouse.Scope) []gatehouse.Scope {
	var out []gatehouse.Scope
	for _, text := range s.o.ancestors(scope) {
		out = append(out, gatehouse.MustScope(text))
	}
	return out
}

// Role returns a role definition.
func (s *Snapshot) Role(id gatehouse.GUID) (gatehouse.RoleDefinition, bool) { return s.o.role(id) }

// Assignment returns a role assignment by scope and ID.
func (s *Snapshot) Assignment(scope gatehouse.Scope, id gatehouse.GUID) (gatehouse.RoleAssignment, bool) {
	for _, a := range s.o.w.Assignments {
		if a.ID == id && a.Scope == scope {
			return a, true
		}
	}
	return gatehouse.RoleAssignment{}, false
}

// Assignments returns the role assignments at, above or below a scope.
func (s *Snapshot) Assignments(scope gatehouse.Scope, reach Reach) iter.Seq[gatehouse.RoleAssignment] {
	chain := s.Ancestors(scope)
	return func(yield func(gatehouse.RoleAssignment) bool) {
		for _, a := range s.o.w.Assignments {
			in := reach&At != 0 && a.Scope == scope || reach&Above != 0 && a.Scope != scope && slices.Contains(chain, a.Scope) ||
				reach&Below != 0 && a.Scope != scope && slices.Contains(s.Ancestors(a.Scope), scope)
			if in && !yield(a) {
				return
			}
		}
	}
}

// AssignmentsOf returns the role assignments that name a principal; those of its groups are not included.
func (s *Snapshot) AssignmentsOf(principal gatehouse.GUID) iter.Seq[gatehouse.RoleAssignment] {
	return func(yield func(gatehouse.RoleAssignment) bool) {
		for _, a := range s.o.w.Assignments {
			if a.Principal == principal && !yield(a) {
				return
			}
		}
	}
}

// Problems reports what in the data cannot work as it was meant.
func (s *Snapshot) Problems() []Problem { return nil }
