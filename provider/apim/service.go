package apim

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

const gatewaySettings = "Microsoft.WindowsAzure.ApiManagement.Gateway."

var serviceName = arm.NameRule{Min: 1, Max: 50, Pattern: `[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`}

func (p *provider) service() *arm.Type {
	return &arm.Type{
		Segment: "service", Shape: arm.Object, Noun: "Service", Tracked: true, ETag: true,
		Name:   serviceName,
		Status: arm.Status{Delete: http.StatusAccepted},
		Model:  arm.NewModel(serviceModel),
		Unique: []arm.Unique{{Value: func(r *arm.Resource) (string, bool) { return r.ID.Name(), true }, Everywhere: true, Taken: serviceExists}},
		Hooks:  arm.Hooks{Default: defaultService, Check: checkService, Put: p.putService, Delete: p.deleteService, Restore: p.restoreService, Show: showService, Links: p.serviceLinks},
		Do:     map[arm.Verb]arm.Handler{arm.Put: p.writeService, arm.Patch: p.patchService},
		Actions: []arm.Action{
			{Name: "applynetworkconfigurationupdates", Do: settled("the network configuration was applied", inOwnRegion)},
			{Name: "backup", Do: p.backup},
			{Name: "connectivityCheck", Do: p.connectivityCheck},
			{Name: "getssotoken", Do: getSSOToken},
			{Name: "migrateToStv2", Do: settled("the platform was asked for", migrationMode)},
			{Name: "restore", Do: p.restoreBackup},
			{Name: "validatePolicies", Do: validatePolicies},
		},
		Holds: p.families(),
	}
}

func defaultService(op *arm.Op, next *arm.Resource) {
	props := next.Props()
	if sku := next.Body.Object("sku"); sku != nil && !sku.Has("capacity") {
		capacity := "1"
		if strings.EqualFold(sku.String("name"), "Consumption") {
			capacity = "0"
		}
		sku.Set("capacity", jsondoc.Number(capacity))
	}
	if !next.Body.Has("tags") {
		next.Body.Set("tags", object())
	}
	if !props.Has("createdAtUtc") {
		props.Set("createdAtUtc", gatehouse.Timestamp(op.Now))
	}
	if !props.Has("notificationSenderEmail") {
		props.Set("notificationSenderEmail", "apimgmt-noreply@mail.windowsazure.com")
	}
	defaultSettings(op, next)
}

// defaultSettings completes customProperties: who sends some, with a PATCH too, resets
// the others (apim-control-plane.md 1.6).
func defaultSettings(op *arm.Op, next *arm.Resource) {
	given := next.Props().Object("customProperties")
	if body, err := op.Body(); err == nil && sent(op, "properties.customProperties") {
		given = body.Object("properties.customProperties")
	}
	custom := object()
	for _, setting := range []string{"Security.Protocols.Tls10", "Security.Protocols.Tls11", "Security.Protocols.Ssl30", "Security.Ciphers.TripleDes168",
		"Security.Backend.Protocols.Tls10", "Security.Backend.Protocols.Tls11", "Security.Backend.Protocols.Ssl30", "Protocols.Server.Http2"} {
		custom.Set(gatewaySettings+setting, "False")
	}
	if strings.EqualFold(next.Body.String("sku.name"), "Consumption") { // has neither (apim-defaults.md)
		custom.Delete(gatewaySettings + "Security.Protocols.Ssl30")
		custom.Delete(gatewaySettings + "Security.Ciphers.TripleDes168")
	}
	for name, value := range given.All() {
		custom.Set(name, value)
	}
	next.Props().Set("customProperties", custom)
}

// putService settles the identity, and fills a new service. The name of a deleted one is still taken.
func (p *provider) putService(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	next.Props().Delete("restore")
	if old == nil {
		deleted, err := deletedNamed(op, tx, next.ID.Name())
		if err != nil {
			return err
		}
		if deleted != nil {
			return refusal(gatehouse.Invalid, "ServiceAlreadyExistsInSoftDeletedState",
				"Api service %s was soft-deleted. In order to create the new service with the same name, you have to either undelete the service or purge it. See https://aka.ms/apimsoftdelete.", next.ID.Name())
		}
	}
	if err := p.identities.Settle(op, tx, old, next); err != nil || old != nil {
		return err
	}
	if err := op.Save(tx, next); err != nil { // before what it holds, so that the log reads downwards
		return err
	}
	return fill(op, tx, next)
}

