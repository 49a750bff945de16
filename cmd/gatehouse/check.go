package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/check"
	"gatehouse/world"
)

// asked keeps exit code 1 for the answer "no": what kept a question from being asked
// and has no code of its own is a fault of the call.
func asked(err error) error {
	if err == nil || errors.Is(err, errNo) || exitCode(err) != 1 {
		return err
	}
	return usage(err)
}

// checkFlags are those of check.
type checkFlags struct {
	liveFlags
	outputFlags
	world, junit    string
	coverage, quiet bool
}

func checkCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use: "check FILE|DIR...", Short: "Run permission tests: who must be allowed what, and who must not", Args: cobra.MinimumNArgs(1),
		Long: `Run permission tests in a pipeline. A case names a principal, an action and a scope, and
what is expected: Allowed or Denied. It is decided by the engine that the server decides
with, in a world that the files describe in the shapes az prints (JSON or YAML):

  roleDefinitions, roleAssignments, roleEligibilities, denyAssignments, users, groups
  (members may be groups), servicePrincipals, hierarchy, now

World and cases may stand in one file or apart; a case may carry a world of its own, and
"gatehouse export" and "gatehouse import azure" write worlds. Of a directory every .json,
.yaml and .yml file is read. Nothing is asked of a server but with --server, or --live,
which decide all cases by the world as it is there.

Exit codes: 0 all passed, 1 some failed, 2 something cannot be read.`,
		Example: `  gatehouse check access-tests.yaml
  gatehouse check tests/ --coverage --junit report.xml
  gatehouse check tests/ --server local -o json`,
		RunE: func(c *cobra.Command, args []string) error { return asked(f.run(c, args)) },
	}
	f.liveFlags.flags(c)
	f.outputFlags.flags(c)
	c.Flags().StringVar(&f.world, "world", "", "world file for cases that come without one")
	c.Flags().StringVar(&f.junit, "junit", "", "also write JUnit XML to this file")
	c.Flags().BoolVar(&f.coverage, "coverage", false, "list the assignments that no test exercised")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print failures and the summary only")
	c.Flags().Bool("live", false, "decide by the world of the data directory itself")
	c.Flags().Lookup("output").Usage = "human, junit, github, json, yaml, table, tsv or none (default: human)"
	return c
}

func (f *checkFlags) run(c *cobra.Command, args []string) error {
	files, loose, err := openFiles(args)
	if err != nil {
		return err
	}
	o := check.Options{Now: time.Now().UTC(), Loose: loose}
	if live, _ := c.Flags().GetBool("live"); live {
		o.Live, err = storedWorld(c.Context(), f.data)
	} else if f.server != "" {
		o.Live, err = f.fetch(c.Context())
	}
	if err == nil && f.world != "" {
		o.World, err = readWorld(f.world)
	}
	if err != nil {
		return err
	}
	suite, err := check.Load(files, o)
	if err != nil {
		return usage(err)
	}
	for _, name := range suite.Skipped() {
		fmt.Fprintf(c.ErrOrStderr(), "skipped %s: it holds neither cases nor a world\n", name)
	}
	if len(suite.Cases) == 0 {
		return usagef("there is no case in %s: write cases: [{name, request: {principal, action, scope}, expected: Allowed}]", strings.Join(args, ", "))
	}
	report := suite.Run(f.coverage)
	if err := f.print(c.OutOrStdout(), report); err != nil {
		return err
	}
	if report.Failed > 0 {
		return errNo
	}
	return nil
}

func (f *checkFlags) fetch(ctx context.Context) (*world.World, error) {
	r, err := f.connect(ctx)
	if err != nil {
		return nil, err
	}
	return r.world(ctx)
}

func (f *checkFlags) print(w io.Writer, report *check.Report) error {
	if f.junit != "" {
		if err := writeWith(f.junit, report.JUnit); err != nil {
			return err
		}
	}
	human := func(w io.Writer) error { return report.Human(w, f.quiet) }
	switch strings.ToLower(f.format) {
	case "", "human", "table":
		if f.query == "" {
			return human(w)
		}
	case "junit":
		return report.JUnit(w)
	case "github":
		return report.GitHub(w)
	}
	return f.outputFlags.print(w, report, human)
}

func writeWith(file string, write func(io.Writer) error) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(write(out), out.Close())
}

// readWorld reads a world file; what is wrong with it is a fault of the call.
func readWorld(name string) (*world.World, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, usage(err)
	}
	w, err := world.Parse(name, b)
	if err != nil {
		return nil, usage(err)
	}
	return w, nil
}

// openFiles reads files, and of directories all JSON and YAML below; loose tells that
// there was a directory, which may hold other things.
func openFiles(args []string) (files []*world.File, loose bool, err error) {
	var faults []error
	add := func(name string) {
		b, err := os.ReadFile(name)
		if err == nil {
			var f *world.File
			if f, err = world.Open(name, b); err == nil {
				files = append(files, f)
				return
			}
		}
		faults = append(faults, err)
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			faults = append(faults, err)
		case !info.IsDir():
			add(arg)
		default:
			loose = true
			err := filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() && path != arg && strings.HasPrefix(d.Name(), ".") {
					return fs.SkipDir
				}
				if err == nil && d.Type().IsRegular() && slices.Contains([]string{".json", ".yaml", ".yml"}, strings.ToLower(filepath.Ext(path))) {
					add(path)
				}
				return err
			})
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, loose, usage(err)
	}
	return files, loose, nil
}
