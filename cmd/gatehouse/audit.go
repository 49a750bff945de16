package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/naming"
	"gatehouse/siem"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

func auditCommand() *cobra.Command {
	var data string
	c := &cobra.Command{Use: "audit", Short: "Read and verify the log of everything that changed or was refused",
		Long: `The change log holds every write, delete, refusal and sign-in with who, what, where and
why it was permitted. These commands read the data directory itself, whether a server
runs over it or not, so they are for who may read that directory.`}
	dataFlag(c, &data, serverData)
	c.AddCommand(auditList(&data), auditShow(&data), auditVerify(&data), auditExport(&data), auditCheckpoint(&data), auditKey(&data))
	return c
}

// withStore opens the data directory for reading while a server may be running.
func withStore(ctx context.Context, data string, f func(*store.Store) error) error {
	s, err := sqlite.Open(ctx, data, store.Options{ReadOnly: true}, sqlite.Settings{})
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}

func auditList(data *string) *cobra.Command {
	var q auditQuery
	var limit int
	var output outputFlags
	c := &cobra.Command{Use: "list", Short: "List changes, newest first", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		query, err := q.parse(time.Now())
		if err != nil {
			return err
		}
		if limit < 0 {
			return usagef("--limit takes how many changes to list, 0 for all; it is %d", limit)
		}
		query.Descending, query.Limit = true, limit
		return withStore(c.Context(), *data, func(s *store.Store) error {
			changes, err := collect(c.Context(), s, query)
			if err != nil {
				return err
			}
			list := listing(naming.New(c.Context(), s), changes)
			return output.print(c.OutOrStdout(), list, func(w io.Writer) error { return auditTable(w, list) })
		})
	}}
	q.flags(c)
	c.Flags().IntVar(&limit, "limit", 50, "how many at most; 0 for all")
	output.flags(c)
	return c
}

// auditQuery is what list and export select by.
type auditQuery struct{ scope, kind, typ, actor, since, until string }

func (q *auditQuery) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&q.scope, "scope", "", "only at this resource ID and below")
	f.StringVar(&q.kind, "kind", "", "write, delete, refused, signin or event")
	f.StringVar(&q.typ, "type", "", "only resources of this type, for example Microsoft.Authorization/roleAssignments")
	f.StringVar(&q.actor, "actor", "", "only by the principal with this object ID")
	f.StringVar(&q.since, "since", "", "only from this time on: 2026-01-31T12:00:00Z, 2026-01-31, or an age such as 24h")
	f.StringVar(&q.until, "until", "", "only before this time")
	completeWith(c, "kind", changeKinds...)
}

var changeKinds = []string{string(gatehouse.Write), string(gatehouse.Delete), string(gatehouse.Refused), string(gatehouse.SignIn), string(gatehouse.Event)}

func (q *auditQuery) parse(now time.Time) (out store.ChangeQuery, err error) {
	if q.kind != "" && !slices.Contains(changeKinds, q.kind) {
		return out, notOneOf("--kind", q.kind, changeKinds...)
	}
	out.Kind, out.Type = gatehouse.ChangeKind(q.kind), q.typ
	if q.scope != "" {
		scope, err := gatehouse.ParseScope(q.scope)
		if err != nil {
			return out, usage(err)
		}
		out.Under = &scope
	}
	if q.actor != "" {
		if out.Actor, err = gatehouse.ParseGUID(q.actor); err != nil {
			return out, usage(err)
		}
	}
	if out.Since, err = moment(q.since, now); err != nil {
		return out, err
	}
	out.Until, err = moment(q.until, now)
	return out, err
}

// moment reads a time, a day, or an age.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("%q is not a time: write 2026-01-31T12:00:00Z, 2026-01-31, or an age such as 24h", text)
}

