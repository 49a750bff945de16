package lint

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/cond"
	"gatehouse/world"
)

// inspection is one Run: the world with what makes it quick to ask, and what was found so far.
type inspection struct {
	Input
	world      *world.World
	snapshot   *rbac.Snapshot
	now        time.Time
	roles      map[gatehouse.GUID]*role
	principals map[gatehouse.GUID]*world.Principal
	held       map[gatehouse.GUID]int // assignments and eligibilities of a role
	chains     map[gatehouse.Scope][]gatehouse.Scope
	conditions map[string]*condition
	decided    map[string][2]bool                  // of a role and a condition: whether it always or never holds
	within     map[gatehouse.GUID][]gatehouse.GUID // groups with holdings by principal, as groups finds them
	holders    map[gatehouse.GUID]bool
	rule       *Rule
	found      []Finding
}

// condition is a parsed condition, or why it is none.
type condition struct {
	*cond.Condition
	fault error
}

// role is a role definition with its patterns compiled.
type role struct {
	*gatehouse.RoleDefinition
	entries []entry
	answers map[string]bool
}

type entry struct {
	actions, notActions, data, notData []gatehouse.Pattern
	condition                          string
}

func inspect(in Input) *inspection {
	x := &inspection{Input: in, world: in.World, now: in.World.Now, roles: map[gatehouse.GUID]*role{}, principals: map[gatehouse.GUID]*world.Principal{},
		held: map[gatehouse.GUID]int{}, chains: map[gatehouse.Scope][]gatehouse.Scope{}, conditions: map[string]*condition{}, decided: map[string][2]bool{}}
	if x.now.IsZero() {
		x.now = time.Now()
	}
	x.Limits.Owners = orElse(x.Limits.Owners, 3)
	x.Limits.SecretAge = orElse(x.Limits.SecretAge, 90*24*time.Hour)
	x.Limits.Expiring = orElse(x.Limits.Expiring, 30*24*time.Hour)
	x.snapshot = rbac.New(x.world.Engine())
	for i := range x.world.Roles {
		r := &x.world.Roles[i]
		x.roles[r.ID] = compile(r)
	}
	for i := range x.world.Principals {
		x.principals[x.world.Principals[i].ID] = &x.world.Principals[i]
	}
	for _, list := range [][]world.Assignment{x.world.Assignments, x.world.Eligibilities} {
		for i := range list {
			x.held[list[i].Role]++
		}
	}
	return x
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

func compile(r *gatehouse.RoleDefinition) *role {
	out := &role{RoleDefinition: r, answers: map[string]bool{}}
	for _, p := range r.Permissions {
		out.entries = append(out.entries, entry{patterns(p.Actions), patterns(p.NotActions), patterns(p.DataActions), patterns(p.NotDataActions), p.Condition})
	}
	return out
}

func patterns(texts []string) []gatehouse.Pattern {
	out := make([]gatehouse.Pattern, len(texts))
	for i, t := range texts {
		out[i] = gatehouse.NewPattern(t)
	}
	return out
}

func matches(list []gatehouse.Pattern, action string) bool {
	for _, p := range list {
		if p.Match(action) {
			return true
		}
	}
	return false
}

// grants reports whether the role holds an action or data action, conditions of its entries aside.
func (r *role) grants(action string, data bool) bool {
	key := action
	if data {
		key = "data " + action
	}
	answer, known := r.answers[key]
	if !known {
		for _, e := range r.entries {
			answer = answer || e.grants(action, data)
		}
		r.answers[key] = answer
	}
	return answer
}

func (e *entry) grants(action string, data bool) bool {
	if data {
		return matches(e.data, action) && !matches(e.notData, action)
	}
	return matches(e.actions, action) && !matches(e.notActions, action)
}

// active reports whether an assignment is in force, or will be.
func (x *inspection) active(a *world.Assignment) bool {
	return a.End.IsZero() || x.now.Before(a.End) && (a.Start.IsZero() || a.Start.Before(a.End))
}

func (x *inspection) parsed(text string) *condition {
	c := x.conditions[text]
	if c == nil {
		parsed, err := cond.Parse(text)
		c = &condition{parsed, err}
		x.conditions[text] = c
	}
	return c
}

// chain is a scope and everything above it.
func (x *inspection) chain(s gatehouse.Scope) []gatehouse.Scope {
	c, ok := x.chains[s]
	if !ok {
		c = x.snapshot.Ancestors(s)
		x.chains[s] = c
	}
	return c
}

func (x *inspection) under(s, above gatehouse.Scope) bool {
	if above.Contains(s) {
		return true
	}
	for _, a := range x.chain(s) {
		if a == above {
			return true
		}
	}
	return false
}

// Tiers of scopes, widest first.
const (
	rootTier = iota
	subscriptionTier
	groupTier
	resourceTier
)

func tier(s gatehouse.Scope) int {
	if s.IsRoot() || strings.HasPrefix(s.String(), "/providers/microsoft.management/managementgroups/") && strings.Count(s.String(), "/") == 4 {
		return rootTier
	}
	if sub, ok := s.Subscription(); ok && sub == s {
		return subscriptionTier
	}
	if group, ok := s.ResourceGroup(); ok && group == s {
		return groupTier
	}
	return resourceTier
}

// who is what people call a principal.
func (x *inspection) who(id gatehouse.GUID) string {
	p := x.principals[id]
	switch {
	case p == nil:
		return id.String()
	case p.Name != "":
		return p.Name
	case p.Display != "":
		return p.Display
	}
	return id.String()
}

func (x *inspection) roleName(id gatehouse.GUID) string {
	if r := x.roles[id]; r != nil {
		return r.Name
	}
	return id.String()
}

var dull = regexp.MustCompile(`(?i)^/subscriptions/[^/]+/(resourcegroups/)?|/providers/[^/]+`)

// where names a scope as people do.
func (x *inspection) where(s gatehouse.Scope) string {
	text := x.world.Spell(s)
	name := text[strings.LastIndexByte(text, '/')+1:]
	switch tier(s) {
	case rootTier:
		if s.IsRoot() {
			return "the tenant root"
		}
		return "management group " + name
	case subscriptionTier:
		return "subscription " + name
	case groupTier:
		return "resource group " + name
	}
	return strings.TrimPrefix(dull.ReplaceAllString(text, ""), "/")
}

func (x *inspection) assignmentID(a *world.Assignment) string {
	return strings.TrimSuffix(x.world.Spell(a.Scope), "/") + "/providers/Microsoft.Authorization/roleAssignments/" + a.ID.String()
}

func (x *inspection) deleteAssignment(a *world.Assignment) string {
	return "az role assignment delete --ids " + quote(x.assignmentID(a))
}

// quote writes a word for a POSIX shell.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@=,+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// of is a finding about an assignment.
func of(a *world.Assignment, message string, fix Fix) Finding {
	return Finding{Message: message, Principal: a.Principal, Role: a.Role, Assignment: a.ID, scope: a.Scope, Fix: fix}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
