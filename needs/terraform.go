package needs

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"gatehouse"
)

//go:embed azurerm.txt
var azurermTable string

// resourceType is a line of azurerm.txt.
type resourceType struct {
	id     string
	extras []extra
}

type extra struct {
	when, action, scope string
	having              []string // attributes, of which one has to be set
}

var azurerm = sync.OnceValue(func() map[string]resourceType {
	out := map[string]resourceType{}
	for line := range strings.Lines(azurermTable) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] == "#" {
			continue
		}
		t := resourceType{id: words[1]}
		for _, w := range words[2:] {
			when, rest, _ := strings.Cut(w, "=")
			rest, having, _ := strings.Cut(rest, "?")
			action, scope, _ := strings.Cut(rest, "@")
			e := extra{when: when, action: action, scope: scope}
			if having != "" {
				e.having = strings.Split(having, ",")
			}
			t.extras = append(t.extras, e)
		}
		out[words[0]] = t
	}
	return out
})

// terraformPlan is what is read of "terraform show -json" of a plan.
type terraformPlan struct {
	Changes []*change `json:"resource_changes"`
	Prior   struct {
		Values struct {
			Root module `json:"root_module"`
		} `json:"values"`
	} `json:"prior_state"`
	Configuration struct {
		Providers map[string]struct {
			Name        string                     `json:"name"`
			Expressions map[string]json.RawMessage `json:"expressions"`
		} `json:"provider_config"`
		Root configModule `json:"root_module"`
	} `json:"configuration"`
}

type module struct {
	Resources []state  `json:"resources"`
	Children  []module `json:"child_modules"`
}

type state struct {
	Address, Mode, Type string
	Values              map[string]any
}

type change struct {
	Address, Mode, Type, Name string
	Module                    string `json:"module_address"`
	Change                    struct {
		Actions       []string
		Before, After map[string]any
	}
}

type configModule struct {
	Resources []struct {
		Address     string
		Expressions map[string]json.RawMessage
	} `json:"resources"`
	Calls map[string]struct {
		Module configModule `json:"module"`
	} `json:"module_calls"`
}

type expression struct {
	Constant   any      `json:"constant_value"`
	References []string `json:"references"`
}

// Terraform reads a plan in the JSON of "terraform show -json". Subscription is where resources without an ID are, when
// the plan does not say itself.
func Terraform(text []byte, subscription string) (*Requirements, error) {
	var p terraformPlan
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidPlan", "This is no Terraform plan: %v. Make one with \"terraform plan -out p.bin\" and \"terraform show -json p.bin\".", err)
	}
	t := terraform{Requirements: newRequirements("Terraform plan"), plan: &p, subscription: subscription, byAddress: map[string]*change{}, config: map[string]map[string]json.RawMessage{}}
	for _, c := range p.Changes {
		t.byAddress[c.Address] = c
	}
	t.configure(&p.Configuration.Root, "")
	if t.subscription == "" {
		t.subscription = p.subscription()
	}
	for _, c := range p.Changes {
		if t.creates(c) {
			if id, ok := t.id(c); ok {
				t.Requirements.creates[id.Scope()] = true
			}
		}
	}
	for _, c := range p.Changes {
		t.needs(c)
	}
	t.read(&p.Prior.Values.Root)
	return t.sort(), nil
}

type terraform struct {
	*Requirements
	plan         *terraformPlan
	subscription string
	byAddress    map[string]*change
	config       map[string]map[string]json.RawMessage // expressions by address without indexes
	depth        int
}

func (t *terraform) configure(m *configModule, prefix string) {
	for _, r := range m.Resources {
		t.config[prefix+r.Address] = r.Expressions
	}
	for name, call := range m.Calls {
		t.configure(&call.Module, prefix+"module."+name+".")
	}
}

// subscription finds the subscription that a plan is about.
func (p *terraformPlan) subscription() string {
	for _, c := range p.Configuration.Providers {
		var e expression
		_ = json.Unmarshal(c.Expressions["subscription_id"], &e) // another shape is no constant
		if s, ok := e.Constant.(string); ok && c.Name == "azurerm" {
			return s
		}
	}
	found := ""
	look := func(values map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			s, _ := values[name].(string)
			if id, err := gatehouse.ParseID(s); found == "" && strings.HasPrefix(s, "/subscriptions/") && err == nil {
				if sub, ok := id.Scope().Subscription(); ok {
					found = sub.Name()
				}
			}
			if name == "subscription_id" && len(s) == 36 {
				found = s
			}
		}
	}
	for _, r := range p.Prior.Values.Root.Resources {
		if r.Mode == "data" && r.Type != "azurerm_api_management_subscription" {
			look(r.Values)
		}
	}
	for _, c := range p.Changes {
		if found == "" && c.Type != "azurerm_api_management_subscription" {
			look(c.Change.Before)
		}
	}
	return found
}

func (t *terraform) creates(c *change) bool {
	return c.Mode == "managed" && slices.Contains(c.Change.Actions, "create")
}

