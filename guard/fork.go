package guard

import (
	"iter"
	"maps"
	"time"

	"gatehouse"
	"gatehouse/rbac"
)

// Document is what bears on access: a document of one of Types. A nil Body is one that is not there.
type Document struct {
	ID   gatehouse.ID
	Type string
	Body []byte
}

// Types are the types of all documents that bear on access.
func Types() []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.typ
	}
	return list
}

// Fork returns the Guard that this one would be if some documents were others. It
// follows no store. The sequence is begun only after this Guard's state was taken, so
// that one that reads the store misses no change between the two. Clock gives the
// moment of its answers.
func (g *Guard) Fork(clock func() time.Time, others iter.Seq2[Document, error]) (*Guard, error) {
	g.mu.Lock()
	f := &Guard{opt: Options{Clock: clock, Logger: g.opt.Logger}, model: g.model.clone()}
	base := g.view.Load().snapshot
	g.mu.Unlock()
	for d, err := range others {
		if err != nil {
			return nil, err
		}
		k, ok := kindOf(d.Type)
		if !ok {
			continue
		}
		if d.Body == nil {
			f.model.drop(k, d.ID)
		} else {
			f.model.put(k, d.ID, d.Body)
		}
	}
	f.publish(base.Apply(f.model.updates...))
	f.model.updates = nil
	return f, nil
}

// WithClock returns a Guard of the same access at another time. It is for those that Fork made, which follow no store.
func (g *Guard) WithClock(clock func() time.Time) *Guard {
	other := &Guard{opt: Options{Clock: clock, Logger: g.opt.Logger}, model: g.model, seq: g.seq}
	other.view.Store(g.view.Load())
	return other
}

// Empty returns the Guard of a store without documents, to Fork what is in no store.
func Empty(o Options) *Guard {
	g := &Guard{opt: o.filled(), model: newModel()}
	g.publish(rbac.New(*builtinWorld()))
	return g
}

// clone copies what changes in place; the shared maps copy themselves when they are written.
func (m *model) clone() *model {
	c := *m
	c.updates = nil
	c.principals, c.adminDocs, c.problems = maps.Clone(m.principals), maps.Clone(m.adminDocs), maps.Clone(m.problems)
	c.members = cloneDeep(m.members)
	c.tree = m.tree.clone()
	for _, lent := range []*bool{&m.attributes.lent, &m.apps.lent, &m.signers.lent, &m.admins.lent, &m.denies.lent, &m.placed.lent,
		&c.attributes.lent, &c.apps.lent, &c.signers.lent, &c.admins.lent, &c.denies.lent, &c.placed.lent} {
		*lent = true
	}
	return &c
}

func (t *tree) clone() tree {
	c := *t
	c.tenants, c.groups, c.subs, c.named = maps.Clone(t.tenants), maps.Clone(t.groups), maps.Clone(t.subs), maps.Clone(t.named)
	c.placements = cloneDeep(t.placements)
	return c
}

func cloneDeep[K, M comparable](of map[K]map[M]struct{}) map[K]map[M]struct{} {
	c := make(map[K]map[M]struct{}, len(of))
	for k, set := range of {
		c[k] = maps.Clone(set)
	}
	return c
}

// SignsIn reports whether the directory knows a principal that can sign in: a user or
// service principal that is not disabled.
func (g *Guard) SignsIn(p gatehouse.GUID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	known, ok := g.model.principals[p]
	return ok && !known.disabled && known.typ != gatehouse.Group
}

// IsGroup reports whether the directory knows a group.
func (g *Guard) IsGroup(p gatehouse.GUID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.model.principals[p].typ == gatehouse.Group
}
