package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/world"
)

// Denied is what a deny assignment takes away from a way of access.
type Denied struct {
	Name   string `json:"name"`
	Scope  string `json:"scope"`
	Takes  int    `json:"takes"`            // so many of the role's actions
	Within bool   `json:"within,omitempty"` // at a part of the scope only
	If     string `json:"if,omitempty"`     // only while this condition holds
}

// String is a Denied in words.
func (d Denied) String() string {
	s := fmt.Sprintf("%s at %s: %d actions", d.Name, d.Scope, d.Takes)
	if d.Within {
		s += " at a part"
	}
	if d.If != "" {
		s += " under a condition"
	}
	return s
}

// denials find what deny assignments take away. Sets of actions are made once each.
type denials struct {
	w       *world.World
	s       *rbac.Snapshot
	actions []builtin.Operation
	role    map[gatehouse.GUID][]bool
	deny    map[int][]bool // by place in w.Denies
	at      map[gatehouse.Scope][]reach
}

// reach is a deny assignment that bears on a scope.
type reach struct {
	deny   int
	within bool
}

func newDenials(w *world.World, s *rbac.Snapshot) *denials {
	return &denials{w: w, s: s, actions: builtin.Operations(), role: map[gatehouse.GUID][]bool{}, deny: map[int][]bool{}, at: map[gatehouse.Scope][]reach{}}
}

// mark completes a way of access: how many known actions the role has, which of them are
// left at the scope, and what took the others.
func (d *denials) mark(a *Access, who, role gatehouse.GUID, scope gatehouse.Scope) {
	granted := d.granted(role)
	left := slices.Clone(granted)
	a.Actions, a.Left = count(granted), 0
	var mine []gatehouse.GUID
	for _, r := range d.reaching(scope) {
		x := &d.w.Denies[r.deny]
		if mine == nil {
			mine = append(d.s.Groups(who), who)
		}
		if !named(x.Principals, mine, true) || named(x.ExcludePrincipals, mine, false) {
			continue
		}
		takes := 0
		for i, denied := range d.denied(r.deny) {
			if denied && granted[i] {
				takes++
				left[i] = left[i] && (r.within || x.Condition != "")
			}
		}
		if takes > 0 {
			a.Denied = append(a.Denied, Denied{Name: cmp.Or(x.Name, x.ID.String()), Scope: d.w.Spell(x.Scope), Takes: takes, Within: r.within, If: x.Condition})
		}
	}
	a.Left = count(left)
}

func named(list, of []gatehouse.GUID, everyone bool) bool {
	return slices.ContainsFunc(list, func(g gatehouse.GUID) bool { return everyone && g.IsZero() || slices.Contains(of, g) })
}

func count(set []bool) (n int) {
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}

// reaching are the deny assignments that are enforced at a scope or at a part of it.
func (d *denials) reaching(scope gatehouse.Scope) []reach {
	list, ok := d.at[scope]
	if ok {
		return list
	}
	for i := range d.w.Denies {
		x := &d.w.Denies[i]
		switch {
		case x.Audit:
		case x.Scope == scope:
			list = append(list, reach{i, x.ExceptChildScopes})
		case d.s.Under(scope, x.Scope):
			if !x.ExceptChildScopes {
				list = append(list, reach{i, false})
			}
		case d.s.Under(x.Scope, scope):
			list = append(list, reach{i, true})
		}
	}
	d.at[scope] = list
	return list
}

func (d *denials) granted(role gatehouse.GUID) []bool {
	set, ok := d.role[role]
	if !ok {
		set = make([]bool, len(d.actions))
		for i, o := range d.actions {
			set[i] = d.s.Permits(role, o.Name, o.Data)
		}
		d.role[role] = set
	}
	return set
}

func (d *denials) denied(n int) []bool {
	set, ok := d.deny[n]
	if !ok {
		set = make([]bool, len(d.actions))
		for i, o := range d.actions {
			set[i] = slices.ContainsFunc(d.w.Denies[n].Permissions, func(p gatehouse.Permission) bool {
				if o.Data {
					return matches(p.DataActions, o.Name) && !matches(p.NotDataActions, o.Name)
				}
				return matches(p.Actions, o.Name) && !matches(p.NotActions, o.Name)
			})
		}
		d.deny[n] = set
	}
	return set
}

func matches(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return gatehouse.NewPattern(p).Match(action) })
}

// DeniedBy is what was taken away, in words.
func (a Access) DeniedBy() string {
	parts := make([]string, len(a.Denied))
	for i, d := range a.Denied {
		parts[i] = d.String()
	}
	return strings.Join(parts, "; ")
}
