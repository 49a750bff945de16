package authorization

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/odata"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

const (
	roleDefinitionType  = Namespace + "/roleDefinitions"
	roleDefinitionsPath = "/providers/" + Namespace + "/roleDefinitions/"
)

// roleModel is rbac.md 6.1. Limits on text are in section 10.
var roleModel = arm.NewModel(`
properties.roleName          string max=512
properties.type              string
properties.description       string max=2048
properties.assignableScopes  array(string) max=2000
properties.permissions       array(object)
properties.permissions[].actions        array(string)
properties.permissions[].notActions     array(string)
properties.permissions[].dataActions    array(string)
properties.permissions[].notDataActions array(string)
`)

// roleDefinitions are stored once per tenant, whatever scope a PUT names; the id
// that an answer shows follows the scope that was asked at.
func (p *provider) roleDefinitions() *arm.Type {
	return &arm.Type{
		Segment: "roleDefinitions", Shape: "list get put delete", Noun: "Role definition", Name: arm.NameRule{GUID: true}, OpenAtRoot: true,
		Do:    map[arm.Verb]arm.Handler{arm.List: p.listRoles, arm.Get: p.getRole, arm.Put: p.putRole, arm.Delete: p.deleteRole},
		Hooks: arm.Hooks{Restore: p.restoreRole},
	}
}

// role is a role definition as the wire shows it, built-in or custom.
type role struct {
	gatehouse.RoleDefinition
	body *jsondoc.Object // properties
}

// RoleID is where a role definition is stored.
func RoleID(id gatehouse.GUID) gatehouse.ID {
	return gatehouse.MustID(roleDefinitionsPath + id.String())
}

// roleDefinitionID is the id of a role as seen from a scope: below a subscription
// it carries the subscription, elsewhere nothing (rbac.md 6.1). az joins
// assignments to definitions by exact equality of these.
func roleDefinitionID(from gatehouse.ID, id gatehouse.GUID) string {
	if sub, ok := from.Scope().Subscription(); ok {
		return sub.String() + roleDefinitionsPath + id.String()
	}
	return roleDefinitionsPath + id.String()
}

func builtinRole(d gatehouse.RoleDefinition) role {
	permissions := make([]jsondoc.Value, len(d.Permissions))
	for i, entry := range d.Permissions {
		permissions[i] = permissionObject(entry)
	}
	scopes := make([]string, len(d.AssignableScopes))
	for i, s := range d.AssignableScopes {
		scopes[i] = s.String()
	}
	return role{d, object("roleName", d.Name, "type", string(gatehouse.BuiltInRole), "description", d.Description,
		"assignableScopes", values(scopes), "permissions", permissions,
		"createdOn", builtin.CreatedOn, "updatedOn", builtin.UpdatedOn, "createdBy", nil, "updatedBy", nil)}
}

// permissionObject shows all four arrays, also when empty (rbac.md 6.1).
func permissionObject(e gatehouse.Permission) *jsondoc.Object {
	o := object("actions", values(e.Actions), "notActions", values(e.NotActions), "dataActions", values(e.DataActions), "notDataActions", values(e.NotDataActions))
	if e.Condition != "" {
		o.Set("conditionVersion", e.ConditionVersion)
		o.Set("condition", e.Condition)
	}
	return o
}

func customRole(d *store.Document) (role, error) {
	r, err := arm.FromDocument(d)
	if err != nil {
		return role{}, err
	}
	id, err := gatehouse.ParseGUID(r.ID.Name())
	if err != nil {
		return role{}, err
	}
	props := r.Props()
	def := gatehouse.RoleDefinition{ID: id, Name: props.String("roleName"), Type: gatehouse.CustomRole, Description: props.String("description"),
		Permissions: permissionsOf(props)}
	for _, s := range texts(props, "assignableScopes") {
		if scope, err := gatehouse.ParseScope(s); err == nil {
			def.AssignableScopes = append(def.AssignableScopes, scope)
		}
	}
	return role{def, props}, nil
}

func permissionsOf(props *jsondoc.Object) []gatehouse.Permission {
	var out []gatehouse.Permission
	for _, v := range props.Array("permissions") {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			continue
		}
		out = append(out, gatehouse.Permission{Actions: texts(o, "actions"), NotActions: texts(o, "notActions"),
			DataActions: texts(o, "dataActions"), NotDataActions: texts(o, "notDataActions")})
	}
	return out
}

