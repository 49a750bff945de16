package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// Code names a diagnosis (rbac.md 14).
type Code string

// The diagnoses, in the order in which they are told.
const (
	DeletedPrincipal    Code = "deletedPrincipal"
	DisabledAccount     Code = "disabledAccount"
	ExpiredToken        Code = "expiredToken"
	StaleToken          Code = "staleToken"
	GrantedAfterwards   Code = "grantedAfterwards"
	UnknownAction       Code = "unknownAction"
	InheritedDeny       Code = "inheritedDeny"
	DenyAssignment      Code = "denyAssignment"
	EligibleOnly        Code = "eligibleNotActivated"
	ConditionFalse      Code = "conditionFalse"
	ConditionUnreadable Code = "conditionUnreadable"
	NotStarted          Code = "assignmentNotStarted"
	Expired             Code = "assignmentExpired"
	NotActions          Code = "notActions"
	DataVersusAction    Code = "dataVersusAction"
	RoleDeleted         Code = "roleDeleted"
	NestedGroup         Code = "nestedGroup"
	RevisionName        Code = "revisionName"
	LookAlikeScope      Code = "lookAlikeScope"
	WrongLevel          Code = "wrongLevel"
	CustomRoleScope     Code = "customRoleScope"
	MissingServiceRead  Code = "missingServiceRead"
	LacksAction         Code = "roleLacksAction"
	NoAssignment        Code = "noAssignment"
)

