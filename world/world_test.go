package world

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/rbac"
)

const (
	ada   = "aaaaaaaa-0000-0000-0000-000000000001"
	grace = "aaaaaaaa-0000-0000-0000-000000000002"
	team  = "bbbbbbbb-0000-0000-0000-000000000001"
	sub   = "/subscriptions/cccccccc-0000-0000-0000-000000000001"
)

func parse(t *testing.T, text string) *World {
	t.Helper()
	w, err := Parse("world.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func allowed(w *World, principal, action, scope string, data bool) bool {
	now := w.Now
	if now.IsZero() {
		now = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	}
	return rbac.New(w.Engine()).Decide(&gatehouse.Request{Principal: gatehouse.MustGUID(principal), Action: action, Data: data, Scope: gatehouse.MustScope(scope), Now: now}).Allowed
}

// TestShapes reads the same world in the shapes that az, Resource Manager and PowerShell print.
func TestShapes(t *testing.T) {
	for name, text := range map[string]string{
		"az": `{"roleDefinitions": [{"assignableScopes": ["` + sub + `"], "description": "", "id": "` + sub + `/providers/Microsoft.Authorization/roleDefinitions/dddddddd-0000-0000-0000-000000000001",
			"name": "dddddddd-0000-0000-0000-000000000001", "roleName": "Writer", "roleType": "CustomRole", "type": "Microsoft.Authorization/roleDefinitions",
			"permissions": [{"actions": ["Microsoft.ApiManagement/service/*/write"], "notActions": [], "dataActions": [], "notDataActions": []}]}],
			"roleAssignments": [{"id": "` + sub + `/providers/Microsoft.Authorization/roleAssignments/eeeeeeee-0000-0000-0000-000000000001", "name": "eeeeeeee-0000-0000-0000-000000000001",
			"principalId": "` + team + `", "principalName": "team", "principalType": "Group", "roleDefinitionId": "` + sub + `/providers/Microsoft.Authorization/roleDefinitions/dddddddd-0000-0000-0000-000000000001",
			"roleDefinitionName": "Writer", "scope": "` + sub + `", "condition": null, "createdOn": "2026-01-10T08:20:27.000713+00:00"}],
			"groups": [{"id": "` + team + `", "displayName": "team", "members": [{"@odata.type": "#microsoft.graph.user", "id": "` + ada + `", "userPrincipalName": "ada@contoso.com", "displayName": "Ada"}]}]}`,
		"arm": `
roleDefinitions:
  value:
  - id: ` + sub + `/providers/Microsoft.Authorization/roleDefinitions/dddddddd-0000-0000-0000-000000000001
    name: dddddddd-0000-0000-0000-000000000001
    type: Microsoft.Authorization/roleDefinitions
    properties:
      roleName: Writer
      type: CustomRole
      assignableScopes: [` + sub + `]
      permissions:
      - actions: [Microsoft.ApiManagement/service/*/write]
roleAssignments:
- id: ` + sub + `/providers/Microsoft.Authorization/roleAssignments/eeeeeeee-0000-0000-0000-000000000001
  properties: {principalId: ` + team + `, principalType: Group, roleDefinitionId: ` + sub + `/providers/Microsoft.Authorization/roleDefinitions/dddddddd-0000-0000-0000-000000000001}
users:
- {id: ` + ada + `, userPrincipalName: ada@contoso.com, displayName: Ada}
groups:
- {id: ` + team + `, displayName: team, members: [ada@contoso.com]}
`,
		"powershell": `{"RoleDefinitions": [{"Name": "Writer", "Id": "dddddddd-0000-0000-0000-000000000001", "IsCustom": true, "Description": "", "Actions": ["Microsoft.ApiManagement/service/*/write"],
			"NotActions": [], "DataActions": [], "NotDataActions": [], "AssignableScopes": ["` + sub + `"]}],
			"RoleAssignments": [{"RoleAssignmentName": "eeeeeeee-0000-0000-0000-000000000001", "RoleAssignmentId": "` + sub + `/providers/Microsoft.Authorization/roleAssignments/eeeeeeee-0000-0000-0000-000000000001",
			"Scope": "` + sub + `", "DisplayName": "team", "SignInName": null, "RoleDefinitionName": "Writer", "RoleDefinitionId": "dddddddd-0000-0000-0000-000000000001", "ObjectId": "` + team + `", "ObjectType": "Group"}],
			"Groups": [{"Id": "` + team + `", "DisplayName": "team", "Members": [{"Id": "` + ada + `", "UserPrincipalName": "ada@contoso.com"}]}]}`,
	} {
		w := parse(t, text)
		if !allowed(w, ada, "Microsoft.ApiManagement/service/apis/write", sub+"/resourceGroups/rg", false) || allowed(w, grace, "Microsoft.ApiManagement/service/apis/write", sub, false) ||
			allowed(w, ada, "Microsoft.ApiManagement/service/apis/read", sub, false) {
			t.Errorf("%s: decides otherwise", name)
		}
		if a := w.Assignments; len(a) != 1 || a[0].ID.String() != "eeeeeeee-0000-0000-0000-000000000001" || a[0].PrincipalType != gatehouse.Group || w.Spell(a[0].Scope) != sub {
			t.Errorf("%s: assignments %+v", name, a)
		}
		if who, err := w.FindPrincipal("ADA@contoso.com"); err != nil || who.String() != ada {
			t.Errorf("%s: ada is %v, %v", name, who, err)
		}
		if r, err := w.FindRole("writer"); err != nil || w.Role(r).Type != gatehouse.CustomRole {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWindows: a start is inclusive, an end exclusive.
func TestWindows(t *testing.T) {
	for now, want := range map[string]bool{"2026-01-01T00:00:00Z": true, "2025-12-31T23:59:59.9999999Z": false, "2026-02-01T00:00:00Z": false, "2026-01-31T23:59:59Z": true, "2026-01-01T01:00:00+01:00": true} {
		w := parse(t, "now: "+now+"\nroleAssignments: [{scope: "+sub+", roleDefinitionName: Reader, principalId: "+ada+", startDateTime: 2026-01-01T00:00:00Z, endDateTime: '2026-02-01'}]")
		if got := allowed(w, ada, "Microsoft.ApiManagement/service/read", sub, false); got != want {
			t.Errorf("at %s: %v", now, got)
		}
	}
}

// TestEveryone: the zero GUID of a deny assignment is everyone; the hierarchy carries it down.
func TestEveryone(t *testing.T) {
	w := parse(t, `
roleAssignments: [{scope: /, roleDefinitionId: Owner, principalId: `+ada+`}, {scope: /, roleDefinitionId: Owner, principalId: `+grace+`}]
denyAssignments:
- name: frozen
  scope: /providers/Microsoft.Management/managementGroups/prod
  permissions: [{actions: ["*/delete"]}]
  principals: [{id: 00000000-0000-0000-0000-000000000000, type: SystemDefined}]
  excludePrincipals: [{id: `+grace+`, type: User}]
hierarchy: {managementGroups: {prod: corp}, subscriptions: {cccccccc-0000-0000-0000-000000000001: prod}}
`)
	if allowed(w, ada, "X/delete", sub, false) || !allowed(w, ada, "X/delete", "/subscriptions/other", false) || !allowed(w, grace, "X/delete", sub, false) || !allowed(w, ada, "X/write", sub, false) {
		t.Errorf("%+v", w.Denies)
	}
	if len(w.Eligibilities) != 0 || w.Label(w.Denies[0].ID) != "frozen" {
		t.Errorf("%+v", w.Denies)
	}
}

// TestFaults: every fault names its place, in JSON and in YAML.
func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"roleAssignments": [}`: `w:1:22: this is not JSON: '}' starts no value`,
		"roleAssignments:\n- scope: /\n  principalId: " + ada + "\n  roleDefinitionName: Raeder": `w:4:3: there is no role "Raeder", neither in this world nor among the built-in ones; give its GUID or its definition`,
		"roleAssignments:\n- principalId: " + ada + "\n  roleDefinitionName: Reader":             `w:2:3: scope is missing; write a resource ID, or / for the tenant root`,
		"roleAssignment: []":      `w:1:1: a world has no member "roleAssignment"; did you mean roleAssignments?`,
		"{\n  \"now\": \"noon\"}": `w:2:3: now: "noon" is not a time; write it like 2026-01-31T12:00:00Z`,
		"roleDefinitions:\n- name: x\n  roleName: x\n  permissions:\n  - actions: '*'\n    notaction: []": `w:6:5: a permission has no member "notaction"`,
		"groups:\n  name: 1\n": `w:1:1: groups has to be a list; it is an object`,
		"a: [":                 `w:1:1: this is not YAML`,
		"":                     `w:1:1: the document is empty`,
		"text":                 `w:1:1: a world is an object or a list as az prints one; this is a string`,
		`[{"x": 1}]`:           `w:1:2: entry 0 is none of what az prints`,
		"users: [{id: 1, displayName: Ann, userPrincipalName: a@x}, {id: 2, displayName: Ann, userPrincipalName: b@x}]\nroleAssignments: [{scope: /, roleDefinitionName: Reader, principalName: ann}]": `w:2:58: "ann" may mean several: a@x (User `,
		"hierarchy: {subs: {}}": `w:1:13: a hierarchy has no member "subs"`,
		"roleAssignments: [{scope: subscriptions, principalId: x, roleDefinitionId: Reader}]": `w:1:20: scope: "subscriptions" is not a resource ID`,
	} {
		_, err := Parse("w", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestRoundTrip writes random worlds and reads them back, in both formats.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 1)))
		for _, f := range []Format{JSON, YAML} {
			b, err := w.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse("w", b)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, b)
			}
			was, is := reflect.ValueOf(*normal(w)), reflect.ValueOf(*normal(got))
			for i := range was.NumField() {
				if x, y := was.Field(i).Interface(), is.Field(i).Interface(); !reflect.DeepEqual(x, y) {
					t.Fatalf("seed %d, %s:\n%s\n%s reads as\n%#v\nwas\n%#v", seed, f, b, was.Type().Field(i).Name, y, x)
				}
			}
			again, _ := got.Marshal(f)
			if string(again) != string(b) {
				t.Fatalf("seed %d: written again as\n%s\nwas\n%s", seed, again, b)
			}
		}
	}
}

// normal is a world with what does not bear on it taken out: nil and empty lists are
// one, and shipped roles stand last.
func normal(w *World) *World {
	c := *w
	c.Roles = nil
	for _, r := range w.Roles {
		if !asShipped(r) {
			c.Roles = append(c.Roles, r)
		}
	}
	if len(c.Labels) == 0 {
		c.Labels = nil
	}
	if len(c.Spelling) == 0 {
		c.Spelling = nil
	}
	if len(c.Parents) == 0 {
		c.Parents = nil
	}
	return &c
}

func randomWorld(r *rand.Rand) *World {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	guid := func(space string, n int) gatehouse.GUID {
		return gatehouse.NameGUID(labelSpace, space+string(rune('a'+r.IntN(n))))
	}
	when := func() (t time.Time) {
		if r.IntN(2) == 0 {
			t = time.Date(2026, 1, 1+r.IntN(28), r.IntN(24), 0, r.IntN(60), 100*r.IntN(1e7), time.UTC)
		}
		return t
	}
	w := &World{Now: when(), Complete: r.IntN(2) == 0, Spelling: map[gatehouse.Scope]string{}, Labels: map[gatehouse.GUID]string{}, Parents: map[gatehouse.Scope]gatehouse.Scope{}}
	scope := func() gatehouse.Scope {
		id := gatehouse.MustID(pick("/", sub, sub+"/resourceGroups/Rg-Apis", "/providers/Microsoft.Management/managementGroups/Corp", sub+"/resourceGroups/Rg-Apis/providers/Microsoft.ApiManagement/service/contoso"))
		if id.Scope().String() != id.String() {
			w.Spelling[id.Scope()] = id.String()
		}
		return id.Scope()
	}
	some := func() []string {
		out := []string{}
		for range r.IntN(3) {
			out = append(out, pick("*", "*/read", "X/write", "yes", "2026-01-01", "a: b", "#", "é\n\"'\t", " lead", "~", "1e3", "0x1f", "\u2028"))
		}
		return out
	}
	permissions := func() (out []gatehouse.Permission) {
		for range 1 + r.IntN(2) {
			out = append(out, gatehouse.Permission{Actions: some(), NotActions: some(), DataActions: some(), NotDataActions: some(), Condition: pick("", "@Resource[x] StringEquals 'y'\nAND TRUE")})
		}
		return out
	}
	add := func(id gatehouse.GUID) gatehouse.GUID { return id }
	people, groups := map[gatehouse.GUID]bool{}, 0
	for range r.IntN(6) {
		p := Principal{ID: guid("p", 20), Type: gatehouse.PrincipalType(pick("User", "Group", "ServicePrincipal")), Name: pick("ada@contoso.com", "null", "Team A", "12"), Disabled: r.IntN(4) == 0}
		if people[p.ID] {
			continue
		}
		people[p.ID] = true
		switch p.Type {
		case gatehouse.User:
			p.Display, p.Mail = pick("", "Ada"), pick("", "mail@x")
		case gatehouse.ServicePrincipal:
			p.AppID, p.Kind = pick("", guid("app", 5).String()), pick("", "Application", "ManagedIdentity")
			if r.IntN(2) == 0 {
				p.Secrets = []Secret{{guid("s", 9).String(), pick("", "ci"), "password", when(), when()}, {guid("s", 9).String(), "c", "certificate", when(), when()}}
			}
		case gatehouse.Group:
			groups++
			p.Members = append(p.Members, guid("m", 1))
		}
		if r.IntN(3) == 0 {
			p.Attributes = map[string]any{"Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Project": pick("Baker", "true"), "n": int64(r.IntN(9)), "l": []any{"a", int64(1)}, "b": true}
		}
		w.Principals = append(w.Principals, p)
	}
	sortPrincipals(w.Principals)
	seen := map[gatehouse.GUID]bool{}
	for range r.IntN(4) {
		id := guid("r", 9)
		if !seen[id] {
			seen[id] = true
			role := gatehouse.RoleDefinition{ID: id, Name: pick("Writer", "on"), Type: gatehouse.CustomRole, Description: pick("", "does: things"), Permissions: permissions()}
			for range r.IntN(2) {
				role.AssignableScopes = append(role.AssignableScopes, scope())
			}
			w.Roles = append(w.Roles, role)
		}
	}
	for range r.IntN(5) {
		a := Assignment{RoleAssignment: gatehouse.RoleAssignment{ID: gatehouse.NameGUID(labelSpace, string(rune(r.Uint32()%60000))), Scope: scope(), Principal: add(guid("p", 20)), Role: guid("r", 9), Condition: pick("", "TRUE"), Start: when(), End: when()},
			PrincipalType: gatehouse.PrincipalType(pick("User", "Group")), Description: pick("", "why"), CreatedOn: when(), CreatedBy: pick("", "ada")}
		if r.IntN(4) == 0 {
			w.Eligibilities = append(w.Eligibilities, a)
		} else {
			w.Assignments = append(w.Assignments, a)
		}
	}
	for range r.IntN(2) {
		w.Denies = append(w.Denies, gatehouse.DenyAssignment{ID: guid("d", 99), Name: pick("frozen", "0"), Scope: scope(), Permissions: permissions(), Principals: []gatehouse.GUID{{}, guid("p", 20)},
			ExceptChildScopes: r.IntN(2) == 0, Audit: r.IntN(2) == 0, SystemProtected: r.IntN(2) == 0, Condition: pick("", "TRUE")})
	}
	if r.IntN(2) == 0 {
		dev, corp := gatehouse.MustID("/providers/Microsoft.Management/managementGroups/dev"), gatehouse.MustID("/providers/Microsoft.Management/managementGroups/Corp")
		w.Spelling[dev.Scope()], w.Spelling[corp.Scope()] = dev.String(), corp.String()
		w.Parents[dev.Scope()], w.Parents[gatehouse.MustScope(sub)] = corp.Scope(), dev.Scope()
	}
	return w
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("roleAssignments: [{scope: /, roleDefinitionName: Reader, principalId: x}]\ngroups: [{id: g, members: [x, g]}]\nhierarchy: {subscriptions: {a: b}}"))
	f.Add([]byte(`{"roleDefinitions": [{"Name": "x", "Actions": ["*"]}], "denyAssignments": [{"name": "d", "scope": "/", "permissions": [], "principals": ["everyone"]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := Parse("w", b)
		if err != nil {
			return
		}
		out, err := w.Marshal(YAML)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse("w", out); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}
