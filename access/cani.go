package access

import "fmt"

// CanI is a short answer: yes or no, and for a no what is nearest.
type CanI struct {
	Allowed   bool    `json:"allowed"`
	Verdict   string  `json:"verdict"`
	Principal Who     `json:"principal"`
	Action    string  `json:"action"`
	Scope     Where   `json:"scope"`
	Closest   string  `json:"closest,omitempty"` // the nearest miss, and why
	Diagnosis Code    `json:"diagnosis,omitempty"`
	WouldDo   *Change `json:"wouldDo,omitempty"`
	Of        int     `json:"changes,omitempty"` // how many changes would do
	Hidden    int     `json:"hidden"`
}

// CanI answers a question in short.
func (v *View) CanI(q Question) *CanI {
	e := v.Explain(q)
	c := &CanI{Allowed: e.Allowed, Verdict: e.Verdict, Principal: e.Principal, Action: e.Action, Scope: e.Scope, Hidden: e.Hidden}
	if e.Allowed {
		return c
	}
	if len(e.Diagnoses) > 0 {
		c.Diagnosis, c.Closest = e.Diagnoses[0].Code, e.Diagnoses[0].Detail
	}
	if len(e.Changes) > 0 {
		c.WouldDo, c.Of = &e.Changes[0], len(e.Changes)
	}
	return c
}

// String says what a change opens.
func (o Opens) String() string {
	people := plural(o.People, "principal", "principals")
	if o.Everyone {
		people = "everyone"
	}
	return fmt.Sprintf("%s at %s for %s", plural(o.Actions, "action", "actions"), plural(o.Scopes, "scope", "scopes"), people)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
