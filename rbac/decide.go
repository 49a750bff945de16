package rbac

import (
	"gatehouse"
	"gatehouse/rbac/cond"
)

// walk is a request made ready: everything that the folds over it need.
type walk struct {
	*Snapshot
	chain trail     // nodes of the scope and of all above it, see resolve
	bits  [4]uint64 // the same by their lowest eight bits, to pass over the others quickly
	at    uint32    // the node of the scope itself, when exact
	exact bool
	self  uint32  // the caller; 0 when unknown
	who   *person // nil when unknown
	q     question
	env   cond.Env
	rare  int
}

// start makes a request ready.
func (w *walk) start(s *Snapshot, r *gatehouse.Request) {
	var parts levels
	w.guess(s, r, &parts)
	w.resolve(r)
	w.q.number = s.actions.find(r.Action)
}

// guess makes a request ready but for the chain, which may hold a scope too many: see scopes.guess.
func (w *walk) guess(s *Snapshot, r *gatehouse.Request, parts *levels) {
	w.Snapshot = s
	parts.cutter = s.scopes.cut(pathOf(r.Scope))
	w.fetch(parts, &r.Principal)
	w.at, w.exact = s.scopes.guess(parts, &w.chain)
	w.mark()
	w.q = question{r.Action, notLooked, r.Data}
	w.env = cond.Env{Action: r.Action, SubOperation: r.SubOperation, Attributes: r.Attributes, Now: r.Now}
}

// resolve replaces a guess.
func (w *walk) resolve(r *gatehouse.Request) {
	w.chain = trail{}
	w.at, w.exact = w.scopes.resolve(r.Scope, &w.chain)
	w.mark()
}

func (w *walk) mark() {
	w.bits = [4]uint64{}
	for i := range w.chain.n {
		n := w.chain.at(i)
		w.bits[n>>6&3] |= 1 << (n & 63)
	}
}

// fetch finds the caller, and reads without judging what else the walk is going to
// read: the entries for the parts of the path, the caller's groups and what they have.
// A million assignments do not fit into the processor's cache, and a read that has to
// wait for another costs a fifth of a microsecond or more; reads that do not wait for
// each other cost little. So all that can be read together is, in four rounds.
func (w *walk) fetch(parts *levels, caller *gatehouse.GUID) {
	tag := w.people.tag(caller)
	entry := w.people.table.find(tag)
	var sum uint32
	if entry.full() { // reads entry while the path is cut
		sum++
	}
	parts.take(&w.scopes)
	n := entry.first(entry.match(tag))
	person := w.people.all.at(n)
	parts.match()
	groups := person.groups()
	for _, g := range groups[:min(len(groups), maxFetch)] {
		sum |= w.people.all.at(g).ends()
	}
	if sum |= person.ends(); sum == noScope-1 {
		w.rare++ // uses sum, or the reads would be left out
	}
	if n == 0 || person.id != *caller {
		if n = w.people.find(caller); n == 0 {
			return
		}
		person = w.people.all.at(n)
	}
	w.self, w.who = n, person
}

const maxFetch = 32

// ends reads the first and the last row.
func (w *person) ends() uint32 {
	if len(w.hot) == 0 {
		return 0
	}
	return w.hot[0].scope | w.hot[len(w.hot)-1].scope
}

// Decide answers a Request: denied when no role assignment grants the action, denied
// when a deny assignment takes it away, else allowed (rbac.md 4.2). Of several
// assignments that decide alike, it names any. It allocates nothing.
func (s *Snapshot) Decide(r *gatehouse.Request) gatehouse.Decision {
	var w walk
	var parts levels
	w.guess(s, r, &parts)
	d := gatehouse.Decision{Code: gatehouse.AuthorizationFailed}
	if w.who == nil || r.Principal.IsZero() {
		return d
	}
	granted := w.grants(&d)
	if (granted || d.Conditional) && !s.scopes.right(&parts, &w.chain) {
		w.resolve(r)
		d = gatehouse.Decision{Code: gatehouse.AuthorizationFailed}
		granted = w.grants(&d)
	}
	if !granted {
		return d
	}
	d.Conditional = false
	if x := w.denied(); x != nil {
		d.Code, d.Deny = gatehouse.DenyAssignmentAuthorizationFailed, x.ID
		return d
	}
	d.Allowed, d.Code = true, ""
	return d
}

