package resources

import (
	"net/http"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

const groupWrite = "Microsoft.Management/managementGroups/write"

var groupName = arm.NameRule{Max: 90, Pattern: `[A-Za-z0-9_().-]*[A-Za-z0-9_()-]`}

func managementGroupProvider() *arm.Provider {
	const base = "/providers/" + Management
	const one = base + "/managementGroups/{managementGroupsName}"
	return &arm.Provider{
		Namespace: Management, DisplayName: "Microsoft Management",
		Versions: []string{"2023-04-01", "2021-04-01", "2020-05-01", "2020-02-01", "2019-11-01", "2018-03-01-preview"},
		Mounts: []arm.Mount{{At: arm.AtTenant, Types: []*arm.Type{{
			Segment: "managementGroups", Shape: "get put patch delete", Noun: "Management group", Name: groupName,
			Do: map[arm.Verb]arm.Handler{arm.Get: getGroup, arm.Put: putGroup, arm.Patch: patchGroup, arm.Delete: deleteGroup},
			Holds: []*arm.Type{{
				Segment: "subscriptions", Shape: "list get put delete", Name: arm.NameRule{GUID: true},
				Do: map[arm.Verb]arm.Handler{arm.List: listPlacements, arm.Get: getPlacement, arm.Put: putPlacement, arm.Delete: deletePlacement},
			}},
		}}}},
		Calls: []arm.Call{
			{Method: "GET", Path: base + "/managementGroups", Action: "Microsoft.Management/managementGroups/read", Partial: true, Do: listManagementGroups},
			{Method: "GET", Path: one + "/descendants", Action: "Microsoft.Management/managementGroups/descendants/read", Do: listDescendants},
			{Method: "POST", Path: base + "/getEntities", Action: "Microsoft.Management/getEntities/action", Partial: true, Do: getEntities},
			{Method: "POST", Path: base + "/checkNameAvailability", Action: "Microsoft.Management/checkNameAvailability/action", Do: checkGroupName},
		},
	}
}

func listManagementGroups(op *arm.Op) (*arm.Answer, error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	var all []*arm.Resource
	for _, n := range append([]*node{h.root}, h.root.below()...) {
		if n.group {
			all = append(all, n.Resource)
		}
	}
	return op.PageOf(all, func(r *arm.Resource) *jsondoc.Object {
		return jsondoc.NewObject("id", r.ID.String(), "type", guard.ManagementGroupType, "name", r.ID.Name(), "properties",
			jsondoc.NewObject("tenantId", op.Server.TenantID.String(), "displayName", r.Body.String("properties.displayName")))
	})
}

func getGroup(op *arm.Op) (*arm.Answer, error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	n, err := h.group(op.ID)
	if err != nil {
		return nil, err
	}
	out := groupObject(op, n)
	switch expand := gatehouse.Fold(op.Query.Get("$expand")); expand {
	case "":
	case "children":
		out.SetPath("properties.children", children(n, gatehouse.Fold(op.Query.Get("$recurse")) == "true"))
	case "path", "ancestors":
		var names []jsondoc.Value
		for up := n.parent; up != nil; up = up.parent {
			names = append([]jsondoc.Value{jsondoc.NewObject("name", up.ID.Name(), "displayName", up.label())}, names...)
		}
		out.SetPath("properties.path", names)
	default:
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidExpand", "$expand has to be children, path or ancestors; it is '%s'.", expand).At("$expand")
	}
	return arm.OK(out), nil
}

// groupObject is the wire form of a management group.
func groupObject(op *arm.Op, n *node) *jsondoc.Object {
	details := jsondoc.NewObject("version", 1)
	if stored := n.Body.Object("properties.details"); stored != nil {
		details = stored.Clone()
	}
	details.Set("parent", nil)
	if n.parent != nil {
		details.Set("parent", jsondoc.NewObject("id", n.parent.ID.String(), "name", n.parent.ID.Name(), "displayName", n.parent.label()))
	}
	return jsondoc.NewObject("id", n.ID.String(), "type", guard.ManagementGroupType, "name", n.ID.Name(), "properties",
		jsondoc.NewObject("tenantId", op.Server.TenantID.String(), "displayName", n.label(), "details", details))
}

func children(n *node, recurse bool) []jsondoc.Value {
	items := []jsondoc.Value{}
	for _, c := range n.children {
		o := jsondoc.NewObject("id", c.ID.String(), "type", c.wireType(), "name", c.ID.Name(), "displayName", c.label())
		if recurse && len(c.children) > 0 {
			o.Set("children", children(c, true))
		}
		items = append(items, o)
	}
	return items
}

// groupChange is what PUT and PATCH ask for; "" leaves a member as it is.
type groupChange struct {
	display, parent string
	create          bool
}

func putGroup(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	return changeGroup(op, body, groupChange{body.String("properties.displayName"), body.String("properties.details.parent.id"), true})
}

func patchGroup(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	return changeGroup(op, body, groupChange{body.String("displayName"), body.String("parentGroupId"), false})
}

// changeGroup creates, renames and moves. A move needs the write right on the group
// (the main check), on the new parent and, unless that is the root group, on the old
// one, and the right to assign roles on the group: with the place, who has access
// changes. A create needs the write right on the parent (Azure's documentation of
// management groups).
func changeGroup(op *arm.Op, body *jsondoc.Object, c groupChange) (*arm.Answer, error) {
	if err := op.Route.Type.Name.Check(op.ID.Name()); err != nil {
		return nil, err
	}
	from, err := moveRights(op, c)
	if err != nil {
		return nil, err
	}
	var h *hierarchy
	err = op.Write(body, func(tx *store.Tx) error {
		if h, err = readHierarchy(op, tx); err != nil {
			return err
		}
		return h.change(op, tx, c, from)
	})
	if err != nil {
		return nil, err
	}
	if h, err = readHierarchy(op, op.Store()); err != nil {
		return nil, err
	}
	n, err := h.group(op.ID)
	if err != nil {
		return nil, err
	}
	return arm.OK(groupObject(op, n)), nil
}

// moveRights makes the linked checks of a change and returns the parent that they were made for.
func moveRights(op *arm.Op, c groupChange) (from *node, err error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	old := h.nodes[op.ID.Scope()]
	to, err := h.target(c)
	if err != nil {
		return nil, err
	}
	if old != nil && (to == nil || to == old.parent) {
		return old.parent, nil
	}
	var links []arm.LinkedAccess
	if to != nil {
		links = append(links, arm.LinkedAccess{Action: groupWrite, ID: to.ID})
	}
	if old != nil {
		from = old.parent
		links = append(links, arm.LinkedAccess{Action: "Microsoft.Authorization/roleAssignments/write", ID: old.ID})
	}
	if from != nil && from != h.root {
		links = append(links, arm.LinkedAccess{Action: groupWrite, ID: from.ID})
	}
	return from, op.RequireLinked(links...)
}

// target finds the parent that a change names; nil when it names none.
func (h *hierarchy) target(c groupChange) (*node, error) {
	if c.parent == "" {
		return nil, nil
	}
	id, err := gatehouse.ParseID(c.parent)
	if err != nil {
		return nil, err
	}
	n, err := h.group(id)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidParent", "The parent '%s' is not a management group of this tenant.", c.parent).At("properties.details.parent.id")
	}
	return n, nil
}

