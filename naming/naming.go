// Package naming finds what people call the principals, roles and resources that the
// change log names by ID. What was deleted is still named: by the log itself.
package naming

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// Names finds names in a store; the zero one finds none. It is for one goroutine.
type Names struct {
	ctx   context.Context
	store *store.Store
	known map[gatehouse.Scope]string
}

// New returns the names that a store knows.
func New(ctx context.Context, s *store.Store) *Names {
	return &Names{ctx: ctx, store: s, known: map[gatehouse.Scope]string{}}
}

// Caller is who acted: a user by its sign-in name, a service principal by its display name.
func (n *Names) Caller(c *gatehouse.Caller) string {
	if c.Type == gatehouse.User && c.Name != "" {
		return c.Name
	}
	if name := n.principal(c.ID); name != "" {
		return name
	}
	if c.Name == "" {
		return c.ID.String()
	}
	return c.Name
}

// principal is the name of a user, group or service principal, "" when there never was one.
func (n *Names) principal(oid gatehouse.GUID) string {
	if oid.IsZero() {
		return ""
	}
	for _, id := range []gatehouse.ID{directory.UserID(oid), directory.ServicePrincipalID(oid), directory.GroupID(oid)} {
		if name := n.document(id); name != "" {
			return name
		}
	}
	return ""
}

// Role is the name of a role, "" when there never was one.
func (n *Names) Role(id gatehouse.GUID) string {
	if r, ok := builtin.Role(id); ok {
		return r.Name
	}
	if r, ok := builtin.DirectoryRole(id); ok {
		return r.Name
	}
	return n.document(guard.RoleDefinitionID(id))
}

// document is the name that a document bears or, when it is deleted, last bore.
func (n *Names) document(id gatehouse.ID) string {
	key := id.Scope()
	name, ok := n.known[key]
	if !ok && n.store != nil {
		name = label(n.body(key))
		n.known[key] = name
	}
	return name
}

func (n *Names) body(key gatehouse.Scope) *jsondoc.Object {
	if d, err := n.store.Get(n.ctx, key); err == nil {
		return parsed(d.Body)
	}
	changes, err := n.store.Changes(n.ctx, store.ChangeQuery{Resource: &key, Kind: gatehouse.Delete, Descending: true, Limit: 1})
	if err != nil {
		return nil // a name is a comfort: without it the ID is shown
	}
	for c, err := range changes {
		if err == nil {
			return parsed(c.Before)
		}
	}
	return nil
}

func parsed(body []byte) *jsondoc.Object {
	o, err := jsondoc.ParseObject(body)
	if err != nil {
		return nil
	}
	return o
}

func label(o *jsondoc.Object) string {
	for _, path := range []string{"userPrincipalName", "displayName", "properties.roleName"} {
		if o == nil {
			break
		}
		if name := o.String(path); name != "" {
			return name
		}
	}
	return ""
}

// Path is an ID without what a reader of a table does not need, "" when nothing is left.
func Path(id string) string {
	return strings.TrimPrefix(notForPeople.ReplaceAllString(id, ""), "/")
}

var notForPeople = regexp.MustCompile(`(?i)^/subscriptions/[^/]+/(resourceGroups/)?|/providers/Microsoft\.Graph/directory/main|/providers/[^/]+`)

// Where names what a change is about: rg-apis/service/contoso-apim/apis/calculator,
// groups/engineering/members/ada@contoso.example, rg-apis (Reader for engineering).
func (n *Names) Where(c *gatehouse.Change) string {
	id := c.Resource
	if id == "" {
		id = c.Cause.Scope
	}
	at, assignment, ok := CutAssignment(id)
	if ok {
		return n.short(at) + " (" + n.assignment(c, assignment) + ")"
	}
	return n.short(id)
}

// short is an ID for people, with names for GUIDs.
func (n *Names) short(id string) string {
	segments := strings.Split(id, "/")
	for i := 2; i < len(segments); i++ {
		if name := n.segment(segments[i-1], segments[i]); name != "" {
			segments[i] = name
		}
	}
	switch at := Path(strings.Join(segments, "/")); {
	case at != "":
		return at
	case gatehouse.Fold(id) == gatehouse.Fold(directory.RootPath):
		return "directory"
	}
	return cmp.Or(id, "/")
}

// CutAssignment splits the ID of a role assignment into where it is and its name.
func CutAssignment(id string) (at, name string, ok bool) {
	i := strings.LastIndex(gatehouse.Fold(id), "/roleassignments/")
	if i < 0 {
		return id, "", false
	}
	name = id[i+len("/roleassignments/"):]
	return strings.TrimSuffix(id[:i], "/providers/Microsoft.Authorization"), name, true
}

// segment is the name of what an ID names by GUID.
func (n *Names) segment(collection, name string) string {
	id, err := gatehouse.ParseGUID(name)
	if err != nil {
		return ""
	}
	switch gatehouse.Fold(collection) {
	case "users", "groups", "serviceprincipals", "members", "owners":
		return n.principal(id)
	case "applications":
		return n.document(directory.ApplicationID(id))
	case "roledefinitions":
		return n.Role(id)
	case "subscriptions":
		return n.document(gatehouse.MustID("/subscriptions/" + id.String()))
	}
	return ""
}

// assignment says what a role assignment grants to whom, or its name when the change does not tell.
func (n *Names) assignment(c *gatehouse.Change, name string) string {
	for _, raw := range [][]byte{c.After, c.Before, c.Cause.Request} {
		body := parsed(raw)
		if body == nil {
			continue
		}
		if properties := body.Object("properties"); properties != nil {
			body = properties
		}
		if role, who := n.Value("roleDefinitionId", body.String("roleDefinitionId")), n.Value("principalId", body.String("principalId")); role != "" && who != "" {
			return role + " for " + who
		}
	}
	return "role assignment " + name
}

// Value is the name behind a member that holds the ID of a principal or role, "" for others.
func (n *Names) Value(member, text string) string {
	id, err := gatehouse.ParseGUID(text[strings.LastIndex(text, "/")+1:])
	if err != nil {
		return ""
	}
	switch gatehouse.Fold(member) {
	case "principalid":
		return n.principal(id)
	case "roledefinitionid":
		return n.Role(id)
	}
	return ""
}

// Why names what allowed or refused the act.
func (n *Names) Why(c *gatehouse.Change) string {
	d := c.Cause.Decision
	switch {
	case d == nil:
		return ""
	case d.Deny != "":
		return "deny assignment " + d.Deny
	case !d.Allowed:
		return "no role assignment grants it"
	}
	role, err := gatehouse.ParseGUID(d.Role)
	if err != nil {
		return d.Role
	}
	return fmt.Sprintf("%s, role assignment %s", cmp.Or(n.Role(role), "role "+d.Role), d.Grant)
}