func collect(ctx context.Context, s *store.Store, q store.ChangeQuery) ([]gatehouse.Change, error) {
	changes := []gatehouse.Change{}
	each, err := s.Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	for c, err := range each {
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// listed is a change with the names that people know its objects by.
type listed struct {
	Who   string `json:"who"`
	Where string `json:"where"`
	gatehouse.Change
}

func listing(n *naming.Names, changes []gatehouse.Change) []listed {
	list := make([]listed, len(changes))
	for i, c := range changes {
		list[i] = listed{Who: n.Caller(&c.Cause.Caller), Where: n.Where(&c), Change: c}
	}
	return list
}

func auditTable(w io.Writer, changes []listed) error {
	t := &table{titles: []string{"Time", "Who", "What", "Where", "Result", "Id"}}
	for _, c := range changes {
		t.add(c.Time.UTC().Format(time.DateTime), oneLine(c.Who), c.Cause.Action, oneLine(c.Where), c.Change.Outcome(), fmt.Sprint(c.Seq))
	}
	return t.print(w)
}

func auditVerify(data *string) *cobra.Command {
	var v verifyFlags
	c := &cobra.Command{Use: "verify", Short: "Check that no change was altered, removed or added outside of Gatehouse", Args: cobra.NoArgs,
		Long: `Recompute the hash chain of the change log from its first record and compare every
document with the change that wrote it. A log cut at its end looks whole by itself: with
--checkpoint it is compared with what was signed and kept elsewhere (see "gatehouse audit checkpoint").

--bundle and --backup verify what left the house, offline: any byte that differs is found.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return v.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), *data)
		}}
	v.flags(c)
	return c
}

func auditExport(data *string) *cobra.Command {
	var q auditQuery
	var format, file string
	c := &cobra.Command{Use: "export", Short: "Write changes as JSON lines, CSV, OCSF or CEF, oldest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			query, err := q.parse(time.Now())
			if err != nil {
				return err
			}
			if !slices.Contains(exportForms, format) {
				return notOneOf("--format", format, exportForms...)
			}
			return withStore(c.Context(), *data, func(s *store.Store) error {
				out, done, err := exportTo(c.OutOrStdout(), file)
				if err != nil {
					return err
				}
				n, err := exportChanges(c.Context(), s, query, format, out)
				if err = errors.Join(err, done()); err == nil {
					fmt.Fprintf(c.ErrOrStderr(), "%d changes\n", n)
				}
				return err
			})
		}}
	q.flags(c)
	c.Flags().StringVar(&format, "format", string(audit.JSONLines), "jsonl or json (one JSON object a line), csv, ocsf (OCSF 1.3 JSON lines) or cef")
	c.Flags().StringVar(&file, "file", "", "new file to write to (default: standard output)")
	completeWith(c, "format", exportForms...)
	return c
}

var exportForms = []string{string(audit.JSONLines), string(audit.CSV), string(siem.JSON), string(siem.OCSF), string(siem.CEF)}

// exportChanges writes changes in any of the forms.
func exportChanges(ctx context.Context, s *store.Store, q store.ChangeQuery, format string, out io.Writer) (n int, err error) {
	if format == string(audit.JSONLines) || format == string(audit.CSV) {
		return audit.Export(ctx, s, q, audit.Format(format), out)
	}
	changes, err := s.Changes(ctx, q)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(out)
	for c, err := range changes {
		if err != nil {
			return n, err
		}
		line, err := siem.Encode(siem.Format(format), version(), &c)
		if err != nil {
			return n, err
		}
		w.Write(append(line, '\n')) // a failure stays with w
		n++
	}
	return n, w.Flush()
}

// exportTo opens what an export is written to; done completes it.
func exportTo(out io.Writer, file string) (w io.Writer, done func() error, err error) {
	if file == "" {
		return out, func() error { return nil }, nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil, fmt.Errorf("%s is there already and was left as it is: give --file a new name", file)
	}
	if err != nil {
		return nil, nil, err
	}
	return f, func() error { return errors.Join(f.Sync(), f.Close()) }, nil
}
