package directory

import (
	"context"

	"gatehouse"
	"gatehouse/store"
)

// Delete deletes a directory object, what lies below it, and every membership and
// ownership that it has elsewhere. Role assignments that name it stay: they grant
// nothing, and deleting them silently would hide that access was there (rbac.md 3.1).
func (x *Index) Delete(ctx context.Context, tx *store.Tx, object gatehouse.ID) error {
	scope := object.Scope()
	below, err := tx.List(ctx, store.Query{Under: &scope})
	if err != nil {
		return err
	}
	for i := len(below.Documents) - 1; i >= 0; i-- {
		if _, err := tx.Delete(below.Documents[i].Key()); err != nil {
			return err
		}
	}
	oid, ok := ObjectOf(scope)
	if !ok {
		return nil
	}
	// The transaction is asked, not the index: it also knows the links that others
	// made a moment ago in the same commit.
	for _, kind := range linkTypes {
		links, err := tx.List(ctx, store.Query{Type: kind, Name: oid.String()})
		if err != nil {
			return err
		}
		for _, d := range links.Documents {
			if _, err := tx.Delete(d.Key()); err != nil {
				return err
			}
		}
	}
	return nil
}
