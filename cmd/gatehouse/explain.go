package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/naming"
	"gatehouse/rbac"
)

func explainCommand() *cobra.Command {
	var a asking
	var q theQuestion
	var requestID string
	var denied, last bool
	c := &cobra.Command{
		Use: "explain ACTION --scope S | --request-id ID | --denied [--last]", Short: "Say why somebody may or may not do something, and what would change that", Args: cobra.MaximumNArgs(1),
		Long: `Show a decision as it was made: token, groups, scopes, what granted, what denied, what
nearly did and why it missed; the causes by name; the smallest changes that would turn a
no into a yes, each tried beforehand, with what else it would open; and who can make them.

A refused request has an ID in its header x-ms-request-id: --request-id opens it again.
--denied lists refused requests, --denied --last explains the newest; --as selects whose.`,
		Example: `  gatehouse explain Microsoft.ApiManagement/service/apis/write --scope contoso-apim/apis/orders --as ada@contoso.onmicrosoft.com
  gatehouse explain --denied --last`,
		RunE: func(c *cobra.Command, args []string) error {
			ways := 0
			for _, given := range []bool{len(args) > 0, requestID != "", denied} {
				if given {
					ways++
				}
			}
			if ways != 1 || last && !denied {
				return usagef("explain takes one of: an ACTION, --request-id ID, --denied (with --last for the newest)")
			}
			o, err := a.oracle()
			if err != nil {
				return err
			}
			if len(args) > 0 {
				q.action = args[0]
				e, err := o.explain(c.Context(), &q, a.as)
				if err != nil {
					return err
				}
				return a.output.print(c.OutOrStdout(), e, func(w io.Writer) error { return printExplanation(w, e) })
			}
			return explainPast(c, &a, o, requestID, last)
		},
	}
	a.flags(c)
	a.asFlag(c)
	q.flags(c)
	f := c.Flags()
	f.StringVar(&requestID, "request-id", "", "explain the refused request with this ID")
	f.BoolVar(&denied, "denied", false, "list refused requests, newest first")
	f.BoolVar(&last, "last", false, "with --denied: explain the newest")
	return c
}

func explainPast(c *cobra.Command, a *asking, o oracle, requestID string, last bool) error {
	if requestID == "" {
		list, omitted, err := o.refusals(c.Context(), a.as, map[bool]int{true: 1, false: 20}[last])
		if err != nil {
			return err
		}
		if !last && omitted > 0 {
			fmt.Fprintf(c.ErrOrStderr(), "%d more refusals of some of these are not shown: name one of them with --as.\n", omitted)
		}
		if !last {
			return a.output.print(c.OutOrStdout(), list, func(w io.Writer) error { return refusalTable(w, list) })
		}
		if len(list) == 0 {
			fmt.Fprintln(c.ErrOrStderr(), "Nothing was refused that you may see.")
			return nil
		}
		requestID = list[0].ID
	}
	d, err := o.decision(c.Context(), requestID)
	if err != nil {
		return err
	}
	return a.output.print(c.OutOrStdout(), d, func(w io.Writer) error { return printDecision(w, d) })
}

func refusalTable(w io.Writer, list []access.Refusal) error {
	t := &table{titles: []string{"Time", "Who", "Action", "Scope", "RequestId"}}
	for _, r := range list {
		t.add(r.Time.UTC().Format(time.DateTime), oneLine(r.Principal.String()), r.Action, oneLine(shortID(r.Scope)), r.ID)
	}
	return t.print(w)
}

// shortID is an ID for people, without names for GUIDs.
func shortID(id string) string {
	return cmp.Or(naming.Path(id), id)
}

// lines writes text line by line and remembers the first failure.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) f(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format+"\n", args...)
	}
}

