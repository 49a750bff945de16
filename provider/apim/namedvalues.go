package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/store"
)

// namedValues keep their value sealed, secret or not, and show it when it is not one. The
// value may be in a Key Vault instead (apim-control-plane.md 2.5).
func namedValues() *arm.Type {
	return published("service/namedValues", `
		properties.value  string secret max=4096
		properties.secret bool default=false
		properties.keyVault.lastStatus any readonly
		properties.provisioningState string readonly
	`, arm.Type{
		Noun: "Property", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Unique: []arm.Unique{{Member: "properties.displayName", Taken: func(_, _ *arm.Resource) error {
			return validation("name", "Property with the same name already exist.")
		}}},
		Do:      map[arm.Verb]arm.Handler{arm.List: listVaulted},
		Hooks:   arm.Hooks{Check: checkNamedValue, Delete: namedValueFree, Show: showNamedValue},
		Actions: []arm.Action{{Name: "listValue", Do: listValue}, {Name: "refreshSecret", Do: refreshSecret}},
	})
}

func showNamedValue(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	if !r.Props().Bool("secret") && vaulted(r) == "" {
		out.SetPath("properties.value", r.SecretString("properties.value"))
	}
}

// checkNamedValue wants a value, and wants it again when it stops being a secret: who
// may write but not list values would learn it otherwise.
func checkNamedValue(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if old != nil && old.Props().String("displayName") != next.Props().String("displayName") {
		if err := namedValueUnused(op, tx, old); err != nil {
			return err
		}
	}
	if err := settleSource(op, next); err != nil {
		return err
	}
	if vaulted(next) != "" {
		return checkVault(op, old, next)
	}
	if strings.TrimSpace(next.SecretString("properties.value")) == "" {
		return validation("value", "value should not be empty")
	}
	if old != nil && old.Props().Bool("secret") && !next.Props().Bool("secret") && !sent(op, "properties.value") {
		return validation("value", "value has to be sent again when secret becomes false, since everybody who may read the named value sees it from then on")
	}
	if old != nil && old.SecretString("properties.value") != next.SecretString("properties.value") {
		return breaksNothing(op, tx, next)
	}
	return nil
}

// breaksNothing refuses a value with which policies could not be run any more (gateway.md 5.4). Those that cannot be run
// anyhow do not stand in its way.
func breaksNothing(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	name := next.Props().String("displayName")
	users, err := policyUsers(op, tx, next.ID, policy.NamedValue, name, 0)
	if err != nil {
		return err
	}
	var broken []policyUser
	for _, u := range users {
		a := &reach{op: op, r: tx, of: u.ID}
		faults, err := a.resolved(u.document, next)
		if err != nil {
			return err
		}
		if len(faults) == 0 {
			continue
		}
		if before, err := a.resolved(u.document, nil); err != nil || len(before) > 0 {
			continue
		}
		if broken = append(broken, u); len(broken) > mostNamed {
			break
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return refusal(gatehouse.Invalid, "ValidationError", "The value of the Property '%s' cannot be used: the following entities would no longer be valid with it:\r\n%s", name, listed(op, broken))
}

// settleSource leaves one source, the value or the Key Vault: what the request brought takes
// the other's place.
func settleSource(op *arm.Op, next *arm.Resource) error {
	props := next.Props()
	if !props.Has("keyVault") {
		return nil
	}
	value, vault := sent(op, "properties.value"), sent(op, "properties.keyVault")
	switch {
	case value && vault:
		return validation("keyVault", "value and keyVault exclude each other")
	case value:
		props.Delete("keyVault")
		return nil
	case props.String("keyVault.secretIdentifier") == "":
		return validation("keyVault.secretIdentifier", "keyVault.secretIdentifier is required.")
	case !props.Bool("secret") && sent(op, "properties.secret"):
		return validation("secret", "secret has to be true for a value from Key Vault")
	}
	props.Set("secret", true)
	if next.Secret != nil {
		next.Secret.Delete("properties.value")
	}
	return nil
}

// listValue tells the value, unless it is in a Key Vault and was never fetched.
func listValue(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Existing()
	if err != nil {
		return nil, err
	}
	if vaulted(r) != "" {
		return nil, refusal(gatehouse.Invalid, "ValidationError", "The named value has no value here. %s", vaultMessage)
	}
	return reveal(map[string]string{"value": "properties.value"})(op)
}

// referring are the types, policies apart, whose text may hold {{references}}, below a service or workspace.
var referring = []string{"/loggers", "/caches", "/backends"}

// namedValueFree keeps a named value that something refers to.
func namedValueFree(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	return namedValueUnused(op, tx, old)
}

// namedValueUnused refuses while something refers to the name.
func namedValueUnused(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	holder := holderOf(old.ID)
	scope, name := holder.Scope(), old.Props().String("displayName")
	for _, family := range referring {
		page, err := tx.List(op.Context, store.Query{Type: holder.Type() + family, Under: &scope})
		if err != nil {
			return err
		}
		for _, d := range page.Documents {
			if refersTo(d, name) {
				return refusal(gatehouse.Invalid, "ValidationError", "Property cannot be deleted or renamed since it is used by %s.", seen(op, d.ID))
			}
		}
	}
	return unused(op, tx, old.ID, policy.NamedValue, "Property", name)
}

func refersTo(d *store.Document, name string) bool {
	for _, text := range [][]byte{d.Body, d.Secret} {
		for _, found := range anyReference.FindAllSubmatch(text, -1) {
			if string(found[1]) == name {
				return true
			}
		}
	}
	return false
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
