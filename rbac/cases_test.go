package rbac

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

var update = flag.Bool("update", false, "write the answers into testdata; the diff is the review")

// The files in testdata hold worlds, questions and answers for people to read:
//
//	== title, with the section of rbac.md that asks for it
//	role NAME | group NAME = MEMBER… | mg NAME holds SCOPE… | assign ID ROLE to WHO at SCOPE
//	deny ID to WHO… [except WHO…] at SCOPE | drop role NAME | ask WHO ACTION at SCOPE | who ACTION at SCOPE
//
// Indented lines belong to the line above: actions, notActions, dataActions,
// notDataActions and if (a condition) to a permission entry, which "entry" ends; if,
// from, until to an assignment; when, audit, exactly to a deny; data, sub, now,
// request and resource NAME VALUE to a question. "=" is the answer and "-" a reason or
// near miss, in the order of Explain.
type caseFile struct {
	t       *testing.T
	world   World
	names   map[gatehouse.GUID]string
	line    int
	request gatehouse.Request
	out     []string
	want    []string
	current any // what indented lines belong to
	started bool
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runCases(t, file) })
	}
}

func runCases(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &caseFile{t: t}
	for _, line := range strings.Split(strings.TrimRight(string(b), "\n"), "\n") {
		c.line++
		c.read(line)
	}
	c.close()
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(c.out, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *caseFile) fail(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("line %d: %s", c.line, fmt.Sprintf(format, args...))
}

func (c *caseFile) read(line string) {
	words := strings.Fields(line)
	switch {
	case strings.HasPrefix(line, "  = "), strings.HasPrefix(line, "  - "):
		c.want = append(c.want, line)
		return
	case strings.HasPrefix(line, "  ") && len(words) > 0:
		c.detail(words[0], strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), words[0])), words[1:])
	default:
		c.close()
		if len(words) > 0 && words[0] != "#" {
			c.statement(line, words)
		}
	}
	c.out = append(c.out, line)
}

// id names principals, roles and assignments by their words.
func (c *caseFile) id(name string) gatehouse.GUID {
	if name == "everyone" {
		return gatehouse.GUID{}
	}
	g := gatehouse.NameGUID(gatehouse.GUID{}, name)
	c.names[g] = name
	return g
}

func (c *caseFile) ids(names []string) (out []gatehouse.GUID) {
	for _, n := range names {
		out = append(out, c.id(n))
	}
	return out
}

func (c *caseFile) scope(text string) gatehouse.Scope {
	if mg, ok := strings.CutPrefix(text, "mg:"); ok {
		text = "/providers/Microsoft.Management/managementGroups/" + mg
	}
	s, err := gatehouse.ParseScope(text)
	if err != nil {
		c.fail("%v", err)
	}
	return s
}

func (c *caseFile) time(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		c.fail("%v", err)
	}
	return t
}

func (c *caseFile) statement(line string, words []string) {
	switch words[0] {
	case "==":
		c.world = World{Parents: map[gatehouse.Scope]gatehouse.Scope{}}
		c.names = map[gatehouse.GUID]string{{}: "everyone"}
		if !strings.Contains(line, "rbac.md") {
			c.fail("the title does not cite rbac.md")
		}
	case "role":
		c.world.Roles = append(c.world.Roles, gatehouse.RoleDefinition{ID: c.id(words[1]), Name: words[1], Permissions: make([]gatehouse.Permission, 1)})
		c.current = &c.world.Roles[len(c.world.Roles)-1].Permissions
	case "drop":
		c.world.Roles = slices.DeleteFunc(c.world.Roles, func(r gatehouse.RoleDefinition) bool { return r.Name == words[2] })
	case "group":
		for _, m := range c.ids(words[3:]) {
			c.world.Members = append(c.world.Members, Membership{c.id(words[1]), m})
		}
	case "mg":
		for _, s := range words[3:] {
			c.world.Parents[c.scope(s)] = c.scope("mg:" + words[1])
		}
	case "assign":
		c.world.Assignments = append(c.world.Assignments, gatehouse.RoleAssignment{ID: c.id(words[1]), Role: c.id(words[2]), Principal: c.id(words[4]), Scope: c.scope(words[6])})
		c.current = &c.world.Assignments[len(c.world.Assignments)-1]
	case "deny":
		c.deny(words)
	case "ask", "who":
		c.question(words)
	default:
		c.fail("unknown: %s", line)
	}
}

func (c *caseFile) deny(words []string) {
	at := slices.Index(words, "at")
	to := words[3:at]
	d := gatehouse.DenyAssignment{ID: c.id(words[1]), Name: words[1], Scope: c.scope(words[at+1]), Permissions: make([]gatehouse.Permission, 1)}
	if i := slices.Index(to, "except"); i >= 0 {
		d.ExcludePrincipals = c.ids(to[i+1:])
		to = to[:i]
	}
	d.Principals = c.ids(to)
	c.world.Denies = append(c.world.Denies, d)
	c.current = &c.world.Denies[len(c.world.Denies)-1]
}

