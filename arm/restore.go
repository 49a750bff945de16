package arm

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// AdmitRestore finds out whether the caller may put a document back as it was, or delete
// it where next is nil: exactly what PUT or DELETE of it asks for, with conditions that
// read the body, linked checks and locks. What no request writes by itself asks for a PUT
// of what holds it. At is the ID by which it was addressed: that of a role definition
// names the scope that the right was asked at. The operation it returns does the work in RestoreWithin.
func (op *Op) AdmitRestore(typeName string, id, at gatehouse.ID, next *Resource) (*Op, error) {
	method, body := http.MethodPut, &jsondoc.Object{}
	if next == nil {
		method = http.MethodDelete
	} else {
		body = next.Body.Clone()
	}
	if !gatehouse.EqualFold(at.Type(), typeName) || !gatehouse.EqualFold(at.Name(), id.Name()) {
		at = id
	}
	own := at
	for {
		inner, err := op.Admit(method, at.String(), op.versionFor(at), body)
		if inner != nil && err == nil {
			if inner.ID.Scope() != at.Scope() {
				return nil, notUndoable(typeName, id)
			}
			inner.restores = at == own
			if t := inner.Route.Type; inner.restores && t.Hooks.Restore == nil && (t.Do[Put] != nil || t.Do[Delete] != nil) {
				return nil, notUndoable(typeName, id)
			}
			return inner, nil
		}
		if served := op.serves(typeName, method); served || at.Parent().IsRoot() {
			return nil, err
		}
		// Kept for others, as links of tags are: who may write what holds it may change it.
		at, method, typeName, body = at.Parent(), http.MethodPut, at.Parent().Type(), &jsondoc.Object{}
		if holder, err := op.Load(op.Server.store, at); err == nil {
			body = holder.Body.Clone()
		}
	}
}

// serves reports whether a type is known and has a method of its own.
func (op *Op) serves(typeName, method string) bool {
	d := op.Server.TypeOf(typeName)
	if d == nil {
		return false
	}
	for _, r := range op.Server.tree.routes {
		if r.Method == method && gatehouse.EqualFold(r.TypeName, typeName) {
			return true
		}
	}
	return false
}

func (op *Op) versionFor(id gatehouse.ID) string {
	if d := op.Server.TypeOf(id.Type()); d != nil && len(d.Provider.Versions) > 0 {
		return d.Provider.Versions[0]
	}
	return "2021-04-01"
}

func notUndoable(typeName string, id gatehouse.ID) error {
	return gatehouse.Errorf(gatehouse.Invalid, "NotUndoable", "Changes of %s cannot be undone, as this one of '%s': make the opposite change yourself.", typeName, id)
}

// RestoreWithin puts a document back byte for byte, its secrets included, or deletes it,
// as part of outer's Write: with the checks of its type that it would pass as a request.
// What changed only along with something else that comes back too, aside, is not checked by itself.
func (op *Op) RestoreWithin(outer *Op, tx *store.Tx, id gatehouse.ID, next *store.Document, aside bool) error {
	op.within, op.tx = outer, tx
	op.aside = aside
	defer func() {
		outer.claims = append(outer.claims, op.claims...)
		op.tx, op.claims = nil, nil
	}()
	if err := op.again(); err != nil {
		return err
	}
	old, err := op.stored(tx, id)
	if err != nil {
		return err
	}
	if next == nil {
		return op.unmake(tx, id, old)
	}
	r, err := FromDocument(next)
	if err != nil {
		return err
	}
	if err := op.parentOf(tx, id); err != nil {
		return err
	}
	if op.restores {
		if err := op.linked(r.Body.Clone()); err != nil {
			return err
		}
		h := op.Route.Type.Hooks
		check := h.Check
		switch {
		case h.Restore != nil:
			check = h.Restore
		case aside:
			check = nil
		}
		if check != nil {
			if err := check(op, tx, old, r.Clone()); err != nil {
				return err
			}
		}
	}
	if err := op.Claim(tx, r); err != nil {
		return err
	}
	return tx.Put(next)
}

func (op *Op) parentOf(tx *store.Tx, id gatehouse.ID) error {
	if id.Parent().IsRoot() || op.restores && op.Route.Type.Hooks.Restore != nil && strings.Contains(op.Route.Path, string(Anywhere)) {
		return nil // grants may be made ahead of what they are for: their own hook says how far
	}
	return op.chainExists(tx, id.Parent())
}

func (op *Op) unmake(tx *store.Tx, id gatehouse.ID, old *Resource) error {
	if old == nil {
		return nil
	}
	if op.restores {
		h := op.Route.Type.Hooks
		switch {
		case h.Restore != nil:
			if err := h.Restore(op, tx, old, nil); err != nil {
				return err
			}
		case h.Delete != nil && !op.aside:
			if err := h.Delete(op, tx, old); err != nil {
				return err
			}
		}
	}
	_, err := tx.Delete(id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil // its type's hook did it
	}
	return err
}

// stored is the document itself, nil when there is none, whatever would be there anyway.
func (op *Op) stored(tx *store.Tx, id gatehouse.ID) (*Resource, error) {
	d, err := tx.Get(op.Context, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return FromDocument(d)
}

// RestoreAsUsual is the Restore hook of types whose own handlers of PUT and DELETE only
// prepare what is written: what was stored needs no preparing.
func RestoreAsUsual(op *Op, tx *store.Tx, old, next *Resource) error {
	h := op.Route.Type.Hooks
	switch {
	case next == nil && h.Delete != nil:
		return h.Delete(op, tx, old)
	case next != nil && h.Check != nil:
		return h.Check(op, tx, old, next)
	}
	return nil
}

// Perform names the action that a call without one of its own turned out to be, for the log.
func (op *Op) Perform(action string) {
	target, route := *op.Target, *op.Route
	route.Action = action
	target.Route = &route
	op.Target = &target
}