// find returns a built-in or stored role, or RoleDefinitionDoesNotExist.
func (p *provider) find(op *arm.Op, r store.Reader, name string) (role, error) {
	id, err := gatehouse.ParseGUID(name)
	if err != nil {
		return role{}, roleDoesNotExist(name)
	}
	if d, ok := builtin.Role(id); ok {
		return builtinRole(d), nil
	}
	d, err := r.Get(op.Context, RoleID(id).Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return role{}, roleDoesNotExist(name)
	}
	if err != nil {
		return role{}, err
	}
	return customRole(d)
}

func roleDoesNotExist(name string) error {
	return gatehouse.Errorf(gatehouse.NotFound, "RoleDefinitionDoesNotExist", "The specified role definition with ID '%s' does not exist.", name)
}

// assignableAt reports whether a role may be assigned, and is shown, at a scope.
func (p *provider) assignableAt(r role, scope gatehouse.Scope) bool {
	for _, above := range p.Guard.Snapshot().Ancestors(scope) {
		for _, s := range r.AssignableScopes {
			if s == above {
				return true
			}
		}
	}
	return false
}

// readable reports whether a caller without rights at the asked scope may see a
// role there: built-in ones are public, custom ones are for who may read role
// definitions where they are assignable. Terraform reads definitions at the root this way.
func (p *provider) readable(op *arm.Op, r role) bool {
	if r.Type == gatehouse.BuiltInRole {
		return true
	}
	for _, s := range r.AssignableScopes {
		if op.Can(roleDefinitionType+"/read", gatehouse.MustID(s.String())) {
			return true
		}
	}
	return false
}

// shownAt reports whether GET finds a role at a scope: also one that may be assigned only
// below. A definition's own ID names no more than its subscription, and clients read it back by that.
func (p *provider) shownAt(r role, scope gatehouse.Scope) bool {
	return p.assignableAt(r, scope) || p.assignableBelow(r, scope)
}

func (p *provider) assignableBelow(r role, scope gatehouse.Scope) bool {
	for _, s := range r.AssignableScopes {
		for _, above := range p.Guard.Snapshot().Ancestors(s) {
			if above == scope {
				return true
			}
		}
	}
	return false
}

func (r role) show(from gatehouse.ID, version string) *jsondoc.Object {
	props := r.body.Clone()
	for _, v := range props.Array("permissions") {
		entry, ok := v.(*jsondoc.Object)
		if !ok {
			continue
		}
		if version == "2015-07-01" {
			entry.Delete("dataActions")
			entry.Delete("notDataActions")
		}
		if version != "2022-05-01-preview" {
			entry.Delete("condition")
			entry.Delete("conditionVersion")
		}
	}
	return object("properties", props, "id", roleDefinitionID(from, r.ID), "type", roleDefinitionType, "name", r.ID.String())
}

func (p *provider) listRoles(op *arm.Op) (*arm.Answer, error) {
	filter, below, err := roleFilter(op.Query.Get("$filter"))
	if err != nil {
		return nil, err
	}
	var roles []role
	for _, d := range builtin.Roles() {
		roles = append(roles, builtinRole(d))
	}
	page, err := op.Store().List(op.Context, store.Query{Type: roleDefinitionType})
	if err != nil {
		return nil, err
	}
	for _, d := range page.Documents {
		r, err := customRole(d)
		if err != nil {
			return nil, err
		}
		if (p.assignableAt(r, op.ID.Scope()) || below && p.assignableBelow(r, op.ID.Scope())) && (!op.Partial || p.readable(op, r)) {
			roles = append(roles, r)
		}
	}
	items := []jsondoc.Value{}
	for _, r := range roles {
		if filter.Match(r.field) {
			items = append(items, r.show(op.ID, op.Version))
		}
	}
	return arm.ListOf(items), nil
}

func (r role) field(name string) (any, bool) {
	switch gatehouse.Fold(name) {
	case "rolename":
		return r.Name, true
	case "type":
		return string(r.Type), true
	}
	return nil, false
}

// roleFilter reads the filters of rbac.md 6.1; atScopeAndBelow() widens the list instead of narrowing it.
func roleFilter(text string) (*odata.Filter, bool, error) {
	f, err := odata.ParseFilter(text, &odata.Rules{Fields: map[string]string{"roleName": "*", "type": "*"}, Functions: "atScopeAndBelow atScope"})
	if err != nil {
		return nil, false, err
	}
	return f, f.Calls("atScopeAndBelow"), nil
}

func (p *provider) getRole(op *arm.Op) (*arm.Answer, error) {
	r, err := p.find(op, op.Store(), op.ID.Name())
	if err != nil {
		return nil, err
	}
	if at := op.ID.Parent(); !at.IsRoot() && !p.shownAt(r, at.Scope()) || op.Partial && !p.readable(op, r) {
		return nil, roleDoesNotExist(op.ID.Name())
	}
	return arm.OK(r.show(op.ID, op.Version)), nil
}

