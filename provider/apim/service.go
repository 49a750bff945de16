package apim

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// deletedType is what a deleted service leaves behind until it is purged.
const deletedType = Namespace + "/locations/deletedServices"

// purgeAfter is how long the name of a deleted service stays reserved.
const purgeAfter = 48 * time.Hour

const (
	serviceNamePattern = `[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`
	gatewaySettings    = "Microsoft.WindowsAzure.ApiManagement.Gateway."
)

func service() *arm.Type {
	return &arm.Type{
		Segment: "service", Shape: arm.Object, Noun: "Service", Tracked: true, ETag: true,
		Name:   arm.NameRule{Min: 1, Max: 50, Pattern: serviceNamePattern},
		Status: arm.Status{Delete: http.StatusAccepted},
		Model: arm.NewModel(`
			location string required immutable max=90
			tags     map
			sku.name     enum(Developer|Standard|Premium|Basic|Consumption|Isolated|BasicV2|StandardV2|PremiumV2) required
			sku.capacity int
			identity any
			zones    array(string)
			properties.publisherEmail          string required max=100
			properties.publisherName           string required max=100
			properties.notificationSenderEmail string max=100
			properties.hostnameConfigurations  array(any)
			properties.customProperties        map
			properties.certificates            array(any) max=10
			properties.enableClientCertificate bool
			properties.disableGateway          bool default=false
			properties.virtualNetworkType      enum(None|External|Internal) default="None"
			properties.virtualNetworkConfiguration any
			properties.additionalLocations     array(any)
			properties.apiVersionConstraint    any
			properties.publicNetworkAccess     enum(Enabled|Disabled) default="Enabled"
			properties.publicIpAddressId       string
			properties.natGatewayState         string
			properties.legacyPortalStatus      string
			properties.developerPortalStatus   string default="Enabled"
			properties.configurationApi        any
			properties.restore                 bool
			properties.createdAtUtc            string readonly
		`),
		Hooks: arm.Hooks{Default: defaultService, Put: putService, Delete: deleteService, Show: showService, Links: identityLinks},
		Holds: []*arm.Type{apis(), products(productAPIs()), namedValues(), policies("service"), tags(), subscriptions(), workspaces()},
	}
}

func defaultService(op *arm.Op, next *arm.Resource) {
	name, props := strings.ToLower(next.ID.Name()), next.Props()
	if sku := next.Body.Object("sku"); !sku.Has("capacity") {
		capacity := "1"
		if strings.EqualFold(sku.String("name"), "Consumption") {
			capacity = "0"
		}
		sku.Set("capacity", jsondoc.Number(capacity))
	}
	if !next.Body.Has("tags") {
		next.Body.Set("tags", object())
	}
	props.Set("createdAtUtc", stamp(op.Now))
	if !props.Has("notificationSenderEmail") {
		props.Set("notificationSenderEmail", "apimgmt-noreply@mail.windowsazure.com")
	}
	if !props.Has("hostnameConfigurations") {
		props.Set("hostnameConfigurations", []jsondoc.Value{object("type", "Proxy", "hostName", name+".azure-api.net", "encodedCertificate", nil, "keyVaultId", nil,
			"certificatePassword", nil, "negotiateClientCertificate", false, "certificate", nil, "defaultSslBinding", true, "identityClientId", nil,
			"certificateSource", "BuiltIn", "certificateStatus", nil)})
	}
	if !props.Has("customProperties") {
		custom := object()
		for _, setting := range []string{"Security.Protocols.Tls10", "Security.Protocols.Tls11", "Security.Protocols.Ssl30", "Security.Ciphers.TripleDes168",
			"Security.Backend.Protocols.Tls10", "Security.Backend.Protocols.Tls11", "Security.Backend.Protocols.Ssl30", "Protocols.Server.Http2"} {
			custom.Set(gatewaySettings+setting, "False")
		}
		props.Set("customProperties", custom)
	}
}

// putService reserves the name, which is unique in the installation.
func putService(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	next.Props().Delete("restore")
	if old != nil {
		return nil
	}
	same, err := tx.List(op.Context, store.Query{Type: serviceType, Name: next.ID.Name(), Limit: 1})
	if err != nil {
		return err
	}
	if len(same.Documents) > 0 {
		return gatehouse.Errorf(gatehouse.Conflict, "ServiceAlreadyExists", "Api service already exists: %s", next.ID.Name())
	}
	deleted, err := deletedNamed(op, tx, next.ID.Name())
	if err == nil && deleted != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "ServiceAlreadyExistsInSoftDeletedState",
			"Api service %s was soft-deleted. In order to create the new service with the same name, you have to either undelete the service or purge it. See https://aka.ms/apimsoftdelete.", next.ID.Name())
	}
	return err
}

// identityLinks: who gives a service a user-assigned identity needs the right to assign it (rbac.md 5.3).
func identityLinks(_ *arm.Op, body *jsondoc.Object) ([]arm.LinkedAccess, error) {
	var links []arm.LinkedAccess
	identities := body.Object("identity").Object("userAssignedIdentities")
	for text := range identities.All() {
		id, err := gatehouse.ParseID(text)
		if err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "LinkedInvalidPropertyId", "Property id '%s' at path 'identity.userAssignedIdentities' is invalid.", text)
		}
		links = append(links, arm.LinkedAccess{Action: "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", ID: id})
	}
	return links, nil
}

