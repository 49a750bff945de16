package lint

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse"
	"gatehouse/rbac/builtin"
	"gatehouse/world"
)

var update = flag.Bool("update", false, "write what the rules find into the cases")

// TestRules runs testdata/GHnnn.txtar: the world of yes.yaml makes the rule find what want says, that of no.yaml, which
// differs in little, makes it find nothing. Every rule has a case.
func TestRules(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			file := filepath.Join("testdata", r.ID+".txtar")
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var kept []txtar.File
			var got, want string
			for _, f := range archive.Files {
				switch f.Name {
				case "want":
					want = string(f.Data)
					continue
				case "yes.yaml":
					got = findings(t, r.ID, f)
				case "no.yaml":
					if quiet := findings(t, r.ID, f); quiet != "" {
						t.Errorf("no.yaml makes it find\n%s", quiet)
					}
				}
				kept = append(kept, f)
			}
			if got == "" || len(kept) != 2 {
				t.Errorf("yes.yaml makes it find nothing, or a file is missing")
			}
			if got == want {
				return
			}
			if !*update {
				t.Fatalf("got:\n%s\nwant:\n%s", got, want)
			}
			archive.Files = append(kept, txtar.File{Name: "want", Data: []byte(got)})
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func read(t *testing.T, f txtar.File) Input {
	t.Helper()
	w, err := world.Parse(f.Name, f.Data)
	if err != nil {
		t.Fatal(err)
	}
	if w.Now.IsZero() {
		w.Now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	}
	return Input{World: w, File: f.Name, Source: f.Data}
}

func findings(t *testing.T, rule string, f txtar.File) string {
	t.Helper()
	in := read(t, f)
	in.Uses, in.Since = map[gatehouse.GUID]time.Time{}, in.World.Now.AddDate(0, 0, -90)
	for _, a := range in.World.Assignments {
		if strings.Contains(a.Description, "used") {
			in.Uses[a.ID] = in.World.Now.AddDate(0, 0, -1)
		}
	}
	var b strings.Builder
	for _, f := range Run(in).Findings {
		if f.Rule != rule {
			continue
		}
		fmt.Fprintf(&b, "%s %s line %d\n", f.Severity, f.Message, f.Line)
		if f.Fix.Note != "" {
			fmt.Fprintf(&b, "  %s\n", f.Fix.Note)
		}
		if f.Fix.Az != "" {
			fmt.Fprintf(&b, "  %s\n", f.Fix.Az)
		}
	}
	return b.String()
}

// TestRuleTable: IDs ascend, and every rule says all there is to say.
func TestRuleTable(t *testing.T) {
	last := ""
	for _, r := range Rules() {
		if r.ID <= last || !known(r.ID) || r.Name == "" || r.Title == "" || r.Why == "" || r.How == "" || r.check == nil || !r.Severity.AtLeast(Low) || r.Severity == "" {
			t.Errorf("rule %+v", r)
		}
		last = r.ID
	}
}

const suppressed = `now: 2026-11-22
complete: true
users:
- {id: 11111111-0000-0000-0000-000000000001, userPrincipalName: ada@contoso.example}
- {id: 11111111-0000-0000-0000-000000000002, userPrincipalName: grace@contoso.example}
- {id: 11111111-0000-0000-0000-000000000003, userPrincipalName: alan@contoso.example}
- {id: 11111111-0000-0000-0000-000000000004, userPrincipalName: edsger@contoso.example}
roleAssignments:
# lint:ignore GH001 break glass, sealed (SEC-12)
- name: 22222222-0000-0000-0000-000000000001
  principalId: 11111111-0000-0000-0000-000000000001
  roleDefinitionName: Owner
  scope: /subscriptions/33333333-0000-0000-0000-000000000001
- name: 22222222-0000-0000-0000-000000000002
  principalId: 11111111-0000-0000-0000-000000000002
  roleDefinitionName: Owner
  scope: /subscriptions/33333333-0000-0000-0000-000000000001
  description: "founder. lint:ignore GH001,GH003 agreed with the board"
- name: 22222222-0000-0000-0000-000000000003
  principalId: 11111111-0000-0000-0000-000000000003
  roleDefinitionName: Contributor
  scope: /subscriptions/33333333-0000-0000-0000-000000000001
- name: 22222222-0000-0000-0000-000000000004 # lint:ignore GH001
  principalId: 11111111-0000-0000-0000-000000000004
  roleDefinitionName: Contributor
  scope: /subscriptions/33333333-0000-0000-0000-000000000001
`

func TestSuppressions(t *testing.T) {
	in := read(t, txtar.File{Name: "world.yaml", Data: []byte(suppressed)})
	var err error
	in.Suppressions, err = ParseSuppressions(".gatehouse-lint", []byte(`# accepted
GH001 alan@contoso.example until 2027-01-31: on call
GH001 edsger@contoso.example until 2026-01-31: long over
GH014 *: nothing like it
`))
	if err != nil {
		t.Fatal(err)
	}
	r := Run(in)
	var got []string
	for _, f := range r.Suppressed {
		got = append(got, fmt.Sprint(f.Rule, " ", f.Line, " ", f.Suppressed))
	}
	for _, f := range r.Findings {
		if f.Rule == "GH001" {
			got = append(got, fmt.Sprint("left ", f.Line))
		}
	}
	text := strings.Join(got, "\n")
	for _, line := range []string{"GH001 10 break glass, sealed (SEC-12)", "GH001 14 agreed with the board", "GH001 19 on call", "left 23"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing from\n%s", line, text)
		}
	}
	if len(r.Unmatched) != 2 {
		t.Errorf("unmatched %+v", r.Unmatched)
	}
	for _, bad := range []string{"GH001 ada", "GH001: x", "GX1 a: b", "GH001 a until soon: b", "GH001 a: "} {
		if _, err := ParseSuppressions("f", []byte(bad)); err == nil || !strings.Contains(err.Error(), "f:1: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestScope(t *testing.T) {
	in := read(t, txtar.File{Name: "world.yaml", Data: []byte(suppressed)})
	in.Scope = gatehouse.MustScope("/subscriptions/33333333-0000-0000-0000-000000000009")
	if r := Run(in); len(r.Findings)+len(r.Suppressed) != 0 {
		t.Errorf("findings elsewhere: %+v", r.Findings)
	}
	in.Scope = gatehouse.MustScope("/subscriptions/33333333-0000-0000-0000-000000000001")
	if r := Run(in); len(r.Findings) == 0 {
		t.Error("no findings")
	}
}

// TestSARIF checks the members that the schema of SARIF 2.1.0 requires, and the values that it allows.
func TestSARIF(t *testing.T) {
	var b bytes.Buffer
	if err := Run(read(t, txtar.File{Name: "my world.yaml", Data: []byte(suppressed)})).SARIF(&b, "1"); err != nil {
		t.Fatal(err)
	}
	var log map[string]any
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log["version"] != "2.1.0" {
		t.Error("version", log["version"])
	}
	run := log["runs"].([]any)[0].(map[string]any)
	driver := run["tool"].(map[string]any)["driver"].(map[string]any)
	if driver["name"] == "" {
		t.Error("no name of the tool")
	}
	list := driver["rules"].([]any)
	level := func(v any) {
		if v != "none" && v != "note" && v != "warning" && v != "error" {
			t.Error("level", v)
		}
	}
	for _, r := range list {
		r := r.(map[string]any)
		level(r["defaultConfiguration"].(map[string]any)["level"])
		if r["id"] == "" || r["shortDescription"].(map[string]any)["text"] == "" || r["help"].(map[string]any)["text"] == "" {
			t.Errorf("rule %v", r)
		}
	}
	kept := 0
	for _, v := range run["results"].([]any) {
		f := v.(map[string]any)
		level(f["level"])
		if i := int(f["ruleIndex"].(float64)); list[i].(map[string]any)["id"] != f["ruleId"] {
			t.Errorf("ruleIndex %d of %s", i, f["ruleId"])
		}
		if f["message"].(map[string]any)["text"] == "" {
			t.Errorf("no message: %v", f)
		}
		for _, l := range f["locations"].([]any) {
			if p, ok := l.(map[string]any)["physicalLocation"].(map[string]any); ok {
				if p["artifactLocation"].(map[string]any)["uri"] != "my%20world.yaml" || p["region"].(map[string]any)["startLine"].(float64) < 1 {
					t.Errorf("place %v", p)
				}
			}
		}
		for _, s := range asList(f["suppressions"]) {
			kept++
			if k := s.(map[string]any)["kind"]; k != "inSource" && k != "external" {
				t.Error("kind", k)
			}
		}
	}
	if kept == 0 {
		t.Error("no suppressed result")
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

// large is a world of many assignments: groups in groups, custom roles, conditions.
func large(assignments int) *world.World {
	w := &world.World{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Complete: true, Roles: append([]gatehouse.RoleDefinition(nil), builtin.Roles()...)}
	space := gatehouse.MustGUID("6a1f0f52-8a0d-4c57-9f52-0c7c6c2a1d11")
	id := func(kind string, i int) gatehouse.GUID { return gatehouse.NameGUID(space, fmt.Sprint(kind, i)) }
	for i := range 20 {
		w.Roles = append(w.Roles, gatehouse.RoleDefinition{ID: id("role", i), Name: fmt.Sprint("Custom ", i), Type: gatehouse.CustomRole,
			Permissions: []gatehouse.Permission{{Actions: []string{fmt.Sprintf("Microsoft.ApiManagement/service/apis/%d/write", i), "Microsoft.ApiManagement/service/*/read"}}}})
	}
	people := assignments / 5
	for i := range people {
		p := world.Principal{ID: id("p", i), Type: gatehouse.User, Name: fmt.Sprintf("user%d@contoso.example", i)}
		switch {
		case i%10 == 0:
			p.Type = gatehouse.Group
			for m := 1; m < 20; m++ {
				if m%10 != 0 || i%100 == 0 { // a tenth of the groups hold others
					p.Members = append(p.Members, id("p", (i+m)%people))
				}
			}
			p.Owners = []gatehouse.GUID{id("p", (i+7)%people)}
		case i%10 == 1:
			p.Type, p.Kind, p.Resource = gatehouse.ServicePrincipal, "ManagedIdentity", fmt.Sprintf("/subscriptions/s%d/resourceGroups/g%d/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i%d", i%10, i%500, i)
		}
		w.Principals = append(w.Principals, p)
	}
	for i := range assignments {
		a := world.Assignment{RoleAssignment: gatehouse.RoleAssignment{ID: id("a", i), Principal: id("p", i%people), Role: w.Roles[i%len(w.Roles)].ID,
			Scope: gatehouse.MustScope(fmt.Sprintf("/subscriptions/s%d/resourceGroups/g%d/providers/Microsoft.ApiManagement/service/x%d", i%10, i%500, i%5000))}}
		if i%50 == 0 {
			a.Condition = "@Resource[Microsoft.ApiManagement/service/apis:name] StringEquals 'a" + fmt.Sprint(i%7) + "'"
		}
		w.Assignments = append(w.Assignments, a)
	}
	return w
}

func BenchmarkRun(b *testing.B) {
	w := large(100_000)
	for b.Loop() {
		r := Run(Input{World: w})
		b.ReportMetric(float64(len(r.Findings)), "findings")
	}
}
