package desired

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/world"
)

// Declaration is what files say that there should be.
type Declaration struct {
	Governs     Governs
	Reason      string // recorded with each change
	roles       []entry
	assignments []entry
	groups      []entry
	denies      []entry
}

// Governs is what the files own: what is there and not declared is removed, or reported.
type Governs struct {
	Scopes    []string // at these and below
	Kinds     []string // roleAssignments, roleDefinitions, denyAssignments; roleAssignments when empty
	Groups    []string // names; one that is not declared is deleted
	Unmanaged string   // remove (default), report or ignore
}

// kinds are what Governs.Kinds takes.
var kinds = []string{"roleAssignments", "roleDefinitions", "denyAssignments"}

func (g Governs) kind(name string) bool {
	if len(g.Kinds) == 0 {
		return name == kinds[0]
	}
	return slices.ContainsFunc(g.Kinds, func(k string) bool { return gatehouse.EqualFold(k, name) })
}

// entry is one declared object and where it stands.
type entry struct {
	f *world.File
	o *jsondoc.Object
}

func (e entry) at(member, format string, args ...any) error {
	return e.f.At(e.o, member, format, args...)
}

// text is the first of several members that has one.
func (e entry) text(names ...string) string {
	for _, name := range names {
		for _, o := range []*jsondoc.Object{e.o.Object("properties"), e.o} {
			if o == nil {
				continue
			}
			if s := o.String(name); s != "" {
				return s
			}
		}
	}
	return ""
}

func (e entry) value(name string) jsondoc.Value {
	if p := e.o.Object("properties"); p != nil {
		if v, ok := p.Get(name); ok {
			return v
		}
	}
	v, _ := e.o.Get(name)
	return v
}

func (e entry) has(name string) bool { return e.value(name) != nil }

// texts reads a list of texts; an object in it stands for the first of its members id, displayName, userPrincipalName.
func (e entry) texts(name string) ([]string, error) {
	v := e.value(name)
	if s, ok := v.(string); ok {
		return []string{s}, nil
	}
	list, ok := v.([]jsondoc.Value)
	if v != nil && !ok {
		return nil, e.at(name, "%s has to be a list", name)
	}
	out := []string{}
	for _, item := range list {
		s, _ := item.(string)
		if o, ok := item.(*jsondoc.Object); ok {
			s = cmp.Or(o.String("id"), o.String("userPrincipalName"), o.String("displayName"))
		}
		if s == "" {
			return nil, e.at(name, "%s has an entry that is neither text nor names somebody", name)
		}
		out = append(out, s)
	}
	return out, nil
}

