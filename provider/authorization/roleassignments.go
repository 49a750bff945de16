package authorization

import (
	"net/http"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/rbac/cond"
	"gatehouse/store"
)

const roleAssignmentType = Namespace + "/roleAssignments"

// assignmentModel is rbac.md 6.2; what the server fills in itself is left out, so it is ignored in requests.
var assignmentModel = arm.NewModel(`
properties.roleDefinitionId                   string
properties.principalId                        string
properties.principalType                      string
properties.description                        string max=2048
properties.condition                          string max=8192
properties.conditionVersion                   string
properties.delegatedManagedIdentityResourceId string
`)

func (p *provider) roleAssignments() *arm.Type {
	return &arm.Type{
		Segment: "roleAssignments", Shape: "list get put delete", Noun: "Role assignment",
		Do:    map[arm.Verb]arm.Handler{arm.List: p.listAssignments, arm.Get: p.getAssignment, arm.Put: p.putAssignment, arm.Delete: p.deleteAssignment},
		Hooks: arm.Hooks{Attributes: p.delegationAttributes, Restore: p.restoreAssignment},
	}
}

// delegationAttributes are what delegation conditions refer to: for a write the new
// values as @Request and stored ones as @Resource, for a delete the stored ones (rbac.md 7.5).
func (p *provider) delegationAttributes(op *arm.Op) *gatehouse.Attributes {
	a := &gatehouse.Attributes{}
	if stored, err := op.Load(op.Store(), op.ID); err == nil {
		a.Resource = p.assignmentAttributes(stored.Props())
	}
	if op.Method == http.MethodPut {
		if body, err := op.Body(); err == nil {
			a.Request = p.assignmentAttributes(properties(body))
		}
	}
	return a
}

// properties returns the properties of a body, or the body itself where a client sent them flat.
func properties(body *jsondoc.Object) *jsondoc.Object {
	if inner := body.Object("properties"); inner != nil {
		return inner
	}
	return object()
}

// assignmentAttributes takes the type of a principal from the directory where it
// is known there: what a request says of it could be a lie.
func (p *provider) assignmentAttributes(props *jsondoc.Object) map[string]any {
	out := map[string]any{}
	kind := props.String("principalType")
	if role, err := gatehouse.ParseGUID(lastSegment(props.String("roleDefinitionId"))); err == nil {
		out[roleAssignmentType+":RoleDefinitionId"] = role
	}
	if principal, err := gatehouse.ParseGUID(props.String("principalId")); err == nil {
		out[roleAssignmentType+":PrincipalId"] = principal
		if found, ok := p.Directory.Principal(principal); ok {
			kind = string(found.Type)
		}
	}
	if kind != "" {
		out[roleAssignmentType+":PrincipalType"] = kind
	}
	return out
}

// assignment is a checked request to assign.
type assignment struct {
	id        gatehouse.GUID
	scope     gatehouse.ID
	role      role
	principal gatehouse.GUID
	props     *jsondoc.Object
}

func (p *provider) putAssignment(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	a, err := p.readAssignment(op, body)
	if err != nil {
		return nil, err
	}
	release := p.serialise("assignment "+a.id.String(), a.scope.Scope().String()+a.principal.String()+a.role.ID.String())
	defer release()
	var old, next *arm.Resource
	err = op.Write(body, func(tx *store.Tx) (err error) {
		if old, err = p.unchanged(op, tx, a); err != nil {
			return err
		}
		if old == nil {
			if err = p.admissible(op, tx, a); err != nil {
				return err
			}
		}
		next = a.resource(op, old)
		return arm.Save(tx, next)
	})
	if err != nil {
		return nil, err
	}
	return p.assigned(op, old, next), nil
}

// assigned answers a PUT: 201 with createdBy null for a new one, 200 for an update (rbac.md 6.2).
func (p *provider) assigned(op *arm.Op, old, next *arm.Resource) *arm.Answer {
	shown := next.Clone()
	if old != nil {
		return arm.OK(showAssignment(op, shown))
	}
	shown.Props().Set("createdBy", nil)
	return &arm.Answer{Status: http.StatusCreated, Body: showAssignment(op, shown)}
}

