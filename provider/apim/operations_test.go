package apim_test

import (
	"bufio"
	"fmt"
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

// TestOperations compares the routes with the published list of operations: those
// that are not served yet stand in testdata/missing.txt, which only shrinks, and
// every one that is served asks for exactly the published action.
func TestOperations(t *testing.T) {
	w := armtest.Start(t, build(t))
	var missing strings.Builder
	served := 0
	for _, o := range operations(t) {
		target, err := w.Server.Resolve(o.method, (&url.URL{Path: example(o.path)}).EscapedPath())
		if err != nil || !serves(target.Route, o) {
			fmt.Fprintf(&missing, "%s %s\n", o.method, o.path)
			continue
		}
		served++
		if target.Route.Action != "" && !strings.EqualFold(target.Route.Action, o.action) {
			t.Errorf("%s %s asks for %s, published is %s", o.method, o.path, target.Route.Action, o.action)
		}
	}
	t.Logf("%d operations are served", served)
	armtest.Golden(t, "testdata/missing.txt", []byte(missing.String()))
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
