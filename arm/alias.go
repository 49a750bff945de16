package arm

import (
	"context"
	"strings"

	"gatehouse"
	"gatehouse/store"
)

// Alias says that what a caller calls Asked, and all below it, is stored as Stored:
// a revision of an API goes by its number, and as long as it is the current one also
// without (apim-control-plane.md 2.2). Both have the same number of segments.
type Alias struct{ Asked, Stored gatehouse.ID }

// swap gives an ID at or below one name the other name.
func swap(id, from, to gatehouse.ID) gatehouse.ID {
	if !from.Scope().Contains(id.Scope()) {
		return id
	}
	segments := strings.Split(id.String(), "/")
	tail := segments[strings.Count(from.String(), "/")+1:]
	if len(tail) == 0 {
		return to
	}
	swapped, err := gatehouse.ParseID(to.String() + "/" + strings.Join(tail, "/"))
	if err != nil {
		return id
	}
	return swapped
}

// Asked is the ID that the caller sent, which is what was authorized and what the
// answer shows; ID is where the documents are.
func (op *Op) Asked() gatehouse.ID {
	if op.aliased {
		return op.asked
	}
	return op.ID
}

// Named is the ID of a stored resource in the words of the caller's request.
func (op *Op) Named(id gatehouse.ID) gatehouse.ID {
	if op.alias == nil {
		return id
	}
	return swap(id, op.alias.Stored, op.alias.Asked)
}

// StoredID is the ID under which the documents of id are, whatever name it goes by.
func (s *Server) StoredID(ctx context.Context, r store.Reader, id gatehouse.ID) (gatehouse.ID, error) {
	d := s.TypeOf(id.Type())
	if d == nil || d.Provider.Alias == nil {
		return id, nil
	}
	alias, err := d.Provider.Alias(ctx, r, &Target{ID: id, Route: &Route{Verb: Get, TypeName: d.Name, Type: d.Type}})
	if err != nil || alias == nil {
		return id, err
	}
	return swap(id, alias.Asked, alias.Stored), nil
}

// rename finds out where the documents are, once the caller was found to have the right
// at the name it sent. Names are exact for grants (rbac.md 3), but who is denied what a
// name stands for is not let in by another name, and the locks of both hold.
func (op *Op) rename() error {
	if op.Route.Provider.Alias == nil {
		return nil
	}
	op.asked, op.aliased = op.ID, true
	var err error
	if op.alias, err = op.standsFor(op.Server.store); err != nil || op.alias == nil {
		return err
	}
	op.ID = swap(op.asked, op.alias.Asked, op.alias.Stored)
	if err := op.denied(); err != nil {
		return op.refused(err)
	}
	return nil
}

// standsFor asks the provider about the name that was sent.
func (op *Op) standsFor(r store.Reader) (*Alias, error) {
	target := *op.Target
	target.ID = op.asked
	return op.Route.Provider.Alias(op.Context, r, &target)
}

// denied returns the refusal of a deny assignment at the name under which the documents are.
func (op *Op) denied() error {
	if op.alias == nil || op.Route.Action == "" {
		return nil
	}
	d, err := op.Server.guard.Denied(op.Caller, op.Route.Action, op.Route.Data, op.ID)
	if err != nil {
		op.Decision = d
	}
	return err
}

// Withheld returns the refusal of a deny assignment that takes an action away at id, nil
// when none does: for what is read along with something that the caller has the right to.
func (op *Op) Withheld(action string, id gatehouse.ID) error {
	if _, err := op.Server.guard.Denied(op.Caller, action, false, id); err != nil {
		return op.refused(err)
	}
	return nil
}

// unmoved refuses a write when what the sent name stands for has changed since the request came.
func (op *Op) unmoved(tx *store.Tx) error {
	if !op.aliased {
		return nil
	}
	now, err := op.standsFor(tx)
	if err != nil {
		return err
	}
	if (now == nil) != (op.alias == nil) || now != nil && now.Stored.Scope() != op.alias.Stored.Scope() {
		return gatehouse.Errorf(gatehouse.Conflict, "PessimisticConcurrencyConflict", "Operation on the API is in progress")
	}
	return op.denied()
}
