package resources

import (
	"net/http"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/odata"
	"gatehouse/store"
)

const groupType = "Microsoft.Resources/subscriptions/resourceGroups"

// resourceGroups answers HEAD with 204 and DELETE with 202 and a Location, which
// is what all clients take (clients.md section 4). A group is deleted with all that
// is in it, in one transaction; each resource's Delete hook runs (arm.DeleteTree).
var resourceGroups = &arm.Type{
	Segment: "resourceGroups", Shape: arm.Entity, Noun: "Resource group",
	Name: arm.NameRule{Max: 90, Pattern: `[\p{L}\p{N}_.()-]*[\p{L}\p{N}_()-]`},
	Model: arm.NewModel(`
		location  string
		managedBy string
		tags      map
		properties.provisioningState string readonly
	`),
	Status: arm.Status{Head: http.StatusNoContent, Delete: http.StatusAccepted, Missing: http.StatusNotFound},
	Do:     map[arm.Verb]arm.Handler{arm.List: listGroups},
	Hooks: arm.Hooks{
		Default: func(_ *arm.Op, next *arm.Resource) { next.Props().Set("provisioningState", "Succeeded") },
		Check:   checkGroup,
		Show:    showGroup,
	},
}

func checkGroup(_ *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	wanted := normalLocation(next.Body.String("location"))
	if wanted == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "LocationRequired", "The location property is required for this definition.").At("location")
	}
	next.Body.Set("location", wanted)
	if old == nil {
		return checkTags(next.Body.Object("tags"))
	}
	if is := old.Body.String("location"); is != wanted {
		return gatehouse.Errorf(gatehouse.Conflict, "InvalidResourceGroupLocation",
			"Invalid resource group location '%s'. The Resource group already exists in location '%s'.", wanted, is).At("location")
	}
	return checkTags(next.Body.Object("tags"))
}

// showGroup gives the type its wire name, which is shorter than the one that roles use.
func showGroup(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	out.Set("type", "Microsoft.Resources/resourceGroups")
	if r.Body.Object("tags").Len() == 0 {
		out.Delete("tags")
	}
}

func listGroups(op *arm.Op) (*arm.Answer, error) {
	keep, err := tagFilter(op, "")
	if err != nil {
		return nil, err
	}
	parent := op.ID.Scope()
	return op.Page(store.Query{Type: groupType, Parent: &parent}, keep)
}

// tagFilter reads the $filter of resource and group lists. tagName and tagValue
// together ask for one tag (tagName eq 'a' and tagValue eq 'b'), so they are taken
// out of the expression; the other fields are looked up in the resource.
func tagFilter(op *arm.Op, others string) (func(*arm.Resource) bool, error) {
	text := op.Query.Get("$filter")
	if text == "" {
		return nil, nil
	}
	e, err := odata.Parse(text)
	if err != nil {
		return nil, err
	}
	if err := odata.Names("tagName tagValue " + others).Check(e); err != nil {
		return nil, err
	}
	name, value, rest := "", "", []odata.Expr{}
	for _, part := range odata.Conjuncts(e) {
		field, literal, ok := odata.Equality(part)
		switch {
		case ok && gatehouse.Fold(field) == "tagname":
			name = literal.Text()
		case ok && gatehouse.Fold(field) == "tagvalue":
			value = literal.Text()
		default:
			rest = append(rest, part)
		}
	}
	if value != "" && name == "" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidFilterInQueryString", "A filter by tagValue needs tagName as well: tagName eq 'a' and tagValue eq 'b'.").At("$filter")
	}
	return func(r *arm.Resource) bool { return hasTag(r, name, value) && matches(rest, r) }, nil
}

func hasTag(r *arm.Resource, name, value string) bool {
	if name == "" {
		return true
	}
	tag, ok := r.Body.Object("tags").Get(name)
	return ok && (value == "" || tag == value)
}

func matches(rest []odata.Expr, r *arm.Resource) bool {
	env := odata.Env{Lookup: func(field string) (any, bool) { return resourceField(r, field) }}
	for _, e := range rest {
		if ok, err := env.Match(e); err != nil || !ok {
			return false
		}
	}
	return true
}

func resourceField(r *arm.Resource, field string) (any, bool) {
	switch gatehouse.Fold(field) {
	case "name":
		return r.ID.Name(), true
	case "resourcetype":
		return r.Type, true
	case "resourcegroup":
		group, ok := r.ID.Scope().ResourceGroup()
		return group.Name(), ok
	}
	return r.Body.Lookup(field)
}
