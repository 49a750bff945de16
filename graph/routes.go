package graph

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/directory"
)

// route is one method and path. A path is below /v1.0; {id} is the key of an object of
// kind, other names in braces are arguments in order.
type route struct {
	method string
	path   string
	action string // below Microsoft.Graph/directory/
	kind   *kind  // of {id}
	self   bool   // about the caller alone: every user may
	do     func(*call) (*answer, error)

	segments []string
}

// Route is what others may know of a route: the sweep, the documentation.
type Route struct{ Method, Path, Action string }

// Routes lists everything that is served below /v1.0 and /beta.
func Routes() []Route {
	var out []Route
	for _, r := range routes() {
		action := r.action
		if action != "" {
			action = actionPrefix + action
		}
		out = append(out, Route{r.method, "/" + r.path, action})
	}
	return out
}

// routes builds the table: the verbs that every kind has, its relations, then what is particular.
func routes() []route {
	var t []route
	add := func(k *kind, action, method, path string, do func(*call) (*answer, error)) {
		t = append(t, route{method: method, path: path, action: action, kind: k, do: do})
	}
	for _, k := range directoryKinds {
		n := k.name
		add(k, n+"/read", http.MethodGet, n, listObjects(k))
		add(k, n+"/read", http.MethodGet, n+"/$count", countObjects(k))
		add(k, n+"/write", http.MethodPost, n, createObject(k))
		add(k, n+"/read", http.MethodGet, n+"/{id}", getObject)
		add(k, n+"/write", http.MethodPatch, n+"/{id}", patchObject)
		add(k, n+"/delete", http.MethodDelete, n+"/{id}", deleteObject)
		for method, do := range membership {
			add(k, n+"/read", http.MethodPost, n+"/{id}/"+method, do)
		}
	}
	for _, r := range relations {
		k, n := r.of, r.of.name
		add(k, n+"/"+r.name+"/read", http.MethodGet, n+"/{id}/"+r.name, r.list)
		add(k, n+"/"+r.name+"/read", http.MethodGet, n+"/{id}/"+r.name+"/$count", r.count)
		add(k, n+"/"+r.name+"/read", http.MethodGet, n+"/{id}/"+r.name+"/$ref", r.refs)
		add(k, n+"/"+r.name+"/write", http.MethodPost, n+"/{id}/"+r.name+"/$ref", r.add)
		add(k, n+"/"+r.name+"/write", http.MethodDelete, n+"/{id}/"+r.name+"/{target}/$ref", r.remove)
	}
	for _, k := range []*kind{users, groups, servicePrincipals} {
		add(k, k.name+"/read", http.MethodGet, k.name+"/{id}/memberOf", derived(directGroups))
		add(k, k.name+"/read", http.MethodGet, k.name+"/{id}/transitiveMemberOf", derived(allGroups))
	}
	for _, k := range []*kind{users, servicePrincipals} {
		add(k, k.name+"/read", http.MethodGet, k.name+"/{id}/ownedObjects", derived(ownedObjects))
	}
	for _, k := range []*kind{applications, servicePrincipals} {
		add(k, k.name+"/write", http.MethodPost, k.name+"/{id}/addPassword", addPassword)
		add(k, k.name+"/write", http.MethodPost, k.name+"/{id}/removePassword", removePassword)
	}
	add(groups, "groups/members/read", http.MethodGet, "groups/{id}/transitiveMembers", derived(allMembers))
	add(users, "users/write", http.MethodPost, "users/{id}/revokeSignInSessions", revokeSessions)
	add(users, "users/write", http.MethodPost, "users/{id}/invalidateAllRefreshTokens", revokeSessions)
	add(users, "users/read", http.MethodGet, "users/{id}/manager", noManager)
	fic := "applications/{id}/federatedIdentityCredentials"
	add(applications, "applications/read", http.MethodGet, fic, listFederated)
	add(applications, "applications/write", http.MethodPost, fic, createFederated)
	add(applications, "applications/read", http.MethodGet, fic+"/{name}", getFederated)
	add(applications, "applications/write", http.MethodPatch, fic+"/{name}", patchFederated)
	add(applications, "applications/write", http.MethodDelete, fic+"/{name}", deleteFederated)
	add(anyKind, "directoryObjects/read", http.MethodGet, "directoryObjects/{id}", getObject)
	for method, do := range membership {
		add(anyKind, "directoryObjects/read", http.MethodPost, "directoryObjects/{id}/"+method, do)
	}
	add(nil, "directoryObjects/read", http.MethodPost, "directoryObjects/getByIds", getByIDs)
	ra, rd := "roleManagement/directory/roleAssignments", "roleManagement/directory/roleDefinitions"
	add(roleAssignments, "roleAssignments/read", http.MethodGet, ra, listObjects(roleAssignments))
	add(roleAssignments, "roleAssignments/write", http.MethodPost, ra, createObject(roleAssignments))
	add(roleAssignments, "roleAssignments/read", http.MethodGet, ra+"/{id}", getObject)
	add(roleAssignments, "roleAssignments/delete", http.MethodDelete, ra+"/{id}", deleteObject)
	add(nil, "roleDefinitions/read", http.MethodGet, rd, listRoles)
	add(nil, "roleDefinitions/read", http.MethodGet, rd+"/{role}", getRole)
	for _, path := range []string{"directoryRoles", "directoryRoleTemplates"} {
		add(nil, "roleDefinitions/read", http.MethodGet, path, listDirectoryRoles)
		add(nil, "roleDefinitions/read", http.MethodGet, path+"/{role}", getDirectoryRole)
	}
	add(nil, "roleAssignments/read", http.MethodGet, "directoryRoles/{role}/members", roleMembers)
	add(nil, "organization/read", http.MethodGet, "organization", listOrganization)
	add(nil, "organization/read", http.MethodGet, "organization/{tenant}", getOrganization)
	add(nil, "domains/read", http.MethodGet, "domains", listDomains)
	add(nil, "domains/read", http.MethodGet, "domains/{domain}", getDomain)
	t = append(t, emptyRoutes()...)
	t = append(t, meRoutes(t)...)
	add(nil, "", http.MethodPost, "$batch", batch)
	for i := range t {
		t[i].segments = strings.Split(t[i].path, "/")
	}
	return t
}

