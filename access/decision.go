package access

import (
	"fmt"
	"time"
)

// Refusal is a request that was refused, as the change log has it.
type Refusal struct {
	ID        string    `json:"id"` // of the request: x-ms-request-id
	Time      time.Time `json:"time"`
	Principal Who       `json:"principal"`
	Action    string    `json:"action"`
	Scope     string    `json:"scope"`
	Code      string    `json:"code"`
}

// Decision explains a refusal: as things were then, where the past is kept, and as they are now.
type Decision struct {
	Request Refusal      `json:"request"`
	Then    *Explanation `json:"then,omitempty"`
	Now     *Explanation `json:"now"`
}

// LinkedScope is the diagnosis of a request whose own action is allowed, and which refers to something that is not.
const LinkedScope Code = "linkedScope"

// LinkedCheck is a right that a request needed on something that it refers to.
type LinkedCheck struct {
	Action      string       `json:"action"`
	Scope       Where        `json:"scope"`
	Explanation *Explanation `json:"explanation"`
}

// Linked adds that the refusal was about something the request refers to: checks are the
// rights that were missing, as far as they may be told. Where one still is, the answer is
// no for its reasons, and what would help is what helps there.
func (e *Explanation) Linked(checks []LinkedCheck) {
	e.LinkedChecks = checks
	d := Diagnosis{LinkedScope, "A linked scope", "The request's own action is not what was missing: it refers to something else, on which a right is needed too.",
		"Read the message of the refusal: it names the action and the scope that are missing; ask again about those."}
	var more []Diagnosis
	for i := range checks {
		c := &checks[i]
		if c.Explanation.Allowed {
			d.Detail = fmt.Sprintf("The request refers to %s, on which %s needs %s as well, and has it.", c.Scope.Name, e.Principal, c.Action)
			d.Advice = "Send the request again."
			continue
		}
		d.Detail = fmt.Sprintf("The request refers to %s, on which %s needs %s as well, and lacks it.", c.Scope.Name, e.Principal, c.Action)
		d.Advice = fmt.Sprintf("Ask for that right there: gatehouse explain %s --scope %s", c.Action, c.Scope.ID)
		more = c.Explanation.Diagnoses
		if e.Allowed {
			e.Allowed, e.Code = false, "LinkedAuthorizationFailed"
			e.Verdict = fmt.Sprintf("no - its own action is permitted, but %s is missing at %s, which the request refers to", c.Action, c.Scope.Name)
			e.Changes = c.Explanation.Changes
		}
		break
	}
	e.Diagnoses = append(append([]Diagnosis{d}, more...), e.Diagnoses...)
}
