package desired

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/world"
)

// Effect is what a plan means for some people at one scope: they gain and lose the same there.
type Effect struct {
	Scope  string   `json:"scope"`
	Who    []string `json:"who"`
	Gains  []Right  `json:"gains,omitempty"`
	Losses []Right  `json:"losses,omitempty"`
}

// Right is an action or a pattern of actions, and through what one has it.
type Right struct {
	Action  string `json:"action"`
	Data    bool   `json:"dataAction,omitempty"`
	Through string `json:"through,omitempty"`
}

// side is the state before or after, ready to decide.
type side struct {
	w *world.World
	s *rbac.Snapshot
}

func newSide(w *world.World) side {
	e := w.Engine()
	for i := range e.Assignments { // what a management group above grants was listed because it bears on us
		if _, ok := e.Assignments[i].Scope.ManagementGroup(); ok {
			e.Assignments[i].Scope = gatehouse.Scope{}
		}
	}
	return side{w, rbac.New(e)}
}

// question is an action at a scope that may come out differently.
type question struct {
	action string
	data   bool
}

// touched is where and for whom something may differ, and which roles are involved.
type touched struct {
	scopes map[gatehouse.Scope]bool
	people map[gatehouse.GUID]bool
	roles  []gatehouse.Permission
}

func (t *touched) grant(w *world.World, a *world.Assignment) {
	t.scopes[a.Scope], t.people[a.Principal] = true, true
	if r := w.Role(a.Role); r != nil {
		t.roles = append(t.roles, r.Permissions...)
	}
}

func (p *planner) effects() {
	before, after := newSide(p.w), newSide(p.after)
	t := &touched{scopes: map[gatehouse.Scope]bool{}, people: map[gatehouse.GUID]bool{}}
	t.compare(p.w, p.after)
	t.compare(p.after, p.w)
	questions := t.questions()
	people := t.everybody(p.w, p.after)
	type key struct{ scope, gains, losses string }
	found, above := map[key]*Effect{}, map[gatehouse.GUID][]told{}
	for _, scope := range slices.SortedFunc(maps.Keys(t.scopes), func(a, b gatehouse.Scope) int { return cmp.Compare(a.String(), b.String()) }) {
		for _, who := range people {
			gains, losses := p.differ(before, after, who, scope, questions)
			for _, t := range above[who] { // what was told of a scope above holds here too
				t.forget(scope, gains, losses)
			}
			above[who] = append(above[who], told{scope, maps.Clone(gains), maps.Clone(losses)})
			e := Effect{Scope: Short(p.o.Subscription, p.after.Spell(scope)), Gains: p.condense(gains, questions, after), Losses: p.condense(losses, questions, before)}
			if len(e.Gains)+len(e.Losses) == 0 {
				continue
			}
			k := key{e.Scope, fmt.Sprint(e.Gains), fmt.Sprint(e.Losses)}
			if found[k] == nil {
				found[k] = &e
				p.plan.Effects = append(p.plan.Effects, e)
			}
			found[k].Who = append(found[k].Who, p.who(who))
		}
	}
	for i := range p.plan.Effects {
		e := &p.plan.Effects[i]
		e.Who = found[key{e.Scope, fmt.Sprint(e.Gains), fmt.Sprint(e.Losses)}].Who
	}
	p.lockouts(before, after)
}

// told is what a principal gains and loses at a scope.
type told struct {
	at            gatehouse.Scope
	gains, losses map[question]gatehouse.GUID
}

func (t told) forget(scope gatehouse.Scope, gains, losses map[question]gatehouse.GUID) {
	if !t.at.Contains(scope) {
		return
	}
	for q := range t.gains {
		delete(gains, q)
	}
	for q := range t.losses {
		delete(losses, q)
	}
}

