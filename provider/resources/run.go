package resources

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/template"
)

// run is one deployment under way.
type run struct {
	*request
	deployer  *deployer
	op        *arm.Op // outlives the client's connection
	id        gatehouse.ID
	plan      *template.Plan
	doc       *arm.Resource
	started   time.Time
	cancelled atomic.Bool
	created   bool
	steps     []outcome      // by index of the plan's steps
	extra     []outcome      // deletes of complete mode
	inner     []gatehouse.ID // resources of nested deployments, which complete mode keeps
	outputs   *jsondoc.Object
	fault     *gatehouse.Error // not of a single step
}

// outcome is what became of one step.
type outcome struct {
	id       gatehouse.ID
	typ      string
	verb     string // Create or Delete; "" for a step that was not reached
	status   int
	err      *gatehouse.Error
	skipped  bool
	started  time.Time
	finished time.Time
}

// put answers 201 once the deployment has ended. One that succeeded says so, which
// ends polling; for one that failed the answer is of the moment it was accepted, with
// an address to poll, since clients take errors from there (clients.md section 4).
func (d *deployer) put(op *arm.Op) (*arm.Answer, error) {
	if err := op.Route.Type.Name.Check(op.ID.Name()); err != nil {
		return nil, err
	}
	q, err := readRequest(op)
	if err != nil {
		return nil, err
	}
	r, err := d.start(op, q)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if r.created {
		status = http.StatusCreated
	}
	a := &arm.Answer{Status: status, Body: op.Show(r.doc)}
	if state := r.doc.Body.String("properties.provisioningState"); state != succeeded {
		shown := op.Show(r.doc)
		shown.SetPath("properties.provisioningState", "Accepted")
		for _, name := range []string{"error", "outputs", "outputResources"} {
			shown.DeletePath("properties." + name)
		}
		a.Body = shown
		a.With("Azure-AsyncOperation", op.URL(r.id.Child("operationStatuses", op.Operation).String())).With("Retry-After", "1")
	}
	return a, nil
}

// start validates, records and executes a deployment. Its error means that there is
// none; what goes wrong later is in the deployment's own state.
func (d *deployer) start(op *arm.Op, q *request) (*run, error) {
	detached := *op
	detached.Context = context.WithoutCancel(op.Context)
	r := &run{request: q, deployer: d, op: &detached, id: op.ID, started: op.Server.Clock()}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if err := d.claim(r); err != nil {
		return nil, err
	}
	defer d.release(r)
	if err := r.accept(); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			r.fault = gatehouse.Errorf(gatehouse.Internal, "InternalServerError", "The deployment was broken off by an internal error.")
			r.finish()
			panic(p)
		}
	}()
	r.execute()
	return r, r.finish()
}

// prepare plans the template and refuses what the caller may not write at all, before anything is changed.
func (r *run) prepare() error {
	env, err := environment(r.op, r.request)
	if err != nil {
		return err
	}
	r.id = r.scope.Extension(Namespace, "deployments", r.op.ID.Name())
	if r.plan, err = r.template.Plan(r.params, env); err != nil {
		return r.conceal(err)
	}
	r.steps = make([]outcome, len(r.plan.Steps))
	for i, s := range r.plan.Steps {
		r.steps[i] = outcome{id: s.ID, typ: s.Type}
	}
	return r.preflight()
}

func (r *run) conceal(err error) error {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return hide(e, r.secrets)
	}
	return err
}

