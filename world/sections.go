package world

import (
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
)

// role reads a role definition. Of az and Resource Manager its GUID is name and its
// name is roleName; of PowerShell, and of what az takes, its GUID is Id and its name is Name.
func (n node) role() {
	r := gatehouse.RoleDefinition{Name: n.text("roleName"), Description: n.text("description"), Type: gatehouse.CustomRole}
	id, name := lastSegment(n.o.String("id")), n.o.String("name")
	switch _, err := gatehouse.ParseGUID(name); {
	case id != "":
	case err == nil || r.Name != "" && name != "":
		id = name
	default:
		id = name
	}
	if r.Name == "" {
		r.Name = name
	}
	if id == "" {
		id = r.Name
	}
	if id == "" {
		n.fault("name", "a role definition needs a name (its GUID) and a roleName")
		return
	}
	if known(n.text("roleType"), "BuiltInRole") || known(n.props.String("type"), "BuiltInRole") || known(n.o.String("type"), "BuiltInRole") {
		r.Type = gatehouse.BuiltInRole
	}
	r.ID = n.roleID(id)
	r.Permissions = n.permissions()
	for _, s := range n.texts("assignableScopes") {
		// They bear on no decision (rbac.md 4.3); a placeholder such as /subscriptions/{id} is left out.
		if id, err := gatehouse.ParseID(s); err == nil {
			n.b.spell(id)
			r.AssignableScopes = append(r.AssignableScopes, id.Scope())
		}
	}
	*index(&n.b.roles, r.ID, &n.b.w.Roles) = r
}

// roleID is the ID of a definition. One without a GUID and with the name of a
// built-in role is that role, given anew.
func (n node) roleID(text string) gatehouse.GUID {
	if g, err := gatehouse.ParseGUID(text); err == nil {
		return g
	}
	for _, r := range builtin.Roles() {
		if gatehouse.EqualFold(r.Name, text) {
			return r.ID
		}
	}
	return n.b.id(text)
}

// assignment reads a role assignment, or the eligibility for one.
func (n node) assignment(eligible bool) {
	a := Assignment{Description: n.text("description"), CreatedBy: n.text("createdBy"), CreatedOn: n.moment("createdOn"),
		PrincipalType: gatehouse.PrincipalType(n.text("principalType", "objectType"))}
	a.Condition, a.Start, a.End = n.text("condition"), n.moment("startDateTime"), n.moment("endDateTime")
	id := n.o.String("id")
	if id == "" {
		id = n.text("roleAssignmentId")
	}
	a.Scope = n.assignedAt(id)
	name := n.text("roleAssignmentName", "name")
	if name == "" || known(name, lastSegment(id)) {
		name = lastSegment(id)
	}
	role, roleAt := n.reference("a role assignment", "roleDefinitionId", "roleDefinitionName")
	who, whoAt := n.reference("a role assignment", "principalId", "objectId", "principalName", "signInName")
	if role == "" || who == "" {
		return
	}
	role = roleName(role)
	if name == "" {
		name = strings.Join([]string{"assignment", role, who, a.Scope.String()}, " ")
		a.ID = gatehouse.NameGUID(labelSpace, name)
	} else {
		a.ID = n.b.id(name)
	}
	list := &n.b.w.Assignments
	if eligible {
		list = &n.b.w.Eligibilities
	}
	key := grantKey{eligible, a.Scope, a.ID}
	*index(&n.b.grants, key, list) = a
	at := func() *Assignment { return &(*list)[n.b.grants[key]] }
	n.refer(roleAt, role, true, func(g gatehouse.GUID) { at().Role = g })
	n.refer(whoAt, who, false, func(g gatehouse.GUID) {
		at().Principal = g
		if a.PrincipalType == "" {
			at().PrincipalType = n.b.typeOf(g)
		}
	})
	n.b.later = append(n.b.later, func() { n.acquaint(who, a.PrincipalType) }) // after what lists of the directory say
}

// roleName cuts the path before the GUID or name that ends a roleDefinitionId.
func roleName(text string) string {
	if i := strings.LastIndex(gatehouse.Fold(text), "/roledefinitions/"); i >= 0 {
		return text[i+len("/roledefinitions/"):]
	}
	return text
}

// assignedAt is the scope of an assignment: its own member, else what its ID extends.
func (n node) assignedAt(id string) gatehouse.Scope {
	if text := n.text("scope"); text != "" {
		return n.scope("scope", text)
	}
	if strings.Contains(gatehouse.Fold(id), "/providers/microsoft.authorization/") {
		if full, err := gatehouse.ParseID(id); err == nil {
			n.b.spell(full.Parent())
			return full.Parent().Scope()
		}
	}
	n.fault("scope", "scope is missing; write a resource ID, or / for the tenant root")
	return gatehouse.Scope{}
}

// reference is the first of several members that names something.
func (n node) reference(what string, names ...string) (text, member string) {
	for _, name := range names {
		if text := n.text(name); text != "" {
			return text, name
		}
	}
	n.fault(names[0], "%s needs a %s", what, names[0])
	return "", names[0]
}

func (n node) refer(member, text string, role bool, resolve func(gatehouse.GUID)) {
	n.b.pending = append(n.b.pending, reference{n, member, text, role, resolve})
}

