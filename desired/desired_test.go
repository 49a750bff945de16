package desired

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/world"
)

const subscription = "11111111-1111-1111-1111-111111111111"

func guid(kind byte, n int) gatehouse.GUID {
	return gatehouse.MustGUID(fmt.Sprintf("%c%07x-0000-4000-8000-000000000000", kind, n))
}

var scopes = []string{".", "rg-a", "rg-a/svc", "rg-a/svc/apis/calc", "rg-b"}

// small makes a random world of five people, three groups and two roles.
func small(r *rand.Rand) *world.World {
	w := &world.World{Spelling: map[gatehouse.Scope]string{}}
	for i := range 5 {
		w.Principals = append(w.Principals, world.Principal{ID: guid('a', i), Type: gatehouse.User, Name: fmt.Sprintf("user%d@contoso.example", i)})
	}
	for i := range 3 {
		g := world.Principal{ID: guid('b', i), Type: gatehouse.Group, Name: fmt.Sprintf("group%d", i)}
		for _, m := range r.Perm(5)[:r.IntN(4)] {
			g.Members = append(g.Members, guid('a', m))
		}
		if i > 0 && r.IntN(2) == 0 {
			g.Members = append(g.Members, guid('b', i-1))
		}
		w.Principals = append(w.Principals, g)
	}
	w.Roles = []gatehouse.RoleDefinition{
		{ID: guid('c', 0), Name: "Reader", Type: gatehouse.BuiltInRole, Permissions: []gatehouse.Permission{{Actions: []string{"*/read"}}}, AssignableScopes: []gatehouse.Scope{{}}},
		{ID: guid('c', 1), Name: "Owner", Type: gatehouse.BuiltInRole, Permissions: []gatehouse.Permission{{Actions: []string{"*"}}}, AssignableScopes: []gatehouse.Scope{{}}},
	}
	for i := range r.IntN(8) {
		id, err := Expand(subscription, scopes[r.IntN(len(scopes))])
		if err != nil {
			panic(err)
		}
		w.Spelling[id.Scope()] = id.String()
		who := guid('a', r.IntN(5))
		if r.IntN(2) == 0 {
			who = guid('b', r.IntN(3))
		}
		a := world.Assignment{RoleAssignment: gatehouse.RoleAssignment{ID: guid('d', i), Scope: id.Scope(), Principal: who, Role: guid('c', r.IntN(2))}}
		twice := false
		for _, b := range w.Assignments {
			twice = twice || a.Scope == b.Scope && a.Role == b.Role && a.Principal == b.Principal
		}
		if !twice {
			w.Assignments = append(w.Assignments, a)
		}
	}
	return w
}

// declared makes a random declaration.
func declared(t *testing.T, r *rand.Rand) *Declaration {
	var assignments, groups, roles []object
	seen := map[string]bool{}
	for range r.IntN(5) {
		a := object{"role": []string{"Reader", "Owner", "Own Role"}[r.IntN(3)], "principal": []string{"group0", "group1", "new group", "user0@contoso.example"}[r.IntN(4)], "scope": scopes[r.IntN(len(scopes))]}
		if key := fmt.Sprint(a); !seen[key] {
			seen[key] = true
			assignments = append(assignments, a)
		}
	}
	for _, name := range []string{"group0", "group1", "new group"} {
		g := object{"displayName": name}
		if r.IntN(2) == 0 {
			g["members"] = []string{fmt.Sprintf("user%d@contoso.example", r.IntN(5)), "group2"}
		}
		groups = append(groups, g)
	}
	roles = append(roles, object{"roleName": "Own Role", "assignableScopes": []string{"."}, "permissions": []object{{"actions": []string{"Microsoft.ApiManagement/service/read"}}}})
	doc := object{"roleAssignments": assignments, "groups": groups, "roleDefinitions": roles}
	if r.IntN(3) > 0 {
		doc["governs"] = object{"scopes": []string{scopes[r.IntN(len(scopes))]}, "groups": []string{"group2"}[:r.IntN(2)]}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	f, err := world.Open("random.json", raw)
	d := &Declaration{}
	if err == nil {
		err = d.Read(f)
	}
	if err != nil {
		t.Fatal(err, string(raw))
	}
	return d
}

// TestPlans: for random worlds and declarations, a plan leaves nothing to do, touches nothing that is not
// governed, gives before it takes, and is the same when it is made again.
func TestPlans(t *testing.T) {
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 0))
		w, d := small(r), declared(t, r)
		o := Options{Subscription: subscription, Applier: guid('a', 0), Now: time.Unix(1790000000, 0)}
		p, err := compare(d, w, o)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		again, err := compare(d, w, o)
		if err != nil || string(body(again.plan.Steps)) != string(body(p.plan.Steps)) {
			t.Fatalf("seed %d: another plan for the same: %v", seed, err)
		}
		rest, err := compare(d, p.after, o)
		if err != nil {
			if strings.Contains(err.Error(), "group2") { // it was deleted, and is declared as a member
				continue
			}
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(rest.plan.Steps) > 0 {
			t.Fatalf("seed %d: after the plan there is still to do: %s", seed, body(rest.plan.Steps))
		}
		p.ordered(t, seed)
	}
}

// ordered checks that no step that takes comes before one that gives.
func (p *planner) ordered(t *testing.T, seed uint64) {
	taken := false
	for _, s := range p.plan.Steps {
		if s.Do == "delete" {
			taken = true
			path, _, _ := strings.Cut(s.Call.Path, "?")
			id, _ := gatehouse.ParseGUID(lastSegment(path))
			for _, a := range p.w.Assignments {
				if s.Kind == "roleAssignment" && a.ID == id && !p.governs(a.Scope) {
					t.Errorf("seed %d: %s is not governed", seed, s.Title)
				}
			}
		} else if taken && s.Do == "create" {
			t.Errorf("seed %d: %s comes after something was taken away", seed, s.Title)
		}
	}
}

func (p *planner) governs(s gatehouse.Scope) bool {
	for _, text := range p.d.Governs.Scopes {
		if id, err := Expand(subscription, text); err == nil && id.Scope().Contains(s) {
			return true
		}
	}
	return false
}

// TestShort: what Short says, Expand reads.
func TestShort(t *testing.T) {
	for _, text := range append(scopes, "/", "/providers/Microsoft.Management/managementGroups/mg") {
		id, err := Expand(subscription, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Short(subscription, id.String()); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}
