package rbac

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

// dice makes worlds from a seed: few names, so that things meet; look-alike names,
// odd casing, circles, and every feature of the model now and then.
type dice struct {
	*rand.Rand
}

func newDice(seed uint64) *dice { return &dice{Rand: rand.New(rand.NewPCG(seed, 1))} }

func (d *dice) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *dice, from ...T) T { return from[d.IntN(len(from))] }

func (d *dice) some(n int, f func() string) (out []string) {
	for range n {
		out = append(out, f())
	}
	return out
}

func (d *dice) casing(s string) string {
	if d.chance(70) {
		return s
	}
	return pick(d, strings.ToUpper(s), strings.ToLower(s))
}

func guid(space string, n int) gatehouse.GUID {
	return gatehouse.NameGUID(gatehouse.GUID{}, fmt.Sprint(space, n))
}

func (d *dice) principal() gatehouse.GUID {
	if d.chance(2) {
		return gatehouse.GUID{}
	}
	return pick(d, guid("user", d.IntN(5)), guid("group", d.IntN(6)), guid("app", d.IntN(2)))
}

func (d *dice) managementGroup() gatehouse.Scope {
	return gatehouse.MustScope("/providers/Microsoft.Management/managementGroups/" + d.casing(pick(d, "mg", "mg1", "mg10", "top")))
}

func (d *dice) subscription() gatehouse.Scope {
	return gatehouse.MustScope("/subscriptions/" + d.casing(pick(d, "s1", "s10", "s2")))
}

func (d *dice) scope() gatehouse.Scope {
	switch d.IntN(12) {
	case 0:
		return gatehouse.Scope{}
	case 1:
		return d.managementGroup()
	case 2:
		return gatehouse.MustScope("/providers/Microsoft.Graph/directory/" + pick(d, "main", "main/groups/g"))
	}
	text := "/subscriptions/" + pick(d, "s1", "s1", "s1", "s10", "s2")
	for _, part := range []string{
		"/resourceGroups/" + pick(d, "rg1", "rg1", "rg1", "rg10", "RG1"),
		"/providers/Microsoft.ApiManagement/service/" + pick(d, "apim", "apim", "apim", "apim2"),
		"/apis/" + pick(d, "calc", "calc", "calc", "calculator", "calc;rev=2"),
		"/operations/" + pick(d, "add", "add", "sub"),
		"/providers/Microsoft.Authorization/roleAssignments/" + pick(d, "x", "y"),
	} {
		if d.chance(28) {
			break
		}
		text += part
	}
	return gatehouse.MustScope(d.casing(text))
}

func (d *dice) action() string {
	return d.casing(pick(d, "Microsoft.ApiManagement/service/apis/read", "Microsoft.ApiManagement/service/apis/write",
		"Microsoft.ApiManagement/service/read", "Microsoft.ApiManagement/service/apis/operations/read",
		"Microsoft.ApiManagement/service/apisByTags/read", "Microsoft.Authorization/roleAssignments/write",
		"Microsoft.Authorization/roleAssignments/read", "Microsoft.Resources/tags/write", "Other/unlisted/read"))
}

func (d *dice) pattern() string {
	return d.casing(pick(d, "*", "*", "*/read", "Microsoft.ApiManagement/service/*", "Microsoft.ApiManagement/service/*/read",
		"Microsoft.ApiManagement/service/apis/*", "Microsoft.ApiManagement/service/apis/*/read", "Microsoft.Authorization/*/Write",
		"Microsoft.Authorization/roleAssignments/write", "*/write", "Microsoft.*/service/*/*/read", d.action()))
}

func (d *dice) condition(percent int) string {
	if !d.chance(percent) {
		return ""
	}
	return pick(d, "@Request[role] GuidEquals 11111111-1111-1111-1111-111111111111",
		"!(ActionMatches{'*/write'}) OR @Request[kind] ForAnyOfAnyValues:StringEqualsIgnoreCase {'User', 'Group'}",
		"@Environment[UtcNow] DateTimeLessThan '2026-06-01T00:00:00Z'", "SubOperationMatches{'list'}", "NOT Exists @Resource[tag]",
		"@Resource[tag] StringLike 'pro*'", "@Resource[tag] GuidEquals @Request[role]", "this does not parse")
}

func (d *dice) permission(conditions int) gatehouse.Permission {
	return gatehouse.Permission{
		Actions: d.some(1+d.IntN(2), d.pattern), NotActions: d.some(max(0, d.IntN(4)-2), d.pattern),
		DataActions: d.some(max(0, d.IntN(3)-1), d.pattern), NotDataActions: d.some(max(0, d.IntN(4)-2), d.pattern),
		Condition: d.condition(conditions),
	}
}

func (d *dice) permissions(conditions int) (out []gatehouse.Permission) {
	for range 1 + max(0, d.IntN(4)-2) {
		out = append(out, d.permission(conditions))
	}
	return out
}

var day = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

func (d *dice) time() time.Time { return day.AddDate(0, d.IntN(3), 0) }