// Denied returns the deny assignment that takes the action away from whoever holds it
// otherwise, ok false when there is none: for names of one resource besides the name
// at which the right was asked for.
func (s *Snapshot) Denied(r *gatehouse.Request) (id gatehouse.GUID, ok bool) {
	var w walk
	w.start(s, r)
	if w.who == nil || r.Principal.IsZero() {
		return id, false
	}
	if x := w.denied(); x != nil {
		return x.ID, true
	}
	return id, false
}

// grants looks for a role assignment that grants and notes it in d.
func (w *walk) grants(d *gatehouse.Decision) bool {
	return w.granted(w.who, d) || w.grantedThroughGroups(d)
}

func (w *walk) grantedThroughGroups(d *gatehouse.Decision) bool {
	for _, g := range w.who.groups() {
		if w.granted(w.people.all.at(g), d) {
			return true
		}
	}
	return false
}

// granted looks for a row of one principal that grants, and notes it in d.
func (w *walk) granted(p *person, d *gatehouse.Decision) bool {
	if len(p.hot) > 48 || p.many() {
		return w.grantedByMany(p, d)
	}
	for i, h := range p.hot {
		if w.bits[h.scope>>6&3]>>(h.scope&63)&1 != 0 && w.chain.has(h.scope) {
			if w.note(p.own(), i, d) {
				return true
			}
		}
	}
	return false
}

// grantedByMany searches the ordered rows for each scope of the chain.
func (w *walk) grantedByMany(p *person, d *gatehouse.Decision) bool {
	for k := range w.chain.n {
		scope := w.chain.at(k)
		if w.grantedAt(p.own(), scope, d) {
			return true
		}
		more := p.more()
		for i := from(more, scope); i < len(more) && more[i].hot[0].scope <= scope; i++ {
			if w.grantedAt(more[i], scope, d) {
				return true
			}
		}
	}
	return false
}

func (w *walk) grantedAt(r rows, scope uint32, d *gatehouse.Decision) bool {
	for i := r.first(scope); i < len(r.hot) && r.hot[i].scope == scope; i++ {
		if w.note(r, i, d) {
			return true
		}
	}
	return false
}

func (w *walk) note(r rows, i int, d *gatehouse.Decision) bool {
	h := r.hot[i]
	role := w.roles[h.roleIndex()]
	var x *extra
	if h.hasExtra() {
		x = r.extras[i]
	}
	switch w.judge(role, x) {
	case grants:
		d.Grant, d.Role = r.ids[i], role.id
		return true
	case conditional:
		d.Conditional = true
	}
	return false
}

// verdict is what one role assignment says to the request.
type verdict uint8

const (
	lacks       verdict = iota
	conditional         // it matches but for a condition
	grants
)

// judge applies one role assignment whose scope and principal fit (rbac.md 4.3).
func (w *walk) judge(r *role, x *extra) verdict {
	if x != nil && !x.in(w.env.Now) {
		return lacks
	}
	if w.q.number == notLooked { // most requests meet no assignment at all
		w.q.number = w.actions.find(w.q.action)
	}
	v := lacks
	for i := range r.entries {
		entry := &r.entries[i]
		if !entry.matches(&w.q) {
			continue
		}
		if entry.condition.permits(&w.env) && (x == nil || x.condition.permits(&w.env)) {
			return grants
		}
		v = conditional
	}
	return v
}

// denied returns a deny assignment that blocks the request, nil when none does.
func (w *walk) denied() *deny {
	for k := range w.chain.n {
		scope := w.chain.at(k)
		if w.scopes.at(scope).flags&hasDeny == 0 {
			continue
		}
		for n := range w.deniesAt.with(scope) {
			if d := *w.denies.at(n); !d.Audit && w.reaches(d) && d.names(w.who, w.self) && !d.spares(w.who, w.self) && w.forbids(d) {
				return d
			}
		}
	}
	return nil
}

// reaches reports whether a deny of the chain holds at the scope: one that child
// scopes are spared from holds at its own scope only.
func (w *walk) reaches(d *deny) bool {
	return !d.ExceptChildScopes || w.exact && d.scope == w.at
}

// forbids reports whether a deny is about the action, and its conditions do not lift it.
func (w *walk) forbids(d *deny) bool {
	if !d.condition.forbids(&w.env) {
		return false
	}
	for i := range d.entries {
		if entry := &d.entries[i]; entry.matches(&w.q) && entry.condition.forbids(&w.env) {
			return true
		}
	}
	return false
}
