package resources

import (
	"net/http"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// A subscription is always somewhere in the tree. Putting it below a group takes it
// away from where it was; removing it from a group puts it below the root group.

func listPlacements(op *arm.Op) (*arm.Answer, error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	group, err := h.group(op.ID)
	if err != nil {
		return nil, err
	}
	var items []jsondoc.Value
	for _, c := range group.children {
		if !c.group {
			items = append(items, placement(op, c))
		}
	}
	return arm.ListOf(items), nil
}

func getPlacement(op *arm.Op) (*arm.Answer, error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	sub, err := h.subscription(op)
	if err != nil {
		return nil, err
	}
	if sub.parent.ID.Scope() != op.ID.Parent().Scope() {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "NotFound", "The subscription '%s' is not below the management group '%s'.", op.ID.Name(), op.ID.Parent().Name())
	}
	return arm.OK(placement(op, sub)), nil
}

// placement is SubscriptionUnderManagementGroup on the wire.
func placement(op *arm.Op, sub *node) *jsondoc.Object {
	return jsondoc.NewObject("id", sub.parent.ID.Child("subscriptions", sub.ID.Name()).String(), "type", guard.PlacementType, "name", sub.ID.Name(),
		"properties", jsondoc.NewObject("tenant", op.Server.TenantID.String(), "displayName", sub.label(), "state", sub.Body.String("state"),
			"parent", jsondoc.NewObject("id", sub.parent.ID.String())))
}

func (h *hierarchy) subscription(op *arm.Op) (*node, error) {
	id, err := gatehouse.ParseID("/subscriptions/" + op.ID.Name())
	if err != nil {
		return nil, err
	}
	if n := h.nodes[id.Scope()]; n != nil && !n.group {
		return n, nil
	}
	return nil, arm.SubscriptionNotFound(op.ID.Name())
}

func putPlacement(op *arm.Op) (*arm.Answer, error) { return movePlacement(op, true) }

func deletePlacement(op *arm.Op) (*arm.Answer, error) { return movePlacement(op, false) }

// movePlacement moves a subscription to the addressed group, or from it to the root
// group. Beside the main check it needs, as Azure documents, the right to assign roles
// on the subscription (access changes with the place) and the write right on the
// group that it leaves, unless that is the root group.
func movePlacement(op *arm.Op, in bool) (*arm.Answer, error) {
	h, err := readHierarchy(op, op.Store())
	if err != nil {
		return nil, err
	}
	group, err := h.group(op.ID.Parent())
	if err != nil {
		return nil, err
	}
	sub, err := h.subscription(op)
	if err != nil {
		return nil, err
	}
	if !in && sub.parent != group {
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
	links := []arm.LinkedAccess{{Action: "Microsoft.Authorization/roleAssignments/write", ID: sub.ID}}
	if in && sub.parent != group && sub.parent != h.root {
		links = append(links, arm.LinkedAccess{Action: groupWrite, ID: sub.parent.ID})
	}
	if err := op.RequireLinked(links...); err != nil {
		return nil, err
	}
	from := sub.parent.ID
	err = op.Write(nil, func(tx *store.Tx) error {
		if h, err = readHierarchy(op, tx); err != nil {
			return err
		}
		return h.move(op, tx, from, in)
	})
	if err != nil {
		return nil, err
	}
	if !in {
		return &arm.Answer{Status: http.StatusOK}, nil
	}
	if h, err = readHierarchy(op, op.Store()); err != nil {
		return nil, err
	}
	if sub, err = h.subscription(op); err != nil {
		return nil, err
	}
	return arm.OK(placement(op, sub)), nil
}

func (h *hierarchy) move(op *arm.Op, tx *store.Tx, from gatehouse.ID, in bool) error {
	sub, err := h.subscription(op)
	if err != nil {
		return err
	}
	if sub.parent.ID.Scope() != from.Scope() {
		return gatehouse.Errorf(gatehouse.Conflict, "Conflict", "The subscription '%s' was moved by somebody else meanwhile. Repeat the request.", op.ID.Name())
	}
	to := h.root
	if in {
		if to, err = h.group(op.ID.Parent()); err != nil {
			return err
		}
	}
	if !sub.placement.IsRoot() && sub.parent != to {
		if _, err := tx.Delete(sub.placement.Scope()); err != nil {
			return err
		}
	}
	return arm.Save(tx, &arm.Resource{ID: guard.PlacementID(to.ID, sub.ID.Name()), Type: guard.PlacementType,
		Body: jsondoc.NewObject("properties", jsondoc.NewObject("parent", jsondoc.NewObject("id", to.ID.String())))})
}
