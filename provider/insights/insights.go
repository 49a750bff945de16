// Package insights is the part of Microsoft.Insights that tells who did what: the
// activity log in the shape that az role assignment list-changelogs and az monitor
// activity-log list read (rbac.md section 11, clients.md section 7). It reads the
// change log through package audit and stores nothing.
package insights

import (
	"gatehouse/arm"
	"gatehouse/store"
)

// Namespace is the provider namespace.
const Namespace = "Microsoft.Insights"

// readAction is what reading the activity log needs.
const readAction = Namespace + "/eventtypes/values/read"

// New declares the provider.
func New(s *store.Store) *arm.Provider {
	p := &provider{s}
	values := "/providers/" + Namespace + "/eventtypes/management/values"
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Microsoft Insights", Versions: []string{"2015-04-01", "2017-03-01-preview"},
		Calls: []arm.Call{
			{Method: "GET", Path: string(arm.AtSubscription) + values, Action: readAction, Do: p.values},
			{Method: "GET", Path: values, Action: readAction, Do: p.values},
			{Method: "GET", Path: "/providers/Microsoft.Management/managementGroups/{groupId}" + values, Action: readAction, Do: p.values},
			{Method: "GET", Path: "/providers/" + Namespace + "/eventcategories", Do: categories},
		},
	}
}

type provider struct{ store *store.Store }
