package graph

import (
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/rbac/builtin"
)

// actionPrefix starts every action of the directory (design: directory rights are data actions).
const actionPrefix = builtin.DirectoryNamespace + "directory/"

func (c *call) action() string { return actionPrefix + c.route.action }

// authorize decides the route's action at the object that the path names, or at
// the directory for lists and creation. A refusal is on record before it is answered.
func (c *call) authorize() error {
	if c.route.action == "" {
		return nil // $batch: each of its requests is authorized
	}
	return c.authorizeAction(c.route.action)
}

// authorizeAction decides a further action on the same object.
func (c *call) authorizeAction(action string) error {
	d, err := c.h.cfg.Guard.AuthorizeData(c.ctx(), c.caller, actionPrefix+action, c.id)
	if err != nil && gatehouse.KindOf(err) != gatehouse.Forbidden {
		return err
	}
	if !c.delegated(action) {
		return c.refuse(actionPrefix+action, gatehouse.Decision{Code: "NotDelegated"})
	}
	if err == nil {
		c.decision = because(d)
		return nil
	}
	if d.Code != gatehouse.DenyAssignmentAuthorizationFailed && c.byDefault(action) {
		c.decision = &gatehouse.Because{Allowed: true, Code: "DefaultUserPermission"}
		return nil
	}
	return c.refuse(actionPrefix+action, d)
}

// stillAuthorized asks again what authorize asked. It may run inside a transaction.
func (c *call) stillAuthorized() error {
	_, err := c.h.cfg.Guard.AuthorizeData(c.ctx(), c.caller, c.action(), c.id)
	if err != nil && gatehouse.KindOf(err) == gatehouse.Forbidden && c.byDefault(c.route.action) {
		return nil
	}
	return err
}

// delegated reports whether the user let the application that asks act so. Reading is
// what every permission of Graph is about; to change something takes one that says so.
// Otherwise an application that was allowed to read a profile would have all that
// whoever signed in to it may do, and that can be everything.
func (c *call) delegated(action string) bool {
	return c.caller.Type != gatehouse.User || c.route.self || strings.HasSuffix(action, "/read") || slices.ContainsFunc(c.caller.Scopes, func(scope string) bool {
		scope = gatehouse.Fold(scope)
		return scope == "directory.accessasuser.all" || strings.Contains(scope, ".readwrite")
	})
}

// byDefault are the permissions that nobody has to grant: Entra's default user
// permissions, and a service principal's right to see itself.
func (c *call) byDefault(action string) bool {
	switch c.caller.Type {
	case gatehouse.User:
		return c.route.self || readable[action] || c.h.cfg.UsersRegisterApplications && c.registers(action)
	case gatehouse.ServicePrincipal:
		return c.route.kind == servicePrincipals && c.oid == c.caller.ID && action == "servicePrincipals/read"
	}
	return false
}

// readable is what every user may read: no list of actions by pattern, so that a
// new type is closed until it is named here.
var readable = map[string]bool{
	"users/read": true, "groups/read": true, "groups/members/read": true, "groups/owners/read": true,
	"applications/read": true, "applications/owners/read": true, "servicePrincipals/read": true, "servicePrincipals/owners/read": true,
	"organization/read": true, "domains/read": true, "directoryObjects/read": true,
	"roleDefinitions/read": true, "roleAssignments/read": true, "oauth2PermissionGrants/read": true, "deletedItems/read": true,
}

// registers tells the creation of an application or service principal.
func (c *call) registers(action string) bool {
	create := c.r.Method == http.MethodPost && c.id.Scope() == directory.Root().Scope()
	return create && (action == "applications/write" || action == "servicePrincipals/write")
}

func because(d gatehouse.Decision) *gatehouse.Because {
	b := &gatehouse.Because{Allowed: d.Allowed, Code: d.Code}
	for _, part := range []struct {
		id gatehouse.GUID
		to *string
	}{{d.Grant, &b.Grant}, {d.Role, &b.Role}, {d.Deny, &b.Deny}} {
		if !part.id.IsZero() {
			*part.to = part.id.String()
		}
	}
	return b
}

func (c *call) refuse(action string, d gatehouse.Decision) error {
	c.decision = because(d)
	cause := c.cause()
	cause.Action = action
	if err := c.h.cfg.Refusals.Record(c.ctx(), gatehouse.Change{Kind: gatehouse.Refused, Cause: cause, Status: http.StatusForbidden}); err != nil {
		return err // what cannot be recorded is not answered
	}
	need := "ask for a directory role that has it"
	if d.Code == "NotDelegated" {
		need = "the token may only read; get one with the permission Directory.AccessAsUser.All, or ask for /.default"
	}
	// The path is named as it was asked for: the ID behind a name would tell that the name exists.
	return gatehouse.Errorf(gatehouse.Forbidden, codeDenied,
		"Insufficient privileges to complete the operation. The caller %s needs the directory permission %s for %s: %s.",
		c.caller.ID, action, clip(c.r.URL.Path), need)
}
