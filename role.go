package gatehouse

import "time"

// Permission is one entry of a role definition or deny assignment. An action is
// permitted when it matches actions and not notActions (for data actions the
// other pair); notActions subtract inside their own entry only and never deny.
type Permission struct {
	Actions          []string `json:"actions"`
	NotActions       []string `json:"notActions"`
	DataActions      []string `json:"dataActions"`
	NotDataActions   []string `json:"notDataActions"`
	Condition        string   `json:"condition,omitempty"`
	ConditionVersion string   `json:"conditionVersion,omitempty"`
}

// RoleType tells roles that ship with the product from those of the tenant.
type RoleType string

// The role types, in the wire's spelling.
const (
	BuiltInRole RoleType = "BuiltInRole"
	CustomRole  RoleType = "CustomRole"
)

// RoleDefinition is a named set of permissions. AssignableScopes restrict where
// it may be assigned, and play no part in a decision.
type RoleDefinition struct {
	ID               GUID
	Name             string
	Type             RoleType
	Description      string
	Permissions      []Permission
	AssignableScopes []Scope
}

// RoleAssignment grants a role to a principal at a scope and below, from Start
// (inclusive) to End (exclusive); zero times leave that side open.
type RoleAssignment struct {
	ID         GUID // the name; unique in the tenant
	Scope      Scope
	Principal  GUID
	Role       GUID
	Condition  string
	Start, End time.Time
}

// DenyAssignment takes actions away whatever the roles say. Principals may hold
// the zero GUID for everyone; ExcludePrincipals spare principals and their groups.
type DenyAssignment struct {
	ID                GUID
	Name              string
	Scope             Scope
	Permissions       []Permission
	Principals        []GUID
	ExcludePrincipals []GUID
	ExceptChildScopes bool // doNotApplyToChildScopes: only exactly at Scope
	Audit             bool // denyAssignmentEffect audit: recorded, never enforced
	Condition         string
	SystemProtected   bool
}

// Request is one question to the engine. The zero Attributes hold none.
type Request struct {
	Principal    GUID
	Action       string
	Data         bool // a data action
	Scope        Scope
	SubOperation string
	Attributes   *Attributes
	Now          time.Time
}

// Attributes are what conditions can refer to, by source and then by name in
// the casing of the request; names compare without case. Values are string,
// int64, bool, time.Time, GUID, or a list ([]any) of one of those.
type Attributes struct {
	Request, Resource, Environment, Principal map[string]any
}

// Decision is the answer to a Request. It is a value: making one allocates nothing.
type Decision struct {
	Allowed bool
	Code    string // "", AuthorizationFailed or DenyAssignmentAuthorizationFailed
	Grant   GUID   // the role assignment that allows or, when denied by a deny assignment, would have allowed
	Role    GUID   // its role
	Deny    GUID   // the deny assignment that blocks
	// Conditional tells that a grant matched but for its condition; ARM words the refusal differently then.
	Conditional bool
}

// The codes of a Decision that is not allowed (rbac.md 4.2 and 9).
const (
	AuthorizationFailed               = "AuthorizationFailed"
	DenyAssignmentAuthorizationFailed = "DenyAssignmentAuthorizationFailed"
)
