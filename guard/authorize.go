package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// Authorize decides whether the caller may perform an action at id. A refusal is a
// *gatehouse.Error of kind Forbidden in Azure's words (rbac.md 9); the Decision
// comes with it. The time need not be in attributes, and what they say of the
// principal does not count: that is the directory's to say.
func (g *Guard) Authorize(ctx context.Context, caller *gatehouse.Caller, action string, id gatehouse.ID, attributes *gatehouse.Attributes) (gatehouse.Decision, error) {
	return g.AuthorizeAt(ctx, caller, action, false, id, id.String(), attributes)
}

// AuthorizeData is Authorize for data actions: directory rights, and calls of APIs.
// What every user may do in the directory without a role is the Graph wire's to add.
func (g *Guard) AuthorizeData(ctx context.Context, caller *gatehouse.Caller, action string, id gatehouse.ID) (gatehouse.Decision, error) {
	return g.AuthorizeAt(ctx, caller, action, true, id, id.String(), nil)
}

// AuthorizeAt is Authorize or AuthorizeData with the scope as a refusal names it:
// that of a collection is not an ID.
func (g *Guard) AuthorizeAt(_ context.Context, caller *gatehouse.Caller, action string, data bool, id gatehouse.ID, scope string, attributes *gatehouse.Attributes) (gatehouse.Decision, error) {
	if caller == nil || caller.ID.IsZero() {
		return gatehouse.Decision{Code: gatehouse.AuthorizationFailed}, gatehouse.Errorf(gatehouse.Unauthenticated,
			"AuthenticationFailed", "Nobody is signed in, so nobody can be authorized. Sign in and send the request again.")
	}
	v, at := g.view.Load(), id.Scope()
	if a := caller.Agent; a != nil && !a.Covers(action, data, at, g.opt.Clock()) {
		return gatehouse.Decision{Code: gatehouse.AuthorizationFailed}, gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed,
			"The agent '%s' acts for '%s' with a grant that does not cover the action '%s' over scope '%s'. Ask for an agent token whose grant does.", a.Name, caller.ID, builtin.Canonical(action), scope)
	}
	d := v.at(at).Decide(g.request(v, caller, action, data, at, attributes))
	if d.Allowed {
		return d, nil
	}
	return d, v.refusal(caller, action, at, scope, d)
}

// Denied returns the refusal of a deny assignment that takes an action away at id, nil
// when none does. It says nothing of rights: a resource may have a second name besides
// the one at which the caller was found to have the right.
func (g *Guard) Denied(caller *gatehouse.Caller, action string, data bool, id gatehouse.ID) (gatehouse.Decision, error) {
	v := g.view.Load()
	deny, ok := v.at(id.Scope()).Denied(g.request(v, caller, action, data, id.Scope(), nil))
	if !ok {
		return gatehouse.Decision{Allowed: true}, nil
	}
	d := gatehouse.Decision{Code: gatehouse.DenyAssignmentAuthorizationFailed, Deny: deny}
	return d, v.refusal(caller, action, id.Scope(), id.String(), d)
}

// Allowed reports whether the caller may perform an action at id.
func (g *Guard) Allowed(caller *gatehouse.Caller, action string, id gatehouse.ID) bool {
	d, err := g.Authorize(context.Background(), caller, action, id, nil)
	return err == nil && d.Allowed
}

