package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/rbac"
)

const (
	assignments = 100_000
	users       = 20_000
	groups      = 2_000
)

var verbs = []string{"read", "write", "delete"}

var kinds = []string{"service", "service/workspaces", "service/workspaces/apis", "service/workspaces/apis/operations", "service/products"}

var roles = [][]string{
	{"Microsoft.ApiManagement/*"},
	{"*/read"},
	{"Microsoft.ApiManagement/service/*", "Microsoft.Authorization/*/read"},
	{"Microsoft.ApiManagement/service/workspaces/*/read", "Microsoft.ApiManagement/service/read"},
	{"Microsoft.ApiManagement/service/workspaces/apis/*"},
	{"Microsoft.ApiManagement/service/products/write", "Microsoft.ApiManagement/service/products/delete"},
}

// names is the world in words, which every engine gets in its own form.
type names struct {
	*rand.Rand
	world   rbac.World
	actions []string
	users   []gatehouse.GUID
	groups  []gatehouse.GUID
}

func guid(kind string, n int) gatehouse.GUID {
	return gatehouse.NameGUID(gatehouse.GUID{}, fmt.Sprint(kind, n))
}

func newNames() *names {
	w := &names{Rand: rand.New(rand.NewPCG(1, 1))}
	for _, k := range kinds {
		for _, v := range verbs {
			w.actions = append(w.actions, "Microsoft.ApiManagement/"+k+"/"+v)
		}
	}
	w.world.Actions = w.actions
	for i, actions := range roles {
		w.world.Roles = append(w.world.Roles, gatehouse.RoleDefinition{ID: guid("role", i), Permissions: []gatehouse.Permission{{Actions: actions}}})
	}
	for i := range groups {
		w.groups = append(w.groups, guid("group", i))
		for range 2 + i%2 {
			if i >= groups/5 {
				w.world.Members = append(w.world.Members, rbac.Membership{Group: w.groups[w.IntN(groups/5)], Member: w.groups[i]})
			}
		}
	}
	for i := range users {
		w.users = append(w.users, guid("user", i))
		for range 3 {
			w.world.Members = append(w.world.Members, rbac.Membership{Group: w.groups[groups/5+w.IntN(groups*4/5)], Member: w.users[i]})
		}
	}
	for i := range assignments {
		a := gatehouse.RoleAssignment{ID: guid("assignment", i), Principal: w.users[w.IntN(users)], Role: w.world.Roles[w.IntN(len(roles))].ID, Scope: w.scope(1 + w.IntN(8))}
		if w.IntN(10) == 0 {
			a.Principal = w.groups[w.IntN(groups)]
		}
		w.world.Assignments = append(w.world.Assignments, a)
	}
	return w
}

func (w *names) scope(depth int) gatehouse.Scope {
	return gatehouse.MustScope(strings.Join([]string{
		"/subscriptions/" + guid("subscription", w.IntN(20)).String(),
		fmt.Sprintf("/resourceGroups/rg-%d", w.IntN(10)),
		fmt.Sprintf("/providers/Microsoft.ApiManagement/service/apim-%d", w.IntN(3)),
		fmt.Sprintf("/workspaces/team-%d", w.IntN(4)),
		fmt.Sprintf("/apis/orders-%d", w.IntN(8)),
		fmt.Sprintf("/operations/get-%d", w.IntN(10)),
		"/policies/policy",
		fmt.Sprintf("/fragments/f%d", w.IntN(2)),
	}[:depth], ""))
}

func (w *names) request() gatehouse.Request {
	return gatehouse.Request{Principal: w.users[w.IntN(users)], Action: w.actions[w.IntN(len(w.actions))], Scope: w.scope(8), Now: time.Unix(0, 0)}
}

// likely is a request that a role assignment of the principal may well allow.
func (w *names) likely() gatehouse.Request {
	a := w.world.Assignments[w.IntN(assignments)]
	r := w.request()
	r.Principal, r.Scope = a.Principal, a.Scope
	return r
}
