package resources

import (
	"context"
	"net/http"
	"sync"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

const (
	deploymentType = "Microsoft.Resources/deployments"
	operationType  = "Microsoft.Resources/deployments/operations"
)

// The provisioning states of a deployment.
const (
	running   = "Running"
	succeeded = "Succeeded"
	failed    = "Failed"
	canceled  = "Canceled"
)

// deployer runs template deployments. A deployment runs inside its PUT: everything
// it writes is in the same store, so it is done in the time of that many writes.
// That goes on when the client hangs up. Should the server stop in between, the
// deployment is found running at the next start and marked as failed.
type deployer struct {
	mu      sync.Mutex
	running map[string]*run // by folded ID
}

func (d *deployer) types() []*arm.Type {
	return []*arm.Type{{
		Segment: "deployments", Shape: "list get head put delete", Noun: "Deployment",
		Name:   arm.NameRule{Max: 64, Pattern: `[A-Za-z0-9_.()-]+`},
		Filter: "provisioningState",
		Status: arm.Status{Head: http.StatusNoContent, Delete: http.StatusAccepted},
		Do:     map[arm.Verb]arm.Handler{arm.List: listDeployments, arm.Put: d.put},
		Hooks:  arm.Hooks{Delete: d.checkIdle},
		Actions: []arm.Action{
			{Name: "validate", Do: validate},
			{Name: "whatIf", Do: whatIf},
			{Name: "cancel", Do: d.cancel},
			{Name: "exportTemplate", Do: exportTemplate},
		},
		Holds: []*arm.Type{
			{Segment: "operations", Shape: "list get", Hooks: arm.Hooks{Show: showOperation}},
			{Segment: "operationStatuses", Shape: arm.Singular, Do: map[arm.Verb]arm.Handler{arm.Get: operationStatus}},
		},
	}}
}

// listDeployments lists those to the scope itself: those to a subscription do not include its groups'.
func listDeployments(op *arm.Op) (*arm.Answer, error) {
	if _, err := op.Load(op.Store(), op.ID); gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, missing(op.ID.Type(), op.ID)
	} else if err != nil {
		return nil, err
	}
	scope := op.ID.Scope()
	return op.Page(store.Query{Type: deploymentType, Parent: &scope}, nil)
}

// calls are the paths under which the Go SDK looks for the operations of a deployment in a group.
func (d *deployer) calls() []arm.Call {
	const path = string(arm.AtGroup) + "/deployments/{deploymentsName}/operations"
	const action = "Microsoft.Resources/subscriptions/resourcegroups/deployments/operations/read"
	return []arm.Call{
		{Method: "GET", Path: path, Action: action, Do: listOperationsOld},
		{Method: "GET", Path: path + "/{operationsName}", Action: action, Do: getOperationOld},
	}
}

func deploymentNotFound(name string) error {
	return gatehouse.Errorf(gatehouse.NotFound, "DeploymentNotFound", "Deployment '%s' could not be found.", name)
}

// missingResource words the 404s of Microsoft.Resources.
func missingResource(t *arm.Type, id gatehouse.ID) error {
	if t.Segment == "deployments" {
		return deploymentNotFound(id.Name())
	}
	return arm.ResourceNotFound(Namespace+"/"+t.Segment, id)
}

// claim makes r the one run of its deployment.
func (d *deployer) claim(r *run) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := r.id.Scope().String()
	if other := d.running[key]; other != nil {
		return gatehouse.Errorf(gatehouse.Conflict, "DeploymentActive",
			"Unable to edit or replace deployment '%s': previous deployment from '%s' is still active. Wait until it has finished or cancel it.", r.id.Name(), gatehouse.Timestamp(other.started))
	}
	d.running[key] = r
	return nil
}

func (d *deployer) release(r *run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, r.id.Scope().String())
}

func (d *deployer) find(id gatehouse.ID) *run {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running[id.Scope().String()]
}

func (d *deployer) checkIdle(_ *arm.Op, _ *store.Tx, old *arm.Resource) error {
	if d.find(old.ID) != nil {
		return gatehouse.Errorf(gatehouse.Conflict, "DeploymentActive", "The deployment '%s' is running. Wait until it has finished or cancel it, then delete it.", old.ID.Name())
	}
	return nil
}

