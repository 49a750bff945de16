package builtin

import (
	"sync"

	"gatehouse"
)

// IDs of the directory roles. The named ones are Entra's role template IDs; the
// two owner roles are ours and are granted by owners documents only.
const (
	GlobalAdministrator      = "62e90394-69f5-4237-9190-012177145e10"
	DirectoryReaders         = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
	UserAdministrator        = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	GroupsAdministrator      = "fdd7a751-b60b-444a-984c-02652fe8fa1c"
	ApplicationAdministrator = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
	GroupOwner               = "0d9a3f52-7c1e-4b86-9f4d-6a2b5e8c1d37"
	ApplicationOwner         = "4e6b8d0c-2f5a-4937-8c1d-b3a7f9e05264"
)

// DirectoryNamespace starts every directory action. Directory rights are data
// actions, so that Owner's star over actions never reaches them, and the namespace
// is not a known provider, so that no custom role can name them.
const DirectoryNamespace = "Microsoft.Graph/"

// directoryRoles is written by hand; {object} actions end in read, write or delete.
// What a privileged/ action is, only the Global Administrator holds (see package guard).
var directoryRoles = sync.OnceValue(func() []gatehouse.RoleDefinition {
	const d = DirectoryNamespace + "directory/"
	const all, read = DirectoryNamespace + "*", DirectoryNamespace + "*/read"
	return []gatehouse.RoleDefinition{
		directoryRole(GlobalAdministrator, "Global Administrator", "Everything in the directory.", all),
		directoryRole(DirectoryReaders, "Directory Readers", "Reads everything in the directory.", read),
		directoryRole(UserAdministrator, "User Administrator", "Manages users and groups that hold no directory role.",
			read, d+"users/*", d+"groups/*"),
		directoryRole(GroupsAdministrator, "Groups Administrator", "Manages groups that hold no directory role.",
			read, d+"groups/*"),
		directoryRole(ApplicationAdministrator, "Application Administrator", "Manages applications and service principals.",
			read, d+"applications/*", d+"servicePrincipals/*"),
		directoryRole(GroupOwner, "Group Owner", "Manages one group and its members and owners.", d+"groups/*"),
		directoryRole(ApplicationOwner, "Application Owner", "Manages one application or service principal, its credentials and owners.",
			d+"applications/*", d+"servicePrincipals/*"),
	}
})

func directoryRole(id, name, description string, dataActions ...string) gatehouse.RoleDefinition {
	return gatehouse.RoleDefinition{
		ID: gatehouse.MustGUID(id), Name: name, Type: gatehouse.BuiltInRole, Description: description,
		Permissions: []gatehouse.Permission{{
			Actions: []string{}, NotActions: []string{}, DataActions: dataActions, NotDataActions: []string{},
		}},
	}
}

// DirectoryRoles returns the roles of the directory: roles for the engine that
// Resource Manager neither lists nor assigns.
func DirectoryRoles() []gatehouse.RoleDefinition { return directoryRoles() }

// DirectoryRole returns the directory role with that ID.
func DirectoryRole(id gatehouse.GUID) (gatehouse.RoleDefinition, bool) {
	for _, r := range directoryRoles() {
		if r.ID == id {
			return r, true
		}
	}
	return gatehouse.RoleDefinition{}, false
}
