// Package hooks is what a gateway does around the policies of a call: it asks for role assignments where the
// service's settings say so (gateway.md 13), traces calls that bring debug credentials (gateway.md 14), and records
// what was called.
//
// It promises: a setting that cannot be read refuses; a refusal says why to the log and the trace, and no more than its
// words to the caller; nothing that is recorded holds keys or tokens; recording never holds a call up, and what does not
// fit is dropped and counted. It leaves who may to the Authority behind the admit.Gate, and where records go to Results and Traces.
package hooks
