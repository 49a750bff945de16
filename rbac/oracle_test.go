package rbac

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/rbac/cond"
)

// oracle answers like a Snapshot by reading rbac.md aloud: linear scans over the World.
type oracle struct{ w World }

func (o oracle) groups(p gatehouse.GUID) []gatehouse.GUID {
	seen := map[gatehouse.GUID]bool{}
	var visit func(gatehouse.GUID)
	visit = func(m gatehouse.GUID) {
		for _, e := range o.w.Members {
			if e.Member == m && !e.Group.IsZero() && !m.IsZero() && e.Group != p && !seen[e.Group] {
				seen[e.Group] = true
				visit(e.Group)
			}
		}
	}
	visit(p)
	return sortedGUIDs(seen)
}

func sortedGUIDs(set map[gatehouse.GUID]bool) []gatehouse.GUID {
	out := make([]gatehouse.GUID, 0, len(set))
	for g := range set {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b gatehouse.GUID) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// ancestors is rbac.md 3.2, on strings.
func (o oracle) ancestors(scope gatehouse.Scope) []string {
	text := strings.Trim(scope.String(), "/")
	var parts []string
	if text != "" {
		parts = strings.Split(text, "/")
	}
	var out []string
	path := ""
	for i := 0; i < len(parts); {
		n := 2
		if parts[i] == "providers" {
			n = 4
		}
		path += "/" + strings.Join(parts[i:i+n], "/")
		out = append([]string{path}, out...)
		i += n
	}
	if len(out) > 0 {
		top := out[len(out)-1]
		for range 1000 {
			parent := ""
			for c, p := range o.w.Parents {
				if c.String() == top && oracleHolds(c, p) {
					parent = p.String()
				}
			}
			if parent == "" || slices.Contains(out, parent) {
				break
			}
			out = append(out, parent)
			top = parent
		}
	}
	return append(out, "/")
}

const oracleGroup = `/providers/microsoft\.management/managementgroups/[^/]+`

var (
	oracleParent = regexp.MustCompile(`^` + oracleGroup + `$`)
	oracleChild  = regexp.MustCompile(`^(/subscriptions/[^/]+|` + oracleGroup + `)$`)
)

func oracleHolds(child, parent gatehouse.Scope) bool {
	return oracleChild.MatchString(child.String()) && oracleParent.MatchString(parent.String())
}

// glob is rbac.md 4.4 as a regular expression.
func glob(pattern, action string) bool {
	compiled, ok := globs.Load(pattern)
	if !ok {
		compiled = regexp.MustCompile(`(?s)^` + expression(gatehouse.Fold(pattern)) + `$`)
		globs.Store(pattern, compiled)
	}
	return compiled.(*regexp.Regexp).MatchString(gatehouse.Fold(action))
}

var globs sync.Map // of patterns, compiled

func expression(pattern string) string {
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] != '*':
			out.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		case i > 0 && strings.HasPrefix(pattern[i-1:], "/*/"):
			out.WriteString(`(?:.*/)?`)
			i++ // the slash
		default:
			out.WriteString(`.*`)
		}
	}
	return out.String()
}

func anyGlob(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return glob(p, action) })
}

func entryMatches(p gatehouse.Permission, action string, data bool) bool {
	if data {
		return anyGlob(p.DataActions, action) && !anyGlob(p.NotDataActions, action)
	}
	return anyGlob(p.Actions, action) && !anyGlob(p.NotActions, action)
}

// holds evaluates a condition; broken says that it cannot be read or evaluated.
func (o oracle) holds(text string, r *gatehouse.Request) (holds, broken bool) {
	if text == "" {
		return true, false
	}
	c, err := cond.Parse(text)
	if err != nil {
		return false, true
	}
	out := c.Eval(&cond.Env{Action: r.Action, SubOperation: r.SubOperation, Attributes: r.Attributes, Now: r.Now})
	return out == cond.True, out == cond.Fault
}

func (o oracle) role(id gatehouse.GUID) (gatehouse.RoleDefinition, bool) {
	for i := len(o.w.Roles) - 1; i >= 0; i-- {
		if o.w.Roles[i].ID == id {
			return o.w.Roles[i], true
		}
	}
	return gatehouse.RoleDefinition{}, false
}

func inWindow(a gatehouse.RoleAssignment, now time.Time) bool {
	return (a.Start.IsZero() || !now.Before(a.Start)) && (a.End.IsZero() || now.Before(a.End))
}