// AuthorizeLinked makes a check that a request needs besides its own action
// (rbac.md 5.3), at each of the linked scopes. Call it once the action itself has
// been authorized at id: the refusal, LinkedAuthorizationFailed, says so.
func (g *Guard) AuthorizeLinked(_ context.Context, caller *gatehouse.Caller, action string, id gatehouse.ID, linkedAction string, linked ...gatehouse.ID) error {
	var missing []string
	lacks := &Lacks{}
	for _, at := range linked {
		if !g.Allowed(caller, linkedAction, at) {
			missing = append(missing, at.String())
			lacks.Linked = append(lacks.Linked, gatehouse.Linked{Action: builtin.Canonical(linkedAction), Scope: at.String()})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return lacks.Refusal("%s has permission to perform action '%s' on scope '%s'; however, it does not have permission to perform action(s) '%s' on the linked scope(s) '%s' (respectively) or the linked scope(s) are invalid.",
		client(caller), builtin.Canonical(action), id, builtin.Canonical(linkedAction), strings.Join(missing, ","))
}

// Lacks says which rights on something else a refusal was for. It is the cause of such an
// error, so that the log and explanations know; its caller reads the message.
type Lacks struct{ Linked []gatehouse.Linked }

// Error names the first one.
func (l *Lacks) Error() string { return l.Linked[0].Action + " is missing at " + l.Linked[0].Scope }

// Refusal is the refusal for what is lacking, LinkedAuthorizationFailed.
func (l *Lacks) Refusal(format string, args ...any) error {
	e := gatehouse.Errorf(gatehouse.Forbidden, LinkedAuthorizationFailed, format, args...)
	e.Cause = l
	return e
}

// LinkedAuthorizationFailed is the code of those refusals.
const LinkedAuthorizationFailed = "LinkedAuthorizationFailed"

// Visible reports whether the caller holds any assignment at, above or below id (rbac.md 5.2).
func (g *Guard) Visible(caller *gatehouse.Caller, id gatehouse.ID) bool {
	return caller != nil && caller.Agent == nil && g.Snapshot().Visible(caller.ID, id.Scope(), g.opt.Clock())
}

// IsGlobalAdministrator reports whether a principal holds that directory role, directly or through a group.
func (g *Guard) IsGlobalAdministrator(p gatehouse.GUID) bool {
	return g.Snapshot().Decide(&gatehouse.Request{
		Principal: p, Action: privilegedSpace + "anything/write", Data: true, Scope: directoryScope, Now: g.opt.Clock(),
	}).Allowed
}

// Request returns the question that AuthorizeAt asks the Snapshot, for Explain.
func (g *Guard) Request(caller *gatehouse.Caller, action string, data bool, id gatehouse.ID, attributes *gatehouse.Attributes) *gatehouse.Request {
	return g.request(g.view.Load(), caller, action, data, id.Scope(), attributes)
}

func (g *Guard) request(v *view, caller *gatehouse.Caller, action string, data bool, scope gatehouse.Scope, attributes *gatehouse.Attributes) *gatehouse.Request {
	if own := v.attributes[caller.ID]; own != nil || attributes != nil && attributes.Principal != nil {
		with := gatehouse.Attributes{}
		if attributes != nil {
			with = *attributes
		}
		with.Principal = own
		attributes = &with
	}
	if data {
		action = v.privileged(action, scope)
	}
	return &gatehouse.Request{Principal: caller.ID, Action: action, Data: data, Scope: scope, Attributes: attributes, Now: g.opt.Clock()}
}

// at is the Snapshot for questions about a scope: a subscription or management group
// that does not exist yet belongs below the root group, whose assignments count for it already.
func (v *view) at(scope gatehouse.Scope) *rbac.Snapshot {
	if top, ok := container(scope); ok && !v.root.IsRoot() && top != v.root {
		if _, known := v.placed[top]; !known {
			return v.snapshot.Apply(rbac.SetParent(top, v.root))
		}
	}
	return v.snapshot
}

func container(s gatehouse.Scope) (gatehouse.Scope, bool) {
	if sub, ok := s.Subscription(); ok {
		return sub, true
	}
	return s.ManagementGroup()
}

// privilegedSpace starts the actions on objects that hold directory roles; Global Administrators alone hold it.
const (
	directorySpace  = builtin.DirectoryNamespace + "directory/"
	privilegedSpace = directorySpace + "privileged/"
)

// privileged renames an action that would change a privileged object: a user,
// group or service principal that holds a directory role itself or through a group,
// or the application that such a service principal signs in with. Otherwise who may
// reset its password or add a secret to it could become a Global Administrator.
func (v *view) privileged(action string, scope gatehouse.Scope) string {
	if len(action) < len(directorySpace) || !gatehouse.EqualFold(action[:len(directorySpace)], directorySpace) { // folding keeps the length of ASCII, and nothing else becomes ASCII
		return action
	}
	folded := gatehouse.Fold(action)
	rest, ours := strings.CutPrefix(folded, gatehouse.Fold(directorySpace))
	if !ours || strings.HasSuffix(folded, "/read") || !directoryScope.Contains(scope) {
		return action
	}
	target, ok := v.object(scope)
	if !ok || !v.admin(target) {
		return action
	}
	return privilegedSpace + rest
}

// object returns the principal that a directory scope stands for, is or lies below.
func (v *view) object(scope gatehouse.Scope) (gatehouse.GUID, bool) {
	for s := scope; s != directoryScope && !s.IsRoot(); s = s.Parent() {
		if s.Parent() != directoryScope {
			continue
		}
		oid, ok := directory.ObjectOf(s)
		switch s.Type() {
		case gatehouse.Fold(directory.UserType), gatehouse.Fold(directory.GroupType), gatehouse.Fold(directory.ServicePrincipalType):
			return oid, ok
		case gatehouse.Fold(directory.ApplicationType):
			signer, known := v.signers[v.apps[oid]]
			return signer, ok && known
		}
		return gatehouse.GUID{}, false
	}
	return gatehouse.GUID{}, false
}

func (v *view) admin(p gatehouse.GUID) bool {
	if len(v.admins) == 0 {
		return false
	}
	return v.admins[p] > 0 || slices.ContainsFunc(v.snapshot.Groups(p), func(g gatehouse.GUID) bool { return v.admins[g] > 0 })
}

// refusal words a Decision that is not Allowed (rbac.md 9).
func (v *view) refusal(caller *gatehouse.Caller, action string, scope gatehouse.Scope, text string, d gatehouse.Decision) error {
	return Refusal(caller, action, text, d, func() (name, at string) { return v.denial(d.Deny, scope) })
}

// Refusal words a decision that is not allowed as Azure does. denial tells the name and the scope of the deny assignment in it.
func Refusal(caller *gatehouse.Caller, action, scope string, d gatehouse.Decision, denial func() (name, at string)) error {
	action = builtin.Canonical(action)
	if d.Code == gatehouse.DenyAssignmentAuthorizationFailed {
		name, at := denial()
		return gatehouse.Errorf(gatehouse.Forbidden, gatehouse.DenyAssignmentAuthorizationFailed,
			"%s has permission to perform action '%s' on scope '%s'; however, the access is denied because of the deny assignment with name '%s' and Id '%s' at scope '%s'.",
			client(caller), action, scope, name, d.Deny.Hex(), at)
	}
	lacks := "does not have authorization"
	if d.Conditional {
		lacks = "does not have authorization or an ABAC condition not fulfilled"
	}
	return gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed,
		"%s %s to perform action '%s' over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.",
		client(caller), lacks, action, scope)
}

// client names the caller as Azure does: a user by user principal name, a service principal by application ID.
func client(c *gatehouse.Caller) string {
	name := c.Name
	if name == "" {
		name = c.ID.String()
	}
	return fmt.Sprintf("The client '%s' with object id '%s'", name, c.ID)
}

// denial finds the deny assignment of a Decision among those that bear on scope.
func (v *view) denial(id gatehouse.GUID, scope gatehouse.Scope) (name, at string) {
	for _, s := range append(v.snapshot.Ancestors(scope), v.snapshot.Ancestors(v.root)...) {
		if d, ok := v.denies[denyKey{s, id}]; ok {
			return d.name, d.at.String()
		}
	}
	return id.String(), scope.String()
}

// Holder is a principal that may, and what kind of principal it is.
type Holder struct {
	rbac.Holder
	Type     gatehouse.PrincipalType
	Disabled bool // it may, but cannot sign in
}

// WhoCan returns the principals of the directory that may, groups included. Time
// and the principals' own attributes are filled in. Principals that the directory
// does not know, deleted ones above all, are left out: nobody can sign in as one.
func (g *Guard) WhoCan(q rbac.WhoCanRequest) []Holder {
	v := g.view.Load()
	q.PrincipalAttributes = func(p gatehouse.GUID) map[string]any { return v.attributes[p] }
	if q.Now.IsZero() {
		q.Now = g.opt.Clock()
	}
	var out []Holder
	holders := v.at(q.Scope).WhoCan(q)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range holders {
		if p, ok := g.model.principals[h.Principal]; ok {
			out = append(out, Holder{h, p.typ, p.disabled})
		}
	}
	return out
}

func compareScopes(a, b gatehouse.Scope) int { return strings.Compare(a.String(), b.String()) }
