package remote

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/gateway/admit"
)

// ask reads a question; false when that was answered already.
func ask(w http.ResponseWriter, r *http.Request, limit int64, to any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit)).Decode(to); err != nil {
		fault(w, http.StatusBadRequest, "InvalidRequestContent", "The body is no JSON of the expected form, or too long.")
		return false
	}
	return true
}

// settle makes an answer of an error: what is no answer about the caller is a failure of the node.
func (n *Node) settle(w http.ResponseWriter, a *answer, err error) {
	var e *gatehouse.Error
	switch {
	case err == nil:
	case errors.As(err, &e) && (e.Kind == gatehouse.Unauthenticated || e.Kind == gatehouse.Forbidden):
		a.Refusal = &refusal{Kind: e.Kind, Code: e.Code, Message: e.Message}
	default:
		n.Log.Error("a gateway's question could not be answered", "error", err)
		fault(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The question could not be answered.")
		return
	}
	reply(w, a)
}

// authenticate says whose token or certificate a gateway was shown.
func (n *Node) authenticate(asks *asking, w http.ResponseWriter, r *http.Request) {
	var q question
	if !ask(w, r, maxQuestion, &q) {
		return
	}
	a := &answer{}
	a.Access, _ = n.access.revision() // before the answer, which may be newer
	var err error
	if q.Setting != "" { // of the gateway's own service, whatever it says
		a.Caller, err = n.Authority.Foreign(r.Context(), q.Bearer, &admit.Foreign{Service: asks.service.String(), Setting: q.Setting})
		n.settle(w, a, err)
		return
	}
	if len(q.Certificate) == 0 {
		a.Caller, err = n.Authority.Authenticate(r.Context(), q.Bearer, q.Audiences...)
		n.settle(w, a, err)
		return
	}
	leaf, bad := x509.ParseCertificate(q.Certificate)
	if bad != nil {
		fault(w, http.StatusBadRequest, "InvalidRequestContent", "The certificate is no certificate.")
		return
	}
	a.Caller, err = n.Authority.Certificate(r.Context(), leaf)
	n.settle(w, a, err)
}

// decide says whether a caller may. A gateway may ask about its own service only.
func (n *Node) decide(asks *asking, w http.ResponseWriter, r *http.Request) {
	var q question
	if !ask(w, r, maxQuestion, &q) {
		return
	}
	scope, err := gatehouse.ParseID(q.Scope)
	if err != nil || q.Caller == nil || q.Action == "" || strings.Contains(q.Action, "*") || !asks.scope.Contains(scope.Scope()) {
		fault(w, http.StatusBadRequest, "InvalidRequestContent", "A gateway asks whether a caller may perform an action at a scope of its service.")
		return
	}
	a := &answer{}
	a.Access, _ = n.access.revision()
	d, err := n.Authority.Decide(r.Context(), q.Caller, q.Action, scope)
	a.Decision = &d
	n.settle(w, a, err)
}

// results takes what a gateway counted and traced; it counts for the gateway's own service, whatever it says.
func (n *Node) results(asks *asking, w http.ResponseWriter, r *http.Request) {
	var got results
	if !ask(w, r, maxResults, &got) {
		return
	}
	statistics := n.statisticsOf(asks)
	if statistics == "" {
		fault(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The service cannot be read.")
		return
	}
	for i := range got.Requests {
		got.Requests[i].Service = statistics
	}
	err := n.Analytics.Add(r.Context(), got.Requests)
	if err == nil {
		err = n.Analytics.Charge(r.Context(), statistics, got.Quotas)
	}
	if err != nil {
		n.Log.Error("what a gateway counted could not be kept", "error", err)
		fault(w, http.StatusServiceUnavailable, "ServiceUnavailable", "What was counted could not be kept.")
		return
	}
	for _, t := range got.Traces {
		if err := n.Traces.PutJSON(asks.resource().String(), t.ID, t.Body); err != nil {
			n.Log.Warn("a gateway sent a trace that is none", "gateway", asks.gateway, "error", err)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
