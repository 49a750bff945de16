package arm

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

func get(op *Op) (*Answer, error) {
	r, err := op.shown()
	if err != nil {
		return nil, err
	}
	return op.tagged(OK(op.Show(r)), r), nil
}

func head(op *Op) (*Answer, error) {
	r, err := op.shown()
	if err != nil {
		return nil, err
	}
	return op.tagged(&Answer{Status: or(op.Route.Type.Status.Head, http.StatusOK)}, r), nil
}

// shown is the addressed resource as it is shown.
func (op *Op) shown() (*Resource, error) {
	r, err := op.Existing()
	if err != nil {
		return nil, err
	}
	return op.behind(op.Server.store, r)
}

// behind is r, or what a link leads to.
func (op *Op) behind(from store.Reader, r *Resource) (*Resource, error) {
	d := op.Server.TypeOf(r.Type)
	if d == nil || d.Type.Hooks.Behind == nil {
		return r, nil
	}
	return d.Type.Hooks.Behind(op, from, r)
}

// Existing loads the addressed resource, or says which level of its path is missing.
func (op *Op) Existing() (*Resource, error) { return op.ExistingIn(op.Server.store) }

// ExistingIn is Existing inside a transaction.
func (op *Op) ExistingIn(r store.Reader) (*Resource, error) {
	found, err := op.Load(r, op.ID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		if err := op.parentExists(r); err != nil {
			return nil, err
		}
		return nil, op.notFound(op.Route.Type, op.Route.TypeName, op.ID)
	}
	return found, err
}

// parentExists tells which level of the path is missing, so that the 404 names it.
func (op *Op) parentExists(r store.Reader) error { return op.chainExists(r, op.ID.Parent()) }

// Exists returns the 404 of the topmost level of id that is missing, nil when all of it is there.
func (op *Op) Exists(r store.Reader, id gatehouse.ID) error { return op.chainExists(r, id) }

func (op *Op) chainExists(r store.Reader, id gatehouse.ID) error {
	if id.IsRoot() || op.Server.TypeOf(id.Type()) == nil {
		return nil
	}
	_, err := op.Load(r, id)
	if gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	if stored, err := op.Server.StoredID(op.Context, r, id); err != nil {
		return err
	} else if stored.Scope() != id.Scope() {
		return op.chainExists(r, stored)
	}
	if err := op.chainExists(r, id.Parent()); err != nil {
		return err
	}
	d := op.Server.TypeOf(id.Type())
	return op.notFound(d.Type, d.Name, id)
}

func put(op *Op) (*Answer, error)   { return op.write(false) }
func patch(op *Op) (*Answer, error) { return op.write(true) }

// GetAsUsual is the generic GET, for types whose own handler of it does something else now and then.
func (op *Op) GetAsUsual() (*Answer, error) { return get(op) }

// ListAsUsual is the generic list, for types whose lists have options of their own.
func (op *Op) ListAsUsual() (*Answer, error) { return list(op) }

// PutAsUsual is the generic PUT, for types whose own handler of it does something else now and then.
func (op *Op) PutAsUsual() (*Answer, error) { return put(op) }

// PatchAsUsual is the generic PATCH, likewise.
func (op *Op) PatchAsUsual() (*Answer, error) { return patch(op) }

// write is PUT and PATCH: read the body, check it against the model, then decide in one transaction.
func (op *Op) write(merge bool) (*Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	t := op.Route.Type
	if err := t.Name.Check(op.ID.Name()); err != nil {
		return nil, err
	}
	if err := op.linked(body); err != nil {
		return nil, err
	}
	body = body.Clone()
	if t.Hooks.Prepare != nil {
		if err := t.Hooks.Prepare(op, body); err != nil {
			return nil, err
		}
	}
	secrets := t.Model.takeSecrets(body)
	if err := op.Server.warm(op.Context, op.Server.TypeOf(op.Route.TypeName), op.ID); err != nil {
		return nil, err
	}
	var old, next, shown *Resource
	err = op.Write(body, func(tx *store.Tx) error {
		if old, err = op.forUpdate(tx, merge); err != nil {
			return err
		}
		if next, err = op.compose(tx, old, body, secrets, merge); err != nil {
			return err
		}
		if err := op.save(tx, old, next); err != nil {
			return err
		}
		shown, err = op.behind(tx, next)
		return err
	})
	if err != nil {
		return nil, err
	}
	if t.Hooks.After != nil {
		t.Hooks.After(op, next)
	}
	status := or(t.Status.Update, http.StatusOK)
	switch {
	case old == nil:
		status = or(t.Status.Create, http.StatusCreated)
	case merge:
		status = or(t.Status.Patch, status)
	}
	if status == http.StatusNoContent {
		return op.tagged(&Answer{Status: status}, next), nil
	}
	return op.tagged(&Answer{Status: status, Body: op.Show(shown)}, shown), nil
}

