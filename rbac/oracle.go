package rbac

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
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
	pattern, action = gatehouse.Fold(pattern), gatehouse.Fold(action)
	quoted := regexp.QuoteMeta(pattern)
	for strings.Contains(quoted, `/\*/`) {
		quoted = strings.Replace(quoted, `/\*/`, `/(?:.*/)?`, 1)
	}
	quoted = strings.ReplaceAll(quoted, `\*`, `.*`)
	return regexp.MustCompile(`(?s)^` + quoted + `$`).MatchString(action)
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