// putRole creates or updates a custom role. It answers 201 for both, and shows the
// moment of the call as created and updated, which Terraform waits for (rbac.md 6.1).
func (p *provider) putRole(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	id, err := gatehouse.ParseGUID(op.ID.Name())
	if err != nil {
		return nil, invalid("InvalidRoleDefinitionId", "The role definition ID '%s' is not a GUID.", op.ID.Name())
	}
	next := &arm.Resource{ID: RoleID(id), Type: roleDefinitionType, Body: object("properties", body.Object("properties").Clone())}
	if faults := roleModel.Settle(next, nil); len(faults) > 0 {
		return nil, invalid("InvalidRoleDefinition", "%s", faults[0].Message).At(faults[0].Target)
	}
	scopes, err := checkRole(next.Props())
	if err != nil {
		return nil, err
	}
	if reserved(id) {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "RoleDefinitionExists", "The role definition '%s' is built in and cannot be changed.", id)
	}
	release := p.serialise("role "+id.String(), "role name "+gatehouse.Fold(next.Props().String("roleName")))
	defer release()
	old, err := p.storedRole(op, id)
	if err != nil {
		return nil, err
	}
	if old != nil {
		scopes = append(scopes, old.AssignableScopes...)
	}
	if err := requireAt(op, roleDefinitionType+"/write", scopes); err != nil {
		return nil, err
	}
	if err := p.nameFree(op, id, next.Props().String("roleName")); err != nil {
		return nil, err
	}
	return p.saveRole(op, id, old, next, body)
}

// reserved tells the IDs of built-in roles, those of the directory among them: a
// custom role under such an ID would not count (package guard).
func reserved(id gatehouse.GUID) bool {
	_, ours := builtin.Role(id)
	_, directorys := builtin.DirectoryRole(id)
	return ours || directorys
}

// requireAt makes the linked checks at each assignable scope (rbac.md 5.3).
func requireAt(op *arm.Op, action string, scopes []gatehouse.Scope) error {
	var links []arm.LinkedAccess
	seen := map[gatehouse.Scope]bool{}
	for _, s := range scopes {
		if !seen[s] {
			seen[s] = true
			links = append(links, arm.LinkedAccess{Action: action, ID: gatehouse.MustID(s.String())})
		}
	}
	return op.RequireLinked(links...)
}

func (p *provider) storedRole(op *arm.Op, id gatehouse.GUID) (*role, error) {
	d, err := op.Store().Get(op.Context, RoleID(id).Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := customRole(d)
	return &r, err
}

// nameFree refuses a name that another role of the tenant has, in any casing.
func (p *provider) nameFree(op *arm.Op, id gatehouse.GUID, name string) error {
	taken := func(other gatehouse.GUID) error {
		if other == id {
			return nil
		}
		return gatehouse.Errorf(gatehouse.Conflict, "RoleDefinitionWithSameNameExists",
			"A custom role with the same name already exists in this directory. Use a different name. The ID of the existing role definition is %s.", other.Hex())
	}
	for _, d := range builtin.Roles() {
		if gatehouse.Fold(d.Name) == gatehouse.Fold(name) {
			return taken(d.ID)
		}
	}
	page, err := op.Store().List(op.Context, store.Query{Type: roleDefinitionType})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		if r, err := customRole(d); err == nil && gatehouse.Fold(r.Name) == gatehouse.Fold(name) && r.ID != id {
			return taken(r.ID)
		}
	}
	if len(page.Documents) >= p.Limits.CustomRoles {
		return invalid("RoleDefinitionLimitExceeded", "No more role definitions can be created: this directory holds %d custom roles, which is its limit.", len(page.Documents))
	}
	return nil
}

func (p *provider) saveRole(op *arm.Op, id gatehouse.GUID, old *role, next *arm.Resource, body *jsondoc.Object) (*arm.Answer, error) {
	props, now := next.Props(), gatehouse.Timestamp(op.Now)
	shown := completeRole(props)
	created, creator := now, jsondoc.Value(op.Caller.ID.String())
	if old != nil {
		created = old.body.String("createdOn")
		creator, _ = old.body.Get("createdBy")
	}
	setAll(props, "createdOn", created, "updatedOn", now, "createdBy", creator, "updatedBy", op.Caller.ID.String())
	if err := op.Write(body, func(tx *store.Tx) error { return arm.Save(tx, next) }); err != nil {
		return nil, err
	}
	setAll(shown, "createdOn", now, "updatedOn", now, "createdBy", nil, "updatedBy", op.Caller.ID.String())
	r := role{gatehouse.RoleDefinition{ID: id}, shown}
	return &arm.Answer{Status: http.StatusCreated, Body: r.show(op.ID, op.Version)}, nil
}

