package apim

import (
	"context"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Revisions of an API are addressed inside its name, x;rev=2 (apim-control-plane.md 1.1).
// The documents of the current one are at apis/x, those of every other at apis/x;rev=n. So
// what is read most is where its name says, and a release exchanges the two.

const revisionMark = ";rev="

// splitRevision cuts x;rev=2 into x and 2; ok is false for a name that names no revision.
func splitRevision(name string) (api, number string, ok bool) {
	i := strings.LastIndexByte(name, ';')
	if i <= 0 || len(name) <= i+len(revisionMark) || !strings.EqualFold(name[i:i+len(revisionMark)], revisionMark) {
		return name, "", false
	}
	return name[:i], name[i+len(revisionMark):], true
}

// isRevision reports whether an API is stored as a revision that is not the current one.
func isRevision(r *arm.Resource) bool {
	_, _, ok := splitRevision(r.ID.Name())
	return ok
}

// plainAPI is the id of an API without its revision.
func plainAPI(id gatehouse.ID) gatehouse.ID {
	name, _, ok := splitRevision(id.Name())
	if !ok || !strings.EqualFold(lastPart(id.Type()), "apis") {
		return id
	}
	return id.Parent().Child(lastPart(id.Type()), name)
}

// ofTheAPI are the families that an API has once, whatever revision they are asked of.
var ofTheAPI = []string{"issues", "products", "releases", "revisions", "wikis"}

// aliasOf says where the documents of a revision are: the current one also goes by its
// number. Products and gateways hold APIs, not revisions of them.
func aliasOf(ctx context.Context, r store.Reader, t *arm.Target) (*arm.Alias, error) {
	if !strings.Contains(t.ID.String(), ";") {
		return nil, nil
	}
	at := t.ID
	for ; !at.IsRoot(); at = at.Parent() {
		if _, _, ok := splitRevision(at.Name()); ok && strings.EqualFold(lastPart(at.Type()), "apis") {
			break
		}
	}
	if at.IsRoot() {
		return nil, nil
	}
	if holder := lastPart(at.Parent().Type()); !strings.EqualFold(holder, "service") && !strings.EqualFold(holder, "workspaces") {
		return &arm.Alias{Asked: at, Stored: plainAPI(at)}, nil
	}
	return aliasOfAPI(ctx, r, t, at)
}

func aliasOfAPI(ctx context.Context, r store.Reader, t *arm.Target, at gatehouse.ID) (*arm.Alias, error) {
	_, number, _ := splitRevision(at.Name())
	current, err := r.Get(ctx, plainAPI(at).Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		if t.Route.Verb == arm.Put && at.Scope() == t.ID.Scope() {
			return &arm.Alias{Asked: at, Stored: plainAPI(at)}, nil // the first revision makes the API
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	api, err := arm.FromDocument(current)
	if err != nil {
		return nil, err
	}
	if own := api.Props().String("apiRevision"); gatehouse.EqualFold(own, number) {
		return &arm.Alias{Asked: revisionID(api.ID, own), Stored: api.ID}, nil
	}
	_, below, _ := strings.Cut(t.Route.TypeName, "/apis/")
	family, _, _ := strings.Cut(below, "/")
	if !slices.Contains(ofTheAPI, family) {
		return nil, nil
	}
	revision, err := r.Get(ctx, at.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &arm.Alias{Asked: revision.ID, Stored: api.ID}, nil
}

// revisionID is the id of a revision of the API whose plain id is given.
func revisionID(api gatehouse.ID, number string) gatehouse.ID {
	return api.Parent().Child(lastPart(api.Type()), api.Name()+revisionMark+number)
}

// shared are the properties that all revisions of an API have in common; only the
// current one may change them.
var shared = []string{"displayName", "description", "path", "protocols", "apiVersion", "apiVersionSetId", "subscriptionRequired", "type"}

// settleRevision settles which revision next is. The name decides; without a number there it is
// the body when the API is made, and what is stored afterwards.
func settleRevision(op *arm.Op, old, next *arm.Resource) error {
	props := next.Props()
	name, given, ok := splitRevision(op.Asked().Name())
	if _, _, twice := splitRevision(name); ok && twice || strings.Contains(gatehouse.Fold(given), revisionMark) {
		return validation("apiId", "'%s' names more than one revision", op.Asked().Name())
	}
	switch {
	case ok:
		props.Set("apiRevision", given)
	case old != nil:
		props.Set("apiRevision", old.Props().String("apiRevision"))
	}
	if isRevision(next) {
		props.Delete("isCurrent")
	} else {
		props.Set("isCurrent", true)
	}
	if old == nil {
		props.Set("revisionCreated", gatehouse.Timestamp(op.Now))
	}
	return nil
}

// share gives a revision what it has in common with the current one, and refuses to change that.
func share(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	current, err := op.Load(tx, plainAPI(next.ID))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return notFound("Api")
	}
	if err != nil {
		return err
	}
	props := next.Props()
	if kind := apiKind(props); kind != "" {
		props.Set("type", kind)
	}
	for _, member := range shared {
		want, _ := current.Props().Get(member)
		if given, _ := props.Get(member); brought(op, member) && !sameShared(member, given, want) {
			return validation(member, "Can't change property for non-current revision")
		}
		props.Delete(member)
		if want != nil {
			props.Set(member, jsondoc.Clone(want))
		}
	}
	props.Delete("apiType")
	return nil
}

// brought reports whether a request says something about a member. Terraform sends an
// empty path and no protocols where it has nothing to say.
func brought(op *arm.Op, member string) bool {
	if member == "type" {
		return sent(op, "properties.type") || sent(op, "properties.apiType")
	}
	body, err := op.Body()
	if err != nil {
		return false
	}
	v, _ := body.Lookup("properties." + member)
	switch v := v.(type) {
	case string:
		return v != ""
	case []jsondoc.Value:
		return len(v) > 0
	}
	return v != nil
}

func sameShared(member string, given, want jsondoc.Value) bool {
	switch member {
	case "path":
		a, _ := given.(string)
		b, _ := want.(string)
		return gatehouse.EqualFold(strings.Trim(a, "/"), b)
	case "type":
		a, _ := given.(string)
		b, _ := want.(string)
		return strings.EqualFold(or(a, "http"), or(b, "http"))
	case "apiVersionSetId":
		a, _ := given.(string)
		b, _ := want.(string)
		return strings.EqualFold(lastPart(a), lastPart(b))
	case "protocols":
		a, _ := given.([]jsondoc.Value)
		b, _ := want.([]jsondoc.Value)
		holds := func(list []jsondoc.Value) func(jsondoc.Value) bool {
			return func(v jsondoc.Value) bool { return !slices.Contains(list, v) }
		}
		return !slices.ContainsFunc(a, holds(b)) && !slices.ContainsFunc(b, holds(a))
	}
	return jsondoc.Equal(given, want)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// spread writes what the current revision changed of the shared properties to all others.
func spread(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if old == nil || isRevision(next) || !slices.ContainsFunc(shared, func(member string) bool {
		before, _ := old.Props().Get(member)
		after, _ := next.Props().Get(member)
		return !jsondoc.Equal(before, after)
	}) {
		return nil
	}
	others, err := otherRevisions(op, tx, next)
	if err != nil {
		return err
	}
	for _, r := range others {
		takeShared(r.Props(), next.Props())
		if err := op.Save(tx, r); err != nil {
			return err
		}
	}
	return nil
}

func takeShared(to, from *jsondoc.Object) {
	for _, member := range shared {
		to.Delete(member)
		if v, ok := from.Get(member); ok {
			to.Set(member, jsondoc.Clone(v))
		}
	}
}

// otherRevisions reads those of an API that are not the current one. Their keys follow
// one another, so it costs the same in a service of any size.
func otherRevisions(op *arm.Op, r store.Reader, api *arm.Resource) ([]*arm.Resource, error) {
	batch := 1 // most have none
	holder, first := api.ID.Parent().Scope(), api.ID.Scope().String()+revisionMark
	var found []*arm.Resource
	for after := first; ; {
		page, err := r.List(op.Context, store.Query{Type: api.Type, Parent: &holder, After: after, Limit: batch})
		if err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			if !strings.HasPrefix(d.Key().String(), first) {
				return found, nil
			}
			revision, err := arm.FromDocument(d)
			if err != nil {
				return nil, err
			}
			found = append(found, revision)
		}
		if after, batch = page.Next, 20; after == "" {
			return found, nil
		}
	}
}

// dropRevisions deletes the revisions of an API that goes, when the caller says that it
// knows of them, and what is left at the number of the current one.
func dropRevisions(op *arm.Op, tx *store.Tx, api *arm.Resource) error {
	others, err := otherRevisions(op, tx, api)
	if err != nil {
		return err
	}
	if len(others) > 0 && !strings.EqualFold(op.Query.Get("deleteRevisions"), "true") {
		return refusal(gatehouse.Invalid, "ValidationError", "Cannot delete the current revision of an API.")
	}
	gone := []gatehouse.ID{revisionID(api.ID, api.Props().String("apiRevision"))}
	for _, r := range others {
		gone = append(gone, r.ID)
	}
	for _, id := range gone {
		if err := unlocked(op, tx, id); err != nil {
			return err
		}
		if err := op.DeleteTree(tx, id); err != nil {
			return err
		}
	}
	return nil
}

// unlocked refuses to delete along with something else what is locked, or holds something that is:
// what is under the name of a revision, or what a document that is imported does not have.
func unlocked(op *arm.Op, tx *store.Tx, id gatehouse.ID) error {
	locks, err := locksBelow(op, tx, id)
	if err != nil {
		return err
	}
	return locks.release(op, id)
}

// lockedIDs are what is locked in some place.
type lockedIDs []gatehouse.ID

func locksBelow(op *arm.Op, tx *store.Tx, id gatehouse.ID) (locked lockedIDs, err error) {
	scope := id.Scope()
	locks, err := tx.List(op.Context, store.Query{Type: "Microsoft.Authorization/locks", Under: &scope})
	if err != nil {
		return nil, err
	}
	for _, d := range locks.Documents {
		locked = append(locked, d.ID.Parent())
	}
	return locked, nil
}

// release refuses to delete what is at or below id while some of that is locked.
func (l lockedIDs) release(op *arm.Op, id gatehouse.ID) error {
	for _, at := range l {
		if id.Scope().Contains(at.Scope()) {
			return gatehouse.Errorf(gatehouse.Conflict, "ScopeLocked",
				"The scope '%s' cannot perform delete operation because following scope(s) are locked: '%s'. Please remove the lock and try again.", op.Asked(), at)
		}
	}
	return nil
}

// revisions lists the revisions of an API, the current one first. They are no ARM
// envelopes: ids are relative to the service (apim-control-plane.md 2.2).
func revisions() *arm.Type {
	return published("service/apis/revisions", "", arm.Type{Do: map[arm.Verb]arm.Handler{arm.List: listRevisions}})
}

func listRevisions(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	api, err := op.Load(op.Store(), op.ID)
	if err != nil {
		return nil, err
	}
	others, err := otherRevisions(op, op.Store(), api)
	if err != nil {
		return nil, err
	}
	a, err := op.PageOf(append(others, api), showAPIRevision)
	if err != nil {
		return nil, err
	}
	if o := a.Body.(*jsondoc.Object); !o.Has("nextLink") {
		o.Set("nextLink", nil)
	}
	return a, nil
}

func showAPIRevision(r *arm.Resource) *jsondoc.Object {
	props := r.Props()
	number := props.String("apiRevision")
	name, _, other := splitRevision(r.ID.Name())
	name += revisionMark + number
	id := strings.TrimPrefix(r.ID.Parent().Child("apis", name).String(), serviceOf(r.ID).String())
	private := "/" + props.String("path")
	if other {
		private += revisionMark + number
	}
	description, _ := props.Get("apiRevisionDescription")
	return object("id", id+"/revisions/"+name, "apiId", id, "apiRevision", number,
		"createdDateTime", props.String("revisionCreated"), "updatedDateTime", gatehouse.Timestamp(r.Updated),
		"description", description, "privateUrl", private, "isOnline", true, "isCurrent", !other)
}
