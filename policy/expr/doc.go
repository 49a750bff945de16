// Package expr compiles and runs the C# inside policies (policy-expressions.md).
//
// Compile reads the code between the outer brackets of @(...) or @{...}, checks it
// as a C# compiler does against the types and members that expressions may use, and
// makes a Program of closures. A Program is immutable and may run in many goroutines;
// each run sees one Context and spends from one Budget. Nothing of Go or of the machine
// is reachable but through the tables in the files lib_*.go; how to add to them stands
// at the top of lib.go.
package expr

//go:generate go run ./gen
