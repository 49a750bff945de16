package gatehouse

import (
	"encoding/json"
	"time"
)

// ChangeKind says what a Change records.
type ChangeKind string

// The kinds of Change. Write and Delete carry documents; the others carry none.
const (
	Write   ChangeKind = "write"
	Delete  ChangeKind = "delete"
	Refused ChangeKind = "refused" // an authenticated caller was denied
	SignIn  ChangeKind = "signin"  // a sign-in of a known principal, successful or not
	Event   ChangeKind = "event"   // an act that changes no document, such as revealing a secret
)

// Cause is who did something and why it was permitted. Store writes ask for one,
// so nothing changes without a who and a why.
type Cause struct {
	Caller      Caller          `json:"caller"`
	Action      string          `json:"action"`
	Scope       string          `json:"scope"` // the resource ID the action was authorized at, as the caller wrote it
	Decision    *Because        `json:"decision,omitempty"`
	Operation   string          `json:"operationId"`   // one per request; all its changes share it
	Correlation string          `json:"correlationId"` // the client's, or Operation
	ClientReq   string          `json:"clientRequestId,omitempty"`
	Method      string          `json:"method,omitempty"`  // HTTP method
	Request     json.RawMessage `json:"request,omitempty"` // the request body with secrets masked
	Reason      string          `json:"reason,omitempty"`  // a ticket or sentence given with the change
}

// Because names what allowed or refused an act.
type Because struct {
	Allowed bool   `json:"allowed"`
	Code    string `json:"code,omitempty"`
	Grant   string `json:"roleAssignment,omitempty"`
	Role    string `json:"roleDefinition,omitempty"`
	Deny    string `json:"denyAssignment,omitempty"`
	// Linked are rights on what the request refers to that were missing beside its own (LinkedAuthorizationFailed).
	Linked []Linked `json:"linked,omitempty"`
}

// Outcome says in a word how an act ended: created, changed, deleted, refused, failed or done.
func (c *Change) Outcome() string {
	switch {
	case c.Kind == Write && c.Before == nil:
		return "created"
	case c.Kind == Write:
		return "changed"
	case c.Kind == Delete:
		return "deleted"
	case c.Kind == Refused:
		return "refused"
	case c.Status >= 400:
		return "failed"
	}
	return "done"
}

// Linked is a right that a request needs besides its own.
type Linked struct {
	Action string `json:"action"`
	Scope  string `json:"scope"`
}

// Change is one record of the change log: a committed write or delete of one
// document, a refusal, a sign-in or another event. Records form a hash chain:
// Hash covers the whole record including Previous.
type Change struct {
	Seq      int64           `json:"seq"`
	Time     time.Time       `json:"time"`
	Kind     ChangeKind      `json:"kind"`
	Cause    Cause           `json:"cause"`
	Resource string          `json:"resource,omitempty"` // ID of the document, as first written
	Type     string          `json:"type,omitempty"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	Status   int             `json:"status,omitempty"` // HTTP status that the caller was given, where one was
	Note     string          `json:"note,omitempty"`
	Previous string          `json:"previous"`
	Hash     string          `json:"hash"`
}
