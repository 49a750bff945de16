// Package world is the whole of who may do what at one moment, as plain values: what
// `gatehouse export` writes, what permission tests and imports read, and what questions
// about access are asked of, whether it came from a running server, its past or a file.
//
// It promises nothing about rights: whoever has a World sees all of it. It leaves
// deciding to rbac.
package world

import (
	"time"

	"gatehouse"
	"gatehouse/rbac"
)

// World is who may do what at one moment.
type World struct {
	Now           time.Time // the moment it is about; zero for one that does not say
	Roles         []gatehouse.RoleDefinition
	Assignments   []Assignment
	Eligibilities []Assignment // roles that could be activated and are not
	Denies        []gatehouse.DenyAssignment
	Principals    []Principal
	// Parents says which management group holds a management group or a subscription.
	Parents map[gatehouse.Scope]gatehouse.Scope
	// Complete says that Principals is the whole directory: whoever is not in it was deleted.
	Complete bool
}

// Assignment is a role assignment with what people wrote beside it.
type Assignment struct {
	gatehouse.RoleAssignment
	PrincipalType gatehouse.PrincipalType
	Description   string
	CreatedOn     time.Time // zero when not known
	CreatedBy     string
}

// Principal is a user, group, service principal or managed identity.
type Principal struct {
	ID      gatehouse.GUID
	Type    gatehouse.PrincipalType
	Name    string // user principal name of a user, display name of others
	Display string
	AppID   string // of service principals
	// Kind tells service principals apart: Application, ManagedIdentity.
	Kind     string
	Disabled bool
	Members  []gatehouse.GUID // of a group, direct ones
	Owners   []gatehouse.GUID
	Secrets  []Secret
	// Attributes are what conditions read as @Principal.
	Attributes map[string]any
}

// Secret is a password or certificate of an application; its value is never here.
type Secret struct {
	ID, Name   string
	Kind       string // password, certificate, federated
	Start, End time.Time
}

// Engine is the part that decides.
func (w *World) Engine() rbac.World {
	e := rbac.World{Roles: w.Roles, Denies: w.Denies, Parents: w.Parents}
	for _, a := range w.Assignments {
		e.Assignments = append(e.Assignments, a.RoleAssignment)
	}
	for _, p := range w.Principals {
		for _, m := range p.Members {
			e.Members = append(e.Members, rbac.Membership{Group: p.ID, Member: m})
		}
	}
	return e
}
