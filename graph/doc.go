// Package graph is the Microsoft Graph wire: the part of Graph v1.0 about users,
// groups, applications and service principals that az, Terraform, PowerShell and
// the SDKs need (clients.md section 5), with /beta as an alias.
//
// It promises that every request is authenticated, then authorized for a data
// action Microsoft.Graph/directory/{type}/{read|write|delete}, before anything is
// loaded or decoded; that refusals are recorded; that every write is one
// transaction with its cause; and that secrets leave once, when they are made.
//
// What an object is, is declared in kinds.go; which paths exist, in routes.go.
// Who may do what is guard's to decide, sign-in is entra's, how objects are stored
// is directory's.
//
// Beyond what guard answers, two of Entra's defaults hold: a signed-in user may
// read the directory, and a service principal its own object. Neither applies
// where a deny assignment says no. See authorize.go.
package graph
