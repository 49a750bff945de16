package apim

import (
	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// apiProducts lists the products that an API is in, as products below the API
// (apim-control-plane.md 1.5 shows the other direction so).
func apiProducts() *arm.Type {
	return published("service/apis/products", "", arm.Type{Do: map[arm.Verb]arm.Handler{arm.List: productsOfAPI}})
}

func productsOfAPI(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	api, err := op.Load(op.Store(), op.ID)
	if err != nil {
		return nil, err
	}
	holder := api.ID.Parent().Scope()
	page, err := op.Store().List(op.Context, store.Query{Type: typeBeside(api, "products/apis"), Under: &holder, Name: api.ID.Name()})
	if err != nil {
		return nil, err
	}
	var all []*arm.Resource
	for _, d := range page.Documents {
		product, err := op.Load(op.Store(), d.ID.Parent())
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue // deleted since the list was read
		}
		if err != nil {
			return nil, err
		}
		all = append(all, &arm.Resource{ID: api.ID.Child("products", product.ID.Name()), Type: op.Route.TypeName, Body: product.Body})
	}
	return op.PageOf(all, nil)
}
