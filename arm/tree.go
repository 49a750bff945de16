package arm

import (
	"gatehouse"
	"gatehouse/store"
)

// DeleteTree deletes the document of id and everything below it by path, role
// assignments and other extension resources included, deepest first. What lies
// below gets the Delete hook of its type; that of id itself is the caller's business.
func (op *Op) DeleteTree(tx *store.Tx, id gatehouse.ID) error {
	scope := id.Scope()
	below, err := tx.List(op.Context, store.Query{Under: &scope})
	if err != nil {
		return err
	}
	for i := len(below.Documents) - 1; i >= 0; i-- {
		d := below.Documents[i]
		if err := op.deleteHook(tx, d, scope); err != nil {
			return err
		}
		if _, err := tx.Delete(d.Key()); err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
	}
	return nil
}

func (op *Op) deleteHook(tx *store.Tx, d *store.Document, root gatehouse.Scope) error {
	declared := op.Server.TypeOf(d.Type)
	if declared == nil || declared.Type.Hooks.Delete == nil || d.Key() == root {
		return nil
	}
	r, err := FromDocument(d)
	if err != nil {
		return err
	}
	return declared.Type.Hooks.Delete(op, tx, r)
}