func printDecision(w io.Writer, d *access.Decision) error {
	l := &lines{w: w}
	l.f("Request %s was refused at %s (%s)", d.Request.ID, stamp(d.Request.Time), d.Request.Code)
	if d.Then != nil {
		l.f("")
		l.f("As it was then:")
		if l.err == nil {
			l.err = printExplanation(w, d.Then)
		}
		l.f("")
		l.f("As it is now: %s", d.Now.Verdict)
		for _, x := range d.Now.Diagnoses {
			printDiagnosis(l, &x)
		}
		return l.err
	}
	l.f("As it is now:")
	l.f("")
	if l.err == nil {
		l.err = printExplanation(w, d.Now)
	}
	return l.err
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

func printExplanation(w io.Writer, e *access.Explanation) error {
	l := &lines{w: w}
	l.f("%s", oneLine(e.Verdict))
	l.f("")
	kind := "Action"
	if e.DataAction {
		kind = "Data action"
	}
	l.f("  %-12s %s", "Who", describe(e.Principal))
	l.f("  %-12s %s", kind, e.Action)
	l.f("  %-12s %s", "Scope", oneLine(e.Scope.Name))
	for i := range e.Diagnoses {
		printDiagnosis(l, &e.Diagnoses[i])
	}
	printChain(l, e)
	printChanges(l, e)
	return l.err
}

func describe(w access.Who) string {
	if w.Type == "" {
		return oneLine(w.String())
	}
	return fmt.Sprintf("%s (%s)", oneLine(w.String()), w.Type)
}

func printDiagnosis(l *lines, d *access.Diagnosis) {
	l.f("")
	l.f("%s [%s]", d.Title, d.Code)
	wrap(l, "  ", oneLine(d.Detail))
	wrap(l, "  ", oneLine(d.Advice))
}

// wrap writes a paragraph at a width that is read easily.
func wrap(l *lines, indent, text string) {
	const width = 100
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width && line != indent {
			l.f("%s", line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	if line != indent {
		l.f("%s", line)
	}
}

// printChain writes the decision as it was made, step by step.
func printChain(l *lines, e *access.Explanation) {
	l.f("")
	l.f("How it was decided")
	if t := e.Token; t != nil {
		text := "issued " + stamp(t.IssuedAt)
		if t.Method != "" {
			text += ", signed in by " + t.Method
		}
		if !t.ExpiresAt.IsZero() {
			text += ", ends " + stamp(t.ExpiresAt)
		}
		l.f("  token    %s", text)
	}
	step := func(name string, list []string, none string) {
		if len(list) == 0 {
			list = []string{none}
		}
		for i, text := range list {
			if i > 0 {
				name = ""
			}
			l.f("  %-8s %s", name, oneLine(text))
		}
	}
	step("groups", groupLines(e.Groups), "none")
	scopes := []string{}
	for _, s := range e.Scopes {
		scopes = append(scopes, s.Name)
	}
	step("scopes", scopes, "none")
	step("grants", grantLines(e.Grants, "+ "), "none")
	step("denies", grantLines(e.Denies, "- "), "none")
	hidden := 0
	if len(e.Near) > maxNear {
		hidden = len(e.Near) - maxNear
	}
	near := grantLines(e.Near[:len(e.Near)-hidden], "~ ")
	if hidden += e.Omitted; hidden > 0 {
		near = append(near, fmt.Sprintf("~ %d more (-o json shows them)", hidden))
	}
	if len(near) > 0 {
		step("nearly", near, "")
	}
	for _, g := range append(append([]access.Grant{}, e.Denies...), e.Near...) {
		for _, c := range []*access.Condition{g.RoleCondition, g.Condition} {
			if c != nil && (g.Kind == rbac.ConditionFalse || g.Kind == rbac.ConditionUnreadable || g.Deny) {
				l.f("")
				l.f("Condition of %s", grantName(&g))
				printCondition(l, c, "  ")
			}
		}
	}
	if e.Hidden > 0 {
		l.f("  hidden   %d %s you may not read", e.Hidden, plural(e.Hidden, "assignment", "assignments"))
	}
}

// maxNear is how many near misses people are shown.
const maxNear = 6

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func grantName(g *access.Grant) string {
	if g.Role != nil {
		return g.Role.Name + " at " + g.Scope.Name
	}
	return g.Name + " at " + g.Scope.Name
}

func groupLines(groups []access.Group) (out []string) {
	for _, g := range groups {
		if len(g.Path) <= 2 {
			out = append(out, g.String())
			continue
		}
		via := []string{}
		for _, p := range g.Path[1 : len(g.Path)-1] {
			via = append(via, p.String())
		}
		out = append(out, g.String()+"  via "+strings.Join(via, " > "))
	}
	return out
}

func grantLines(grants []access.Grant, mark string) (out []string) {
	for i := range grants {
		out = append(out, mark+grants[i].Why)
	}
	return out
}

func printCondition(l *lines, c *access.Condition, indent string) {
	if len(c.Parts) == 0 {
		seen := []string{}
		for _, s := range c.Seen {
			if s.Missing {
				seen = append(seen, s.Attribute+" was not given")
			} else {
				seen = append(seen, s.Attribute+" = "+s.Value)
			}
		}
		if c.Note != "" && len(seen) == 0 {
			seen = append(seen, c.Note)
		}
		text := fmt.Sprintf("%s%-5s  %s", indent, c.Outcome, strings.Join(strings.Fields(c.Text), " "))
		if len(seen) > 0 {
			text += "   (" + strings.Join(seen, ", ") + ")"
		}
		l.f("%s", oneLine(text))
		return
	}
	l.f("%s%-5s  %s", indent, c.Outcome, clipped(oneLine(strings.Join(strings.Fields(c.Text), " ")), 90))
	for _, p := range c.Parts {
		printCondition(l, p, indent+"  ")
	}
}

func clipped(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func printChanges(l *lines, e *access.Explanation) {
	if e.Allowed {
		return
	}
	l.f("")
	if len(e.Changes) == 0 {
		l.f("No single change is known that would help.")
	} else {
		l.f("What would change it")
	}
	for i := range e.Changes {
		c := &e.Changes[i]
		l.f("  %d. %s", i+1, oneLine(c.Text))
		for _, n := range c.Needs {
			l.f("     and %s", oneLine(n))
		}
		l.f("     opens %s", c.Opens)
		for _, command := range c.Commands {
			l.f("     %s", oneLine(command))
		}
		if len(c.By) > 0 {
			l.f("     by %s", granters(c.By))
		}
	}
}

func granters(list []access.Granter) string {
	out := []string{}
	for _, g := range list {
		text := fmt.Sprintf("%s (%s, %s)", oneLine(g.String()), oneLine(g.Role.Name), oneLine(g.Scope.Name))
		if g.Size > 0 {
			text = fmt.Sprintf("%s (group, %d %s)", oneLine(g.String()), g.Size, plural(g.Size, "member", "members"))
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}