// grants returns the assignments that allow, and whether one matched but for a condition.
func (o oracle) grants(r *gatehouse.Request) (out []gatehouse.RoleAssignment, conditional bool) {
	chain := o.ancestors(r.Scope)
	ids := append(o.groups(r.Principal), r.Principal)
	for _, a := range o.w.Assignments {
		role, ok := o.role(a.Role)
		if !ok || a.Principal.IsZero() || !slices.Contains(ids, a.Principal) || !slices.Contains(chain, a.Scope.String()) || !inWindow(a, r.Now) {
			continue
		}
		granted := false
		for _, p := range role.Permissions {
			if !entryMatches(p, r.Action, r.Data) {
				continue
			}
			entry, _ := o.holds(p.Condition, r)
			own, _ := o.holds(a.Condition, r)
			if entry && own {
				granted = true
			} else {
				conditional = true
			}
		}
		if granted {
			out = append(out, a)
		}
	}
	return out, conditional
}

func (o oracle) denies(r *gatehouse.Request, audit bool) (out []gatehouse.DenyAssignment) {
	for _, d := range o.w.Denies {
		if d.Audit == audit && o.denyApplies(d, r) {
			out = append(out, d)
		}
	}
	return out
}

func (o oracle) denyApplies(d gatehouse.DenyAssignment, r *gatehouse.Request) bool {
	chain := o.ancestors(r.Scope)
	if !slices.Contains(chain, d.Scope.String()) || d.ExceptChildScopes && chain[0] != d.Scope.String() {
		return false
	}
	ids := o.groups(r.Principal)
	if !r.Principal.IsZero() {
		ids = append(ids, r.Principal)
	}
	hit := slices.Contains(d.Principals, gatehouse.GUID{})
	for _, id := range ids {
		hit = hit || slices.Contains(d.Principals, id)
		if slices.Contains(d.ExcludePrincipals, id) {
			return false
		}
	}
	if !hit {
		return false
	}
	if ok, broken := o.holds(d.Condition, r); !ok && !broken {
		return false
	}
	for _, p := range d.Permissions {
		if ok, broken := o.holds(p.Condition, r); entryMatches(p, r.Action, r.Data) && (ok || broken) {
			return true
		}
	}
	return false
}

func (o oracle) decide(r *gatehouse.Request) gatehouse.Decision {
	grants, conditional := o.grants(r)
	if len(grants) == 0 {
		return gatehouse.Decision{Code: gatehouse.AuthorizationFailed, Conditional: conditional}
	}
	d := gatehouse.Decision{Allowed: true, Grant: grants[0].ID, Role: grants[0].Role}
	if denies := o.denies(r, false); len(denies) > 0 {
		d.Allowed, d.Code, d.Deny = false, gatehouse.DenyAssignmentAuthorizationFailed, denies[0].ID
	}
	return d
}

func (o oracle) inForce(p gatehouse.GUID, now time.Time) (out []gatehouse.RoleAssignment) {
	ids := append(o.groups(p), p)
	for _, a := range o.w.Assignments {
		_, ok := o.role(a.Role)
		if ok && readable(a.Condition) && !p.IsZero() && slices.Contains(ids, a.Principal) && inWindow(a, now) {
			out = append(out, a)
		}
	}
	return out
}

func readable(condition string) bool {
	_, err := cond.Parse(condition)
	return condition == "" || err == nil
}

func (o oracle) permissions(p gatehouse.GUID, scope gatehouse.Scope, now time.Time) (out []string) {
	chain := o.ancestors(scope)
	for _, a := range o.inForce(p, now) {
		role, _ := o.role(a.Role)
		for _, e := range role.Permissions {
			if !slices.Contains(chain, a.Scope.String()) || !readable(e.Condition) {
				continue
			}
			if e.Condition != "" && a.Condition != "" {
				e.Condition = "(" + e.Condition + ") AND (" + a.Condition + ")"
			} else {
				e.Condition += a.Condition
			}
			if a.Condition != "" {
				e.ConditionVersion = "2.0"
			}
			out = append(out, fmt.Sprint(e))
		}
	}
	slices.Sort(out)
	return out
}

func (o oracle) visible(p gatehouse.GUID, scope gatehouse.Scope, now time.Time) bool {
	chain := o.ancestors(scope)
	return slices.ContainsFunc(o.inForce(p, now), func(a gatehouse.RoleAssignment) bool {
		return slices.Contains(chain, a.Scope.String()) || slices.Contains(o.ancestors(a.Scope), scope.String())
	})
}

// people lists everybody that the world says something about, except nobody.
func (o oracle) people() []gatehouse.GUID {
	known := map[gatehouse.GUID]bool{}
	for _, a := range o.w.Assignments {
		known[a.Principal] = true
	}
	for _, m := range o.w.Members {
		known[m.Group], known[m.Member] = true, true
	}
	for _, d := range o.w.Denies {
		for _, p := range slices.Concat(d.Principals, d.ExcludePrincipals) {
			known[p] = true
		}
	}
	delete(known, gatehouse.GUID{})
	return sortedGUIDs(known)
}

