package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/naming"
	"gatehouse/past"
	provider "gatehouse/provider/access"
	"gatehouse/undo"
)

// remembering is where a question about the past goes.
type remembering struct {
	data, server string
	output       outputFlags
}

func (r *remembering) flags(c *cobra.Command) {
	dataFlag(c, &r.data, serverData)
	serverFlag(c, &r.server)
	r.output.flags(c)
}

func (r *remembering) client() (*client, string, error) {
	if r.server != "" {
		c, err := newServerClient(r.server)
		return c, "", err
	}
	c, err := newClient(r.data)
	if err != nil {
		return nil, "", err
	}
	return c, "/subscriptions/" + c.b.SubscriptionID, nil
}

// get asks at a scope: a resource ID, names, or the subscription when it is "".
func (r *remembering) get(ctx context.Context, call, scope string, query url.Values, answer any) error {
	c, subscription, err := r.client()
	if err != nil {
		return err
	}
	at := scope
	switch {
	case at == "":
		at = subscription
	case !strings.HasPrefix(at, "/"):
		query.Set("scope", at)
		at = subscription
	}
	if at == "/" {
		at = ""
	}
	return c.get(ctx, (&url.URL{Path: at}).EscapedPath()+provider.Path+"/"+call, query, answer)
}

func historyCommand() *cobra.Command {
	var r remembering
	var since string
	var limit int
	var inherited bool
	c := &cobra.Command{Use: "history [SCOPE|PRINCIPAL]", Short: "List every change that touched access somewhere or of somebody, newest first", Args: cobra.MaximumNArgs(1),
		Long: `List the changes that touched access: grants, denies, edits of the roles that were granted,
and who joined or left the groups that held them, with who made them, why, and the command
that takes each back. A resource ID or the name of a resource group or resource is a
scope; anything else is a user, group or application, of whom grants above the subscription are
listed too. At a scope, what happened there and below it is listed, and with --inherited
what came down to it from above. Reading needs the rights to read role assignments and the
activity log there; what happened where you may not read them is left out.`,
		Example: "  gatehouse history rg-apis\n  gatehouse history grace@contoso.onmicrosoft.com --since 24h",
		RunE: func(c *cobra.Command, args []string) error {
			var answer struct {
				Value []past.Entry `json:"value"`
			}
			query := url.Values{"$top": {fmt.Sprint(limit)}}
			if since != "" {
				query.Set("since", since)
			}
			if inherited {
				query.Set("inherited", "true")
			}
			what := ""
			if len(args) > 0 {
				what = args[0]
			}
			if err := r.history(c.Context(), what, query, &answer); err != nil {
				return err
			}
			return r.output.print(c.OutOrStdout(), answer.Value, func(w io.Writer) error { return historyTable(w, answer.Value) })
		}}
	r.flags(c)
	c.Flags().StringVar(&since, "since", "", "only from this time on: 2026-01-31T12:00:00Z, 2026-01-31, an age such as 24h, or #812 after that change")
	c.Flags().BoolVar(&inherited, "inherited", false, "also what happened above the scope and comes down to it, where you may read that")
	c.Flags().IntVar(&limit, "limit", 50, "how many at most; 0 for all")
	return c
}

// history asks for a scope, and for a principal when there is no such scope.
func (r *remembering) history(ctx context.Context, what string, query url.Values, answer any) error {
	if _, err := gatehouse.ParseGUID(what); err == nil || strings.Contains(what, "@") {
		query.Set("principal", what)
		query.Set("inherited", "true")
		return r.get(ctx, "history", "", query, answer)
	}
	err := r.get(ctx, "history", what, query, answer)
	if gatehouse.CodeOf(err) != "ScopeNotFound" {
		return err
	}
	query.Del("scope")
	query.Set("principal", what)
	query.Set("inherited", "true")
	if second := r.get(ctx, "history", "", query, answer); gatehouse.CodeOf(second) != "PrincipalNotFound" {
		return second
	}
	return gatehouse.Errorf(gatehouse.NotFound, "NotFound", "There is no scope and nobody called %q. Give a resource ID, the name of a resource group or resource, or a user, group or application.", what)
}

