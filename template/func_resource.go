package template

import (
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// listRow declares listKeys, listSecrets and whatever else starts with list.
var listRow = &row{name: "list*", least: 2, most: 3, where: inBody | inOutput, eager: list}

func resourceFunctions() []row {
	return []row{
		{name: "resourceId", least: 2, most: many, eager: resourceID},
		{name: "subscriptionResourceId", least: 2, most: many, eager: func(c *call) Value {
			args := c.strings(0)
			sub := c.frame.run.env.subscription()
			if len(args) > 0 && !strings.Contains(args[0], "/") {
				sub, args = args[0], args[1:]
			}
			if sub == "" {
				return c.fail("the deployment is not in a subscription; give its ID as first argument")
			}
			return c.compose("/subscriptions/"+sub, args)
		}},
		{name: "tenantResourceId", least: 2, most: many, eager: func(c *call) Value { return c.compose("", c.strings(0)) }},
		{name: "managementGroupResourceId", least: 2, most: many, eager: func(c *call) Value {
			args := c.strings(0)
			group := c.frame.run.env.managementGroup()
			if len(args) > 0 && !strings.Contains(args[0], "/") {
				group, args = args[0], args[1:]
			}
			if group == "" {
				return c.fail("the deployment is not in a management group; give its name as first argument")
			}
			return c.compose("/providers/Microsoft.Management/managementGroups/"+group, args)
		}},
		{name: "extensionResourceId", least: 3, most: many, eager: func(c *call) Value {
			base := strings.TrimRight(c.str(0), "/")
			return c.compose(base, c.strings(1))
		}},
		{name: "reference", least: 1, most: 3, where: inBody | inOutput, eager: func(c *call) Value { return c.reference(c.str(0)) }},
		{name: "references", least: 1, most: 2, where: inBody | inOutput, eager: references},
		{name: "resourceInfo", least: 1, most: 1, where: inBody | inOutput, eager: resourceInfo},
		{name: "providers", least: 1, most: 2, eager: func(c *call) Value {
			if get := c.frame.run.env.Providers; get != nil {
				kind := ""
				if c.has(1) {
					kind = c.str(1)
				}
				if v, ok := get(c.str(0), kind); ok {
					return v
				}
			}
			return c.fail("the resource provider or type is not registered")
		}},
		// Self-hosted resources have no availability zones, which Azure answers with an empty list.
		{name: "pickZones", least: 3, most: 5, eager: func(*call) Value { return []Value{} }},
	}
}

// compose joins a scope, a type and its names to an ID.
func (c *call) compose(base string, typeAndNames []string) Value {
	if c.err != nil {
		return nil
	}
	if len(typeAndNames) == 0 {
		return c.fail("the resource type is missing")
	}
	path, ok := interleave(typeAndNames[0], typeAndNames[1:])
	if !ok {
		return c.fail("the type '%s' needs as many names as it has segments after the namespace, and got %d",
			clip(typeAndNames[0]), len(typeAndNames)-1)
	}
	return base + path
}

// interleave makes /providers/Namespace/type/name/… of a type and its names.
// Subscriptions and resource groups have no provider in their IDs.
func interleave(kind string, names []string) (string, bool) {
	segments := strings.Split(kind, "/")
	if len(segments) != len(names)+1 || len(names) == 0 {
		return "", false
	}
	var b strings.Builder
	if !sameText(kind, "Microsoft.Resources/resourceGroups") && !sameText(kind, "Microsoft.Resources/subscriptions") {
		b.WriteString("/providers/" + segments[0])
	}
	for i, name := range names {
		if name == "" || segments[i+1] == "" {
			return "", false
		}
		b.WriteString("/" + segments[i+1] + "/" + name)
	}
	return b.String(), true
}

// resourceID is resourceId([subscription], [resource group], type, names…): what
// comes before the type is told from it by having no slash.
func resourceID(c *call) Value {
	args := c.strings(0)
	at := 0
	for at < len(args) && !strings.Contains(args[at], "/") {
		at++
	}
	if c.err != nil {
		return nil
	}
	if at > 2 || at == len(args) {
		return c.fail("the resource type is missing; write resourceId('Namespace/type', 'name')")
	}
	env := &c.frame.run.env
	sub, group := env.subscription(), env.resourceGroup()
	switch {
	case at == 2:
		sub, group = args[0], args[1]
	case at == 1 && isGUID(args[0]):
		sub, group = args[0], ""
	case at == 1:
		group = args[0]
	}
	base := ""
	switch {
	case group != "":
		base = "/subscriptions/" + sub + "/resourceGroups/" + group
	case sub != "":
		base = "/subscriptions/" + sub
	}
	if sameText(args[at], "Microsoft.Resources/resourceGroups") && sub != "" {
		base = "/subscriptions/" + sub
	}
	return c.compose(base, args[at:])
}

func isGUID(s string) bool {
	_, err := gatehouse.ParseGUID(s)
	return err == nil
}

// note records the use of another resource when there is nobody to ask yet.
func (c *call) note(target string, list bool) bool {
	f := c.frame
	if f.resolve != nil {
		return false
	}
	if f.found != nil && c.err == nil {
		*f.found = append(*f.found, use{target: target, apiVersion: c.has(1) && !sameText(asText(c.args[1]), "full"), list: list})
	}
	return true
}

// reference asks for a resource of this deployment by name, symbol or ID, or for
// any resource by ID and api-version.
func (c *call) reference(target string) Value {
	if c.note(target, false) || c.err != nil {
		return late{}
	}
	id, version, err := c.frame.target(target)
	if err != nil {
		return c.fail("%v", err)
	}
	full := false
	for i := 1; i < len(c.args); i++ {
		if s, _ := c.args[i].(string); sameText(s, "full") {
			full = true
		} else if s != "" {
			version = s
		}
	}
	if version == "" {
		return c.fail("the resource is not defined in the template, so an api-version is needed as second argument")
	}
	o, err := c.frame.resolve.Reference(id, version)
	if err != nil {
		c.err = err
		return nil
	}
	if full {
		return o
	}
	v, _ := o.Get("properties")
	return v
}

// references returns the resources of a copy loop by its symbolic name.
func references(c *call) Value {
	symbol := c.str(0)
	if c.note(symbol, false) || c.err != nil {
		return late{}
	}
	out := []Value{}
	for _, s := range c.frame.run.all {
		if sameText(s.Symbol, symbol) {
			out = append(out, c.reference(s.ID.String()))
		}
	}
	return out
}

func resourceInfo(c *call) Value {
	symbol := c.str(0)
	for _, s := range c.frame.run.all {
		if c.err == nil && sameText(s.Symbol, symbol) {
			return jsondoc.NewObject("id", s.ID.String(), "name", s.Name, "type", s.Type, "apiVersion", s.APIVersion)
		}
	}
	return c.fail("no resource has that symbolic name")
}

func list(c *call) Value {
	if c.note(c.str(0), true) || c.err != nil {
		return late{}
	}
	id, version, err := c.frame.target(c.str(0))
	if err != nil {
		return c.fail("%v", err)
	}
	if s := c.str(1); s != "" {
		version = s
	}
	var body Value
	if c.has(2) {
		body = c.args[2]
	}
	v, err := c.frame.resolve.List(id, c.node.text, version, body)
	if err != nil && c.err == nil {
		c.err = err
	}
	return v
}

// target finds what a use means: a symbol, a name or an ID.
func (f *frame) target(s string) (gatehouse.ID, string, error) {
	for r := f.run; r != nil; r = r.parent {
		steps, err := r.match(s)
		if err != nil {
			return gatehouse.ID{}, "", err
		}
		if len(steps) > 0 {
			return steps[0].ID, steps[0].APIVersion, nil
		}
	}
	if !strings.HasPrefix(s, "/") && f.run.owner().template.secrets {
		return gatehouse.ID{}, "", faultf("the resource is not defined in the template; give its resource ID")
	}
	if !strings.HasPrefix(s, "/") {
		return gatehouse.ID{}, "", faultf("the resource '%s' is not defined in the template; give its resource ID", clip(s))
	}
	id, err := gatehouse.ParseID(s)
	if err != nil {
		return id, "", faultf("the text starts with '/' and is not a resource ID; make it with resourceId()")
	}
	return id, "", nil
}