var verbs = map[string]string{"create": "c", "update": "u", "delete": "d", "read": "r", "no-op": "r", "forget": "r"}

// needs adds what one resource asks for. Terraform reads a resource before it makes, changes or deletes it.
func (t *terraform) needs(c *change) {
	when := "r"
	for _, a := range c.Change.Actions {
		when += verbs[a]
	}
	why := fmt.Sprintf("%s (%s)", c.Address, strings.Join(c.Change.Actions, ", "))
	t.resource(c, when, why)
}

func (t *terraform) resource(c *change, when, why string) {
	if !strings.HasPrefix(c.Type, "azurerm_") {
		if !strings.HasPrefix(c.Type, "azuread_") {
			return // another provider's
		}
		t.unknown(c.Type + " asks for permissions of Microsoft Graph")
		return
	}
	row, ok := azurerm()[c.Type]
	if !ok {
		if c.Mode == "managed" || c.Type != "azurerm_client_config" && c.Type != "azurerm_subscription" {
			t.unknown(c.Type)
		}
		return
	}
	id, ok := t.id(c)
	if !ok {
		t.unknown(c.Address + ": its scope")
		return
	}
	for verb, action := range map[string]string{"r": "read", "c": "write", "u": "write", "d": "delete"} {
		if strings.Contains(when, verb) {
			t.add(id.Type()+"/"+action, id, why)
		}
	}
	for _, e := range row.extras {
		if c.Mode == "managed" && strings.ContainsAny(when, e.when) && t.has(c, e.having) {
			t.extra(c, id, e, why)
		}
	}
}

func (t *terraform) has(c *change, attributes []string) bool {
	return len(attributes) == 0 || slices.ContainsFunc(attributes, func(a string) bool {
		switch v := c.values()[a].(type) {
		case nil:
			return false
		case bool:
			return v
		case []any:
			return len(v) > 0
		}
		return true
	})
}

func (t *terraform) extra(c *change, id gatehouse.ID, e extra, why string) {
	action := e.action
	if rest, ok := strings.CutPrefix(action, "./"); ok {
		action = id.Type() + "/" + rest
	}
	switch {
	case e.scope == "":
		t.add(action, id, why)
	case strings.HasPrefix(e.scope, "{"):
		if e.scope == "{service}" {
			for at := id; !at.IsRoot(); at = at.Parent() {
				if gatehouse.EqualFold(at.Type(), "Microsoft.ApiManagement/service") {
					t.add(action, at, why)
				}
			}
			return
		}
		if s, ok := t.begin(c, strings.Trim(e.scope, "{}")); ok {
			t.add(action, s, why)
		}
	default:
		for _, s := range t.ids(c, e.scope) {
			t.add(action, s, why)
		}
	}
}

func (c *change) values() map[string]any {
	if c.Change.After != nil {
		return c.Change.After
	}
	return c.Change.Before
}

// id is the resource ID that a resource has or will have; names that only applying tells stay in braces.
func (t *terraform) id(c *change) (gatehouse.ID, bool) {
	row, ok := azurerm()[c.Type]
	if !ok || t.depth > 20 {
		return gatehouse.ID{}, false
	}
	t.depth++
	defer func() { t.depth-- }()
	first, rest, _ := strings.Cut(row.id, "/")
	base, ok := t.begin(c, strings.Trim(first, "{}"))
	if !ok {
		return t.known(c)
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		if !strings.HasPrefix(s, "{") {
			continue
		}
		value, ok := t.text(c, strings.Trim(s, "{}"))
		if !ok || value == "" {
			value = s
		}
		value, _, _ = strings.Cut(value[strings.LastIndexByte(value, '/')+1:], ";")
		segments[i] = value
	}
	id, err := gatehouse.ParseID(strings.TrimSuffix(base.String(), "/") + "/" + strings.Join(segments, "/"))
	return id, err == nil
}

// known is the ID that the state has for a resource.
func (t *terraform) known(c *change) (gatehouse.ID, bool) {
	for _, values := range []map[string]any{c.Change.Before, c.Change.After} {
		if s, _ := values["id"].(string); strings.HasPrefix(s, "/") {
			id, err := gatehouse.ParseID(withoutRevision(s))
			return id, err == nil
		}
	}
	return gatehouse.ID{}, false
}

func withoutRevision(s string) string {
	s, _, _ = strings.Cut(s, "|") // role definitions have their scope behind it
	before, after, ok := strings.Cut(s, ";rev=")
	if ok {
		_, rest, _ := strings.Cut(after, "/")
		s = strings.TrimSuffix(before+"/"+rest, "/")
	}
	return s
}

