package desired

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/world"
)

// role compares one declared role definition.
func (p *planner) role(e entry) error {
	name := e.text("roleName")
	if name == "" && !isGUID(e.text("name")) {
		name = e.text("name") // as az takes it
	}
	if name == "" {
		return e.at("roleName", "it needs a roleName")
	}
	permissions, err := e.permissions()
	if err != nil {
		return err
	}
	next := gatehouse.RoleDefinition{Name: name, Type: gatehouse.CustomRole, Description: e.text("description"), Permissions: permissions}
	scopes, err := e.texts("assignableScopes")
	if err != nil {
		return err
	}
	var spelled []string
	for _, text := range scopes {
		id, err := p.scope(e, "assignableScopes", text)
		if err != nil {
			return err
		}
		next.AssignableScopes, spelled = append(next.AssignableScopes, id.Scope()), append(spelled, id.String())
	}
	if len(scopes) == 0 {
		return e.at("assignableScopes", "it needs assignableScopes: where the role may be assigned")
	}
	var old *gatehouse.RoleDefinition
	for i := range p.w.Roles {
		r := &p.w.Roles[i]
		if gatehouse.EqualFold(r.Name, name) || isGUID(e.text("name")) && gatehouse.EqualFold(r.ID.String(), e.text("name")) {
			old = r
		}
	}
	title := fmt.Sprintf("role %q", name)
	step := Step{Do: "create", Kind: "roleDefinition", Title: title, rank: rankRole}
	switch {
	case old != nil && old.Type == gatehouse.BuiltInRole:
		return e.at("roleName", "%q is a built-in role: it is there already and cannot be declared", name)
	case old != nil:
		next.ID, step.Do = old.ID, "update"
		if isGUID(e.text("name")) && !gatehouse.EqualFold(e.text("name"), old.ID.String()) {
			p.plan.Adopted = append(p.plan.Adopted, title+": exists as "+old.ID.String())
		}
		if !e.has("description") {
			next.Description = old.Description
		}
	case isGUID(e.text("name")):
		next.ID = gatehouse.MustGUID(strings.ToLower(e.text("name")))
	default:
		next.ID = named("role", p.o.Subscription, gatehouse.Fold(name))
	}
	if p.kept[next.ID] {
		return e.at("roleName", "%s is declared twice", title)
	}
	p.kept[next.ID], p.made["role "+gatehouse.Fold(name)] = true, next.ID
	if old == nil {
		old = &gatehouse.RoleDefinition{Name: name}
		p.after.Roles = append(p.after.Roles, next)
	} else {
		for i := range p.after.Roles {
			if p.after.Roles[i].ID == next.ID {
				p.after.Roles[i] = next
			}
		}
	}
	step.Fields = p.roleFields(old, &next)
	if step.Do == "update" && len(step.Fields) == 0 {
		return nil
	}
	if slices.ContainsFunc(step.Fields, func(f Field) bool {
		return f.Old != "" && f.New == "" && !strings.HasPrefix(strings.ToLower(f.Name), "not") || strings.HasPrefix(strings.ToLower(f.Name), "not") && f.New != ""
	}) && step.Do == "update" {
		step.rank = rankNarrow
	}
	step.Call = Call{Method: "PUT", Path: pathOf(spelled[0]) + authorizationPath + "roleDefinitions/" + next.ID.String() + authorizationVersion,
		Body: body(object{"properties": object{"roleName": name, "type": "CustomRole", "description": next.Description, "assignableScopes": spelled, "permissions": permissions}})}
	p.add(step)
	return nil
}

func isGUID(s string) bool { _, err := gatehouse.ParseGUID(s); return err == nil }

func (p *planner) roleFields(old, next *gatehouse.RoleDefinition) []Field {
	fields := differences("name", old.Name, next.Name, "description", old.Description, next.Description)
	for i := range max(len(old.Permissions), len(next.Permissions)) {
		var a, b gatehouse.Permission
		if i < len(old.Permissions) {
			a = old.Permissions[i]
		}
		if i < len(next.Permissions) {
			b = next.Permissions[i]
		}
		fields = append(fields, permissionFields(a, b)...)
	}
	return append(fields, listed("assignableScopes", p.shorts(old.AssignableScopes), p.shorts(next.AssignableScopes))...)
}

func permissionFields(a, b gatehouse.Permission) []Field {
	fields := listed("actions", a.Actions, b.Actions)
	fields = append(fields, listed("notActions", a.NotActions, b.NotActions)...)
	fields = append(fields, listed("dataActions", a.DataActions, b.DataActions)...)
	fields = append(fields, listed("notDataActions", a.NotDataActions, b.NotDataActions)...)
	return append(fields, differences("condition", a.Condition, b.Condition)...)
}