// change applies a groupChange in a transaction.
func (h *hierarchy) change(op *arm.Op, tx *store.Tx, c groupChange, from *node) error {
	to, err := h.target(c)
	if err != nil {
		return err
	}
	n := h.nodes[op.ID.Scope()]
	switch {
	case n == nil && !c.create:
		return groupNotFound(op.ID.Name())
	case n == nil:
		n = &node{Resource: &arm.Resource{ID: op.ID, Type: guard.ManagementGroupType, Body: &jsondoc.Object{}}, group: true}
		if to == nil {
			to = h.root
		}
	case (n.parent == nil) != (from == nil) || from != nil && n.parent.ID.Scope() != from.ID.Scope():
		return gatehouse.Errorf(gatehouse.Conflict, "Conflict", "The management group '%s' was moved by somebody else meanwhile. Read it again and repeat the change.", op.ID.Name())
	}
	if to != nil && to != n.parent {
		if err := h.checkMove(n, to); err != nil {
			return err
		}
	} else {
		to = n.parent
	}
	return arm.Save(tx, groupResource(op, n, to, c))
}

// checkMove keeps the tree a tree, and low enough.
func (h *hierarchy) checkMove(n, to *node) error {
	switch {
	case n == h.root:
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidParent", "The tenant root group cannot be moved.")
	case to.within(n):
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidParent", "The management group '%s' cannot be moved below '%s', which is itself or lies below it.", n.ID.Name(), to.ID.Name())
	case to.depth()+1+n.height() > maxDepth:
		return gatehouse.Errorf(gatehouse.Invalid, "MaxHierarchyDepthExceeded", "A management group tree may have at most %d levels below the tenant root group.", maxDepth)
	}
	return nil
}

