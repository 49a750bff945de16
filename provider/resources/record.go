package resources

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
	"gatehouse/template"
)

// accept records the deployment as running, in place of an earlier one of that name.
func (r *run) accept() error {
	shown := jsondoc.NewObject("properties", jsondoc.NewObject("mode", r.mode, "parameters", r.plan.Parameters(), "templateHash", r.hash()))
	return r.op.Write(shown, func(tx *store.Tx) error {
		old, err := r.op.Load(tx, r.id)
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		r.created = err != nil
		if !r.created {
			scope := r.id.Scope()
			before, err := tx.List(r.op.Context, store.Query{Type: operationType, Parent: &scope})
			if err != nil {
				return err
			}
			for _, d := range before.Documents {
				if _, err := tx.Delete(d.Key()); err != nil {
					return err
				}
			}
		}
		r.doc = r.document(running)
		if !r.created {
			r.doc.ID, r.doc.Created = old.ID, old.Created
			r.id = old.ID
		}
		return arm.Save(tx, r.doc)
	})
}

func (r *run) hash() string {
	if r.text == nil {
		return ""
	}
	return templateHash(r.text)
}

// document is the deployment as stored and shown (DeploymentExtended).
func (r *run) document(state string) *arm.Resource {
	providers, dependencies := r.uses()
	props := jsondoc.NewObject("mode", r.mode, "provisioningState", state, "timestamp", gatehouse.Timestamp(r.op.Server.Clock()), "duration", r.duration(r.started),
		"correlationId", r.op.Correlation, "parameters", r.plan.Parameters(), "providers", providers, "dependencies", dependencies)
	if r.text != nil {
		props.Set("templateHash", r.hash())
	}
	doc := &arm.Resource{ID: r.id, Type: deploymentType, Body: jsondoc.NewObject("properties", props)}
	if r.location != "" {
		doc.Body.Set("location", r.location)
	}
	if r.tags.Len() > 0 {
		doc.Body.Set("tags", r.tags)
	}
	if r.text != nil {
		doc.Secret = jsondoc.NewObject("template", r.text)
	}
	if r.doc != nil {
		doc.ID, doc.Created = r.doc.ID, r.doc.Created
	}
	return doc
}

func (r *run) duration(since time.Time) string {
	return fmt.Sprintf("PT%gS", r.op.Server.Clock().Sub(since).Seconds())
}

// uses lists the providers and dependencies of the plan as GET shows them.
func (r *run) uses() (providers, dependencies []jsondoc.Value) {
	providers, dependencies = []jsondoc.Value{}, []jsondoc.Value{}
	types := map[string][]string{}
	for _, s := range r.plan.Steps {
		namespace, kind, _ := strings.Cut(s.Type, "/")
		if !slices.Contains(types[namespace], kind) {
			types[namespace] = append(types[namespace], kind)
		}
		if len(s.DependsOn) == 0 {
			continue
		}
		var on []jsondoc.Value
		for _, i := range s.DependsOn {
			on = append(on, named(r.plan.Steps[i]))
		}
		d := named(s)
		d.Set("dependsOn", on)
		dependencies = append(dependencies, d)
	}
	for _, namespace := range sorted(types) {
		var kinds []jsondoc.Value
		for _, kind := range types[namespace] {
			kinds = append(kinds, jsondoc.NewObject("resourceType", kind))
		}
		providers = append(providers, jsondoc.NewObject("namespace", namespace, "resourceTypes", kinds))
	}
	return providers, dependencies
}

func named(s *template.Step) *jsondoc.Object {
	return jsondoc.NewObject("id", s.ID.String(), "resourceType", s.Type, "resourceName", s.Name)
}

// failure is the deployment's error in Azure's shape: one detail per failed resource.
func (r *run) failure() *gatehouse.Error {
	if r.fault != nil {
		return r.fault
	}
	e := gatehouse.Errorf(gatehouse.Conflict, "DeploymentFailed", "At least one resource deployment operation failed. Please list deployment operations for details. "+
		"Please see https://aka.ms/arm-deployment-operations for usage details.").At(r.id.String())
	for _, o := range append(slices.Clone(r.steps), r.extra...) {
		if o.err != nil {
			d := &gatehouse.Error{Kind: o.err.Kind, Code: o.err.Code, Message: o.err.Message, Target: o.id.String(), Details: o.err.Details}
			if d.Details == nil && o.err.Target != "" && o.err.Target != d.Target {
				d.Details = []*gatehouse.Error{o.err}
			}
			e.Details = append(e.Details, d)
		}
	}
	return e
}

// finish records how it ended, with its operations.
func (r *run) finish() error {
	state := succeeded
	switch {
	case r.broken():
		state = failed
	case r.cancelled.Load():
		state = canceled
	}
	doc := r.document(state)
	if state == failed {
		_, e := r.outcome(0, r.failure())
		v, _ := arm.ErrorBody(e).Get("error")
		doc.Props().Set("error", v)
	} else if state == succeeded {
		doc.Props().Set("outputs", r.outputs)
		written := []jsondoc.Value{}
		for _, o := range r.steps {
			if o.verb != "" {
				written = append(written, jsondoc.NewObject("id", o.id.String()))
			}
		}
		doc.Props().Set("outputResources", written)
	}
	return r.op.Conclude(func(tx *store.Tx) error {
		for i, o := range append(slices.Clone(r.steps), r.extra...) {
			if o.verb == "" {
				continue
			}
			if err := arm.Save(tx, r.operation(i, o)); err != nil {
				return err
			}
		}
		r.doc = doc
		return arm.Save(tx, doc)
	})
}

// operation is a DeploymentOperation.
func (r *run) operation(i int, o outcome) *arm.Resource {
	state, message, status := succeeded, jsondoc.Value(nil), o.status
	if o.err != nil {
		state, message = failed, arm.ErrorBody(o.err)
	}
	name := strings.ToUpper(fmt.Sprintf("%04x%.12s", i, gatehouse.NameGUID(gatehouse.GUID{}, r.id.Scope().String()+o.verb+o.id.Scope().String()).Hex()))
	return &arm.Resource{ID: r.id.Child("operations", name), Type: operationType, Body: jsondoc.NewObject("properties", jsondoc.NewObject(
		"provisioningOperation", o.verb, "provisioningState", state, "timestamp", gatehouse.Timestamp(o.finished), "duration", fmt.Sprintf("PT%gS", o.finished.Sub(o.started).Seconds()),
		"trackingId", r.op.Operation, "serviceRequestId", r.op.Operation, "statusCode", strings.ReplaceAll(http.StatusText(status), " ", ""), "statusMessage", message,
		"targetResource", jsondoc.NewObject("id", o.id.String(), "resourceType", o.typ, "resourceName", resourceName(o.id))))}
}

// resourceName is the names of a resource and its parents up to its provider, as in service/api.
func resourceName(id gatehouse.ID) string {
	name := id.Name()
	for inner := id; ; {
		outer := inner.Parent()
		if outer.IsRoot() || !strings.HasPrefix(gatehouse.Fold(inner.Type()), gatehouse.Fold(outer.Type())+"/") {
			return name
		}
		name, inner = outer.Name()+"/"+name, outer
	}
}
