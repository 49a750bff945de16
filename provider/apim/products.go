package apim

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// products hang below a service, with links to its APIs, and below workspaces.
func products(links ...*arm.Type) *arm.Type {
	return entity(arm.Type{
		Segment: "products", Noun: "Product", Name: arm.NameRule{Max: 256}, Filter: "name displayName description terms state",
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
		Holds: append(links, policies("product")),
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
	service := serviceOf(old.ID).Scope()
	page, err := tx.List(op.Context, store.Query{Type: serviceType + "/subscriptions", Parent: &service})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		r, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		scope, err := gatehouse.ParseScope(r.Props().String("scope"))
		if err != nil || scope != old.ID.Scope() {
			continue
		}
		if !strings.EqualFold(op.Query.Get("deleteSubscriptions"), "true") {
			return gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "Product cannot be deleted since it has existing subscriptions. Delete subscriptions before deleting the product or pass in deleteSubscriptions=true as query param")
		}
		if _, err := tx.Delete(d.Key()); err != nil {
			return err
		}
	}
	return nil
}

// productAPIs are links: the name is that of the API, the answer is the API itself.
func productAPIs() *arm.Type {
	return &arm.Type{
		Segment: "apis", Shape: arm.Link, Noun: "Api", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Count: true, Filter: apiFilter,
		Status: arm.Status{Head: http.StatusNoContent},
		Model:  arm.NewModel(""),
		Do:     map[arm.Verb]arm.Handler{arm.Put: linkAPI},
		Hooks:  arm.Hooks{Show: showLinked},
	}
}

func linkAPI(op *arm.Op) (*arm.Answer, error) {
	api := op.ID.Parent().Parent().Child("apis", op.ID.Name())
	link := &arm.Resource{ID: op.ID, Type: op.Route.TypeName, Body: object()}
	status := http.StatusCreated
	err := op.Write(nil, func(tx *store.Tx) error {
		if err := entityExists(op, tx, op.ID.Parent(), "Product"); err != nil {
			return err
		}
		if err := entityExists(op, tx, api, "Api"); err != nil {
			return err
		}
		if _, err := tx.Get(op.Context, op.ID.Scope()); err == nil {
			status = http.StatusOK
		}
		return arm.Save(tx, link)
	})
	if err != nil {
		return nil, err
	}
	return &arm.Answer{Status: status, Body: op.Show(link)}, nil
}

// showLinked answers a link with the properties of the API that it names.
func showLinked(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	api, err := op.Load(op.Store(), r.ID.Parent().Parent().Child("apis", r.ID.Name()))
	if err == nil {
		out.Set("name", api.ID.Name())
		out.Set("properties", api.Props().Clone())
	}
}
