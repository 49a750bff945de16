package access

import (
	"cmp"
	"iter"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/store"
	"gatehouse/world"
)

const readAssignments = "Microsoft.Authorization/roleAssignments/read"

// asker is one call: who asks, about which scope, and what they may be shown.
type asker struct {
	*provider
	op    *arm.Op
	scope gatehouse.ID
	reads map[gatehouse.Scope]bool
	names map[gatehouse.Scope]shown
}

func (p *provider) asker(op *arm.Op) (*asker, error) {
	a := &asker{provider: p, op: op, reads: map[gatehouse.Scope]bool{}, names: map[gatehouse.Scope]shown{}}
	if text := op.Params["scope"]; text != "" && text != "/" {
		var err error
		if a.scope, err = gatehouse.ParseID(text); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// nameless reports whether the caller may not read the directory. Users may, as in Entra (docs/divergences.md).
func (a *asker) nameless() bool {
	if a.op.Caller.Type == gatehouse.User {
		return false
	}
	_, err := a.Guard.AuthorizeData(a.op.Context, a.op.Caller, "Microsoft.Graph/directory/users/read", directory.Root())
	return err != nil
}

// readable reports whether grants at a scope may be shown: where the caller may read
// role assignments, and above the scope of the question, since a list of what holds
// there shows what is inherited as well.
func (a *asker) readable(s gatehouse.Scope) bool {
	can, ok := a.reads[s]
	if ok {
		return can
	}
	switch id, err := gatehouse.ParseID(s.String()); {
	case err != nil:
	case directory.Root().Scope().Contains(s):
		can = !a.nameless()
	case a.op.Can(readAssignments, id):
		can = true
	default:
		can = s != a.scope.Scope() && a.Guard.Snapshot().Under(a.scope.Scope(), s) && a.readable(a.scope.Scope())
	}
	a.reads[s] = can
	return can
}

// view is the access of a moment as the caller may see it; "" is now.
func (a *asker) view(at string) (*access.View, error) {
	v := &access.View{Now: a.op.Now, Complete: true, Private: true, Principal: a.principal, Reads: a.readable, Self: a.op.Caller.ID, Nameless: a.nameless(), Spell: a.spell, Written: a.written}
	g, documents := a.Guard, a.op.Store()
	if at != "" {
		if a.Past == nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "PastNotKept", "This server does not answer about the past.").At("at")
		}
		m, err := a.Past.Parse(a.op.Context, at)
		if err != nil {
			return nil, err
		}
		if g, err = m.Guard(a.op.Context); err != nil {
			return nil, err
		}
		v.Now, documents, v.Principal = m.Time, m, a.principalOf(m)
	}
	v.Snapshot = g.SnapshotFor(a.scope.Scope())
	v.Attributes = func(id gatehouse.GUID) map[string]any {
		if r := g.Request(&gatehouse.Caller{ID: id}, "", false, gatehouse.ID{}, nil); r.Attributes != nil {
			return r.Attributes.Principal
		}
		return nil
	}
	v.Made = func(r gatehouse.RoleAssignment) time.Time { return a.made(documents, r) }
	return v, nil
}

// principal is what the directory knows of somebody now.
func (a *asker) principal(id gatehouse.GUID) (world.Principal, bool) {
	p, ok := a.Directory.Principal(id)
	if !ok {
		return world.Principal{}, false
	}
	out := world.Principal{ID: id, Type: p.Type, Name: p.Name, Display: p.DisplayName, Disabled: !p.Enabled}
	if p.Type == gatehouse.ServicePrincipal {
		out.AppID = p.AppID.String()
	}
	return out, true
}

// principalOf reads what the directory knew at a past moment, each principal once.
func (a *asker) principalOf(r store.Reader) func(gatehouse.GUID) (world.Principal, bool) {
	known := map[gatehouse.GUID]*world.Principal{}
	return func(id gatehouse.GUID) (world.Principal, bool) {
		p, ok := known[id]
		if !ok {
			p = a.past(r, id)
			known[id] = p
		}
		if p == nil {
			return world.Principal{}, false
		}
		return *p, true
	}
}

func (a *asker) past(r store.Reader, id gatehouse.GUID) *world.Principal {
	if u, _, err := directory.ReadUser(a.op.Context, r, id); err == nil {
		return &world.Principal{ID: id, Type: gatehouse.User, Name: u.UserPrincipalName, Display: u.DisplayName, Disabled: !u.AccountEnabled}
	}
	if g, _, err := directory.ReadGroup(a.op.Context, r, id); err == nil {
		return &world.Principal{ID: id, Type: gatehouse.Group, Name: g.DisplayName, Display: g.DisplayName}
	}
	if s, _, err := directory.ReadServicePrincipal(a.op.Context, r, id); err == nil {
		return &world.Principal{ID: id, Type: gatehouse.ServicePrincipal, Name: s.AppID.String(), Display: s.DisplayName, AppID: s.AppID.String(), Disabled: !s.Enabled()}
	}
	return nil
}

// made is when the document of an assignment was created.
func (a *asker) made(documents store.Reader, r gatehouse.RoleAssignment) time.Time {
	id, err := gatehouse.ParseID(r.Scope.String())
	if err != nil {
		return time.Time{}
	}
	d, err := documents.Get(a.op.Context, guard.RoleAssignmentID(id, r.ID).Scope())
	if err != nil {
		return time.Time{} // ownership and directory roles are other documents
	}
	return d.Created
}

// shown is what a scope is called and how its ID is written.
type shown struct{ name, id string }