// groupResource is the document of n after a change, as package guard reads it.
func groupResource(op *arm.Op, n, parent *node, c groupChange) *arm.Resource {
	display := n.Body.String("properties.displayName")
	if c.display != "" {
		display = c.display
	}
	if display == "" {
		display = n.ID.Name()
	}
	version := int64(1)
	if v, ok := n.Body.Int("properties.details.version"); ok {
		version = v + 1
	}
	details := jsondoc.NewObject("version", int(version), "updatedTime", gatehouse.Timestamp(op.Now), "updatedBy", op.Caller.ID.String())
	if parent != nil {
		details.Set("parent", jsondoc.NewObject("id", parent.ID.String()))
	}
	r := *n.Resource
	r.Body = jsondoc.NewObject("properties", jsondoc.NewObject("tenantId", op.Server.TenantID.String(), "displayName", display, "details", details))
	return &r
}

// deleteGroup answers 202 with an operation that is done: the Go SDK takes 202 and 204 only.
func deleteGroup(op *arm.Op) (*arm.Answer, error) {
	found := false
	err := op.Write(nil, func(tx *store.Tx) error {
		h, err := readHierarchy(op, tx)
		if err != nil {
			return err
		}
		n := h.nodes[op.ID.Scope()]
		switch {
		case n == nil:
			return nil
		case n == h.root:
			return gatehouse.Errorf(gatehouse.Invalid, "CannotDeleteRootGroup", "The tenant root group cannot be deleted.")
		case len(n.children) > 0:
			return gatehouse.Errorf(gatehouse.Conflict, "ManagementGroupNotEmpty",
				"The management group '%s' holds %d management groups or subscriptions. Move them elsewhere first.", n.ID.Name(), len(n.children))
		}
		found = true
		return op.DeleteTree(tx, n.ID)
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
	return op.Finished(&arm.Answer{Status: http.StatusAccepted}, nil)
}

func listDescendants(op *arm.Op) (*arm.Answer, error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	top, err := h.group(op.ID)
	if err != nil {
		return nil, err
	}
	var all []*arm.Resource
	for _, n := range top.below() {
		all = append(all, n.Resource)
	}
	return op.PageOf(all, func(r *arm.Resource) *jsondoc.Object {
		n := h.nodes[r.ID.Scope()]
		return jsondoc.NewObject("id", n.ID.String(), "type", n.wireType(), "name", n.ID.Name(), "properties",
			jsondoc.NewObject("displayName", n.label(), "parent", jsondoc.NewObject("id", n.parent.ID.String())))
	})
}