func (d *dice) role() gatehouse.RoleDefinition {
	n := d.IntN(8)
	return gatehouse.RoleDefinition{ID: guid("role", n), Name: fmt.Sprint("Role ", n), Permissions: d.permissions(8)}
}

func (d *dice) assignment() gatehouse.RoleAssignment {
	a := gatehouse.RoleAssignment{ID: guid("assignment", d.IntN(1000)), Scope: d.scope(), Principal: d.principal(), Role: guid("role", d.IntN(9)), Condition: d.condition(20)}
	if d.chance(15) {
		a.Start = d.time()
	}
	if d.chance(15) {
		a.End = d.time()
	}
	return a
}

func (d *dice) deny() gatehouse.DenyAssignment {
	x := gatehouse.DenyAssignment{ID: guid("deny", d.IntN(100)), Name: "deny", Scope: d.scope(), Permissions: d.permissions(15), Audit: d.chance(15), ExceptChildScopes: d.chance(25), Condition: d.condition(15)}
	for range 1 + d.IntN(2) {
		x.Principals = append(x.Principals, pick(d, gatehouse.GUID{}, d.principal(), d.principal()))
	}
	for range d.IntN(3) {
		x.ExcludePrincipals = append(x.ExcludePrincipals, d.principal())
	}
	return x
}

func (d *dice) member() Membership {
	return Membership{pick(d, guid("group", d.IntN(6)), d.principal()), d.principal()}
}

func (d *dice) parent() (child, parent gatehouse.Scope) {
	return pick(d, d.managementGroup(), d.subscription(), d.subscription(), d.scope()), pick(d, d.managementGroup(), d.managementGroup(), d.managementGroup(), d.scope())
}

func (d *dice) world() World {
	w := World{Parents: map[gatehouse.Scope]gatehouse.Scope{}}
	for range d.IntN(25) {
		w.Roles = append(w.Roles, d.role())
	}
	for range pick(d, 3, 10, 25, 50, 50) {
		w.Assignments = append(w.Assignments, d.assignment())
	}
	for range max(0, d.IntN(8)-3) {
		w.Denies = append(w.Denies, d.deny())
	}
	for range d.IntN(12) {
		w.Members = append(w.Members, d.member())
	}
	for range d.IntN(6) {
		child, parent := d.parent()
		w.Parents[child] = parent
	}
	for range d.IntN(8) {
		w.Actions = append(w.Actions, d.action())
	}
	return w
}

func (d *dice) request() gatehouse.Request {
	r := gatehouse.Request{Principal: d.principal(), Action: d.action(), Data: d.chance(20), Scope: d.scope(), Now: d.time()}
	if d.chance(3) {
		r.Principal = guid("stranger", 0)
	}
	if d.chance(20) {
		r.SubOperation = pick(d, "list", "LIST", "other")
	}
	if d.chance(60) {
		r.Attributes = &gatehouse.Attributes{
			Request:  map[string]any{"role": pick[any](d, gatehouse.MustGUID("11111111-1111-1111-1111-111111111111"), "11111111111111111111111111111111", guid("x", 1)), "Kind": pick(d, "user", "ServicePrincipal")},
			Resource: map[string]any{"tag": pick(d, "production", "test")},
		}
	}
	return r
}

// settled is a world without second entries for the same thing: what an oracle can
// read without knowing which of two counts.
func settled(w World) World {
	out := World{Members: w.Members, Parents: w.Parents, Actions: w.Actions}
	for i, r := range w.Roles {
		if !slices.ContainsFunc(w.Roles[i+1:], func(o gatehouse.RoleDefinition) bool { return o.ID == r.ID }) {
			out.Roles = append(out.Roles, r)
		}
	}
	for i, a := range w.Assignments {
		if !slices.ContainsFunc(w.Assignments[i+1:], func(o gatehouse.RoleAssignment) bool { return o.ID == a.ID && o.Scope == a.Scope }) {
			out.Assignments = append(out.Assignments, a)
		}
	}
	for i, d := range w.Denies {
		if !slices.ContainsFunc(w.Denies[i+1:], func(o gatehouse.DenyAssignment) bool { return o.ID == d.ID && o.Scope == d.Scope }) {
			out.Denies = append(out.Denies, d)
		}
	}
	return out
}

// compare asks a Snapshot and the oracle the same and reports where they disagree.
func compare(t *testing.T, s *Snapshot, o oracle, r *gatehouse.Request) {
	t.Helper()
	d, want := s.Decide(r), o.decide(r)
	if d.Allowed != want.Allowed || d.Code != want.Code || d.Conditional != want.Conditional {
		t.Fatalf("Decide(%+v) = %+v, the oracle says %+v", r, d, want)
	}
	x := s.Explain(r)
	if x.Decision != d {
		t.Fatalf("Explain(%+v).Decision = %+v, Decide says %+v", r, x.Decision, d)
	}
	compareReasons(t, o, r, x)
	if got, want := texts(x.Chain), o.ancestors(r.Scope); !slices.Equal(got, want) {
		t.Fatalf("Ancestors(%s) = %v, the oracle says %v", r.Scope, got, want)
	}
	if got, want := x.Groups, o.groups(r.Principal); !slices.Equal(got, want) {
		t.Fatalf("Groups(%s) = %v, the oracle says %v", r.Principal, got, want)
	}
	var permissions []string
	for _, p := range s.Permissions(r.Principal, r.Scope, r.Now) {
		permissions = append(permissions, fmt.Sprint(p))
	}
	slices.Sort(permissions)
	if want := o.permissions(r.Principal, r.Scope, r.Now); !slices.Equal(permissions, want) {
		t.Fatalf("Permissions(%+v) = %q, the oracle says %q", r, permissions, want)
	}
	if got, want := s.Visible(r.Principal, r.Scope, r.Now), o.visible(r.Principal, r.Scope, r.Now); got != want {
		t.Fatalf("Visible(%+v) = %v, the oracle says %v", r, got, want)
	}
}

