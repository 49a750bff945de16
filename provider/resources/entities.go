package resources

import (
	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
)

// getEntities lists the groups and subscriptions that the caller has some role in.
func getEntities(op *arm.Op) (*arm.Answer, error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	var items []jsondoc.Value
	for _, n := range append([]*node{h.root}, h.root.below()...) {
		if op.Sees(n.ID) {
			items = append(items, entity(op, n))
		}
	}
	a := arm.ListOf(items)
	a.Body.(*jsondoc.Object).Set("count", len(items))
	return a, nil
}

func entity(op *arm.Op, n *node) *jsondoc.Object {
	names, displays := []string{}, []string{}
	for up := n.parent; up != nil; up = up.parent {
		names, displays = append([]string{up.ID.Name()}, names...), append([]string{up.label()}, displays...)
	}
	groups := 0
	for _, c := range n.children {
		if c.group {
			groups++
		}
	}
	props := jsondoc.NewObject("tenantId", op.Server.TenantID.String(), "displayName", n.label(), "parent", jsondoc.NewObject("id", nil),
		"permissions", permissionOn(op, n), "inheritedPermissions", "noaccess", "numberOfDescendants", len(n.below()), "numberOfChildren", len(n.children),
		"numberOfChildGroups", groups, "parentDisplayNameChain", displays, "parentNameChain", names)
	if n.parent != nil {
		props.SetPath("parent.id", n.parent.ID.String())
		props.Set("inheritedPermissions", permissionOn(op, n.parent))
	}
	typ := guard.ManagementGroupType
	if !n.group {
		typ = "/subscriptions"
	}
	return jsondoc.NewObject("id", n.ID.String(), "type", typ, "name", n.ID.Name(), "properties", props)
}

// permissionOn is Azure's four words for what the caller may do with a group or subscription.
func permissionOn(op *arm.Op, n *node) string {
	typ := guard.SubscriptionType
	if n.group {
		typ = guard.ManagementGroupType
	}
	switch {
	case op.Can(typ+"/delete", n.ID):
		return "delete"
	case op.Can(typ+"/write", n.ID):
		return "edit"
	case op.Can(typ+"/read", n.ID):
		return "view"
	}
	return "noaccess"
}

func checkGroupName(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	name := body.String("name")
	if err := groupName.Check(name); err != nil {
		return arm.OK(jsondoc.NewObject("nameAvailable", false, "reason", "Invalid", "message", err.Error())), nil
	}
	id := gatehouse.ID{}.Extension(Management, "managementGroups", name)
	if _, err := op.Load(op.Store(), id); err == nil {
		return arm.OK(jsondoc.NewObject("nameAvailable", false, "reason", "AlreadyExists", "message", "The group with the specified name already exists")), nil
	} else if gatehouse.KindOf(err) != gatehouse.NotFound {
		return nil, err
	}
	return arm.OK(jsondoc.NewObject("nameAvailable", true)), nil
}
