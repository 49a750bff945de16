package graph

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Restorer decides on putting directory objects back as they were, with the rights and
// checks of the requests that would do it.
type Restorer struct {
	Guard Guard
	Index *directory.Index
}

// Holds reports whether documents of a type are the directory's.
func (Restorer) Holds(typ string) bool {
	_, ok := restorable[gatehouse.Fold(typ)]
	return ok
}

// restorable says, by the type of a document, which right its change needs, and how far above it that is asked.
var restorable = map[string]struct {
	write, remove string
	up            int
}{
	gatehouse.Fold(directory.UserType):                  {"users/write", "users/delete", 0},
	gatehouse.Fold(directory.GroupType):                 {"groups/write", "groups/delete", 0},
	gatehouse.Fold(directory.ApplicationType):           {"applications/write", "applications/delete", 0},
	gatehouse.Fold(directory.ServicePrincipalType):      {"servicePrincipals/write", "servicePrincipals/delete", 0},
	gatehouse.Fold(directory.GroupMemberType):           {"groups/members/write", "groups/members/write", 1},
	gatehouse.Fold(directory.GroupOwnerType):            {"groups/owners/write", "groups/owners/write", 1},
	gatehouse.Fold(directory.ApplicationOwnerType):      {"applications/owners/write", "applications/owners/write", 1},
	gatehouse.Fold(directory.ServicePrincipalOwnerType): {"servicePrincipals/owners/write", "servicePrincipals/owners/write", 1},
	gatehouse.Fold(directory.FederatedType):             {"applications/write", "applications/write", 1},
	gatehouse.Fold(directory.RoleAssignmentType):        {"roleAssignments/write", "roleAssignments/delete", 0},
}

// Authorize asks for the rights to turn now into next; nil stands for nothing there. It may run inside a transaction.
func (r Restorer) Authorize(ctx context.Context, caller *gatehouse.Caller, typ string, id gatehouse.ID, now, next []byte) (gatehouse.Decision, error) {
	rule := restorable[gatehouse.Fold(typ)]
	action, at := rule.write, id
	if next == nil {
		action = rule.remove
	}
	switch {
	case rule.up > 0:
		at = id.Parent()
	case now == nil:
		at = directory.Root()
	}
	if !mayChange(caller) {
		return gatehouse.Decision{}, gatehouse.Errorf(gatehouse.Forbidden, codeDenied, "The token may only read the directory; sign in without a narrower permission.")
	}
	d, err := r.Guard.AuthorizeData(ctx, caller, actionPrefix+action, at)
	if err == nil && at != id && rule.up == 0 {
		// Directory roles outlive who held them: whoever still has one comes back privileged.
		d, err = r.Guard.AuthorizeData(ctx, caller, actionPrefix+action, id)
	}
	if err != nil || next == nil || !differs(attributes, now, next) { // a user is deleted with all it has
		return d, err
	}
	return r.Guard.AuthorizeData(ctx, caller, actionPrefix+attributes+"/write", at)
}

// Readable is a document as the caller could read it, nil when not at all.
func (r Restorer) Readable(ctx context.Context, caller *gatehouse.Caller, typ string, id gatehouse.ID, body *jsondoc.Object) *jsondoc.Object {
	may := func(action string) bool {
		_, err := r.Guard.AuthorizeData(ctx, caller, actionPrefix+action, id)
		return err == nil
	}
	action := strings.TrimSuffix(restorable[gatehouse.Fold(typ)].write, "write") + "read"
	if !may(action) && !(caller.Type == gatehouse.User && readable[action]) {
		return nil
	}
	if body.Has(attributes) && !may(attributes+"/read") {
		body = body.Clone()
		body.Delete(attributes)
	}
	return body
}

// mayChange reports whether the user let the application that asks change things: by
// Graph's permissions, or by acting in full as the user towards Resource Manager, whose
// operations of this server already use directory rights.
func mayChange(caller *gatehouse.Caller) bool {
	return caller.Type != gatehouse.User || slices.ContainsFunc(caller.Scopes, func(scope string) bool {
		scope = gatehouse.Fold(scope)
		return scope == "user_impersonation" || scope == "directory.accessasuser.all" || strings.Contains(scope, ".readwrite")
	})
}

func differs(member string, a, b []byte) bool {
	return !bytes.Equal(memberOf(a, member), memberOf(b, member))
}

