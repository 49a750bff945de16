package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Scope is what a document is attached to.
type Scope byte

// The scopes. A Fragment is attached to nothing: it runs where it is included.
const (
	Global    Scope = 'g'
	Workspace Scope = 'w'
	Product   Scope = 'p'
	API       Scope = 'a'
	Operation Scope = 'o'
	Resolver  Scope = 'r'
	Fragment  Scope = 'f'
)

// Env is what Check cannot know from the document.
type Env struct {
	InWorkspace bool   // the document belongs to a workspace or to something in one
	SKU         string // of the service; "" when it is not known
	// Section and Within say where a fragment is included; without them it is checked for any place.
	Section string
	Within  Scope
	// Template is the URL template of the operation that the document belongs to, "" for none.
	Template string
	// Exists reports whether something that the document refers to is there; nil takes all references.
	Exists func(Reference) (bool, error)
}

// Fault is something wrong with a document.
type Fault struct {
	Element string // that is at fault
	Pos     Pos    // of the element
	Message string
}

// Error words a fault as the service does (gateway.md 5.5).
func (f Fault) Error() string {
	return fmt.Sprintf("Error in element '%s' on line %d, column %d: %s", f.Element, f.Pos.Line, f.Pos.Column, f.Message)
}

// maxFaults bounds what is reported of a document that is wrong throughout.
const maxFaults = 50

// Check returns what is wrong with a document in order of the text. Its error is that of Env.
func Check(d *Document, scope Scope, env Env) ([]Fault, error) {
	c := &checker{scope: scope, env: env}
	c.root(d)
	if err := c.references(d); err != nil {
		return nil, err
	}
	slices.SortStableFunc(c.faults, func(a, b Fault) int { return a.Pos.Offset - b.Pos.Offset })
	return c.faults[:min(len(c.faults), maxFaults)], nil
}

// references asks for each thing that is referred to once, until too many are missing.
func (c *checker) references(d *Document) error {
	if c.env.Exists == nil {
		return nil
	}
	type thing struct {
		kind Kind
		name string
	}
	known := map[thing]bool{}
	missing := 0
	for _, r := range d.References() {
		key := thing{r.Kind, r.Name}
		ok, asked := known[key]
		if r.Maybe || missing >= maxFaults {
			continue
		}
		if !asked {
			var err error
			if ok, err = c.env.Exists(r); err != nil {
				return err
			}
			known[key] = ok
		}
		if !ok {
			missing++
			c.faults = append(c.faults, Fault{r.Element.Name, r.Element.Pos, r.missing()})
		}
	}
	return nil
}

type checker struct {
	scope   Scope
	env     Env
	section string
	faults  []Fault
}

func (c *checker) fault(e *Element, format string, args ...any) {
	if len(c.faults) >= maxFaults {
		return // those that are reported come first
	}
	c.faults = append(c.faults, Fault{e.Name, e.Pos, fmt.Sprintf(format, args...)})
}

func (c *checker) root(d *Document) {
	switch root := d.Root; c.scope {
	case Resolver:
		c.resolver(root)
	case Fragment:
		if root.Name != "fragment" {
			c.fault(root, "The document has to have the root element 'fragment'; it has '%s'.", root.Name)
			return
		}
		c.noText(root, nil)
		c.section = c.env.Section
		c.policies(root, root.Children)
	default:
		if root.Name != "policies" {
			c.fault(root, "The document has to have the root element 'policies'; it has '%s'.", root.Name)
			return
		}
		c.noText(root, sectionNames)
		c.sections(d)
	}
}

func (c *checker) resolver(root *Element) {
	def := table().byName[root.Name]
	if def == nil || def.Scopes != "r" || !strings.HasSuffix(root.Name, "-data-source") {
		c.fault(root, "The document of a resolver has to have the root element %s; it has '%s'.", either([]string{"http-data-source", "sql-data-source", "cosmosdb-data-source", "graphql-data-source"}), root.Name)
		return
	}
	c.allowed(root, def)
}

func (c *checker) sections(d *Document) {
	seen := map[string]bool{}
	for _, s := range d.Sections {
		switch {
		case !slices.Contains(sectionNames, s.Name):
			c.fault(s.Element, "The element 'policies' has invalid child element '%s'. List of possible elements expected: %s.%s", s.Name, quoted(sectionNames), likely(s.Name, sectionNames))
			continue
		case seen[s.Name]:
			c.fault(s.Element, "The section '%s' stands twice; put its policies into one.", s.Name)
		}
		seen[s.Name] = true
		c.section = s.Name
		for _, a := range s.Element.Attrs {
			c.fault(s.Element, "The '%s' attribute is not declared. Remove it.", a.Name)
		}
		c.noText(s.Element, nil)
		c.policies(s.Element, s.Policies)
	}
}