// acquaint keeps the name that az and PowerShell print beside a principal's ID.
func (n node) acquaint(who string, typ gatehouse.PrincipalType) {
	id, err := gatehouse.ParseGUID(who)
	name := n.text("principalName", "signInName", "displayName")
	if err != nil || name == "" || id.IsZero() {
		return
	}
	p := n.b.person(id, typ)
	switch {
	case typ == gatehouse.ServicePrincipal && p.AppID == "" && isGUID(name): // az prints the application ID
		p.AppID = name
	case p.Name == "":
		p.Name = name
	}
}

func isGUID(s string) bool {
	_, err := gatehouse.ParseGUID(s)
	return err == nil
}

// deny reads a deny assignment.
func (n node) deny() {
	d := gatehouse.DenyAssignment{
		Name: n.text("denyAssignmentName"), Condition: n.text("condition"), ExceptChildScopes: n.flag("doNotApplyToChildScopes"),
		SystemProtected: n.flag("isSystemProtected"), Audit: known(n.text("denyAssignmentEffect"), "audit"),
	}
	id := n.o.String("id")
	name := lastSegment(id)
	if name == "" {
		name = n.o.String("name")
	}
	if name == "" {
		name = d.Name
	}
	if d.Name == "" {
		d.Name = n.o.String("name")
	}
	if name == "" {
		n.fault("name", "a deny assignment needs a name")
		return
	}
	d.ID, d.Scope, d.Permissions = n.b.id(name), n.assignedAt(id), n.permissions()
	key := grantKey{false, d.Scope, d.ID}
	slot := index(&n.b.denies, key, &n.b.w.Denies)
	*slot = d
	at := func() *gatehouse.DenyAssignment { return &n.b.w.Denies[n.b.denies[key]] }
	n.denied("principals", func(g gatehouse.GUID) { at().Principals = append(at().Principals, g) })
	n.denied("excludePrincipals", func(g gatehouse.GUID) {
		if !g.IsZero() { // nobody can be spared in everyone's place (rbac.md 3.1)
			at().ExcludePrincipals = append(at().ExcludePrincipals, g)
		}
	})
}

// denied reads the principals of a deny assignment: objects, or plain IDs.
func (n node) denied(member string, take func(gatehouse.GUID)) {
	for i, v := range n.list(member) {
		text, at := "", n
		switch v := v.(type) {
		case string:
			text = v
		case *jsondoc.Object:
			at = n.b.node(n.f, v)
			text = at.text("id", "objectId", "principalId")
			if text == "" && known(at.text("type", "objectType"), "SystemDefined", "Everyone") {
				text = gatehouse.GUID{}.String()
			}
		}
		if known(text, "everyone", "all principals") {
			text = gatehouse.GUID{}.String()
		}
		if text == "" {
			at.fault(member, "%s[%d] has to name a principal: {id: GUID, type: User}; the zero GUID is everyone", member, i)
			continue
		}
		at.refer(member, text, false, take)
	}
}

// hierarchy reads which management group holds what.
func (n node) hierarchy(at string) {
	v, _ := n.o.Get(at)
	o, ok := v.(*jsondoc.Object)
	if !ok {
		n.fault(at, "%s has to be an object {managementGroups: {child: parent}, subscriptions: {subscription: management group}}; it is %s", at, jsondoc.KindOf(v))
		return
	}
	for name, v := range o.All() {
		inner, ok := v.(*jsondoc.Object)
		top := subscriptionScope
		switch {
		case v == nil:
			continue
		case known(name, "managementGroups"):
			top = groupScope
		case !known(name, "subscriptions"):
			n.b.node(n.f, o).fault(name, "a hierarchy has no member %q; it has managementGroups and subscriptions", name)
			continue
		}
		if !ok {
			n.b.node(n.f, o).fault(name, "%s has to be an object of names and the management groups that hold them; it is %s", name, jsondoc.KindOf(v))
			continue
		}
		n.b.node(n.f, inner).places(top)
	}
}

func (n node) places(top func(string) string) {
	n.props = nil
	for child, v := range n.o.All() {
		parent, ok := v.(string)
		if number, is := v.(jsondoc.Number); is {
			parent, ok = number.String(), true
		}
		if !ok && v != nil {
			n.fault(child, "what holds %s has to be the name of a management group; it is %s", child, jsondoc.KindOf(v))
			continue
		}
		if below := n.scope(child, top(child)); parent != "" && parent != "/" {
			n.b.place(below, n.scope(child, groupScope(parent)))
		}
	}
}

func groupScope(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "/providers/Microsoft.Management/managementGroups/" + name
}

func subscriptionScope(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "/subscriptions/" + name
}

func (b *Builder) place(child, parent gatehouse.Scope) {
	if b.w.Parents == nil {
		b.w.Parents = map[gatehouse.Scope]gatehouse.Scope{}
	}
	if !parent.IsRoot() && child != parent {
		b.w.Parents[child] = parent
	}
}

// managementGroup reads one as az account management-group list, show and entities
// list print it, or a subscription in one, with all below it.
func (n node) managementGroup(in gatehouse.Scope) {
	path, top := n.o.String("id"), groupScope
	if known(lastSegment(n.o.String("type")), "subscriptions") {
		top = subscriptionScope
	}
	if path == "" {
		path = n.o.String("name")
	}
	self := n.scope("id", top(path))
	parent := n.props.String("details.parent.id")
	for _, at := range []string{"details.parent.id", "parent.id", "parent"} {
		if parent == "" {
			parent = n.o.String(at)
		}
	}
	if parent == "" {
		parent = n.props.String("parent.id")
	}
	if parent != "" {
		in = n.scope("parent", groupScope(parent))
	}
	n.b.place(self, in)
	for _, child := range n.objects("children") {
		child.managementGroup(self)
	}
}
