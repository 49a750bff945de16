package needs

import (
	"fmt"
	"io"
	"strings"

	"gatehouse"
)

// Answer is all that is told about a file.
type Answer struct {
	*Requirements
	Proposals  []Proposal  `json:"proposals"`
	Comparison *Comparison `json:"comparison,omitempty"`
}

// Text writes an answer for people.
func (a *Answer) Text(w io.Writer, name string) error {
	var b strings.Builder
	for _, p := range a.Places() {
		printf(&b, "At %s\n", p.Scope)
		width := 0
		for _, action := range p.Actions {
			width = max(width, len(action))
		}
		for _, action := range p.Actions {
			printf(&b, "  %-*s  %s\n", width, action, a.reason(action, p.Scope))
		}
	}
	for _, u := range a.Unknown {
		printf(&b, "Not known: %s\n", u)
	}
	for _, n := range a.Notes {
		printf(&b, "Note: %s\n", n)
	}
	if c := a.Comparison; c != nil {
		c.text(&b)
	}
	if a.Comparison == nil || len(a.Comparison.Missing)+len(a.Comparison.Excess) > 0 {
		a.propose(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// reason is what asks for an action below a scope first, and how many others do.
func (a *Answer) reason(action string, at gatehouse.ID) string {
	var all []string
	for i := range a.Needs {
		if n := &a.Needs[i]; n.Action == action && at.Scope().Contains(a.anchor(n).Scope()) {
			all = append(all, n.For...)
		}
	}
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	case 2:
		return all[0] + " and 1 other"
	}
	return fmt.Sprintf("%s and %d others", all[0], len(all)-1)
}

func (c *Comparison) text(b *strings.Builder) {
	printf(b, "\n%s lacks %s", c.Principal, count(len(c.Missing), "permission", "permissions"))
	if len(c.Missing) == 0 {
		b.WriteString(".\n")
	} else {
		b.WriteString(":\n")
	}
	for i, n := range c.Missing {
		if i == 20 {
			printf(b, "  and %d more\n", len(c.Missing)-i)
			break
		}
		printf(b, "  %s at %s\n      for %s\n", n.Action, n.Scope, n.For[0])
	}
	for _, e := range c.Excess {
		through := ""
		if e.Through != "" {
			through = " through " + e.Through
		}
		printf(b, "It has %s at %s%s: %s needed, %d more, such as %s.\n", e.Role, e.Scope, through, count(e.Used, "action is", "actions are"), len(e.Surplus), strings.Join(e.Surplus[:min(3, len(e.Surplus))], ", "))
	}
}

func count(n int, one, many string) string {
	switch n {
	case 0:
		return "no " + many
	case 1:
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

func (a *Answer) propose(b *strings.Builder) {
	for _, p := range a.Proposals {
		printf(b, "\nProposed at %s\n", p.Scope)
		role := p.BuiltIn
		if p.Custom != nil {
			role = p.Custom.Name
			if p.BuiltIn != "" {
				printf(b, "  The nearest built-in role, %s, holds %d actions more, such as %s.\n", p.BuiltIn, len(p.Surplus), strings.Join(p.Surplus[:min(2, len(p.Surplus))], ", "))
			}
			printf(b, "  A custom role of %s: write it with \"-o role\", then\n  az role definition create --role-definition @role.json\n", count(len(p.Actions), "action", "actions"))
		} else if len(p.Surplus) == 0 {
			printf(b, "  The built-in role %s holds exactly this.\n", p.BuiltIn)
		} else {
			printf(b, "  The built-in role %s, with %s besides: %s.\n", p.BuiltIn, count(len(p.Surplus), "action", "actions"), strings.Join(p.Surplus, ", "))
		}
		printf(b, "  az role assignment create --assignee PRINCIPAL --role %s --scope %s\n", quote(role), quote(p.Scope.String()))
	}
}

// printf writes what files say so that a terminal only shows it.
func printf(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, gatehouse.Plainly(args...)...)
}

// quote writes a word for a POSIX shell; it may come from a file that somebody else wrote.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
