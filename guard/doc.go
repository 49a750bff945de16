// Package guard answers whether a caller may do something, at this moment. It
// turns documents of the store into an rbac.Snapshot, keeps that up to date inside
// each commit, before its writer is answered, and words refusals as Azure does.
//
// It promises: what was committed counts from the next question on; the answers
// after a restart are those from before it; a document that cannot be read grants
// nothing, and if it was meant to deny it denies more, never less; Problems names
// each. It leaves to others: who the caller is (entra), which action a request
// needs (arm, graph), what may be written (providers), and recording refusals (arm).
//
// # Principals that are gone
//
// A role assignment outlives its principal (rbac.md 3.1). Authentication refuses
// deleted and disabled principals, so nobody asks in their name; guard adds that
// memberships of a group count only while the group's own document exists, whatever
// member documents are left, and that WhoCan leaves out principals that the
// directory does not know and marks disabled ones.
//
// # The directory
//
// Directory rights are data actions in Microsoft.Graph/, held through directory
// role assignments and ownership alone. Role assignments of Resource Manager never
// reach them: those inside the directory or of a directory role grant nothing, and
// the data actions of custom roles are cut short of that namespace. Users and groups
// that hold a directory role other than Directory Readers are privileged: only a
// Global Administrator may change them, so that managing users or groups is no way
// to become one.
package guard
