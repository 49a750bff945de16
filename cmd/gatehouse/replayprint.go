package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/gateway/record"
	"gatehouse/gateway/replay"
)

// The bounds of what people are shown: calls, and lines of a body.
const (
	mostCalls = 50
	mostShown = 20
)

// printReplay tells people what would differ.
func printReplay(w io.Writer, r *replay.Report) error {
	l := &lines{w: w}
	l.f("%d %s: %d the same, %d %s.", r.Calls, plural(r.Calls, "call", "calls"), r.Same, r.Differ, plural(r.Differ, "differs", "differ"))
	if r.Differ > 0 {
		l.f("  newly allowed %d, newly refused %d, otherwise %d", r.NewlyAllowed, r.NewlyRefused, r.Differ-r.NewlyAllowed-r.NewlyRefused)
	}
	for i := range r.Differences {
		if i == mostCalls {
			l.f("\nand %d more: -o json has them all", len(r.Differences)-mostCalls)
			break
		}
		l.f("")
		printDifference(l, &r.Differences[i])
	}
	if len(r.Unreproduced) > 0 {
		l.f("\n%d recorded %s not come back even as things are:", len(r.Unreproduced), plural(len(r.Unreproduced), "answer does", "answers do"))
		for _, u := range r.Unreproduced {
			l.f("  line %d  %s %s: %s", u.Line, oneLine(u.Method), oneLine(u.URL), oneLine(strings.Join(u.What, "; ")))
		}
	}
	if len(r.Skipped) > 0 {
		l.f("\n%d %s left out:", len(r.Skipped), plural(len(r.Skipped), "line is", "lines are"))
		for _, s := range r.Skipped {
			l.f("  line %d: %s", s.Line, oneLine(s.Why))
		}
	}
	return l.err
}

func printDifference(l *lines, d *replay.Difference) {
	l.f("%s: %s %s", strings.ToUpper(d.Kind), oneLine(d.Method), oneLine(d.URL))
	about := []string{fmt.Sprintf("line %d, %s", d.Line, d.Time.Format("2006-01-02 15:04:05"))}
	for _, each := range []struct{ what, value string }{{"", d.Operation}, {"by ", d.Principal}, {"", d.Subscription}} {
		if each.value != "" {
			about = append(about, each.what+oneLine(each.value))
		}
	}
	l.f("  %s", strings.Join(about, ", "))
	after := ending(&d.After)
	if len(d.NotRecorded) > 0 {
		after = "not known"
	}
	if d.Before.Status != d.After.Status || d.Before.Reason != d.After.Reason {
		l.f("  status %s > %s", ending(&d.Before), after)
	}
	printRoleCheck(l, d)
	if len(d.NotRecorded) == 0 { // else what came after is made up
		for _, h := range d.Headers {
			l.f("  header %s: %s > %s", oneLine(h.Name), orNone(h.Before), orNone(h.After))
		}
		printBody(l, "  ", answerLines(d))
	}
	for _, b := range d.Backends {
		if b.Side != "+" || !slices.Contains(d.NotRecorded, b.Request) {
			printBackend(l, &b)
		}
	}
	for _, m := range d.NotRecorded {
		l.f("  would call %s, not recorded", oneLine(m))
	}
	for _, n := range d.Notes {
		l.f("  %s", oneLine(n))
	}
	for _, m := range d.Partial {
		l.f("  the recording has only the beginning of the answer to %s", oneLine(m))
	}
}

// answerLines are the lines of the body that people want to see: where another answer comes altogether, that one.
func answerLines(d *replay.Difference) []replay.Line {
	switch {
	case d.After.Reason != "" && d.After.Reason != d.Before.Reason:
		return nil // the reason says it
	case d.Before.Status == d.After.Status:
		return d.Body
	}
	return slices.DeleteFunc(slices.Clone(d.Body), func(one replay.Line) bool { return one.Side != "+" || one.Text == "" })
}

func ending(e *replay.End) string {
	why := []string{}
	if e.Reason != "" {
		why = append(why, oneLine(e.Reason))
	}
	if e.Policy != "" {
		why = append(why, "by "+oneLine(e.Policy))
	}
	if len(why) == 0 {
		return fmt.Sprint(e.Status)
	}
	return fmt.Sprintf("%d (%s)", e.Status, strings.Join(why, " "))
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return oneLine(s)
}

func printRoleCheck(l *lines, d *replay.Difference) {
	a, b := d.Before.Decision, d.After.Decision
	if a == nil && b == nil || a != nil && b != nil && a.Allowed == b.Allowed && a.Enforced == b.Enforced && a.Reason == b.Reason {
		return
	}
	l.f("  role check before: %s", decided(a, d.Before.Why))
	l.f("  role check after:  %s", decided(b, d.After.Why))
}

func decided(d *record.Decision, why string) string {
	if d == nil {
		return "none"
	}
	text := oneLine(why)
	if text == "" && d.Allowed {
		text = "yes"
	} else if text == "" {
		text = "no - " + oneLine(d.Reason)
	}
	if !d.Enforced {
		text += " (not enforced)"
	}
	return text
}

func printBody(l *lines, margin string, body []replay.Line) {
	shown, left := map[string]int{}, map[string]int{}
	for _, line := range body {
		if len(body) > mostShown && shown[line.Side] == mostShown/2 {
			left[line.Side]++
			continue
		}
		shown[line.Side]++
		l.f("%s%s %s", margin, line.Side, oneLine(line.Text))
	}
	for _, side := range []string{"-", "+"} {
		if n := left[side]; n > 0 {
			l.f("%s  and %d more lines with %s", margin, n, side)
		}
	}
}

func printBackend(l *lines, b *replay.BackendChange) {
	switch b.Side {
	case "+":
		l.f("  backend + %s", oneLine(b.Request))
	case "-":
		l.f("  backend - %s", oneLine(b.Request))
	default:
		l.f("  backend   %s", oneLine(b.Request))
	}
	for _, h := range b.Headers {
		l.f("    header %s: %s > %s", oneLine(h.Name), orNone(h.Before), orNone(h.After))
	}
	printBody(l, "    ", b.Body)
}
