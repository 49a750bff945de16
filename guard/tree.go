package guard

import (
	"maps"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac"
)

// tree is which management group holds what: what documents declare, and the rules
// for what they leave open. Everything ends up below the tenant root group (rbac.md 3.2).
type tree struct {
	root       gatehouse.Scope // the zero Scope while no tenant document exists
	tenants    map[gatehouse.Scope]struct{}
	groups     map[gatehouse.Scope]gatehouse.Scope              // management group documents and their declared parent
	placements map[gatehouse.Scope]map[gatehouse.Scope]struct{} // by subscription
	subs       map[gatehouse.Scope]struct{}
	named      map[gatehouse.Scope]int // how many documents name a management group as parent
}

func newTree() tree {
	return tree{
		tenants: map[gatehouse.Scope]struct{}{}, groups: map[gatehouse.Scope]gatehouse.Scope{},
		placements: map[gatehouse.Scope]map[gatehouse.Scope]struct{}{},
		subs:       map[gatehouse.Scope]struct{}{}, named: map[gatehouse.Scope]int{},
	}
}

// parent returns what holds a subscription or management group; false while nothing is known of it.
func (t *tree) parent(s gatehouse.Scope) (gatehouse.Scope, bool) {
	if s == t.root {
		return gatehouse.Scope{}, false
	}
	if in := t.placements[s]; len(in) > 0 {
		// Two placements contradict each other; which one counts must not depend on their order.
		return least(in), true
	}
	declared, known := t.groups[s]
	if known && !declared.IsRoot() && declared != s {
		return declared, true
	}
	_, sub := t.subs[s]
	return t.root, (known || sub || t.named[s] > 0) && !t.root.IsRoot()
}

func least(set map[gatehouse.Scope]struct{}) gatehouse.Scope {
	return slices.MinFunc(slices.Collect(maps.Keys(set)), compareScopes)
}

// rewire brings what the Snapshot knows of s in line with the tree.
func (m *model) rewire(s gatehouse.Scope) {
	parent, ok := m.tree.parent(s)
	old, had := m.placed.m[s]
	switch {
	case ok && (!had || old != parent):
		m.placed.set(s, parent)
		m.emit(rbac.SetParent(s, parent), func(w *rbac.World) { w.Parents[s] = parent })
	case !ok && had:
		m.placed.remove(s)
		m.emit(rbac.RemoveParent(s), func(w *rbac.World) { delete(w.Parents, s) })
	}
}

// name counts how often a management group is named as parent, and places those that nothing else places.
func (m *model) name(group gatehouse.Scope, by int) {
	if group.IsRoot() {
		return
	}
	if m.tree.named[group] += by; m.tree.named[group] == 0 {
		delete(m.tree.named, group)
	}
	m.rewire(group)
}

func putTenant(m *model, id gatehouse.ID, _ []byte) error {
	tenant, err := nameGUID(id)
	if err != nil {
		return err
	}
	m.tree.tenants[RootGroupID(tenant).Scope()] = struct{}{}
	m.reroot()
	return nil
}

func dropTenant(m *model, id gatehouse.ID) {
	if tenant, err := nameGUID(id); err == nil {
		delete(m.tree.tenants, RootGroupID(tenant).Scope())
		m.reroot()
	}
}

// reroot follows a change of tenant documents: the first one names the root group.
func (m *model) reroot() {
	t := &m.tree
	old := t.root
	t.root = gatehouse.Scope{}
	if len(t.tenants) > 0 {
		t.root = least(t.tenants)
	}
	if t.root == old {
		return
	}
	for s := range t.groups {
		m.rewire(s)
	}
	for s := range t.subs {
		m.rewire(s)
	}
	for s := range t.named {
		m.rewire(s)
	}
}

func putManagementGroup(m *model, id gatehouse.ID, body []byte) error {
	parent, err := parentGroup(body)
	if err != nil {
		return err
	}
	m.declare(id.Scope(), parent)
	return nil
}

func (m *model) declare(group, parent gatehouse.Scope) {
	old := m.tree.groups[group]
	m.tree.groups[group] = parent
	m.name(parent, 1)
	m.name(old, -1)
	m.rewire(group)
}

// underRoot stands in for a management group that cannot be read: what is denied at the root holds in it.
func underRoot(m *model, id gatehouse.ID) { m.declare(id.Scope(), gatehouse.Scope{}) }

func dropManagementGroup(m *model, id gatehouse.ID) {
	s := id.Scope()
	old, known := m.tree.groups[s]
	if !known {
		return
	}
	delete(m.tree.groups, s)
	m.name(old, -1)
	m.rewire(s)
}

func putPlacement(m *model, id gatehouse.ID, _ []byte) error {
	group, sub := placement(id)
	in := m.tree.placements[sub]
	if in == nil {
		in = map[gatehouse.Scope]struct{}{}
		m.tree.placements[sub] = in
	}
	if _, known := in[group]; !known {
		in[group] = struct{}{}
		m.name(group, 1)
		m.rewire(sub)
	}
	return nil
}

func dropPlacement(m *model, id gatehouse.ID) {
	group, sub := placement(id)
	in := m.tree.placements[sub]
	if _, known := in[group]; !known {
		return
	}
	if delete(in, group); len(in) == 0 {
		delete(m.tree.placements, sub)
	}
	m.name(group, -1)
	m.rewire(sub)
}

// placement reads {management group}/subscriptions/{subscription}.
func placement(id gatehouse.ID) (group, sub gatehouse.Scope) {
	return id.Parent().Scope(), gatehouse.MustScope("/subscriptions/" + strings.ToLower(id.Name()))
}

func putSubscription(m *model, id gatehouse.ID, _ []byte) error {
	m.tree.subs[id.Scope()] = struct{}{}
	m.rewire(id.Scope())
	return nil
}

func dropSubscription(m *model, id gatehouse.ID) {
	delete(m.tree.subs, id.Scope())
	m.rewire(id.Scope())
}
