package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"gatehouse"
	"gatehouse/gateway/config"
)

// Question is what a gateway asks of a management node besides configuration and rights.
type Question struct {
	Service *config.Service
	Gateway string // folded; Managed for that of the whole service
	Body    json.RawMessage
}

// More answers further questions. An error of kind Unauthenticated, Forbidden, NotFound or Invalid is told to the gateway.
type More func(ctx context.Context, q *Question) (any, error)

// told is the answer to a further question.
type told struct {
	Access  int64           `json:"access"` // revision of rights and identities at which it was true
	Value   json.RawMessage `json:"value,omitempty"`
	Refusal string          `json:"refusal,omitempty"`
}

// further answers a question that NodeConfig.More has the answer to.
func (n *Node) further(ask More) func(*asking, http.ResponseWriter, *http.Request) {
	return func(a *asking, w http.ResponseWriter, r *http.Request) {
		q := &Question{Gateway: a.gateway}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuestion))
		n.Feed.View(a.scope, func(c *config.Config) {
			if c != nil {
				q.Service = c.Service
			}
		})
		if err != nil || q.Service == nil {
			fault(w, http.StatusBadRequest, "InvalidRequestContent", "The body is too long, or the service is gone.")
			return
		}
		q.Body = body
		var t told
		t.Access, _ = n.access.revision() // before the answer, which may be newer
		value, err := ask(r.Context(), q)
		var e *gatehouse.Error
		switch {
		case err == nil:
			t.Value, err = json.Marshal(value)
		case errors.As(err, &e) && (e.Kind == gatehouse.Unauthenticated || e.Kind == gatehouse.Forbidden || e.Kind == gatehouse.NotFound || e.Kind == gatehouse.Invalid):
			t.Refusal, err = e.Message, nil
		}
		if err != nil {
			n.Log.Error("a gateway's question could not be answered", "error", err)
			fault(w, http.StatusServiceUnavailable, "ServiceUnavailable", "The question could not be answered.")
			return
		}
		reply(w, &t)
	}
}

// Refused is a question that the node answered with no.
type Refused struct{ Message string }

func (r *Refused) Error() string { return r.Message }

// Ask asks the node a further question. It returns the revision of rights and identities at which the answer was true; a
// *Refused is an answer, too.
func (r *Remote) Ask(ctx context.Context, call string, question, answer any) (access int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, err := r.call(ctx, http.MethodPost, call, question)
	if err != nil {
		return 0, err
	}
	defer got.Body.Close()
	var t told
	if err := json.NewDecoder(io.LimitReader(got.Body, 1<<20)).Decode(&t); err != nil {
		return 0, err
	}
	if t.Refusal != "" {
		return t.Access, &Refused{t.Refusal}
	}
	return t.Access, json.Unmarshal(t.Value, answer)
}

// Access is the newest revision of rights and identities that was heard of; counts is false when the node was not heard of for
// so long that nothing it said about them counts any more.
func (r *Remote) Access() (revision int64, counts bool) {
	r.rights.mu.Lock()
	defer r.rights.mu.Unlock()
	return r.rights.access, !r.rights.at.IsZero() && r.Clock().Sub(r.rights.at) < r.Staleness
}
