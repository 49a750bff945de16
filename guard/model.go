package guard

import (
	"fmt"
	"maps"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// model is what is known of the documents beyond the Snapshot: that which decides
// how one document's meaning depends on others. Whatever the order of changes, it
// depends on the documents alone, so a restart finds the same.
type model struct {
	world   *rbac.World   // while loading: where facts go
	updates []rbac.Update // afterwards: what the Snapshot has yet to apply

	principals map[gatehouse.GUID]principal
	members    map[gatehouse.GUID]map[gatehouse.GUID]struct{} // member documents by group
	adminDocs  map[gatehouse.Scope]gatehouse.GUID             // directory role assignments and whom they name
	tree       tree
	problems   map[gatehouse.Scope]string // by document

	// What questions need besides the Snapshot.
	attributes shared[gatehouse.GUID, map[string]any] // of principals that have any
	apps       shared[gatehouse.GUID, gatehouse.GUID] // application document to application ID
	signers    shared[gatehouse.GUID, gatehouse.GUID] // application ID to the service principal that it signs in as
	admins     shared[gatehouse.GUID, int]            // how many documents make a principal privileged
	denies     shared[denyKey, denial]
	placed     shared[gatehouse.Scope, gatehouse.Scope] // what holds a subscription or management group
}

type principal struct {
	typ      gatehouse.PrincipalType
	disabled bool
}

type denyKey struct {
	scope gatehouse.Scope
	id    gatehouse.GUID
}

// denial is what a refusal says about a deny assignment.
type denial struct {
	name string
	at   gatehouse.ID
}

func newModel() *model {
	return &model{
		principals: map[gatehouse.GUID]principal{},
		members:    map[gatehouse.GUID]map[gatehouse.GUID]struct{}{},
		adminDocs:  map[gatehouse.Scope]gatehouse.GUID{},
		problems:   map[gatehouse.Scope]string{},
		tree:       newTree(),
	}
}

// shared is a map whose present state can be handed to readers: the next change is made to a copy.
type shared[K comparable, V any] struct {
	m    map[K]V
	lent bool
}

func (s *shared[K, V]) lend() map[K]V {
	s.lent = true
	return s.m
}

func (s *shared[K, V]) own() map[K]V {
	if s.lent || s.m == nil {
		c := make(map[K]V, len(s.m)+1)
		maps.Copy(c, s.m)
		s.m, s.lent = c, false
	}
	return s.m
}

func (s *shared[K, V]) set(k K, v V) { s.own()[k] = v }

func (s *shared[K, V]) remove(k K) {
	if _, ok := s.m[k]; ok {
		delete(s.own(), k)
	}
}

// put takes in one document. It returns what is wrong with it, "" for nothing.
func (m *model) put(k kind, id gatehouse.ID, body []byte) string {
	delete(m.problems, id.Scope())
	err := k.put(m, id, body)
	if err == nil {
		return ""
	}
	k.drop(m, id)
	meaning := "it grants nothing"
	if k.fallback != nil {
		k.fallback(m, id)
		meaning = "it counts in the way that denies most"
	}
	m.problems[id.Scope()] = fmt.Sprintf("%s %s cannot be read, so %s: %v. Write it again or delete it.", k.typ, id, meaning, err)
	return m.problems[id.Scope()]
}

func (m *model) drop(k kind, id gatehouse.ID) {
	delete(m.problems, id.Scope())
	k.drop(m, id)
}

// emit tells the Snapshot, or the world that one is being made from, a fact.
func (m *model) emit(u rbac.Update, load func(*rbac.World)) {
	if m.world == nil {
		m.updates = append(m.updates, u)
	} else if load != nil {
		load(m.world)
	}
}

func (m *model) assign(a gatehouse.RoleAssignment) {
	m.emit(rbac.PutAssignment(a), func(w *rbac.World) { w.Assignments = append(w.Assignments, a) })
}

func (m *model) unassign(scope gatehouse.Scope, id gatehouse.GUID) {
	m.emit(rbac.DeleteAssignment(scope, id), nil)
}

func putRole(m *model, id gatehouse.ID, body []byte) error {
	r, err := ParseRole(id, body)
	if err != nil {
		return err
	}
	if reserved(r.ID) {
		return fmt.Errorf("its name is the ID of a built-in role, which cannot be replaced")
	}
	r.Permissions = OutsideDirectory(r.Permissions)
	m.emit(rbac.PutRole(r), func(w *rbac.World) { w.Roles = append(w.Roles, r) })
	return nil
}

func dropRole(m *model, id gatehouse.ID) {
	if role, err := nameGUID(id); err == nil && !reserved(role) {
		m.emit(rbac.DeleteRole(role), nil)
	}
}

func reserved(role gatehouse.GUID) bool {
	_, azure := builtin.Role(role)
	_, ours := builtin.DirectoryRole(role)
	return azure || ours
}

func putAssignment(m *model, id gatehouse.ID, body []byte) error {
	a, err := ParseAssignment(id, body)
	if err != nil {
		return err
	}
	m.assign(a)
	return nil
}

func dropAssignment(m *model, id gatehouse.ID) {
	if name, err := nameGUID(id); err == nil {
		m.unassign(id.Parent().Scope(), name)
	}
}

func putDeny(m *model, id gatehouse.ID, body []byte) error {
	d, err := ParseDeny(id, body)
	if err != nil {
		return err
	}
	d.Permissions = OutsideDirectory(d.Permissions)
	m.deny(id, d)
	return nil
}

func (m *model) deny(id gatehouse.ID, d gatehouse.DenyAssignment) {
	m.denies.set(denyKey{d.Scope, d.ID}, denial{d.Name, id.Parent()})
	m.emit(rbac.PutDeny(d), func(w *rbac.World) { w.Denies = append(w.Denies, d) })
}

// denyAll stands in for a deny assignment that cannot be read: everything but what
// it takes to repair it, for everyone. What it was to deny is in there.
func denyAll(m *model, id gatehouse.ID) {
	m.deny(id, gatehouse.DenyAssignment{
		ID: denyGUID(id), Name: "unreadable deny assignment " + id.Name(), Scope: id.Parent().Scope(),
		Permissions: []gatehouse.Permission{{
			Actions: []string{"*"}, NotActions: []string{authorizationSpace + "/*"},
			DataActions: []string{"*"}, NotDataActions: []string{builtin.DirectoryNamespace + "*"},
		}},
		Principals: []gatehouse.GUID{{}}, SystemProtected: true,
	})
}

func dropDeny(m *model, id gatehouse.ID) {
	key := denyKey{id.Parent().Scope(), denyGUID(id)}
	m.denies.remove(key)
	m.emit(rbac.DeleteDeny(key.scope, key.id), nil)
}

func denyGUID(id gatehouse.ID) gatehouse.GUID {
	name, err := nameGUID(id)
	if err != nil {
		return gatehouse.NameGUID(ownerSpace, id.Scope().String())
	}
	return name
}

func putPrincipal(typ gatehouse.PrincipalType) func(*model, gatehouse.ID, []byte) error {
	return func(m *model, id gatehouse.ID, body []byte) error {
		var b principalBody
		if err := jsondoc.Unmarshal(body, &b); err != nil {
			return err
		}
		oid, err := nameGUID(id)
		if err != nil {
			return err
		}
		_, known := m.principals[oid]
		enabled := b.AccountEnabled == nil && typ != gatehouse.User || b.AccountEnabled != nil && *b.AccountEnabled
		m.principals[oid] = principal{typ, !enabled}
		if typ == gatehouse.ServicePrincipal {
			m.signers.set(b.AppID, oid)
		}
		if attributes := SecurityAttributes(b.Attributes); attributes != nil {
			m.attributes.set(oid, attributes)
		} else {
			m.attributes.remove(oid)
		}
		if !known {
			for member := range m.members[oid] {
				m.join(rbac.Membership{Group: oid, Member: member})
			}
		}
		return nil
	}
}

func dropPrincipal(m *model, id gatehouse.ID) {
	oid, err := nameGUID(id)
	if err != nil {
		return
	}
	if m.principals[oid].typ == gatehouse.ServicePrincipal {
		for app, signer := range m.signers.m {
			if signer == oid {
				m.signers.remove(app)
			}
		}
	}
	delete(m.principals, oid)
	m.attributes.remove(oid)
	for member := range m.members[oid] {
		m.emit(rbac.RemoveMember(oid, member), nil)
	}
}

func putApplication(m *model, id gatehouse.ID, body []byte) error {
	var b struct {
		AppID gatehouse.GUID `json:"appId"`
	}
	oid, err := nameGUID(id)
	if err != nil {
		return err
	}
	if err := jsondoc.Unmarshal(body, &b); err != nil {
		return err
	}
	m.apps.set(oid, b.AppID)
	return nil
}

func dropApplication(m *model, id gatehouse.ID) {
	if oid, err := nameGUID(id); err == nil {
		m.apps.remove(oid)
	}
}

// join makes a membership count, if the group itself exists.
func (m *model) join(e rbac.Membership) {
	if m.principals[e.Group].typ == gatehouse.Group {
		m.emit(rbac.AddMember(e.Group, e.Member), func(w *rbac.World) { w.Members = append(w.Members, e) })
	}
}

func putMember(m *model, id gatehouse.ID, _ []byte) error {
	e, err := membership(id)
	if err != nil {
		return err
	}
	if m.members[e.Group] == nil {
		m.members[e.Group] = map[gatehouse.GUID]struct{}{}
	}
	m.members[e.Group][e.Member] = struct{}{}
	m.join(e)
	return nil
}

func dropMember(m *model, id gatehouse.ID) {
	e, err := membership(id)
	if err != nil {
		return
	}
	if delete(m.members[e.Group], e.Member); len(m.members[e.Group]) == 0 {
		delete(m.members, e.Group)
	}
	m.emit(rbac.RemoveMember(e.Group, e.Member), nil)
}

func putOwner(role string) func(*model, gatehouse.ID, []byte) error {
	return func(m *model, id gatehouse.ID, _ []byte) error {
		a, err := ownership(id, role)
		if err != nil {
			return err
		}
		m.assign(a)
		return nil
	}
}

func dropOwner(m *model, id gatehouse.ID) {
	if a, err := ownership(id, builtin.GroupOwner); err == nil { // which role makes no difference here
		m.unassign(a.Scope, a.ID)
	}
}

func putDirectoryRole(m *model, id gatehouse.ID, body []byte) error {
	a, err := ParseDirectoryRole(id, body)
	if err != nil {
		return err
	}
	m.demote(id.Scope())
	if a.Role != gatehouse.MustGUID(builtin.DirectoryReaders) {
		m.adminDocs[id.Scope()] = a.Principal
		m.admins.set(a.Principal, m.admins.m[a.Principal]+1)
	}
	m.assign(a)
	return nil
}

func dropDirectoryRole(m *model, id gatehouse.ID) {
	m.demote(id.Scope())
	if name, err := nameGUID(id); err == nil {
		m.unassign(directory.Root().Scope(), name)
	}
}

// demote forgets that a document made somebody privileged.
func (m *model) demote(doc gatehouse.Scope) {
	p, ok := m.adminDocs[doc]
	if !ok {
		return
	}
	delete(m.adminDocs, doc)
	if n := m.admins.m[p]; n > 1 {
		m.admins.set(p, n-1)
	} else {
		m.admins.remove(p)
	}
}