func showService(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	name, props := strings.ToLower(r.ID.Name()), out.Object("properties")
	region := Region(out.String("location"))
	for _, each := range [][2]jsondoc.Value{
		{"provisioningState", "Succeeded"}, {"targetProvisioningState", ""}, {"platformVersion", "stv2"},
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

var notRegion = regexp.MustCompile(`[^a-z0-9]`)

// Region is the short form of a location's name: West Europe is westeurope.
func Region(location string) string {
	return notRegion.ReplaceAllString(strings.ToLower(location), "")
}

// deleteService leaves a record that keeps the name until it is purged (apim-control-plane.md 2.1).
func deleteService(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	now := op.Now
	id, err := gatehouse.ParseID(deletedPath(old.ID, old.Body.String("location")))
	if err != nil {
		return err
	}
	record := &arm.Resource{ID: id, Type: deletedType, Body: object("location", old.Body.String("location"), "properties", object(
		"serviceId", old.ID.String(), "scheduledPurgeDate", stamp(now.Add(purgeAfter)), "deletionDate", stamp(now)))}
	return arm.Save(tx, record)
}

func deletedPath(service gatehouse.ID, location string) string {
	sub, _ := service.Scope().Subscription()
	return sub.String() + "/providers/" + Namespace + "/locations/" + Region(location) + "/deletedServices/" + service.Name()
}

func deletedNamed(op *arm.Op, r store.Reader, name string) (*arm.Resource, error) {
	page, err := r.List(op.Context, store.Query{Type: deletedType, Name: name, Limit: 1})
	if err != nil || len(page.Documents) == 0 {
		return nil, err
	}
	record, err := arm.FromDocument(page.Documents[0])
	if err != nil {
		return nil, err
	}
	if purge, err := time.Parse(time.RFC3339, record.Props().String("scheduledPurgeDate")); err == nil && purge.Before(op.Now) {
		return nil, nil
	}
	return record, nil
}

// serviceCalls are the calls around services that belong to no entity.
func serviceCalls() []arm.Call {
	sub := string(arm.AtSubscription) + "/providers/" + Namespace
	deleted := sub + "/locations/{location}/deletedservices"
	return []arm.Call{
		{Method: "POST", Path: sub + "/checkNameAvailability", Action: Namespace + "/checkNameAvailability/read", Do: checkName},
		{Method: "GET", Path: sub + "/deletedservices", Action: Namespace + "/deletedservices/read", Do: listDeleted},
		{Method: "GET", Path: deleted + "/{serviceName}", Action: Namespace + "/deletedservices/read", Do: getDeleted},
		{Method: "DELETE", Path: deleted + "/{serviceName}", Action: Namespace + "/locations/deletedservices/delete", Do: purge},
	}
}

func checkName(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	name := body.String("name")
	if !regexp.MustCompile(`^`+serviceNamePattern+`$`).MatchString(name) || len(name) > 50 {
		return arm.OK(object("nameAvailable", false, "reason", "Invalid", "message", "A service name has 1 to 50 letters, digits and dashes, starts with a letter and does not end with a dash.")), nil
	}
	same, err := op.Store().List(op.Context, store.Query{Type: serviceType, Name: name, Limit: 1})
	if err != nil {
		return nil, err
	}
	deleted, err := deletedNamed(op, op.Store(), name)
	if err != nil {
		return nil, err
	}
	if len(same.Documents) > 0 || deleted != nil {
		return arm.OK(object("nameAvailable", false, "reason", "AlreadyExists", "message", name+" is already in use. Please select a different name.")), nil
	}
	return arm.OK(object("nameAvailable", true, "reason", "Valid", "message", "")), nil
}

func showDeleted(r *arm.Resource) *jsondoc.Object {
	sub, _ := r.ID.Scope().Subscription()
	id := sub.String() + "/providers/" + Namespace + "/locations/" + Region(r.Body.String("location")) + "/deletedservices/" + r.ID.Name()
	return object("id", id, "name", r.ID.Name(), "type", Namespace+"/deletedservices", "location", r.Body.String("location"), "properties", r.Props().Clone())
}

func listDeleted(op *arm.Op) (*arm.Answer, error) {
	sub, _ := op.ID.Scope().Subscription()
	page, err := op.Store().List(op.Context, store.Query{Type: deletedType, Under: &sub})
	if err != nil {
		return nil, err
	}
	items := []jsondoc.Value{}
	for _, d := range page.Documents {
		r, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		items = append(items, showDeleted(r))
	}
	return arm.ListOf(items), nil
}

func findDeleted(op *arm.Op, r store.Reader) (*arm.Resource, error) {
	record, err := deletedNamed(op, r, op.Params["serviceName"])
	if err != nil {
		return nil, err
	}
	sub, _ := op.ID.Scope().Subscription()
	if record == nil || !sub.Contains(record.ID.Scope()) || Region(record.Body.String("location")) != Region(op.Params["location"]) {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "ServiceNotFound", "There is no deleted service '%s' in '%s'.", op.Params["serviceName"], op.Params["location"])
	}
	return record, nil
}

func getDeleted(op *arm.Op) (*arm.Answer, error) {
	r, err := findDeleted(op, op.Store())
	if err != nil {
		return nil, err
	}
	return arm.OK(showDeleted(r)), nil
}

// purge gives the name of a deleted service free.
func purge(op *arm.Op) (*arm.Answer, error) {
	var record *arm.Resource
	err := op.Write(nil, func(tx *store.Tx) (err error) {
		if record, err = findDeleted(op, tx); err != nil {
			return err
		}
		_, err = tx.Delete(record.ID.Scope())
		return err
	})
	if err != nil {
		return nil, err
	}
	record.Props().Set("scheduledPurgeDate", stamp(op.Now))
	return op.Finished(&arm.Answer{Status: http.StatusAccepted, Body: showDeleted(record)}, nil)
}
