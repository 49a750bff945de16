// Package cond is the language of conditions on role and deny assignments (Azure
// ABAC, version 2.0; rbac.md 7): Parse, Check, Eval and, for explanations, Trace.
//
// A Condition is immutable and safe for concurrent use. Evaluation looks nothing
// up: action, attributes and time are handed in. What an attribute means is left to
// whoever hands it in.
package cond