// begin is what an ID starts with.
func (t *terraform) begin(c *change, name string) (id gatehouse.ID, ok bool) {
	text := "/subscriptions/" + t.subscription
	if t.subscription == "" {
		text = "/subscriptions/{subscription}"
	}
	switch name {
	case "subscription":
	case "group":
		group, ok := t.text(c, "resource_group_name")
		if !ok {
			return id, false
		}
		text += "/resourceGroups/" + group
	case "service":
		if ids := t.ids(c, "api_management_id"); len(ids) == 1 {
			return ids[0], true
		}
		group, ok := t.text(c, "resource_group_name")
		service, found := t.text(c, "api_management_name")
		if !ok || !found {
			return id, false
		}
		text += "/resourceGroups/" + group + "/providers/Microsoft.ApiManagement/service/" + service
	default:
		ids := t.ids(c, strings.TrimSuffix(name, "^"))
		if len(ids) != 1 {
			return id, false
		}
		if strings.HasSuffix(name, "^") {
			return ids[0].Parent(), true
		}
		return ids[0], true
	}
	id, err := gatehouse.ParseID(text)
	return id, err == nil
}

// text is an attribute of a resource: as planned or, where that is not known before applying, as its configuration says.
func (t *terraform) text(c *change, name string) (string, bool) {
	if s, ok := c.values()[name].(string); ok {
		return s, true
	}
	e := t.expression(c, name)
	if s, ok := e.Constant.(string); ok {
		return s, true
	}
	other, attribute := t.refers(c, e)
	if other == nil || t.depth > 20 {
		return "", false
	}
	if attribute == "id" {
		id, ok := t.id(other)
		return id.String(), ok
	}
	t.depth++
	defer func() { t.depth-- }()
	return t.text(other, attribute)
}

// ids are the resource IDs that an attribute holds, perhaps one of a nested block.
func (t *terraform) ids(c *change, path string) (out []gatehouse.ID) {
	block, name, nested := strings.Cut(path, ".")
	values := c.values()
	if !nested {
		name = block
	} else if list, _ := values[block].([]any); len(list) > 0 {
		values, _ = list[0].(map[string]any)
	} else if !nested {
		values = nil
	}
	var texts []any
	switch v := values[name].(type) {
	case string:
		texts = []any{v}
	case []any:
		texts = v
	}
	for _, v := range texts {
		if s, ok := v.(string); ok {
			if id, err := gatehouse.ParseID(withoutRevision(s)); err == nil && !id.IsRoot() {
				out = append(out, id)
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	e := t.expression(c, path)
	if s, ok := e.Constant.(string); ok {
		if id, err := gatehouse.ParseID(withoutRevision(s)); err == nil {
			return []gatehouse.ID{id}
		}
	}
	seen := map[gatehouse.Scope]bool{}
	for i := range e.References {
		other, _ := t.refers(c, expression{References: e.References[i:]})
		if other == nil {
			continue
		}
		if id, ok := t.id(other); ok && !seen[id.Scope()] {
			seen[id.Scope()] = true
			out = append(out, id)
		}
	}
	return out
}

func (t *terraform) expression(c *change, path string) (e expression) {
	expressions := t.config[withoutIndex(c.Address)]
	block, name, nested := strings.Cut(path, ".")
	raw := expressions[block]
	if nested {
		var blocks []map[string]json.RawMessage
		if json.Unmarshal(raw, &blocks) != nil || len(blocks) == 0 {
			return e
		}
		raw = blocks[0][name]
	}
	_ = json.Unmarshal(raw, &e) // what has another shape refers to nothing
	return e
}

func withoutIndex(address string) string {
	var b strings.Builder
	depth := 0
	for _, r := range address {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// refers finds the resource that an expression refers to first, and which attribute of it.
func (t *terraform) refers(c *change, e expression) (*change, string) {
	for _, ref := range e.References {
		prefix := ""
		if c.Module != "" {
			prefix = c.Module + "."
		}
		parts := strings.Split(withoutIndex(ref), ".")
		at := 2
		if parts[0] == "data" {
			at = 3
		}
		if len(parts) <= at || strings.HasPrefix(ref, "var.") || strings.HasPrefix(ref, "local.") || strings.HasPrefix(ref, "module.") {
			continue
		}
		address := prefix + strings.Join(parts[:at], ".")
		if other := t.byAddress[address]; other != nil {
			return other, parts[at]
		}
		for key, other := range t.byAddress { // one of several
			if withoutIndex(key) == address {
				return other, parts[at]
			}
		}
		if s := t.plan.Prior.Values.Root.find(address); s != nil {
			other := &change{Address: s.Address, Mode: s.Mode, Type: s.Type}
			other.Change.Before = s.Values
			return other, parts[at]
		}
	}
	return nil, ""
}

func (m *module) find(address string) *state {
	for i := range m.Resources {
		if m.Resources[i].Address == address {
			return &m.Resources[i]
		}
	}
	for i := range m.Children {
		if s := m.Children[i].find(address); s != nil {
			return s
		}
	}
	return nil
}

// read adds what planning has read already: data sources.
func (t *terraform) read(m *module) {
	for _, s := range m.Resources {
		if s.Mode == "data" {
			c := &change{Address: s.Address, Mode: s.Mode, Type: s.Type}
			c.Change.Before = s.Values
			t.resource(c, "r", s.Address+" (read)")
		}
	}
	for i := range m.Children {
		t.read(&m.Children[i])
	}
}
