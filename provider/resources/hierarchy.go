package resources

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/store"
)

// maxDepth is how many levels there may be below the tenant root group.
const maxDepth = 6

// hierarchy is the tree of management groups and subscriptions at one moment. It
// reads documents the way package guard does: what names no parent that exists is
// below the root group.
type hierarchy struct {
	root  *node
	nodes map[gatehouse.Scope]*node
}

// node is a management group or a subscription.
type node struct {
	*arm.Resource
	group     bool
	parent    *node
	children  []*node
	placement gatehouse.ID // of a subscription: the document that puts it here; zero for none
}

func readHierarchy(op *arm.Op, from store.Reader) (*hierarchy, error) {
	h := &hierarchy{nodes: map[gatehouse.Scope]*node{}}
	for _, typ := range []string{guard.ManagementGroupType, guard.SubscriptionType} {
		all, err := readAll(op, from, store.Query{Type: typ})
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			h.nodes[r.ID.Scope()] = &node{Resource: r, group: typ == guard.ManagementGroupType}
		}
	}
	rootID := guard.RootGroupID(op.Server.TenantID)
	if h.root = h.nodes[rootID.Scope()]; h.root == nil {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "TenantRootGroupNotFound", "The tenant root management group does not exist. Start the server once more: it is written at the first start.")
	}
	if err := h.place(op, from); err != nil {
		return nil, err
	}
	for _, key := range sortedScopes(h.nodes) {
		n := h.nodes[key]
		if n == h.root {
			continue
		}
		if n.parent == nil {
			n.parent = h.parentOf(n)
		}
		n.parent.children = append(n.parent.children, n)
	}
	return h, nil
}

// place takes in where subscriptions are.
func (h *hierarchy) place(op *arm.Op, from store.Reader) error {
	placements, err := readAll(op, from, store.Query{Type: guard.PlacementType})
	if err != nil {
		return err
	}
	for _, p := range placements {
		sub := h.nodes[gatehouse.MustScope("/subscriptions/"+p.ID.Name())]
		if group := h.nodes[p.ID.Parent().Scope()]; sub != nil && group != nil {
			sub.parent, sub.placement = group, p.ID
		}
	}
	return nil
}

func (h *hierarchy) parentOf(n *node) *node {
	if id, err := gatehouse.ParseScope(n.Body.String("properties.details.parent.id")); n.group && err == nil && !id.IsRoot() {
		if parent := h.nodes[id]; parent != nil && parent.group {
			return parent
		}
	}
	return h.root
}

func sortedScopes(m map[gatehouse.Scope]*node) []gatehouse.Scope {
	keys := make([]gatehouse.Scope, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b gatehouse.Scope) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// group finds a management group.
func (h *hierarchy) group(id gatehouse.ID) (*node, error) {
	if n := h.nodes[id.Scope()]; n != nil && n.group {
		return n, nil
	}
	return nil, groupNotFound(id.Name())
}

func groupNotFound(name string) error {
	return gatehouse.Errorf(gatehouse.NotFound, "NotFound", "The management group '%s' cannot be found.", name)
}

// depth is the number of levels between n and the root group.
func (n *node) depth() (d int) {
	for ; n.parent != nil; n = n.parent {
		d++
	}
	return d
}

// height is the number of levels of management groups below n.
func (n *node) height() (h int) {
	for _, c := range n.children {
		if c.group {
			h = max(h, 1+c.height())
		}
	}
	return h
}

// within reports whether n is top or lies below it.
func (n *node) within(top *node) bool {
	for ; n != nil; n = n.parent {
		if n == top {
			return true
		}
	}
	return false
}

// below lists everything below n, groups before what is in them.
func (n *node) below() (all []*node) {
	for _, c := range n.children {
		all = append(append(all, c), c.below()...)
	}
	return all
}

// label is the display name of a group or subscription.
func (n *node) label() string {
	if n.group {
		return n.Body.String("properties.displayName")
	}
	return n.Body.String("displayName")
}

// wireType is how lists of mixed kinds name the kind.
func (n *node) wireType() string {
	if n.group {
		return guard.ManagementGroupType
	}
	return "/subscriptions"
}
