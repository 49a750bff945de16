package armtest

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/rbac/builtin"
)

var builtInRoles = sync.OnceValue(func() (ids []gatehouse.GUID) {
	for _, r := range builtin.Roles() {
		ids = append(ids, r.ID)
	}
	return ids
})

// Routes compares the server's route table with a golden file: method, path and
// action, one route a line, in order of path. Data actions are marked; a dash
// stands for calls that any authenticated caller may make.
func Routes(t testing.TB, s *arm.Server, file string) {
	t.Helper()
	var lines []string
	for _, r := range s.Routes() {
		action := r.Action
		if action == "" {
			action = "-"
		}
		if r.Data {
			action += " (data)"
		}
		lines = append(lines, fmt.Sprintf("%s\t%-6s\t%s\n", r.Path, r.Method, action))
	}
	slices.Sort(lines)
	var b strings.Builder
	for _, line := range lines {
		path, rest, _ := strings.Cut(line, "\t")
		method, action, _ := strings.Cut(rest, "\t")
		fmt.Fprintf(&b, "%s %s %s", method, path, action)
	}
	Golden(t, file, []byte(b.String()))
}

// Sweep asks every route of w's server without a token, which has to be 401, and
// as a caller without any role, which has to be 403. Names that no resource can have
// are refused in every place of every path: none may be cut off, so that what holds
// the resource takes its place. Exceptions names the file
// that lists, as "METHOD path", the routes that any authenticated caller may call;
// it only ever shrinks. With complete, w's server is taken to have every route
// there is, and lines of the file that are no exception (any more) are errors.
func Sweep(t testing.TB, w *World, exceptions string, complete bool) {
	t.Helper()
	text, err := os.ReadFile(exceptions)
	must(t, err)
	open := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			open[line] = false
		}
	}
	for _, r := range w.Server.Routes() {
		name := r.Method + " " + r.Path
		_, excepted := open[name]
		if excepted {
			open[name] = true
		}
		for _, url := range examples(r) {
			sweepOne(t, w, r, name, url, excepted)
		}
		sweepNames(t, w.Server, r)
	}
	for name, used := range open {
		if complete && !used {
			t.Errorf("%s: %s is no route any more; remove the line", exceptions, name)
		}
	}
}

func sweepOne(t testing.TB, w *World, r *arm.Route, name, url string, excepted bool) {
	t.Helper()
	if got := w.Do("anonymous", r.Method, url, nil, "{}").Code; got != 401 {
		t.Errorf("%s without a token: %d, want 401 (asked %s)", name, got, url)
	}
	got := w.Do("nobody", r.Method, url, nil, "{}")
	switch {
	case !excepted && got.Code != 403:
		t.Errorf("%s without a role: %d, want 403 (asked %s): %s", name, got.Code, url, short(got.Body.String()))
	case excepted && r.Action != "":
		t.Errorf("%s is listed as an exception but asks for %s; remove the line", name, r.Action)
	case excepted && got.Code >= 500:
		t.Errorf("%s without a role: %d (asked %s): %s", name, got.Code, url, short(got.Body.String()))
	}
}

// hostileNames cannot be part of a resource ID.
var hostileNames = []string{"%01", "x%0A", "x%7F", "%C2%85", "..", "%2E%2E", ".", "a%2Fb", "a%5Cb", "a%00", "%ED%A0%80", "%FF", "%zz", strings.Repeat("x", 4096)}

func sweepNames(t testing.TB, s *arm.Server, r *arm.Route) {
	t.Helper()
	for place := range len(parameter.FindAllString(r.Path, -1)) {
		for _, bad := range hostileNames {
			n := -1
			path := parameter.ReplaceAllStringFunc(r.Path, func(p string) string {
				if n++; n == place && p == string(arm.Anywhere) {
					return GroupID().String() + "/" + bad + "/x"
				} else if n == place {
					return bad
				} else if p == string(arm.Anywhere) {
					return GroupID().String()
				}
				return exampleValue(p)
			})
			if target, err := s.Resolve(r.Method, path); err == nil {
				t.Errorf("%s %s: %.60q in place %d was taken for %s", r.Method, r.Path, bad, place, target.ID)
			}
		}
	}
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// examples are URLs that resolve to r, for each kind of scope it can hang on.
func examples(r *arm.Route) []string {
	paths := []string{r.Path}
	if rest, ok := strings.CutPrefix(r.Path, string(arm.Anywhere)); ok {
		paths = nil
		for _, scope := range []string{"", "/subscriptions/" + Subscription.String(), GroupID().String(),
			"/providers/Microsoft.Management/managementGroups/" + Tenant.String()} {
			paths = append(paths, scope+rest)
		}
	}
	version := "2022-04-01"
	if len(r.Provider.Versions) > 0 {
		version = r.Provider.Versions[0]
	}
	for i, path := range paths {
		paths[i] = parameter.ReplaceAllStringFunc(path, exampleValue) + "?api-version=" + version
	}
	return paths
}

func exampleValue(p string) string {
	switch p {
	case "{subscriptionId}", "{subscriptionsName}":
		return Subscription.String()
	case "{resourceGroupName}", "{resourceGroupsName}":
		return Group
	case "{managementGroupsName}":
		return Tenant.String()
	}
	return gatehouse.NameGUID(Tenant, p).String()
}

func short(s string) string { return s[:min(len(s), 300)] }
