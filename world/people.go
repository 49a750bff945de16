package world

import (
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
)

// person returns the principal with that ID, made when it is new.
func (b *Builder) person(id gatehouse.GUID, typ gatehouse.PrincipalType) *Principal {
	p := index(&b.people, id, &b.w.Principals)
	p.ID = id
	if p.Type == "" || p.Type == gatehouse.UnknownPrincipal {
		p.Type = typ
	}
	return p
}

func (b *Builder) typeOf(id gatehouse.GUID) gatehouse.PrincipalType {
	if i, ok := b.people[id]; ok {
		return b.w.Principals[i].Type
	}
	return ""
}

// principalType tells by its members what an object of the directory is.
func principalType(n node) gatehouse.PrincipalType {
	for _, name := range []string{"@odata.type", "odata.type", "type", "objectType", "principalType"} {
		switch gatehouse.Fold(strings.TrimPrefix(n.o.String(name), "#microsoft.graph.")) {
		case "user":
			return gatehouse.User
		case "group":
			return gatehouse.Group
		case "serviceprincipal", "managedidentity", "app", "msi":
			return gatehouse.ServicePrincipal
		case "foreigngroup":
			return gatehouse.ForeignGroup
		case "device":
			return gatehouse.Device
		case "unknown":
			return gatehouse.UnknownPrincipal
		}
	}
	switch {
	case n.o.Has("userPrincipalName"):
		return gatehouse.User
	case n.o.Has("servicePrincipalType"), n.o.Has("servicePrincipalNames"), n.o.Has("appId") && !n.o.Has("identifierUris"):
		return gatehouse.ServicePrincipal
	case n.o.Has("securityEnabled"), n.o.Has("members"), n.o.Has("groupTypes"), n.o.Has("mailNickname"):
		return gatehouse.Group
	}
	return ""
}

// principal reads a user, group or service principal, with a group's direct members.
func (n node) principal(typ gatehouse.PrincipalType) {
	if own := principalType(n); typ == "" {
		typ = own
	}
	text := n.text("id", "objectId", "principalId")
	name, display := n.text("userPrincipalName"), n.text("displayName")
	for _, fallback := range []string{name, display, n.text("name"), n.text("appId")} {
		if text == "" {
			text = fallback
		}
	}
	if text == "" {
		n.fault("id", "it has no id; write its object ID")
		return
	}
	id := n.b.id(text)
	p := n.b.person(id, typ)
	n.describe(p, name, display)
	n.members(&id, "", "members", false)
	n.members(&id, "", "owners", true)
}

func (n node) describe(p *Principal, name, display string) {
	fill := func(at *string, values ...string) {
		for _, v := range values {
			if v != "" {
				*at = v
				return
			}
		}
	}
	if p.Type == gatehouse.User {
		fill(&p.Name, name, p.Name, n.text("name"), display)
		fill(&p.Mail, n.text("mail"))
		if p.Mail == p.Name {
			p.Mail = ""
		}
	} else {
		fill(&p.Name, display, n.text("name"), p.Name)
	}
	fill(&p.Display, display)
	fill(&p.AppID, n.text("appId", "applicationId", "clientId"))
	fill(&p.Kind, n.text("servicePrincipalType", "kind"))
	fill(&p.Resource, n.text("resourceId"))
	for _, name := range n.texts("alternativeNames") {
		if id, err := gatehouse.ParseID(name); err == nil && !id.IsRoot() {
			fill(&p.Resource, id.String())
		}
	}
	if p.Display == p.Name {
		p.Display = ""
	}
	if n.has("accountEnabled") {
		p.Disabled = !n.flag("accountEnabled")
	}
	if a := n.attributes(); a != nil {
		p.Attributes = a
	}
	if n.has("passwordCredentials", "keyCredentials", "federatedIdentityCredentials") {
		p.Secrets = nil // the same object may be printed in several files
	}
	for _, c := range credentials {
		for _, s := range n.objects(c.member) {
			p.Secrets = append(p.Secrets, Secret{ID: s.text(c.id), Name: s.text(c.name), Kind: c.kind, Start: s.moment("startDateTime"), End: s.moment("endDateTime")})
		}
	}
	if p.Kind == "" && p.Type == gatehouse.ServicePrincipal && known(n.text("type"), "ManagedIdentity") {
		p.Kind = directory.KindManagedIdentity
	}
}

// members reads a group's members or owners: IDs and names, or objects as Graph has
// them. The group is known by ID, or by a name to be resolved.
func (n node) members(group *gatehouse.GUID, named, member string, owner bool) {
	if named != "" {
		n.refer(member, named, false, func(g gatehouse.GUID) { *group = g })
	}
	for i, v := range n.list(member) {
		var text string
		at := n
		switch v := v.(type) {
		case string:
			text = v
		case *jsondoc.Object:
			at = n.b.node(n.f, v)
			if text = at.text("id", "objectId", "principalId", "userPrincipalName"); text != "" && principalType(at) != "" {
				at.principal("")
			}
		}
		if text == "" {
			at.fault(member, "%s[%d] has to be an object ID, or an object with an id", member, i)
			continue
		}
		at.refer(member, text, false, func(g gatehouse.GUID) { n.b.edges = append(n.b.edges, edge{*group, g, owner}) })
	}
}
