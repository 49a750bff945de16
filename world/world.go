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
	"gatehouse/guard"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
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
	// Spelling is how scopes were written, for showing: a Scope itself is folded.
	Spelling map[gatehouse.Scope]string
	// Labels are what a file calls objects whose IDs it does not give as GUIDs.
	Labels map[gatehouse.GUID]string
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
	Mail    string // of users, where it differs from Name
	AppID   string // of service principals
	// Kind tells service principals apart: Application, ManagedIdentity.
	Kind     string
	Resource string // resource ID of the managed identity that a service principal stands for
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

// Engine is the part that decides. As on a server, what Resource Manager's roles
// grant and denies deny never reaches the directory.
func (w *World) Engine() rbac.World {
	e := rbac.World{Roles: make([]gatehouse.RoleDefinition, len(w.Roles)), Denies: make([]gatehouse.DenyAssignment, len(w.Denies)), Parents: w.Parents,
		Assignments: make([]gatehouse.RoleAssignment, len(w.Assignments))}
	for i, r := range w.Roles {
		if _, ours := builtin.DirectoryRole(r.ID); !ours {
			r.Permissions = guard.OutsideDirectory(r.Permissions)
		}
		e.Roles[i] = r
	}
	for i, d := range w.Denies {
		d.Permissions = guard.OutsideDirectory(d.Permissions)
		e.Denies[i] = d
	}
	for i, a := range w.Assignments {
		e.Assignments[i] = a.RoleAssignment
	}
	for _, p := range w.Principals {
		for _, m := range p.Members {
			e.Members = append(e.Members, rbac.Membership{Group: p.ID, Member: m})
		}
	}
	return e
}

// Spell is a scope as it was written.
func (w *World) Spell(s gatehouse.Scope) string {
	if text, ok := w.Spelling[s]; ok {
		return text
	}
	return s.String()
}

// Label is an object's ID as it was written.
func (w *World) Label(id gatehouse.GUID) string {
	if text, ok := w.Labels[id]; ok {
		return text
	}
	return id.String()
}
