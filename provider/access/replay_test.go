package access_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// then is the world after some change as somebody would find it out who has only the
// change log and rbac.md: the last document of each ID, and linear scans over all of
// them. It shares no code with what it is compared to but the built-in roles.
type then struct {
	now  time.Time
	docs map[string]*record // by folded ID
	// flat says that a management group which does not exist is below nothing: so it is
	// in a file, while a server has it where it would be made, below the root group.
	flat bool
}

type record struct {
	kind string
	body body
}

// body is what any of the types has that matters for access.
type body struct {
	AccountEnabled    *bool
	UserPrincipalName string
	DisplayName       string
	AppID             string
	Attributes        map[string]map[string]any `json:"customSecurityAttributes"`
	Properties        struct {
		Details                       struct{ Parent struct{ ID string } }
		Permissions                   []gatehouse.Permission
		RoleDefinitionID, PrincipalID string
		Condition                     string
		StartDateTime, EndDateTime    time.Time
		Name                          string `json:"denyAssignmentName"`
		Principals, ExcludePrincipals []struct{ ID string }
		DoNotApplyToChildScopes       bool
		Effect                        string `json:"denyAssignmentEffect"`
	}
}

// replay goes through the log from its beginning until a change is too late.
func replay(t *testing.T, log []gatehouse.Change, late func(*gatehouse.Change) bool) *then {
	out := &then{docs: map[string]*record{}}
	for i := range log {
		c := &log[i]
		if late(c) {
			break
		}
		switch c.Kind {
		case gatehouse.Delete:
			delete(out.docs, strings.ToLower(c.Resource))
		case gatehouse.Write:
			r := &record{kind: strings.ToLower(path.Base(c.Type))}
			if strings.HasSuffix(strings.ToLower(c.Type), "managementgroups/subscriptions") {
				r.kind = "placements"
			}
			if err := json.Unmarshal(c.After, &r.body); err != nil {
				t.Fatalf("change %d: %v", c.Seq, err)
			}
			out.docs[strings.ToLower(c.Resource)] = r
		}
	}
	return out
}

// each calls f for every document of a kind, with what its ID extends or hangs on, and its name.
func (w *then) each(kind string, f func(at, name string, b *body)) {
	for id, r := range w.docs {
		if r.kind == kind {
			f(path.Dir(path.Dir(id)), path.Base(id), &r.body)
		}
	}
}

const (
	groupsPath = "/providers/microsoft.management/managementgroups/"
	people     = "/providers/microsoft.graph/directory/main"
)

// chain is a scope and everything above it (rbac.md 3.2); the root is "".
func (w *then) chain(scope string) (out []string) {
	for scope = strings.TrimSuffix(strings.ToLower(scope), "/"); scope != "" && !strings.HasPrefix(scope, groupsPath); scope = path.Dir(path.Dir(scope)) {
		out = append(out, scope)
		if strings.HasPrefix(path.Base(path.Dir(path.Dir(scope))), "microsoft.") {
			scope = path.Dir(path.Dir(scope)) // .../providers/{namespace}/{type}/{name} goes at once
		}
		if strings.Count(scope, "/") <= 2 {
			break
		}
	}
	top := scope
	if strings.HasPrefix(scope, "/subscriptions/") {
		top = groupsPath + armtest.Tenant.String()
		w.each("placements", func(at, name string, _ *body) {
			if strings.HasSuffix(scope, "/"+name) {
				top = at
			}
		})
	}
	for strings.HasPrefix(top, groupsPath) && !slices.Contains(out, top) {
		out = append(out, top)
		parent := groupsPath + armtest.Tenant.String()
		r, ok := w.docs[top]
		if !ok && w.flat {
			break
		}
		if ok && r.body.Properties.Details.Parent.ID != "" {
			parent = strings.ToLower(r.body.Properties.Details.Parent.ID)
		}
		top = parent
	}
	return append(out, "")
}

// identities are a principal and the groups that it is in, through others too, while they exist.
func (w *then) identities(who string) []string {
	out := []string{who}
	for i := 0; i < len(out); i++ {
		w.each("members", func(group, member string, _ *body) {
			if id := path.Base(group); member == out[i] && w.docs[group] != nil && !slices.Contains(out, id) {
				out = append(out, id)
			}
		})
	}
	return out
}

// role are the permissions of a role definition, built in or not.
func (w *then) role(id string) (permissions []gatehouse.Permission, found bool) {
	id = strings.ToLower(path.Base(id))
	w.each("roledefinitions", func(_, name string, b *body) {
		if name == id {
			permissions, found = b.Properties.Permissions, true
		}
	})
	for _, r := range builtin.Roles() {
		if r.ID.String() == id {
			return r.Permissions, true
		}
	}
	return permissions, found
}

// fits is rbac.md 4.4 for the patterns of these worlds and of the built-in roles: a star is any text.
func fits(pattern, action string) bool {
	parts := strings.Split(strings.ToLower(pattern), "*")
	rest, ok := strings.CutPrefix(strings.ToLower(action), parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, last)
}

