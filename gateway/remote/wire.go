package remote

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
)

// Path is where the calls of gateways are on a management node: {Path}/{service}/{gateway}/{call}.
const Path = "/gateway-config"

// Managed is the name of a gateway that serves all of the service.
const Managed = "managed"

// Authority knows identities and rights, as package admit asks for them.
type Authority interface {
	Authenticate(ctx context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error)
	Foreign(ctx context.Context, bearer string, by *admit.Foreign) (*gatehouse.Caller, error)
	Certificate(ctx context.Context, leaf *x509.Certificate) (*gatehouse.Caller, error)
	Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error)
}

// head begins an answer about configuration, lines follow it, one per change.
type head struct {
	Service  string `json:"service"`
	Revision int64  `json:"revision"`
	State    string `json:"state"`  // what the gateway has after this; it asks for what changed since
	Access   int64  `json:"access"` // revision of rights and identities
	Whole    bool   `json:"whole,omitempty"`
	Gone     bool   `json:"gone,omitempty"`
	// Edits are what was set at quotas/{counterKey} after the one that the gateway named.
	Edits []analytics.Edit `json:"edits,omitempty"`
}

// line is one change, or the end, without which an answer is not complete.
type line struct {
	Put    json.RawMessage `json:"put,omitempty"`
	Delete *config.Key     `json:"delete,omitempty"`
	End    bool            `json:"end,omitempty"`
}

// question asks about an identity or a right.
type question struct {
	Bearer      string            `json:"bearer,omitempty"`
	Audiences   []string          `json:"audiences,omitempty"`
	Setting     string            `json:"setting,omitempty"`     // key of the role check that says what a token of another identity provider counts for
	Certificate []byte            `json:"certificate,omitempty"` // DER
	Caller      *gatehouse.Caller `json:"caller,omitempty"`
	Action      string            `json:"action,omitempty"`
	Scope       string            `json:"scope,omitempty"`
}

// answer is what the authority said.
type answer struct {
	Access   int64               `json:"access"` // revision at which it was true
	Caller   *gatehouse.Caller   `json:"caller,omitempty"`
	Decision *gatehouse.Decision `json:"decision,omitempty"`
	Refusal  *refusal            `json:"refusal,omitempty"`
}

// refusal is an error that is an answer: nobody can be made of what was shown, or the right is missing.
type refusal struct {
	Kind    gatehouse.Kind `json:"kind"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
}

// results are what a gateway counted and wrote down.
type results struct {
	Requests []analytics.Request `json:"requests,omitempty"`
	Quotas   []analytics.Quota   `json:"quotas,omitempty"`
	Traces   []tracedCall        `json:"traces,omitempty"`
}

type tracedCall struct {
	ID   string          `json:"id"`
	Body json.RawMessage `json:"body"`
}

// The limits of what goes over the wire.
const (
	maxQuestion = 64 << 10
	maxResults  = 16 << 20
	maxWait     = 30 * time.Second
)

// fault writes an error that a gateway can show to who runs it.
func fault(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // who asks is gone if this fails
}
