package world

import (
	"context"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// FromStore is the world that the documents of a store describe: what a server over
// them decides by. It holds names, owners and the dates of secrets, never a secret.
// Grants that stand for directory roles and ownership are among the assignments, at
// scopes of the directory. Now stays zero: documents know no moment.
//
// Documents that cannot be read mean what they mean to a server (see guard.Read): a
// deny assignment denies everything but its own repair, others grant nothing.
func FromStore(ctx context.Context, r store.Reader) (*World, error) {
	facts, err := guard.Read(ctx, r)
	if err != nil {
		return nil, err
	}
	l := loader{ctx: ctx, r: r, w: &World{Roles: facts.World.Roles, Denies: facts.World.Denies, Parents: facts.World.Parents, Complete: true}, apps: map[gatehouse.GUID]*directory.Application{}}
	l.b.w.Spelling = map[gatehouse.Scope]string{}
	for _, a := range facts.World.Assignments {
		l.w.Assignments = append(l.w.Assignments, Assignment{RoleAssignment: a})
	}
	steps := []struct {
		typ  string
		read func(*store.Document) error
	}{
		{guard.ManagementGroupType, l.named}, {guard.RoleDefinitionType, l.role}, {guard.RoleAssignmentType, l.assignment},
		{directory.UserType, l.user}, {directory.GroupType, l.group}, {directory.ApplicationType, l.application}, {directory.ServicePrincipalType, l.servicePrincipal},
		{directory.FederatedType, l.federated},
		{directory.GroupOwnerType, l.owner}, {directory.ApplicationOwnerType, l.applicationOwner}, {directory.ServicePrincipalOwnerType, l.owner},
	}
	for _, s := range steps {
		if err := each(ctx, r, s.typ, s.read); err != nil {
			return nil, err
		}
	}
	return l.finish(facts), nil
}

func each(ctx context.Context, r store.Reader, typ string, read func(*store.Document) error) error {
	for after := ""; ; {
		page, err := r.List(ctx, store.Query{Type: typ, After: after, Limit: 5000})
		if err != nil {
			return err
		}
		for _, d := range page.Documents {
			if err := read(d); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// loader adds to what decides what people want to see beside it.
type loader struct {
	ctx    context.Context
	r      store.Reader
	w      *World
	b      Builder                                   // keeps principals and spellings
	apps   map[gatehouse.GUID]*directory.Application // by object ID
	byApp  map[gatehouse.GUID]gatehouse.GUID         // application ID to service principal
	grants map[grantKey]int
	roles  map[gatehouse.GUID]int
}

func (l *loader) named(d *store.Document) error {
	l.b.spell(d.ID)
	return nil
}

// role brings back the definition as its authors wrote it: Engine cuts it short again.
func (l *loader) role(d *store.Document) error {
	if l.roles == nil {
		l.roles = map[gatehouse.GUID]int{}
		for i := range l.w.Roles {
			l.roles[l.w.Roles[i].ID] = i
		}
	}
	r, err := guard.ParseRole(d.ID, d.Body)
	if err != nil {
		return nil // it grants nothing, and guard has left it out
	}
	if i, ok := l.roles[r.ID]; ok && l.w.Roles[i].Type == gatehouse.CustomRole {
		l.w.Roles[i] = r
	}
	return nil
}

func (l *loader) assignment(d *store.Document) error {
	l.b.spell(d.ID.Parent())
	if l.grants == nil {
		l.grants = map[grantKey]int{}
		for i, a := range l.w.Assignments {
			l.grants[grantKey{false, a.Scope, a.ID}] = i
		}
	}
	name, err := gatehouse.ParseGUID(d.ID.Name())
	i, ok := l.grants[grantKey{false, d.ID.Parent().Scope(), name}]
	body, bad := jsondoc.ParseObject(d.Body)
	if err != nil || !ok || bad != nil {
		return nil
	}
	a := &l.w.Assignments[i]
	a.Description, a.CreatedBy = body.String("properties.description"), body.String("properties.createdBy")
	a.PrincipalType = gatehouse.PrincipalType(body.String("properties.principalType"))
	if a.CreatedOn = d.Created; a.CreatedOn.IsZero() {
		a.CreatedOn, _ = time.Parse(time.RFC3339Nano, body.String("properties.createdOn"))
	}
	return nil
}

func (l *loader) user(d *store.Document) error {
	u, err := directory.ParseUser(d)
	id, bad := gatehouse.ParseGUID(d.ID.Name())
	if bad != nil {
		return nil
	}
	p := l.b.person(id, gatehouse.User)
	if err != nil {
		return nil
	}
	p.Name, p.Disabled = u.UserPrincipalName, !u.AccountEnabled
	if u.DisplayName != p.Name {
		p.Display = u.DisplayName
	}
	if u.Mail != p.Name {
		p.Mail = u.Mail
	}
	return nil
}

func (l *loader) group(d *store.Document) error {
	id, bad := gatehouse.ParseGUID(d.ID.Name())
	if bad != nil {
		return nil
	}
	p := l.b.person(id, gatehouse.Group)
	if g, err := directory.ParseGroup(d); err == nil {
		p.Name = g.DisplayName
	}
	return nil
}

func (l *loader) application(d *store.Document) error {
	id, bad := gatehouse.ParseGUID(d.ID.Name())
	if a, err := directory.ParseApplication(d); err == nil && bad == nil {
		l.apps[id] = a
	}
	return nil
}

func (l *loader) servicePrincipal(d *store.Document) error {
	id, bad := gatehouse.ParseGUID(d.ID.Name())
	if bad != nil {
		return nil
	}
	p := l.b.person(id, gatehouse.ServicePrincipal)
	s, err := directory.ParseServicePrincipal(d)
	if err != nil {
		return nil
	}
	p.Name, p.AppID, p.Kind, p.Resource, p.Disabled = s.DisplayName, s.AppID.String(), s.Type, s.Resource(), !s.Enabled()
	p.secrets(s.PasswordCredentials, s.KeyCredentials)
	if l.byApp == nil {
		l.byApp = map[gatehouse.GUID]gatehouse.GUID{}
	}
	l.byApp[s.AppID] = id
	for _, a := range l.apps {
		if a.AppID == s.AppID {
			p.secrets(a.PasswordCredentials, a.KeyCredentials)
		}
	}
	return nil
}

func (p *Principal) secrets(passwords []directory.PasswordCredential, keys []directory.KeyCredential) {
	for _, c := range passwords {
		p.Secrets = append(p.Secrets, Secret{c.KeyID.String(), c.DisplayName, "password", c.Start.UTC(), c.End.UTC()})
	}
	for _, c := range keys {
		p.Secrets = append(p.Secrets, Secret{c.KeyID.String(), c.DisplayName, "certificate", c.Start.UTC(), c.End.UTC()})
	}
}

// signer is the service principal of the application whose document holds id.
func (l *loader) signer(id gatehouse.ID) (*Principal, bool) {
	object, err := gatehouse.ParseGUID(id.Parent().Name())
	app, ok := l.apps[object]
	if err != nil || !ok {
		return nil, false
	}
	sp, ok := l.byApp[app.AppID]
	if !ok {
		return nil, false
	}
	return l.b.person(sp, gatehouse.ServicePrincipal), true
}

func (l *loader) federated(d *store.Document) error {
	f, err := directory.ParseFederated(d)
	if p, ok := l.signer(d.ID); ok && err == nil {
		p.Secrets = append(p.Secrets, Secret{ID: f.ID.String(), Name: f.Name, Kind: "federated"})
	}
	return nil
}

func (l *loader) owner(d *store.Document) error {
	of, err := gatehouse.ParseGUID(d.ID.Parent().Name())
	owner, bad := gatehouse.ParseGUID(d.ID.Name())
	if err == nil && bad == nil {
		p := l.b.person(of, "")
		p.Owners = append(p.Owners, owner)
	}
	return nil
}

func (l *loader) applicationOwner(d *store.Document) error {
	owner, bad := gatehouse.ParseGUID(d.ID.Name())
	if p, ok := l.signer(d.ID); ok && bad == nil {
		p.Owners = append(p.Owners, owner)
	}
	return nil
}

func (l *loader) finish(facts *guard.Facts) *World {
	for _, m := range facts.World.Members {
		p := l.b.person(m.Group, gatehouse.Group)
		p.Members = append(p.Members, m.Member)
	}
	for id, attributes := range facts.Attributes {
		l.b.person(id, "").Attributes = attributes
	}
	for i := range l.w.Assignments {
		if a := &l.w.Assignments[i]; a.PrincipalType == "" {
			a.PrincipalType = l.b.typeOf(a.Principal)
		}
	}
	l.w.Principals, l.w.Spelling = l.b.w.Principals, l.b.w.Spelling
	return l.w
}