// Diagnosis is a cause by name, with what to do about it.
type Diagnosis struct {
	Code   Code   `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

func (e *explainer) say(code Code, title, advice, format string, args ...any) {
	if slices.ContainsFunc(e.out.Diagnoses, func(d Diagnosis) bool { return d.Code == code }) {
		return // the nearest of a kind stands for the others, which nearMisses lists
	}
	e.out.Diagnoses = append(e.out.Diagnoses, Diagnosis{code, title, fmt.Sprintf(format, args...), advice})
}

// diagnose names the causes.
func (e *explainer) diagnose() {
	e.principalFaults()
	e.tokenFaults()
	if e.out.Allowed {
		return
	}
	e.actionFaults()
	for i := range e.out.Denies {
		if d := &e.out.Denies[i]; d.Kind == rbac.Denies {
			e.denied(d)
		}
	}
	if e.out.Code == gatehouse.DenyAssignmentAuthorizationFailed {
		return
	}
	e.eligible()
	for i := range e.out.Near {
		e.near(&e.out.Near[i])
	}
	e.serviceRead()
	if len(e.out.Diagnoses) > 0 {
		return
	}
	lacking := []string{}
	for i := range e.out.Near {
		if g := &e.out.Near[i]; g.Kind == rbac.LacksAction {
			lacking = append(lacking, g.role())
		}
	}
	if len(lacking) > 0 {
		slices.Sort(lacking)
		e.say(LacksAction, "The role does not hold the action", "Assign a role that holds it.",
			"What %s has here does not hold %s: %s.", e.out.Principal, e.out.Action, strings.Join(slices.Compact(lacking), ", "))
		return
	}
	if e.out.Hidden == 0 {
		e.say(NoAssignment, "Nothing is assigned", "Assign a role, or add the principal to a group that has one.",
			"Neither %s nor one of its groups has a role at %s or above.", e.out.Principal, e.out.Scope.Name)
	}
}

func (e *explainer) principalFaults() {
	p, ok := e.principal(e.q.Principal)
	switch {
	case !ok && e.Complete:
		e.say(DeletedPrincipal, "The principal does not exist", "Assign the role to the new object: one that was made again under the same name has another object ID.",
			"There is no user, group or service principal with object ID %s. It was deleted; what is still assigned to it helps nobody.", e.q.Principal)
	case ok && p.Disabled:
		e.say(DisabledAccount, "The account is disabled", "Enable the account.", "%s is disabled and cannot sign in, whatever it is assigned.", e.out.Principal)
	}
}

func (e *explainer) tokenFaults() {
	t := e.q.Token
	if t == nil {
		return
	}
	if !t.ExpiresAt.IsZero() && !e.asked().Before(t.ExpiresAt) {
		e.say(ExpiredToken, "The token has ended", "Sign in again; this is authentication, not authorization.", "The token ended at %s.", t.ExpiresAt.UTC().Format(clock))
	}
	if !t.ValidFrom.IsZero() && t.IssuedAt.Before(t.ValidFrom) {
		e.say(ExpiredToken, "The token was revoked", "Sign in again.", "Sessions that began before %s were revoked; the token is of %s.", t.ValidFrom.UTC().Format(clock), t.IssuedAt.UTC().Format(clock))
	}
	e.grantedLater()
}

// grantedLater finds that the permission is newer than the token or than the refusal.
func (e *explainer) grantedLater() {
	if !e.out.Allowed {
		return
	}
	for i := range e.out.Grants {
		g := &e.out.Grants[i]
		if g.Created.IsZero() {
			return
		}
		since := e.asked()
		if issued := e.q.Token.IssuedAt; !issued.IsZero() {
			since = issued
		}
		if g.Created.Before(since) {
			return // it had the permission all along, so its age is not the cause
		}
	}
	if len(e.out.Grants) == 0 {
		return
	}
	g := &e.out.Grants[0]
	if t := e.q.Token.IssuedAt; !t.IsZero() {
		e.say(StaleToken, "The token is older than the permission", "Send the request again. Gatehouse counts the role at once; a client that keeps an old answer, and Azure itself, want a new token: az account get-access-token, or sign in again.",
			"The token was issued at %s, and %s was assigned at %s.", t.UTC().Format(exact), g.role(), g.Created.UTC().Format(exact))
	}
	if !e.q.Refused.IsZero() && !g.Created.Before(e.q.Refused) {
		e.say(GrantedAfterwards, "It was granted afterwards", "Send the request again: it is allowed now.",
			"The request was refused at %s; %s was assigned at %s.", e.q.Refused.UTC().Format(exact), g.role(), g.Created.UTC().Format(exact))
	}
}

const exact = "2006-01-02 15:04:05 MST"

// actionFaults finds actions that nobody could hold as they were asked.
func (e *explainer) actionFaults() {
	if builtin.Known(e.q.Action, e.q.Data) {
		return
	}
	if builtin.Known(e.q.Action, !e.q.Data) {
		as, flag := "a data action", "Ask again with --data-action."
		if e.q.Data {
			as, flag = "an action", "Ask again without --data-action."
		}
		e.say(DataVersusAction, "Data action or action", flag, "%s is %s and was asked as the other kind.", e.q.Action, as)
		return
	}
	if p, ok := builtin.ProviderNamed(strings.SplitN(e.q.Action, "/", 2)[0]); ok && p.Catalogue {
		e.say(UnknownAction, "The action is not known", "Look for its spelling in: az provider operation show --namespace "+p.Namespace+".",
			"%s is no operation of %s; it may be misspelt.", e.q.Action, p.Namespace)
	}
}

func (e *explainer) denied(d *Grant) {
	whom := "everyone"
	if len(d.Path) > 0 && !d.Path[len(d.Path)-1].ID.IsZero() {
		whom = last(d.Path)
	}
	advice := "Roles cannot override it: remove the deny assignment or exclude the principal from it."
	if x, ok := e.Snapshot.Deny(d.at, d.Assignment); ok && x.SystemProtected {
		advice = "Roles cannot override it, and it is protected: who owns it, such as a deployment stack, has to remove it."
	}
	if d.Inherited {
		e.say(InheritedDeny, "A deny assignment is inherited", advice, "Deny assignment %q at %s names %s and applies to everything below it.", d.Name, d.Scope.Name, whom)
		return
	}
	e.say(DenyAssignment, "A deny assignment", advice, "Deny assignment %q at this scope names %s.", d.Name, whom)
}

// eligible finds roles that would do and are not activated.
func (e *explainer) eligible() {
	for _, a := range e.Eligible {
		if e.couldActivate(a.RoleAssignment) && e.reads(a.Scope) {
			e.say(EligibleOnly, "Eligible, and not activated", "Activate the role for as long as it is needed.",
				"%s is eligible for %s at %s and has not activated it.", e.who(a.Principal), e.roleName(a.Role), e.place(a.Scope))
		}
	}
}

func (e *explainer) couldActivate(a gatehouse.RoleAssignment) bool {
	mine := a.Principal == e.q.Principal || contains(e.found.Groups, a.Principal)
	inTime := (a.Start.IsZero() || !e.Now.Before(a.Start)) && (a.End.IsZero() || e.Now.Before(a.End))
	return mine && inTime && contains(e.found.Chain, a.Scope) && e.Snapshot.Permits(a.Role, e.q.Action, e.q.Data)
}

func (v *View) roleName(id gatehouse.GUID) string {
	if r, ok := v.Snapshot.Role(id); ok && r.Name != "" {
		return r.Name
	}
	return "role " + id.String()
}

// near tells a near miss by its name.
func (e *explainer) near(g *Grant) {
	switch g.Kind {
	case rbac.ConditionFalse:
		if !g.Deny {
			e.say(ConditionFalse, "The condition does not hold", "Meet the condition, change it, or assign a role without one.", "%s. %s", sentence(g.Why), falsePart(g))
		}
	case rbac.ConditionUnreadable:
		e.say(ConditionUnreadable, "The condition cannot be read", "Correct the condition.", "%s.", sentence(g.Why))
	case rbac.NotStarted:
		e.say(NotStarted, "The assignment has not begun", "Wait until then, or let it begin earlier.", "%s.", sentence(g.Why))
	case rbac.Expired:
		e.say(Expired, "The assignment has ended", "Extend it.", "%s.", sentence(g.Why))
	case rbac.Subtracted:
		e.say(NotActions, "notActions take it away", "notActions only cut what this role grants; they deny nothing. Another role may grant the action beside it.", "%s.", sentence(g.Why))
	case rbac.WrongKind:
		e.say(DataVersusAction, "Data action or action", "Ask for the other kind, or assign a role that has it in the other list.", "%s.", sentence(g.Why))
	case rbac.RoleDeleted:
		e.say(RoleDeleted, "The role was deleted", "Remove the assignment and assign a role that exists.", "%s.", sentence(g.Why))
	case rbac.Downward:
		e.say(NestedGroup, "Nested group, the other way round", "Add the principal to "+first(g.Path)+" itself, or assign the role to "+last(g.Path)+".",
			"%s is in %s. %s is inside of it and has %s %s; what is assigned to an inner group does not reach the members of the outer one.",
			e.out.Principal, last(g.Path), first(g.Path), g.role(), e.at(g))
	case rbac.Revision:
		e.say(RevisionName, "Another revision", "Assign the role to the API without ;rev=, which holds for all of its revisions.", "%s.", sentence(g.Why))
	case rbac.LookAlike:
		e.say(LookAlikeScope, "A scope that looks alike", "Assign the role where it was meant.", "%s.", sentence(g.Why))
	case rbac.BelowScope, rbac.Elsewhere:
		e.level(g)
	}
}

// level tells that a grant was made at the wrong level.
func (e *explainer) level(g *Grant) {
	if r, ok := e.Snapshot.Role(g.Role.ID); ok && !assignable(r, e.q.Scope, e.Snapshot) {
		e.say(CustomRoleScope, "The custom role ends elsewhere", "Add the scope to the role's assignableScopes before assigning it there.",
			"%s may be assigned at %s only, which does not hold %s.", g.role(), e.scopes(r.AssignableScopes), e.out.Scope.Name)
	}
	e.say(WrongLevel, "Assigned at the wrong level", "Assign the role at "+e.out.Scope.Name+", or ask for what it was assigned at.",
		"%s has %s%s at %s; the request was about %s.", e.out.Principal, g.role(), g.through(), g.Scope.Name, e.out.Scope.Name)
}

func (e *explainer) scopes(list []gatehouse.Scope) string {
	out := []string{}
	for _, s := range list {
		out = append(out, e.place(s))
	}
	return strings.Join(out, ", ")
}

// assignable reports whether a role may be assigned at a scope.
func assignable(r gatehouse.RoleDefinition, at gatehouse.Scope, s *rbac.Snapshot) bool {
	if r.Type != gatehouse.CustomRole || len(r.AssignableScopes) == 0 {
		return true
	}
	return slices.ContainsFunc(r.AssignableScopes, func(above gatehouse.Scope) bool { return s.Under(at, above) })
}

// serviceRead finds roles inside of a service that lack the service itself: the first
// thing that every client reads (rbac.md 13).
func (e *explainer) serviceRead() {
	if gatehouse.Fold(e.q.Action) != "microsoft.apimanagement/service/read" {
		return
	}
	for _, holder := range append([]gatehouse.GUID{e.q.Principal}, e.found.Groups...) {
		for a := range e.Snapshot.AssignmentsOf(holder) {
			if !e.q.Scope.Contains(a.Scope) && !contains(e.found.Chain, a.Scope) || !e.reads(a.Scope) {
				continue
			}
			r, _ := e.Snapshot.Role(a.Role)
			if slices.ContainsFunc(r.Permissions, inService) {
				e.say(MissingServiceRead, "service/read is missing", "Assign API Management Service Reader Role at the service, or add Microsoft.ApiManagement/service/read to the role.",
					"%s at %s lets %s work inside of the service, but not read the service itself, which clients do first.", r.Name, e.place(a.Scope), e.out.Principal)
				return
			}
		}
	}
}

func inService(p gatehouse.Permission) bool {
	return slices.ContainsFunc(p.Actions, func(a string) bool { return strings.HasPrefix(gatehouse.Fold(a), "microsoft.apimanagement/service/") })
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// falsePart names the innermost part of a condition that did not hold and what it saw.
func falsePart(g *Grant) string {
	for _, c := range []*Condition{g.RoleCondition, g.Condition} {
		if c == nil || c.Outcome == "true" {
			continue
		}
		c = c.failing()
		text := "It fails at " + strings.Join(strings.Fields(c.Text), " ")
		for _, s := range c.Seen {
			if s.Missing {
				text += "; " + s.Attribute + " was not given"
			} else {
				text += "; " + s.Attribute + " was " + s.Value
			}
		}
		return text + "."
	}
	return ""
}

// failing is the part at which a condition fails: of several, the first that looks at an attribute.
func (c *Condition) failing() *Condition {
	best := c
	for _, p := range c.Parts {
		if p.Outcome == "true" || p.Outcome == "not evaluated" {
			continue
		}
		if inner := p.failing(); best == c || len(best.Seen) == 0 && len(inner.Seen) > 0 {
			best = inner
		}
	}
	return best
}

// asked is when the act that the question is about happened.
func (e *explainer) asked() time.Time {
	if !e.q.Refused.IsZero() {
		return e.q.Refused
	}
	return e.Now
}
