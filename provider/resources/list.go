package resources

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

var resourceCalls = []arm.Call{
	{Method: "GET", Path: string(arm.AtSubscription) + "/resources", Action: "Microsoft.Resources/subscriptions/resources/read", Partial: true, Do: listResources},
	{Method: "GET", Path: string(arm.AtGroup) + "/resources", Action: "Microsoft.Resources/subscriptions/resourceGroups/resources/read", Partial: true, Do: listResources},
}

// listResources lists the tracked resources of every provider in a subscription or group.
func listResources(op *arm.Op) (*arm.Answer, error) {
	if _, err := op.Load(op.Store(), op.ID); gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, arm.GroupNotFound(op.ID.Name())
	} else if err != nil {
		return nil, err
	}
	keep, err := tagFilter(op, "resourceType name resourceGroup location")
	if err != nil {
		return nil, err
	}
	all, err := tracked(op, op.Store(), op.ID.Scope())
	if err != nil {
		return nil, err
	}
	var kept []*arm.Resource
	for _, r := range all {
		if keep == nil || keep(r) {
			kept = append(kept, r)
		}
	}
	expand := gatehouse.Fold(op.Query.Get("$expand"))
	return op.PageOf(kept, func(r *arm.Resource) *jsondoc.Object { return listed(r, expand) })
}

// tracked reads the tracked resources below a scope, type by type.
func tracked(op *arm.Op, from store.Reader, below gatehouse.Scope) (all []*arm.Resource, err error) {
	for _, d := range op.Server.Types() {
		if !d.Type.Tracked {
			continue
		}
		some, err := readAll(op, from, store.Query{Type: d.Name, Under: &below})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// listed is a resource as resource lists show it: the envelope, not the properties.
func listed(r *arm.Resource, expand string) *jsondoc.Object {
	o := jsondoc.NewObject("id", r.ID.String(), "name", r.ID.Name(), "type", r.Type)
	for _, name := range []string{"location", "kind", "sku", "identity", "plan", "zones", "managedBy", "tags"} {
		if v, ok := r.Body.Get(name); ok && v != nil {
			o.Set(name, jsondoc.Clone(v))
		}
	}
	for _, extra := range []struct{ name, value string }{
		{"createdTime", gatehouse.Timestamp(r.Created)}, {"changedTime", gatehouse.Timestamp(r.Updated)}, {"provisioningState", provisioningState(r)}} {
		if strings.Contains(expand, gatehouse.Fold(extra.name)) {
			o.Set(extra.name, extra.value)
		}
	}
	return o
}

func provisioningState(r *arm.Resource) string {
	if state := r.Body.String("properties.provisioningState"); state != "" {
		return state
	}
	return "Succeeded"
}
