package past

import (
	"cmp"
	"context"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Names finds what principals and roles are called, or were when they were deleted.
type Names struct {
	ctx   context.Context
	store *store.Store
	known map[gatehouse.GUID]string
}

// Names returns what things are called.
func (h *History) Names(ctx context.Context) *Names {
	return &Names{ctx, h.store, map[gatehouse.GUID]string{}}
}

// Of is the name of a principal or a custom role, "" when there never was one.
func (n *Names) Of(id gatehouse.GUID) string {
	if name, ok := n.known[id]; ok || id.IsZero() {
		return name
	}
	name := ""
	for _, at := range []gatehouse.ID{directory.UserID(id), directory.ServicePrincipalID(id), directory.GroupID(id), guard.RoleDefinitionID(id)} {
		if o := n.body(at.Scope()); o != nil {
			name = cmp.Or(o.String("userPrincipalName"), o.String("displayName"), o.String("properties.roleName"))
			break
		}
	}
	n.known[id] = name
	return name
}

func (n *Names) body(key gatehouse.Scope) *jsondoc.Object {
	d, err := n.store.Get(n.ctx, key)
	body := []byte(nil)
	if err == nil {
		body = d.Body
	} else if each, err := n.store.Changes(n.ctx, store.ChangeQuery{Resource: &key, Kind: gatehouse.Delete, Descending: true, Limit: 1}); err == nil {
		for c, err := range each {
			if err == nil {
				body = c.Before
			}
		}
	}
	o, err := jsondoc.ParseObject(body)
	if err != nil {
		return nil
	}
	return o
}
