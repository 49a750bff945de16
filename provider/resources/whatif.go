package resources

import (
	"net/http"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/template"
)

// rehearse reads and plans a deployment that is not going to be run.
func rehearse(op *arm.Op) (*run, error) {
	q, err := readRequest(op)
	if err != nil {
		return nil, err
	}
	r := &run{request: q, op: op, id: op.ID, started: op.Server.Clock()}
	return r, r.prepare()
}

// validate answers 200 with what would be deployed, or the error that a PUT would answer.
func validate(op *arm.Op) (*arm.Answer, error) {
	r, err := rehearse(op)
	if err != nil {
		return nil, err
	}
	doc := r.document(succeeded)
	resources := []jsondoc.Value{}
	for _, s := range r.plan.Steps {
		if !s.Existing {
			resources = append(resources, jsondoc.NewObject("id", s.ID.String()))
		}
	}
	doc.Props().Set("validatedResources", resources)
	return arm.OK(op.Show(doc)), nil
}

// whatIf compares what the template says with what is there. It reads as the caller.
func whatIf(op *arm.Op) (*arm.Answer, error) {
	r, err := rehearse(op)
	if err != nil {
		return nil, err
	}
	changes, inTemplate := []jsondoc.Value{}, map[gatehouse.Scope]bool{}
	for _, s := range r.plan.Steps {
		inTemplate[s.ID.Scope()] = true
		if s.Existing {
			continue
		}
		change, err := r.change(s)
		if err != nil {
			return nil, r.conceal(err)
		}
		changes = append(changes, change)
	}
	others, err := tracked(op, op.Store(), r.scope.Scope())
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		if _, inGroup := r.scope.Scope().ResourceGroup(); !inGroup || inTemplate[other.ID.Scope()] || !op.Can(other.Type+"/read", other.ID) {
			continue
		}
		kind := template.ChangeIgnore
		if r.mode == "Complete" && other.ID.Parent().Scope() == r.scope.Scope() {
			kind = template.ChangeDelete
		}
		changes = append(changes, r.item(other.ID, kind, op.Show(other), nil, nil))
	}
	return arm.OK(jsondoc.NewObject("status", succeeded, "properties", jsondoc.NewObject("correlationId", op.Correlation, "changes", changes))), nil
}

// change is the WhatIfChange of one step.
func (r *run) change(s *template.Step) (*jsondoc.Object, error) {
	var before *jsondoc.Object
	a, err := r.op.Inner(http.MethodGet, s.ID.String(), s.APIVersion, nil)
	switch {
	case err == nil:
		before, _ = a.Body.(*jsondoc.Object)
	case gatehouse.KindOf(err) != gatehouse.NotFound:
		return nil, err
	}
	body, err := s.Preview()
	if err != nil {
		return nil, err
	}
	after := jsondoc.NewObject("apiVersion", s.APIVersion, "id", s.ID.String(), "type", s.Type, "name", s.ID.Name())
	for name, v := range body.All() {
		if gatehouse.Fold(name) != "dependson" {
			after.Set(name, v)
		}
	}
	if before == nil || s.IsDeployment() {
		return r.item(s.ID, template.ChangeType(before, after, nil), before, after, nil), nil
	}
	compared := after.Clone()
	compared.Delete("apiVersion")
	if shown := before.String("location"); arm.Region(shown) == arm.Region(compared.String("location")) && shown != "" {
		compared.Set("location", shown) // the same place under another spelling
	}
	if declared := r.op.Server.TypeOf(s.ID.Type()); declared != nil {
		delta := template.Diff(before, compared, declared.Type.Model.ReadOnly)
		return r.item(s.ID, template.ChangeType(before, compared, delta), before, after, delta), nil
	}
	return r.item(s.ID, template.ChangeNone, before, after, nil), nil
}

func (r *run) item(id gatehouse.ID, kind string, before, after *jsondoc.Object, delta []template.PropertyChange) *jsondoc.Object {
	o := jsondoc.NewObject("resourceId", id.String(), "changeType", kind)
	if gatehouse.Fold(r.results) == "resourceidonly" {
		return o
	}
	if before != nil {
		o.Set("before", before)
	}
	if after != nil {
		o.Set("after", after)
	}
	if len(delta) > 0 {
		o.Set("delta", delta)
	}
	return o
}
