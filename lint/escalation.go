package lint

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/world"
)

// Who can become who. A point is a principal, or the power over everything at a scope; a step says how one gets from a
// point to the next. Being a member of a group is a step that is no escalation: the group's rights are the member's own.
type point struct {
	principal gatehouse.GUID
	power     gatehouse.Scope // everything at this scope, when over
	over      bool
}

type step struct {
	to   point
	how  string
	gain bool // more than what one has already
	by   *world.Assignment
}

const (
	assignIdentity = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
	federate       = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"
	membersOf      = "Microsoft.Graph/directory/groups/members/write"
	credentialsOf  = "Microsoft.Graph/directory/applications/write"
	usersOf        = "Microsoft.Graph/directory/users/write"
)

// climber searches from power backwards: who gets there, and by which step.
type climber struct {
	*inspection
	into map[point][]backward // steps by where they lead
}

type backward struct {
	from gatehouse.GUID
	step
}

// escalations finds the principals that can make themselves more than they are, with the way: to everything at the
// widest scope that they do not have already.
func (x *inspection) escalations() {
	c := &climber{x, map[point][]backward{}}
	powers := c.grants()
	c.directory()
	c.identities()
	own := map[gatehouse.GUID]int{}      // the widest tier that a principal is powerful at, without climbing
	reached := map[gatehouse.GUID]bool{} // reported
	for t := rootTier; t <= resourceTier; t++ {
		var targets []point
		for _, s := range powers {
			if tier(s) == t {
				targets = append(targets, point{power: s, over: true})
			}
		}
		next, order := c.search(targets)
		for _, p := range order {
			if _, done := own[p]; !done && c.without(p, next) {
				own[p] = t
			}
		}
		for _, p := range order {
			if _, has := own[p]; !has && !reached[p] && next[point{principal: p}].gain {
				c.report(p, next)
				reached[p] = true
			}
		}
		for _, p := range order {
			reached[p] = true
		}
	}
}

// search walks all steps backwards from the targets and returns the step that each principal takes towards the nearest
// of them. A step that needs no gain comes before one that does.
func (c *climber) search(targets []point) (next map[point]step, order []gatehouse.GUID) {
	next = map[point]step{}
	queue := targets
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		steps := c.into[at]
		for _, gain := range []bool{false, true} {
			for _, b := range steps {
				from := point{principal: b.from}
				if _, seen := next[from]; b.gain != gain || seen {
					continue
				}
				next[from] = b.step
				order = append(order, b.from)
				queue = append(queue, from)
			}
		}
	}
	return next, order
}

// without reports whether a principal gets to where it gets without gaining anything on the way.
func (c *climber) without(p gatehouse.GUID, next map[point]step) bool {
	for at := (point{principal: p}); ; {
		s, ok := next[at]
		if !ok {
			return at.over
		}
		if s.gain {
			return false
		}
		at = s.to
	}
}

func (c *climber) report(p gatehouse.GUID, next map[point]step) {
	path := []string{c.who(p)}
	var first *step
	at := point{principal: p}
	for !at.over {
		s := next[at]
		if first == nil {
			first = &s
		}
		path = append(path, s.how)
		if at = s.to; at.over {
			path = append(path, "everything at "+c.where(at.power))
		} else {
			path = append(path, c.who(at.principal))
		}
	}
	f := Finding{Message: told(path), Principal: p, Path: path, scope: at.power,
		Fix: Fix{Note: "Cut one of these steps; the first is the nearest"}}
	if first.by != nil {
		f.Assignment, f.Role = first.by.ID, first.by.Role
		f.Fix.Az = c.deleteAssignment(first.by)
	} else if p := first.to.principal; !p.IsZero() {
		f.Fix.Az = c.cut(f.Principal, p)
	}
	c.add(f)
}

func (c *climber) cut(owner, of gatehouse.GUID) string {
	if p := c.principals[of]; p != nil && p.Type == gatehouse.Group {
		return "az ad group owner remove --group " + of.String() + " --owner-object-id " + owner.String()
	}
	return "az ad sp owner list --id " + of.String() + " -o table"
}

func told(path []string) string {
	var b strings.Builder
	b.WriteString(path[0])
	for i := 1; i+1 < len(path); i += 2 {
		if i > 1 {
			b.WriteString(",")
		}
		b.WriteString(" " + path[i] + " " + path[i+1])
		if i+3 < len(path) {
			b.WriteString(", who")
		}
	}
	return strings.ReplaceAll(b.String(), ", who,", ", which")
}

func (c *climber) edge(from gatehouse.GUID, s step) {
	c.into[s.to] = append(c.into[s.to], backward{from, s})
}

