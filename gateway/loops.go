package gateway

import (
	"net/http"
	"strings"

	"gatehouse/gateway/pipeline"
)

// A call may come back to a gateway over the network: an API whose backend is the gateway itself under another name, or two
// gateways that are each other's backend. Each gateway therefore marks what it sends in CDN-Loop (RFC 8586), which nobody on the
// way takes off, and answers 508 to what went through too many.
const (
	loopHeader = "Cdn-Loop"
	loopMark   = "gatehouse"
	maxHops    = 10 // gateways that a call may pass one after the other
)

var firstHop = []string{loopMark}

// hops is what calls that this one leads to say of the gateways they passed; ok is false when these are too many.
func hops(h http.Header) (mark []string, ok bool) {
	before := h[loopHeader]
	if len(before) == 0 {
		return firstHop, true
	}
	passed := strings.Join(before, ", ")
	return []string{passed + ", " + loopMark}, strings.Count(passed, loopMark) < maxHops
}

// goesRound answers a call that passes gateways without end.
func goesRound(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusLoopDetected)
	_, _ = w.Write(pipeline.ErrorBody(http.StatusLoopDetected, "The call went through too many gateways: a backend leads back to the gateway.", [16]byte{}))
}
