package access

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// WhoCan is who may do an act.
type WhoCan struct {
	Action     string   `json:"action"`
	DataAction bool     `json:"dataAction"`
	Scope      Where    `json:"scope"`
	Holders    []Holder `json:"holders"`
	// Hidden counts holders by grants that may not be shown to who asks.
	Hidden int `json:"hidden"`
}

// Holder is a principal that may, and one reason why.
type Holder struct {
	Who
	Disabled   bool           `json:"disabled,omitempty"` // it may, but cannot sign in
	Role       Role           `json:"role"`
	Assignment gatehouse.GUID `json:"assignment"`
	Scope      Where          `json:"scope"` // where the grant was made
	Inherited  bool           `json:"inherited"`
	Path       []Who          `json:"path"` // from the principal over groups to the assignee
}

// WhoCan answers who may do an act: users and service principals, with the groups that
// lead to them, and with groups also the groups themselves. Deleted principals are left
// out when the View is complete.
func (v *View) WhoCan(q Question, groups bool) *WhoCan {
	q.Action = builtin.Canonical(q.Action)
	out := &WhoCan{Action: q.Action, DataAction: q.Data, Scope: v.where(q.Scope), Holders: []Holder{}}
	question := rbac.WhoCanRequest{Action: q.Action, Data: q.Data, Scope: q.Scope, SubOperation: q.SubOperation, Attributes: q.Attributes, Now: v.Now}
	if v.Attributes != nil && (q.Attributes == nil || q.Attributes.Principal == nil) {
		question.PrincipalAttributes = v.Attributes
	}
	places := map[gatehouse.Scope]Where{}
	for _, h := range v.Snapshot.WhoCan(question) {
		p, known := v.principal(h.Principal)
		group := known && p.Type == gatehouse.Group || !known && len(v.Snapshot.Members(h.Principal)) > 0
		if !known && v.Complete || group && !groups {
			continue
		}
		if !v.reads(h.Scope) {
			out.Hidden++
			continue
		}
		at, ok := places[h.Scope]
		if !ok {
			at = v.where(h.Scope)
			places[h.Scope] = at
		}
		out.Holders = append(out.Holders, Holder{Who: v.who(h.Principal), Disabled: p.Disabled, Role: Role{h.Role, v.roleName(h.Role)}, Assignment: h.Grant, Scope: at,
			Inherited: h.Scope != q.Scope, Path: v.path(h.Path)})
	}
	slices.SortFunc(out.Holders, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name), strings.Compare(a.ID.String(), b.ID.String()))
	})
	return out
}
