package pipeline

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/policy"
)

// TestSavedCompiles: what is accepted when it is saved can be run. For each policy, in each section and scope where it may
// stand, it makes documents that say one thing in many ways: literals of each kind, expressions of each type, named values
// that hold either. Where Check and CheckResolved find nothing, the gateway finds nothing either.
func TestSavedCompiles(t *testing.T) {
	values := map[string]string{"text": "some text", "number": "7", "truth": "true", "formula": `@("a" + "b")`, "count": "@(3)", "yes": "@(true)"}
	lookup := func(n policy.Name) (string, bool) { v, ok := values[n.Name]; return v, ok }
	env := Env{
		NamedValue: func(n policy.Name) (string, bool, bool) { v, ok := lookup(n); return v, false, ok },
		Fragment: func(string) *policy.Document {
			d, _ := policy.Parse(`<fragment><set-variable name="f" value="1" /></fragment>`, policy.Raw)
			return d
		},
	}
	saved, seen := 0, map[string]bool{}
	try := func(what, text string, scope policy.Scope) {
		d, err := policy.Parse(text, policy.Raw)
		if err != nil {
			return
		}
		faults, err := policy.Check(d, scope, policy.Env{})
		if err != nil || len(faults) > 0 || len(policy.CheckResolved(d, lookup)) > 0 {
			return
		}
		saved++
		if compiled := Compile(Source{ID: "test", Scope: scope, Document: d}, env); compiled.Err != nil && !seen[what] {
			seen[what] = true
			t.Errorf("%s is saved and cannot be run: %v\n%s", what, compiled.Err, text)
		}
	}
	written := schema(t)
	for _, d := range policy.Definitions() {
		e := written[d.Name]
		if element(d.Name) == nil || d.Unpublished || e == nil {
			continue
		}
		for _, section := range []string{"inbound", "backend", "outbound", "on-error"} {
			if !d.In(section) {
				continue
			}
			for _, scope := range d.Scopes {
				frame := func(inner string) string {
					return "<policies><" + section + ">" + inner + "</" + section + "></policies>"
				}
				if scope == 'r' {
					continue
				}
				if section == "inbound" && scope == rune(d.Scopes[0]) || !d.In("inbound") {
					e.vary(d.Name, func(what, inner string) { try(what, frame(inner), policy.Scope(scope)) })
					continue
				}
				try(d.Name+" in "+section, frame(e.write(d.Name, "", "")), policy.Scope(scope))
			}
		}
	}
	if saved < 3000 {
		t.Errorf("only %d documents were accepted: the test does not test what it should", saved)
	}
	t.Logf("%d documents were accepted", saved)
}

// schemaElement is an element of policy/table.txt with all that is needed to write one.
type schemaElement struct {
	text       bool
	holds      bool
	attributes []schemaAttribute
	children   []schemaChild
}

type schemaAttribute struct {
	name, kind, group, first string // first is a value that will do
	required, literal        bool
}

type schemaChild struct {
	name     string
	required bool
	*schemaElement
}

func schema(t *testing.T) map[string]*schemaElement {
	t.Helper()
	text, err := os.ReadFile("../../policy/table.txt")
	if err != nil {
		t.Fatal(err)
	}
	root := &schemaElement{}
	path, same := []*schemaElement{root}, map[*schemaElement]string{}
	for line := range strings.Lines(string(text)) {
		depth := len(line) - len(strings.TrimLeft(line, " "))
		words := strings.Fields(line)
		if line[0] == '#' || words[0][0] == '"' {
			continue
		}
		path = path[:depth+1]
		up := path[depth]
		if name, ok := strings.CutPrefix(words[0], "@"); ok {
			up.attributes = append(up.attributes, schemaAttributeOf(name, words[1:]))
			continue
		}
		e := &schemaElement{text: slices.Contains(words, "text") || slices.Contains(words, "markup") || slices.Contains(words, "literal"), holds: slices.Contains(words, "holds")}
		for _, w := range words {
			if as, ok := strings.CutPrefix(w, "as="); ok {
				same[e] = as
			}
		}
		up.children = append(up.children, schemaChild{words[0], slices.Contains(words, "+") || slices.Contains(words, "1"), e})
		path = append(path, e)
	}
	byName := map[string]*schemaElement{}
	for _, c := range root.children {
		byName[c.name] = c.schemaElement
	}
	for e, as := range same {
		*e = *byName[as]
	}
	return byName
}

