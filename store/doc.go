// Package store holds everything that Gatehouse keeps: documents, the log of
// their changes, and short-lived tickets.
//
// A Write commits documents and the records of their changes in one transaction,
// so nothing changes without a who and a why, and what the log says is what
// happened. Records form a hash chain; package audit verifies it. Secrets are
// sealed before they reach a Driver: a master key, kept outside the database,
// seals data keys, and those seal the secrets, so replacing the master key
// rewrites neither documents nor log.
//
// Writes go through one goroutine that lets those waiting share a commit. Reads
// go past it. Whatever engines have in common is here; a Driver, which the
// subpackages implement and storetest defines, does single statements.
package store
