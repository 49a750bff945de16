package rbac

import (
	"cmp"
	"fmt"
	"slices"

	"gatehouse"
)

// Problems reports what in the data cannot work as it was meant: conditions that do
// not parse, assignments of roles that do not exist or to nobody, parents that cannot
// be, and circles. It looks at everything.
func (s *Snapshot) Problems() []Problem {
	var out []Problem
	for _, r := range s.roles {
		out = append(out, r.problems()...)
	}
	for a := range s.Assignments(gatehouse.Scope{}, At|Below) {
		out = append(out, s.assignmentProblems(&a)...)
	}
	for i := range s.denies.n {
		if d := *s.denies.at(i); d != nil {
			out = append(out, d.problems()...)
		}
	}
	out = append(out, s.circles()...)
	for child, parent := range s.strays {
		out = append(out, Problem{Scope: child, Message: fmt.Sprintf("%s cannot be the parent of %s: only management groups hold subscriptions and management groups. It is ignored; name a management group.", parent, child)})
	}
	slices.SortFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Scope.String(), b.Scope.String()), cmp.Compare(a.Message, b.Message), compareGUIDs(a.Assignment, b.Assignment))
	})
	return out
}

func (r *role) problems() (out []Problem) {
	for i, e := range r.entries {
		if e.condition != nil && e.condition.fault != "" {
			out = append(out, Problem{Role: r.id, Message: fmt.Sprintf("The condition of permission entry %d does not parse, so the entry grants nothing: %s. Correct it in the role definition.", i+1, e.condition.fault)})
		}
	}
	return out
}

func (s *Snapshot) assignmentProblems(a *gatehouse.RoleAssignment) (out []Problem) {
	add := func(format string, args ...any) {
		out = append(out, Problem{Assignment: a.ID, Role: a.Role, Principal: a.Principal, Scope: a.Scope, Message: fmt.Sprintf(format, args...)})
	}
	if _, ok := s.Role(a.Role); !ok {
		add("The role does not exist, so the assignment grants nothing. Restore the role or delete the assignment.")
	}
	if a.Principal.IsZero() {
		add("The assignment names the zero GUID, which is nobody, and grants nothing. Assign the role to a group.")
	}
	if a.Condition != "" {
		if c := newCondition(a.Condition); c.fault != "" {
			add("The condition does not parse, so the assignment grants nothing: %s. Correct the condition.", c.fault)
		}
	}
	return out
}

func (d *deny) problems() (out []Problem) {
	add := func(fault string) {
		out = append(out, Problem{Assignment: d.ID, Scope: d.Scope, Message: "A condition of the deny assignment does not parse, so it denies as if there were none: " + fault + ". Correct the condition."})
	}
	if fault := faultOf(d.condition); fault != "" {
		add(fault)
	}
	for _, e := range d.entries {
		if fault := faultOf(e.condition); fault != "" {
			add(fault)
		}
	}
	return out
}

// circles reports management groups and groups that contain themselves.
func (s *Snapshot) circles() (out []Problem) {
	for i := uint32(1); i < s.scopes.n; i++ {
		n := s.scopes.at(i)
		if n.length > 0 && n.flags&placed != 0 && (n.parent == i || s.scopes.under(n.parent, i)) {
			path := s.scopes.path(i)
			out = append(out, Problem{Scope: path, Message: fmt.Sprintf("The management group %s lies below itself. Move it elsewhere.", path)})
		}
	}
	for i := uint32(1); i < s.people.all.n; i++ {
		p := s.people.all.at(i)
		for g := range s.people.up.with(i) {
			if g == i || p.in(i, g) && s.people.all.at(g).in(g, i) {
				out = append(out, Problem{Principal: p.id, Message: fmt.Sprintf("The group %s is a member of itself, directly or through groups. Remove one of the memberships.", p.id)})
				break
			}
		}
	}
	return out
}
