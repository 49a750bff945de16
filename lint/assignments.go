package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/world"
)

const (
	assignRoles = "Microsoft.Authorization/roleAssignments/write"
	defineRoles = "Microsoft.Authorization/roleDefinitions/write"
	// anything stands for an action of whatever provider: only a role over everything holds it.
	anything = "Microsoft.Anything/things/write"
)

// privileged reports whether a role holds nearly everything, or gives it away: Owner, Contributor, and what is like them.
func (x *inspection) privileged(id gatehouse.GUID) bool {
	r := x.roles[id]
	return r != nil && (r.grants(anything, false) || r.grants(assignRoles, false))
}

// all calls f with the role assignments. Grants that stand for roles and ownership in the directory are none: they are
// deleted by other means and seen by escalations only.
func (x *inspection) all(f func(*world.Assignment)) {
	for i := range x.world.Assignments {
		if a := &x.world.Assignments[i]; !inDirectory(a.Scope) {
			f(a)
		}
	}
}

func inDirectory(s gatehouse.Scope) bool {
	return strings.HasPrefix(s.String(), "/providers/microsoft.graph/")
}

// each calls f with the role assignments that are in force, or will be.
func (x *inspection) each(f func(*world.Assignment)) {
	x.all(func(a *world.Assignment) {
		if x.active(a) {
			f(a)
		}
	})
}

func (x *inspection) broad(kind gatehouse.PrincipalType, f func(*world.Assignment)) {
	x.each(func(a *world.Assignment) {
		if tier(a.Scope) <= subscriptionTier && a.Condition == "" && x.kind(a) == kind && x.privileged(a.Role) {
			f(a)
		}
	})
}

func (x *inspection) kind(a *world.Assignment) gatehouse.PrincipalType {
	if p := x.principals[a.Principal]; p != nil {
		return p.Type
	}
	return a.PrincipalType
}

func (x *inspection) broadUsers() {
	x.broad(gatehouse.User, func(a *world.Assignment) {
		x.add(of(a, fmt.Sprintf("%s holds %s at %s, always and over everything in it", x.who(a.Principal), x.roleName(a.Role), x.where(a.Scope)), Fix{
			Note: "Make the role eligible, or assign it to a group where the work is; then", Az: x.deleteAssignment(a)}))
	})
}

func (x *inspection) broadPrograms() {
	x.broad(gatehouse.ServicePrincipal, func(a *world.Assignment) {
		x.add(of(a, fmt.Sprintf("the service principal %s holds %s at %s", x.who(a.Principal), x.roleName(a.Role), x.where(a.Scope)), Fix{
			Note: `Ask "gatehouse needs" what its plans need, assign that, then`, Az: x.deleteAssignment(a)}))
	})
}