func schemaAttributeOf(name string, words []string) schemaAttribute {
	a := schemaAttribute{name: name, first: "x"}
	for _, w := range words {
		kind, arguments, _ := strings.Cut(strings.TrimSuffix(w, ")"), "(")
		switch {
		case w == "!":
			a.required = true
		case w == "~":
			a.literal = true
		case w[0] == '^':
			a.group = w[1:]
		case kind == "enum":
			a.kind, a.first = kind, strings.Split(arguments, "|")[0]
		case kind == "int":
			a.kind, a.first = kind, "1"
			if low, _, _ := strings.Cut(arguments, ","); low != "" && low != "0" {
				a.first = low
			}
		case kind == "bool":
			a.kind, a.first = kind, "true"
		case kind == "number", kind == "span":
			a.kind, a.first = kind, "1"
		case kind == "datetime":
			a.kind, a.first = kind, "2026-01-31T00:00:00Z"
		}
	}
	for part, value := range map[string]string{"condition": "true", "url": "http://a.test", "base-url": "http://a.test", "from": "10.0.0.1", "to": "10.0.0.2"} {
		if a.name == part {
			a.first = value
		}
	}
	return a
}

// write writes an element with what is required, and one attribute (or "" for none) with a value of its own; "." is the text.
func (e *schemaElement) write(name, attribute, value string) string {
	return e.writeIn(name, func(at string) (string, bool) { return value, at == attribute && attribute != "" })
}

func (e *schemaElement) writeIn(name string, own func(at string) (string, bool)) string {
	var b strings.Builder
	b.WriteString("<" + name)
	groups := map[string]bool{}
	for _, a := range e.attributes { // a group is filled by what is asked for, else by its first
		if _, ok := own("@" + a.name); ok && a.group != "" {
			groups[a.group] = true
		}
	}
	for _, a := range e.attributes {
		if v, ok := own("@" + a.name); ok {
			fmt.Fprintf(&b, " %s=\"%s\"", a.name, v)
		} else if a.required || a.group != "" && !groups[a.group] {
			groups[a.group] = true
			fmt.Fprintf(&b, " %s=\"%s\"", a.name, a.first)
		}
	}
	b.WriteString(">")
	if v, ok := own("."); ok {
		b.WriteString(v)
	} else if e.text {
		b.WriteString("10.0.0.1")
	}
	if e.holds {
		b.WriteString(`<set-variable name="v" value="1" />`)
	}
	for _, c := range e.children {
		_, asked := own("/" + c.name)
		if !c.required && !asked {
			continue
		}
		b.WriteString(c.writeIn(c.name, func(at string) (string, bool) { return own("/" + c.name + at) }))
	}
	b.WriteString("</" + name + ">")
	return b.String()
}

// samples are values that somebody may write.
var samples = []string{"x", "", " ", "a b", "7", "0", "-1", "1", "301", "1000", "100000", "007", " 5 ", "+5", "1e3", "0.5", "-1.5", ".5", "9223372036854775807", "99999999999999999999", "true", "False", "1", "yes",
	"60", "00:01:00", "PT1M", "P1D", "1.00:00:00", "P1M", "2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00+02:00", "2026-01-31T00:00:00", "0001-01-01T00:00:00Z", "http://a.test/", "ftp://a.test", "ws://a.test", "10.0.0.1", "::1", "10.0.0.0/8", "GET", "G T", "200", "150", "99",
	"X-Header", "Bad Header", "{{text}}", "{{number}}", "{{truth}}", "{{formula}}", "{{count}}", "{{yes}}", "a{{number}}", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=", "AQAB", "/a/{b}", "dapr", "liquid", "{{ body.x }}", "{% if %}",
	`@("x")`, `@(1)`, `@(5L)`, `@(true)`, `@(1.5)`, `@(null)`, `@((string)null)`, `@(new byte[] {1})`, `@{ return "x"; }`, `@(context.Variables["x"])`, `@(context.Request.Headers)`, `@(DateTime.UtcNow)`, `@(Guid.NewGuid())`, `@("{{text}}")`, `@({{number}})`, `@(new JObject())`}

// vary yields the element with each of its attributes, and each text, at any depth, said in many ways.
func (e *schemaElement) vary(name string, yield func(what, text string)) {
	yield(name, e.write(name, "", ""))
	for _, at := range e.places("") {
		list := samples
		for _, v := range list {
			above := func(asked string) (string, bool) {
				if asked == at {
					return v, true
				}
				return "", strings.HasPrefix(at, asked+"/") || strings.HasPrefix(at, asked+"@") || strings.HasPrefix(at, asked+".") && asked != ""
			}
			yield(name+at, e.writeIn(name, above))
		}
	}
}

// places lists what can be said: /child@attribute, and a dot for text.
func (e *schemaElement) places(prefix string) (all []string) {
	for _, a := range e.attributes {
		all = append(all, prefix+"@"+a.name)
	}
	if e.text {
		all = append(all, prefix+".")
	}
	for _, c := range e.children {
		all = append(append(all, prefix+"/"+c.name), c.places(prefix+"/"+c.name)...)
	}
	return all
}