func historyTable(w io.Writer, list []past.Entry) error {
	t := &table{titles: []string{"Time", "Who", "Did", "What", "Where", "Why", "Undo"}}
	for _, e := range list {
		where := e.Scope
		if where != "" {
			where = placeOf(where)
		}
		t.add(e.Time.UTC().Format(time.DateTime), oneLine(e.Who), e.Did, oneLine(e.What), where, oneLine(e.Reason), e.Undo)
	}
	return t.print(w)
}

// placeOf is a scope without what a reader of a table does not need.
func placeOf(id string) string {
	if short := naming.Path(id); short != "" {
		return short
	}
	switch s, err := gatehouse.ParseScope(id); {
	case err != nil || s.IsRoot():
		return "/"
	case s.Name() != "":
		if _, sub := s.Subscription(); sub {
			return "subscription"
		}
		return s.Name()
	}
	return id
}

func accessCommand() *cobra.Command {
	c := &cobra.Command{Use: "access", Short: "Compare who may do what"}
	c.AddCommand(accessDiff())
	return c
}

func accessDiff() *cobra.Command {
	var r remembering
	var since, until, scope string
	var code bool
	c := &cobra.Command{Use: "diff", Short: "Show who gained and who lost access between two moments, and through which change", Args: cobra.NoArgs,
		Long: `Decide every known action for everybody whom a change concerned, at both moments, and show
what became possible (+) and what no longer is (-). Reading needs the rights to read
role assignments and the activity log at the scope.`,
		Example: "  gatehouse access diff --since 24h\n  gatehouse access diff --since '#812' --until '#820' --scope rg-apis",
		RunE: func(c *cobra.Command, _ []string) error {
			query := url.Values{"since": {since}}
			if until != "" {
				query.Set("until", until)
			}
			var d past.Diff
			if err := r.get(c.Context(), "diff", scope, query, &d); err != nil {
				return err
			}
			if err := r.output.print(c.OutOrStdout(), d, func(w io.Writer) error { return diffTable(w, &d) }); err != nil {
				return err
			}
			if code && len(d.Shifts) > 0 {
				return differences{errors.New("access differs")}
			}
			return nil
		}}
	r.flags(c)
	f := c.Flags()
	f.StringVar(&since, "since", "24h", "the earlier moment: a time, a day, an age, or #812 after that change")
	f.StringVar(&until, "until", "", "the later moment (default: now)")
	f.StringVar(&scope, "scope", "", "resource ID, or the name of a resource group or resource (default: the subscription)")
	f.BoolVar(&code, "detailed-exitcode", false, "exit with 2 when there are differences")
	return c
}

func diffTable(w io.Writer, d *past.Diff) error {
	if len(d.Shifts) == 0 {
		_, err := fmt.Fprintf(w, "Nobody gained or lost access between %s and %s.\n", day(d.Since), day(d.Until))
		return err
	}
	fmt.Fprintf(w, "Access between %s and %s: + gained  - lost\n", day(d.Since), day(d.Until))
	gained, lost := map[gatehouse.GUID]bool{}, map[gatehouse.GUID]bool{}
	for _, s := range d.Shifts {
		fmt.Fprintf(w, "\n  %s at %s%s\n", oneLine(s.Who), placeOf(s.Scope), throughChanges(s.Through, s.Elsewhere))
		for _, list := range []struct {
			sign string
			of   []string
			who  map[gatehouse.GUID]bool
		}{{"+", s.Gained, gained}, {"-", s.Lost, lost}} {
			for i, a := range list.of {
				list.who[s.ID] = true
				if i == shownActions && len(list.of) > shownActions+1 {
					fmt.Fprintf(w, "    %s %d more (all with -o json)\n", list.sign, len(list.of)-i)
					break
				}
				fmt.Fprintf(w, "    %s %s\n", list.sign, a)
			}
		}
	}
	fmt.Fprintln(w, "\nChanges:")
	for _, e := range d.Changes {
		why := ""
		if e.Reason != "" {
			why = " (" + oneLine(e.Reason) + ")"
		}
		fmt.Fprintf(w, "  %d  %s  %s %s %s%s\n", e.Seq, e.Time.UTC().Format(time.DateTime), oneLine(e.Who), e.Did, oneLine(e.What), why)
	}
	if d.More > 0 {
		fmt.Fprintf(w, "%d more principals were concerned and not looked at: narrow it down with --scope or a shorter time.\n", d.More)
	}
	_, err := fmt.Fprintf(w, "\nAccess: %d gained, %d lost.\n", len(gained), len(lost))
	return err
}

