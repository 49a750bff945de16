package needs

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac/builtin"
)

// Need is one permission that is asked for at one scope.
type Need struct {
	Action string       `json:"action"`
	Data   bool         `json:"isDataAction,omitempty"`
	Scope  gatehouse.ID `json:"scope"`
	For    []string     `json:"for"` // what asks for it, as in "azurerm_api_management_api.orders (create)"
}

// Requirements are all the permissions that something needs.
type Requirements struct {
	Kind    string   `json:"kind"` // Terraform plan, ARM template, policy, recording
	Needs   []Need   `json:"needs"`
	Unknown []string `json:"unknown,omitempty"` // what no table knows
	Notes   []string `json:"notes,omitempty"`

	creates map[gatehouse.Scope]bool // what is not there before
	index   map[key]int
}

type key struct {
	action string
	scope  gatehouse.Scope
}

func newRequirements(kind string) *Requirements {
	return &Requirements{Kind: kind, Needs: []Need{}, creates: map[gatehouse.Scope]bool{}, index: map[key]int{}}
}

// add notes a need once, and everything that asks for it.
func (r *Requirements) add(action string, scope gatehouse.ID, why string) {
	action = builtin.Canonical(action)
	k := key{gatehouse.Fold(action), scope.Scope()}
	i, known := r.index[k]
	if !known {
		i = len(r.Needs)
		r.index[k] = i
		r.Needs = append(r.Needs, Need{Action: action, Scope: scope})
	}
	if n := &r.Needs[i]; !slices.Contains(n.For, why) {
		n.For = append(n.For, why)
	}
}

func (r *Requirements) unknown(what string) {
	if !slices.Contains(r.Unknown, what) {
		r.Unknown = append(r.Unknown, what)
	}
}

func (r *Requirements) sort() *Requirements {
	slices.SortStableFunc(r.Needs, func(a, b Need) int {
		return cmp.Or(cmp.Compare(a.Scope.Scope().String(), b.Scope.Scope().String()), cmp.Compare(gatehouse.Fold(a.Action), gatehouse.Fold(b.Action)))
	})
	slices.Sort(r.Unknown)
	return r
}

// anchor is where a role has to be assigned so that it holds for a need: its scope or, where that or something above it
// is yet to be made, the nearest that is there already.
func (r *Requirements) anchor(n *Need) gatehouse.ID {
	out := n.Scope
	for at := n.Scope; !at.IsRoot(); at = at.Parent() {
		if r.creates[at.Scope()] || strings.Contains(at.Name(), "{") && at.Name() != "{subscription}" && at.Name() != "{group}" {
			out = at.Parent()
		}
	}
	return out
}

// Place is the permissions that are needed at one scope, for what is there and what will be made below it.
type Place struct {
	Scope   gatehouse.ID `json:"scope"`
	Actions []string     `json:"actions"`
}

// maxPlaces is how many scopes roles are proposed for before neighbours are taken together.
const maxPlaces = 5

// Places are the narrowest scopes that exist and what is needed there. What is granted above is not repeated below.
func (r *Requirements) Places() []Place {
	at := map[gatehouse.Scope]gatehouse.ID{}
	sets := map[gatehouse.Scope]map[string]bool{}
	put := func(scope gatehouse.ID, action string) {
		s := scope.Scope()
		if sets[s] == nil {
			at[s], sets[s] = scope, map[string]bool{}
		}
		sets[s][action] = true
	}
	for i := range r.Needs {
		put(r.anchor(&r.Needs[i]), r.Needs[i].Action)
	}
	for len(sets) > maxPlaces { // take the deepest up
		deepest := slices.MaxFunc(slices.Collect(maps.Keys(sets)), func(a, b gatehouse.Scope) int {
			return cmp.Or(cmp.Compare(strings.Count(a.String(), "/"), strings.Count(b.String(), "/")), cmp.Compare(a.String(), b.String()))
		})
		parent, actions := at[deepest].Parent(), sets[deepest]
		if parent.IsRoot() {
			break
		}
		delete(sets, deepest)
		for a := range actions {
			put(parent, a)
		}
	}
	var out []Place
	for s, actions := range sets {
		p := Place{Scope: at[s]}
		for a := range actions {
			if !grantedAbove(sets, s, a) {
				p.Actions = append(p.Actions, a)
			}
		}
		if len(p.Actions) > 0 {
			slices.SortFunc(p.Actions, func(a, b string) int { return strings.Compare(gatehouse.Fold(a), gatehouse.Fold(b)) })
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Place) int { return strings.Compare(a.Scope.Scope().String(), b.Scope.Scope().String()) })
	return out
}

func grantedAbove(sets map[gatehouse.Scope]map[string]bool, s gatehouse.Scope, action string) bool {
	for other, actions := range sets {
		if other != s && other.Contains(s) && actions[action] {
			return true
		}
	}
	return false
}