// noText refuses text in an element that holds elements only, in the words of .NET's schema validation.
func (c *checker) noText(e *Element, expected []string) {
	if strings.TrimSpace(e.Text.Text) == "" {
		return
	}
	list := ""
	if len(expected) > 0 {
		list = " List of possible elements expected: " + quoted(expected) + "."
	}
	c.fault(e, "The element '%s' cannot contain text.%s", e.Name, list)
}

// policies checks what stands where policies may stand.
func (c *checker) policies(parent *Element, list []*Element) {
	count := map[string]int{}
	for _, e := range list {
		def := table().byName[e.Name]
		if def == nil {
			c.unknown(parent, e)
			continue
		}
		if count[e.Name]++; count[e.Name] == 2 && (def.Once || e.Name == "base") {
			c.fault(e, "The policy '%s' can be used once in a section; remove this one.", e.Name)
		}
		if c.allowed(e, def) && !def.free {
			c.element(e, def)
		}
		switch {
		case parent.Name == "wait" && !slices.Contains([]string{"send-request", "cache-lookup-value", "choose"}, e.Name):
			c.fault(e, "The element 'wait' has invalid child element '%s'. List of possible elements expected: 'send-request, cache-lookup-value, choose'.", e.Name)
		case parent.Name == "retry" && e.Name == "wait":
			c.fault(e, "The element 'retry' has invalid child element 'wait'. Put it beside.")
		}
	}
}

func (c *checker) unknown(parent, e *Element) {
	if len(c.faults) >= maxFaults {
		return
	}
	var names []string
	for _, d := range table().list {
		if d.In(c.section) || c.section == "" {
			names = append(names, d.Name)
		}
	}
	c.fault(e, "The element '%s' has invalid child element '%s'. It is not a policy.%s", parent.Name, e.Name, likely(e.Name, names))
}

// allowed reports whether a policy may stand in this section, at this scope and on the gateways of the service.
func (c *checker) allowed(e *Element, def *Definition) bool {
	before := len(c.faults)
	switch {
	case c.scope == Fragment && (e.Name == "base" || e.Name == "include-fragment"):
		c.fault(e, "Policy is not allowed in a policy fragment")
	case c.scope == Resolver:
	case c.section != "" && !def.In(c.section), c.section == "" && def.Sections == "r":
		c.fault(e, "Policy is not allowed in this section")
	case !c.inScope(def):
		c.fault(e, "Policy section is not allowed in the specified scope")
	case c.env.InWorkspace && !strings.Contains(def.Gateways, "k"):
		c.fault(e, "Policy is not allowed in workspaces")
	case c.env.SKU != "" && !onSKU(def.Gateways, c.env.SKU):
		c.fault(e, "Policy is not allowed in '%s' sku", c.env.SKU)
	}
	return len(c.faults) == before
}

// inScope reports whether a policy may be used at the scope. In the widest one base has no effect, and does no harm.
func (c *checker) inScope(def *Definition) bool {
	at := c.scope
	if at == Fragment {
		at = c.env.Within
	}
	return at == 0 || def.Name == "base" || strings.Contains(def.Scopes, string(rune(at)))
}

// onSKU reports whether a service of that SKU has a gateway for the policy. Self-hosted
// gateways belong to the classic tiers, which therefore may have their policies too.
func onSKU(gateways, sku string) bool {
	switch {
	case strings.EqualFold(sku, "Consumption"):
		return strings.Contains(gateways, "n")
	case strings.HasSuffix(strings.ToLower(sku), "v2"):
		return strings.Contains(gateways, "v")
	}
	return strings.ContainsAny(gateways, "cs")
}

// element checks attributes, text and children of e.
func (c *checker) element(e *Element, def *Definition) {
	c.attributes(e, def)
	if rule := rules[e.Name]; rule != nil && def == table().byName[e.Name] {
		for _, f := range rule(e) {
			c.fault(&Element{Name: f.Element, Pos: f.Pos}, "%s", f.Message)
		}
	}
	if e.Name == "rewrite-uri" && c.env.Template != "" {
		c.rewrite(e)
	}
	switch {
	case def.markup:
		c.expression(e, e.Text, def.Wants(""))
		return
	case def.holds:
		c.noText(e, nil)
		c.policies(e, e.Children)
		return
	case def.literal && e.Text.Expr != nil:
		c.fault(e, "Expressions are not allowed in the text of '%s'.", e.Name)
	case !def.text && len(def.children) > 0:
		c.noText(e, childNames(def))
	default:
		c.expression(e, e.Text, def.Wants(""))
	}
	c.children(e, def)
}

var parameter = regexp.MustCompile(`\{\*?([^{}]+)\}`)

