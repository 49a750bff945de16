package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/store"
)

// An API that is made from another one, in sourceApiId, is a revision when the name says
// so, and else a clone or, in a version set, a new version (apim-control-plane.md 2.2).

// source is the API that a request names in sourceApiId; nil when it names none.
func source(op *arm.Op, r store.Reader, next *arm.Resource) (*arm.Resource, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	given := body.String("properties.sourceApiId")
	if given == "" {
		return nil, nil
	}
	id, ok := referred(next.ID, given, "apis")
	if !ok || id.Parent().Scope() != next.ID.Parent().Scope() {
		return nil, validation("sourceApiId", "'%s' does not name one of the APIs of this service or workspace; write it as /apis/{name}", given)
	}
	stored, err := op.Server.StoredID(op.Context, r, id)
	if err != nil {
		return nil, err
	}
	api, err := op.Load(r, stored)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, validation("sourceApiId", "'%s' does not exist", given)
	}
	return api, err
}

// adopt takes from the source, or from what is stored already, what the request does not say.
func adopt(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	from, err := source(op, tx, next)
	if from == nil || err != nil {
		return err
	}
	props := next.Props()
	_, number, named := splitRevision(lastPart(props.String("sourceApiId")))
	props.Set("sourceApiId", from.ID.String())
	if named && !isRevision(from) {
		props.Set("sourceApiId", revisionID(from.ID, number).String())
	}
	if old != nil {
		from = old
	}
	own := []string{"apiRevision", "isCurrent", "sourceApiId", "revisionCreated", "isOnline", "provisioningState", "apiRevisionDescription"}
	if plainAPI(from.ID).Scope() != plainAPI(next.ID).Scope() {
		own = append(own, "apiVersion", "apiVersionSetId", "apiVersionDescription") // a clone is no version of its source unless it says so
	}
	for name, value := range from.Props().All() {
		if !slices.Contains(own, name) && !brought(op, name) {
			props.Set(name, jsondoc.Clone(value))
		}
	}
	return nil
}

// copied are the families that a new revision or a clone gets from its source.
func copied(op *arm.Op, r store.Reader, from *arm.Resource) ([]*arm.Resource, error) {
	own, err := ownOf(op, r, from)
	if err != nil {
		return nil, err
	}
	return own[1:], nil
}

// copySource fills a new API with what is in its source.
func copySource(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if old != nil {
		return nil
	}
	from, err := source(op, tx, next)
	if from == nil || err != nil {
		return err
	}
	own, err := copied(op, tx, from)
	if err != nil {
		return err
	}
	if err := op.Save(tx, next); err != nil { // what is copied refers to it
		return err
	}
	named, _ := referred(next.ID, next.Props().String("sourceApiId"), "apis")
	all, err := restrictions(op, tx, serviceOf(next.ID))
	if err != nil {
		return err
	}
	for _, r := range own {
		if !op.Can(r.Type+"/read", named) && !op.Can(r.Type+"/read", from.ID) { // it came after linksOfAPI looked
			return refusal(gatehouse.Conflict, "PessimisticConcurrencyConflict", "Operation on the API is in progress")
		}
		to, err := gatehouse.ParseID(next.ID.String() + within(from.ID, r.ID))
		if err != nil {
			return err
		}
		if err := unrestrictedCopy(all, r, to); err != nil {
			return err
		}
		if err := copyTo(op, tx, r, to); err != nil {
			return err
		}
	}
	return nil
}

// unrestrictedCopy refuses a policy document that the restrictions do not take where it is copied to.
func unrestrictedCopy(all []restriction, r *arm.Resource, to gatehouse.ID) error {
	if len(all) == 0 || !strings.HasSuffix(r.Type, "/policies") || policyScope(r.Type) == policy.Resolver {
		return nil
	}
	d, err := storedPolicy(r)
	if err != nil {
		return nil // it is reported as not compliant
	}
	return policyFaults(offences(all, to, d))
}

func copyTo(op *arm.Op, tx *store.Tx, r *arm.Resource, to gatehouse.ID) error {
	c := r.Clone()
	c.ID = to
	if isShort(r) {
		return remake(op, tx, c)
	}
	return op.Save(tx, c)
}

// linksOfAPI are the further rights that a PUT of an API needs: whoever copies an API has
// to be able to read it and each kind of thing in it, and whoever writes a version set
// along with an API has to be able to write it.
func linksOfAPI(op *arm.Op, body *jsondoc.Object) ([]arm.LinkedAccess, error) {
	links := linksOfSet(op, body)
	given := body.String("properties.sourceApiId")
	if given == "" {
		return links, nil
	}
	named, ok := referred(op.ID, given, "apis")
	if !ok {
		return links, nil // refused later, for everybody
	}
	links = append(links, arm.LinkedAccess{Action: op.Route.TypeName + "/read", ID: named})
	if err := op.RequireLinked(links...); err != nil {
		return nil, err // before anything is said of what is in the API
	}
	from, err := source(op, op.Store(), &arm.Resource{ID: op.ID, Body: body})
	if err != nil || from == nil {
		return links, nil
	}
	own, err := copied(op, op.Store(), from)
	if err != nil {
		return nil, err
	}
	kinds := map[string]bool{}
	for _, r := range append(slices.Clone(own), from) {
		if err := withheld(op, r, named.String()+within(from.ID, r.ID)); err != nil {
			return nil, err
		}
	}
	for _, r := range own {
		if !kinds[r.Type] {
			kinds[r.Type] = true
			links = append(links, arm.LinkedAccess{Action: r.Type + "/read", ID: named})
		}
	}
	return links, nil
}