// readAssignment checks the request by itself: form, role, condition, principal.
func (p *provider) readAssignment(op *arm.Op, body *jsondoc.Object) (*assignment, error) {
	next := &arm.Resource{Body: object("properties", properties(body).Clone())}
	if faults := assignmentModel.Settle(next, nil); len(faults) > 0 {
		return nil, invalid("InvalidRequestContent", "The request content was invalid: %s", faults[0].Message).At(faults[0].Target)
	}
	a := &assignment{scope: op.ID.Parent(), props: next.Props()}
	var err error
	// In another spelling the ID would be written as one thing and authorized as another.
	if a.id, err = gatehouse.ParseGUID(op.ID.Name()); err != nil || gatehouse.Fold(op.ID.Name()) != a.id.String() {
		return nil, invalid("InvalidRoleAssignmentId", "The role assignment ID '%s' is not valid. The role assignment ID must be a GUID.", op.ID.Name())
	}
	if a.principal, err = gatehouse.ParseGUID(a.props.String("principalId")); err != nil || a.principal.IsZero() {
		return nil, invalid("InvalidPrincipalId", "The principal ID '%s' is not valid. Principal ID must be a GUID.", a.props.String("principalId")).At("properties.principalId")
	}
	if a.props.String("roleDefinitionId") == "" {
		return nil, invalid("InvalidRoleDefinitionId", "The role assignment names no role; set properties.roleDefinitionId.").At("properties.roleDefinitionId")
	}
	if a.role, err = p.find(op, op.Store(), lastSegment(a.props.String("roleDefinitionId"))); err != nil {
		return nil, err
	}
	if err := p.roleFits(a); err != nil {
		return nil, err
	}
	if err := a.checkCondition(); err != nil {
		return nil, err
	}
	if err := p.groupExists(op, a.scope); err != nil {
		return nil, err
	}
	if err := a.delegated(op); err != nil {
		return nil, err
	}
	return a, p.checkPrincipal(a)
}

// roleFits refuses a custom role outside its assignable scopes, and one with data actions at a management group.
func (p *provider) roleFits(a *assignment) error {
	if a.role.Type == gatehouse.BuiltInRole {
		return nil
	}
	if !p.assignableAt(a.role, a.scope.Scope()) {
		return roleDoesNotExist(a.role.ID.String())
	}
	if _, ok := a.scope.Scope().ManagementGroup(); !ok {
		return nil
	}
	for _, e := range a.role.Permissions {
		if len(e.DataActions) > 0 {
			return invalid("InvalidCreateRoleAssignmentRequest", "Role assignments to Management Groups can not be made to custom role definitions with DataActions.")
		}
	}
	return nil
}

func (a *assignment) checkCondition() error {
	condition, version := a.props.String("condition"), a.props.String("conditionVersion")
	if condition == "" {
		if version != "" {
			return invalid("InvalidRoleAssignmentCondition", "conditionVersion was given without a condition.").At("properties.conditionVersion")
		}
		return nil
	}
	if version == "" {
		a.props.Set("conditionVersion", "2.0")
	} else if version != "2.0" && version != "1.0" {
		return invalid("InvalidRoleAssignmentCondition", "The condition version '%s' is not supported; use 2.0.", version).At("properties.conditionVersion")
	}
	if _, err := cond.Parse(condition); err != nil {
		return invalid("InvalidRoleAssignmentCondition", "The given role assignment condition is invalid. %s", err).At("properties.condition")
	}
	return nil
}

// groupExists refuses scopes below a resource group that does not exist; deeper levels may be assigned ahead of their resource.
// Those in the directory are refused because nothing that is written there would count (package guard).
func (p *provider) groupExists(op *arm.Op, scope gatehouse.ID) error {
	if directory.Root().Scope().Contains(scope.Scope()) {
		return invalid("ScopeNotSupported", "The directory takes no assignments of Resource Manager's roles at '%s'. Assign a directory role instead: POST /v1.0/roleManagement/directory/roleAssignments.", scope)
	}
	group, ok := scope.Scope().ResourceGroup()
	if !ok {
		if mg, ok := scope.Scope().ManagementGroup(); ok {
			return p.managementGroupExists(op, mg)
		}
		return nil
	}
	_, err := op.Store().Get(op.Context, group)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return arm.GroupNotFound(group.Name())
	}
	return err
}

func (p *provider) managementGroupExists(op *arm.Op, mg gatehouse.Scope) error {
	if mg.Name() == p.TenantID.String() {
		return nil
	}
	_, err := op.Store().Get(op.Context, mg)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return gatehouse.Errorf(gatehouse.NotFound, "ManagementGroupNotFound", "The management group '%s' cannot be found.", mg.Name())
	}
	return err
}

