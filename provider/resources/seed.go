package resources

import (
	"context"

	"gatehouse"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Start is what the first start of a server writes.
type Start struct {
	Tenant           gatehouse.GUID
	TenantName       string
	Domain           string // the tenant's default domain
	Subscription     gatehouse.GUID
	SubscriptionName string
}

// Seed writes the tenant, its root management group and a subscription below it.
// What is there already stays as it is, so a start that was cut short can be repeated.
func Seed(ctx context.Context, tx *store.Tx, s Start) error {
	root := guard.RootGroupID(s.Tenant)
	for _, d := range []struct {
		id   gatehouse.ID
		typ  string
		body *jsondoc.Object
	}{
		{guard.TenantID(s.Tenant), guard.TenantType, jsondoc.NewObject("displayName", s.TenantName, "defaultDomain", s.Domain, "domains", []string{s.Domain}, "countryCode", "")},
		{root, guard.ManagementGroupType, jsondoc.NewObject("properties", jsondoc.NewObject("tenantId", s.Tenant.String(), "displayName", "Tenant Root Group",
			"details", jsondoc.NewObject("version", 1)))},
		{SubscriptionID(s.Subscription), guard.SubscriptionType, jsondoc.NewObject("displayName", s.SubscriptionName, "state", "Enabled")},
		{guard.PlacementID(root, s.Subscription.String()), guard.PlacementType, jsondoc.NewObject("properties",
			jsondoc.NewObject("parent", jsondoc.NewObject("id", root.String())))},
	} {
		_, err := tx.Get(ctx, d.id.Scope())
		if err == nil {
			continue
		}
		if gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		if err := tx.Put(&store.Document{ID: d.id, Type: d.typ, Body: jsondoc.Marshal(d.body)}); err != nil {
			return err
		}
	}
	return nil
}

// SubscriptionID returns the ID of a subscription.
func SubscriptionID(sub gatehouse.GUID) gatehouse.ID {
	return gatehouse.MustID("/subscriptions/" + sub.String())
}
