package rbac

import (
	"slices"

	"gatehouse"
)

// WhoCan returns every principal that Decide would allow, in the order of their IDs.
// Groups are principals too: a group is listed when its members are allowed through
// it. A principal that nothing is known of holds nothing and is not listed.
func (s *Snapshot) WhoCan(q WhoCanRequest) []Holder {
	r := gatehouse.Request{Action: q.Action, Data: q.Data, Scope: q.Scope, SubOperation: q.SubOperation, Attributes: q.Attributes, Now: q.Now}
	var w walk
	w.start(s, &r)
	var out []Holder
	if q.PrincipalAttributes == nil || !w.conditions() {
		out = w.holders(w.reached(grants), w.blocking())
	} else {
		out = w.askEach(w.reached(conditional), r, q.PrincipalAttributes)
	}
	slices.SortFunc(out, func(a, b Holder) int { return compareGUIDs(a.Principal, b.Principal) })
	return out
}

// conditions reports whether any condition could bear on the answer: without one,
// nobody's attributes matter.
func (w *walk) conditions() bool {
	for _, scope := range w.byDepth() {
		for n := range w.assigned.with(scope) {
			found := false
			w.people.all.at(n).at(scope, func(r rows, i int) bool {
				x := r.extra(i)
				found = w.roles[r.hot[i].roleIndex()].conditional(&w.q, x != nil && x.condition != nil)
				return !found
			})
			if found {
				return true
			}
		}
		for n := range w.deniesAt.with(scope) {
			if d := *w.denies.at(n); d.condition != nil || slices.ContainsFunc(d.entries, func(e entry) bool { return e.condition != nil }) {
				return true
			}
		}
	}
	return false
}

// conditional reports whether an assignment of the role permits the action on a condition, its own or an entry's.
func (r *role) conditional(q *question, own bool) bool {
	for i := range r.entries {
		if e := &r.entries[i]; (own || e.condition != nil) && e.matches(q) {
			return true
		}
	}
	return false
}

// hold is a grant on its way down from the assignee: next is one step closer to it.
type hold struct {
	next   uint32
	source *source
}

// source is a row that grants.
type source struct {
	assignee, scope uint32
	id, role        gatehouse.GUID
}

// reached returns all principals that hold a grant of at least the given verdict,
// assignees first and then, nearest first, all in them.
func (w *walk) reached(least verdict) map[uint32]hold {
	held := map[uint32]hold{}
	var queue []uint32
	for _, scope := range w.byDepth() {
		for n := range w.assigned.with(scope) {
			if _, ok := held[n]; ok {
				continue
			}
			if x := w.source(n, scope, least); x != nil {
				held[n] = hold{n, x}
				queue = append(queue, n)
			}
		}
	}
	for i := 0; i < len(queue); i++ {
		for n := range w.people.down.with(queue[i]) {
			if _, ok := held[n]; !ok {
				held[n] = hold{queue[i], held[queue[i]].source}
				queue = append(queue, n)
			}
		}
	}
	return held
}

// byDepth returns the chain with the most specific scope first.
func (w *walk) byDepth() []uint32 {
	chain := w.chain.all()
	at := slices.Index(chain, w.at)
	out := make([]uint32, 0, len(chain))
	for i := at; i > 0; i-- {
		out = append(out, chain[i])
	}
	out = append(out, chain[at+1:]...)
	return append(out, root)
}

func (w *walk) source(n, scope uint32, least verdict) (found *source) {
	p := w.people.all.at(n)
	if p.id.IsZero() {
		return nil
	}
	p.at(scope, func(r rows, i int) bool {
		role := w.roles[r.hot[i].roleIndex()]
		if w.judge(role, r.extra(i)) >= least {
			found = &source{n, scope, r.ids[i], role.id}
		}
		return found == nil
	})
	return found
}

// blocking returns the denies that block the request for whomever they name.
func (w *walk) blocking() []*deny {
	var out []*deny
	for _, scope := range w.chain.all() {
		for n := range w.deniesAt.with(scope) {
			if d := *w.denies.at(n); !d.Audit && w.reaches(d) && w.forbids(d) {
				out = append(out, d)
			}
		}
	}
	return out
}

func (w *walk) holders(held map[uint32]hold, denies []*deny) []Holder {
	paths := map[uint32]gatehouse.Scope{}
	var out []Holder
	for n, h := range held {
		who := w.people.all.at(n)
		if slices.ContainsFunc(denies, func(d *deny) bool { return d.names(who, n) && !d.spares(who, n) }) {
			continue
		}
		scope, ok := paths[h.source.scope]
		if !ok {
			scope = w.scopes.path(h.source.scope)
			paths[h.source.scope] = scope
		}
		path := []gatehouse.GUID{who.id}
		for at := n; at != h.source.assignee; {
			at = held[at].next
			path = append(path, w.people.all.at(at).id)
		}
		out = append(out, Holder{who.id, h.source.id, h.source.role, scope, path})
	}
	return out
}

// askEach decides for every candidate with its own attributes: its conditions may read them.
func (w *walk) askEach(candidates map[uint32]hold, r gatehouse.Request, of func(gatehouse.GUID) map[string]any) []Holder {
	var out []Holder
	for n := range candidates {
		var attributes gatehouse.Attributes
		if w.env.Attributes != nil {
			attributes = *w.env.Attributes
		}
		r.Principal = w.people.all.at(n).id
		attributes.Principal = of(r.Principal)
		r.Attributes = &attributes
		d := w.Decide(&r)
		if !d.Allowed {
			continue
		}
		for _, reason := range w.Explain(&r).Reasons {
			if reason.Kind == Allows && reason.Assignment == d.Grant {
				out = append(out, Holder{r.Principal, d.Grant, d.Role, reason.Scope, reason.Path})
				break
			}
		}
	}
	return out
}
