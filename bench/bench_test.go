package bench

import (
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"

	"gatehouse"
	"gatehouse/rbac"
)

// engine answers a request.
type engine func(*gatehouse.Request) bool

var world = sync.OnceValue(newNames)

var gate = sync.OnceValue(func() engine {
	s := rbac.New(world().world)
	return func(r *gatehouse.Request) bool { return s.Decide(r).Allowed }
})

const casbinModel = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, role
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && under(r.obj, p.obj) && permits(p.role, r.act)
`

// newCasbin states role assignments as policies and memberships as roles, which Casbin follows transitively.
var newCasbin = sync.OnceValue(func() engine {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		panic(err)
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		panic(err)
	}
	patterns := map[string][]gatehouse.Pattern{}
	for _, r := range world().world.Roles {
		for _, a := range r.Permissions[0].Actions {
			patterns[r.ID.String()] = append(patterns[r.ID.String()], gatehouse.NewPattern(a))
		}
	}
	e.AddFunction("under", func(args ...any) (any, error) {
		at, above := args[0].(string), args[1].(string)
		return strings.HasPrefix(at, above) && (len(at) == len(above) || at[len(above)] == '/'), nil
	})
	e.AddFunction("permits", func(args ...any) (any, error) {
		for _, p := range patterns[args[0].(string)] {
			if p.Match(args[1].(string)) {
				return true, nil
			}
		}
		return false, nil
	})
	var policies, members [][]string
	for _, a := range world().world.Assignments {
		policies = append(policies, []string{a.Principal.String(), a.Scope.String(), a.Role.String()})
	}
	seen := map[rbac.Membership]bool{}
	for _, x := range world().world.Members {
		if !seen[x] {
			members = append(members, []string{x.Member.String(), x.Group.String()})
		}
		seen[x] = true
	}
	if _, err := e.AddPoliciesEx(policies); err != nil {
		panic(err)
	}
	if _, err := e.AddGroupingPoliciesEx(members); err != nil {
		panic(err)
	}
	return func(r *gatehouse.Request) bool {
		ok, err := e.Enforce(r.Principal.String(), r.Scope.String(), r.Action)
		if err != nil {
			panic(err)
		}
		return ok
	}
})

// entities makes scopes and actions known to Cedar: a scope lies in its parent, an
// action in the roles that hold it.
type entities map[types.EntityUID]types.Entity

func (e entities) Get(id types.EntityUID) (types.Entity, bool) {
	if x, ok := e[id]; ok || id.Type != "Scope" {
		return x, ok
	}
	e.learn(gatehouse.MustScope(string(id.ID)))
	return e[id], true
}

// learn keeps a scope and all above it, so that Cedar parses none twice.
func (e entities) learn(s gatehouse.Scope) {
	id := scopeUID(s)
	for _, known := e[id]; !known; _, known = e[id] {
		x := types.Entity{UID: id}
		if !s.IsRoot() {
			s = s.Parent()
			x.Parents = cedar.NewEntityUIDSet(scopeUID(s))
		}
		e[id] = x
		id = scopeUID(s)
	}
}

func scopeUID(s gatehouse.Scope) types.EntityUID {
	return cedar.NewEntityUID("Scope", types.String(s.String()))
}

// slice is the policies of the caller and its groups.
type slice [][]*cedar.Policy

func (s slice) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, policies := range s {
			for _, p := range policies {
				if !yield("", p) {
					return
				}
			}
		}
	}
}

var newCedar = sync.OnceValue(func() engine {
	w := world()
	known := entities{}
	for _, action := range w.actions {
		var in []types.EntityUID
		for _, r := range w.world.Roles {
			for _, a := range r.Permissions[0].Actions {
				if gatehouse.NewPattern(a).Match(action) {
					in = append(in, cedar.NewEntityUID("Action", types.String(r.ID.String())))
				}
			}
		}
		id := cedar.NewEntityUID("Action", types.String(action))
		known[id] = types.Entity{UID: id, Parents: cedar.NewEntityUIDSet(in...)}
	}
	for _, a := range w.world.Assignments {
		known.learn(a.Scope)
	}
	of := map[gatehouse.GUID][]*cedar.Policy{}
	for _, a := range w.world.Assignments {
		p := ast.Permit().ActionIn(cedar.NewEntityUID("Action", types.String(a.Role.String()))).ResourceIn(scopeUID(a.Scope))
		of[a.Principal] = append(of[a.Principal], cedar.NewPolicyFromAST(p))
	}
	s := rbac.New(rbac.World{Members: w.world.Members})
	groupsOf := map[gatehouse.GUID][]gatehouse.GUID{}
	for _, p := range append(w.users, w.groups...) {
		groupsOf[p] = s.Groups(p)
	}
	return func(r *gatehouse.Request) bool {
		policies := slice{of[r.Principal]}
		for _, g := range groupsOf[r.Principal] {
			policies = append(policies, of[g])
		}
		d, _ := cedar.Authorize(policies, known, cedar.Request{
			Principal: cedar.NewEntityUID("User", types.String(r.Principal.String())),
			Action:    cedar.NewEntityUID("Action", types.String(r.Action)),
			Resource:  scopeUID(r.Scope),
		})
		return d == cedar.Allow
	}
})

// All engines answer alike, or their times say nothing.
func TestAgree(t *testing.T) {
	allowed := 0
	for i := range 60 {
		r := world().request()
		if i%2 == 0 {
			r = world().likely()
		}
		want := gate()(&r)
		if want {
			allowed++
		}
		if got := newCasbin()(&r); got != want {
			t.Errorf("Casbin says %v to %+v", got, r)
		}
		if got := newCedar()(&r); got != want {
			t.Errorf("Cedar says %v to %+v", got, r)
		}
	}
	if allowed < 10 || allowed > 50 {
		t.Errorf("%d of 60 allowed", allowed)
	}
}

func benchmark(b *testing.B, e engine, learn bool) {
	var requests []gatehouse.Request
	for range 4096 {
		requests = append(requests, world().request())
	}
	for i := range requests {
		if learn {
			e(&requests[i])
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e(&requests[i%len(requests)])
		i++
	}
}

func BenchmarkGatehouse(b *testing.B) { benchmark(b, gate(), true) }
func BenchmarkCedar(b *testing.B)     { benchmark(b, newCedar(), true) }
func BenchmarkCasbin(b *testing.B)    { benchmark(b, newCasbin(), false) }
