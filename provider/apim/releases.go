package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// releases make a revision the current one; releasing an older one rolls back (apim-control-plane.md 2.2).
func releases() *arm.Type {
	return published("service/apis/releases", "", arm.Type{
		Noun: "ApiRelease", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks: arm.Hooks{Check: checkRelease, Put: putRelease, Show: showRelease},
	})
}

// checkRelease keeps of a release the plain id of its API, since the released revision is the current one then.
func checkRelease(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	api, err := op.Load(tx, next.ID.Parent())
	if err != nil {
		return err
	}
	props := next.Props()
	if given := props.String("apiId"); given == "" && old == nil {
		return validation("apiId", "apiId is required")
	} else if _, ok := releasedOf(op, next, given); given != "" && op.Route.Verb == arm.Put && !ok {
		return validation("apiId", "'%s' does not name a revision of the API '%s'", given, api.ID.Name())
	}
	props.Set("apiId", api.ID.String())
	return nil
}

// releasedOf is the id of the revision that a release names, when it is one of the API that holds the release.
func releasedOf(_ *arm.Op, release *arm.Resource, given string) (gatehouse.ID, bool) {
	id, ok := referred(release.ID, given, "apis")
	return id, ok && plainAPI(id).Scope() == release.ID.Parent().Scope()
}

// putRelease does what a PUT asks for; PATCH changes the notes only.
func putRelease(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	body, err := op.Body()
	if err != nil || op.Route.Verb != arm.Put {
		return err
	}
	given := body.String("properties.apiId")
	id, ok := releasedOf(op, next, given)
	_, number, named := splitRevision(id.Name())
	if !ok || !named {
		return nil
	}
	current, err := op.Load(tx, next.ID.Parent())
	if err != nil {
		return err
	}
	if gatehouse.EqualFold(current.Props().String("apiRevision"), number) {
		return nil
	}
	released, err := op.Load(tx, id)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return validation("apiId", "'%s' does not exist; create it first", given)
	}
	if err != nil {
		return err
	}
	return exchange(op, tx, current, released)
}

func showRelease(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	props.Set("createdDateTime", gatehouse.Timestamp(r.Created))
	props.Set("updatedDateTime", gatehouse.Timestamp(r.Updated))
	if !props.Has("notes") {
		props.Set("notes", nil)
	}
}

// exchange makes released the current revision: what is stored below the one moves below
// the other and back. Role assignments, locks and the like belong to ids and stay, as
// does what an API has once. What both have alike is not written.
func exchange(op *arm.Op, tx *store.Tx, current, released *arm.Resource) error {
	apart := revisionID(current.ID, current.Props().String("apiRevision"))
	before, err := ownOf(op, tx, current)
	if err != nil {
		return err
	}
	after, err := ownOf(op, tx, released)
	if err != nil {
		return err
	}
	x := &exchanging{op: op, tx: tx}
	x.clear(current.ID, before, after)
	x.clear(released.ID, after, nil)
	x.write(current.ID, released.ID, after, before, true)
	x.write(apart, current.ID, before, nil, false)
	return x.claim()
}

// ownOf reads an API and what belongs to this revision of it, in order of keys, so holders come first.
func ownOf(op *arm.Op, r store.Reader, api *arm.Resource) ([]*arm.Resource, error) {
	scope := api.ID.Scope()
	page, err := r.List(op.Context, store.Query{Under: &scope})
	if err != nil {
		return nil, err
	}
	var own []*arm.Resource
	for _, d := range page.Documents {
		tail := within(api.ID, d.ID)
		family, _, _ := strings.Cut(strings.TrimPrefix(tail, "/"), "/")
		if strings.Contains(tail, "/providers/") || slices.Contains(ofTheAPI, family) {
			continue
		}
		found, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		own = append(own, found)
	}
	return own, nil
}

// within is what an id has behind that of its API: "" for the API itself, /operations/get for an operation.
func within(api, id gatehouse.ID) string {
	segments := strings.Split(id.String(), "/")
	tail := segments[strings.Count(api.String(), "/")+1:]
	if len(tail) == 0 {
		return ""
	}
	return "/" + strings.Join(tail, "/")
}

// exchanging collects what an exchange wrote, and stops at the first error.
type exchanging struct {
	op      *arm.Op
	tx      *store.Tx
	written []*arm.Resource
	err     error
}

// clear deletes what an API holds and the other one does not. The short forms of
// relations take their links along.
func (x *exchanging) clear(api gatehouse.ID, own, other []*arm.Resource) {
	keep := map[string]bool{}
	for _, r := range other {
		keep[gatehouse.Fold(within(other[0].ID, r.ID))] = true
	}
	for _, r := range slices.Backward(own) {
		if x.err != nil {
			return
		}
		if keep[gatehouse.Fold(within(api, r.ID))] {
			continue
		}
		if isShort(r) {
			if x.err = x.op.Server.TypeOf(r.Type).Type.Hooks.Delete(x.op, x.tx, r); x.err != nil {
				return
			}
		}
		_, x.err = x.tx.Delete(r.ID.Scope())
	}
}

// isShort reports whether r is the short form of a relation, which has a link to match.
func isShort(r *arm.Resource) bool { return r.Body.String("link") != "" }

// write stores at to what was read at from. Short forms that are at both stay as they are.
func (x *exchanging) write(to, from gatehouse.ID, own, there []*arm.Resource, current bool) {
	stays := map[string]bool{}
	for _, r := range there {
		stays[gatehouse.Fold(within(there[0].ID, r.ID))] = true
	}
	for i, r := range own {
		tail := within(from, r.ID)
		if x.err != nil || isShort(r) && stays[gatehouse.Fold(tail)] {
			continue
		}
		moved := r.Clone()
		if moved.ID, x.err = gatehouse.ParseID(to.String() + tail); x.err != nil {
			return
		}
		if i == 0 {
			setCurrent(moved, current)
		}
		if isShort(r) {
			x.err = remake(x.op, x.tx, moved)
			continue
		}
		x.err = arm.Save(x.tx, moved)
		x.written = append(x.written, moved)
	}
}

func setCurrent(api *arm.Resource, current bool) {
	api.Props().Delete("isCurrent")
	if current {
		api.Props().Set("isCurrent", true)
	}
}

// remake makes a short form with a link of its own. What it relates to may be gone.
func remake(op *arm.Op, tx *store.Tx, short *arm.Resource) error {
	short.Body = object()
	err := op.Server.TypeOf(short.Type).Type.Hooks.Put(op, tx, nil, short)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return op.Save(tx, short)
}

// claim takes the unique values once all is in its place: on the way two operations may
// have had one template.
func (x *exchanging) claim() error {
	for _, r := range x.written {
		if x.err != nil {
			break
		}
		x.err = x.op.Claim(x.tx, r)
	}
	return x.err
}
