package pipeline

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse/policy"
)

// TestEveryAttribute: what a document may say of a policy of class A or B, some case says. That is each child element, each
// attribute, and each value of those that have few; a default counts as said where it is left out. Exceptions stand in
// testdata/uncovered.txt, each with its reason.
func TestEveryAttribute(t *testing.T) {
	said := map[string]bool{}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	table := readTable(t)
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".txtar") {
			sayCase(t, "testdata/"+f.Name(), table, said)
		}
	}
	excused := map[string]bool{}
	for _, line := range dataLines(t, "testdata/uncovered.txt") {
		what, reason, _ := strings.Cut(line, " | ")
		excused[what] = true
		if reason == "" {
			t.Errorf("testdata/uncovered.txt gives no reason for %s", what)
		}
		if said[what] {
			t.Errorf("testdata/uncovered.txt has %s, which a case covers", what)
		}
	}
	for _, class := range []string{"A ", "B "} {
		for _, line := range dataLines(t, "testdata/policies.txt") {
			head, _, _ := strings.Cut(line, " | ")
			name, ok := strings.CutPrefix(head, class)
			if !ok || element(name) == nil {
				continue
			}
			for _, what := range table[name].sayable(name) {
				if !said[what] && !excused[what] {
					t.Errorf("no case says %s", what)
				}
			}
		}
	}
}

// tableElement is an element of policy/table.txt as far as this test needs it.
type tableElement struct {
	values   map[string][]string // of attributes; none for any text
	defaults map[string]string
	children map[string]*tableElement
}

// readTable reads policy/table.txt, whose form package policy knows and shows nobody.
func readTable(t *testing.T) map[string]*tableElement {
	t.Helper()
	text, err := os.ReadFile("../../policy/table.txt")
	if err != nil {
		t.Fatal(err)
	}
	root := &tableElement{children: map[string]*tableElement{}}
	path, same := []*tableElement{root}, map[*tableElement]string{}
	for line := range strings.Lines(string(text)) {
		depth := len(line) - len(strings.TrimLeft(line, " "))
		words := strings.Fields(line)
		if line[0] == '#' || words[0][0] == '"' {
			continue
		}
		path = path[:depth+1]
		if name, ok := strings.CutPrefix(words[0], "@"); ok {
			path[depth].attribute(name, words[1:])
			continue
		}
		e := &tableElement{values: map[string][]string{}, defaults: map[string]string{}, children: map[string]*tableElement{}}
		for _, w := range words {
			if as, ok := strings.CutPrefix(w, "as="); ok {
				same[e] = as
			}
		}
		path[depth].children[words[0]] = e
		path = append(path, e)
	}
	for e, as := range same {
		*e = *root.children[as]
	}
	return root.children
}

func (e *tableElement) attribute(name string, words []string) {
	e.values[name] = nil
	for _, w := range words {
		if value, ok := strings.CutPrefix(w, "="); ok {
			e.defaults[name] = strings.ToLower(value)
		}
		if list, ok := strings.CutPrefix(w, "enum("); ok {
			e.values[name] = strings.Split(strings.ToLower(strings.TrimSuffix(list, ")")), "|")
		}
		if w == "bool" {
			e.values[name] = []string{"true", "false"}
		}
	}
}

// sayable lists what can be said of an element.
func (e *tableElement) sayable(name string) (all []string) {
	for attribute, values := range e.values {
		if values == nil {
			all = append(all, name+"@"+attribute)
		}
		for _, v := range values {
			all = append(all, name+"@"+attribute+"="+v)
		}
	}
	for child, below := range e.children {
		all = append(append(all, name+"/"+child), below.sayable(name+"/"+child)...)
	}
	slices.Sort(all)
	return all
}

// sayCase notes what the documents of a case say of policies that its trace shows running.
func sayCase(t *testing.T, file string, table map[string]*tableElement, said map[string]bool) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		text := string(f.Data)
		switch kind, _, _ := strings.Cut(f.Name, " "); kind {
		case "fragment":
			text = "<fragment>" + text + "</fragment>"
		case "policy", "resolver":
		default:
			continue
		}
		d, err := policy.Parse(text, policy.Raw)
		if err != nil {
			t.Fatal(file, err)
		}
		for _, s := range d.Sections {
			sayAll(s.Policies, table, said)
		}
		if len(d.Sections) == 0 {
			sayAll([]*policy.Element{d.Root}, table, said)
		}
	}
}

func sayAll(list []*policy.Element, table map[string]*tableElement, said map[string]bool) {
	for _, e := range list {
		if known := table[e.Name]; known != nil {
			known.say(e, e.Name, said)
		}
		sayAll(e.Children, table, said)
	}
}

func (e *tableElement) say(x *policy.Element, name string, said map[string]bool) {
	for attribute, values := range e.values {
		v, ok := x.Attr(attribute)
		text := strings.ToLower(v.Text)
		if !ok {
			text = e.defaults[attribute]
		}
		if values == nil && ok {
			said[name+"@"+attribute] = true
		} else if slices.Contains(values, text) {
			said[name+"@"+attribute+"="+text] = true
		}
	}
	for _, child := range x.Children {
		if below := e.children[child.Name]; below != nil {
			said[name+"/"+child.Name] = true
			below.say(child, name+"/"+child.Name, said)
		}
	}
}
