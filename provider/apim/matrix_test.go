package apim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/rbac/builtin"
)

// matrixRoles are the roles of the matrix, with the letters of its columns: the two
// that every subscription knows and the eight made for API Management.
var matrixRoles = []struct{ column, name string }{
	{"Con", "Contributor"}, {"Rea", "Reader"},
	{"ASC", "API Management Service Contributor"}, {"ASO", "API Management Service Operator Role"}, {"ASR", "API Management Service Reader Role"},
	{"APE", "API Management Developer Portal Content Editor"},
	{"AWC", "API Management Workspace Contributor"}, {"AWD", "API Management Workspace API Developer"},
	{"SWD", "API Management Service Workspace API Developer"}, {"SWP", "API Management Service Workspace API Product Manager"},
}

// TestMatrix sends every published operation as a holder of each of ten roles on the
// resource group and keeps who got past authorization in a golden file. A second
// opinion, which reads the role's patterns as regular expressions and knows
// nothing of the engine, has to agree on each of the cells.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := armtest.Start(t, build(t))
	var holders []string
	var table strings.Builder
	table.WriteString("Ten roles on the resource group by every operation: x gets past authorization, . is refused with 403.\n\n")
	for i, r := range matrixRoles {
		holder := gatehouse.MustGUID(fmt.Sprintf("0b7ec7ff-0000-4000-8000-%012d", i))
		w.Put(t, armtest.Assignment(armtest.GroupID().String(), holder, role(t, r.name).ID.String()))
		holders = append(holders, holder.String())
		fmt.Fprintf(&table, "%s  %s\n", r.column, r.name)
	}
	table.WriteString("\n")
	for _, r := range matrixRoles {
		fmt.Fprintf(&table, "%s ", r.column)
	}
	table.WriteString("\n")
	for _, o := range operations(t) {
		target, err := w.Server.Resolve(o.method, (&url.URL{Path: example(o.path)}).EscapedPath())
		if !strings.Contains(o.path, "/resourceGroups/") || err != nil || !serves(target.Route, o) {
			continue // TestOperations tells what is not served
		}
		for i, holder := range holders {
			may := passes(t, w, o, holder)
			// A list of services shows each caller what they may read, and is refused to nobody (rbac.md 5.2).
			if want := granted(role(t, matrixRoles[i].name), o.action) || ofServices.MatchString(o.method+" "+o.path); may != want {
				t.Errorf("%s %s (%s) by %s: passed %v, the role's own words say %v", o.method, o.path, o.action, matrixRoles[i].name, may, want)
			}
			fmt.Fprintf(&table, " %s  ", map[bool]string{true: "x", false: "."}[may])
		}
		_, path, _ := strings.Cut(o.path, "/providers/Microsoft.ApiManagement/")
		fmt.Fprintf(&table, "%-6s %s\n", o.method, path)
	}
	armtest.Golden(t, "testdata/matrix.txt", []byte(table.String()))
}

// passes reports whether a caller gets past authorization; nothing that the path names exists.
func passes(t *testing.T, w *armtest.World, o operation, as string) bool {
	t.Helper()
	header := http.Header{"If-Match": {"*"}}
	answer := w.Do(as, o.method, example(strings.ReplaceAll(o.path, "{resourceGroupName}", armtest.Group))+version, header, "")
	if answer.Code >= 500 {
		t.Errorf("%s %s: %d %s", o.method, o.path, answer.Code, answer.Body)
	}
	refused := answer.Code == http.StatusForbidden
	if o.method != http.MethodHead && refused != strings.Contains(answer.Body.String(), `"AuthorizationFailed"`) {
		t.Errorf("%s %s: %d %s", o.method, o.path, answer.Code, answer.Body)
	}
	return !refused
}

func role(t *testing.T, name string) gatehouse.RoleDefinition {
	t.Helper()
	for _, r := range builtin.Roles() {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no built-in role is called %s", name)
	return gatehouse.RoleDefinition{}
}

// granted is the second opinion.
func granted(r gatehouse.RoleDefinition, action string) bool {
	for _, p := range r.Permissions {
		if anyMatches(p.Actions, action) && !anyMatches(p.NotActions, action) {
			return true
		}
	}
	return false
}

func anyMatches(patterns []string, action string) bool {
	for _, p := range patterns {
		expr := strings.ReplaceAll(regexp.QuoteMeta(p), `/\*/`, "/(.*/)?") // the star may stand for nothing (rbac.md 3)
		expr = "(?i)^" + strings.ReplaceAll(expr, `\*`, ".*") + "$"
		if regexp.MustCompile(expr).MatchString(action) {
			return true
		}
	}
	return false
}

var ofServices = regexp.MustCompile(`^GET .*/providers/Microsoft\.ApiManagement/(service|gateways)$`)
