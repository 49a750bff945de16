package world

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/yamldoc"
)

// Format is a form in which a world is written.
type Format string

// The formats.
const (
	JSON Format = "json"
	YAML Format = "yaml"
)

// Marshal writes what Parse reads back as the same world. Built-in roles that are as
// everybody has them are left out.
func (w *World) Marshal(f Format) ([]byte, error) {
	doc := w.Document()
	if f == YAML {
		return yamldoc.Marshal(doc)
	}
	return append(jsondoc.MarshalIndent(doc, "  "), '\n'), nil
}

// Document is the world as Parse reads it.
func (w *World) Document() *jsondoc.Object {
	doc := &jsondoc.Object{}
	if !w.Now.IsZero() {
		doc.Set("now", instant(w.Now))
	}
	if w.Complete {
		doc.Set("complete", true)
	}
	m := marshaller{w, map[gatehouse.GUID]string{}, map[gatehouse.GUID]string{}}
	for i := range w.Roles {
		m.roles[w.Roles[i].ID] = w.Roles[i].Name
	}
	for i := range w.Principals {
		m.names[w.Principals[i].ID] = w.Principals[i].Name
	}
	setList(doc, "roleDefinitions", slices.DeleteFunc(slices.Clone(w.Roles), asShipped), m.role)
	setList(doc, "roleAssignments", w.Assignments, m.assignment)
	setList(doc, "roleEligibilities", w.Eligibilities, m.assignment)
	setList(doc, "denyAssignments", w.Denies, m.deny)
	for i, name := range []string{"users", "servicePrincipals", "groups", "principals"} {
		setList(doc, name, slices.DeleteFunc(slices.Clone(w.Principals), func(p Principal) bool { return section(p.Type) != i }), m.principal)
	}
	if len(w.Parents) > 0 {
		doc.Set("hierarchy", m.hierarchy())
	}
	return doc
}

// section is in which list a principal of that type is written.
func section(t gatehouse.PrincipalType) int {
	if i := slices.Index([]gatehouse.PrincipalType{gatehouse.User, gatehouse.ServicePrincipal, gatehouse.Group}, t); i >= 0 {
		return i
	}
	return 3
}

func asShipped(r gatehouse.RoleDefinition) bool {
	for _, known := range []func(gatehouse.GUID) (gatehouse.RoleDefinition, bool){builtin.Role, builtin.DirectoryRole} {
		if b, ok := known(r.ID); ok && reflect.DeepEqual(b, r) {
			return true
		}
	}
	return false
}

func setList[T any](doc *jsondoc.Object, name string, items []T, object func(*T) *jsondoc.Object) {
	if len(items) == 0 {
		return
	}
	list := make([]jsondoc.Value, len(items))
	for i := range items {
		list[i] = object(&items[i])
	}
	doc.Set(name, list)
}

type marshaller struct {
	w            *World
	roles, names map[gatehouse.GUID]string
}

// pick makes an object of the pairs whose value says something.
func pick(pairs ...any) *jsondoc.Object {
	o := &jsondoc.Object{}
	for i := 0; i+1 < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case string:
			if v != "" {
				o.Set(pairs[i].(string), v)
			}
		case bool:
			if v {
				o.Set(pairs[i].(string), v)
			}
		case time.Time:
			if !v.IsZero() {
				o.Set(pairs[i].(string), instant(v))
			}
		case []jsondoc.Value:
			if len(v) > 0 {
				o.Set(pairs[i].(string), v)
			}
		}
	}
	return o
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func texts[T any](items []T, text func(T) string) []jsondoc.Value {
	out := make([]jsondoc.Value, len(items))
	for i, item := range items {
		out[i] = text(item)
	}
	return out
}

func plainText(s string) string { return s }

func (m *marshaller) permissions(list []gatehouse.Permission) []jsondoc.Value {
	out := make([]jsondoc.Value, len(list))
	for i, p := range list {
		out[i] = pick("actions", texts(p.Actions, plainText), "notActions", texts(p.NotActions, plainText), "dataActions", texts(p.DataActions, plainText),
			"notDataActions", texts(p.NotDataActions, plainText), "condition", p.Condition, "conditionVersion", p.ConditionVersion)
	}
	return out
}

func (m *marshaller) role(r *gatehouse.RoleDefinition) *jsondoc.Object {
	typ := r.Type
	if typ == "" {
		typ = gatehouse.CustomRole
	}
	o := pick("name", m.w.Label(r.ID), "roleName", r.Name, "roleType", string(typ), "description", r.Description, "assignableScopes", texts(r.AssignableScopes, m.w.Spell))
	o.Set("permissions", m.permissions(r.Permissions))
	return o
}