// meRoutes repeats the routes about one user for the caller: all may read there,
// and end their own sessions.
func meRoutes(table []route) []route {
	var out []route
	for _, r := range table {
		rest, ok := strings.CutPrefix(r.path, "users/{id}")
		if !ok || r.kind != users {
			continue
		}
		r.path = "me" + rest
		r.self = r.method == http.MethodGet || strings.HasSuffix(r.action, "/read") || strings.Contains(rest, "revokeSignInSessions")
		out = append(out, r)
	}
	return out
}

// emptyRoutes answer what clients ask in passing about features that are not here:
// an empty list is true, and keeps them going.
func emptyRoutes() []route {
	var t []route
	for _, path := range []string{
		"users/{id}/appRoleAssignments", "users/{id}/oauth2PermissionGrants", "users/{id}/directReports", "users/{id}/licenseDetails", "users/{id}/ownedDevices",
		"groups/{id}/appRoleAssignments",
		"applications/{id}/extensionProperties", "applications/{id}/tokenIssuancePolicies", "applications/{id}/tokenLifetimePolicies",
		"servicePrincipals/{id}/appRoleAssignments", "servicePrincipals/{id}/appRoleAssignedTo", "servicePrincipals/{id}/oauth2PermissionGrants",
		"servicePrincipals/{id}/claimsMappingPolicies", "servicePrincipals/{id}/createdObjects", "servicePrincipals/{id}/delegatedPermissionClassifications",
		"servicePrincipals/{id}/tokenIssuancePolicies", "servicePrincipals/{id}/tokenLifetimePolicies", "servicePrincipals/{id}/homeRealmDiscoveryPolicies",
		"oauth2PermissionGrants", "directory/deletedItems", "directory/administrativeUnits",
	} {
		r := route{method: http.MethodGet, path: path, do: emptyList}
		first, _, _ := strings.Cut(path, "/")
		switch first {
		case "oauth2PermissionGrants":
			r.action = "oauth2PermissionGrants/read"
		case "directory":
			r.action = "deletedItems/read"
		default:
			r.action = first + "/read"
			for _, k := range directoryKinds {
				if k.name == first {
					r.kind = k
				}
			}
		}
		t = append(t, r)
	}
	gone := route{path: "directory/deletedItems/{item}", do: func(c *call) (*answer, error) { return nil, notThere(c.args[0]) }}
	gone.method, gone.action = http.MethodGet, "deletedItems/read"
	t = append(t, gone)
	gone.method, gone.action = http.MethodDelete, "deletedItems/delete"
	return append(t, gone)
}

// resolve finds the route of the request and the object that it names.
func (c *call) resolve() error {
	if err := c.split(); err != nil {
		return err
	}
	if c.path[0] == "me" && c.caller.Type != gatehouse.User {
		return gatehouse.Errorf(gatehouse.Invalid, codeRequest, "/me request is only valid with delegated authentication flow.")
	}
	allowed := false
	var key string
	best := -1
	for i := range c.h.table {
		r := &c.h.table[i]
		k, args, literals, ok := r.match(c.path)
		if !ok || literals < best {
			continue
		}
		allowed = true
		if r.method == c.r.Method {
			c.route, c.args, key, best = r, args, k, literals
		}
	}
	if c.route == nil && allowed {
		e := gatehouse.Errorf(gatehouse.Invalid, codeBadRequest, "Specified HTTP method is not allowed for the request target.")
		e.Status = http.StatusMethodNotAllowed
		return e
	}
	if c.route == nil {
		return gatehouse.Errorf(gatehouse.Invalid, codeRequest, "Resource not found for the segment '%s'.", clip(c.path[len(c.path)-1]))
	}
	return c.locate(key)
}

