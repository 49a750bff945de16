package resources

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// subscriptions has no verbs of its own: its lists and reads show what the caller
// has some role in, which is more than the read action says (rbac.md 5.2).
var subscriptions = &arm.Type{Segment: "subscriptions", Noun: "Subscription", Holds: []*arm.Type{tagNames}}

var subscriptionCalls = []arm.Call{
	{Method: "GET", Path: "/tenants", Do: listTenants},
	{Method: "GET", Path: "/subscriptions", Do: listSubscriptions},
	{Method: "GET", Path: string(arm.AtSubscription), Action: "Microsoft.Resources/subscriptions/read", Partial: true, Do: getSubscription},
	{Method: "GET", Path: string(arm.AtSubscription) + "/locations", Action: "Microsoft.Resources/subscriptions/locations/read", Partial: true, Do: listLocations},
}

// listTenants answers the one tenant there is, with the fields that az keeps (clients.md 8).
func listTenants(op *arm.Op) (*arm.Answer, error) {
	tenant, err := op.Load(op.Store(), guard.TenantID(op.Server.TenantID))
	if err != nil {
		return nil, err
	}
	id := op.Server.TenantID.String()
	return arm.ListOf([]jsondoc.Value{jsondoc.NewObject("id", "/tenants/"+id, "tenantId", id, "tenantCategory", "Home", "tenantType", "AAD",
		"countryCode", tenant.Body.String("countryCode"), "displayName", tenant.Body.String("displayName"),
		"defaultDomain", tenant.Body.String("defaultDomain"), "domains", tenant.Body.Array("domains"))}), nil
}

func listSubscriptions(op *arm.Op) (*arm.Answer, error) {
	all, err := loadAll(op, store.Query{Type: guard.SubscriptionType})
	if err != nil {
		return nil, err
	}
	var seen []*arm.Resource
	for _, r := range all {
		if op.Sees(r.ID) {
			seen = append(seen, r)
		}
	}
	return op.PageOf(seen, func(r *arm.Resource) *jsondoc.Object { return subscription(op, r) })
}

// loadAll reads every document that q selects.
func loadAll(op *arm.Op, q store.Query) ([]*arm.Resource, error) { return readAll(op, op.Store(), q) }

func readAll(op *arm.Op, from store.Reader, q store.Query) ([]*arm.Resource, error) {
	page, err := from.List(op.Context, q)
	if err != nil {
		return nil, err
	}
	all := make([]*arm.Resource, len(page.Documents))
	for i, d := range page.Documents {
		if all[i], err = arm.FromDocument(d); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func getSubscription(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Load(op.Store(), op.ID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, arm.SubscriptionNotFound(op.ID.Name())
	}
	if err != nil {
		return nil, err
	}
	return arm.OK(subscription(op, r)), nil
}

// subscription is the wire form of a subscription (clients.md 8).
func subscription(op *arm.Op, r *arm.Resource) *jsondoc.Object {
	o := jsondoc.NewObject("id", r.ID.String(), "authorizationSource", "RoleBased", "managedByTenants", []jsondoc.Value{},
		"subscriptionId", r.ID.Name(), "tenantId", op.Server.TenantID.String(),
		"displayName", r.Body.String("displayName"), "state", r.Body.String("state"),
		"subscriptionPolicies", jsondoc.NewObject("locationPlacementId", "Public_2014-09-01", "quotaId", "PayAsYouGo_2014-09-01", "spendingLimit", "Off"))
	if tags := r.Body.Object("tags"); tags.Len() > 0 {
		o.Set("tags", tags)
	}
	return o
}

func listLocations(op *arm.Op) (*arm.Answer, error) {
	var items []jsondoc.Value
	for _, l := range arm.Locations() {
		items = append(items, jsondoc.NewObject("id", op.ID.String()+"/locations/"+l.Name, "name", l.Name, "type", "Region",
			"displayName", l.Display, "regionalDisplayName", "("+l.Geography+") "+l.Display,
			"metadata", jsondoc.NewObject("regionType", "Physical", "regionCategory", "Recommended", "geographyGroup", l.Geography)))
	}
	return arm.ListOf(items), nil
}

// normalLocation spells a location as Resource Manager stores it: West Europe is westeurope.
func normalLocation(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "") }
