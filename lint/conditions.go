package lint

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac/builtin"
	"gatehouse/rbac/cond"
	"gatehouse/world"
)

const unassignRoles = "Microsoft.Authorization/roleAssignments/delete"

// conditional calls f with the assignments that have a condition and a role.
func (x *inspection) conditional(f func(*world.Assignment, *role, *condition)) {
	x.each(func(a *world.Assignment) {
		if r := x.roles[a.Role]; a.Condition != "" && r != nil {
			f(a, r, x.parsed(a.Condition))
		}
	})
}

func (x *inspection) updateAssignment(a *world.Assignment) Fix {
	return Fix{Note: "Correct the condition", Az: "az role assignment list --scope " + quote(x.world.Spell(a.Scope)) + " --query \"[?name=='" + a.ID.String() + "'] | [0]\" > assignment.json  # edit it, then: az role assignment update --role-assignment @assignment.json"}
}

func (x *inspection) unreadable() {
	x.conditional(func(a *world.Assignment, r *role, c *condition) {
		if c.fault != nil {
			x.add(of(a, fmt.Sprintf("the condition on %s for %s at %s does not parse, so it grants nothing: %s", r.Name, x.who(a.Principal), x.where(a.Scope), c.fault), x.updateAssignment(a)))
		}
	})
}

// about is what is known of an attribute before there is a request: assignments have one role and one principal, which a
// new one has as @Request and one that is deleted as @Resource (rbac.md 7.5).
func (x *inspection) about(action string) func(cond.Source, string) cond.Known {
	return func(s cond.Source, name string) cond.Known {
		if s == cond.Environment && gatehouse.EqualFold(name, "UtcNow") {
			return cond.Known{Single: true, From: x.now}
		}
		if !strings.HasPrefix(gatehouse.Fold(name), "microsoft.authorization/roleassignments:") {
			return cond.Known{}
		}
		gone := s == cond.Request && action == unassignRoles || s == cond.Resource && action == assignRoles
		return cond.Known{Single: true, Fixed: gone}
	}
}

// actionsOf lists the known actions that a role grants, and those that it names.
func (x *inspection) actionsOf(r *role) (out []string) {
	for _, o := range builtin.Operations() {
		if r.grants(o.Name, o.Data) {
			out = append(out, o.Name)
		}
	}
	for _, e := range r.entries {
		for _, p := range slices.Concat(e.actions, e.data) {
			if !strings.Contains(p.String(), "*") {
				out = append(out, p.String())
			}
		}
	}
	return out
}

// outcomes is what a condition can come to over everything that a role grants.
func (x *inspection) outcomes(r *role, c *condition) (always, never bool) {
	key := r.ID.String() + c.Text()
	if known, ok := x.decided[key]; ok {
		return known[0], known[1]
	}
	defer func() { x.decided[key] = [2]bool{always, never} }()
	var all cond.Outcomes
	for _, action := range x.actionsOf(r) {
		all |= c.Possible(action, "", x.about(action))
		if all.Has(cond.True) && all.Has(cond.False) {
			return false, false
		}
	}
	return all.Has(cond.True) && !all.Has(cond.False), !all.Has(cond.True)
}

func (x *inspection) neverHolds() {
	x.conditional(func(a *world.Assignment, r *role, c *condition) {
		if c.fault != nil || asksSubOperation(a.Condition) {
			return
		}
		if _, never := x.outcomes(r, c); never {
			x.add(of(a, fmt.Sprintf("the condition on %s for %s at %s can never hold, so it grants nothing", r.Name, x.who(a.Principal), x.where(a.Scope)), x.updateAssignment(a)))
		}
	})
}

func asksSubOperation(condition string) bool {
	return strings.Contains(gatehouse.Fold(condition), "suboperationmatches")
}

func (x *inspection) alwaysHolds() {
	x.conditional(func(a *world.Assignment, r *role, c *condition) {
		if c.fault != nil || asksSubOperation(a.Condition) {
			return
		}
		if always, _ := x.outcomes(r, c); always {
			x.add(of(a, fmt.Sprintf("the condition on %s for %s at %s holds for everything that the role grants: it limits nothing", r.Name, x.who(a.Principal), x.where(a.Scope)), x.updateAssignment(a)))
		}
	})
}

// delegations calls f with the assignments whose condition is to limit what roles their holder may assign.
func (x *inspection) delegations(f func(*world.Assignment, *role, *condition)) {
	x.conditional(func(a *world.Assignment, r *role, c *condition) {
		folded := gatehouse.Fold(a.Condition)
		if c.fault == nil && strings.Contains(folded, "roleassignments") && (r.grants(assignRoles, false) || r.grants(unassignRoles, false)) {
			f(a, r, c)
		}
	})
}

