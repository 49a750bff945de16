package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

func auditCommand() *cobra.Command {
	var data string
	c := &cobra.Command{Use: "audit", Short: "Read and verify the log of everything that changed or was refused",
		Long: `The change log holds every write, delete, refusal and sign-in with who, what, where and
why it was permitted. These commands read the data directory itself, whether a server
runs over it or not, so they are for who may read that directory.`}
	c.PersistentFlags().StringVar(&data, "data", defaultData(), "data directory of the server")
	c.AddCommand(auditList(&data), auditShow(&data), auditVerify(&data), auditExport(&data))
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
		query.Descending, query.Limit = true, limit
		return withStore(c.Context(), *data, func(s *store.Store) error {
			changes, err := collect(c.Context(), s, query)
			if err != nil {
				return err
			}
			return output.print(c.OutOrStdout(), changes, func(w io.Writer) { auditTable(w, changes) })
		})
	}}
	q.flags(c)
	c.Flags().IntVar(&limit, "limit", 50, "how many at most")
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
}

func (q *auditQuery) parse(now time.Time) (out store.ChangeQuery, err error) {
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

func auditTable(w io.Writer, changes []gatehouse.Change) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Seq\tTime\tWho\tWhat\tWhere\tResult")
	fmt.Fprintln(t, "---\t----\t---\t----\t-----\t------")
	for _, c := range changes {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", c.Seq, c.Time.UTC().Format("2006-01-02 15:04:05"), c.Cause.Caller.Name, c.Cause.Action, short(where(c)), c.Kind)
	}
	t.Flush()
}

func where(c gatehouse.Change) string {
	if c.Resource != "" {
		return c.Resource
	}
	return c.Cause.Scope
}

// guidOrProvider are the parts of an ID that a reader of a table does not need.
var guidOrProvider = regexp.MustCompile(`^/subscriptions/[0-9a-fA-F-]{36}(/resourceGroups)?|/providers/[^/]+`)

// short names a resource for people: rg-apis/service/contoso-apim/apis/calculator.
func short(id string) string {
	if s := strings.TrimPrefix(guidOrProvider.ReplaceAllString(id, ""), "/"); s != "" {
		return s
	}
	return id
}

func auditShow(data *string) *cobra.Command {
	return &cobra.Command{Use: "show SEQ", Short: "Show one change whole, with before and after", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		seq, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || seq < 1 {
			return usagef("%q is not the number of a change: take one from \"gatehouse audit list\"", args[0])
		}
		return withStore(c.Context(), *data, func(s *store.Store) error {
			changes, err := collect(c.Context(), s, store.ChangeQuery{AfterSeq: seq - 1, Limit: 1})
			if err != nil {
				return err
			}
			if len(changes) == 0 || changes[0].Seq != seq {
				return gatehouse.Errorf(gatehouse.NotFound, "", "There is no change %d; the newest are in \"gatehouse audit list\".", seq)
			}
			return printJSON(c.OutOrStdout(), changes[0])
		})
	}}
}

func auditVerify(data *string) *cobra.Command {
	return &cobra.Command{Use: "verify", Short: "Check that no change was altered, removed or added outside of Gatehouse", Args: cobra.NoArgs,
		Long: `Recompute the hash chain of the change log from its first record and compare every
document with the change that wrote it. Note the hash that is printed: a later run that
does not pass by it means that the log was cut.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c.Context(), *data, func(s *store.Store) error {
				report, err := audit.Verify(c.Context(), s, progress(c.ErrOrStderr(), "changes"))
				if err != nil {
					return err
				}
				if report.Fault != nil {
					return report.Fault
				}
				fmt.Fprintf(c.OutOrStdout(), "verified: %d changes and %d documents are as they were written\nhead: %d %s\n", report.Changes, report.Documents, report.Head, report.Hash)
				return nil
			})
		}}
}

func auditExport(data *string) *cobra.Command {
	var q auditQuery
	var format, file string
	c := &cobra.Command{Use: "export", Short: "Write changes as JSON lines or CSV, oldest first", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		query, err := q.parse(time.Now())
		if err != nil {
			return err
		}
		out := c.OutOrStdout()
		if file != "" {
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			defer f.Close()
			out = f
		}
		return withStore(c.Context(), *data, func(s *store.Store) error {
			n, err := audit.Export(c.Context(), s, query, audit.Format(format), out)
			fmt.Fprintf(c.ErrOrStderr(), "%d changes\n", n)
			return err
		})
	}}
	q.flags(c)
	c.Flags().StringVar(&format, "format", "json", "json (one object a line) or csv")
	c.Flags().StringVar(&file, "file", "", "new file to write to (default: standard output)")
	return c
}

func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
