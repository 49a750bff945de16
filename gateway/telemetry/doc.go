// Package telemetry tells operators what a gateway does (gateway.md 14): metrics for Prometheus, a log of calls,
// what diagnostics ask for, and messages that policies send to Event Hubs.
//
// It promises: nothing here makes a call wait; queues are bounded, and what does not fit is dropped and counted; keys,
// tokens and whatever a diagnostic masks are never written; labels of metrics come from the configuration or from
// lists, so that callers make up no series.
package telemetry