// completeRole fills in what the wire always shows and returns a copy.
func completeRole(props *jsondoc.Object) *jsondoc.Object {
	props.Set("type", string(gatehouse.CustomRole))
	if !props.Has("description") {
		props.Set("description", nil)
	}
	var entries []jsondoc.Value
	for _, e := range permissionsOf(props) {
		entries = append(entries, permissionObject(e))
	}
	if entries == nil {
		entries = []jsondoc.Value{}
	}
	props.Set("permissions", entries)
	return props.Clone()
}

// checkRole validates in Azure's order (rbac.md 6.1) and returns the assignable scopes.
func checkRole(props *jsondoc.Object) ([]gatehouse.Scope, error) {
	if t := props.String("type"); t != "" && !strings.EqualFold(t, string(gatehouse.CustomRole)) {
		return nil, invalid("InvalidRoleDefinitionType", "The role definition type '%s' is not valid; only CustomRole can be written.", t)
	}
	if strings.TrimSpace(props.String("roleName")) == "" {
		return nil, invalid("RoleDefinitionNameNullOrEmpty", "The role definition has no name; set properties.roleName.")
	}
	if !utf8.ValidString(props.String("roleName")) {
		return nil, invalid("RoleDefinitionNameNullOrEmpty", "The role name is not valid text.")
	}
	scopes, err := assignableScopes(texts(props, "assignableScopes"))
	if err != nil {
		return nil, err
	}
	return scopes, checkActions(permissionsOf(props))
}

func assignableScopes(given []string) ([]gatehouse.Scope, error) {
	if len(given) == 0 {
		return nil, invalid("MissingAssignableScopes", "The role definition has no assignable scope; list at least one in properties.assignableScopes.")
	}
	var scopes []gatehouse.Scope
	groups := 0
	for _, text := range given {
		id, err := gatehouse.ParseID(text)
		if err != nil || !strings.HasPrefix(text, "/") || strings.Contains(text, "*") {
			return nil, invalid("LinkedInvalidPropertyId", "Property id '%s' at path 'properties.assignableScopes' is invalid. Expect fully qualified resource Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.", text)
		}
		if directory.Root().Scope().Contains(id.Scope()) {
			return nil, invalid("RoleDefinitionScopeNotAllowed", "A custom role cannot be assignable in the directory ('%s'), which has roles of its own; name management groups, subscriptions or resource groups.", text)
		}
		if id.IsRoot() {
			return nil, invalid("RoleDefinitionScopeNotAllowed", "A custom role cannot be assignable at the root scope '/'; name management groups, subscriptions or resource groups.")
		}
		if group, ok := id.Scope().ManagementGroup(); ok && group == id.Scope() {
			groups++
		}
		scopes = append(scopes, id.Scope())
	}
	if groups > 1 {
		return nil, invalid("RoleDefinitionManagementGroupLimit", "A custom role can name one management group in its assignable scopes; this one names %d.", groups)
	}
	return scopes, nil
}

func checkActions(permissions []gatehouse.Permission) error {
	for _, e := range permissions {
		for _, list := range []struct {
			actions []string
			data    bool
		}{{e.Actions, false}, {e.NotActions, false}, {e.DataActions, true}, {e.NotDataActions, true}} {
			for _, action := range list.actions {
				if err := builtin.Check(action, list.data); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// deleteRole answers 200 with what was deleted and 204 when there was nothing (rbac.md 6.1).
func (p *provider) deleteRole(op *arm.Op) (*arm.Answer, error) {
	id, err := gatehouse.ParseGUID(op.ID.Name())
	if err != nil {
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
	if _, ok := builtin.Role(id); ok {
		return nil, invalid("RoleDefinitionCannotBeDeleted", "The role definition '%s' is built in and cannot be deleted.", id)
	}
	release := p.serialise("role " + id.String())
	defer release()
	old, err := p.storedRole(op, id)
	if err != nil {
		return nil, err
	}
	if at := op.ID.Parent(); old == nil || !at.IsRoot() && !p.assignableAt(*old, at.Scope()) {
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
	if err := requireAt(op, roleDefinitionType+"/delete", old.AssignableScopes); err != nil {
		return nil, err
	}
	if n := p.Guard.Snapshot().RoleUses(id); n > 0 {
		return nil, invalid("RoleDefinitionHasAssignments", "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments): %d in all. Delete them first.", n)
	}
	err = op.Write(nil, func(tx *store.Tx) error {
		_, err := tx.Delete(RoleID(id).Scope())
		return err
	})
	if err != nil {
		return nil, err
	}
	return arm.OK(old.show(op.ID, op.Version)), nil
}
