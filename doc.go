// Package gatehouse is the vocabulary of Gatehouse: scopes, actions, principals,
// roles, requests, decisions, changes and errors. It holds no I/O and imports
// nothing but the standard library, so every other package can speak the same words.
//
// The words are Azure's where Azure has one (role assignment, scope, deny
// assignment); docs/architecture.md lists what each package adds to them.
package gatehouse