func texts(scopes []gatehouse.Scope) (out []string) {
	for _, s := range scopes {
		out = append(out, s.String())
	}
	return out
}

func compareReasons(t *testing.T, o oracle, r *gatehouse.Request, x Explanation) {
	t.Helper()
	var got []string
	granted, denied := false, false
	for _, reason := range slices.Concat(x.Reasons, x.Near) {
		got = append(got, string(reason.Kind)+" "+reason.Assignment.String())
		granted = granted || reason.Assignment == x.Decision.Grant && reason.Role == x.Decision.Role && reason.Kind == Allows
		denied = denied || reason.Assignment == x.Decision.Deny && reason.Kind == Denies
		comparePath(t, o, r, reason)
	}
	slices.Sort(got)
	if want := o.reasons(r); !slices.Equal(got, want) {
		t.Fatalf("Explain(%+v):\n%s\nthe oracle says:\n%s\nin %+v", r, strings.Join(got, "\n"), strings.Join(want, "\n"), o.w)
	}
	if granted != !x.Decision.Grant.IsZero() || denied != !x.Decision.Deny.IsZero() {
		t.Fatalf("Explain(%+v): the decision %+v names what its reasons do not: %+v", r, x.Decision, x.Reasons)
	}
}

// comparePath checks that a path is made of memberships and starts at the caller.
func comparePath(t *testing.T, o oracle, r *gatehouse.Request, reason Reason) {
	t.Helper()
	everyone := reason.Deny && len(reason.Path) == 1 && reason.Path[0].IsZero()
	if everyone || reason.Kind == Downward {
		return
	}
	if len(reason.Path) == 0 || reason.Path[0] != r.Principal {
		t.Fatalf("Explain(%+v): path %v of %+v does not start at the caller", r, reason.Path, reason)
	}
	checkSteps(t, o, reason.Path)
}

func checkSteps(t *testing.T, o oracle, path []gatehouse.GUID) {
	t.Helper()
	for i := range path[1:] {
		if !slices.Contains(o.w.Members, Membership{path[i+1], path[i]}) {
			t.Fatalf("path %v: %s is not a direct member of %s", path, path[i], path[i+1])
		}
	}
}

// compareWhoCan holds WhoCan to its definition: what Decide says about everyone.
func compareWhoCan(t *testing.T, s *Snapshot, o oracle, r *gatehouse.Request) {
	t.Helper()
	q := WhoCanRequest{Action: r.Action, Data: r.Data, Scope: r.Scope, SubOperation: r.SubOperation, Attributes: r.Attributes, Now: r.Now}
	holders := s.WhoCan(q)
	var got, want []gatehouse.GUID
	for _, h := range holders {
		got = append(got, h.Principal)
		if h.Path[0] != h.Principal {
			t.Fatalf("WhoCan(%+v): path %v does not start at %s", q, h.Path, h.Principal)
		}
		checkSteps(t, o, h.Path)
		a, ok := s.Assignment(h.Scope, h.Grant)
		if !ok || a.Principal != h.Path[len(h.Path)-1] || a.Role != h.Role {
			t.Fatalf("WhoCan(%+v): %+v rests on %+v", q, h, a)
		}
	}
	for _, p := range o.people() {
		ask := *r
		ask.Principal = p
		if o.decide(&ask).Allowed {
			want = append(want, p)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("WhoCan(%+v) = %v, the oracle says %v", q, got, want)
	}
	q.PrincipalAttributes = func(gatehouse.GUID) map[string]any {
		if r.Attributes == nil {
			return nil
		}
		return r.Attributes.Principal
	}
	if each := s.WhoCan(q); len(each) != len(holders) {
		t.Fatalf("WhoCan(%+v) with attributes of each: %v, without: %v", q, each, holders)
	}
}

func TestAgainstOracle(t *testing.T) {
	worlds, questions := 400, 60
	if testing.Short() {
		worlds = 100
	}
	for seed := range uint64(worlds) {
		d := newDice(seed)
		w := settled(d.world())
		s, o := New(w), oracle{w}
		if seed%2 == 1 {
			s = build(w, hashKeys{}) // hashes hardly anything, so that paths collide
		}
		for i := range questions {
			r := d.request()
			compare(t, s, o, &r)
			if i%12 == 0 {
				compareWhoCan(t, s, o, &r)
			}
		}
	}
}
