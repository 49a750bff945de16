package apim

import (
	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// tags mark APIs, operations and products, by assignment to those or by links from the tag (apim-control-plane.md 2.6).
func tags() *arm.Type {
	return published("service/tags", "properties.displayName string required min=1 max=160\n", arm.Type{
		Noun: "Tag", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks: arm.Hooks{Delete: dropTag},
		Do:    map[arm.Verb]arm.Handler{arm.List: listTags},
		Holds: []*arm.Type{
			tagRelation("apiLinks", "apiId", "apis").linkType("service/tags/apiLinks"),
			tagRelation("operationLinks", "operationId", "apis/operations").linkType("service/tags/operationLinks"),
			tagRelation("productLinks", "productId", "products").linkType("service/tags/productLinks"),
		},
	})
}

func tagRelation(links, member, family string) relation {
	return relation{links: links, member: member, family: family,
		short:  func(tag, target gatehouse.ID) gatehouse.ID { return target.Child("tags", tag.Name()) },
		holder: tagOf,
		target: gatehouse.ID.Parent,
	}
}

// tagOf is the tag that an assignment names.
func tagOf(assignment gatehouse.ID) gatehouse.ID {
	return holderOf(assignment).Child("tags", assignment.Name())
}

// The assignments of tags. Workspaces have them too, but show them as links only.

func apiTags() *arm.Type {
	return assignments("service/apis/tags", tagRelation("apiLinks", "apiId", "apis"))
}

func operationTags() *arm.Type {
	return assignments("service/apis/operations/tags", tagRelation("operationLinks", "operationId", "apis/operations"))
}

func productTags() *arm.Type {
	return assignments("service/products/tags", tagRelation("productLinks", "productId", "products"))
}

func assignments(path string, r relation) *arm.Type {
	t := r.shortType(published(path, "", arm.Type{Noun: "Tag", Name: arm.NameRule{Max: 80, Pattern: namePattern}}), tagOf)
	if r.family == "products" {
		return t // azurerm takes the answer's id for that of the assignment
	}
	t.Hooks.Behind = func(op *arm.Op, from store.Reader, assignment *arm.Resource) (*arm.Resource, error) {
		return op.Load(from, tagOf(assignment.ID)) // under its own id, as the published examples show it
	}
	return t
}

// hidden is a type without requests of its own.
func hidden(t *arm.Type) *arm.Type {
	t.Shape = arm.Hidden
	return t
}
