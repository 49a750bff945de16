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

// TestEveryPolicy: each policy is compiled or refused, those of class A and B have a case whose trace shows them, and
// docs/gateway.md says so.
func TestEveryPolicy(t *testing.T) {
	documents, seen := corpus(t)
	rows := []string{"| policy | class | here | tested by | differs |", "|---|---|---|---|---|"}
	known := map[string]bool{}
	for _, line := range dataLines(t, "testdata/policies.txt") {
		head, note, _ := strings.Cut(line, " | ")
		class, name, _ := strings.Cut(head, " ")
		known[name] = true
		definition := policy.Define(name)
		state := "runs"
		switch {
		case definition == nil:
			state = "refused"
		case unavailable[name] != "":
			state = "fails calls"
		case element(name) == nil && resolverElement(name) == nil:
			state = "refused by the gateway"
		}
		tests := casesOf(documents, name)
		if class != "C" && state == "runs" && name != "base" && element(name) != nil && !traced(seen, name) {
			t.Errorf("%s is of class %s and no trace of a case shows it", name, class)
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

// traced reports whether a trace of some case shows a policy as a step.
func traced(seen map[string]string, name string) bool {
	step := regexp.MustCompile(`(?m)^  [a-z-]+ ` + regexp.QuoteMeta(name) + ` path=`)
	for _, text := range seen {
		if step.MatchString(text) {
			return true
		}
	}
	return false
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

// errorRow is a row of testdata/errors.txt.
type errorRow struct{ source, reason, status, message, text string }

func errorRows(t *testing.T) (rows []errorRow) {
	t.Helper()
	for _, line := range dataLines(t, "testdata/errors.txt") {
		parts := strings.Split(line, " | ")
		source, reason, ok := strings.Cut(parts[0], " ")
		if !ok || len(parts) != 4 {
			t.Fatalf("errors.txt: %s", line)
		}
		rows = append(rows, errorRow{source, reason, parts[1], parts[2], parts[3]})
	}
	return rows
}

// fits makes a pattern of a text in which * stands for anything.
func fits(text string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*")
}

// TestEveryError: each kind of failure is seen in a case, with its status, what the client is told, and its line in the trace;
// and the page lists them all.
func TestEveryError(t *testing.T) {
	_, seen := corpus(t)
	var answers []string // each with its LastError
	traces := ""
	for _, text := range seen {
		want, trace, _ := strings.Cut(text, "-- trace --\n")
		answers = append(answers, strings.Split(want, "\n\n")...)
		traces += trace
	}
	table := []string{"| source | reason | status | message of LastError | message for the client |", "|---|---|---|---|---|"}
	for _, row := range errorRows(t) {
		table = append(table, fmt.Sprintf("| %s | %s | %s | %s | %s |", shown(row.source), row.reason, shown(row.status), shown(row.message), shown(row.text)))
		if row.source == "configuration" || row.source == "authorization" {
			continue
		}
		raised := regexp.MustCompile(fmt.Sprintf(`error source="%s" reason="%s" message="%s" scope`, fits(row.source), row.reason, fits(row.message)))
		answered := regexp.MustCompile(fmt.Sprintf(`(?m)^< %s .*\n(?:<.*\n)*< .*"message": ?"%s"`, fits(row.status), fits(row.text)))
		if !slices.ContainsFunc(answers, func(a string) bool { return raised.MatchString(a) && answered.MatchString(a) }) {
			t.Errorf("no case shows %+v", row)
		}
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^  [a-z-]+ %s "%s: `, strings.ReplaceAll(fits(row.source), ".*", "[a-z-]+"), row.reason)).MatchString(traces) {
			t.Errorf("no trace shows %+v", row)
		}
	}
	inDocs(t, "../../docs/gateway.md", "errors", strings.Join(table, "\n"))
}

func shown(text string) string {
	if text == "*" {
		return "…"
	}
	return strings.ReplaceAll(text, "*", "…")
}

// TestEveryReason: what the code calls a failure stands in the table of errors, so that no kind of failure is forgotten there.
func TestEveryReason(t *testing.T) {
	known := map[string]bool{}
	for _, row := range errorRows(t) {
		known[row.reason] = true
	}
	// OK is a status; the others stand within the message of another failure.
	for _, r := range []string{"OK", "ManagedIdentityNotFound", "AuthorizationNotFound", "EmbeddingMissing"} {
		known[r] = true
	}
	pattern := regexp.MustCompile(`(?:\bReason: *|\b(?:failed|noBackend|forbidden)\(|\bs\.fail\(c, |\breason :?= )"([A-Za-z]+)"`)
	for _, dir := range []string{".", ".."} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range pattern.FindAllSubmatch(text, -1) {
				if !known[string(m[1])] {
					t.Errorf("%s has the reason %s, which testdata/errors.txt does not know", file, m[1])
				}
			}
		}
	}
}
