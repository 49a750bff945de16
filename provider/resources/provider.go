package resources

import (
	"context"

	"gatehouse/arm"
	"gatehouse/store"
)

// The namespaces that this package answers for; of Authorization only the locks.
const (
	Namespace     = "Microsoft.Resources"
	Management    = "Microsoft.Management"
	authorization = "Microsoft.Authorization"
	features      = "Microsoft.Features"
)

// New declares the providers. Like the guard it follows the store's commits, so
// make it before serving. Deployments that a stopped server left running are
// marked as failed.
func New(ctx context.Context, s *store.Store) ([]*arm.Provider, error) {
	l, err := newLocks(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := failInterrupted(ctx, s); err != nil {
		return nil, err
	}
	d := &deployer{running: map[string]*run{}}
	return []*arm.Provider{resourceManager(d), managementGroupProvider(), lockProvider(l), featureProvider()}, nil
}

func resourceManager(d *deployer) *arm.Provider {
	deployments := d.types()
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Microsoft Resources",
		Versions: []string{"2025-04-01", "2024-11-01", "2023-07-01", "2022-12-01", "2022-09-01", "2021-04-01", "2020-10-01", "2019-11-01", "2019-10-01", "2016-09-01"},
		Missing:  missingResource,
		Mounts: []arm.Mount{
			{At: arm.AtTenant, Bare: true, Types: []*arm.Type{subscriptions}},
			{At: arm.AtSubscription, Bare: true, Types: []*arm.Type{resourceGroups}},
			{At: arm.AtGroup, Types: deployments},
			{At: arm.AtSubscription, Types: deployments},
			{At: arm.Anywhere, Types: []*arm.Type{tags}},
		},
		Calls: join(arm.OperationCalls(), subscriptionCalls, resourceCalls, providerCalls, d.calls()),
	}
}

func join[T any](lists ...[]T) (all []T) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// featureProvider answers az feature list: there are no preview features to switch on.
func featureProvider() *arm.Provider {
	empty := func(*arm.Op) (*arm.Answer, error) { return arm.ListOf(nil), nil }
	return &arm.Provider{Namespace: features, DisplayName: "Microsoft Features", Versions: []string{"2021-07-01"},
		Calls: []arm.Call{
			{Method: "GET", Path: string(arm.AtSubscription) + "/providers/Microsoft.Features/features", Action: "Microsoft.Features/features/read", Partial: true, Do: empty},
			{Method: "GET", Path: string(arm.AtSubscription) + "/providers/Microsoft.Features/providers/{resourceProviderNamespace}/features",
				Action: "Microsoft.Features/providers/features/read", Partial: true, Do: empty},
		}}
}