// delegated makes the linked check of delegatedManagedIdentityResourceId (rbac.md 5.3).
func (a *assignment) delegated(op *arm.Op) error {
	text := a.props.String("delegatedManagedIdentityResourceId")
	if text == "" {
		return nil
	}
	id, err := gatehouse.ParseID(text)
	if err != nil {
		return invalid("LinkedInvalidPropertyId", "Property id '%s' at path 'properties.delegatedManagedIdentityResourceId' is invalid.", text)
	}
	return op.RequireLinked(arm.LinkedAccess{Action: "Microsoft.ManagedIdentity/userAssignedIdentities/write", ID: id})
}

// checkPrincipal applies rbac.md 6.2: without principalType the principal has to
// exist; with one it need not, but may not be of another type.
func (p *provider) checkPrincipal(a *assignment) error {
	given := a.props.String("principalType")
	found, ok := p.Directory.Principal(a.principal)
	if given == "" {
		if !ok {
			return invalid("PrincipalNotFound", "Principal %s does not exist in the directory %s. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
				a.principal.Hex(), p.TenantID)
		}
		a.props.Set("principalType", string(found.Type))
		return nil
	}
	kind, known := principalTypes[gatehouse.Fold(given)]
	if !known {
		return invalid("InvalidPrincipalType", "The principal type '%s' is not supported; use User, Group or ServicePrincipal.", given).At("properties.principalType")
	}
	if ok && found.Type != kind {
		return invalid("UnmatchedPrincipalType", "The PrincipalId '%s' has type '%s' , which is different from specified PrinciaplType '%s'.", a.principal.Hex(), found.Type, given)
	}
	a.props.Set("principalType", string(kind))
	return nil
}

var principalTypes = map[string]gatehouse.PrincipalType{
	"user": gatehouse.User, "group": gatehouse.Group, "serviceprincipal": gatehouse.ServicePrincipal,
	"foreigngroup": gatehouse.ForeignGroup, "device": gatehouse.Device, "msi": gatehouse.ServicePrincipal,
}

// unchanged returns the assignment that already has this name, after checking that nothing but the descriptive parts change.
func (p *provider) unchanged(op *arm.Op, tx *store.Tx, a *assignment) (*arm.Resource, error) {
	named, err := tx.List(op.Context, store.Query{Type: roleAssignmentType, Name: a.id.String(), Limit: 1})
	if err != nil || len(named.Documents) == 0 {
		return nil, err
	}
	old, err := arm.FromDocument(named.Documents[0])
	if err != nil {
		return nil, err
	}
	principal, _ := gatehouse.ParseGUID(old.Props().String("principalId"))
	same := old.ID.Scope() == op.ID.Scope() && principal == a.principal && gatehouse.Fold(lastSegment(old.Props().String("roleDefinitionId"))) == a.role.ID.String()
	if !same {
		return nil, invalid("RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
	}
	return old, nil
}

// admissible checks what depends on other assignments: the same grant under another name, and the limits.
func (p *provider) admissible(op *arm.Op, tx *store.Tx, a *assignment) error {
	for other := range p.Guard.Snapshot().Assignments(a.scope.Scope(), rbac.At) {
		if other.Principal == a.principal && other.Role == a.role.ID && other.ID != a.id {
			return gatehouse.Errorf(gatehouse.Conflict, "RoleAssignmentExists", "The role assignment already exists. The ID of the existing role assignment is %s.", other.ID.Hex())
		}
	}
	limit, under, what := 0, gatehouse.Scope{}, ""
	if sub, ok := a.scope.Scope().Subscription(); ok {
		limit, under, what = p.Limits.AssignmentsPerSubscription, sub, "subscription"
	} else if mg, ok := a.scope.Scope().ManagementGroup(); ok {
		limit, under, what = p.Limits.AssignmentsPerManagementGroup, mg, "management group"
	}
	if limit == 0 {
		return nil
	}
	n, err := tx.Count(op.Context, store.Query{Type: roleAssignmentType, Under: &under})
	if err == nil && n >= limit {
		return invalid("RoleAssignmentLimitExceeded", "No more role assignments can be created (code: RoleAssignmentLimitExceeded): this %s holds %d, which is its limit. Assign to groups, or delete assignments that a wider one repeats.", what, n)
	}
	return err
}

// resource is the document to be stored.
func (a *assignment) resource(op *arm.Op, old *arm.Resource) *arm.Resource {
	r := a.document(op.Caller.ID, op.Now)
	if old != nil {
		r.ID, r.Created = old.ID, old.Created
		r.Props().Set("createdOn", old.Props().String("createdOn"))
		creator, _ := old.Props().Get("createdBy")
		r.Props().Set("createdBy", creator)
	}
	return r
}

func (a *assignment) document(by gatehouse.GUID, at time.Time) *arm.Resource {
	now, who := gatehouse.Timestamp(at), by.String()
	r := &arm.Resource{ID: a.scope.Extension(Namespace, "roleAssignments", a.id.String()), Type: roleAssignmentType}
	r.Body = object("properties", object(
		"roleDefinitionId", roleDefinitionID(a.scope, a.role.ID), "principalId", a.principal.String(), "principalType", a.props.String("principalType"),
		"scope", a.scope.String(), "condition", orNull(a.props, "condition"), "conditionVersion", orNull(a.props, "conditionVersion"),
		"createdOn", now, "updatedOn", now, "createdBy", who, "updatedBy", who,
		"delegatedManagedIdentityResourceId", orNull(a.props, "delegatedManagedIdentityResourceId"), "description", orNull(a.props, "description")))
	return r
}

// RootAssignment is the document of an assignment at the root, as the first start
// of a server and elevation make them; no API call does.
func RootAssignment(role, principal gatehouse.GUID, kind gatehouse.PrincipalType, now time.Time) *store.Document {
	a := &assignment{id: gatehouse.NameGUID(principal, role.String()), role: builtinRole(mustRole(role)), principal: principal, props: object("principalType", string(kind))}
	return a.document(principal, now).Document()
}

// orNull shows an absent or empty text as null, as Azure does (rbac.md 2.4).
func orNull(o *jsondoc.Object, name string) jsondoc.Value {
	if s := o.String(name); s != "" {
		return s
	}
	return nil
}

// showAssignment is the wire form, with the role's id as seen from the scope that was asked at (rbac.md 6.2).
func showAssignment(op *arm.Op, r *arm.Resource) *jsondoc.Object {
	props := r.Props().Clone()
	if role, err := gatehouse.ParseGUID(lastSegment(props.String("roleDefinitionId"))); err == nil {
		props.Set("roleDefinitionId", roleDefinitionID(op.ID, role))
	}
	if op.Version == "2015-07-01" {
		for _, name := range []string{"principalType", "condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description"} {
			props.Delete(name)
		}
	}
	return object("properties", props, "id", r.ID.String(), "type", roleAssignmentType, "name", r.ID.Name())
}

func (p *provider) getAssignment(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Load(op.Store(), op.ID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "RoleAssignmentNotFound", "The role assignment '%s' is not found.", op.ID.Name())
	}
	if err != nil {
		return nil, err
	}
	return arm.OK(showAssignment(op, r)), nil
}

