package directory

import (
	"strings"

	"gatehouse"
)

// The types of directory documents, in the spelling that the store keeps.
const (
	UserType             = "Microsoft.Graph/directory/users"
	GroupType            = "Microsoft.Graph/directory/groups"
	GroupMemberType      = "Microsoft.Graph/directory/groups/members"
	GroupOwnerType       = "Microsoft.Graph/directory/groups/owners"
	ApplicationType      = "Microsoft.Graph/directory/applications"
	ApplicationOwnerType = "Microsoft.Graph/directory/applications/owners"
	FederatedType        = "Microsoft.Graph/directory/applications/federatedIdentityCredentials"
	ServicePrincipalType = "Microsoft.Graph/directory/servicePrincipals"
	// ServicePrincipalOwnerType is the type of a link from a service principal to one of its owners.
	ServicePrincipalOwnerType = "Microsoft.Graph/directory/servicePrincipals/owners"
	RoleAssignmentType        = "Microsoft.Graph/directory/roleAssignments"

	// IdentityFederatedType is the type of a federated credential of a user-assigned
	// identity, an ARM resource below the identity; its body nests under properties.
	IdentityFederatedType = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
)

// RootPath is the ID below which all directory documents live.
const RootPath = "/providers/Microsoft.Graph/directory/main"

// Root returns RootPath as an ID. Directory roles are assigned here.
func Root() gatehouse.ID { return gatehouse.MustID(RootPath) }

// UserID returns the ID of a user's document.
func UserID(oid gatehouse.GUID) gatehouse.ID { return Root().Child("users", oid.String()) }

// GroupID returns the ID of a group's document.
func GroupID(gid gatehouse.GUID) gatehouse.ID { return Root().Child("groups", gid.String()) }

// MemberID returns the ID of the document that makes a principal a member of a group.
func MemberID(gid, member gatehouse.GUID) gatehouse.ID {
	return GroupID(gid).Child("members", member.String())
}

// GroupOwnerID returns the ID of the document that makes a principal an owner of a group.
func GroupOwnerID(gid, owner gatehouse.GUID) gatehouse.ID {
	return GroupID(gid).Child("owners", owner.String())
}

// ApplicationID returns the ID of an application's document by its object ID (not its appId).
func ApplicationID(oid gatehouse.GUID) gatehouse.ID {
	return Root().Child("applications", oid.String())
}

// ApplicationOwnerID returns the ID of the document that makes a principal an owner of an application.
func ApplicationOwnerID(oid, owner gatehouse.GUID) gatehouse.ID {
	return ApplicationID(oid).Child("owners", owner.String())
}

// FederatedID returns the ID of a federated identity credential of an application.
func FederatedID(oid gatehouse.GUID, name string) gatehouse.ID {
	return ApplicationID(oid).Child("federatedIdentityCredentials", name)
}

// ServicePrincipalID returns the ID of a service principal's document by its object ID.
func ServicePrincipalID(oid gatehouse.GUID) gatehouse.ID {
	return Root().Child("servicePrincipals", oid.String())
}

// ServicePrincipalOwnerID returns the ID of the document that makes a principal an owner of a service principal.
func ServicePrincipalOwnerID(oid, owner gatehouse.GUID) gatehouse.ID {
	return ServicePrincipalID(oid).Child("owners", owner.String())
}

// RoleAssignmentID returns the ID of a directory role assignment.
func RoleAssignmentID(name gatehouse.GUID) gatehouse.ID {
	return Root().Child("roleAssignments", name.String())
}

// ObjectOf returns the object ID that a directory document's scope names: of a
// member document the member, of a user document the user.
func ObjectOf(key gatehouse.Scope) (gatehouse.GUID, bool) {
	if !strings.HasPrefix(key.String(), "/providers/microsoft.graph/directory/main/") {
		return gatehouse.GUID{}, false
	}
	oid, err := gatehouse.ParseGUID(key.Name())
	return oid, err == nil
}