// preflight asks for the right to every resource, so that a template which its
// caller may not deploy is refused whole. Where rights can depend on the content
// (role assignments), only the write itself can tell, unless there is no such right at all.
func (r *run) preflight() error {
	var refused []*gatehouse.Error
	for _, s := range r.plan.Steps {
		if s.Existing {
			continue
		}
		target, err := r.op.Server.Resolve(http.MethodPut, escape(s.ID))
		if err != nil {
			return r.unknownType(s, err)
		}
		lacks := func(action string, id gatehouse.ID) bool { return !r.op.Can(action, id) }
		if t := target.Route.Type; t != nil && t.Hooks.Attributes != nil {
			lacks = r.op.Hopeless
		}
		if action := target.Route.Action; lacks(action, s.ID) {
			refused = append(refused, gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed,
				"Authorization failed for template resource '%s' of type '%s'. The client '%s' with object id '%s' does not have permission to perform action '%s' at scope '%s'.",
				s.Name, s.Type, r.op.Caller.Name, r.op.Caller.ID, action, s.ID))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	texts := make([]string, len(refused))
	for i, e := range refused {
		texts[i] = e.Message
	}
	e := gatehouse.Errorf(gatehouse.Forbidden, "InvalidTemplateDeployment", "The template deployment failed with error: '%s'", strings.Join(texts, " "))
	e.Details = refused
	if err := r.op.Refused(e); err != nil {
		return err
	}
	return e
}

func (r *run) unknownType(s *template.Step, err error) error {
	return gatehouse.Errorf(gatehouse.Invalid, template.InvalidTemplate,
		"Deployment template validation failed: 'The resource '%s' at line '%d' and column '%d' cannot be deployed here: %v'.", s.ID, s.Line, s.Column, messageOf(err))
}

func messageOf(err error) string {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "it could not be resolved"
}

// execute writes the steps in order. A step whose dependency failed is not tried; others are.
func (r *run) execute() {
	for i, s := range r.plan.Steps {
		o := &r.steps[i]
		if s.Existing {
			continue
		}
		if r.cancelled.Load() || slices.ContainsFunc(s.DependsOn, func(on int) bool { return r.steps[on].err != nil || r.steps[on].skipped }) {
			o.skipped = true
			continue
		}
		o.verb, o.started = "Create", r.op.Server.Clock()
		o.status, o.err = r.outcome(r.write(s))
		o.finished = r.op.Server.Clock()
	}
	if r.broken() || r.cancelled.Load() {
		return
	}
	if r.mode == "Complete" {
		r.deleteOthers()
	}
	if r.broken() {
		return
	}
	var err error
	if r.outputs, err = r.plan.Outputs(resolver{r.op}); err != nil {
		_, r.fault = r.outcome(0, err)
	}
}

func (r *run) outcome(status int, err error) (int, *gatehouse.Error) {
	if err == nil {
		return status, nil
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Kind == gatehouse.Internal {
		r.op.Server.Log.Error("deployment step failed", "deployment", r.id.String(), "correlation", r.op.Correlation, "error", err)
		e = gatehouse.Errorf(gatehouse.Internal, "InternalServerError", "An internal error happened. Quote correlation ID %s when you report it; the server's log has the details.", r.op.Correlation)
	}
	return arm.StatusOf(err), hide(e, r.secrets)
}

// write writes one step as the caller.
func (r *run) write(s *template.Step) (int, error) {
	if s.IsDeployment() {
		return r.nested(s)
	}
	body, err := s.Body(resolver{r.op})
	if err != nil {
		return 0, err
	}
	a, err := r.op.Inner(http.MethodPut, s.ID.String(), s.APIVersion, body)
	if err != nil {
		return 0, err
	}
	return a.Status, nil
}

// nested runs a deployment within this one, under the right to write that deployment.
func (r *run) nested(s *template.Step) (int, error) {
	n, err := s.Nested(resolver{r.op})
	if err != nil {
		return 0, err
	}
	op, err := r.op.Admit(http.MethodPut, s.ID.String(), s.APIVersion, nil)
	if err != nil {
		return 0, err
	}
	q := &request{scope: n.Scope, mode: n.Mode, template: n.Template, params: n.Parameters, secrets: r.secrets}
	for _, v := range n.Parameters.All() {
		if o, ok := v.(*jsondoc.Object); ok && o.Has("reference") {
			return 0, gatehouse.Errorf(gatehouse.Invalid, "KeyVaultParameterReferenceNotSupported", "A parameter of the nested deployment '%s' refers to a key vault, which Gatehouse does not have.", s.Name)
		}
	}
	if err := q.check(); err != nil {
		return 0, err
	}
	inner, err := r.deployer.start(op, q)
	if err != nil {
		return 0, err
	}
	r.inner = append(r.inner, inner.resources()...)
	if inner.broken() {
		e := inner.failure()
		e.Kind = gatehouse.Conflict
		return 0, e
	}
	return http.StatusOK, nil
}

// deleteOthers is complete mode: what is in the group and not in the template goes, each by the caller's right.
func (r *run) deleteOthers() {
	all, err := tracked(r.op, r.op.Store(), r.scope.Scope())
	if err != nil {
		_, r.fault = r.outcome(0, err)
		return
	}
	kept := map[gatehouse.Scope]bool{}
	for _, id := range r.resources() {
		for ; id.Scope() != r.scope.Scope() && !id.IsRoot(); id = id.Parent() {
			kept[id.Scope()] = true
		}
	}
	for _, other := range all {
		if kept[other.ID.Scope()] || other.ID.Parent().Scope() != r.scope.Scope() {
			continue
		}
		o := outcome{id: other.ID, typ: other.Type, verb: "Delete", started: r.op.Server.Clock()}
		a, err := r.op.Inner(http.MethodDelete, other.ID.String(), newestVersion(r.op, other.Type), nil)
		if err == nil {
			o.status = a.Status
		} else {
			o.status, o.err = r.outcome(0, err)
		}
		o.finished = r.op.Server.Clock()
		r.extra = append(r.extra, o)
	}
}

// resources is everything that this deployment and those in it have to do with.
func (r *run) resources() []gatehouse.ID {
	all := slices.Clone(r.inner)
	for _, s := range r.plan.Steps {
		all = append(all, s.ID)
	}
	return all
}

// newestVersion is an api-version that a type's provider lists.
func newestVersion(op *arm.Op, typ string) string {
	if d := op.Server.TypeOf(typ); d != nil && len(d.Provider.Versions) > 0 {
		return d.Provider.Versions[0]
	}
	return fallbackVersions[0]
}

// broken reports whether anything went wrong.
func (r *run) broken() bool {
	return r.fault != nil || slices.ContainsFunc(append(slices.Clone(r.steps), r.extra...), func(o outcome) bool { return o.err != nil })
}