// permissions reads a role's or deny's; PowerShell and az's input have one entry and no list around it.
func (e entry) permissions() ([]gatehouse.Permission, error) {
	list, ok := e.value("permissions").([]jsondoc.Value)
	if !ok {
		list = []jsondoc.Value{e.o}
	}
	var out []gatehouse.Permission
	for _, v := range list {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			return nil, e.at("permissions", "a permission is an object of actions, notActions, dataActions and notDataActions")
		}
		inner, p := entry{e.f, o}, gatehouse.Permission{Condition: o.String("condition"), ConditionVersion: o.String("conditionVersion")}
		var err error
		for _, part := range []struct {
			name string
			into *[]string
		}{{"actions", &p.Actions}, {"notActions", &p.NotActions}, {"dataActions", &p.DataActions}, {"notDataActions", &p.NotDataActions}} {
			if *part.into, err = inner.texts(part.name); err != nil {
				return nil, err
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// members of the file and of what it declares; the many spellings are those of az, Resource Manager and people.
var (
	sections = []string{"governs", "reason", "roleDefinitions", "roleAssignments", "groups", "denyAssignments"}
	members  = map[string][]string{
		"roleDefinitions": {"id", "name", "roleName", "roleType", "type", "description", "assignableScopes", "permissions", "actions", "notActions", "dataActions", "notDataActions", "isCustom", "properties", "createdOn", "createdBy", "updatedOn", "updatedBy"},
		"roleAssignments": {"id", "name", "type", "scope", "role", "roleDefinitionName", "roleDefinitionId", "principal", "principalName", "principalId", "principalType", "description", "condition", "conditionVersion", "properties", "createdOn", "createdBy", "updatedOn", "updatedBy", "delegatedManagedIdentityResourceId"},
		"groups":          {"id", "displayName", "description", "members", "owners", "securityEnabled", "mailEnabled", "mailNickname"},
		"denyAssignments": {"id", "name", "type", "denyAssignmentName", "description", "scope", "permissions", "principals", "excludePrincipals", "doNotApplyToChildScopes", "denyAssignmentEffect", "condition", "conditionVersion", "isSystemProtected", "properties"},
	}
)

// Read adds a file to the declaration. Several files together are one.
func (d *Declaration) Read(f *world.File) error {
	o, ok := f.Root.(*jsondoc.Object)
	if !ok {
		return fmt.Errorf("%s: it has to be an object with %s", f.Name, strings.Join(sections, ", "))
	}
	whole := entry{f, o}
	for name := range o.All() {
		if !oneOf(name, sections) {
			return whole.at(name, "there is no %q here; there are %s", name, strings.Join(sections, ", "))
		}
	}
	if g := o.Object("governs"); g != nil {
		if err := d.governs(entry{f, g}); err != nil {
			return err
		}
	}
	d.Reason = cmp.Or(d.Reason, o.String("reason"))
	for name, into := range map[string]*[]entry{"roleDefinitions": &d.roles, "roleAssignments": &d.assignments, "groups": &d.groups, "denyAssignments": &d.denies} {
		if err := whole.list(name, into); err != nil {
			return err
		}
	}
	return nil
}

func (d *Declaration) governs(e entry) error {
	for name := range e.o.All() {
		if known := []string{"scopes", "kinds", "groups", "unmanaged"}; !oneOf(name, known) {
			return e.at(name, "governs has no %q; it has %s", name, strings.Join(known, ", "))
		}
	}
	for _, part := range []struct {
		name string
		into *[]string
	}{{"scopes", &d.Governs.Scopes}, {"kinds", &d.Governs.Kinds}, {"groups", &d.Governs.Groups}} {
		list, err := e.texts(part.name)
		if err != nil {
			return err
		}
		*part.into = append(*part.into, list...)
	}
	for _, kind := range d.Governs.Kinds {
		if !oneOf(kind, kinds) {
			return e.at("kinds", "kinds takes %s; it has %q. Groups are named in governs.groups", strings.Join(kinds, ", "), kind)
		}
	}
	if word := e.text("unmanaged"); word != "" {
		if !slices.Contains([]string{"remove", "report", "ignore"}, word) {
			return e.at("unmanaged", "unmanaged takes remove, report or ignore; it is %q", word)
		}
		d.Governs.Unmanaged = word
	}
	return nil
}

func (e entry) list(name string, into *[]entry) error {
	v, ok := e.o.Get(name)
	list, isList := v.([]jsondoc.Value)
	if ok && v != nil && !isList {
		return e.at(name, "%s has to be a list", name)
	}
	for i, item := range list {
		o, ok := item.(*jsondoc.Object)
		if !ok {
			return e.at(name, "%s[%d] has to be an object", name, i)
		}
		for member := range o.All() {
			if !oneOf(member, members[name]) {
				return e.f.At(o, member, "an entry of %s has no member %q; it has %s", name, member, strings.Join(members[name], ", "))
			}
		}
		*into = append(*into, entry{e.f, o})
	}
	return nil
}

func oneOf(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return gatehouse.EqualFold(n, name) })
}

// Scopes lists every scope that the declaration is about, as written.
func (d *Declaration) Scopes() []string {
	all := slices.Clone(d.Governs.Scopes)
	for _, list := range [][]entry{d.assignments, d.denies} {
		for _, e := range list {
			all = append(all, e.text("scope"))
		}
	}
	for _, e := range d.roles {
		scopes, _ := e.texts("assignableScopes") // a fault is told when it is compared
		all = append(all, scopes...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
}

// GroupNames lists the groups that the declaration is about.
func (d *Declaration) GroupNames() []string {
	all := slices.Clone(d.Governs.Groups)
	for _, e := range d.groups {
		all = append(all, cmp.Or(e.text("id"), e.text("displayName")))
	}
	return all
}

// Expand turns a scope as people write it into an ID: a full ID, "." for the
// subscription, RG, RG/SERVICE of API Management, RG/SERVICE/apis/NAME.
func Expand(subscription, text string) (gatehouse.ID, error) {
	if strings.HasPrefix(text, "/") {
		return gatehouse.ParseID(text)
	}
	base := "/subscriptions/" + subscription
	if text == "." {
		return gatehouse.ParseID(base)
	}
	parts := strings.SplitN(text, "/", 3)
	path := base + "/resourceGroups/" + parts[0]
	if len(parts) > 1 {
		path += "/providers/Microsoft.ApiManagement/service/" + parts[1]
	}
	if len(parts) > 2 {
		path += "/" + parts[2]
	}
	return gatehouse.ParseID(path)
}

// Short is a scope as people write it.
func Short(subscription, id string) string {
	base := "/subscriptions/" + subscription
	rest, ok := cutFold(id, base)
	switch {
	case id == "" || id == "/":
		return "/"
	case !ok:
		return id
	case rest == "":
		return "."
	}
	if rest, ok = cutFold(rest, "/resourceGroups/"); !ok {
		return id
	}
	group, below, deeper := strings.Cut(rest, "/")
	if !deeper {
		return group
	}
	if below, ok = cutFold(below, "providers/Microsoft.ApiManagement/service/"); !ok {
		return id
	}
	return group + "/" + below
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !gatehouse.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