// deleteAssignment answers 200 with what was deleted and 204 when there was nothing (rbac.md 6.2).
func (p *provider) deleteAssignment(op *arm.Op) (*arm.Answer, error) {
	release := p.serialise("assignment "+op.ID.Name(), "last admin")
	defer release()
	var old *arm.Resource
	err := op.Write(nil, func(tx *store.Tx) (err error) {
		old, err = op.Load(tx, op.ID)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			old = nil
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.notLastAdmin(op, old); err != nil {
			return err
		}
		_, err = tx.Delete(old.ID.Scope())
		return err
	})
	if err != nil {
		return nil, err
	}
	if old == nil {
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
	return arm.OK(showAssignment(op, old)), nil
}

// The roles that can hand out access; one has to stay at each subscription that has one (rbac.md 6.2).
var (
	ownerRole      = gatehouse.MustGUID(builtin.Owner)
	userAdminRole  = gatehouse.MustGUID(builtin.UserAccessAdministrator)
	rbacAdminRoles = map[gatehouse.GUID]bool{ownerRole: true, userAdminRole: true}
)

// notLastAdmin keeps the last Owner or User Access Administrator at a subscription,
// unless the caller is a Global Administrator and could elevate anyway.
func (p *provider) notLastAdmin(op *arm.Op, old *arm.Resource) error {
	at := old.ID.Parent().Scope()
	sub, ok := at.Subscription()
	role, _ := gatehouse.ParseGUID(lastSegment(old.Props().String("roleDefinitionId")))
	if !ok || at != sub || !rbacAdminRoles[role] || p.globalAdministrator(op) {
		return nil
	}
	id, _ := gatehouse.ParseGUID(old.ID.Name())
	for other := range p.Guard.Snapshot().Assignments(sub, rbac.At|rbac.Above) {
		if other.ID != id && rbacAdminRoles[other.Role] {
			return nil
		}
	}
	return invalid("CannotDeleteLastRbacAdminAssignment", "Cannot delete the last RBAC admin assignment. Assign Owner or User Access Administrator at the subscription to somebody else first.")
}