func memberOf(body []byte, member string) []byte {
	o, err := jsondoc.ParseObject(body)
	if err != nil {
		return nil
	}
	v, ok := o.Get(member)
	if !ok || v == nil {
		return nil
	}
	return jsondoc.Marshal(v)
}

// Reserve takes the names that an object had, before the transaction that puts it back, and
// refuses what must not come back: sessions that were ended on purpose.
func (r Restorer) Reserve(typ string, now, next []byte) (release func(), err error) {
	var held []func()
	release = func() {
		for _, f := range held {
			f()
		}
	}
	take := func(f func(), failed error) {
		if failed != nil && err == nil {
			err = failed
		} else if f != nil {
			held = append(held, f)
		}
	}
	if next == nil {
		return release, nil
	}
	o, bad := jsondoc.ParseObject(next)
	if bad != nil {
		return release, bad
	}
	oid, _ := gatehouse.ParseGUID(o.String("id"))
	switch gatehouse.Fold(typ) {
	case gatehouse.Fold(directory.UserType):
		if ended, was := sessionsFrom(now), sessionsFrom(next); ended.After(was) {
			return release, gatehouse.Errorf(gatehouse.Conflict, "SessionsEnded",
				"The sessions of %s were ended at %s, with its password or by themselves. Undoing that would let old tokens count again: set a new password instead.", o.String("userPrincipalName"), ended.Format(time.RFC3339))
		}
		take(r.Index.ReserveUserName(o.String("userPrincipalName"), oid))
	case gatehouse.Fold(directory.ApplicationType):
		for _, v := range o.Array("identifierUris") {
			if uri, ok := v.(string); ok {
				take(r.Index.ReserveIdentifierURI(uri, oid))
			}
		}
	case gatehouse.Fold(directory.ServicePrincipalType):
		if app, bad := gatehouse.ParseGUID(o.String("appId")); bad == nil {
			take(r.Index.ReserveServicePrincipal(app, oid))
		}
	}
	if err != nil {
		release()
		return func() {}, err
	}
	return release, nil
}

func sessionsFrom(body []byte) time.Time {
	o, err := jsondoc.ParseObject(body)
	if err != nil {
		return time.Time{}
	}
	t, _ := time.Parse(time.RFC3339Nano, o.String("signInSessionsValidFromDateTime"))
	return t
}

// Whole refuses links to what is not there, and a transaction that leaves nobody in charge
// of the directory where somebody was.
func (r Restorer) Whole(ctx context.Context, tx *store.Tx, put []gatehouse.ID, was bool) error {
	for _, id := range put {
		if err := linked(ctx, tx, id); err != nil {
			return err
		}
	}
	if is, err := r.InCharge(ctx, tx); err != nil || is || !was {
		return err
	}
	return badRequest("", "Nobody would be left who can sign in as Global Administrator: assign the role to another user or service principal first.")
}

// InCharge reports whether there is a Global Administrator who can sign in.
func (Restorer) InCharge(ctx context.Context, tx *store.Tx) (bool, error) {
	page, err := tx.List(ctx, store.Query{Type: directory.RoleAssignmentType})
	if err != nil {
		return false, err
	}
	c := &call{r: new(http.Request).WithContext(ctx)}
	for _, d := range page.Documents {
		body, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			return false, err
		}
		principal, err := gatehouse.ParseGUID(body.String("principalId"))
		if err != nil || !isAdministrator(body.String("roleDefinitionId")) {
			continue
		}
		if ok, err := c.inCharge(tx, principal); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// linked refuses a membership or ownership of which one side is gone.
func linked(ctx context.Context, tx *store.Tx, id gatehouse.ID) error {
	if rule := restorable[id.Type()]; rule.up == 0 {
		return nil
	}
	if _, err := tx.Get(ctx, id.Parent().Scope()); err != nil {
		return err
	}
	oid, err := gatehouse.ParseGUID(id.Name())
	if err != nil {
		return nil // a federated credential has a name of its own
	}
	for _, object := range []gatehouse.ID{directory.UserID(oid), directory.GroupID(oid), directory.ServicePrincipalID(oid)} {
		if _, err := tx.Get(ctx, object.Scope()); gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
	}
	return gatehouse.Errorf(gatehouse.NotFound, "PrincipalNotFound", "%s is not in the directory any more: bring it back first.", oid)
}
