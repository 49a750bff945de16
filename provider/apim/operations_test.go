package apim_test

import (
	"bufio"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
)

// operation is a line of data/operations.tsv.
type operation struct{ method, path, action string }

func operations(t *testing.T) (list []operation) {
	f, err := os.Open("data/operations.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 0; lines.Scan(); n++ {
		if cells := strings.Split(lines.Text(), "\t"); n > 1 && len(cells) > 2 {
			list = append(list, operation{cells[0], cells[1], cells[2]})
		}
	}
	return list
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// example is a path with a value for each parameter; those that take only certain names get one of them.
func example(path string) string {
	return parameter.ReplaceAllStringFunc(path, func(p string) string {
		switch p {
		case "{subscriptionId}":
			return armtest.Subscription.String()
		case "{policyId}":
			return "policy"
		case "{accessName}":
			return "access"
		case "{configurationName}":
			return "configuration"
		}
		return "example"
	})
}

// Every published operation is served and asks for exactly the published action.
func TestOperations(t *testing.T) {
	w := armtest.Start(t, build(t))
	for _, o := range operations(t) {
		target, err := w.Server.Resolve(o.method, (&url.URL{Path: example(o.path)}).EscapedPath())
		if err != nil || !serves(target.Route, o) {
			t.Errorf("%s %s is not served", o.method, o.path)
			continue
		}
		if target.Route.Action != "" && !strings.EqualFold(target.Route.Action, o.action) {
			t.Errorf("%s %s asks for %s, published is %s", o.method, o.path, target.Route.Action, o.action)
		}
	}
}

// extra are the routes that no table names, with what they are good for.
var extra = map[string]string{
	"GET /service/{serviceName}/clientApplications":                                             "the specification of the preview has it",
	"HEAD /service/{serviceName}/clientApplications/{clientApplicationsName}":                   "likewise",
	"GET /service/{serviceName}/clientApplications/{clientApplicationsName}/productLinks":       "likewise",
	"GET /gateways/{gatewaysName}/hostnameBindings":                                             "likewise",
	"POST /service/{serviceName}/portalconfigs/{portalconfigsName}/listDelegationSecrets":       "the key is told nowhere else",
	"POST /service/{serviceName}/workspaces/{workspacesName}/backends/{backendsName}/reconnect": "backends of workspaces are those of services",
	"GET /service/{serviceName}/tenant/{configurationName}/operationResults/{operationId}":      "Location of git operations (apim-control-plane.md 1.7)",
}

// Nothing else is served: every route is that of an operation, whatever its parameters are called.
func TestRoutesArePublished(t *testing.T) {
	w := armtest.Start(t, build(t))
	all := contracts(t)
	found := 0
	for _, r := range w.Server.Routes() {
		_, path, ok := strings.Cut(r.Path, "/providers/Microsoft.ApiManagement")
		if !ok || r.Provider.Namespace != "Microsoft.ApiManagement" {
			continue
		}
		if extra[r.Method+" "+path] != "" {
			found++
			continue
		}
		asked := segments(named(r))
		if !slices.ContainsFunc(all, func(c contract) bool { return c.method == r.Method && c.fits(asked) >= 0 }) {
			t.Errorf("%s %s is not published", r.Method, r.Path)
		}
	}
	if found != len(extra) {
		t.Errorf("%d of %d extra routes are there", found, len(extra))
	}
}

// named is an address of a route, with the first of the names that its type may only have.
func named(r *arm.Route) string {
	if r.Type == nil || len(r.Type.Name.Only) == 0 {
		return example(r.Path)
	}
	return example(regexp.MustCompile(`/`+r.Type.Segment+`/\{[^}]*\}`).ReplaceAllString(r.Path, "/"+r.Type.Segment+"/"+r.Type.Name.Only[0]))
}

// serves tells a route of this provider from one that takes any name in the place of a published word.
func serves(r *arm.Route, o operation) bool {
	return r.Provider.Namespace == "Microsoft.ApiManagement" && strings.Count(r.Path, "{") <= strings.Count(o.path, "{") ||
		strings.Contains(r.Path, "/operations") || names(r, o)
}

// names reports whether the published word stands for one of the only names of the route's type: portalsettings/signin.
func names(r *arm.Route, o operation) bool {
	if r.Type == nil || len(r.Type.Name.Only) == 0 {
		return false
	}
	for i, part := range strings.Split(o.path, "/") {
		if part == r.Type.Segment {
			word := strings.Split(o.path, "/")[i+1:]
			return len(word) > 0 && slices.Contains(r.Type.Name.Only, word[0])
		}
	}
	return false
}
