package rbac

import "gatehouse"

// World is everything that a Snapshot is made from, as plain values.
type World struct {
	Roles       []gatehouse.RoleDefinition
	Assignments []gatehouse.RoleAssignment // known by scope and ID; of two with both the same, the last counts
	Denies      []gatehouse.DenyAssignment // likewise
	Members     []Membership
	// Parents says which management group holds a management group or a subscription.
	// What is not in it hangs below the tenant root. Other pairs are ignored and reported by Problems.
	Parents map[gatehouse.Scope]gatehouse.Scope
	// Actions are the names of actions that are asked about often. Answers about them
	// are quicker; they are never different.
	Actions []string
}

// Membership is one direct membership. Groups may be members of groups, in circles too.
type Membership struct {
	Group, Member gatehouse.GUID
}

type updateKind uint8

const (
	putRole updateKind = iota
	deleteRole
	putAssignment
	deleteAssignment
	putDeny
	deleteDeny
	addMember
	removeMember
	setParent
	removeParent
)

// Update is one change for Apply. Make one with the functions that return it. Deleting
// what is not there changes nothing.
type Update struct {
	kind       updateKind
	id         gatehouse.GUID // of what is deleted
	scope      gatehouse.Scope
	parent     gatehouse.Scope
	role       gatehouse.RoleDefinition
	assignment gatehouse.RoleAssignment
	deny       gatehouse.DenyAssignment
	member     Membership
}

// PutRole adds or replaces a role definition.
func PutRole(r gatehouse.RoleDefinition) Update { return Update{kind: putRole, role: r} }

// DeleteRole removes a role definition. Assignments of it stay and grant nothing.
func DeleteRole(id gatehouse.GUID) Update { return Update{kind: deleteRole, id: id} }

// PutAssignment adds a role assignment or replaces the one with the same scope and ID.
func PutAssignment(a gatehouse.RoleAssignment) Update {
	return Update{kind: putAssignment, assignment: a}
}

// DeleteAssignment removes a role assignment.
func DeleteAssignment(scope gatehouse.Scope, id gatehouse.GUID) Update {
	return Update{kind: deleteAssignment, scope: scope, id: id}
}

// PutDeny adds a deny assignment or replaces the one with the same scope and ID.
func PutDeny(d gatehouse.DenyAssignment) Update { return Update{kind: putDeny, deny: d} }

// DeleteDeny removes a deny assignment.
func DeleteDeny(scope gatehouse.Scope, id gatehouse.GUID) Update {
	return Update{kind: deleteDeny, scope: scope, id: id}
}

// AddMember makes member a direct member of group.
func AddMember(group, member gatehouse.GUID) Update {
	return Update{kind: addMember, member: Membership{group, member}}
}

// RemoveMember ends a direct membership.
func RemoveMember(group, member gatehouse.GUID) Update {
	return Update{kind: removeMember, member: Membership{group, member}}
}

// SetParent puts a management group or subscription below a management group.
func SetParent(child, parent gatehouse.Scope) Update {
	return Update{kind: setParent, scope: child, parent: parent}
}

// RemoveParent puts a management group or subscription below the tenant root.
func RemoveParent(child gatehouse.Scope) Update { return Update{kind: removeParent, scope: child} }
