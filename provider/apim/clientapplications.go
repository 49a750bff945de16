package apim

import (
	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// clientApplications are applications that call the APIs of products with tokens of Entra ID, as of
// api-version 2024-10-01-preview. The service registers each in the directory; we do not, since who
// may write here need not have rights there (docs/divergences.md). So none has secrets.
func clientApplications() *arm.Type {
	t := published("service/clientApplications", "", arm.Type{
		Noun: "ClientApplication", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Shape: arm.Document,
		Filter: searchable("name displayName description state"),
		Model: arm.NewModel(`
			properties.displayName         string required min=1 max=300
			properties.description         string max=2000
			properties.ownerId             string required min=1
			properties.entraApplicationId  guid readonly
			properties.entraTenantId       guid readonly
			properties.state               string readonly
		`),
		Hooks: arm.Hooks{Check: checkClientApplication},
		Holds: []*arm.Type{clientApplicationProducts()},
		Actions: []arm.Action{{Name: "listSecrets", Do: func(op *arm.Op) (*arm.Answer, error) {
			r, err := op.Existing()
			if err != nil {
				return nil, err
			}
			return arm.OK(object("entra", nil)).With("ETag", arm.Tag(r.Revision)), nil
		}}},
	})
	t.Count, t.ETag = true, true
	return t
}

func checkClientApplication(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	next.Props().Set("state", "active")
	return reference(op, tx, next.ID, next.Props(), "ownerId", "users")
}

// clientApplicationProducts link an application to the products that it may call.
func clientApplicationProducts() *arm.Type {
	t := published("service/clientApplications/productLinks", "", arm.Type{
		Noun: "ClientApplicationProductLink", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Shape: "list get put delete",
		Model: arm.NewModel(`properties.productId string required min=1`),
		Unique: []arm.Unique{{Member: "properties.productId", Taken: func(_, _ *arm.Resource) error {
			return validation("productId", "The product is linked to the application already")
		}}},
		Hooks: arm.Hooks{Check: func(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
			return reference(op, tx, next.ID, next.Props(), "productId", "products")
		}},
	})
	t.Count, t.ETag = true, true
	return t
}

// unlinkApplications takes a product from the client applications that may call it.
func unlinkApplications(op *arm.Op, tx *store.Tx, product *arm.Resource) error {
	scope := serviceOf(product.ID).Scope()
	page, err := tx.List(op.Context, store.Query{Type: serviceType + "/clientApplications/productLinks", Under: &scope})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		link, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if gatehouse.EqualFold(link.Props().String("productId"), product.ID.String()) {
			if err := op.DeleteTree(tx, d.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
