package resources

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
)

// providerCalls list what this server has. Namespaces need no registration; az and
// Terraform register them all the same, which changes nothing and succeeds.
var providerCalls = []arm.Call{
	{Method: "GET", Path: "/providers", Do: listProviders},
	{Method: "GET", Path: "/providers/{resourceProviderNamespace}", Do: getProvider},
	{Method: "GET", Path: "/providers/{resourceProviderNamespace}/operations",
		Do: func(op *arm.Op) (*arm.Answer, error) {
			if _, err := providersNamed(op); err != nil {
				return nil, err
			}
			return arm.OperationsOf(op.Params["resourceProviderNamespace"]), nil
		}},
	{Method: "GET", Path: string(arm.AtSubscription) + "/providers", Action: "Microsoft.Resources/subscriptions/providers/read", Partial: true, Do: listProviders},
	{Method: "GET", Path: string(arm.AtSubscription) + "/providers/{resourceProviderNamespace}",
		Action: "Microsoft.Resources/subscriptions/providers/read", Partial: true, Do: getProvider},
	{Method: "GET", Path: string(arm.AtSubscription) + "/providers/{resourceProviderNamespace}/resourceTypes",
		Action: "Microsoft.Resources/subscriptions/providers/resourceTypes/read", Partial: true, Do: listResourceTypes},
	{Method: "POST", Path: string(arm.AtSubscription) + "/providers/{resourceProviderNamespace}/register",
		Action: "{resourceProviderNamespace}/register/action", Do: getProvider},
	{Method: "POST", Path: string(arm.AtSubscription) + "/providers/{resourceProviderNamespace}/unregister",
		Action: "{resourceProviderNamespace}/unregister/action", Do: unregister},
}

// fallbackVersions are listed for providers that name none: az wants one to choose.
var fallbackVersions = []string{"2022-04-01"}

func providersNamed(op *arm.Op) (same []*arm.Provider, err error) {
	want := gatehouse.Fold(op.Params["resourceProviderNamespace"])
	for _, p := range op.Server.Providers() {
		if gatehouse.Fold(p.Namespace) == want {
			same = append(same, p)
		}
	}
	if same == nil {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "InvalidResourceNamespace", "The resource namespace '%s' is invalid.", op.Params["resourceProviderNamespace"])
	}
	return same, nil
}

func listProviders(op *arm.Op) (*arm.Answer, error) {
	groups := map[string][]*arm.Provider{}
	for _, p := range op.Server.Providers() {
		key := gatehouse.Fold(p.Namespace)
		groups[key] = append(groups[key], p)
	}
	var items []jsondoc.Value
	for _, key := range sorted(groups) {
		items = append(items, providerObject(op, groups[key]))
	}
	return arm.ListOf(items), nil
}

func getProvider(op *arm.Op) (*arm.Answer, error) {
	same, err := providersNamed(op)
	if err != nil {
		return nil, err
	}
	return arm.OK(providerObject(op, same)), nil
}

func listResourceTypes(op *arm.Op) (*arm.Answer, error) {
	same, err := providersNamed(op)
	if err != nil {
		return nil, err
	}
	return arm.ListOf(resourceTypes(op, same)), nil
}

// unregister is refused: a namespace of this server cannot be taken away, and saying
// otherwise would make a caller believe that its resources are out of reach.
func unregister(op *arm.Op) (*arm.Answer, error) {
	same, err := providersNamed(op)
	if err != nil {
		return nil, err
	}
	return nil, gatehouse.Errorf(gatehouse.Conflict, "CannotUnregisterRequiredProvider",
		"The resource provider '%s' is built in and is always registered.", same[0].Namespace)
}

// providerObject joins the providers of one namespace in the shape that az and Terraform read (clients.md 8).
func providerObject(op *arm.Op, same []*arm.Provider) *jsondoc.Object {
	base := ""
	if !op.ID.IsRoot() {
		base = op.ID.String()
	}
	return jsondoc.NewObject("id", base+"/providers/"+same[0].Namespace, "namespace", same[0].Namespace,
		"registrationPolicy", "RegistrationFree", "registrationState", "Registered", "resourceTypes", resourceTypes(op, same))
}

func resourceTypes(op *arm.Op, same []*arm.Provider) []jsondoc.Value {
	types := []jsondoc.Value{}
	for _, d := range op.Server.Types() {
		if !slices.Contains(same, d.Provider) || d.Type.Shape == arm.Hidden {
			continue
		}
		_, name, _ := strings.Cut(d.Name, "/")
		versions := d.Provider.Versions
		if len(versions) == 0 {
			versions = fallbackVersions
		}
		places, capabilities := []string{}, "None"
		if d.Type.Tracked {
			capabilities = "SupportsTags, SupportsLocation"
			for _, l := range arm.Locations() {
				places = append(places, l.Display)
			}
		}
		types = append(types, jsondoc.NewObject("resourceType", name, "locations", places, "apiVersions", versions, "capabilities", capabilities))
	}
	return types
}