// unlimited finds delegations whose condition limits assigning and not unassigning, or the reverse.
func (x *inspection) unlimited() {
	x.delegations(func(a *world.Assignment, r *role, c *condition) {
		var open []string
		for action, what := range map[string]string{assignRoles: "assign any role", unassignRoles: "delete any role assignment"} {
			if r.grants(action, false) && !c.Possible(action, "", x.about(action)).Has(cond.False) {
				open = append(open, what)
			}
		}
		if len(open) == 0 {
			return
		}
		slices.Sort(open)
		severity := Medium
		if strings.HasPrefix(open[0], "assign") {
			severity = High
		}
		f := of(a, fmt.Sprintf("the condition on %s for %s at %s lets them %s", r.Name, x.who(a.Principal), x.where(a.Scope), strings.Join(open, " and ")), x.updateAssignment(a))
		f.Severity = severity
		f.Fix.Note = "Limit write by @Request and delete by @Resource, each in a block of its own"
		x.add(f)
	})
}

// half finds delegations that ask the wrong half: a new assignment is only @Request, one to delete only @Resource.
func (x *inspection) half() {
	x.delegations(func(a *world.Assignment, r *role, c *condition) {
		for _, way := range []struct{ action, verb, wrong, right string }{
			{assignRoles, "assign", "@Resource", "@Request"}, {unassignRoles, "delete", "@Request", "@Resource"},
		} {
			if !r.grants(way.action, false) || c.Possible(way.action, "", x.about(way.action)).Has(cond.True) {
				continue
			}
			f := of(a, fmt.Sprintf("the condition on %s for %s at %s never lets them %s: it asks %s, where only %s is there", r.Name, x.who(a.Principal), x.where(a.Scope), way.verb, way.wrong, way.right), x.updateAssignment(a))
			f.Scope = f.scope.String() + "#" + way.verb
			x.add(f)
		}
	})
}

func (x *inspection) suspicious() {
	x.conditional(func(a *world.Assignment, r *role, c *condition) {
		if c.fault != nil {
			return
		}
		for _, p := range c.Check() {
			x.add(of(a, fmt.Sprintf("the condition on %s for %s at %s, line %d column %d: %s", r.Name, x.who(a.Principal), x.where(a.Scope), p.Line, p.Column, p.Message), x.updateAssignment(a)))
		}
	})
}

// admits reports whether a condition can hold when somebody assigns a role to a principal.
func (x *inspection) admits(c *condition, role gatehouse.GUID, to gatehouse.GUID) bool {
	if c == nil {
		return true
	}
	if c.fault != nil {
		return false
	}
	return c.Possible(assignRoles, "", func(s cond.Source, name string) cond.Known {
		k := x.about(assignRoles)(s, name)
		if s != cond.Request {
			return k
		}
		switch gatehouse.Fold(name) {
		case "microsoft.authorization/roleassignments:roledefinitionid":
			return cond.Known{Fixed: true, Single: true, Values: []any{role}}
		case "microsoft.authorization/roleassignments:principalid":
			return cond.Known{Fixed: true, Single: true, Values: []any{to}}
		case "microsoft.authorization/roleassignments:principaltype":
			if p := x.principals[to]; p != nil {
				return cond.Known{Fixed: true, Single: true, Values: []any{string(p.Type)}}
			}
		}
		return k
	}).Has(cond.True)
}

// giveaways finds delegations that let their holder assign a role that assigns roles without limit.
func (x *inspection) giveaways() {
	x.delegations(func(a *world.Assignment, r *role, c *condition) {
		if !r.grants(assignRoles, false) || !c.Possible(assignRoles, "", x.about(assignRoles)).Has(cond.False) {
			return
		}
		if through := x.giver(a, c); through != nil {
			x.add(of(a, fmt.Sprintf("the condition on %s for %s at %s lets them assign %s, which assigns every role", r.Name, x.who(a.Principal), x.where(a.Scope), through.Name), x.updateAssignment(a)))
		}
	})
}

// giver is a role that assigns roles without limit and that a condition lets the holder of an assignment assign.
func (x *inspection) giver(a *world.Assignment, c *condition) *role {
	for i := range x.world.Roles {
		r := x.roles[x.world.Roles[i].ID]
		if r.grants(assignRoles, false) && !r.limited(assignRoles) && x.admits(c, r.ID, a.Principal) {
			return r
		}
	}
	return nil
}