// forUpdate loads what is to be written and checks If-Match. A nil resource is a create.
func (op *Op) forUpdate(tx *store.Tx, mustExist bool) (*Resource, error) {
	old, err := op.Load(tx, op.ID)
	switch gatehouse.KindOf(err) {
	case gatehouse.NotFound:
		old = nil
		if err := op.parentExists(tx); err != nil {
			return nil, err
		}
		if mustExist {
			return nil, op.notFound(op.Route.Type, op.Route.TypeName, op.ID)
		}
	default:
		if err != nil {
			return nil, err
		}
	}
	return old, op.precondition(old)
}

// compose builds the resource to be stored from the body and what is stored now.
func (op *Op) compose(tx *store.Tx, old *Resource, body *jsondoc.Object, brought *secrets, merge bool) (*Resource, error) {
	t := op.Route.Type
	next := &Resource{ID: op.ID, Type: op.Route.TypeName, Body: body.Clone()}
	for _, name := range []string{"id", "name", "type"} {
		next.Body.Delete(name)
	}
	if old != nil {
		next.ID, next.Created = old.ID, old.Created
		if merge {
			next.Body = old.Body.Clone()
			jsondoc.Merge(next.Body, t.Model.writable(body))
		}
	} else if parent, ok := op.spelled(tx, op.ID.Parent()); ok && !op.ID.Parent().IsRoot() {
		next.ID = t.Name.spell(rebase(op.ID, parent))
	}
	if err := op.faults(append(t.Model.Settle(next, old), brought.faults...)); err != nil {
		return nil, err
	}
	if t.Tracked {
		if err := op.placed(old, next); err != nil {
			return nil, err
		}
	}
	if t.Hooks.Default != nil {
		t.Hooks.Default(op, next)
	}
	keepSecrets(next, old, brought, merge)
	return next, nil
}

// placed checks the location of a tracked resource, which every one has and none
// changes. It is kept in its short form, whatever the caller's spelling.
func (op *Op) placed(old, next *Resource) error {
	location := next.Body.String("location")
	if Region(location) == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "LocationRequired", "The location property is required for this definition.")
	}
	next.Body.Set("location", Region(location))
	if old == nil {
		return nil
	}
	if before := old.Body.String("location"); Region(before) != Region(location) {
		group := op.ID.Parent()
		return gatehouse.Errorf(gatehouse.Conflict, "InvalidResourceLocation",
			"The resource '%s' already exists in location '%s' in resource group '%s'. A resource with the same name cannot be created in location '%s'. Please select a new resource name.",
			old.ID.Name(), Region(before), group.Name(), Region(location))
	}
	return nil
}

// spell gives an ID the one spelling of its name, where there is only one.
func (n NameRule) spell(id gatehouse.ID) gatehouse.ID {
	for _, name := range n.Only {
		if fold(name) == fold(id.Name()) {
			text := id.String()
			if spelled, err := gatehouse.ParseID(text[:len(text)-len(id.Name())] + name); err == nil {
				return spelled
			}
		}
	}
	return id
}

// rebase gives id the casing that its parent was created with.
func rebase(id, parent gatehouse.ID) gatehouse.ID {
	tail := id.String()[len(id.Parent().String()):]
	if rebased, err := gatehouse.ParseID(parent.String() + tail); err == nil && rebased.Scope() == id.Scope() {
		return rebased
	}
	return id
}

func (op *Op) save(tx *store.Tx, old, next *Resource) error {
	h := op.Route.Type.Hooks
	if h.Check != nil {
		if err := h.Check(op, tx, old, next); err != nil {
			return err
		}
	}
	if h.Put != nil {
		if err := h.Put(op, tx, old, next); err != nil {
			return err
		}
	}
	if old != nil && jsondoc.Equal(old.Body, next.Body) {
		next.Body = old.Body // another order of members is no change, and keeps the entity tag
		if old.Revision == 0 && next.Secret.Len() == 0 {
			return nil // it is still what it always was
		}
	}
	if old != nil && old.Revision == 0 {
		tx.Answer(http.StatusOK)
	}
	return op.Save(tx, next)
}

