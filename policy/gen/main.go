// Command gen writes table.txt of package policy: every policy with the sections and
// scopes it may stand in, its attributes and children, from the published schema of
// policies and two files beside this one that hold what the schema lacks. A newer
// schema is one run away: GATEHOUSE_TABLES=DIR go generate ./policy
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/jsondoc"
)

var (
	//go:embed kinds.txt
	kindsText string
	//go:embed descriptions.txt
	descriptionsText string
)

func main() {
	log.SetFlags(0)
	from := flag.String("from", os.Getenv("GATEHOUSE_TABLES"), "directory with policy-schema.json")
	to := flag.String("to", "table.txt", "file to write")
	flag.Parse()
	if *from == "" {
		log.Fatal("gen: name the directory of the schema with -from or GATEHOUSE_TABLES")
	}
	if err := run(filepath.Join(*from, "policy-schema.json"), *to); err != nil {
		log.Fatal("gen: ", err)
	}
}

func run(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	schema, err := jsondoc.ParseObject(raw)
	if err != nil {
		return err
	}
	w := &writer{kinds: pairs(kindsText), descriptions: pairs(descriptionsText)}
	w.out.WriteString("# Every policy: sections, scopes, gateways, attributes and children. Written by gen; do not edit.\n" +
		"# A policy stands at the margin, what belongs to it below; table.go reads the rest.\n")
	policies := schema.Object("policies")
	var names []string
	for name := range policies.All() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.policy(name, policies.Object(name))
	}
	for name := range w.descriptions {
		if !policies.Has(name) {
			return fmt.Errorf("descriptions.txt names %s, which the schema lacks", name)
		}
	}
	return os.WriteFile(to, []byte(w.out.String()), 0o644)
}

// pairs reads lines of a name and the rest.
func pairs(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" && name != "#" {
			m[name] = rest
		}
	}
	return m
}

type writer struct {
	out                 strings.Builder
	kinds, descriptions map[string]string
}

func (w *writer) line(depth int, words ...string) {
	w.out.WriteString(strings.Repeat(" ", depth))
	w.out.WriteString(strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " "))
	w.out.WriteByte('\n')
}

func (w *writer) policy(name string, p *jsondoc.Object) {
	letters := func(member, table string) string {
		var b strings.Builder
		for _, v := range p.Array(member) {
			for _, pair := range strings.Fields(table) {
				if long, short, _ := strings.Cut(pair, "="); long == v {
					b.WriteString(short)
				}
			}
		}
		return b.String()
	}
	words := []string{name,
		"in=" + letters("sections", "inbound=i backend=b outbound=o on-error=e resolver=r"),
		"at=" + letters("scopes", "global=g workspace=w product=p api=a operation=o graphql-resolver=r"),
		"on=" + letters("gateways", "classic=c v2=v consumption=n self-hosted=s workspace=k")}
	if p.Bool("once_per_section") {
		words = append(words, "once")
	}
	if p.Bool("undocumented") {
		words = append(words, "undocumented")
	}
	w.line(0, append(words, content(name, p))...)
	if d := w.descriptions[name]; d != "" {
		w.line(1, `"`+d)
	}
	w.body(1, name, p)
}

// content says what an element holds besides its children.
func content(name string, p *jsondoc.Object) string {
	text, _ := p.Get("text")
	switch {
	case p.Bool("free_content"):
		return "free"
	case p.Bool("holds_policies") && p.Object("children") == nil:
		return "holds"
	case text == "literal only":
		return "literal"
	case text != nil && name == "set-body":
		return "markup"
	case text != nil:
		return "text"
	}
	return ""
}

func (w *writer) body(depth int, name string, p *jsondoc.Object) {
	if attributes := p.Object("attributes"); attributes != nil {
		for attr := range attributes.All() {
			w.attribute(depth, name, attr, attributes.Object(attr))
		}
	}
	children := p.Object("children")
	if children == nil {
		return
	}
	occurs := map[string]string{"one": "1", "optional": "?", "any number": "*", "one or more": "+"}
	for child := range children.All() {
		c := children.Object(child)
		as := ""
		if same := c.String("same_as_policy"); same != "" {
			as = "as=" + same
		}
		w.line(depth, child, occurs[c.String("occurs")], content(child, c), as)
		w.body(depth+1, child, c)
	}
}

func (w *writer) attribute(depth int, element, name string, a *jsondoc.Object) {
	words := []string{"@" + name}
	if a.Bool("required") {
		words = append(words, "!")
	}
	if a.String("expression") == "not allowed" {
		words = append(words, "~")
	}
	if group := a.String("one_of_group"); group != "" {
		words = append(words, "^"+group)
	}
	fallback, has := a.Get("default")
	if has {
		words = append(words, fmt.Sprint("=", fallback))
	}
	kind := w.kinds[element+"/"+name]
	if kind == "" {
		kind = w.kinds[name]
	}
	if kind == "" && (fallback == "true" || fallback == "false") {
		kind = "bool"
	}
	w.line(depth, append(words, kind)...)
}