// match compares a path with the route's; literals is how many segments were equal.
func (r *route) match(path []string) (key string, args []string, literals int, ok bool) {
	if len(path) != len(r.segments) {
		return "", nil, 0, false
	}
	for i, s := range r.segments {
		switch {
		case s == "{id}":
			key = path[i]
		case s[0] == '{':
			args = append(args, path[i])
		case gatehouse.Fold(s) == gatehouse.Fold(path[i]):
			literals++
		default:
			return "", nil, 0, false
		}
	}
	return key, args, literals, true
}

// split takes the path apart: doubled slashes count once, users('x') is users/x,
// and microsoft.graph.group restricts what is answered.
func (c *call) split() error {
	for _, raw := range strings.Split(c.r.URL.EscapedPath(), "/") {
		s, err := url.PathUnescape(raw)
		if err != nil || strings.ContainsRune(s, 0) {
			return gatehouse.Errorf(gatehouse.Invalid, codeRequest, "The path is not correctly percent-encoded.")
		}
		cast, isCast := strings.CutPrefix(gatehouse.Fold(s), "microsoft.graph.")
		name, predicate, ok := strings.Cut(s, "(")
		switch {
		case s == "":
		case isCast && c.version != "" && castable(cast):
			c.cast = cast
		case isCast:
			c.path = append(c.path, s[len("microsoft.graph."):])
		case c.version == "" && (s == "beta" || s == "v1.0"):
			c.version = s
		case ok && strings.HasSuffix(predicate, ")"):
			c.path = append(c.path, name, unquote(predicate[:len(predicate)-1]))
		default:
			c.path = append(c.path, s)
		}
	}
	if c.version == "" || len(c.path) == 0 {
		return gatehouse.Errorf(gatehouse.Invalid, codeRequest, "The path is not that of a Graph resource: it starts with /v1.0/ or /beta/.")
	}
	return nil
}

func castable(name string) bool {
	for _, k := range directoryKinds {
		if gatehouse.Fold(k.single) == name {
			return true
		}
	}
	return name == "directoryrole" || name == "device"
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	}
	return s
}

// locate finds which object the key names. One that does not exist is located in
// the directory as a whole: the answer to who may not see it is the same either way.
func (c *call) locate(key string) error {
	c.id = directory.Root()
	switch {
	case c.path[0] == "me":
		c.oid = c.caller.ID
	case key == "":
		return nil
	default:
		c.oid = c.keyed(key)
	}
	if c.oid.IsZero() {
		return nil
	}
	if k := c.kindOf(c.oid); k != nil {
		c.id = k.id(c.oid)
	}
	return nil
}

// keyed reads the key of an object: its ID, a user's name, or appId='…'.
func (c *call) keyed(key string) gatehouse.GUID {
	name, value, alternate := strings.Cut(key, "=")
	value = unquote(strings.TrimSpace(value))
	x := c.h.cfg.Index
	switch {
	case alternate && gatehouse.Fold(strings.TrimSpace(name)) == "appid":
		appID, err := gatehouse.ParseGUID(value)
		if err != nil {
			return gatehouse.GUID{}
		}
		if c.route.kind == applications {
			oid, _ := x.ApplicationByAppID(appID)
			return oid
		}
		oid, _ := x.ServicePrincipalByAppID(appID)
		return oid
	case alternate && gatehouse.Fold(strings.TrimSpace(name)) == "userprincipalname":
		oid, _ := x.UserByName(value)
		return oid
	}
	if oid, err := gatehouse.ParseGUID(key); err == nil {
		return oid
	}
	if c.route.kind == users {
		oid, _ := x.UserByName(key)
		return oid
	}
	return gatehouse.GUID{}
}

// anyKind stands for the kind of directoryObjects, which only the object tells.
var anyKind = &kind{name: "directoryObjects", single: "directoryObject", title: "DirectoryObject"}

// kindOf returns the kind of the object that the path names.
func (c *call) kindOf(oid gatehouse.GUID) *kind {
	if c.route.kind != anyKind {
		return c.route.kind
	}
	return c.h.kindOf(oid)
}

// kindOf tells what an object is; nil for an ID that nothing has.
func (h *Handler) kindOf(oid gatehouse.GUID) *kind {
	p, ok := h.cfg.Index.Principal(oid)
	if !ok {
		return applications // the one kind that is no principal; loading it will tell
	}
	switch p.Type {
	case gatehouse.User:
		return users
	case gatehouse.Group:
		return groups
	}
	return servicePrincipals
}