func serviceExists(r, _ *arm.Resource) error {
	return refusal(gatehouse.Conflict, "ServiceAlreadyExists", "Api service already exists: %s", r.ID.Name())
}

func showService(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	name, props := strings.ToLower(r.ID.Name()), out.Object("properties")
	region := arm.Region(out.String("location"))
	out.Set("location", arm.DisplayLocation(region))
	props.Set("hostnameConfigurations", withBuiltIn(r.ID, props.Array("hostnameConfigurations")))
	hideCertificates(props)
	showLocations(r, props)
	if endpoints := privateEndpointsOf(op, r.ID); endpoints != nil {
		props.Set("privateEndpointConnections", endpoints)
	}
	platform := "stv2"
	if skuOf(r).generation == consumption {
		platform = "mtv1"
	}
	for _, each := range [][2]jsondoc.Value{
		{"provisioningState", "Succeeded"}, {"targetProvisioningState", ""}, {"platformVersion", platform},
		{"gatewayUrl", "https://" + name + ".azure-api.net"}, {"gatewayRegionalUrl", "https://" + name + "-" + region + "-01.regional.azure-api.net"},
		{"portalUrl", "https://" + name + ".portal.azure-api.net"}, {"developerPortalUrl", "https://" + name + ".developer.azure-api.net"},
		{"managementApiUrl", "https://" + name + ".management.azure-api.net"}, {"scmUrl", "https://" + name + ".scm.azure-api.net"},
		{"publicIPAddresses", []jsondoc.Value{"127.0.0.1"}}, {"privateIPAddresses", nil},
	} {
		props.Set(each[0].(string), each[1])
	}
	for _, member := range []string{"additionalLocations", "virtualNetworkConfiguration", "certificates", "privateEndpointConnections", "publicIpAddressId"} {
		if !props.Has(member) {
			props.Set(member, nil)
		}
	}
	if !props.Has("apiVersionConstraint") {
		props.Set("apiVersionConstraint", object("minApiVersion", nil))
	}
	for _, member := range []string{"identity", "zones"} {
		if !out.Has(member) {
			out.Set(member, nil)
		}
	}
	out.Set("etag", strings.Trim(arm.Tag(r.Revision), `"`))
}

// showLocations completes the network and the further regions of a service with what follows from them.
func showLocations(r *arm.Resource, props *jsondoc.Object) {
	showNetwork(props.Object("virtualNetworkConfiguration"))
	for _, v := range props.Array("additionalLocations") {
		o, _ := v.(*jsondoc.Object)
		region := arm.Region(o.String("location"))
		o.Set("location", arm.DisplayLocation(region))
		o.Set("gatewayRegionalUrl", "https://"+strings.ToLower(r.ID.Name())+"-"+region+"-01.regional.azure-api.net")
		o.Set("publicIPAddresses", []jsondoc.Value{"127.0.0.1"})
		o.Set("platformVersion", "stv2")
		showNetwork(o.Object("virtualNetworkConfiguration"))
		for _, member := range []string{"privateIPAddresses", "zones", "publicIpAddressId", "virtualNetworkConfiguration"} {
			if !o.Has(member) {
				o.Set(member, nil)
			}
		}
	}
}

// showNetwork shows what is known of a virtual network, which is its subnet.
func showNetwork(network *jsondoc.Object) {
	if network.Len() > 0 {
		network.Set("vnetid", gatehouse.GUID{}.String())
		network.Set("subnetname", nil)
	}
}

// hideCertificates shows as null what a caller once sent and nobody reads again (apim-control-plane.md 1.9).
func hideCertificates(props *jsondoc.Object) {
	hidden := map[string][]string{
		"hostnameConfigurations": {"encodedCertificate", "keyVaultId", "certificatePassword", "certificate", "identityClientId", "certificateSource", "certificateStatus"},
		"certificates":           {"encodedCertificate", "certificatePassword"},
	}
	for list, members := range hidden {
		for _, v := range props.Array(list) {
			for _, member := range members {
				if o, ok := v.(*jsondoc.Object); ok && !o.Has(member) {
					o.Set(member, nil)
				}
			}
		}
	}
}

// restoreService checks a service that comes back as it was. One that goes, because it was
// not there before, leaves nothing behind: it was never deleted.
func (p *provider) restoreService(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if next == nil {
		return nil
	}
	return checkService(op, tx, old, next)
}