const shownActions = 8

// effectOn names a document for people: a role assignment by what it grants.
func effectOn(e undo.Effect) string {
	at, _, assignment := naming.CutAssignment(e.Resource)
	switch {
	case e.What == "":
		return placeOf(e.Resource)
	case assignment:
		return placeOf(at) + " (" + oneLine(e.What) + ")"
	}
	return oneLine(e.What)
}

func day(t time.Time) string { return t.UTC().Format(time.DateTime) }

func throughChanges(changes []int64, elsewhere bool) string {
	switch {
	case elsewhere && len(changes) == 0:
		return "   through changes that you may not read"
	case len(changes) == 0:
		return "   by the passing of time"
	}
	parts := make([]string, len(changes))
	for i, seq := range changes {
		parts[i] = fmt.Sprint(seq)
	}
	word := "change"
	if len(changes) > 1 {
		word = "changes"
	}
	if elsewhere {
		parts = append(parts, "and others that you may not read")
	}
	return "   through " + word + " " + strings.Join(parts, ", ")
}

func undoCommand() *cobra.Command {
	var r remembering
	var q undo.Request
	c := &cobra.Command{Use: "undo CHANGE|RANGE|OPERATION ...", Short: "Take changes back: put everything as it was before them", Args: cobra.MinimumNArgs(1),
		Long: `Put back what changes changed, byte for byte and with its secrets, delete what they created
and bring back what they deleted. A change stands for its whole operation; 812..830 is a range,
and the ID of an operation or correlation stands for all of it. Each document needs the right that
the opposite request would need. What later changes build on is refused, and they are named, unless
--with-later takes them back too. Secrets that somebody may still hold (client secrets, federated
credentials, passwords, keys) come back only with --revive-secrets; --dry-run names them. An undo is a change like others: undo it to redo.`,
		Example: "  gatehouse undo 812 --dry-run\n  gatehouse undo 812..830 --reason CHG-4711",
		RunE: func(c *cobra.Command, args []string) error {
			q.Changes = args
			cl, _, err := r.client()
			if err != nil {
				return err
			}
			var result undo.Result
			if err := cl.post(c.Context(), provider.Path+"/undo", q, &result); err != nil {
				return err
			}
			return r.output.print(c.OutOrStdout(), result, func(w io.Writer) error { return undoTable(w, &result) })
		}}
	r.flags(c)
	f := c.Flags()
	f.BoolVar(&q.Dry, "dry-run", false, "show what it would do, with all checks, and change nothing")
	f.BoolVar(&q.Later, "with-later", false, "undo the later changes that build on it as well")
	f.BoolVar(&q.Revive, "revive-secrets", false, "bring secrets that were replaced or deleted back to life")
	f.StringVar(&q.Reason, "reason", "", "a ticket or sentence to record with it")
	return c
}

func undoTable(w io.Writer, r *undo.Result) error {
	head := "Undone:"
	if r.Dry {
		head = "Would undo:"
	}
	fmt.Fprintln(w, head)
	for _, u := range r.Undone {
		later := ""
		if u.Later {
			later = "   (later, builds on it)"
		}
		fmt.Fprintf(w, "  %d  %s  %s  %s%s\n", u.Seq, day(u.Time), oneLine(u.Who), u.Action, later)
	}
	fmt.Fprintln(w, "\nEffect: + comes back  ~ as it was before  - goes")
	count := map[string]int{}
	for _, e := range r.Effect {
		count[e.Does]++
		secrets := ""
		if e.Secrets {
			secrets = "   ! alive again: " + oneLine(cmp.Or(strings.Join(e.Revives, ", "), "its secrets"))
		}
		fmt.Fprintf(w, "  %s %s%s\n", map[string]string{"creates": "+", "changes": "~", "deletes": "-"}[e.Does], effectOn(e), secrets)
	}
	if len(r.Effect) == 0 {
		fmt.Fprintln(w, "  nothing: all of it is as it was before already")
	}
	verb := "Done"
	if r.Dry {
		verb = "Nothing was changed. It would be"
	}
	fmt.Fprintf(w, "\n%s: %d back, %d as before, %d gone.\n", verb, count["creates"], count["changes"], count["deletes"])
	if r.Change > 0 {
		fmt.Fprintf(w, "To redo: gatehouse undo %d\n", r.Change)
	}
	return nil
}