// grants makes the steps that roles give: those that are power already, those that assign or define roles. It returns
// the scopes at which somebody has power.
func (c *climber) grants() (powers []gatehouse.Scope) {
	seen := map[gatehouse.Scope]bool{}
	power := func(a *world.Assignment, how string, gain bool) {
		if !seen[a.Scope] {
			seen[a.Scope] = true
			powers = append(powers, a.Scope)
		}
		c.edge(a.Principal, step{point{power: a.Scope, over: true}, how, gain, a})
	}
	c.each(func(a *world.Assignment) {
		r := c.roles[a.Role]
		if r == nil {
			return
		}
		if a.Condition == "" && r.grants(assignRoles, false) && !r.limited(assignRoles) {
			power(a, "holds "+r.Name+" over", false)
			return
		}
		if a.Condition != "" && r.grants(assignRoles, false) {
			if through := c.giver(a, c.parsed(a.Condition)); through != nil {
				power(a, "may assign "+through.Name+" and so holds", true)
			}
		}
		if r.Type == gatehouse.CustomRole && a.Condition == "" && c.redefines(a, r) {
			power(a, "may add actions to the role "+r.Name+", which it holds, up to", true)
		}
	})
	slices.SortFunc(powers, func(a, b gatehouse.Scope) int { return strings.Compare(a.String(), b.String()) })
	return powers
}

// redefines reports whether a custom role lets its holder change that very role: everywhere it is assignable.
func (c *climber) redefines(a *world.Assignment, r *role) bool {
	if !r.grants(defineRoles, false) || len(r.AssignableScopes) == 0 {
		return false
	}
	for _, s := range r.AssignableScopes {
		if !c.under(s, a.Scope) {
			return false
		}
	}
	return true
}

// directory makes the steps that the directory gives: membership, ownership, and the roles over it.
func (c *climber) directory() {
	for i := range c.world.Principals {
		p := &c.world.Principals[i]
		to := point{principal: p.ID}
		for _, m := range p.Members {
			c.edge(m, step{to: to, how: "is in"})
		}
		how := "may set a secret of"
		if p.Type == gatehouse.Group {
			how = "owns and may join"
		}
		for _, o := range p.Owners {
			c.edge(o, step{to: to, how: how, gain: true})
		}
	}
	for i := range c.world.Assignments {
		c.over(&c.world.Assignments[i])
	}
}

// over makes the steps of a role over the directory, or over one object of it.
func (c *climber) over(a *world.Assignment) {
	r := c.roles[a.Role]
	if r == nil || a.Condition != "" || !c.active(a) {
		return
	}
	_, err := gatehouse.ParseGUID(a.Scope.Name())
	one := inDirectory(a.Scope) && err == nil
	for _, way := range []struct {
		action string
		kind   gatehouse.PrincipalType
		how    string
	}{{membersOf, gatehouse.Group, "may join"}, {credentialsOf, gatehouse.ServicePrincipal, "may set a secret of"}, {usersOf, gatehouse.User, "may reset the password of"}} {
		if !r.grants(way.action, true) {
			continue
		}
		for i := range c.world.Principals {
			if p := &c.world.Principals[i]; p.Type == way.kind && p.Kind != "ManagedIdentity" && (!one || a.Scope.Name() == p.ID.String()) {
				c.edge(a.Principal, step{point{principal: p.ID}, way.how, true, a})
			}
		}
	}
}

// identities makes the steps to managed identities: from those who may attach one to a machine of theirs, or trust their own issuer in its place.
func (c *climber) identities() {
	at := map[gatehouse.Scope][]backward{}
	c.each(func(a *world.Assignment) {
		r := c.roles[a.Role]
		if r == nil {
			return
		}
		switch {
		case r.grants(assignIdentity, false):
			at[a.Scope] = append(at[a.Scope], backward{a.Principal, step{how: "may attach, and so act as,", gain: true, by: a}})
		case r.grants(federate, false):
			at[a.Scope] = append(at[a.Scope], backward{a.Principal, step{how: "may federate with, and so act as,", gain: true, by: a}})
		}
	})
	for i := range c.world.Principals {
		p := &c.world.Principals[i]
		s, err := gatehouse.ParseScope(p.Resource)
		if p.Resource == "" || err != nil || !strings.HasPrefix(gatehouse.Fold(s.Type()), "microsoft.managedidentity/") {
			continue
		}
		for _, above := range c.chain(s) {
			for _, b := range at[above] {
				b.to = point{principal: p.ID}
				c.edge(b.from, b.step)
			}
		}
	}
}
