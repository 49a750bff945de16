package check

import (
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/world"
)

// Result is how a case ended.
type Result struct {
	Name     string  `json:"name"`
	Passed   bool    `json:"passed"`
	Expected Verdict `json:"expected"`
	Got      Verdict `json:"got"`
	Reason   string  `json:"reason"`
	File     string  `json:"file,omitempty"`
	Line     int     `json:"line,omitempty"`
	why      string
}

// Report is how a Suite ended.
type Report struct {
	Cases    []Result  `json:"cases"`
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Coverage *Coverage `json:"coverage,omitempty"`
}

// Coverage tells which assignments no case exercised: none was allowed by them, and
// none asked for what their role holds where they are made.
type Coverage struct {
	Assignments int        `json:"assignments"`
	Exercised   int        `json:"exercised"`
	Untested    []Untested `json:"untested"`
}

// Untested is an assignment that could change without a test noticing.
type Untested struct {
	ID        string `json:"id"`
	Deny      bool   `json:"denyAssignment,omitempty"`
	Name      string `json:"name"` // of the role, or of the deny assignment
	Principal string `json:"principal,omitempty"`
	Scope     string `json:"scope"`
}

// Run decides every case.
func (s *Suite) Run(coverage bool) *Report {
	r := &Report{Cases: make([]Result, len(s.Cases))}
	for i, c := range s.Cases {
		r.Cases[i] = c.run(coverage)
		if r.Cases[i].Passed {
			r.Passed++
		} else {
			r.Failed++
		}
	}
	if coverage {
		r.Coverage = s.coverage()
	}
	return r
}

func (c *Case) run(coverage bool) Result {
	c.world.ready()
	if c.world.single {
		defer func() { c.world.snapshot = nil }()
	}
	out := Result{Name: c.Name, Expected: c.Expected, Got: Allowed, File: c.File, Line: c.Line, why: c.Why}
	for i := range c.Requests {
		q := c.Requests[i]
		c.world.inform(&q)
		d := c.world.snapshot.Decide(&q)
		verdict := Allowed
		if !d.Allowed {
			verdict = Denied
		}
		if coverage {
			c.world.exercise(&q)
		}
		if i > 0 && d.Allowed {
			continue
		}
		out.Got = verdict
		if out.Reason = c.world.brief(d); verdict != c.Expected {
			out.Reason = c.world.reason(&q, d, c.who)
		}
		if i > 0 {
			out.Reason = fmt.Sprintf("linked check %s at %s: %s", q.Action, c.world.World.Spell(q.Scope), out.Reason)
		}
		if !d.Allowed {
			break
		}
	}
	out.Passed = out.Got == out.Expected
	return out
}

// inform adds what the world knows of the principal, where the case says nothing of it.
func (s *Subject) inform(q *gatehouse.Request) {
	p := s.people[q.Principal]
	if p == nil || p.Attributes == nil || q.Attributes != nil && q.Attributes.Principal != nil {
		return
	}
	var a gatehouse.Attributes
	if q.Attributes != nil {
		a = *q.Attributes
	}
	a.Principal = p.Attributes
	q.Attributes = &a
}

// brief says in a few words what decided.
func (s *Subject) brief(d gatehouse.Decision) string {
	switch {
	case d.Allowed:
		at := ""
		for i := range s.World.Assignments {
			if a := &s.World.Assignments[i]; a.ID == d.Grant && a.Role == d.Role {
				at = " at " + s.World.Spell(a.Scope)
				break
			}
		}
		return fmt.Sprintf("role %q%s", s.roleName(d.Role), at)
	case d.Code == gatehouse.DenyAssignmentAuthorizationFailed:
		return s.denyBrief(d.Deny)
	case d.Conditional:
		return "a condition does not hold"
	}
	return "no role assignment grants it"
}

func (s *Subject) denyBrief(id gatehouse.GUID) string {
	for i := range s.World.Denies {
		if d := &s.World.Denies[i]; d.ID == id {
			return fmt.Sprintf("deny assignment %q at %s", d.Name, s.World.Spell(d.Scope))
		}
	}
	return "a deny assignment"
}

func (s *Subject) roleName(id gatehouse.GUID) string {
	if r := s.World.Role(id); r != nil {
		return r.Name
	}
	return id.String()
}

func (s *Subject) title(id gatehouse.GUID) string {
	s.ready()
	if id.IsZero() {
		return "everyone"
	}
	if p := s.people[id]; p != nil {
		return p.Title()
	}
	return s.World.Label(id)
}