// guests are people of another tenant; Entra writes so in their sign-in name.
func (x *inspection) guests() {
	x.each(func(a *world.Assignment) {
		if p := x.principals[a.Principal]; p != nil && strings.Contains(strings.ToUpper(p.Name), "#EXT#") && x.privileged(a.Role) {
			x.add(of(a, fmt.Sprintf("the guest %s holds %s at %s", p.Name, x.roleName(a.Role), x.where(a.Scope)), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

// owners counts who can give away a subscription, through groups too.
func (x *inspection) owners() {
	people := map[gatehouse.Scope]map[gatehouse.GUID]bool{}
	x.each(func(a *world.Assignment) {
		if r := x.roles[a.Role]; tier(a.Scope) != subscriptionTier || r == nil || a.Condition != "" || !r.grants(assignRoles, false) || !r.grants(anything, false) {
			return
		}
		if people[a.Scope] == nil {
			people[a.Scope] = map[gatehouse.GUID]bool{}
		}
		x.expand(a.Principal, people[a.Scope], map[gatehouse.GUID]bool{})
	})
	for scope, set := range people {
		if len(set) > x.Limits.Owners {
			var names []string
			for id := range set {
				names = append(names, x.who(id))
			}
			slices.Sort(names)
			if len(names) > 10 {
				names = append(names[:10], fmt.Sprintf("and %d more", len(names)-10))
			}
			x.add(Finding{Message: fmt.Sprintf("%s has %d owners, more than %d: %s", x.where(scope), len(set), x.Limits.Owners, strings.Join(names, ", ")), scope: scope,
				Fix: Fix{Note: "See through what each owns it, and take away what is not needed", Az: "az role assignment list --role Owner --scope " + quote(x.world.Spell(scope)) + " -o table"}})
		}
	}
}

// expand adds a principal, or who is in a group, to a set.
func (x *inspection) expand(id gatehouse.GUID, into, seen map[gatehouse.GUID]bool) {
	if seen[id] {
		return
	}
	seen[id] = true
	p := x.principals[id]
	if p == nil || p.Type != gatehouse.Group {
		into[id] = true
		return
	}
	for _, m := range p.Members {
		x.expand(m, into, seen)
	}
}

func (x *inspection) orphans() {
	if !x.world.Complete {
		return
	}
	x.all(func(a *world.Assignment) {
		if x.principals[a.Principal] == nil {
			x.add(of(a, fmt.Sprintf("%s at %s is assigned to %s, which was deleted", x.roleName(a.Role), x.where(a.Scope), a.Principal), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

func (x *inspection) roleless() {
	x.all(func(a *world.Assignment) {
		if x.roles[a.Role] == nil {
			x.add(of(a, fmt.Sprintf("%s is assigned the role %s at %s, which does not exist", x.who(a.Principal), a.Role, x.where(a.Scope)), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

// nowhere finds assignments at what is not there: a resource where what exists is known, else a subscription or
// management group that the hierarchy does not hold.
func (x *inspection) nowhere() {
	x.each(func(a *world.Assignment) {
		missing := gatehouse.Scope{}
		switch {
		case a.Scope.IsRoot():
			return
		case x.Exists != nil && !x.Exists(a.Scope):
			missing = a.Scope
		case x.Exists == nil:
			top := a.Scope
			if sub, ok := a.Scope.Subscription(); ok {
				top = sub
			}
			if tier(top) <= subscriptionTier && !x.placed(top) {
				missing = top
			}
		}
		if !missing.IsRoot() {
			x.add(of(a, fmt.Sprintf("%s for %s is assigned at %s, and there is no %s", x.roleName(a.Role), x.who(a.Principal), x.where(a.Scope), x.where(missing)), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

// placed reports whether the hierarchy knows a subscription or management group, or is not there to know it.
func (x *inspection) placed(s gatehouse.Scope) bool {
	if len(x.world.Parents) == 0 {
		return true
	}
	if _, ok := x.world.Parents[s]; ok {
		return true
	}
	for _, parent := range x.world.Parents {
		if parent == s {
			return true
		}
	}
	return false
}

func (x *inspection) windows(never bool) {
	x.all(func(a *world.Assignment) {
		empty := !a.Start.IsZero() && !a.End.IsZero() && !a.Start.Before(a.End)
		switch {
		case a.End.IsZero() || empty != never:
		case empty:
			x.add(of(a, fmt.Sprintf("%s for %s at %s ends %s, before it starts %s", x.roleName(a.Role), x.who(a.Principal), x.where(a.Scope), day(a.End), day(a.Start)), Fix{Az: x.deleteAssignment(a)}))
		case !x.now.Before(a.End):
			x.add(of(a, fmt.Sprintf("%s for %s at %s ended %s", x.roleName(a.Role), x.who(a.Principal), x.where(a.Scope), day(a.End)), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

func (x *inspection) expired() { x.windows(false) }
func (x *inspection) never()   { x.windows(true) }

// holding is what makes two assignments grant the same.
type holding struct{ principal, role gatehouse.GUID }

// holdings are the assignments that hold always and without condition, the first of each scope.
type holdings map[holding]map[gatehouse.Scope]*world.Assignment

func (x *inspection) unbounded() holdings {
	out := holdings{}
	x.each(func(a *world.Assignment) {
		if a.Condition != "" || !a.Start.IsZero() || !a.End.IsZero() {
			return
		}
		at := out[holding{a.Principal, a.Role}]
		if at == nil {
			at = map[gatehouse.Scope]*world.Assignment{}
			out[holding{a.Principal, a.Role}] = at
		}
		if at[a.Scope] == nil {
			at[a.Scope] = a
		}
	})
	return out
}

// covering finds the assignment of a's role to somebody that is nearest above a scope, or at it.
func (x *inspection) covering(a *world.Assignment, by map[gatehouse.Scope]*world.Assignment) *world.Assignment {
	if len(by) == 0 {
		return nil
	}
	for _, s := range x.chain(a.Scope) {
		if other := by[s]; other != nil {
			return other
		}
	}
	return nil
}

// beside finds what somebody is assigned directly and has through a group too.
func (x *inspection) beside() {
	all := x.unbounded()
	x.each(func(a *world.Assignment) {
		if x.kind(a) == gatehouse.Group {
			return
		}
		for _, g := range x.groups(a.Principal, all) {
			if other := x.covering(a, all[holding{g, a.Role}]); other != nil {
				x.add(of(a, fmt.Sprintf("%s is assigned %s at %s directly, and has it through the group %s at %s", x.who(a.Principal), x.roleName(a.Role), x.where(a.Scope), x.who(g), x.where(other.Scope)),
					Fix{Az: x.deleteAssignment(a)}))
				return
			}
		}
	})
}

// groups are the groups of a principal that hold something.
func (x *inspection) groups(id gatehouse.GUID, all holdings) []gatehouse.GUID {
	if x.within == nil {
		x.within, x.holders = map[gatehouse.GUID][]gatehouse.GUID{}, map[gatehouse.GUID]bool{}
		for h := range all {
			x.holders[h.principal] = true
		}
	}
	list, known := x.within[id]
	if !known {
		for _, g := range x.snapshot.Groups(id) {
			if x.holders[g] {
				list = append(list, g)
			}
		}
		x.within[id] = list
	}
	return list
}

// inherited finds what is assigned again further down.
func (x *inspection) inherited() {
	all := x.unbounded()
	x.each(func(a *world.Assignment) {
		by := all[holding{a.Principal, a.Role}]
		if len(by) < 2 {
			return
		}
		for _, s := range x.chain(a.Scope)[1:] {
			if by[s] != nil {
				x.add(of(a, fmt.Sprintf("%s has %s at %s already from %s", x.who(a.Principal), x.roleName(a.Role), x.where(a.Scope), x.where(s)), Fix{Az: x.deleteAssignment(a)}))
				return
			}
		}
	})
}

func (x *inspection) twice() {
	all := x.unbounded()
	x.each(func(a *world.Assignment) {
		if first := all[holding{a.Principal, a.Role}][a.Scope]; first != nil && first != a && a.Condition == "" && a.Start.IsZero() && a.End.IsZero() {
			x.add(of(a, fmt.Sprintf("%s is assigned %s at %s twice: also by %s", x.who(a.Principal), x.roleName(a.Role), x.where(a.Scope), first.ID), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

// unused finds grants that allowed no change in all of the time that the log tells of. Reads are not in it, so roles
// that only read are left alone.
func (x *inspection) unused() {
	if x.Uses == nil || x.Since.IsZero() || x.now.Sub(x.Since) < 24*time.Hour {
		return
	}
	x.each(func(a *world.Assignment) {
		r := x.roles[a.Role]
		if r == nil || !r.writes() || a.CreatedOn.After(x.Since) || a.Start.After(x.Since) {
			return
		}
		if last, ok := x.Uses[a.ID]; !ok || last.Before(x.Since) {
			x.add(of(a, fmt.Sprintf("%s for %s at %s allowed no change in %s", r.Name, x.who(a.Principal), x.where(a.Scope), plural(int(x.now.Sub(x.Since).Hours()/24), "day", "days")),
				Fix{Note: "The log holds no reads: where reading is needed, assign a role that reads first; then", Az: x.deleteAssignment(a)}))
		}
	})
}

// writes reports whether a role holds more than reads.
func (r *role) writes() bool {
	for _, p := range r.Permissions {
		for _, a := range p.Actions {
			if !strings.HasSuffix(gatehouse.Fold(a), "/read") {
				return true
			}
		}
	}
	return false
}

func (x *inspection) unassignable() {
	x.each(func(a *world.Assignment) {
		r := x.roles[a.Role]
		if r == nil || r.Type != gatehouse.CustomRole || len(r.AssignableScopes) == 0 {
			return
		}
		for _, s := range r.AssignableScopes {
			if x.under(a.Scope, s) {
				return
			}
		}
		x.add(of(a, fmt.Sprintf("%s is assigned %s at %s, where the role is no longer assignable", x.who(a.Principal), r.Name, x.where(a.Scope)),
			Fix{Note: "Assign a role that is meant for this place; then", Az: x.deleteAssignment(a)}))
	})
}

func (x *inspection) empty() {
	x.each(func(a *world.Assignment) {
		p := x.principals[a.Principal]
		if p == nil || p.Type != gatehouse.Group {
			return
		}
		if !x.peopled(a.Principal, map[gatehouse.GUID]bool{}) {
			x.add(of(a, fmt.Sprintf("%s at %s is assigned to the group %s, which is empty", x.roleName(a.Role), x.where(a.Scope), x.who(a.Principal)), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

// peopled reports whether somebody is in a group, or the group is somebody.
func (x *inspection) peopled(id gatehouse.GUID, seen map[gatehouse.GUID]bool) bool {
	p := x.principals[id]
	if p == nil || p.Type != gatehouse.Group {
		return true
	}
	seen[id] = true
	return slices.ContainsFunc(p.Members, func(m gatehouse.GUID) bool { return !seen[m] && x.peopled(m, seen) })
}

func (x *inspection) disabled() {
	x.each(func(a *world.Assignment) {
		if p := x.principals[a.Principal]; p != nil && p.Disabled {
			x.add(of(a, fmt.Sprintf("%s is disabled and still holds %s at %s", x.who(a.Principal), x.roleName(a.Role), x.where(a.Scope)), Fix{Az: x.deleteAssignment(a)}))
		}
	})
}

// pointless finds deny assignments that keep nobody from anything.
func (x *inspection) pointless() {
	for i := range x.world.Denies {
		d := &x.world.Denies[i]
		reason := x.whyPointless(d)
		if reason == "" {
			continue
		}
		x.add(Finding{Message: fmt.Sprintf("the deny assignment %s at %s %s", d.Name, x.where(d.Scope), reason), Assignment: d.ID, scope: d.Scope,
			Fix: Fix{Az: "az rest --method delete --url " + quote(strings.TrimSuffix(x.world.Spell(d.Scope), "/")+"/providers/Microsoft.Authorization/denyAssignments/"+d.ID.String()+"?api-version=2022-04-01")}})
	}
}

func (x *inspection) whyPointless(d *gatehouse.DenyAssignment) string {
	everyone := slices.Contains(d.Principals, gatehouse.GUID{})
	alive := everyone || !x.world.Complete || slices.ContainsFunc(d.Principals, func(id gatehouse.GUID) bool { return x.principals[id] != nil })
	named := slices.ContainsFunc(d.Principals, func(id gatehouse.GUID) bool { return !slices.Contains(d.ExcludePrincipals, id) })
	r := compile(&gatehouse.RoleDefinition{Permissions: d.Permissions})
	switch {
	case d.Audit:
		return "" // meant to be without effect
	case len(d.Principals) == 0:
		return "names nobody"
	case !alive:
		return "names only principals that were deleted"
	case !named, slices.Contains(d.ExcludePrincipals, gatehouse.GUID{}):
		return "excludes everyone that it names"
	case !r.something():
		return "takes no action away"
	}
	return ""
}

// something reports whether an entry keeps a pattern that its exceptions do not swallow whole.
func (r *role) something() bool {
	for _, e := range r.entries {
		if keeps(e.actions, e.notActions) || keeps(e.data, e.notData) {
			return true
		}
	}
	return false
}

func keeps(with, without []gatehouse.Pattern) bool {
	return slices.ContainsFunc(with, func(p gatehouse.Pattern) bool { return !swallowed(p, without) })
}

// swallowed reports whether every action that p matches is surely matched by one of the others: a pattern is matched as
// if its star were text, which a star of the other takes along.
func swallowed(p gatehouse.Pattern, by []gatehouse.Pattern) bool { return matches(by, p.String()) }

func (x *inspection) circles() {
	for _, p := range x.snapshot.Problems() {
		if strings.Contains(p.Message, "is a member of itself") {
			x.add(Finding{Message: fmt.Sprintf("the group %s is a member of itself, directly or through groups", x.who(p.Principal)), Principal: p.Principal,
				Fix: Fix{Note: "Remove one of the memberships on the way", Az: "az ad group member list --group " + p.Principal.String() + " -o table"}})
		}
		if strings.Contains(p.Message, "lies below itself") {
			x.add(Finding{Message: fmt.Sprintf("%s lies below itself", x.where(p.Scope)), scope: p.Scope,
				Fix: Fix{Note: "Move it elsewhere", Az: "az account management-group update --name " + p.Scope.Name() + " --parent PARENT"}})
		}
	}
}
