package gatehouse

import "time"

// PrincipalType is the kind of a directory object that can hold access.
type PrincipalType string

// The kinds of principal (rbac.md 3.1). SystemDefined is everyone and occurs
// only in deny assignments; Unknown stands for an object that no longer exists.
const (
	User             PrincipalType = "User"
	Group            PrincipalType = "Group"
	ServicePrincipal PrincipalType = "ServicePrincipal"
	ForeignGroup     PrincipalType = "ForeignGroup"
	Device           PrincipalType = "Device"
	SystemDefined    PrincipalType = "SystemDefined"
	UnknownPrincipal PrincipalType = "Unknown"
)

// Caller is who is asking: the principal that a token was issued to, and the
// facts of that token which decisions, audit and explanations use. Groups are not
// in it: the engine expands them at the moment of asking.
type Caller struct {
	ID        GUID          `json:"objectId"`
	Type      PrincipalType `json:"type"`
	Name      string        `json:"name"`            // user principal name, or application ID of a service principal
	AppID     string        `json:"appId,omitempty"` // the client that signed in
	TokenID   string        `json:"tokenId,omitempty"`
	Method    string        `json:"method,omitempty"` // how it signed in: pwd, secret, certificate, federated, identity, device, code
	IssuedAt  time.Time     `json:"issuedAt,omitzero"`
	ExpiresAt time.Time     `json:"expiresAt,omitzero"`
	Address   string        `json:"address,omitempty"` // client IP address
	Scopes    []string      `json:"scopes,omitempty"`  // delegated permissions; none for an application's own token
}
