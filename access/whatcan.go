package access

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// WhatCan is what a principal may do: at a scope, or all that it holds.
type WhatCan struct {
	Principal Who     `json:"principal"`
	Scope     *Where  `json:"scope,omitempty"` // none: everywhere
	Holds     []Held  `json:"holds"`
	Denies    []Held  `json:"denies"`
	Actions   []Act   `json:"actions,omitzero"` // known operations that it may do at the scope
	Gains     []Act   `json:"gains,omitzero"`   // what the other principal may and this one not
	Loses     []Act   `json:"loses,omitzero"`   // what this one may and the other not
	Other     *Who    `json:"other,omitempty"`  // the principal compared with
	Groups    []Group `json:"groups"`
	Hidden    int     `json:"hidden"`
}

// Held is a role or deny assignment that a principal has, itself or through groups.
type Held struct {
	Role       *Role          `json:"role,omitempty"`
	Name       string         `json:"name,omitempty"` // of a deny assignment
	Assignment gatehouse.GUID `json:"assignment"`
	Scope      Where          `json:"scope"`
	Path       []Who          `json:"path"`
	Condition  string         `json:"condition,omitempty"`
	State      string         `json:"state"`   // active, notStarted, expired, eligible, roleDeleted
	Actions    int            `json:"actions"` // known operations of the role
}

// Act is a known operation.
type Act struct {
	Name string `json:"name"`
	Data bool   `json:"dataAction,omitempty"`
}

// WhatCan answers what a principal may do. Without a scope it lists what the principal
// holds in the whole tenant; with one it adds the known operations that Decide allows
// there without attributes of a request.
func (v *View) WhatCan(principal gatehouse.GUID, scope *gatehouse.Scope) *WhatCan {
	out := &WhatCan{Principal: v.who(principal), Holds: []Held{}, Denies: []Held{}, Groups: []Group{}}
	groups := v.Snapshot.Groups(principal)
	for _, g := range groups {
		if !v.Nameless || principal == v.Self {
			out.Groups = append(out.Groups, Group{v.who(g), v.path(v.Snapshot.GroupPath(principal, g))})
		}
	}
	slices.SortFunc(out.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(len(a.Path), len(b.Path)), strings.Compare(a.String(), b.String()))
	})
	var chain []gatehouse.Scope
	if scope != nil {
		at := v.where(*scope)
		out.Scope, chain = &at, v.Snapshot.Ancestors(*scope)
	}
	in := func(s gatehouse.Scope) bool { return scope == nil || contains(chain, s) }
	for _, holder := range append([]gatehouse.GUID{principal}, groups...) {
		for a := range v.Snapshot.AssignmentsOf(holder) {
			v.hold(out, principal, a, in, v.state(a))
		}
		for _, a := range v.Eligible {
			if a.Principal == holder {
				v.hold(out, principal, a.RoleAssignment, in, "eligible")
			}
		}
	}
	slices.SortFunc(out.Holds, compareHeld)
	v.denies(out, principal, groups, scope)
	if scope != nil {
		out.Actions = v.acts(principal, *scope)
	}
	return out
}

func compareHeld(a, b Held) int {
	return cmp.Or(strings.Compare(a.Scope.ID, b.Scope.ID), strings.Compare(a.title(), b.title()), strings.Compare(a.Assignment.String(), b.Assignment.String()))
}

func (h *Held) title() string {
	if h.Role != nil {
		return h.Role.Name
	}
	return h.Name
}

func (v *View) state(a gatehouse.RoleAssignment) string {
	_, exists := v.Snapshot.Role(a.Role)
	switch {
	case !exists:
		return "roleDeleted"
	case !a.Start.IsZero() && v.Now.Before(a.Start):
		return "notStarted"
	case !a.End.IsZero() && !v.Now.Before(a.End):
		return "expired"
	}
	return "active"
}

func (v *View) hold(out *WhatCan, principal gatehouse.GUID, a gatehouse.RoleAssignment, in func(gatehouse.Scope) bool, state string) {
	if !in(a.Scope) {
		return
	}
	if !v.reads(a.Scope) {
		out.Hidden++
		return
	}
	actions, _ := v.Snapshot.Breadth(a.Role)
	out.Holds = append(out.Holds, Held{Role: &Role{a.Role, v.roleName(a.Role)}, Assignment: a.ID, Scope: v.where(a.Scope), Path: v.path(v.way(principal, a.Principal)),
		Condition: a.Condition, State: state, Actions: actions})
}

func (v *View) way(from, to gatehouse.GUID) []gatehouse.GUID {
	if from == to {
		return []gatehouse.GUID{from}
	}
	return v.Snapshot.GroupPath(from, to)
}

func (v *View) denies(out *WhatCan, principal gatehouse.GUID, groups []gatehouse.GUID, scope *gatehouse.Scope) {
	at, reach := gatehouse.Scope{}, rbac.At|rbac.Below
	if scope != nil {
		at, reach = *scope, rbac.At|rbac.Above
	}
	mine := func(id gatehouse.GUID) bool { return id == principal || contains(groups, id) }
	for d := range v.Snapshot.Denies(at, reach) {
		everyone := contains(d.Principals, gatehouse.GUID{})
		i := slices.IndexFunc(d.Principals, mine)
		if d.ExceptChildScopes && scope != nil && d.Scope != *scope {
			continue // it holds at its own scope alone
		}
		if d.Audit || !everyone && i < 0 || slices.ContainsFunc(d.ExcludePrincipals, mine) {
			continue
		}
		if !v.reads(d.Scope) {
			out.Hidden++
			continue
		}
		path := []Who{v.who(gatehouse.GUID{})}
		if i >= 0 {
			path = v.path(v.way(principal, d.Principals[i]))
		}
		out.Denies = append(out.Denies, Held{Name: d.Name, Assignment: d.ID, Scope: v.where(d.Scope), Path: path, Condition: d.Condition, State: "active"})
	}
	slices.SortFunc(out.Denies, compareHeld)
}

// acts are the known operations that are allowed at a scope.
func (v *View) acts(principal gatehouse.GUID, scope gatehouse.Scope) []Act {
	r := v.request(Question{Principal: principal, Scope: scope})
	out := []Act{}
	for _, o := range builtin.Operations() {
		r.Action, r.Data = o.Name, o.Data
		if v.Snapshot.Decide(r).Allowed {
			out = append(out, Act{o.Name, o.Data})
		}
	}
	return out
}

// Compare is WhatCan of a principal with what another may beside it. It needs a scope
// and defaults to the root.
func (v *View) Compare(principal, other gatehouse.GUID, scope *gatehouse.Scope) *WhatCan {
	if scope == nil {
		scope = &gatehouse.Scope{}
	}
	out := v.WhatCan(principal, scope)
	who := v.who(other)
	out.Other = &who
	theirs := v.acts(other, *scope)
	out.Gains, out.Loses = without(theirs, out.Actions), without(out.Actions, theirs)
	return out
}

func without(a, b []Act) []Act {
	have := make(map[Act]bool, len(b))
	for _, x := range b {
		have[x] = true
	}
	out := []Act{}
	for _, x := range a {
		if !have[x] {
			out = append(out, x)
		}
	}
	return out
}