// compare notes what one world has and the other has not, or has differently.
func (t *touched) compare(w, other *world.World) {
	same := map[gatehouse.GUID]*world.Assignment{}
	for i := range other.Assignments {
		same[other.Assignments[i].ID] = &other.Assignments[i]
	}
	roles := map[gatehouse.GUID]bool{} // changed
	for i := range w.Roles {
		if o := other.Role(w.Roles[i].ID); o == nil || !reflect.DeepEqual(o.Permissions, w.Roles[i].Permissions) {
			roles[w.Roles[i].ID] = true
		}
	}
	moved := t.moved(w, other)
	for i := range w.Assignments {
		a := &w.Assignments[i]
		if o := same[a.ID]; o == nil || o.Condition != a.Condition || roles[a.Role] {
			t.grant(w, a)
		}
		if moved[a.Principal] {
			people := maps.Clone(t.people)
			t.grant(w, a)
			t.people = people // only who came and went
		}
	}
	for i := range w.Denies {
		d := &w.Denies[i]
		if !slices.ContainsFunc(other.Denies, func(o gatehouse.DenyAssignment) bool { return reflect.DeepEqual(o, *d) }) {
			t.scopes[d.Scope] = true
			t.roles = append(t.roles, d.Permissions...)
			for i := range w.Principals {
				t.people[w.Principals[i].ID] = true
			}
		}
	}
}

// moved notes who is in a group in one world only, and returns the groups through which that bears.
func (t *touched) moved(w, other *world.World) map[gatehouse.GUID]bool {
	groups := map[gatehouse.GUID]bool{}
	for i := range w.Principals {
		g := &w.Principals[i]
		var there []gatehouse.GUID
		if o := other.Principal(g.ID); o != nil {
			there = o.Members
		}
		for _, m := range g.Members {
			if !slices.Contains(there, m) {
				t.people[m] = true
				maps.Copy(groups, belongings(w, g.ID))
			}
		}
	}
	return groups
}

