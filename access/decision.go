package access

import "time"

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

// Linked adds that the refusal was about something the request refers to.
func (e *Explanation) Linked() {
	e.Diagnoses = append([]Diagnosis{{LinkedScope, "A linked scope", "Read the message of the refusal: it names the action and the scope that are missing; ask again about those.",
		"The request's own action is not what was missing: it refers to something else, on which a right is needed too."}}, e.Diagnoses...)
}