// reasons classifies every assignment as Explain should, as "kind id" lines. The
// order of the questions is that of the names in answers.go.
func (o oracle) reasons(r *gatehouse.Request) (out []string) {
	chain := o.ancestors(r.Scope)
	ids := append(o.groups(r.Principal), r.Principal)
	add := func(kind Kind, id gatehouse.GUID) { out = append(out, string(kind)+" "+id.String()) }
	for _, a := range o.w.Assignments {
		if r.Principal.IsZero() {
			continue
		}
		mine, in := slices.Contains(ids, a.Principal), slices.Contains(chain, a.Scope.String())
		kind := o.kind(a, r)
		switch {
		case mine && in:
			add(kind, a.ID)
		case mine && kind == Allows:
			add(o.away(a.Scope, r.Scope), a.ID)
		case in && kind == Allows && o.isGroup(a.Principal):
			ups := o.groups(a.Principal)
			if slices.ContainsFunc(o.groups(r.Principal), func(g gatehouse.GUID) bool { return slices.Contains(ups, g) }) {
				add(Downward, a.ID)
			}
		}
	}
	for _, d := range o.w.Denies {
		if slices.Contains(chain, d.Scope.String()) {
			if kind := o.denyKind(d, r); kind != LacksAction {
				add(kind, d.ID)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (o oracle) isGroup(p gatehouse.GUID) bool {
	return slices.ContainsFunc(o.w.Members, func(m Membership) bool { return m.Group == p && !m.Member.IsZero() })
}

func (o oracle) kind(a gatehouse.RoleAssignment, r *gatehouse.Request) Kind {
	role, ok := o.role(a.Role)
	if !ok {
		return RoleDeleted
	}
	seen := map[Kind]bool{}
	for _, e := range role.Permissions {
		seen[o.entryKind(e, a, r)] = true
	}
	kind := LacksAction
	for _, k := range []Kind{WrongKind, Subtracted, ConditionUnreadable, ConditionFalse, Allows} {
		if seen[k] {
			kind = k
		}
	}
	if kind == Allows || kind == ConditionFalse || kind == ConditionUnreadable {
		if !a.Start.IsZero() && r.Now.Before(a.Start) {
			return NotStarted
		}
		if !a.End.IsZero() && !r.Now.Before(a.End) {
			return Expired
		}
	}
	return kind
}

func (o oracle) entryKind(e gatehouse.Permission, a gatehouse.RoleAssignment, r *gatehouse.Request) Kind {
	yes, no := e.Actions, e.NotActions
	if r.Data {
		yes, no = e.DataActions, e.NotDataActions
	}
	switch {
	case !anyGlob(yes, r.Action) && entryMatches(e, r.Action, !r.Data):
		return WrongKind
	case !anyGlob(yes, r.Action):
		return LacksAction
	case anyGlob(no, r.Action):
		return Subtracted
	case !readable(e.Condition) || !readable(a.Condition):
		return ConditionUnreadable
	}
	first, _ := o.holds(e.Condition, r)
	second, _ := o.holds(a.Condition, r)
	if first && second {
		return Allows
	}
	return ConditionFalse
}

func (o oracle) away(made, asked gatehouse.Scope) Kind {
	if slices.Contains(o.ancestors(made), asked.String()) {
		return BelowScope
	}
	m, a := strings.Split(made.String(), "/"), strings.Split(asked.String(), "/")
	if len(m) > len(a) {
		return Elsewhere
	}
	var differ []int
	for i := range m {
		if m[i] != a[i] {
			differ = append(differ, i)
		}
	}
	if len(differ) != 1 {
		return Elsewhere
	}
	x, y := m[differ[0]], a[differ[0]]
	if strings.Split(x, ";rev=")[0] == strings.Split(y, ";rev=")[0] {
		return Revision
	}
	if strings.HasPrefix(x, y) || strings.HasPrefix(y, x) {
		return LookAlike
	}
	return Elsewhere
}

func (o oracle) denyKind(d gatehouse.DenyAssignment, r *gatehouse.Request) Kind {
	ids := o.groups(r.Principal)
	if !r.Principal.IsZero() {
		ids = append(ids, r.Principal)
	}
	isCaller := func(p gatehouse.GUID) bool { return slices.Contains(ids, p) }
	if !slices.ContainsFunc(d.Principals, func(p gatehouse.GUID) bool { return p.IsZero() || isCaller(p) }) {
		return LacksAction
	}
	kind := LacksAction
	for _, e := range d.Permissions {
		if !entryMatches(e, r.Action, r.Data) || kind == Denies {
			continue
		}
		first, broken1 := o.holds(e.Condition, r)
		second, broken2 := o.holds(d.Condition, r)
		kind = ConditionFalse
		if (first || broken1) && (second || broken2) {
			kind = Denies
		}
	}
	switch {
	case kind != Denies:
		return kind
	case d.ExceptChildScopes && d.Scope != r.Scope:
		return NotInherited
	case slices.ContainsFunc(d.ExcludePrincipals, isCaller):
		return Excluded
	case d.Audit:
		return Audits
	}
	return kind
}
