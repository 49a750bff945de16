package guard

import (
	"time"

	"gatehouse"
	"gatehouse/directory"
)

// The types of documents that guard reads, beside those of package directory.
const (
	TenantType           = "Microsoft.Resources/tenants"
	SubscriptionType     = "Microsoft.Resources/subscriptions"
	ManagementGroupType  = "Microsoft.Management/managementGroups"
	PlacementType        = "Microsoft.Management/managementGroups/subscriptions"
	RoleDefinitionType   = "Microsoft.Authorization/roleDefinitions"
	RoleAssignmentType   = "Microsoft.Authorization/roleAssignments"
	DenyAssignmentType   = "Microsoft.Authorization/denyAssignments"
	authorizationSpace   = "Microsoft.Authorization"
	managementGroupsPath = "/providers/Microsoft.Management/managementGroups/"
)

// TenantID returns the ID of the tenant's document. Its body is not read here: the
// tenant root management group has the tenant's ID for a name.
func TenantID(tenant gatehouse.GUID) gatehouse.ID {
	return gatehouse.MustID("/providers/Microsoft.Resources/tenants/" + tenant.String())
}

// RootGroupID returns the ID of the tenant root management group.
func RootGroupID(tenant gatehouse.GUID) gatehouse.ID {
	return gatehouse.MustID(managementGroupsPath + tenant.String())
}

// RoleDefinitionID returns the ID at which a custom role is stored, whatever scope it was put at.
func RoleDefinitionID(role gatehouse.GUID) gatehouse.ID {
	return gatehouse.ID{}.Extension(authorizationSpace, "roleDefinitions", role.String())
}

// RoleAssignmentID returns the ID of a role assignment at a scope.
func RoleAssignmentID(scope gatehouse.ID, name gatehouse.GUID) gatehouse.ID {
	return scope.Extension(authorizationSpace, "roleAssignments", name.String())
}

// DenyAssignmentID returns the ID of a deny assignment at a scope.
func DenyAssignmentID(scope gatehouse.ID, name gatehouse.GUID) gatehouse.ID {
	return scope.Extension(authorizationSpace, "denyAssignments", name.String())
}

// PlacementID returns the ID of the document that puts a subscription below a
// management group. Its body is not read; a subscription without one is below the root group.
func PlacementID(group gatehouse.ID, subscription string) gatehouse.ID {
	return group.Child("subscriptions", subscription)
}

// RoleDefinitionBody is what guard reads of a custom role (rbac.md 6.1). The role's
// ID is the document's name.
type RoleDefinitionBody struct {
	Properties struct {
		RoleName         string                 `json:"roleName"`
		Description      string                 `json:"description"`
		AssignableScopes []string               `json:"assignableScopes"`
		Permissions      []gatehouse.Permission `json:"permissions"`
	} `json:"properties"`
}

// RoleAssignmentBody is what guard reads of a role assignment (rbac.md 6.2). Its
// scope is what its ID extends; a scope in the body means nothing. The two times
// bound an assignment that an activation made (rbac.md 8.1); plain ones have none.
type RoleAssignmentBody struct {
	Properties struct {
		RoleDefinitionID string         `json:"roleDefinitionId"` // any prefix; the GUID at its end counts
		PrincipalID      gatehouse.GUID `json:"principalId"`
		Condition        string         `json:"condition"`
		Start            time.Time      `json:"startDateTime"`
		End              time.Time      `json:"endDateTime"`
	} `json:"properties"`
}

// DenyAssignmentBody is what guard reads of a deny assignment (rbac.md 6.3).
type DenyAssignmentBody struct {
	Properties struct {
		Name              string                 `json:"denyAssignmentName"`
		Permissions       []gatehouse.Permission `json:"permissions"`
		Principals        []DenyPrincipal        `json:"principals"`
		ExcludePrincipals []DenyPrincipal        `json:"excludePrincipals"`
		ExceptChildScopes bool                   `json:"doNotApplyToChildScopes"`
		SystemProtected   bool                   `json:"isSystemProtected"`
		Condition         string                 `json:"condition"`
		Effect            string                 `json:"denyAssignmentEffect"` // audit, or anything else to enforce
	} `json:"properties"`
}

// DenyPrincipal names a principal in a deny assignment; the zero GUID is everyone.
type DenyPrincipal struct {
	ID *gatehouse.GUID `json:"id"`
}

// ManagementGroupBody is what guard reads of a management group. Without a parent
// it is below the tenant root group.
type ManagementGroupBody struct {
	Properties struct {
		Details struct {
			Parent struct {
				ID string `json:"id"`
			} `json:"parent"`
		} `json:"details"`
	} `json:"properties"`
}

// DirectoryRoleBody is what guard reads of a document of type directory.RoleAssignmentType.
type DirectoryRoleBody struct {
	PrincipalID      gatehouse.GUID `json:"principalId"`
	RoleDefinitionID string         `json:"roleDefinitionId"`
	DirectoryScopeID string         `json:"directoryScopeId"` // / or absent; narrower scopes are not known and grant nothing
}

// principalBody is what guard reads of users, groups and service principals.
type principalBody struct {
	AccountEnabled *bool          `json:"accountEnabled"`
	AppID          gatehouse.GUID `json:"appId"`                    // of a service principal
	Attributes     map[string]any `json:"customSecurityAttributes"` // a set is an object of attributes
}

// ownerSpace makes the IDs of grants that stand for ownership; they are no documents.
var ownerSpace = gatehouse.MustGUID("5f0c2b9e-8d47-4c61-a3f2-9b7e1d604a58")

// directoryScope is where directory roles hold.
var directoryScope = directory.Root().Scope()
