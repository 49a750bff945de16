package builtin

import (
	_ "embed"
	"encoding/json"
	"sync"

	"gatehouse"
)

// When the built-in roles were made and last changed, as answers of role
// definitions show it; createdBy and updatedBy are null (rbac.md 6.1).
const (
	CreatedOn = "2015-02-02T21:55:09.8806423Z"
	UpdatedOn = "2026-08-22T00:00:00.0000000Z"
)

// IDs of built-in roles that the product itself refers to.
const (
	Owner                   = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	Contributor             = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	Reader                  = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	UserAccessAdministrator = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
)

//go:embed data/roles.json
var rolesJSON []byte

type roleTable struct {
	list []gatehouse.RoleDefinition
	byID map[gatehouse.GUID]int
}

var roles = sync.OnceValue(readRoles)

func readRoles() roleTable {
	var rows []struct {
		ID               gatehouse.GUID
		Name             string
		Description      string
		AssignableScopes []gatehouse.Scope
		Permissions      []gatehouse.Permission
	}
	if err := json.Unmarshal(rolesJSON, &rows); err != nil {
		panic("builtin: data/roles.json: " + err.Error())
	}
	t := roleTable{byID: make(map[gatehouse.GUID]int, len(rows))}
	for i, r := range rows {
		t.byID[r.ID] = i
		t.list = append(t.list, gatehouse.RoleDefinition{
			ID: r.ID, Name: r.Name, Type: gatehouse.BuiltInRole, Description: r.Description,
			Permissions: r.Permissions, AssignableScopes: r.AssignableScopes,
		})
	}
	return t
}

// Roles returns Azure's built-in roles, ordered by name. Directory roles are not among them.
func Roles() []gatehouse.RoleDefinition { return roles().list }

// Role returns the built-in role with that ID.
func Role(id gatehouse.GUID) (gatehouse.RoleDefinition, bool) {
	t := roles()
	i, ok := t.byID[id]
	if !ok {
		return gatehouse.RoleDefinition{}, false
	}
	return t.list[i], true
}
