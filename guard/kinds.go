package guard

import (
	"gatehouse"
	"gatehouse/directory"
	"gatehouse/rbac/builtin"
)

// kind is what a type of document means for access.
type kind struct {
	typ string
	// put takes in a new or changed document. An error says why it cannot mean what
	// it was meant to; it then counts as dropped, or as fallback says.
	put func(m *model, id gatehouse.ID, body []byte) error
	// drop takes back whatever a document with that ID meant.
	drop func(m *model, id gatehouse.ID)
	// fallback is what an unreadable document means instead of nothing.
	fallback func(m *model, id gatehouse.ID)
}

// kinds lists every type that bears on access, in the order of loading: groups
// before their members. A new one is a row here.
var kinds = []kind{
	{typ: TenantType, put: putTenant, drop: dropTenant},
	{typ: ManagementGroupType, put: putManagementGroup, drop: dropManagementGroup, fallback: underRoot},
	{typ: PlacementType, put: putPlacement, drop: dropPlacement},
	{typ: SubscriptionType, put: putSubscription, drop: dropSubscription},
	{typ: RoleDefinitionType, put: putRole, drop: dropRole},
	{typ: RoleAssignmentType, put: putAssignment, drop: dropAssignment},
	{typ: DenyAssignmentType, put: putDeny, drop: dropDeny, fallback: denyAll},
	{typ: directory.UserType, put: putPrincipal(gatehouse.User), drop: dropPrincipal},
	{typ: directory.GroupType, put: putPrincipal(gatehouse.Group), drop: dropPrincipal},
	{typ: directory.ServicePrincipalType, put: putPrincipal(gatehouse.ServicePrincipal), drop: dropPrincipal},
	{typ: directory.ApplicationType, put: putApplication, drop: dropApplication},
	{typ: directory.GroupMemberType, put: putMember, drop: dropMember},
	{typ: directory.GroupOwnerType, put: putOwner(builtin.GroupOwner), drop: dropOwner},
	{typ: directory.ApplicationOwnerType, put: putOwner(builtin.ApplicationOwner), drop: dropOwner},
	{typ: directory.ServicePrincipalOwnerType, put: putOwner(builtin.ApplicationOwner), drop: dropOwner},
	{typ: directory.RoleAssignmentType, put: putDirectoryRole, drop: dropDirectoryRole},
}

// kindOf finds the row of a type, in any casing.
func kindOf(typ string) (kind, bool) {
	folded := gatehouse.Fold(typ)
	for _, k := range kinds {
		if gatehouse.Fold(k.typ) == folded {
			return k, true
		}
	}
	return kind{}, false
}
