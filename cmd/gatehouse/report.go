package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/evidence"
	"gatehouse/lint"
	"gatehouse/store"
)

func reportCommand() *cobra.Command {
	var data, from, to, period, dir string
	c := &cobra.Command{Use: "report soc2|access-review", Short: "Make a signed bundle of evidence for auditors and reviewers", Args: cobra.ExactArgs(1), ValidArgs: evidence.Kinds,
		Long: `Write a directory with what changed and who did it, why and with which ticket; who had access
to what when the period began and ended, with the groups between; what was refused; and
the records of the log that prove it. There is JSON, CSV and one page for reading and printing.

The bundle is signed with the key of the installation ("gatehouse audit key"). Anybody can
verify it offline: "gatehouse audit verify --bundle DIR".`,
		Example: "  gatehouse report soc2 --period 2026-Q1\n  gatehouse report access-review --from 2026-01-01 --to 2026-04-01 -o review",
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(evidence.Kinds, args[0]) {
				return notOneOf("report", args[0], evidence.Kinds...)
			}
			now := time.Now()
			r := evidence.Request{Kind: args[0], Now: now, Version: version()}
			var err error
			if r.From, r.To, err = periodOf(period, from, to, now); err != nil {
				return err
			}
			if dir == "" {
				dir = fmt.Sprintf("%s-%s-to-%s", r.Kind, r.From.UTC().Format(time.DateOnly), r.To.UTC().Format(time.DateOnly))
			}
			return withEvidence(c.Context(), data, func(s *store.Store, key *evidence.Key, tenant string) error {
				r.Tenant, r.Names = tenant, reportNames{newNames(c.Context(), s)}
				if r.Findings, err = findings(c.Context(), data, s); err != nil {
					return err
				}
				report, err := key.Bundle(c.Context(), s, r, dir)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %d changes (%d without a reason), %d refusals, %d ways of access at the end (%d gained, %d lost)\nRead %s/index.html; verify with \"gatehouse audit verify --bundle %s\".\n",
					dir, len(report.Changes), report.Unreasoned, len(report.Refusals), len(report.End), len(report.Gained), len(report.Lost), dir, dir)
				return nil
			})
		}}
	dataFlag(c, &data, serverData)
	c.Flags().StringVar(&from, "from", "", "begin of the period: 2026-01-01, a time, or an age such as 720h")
	c.Flags().StringVar(&to, "to", "", "its end, exclusive (default: now)")
	c.Flags().StringVar(&period, "period", "", "instead of --from and --to: 2026, 2026-Q1 or 2026-01")
	c.Flags().StringVarP(&dir, "output", "o", "", "new directory for the bundle (default: named after kind and period)")
	c.MarkFlagsMutuallyExclusive("period", "from")
	c.MarkFlagsMutuallyExclusive("period", "to")
	return c
}

// findings are what lint says of the present, as JSON.
func findings(ctx context.Context, data string, s *store.Store) (json.RawMessage, error) {
	l := linting{liveFlags: liveFlags{data: data}, days: 90, owners: 3}
	in := lint.Input{}
	in.Limits.Owners = l.owners
	if err := l.read(ctx, s, &in); err != nil {
		return nil, err
	}
	return json.MarshalIndent(lint.Run(in), "", "  ")
}

// reportNames are names with why a change was permitted.
type reportNames struct{ *names }

func (n reportNames) Caller(c *gatehouse.Caller) string { return n.caller(c) }
func (n reportNames) Where(c *gatehouse.Change) string  { return n.where(c) }
func (n reportNames) Why(c *gatehouse.Change) string    { return n.why(c) }

var periodForm = regexp.MustCompile(`^(\d{4})(?:-(?:Q([1-4])|(\d{2})))?$`)

// periodOf reads a period: from inclusive, to exclusive.
func periodOf(period, from, to string, now time.Time) (a, b time.Time, err error) {
	if period != "" {
		m := periodForm.FindStringSubmatch(period)
		if m == nil {
			return a, b, usagef("--period takes a year, a quarter or a month: 2026, 2026-Q1, 2026-01; it is %q", period)
		}
		year, _ := strconv.Atoi(m[1]) // digits, by the pattern
		quarter, _ := strconv.Atoi(m[2])
		month, _ := strconv.Atoi(m[3])
		switch {
		case quarter > 0:
			a = time.Date(year, time.Month(3*quarter-2), 1, 0, 0, 0, 0, time.UTC)
			b = a.AddDate(0, 3, 0)
		case month > 0:
			a = time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
			b = a.AddDate(0, 1, 0)
		default:
			a = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
			b = a.AddDate(1, 0, 0)
		}
		return a, b, after(a, b, now)
	}
	if from == "" {
		return a, b, usagef("a report needs a period: --period 2026-Q1, or --from 2026-01-01 --to 2026-04-01")
	}
	if a, err = moment(from, now); err != nil {
		return a, b, err
	}
	if b, err = moment(to, now); err != nil {
		return a, b, err
	}
	if b.IsZero() {
		b = now
	}
	return a, b, after(a, b, now)
}

func after(a, b, now time.Time) error {
	if !a.Before(b) || a.After(now) {
		return usagef("the period has to begin before it ends, and in the past: it is %s to %s", a.Format(time.RFC3339), b.Format(time.RFC3339))
	}
	return nil
}