func (m *marshaller) assignment(a *Assignment) *jsondoc.Object {
	return pick("name", m.w.Label(a.ID), "scope", m.w.Spell(a.Scope), "roleDefinitionId", m.w.Label(a.Role), "roleDefinitionName", m.roles[a.Role],
		"principalId", m.w.Label(a.Principal), "principalName", m.names[a.Principal], "principalType", string(a.PrincipalType), "condition", a.Condition,
		"startDateTime", a.Start, "endDateTime", a.End, "description", a.Description, "createdOn", a.CreatedOn, "createdBy", a.CreatedBy)
}

func (m *marshaller) deny(d *gatehouse.DenyAssignment) *jsondoc.Object {
	o := pick("name", m.w.Label(d.ID), "denyAssignmentName", d.Name, "scope", m.w.Spell(d.Scope))
	o.Set("permissions", m.permissions(d.Permissions))
	for name, v := range pick("principals", m.denied(d.Principals), "excludePrincipals", m.denied(d.ExcludePrincipals), "doNotApplyToChildScopes", d.ExceptChildScopes,
		"isSystemProtected", d.SystemProtected, "condition", d.Condition).All() {
		o.Set(name, v)
	}
	if d.Audit {
		o.Set("denyAssignmentEffect", "audit")
	}
	return o
}

func (m *marshaller) denied(ids []gatehouse.GUID) []jsondoc.Value {
	out := make([]jsondoc.Value, len(ids))
	for i, id := range ids {
		o := pick("id", m.w.Label(id), "displayName", m.names[id])
		if id.IsZero() {
			o.Set("type", string(gatehouse.SystemDefined))
		}
		out[i] = o
	}
	return out
}

func (m *marshaller) principal(p *Principal) *jsondoc.Object {
	name := "displayName"
	if p.Type == gatehouse.User {
		name = "userPrincipalName"
	}
	o := pick("id", m.w.Label(p.ID), name, p.Name)
	if p.Display != "" && (p.Type == gatehouse.User || p.Name == "") {
		o.Set("displayName", p.Display)
	}
	if section(p.Type) == 3 && p.Type != "" {
		o.Set("type", string(p.Type))
	}
	for name, v := range pick("mail", p.Mail, "appId", p.AppID, "servicePrincipalType", p.Kind, "resourceId", p.Resource, "members", texts(p.Members, m.w.Label), "owners", texts(p.Owners, m.w.Label)).All() {
		o.Set(name, v)
	}
	if p.Disabled {
		o.Set("accountEnabled", false)
	}
	if len(p.Attributes) > 0 {
		attributes := &jsondoc.Object{}
		for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
			v, err := jsondoc.From(p.Attributes[name])
			if err != nil {
				panic(err) // text, numbers and truth values always encode
			}
			attributes.Set(name, v)
		}
		o.Set("attributes", attributes)
	}
	for _, c := range credentials {
		setList(o, c.member, slices.DeleteFunc(slices.Clone(p.Secrets), func(s Secret) bool { return s.Kind != c.kind }), func(s *Secret) *jsondoc.Object {
			return pick(c.id, s.ID, c.name, s.Name, "startDateTime", s.Start, "endDateTime", s.End)
		})
	}
	return o
}

// credentials are Graph's lists of what a principal signs in with.
var credentials = []struct{ member, kind, id, name string }{
	{"passwordCredentials", "password", "keyId", "displayName"},
	{"keyCredentials", "certificate", "keyId", "displayName"},
	{"federatedIdentityCredentials", "federated", "id", "name"},
}

func (m *marshaller) hierarchy() *jsondoc.Object {
	groups, subs := &jsondoc.Object{}, &jsondoc.Object{}
	for _, child := range slices.SortedFunc(maps.Keys(m.w.Parents), func(a, b gatehouse.Scope) int { return cmp.Compare(a.String(), b.String()) }) {
		into := groups
		if _, ok := child.Subscription(); ok {
			into = subs
		}
		into.Set(lastSegment(m.w.Spell(child)), lastSegment(m.w.Spell(m.w.Parents[child])))
	}
	o := &jsondoc.Object{}
	if groups.Len() > 0 {
		o.Set("managementGroups", groups)
	}
	if subs.Len() > 0 {
		o.Set("subscriptions", subs)
	}
	return o
}