// rewrite refuses parameters that the operation's own template lacks.
func (c *checker) rewrite(e *Element) {
	template, _ := e.Attr("template")
	if !template.Literal() {
		return
	}
	known := map[string]bool{}
	for _, m := range parameter.FindAllStringSubmatch(c.env.Template, -1) {
		known[strings.ToLower(m[1])] = true
	}
	for _, m := range parameter.FindAllStringSubmatch(template.Text, -1) {
		if !known[strings.ToLower(m[1])] {
			c.fault(e, "Only parameters specified in the original URL template can be used in the rewrite template")
			return
		}
	}
}

func (c *checker) attributes(e *Element, def *Definition) {
	groups := map[string]bool{}
	for i := range e.Attrs {
		a := &e.Attrs[i]
		known := def.attr(a.Name)
		switch {
		case known == nil && (a.Name == "id" || strings.HasPrefix(a.Name, "xmlns")):
		case known == nil:
			c.fault(e, "The '%s' attribute is not declared.%s", a.Name, likely(a.Name, attrNames(def)))
		case known.literal && a.Value.Expr != nil:
			c.fault(e, "Expressions are not allowed in the '%s' attribute.", a.Name)
		case a.Value.Literal():
			if fault := known.fault(a.Value.Text); fault != "" {
				c.fault(e, "%s", fault)
			}
		default:
			c.expression(e, a.Value, def.Wants(a.Name))
		}
		if known != nil {
			groups[known.group] = true
		}
	}
	for _, a := range def.attrs {
		_, has := e.Attr(a.name)
		switch {
		case a.required && !has:
			c.fault(e, "The required attribute '%s' is missing.", a.name)
		case a.group != "" && !groups[a.group]:
			groups[a.group] = true
			c.fault(e, "One of the attributes %s is required.", either(groupNames(def, a.group)))
		}
	}
}

func (c *checker) children(e *Element, def *Definition) {
	count := map[string]int{}
	for _, child := range e.Children {
		known := def.child(child.Name)
		if known == nil {
			c.badChild(e, child, def)
			continue
		}
		count[child.Name]++
		switch {
		case count[child.Name] == 2 && (known.Occurs == '1' || known.Occurs == '?'):
			c.fault(child, "The element '%s' can hold one element '%s'; remove this one.", e.Name, child.Name)
		case e.Name == "choose" && child.Name == "when" && count["otherwise"] > 0:
			c.fault(child, "The element 'choose' has invalid child element 'when': 'otherwise' has to stand last.")
		}
		c.element(child, known)
	}
	for _, known := range def.children {
		if (known.Occurs == '1' || known.Occurs == '+') && count[known.Name] == 0 {
			c.fault(e, "The element '%s' has incomplete content. List of possible elements expected: '%s'.", e.Name, known.Name)
		}
	}
}

func (c *checker) badChild(e, child *Element, def *Definition) {
	expected := ""
	if names := childNames(def); len(names) > 0 {
		expected = " List of possible elements expected: " + quoted(names) + "."
	}
	c.fault(child, "The element '%s' has invalid child element '%s'.%s", e.Name, child.Name, expected)
}

func childNames(def *Definition) []string {
	var names []string
	for _, c := range def.children {
		names = append(names, c.Name)
	}
	return names
}

func attrNames(def *Definition) []string {
	names := []string{"id"}
	for _, a := range def.attrs {
		names = append(names, a.name)
	}
	return names
}

func groupNames(def *Definition, group string) []string {
	var names []string
	for _, a := range def.attrs {
		if a.group == group {
			names = append(names, "'"+a.name+"'")
		}
	}
	return names
}

func quoted(names []string) string { return "'" + strings.Join(names, ", ") + "'" }

func either(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func invalid(name, value, kind string) string {
	if len(value) > 100 {
		value = value[:100] + "…"
	}
	return fmt.Sprintf("The '%s' attribute is invalid - The value '%s' is invalid according to its datatype '%s'.", name, value, kind)
}

// isSpan takes seconds, .NET's hh:mm:ss and ISO 8601, which Microsoft's own toolkit writes (gateway.md 8.1).
func isSpan(v string) bool {
	n, ok := Seconds(v)
	return ok && n >= 0
}

// Moment reads a date and time as policies write them; without an offset it is UTC.
func Moment(text string) (t time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t, true
		}
	}
	return t, false
}

// likely asks whether the nearest of the known names was meant, when one is near.
func likely(name string, known []string) string {
	best, least := "", max(2, len(name)/3)+1
	if len(name) > 60 {
		return ""
	}
	for _, k := range known {
		if n := distance(strings.ToLower(name), k); n < least {
			best, least = k, n
		}
	}
	if best == "" {
		return ""
	}
	return " Did you mean '" + best + "'?"
}

// distance is how many letters have to be added, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
