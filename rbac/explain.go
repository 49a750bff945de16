package rbac

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac/cond"
)

// maxElsewhere bounds the near misses at other scopes that an Explanation names.
const maxElsewhere = 50

// Explain answers like Decide and says why: everything that allowed or denied, and
// what nearly did (rbac.md 14). It reads everything that Decide may skip.
func (s *Snapshot) Explain(r *gatehouse.Request) Explanation {
	var w walk
	w.start(s, r)
	x := explainer{walk: &w, scope: r.Scope, out: Explanation{Decision: s.Decide(r), Chain: s.Ancestors(r.Scope), Groups: s.Groups(r.Principal)}}
	x.depth = map[uint32]int{}
	for i, n := range w.byDepth() {
		x.depth[n] = i
	}
	if w.who != nil && !r.Principal.IsZero() {
		x.grants()
		x.downward()
	}
	x.forbidden()
	x.sort()
	return x.out
}

type explainer struct {
	*walk
	scope     gatehouse.Scope
	depth     map[uint32]int // of the nodes of the chain; 0 is the most specific
	out       Explanation
	elsewhere []Reason
}

func (x *explainer) add(r Reason) {
	switch r.Kind {
	case Allows, Denies, Audits:
		x.out.Reasons = append(x.out.Reasons, r)
	case BelowScope, Elsewhere, LookAlike, Revision:
		x.elsewhere = append(x.elsewhere, r)
	default:
		x.out.Near = append(x.out.Near, r)
	}
}

// grants looks at everything assigned to the caller and its groups.
func (x *explainer) grants() {
	for _, n := range append([]uint32{x.self}, x.who.groups()...) {
		var path []gatehouse.GUID
		x.people.all.at(n).pieces(func(r rows) bool {
			for i := range r.hot {
				reason, ok := x.assignment(r, i)
				if !ok {
					continue
				}
				if path == nil {
					path = x.guids(x.people.path(x.self, n))
				}
				reason.Path = path
				x.add(reason)
			}
			return true
		})
	}
}

// assignment says what one assignment of the caller has to do with the request. At
// a scope that is not in the chain only one that would grant is worth telling.
func (x *explainer) assignment(r rows, i int) (Reason, bool) {
	h := r.hot[i]
	if _, ok := x.depth[h.scope]; ok {
		return x.reason(r, i), true
	}
	if x.judge(x.roles[h.roleIndex()], r.extra(i)) != grants {
		return Reason{}, false
	}
	reason := x.reason(r, i)
	x.distance(h.scope, &reason)
	return reason, true
}

// reason classifies an assignment as if its scope were in the chain.
func (x *explainer) reason(r rows, i int) Reason {
	h, extra := r.hot[i], r.extra(i)
	role := x.roles[h.roleIndex()]
	out := Reason{Assignment: r.ids[i], Scope: x.scopes.path(h.scope), Role: role.id}
	depth, inChain := x.depth[h.scope]
	out.Inherited = inChain && (depth > 0 || !x.exact)
	var own *condition
	if extra != nil {
		own, out.Start, out.End = extra.condition, extra.start, extra.end
	}
	if role.definition == nil {
		out.Kind = RoleDeleted
		return out
	}
	out.RoleName = role.definition.Name
	if out.Kind = x.entries(role.entries, own, &out); extra != nil && !extra.in(x.env.Now) {
		switch out.Kind {
		case Allows, ConditionFalse, ConditionUnreadable:
			out.Kind = Expired
			if x.env.Now.Before(extra.start) {
				out.Kind = NotStarted
			}
		}
	}
	return out
}

// entries says how the permission entries of a role meet the request, and notes the
// one that tells most: one that allows, else one that would but for a condition, else
// one whose match a notAction takes away, else one for the other kind of action.
func (x *explainer) entries(entries []entry, own *condition, out *Reason) Kind {
	rank := map[Kind]int{Allows: 5, ConditionFalse: 4, ConditionUnreadable: 3, Subtracted: 2, WrongKind: 1}
	best, plain := LacksAction, *out
	for i := range entries {
		one := plain
		one.Entry = i
		if kind := x.entry(&entries[i], own, &one); rank[kind] > rank[best] {
			best, *out = kind, one
		}
	}
	return best
}

func (x *explainer) entry(e *entry, own *condition, out *Reason) Kind {
	m := e.of(x.q.data)
	i := matching(m.include, x.q.action)
	if i < 0 {
		if e.of(!x.q.data).slow(x.q.action) {
			return WrongKind
		}
		return LacksAction
	}
	out.Pattern = m.include[i].String()
	if j := matching(m.exclude, x.q.action); j >= 0 {
		out.Exception = m.exclude[j].String()
		return Subtracted
	}
	out.EntryCondition, out.Condition = x.trace(e.condition), x.trace(own)
	for _, c := range []*condition{e.condition, own} {
		if c != nil && c.parsed == nil {
			out.Fault = c.fault
			return ConditionUnreadable
		}
	}
	if !e.condition.permits(&x.env) || !own.permits(&x.env) {
		return ConditionFalse
	}
	return Allows
}

func (x *explainer) trace(c *condition) *cond.Trace {
	if c == nil || c.parsed == nil {
		return nil
	}
	return c.parsed.Trace(&x.env)
}

