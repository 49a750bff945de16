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
	for _, l := range locations() {
		items = append(items, jsondoc.NewObject("id", op.ID.String()+"/locations/"+l.name, "name", l.name, "type", "Region",
			"displayName", l.display, "regionalDisplayName", "("+l.geography+") "+l.display,
			"metadata", jsondoc.NewObject("regionType", "Physical", "regionCategory", "Recommended", "geographyGroup", l.geography)))
	}
	return arm.ListOf(items), nil
}

type location struct{ name, display, geography string }

// locations are the names that clients let users choose from. Gatehouse runs where
// it runs: a location is a label, and any other one is accepted too.
func locations() (all []location) {
	for line := range strings.Lines(`
Asia Pacific: East Asia, Southeast Asia, Australia East, Australia Southeast, Central India, South India, Japan East, Japan West, Korea Central
Europe: North Europe, West Europe, France Central, Germany West Central, Italy North, Norway East, Poland Central, Spain Central, Sweden Central, Switzerland North
UK: UK South, UK West
US: Central US, East US, East US 2, North Central US, South Central US, West US, West US 2, West US 3
Canada: Canada Central, Canada East
South America: Brazil South
Middle East: Israel Central, Qatar Central, UAE North
Africa: South Africa North
`) {
		geography, names, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		for name := range strings.SplitSeq(names, ", ") {
			all = append(all, location{normalLocation(name), name, geography})
		}
	}
	return all
}

// normalLocation spells a location as Resource Manager stores it: West Europe is westeurope.
func normalLocation(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "") }