func (p *planner) shorts(scopes []gatehouse.Scope) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = Short(p.o.Subscription, p.after.Spell(s))
	}
	return out
}

// declareGroup finds or makes a declared group, so that everything after may name it.
func (p *planner) declareGroup(e entry) error {
	name := e.text("displayName")
	if name == "" {
		return e.at("displayName", "it needs a displayName")
	}
	if _, twice := p.made["group "+gatehouse.Fold(name)]; twice {
		return e.at("displayName", "the group %q is declared twice", name)
	}
	var found []gatehouse.GUID
	for i := range p.w.Principals {
		if g := &p.w.Principals[i]; g.Type == gatehouse.Group && (gatehouse.EqualFold(g.Title(), name) || e.text("id") == g.ID.String()) {
			found = append(found, g.ID)
		}
	}
	if len(found) > 1 {
		return e.at("displayName", "%d groups are called %q: write the id of the one that is meant", len(found), name)
	}
	if len(found) == 1 {
		p.made["group "+gatehouse.Fold(name)], p.groups[found[0]] = found[0], true
		return nil
	}
	id := named("group", gatehouse.Fold(name))
	p.made["group "+gatehouse.Fold(name)], p.groups[id] = id, true
	p.after.Principals = append(p.after.Principals, world.Principal{ID: id, Type: gatehouse.Group, Name: name})
	nick := strings.Map(func(r rune) rune {
		if r > ' ' && r < 127 && !strings.ContainsRune(`@()\[]";:.<>,`, r) {
			return r
		}
		return -1
	}, name)
	group := object{"displayName": name, "mailEnabled": false, "securityEnabled": true, "mailNickname": cmp.Or(nick, "group")}
	if text := e.text("description"); text != "" {
		group["description"] = text
	}
	p.add(Step{Do: "create", Kind: "group", Title: "group " + name, rank: rankGroup, Fields: differences("description", "", e.text("description")),
		Call: Call{Graph: true, Method: "POST", Path: "/v1.0/groups", Body: body(group), Creates: id.String()}})
	return nil
}

// members compares the direct members of a declared group. One declared without members keeps those that it has.
func (p *planner) members(e entry) error {
	if !e.has("members") {
		return nil
	}
	names, err := e.texts("members")
	if err != nil {
		return err
	}
	name := e.text("displayName")
	group := p.made["group "+gatehouse.Fold(name)]
	want := map[gatehouse.GUID]bool{}
	for _, text := range names {
		id, err := p.principal(e, "members", text)
		if err != nil {
			return err
		}
		want[id] = true
	}
	var have []gatehouse.GUID
	if g := p.w.Principal(group); g != nil {
		have = g.Members
	}
	p.memberSteps(name, group, have, want)
	return nil
}

