package check

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/world"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

const tests = `
now: 2026-01-31T12:00:00Z
roleAssignments:
- {name: r1, scope: /subscriptions/s1, roleDefinitionName: Reader, principalId: team}
- {name: r2, scope: /subscriptions/s1/resourceGroups/rg, roleDefinitionName: Contributor, principalId: grace@contoso.com, endDateTime: 2026-01-31T12:00:00Z}
- {name: r3, scope: /subscriptions/s2, roleDefinitionName: Owner, principalId: grace@contoso.com}
denyAssignments:
- {name: frozen, scope: /subscriptions/s1, permissions: [{actions: ["*/delete"]}], principals: [{id: 00000000-0000-0000-0000-000000000000}]}
groups:
- {id: team, members: [ada@contoso.com]}
cases:
- name: a group reads
  request: {principal: {id: ada@contoso.com, type: User}, action: Microsoft.ApiManagement/service/read, scope: /subscriptions/s1}
  expected: Allowed
- name: an end is exclusive
  request: {principal: {id: grace@contoso.com}, action: Microsoft.ApiManagement/service/write, scope: /subscriptions/s1/resourceGroups/rg}
  expected: Allowed
  reason: she is on call
- name: nobody deletes
  request: {principal: {id: grace@contoso.com}, action: Microsoft.ApiManagement/service/delete, scope: /subscriptions/s1/resourceGroups/rg, now: 2026-01-01}
  expected: Denied
- name: both ends of a link
  request:
    principal: ada@contoso.com
    action: Microsoft.ApiManagement/service/read
    scope: /subscriptions/s1
    linkedChecks: [{action: Microsoft.Network/virtualNetworks/subnets/join/action, scope: /subscriptions/s1}]
  expected: Denied
- name: own world
  roleAssignments: [{scope: /, roleDefinitionName: Owner, principalId: x}]
  request: {principal: {id: x}, action: A/b/write, scope: /}
  expected: allowed
`

