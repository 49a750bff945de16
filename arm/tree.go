package arm

import (
	"context"

	"gatehouse"
	"gatehouse/store"
)

// DeleteTree deletes the document of id and everything below it by path, role
// assignments and other extension resources included. Types that live elsewhere
// are a hook's business.
func DeleteTree(ctx context.Context, tx *store.Tx, id gatehouse.ID) error {
	scope := id.Scope()
	below, err := tx.List(ctx, store.Query{Under: &scope})
	if err != nil {
		return err
	}
	for i := len(below.Documents) - 1; i >= 0; i-- {
		if _, err := tx.Delete(below.Documents[i].Key()); err != nil {
			return err
		}
	}
	return nil
}
