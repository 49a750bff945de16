package lint

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse"
)

// Text writes a report for people.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	for i, f := range r.Findings {
		if i == 0 || f.Rule != r.Findings[i-1].Rule || f.Severity != r.Findings[i-1].Severity {
			rule := ruleOf(f.Rule)
			if i > 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%s  %s  %s\n        %s\n", f.Rule, f.Severity, rule.Title, rule.Why)
		}
		place := ""
		if f.Line > 0 {
			place = fmt.Sprintf(" (%s:%d)", f.File, f.Line)
		}
		fmt.Fprintf(&b, "  - %s%s\n", plain(f.Message), place)
		if f.Fix.Note != "" {
			fmt.Fprintf(&b, "      %s:\n", strings.TrimSuffix(f.Fix.Note, ":"))
		}
		if f.Fix.Az != "" {
			fmt.Fprintf(&b, "      %s\n", plain(f.Fix.Az))
		}
	}
	if len(r.Findings) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s; %s looked at.\n", r.summary(), r.Looked.text())
	for _, s := range r.Unmatched {
		fmt.Fprintf(&b, "note: %s:%d suppresses %s for %s, which is not found any more\n", s.File, s.Line, s.Rule, plain(s.Subject))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l Looked) text() string {
	return strings.Join([]string{plural(l.Assignments, "assignment", "assignments"), plural(l.Roles, "role", "roles"), plural(l.Principals, "principal", "principals")}, ", ")
}

func (r *Report) summary() string {
	var parts []string
	for _, s := range Severities {
		if n := r.Counts[s]; n > 0 {
			parts = append(parts, fmt.Sprint(n, " ", s))
		}
	}
	text := "Nothing found"
	if len(parts) > 0 {
		text = plural(len(r.Findings), "finding", "findings") + ": " + strings.Join(parts, ", ")
	}
	if n := len(r.Suppressed); n > 0 {
		text += fmt.Sprintf(" (%d suppressed)", n)
	}
	return text
}

func ruleOf(id string) *Rule {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	return &rules[i]
}

// plain keeps text on its line.
func plain(s string) string { return gatehouse.Plain(s) }

var annotations = map[Severity]string{High: "error", Medium: "warning", Low: "notice"}

// GitHub writes a report as workflow commands, which GitHub shows beside the lines of a change.
func (r *Report) GitHub(w io.Writer) error {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	inside := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for _, f := range r.Findings {
		place := ""
		if f.Line > 0 {
			place = fmt.Sprintf("file=%s,line=%d,", inside.Replace(f.File), f.Line)
		}
		text := f.Message
		if f.Fix.Az != "" {
			text += "\n" + f.Fix.Note + "\n" + f.Fix.Az
		}
		fmt.Fprintf(&b, "::%s %stitle=%s::%s\n", annotations[f.Severity], place, inside.Replace(f.Rule+" "+ruleOf(f.Rule).Title), escape.Replace(strings.ReplaceAll(text, "\n\n", "\n")))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
