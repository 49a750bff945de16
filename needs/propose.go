package needs

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/world"
)

// Proposal is the role to assign at one scope.
type Proposal struct {
	Scope   gatehouse.ID `json:"scope"`
	Actions []string     `json:"actions"`
	// BuiltIn is the built-in role that holds all of it and least besides, where one does; Surplus is what it holds besides.
	BuiltIn string   `json:"builtIn,omitempty"`
	Surplus []string `json:"surplus,omitempty"`
	Near    bool     `json:"near"` // the built-in role is near enough to take
	Custom  *Role    `json:"custom,omitempty"`
}

// Role is a custom role in the form that az takes.
type Role struct {
	Name             string
	IsCustom         bool
	Description      string
	Actions          []string
	NotActions       []string
	DataActions      []string
	NotDataActions   []string
	AssignableScopes []string
}

// Propose names the smallest role for each place: a built-in one that holds at most a quarter more than is needed, three
// actions at least, or else a custom one.
func (r *Requirements) Propose(name string) (out []Proposal) {
	for _, p := range r.Places() {
		one := Proposal{Scope: p.Scope, Actions: p.Actions}
		one.BuiltIn, one.Surplus = smallest(p.Actions)
		one.Near = one.BuiltIn != "" && len(one.Surplus) <= max(3, len(p.Actions)/4)
		if !one.Near {
			one.Custom = &Role{Name: name, IsCustom: true, Description: "What " + name + " needs at " + p.Scope.Name() + ", and no more.", Actions: p.Actions,
				NotActions: []string{}, DataActions: []string{}, NotDataActions: []string{}, AssignableScopes: []string{assignable(p.Scope).String()}}
		}
		out = append(out, one)
	}
	for i := range out {
		if len(out) > 1 && out[i].Custom != nil {
			out[i].Custom.Name = name + " (" + out[i].Scope.Name() + ")"
		}
	}
	return out
}

// assignable is the resource group of a scope, below which Azure makes no role assignable, or the scope itself.
func assignable(id gatehouse.ID) gatehouse.ID {
	group, ok := id.Scope().ResourceGroup()
	for ok && id.Scope() != group {
		id = id.Parent()
	}
	return id
}

// smallest is the built-in role that holds all actions without condition, and the known ones that it holds besides.
func smallest(actions []string) (name string, surplus []string) {
	least := -1
	for _, r := range builtin.Roles() {
		if slices.ContainsFunc(r.Permissions, func(p gatehouse.Permission) bool { return p.Condition != "" }) ||
			slices.ContainsFunc(actions, func(a string) bool { return !holds(&r, a) }) {
			continue
		}
		if more := beyond(&r, actions); least < 0 || len(more) < least {
			name, surplus, least = r.Name, more, len(more)
		}
	}
	return name, surplus
}

func holds(r *gatehouse.RoleDefinition, action string) bool {
	return slices.ContainsFunc(r.Permissions, func(p gatehouse.Permission) bool { return matches(p.Actions, action) && !matches(p.NotActions, action) })
}

func matches(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return gatehouse.NewPattern(p).Match(action) })
}

// beyond lists the known actions that a role holds and that are not needed: those that change something first.
func beyond(r *gatehouse.RoleDefinition, needed []string) (out []string) {
	for _, o := range builtin.Operations() {
		if !o.Data && holds(r, o.Name) && !slices.ContainsFunc(needed, func(n string) bool { return gatehouse.EqualFold(n, o.Name) }) {
			out = append(out, o.Name)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(reads(a), reads(b)) })
	return out
}

func reads(action string) int {
	if strings.HasSuffix(action, "/read") {
		return 1
	}
	return 0
}

// Comparison is what a principal lacks and has too much.
type Comparison struct {
	Principal string   `json:"principal"`
	Missing   []Need   `json:"missing"`
	Excess    []Excess `json:"excess"`
}

// Excess is a grant that holds more than is needed.
type Excess struct {
	Role       string         `json:"role"`
	Scope      string         `json:"scope"`
	Through    string         `json:"through,omitempty"` // a group
	Assignment gatehouse.GUID `json:"assignmentId"`
	Used       int            `json:"used"` // needed actions that it holds
	Surplus    []string       `json:"surplus"`
}

// Compare sets the needs beside what a principal has in a world at a moment.
func (r *Requirements) Compare(w *world.World, who gatehouse.GUID, now time.Time) Comparison {
	s := rbac.New(w.Engine())
	c := Comparison{Missing: []Need{}, Excess: []Excess{}}
	for _, n := range r.Needs {
		if !s.Decide(&gatehouse.Request{Principal: who, Action: n.Action, Data: n.Data, Scope: n.Scope.Scope(), Now: now}).Allowed {
			c.Missing = append(c.Missing, n)
		}
	}
	var names = map[gatehouse.GUID]string{}
	for i := range w.Principals {
		names[w.Principals[i].ID] = w.Principals[i].Title()
	}
	c.Principal = orElse(names[who], who.String())
	for _, holder := range append([]gatehouse.GUID{who}, s.Groups(who)...) {
		for a := range s.AssignmentsOf(holder) {
			e, ok := r.excess(s, w, &a, now)
			if !ok {
				continue
			}
			if holder != who {
				e.Through = orElse(names[holder], holder.String())
			}
			c.Excess = append(c.Excess, e)
		}
	}
	slices.SortFunc(c.Excess, func(a, b Excess) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Through, b.Through))
	})
	return c
}

func (r *Requirements) excess(s *rbac.Snapshot, w *world.World, a *gatehouse.RoleAssignment, now time.Time) (e Excess, ok bool) {
	role, ok := s.Role(a.Role)
	if !ok || !a.End.IsZero() && !now.Before(a.End) {
		return e, false
	}
	if _, directory := builtin.DirectoryRole(a.Role); directory {
		return e, false
	}
	var used []string
	for _, n := range r.Needs {
		if !slices.Contains(used, n.Action) && holds(&role, n.Action) && s.Under(n.Scope.Scope(), a.Scope) {
			used = append(used, n.Action)
		}
	}
	e = Excess{Role: role.Name, Scope: w.Spell(a.Scope), Assignment: a.ID, Used: len(used), Surplus: beyond(&role, used)}
	return e, len(e.Surplus) > 0
}