func (c *caseFile) question(words []string) {
	c.request = gatehouse.Request{Now: c.time("2026-05-01T12:00:00Z"), Attributes: &gatehouse.Attributes{Request: map[string]any{}, Resource: map[string]any{}}}
	c.started = words[0] == "ask"
	if c.started {
		c.request.Principal = c.id(words[1])
		words = words[1:]
	}
	c.request.Action, c.request.Scope = words[1], c.scope(words[3])
	c.current = &c.request
}

func (c *caseFile) detail(word, rest string, words []string) {
	switch x := c.current.(type) {
	case *[]gatehouse.Permission:
		c.permission(x, word, rest, words)
	case *gatehouse.RoleAssignment:
		switch word {
		case "if":
			x.Condition = rest
		case "from":
			x.Start = c.time(rest)
		case "until":
			x.End = c.time(rest)
		default:
			c.fail("unknown: %s", word)
		}
	case *gatehouse.DenyAssignment:
		switch word {
		case "when":
			x.Condition = rest
		case "audit":
			x.Audit = true
		case "exactly":
			x.ExceptChildScopes = true
		default:
			c.permission(&x.Permissions, word, rest, words)
		}
	case *gatehouse.Request:
		c.ask(x, word, rest, words)
	}
}

func (c *caseFile) permission(entries *[]gatehouse.Permission, word, rest string, words []string) {
	p := &(*entries)[len(*entries)-1]
	switch word {
	case "actions":
		p.Actions = words
	case "notActions":
		p.NotActions = words
	case "dataActions":
		p.DataActions = words
	case "notDataActions":
		p.NotDataActions = words
	case "if":
		p.Condition = rest
	case "entry":
		*entries = append(*entries, gatehouse.Permission{})
	default:
		c.fail("unknown: %s", word)
	}
}

func (c *caseFile) ask(r *gatehouse.Request, word, rest string, words []string) {
	value := func() any {
		text := strings.TrimSpace(strings.TrimPrefix(rest, words[0]))
		if g, err := gatehouse.ParseGUID(text); err == nil {
			return g
		}
		if name, ok := strings.CutPrefix(text, "id:"); ok {
			return c.id(name)
		}
		return text
	}
	switch word {
	case "data":
		r.Data = true
	case "sub":
		r.SubOperation = rest
	case "now":
		r.Now = c.time(rest)
	case "request":
		r.Attributes.Request[words[0]] = value()
	case "resource":
		r.Attributes.Resource[words[0]] = value()
	default:
		c.fail("unknown: %s", word)
	}
}

// close answers the open question.
func (c *caseFile) close() {
	r, open := c.current.(*gatehouse.Request)
	c.current = nil
	if !open {
		return
	}
	s := New(c.world)
	var got []string
	if c.started {
		got = c.explained(s.Explain(r))
		compare(c.t, s, oracle{c.world}, r)
	} else {
		got = c.holders(s.WhoCan(WhoCanRequest{Action: r.Action, Data: r.Data, Scope: r.Scope, SubOperation: r.SubOperation, Attributes: r.Attributes, Now: r.Now}))
	}
	compareWhoCan(c.t, s, oracle{c.world}, r)
	if !*update && !slices.Equal(got, c.want) {
		c.t.Errorf("before line %d: got\n%s\nwant\n%s", c.line, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
	}
	c.out = append(c.out, got...)
	c.want = nil
}

func (c *caseFile) explained(x Explanation) []string {
	answer := "  = allowed"
	if !x.Decision.Allowed {
		answer = "  = " + x.Decision.Code
	}
	if x.Decision.Conditional {
		answer += ", a condition is not fulfilled"
	}
	out := []string{answer}
	for _, r := range slices.Concat(x.Reasons, x.Near) {
		out = append(out, "  - "+c.reason(r))
	}
	return out
}

func (c *caseFile) reason(r Reason) string {
	text := string(r.Kind) + " " + c.names[r.Assignment] + ": " + c.path(r.Path) + " at " + strings.Replace(r.Scope.String(), "/providers/microsoft.management/managementgroups/", "mg:", 1)
	if r.Inherited {
		text += ", inherited"
	}
	if r.Pattern != "" {
		text += ", matches " + r.Pattern
	}
	if r.Exception != "" {
		text += ", except " + r.Exception
	}
	if r.Made != "" {
		text += ", " + r.Made + " is not " + r.Asked
	}
	if r.Fault != "" {
		text += ", " + r.Fault
	}
	if r.Condition != nil && len(r.Condition.Missing()) > 0 {
		text += ", missing " + strings.Join(r.Condition.Missing(), " ")
	}
	return text
}

func (c *caseFile) path(ids []gatehouse.GUID) string {
	var names []string
	for _, id := range ids {
		names = append(names, c.names[id])
	}
	return strings.Join(names, " > ")
}

func (c *caseFile) holders(holders []Holder) []string {
	var out []string
	for _, h := range holders {
		out = append(out, "  - "+c.path(h.Path)+" by "+c.names[h.Grant])
	}
	slices.Sort(out)
	return append([]string{fmt.Sprintf("  = %d", len(holders))}, out...)
}
