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
func (p *provider) products(links ...*arm.Type) *arm.Type {
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
		Hooks: arm.Hooks{Check: checkProduct, Put: admitAdministrators, Delete: dropProduct, Show: showProduct},
		Do:    map[arm.Verb]arm.Handler{arm.List: listMarked},
		Holds: append(links, p.policies()),
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
	if err := unlinkApplications(op, tx, old); err != nil {
		return err
	}
	subscriptions, err := subscriptionsTo(op, tx, old)
	if err != nil || len(subscriptions) == 0 {
		return err
	}
	if !strings.EqualFold(op.Query.Get("deleteSubscriptions"), "true") {
		return refusal(gatehouse.Invalid, "ValidationError", "Product cannot be deleted since it has existing subscriptions. Delete subscriptions before deleting the product or pass in deleteSubscriptions=true as query param")
	}
	return dropSubscriptions(op, tx, subscriptions)
}

// admitAdministrators puts a new product among those that administrators see, as the
// service does (apim-control-plane.md 2.3). Workspaces have no such group.
func admitAdministrators(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if old != nil || !strings.EqualFold(next.Type, serviceType+"/products") {
		return nil
	}
	if err := op.Save(tx, next); err != nil { // a tie has two ends
		return err
	}
	tie := &arm.Resource{ID: next.ID.Child("groups", "administrators"), Type: next.Type + "/groups"}
	if err := groupRelation().putShort(op, tx, nil, tie, groupRelation().target, "Group"); err != nil {
		return err
	}
	return op.Save(tx, tie)
}

// showProduct tells the groups of a product when expandGroups asks for them, to whoever may list them.
func showProduct(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	if !strings.EqualFold(op.Query.Get("expandGroups"), "true") || !op.Can(r.Type+"/groups/read", r.ID) {
		return
	}
	product := r.ID.Scope()
	page, err := op.Store().List(op.Context, store.Query{Type: r.Type + "/groups", Parent: &product})
	if err != nil {
		return
	}
	groups := []jsondoc.Value{}
	for _, d := range page.Documents {
		if group, err := op.Load(op.Store(), groupRelation().target(d.ID)); err == nil {
			groups = append(groups, briefly(op, group))
		}
	}
	out.Object("properties").Set("groups", groups)
}

// productSubscriptions lists the subscriptions to a product, under it.
func productSubscriptions() *arm.Type {
	return published("service/products/subscriptions", "", arm.Type{
		Noun: "Subscription", Do: map[arm.Verb]arm.Handler{arm.List: listProductSubscriptions}, Hooks: arm.Hooks{Show: showSubscription, Field: subscriptionField},
	})
}

func listProductSubscriptions(op *arm.Op) (*arm.Answer, error) {
	product, err := existing(op, op.Store(), op.ID)
	if err != nil {
		return nil, err
	}
	all, err := subscriptionsTo(op, op.Store(), product)
	if err != nil {
		return nil, err
	}
	for i, subscription := range all {
		all[i] = under(&arm.Resource{ID: product.ID.Child("subscriptions", subscription.ID.Name()), Type: op.Route.TypeName}, subscription)
	}
	return op.PageOf(all, nil)
}

// What products are tied to, by links with names and by the names of the others
// (apim-control-plane.md 2.3). Workspaces show the links only.

// productRelation ties products to a family beside them. A product of a workspace may also have
// groups of the service, which have a place of their own, since one of the workspace can have the same name.
func productRelation(family, links, member string) relation {
	return relation{links: links, member: member, family: family, wide: family == "groups",
		short: func(product, target gatehouse.ID) gatehouse.ID {
			if holderOf(product).Scope() != holderOf(target).Scope() {
				return product.Child("service"+family, target.Name())
			}
			return product.Child(family, target.Name())
		},
		holder: gatehouse.ID.Parent,
		target: func(short gatehouse.ID) gatehouse.ID {
			name, _, _ := strings.Cut(short.Name(), ";rev=") // a revision stands for its API
			return short.Parent().Parent().Child(family, name)
		},
	}
}

func apiRelation() relation   { return productRelation("apis", "apiLinks", "apiId") }
func groupRelation() relation { return productRelation("groups", "groupLinks", "groupId") }

func productAPIs() *arm.Type {
	return productLinks("apis", "Api", apiRelation(), showAPI)
}

func productGroups() *arm.Type {
	return productLinks("groups", "Group", groupRelation(), showGroup)
}

// productLinks are the ties by the names of the others, and are shown as those.
func productLinks(family, noun string, r relation, show func(*arm.Op, *arm.Resource, *jsondoc.Object)) *arm.Type {
	t := published("service/products/"+family, "", arm.Type{Noun: noun, Name: arm.NameRule{Max: 256, Pattern: namePattern}, Status: arm.Status{Head: http.StatusNoContent}})
	t.Hooks.Show = show
	return r.shortType(t, r.target)
}

func productAPILinks() *arm.Type {
	t := apiRelation().linkType("service/products/apiLinks")
	put := t.Hooks.Put
	t.Hooks.Put = func(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
		api, _, _ := strings.Cut(next.Props().String("apiId"), ";rev=")
		next.Props().Set("apiId", api)
		return put(op, tx, old, next)
	}
	return t
}

func productGroupLinks() *arm.Type { return groupRelation().linkType("service/products/groupLinks") }