// cancel stops a running deployment after the resource that it is at; what is written stays.
func (d *deployer) cancel(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Load(op.Store(), op.ID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, deploymentNotFound(op.ID.Name())
	}
	if err != nil {
		return nil, err
	}
	current := d.find(op.ID)
	if current == nil {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "DeploymentCannotBeCancelled",
			"The deployment '%s' cannot be cancelled because its provisioning state is '%s'.", op.ID.Name(), r.Body.String("properties.provisioningState"))
	}
	current.cancelled.Store(true)
	return &arm.Answer{Status: http.StatusNoContent}, op.Record("deployment cancelled")
}

// exportTemplate returns the template. It is kept among the secrets, since people write secrets into templates.
func exportTemplate(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Load(op.Store(), op.ID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, deploymentNotFound(op.ID.Name())
	}
	if err != nil {
		return nil, err
	}
	if r.Secret == nil || !r.Secret.Has("template") {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "ExportTemplateNotSupported", "'%s' is a nested deployment; its template is part of the deployment around it. Export that one.", op.ID.Name())
	}
	v, _ := r.Secret.Get("template")
	return arm.OK(jsondoc.NewObject("template", v)), nil
}

// operationStatus answers the address that a PUT gives for polling.
func operationStatus(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Load(op.Store(), op.ID.Parent())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, deploymentNotFound(op.ID.Parent().Name())
	}
	if err != nil {
		return nil, err
	}
	o := jsondoc.NewObject("id", op.ID.String(), "name", op.ID.Name(), "status", r.Body.String("properties.provisioningState"))
	if e := r.Body.Object("properties.error"); e != nil {
		o.Set("error", e)
	}
	return arm.OK(o).With("Retry-After", "1"), nil
}

func showOperation(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	out.Delete("name")
	out.Delete("type")
	out.Set("operationId", r.ID.Name())
}

func oldDeploymentID(op *arm.Op) gatehouse.ID {
	group := op.ID
	for gatehouse.Fold(group.Type()) != gatehouse.Fold(groupType) {
		group = group.Parent()
	}
	return group.Extension(Namespace, "deployments", op.Params["deploymentsName"])
}

func listOperationsOld(op *arm.Op) (*arm.Answer, error) {
	parent := oldDeploymentID(op)
	if _, err := op.Load(op.Store(), parent); gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, deploymentNotFound(parent.Name())
	} else if err != nil {
		return nil, err
	}
	scope := parent.Scope()
	return op.Page(store.Query{Type: operationType, Parent: &scope}, nil)
}

func getOperationOld(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Load(op.Store(), oldDeploymentID(op).Child("operations", op.Params["operationsName"]))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "DeploymentOperationNotFound", "The deployment '%s' has no operation '%s'.", op.Params["deploymentsName"], op.Params["operationsName"])
	}
	if err != nil {
		return nil, err
	}
	return arm.OK(op.Show(r)), nil
}

// failInterrupted marks deployments that were running when the server stopped.
func failInterrupted(ctx context.Context, s *store.Store) error {
	page, err := s.List(ctx, store.Query{Type: deploymentType})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		r, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if r.Body.String("properties.provisioningState") != running {
			continue
		}
		r.Props().Set("provisioningState", failed)
		r.Props().Set("error", jsondoc.NewObject("code", "DeploymentInterrupted",
			"message", "The server stopped while this deployment was running. What it had written is there; deploy the template again to complete it."))
		operation := gatehouse.NewGUID().String()
		cause := gatehouse.Cause{Caller: gatehouse.Caller{Name: "gatehouse", Type: gatehouse.ServicePrincipal}, Action: "Microsoft.Resources/deployments/write",
			Scope: r.ID.String(), Operation: operation, Correlation: operation, Reason: "server start"}
		if _, err := s.Write(ctx, cause, func(tx *store.Tx) error { return arm.Save(tx, r) }); err != nil {
			return err
		}
	}
	return nil
}
