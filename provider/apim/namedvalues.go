package apim

import (
	"slices"
	"strings"

	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// namedValues keep their value sealed, secret or not, and show it when it is not one.
func namedValues() *arm.Type {
	return entity(arm.Type{
		Segment: "namedValues", Noun: "Property", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Filter: searchable("displayName", "tags(ge,le,eq,ne,gt,lt,substringof,contains,startswith,endswith,any,all)"),
		Unique: []arm.Unique{{Member: "properties.displayName", Taken: func(_, _ *arm.Resource) error {
			return validation("name", "Property with the same name already exist.")
		}}},
		Model: arm.NewModel(`
			properties.displayName string required min=1 max=256 pattern=^[A-Za-z0-9-._]+$
			properties.value       string secret max=4096
			properties.secret      bool default=false
			properties.tags        array(string) max=32
			properties.keyVault    any
			properties.provisioningState string readonly
		`),
		Hooks: arm.Hooks{Check: checkNamedValue, Show: func(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
			if !r.Props().Bool("secret") {
				out.SetPath("properties.value", r.SecretString("properties.value"))
			}
		}},
		Actions: []arm.Action{{Name: "listValue", Do: reveal(map[string]string{"value": "properties.value"})}},
	})
}

// checkNamedValue wants a value, and wants it again when it stops being a secret: who
// may write but not list values would learn it otherwise.
func checkNamedValue(op *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	if strings.TrimSpace(next.SecretString("properties.value")) == "" && !next.Props().Has("keyVault") {
		return validation("value", "value should not be empty")
	}
	if old != nil && old.Props().Bool("secret") && !next.Props().Bool("secret") && !sent(op, "properties.value") {
		return validation("value", "value has to be sent again when secret becomes false, since everybody who may read the named value sees it from then on")
	}
	return nil
}

// reveal is a POST action that answers secrets: members of the answer by path. It is recorded.
func reveal(members map[string]string) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		r, err := op.Existing()
		if err != nil {
			return nil, err
		}
		if err := op.Record("secrets revealed"); err != nil {
			return nil, err
		}
		out := object()
		for _, name := range sortedNames(members) {
			out.Set(name, r.SecretString(members[name]))
		}
		return arm.OK(out).With("ETag", op.Route.Type.Tag(r)), nil
	}
}

func sortedNames(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
