package builtin

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/rbac"
)

var update = flag.Bool("update", false, "rewrite testdata/matrix.txt")

// columns are the roles that have something to say about the providers served here; the others are listed below the tables.
var columns = []struct{ short, name string }{
	{"Own", "Owner"}, {"Con", "Contributor"}, {"Rea", "Reader"},
	{"UAA", "User Access Administrator"}, {"RBA", "Role Based Access Control Administrator"},
	{"ASC", "API Management Service Contributor"}, {"ASO", "API Management Service Operator Role"}, {"ASR", "API Management Service Reader Role"},
	{"APE", "API Management Developer Portal Content Editor"},
	{"AWC", "API Management Workspace Contributor"}, {"AWR", "API Management Workspace Reader"},
	{"AWD", "API Management Workspace API Developer"}, {"AWM", "API Management Workspace API Product Manager"},
	{"SWD", "API Management Service Workspace API Developer"}, {"SWM", "API Management Service Workspace API Product Manager"},
	{"MIC", "Managed Identity Contributor"}, {"MIO", "Managed Identity Operator"}, {"MIF", "Managed Identity Federated Identity Credential Contributor"},
	{"MGC", "Management Group Contributor"}, {"MGR", "Management Group Reader"},
	{"Tag", "Tag Contributor"}, {"Pol", "Resource Policy Contributor"},
	{"StC", "Azure Deployment Stack Contributor"}, {"StO", "Azure Deployment Stack Owner"},
	{"MoC", "Monitoring Contributor"}, {"MoR", "Monitoring Reader"}, {"SeR", "Security Reader"},
	{"DAS", "Defender API Security"}, {"AIN", "Azure AI Enterprise Network Connection Approver"},
	{"ARO", "Access Review Operator Service Role"}, {"KVA", "Key Vault Data Access Administrator"},
}

var served = []string{"Microsoft.ApiManagement", "Microsoft.Authorization", "Microsoft.ManagedIdentity",
	"Microsoft.Management", "Microsoft.Resources", "Microsoft.Insights", "Gatehouse.Access", "Gatehouse.Gateway"}

const legend = `Who may do what: built-in roles by operation. Written by "go test ./rbac/builtin -update"; do not edit.

A row of a resource type has a cell per role with the letters r(ead), w(rite), d(elete):
  rwd  granted      .  exists, not granted      ?  granted under the role's own condition      blank or _  no such operation
Rows that start with a slash are further operations on the type above: x granted, . not, ? under a condition.
[data] marks data actions. A role assignment narrows all of this to its scope; deny assignments and conditions narrow it further.
A plus after a name marks operations that Azure does not publish, which only wildcards and roles made here grant.

`

func TestMatrix(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(legend + "Roles\n")
	var roles []gatehouse.RoleDefinition
	for _, c := range columns {
		r := named(t, c.name)
		roles = append(roles, r)
		fmt.Fprintf(&b, "  %s  %s  %s\n", c.short, r.ID, r.Name)
	}
	for _, namespace := range served {
		p, ok := ProviderNamed(namespace)
		if !ok {
			t.Fatalf("%s is not known", namespace)
		}
		writeProvider(&b, p, roles)
	}
	writeOthers(&b, roles)
	writeDirectory(&b)

	const golden = "testdata/matrix.txt"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%s differs from what the roles grant; run go test ./rbac/builtin -update and review the diff.\n%s", golden, firstDifference(want, b.Bytes()))
	}
}

