package apim

import (
	"net/http"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// deletedType is what a deleted service leaves behind until it is purged.
const deletedType = Namespace + "/locations/deletedServices"

// purgeAfter is how long the name of a deleted service stays reserved, and how long it can be had back.
const purgeAfter = 48 * time.Hour

// deleteService leaves a record that keeps the name until it is purged
// (apim-control-plane.md 2.1). What was in the service is in the change log, under
// the operation that the record names.
func (p *provider) deleteService(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if err := p.identities.Remove(op, tx, old); err != nil {
		return err
	}
	if err := dropExpired(op, tx, old.ID.Name()); err != nil {
		return err
	}
	id, err := gatehouse.ParseID(deletedPath(old.ID, old.Body.String("location")))
	if err != nil {
		return err
	}
	record := &arm.Resource{ID: id, Type: deletedType, Body: object("location", old.Body.String("location"), "operation", op.Operation, "properties", object(
		"serviceId", old.ID.String(), "scheduledPurgeDate", gatehouse.Timestamp(op.Now.Add(purgeAfter)), "deletionDate", gatehouse.Timestamp(op.Now)))}
	return op.Save(tx, record)
}

func deletedPath(service gatehouse.ID, location string) string {
	sub, _ := service.Scope().Subscription()
	return sub.String() + "/providers/" + Namespace + "/locations/" + arm.Region(location) + "/deletedServices/" + service.Name()
}

// records lists what deleted services have left, expired or not; name "" is any.
func records(op *arm.Op, r store.Reader, under *gatehouse.Scope, name string) ([]*arm.Resource, error) {
	page, err := r.List(op.Context, store.Query{Type: deletedType, Under: under, Name: name})
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

func expired(op *arm.Op, record *arm.Resource) bool {
	purge, err := time.Parse(time.RFC3339, record.Props().String("scheduledPurgeDate"))
	return err == nil && !op.Now.Before(purge)
}

// deletedNamed returns the record that keeps a name, nil when none does.
func deletedNamed(op *arm.Op, r store.Reader, name string) (*arm.Resource, error) {
	all, err := records(op, r, nil, name)
	if err != nil {
		return nil, err
	}
	for _, record := range all {
		if !expired(op, record) {
			return record, nil
		}
	}
	return nil, nil
}

func dropExpired(op *arm.Op, tx *store.Tx, name string) error {
	all, err := records(op, tx, nil, name)
	if err != nil {
		return err
	}
	for _, record := range all {
		if !expired(op, record) {
			continue
		}
		if _, err := tx.Delete(record.ID.Scope()); err != nil {
			return err
		}
	}
	return nil
}

// serviceCalls are the calls around services that belong to no entity.
func (p *provider) serviceCalls() []arm.Call {
	sub := string(arm.AtSubscription) + "/providers/" + Namespace
	service := string(arm.AtGroup) + "/providers/" + serviceType + "/{serviceName}"
	deleted := sub + "/locations/{location}/deletedservices"
	return []arm.Call{
		{Method: "POST", Path: sub + "/checkNameAvailability", Action: Namespace + "/checkNameAvailability/read", Do: checkName},
		{Method: "GET", Path: sub + "/deletedservices", Action: Namespace + "/deletedservices/read", Do: listDeleted},
		{Method: "POST", Path: sub + "/getDomainOwnershipIdentifier", Action: Namespace + "/getDomainOwnershipIdentifier/action", Do: p.domainOwnership},
		{Method: "GET", Path: sub + "/skus", Action: Namespace + "/skus/read", Do: listSKUs},
		{Method: "GET", Path: sub + "/locations/{location}/operationResults/{operationId}", Action: Namespace + "/locations/operationResults/read", Do: arm.OperationResult},
		{Method: "GET", Path: sub + "/locations/{location}/operationStatuses/{operationId}", Action: Namespace + "/locations/operationsStatuses/read", Do: arm.OperationStatus},
		{Method: "GET", Path: service + "/locations/{locationName}/networkstatus", Action: serviceType + "/locations/networkstatus/read", Do: networkStatusIn},
		{Method: "GET", Path: sub + "/aigateways", Action: Namespace + "/aigateways/read", Do: aiGateways},
		{Method: "GET", Path: deleted + "/{serviceName}", Action: Namespace + "/locations/deletedservices/read", Do: getDeleted},
		{Method: "DELETE", Path: deleted + "/{serviceName}", Action: Namespace + "/locations/deletedservices/delete", Do: purge},
	}
}

func checkName(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	name := body.String("name")
	if serviceName.Check(name) != nil {
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
	id := sub.String() + "/providers/" + Namespace + "/locations/" + arm.Region(r.Body.String("location")) + "/deletedservices/" + r.ID.Name()
	return object("id", id, "name", r.ID.Name(), "type", Namespace+"/deletedservices", "location", arm.DisplayLocation(r.Body.String("location")), "properties", r.Props().Clone())
}

func listDeleted(op *arm.Op) (*arm.Answer, error) {
	sub, _ := op.ID.Scope().Subscription()
	all, err := records(op, op.Store(), &sub, "")
	if err != nil {
		return nil, err
	}
	return op.PageOf(slices.DeleteFunc(all, func(r *arm.Resource) bool { return expired(op, r) }), showDeleted)
}

func findDeleted(op *arm.Op, r store.Reader) (*arm.Resource, error) {
	record, err := deletedNamed(op, r, op.Params["serviceName"])
	if err != nil {
		return nil, err
	}
	sub, _ := op.ID.Scope().Subscription()
	if record == nil || !sub.Contains(record.ID.Scope()) || arm.Region(record.Body.String("location")) != arm.Region(op.Params["location"]) {
		return nil, refusal(gatehouse.NotFound, "ServiceNotFound", "There is no deleted service '%s' in '%s'.", op.Params["serviceName"], op.Params["location"])
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
	record.Props().Set("scheduledPurgeDate", gatehouse.Timestamp(op.Now))
	return op.Finished(&arm.Answer{Status: http.StatusAccepted, Body: showDeleted(record)}, nil)
}