// questions are the known actions that the involved roles speak of.
func (t *touched) questions() (all []question) {
	seen := map[question]bool{}
	for _, r := range t.roles {
		for _, a := range r.Actions {
			seen[question{a, false}] = true
		}
		for _, a := range r.DataActions {
			seen[question{a, true}] = true
		}
	}
	patterns := slices.SortedFunc(maps.Keys(seen), func(a, b question) int { return cmp.Compare(a.action, b.action) })
	for _, o := range builtin.Operations() {
		q := question{o.Name, o.Data}
		if slices.ContainsFunc(patterns, func(p question) bool { return p.covers(q) }) {
			all = append(all, q)
			seen[q] = true
		}
	}
	for _, p := range patterns { // an action that the catalogue lacks
		if !strings.Contains(p.action, "*") && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

func (q question) covers(o question) bool {
	return q.data == o.data && gatehouse.NewPattern(q.action).Match(o.action)
}

// everybody are the people and programs among those touched, out of their groups.
func (t *touched) everybody(worlds ...*world.World) []gatehouse.GUID {
	all := map[gatehouse.GUID]bool{}
	var add func(w *world.World, id gatehouse.GUID, seen map[gatehouse.GUID]bool)
	add = func(w *world.World, id gatehouse.GUID, seen map[gatehouse.GUID]bool) {
		if seen[id] {
			return
		}
		seen[id] = true
		switch who := w.Principal(id); {
		case who == nil:
		case who.Type != gatehouse.Group:
			all[id] = true
		default:
			for _, m := range who.Members {
				add(w, m, seen)
			}
		}
	}
	for _, w := range worlds {
		for id := range t.people {
			add(w, id, map[gatehouse.GUID]bool{})
		}
	}
	title := func(id gatehouse.GUID) string {
		for _, w := range worlds {
			if who := w.Principal(id); who != nil {
				return who.Title()
			}
		}
		return id.String()
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b gatehouse.GUID) int { return cmp.Compare(title(a), title(b)) })
}

// differ returns the grants of the actions that a principal has in one world only.
func (p *planner) differ(before, after side, who gatehouse.GUID, scope gatehouse.Scope, questions []question) (gains, losses map[question]gatehouse.GUID) {
	gains, losses = map[question]gatehouse.GUID{}, map[question]gatehouse.GUID{}
	for _, q := range questions {
		r := gatehouse.Request{Principal: who, Action: q.action, Data: q.data, Scope: scope, Now: p.o.Now}
		old, next := before.s.Decide(&r), after.s.Decide(&r)
		switch {
		case next.Allowed && !old.Allowed:
			gains[q] = next.Grant
		case old.Allowed && !next.Allowed:
			losses[q] = old.Grant
		}
	}
	return gains, losses
}

// condense says many actions in few patterns: those that the granting role itself uses.
func (p *planner) condense(rights map[question]gatehouse.GUID, questions []question, s side) (out []Right) {
	byGrant := map[gatehouse.GUID]map[question]bool{}
	for q, grant := range rights {
		if byGrant[grant] == nil {
			byGrant[grant] = map[question]bool{}
		}
		byGrant[grant][q] = true
	}
	for grant, left := range byGrant {
		through := p.through(grant, s)
		for _, pattern := range patternsOf(s.w, grant) {
			of, have := 0, 0
			for _, q := range questions {
				if pattern.covers(q) {
					of++
					if left[q] {
						have++
					}
				}
			}
			if have == 0 || 2*have < of {
				continue
			}
			text := pattern.action
			if have < of {
				text += fmt.Sprintf(" (%d of %d)", have, of)
			}
			out = append(out, Right{text, pattern.data, through})
			maps.DeleteFunc(left, func(q question, _ bool) bool { return pattern.covers(q) })
		}
		for q := range left {
			out = append(out, Right{q.action, q.data, through})
		}
	}
	slices.SortFunc(out, func(a, b Right) int {
		return cmp.Or(cmp.Compare(a.Through, b.Through), cmp.Compare(a.Action, b.Action))
	})
	return out
}

// patternsOf are the patterns of the role of an assignment.
func patternsOf(w *world.World, grant gatehouse.GUID) (patterns []question) {
	for i := range w.Assignments {
		if r := w.Role(w.Assignments[i].Role); w.Assignments[i].ID == grant && r != nil {
			for _, permission := range r.Permissions {
				for _, a := range permission.Actions {
					patterns = append(patterns, question{a, false})
				}
				for _, a := range permission.DataActions {
					patterns = append(patterns, question{a, true})
				}
			}
		}
	}
	slices.SortFunc(patterns, func(a, b question) int { return cmp.Compare(a.action, b.action) })
	return patterns
}

// through says by which assignment one has a right.
func (p *planner) through(id gatehouse.GUID, s side) string {
	for i := range s.w.Assignments {
		if a := &s.w.Assignments[i]; a.ID == id {
			role := "a deleted role"
			if r := s.w.Role(a.Role); r != nil {
				role = fmt.Sprintf("%q", r.Name)
			}
			return fmt.Sprintf("%s for %s", role, p.who(a.Principal))
		}
	}
	return ""
}

// lockouts are the places where the applier may grant now and could not afterwards.
func (p *planner) lockouts(before, after side) {
	if p.o.Applier.IsZero() {
		return
	}
	scopes := map[gatehouse.Scope]bool{}
	for _, text := range p.d.Scopes() {
		if id, err := Expand(p.o.Subscription, text); err == nil {
			scopes[id.Scope()] = true
		}
	}
	for scope := range scopes {
		r := gatehouse.Request{Principal: p.o.Applier, Action: "Microsoft.Authorization/roleAssignments/write", Scope: scope, Now: p.o.Now}
		if before.s.Decide(&r).Allowed && !after.s.Decide(&r).Allowed {
			p.plan.Lockouts = append(p.plan.Lockouts, Short(p.o.Subscription, p.after.Spell(scope)))
		}
	}
	slices.Sort(p.plan.Lockouts)
}