func firstDifference(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := 0; i < min(len(w), len(g)); i++ {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nwas %s\nis  %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, was %d", len(g), len(w))
}

func writeProvider(b *bytes.Buffer, p Provider, roles []gatehouse.RoleDefinition) {
	fmt.Fprintf(b, "\n%-84s", p.Namespace)
	for _, c := range columns {
		b.WriteString(" " + c.short)
	}
	b.WriteString("\n")
	writeExtra(b, p.Operations, roles)
	for _, typ := range p.Types {
		writeType(b, typ, roles)
	}
}

func writeType(b *bytes.Buffer, typ ResourceType, roles []gatehouse.RoleDefinition) {
	usual, rest := [3]*Operation{}, []Operation{}
	plus := ""
	for _, o := range typ.Operations {
		_, _, verb := cutOperation(o.Name)
		i := slices.Index([]string{"read", "write", "delete"}, strings.ToLower(verb))
		if i < 0 || o.Data {
			rest = append(rest, o)
			continue
		}
		usual[i] = &o
		if o.Origin == REST {
			plus = "+"
		}
	}
	var cells []string
	for _, r := range roles {
		cell := ""
		for i, o := range usual {
			if o == nil {
				cell += " "
				continue
			}
			cell += mark(verdict(r, o), "rwd"[i:i+1])
		}
		cells = append(cells, fmt.Sprintf("%-3s", strings.ReplaceAll(strings.TrimRight(cell, " "), " ", "_")))
	}
	writeRow(b, "  "+typ.Name+plus, cells)
	writeExtra(b, rest, roles)
}

func writeExtra(b *bytes.Buffer, ops []Operation, roles []gatehouse.RoleDefinition) {
	for _, o := range ops {
		_, _, name := cutOperation(o.Name)
		if o.Data {
			name += " [data]"
		}
		if o.Origin == REST {
			name += "+"
		}
		var cells []string
		for _, r := range roles {
			cells = append(cells, mark(verdict(r, &o), "x")+"  ")
		}
		writeRow(b, "    /"+name, cells)
	}
}

func writeRow(b *bytes.Buffer, name string, cells []string) {
	line := fmt.Sprintf("%-84s %s", name, strings.Join(cells, " "))
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

func mark(answer, yes string) string {
	return map[string]string{"yes": yes, "no": ".", "condition": "?"}[answer]
}

// writeOthers lists, for each role without a column, its patterns that reach the operations of the tables.
func writeOthers(b *bytes.Buffer, shown []gatehouse.RoleDefinition) {
	b.WriteString("\nOther roles: what of them reaches the operations above, with the number of operations reached\n")
	for _, r := range Roles() {
		if slices.ContainsFunc(shown, func(s gatehouse.RoleDefinition) bool { return s.ID == r.ID }) {
			continue
		}
		fmt.Fprintf(b, "  %s  %s\n", r.ID, r.Name)
		for _, p := range r.Permissions {
			writeReach(b, p.Actions, false, "")
			writeReach(b, p.NotActions, false, "not ")
			writeReach(b, p.DataActions, true, "data ")
			writeReach(b, p.NotDataActions, true, "not data ")
		}
	}
}

func writeReach(b *bytes.Buffer, patterns []string, data bool, prefix string) {
	for _, pattern := range patterns {
		n := 0
		for _, o := range Operations() {
			namespace, _, _ := cutOperation(o.Name)
			if o.Data == data && slices.Contains(served, namespace) && gatehouse.NewPattern(pattern).Match(o.Name) {
				n++
			}
		}
		if n > 0 {
			fmt.Fprintf(b, "    %4d  %s%s\n", n, prefix, pattern)
		}
	}
}

func writeDirectory(b *bytes.Buffer) {
	b.WriteString("\nDirectory roles (data actions; granted by directory role assignments and ownership, never by role assignments)\n")
	for _, r := range DirectoryRoles() {
		fmt.Fprintf(b, "  %s  %s\n", r.ID, r.Name)
		for _, a := range r.Permissions[0].DataActions {
			fmt.Fprintf(b, "          %s\n", a)
		}
	}
}

// engine is a Snapshot in which each role is held, at the root, by a principal with the role's own ID.
var engine = sync.OnceValue(func() *rbac.Snapshot {
	w := rbac.World{Roles: slices.Concat(Roles(), DirectoryRoles())}
	for _, r := range w.Roles {
		w.Assignments = append(w.Assignments, gatehouse.RoleAssignment{ID: r.ID, Principal: r.ID, Role: r.ID})
	}
	return rbac.New(w)
})

// verdict is the engine's answer: yes, no, or condition when it depends on what the request is about.
func verdict(r gatehouse.RoleDefinition, o *Operation) string {
	d := engine().Decide(&gatehouse.Request{Principal: r.ID, Action: o.Name, Data: o.Data})
	switch {
	case d.Allowed:
		return "yes"
	case d.Conditional:
		return "condition"
	}
	return "no"
}

// The engine says of every role and operation what the role's text says. A condition may leave an action alone.
func TestEngineAgrees(t *testing.T) {
	for _, r := range slices.Concat(Roles(), DirectoryRoles()) {
		for _, o := range Operations() {
			got, want := verdict(r, &o), grants(r, o.Name, o.Data)
			if got != want && (want != "condition" || got != "yes") {
				t.Errorf("%s, %s: %s, want %s", r.Name, o.Name, got, want)
			}
		}
	}
}
