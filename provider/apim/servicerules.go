package apim

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// checkService is what the model cannot say of a service (apim-control-plane.md 2.1).
func checkService(op *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	for _, check := range []func(op *arm.Op, old, next *arm.Resource) error{checkSKU, checkTierSettings, checkVersions, checkVirtualNetwork, checkLocations, checkHostnames} {
		if err := check(op, old, next); err != nil {
			return err
		}
	}
	return settleCertificates(op, old, next)
}

func checkSKU(op *arm.Op, old, next *arm.Resource) error {
	s := skuOf(next)
	next.Body.SetPath("sku.name", s.name)
	if n, ok := next.Body.Int("sku.capacity"); !ok || n < s.least || n > s.allowed {
		return validation("sku.capacity", "a service of the SKU %s has %d to %d units", s.name, s.least, s.allowed)
	}
	if old != nil && skuOf(old).generation != s.generation {
		return validation("sku.name", "a service of the SKU %s cannot become one of the SKU %s", skuOf(old).name, s.name)
	}
	if old == nil && next.Props().String("publicNetworkAccess") == "Disabled" {
		return refusal(gatehouse.Invalid, "ActivateServiceWithPrivateEndpointAccessNotAllowed",
			"Blocking all public network access by setting property `publicNetworkAccess` of API Management service %s is not enabled during service creation.", next.ID.Name())
	}
	return nil
}

// notInConsumption are settings that services without machines of their own do not have (hashicorp/terraform-provider-azurerm#8405).
var notInConsumption = []string{gatewaySettings + "Security.Ciphers.TripleDes168", gatewaySettings + "Security.Protocols.Ssl30"}

func checkTierSettings(op *arm.Op, _, next *arm.Resource) error {
	s, props := skuOf(next), next.Props()
	if s.generation != consumption {
		if sent(op, "properties.enableClientCertificate") {
			return refusal(gatehouse.Invalid, "NotSupported", "Setting EnableClientCertificate flag to %t is not supported for %s SKU.", props.Bool("enableClientCertificate"), s.name)
		}
		return nil
	}
	if !props.Has("enableClientCertificate") {
		props.Set("enableClientCertificate", false)
	}
	var foreign []string
	for _, name := range notInConsumption {
		if props.Object("customProperties").Has(name) {
			foreign = append(foreign, name)
		}
	}
	if len(foreign) > 0 {
		return refusal(gatehouse.Invalid, "NotSupported", "'%s' customProperties are not supported in SkuType Consumption.", strings.Join(foreign, ","))
	}
	return nil
}

var plainVersion = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

func checkVersions(_ *arm.Op, _, next *arm.Resource) error {
	if least := next.Props().String("apiVersionConstraint.minApiVersion"); least != "" && !plainVersion.MatchString(least) {
		return validation("apiVersionConstraint.minApiVersion", "minApiVersion has to be an api-version such as %s", versions[0])
	}
	return nil
}

var publicAddress = regexp.MustCompile(`(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/publicIPAddresses/[^/]+$`)

func checkVirtualNetwork(_ *arm.Op, _, next *arm.Resource) error {
	s, props := skuOf(next), next.Props()
	joins := s.in("Developer", "Premium", "Isolated", "StandardV2", "PremiumV2")
	if kind := props.String("virtualNetworkType"); !strings.EqualFold(kind, "None") {
		if !joins {
			return validation("virtualNetworkType", "a service of the SKU %s cannot join a virtual network", s.name)
		}
		if props.String("virtualNetworkConfiguration.subnetResourceId") == "" {
			return validation("virtualNetworkConfiguration", "virtualNetworkConfiguration with a subnetResourceId is required by the virtualNetworkType %s", kind)
		}
	}
	if address := props.String("publicIpAddressId"); address != "" && (!joins || s.generation == v2 || !publicAddress.MatchString(address)) {
		return validation("publicIpAddressId", "publicIpAddressId has to be the resource ID of a public IP address, for services of the SKUs Developer and Premium")
	}
	if len(next.Body.Array("zones")) > 0 && !s.in("Premium", "PremiumV2") {
		return validation("zones", "zones are for services of the SKU Premium")
	}
	return nil
}

