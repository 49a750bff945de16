package apim

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// writeService is PUT of a service: the usual one, unless properties.restore asks for
// a deleted one back. Everything else in the body counts for nothing then.
func (p *provider) writeService(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	if !body.Bool("properties.restore") {
		if err := p.prepareService(op); err != nil {
			return nil, err
		}
		return op.PutAsUsual()
	}
	return p.restore(op)
}

func (p *provider) patchService(op *arm.Op) (*arm.Answer, error) {
	if err := p.prepareService(op); err != nil {
		return nil, err
	}
	return op.PatchAsUsual()
}

// roleCheckType is the setting that makes gateways ask for role assignments: a service that came back
// without it would let everybody in.
const roleCheckType = "Gatehouse.Gateway/roleChecks"

// restore writes back what the deletion of a service deleted: the service and what
// was in it, as the change log has them. Role assignments and locks do not come back,
// since nobody has looked at them for up to two days; nor does the old system-assigned
// identity, whose place a new one takes.
func (p *provider) restore(op *arm.Op) (*arm.Answer, error) {
	record, err := deletedNamed(op, op.Store(), op.ID.Name())
	if err != nil {
		return nil, err
	}
	if record == nil || gatehouse.Fold(record.Props().String("serviceId")) != op.ID.Scope().String() {
		return nil, cannotRestore(op)
	}
	documents, err := deletedWith(op, record.Body.String("operation"))
	if err != nil {
		return nil, err
	}
	if err := p.mayAssign(op, documents); err != nil {
		return nil, err
	}
	var service *arm.Resource
	err = op.Write(nil, func(tx *store.Tx) error {
		if err := op.Exists(tx, op.ID.Parent()); err != nil {
			return err
		}
		if _, err := tx.Delete(record.ID.Scope()); err != nil {
			return cannotRestore(op) // somebody else was quicker
		}
		service, err = p.writeBack(op, tx, documents)
		return err
	})
	if err != nil {
		return nil, err
	}
	return (&arm.Answer{Status: http.StatusOK, Body: op.Show(service)}).With("ETag", arm.Tag(service.Revision)), nil
}

// mayAssign makes the linked check of the identities that the service had.
func (p *provider) mayAssign(op *arm.Op, documents []*arm.Resource) error {
	for _, r := range documents {
		if r.ID.Scope() != op.ID.Scope() {
			continue
		}
		links, err := p.identities.Links(op, r.Body)
		if err != nil {
			return err
		}
		return op.RequireLinked(links...)
	}
	return cannotRestore(op)
}

func cannotRestore(op *arm.Op) error {
	return refusal(gatehouse.Invalid, "ServiceUndeleteNotAllowed",
		"There is no deleted service '%s' of this resource group that could be restored. Create it without properties.restore, or look at the deleted services of the subscription.", op.ID.Name())
}

// deletedWith lists what an operation deleted of the service at op.ID: parents first.
func deletedWith(op *arm.Op, operation string) ([]*arm.Resource, error) {
	scope := op.ID.Scope()
	changes, err := op.Server.Store.Changes(op.Context, store.ChangeQuery{Operation: operation, Kind: gatehouse.Delete, Descending: true})
	if err != nil {
		return nil, err
	}
	var all []*arm.Resource
	for c, err := range changes {
		if err != nil {
			return nil, err
		}
		id, err := gatehouse.ParseID(c.Resource)
		if err != nil || !scope.Contains(id.Scope()) || !strings.HasPrefix(c.Type, serviceType) && c.Type != roleCheckType {
			continue
		}
		secret, _, err := op.Server.Store.Secrets(op.Context, c.Seq)
		if err != nil {
			return nil, err
		}
		r, err := arm.FromDocument(&store.Document{ID: id, Type: c.Type, Body: c.Before, Secret: secret})
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func (p *provider) writeBack(op *arm.Op, tx *store.Tx, documents []*arm.Resource) (service *arm.Resource, err error) {
	for _, r := range documents {
		if r.ID.Scope() == op.ID.Scope() {
			service = r
			if err := freeHosts(op, tx, nil, r); err != nil {
				return nil, err
			}
			r.Body.Object("identity").Delete("principalId")
			if err := p.identities.Settle(op, tx, nil, r); err != nil {
				return nil, err
			}
		}
		if err := op.Save(tx, r); err != nil {
			return nil, err
		}
	}
	if service == nil {
		return nil, cannotRestore(op)
	}
	return service, nil
}
