package apim

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// networkStatus lists what a service depends on in each of its regions: a bare array
// (apim-control-plane.md 2.1). Here that is the store, which has just answered.
func networkStatus() *arm.Type {
	return &arm.Type{Segment: "networkstatus", Shape: arm.View, Do: map[arm.Verb]arm.Handler{arm.List: func(op *arm.Op) (*arm.Answer, error) {
		service, err := serviceAt(op, op.ID)
		if err != nil {
			return nil, err
		}
		all := []jsondoc.Value{}
		for _, region := range regionsOf(service) {
			all = append(all, object("location", arm.DisplayLocation(region), "networkStatus", statusOf(op, service)))
		}
		return arm.OK(all), nil
	}}}
}

func statusOf(op *arm.Op, service *arm.Resource) *jsondoc.Object {
	return object("dnsServers", []jsondoc.Value{}, "connectivityStatus", []jsondoc.Value{object("name", "gatehouse-store", "status", "success", "error", "",
		"lastUpdated", gatehouse.Timestamp(op.Now), "lastStatusChange", service.Props().String("createdAtUtc"), "resourceType", "SQLDatabase", "isOptional", false)})
}

// networkStatusIn is the status in one region of the service.
func networkStatusIn(op *arm.Op) (*arm.Answer, error) {
	service, err := serviceAt(op, serviceOf(op.ID))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(regionsOf(service), arm.Region(op.Params["locationName"])) {
		return nil, notFound("Location")
	}
	return arm.OK(statusOf(op, service)), nil
}

// outboundDependencies are the outside addresses that a service needs: none, since it runs here.
func outboundDependencies() *arm.Type {
	return &arm.Type{Segment: "outboundNetworkDependenciesEndpoints", Shape: arm.View, Do: map[arm.Verb]arm.Handler{arm.List: func(op *arm.Op) (*arm.Answer, error) {
		if err := op.Exists(op.Store(), op.ID); err != nil {
			return nil, err
		}
		return arm.ListOf(nil), nil
	}}}
}

// settled answers an operation on the network or platform of a service that leaves
// nothing to do where a service has neither: 202, and the service as it is.
func settled(what string, check func(op *arm.Op, service *arm.Resource) error) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		service, err := op.Existing()
		if err != nil {
			return nil, err
		}
		if _, err := op.Body(); err != nil {
			return nil, err
		}
		if err := check(op, service); err != nil {
			return nil, err
		}
		if err := op.Record(what); err != nil {
			return nil, err
		}
		return op.Finished(&arm.Answer{Status: http.StatusAccepted}, op.Show(service))
	}
}

func inOwnRegion(op *arm.Op, service *arm.Resource) error {
	body, _ := op.Body()
	if l := body.String("location"); l != "" && !slices.Contains(regionsOf(service), arm.Region(l)) {
		return validation("location", "the service has no region '%s'", l)
	}
	return nil
}

func migrationMode(op *arm.Op, _ *arm.Resource) error {
	body, _ := op.Body()
	if mode := body.String("mode"); mode != "" && !slices.ContainsFunc([]string{"PreserveIp", "NewIP"}, func(m string) bool { return gatehouse.EqualFold(m, mode) }) {
		return validation("mode", "mode has to be PreserveIp or NewIP")
	}
	return nil
}

// domainOwnership answers what a TXT record proves the ownership of a domain with: one word for each subscription.
func (p *provider) domainOwnership(op *arm.Op) (*arm.Answer, error) {
	sub, _ := op.ID.Scope().Subscription()
	sum := sha256.Sum256([]byte("gatehouse domain ownership\x00" + p.identities.Tenant.String() + sub.String()))
	return arm.OK(object("domainOwnershipIdentifier", base64.StdEncoding.EncodeToString(sum[:]))), nil
}

// privateEndpoints are connections of private endpoints, which their owner approves or
// rejects. Endpoints are made by networks, which are not here: a PUT of a connection
// that is not there makes one.
func privateEndpoints() *arm.Type {
	return published("service/privateEndpointConnections", `
		properties                                          object required
		properties.privateLinkServiceConnectionState        object required
		properties.privateLinkServiceConnectionState.status enum(Pending|Approved|Rejected) required
	`, arm.Type{
		Noun: "PrivateEndpointConnection", Name: arm.NameRule{Max: 80},
		Status: arm.Status{Create: http.StatusOK},
		Hooks:  arm.Hooks{Show: showPrivateEndpoint},
	})
}

const privateEndpointType = serviceType + "/privateEndpointConnections"

func showPrivateEndpoint(_ *arm.Op, _ *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	props.Set("provisioningState", "Succeeded")
	props.Set("groupIds", []jsondoc.Value{"Gateway"})
}

// privateEndpointsOf are the connections as the service shows them, nil for none.
func privateEndpointsOf(op *arm.Op, service gatehouse.ID) jsondoc.Value {
	parent := service.Scope()
	page, err := op.Store().List(op.Context, store.Query{Type: privateEndpointType, Parent: &parent})
	if err != nil || len(page.Documents) == 0 {
		return nil
	}
	var all []jsondoc.Value
	for _, d := range page.Documents {
		if r, err := arm.FromDocument(d); err == nil {
			all = append(all, op.Show(r))
		}
	}
	return all
}

// privateLinks are what private endpoints can be connected with: the gateway.
func privateLinks() *arm.Type {
	link := func(service gatehouse.ID) *jsondoc.Object {
		return object("id", service.Child("privateLinkResources", "Gateway").String(), "name", "Gateway", "type", serviceType+"/privateLinkResources",
			"properties", object("groupId", "Gateway", "requiredMembers", []jsondoc.Value{"Gateway"}, "requiredZoneNames", []jsondoc.Value{"privateLink.azure-api.net"}))
	}
	return &arm.Type{Segment: "privateLinkResources", Shape: "list get", Noun: "PrivateLinkResource", Do: map[arm.Verb]arm.Handler{
		arm.List: func(op *arm.Op) (*arm.Answer, error) {
			service, err := serviceAt(op, op.ID)
			if err != nil {
				return nil, err
			}
			return arm.ListOf([]jsondoc.Value{link(service.ID)}), nil
		},
		arm.Get: func(op *arm.Op) (*arm.Answer, error) {
			service, err := serviceAt(op, op.ID.Parent())
			if err != nil {
				return nil, err
			}
			if !gatehouse.EqualFold(op.ID.Name(), "Gateway") {
				return nil, notFound("PrivateLinkResource")
			}
			return arm.OK(link(service.ID)), nil
		},
	}}
}
