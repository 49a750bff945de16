package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/world"
)

var worldForms = []string{string(world.YAML), string(world.JSON)}

func exportCommand() *cobra.Command {
	var l liveFlags
	var form, file, at string
	c := &cobra.Command{
		Use: "export", Short: "Write the complete world: roles, assignments, denies, people and groups", Args: cobra.NoArgs,
		Long: `Write who may do what as one file that check and the questions about access read, for
the data directory itself or, with --server, for what a running server shows to the
caller. It holds names and the dates of secrets, never a secret. Built-in roles are not
repeated in it.`,
		Example: `  gatehouse export -o yaml --file world.yaml
  gatehouse export --at 2026-01-31 --file january.yaml
  gatehouse export --server local --as alan@contoso.onmicrosoft.com`,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(worldForms, strings.ToLower(form)) {
				return notOneOf("-o", form, worldForms...)
			}
			w, err := l.world(c, at)
			if err != nil {
				return err
			}
			return writeWorld(c, w, world.Format(strings.ToLower(form)), file)
		},
	}
	l.flags(c)
	c.Flags().StringVarP(&form, "output", "o", string(world.YAML), "yaml or json")
	c.Flags().StringVar(&at, "at", "", "a past moment of the data directory: a time, a day, an age such as 24h, or #812 for the state after change 812")
	c.Flags().StringVar(&file, "file", "", "new file to write to (default: standard output)")
	completeWith(c, "output", worldForms...)
	return c
}

// world is that of the server, when one is named, or of the data directory, now or at
// a past moment.
func (l *liveFlags) world(c *cobra.Command, at string) (*world.World, error) {
	switch {
	case at != "" && (l.server != "" || l.as != ""):
		return nil, usagef("--at reads the change log of a data directory; leave out --server and --as")
	case at != "":
		return pastWorld(c.Context(), l.data, at)
	case l.server == "" && l.as == "":
		return storedWorld(c.Context(), l.data)
	}
	r, err := l.connect(c.Context())
	if err != nil {
		return nil, err
	}
	return r.world(c.Context())
}

func writeWorld(c *cobra.Command, w *world.World, form world.Format, file string) error {
	b, err := w.Marshal(form)
	if err != nil {
		return err
	}
	out, done, err := exportTo(c.OutOrStdout(), file)
	if err != nil {
		return err
	}
	if _, err := out.Write(b); err != nil {
		return err
	}
	countWorld(c.ErrOrStderr(), w)
	return done()
}

// countWorld says in a line what a world holds.
func countWorld(out io.Writer, w *world.World) {
	custom := 0
	for _, r := range w.Roles {
		if r.Type != "BuiltInRole" {
			custom++
		}
	}
	kinds := map[string]int{}
	for _, p := range w.Principals {
		kinds[string(p.Type)]++
	}
	parts := []struct {
		n         int
		one, many string
	}{
		{custom, "custom role", "custom roles"}, {len(w.Assignments), "role assignment", "role assignments"}, {len(w.Eligibilities), "eligibility", "eligibilities"},
		{len(w.Denies), "deny assignment", "deny assignments"}, {kinds["User"], "user", "users"}, {kinds["Group"], "group", "groups"}, {kinds["ServicePrincipal"], "service principal", "service principals"},
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = fmt.Sprint(p.n, " ", plural(p.n, p.one, p.many))
	}
	fmt.Fprintln(out, strings.Join(words, ", "))
}
