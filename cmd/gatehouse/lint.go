package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/lint"
	"gatehouse/store"
	"gatehouse/world"
)

// errNo is an answer that has been printed and whose exit code is 1.
var errNo = errors.New("the answer is no")

// suppressionFile is read from the working directory when it is there.
const suppressionFile = ".gatehouse-lint"

func lintCommand() *cobra.Command {
	var l linting
	c := &cobra.Command{Use: "lint", Short: "Find access that is wider, older or stranger than it has to be", Args: cobra.NoArgs,
		Long: `Look at who may do what and report what breaks a rule of least privilege or hygiene: each
finding has a rule with an ID, a severity, a reason and the command that mends it.

The world is read from a file (--world), from a running server with the caller's own rights
(--server), or from a data directory, whether a server runs over it or not; the latter also
tells which grants allowed no change for long. Exit code 1
says that something at least as severe as --fail-on was found.

A finding that is meant to stay is suppressed, with a reason, by a line in .gatehouse-lint

  GH001 ada@contoso.example until 2027-01-31: break glass, sealed (SEC-12)

by "# lint:ignore GH001 REASON" above the entry in a world file, or by "lint:ignore GH001
REASON" in the description of a role assignment.`,
		Example: "  gatehouse lint --scope /subscriptions/00000000-0000-0000-0000-000000000000\n  gatehouse lint --world world.yaml -o sarif > lint.sarif\n  gatehouse lint --rules",
		RunE:    func(c *cobra.Command, _ []string) error { return l.run(c) }}
	l.flags(c)
	return c
}

// linting is the flags of lint.
type linting struct {
	liveFlags
	world, scope, suppressions, failOn, format string
	days, owners                               int
	rules                                      bool
}

var lintForms = []string{"text", "json", "sarif", "github", "none"}

func (l *linting) flags(c *cobra.Command) {
	l.liveFlags.flags(c)
	f := c.Flags()
	f.StringVar(&l.world, "world", "", "world file to read instead of a data directory")
	f.StringVar(&l.scope, "scope", "", "only at this resource ID and below")
	f.StringVar(&l.suppressions, "suppressions", "", "file of suppressions (default: "+suppressionFile+", where there is one)")
	f.StringVar(&l.failOn, "fail-on", string(lint.Medium), "least severity that makes the exit code 1: high, medium, low or none")
	f.IntVar(&l.days, "unused", 90, "days without a change after which a grant is unused; 0 does not look")
	f.IntVar(&l.owners, "max-owners", 3, "how many owners of a subscription are too many, less one")
	f.BoolVar(&l.rules, "rules", false, "list the rules")
	f.StringVarP(&l.format, "output", "o", "text", "text, json, sarif (2.1.0), github (annotations) or none")
	completeWith(c, "output", lintForms...)
	completeWith(c, "fail-on", "high", "medium", "low", "none")
}

func (l *linting) run(c *cobra.Command) error {
	severities := []string{"high", "medium", "low", "none"}
	switch {
	case !slices.Contains(severities, l.failOn):
		return notOneOf("--fail-on", l.failOn, severities...)
	case !slices.Contains(lintForms, l.format):
		return notOneOf("-o", l.format, lintForms...)
	case l.rules:
		return listRules(c.OutOrStdout(), l.format)
	}
	in, err := l.input(c)
	if err != nil {
		return err
	}
	report := lint.Run(in)
	if err := l.print(c.OutOrStdout(), report); err != nil {
		return err
	}
	if l.failOn != "none" && report.Failing(lint.Severity(l.failOn)) > 0 {
		return errNo
	}
	return nil
}

func (l *linting) input(c *cobra.Command) (in lint.Input, err error) {
	if in.Scope, err = gatehouse.ParseScope(l.scope); err != nil {
		return in, usage(err)
	}
	if in.Suppressions, err = l.suppressed(); err != nil {
		return in, err
	}
	in.Limits.Owners = l.owners
	if l.world != "" {
		if in.Source, err = os.ReadFile(l.world); err != nil {
			return in, err
		}
		in.File = filepath.ToSlash(l.world)
		in.World, err = world.Parse(l.world, in.Source)
		return in, err
	}
	if l.server != "" || l.as != "" {
		in.World, err = l.liveFlags.world(c, "")
		return in, err
	}
	err = withStore(c.Context(), l.data, func(s *store.Store) error { return in.Read(c.Context(), s, time.Now(), l.days) })
	return in, err
}

func (l *linting) suppressed() ([]lint.Suppression, error) {
	name := l.suppressions
	if name == "" {
		name = suppressionFile
	}
	text, err := os.ReadFile(name)
	if l.suppressions == "" && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return lint.ParseSuppressions(name, text)
}

func (l *linting) print(w io.Writer, r *lint.Report) error {
	switch l.format {
	case "json":
		return printJSON(w, r)
	case "sarif":
		return r.SARIF(w, version())
	case "github":
		return r.GitHub(w)
	case "none":
		return nil
	}
	return r.Text(w)
}

func listRules(w io.Writer, format string) error {
	if format == "json" {
		type row struct{ ID, Name, Severity, Title, Why, How string }
		var list []row
		for _, r := range lint.Rules() {
			list = append(list, row{r.ID, r.Name, string(r.Severity), r.Title, r.Why, r.How})
		}
		return printJSON(w, list)
	}
	t := &table{titles: []string{"Id", "Severity", "Name", "Finds"}}
	for _, r := range lint.Rules() {
		t.add(r.ID, string(r.Severity), r.Name, r.Title)
	}
	return t.print(w)
}
