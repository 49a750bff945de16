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
	Method    string        `json:"method,omitempty"` // how it signed in: pwd, secret, certificate, federated, identity, device, code, claim
	Issuer    string        `json:"issuer,omitempty"` // of the token, when that is another identity provider than this server
	IssuedAt  time.Time     `json:"issuedAt,omitzero"`
	ExpiresAt time.Time     `json:"expiresAt,omitzero"`
	Address   string        `json:"address,omitempty"` // client IP address
	Scopes    []string      `json:"scopes,omitempty"`  // delegated permissions; none for an application's own token
	Agent     *Agent        `json:"agent,omitempty"`   // who acts on the principal's behalf; nil when it acts itself
}

// Agent is a program that acts for a principal with part of that one's rights: it may do what both the principal may
// and the grant covers. Only data actions can be granted.
type Agent struct {
	Name    string    `json:"name"`
	Grant   GUID      `json:"grant"`
	Actions []string  `json:"actions"` // patterns of data actions
	Scopes  []string  `json:"scopes"`  // at and below which
	Expires time.Time `json:"expires"`
}

// Covers reports whether the grant is wide enough for an action. What cannot be read covers nothing.
func (a *Agent) Covers(action string, data bool, at Scope, now time.Time) bool {
	if !data || !now.Before(a.Expires) {
		return false
	}
	named := false
	for _, p := range a.Actions {
		named = named || p != "" && NewPattern(p).Match(action)
	}
	if !named {
		return false
	}
	for _, text := range a.Scopes {
		if s, err := ParseScope(text); err == nil && s.Contains(at) {
			return true
		}
	}
	return false
}
