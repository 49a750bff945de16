package apim

import (
	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// wikis are the pages of an API or a product: which documentations it shows, in order
// (apim-control-plane.md 2.2). There is one, named default. Path is that of it in the tables.
func wikis(path string) *arm.Type {
	t := published(path, "properties.documents[].documentationId string required min=1\n", arm.Type{
		Noun: "Wiki", Name: arm.NameRule{Only: []string{"default"}}, Shape: arm.Entity, Filter: "name(eq,contains)",
		Hooks: arm.Hooks{Check: checkWiki},
	})
	t.Segment, t.Count = "wikis", true
	return t
}

// checkWiki wants every page to be there. They are named as they are listed, or by id.
func checkWiki(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	for _, v := range next.Props().Array("documents") {
		document, _ := v.(*jsondoc.Object)
		name := document.String("documentationId")
		id := serviceOf(next.ID).Child("documentations", lastPart(name))
		_, err := tx.Get(op.Context, id.Scope())
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			return validation("documents", "Documentation '%s' does not exist; create it first", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