func (p *planner) memberSteps(name string, group gatehouse.GUID, have []gatehouse.GUID, want map[gatehouse.GUID]bool) {
	var next []gatehouse.GUID
	for id := range want {
		next = append(next, id)
		if !slices.Contains(have, id) {
			p.add(Step{Do: "create", Kind: "member", Title: "member " + p.who(id) + " of group " + name, Group: name, rank: rankMember,
				Call: Call{Graph: true, Method: "POST", Path: "/v1.0/groups/" + group.String() + "/members/$ref", Body: body(object{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/" + id.String()})}})
		}
	}
	for _, id := range have {
		if !want[id] {
			p.add(Step{Do: "delete", Kind: "member", Title: "member " + p.who(id) + " of group " + name, Group: name, rank: rankMemberGone, own: p.mine[id] && p.mine[group],
				Call: Call{Graph: true, Method: "DELETE", Path: "/v1.0/groups/" + group.String() + "/members/" + id.String() + "/$ref"}})
		}
	}
	for i := range p.after.Principals {
		if p.after.Principals[i].ID == group {
			p.after.Principals[i].Members = next
		}
	}
}

// deny compares one declared deny assignment; its name at its scope is what it is known by.
func (p *planner) deny(e entry) error {
	id, err := p.scope(e, "scope", e.text("scope"))
	if err != nil {
		return err
	}
	next := gatehouse.DenyAssignment{Name: e.text("denyAssignmentName"), Scope: id.Scope(), Condition: e.text("condition"), Audit: gatehouse.EqualFold(e.text("denyAssignmentEffect"), "audit")}
	if next.Name == "" {
		return e.at("denyAssignmentName", "it needs a denyAssignmentName")
	}
	next.ExceptChildScopes, _ = e.value("doNotApplyToChildScopes").(bool)
	if next.Permissions, err = e.permissions(); err != nil {
		return err
	}
	if next.Principals, err = p.people(e, "principals"); err != nil {
		return err
	}
	if next.ExcludePrincipals, err = p.people(e, "excludePrincipals"); err != nil {
		return err
	}
	step := Step{Do: "create", Kind: "denyAssignment", Title: fmt.Sprintf("deny assignment %q at %s", next.Name, Short(p.o.Subscription, id.String())), rank: rankDeny,
		own: slices.ContainsFunc(next.Principals, func(g gatehouse.GUID) bool { return g.IsZero() || p.mine[g] })}
	old, at := &gatehouse.DenyAssignment{Scope: id.Scope()}, -1
	for i := range p.w.Denies {
		if p.w.Denies[i].Scope == id.Scope() && gatehouse.EqualFold(p.w.Denies[i].Name, next.Name) {
			old, at, step.Do = &p.w.Denies[i], i, "update"
			next.ID, next.SystemProtected = old.ID, old.SystemProtected
		}
	}
	if at < 0 {
		next.ID = named("deny", id.Scope().String(), gatehouse.Fold(next.Name))
		if own := lastSegment(e.text("name", "id")); isGUID(own) {
			next.ID = gatehouse.MustGUID(strings.ToLower(own))
		}
		p.after.Denies = append(p.after.Denies, next)
	} else {
		p.after.Denies[at] = next
	}
	p.kept[next.ID] = true
	if step.Fields = p.denyFields(old, &next); step.Do == "update" && len(step.Fields) == 0 {
		return nil
	}
	step.Call = Call{Method: "PUT", Path: pathOf(id.String()) + authorizationPath + "denyAssignments/" + next.ID.String() + denyVersion, Body: body(object{"properties": denyBody(e, &next)})}
	p.add(step)
	return nil
}

func denyBody(e entry, d *gatehouse.DenyAssignment) object {
	props := object{"denyAssignmentName": d.Name, "permissions": d.Permissions, "principals": ids(d.Principals), "excludePrincipals": ids(d.ExcludePrincipals), "doNotApplyToChildScopes": d.ExceptChildScopes}
	if text := e.text("description"); text != "" {
		props["description"] = text
	}
	if d.Condition != "" {
		props["condition"], props["conditionVersion"] = d.Condition, cmp.Or(e.text("conditionVersion"), "2.0")
	}
	if d.Audit {
		props["denyAssignmentEffect"] = "audit"
	}
	return props
}

func ids(list []gatehouse.GUID) []object {
	out := make([]object, len(list))
	for i, id := range list {
		out[i] = object{"id": id.String()}
	}
	return out
}

func (p *planner) people(e entry, member string) ([]gatehouse.GUID, error) {
	names, err := e.texts(member)
	if err != nil {
		return nil, err
	}
	var out []gatehouse.GUID
	for _, text := range names {
		if gatehouse.EqualFold(text, "everyone") || text == (gatehouse.GUID{}).String() {
			out = append(out, gatehouse.GUID{})
			continue
		}
		id, err := p.principal(e, member, text)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

func (p *planner) denyFields(old, next *gatehouse.DenyAssignment) []Field {
	var fields []Field
	for i := range max(len(old.Permissions), len(next.Permissions)) {
		var a, b gatehouse.Permission
		if i < len(old.Permissions) {
			a = old.Permissions[i]
		}
		if i < len(next.Permissions) {
			b = next.Permissions[i]
		}
		fields = append(fields, permissionFields(a, b)...)
	}
	fields = append(fields, listed("principals", p.names(old.Principals), p.names(next.Principals))...)
	fields = append(fields, listed("excludePrincipals", p.names(old.ExcludePrincipals), p.names(next.ExcludePrincipals))...)
	return append(fields, differences("condition", old.Condition, next.Condition, "doNotApplyToChildScopes", truth(old.ExceptChildScopes), truth(next.ExceptChildScopes), "effect", effect(old.Audit), effect(next.Audit))...)
}

func truth(b bool) string { return map[bool]string{true: "true"}[b] }

func effect(audit bool) string { return map[bool]string{true: "audit"}[audit] }

func (p *planner) names(list []gatehouse.GUID) []string {
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = p.who(id)
	}
	return out
}
