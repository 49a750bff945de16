// Package spans follows calls of a gateway through other programs: it continues the trace of a caller (W3C Trace Context), makes
// a span for each call and each request that a call sends, and exports them by OTLP over HTTP to whatever understands OpenTelemetry.
//
// It promises that no call waits for any of this: finished spans go into a bounded queue, what does not fit or cannot be delivered
// is dropped and counted. No key, token or value of a secret named value stands in an attribute; queries of addresses are left out.
//
// It leaves to others: what is told without OpenTelemetry (gateway/telemetry), and traces of policies (gateway/trace).
package spans