// scopeShown reads the document of a scope that the caller may see: others are as if they were not.
func (a *asker) scopeShown(s gatehouse.Scope) shown {
	out, ok := a.names[s]
	if !ok {
		out = a.lookUp(s)
		a.names[s] = out
	}
	return out
}

func (a *asker) lookUp(s gatehouse.Scope) shown {
	id, err := gatehouse.ParseID(s.String())
	if err != nil || !a.op.Sees(id) && !a.readable(s) {
		return shown{}
	}
	d, err := a.op.Store().Get(a.op.Context, s)
	if err != nil {
		return shown{}
	}
	out := shown{id: d.ID.String()}
	if kind := gatehouse.Fold(d.Type); kind == gatehouse.Fold(guard.SubscriptionType) || kind == gatehouse.Fold(guard.ManagementGroupType) {
		if r, err := arm.FromDocument(d); err == nil {
			out.name = cmp.Or(r.Body.String("displayName"), r.Body.String("properties.displayName"))
		}
	}
	return out
}

// spell is the display name of a subscription or management group.
func (a *asker) spell(s gatehouse.Scope) string { return a.scopeShown(s).name }

func (a *asker) written(s gatehouse.Scope) string { return a.scopeShown(s).id }

// at replaces the scope of the path by the one that the body names.
func (a *asker) at(text string) error {
	if text == "" {
		return nil
	}
	found, err := access.FindScope(text, a.visible(), a.spell)
	if err != nil {
		return err
	}
	switch len(found) {
	case 0:
		return gatehouse.Errorf(gatehouse.NotFound, "ScopeNotFound",
			"There is nothing called '%s' that you may see. Give a resource ID, or names: a resource group, a service, or a path such as contoso-apim/apis/calculator.", text).At("scope")
	case 1:
		a.scope = found[0]
		return nil
	}
	return ambiguous("scope", text, texts(found))
}

func texts(ids []gatehouse.ID) (out []string) {
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

func ambiguous(what, text string, candidates []string) error {
	return gatehouse.Errorf(gatehouse.Invalid, "AmbiguousName", "'%s' may be any of these, so name one of them: %s.", text, strings.Join(candidates, ", ")).At(what)
}

// findable are the types whose resources are found by name.
var findable = []string{guard.SubscriptionType, guard.ManagementGroupType, "Microsoft.Resources/subscriptions/resourceGroups", "Microsoft.ApiManagement/service",
	"Microsoft.ManagedIdentity/userAssignedIdentities"}

// visible are the resources that can be found by name: those below or above which the
// caller has something, as when resource groups are listed.
func (a *asker) visible() iter.Seq[gatehouse.ID] {
	return func(yield func(gatehouse.ID) bool) {
		for _, t := range findable {
			page, err := a.op.Store().List(a.op.Context, store.Query{Type: t})
			if err != nil {
				return
			}
			for _, d := range page.Documents {
				if a.op.Sees(d.ID) && !yield(d.ID) {
					return
				}
			}
		}
	}
}

// about is the principal that a question is about, once the caller may ask about it.
func (a *asker) about(text string) (gatehouse.GUID, error) {
	self := a.op.Caller
	if text == "" || gatehouse.EqualFold(text, self.ID.String()) || gatehouse.EqualFold(text, self.Name) {
		return self.ID, nil
	}
	if err := a.othersAllowed(); err != nil {
		return gatehouse.GUID{}, err
	}
	return a.find(text)
}

// othersAllowed is the right to ask about others.
func (a *asker) othersAllowed() error {
	if _, err := a.Guard.AuthorizeAt(a.op.Context, a.op.Caller, readAssignments, false, a.scope, a.scope.String(), nil); err != nil {
		return a.refused(err)
	}
	if a.nameless() {
		return a.refused(gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed,
			"To ask about others you have to be able to read the directory: ask for the directory role Directory Readers, or ask about yourself."))
	}
	return nil
}

// refused records the refusal as one of the right that was missing: the call itself asks for none.
func (a *asker) refused(err error) error {
	route := *a.op.Route
	route.Action = readAssignments
	a.op.Target.Route = &route
	if recorded := a.op.Refused(err); recorded != nil {
		return recorded
	}
	return err
}

// find reads a principal as people write it.
func (a *asker) find(text string) (gatehouse.GUID, error) {
	if id, err := gatehouse.ParseGUID(text); err == nil {
		if by, ok := a.Directory.ServicePrincipalByAppID(id); ok {
			return by, nil
		}
		return id, nil // one that was deleted can be asked about too
	}
	for _, by := range []func(string) (gatehouse.GUID, bool){a.Directory.UserByName, a.Directory.ServicePrincipalByName} {
		if id, ok := by(text); ok {
			return id, nil
		}
	}
	var found []gatehouse.GUID
	for _, kind := range []string{directory.UserType, directory.GroupType, directory.ServicePrincipalType} {
		found = append(found, a.Directory.ByDisplayName(kind, text)...)
	}
	switch len(found) {
	case 0:
		return gatehouse.GUID{}, gatehouse.Errorf(gatehouse.NotFound, "PrincipalNotFound",
			"There is no user, group or service principal '%s'. Give a user principal name, a display name, an application ID or an object ID.", text).At("principal")
	case 1:
		return found[0], nil
	}
	var candidates []string
	for _, id := range found {
		p, _ := a.Directory.Principal(id)
		candidates = append(candidates, string(p.Type)+" "+id.String())
	}
	return gatehouse.GUID{}, ambiguous("principal", text, candidates)
}