// Save writes r and takes over its new revision and times.
func Save(tx *store.Tx, r *Resource) error {
	d := r.Document()
	if err := tx.Put(d); err != nil {
		return err
	}
	r.Revision, r.Created, r.Updated = d.Revision, d.Created, d.Updated
	return nil
}

func (op *Op) faults(faults []*gatehouse.Error) error {
	if len(faults) == 0 {
		return nil
	}
	if invalid := op.Route.Provider.Invalid; invalid != nil {
		return invalid(faults)
	}
	e := gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request content was invalid: %s", faults[0].Message).At(faults[0].Target)
	if len(faults) > 1 {
		e.Details = faults
	}
	return e
}

// remove is DELETE.
func remove(op *Op) (*Answer, error) {
	t := op.Route.Type
	var old *Resource
	err := op.Write(nil, func(tx *store.Tx) (err error) {
		old, err = op.Load(tx, op.ID)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			old = nil
			return op.parentExists(tx)
		}
		if err != nil {
			return err
		}
		if err := op.precondition(old); err != nil {
			return err
		}
		if t.Hooks.Delete != nil {
			if err := t.Hooks.Delete(op, tx, old); err != nil {
				return err
			}
		}
		return op.DeleteTree(tx, old.ID)
	})
	if err != nil {
		return nil, err
	}
	if old == nil && t.Status.Missing == http.StatusNotFound {
		return nil, op.notFound(t, op.Route.TypeName, op.ID)
	}
	if old == nil {
		return &Answer{Status: or(t.Status.Missing, http.StatusNoContent)}, nil
	}
	return op.deleted(old)
}

func (op *Op) deleted(old *Resource) (*Answer, error) {
	status := or(op.Route.Type.Status.Delete, http.StatusOK)
	a := &Answer{Status: status}
	switch status {
	case http.StatusAccepted:
		return op.Finished(a, nil)
	case http.StatusOK:
		if op.Route.Type.Status.Delete == http.StatusOK {
			a.Body = op.Show(old)
		}
	}
	return a, nil
}

// Show is the wire form of r: id, name and type, then the body without secrets, shaped by the type's hook.
func (op *Op) Show(r *Resource) *jsondoc.Object {
	out := &jsondoc.Object{}
	id := op.Named(r.ID)
	out.Set("id", id.String())
	out.Set("name", id.Name())
	out.Set("type", r.Type)
	for name, value := range r.Body.Clone().All() {
		out.Set(name, value)
	}
	if d := op.Server.TypeOf(r.Type); d != nil {
		d.Type.Model.trim(out, op.Version)
		if d.Type.Hooks.Show != nil {
			d.Type.Hooks.Show(op, r, out)
		}
	}
	return out
}

func (op *Op) tagged(a *Answer, r *Resource) *Answer {
	if op.Route.Type.ETag {
		a.With("ETag", op.Route.Type.Tag(r))
	}
	return a
}

// precondition checks If-Match and If-None-Match. A star on something that is not
// there creates it: Terraform does so with APIs (clients.md section 4). Without
// If-Match the write is unconditional, also where it is documented as required: azurerm
// deletes nearly everything without one.
func (op *Op) precondition(old *Resource) error {
	if t := op.Route.Type; !t.ETag || t.Hooks.Behind != nil && !t.Match {
		return nil // links take none: the tag is that of what they lead to (apim-control-plane.md 1.4)
	}
	want := op.Header.Get("If-Match")
	if want == "" || strings.TrimSpace(want) == "*" {
		if old != nil && strings.TrimSpace(op.Header.Get("If-None-Match")) == "*" {
			return preconditionFailed()
		}
		return nil
	}
	if old == nil {
		return preconditionFailed()
	}
	tag := op.Route.Type.Tag(old)
	for _, candidate := range strings.Split(want, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || `"`+candidate+`"` == tag {
			return nil
		}
	}
	return preconditionFailed()
}

func preconditionFailed() error {
	return gatehouse.Errorf(gatehouse.Precondition, "PreconditionFailed", "Resource was modified since last retrieval. Read it again and repeat the change with its new ETag in If-Match.")
}

func or(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}
