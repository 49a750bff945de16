package access

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/rbac/builtin"
	"gatehouse/world"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func guid(space string, n int) gatehouse.GUID {
	return gatehouse.NameGUID(gatehouse.GUID{}, fmt.Sprint(space, n))
}

type dice struct{ *rand.Rand }

func one[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

func (d dice) principal() gatehouse.GUID {
	return one(d, guid("user", d.IntN(6)), guid("group", d.IntN(5)), guid("app", 0))
}

func (d dice) scope() gatehouse.Scope {
	text := one(d, "", "/providers/Microsoft.Management/managementGroups/top", "/subscriptions/s1", "/subscriptions/s1", "/subscriptions/s1", "/subscriptions/s2")
	if text != "/subscriptions/s1" {
		return gatehouse.MustScope(text + one(d, ""))
	}
	for _, part := range []string{"/resourceGroups/" + one(d, "rg1", "rg1", "rg10"), "/providers/Microsoft.ApiManagement/service/" + one(d, "apim", "apim", "apim2"),
		"/apis/" + one(d, "calc", "calculator", "calc;rev=2")} {
		if d.IntN(4) == 0 {
			break
		}
		text += part
	}
	return gatehouse.MustScope(text)
}

var asked = []string{"Microsoft.ApiManagement/service/read", "Microsoft.ApiManagement/service/apis/read", "Microsoft.ApiManagement/service/apis/write",
	"Microsoft.ApiManagement/service/apis/delete", "Microsoft.Authorization/roleAssignments/write", "Microsoft.ApiManagement/service/subscriptions/listSecrets/action"}

func (d dice) window() (start, end time.Time) {
	switch d.IntN(8) {
	case 0:
		start = now.Add(time.Hour)
	case 1:
		end = now.Add(-time.Hour)
	case 2:
		start, end = now, now.Add(time.Hour)
	}
	return start, end
}

func (d dice) permissions() []gatehouse.Permission {
	p := gatehouse.Permission{Actions: []string{one(d, append(asked, "*", "*/read", "Microsoft.ApiManagement/*", "Microsoft.ApiManagement/service/apis/*")...)}}
	if d.IntN(4) == 0 {
		p.NotActions = []string{one(d, append(asked, "*/delete")...)}
	}
	return []gatehouse.Permission{p}
}

func (d dice) world() *world.World {
	w := &world.World{Now: now, Complete: d.IntN(2) == 0, Parents: map[gatehouse.Scope]gatehouse.Scope{
		gatehouse.MustScope("/subscriptions/s1"): gatehouse.MustScope("/providers/Microsoft.Management/managementGroups/top")}}
	for i := range 5 {
		r := gatehouse.RoleDefinition{ID: guid("role", i), Name: fmt.Sprint("Role ", i), Type: gatehouse.CustomRole, Permissions: d.permissions()}
		if d.IntN(3) == 0 {
			r.AssignableScopes = []gatehouse.Scope{d.scope()}
		}
		w.Roles = append(w.Roles, r)
	}
	for i := range 4 + d.IntN(8) {
		a := world.Assignment{RoleAssignment: gatehouse.RoleAssignment{ID: guid("assignment", i), Scope: d.scope(), Principal: d.principal(), Role: guid("role", d.IntN(6))}}
		a.Start, a.End = d.window()
		if d.IntN(6) == 0 {
			a.Condition = one(d, "@Request[a] StringEquals 'x'", "@Principal[b] StringEquals 'y'", "nonsense", "!(ActionMatches{'*/read'})")
		}
		if i%5 == 4 {
			w.Eligibilities = append(w.Eligibilities, a)
		} else {
			w.Assignments = append(w.Assignments, a)
		}
	}
	for i := range d.IntN(3) {
		w.Denies = append(w.Denies, gatehouse.DenyAssignment{ID: guid("deny", i), Name: fmt.Sprint("Deny ", i), Scope: d.scope(), Permissions: d.permissions(),
			Principals: []gatehouse.GUID{one(d, gatehouse.GUID{}, d.principal())}, ExcludePrincipals: []gatehouse.GUID{d.principal()}, ExceptChildScopes: d.IntN(4) == 0,
			SystemProtected: d.IntN(5) == 0, Audit: d.IntN(6) == 0})
	}
	for i := range 6 {
		p := world.Principal{ID: guid("user", i), Type: gatehouse.User, Name: fmt.Sprintf("user%d@contoso.example", i)}
		if d.IntN(3) == 0 {
			p.Attributes = map[string]any{"b": one(d, "y", "z")}
		}
		if i > 0 || !w.Complete {
			w.Principals = append(w.Principals, p)
		}
	}
	for i := range 5 {
		g := world.Principal{ID: guid("group", i), Type: gatehouse.Group, Name: fmt.Sprint("group", i)}
		for range d.IntN(4) {
			g.Members = append(g.Members, d.principal())
		}
		w.Principals = append(w.Principals, g)
	}
	w.Principals = append(w.Principals, world.Principal{ID: guid("app", 0), Type: gatehouse.ServicePrincipal, Display: "app"})
	return w
}

// TestAgree: on random worlds explain, can-i, who-can, what-can and Decide say the
// same, every proposed change flips the answer, and an allowed answer names its grant.
func TestAgree(t *testing.T) {
	changes := 0
	for seed := range uint64(150) {
		d := dice{rand.New(rand.NewPCG(seed, 4))}
		w := d.world()
		v := Of(w, now)
		for range 12 {
			q := Question{Principal: d.principal(), Action: one(d, asked...), Scope: d.scope()}
			if d.IntN(4) == 0 {
				q.Attributes = &gatehouse.Attributes{Request: map[string]any{"a": "x"}}
			}
			changes += agree(t, v, q, seed)
		}
	}
	if changes < 400 {
		t.Errorf("only %d changes were proposed", changes)
	}
}

func agree(t *testing.T, v *View, q Question, seed uint64) int {
	t.Helper()
	want := v.Snapshot.Decide(v.request(q))
	e := v.Explain(q)
	if e.Allowed != want.Allowed || e.Code != want.Code {
		t.Fatalf("world %d: %+v: Explain says %v %s, Decide %+v", seed, q, e.Allowed, e.Code, want)
	}
	if e.Allowed && len(e.Grants) == 0 || !e.Allowed && e.Code == gatehouse.DenyAssignmentAuthorizationFailed && len(e.Denies) == 0 {
		t.Fatalf("world %d: %+v: no reason given: %+v", seed, q, e)
	}
	if !e.Allowed && len(e.Diagnoses) == 0 {
		t.Fatalf("world %d: %+v: no diagnosis: %+v", seed, q, e)
	}
	if c := v.CanI(q); c.Allowed != want.Allowed {
		t.Fatalf("world %d: %+v: CanI says %v", seed, q, c.Allowed)
	}
	for _, c := range e.Changes {
		if !v.Snapshot.Apply(c.updates...).Decide(v.request(q)).Allowed {
			t.Fatalf("world %d: %+v: the change %q does not help", seed, q, c.Text)
		}
		group := c.to != q.Principal || e.Principal.Type == string(gatehouse.Group) // may be empty
		if c.Opens.Actions < 1 || c.Opens.People < 1 && !c.Opens.Everyone && !group || len(c.Az) == 0 || len(c.Az) != len(c.Commands) {
			t.Fatalf("world %d: %+v: the change %q opens %+v by %q", seed, q, c.Text, c.Opens, c.Az)
		}
	}
	listed := false
	for _, h := range v.WhoCan(q, true).Holders {
		listed = listed || h.ID == q.Principal
	}
	_, known := v.Principal(q.Principal)
	if listed != (want.Allowed && (known || !v.Complete)) {
		t.Fatalf("world %d: %+v: WhoCan lists it: %v, Decide %v", seed, q, listed, want.Allowed)
	}
	if q.Attributes == nil {
		what := v.WhatCan(q.Principal, &q.Scope)
		if contains(what.Actions, Act{q.Action, q.Data}) != want.Allowed {
			t.Fatalf("world %d: %+v: WhatCan differs from Decide: %v", seed, q, want.Allowed)
		}
	}
	return len(e.Changes)
}

// TestHidden: what may not be read is in no answer, only its count.
func TestHidden(t *testing.T) {
	for seed := range uint64(100) {
		d := dice{rand.New(rand.NewPCG(seed, 5))}
		v := Of(d.world(), now)
		v.Reads = func(gatehouse.Scope) bool { return false }
		v.Nameless, v.Self = true, guid("user", 1)
		for range 8 {
			q := Question{Principal: d.principal(), Action: one(d, asked...), Scope: d.scope()}
			e := v.Explain(q)
			if len(e.Grants)+len(e.Denies)+len(e.Near) > 0 {
				t.Fatalf("world %d: shown: %+v", seed, e)
			}
			for _, c := range e.Changes {
				if c.Kind != AssignRole || len(c.By) > 0 {
					t.Fatalf("world %d: a change gives away what is assigned: %+v", seed, c)
				}
			}
			for _, d := range e.Diagnoses {
				if !contains([]Code{NoAssignment, UnknownAction, DeletedPrincipal, DisabledAccount, CustomRoleScope}, d.Code) {
					t.Fatalf("world %d: a diagnosis gives away what is assigned: %+v", seed, d)
				}
			}
			if w := v.WhoCan(q, true); len(w.Holders) > 0 {
				t.Fatalf("world %d: holders are shown", seed)
			}
			if w := v.WhatCan(q.Principal, nil); len(w.Holds)+len(w.Denies) > 0 {
				t.Fatalf("world %d: what somebody holds is shown", seed)
			}
		}
	}
}

// estate is an organisation of 100,000 assignments and 20,000 people in nested groups.
func estate() *View {
	d := dice{rand.New(rand.NewPCG(1, 1))}
	w := &world.World{Now: now, Roles: builtin.Roles(), Complete: true, Parents: map[gatehouse.Scope]gatehouse.Scope{}}
	for i := range 400 {
		w.Parents[gatehouse.MustScope("/subscriptions/"+guid("sub", i).String())] = gatehouse.MustScope(fmt.Sprint("/providers/Microsoft.Management/managementGroups/mg", i%20))
	}
	const users, groups = 20_000, 2_000
	for i := range users {
		w.Principals = append(w.Principals, world.Principal{ID: guid("user", i), Type: gatehouse.User, Name: fmt.Sprintf("user%d@contoso.example", i)})
	}
	for i := range groups {
		g := world.Principal{ID: guid("group", i), Type: gatehouse.Group, Display: fmt.Sprint("group ", i)}
		for range 25 {
			g.Members = append(g.Members, guid("user", d.IntN(users)))
		}
		if i < groups/5 {
			g.Members = append(g.Members, guid("group", groups/5+d.IntN(groups-groups/5)), guid("group", groups/5+d.IntN(groups-groups/5)))
		}
		w.Principals = append(w.Principals, g)
	}
	for i := range 100_000 {
		a := world.Assignment{RoleAssignment: gatehouse.RoleAssignment{ID: guid("assignment", i), Scope: estateScope(d), Principal: guid("user", d.IntN(users)), Role: one(d, w.Roles...).ID}}
		if i%10 == 0 {
			a.Principal = guid("group", d.IntN(groups))
		}
		w.Assignments = append(w.Assignments, a)
	}
	return Of(w, now)
}

func estateScope(d dice) gatehouse.Scope {
	text := "/subscriptions/" + guid("sub", d.IntN(400)).String()
	for _, part := range []string{fmt.Sprint("/resourceGroups/rg", d.IntN(20)), fmt.Sprint("/providers/Microsoft.ApiManagement/service/apim", d.IntN(3)), fmt.Sprint("/apis/api", d.IntN(10))} {
		if d.IntN(5) == 0 {
			break
		}
		text += part
	}
	return gatehouse.MustScope(text)
}

func benchmark(b *testing.B, f func(v *View, q Question)) {
	v := estate()
	d := dice{rand.New(rand.NewPCG(2, 2))}
	questions := make([]Question, 512)
	for i := range questions {
		questions[i] = Question{Principal: guid("user", d.IntN(20_000)), Action: one(d, asked...), Scope: estateScope(d)}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f(v, questions[i%len(questions)])
		i++
	}
}

func BenchmarkExplain(b *testing.B) { benchmark(b, func(v *View, q Question) { v.Explain(q) }) }
func BenchmarkWhoCan(b *testing.B)  { benchmark(b, func(v *View, q Question) { v.WhoCan(q, false) }) }
func BenchmarkWhatCan(b *testing.B) {
	benchmark(b, func(v *View, q Question) { v.WhatCan(q.Principal, &q.Scope) })
}