// reason says why a case got what it did not expect.
func (s *Subject) reason(q *gatehouse.Request, d gatehouse.Decision, who string) string {
	x := s.snapshot.Explain(q)
	for _, r := range x.Reasons {
		if d.Allowed && r.Kind == rbac.Allows || !d.Allowed && r.Kind == rbac.Denies && d.Code == gatehouse.DenyAssignmentAuthorizationFailed {
			return s.sentence(&r)
		}
	}
	text := "no role assignment grants it"
	for _, r := range x.Near {
		if !r.Deny {
			return text + "; nearest: " + s.sentence(&r)
		}
	}
	if s.people[q.Principal] == nil {
		text += fmt.Sprintf("; the world knows no principal %s and no group it is in", who)
	}
	return text
}

// sentence says what an assignment had to do with a decision.
func (s *Subject) sentence(r *rbac.Reason) string {
	name := fmt.Sprintf("role %q", r.RoleName)
	if r.RoleName == "" {
		name = "role " + s.roleName(r.Role)
	}
	if r.Deny {
		name = fmt.Sprintf("deny assignment %q", r.Name)
	}
	at := name + " at " + s.World.Spell(r.Scope)
	if n := len(r.Path); n > 1 {
		steps := make([]string, n-1)
		for i, id := range r.Path[1:] {
			steps[i] = s.title(id)
		}
		at += " through " + strings.Join(steps, " > ")
	}
	switch r.Kind {
	case rbac.Allows, rbac.Denies:
		return fmt.Sprintf("%s, by %s", at, r.Pattern)
	case rbac.ConditionFalse:
		return at + " would, but its condition does not hold"
	case rbac.ConditionUnreadable:
		return at + " would, but its condition cannot be read: " + r.Fault
	case rbac.NotStarted:
		return fmt.Sprintf("%s would, from %s on", at, r.Start.UTC().Format("2006-01-02T15:04:05Z"))
	case rbac.Expired:
		return fmt.Sprintf("%s did, until %s", at, r.End.UTC().Format("2006-01-02T15:04:05Z"))
	case rbac.Subtracted:
		return fmt.Sprintf("%s has %s, but its notActions take away %s", at, r.Pattern, r.Exception)
	case rbac.WrongKind:
		return at + " holds it, but as the other of action and data action"
	case rbac.LacksAction:
		return at + " does not hold the action"
	case rbac.RoleDeleted:
		return at + " was deleted"
	case rbac.BelowScope:
		return at + " would, but is assigned further down"
	case rbac.LookAlike, rbac.Revision:
		return fmt.Sprintf("%s would, but is made at %q where %q was asked", at, r.Made, r.Asked)
	case rbac.Downward:
		return at + " would, but membership does not reach down into a group's groups"
	case rbac.Elsewhere:
		return at + " would, but is assigned elsewhere"
	}
	return at
}

// exercise notes the assignments that a question bears on.
func (s *Subject) exercise(q *gatehouse.Request) {
	x := s.snapshot.Explain(q)
	for _, list := range [][]rbac.Reason{x.Reasons, x.Near} {
		for _, r := range list {
			switch r.Kind {
			case rbac.Allows, rbac.Denies, rbac.Audits, rbac.ConditionFalse, rbac.NotStarted, rbac.Expired, rbac.Subtracted, rbac.Excluded:
				s.hit[r.Assignment] = true
			}
		}
	}
}

func (s *Suite) coverage() *Coverage {
	c := &Coverage{Untested: []Untested{}}
	for _, subject := range s.subjects {
		w := subject.World
		c.Assignments += len(w.Assignments) + len(w.Denies)
		for i := range w.Assignments {
			if a := &w.Assignments[i]; !subject.hit[a.ID] {
				c.Untested = append(c.Untested, Untested{ID: label(w, a.ID), Name: subject.roleName(a.Role), Principal: subject.title(a.Principal), Scope: w.Spell(a.Scope)})
			}
		}
		for i := range w.Denies {
			if d := &w.Denies[i]; !subject.hit[d.ID] {
				c.Untested = append(c.Untested, Untested{ID: label(w, d.ID), Deny: true, Name: d.Name, Scope: w.Spell(d.Scope)})
			}
		}
	}
	c.Exercised = c.Assignments - len(c.Untested)
	return c
}

func label(w *world.World, id gatehouse.GUID) string { return w.Label(id) }