func run(t *testing.T, coverage bool, texts ...string) *Report {
	t.Helper()
	var files []*world.File
	for i, text := range texts {
		f, err := world.Open(fmt.Sprintf("tests/%d.yaml", i), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	s, err := Load(files, Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	return s.Run(coverage)
}

func TestRun(t *testing.T) {
	r := run(t, true, tests)
	var out bytes.Buffer
	if err := r.Human(&out, false); err != nil {
		t.Fatal(err)
	}
	want := `ok    a group reads
FAIL  an end is exclusive: expected Allowed, got Denied
      because: no role assignment grants it; nearest: role "Contributor" at /subscriptions/s1/resourceGroups/rg did, until 2026-01-31T12:00:00Z
      the test says: she is on call
      at tests/0.yaml:15
ok    nobody deletes
ok    both ends of a link
ok    own world

4 of 5 assignments are exercised by a test; these are not:
  Owner for grace@contoso.com at /subscriptions/s2

4 passed, 1 failed
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if r.Cases[3].Reason != "linked check Microsoft.Network/virtualNetworks/subnets/join/action at /subscriptions/s1: no role assignment grants it" {
		t.Errorf("%q", r.Cases[3].Reason)
	}
	out.Reset()
	if err := r.JUnit(&out); err != nil || xml.Unmarshal(out.Bytes(), new(any)) != nil || strings.Count(out.String(), "<failure") != 1 {
		t.Errorf("%v\n%s", err, out.String())
	}
	out.Reset()
	if err := r.GitHub(&out); err != nil || !strings.HasPrefix(out.String(), "::error file=tests/0.yaml,line=15,title=an end is exclusive::expected Allowed, got Denied: no role") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestApart: world and cases in different files, in the shapes az prints.
func TestApart(t *testing.T) {
	r := run(t, false, `[{"name": "x", "request": {"principal": {"id": "aaaaaaaa-0000-0000-0000-000000000001", "type": "User"}, "action": "A/read", "isDataAction": false, "scope": "/subscriptions/s",
		"attributes": {"request": {}, "resource": null}, "linkedChecks": []}, "expected": "Allowed"}]`,
		`[{"scope": "/subscriptions/s", "principalId": "aaaaaaaa-0000-0000-0000-000000000001", "roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/dddddddd-0000-0000-0000-000000000001"}]`,
		`[{"name": "dddddddd-0000-0000-0000-000000000001", "roleName": "R", "permissions": [{"actions": ["*/read"], "condition": "@Resource[x] StringEquals 'y' OR NOT Exists @Resource[x]"}], "assignableScopes": ["/"]}]`)
	if r.Passed != 1 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
}

// TestFaults: what cannot be read is never a pass.
func TestFaults(t *testing.T) {
	const world1 = "roleAssignments: [{scope: /, roleDefinitionName: Reader, principalId: x}]\n"
	for text, want := range map[string]string{
		"cases: 1": "t.yaml:1:1: cases has to be a list; it is a number",
		"cases: [{expected: Denied, request: {principal: x, action: a/read, scope: /}}]":                               "t.yaml: its cases have no world",
		world1 + "cases: [{expected: Maybe, request: {principal: x, action: a/read, scope: /}}]":                       `t.yaml:2:10: case 1: expected has to be Allowed or Denied; it is "Maybe"`,
		world1 + "cases: [{expected: Denied}]":                                                                         "case 1: a case needs a request",
		world1 + "cases: [{expected: Denied, request: {principal: y, action: a/read, scope: /}}]":                      `case 1: principal: There is no principal "y" in this world.`,
		world1 + "cases: [{expected: Denied, request: {principal: x, action: a/*, scope: /}}]":                         `action has to name one operation`,
		world1 + "cases: [{expected: Denied, request: {principal: x, action: a/read}}]":                                `scope is missing`,
		world1 + "cases: [{expected: Denied, request: {principal: x, action: a/read, scope: /, isDataActoin: true}}]":  `a request has no member "isDataActoin"`,
		world1 + "cases: [{expected: Denied, roleAssignment: [], request: {principal: x, action: a/read, scope: /}}]":  `a case has no member "roleAssignment"; did you mean roleAssignments?`,
		world1 + "cases: [{expected: Denied, request: {principal: x, action: a/read, scope: /, isDataAction: maybe}}]": `isDataAction has to be true or false`,
	} {
		f, err := world.Open("t.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Load([]*world.File{f}, Options{Now: noon}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

// many are cases, with one world for all or one for each.
func many(n int, own bool) []byte {
	var b bytes.Buffer
	b.WriteString(`{"roleAssignments": [`)
	for i := range 2000 {
		fmt.Fprintf(&b, `{"scope": "/subscriptions/s%d/resourceGroups/rg", "principalId": "aaaaaaaa-0000-0000-0000-%012d", "roleDefinitionName": "Reader"},`, i%50, i)
	}
	b.WriteString(`{"scope": "/", "principalId": "x", "roleDefinitionName": "Owner"}], "cases": [`)
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		world := ""
		if own {
			world = fmt.Sprintf(`"world": {"roleDefinitions": [{"name": "dddddddd-0000-0000-0000-%012d", "roleName": "R", "permissions": [{"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []}]}],
				"roleAssignments": [{"scope": "/subscriptions/s", "principalId": "aaaaaaaa-0000-0000-0000-%012d", "roleDefinitionId": "dddddddd-0000-0000-0000-%012d"}]}, `, i, i%2000, i)
		}
		scope := fmt.Sprintf("/subscriptions/s%d/resourceGroups/rg/providers/Microsoft.ApiManagement/service/x", i%50)
		if own {
			scope = "/subscriptions/s/resourceGroups/rg"
		}
		fmt.Fprintf(&b, `{"name": "case %d", %s"request": {"principal": {"id": "aaaaaaaa-0000-0000-0000-%012d", "type": "User"}, "action": "Microsoft.ApiManagement/service/read", "scope": "%s"}, "expected": "Allowed"}`, i, world, i%2000, scope)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// BenchmarkCheck is 10,000 cases from file to result, which have to take under 2 s.
func BenchmarkCheck(b *testing.B) {
	for _, own := range []bool{false, true} {
		b.Run(map[bool]string{false: "one world", true: "worlds of their own"}[own], func(b *testing.B) {
			text := many(10_000, own)
			for b.Loop() {
				f, err := world.Open("t.json", text)
				if err != nil {
					b.Fatal(err)
				}
				s, err := Load([]*world.File{f}, Options{Now: noon})
				if err != nil {
					b.Fatal(err)
				}
				if r := s.Run(false); r.Failed > 0 || r.Passed != 10_000 {
					b.Fatalf("%d passed, %d failed: %+v", r.Passed, r.Failed, r.Cases[0])
				}
			}
		})
	}
}

// TestHostileNames: a test file that somebody else wrote does not get the terminal or the log to show
// other results than there are.
func TestHostileNames(t *testing.T) {
	r := &Report{Cases: []Result{{Name: "a\x1b[2J\nok    b", Reason: "\u202e\u009b31m"}}, Coverage: &Coverage{Untested: []Untested{{Name: "c\x1b]0;d\x07", Principal: "e\n::error::f"}}}}
	for name, print := range map[string]func(io.Writer) error{"human": func(w io.Writer) error { return r.Human(w, false) }, "github": r.GitHub} {
		var b strings.Builder
		if err := print(&b); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\x07\u202e\u009b") || strings.Contains(b.String(), "\nok ") || strings.Contains(b.String(), "\n::error::f") {
			t.Errorf("%s: %q", name, b.String())
		}
	}
}