// distance names the relation of a scope that is not in the chain to the one that was asked.
func (x *explainer) distance(n uint32, out *Reason) {
	out.Kind = Elsewhere
	if x.exact && x.scopes.under(n, x.at) {
		out.Kind = BelowScope
		return
	}
	asked, made, one := differing(x.scope.String(), out.Scope.String())
	switch {
	case one && beforeRevision(asked) == beforeRevision(made):
		out.Kind = Revision
	case one && (strings.HasPrefix(asked, made) || strings.HasPrefix(made, asked)):
		out.Kind = LookAlike
	default:
		return
	}
	out.Asked, out.Made = asked, made
}

// differing returns the segment in which two paths differ, when it is the only one
// that keeps scope from being asked or above it.
func differing(asked, scope string) (a, b string, one bool) {
	as, bs := strings.Split(asked, "/"), strings.Split(scope, "/")
	if len(bs) > len(as) {
		return "", "", false
	}
	for i := range bs {
		if as[i] == bs[i] {
			continue
		}
		if one {
			return "", "", false
		}
		a, b, one = as[i], bs[i], true
	}
	return a, b, one
}

func beforeRevision(name string) string {
	name, _, _ = strings.Cut(name, ";rev=")
	return name
}

// downward finds grants in the chain that are held by groups inside the caller's
// groups: membership does not flow downwards.
func (x *explainer) downward() {
	for n := range x.depth {
		for g := range x.assigned.with(n) {
			p := x.people.all.at(g)
			if x.who.in(x.self, g) || !x.people.down.any(g) {
				continue
			}
			shared := slices.IndexFunc(p.groups(), func(up uint32) bool { _, ok := slices.BinarySearch(x.who.groups(), up); return ok })
			if shared < 0 {
				continue
			}
			path := x.guids(x.people.path(g, p.groups()[shared]))
			p.at(n, func(r rows, i int) bool {
				if reason := x.reason(r, i); reason.Kind == Allows {
					reason.Kind, reason.Path = Downward, path
					x.add(reason)
				}
				return true
			})
		}
	}
}

// forbidden looks at the deny assignments of the chain that are about the action and name the caller.
func (x *explainer) forbidden() {
	for n, depth := range x.depth {
		for i := range x.deniesAt.with(n) {
			d := *x.denies.at(i)
			if !d.names(x.who, x.self) {
				continue
			}
			out := Reason{Deny: true, Assignment: d.ID, Name: d.Name, Scope: d.Scope, Inherited: depth > 0 || !x.exact}
			if out.Kind = x.deny(d, &out); out.Kind != LacksAction {
				x.add(out)
			}
		}
	}
}

func (x *explainer) deny(d *deny, out *Reason) Kind {
	kind := x.denyEntries(d, out)
	out.Path = x.denyPath(d.principals, d.everyone)
	switch {
	case kind == LacksAction || kind == ConditionFalse:
		return kind
	case !x.reaches(d):
		return NotInherited
	case d.spares(x.who, x.self):
		out.Path = x.denyPath(d.excluded, false)
		return Excluded
	case d.Audit:
		return Audits
	}
	return Denies
}

// denyEntries finds an entry that is about the action. What cannot be read or
// evaluated does not lift a deny.
func (x *explainer) denyEntries(d *deny, out *Reason) Kind {
	kind := LacksAction
	for i := range d.entries {
		e := &d.entries[i]
		if !e.matches(&x.q) {
			continue
		}
		m := e.of(x.q.data)
		out.Entry, out.Pattern = i, m.include[matching(m.include, x.q.action)].String()
		out.EntryCondition, out.Condition = x.trace(e.condition), x.trace(d.condition)
		out.Fault = faultOf(e.condition, d.condition)
		if e.condition.forbids(&x.env) && d.condition.forbids(&x.env) {
			return Denies
		}
		kind = ConditionFalse
	}
	return kind
}

func faultOf(conditions ...*condition) string {
	for _, c := range conditions {
		if c != nil && c.fault != "" {
			return c.fault
		}
	}
	return ""
}

// denyPath leads from the caller to the first of the numbers that is the caller or one of its groups.
func (x *explainer) denyPath(numbers []uint32, everyone bool) []gatehouse.GUID {
	for _, n := range numbers {
		if x.who != nil && x.who.in(x.self, n) {
			return x.guids(x.people.path(x.self, n))
		}
	}
	if everyone {
		return []gatehouse.GUID{{}}
	}
	return nil
}

// sort puts the most telling reasons first: denies, then by nearness of the scope.
func (x *explainer) sort() {
	order := []Kind{Denies, Allows, Audits, ConditionFalse, ConditionUnreadable, NotStarted, Expired, Subtracted, WrongKind, RoleDeleted, Downward,
		Excluded, NotInherited, Revision, LookAlike, BelowScope, Elsewhere, LacksAction}
	compare := func(a, b Reason) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)),
			-cmp.Compare(x.shared(a.Scope), x.shared(b.Scope)), compareGUIDs(a.Assignment, b.Assignment), slices.CompareFunc(a.Path, b.Path, compareGUIDs))
	}
	slices.SortFunc(x.elsewhere, compare)
	if extra := len(x.elsewhere) - maxElsewhere; extra > 0 {
		x.out.Omitted, x.elsewhere = extra, x.elsewhere[:maxElsewhere]
	}
	x.out.Near = append(x.out.Near, x.elsewhere...)
	slices.SortFunc(x.out.Reasons, compare)
	slices.SortFunc(x.out.Near, compare)
}

// shared measures how near a scope is to the one that was asked: the length of what
// their paths have in common.
func (x *explainer) shared(scope gatehouse.Scope) int {
	a, b := x.scope.String(), scope.String()
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