// checkLocations wants each further region once, and of the same SKU.
func checkLocations(_ *arm.Op, _, next *arm.Resource) error {
	s, props := skuOf(next), next.Props()
	further := props.Array("additionalLocations")
	if len(further) > 0 && !s.in("Premium") {
		return validation("additionalLocations", "only services of the SKU Premium have more than one region")
	}
	if len(further) == 0 && props.Bool("disableGateway") {
		return validation("disableGateway", "disableGateway is for services with additionalLocations")
	}
	seen := []string{arm.Region(next.Body.String("location"))}
	for i, v := range further {
		o, _ := v.(*jsondoc.Object)
		region, at := arm.Region(o.String("location")), fmt.Sprintf("additionalLocations[%d]", i)
		if slices.Contains(seen, region) || region == "" {
			return validation(at+".location", "each region of a service stands once; '%s' is there already", o.String("location"))
		}
		seen = append(seen, region)
		o.Set("location", region)
		if !o.Has("sku") {
			o.Set("sku", object("name", s.name, "capacity", whole(1)))
		}
		if n, ok := o.Int("sku.capacity"); !strings.EqualFold(o.String("sku.name"), s.name) || !ok || n < 1 || n > s.allowed {
			return validation(at+".sku", "the SKU of a further region is that of the service, with a capacity of 1 to %d", s.allowed)
		}
		o.SetPath("sku.name", s.name)
	}
	return nil
}

// checkHostnames wants names that could be hosts, each once, and that nobody else has.
func checkHostnames(op *arm.Op, old, next *arm.Resource) error {
	var seen []string
	for i, v := range next.Props().Array("hostnameConfigurations") {
		o, _ := v.(*jsondoc.Object)
		host, at := strings.ToLower(o.String("hostName")), fmt.Sprintf("hostnameConfigurations[%d].hostName", i)
		if !isHost(host) {
			return validation(at, "hostName has to be the name of a host, such as api.contoso.com")
		}
		if slices.Contains(seen, host) {
			return validation(at, "the hostname '%s' stands twice", host)
		}
		seen = append(seen, host)
	}
	return freeHosts(op, op.Store(), old, next)
}

var hostLabel = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$`)

func isHost(host string) bool {
	labels := strings.Split(host, ".")
	return len(host) <= 253 && len(labels) > 1 && net.ParseIP(host) == nil && !slices.ContainsFunc(labels, func(l string) bool { return !hostLabel.MatchString(l) })
}

// serviceLinks are the linked checks of a service: the identities that it gets, and the
// networks and addresses that it joins, as in Azure.
func (p *provider) serviceLinks(op *arm.Op, body *jsondoc.Object) ([]arm.LinkedAccess, error) {
	links, err := p.identities.Links(op, body)
	if err != nil {
		return nil, err
	}
	places := []*jsondoc.Object{body.Object("properties")}
	for _, v := range body.Array("properties.additionalLocations") {
		if o, ok := v.(*jsondoc.Object); ok {
			places = append(places, o)
		}
	}
	for _, place := range places {
		for member, action := range map[string]string{"virtualNetworkConfiguration.subnetResourceId": "Microsoft.Network/virtualNetworks/subnets/join/action", "publicIpAddressId": "Microsoft.Network/publicIPAddresses/join/action"} {
			if id, err := gatehouse.ParseID(place.String(member)); err == nil && !id.IsRoot() {
				links = append(links, arm.LinkedAccess{Action: action, ID: id})
			}
		}
	}
	slices.SortFunc(links, func(a, b arm.LinkedAccess) int {
		return strings.Compare(a.Action+a.ID.String(), b.Action+b.ID.String())
	})
	return links, nil
}
