// Package rbac decides who may do what: Azure's role-based access control over one
// immutable Snapshot of roles, role assignments, deny assignments, group
// memberships and management groups (rbac.md 3, 4 and 7).
//
// A Snapshot answers Decide, Explain, WhoCan, Permissions and Visible, and the lists
// that ARM shows. It looks nothing up and takes the time as an argument, so any past
// moment can be asked again. Apply makes the next Snapshot from the last one and
// shares with it all that did not change; the old one stays valid.
//
// What is left to others: which documents become which assignments and memberships
// (package guard), which action a request needs and what it is told (package arm),
// and what principals are called.
package rbac
