package rbac

import (
	"time"

	"gatehouse"
	"gatehouse/rbac/cond"
)

// Kind says how an assignment bore on a decision, or how it nearly did.
type Kind string

// Allows, Denies and Audits bear on the decision; the others are near misses, named
// as the causes that rbac.md 14 wants told apart.
const (
	Allows              Kind = "allows"
	Denies              Kind = "denies"
	Audits              Kind = "audits"              // a deny that is recorded and not enforced
	ConditionFalse      Kind = "conditionFalse"      // it matches but for its condition
	ConditionUnreadable Kind = "conditionUnreadable" // it matches but its condition does not parse
	NotStarted          Kind = "notStarted"          // it matches from Start on
	Expired             Kind = "expired"             // it matched until End
	Subtracted          Kind = "subtracted"          // an action pattern matches and a notAction takes it away
	WrongKind           Kind = "wrongKind"           // the role has it as an action and it was asked as a data action, or the reverse
	LacksAction         Kind = "lacksAction"         // the role does not hold the action
	RoleDeleted         Kind = "roleDeleted"         // the assigned role does not exist
	BelowScope          Kind = "belowScope"          // it matches, but further down than what was asked
	Elsewhere           Kind = "elsewhere"           // it matches, at another scope
	LookAlike           Kind = "lookAlike"           // it matches, at a scope whose name begins alike (rg1 and rg10)
	Revision            Kind = "revision"            // it matches, at another revision of the same API (rbac.md 3.2)
	Downward            Kind = "downward"            // it matches and is held by a group inside one of the caller's groups
	Excluded            Kind = "excluded"            // a deny that spares the caller
	NotInherited        Kind = "notInherited"        // a deny that holds only exactly at its scope
)

// Reason is one role or deny assignment and what it had to do with a decision.
type Reason struct {
	Kind       Kind
	Deny       bool // a deny assignment, else a role assignment
	Assignment gatehouse.GUID
	Name       string          // of a deny assignment
	Scope      gatehouse.Scope // where it was made
	Inherited  bool            // made above the scope that was asked
	// Path leads from the caller over groups to the principal that the assignment
	// names; for a deny of everyone it ends in the zero GUID. For Excluded it leads to
	// the exclusion, for Downward from the assignee up to the caller's group.
	Path       []gatehouse.GUID
	Role       gatehouse.GUID
	RoleName   string
	Entry      int    // which permission entry, from 0
	Pattern    string // the pattern that matched the action
	Exception  string // the notAction that took it away
	Start, End time.Time
	// Asked and Made are the names in which the scope that was asked differs from where
	// the assignment was made, for LookAlike and Revision.
	Asked, Made string
	// Condition and EntryCondition trace the conditions of the assignment and of the
	// permission entry; nil without one or when it was not reached.
	Condition, EntryCondition *cond.Trace
	Fault                     string // why a condition does not parse
}

// Explanation is a decision with everything that led to it.
type Explanation struct {
	Decision gatehouse.Decision
	Chain    []gatehouse.Scope // the scopes whose assignments count, most specific first
	Groups   []gatehouse.GUID  // the caller's groups, nested ones included
	Reasons  []Reason          // what allowed, denied or was recorded; complete
	Near     []Reason          // what nearly did, most telling first
	Omitted  int               // near misses at other scopes left out of Near, which names at most fifty of those
}

// WhoCanRequest is a Request without the principal.
type WhoCanRequest struct {
	Action       string
	Data         bool
	Scope        gatehouse.Scope
	SubOperation string
	Attributes   *gatehouse.Attributes
	Now          time.Time
	// PrincipalAttributes returns the attributes that conditions read as @Principal;
	// without it, those of Attributes stand for every principal.
	PrincipalAttributes func(gatehouse.GUID) map[string]any
}

// Holder is a principal that may, and one reason why.
type Holder struct {
	Principal gatehouse.GUID
	Grant     gatehouse.GUID
	Role      gatehouse.GUID
	Scope     gatehouse.Scope  // where the grant was made
	Path      []gatehouse.GUID // from the principal over groups to the assignee
}

// Reach says where a list looks, seen from a scope. Reaches can be added up.
type Reach uint8

// The reaches. Above and Below do not include the scope itself.
const (
	At Reach = 1 << iota
	Above
	Below
)

// Problem is something in the data that cannot work as it was meant.
type Problem struct {
	Assignment gatehouse.GUID // of the role or deny assignment; zero for other problems
	Role       gatehouse.GUID
	Principal  gatehouse.GUID
	Scope      gatehouse.Scope
	Message    string
}
