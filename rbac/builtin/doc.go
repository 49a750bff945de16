// Package builtin holds what ships with the product: the built-in roles of
// Azure, the operations of resource providers that are known by name, and the
// directory roles that govern the Microsoft Graph wire.
//
// The tables under data are generated from published ones (see gen); the actions
// of calls to APIs, which Azure does not have, are in runtime.go, the directory
// roles in directory.go. testdata/matrix.txt shows who may do what, for review.
//
// Tables are read once, on first use, in a few milliseconds. What the functions
// return is shared: callers must not change it.
package builtin

// A newer state of Azure is one command away: GATEHOUSE_TABLES=DIR go generate ./rbac/builtin

//go:generate go run ./gen -from $GATEHOUSE_TABLES
