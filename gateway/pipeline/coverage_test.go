package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/policy"
)

// corpus is the cases, by name: what is written in their documents, and what was seen.
func corpus(t *testing.T) (documents, seen map[string]string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	documents, seen = map[string]string{}, map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		documents[name], seen[name], _ = strings.Cut(string(text), "-- want --")
	}
	return documents, seen
}

func dataLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

// elsewhere are policies whose cases are no txtar, with the test that has them.
var elsewhere = map[string]string{
	"validate-client-certificate": "TestValidateClientCertificate",
	"authentication-certificate":  "TestAuthenticationCertificate",
}

// TestEveryPolicy: each policy is compiled or refused, those of class A and B have a case, and docs/gateway.md says so.
func TestEveryPolicy(t *testing.T) {
	documents, _ := corpus(t)
	rows := []string{"| policy | class | here | tested by | differs |", "|---|---|---|---|---|"}
	known := map[string]bool{}
	for _, line := range dataLines(t, "testdata/policies.txt") {
		head, note, _ := strings.Cut(line, " | ")
		class, name, _ := strings.Cut(head, " ")
		known[name] = true
		definition := policy.Define(name)
		state := "runs"
		switch {
		case definition == nil || definition.Unpublished:
			state = "refused"
		case unavailable[name] != "":
			state = "fails calls"
		case element(name) == nil && resolverElement(name) == nil:
			state = "refused by the gateway"
		}
		tests := casesOf(documents, name)
		if test := elsewhere[name]; test != "" {
			tests = append(tests, test)
		}
		if class != "C" && state == "runs" && len(tests) == 0 {
			t.Errorf("%s is of class %s and no case has it", name, class)
		}
		if class != "C" && state == "refused by the gateway" {
			t.Errorf("%s is of class %s and is not there", name, class)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s | %s |", name, class, state, strings.Join(tests, ", "), note))
	}
	for _, d := range policy.Definitions() {
		if !known[d.Name] {
			t.Errorf("testdata/policies.txt does not have %s", d.Name)
		}
	}
	inDocs(t, "../../docs/gateway.md", "policies", strings.Join(rows, "\n"))
}

func casesOf(documents map[string]string, name string) (cases []string) {
	tag := regexp.MustCompile("<" + regexp.QuoteMeta(name) + "[\\s/>]")
	for c, text := range documents {
		if tag.MatchString(text) {
			cases = append(cases, c)
		}
	}
	slices.Sort(cases)
	if len(cases) > 4 {
		cases = append(cases[:4], fmt.Sprintf("and %d more", len(cases)-4))
	}
	return cases
}

// inDocs compares a part of a page, between marks, with what it has to be; -update writes it.
func inDocs(t *testing.T, page, mark, want string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+mark+" -->\n", "\n<!-- end of "+mark+" -->"
	before, rest, ok := strings.Cut(string(text), begin)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no marks %q", page, begin)
	}
	if have == want {
		return
	}
	if !*update {
		t.Errorf("the table in %s is not up to date: run this test with -update", page)
		return
	}
	if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEveryError: each row of the table of errors that policies raise is seen in a case.
func TestEveryError(t *testing.T) {
	_, seen := corpus(t)
	for _, line := range dataLines(t, "testdata/errors.txt") {
		source, reason, _ := strings.Cut(line, " ")
		if source == "configuration" || source == "authorization" {
			continue // package gateway has them: TestErrors
		}
		pattern := fmt.Sprintf("error source=%q reason=%q", source, reason)
		if source == "*" {
			pattern = fmt.Sprintf(" reason=%q", reason)
		}
		found := false
		for _, text := range seen {
			found = found || strings.Contains(text, pattern)
		}
		if !found {
			t.Errorf("no case shows %s %s", source, reason)
		}
	}
}
