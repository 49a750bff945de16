package apim

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// reference completes the id that props holds at path, which may be given in full or
// relative to the service or workspace that holds the entity (/loggers/x; apim-control-plane.md
// 1.6), and checks that it names an entity of that family which exists. An absent one is left alone.
// From a workspace, what the service holds is there only for who may read it (1.10).
// The fault is a ValidationError that targets the member.
func reference(op *arm.Op, r store.Reader, of gatehouse.ID, props *jsondoc.Object, path, family string) error {
	given := props.String(path)
	if given == "" {
		return nil
	}
	id, ok := referred(of, given, family)
	if !ok {
		return validation(path, "'%s' does not name one of the %s of this service or workspace; write it as %s", given, lastPart("/"+family), pattern(family))
	}
	stored, err := op.Server.StoredID(op.Context, r, id)
	if err != nil {
		return err
	}
	d, err := r.Get(op.Context, stored.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && !mayRefer(op, of, id) {
		return validation(path, "'%s' does not exist; create it first", given)
	}
	if err != nil {
		return err
	}
	props.SetPath(path, d.ID.String())
	return nil
}

// mayRefer reports whether an entity may be referred to: it lies in the workspace, or in the service
// outside of workspaces, that of lies in, or the caller may read it.
func mayRefer(op *arm.Op, of, id gatehouse.ID) bool {
	return holderOf(id).Scope() == holderOf(of).Scope() || op.Can(id.Type()+"/read", id)
}

// seen is an entity as errors name it: relative to its service, for who may read it.
func seen(op *arm.Op, id gatehouse.ID) string {
	if !op.Can(id.Type()+"/read", id) {
		return "something that you may not read"
	}
	return "'" + relative(id) + "'"
}

// referred is the full id that an entity below the same service or workspace as of goes by.
// Family is the path of its type there: loggers, or apis/operations.
func referred(of gatehouse.ID, given, family string) (gatehouse.ID, bool) {
	holder := holderOf(of).String()
	full := given
	if !strings.Contains(strings.ToLower(given), "/providers/") {
		full = holder + "/" + strings.TrimLeft(given, "/")
	}
	id, err := gatehouse.ParseID(full)
	if err != nil {
		return gatehouse.ID{}, false
	}
	parent, segments := id, strings.Split(family, "/")
	for i := len(segments) - 1; i >= 0; i-- {
		if !strings.EqualFold(lastPart(parent.Type()), segments[i]) {
			return gatehouse.ID{}, false
		}
		parent = parent.Parent()
	}
	inService := parent.Scope() == serviceOf(of).Scope()
	if !inService && parent.Scope() != holderOf(of).Scope() {
		return gatehouse.ID{}, false
	}
	return id, true
}

// holderOf is the id of the workspace that holds id, or else of the service.
func holderOf(id gatehouse.ID) gatehouse.ID {
	for at := id; !at.IsRoot(); at = at.Parent() {
		if strings.EqualFold(at.Type(), serviceType+"/workspaces") {
			return at
		}
	}
	return serviceOf(id)
}

// pattern is how the relative id of an entity is written: /apis/{name}/operations/{name}.
func pattern(family string) string {
	return "/" + strings.ReplaceAll(family, "/", "/{name}/") + "/{name}"
}

func deleteAll(tx *store.Tx, documents []*store.Document) error {
	for _, d := range documents {
		if _, err := tx.Delete(d.Key()); err != nil {
			return err
		}
	}
	return nil
}