// withheld refuses to copy what a deny assignment keeps from the caller, at the name where it is or the one that was given.
func withheld(op *arm.Op, r *arm.Resource, given string) error {
	named, err := gatehouse.ParseID(given)
	for _, at := range []gatehouse.ID{r.ID, named} {
		if err == nil {
			err = op.Withheld(r.Type+"/read", at)
		}
	}
	return err
}

// versionKey tells the versions of a set apart. Other revisions are no versions of their own.
func versionKey(r *arm.Resource) (string, bool) {
	set := versionSet(r)
	return set + "/" + r.Props().String("apiVersion"), set != "" && !isRevision(r)
}

func sameVersion(r, _ *arm.Resource) error {
	return validation("apiVersion", "Another API of the version set has the version '%s' already", r.Props().String("apiVersion"))
}

// checkAPIVersion wants the version set that an API with a version is part of.
func checkAPIVersion(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	props := next.Props()
	if sent(op, "properties.apiVersionSet") {
		return nil
	}
	if props.String("apiVersionSetId") == "" {
		props.Delete("apiVersionSetId")
		if props.String("apiVersion") != "" {
			return validation("apiVersionSetId", "an API with an apiVersion has to be part of a version set; name it in apiVersionSetId")
		}
		return nil
	}
	if err := reference(op, tx, next.ID, props, "apiVersionSetId", "apiVersionSets"); err != nil {
		return err
	}
	if set, err := gatehouse.ParseID(props.String("apiVersionSetId")); err != nil || set.Parent().Scope() != next.ID.Parent().Scope() {
		return validation("apiVersionSetId", "'%s' belongs to another workspace or to the service", props.String("apiVersionSetId"))
	}
	return nil
}

// inlineSet is the version set that a PUT brings along in apiVersionSet, or ok false. Its
// id is that of a set which is there or is to be made; without one it is the set that the
// API is part of already, or a new one.
func inlineSet(op *arm.Op, api gatehouse.ID, body *jsondoc.Object) (set *jsondoc.Object, id gatehouse.ID, ok bool) {
	set = body.Object("properties.apiVersionSet")
	if set == nil {
		return nil, gatehouse.ID{}, false
	}
	name := or(set.String("id"), body.String("properties.apiVersionSetId"))
	if stored, err := op.Load(op.Store(), api); err == nil && name == "" {
		name = stored.Props().String("apiVersionSetId")
	}
	if name == "" {
		name = strings.ReplaceAll(gatehouse.NameGUID(gatehouse.GUID{}, op.Operation).String(), "-", "")[:24]
	}
	if !strings.Contains(name, "/") {
		name = "/apiVersionSets/" + name
	}
	id, ok = referred(api, name, "apiVersionSets")
	return set, id, ok && id.Parent().Scope() == api.Parent().Scope()
}

func linksOfSet(op *arm.Op, body *jsondoc.Object) []arm.LinkedAccess {
	set, id, ok := inlineSet(op, op.ID, body)
	if !ok || set.Len() == 1 && set.Has("id") {
		return nil
	}
	return []arm.LinkedAccess{{Action: strings.TrimSuffix(op.Route.TypeName, "apis") + "apiVersionSets/write", ID: id}}
}

// putSet creates or updates the version set that comes with an API, and makes the API part of it.
func putSet(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	body, err := op.Body()
	if err != nil || !sent(op, "properties.apiVersionSet") {
		return err
	}
	given, id, ok := inlineSet(op, next.ID, body)
	if !ok {
		return validation("apiVersionSet", "apiVersionSet.id does not name one of the version sets of this service or workspace")
	}
	set := &arm.Resource{ID: id, Type: typeBeside(next, "apiVersionSets"), Body: object()}
	old, err := op.Load(tx, id)
	switch {
	case gatehouse.KindOf(err) == gatehouse.NotFound:
		old = nil
	case err != nil:
		return err
	default:
		set = old.Clone()
	}
	if old == nil || given.Len() > 1 {
		if err := fillSet(op, tx, set, old, given); err != nil {
			return err
		}
	}
	next.Props().Set("apiVersionSetId", set.ID.String())
	return nil
}

func fillSet(op *arm.Op, tx *store.Tx, set, old *arm.Resource, given *jsondoc.Object) error {
	for _, member := range []string{"name", "description", "versioningScheme", "versionQueryName", "versionHeaderName"} {
		v, _ := given.Get(member)
		if member == "name" {
			member = "displayName"
		}
		if v != nil {
			set.Props().Set(member, v)
		}
	}
	declared := op.Server.TypeOf(set.Type).Type
	if err := declared.Name.Check(set.ID.Name()); err != nil {
		return err
	}
	if faults := declared.Model.Settle(set, old); len(faults) > 0 {
		return validationError(faults)
	}
	if err := checkVersionSet(op, tx, old, set); err != nil {
		return err
	}
	return op.Save(tx, set)
}

// expandSet shows in a list the version set that an API is part of, to whoever may read it.
func expandSet(op *arm.Op, r *arm.Resource, props *jsondoc.Object) {
	given := r.Props().String("apiVersionSetId")
	if !strings.EqualFold(op.Query.Get("expandApiVersionSet"), "true") || given == "" {
		return
	}
	id, err := gatehouse.ParseID(given)
	if err != nil || !op.Can(typeBeside(r, "apiVersionSets")+"/read", id) {
		return
	}
	set, err := op.Load(op.Store(), id)
	if err != nil {
		return
	}
	out := object("id", set.ID.String(), "name", set.Props().String("displayName"))
	for _, member := range []string{"description", "versioningScheme", "versionQueryName", "versionHeaderName"} {
		v, _ := set.Props().Get(member)
		out.Set(member, v)
	}
	props.Set("apiVersionSet", out)
}
