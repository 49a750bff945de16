package apim

import (
	"strings"

	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// caches are Redis servers that policies store in; the id is a region or default. The
// connection string is kept as a secret named value (apim-control-plane.md 1.9 and 2.5).
func caches() *arm.Type {
	return published("service/caches", `
		properties.connectionString string secret min=1 max=300
		properties.useFromLocation  string required min=1 max=256
	`, arm.Type{
		Noun: "Cache", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks: arm.Hooks{Put: putCache, Delete: dropCache, Show: showConnection},
	})
}

const connectionString = "connectionString"

func putCache(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	given := next.SecretString("properties." + connectionString)
	next.Secret.Delete("properties." + connectionString)
	if given == "" && old != nil {
		next.Props().Set(connectionString, old.Props().String(connectionString))
		return nil
	}
	if strings.TrimSpace(given) == "" {
		return validation(connectionString, "connectionString is required.")
	}
	shown, err := keep(op, tx, next.ID, connectionString, "", given, connectionString)
	if err != nil {
		return err
	}
	next.Props().Set(connectionString, shown)
	return nil
}

func showConnection(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	out.SetPath("properties."+connectionString, r.Props().String(connectionString))
}

func dropCache(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	return forget(op, tx, old.ID, connectionString)
}