func permits(permissions []gatehouse.Permission, action string, data bool) bool {
	return slices.ContainsFunc(permissions, func(p gatehouse.Permission) bool {
		yes, no := p.Actions, p.NotActions
		if data {
			yes, no = p.DataActions, p.NotDataActions
		}
		in := func(list []string) bool {
			return slices.ContainsFunc(list, func(pattern string) bool { return fits(pattern, action) })
		}
		return in(yes) && !in(no)
	})
}

// act is a question: who is its principal.
type act struct {
	who, action, scope string
	data               bool
	a                  string // the attribute a of the request; "" for none
}

// noon is where conditions on the time part.
var noon = time.Date(2026, 3, 4, 5, 9, 0, 0, time.UTC)

const ofPeople = "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Team_Floor] StringEquals 'four'"

// conditions are those of these worlds, with what each means.
var conditions = map[string]func(*then, act) bool{
	"": func(*then, act) bool { return true },
	"@Request[a] StringEquals 'x'": func(_ *then, q act) bool {
		return q.a == "x"
	},
	"!(ActionMatches{'Microsoft.ApiManagement/service/apis/delete'})": func(_ *then, q act) bool {
		return !strings.EqualFold(q.action, "Microsoft.ApiManagement/service/apis/delete")
	},
	"@Environment[UtcNow] DateTimeLessThan '" + noon.Format(time.RFC3339) + "'": func(w *then, _ act) bool {
		return w.now.Before(noon)
	},
	ofPeople: func(w *then, q act) bool {
		for _, kind := range []string{"/users/", "/serviceprincipals/"} {
			if r := w.docs[people+kind+q.who]; r != nil && r.body.Attributes["Team"]["Floor"] == "four" {
				return true
			}
		}
		return false
	},
}

// holds are the role assignments that a principal has at a scope or above, with the state of each.
func (w *then) holds(who, scope string) map[string]string {
	out := map[string]string{}
	ids, chain := w.identities(who), w.chain(scope)
	w.each("roleassignments", func(at, name string, b *body) {
		if at = strings.TrimSuffix(strings.TrimSuffix(at, "/providers/microsoft.authorization"), "/"); !slices.Contains(ids, b.Properties.PrincipalID) || !slices.Contains(chain, at) {
			return
		}
		state := "active"
		if b.Properties.StartDateTime.After(w.now) {
			state = "notStarted"
		}
		if end := b.Properties.EndDateTime; !end.IsZero() && !w.now.Before(end) {
			state = "expired"
		}
		if _, ok := w.role(b.Properties.RoleDefinitionID); !ok {
			state = "roleDeleted"
		}
		out[at+" "+name] = state
	})
	return out
}

// denied are the deny assignments in force that name a principal at a scope or above.
func (w *then) denied(who, scope string) map[string]*body {
	out := map[string]*body{}
	ids, chain := w.identities(who), w.chain(scope)
	w.each("denyassignments", func(at, name string, b *body) {
		p := b.Properties
		at = strings.TrimSuffix(strings.TrimSuffix(at, "/providers/microsoft.authorization"), "/")
		named, spared := false, false
		for _, x := range p.Principals {
			named = named || x.ID == gatehouse.GUID{}.String() || slices.Contains(ids, x.ID)
		}
		for _, x := range p.ExcludePrincipals {
			spared = spared || slices.Contains(ids, x.ID)
		}
		if i := slices.Index(chain, at); i == 0 || i > 0 && !p.DoNotApplyToChildScopes {
			if named && !spared && p.Effect != "audit" {
				out[at+" "+name] = b
			}
		}
	})
	return out
}

// allowed is rbac.md 4: some grant, and no deny.
func (w *then) allowed(q act) (ok bool, code string) {
	for key, state := range w.holds(q.who, q.scope) {
		at, name, _ := strings.Cut(key, " ")
		b := w.docs[at+"/providers/microsoft.authorization/roleassignments/"+name].body
		permissions, _ := w.role(b.Properties.RoleDefinitionID)
		ok = ok || state == "active" && permits(permissions, q.action, q.data) && conditions[b.Properties.Condition](w, q)
	}
	if !ok {
		return false, gatehouse.AuthorizationFailed
	}
	for _, b := range w.denied(q.who, q.scope) {
		if permits(b.Properties.Permissions, q.action, q.data) && conditions[b.Properties.Condition](w, q) {
			return false, gatehouse.DenyAssignmentAuthorizationFailed
		}
	}
	return true, ""
}

// known are all users, service principals and groups there are, by ID, with what each is called.
func (w *then) known() map[string]string {
	out := map[string]string{}
	w.each("users", func(_, id string, b *body) { out[id] = b.UserPrincipalName })
	w.each("groups", func(_, id string, b *body) { out[id] = b.DisplayName })
	w.each("serviceprincipals", func(_, id string, b *body) { out[id] = b.DisplayName })
	return out
}

// whoCan are all of them that are allowed.
func (w *then) whoCan(q act) (out []string) {
	for id, name := range w.known() {
		q.who = id
		if ok, _ := w.allowed(q); ok {
			out = append(out, id+" "+name)
		}
	}
	slices.Sort(out)
	return out
}

// whole is the change log.
func whole(t *testing.T, s *store.Store) (log []gatehouse.Change) {
	changes, err := s.Changes(t.Context(), store.ChangeQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range changes {
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, c)
	}
	return log
}
