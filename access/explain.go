package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/rbac/cond"
)

// Question is one act of one principal.
type Question struct {
	Principal    gatehouse.GUID
	Action       string
	Data         bool
	Scope        gatehouse.Scope
	SubOperation string
	Attributes   *gatehouse.Attributes
	Token        *Token // nil when nothing is known of one
	// Refused is when the act was refused, for a question about a past request; zero otherwise.
	Refused time.Time
}

// Token is what is known of the token that came with a request.
type Token struct {
	IssuedAt  time.Time `json:"issuedAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	Method    string    `json:"method,omitempty"`      // how its owner signed in
	ValidFrom time.Time `json:"sessionsFrom,omitzero"` // tokens issued before it were revoked
}

// Explanation is a decision with everything that led to it and what would change it.
type Explanation struct {
	Allowed    bool        `json:"allowed"`
	Verdict    string      `json:"verdict"` // one sentence
	Code       string      `json:"code,omitempty"`
	Action     string      `json:"action"`
	DataAction bool        `json:"dataAction"`
	Scope      Where       `json:"scope"`
	Principal  Who         `json:"principal"`
	Time       time.Time   `json:"time"`
	Diagnoses  []Diagnosis `json:"diagnoses"`
	Token      *Token      `json:"token,omitempty"`
	Groups     []Group     `json:"groups"`
	Scopes     []Where     `json:"scopes"` // whose assignments count, most specific first
	Grants     []Grant     `json:"grants"` // what allows
	Denies     []Grant     `json:"denies"`
	Near       []Grant     `json:"nearMisses"`
	Changes    []Change    `json:"changes"`
	// LinkedChecks are rights on what a refused request refers to that were missing.
	LinkedChecks []LinkedCheck `json:"linked,omitempty"`
	// Hidden counts role and deny assignments that bear on the answer and may not be shown to who asks.
	Hidden int `json:"hidden"`
	// Omitted counts further near misses at other scopes.
	Omitted int `json:"omitted,omitempty"`
}

// Group is a group that the principal is in.
type Group struct {
	Who
	Path []Who `json:"path"` // from the principal, both included
}

// Grant is a role or deny assignment and what it had to do with the decision.
type Grant struct {
	Kind       rbac.Kind      `json:"kind"`
	Why        string         `json:"why"` // one sentence
	Deny       bool           `json:"deny"`
	Assignment gatehouse.GUID `json:"assignment"`
	Name       string         `json:"name,omitempty"` // of a deny assignment
	Role       *Role          `json:"role,omitempty"`
	Scope      Where          `json:"scope"`
	Inherited  bool           `json:"inherited"`
	Path       []Who          `json:"path"` // from the principal over groups to the assignee
	Pattern    string         `json:"pattern,omitempty"`
	Exception  string         `json:"notAction,omitempty"`
	Start      time.Time      `json:"startDateTime,omitzero"`
	End        time.Time      `json:"endDateTime,omitzero"`
	Created    time.Time      `json:"createdOn,omitzero"`
	Condition  *Condition     `json:"condition,omitempty"`
	// RoleCondition is that of the permission entry of the role.
	RoleCondition *Condition `json:"roleCondition,omitempty"`
	Fault         string     `json:"fault,omitempty"` // why a condition cannot be read
	at            gatehouse.Scope
	reason        *rbac.Reason
}

// Role names a role definition.
type Role struct {
	ID   gatehouse.GUID `json:"id"`
	Name string         `json:"name,omitempty"`
}

// Condition is a condition with what it came to, part by part.
type Condition struct {
	Text    string       `json:"expression"`
	Outcome string       `json:"outcome"` // true, false, type error, or not evaluated
	Note    string       `json:"note,omitempty"`
	Seen    []Seen       `json:"seen,omitempty"`
	Parts   []*Condition `json:"parts,omitempty"`
}

// Seen is the value of an attribute that a condition looked at.
type Seen struct {
	Attribute string `json:"attribute"`
	Value     string `json:"value,omitempty"`
	Missing   bool   `json:"missing,omitempty"`
}

// Explain answers a question and says why.
func (v *View) Explain(q Question) *Explanation {
	q.Action = builtin.Canonical(q.Action)
	request := v.request(q)
	found := v.Snapshot.Explain(request)
	e := &explainer{View: v, q: q, request: request, found: &found, known: map[right][]gatehouse.RoleAssignment{}}
	e.out = &Explanation{Allowed: found.Decision.Allowed, Code: found.Decision.Code, Action: q.Action, DataAction: q.Data, Scope: v.where(q.Scope), Principal: v.who(q.Principal),
		Time: v.Now, Token: q.Token, Omitted: found.Omitted, Diagnoses: []Diagnosis{}, Grants: []Grant{}, Denies: []Grant{}, Near: []Grant{}, Changes: []Change{}}
	e.chain()
	e.groups()
	e.sortOut(found.Reasons)
	e.sortOut(found.Near)
	e.out.Verdict = e.verdict()
	if !e.out.Allowed {
		e.changes()
	}
	e.diagnose()
	return e.out
}

type explainer struct {
	*View
	q       Question
	request *gatehouse.Request
	found   *rbac.Explanation
	out     *Explanation
	known   map[right][]gatehouse.RoleAssignment
	had     []int8 // by known operation: 1 allowed, -1 not, 0 not asked
}

// chain lists the scopes that count. Of those above the subscription only what may be
// read is named: the others are known by the ID that was asked about.
func (e *explainer) chain() {
	e.out.Scopes = []Where{}
	for _, s := range e.found.Chain {
		if _, above := s.ManagementGroup(); above && !e.reads(s) {
			continue
		}
		e.out.Scopes = append(e.out.Scopes, e.where(s))
	}
}

func (e *explainer) groups() {
	e.out.Groups = []Group{}
	for _, g := range e.found.Groups {
		if !e.shows(g) {
			continue
		}
		e.out.Groups = append(e.out.Groups, Group{e.who(g), e.path(e.Snapshot.GroupPath(e.q.Principal, g))})
	}
	slices.SortFunc(e.out.Groups, func(a, b Group) int {
		if d := len(a.Path) - len(b.Path); d != 0 {
			return d
		}
		return strings.Compare(a.String(), b.String())
	})
}

// shows reports whether a group may be named: one's own may.
func (e *explainer) shows(gatehouse.GUID) bool { return !e.Nameless || e.q.Principal == e.Self }

// sortOut keeps what may be shown, by what it did, and counts the rest.
func (e *explainer) sortOut(reasons []rbac.Reason) {
	for i := range reasons {
		r := &reasons[i]
		if !e.reads(r.Scope) {
			e.out.Hidden++
			continue
		}
		g := e.grant(r)
		switch r.Kind {
		case rbac.Allows:
			e.out.Grants = append(e.out.Grants, g)
		case rbac.Denies, rbac.Audits:
			e.out.Denies = append(e.out.Denies, g)
		default:
			e.out.Near = append(e.out.Near, g)
		}
	}
}

func (e *explainer) grant(r *rbac.Reason) Grant {
	g := Grant{Kind: r.Kind, Deny: r.Deny, Assignment: r.Assignment, Name: r.Name, Scope: e.where(r.Scope), Inherited: r.Inherited, Path: e.path(r.Path),
		Pattern: r.Pattern, Exception: r.Exception, Start: r.Start, End: r.End, Condition: e.traced(r.Condition), RoleCondition: e.traced(r.EntryCondition), Fault: r.Fault,
		at: r.Scope, reason: r}
	if !r.Deny {
		g.Role = &Role{r.Role, r.RoleName}
		if e.Made != nil {
			g.Created = e.Made(gatehouse.RoleAssignment{ID: r.Assignment, Scope: r.Scope})
		}
	}
	g.Why = e.why(&g)
	return g
}

func (v *View) traced(t *cond.Trace) *Condition {
	if t == nil {
		return nil
	}
	c := &Condition{Text: t.Text, Outcome: t.Outcome.String(), Note: t.Note}
	if t.Skipped {
		c.Outcome = "not evaluated"
	}
	for _, s := range t.Seen {
		if seen := Seen(s); v.Private && strings.HasPrefix(gatehouse.Fold(s.Attribute), "@principal") {
			c.Seen, c.Note = append(c.Seen, Seen{Attribute: seen.Attribute, Value: "(not shown)"}), ""
		} else {
			c.Seen = append(c.Seen, seen)
		}
	}
	for _, p := range t.Parts {
		c.Parts = append(c.Parts, v.traced(p))
	}
	return c
}

// role names a role in a sentence.
func (g *Grant) role() string {
	switch {
	case g.Role == nil:
		return g.Name
	case g.Role.Name == "":
		return "role " + g.Role.ID.String()
	}
	return g.Role.Name
}

// at is where a grant was made, seen from the scope that was asked.
func (e *explainer) at(g *Grant) string {
	switch {
	case g.at == e.q.Scope:
		return "at this scope"
	case g.Inherited:
		return "at " + g.Scope.Name + " (inherited)"
	}
	return "at " + g.Scope.Name
}

// holder is the group that holds a grant, with the way to it: " through calculator-team > api-developers".
func (g *Grant) through() string {
	if len(g.Path) < 2 {
		return ""
	}
	return " through " + names(g.Path[1:], " > ")
}

func names(path []Who, between string) string {
	list := make([]string, len(path))
	for i, w := range path {
		list[i] = w.String()
	}
	return strings.Join(list, between)
}

const clock = "2006-01-02 15:04 MST"

// why says in a sentence what a grant had to do with the decision.
func (e *explainer) why(g *Grant) string {
	kind := "action"
	if e.q.Data {
		kind = "data action"
	}
	switch g.Kind {
	case rbac.Allows:
		return fmt.Sprintf("%s %s%s permits it: %s", g.role(), e.at(g), g.through(), g.Pattern)
	case rbac.Denies:
		return fmt.Sprintf("deny assignment %q %s takes it away: %s", g.Name, e.at(g), g.Pattern)
	case rbac.Audits:
		return fmt.Sprintf("deny assignment %q %s only records it", g.Name, e.at(g))
	case rbac.ConditionFalse:
		return fmt.Sprintf("%s %s%s permits it, but its condition does not hold", g.role(), e.at(g), g.through())
	case rbac.ConditionUnreadable:
		return fmt.Sprintf("%s %s%s permits it, but its condition cannot be read: %s", g.role(), e.at(g), g.through(), g.Fault)
	case rbac.NotStarted:
		return fmt.Sprintf("%s %s%s begins at %s", g.role(), e.at(g), g.through(), g.Start.UTC().Format(clock))
	case rbac.Expired:
		return fmt.Sprintf("%s %s%s ended at %s", g.role(), e.at(g), g.through(), g.End.UTC().Format(clock))
	case rbac.Subtracted:
		return fmt.Sprintf("%s %s%s permits %s and excepts it by notAction %s", g.role(), e.at(g), g.through(), g.Pattern, g.Exception)
	case rbac.WrongKind:
		other := "data action"
		if e.q.Data {
			other = "action"
		}
		return fmt.Sprintf("%s %s%s has it as %s and it was asked as %s", g.role(), e.at(g), g.through(), article(other), article(kind))
	case rbac.LacksAction:
		return fmt.Sprintf("%s %s%s does not hold this %s", g.role(), e.at(g), g.through(), kind)
	case rbac.RoleDeleted:
		return fmt.Sprintf("%s was deleted; its assignment %s%s grants nothing", g.role(), e.at(g), g.through())
	case rbac.BelowScope:
		return fmt.Sprintf("%s at %s%s permits it there, which is below what was asked", g.role(), g.Scope.Name, g.through())
	case rbac.Elsewhere:
		return fmt.Sprintf("%s at %s%s permits it there, which does not hold what was asked", g.role(), g.Scope.Name, g.through())
	case rbac.LookAlike:
		return fmt.Sprintf("%s at %s%s permits it there; %s is not %s", g.role(), g.Scope.Name, g.through(), g.reason.Made, g.reason.Asked)
	case rbac.Revision:
		return fmt.Sprintf("%s at %s%s permits it on that revision; %s is not %s", g.role(), g.Scope.Name, g.through(), g.reason.Made, g.reason.Asked)
	case rbac.Downward:
		return fmt.Sprintf("%s %s belongs to %s, which is inside of %s; membership does not flow downwards", g.role(), e.at(g), first(g.Path), last(g.Path))
	case rbac.Excluded:
		return fmt.Sprintf("deny assignment %q %s spares %s", g.Name, e.at(g), last(g.Path))
	case rbac.NotInherited:
		return fmt.Sprintf("deny assignment %q at %s does not apply to child scopes", g.Name, g.Scope.Name)
	}
	return string(g.Kind)
}

func article(noun string) string {
	if strings.HasPrefix(noun, "a") {
		return "an " + noun
	}
	return "a " + noun
}

func first(path []Who) string {
	if len(path) == 0 {
		return "a group"
	}
	return path[0].String()
}

func last(path []Who) string {
	if len(path) == 0 {
		return "the caller"
	}
	return path[len(path)-1].String()
}

// verdict is the answer in one sentence.
func (e *explainer) verdict() string {
	switch {
	case e.out.Allowed && len(e.out.Grants) > 0:
		return "yes - " + e.out.Grants[0].Why
	case e.out.Allowed:
		return "yes - an assignment that you may not read permits it"
	case e.out.Code == gatehouse.DenyAssignmentAuthorizationFailed && len(e.out.Denies) > 0:
		return "no - " + e.out.Denies[0].Why
	case e.out.Code == gatehouse.DenyAssignmentAuthorizationFailed:
		return "no - a deny assignment that you may not read takes it away"
	case e.found.Decision.Conditional:
		return "no - a role assignment would grant it, but its condition does not hold"
	}
	return "no - no role assignment grants it"
}
