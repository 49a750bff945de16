package apim

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// products hang below a service, with links to its APIs, and below workspaces.
func products(links ...*arm.Type) *arm.Type {
	return entity(arm.Type{
		Segment: "products", Noun: "Product", Name: arm.NameRule{Max: 256}, Filter: searchable("name displayName description terms", "state(eq)"),
		Model: arm.NewModel(`
			properties.displayName          string max=300
			properties.description          string max=1000
			properties.terms                string
			properties.subscriptionRequired bool default=true
			properties.approvalRequired     bool
			properties.subscriptionsLimit   int
			properties.state                enum(notPublished|published) default="notPublished"
		`),
		Hooks: arm.Hooks{Check: checkProduct, Delete: dropProduct},
		Holds: append(links, policies()),
	})
}

func checkProduct(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	if props.String("displayName") == "" {
		return validation("name", "name (display name) should not be empty")
	}
	if !props.Bool("subscriptionRequired") && (props.Bool("approvalRequired") || props.Has("subscriptionsLimit")) {
		return validation("subscriptionRequired", "approvalRequired and subscriptionsLimit need a product that requires a subscription")
	}
	return nil
}

// dropProduct refuses to orphan subscriptions unless asked to delete them too (apim-control-plane.md 1.8).
func dropProduct(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	subscriptions, err := subscriptionsTo(op, tx, old)
	if err != nil || len(subscriptions) == 0 {
		return err
	}
	if !strings.EqualFold(op.Query.Get("deleteSubscriptions"), "true") {
		return refusal(gatehouse.Invalid, "ValidationError", "Product cannot be deleted since it has existing subscriptions. Delete subscriptions before deleting the product or pass in deleteSubscriptions=true as query param")
	}
	return deleteAll(tx, subscriptions)
}

// productAPIs are links: the name is that of the API, the answer is the API itself
// under the link's ID.
func productAPIs() *arm.Type {
	return &arm.Type{
		Segment: "apis", Shape: arm.Link, Noun: "Api", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Count: true, Filter: apiFilter,
		Status: arm.Status{Head: http.StatusNoContent},
		Model:  arm.NewModel(""),
		Do:     map[arm.Verb]arm.Handler{arm.Put: linkAPI, arm.List: linkedAPIs},
		Hooks:  arm.Hooks{Show: showAPI},
	}
}

func linkedAPI(link gatehouse.ID) gatehouse.ID {
	return link.Parent().Parent().Child("apis", link.Name())
}

// linked is a link as it is shown: with what is in the API.
func linked(op *arm.Op, r store.Reader, link gatehouse.ID) (*arm.Resource, error) {
	api, err := op.Load(r, linkedAPI(link))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, notFound("Api")
	}
	if err != nil {
		return nil, err
	}
	return &arm.Resource{ID: link, Type: op.Route.TypeName, Body: api.Body}, nil
}

func linkAPI(op *arm.Op) (*arm.Answer, error) {
	var shown *arm.Resource
	status := http.StatusCreated
	err := op.Write(nil, func(tx *store.Tx) error {
		if err := op.Exists(tx, op.ID.Parent()); err != nil {
			return err
		}
		product, err := op.Load(tx, op.ID.Parent())
		if err != nil {
			return err
		}
		api, err := linked(op, tx, op.ID)
		if err != nil {
			return err
		}
		id := product.ID.Child("apis", linkedName(op, tx))
		if _, err := tx.Get(op.Context, id.Scope()); err == nil {
			status = http.StatusOK
		}
		link := &arm.Resource{ID: id, Type: op.Route.TypeName, Body: object()}
		shown = &arm.Resource{ID: id, Type: link.Type, Body: api.Body}
		return op.Save(tx, link)
	})
	if err != nil {
		return nil, err
	}
	return &arm.Answer{Status: status, Body: op.Show(shown)}, nil
}

// linkedName is the API's name as it was created.
func linkedName(op *arm.Op, tx *store.Tx) string {
	d, err := tx.Get(op.Context, linkedAPI(op.ID).Scope())
	if err != nil {
		return op.ID.Name()
	}
	return d.ID.Name()
}

func linkedAPIs(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	product := op.ID.Scope()
	page, err := op.Store().List(op.Context, store.Query{Type: op.Route.TypeName, Parent: &product})
	if err != nil {
		return nil, err
	}
	var all []*arm.Resource
	for _, d := range page.Documents {
		r, err := linked(op, op.Store(), d.ID)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue // deleted since the list was read
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return op.PageOf(all, nil)
}
