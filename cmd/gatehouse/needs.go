package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/needs"
	"gatehouse/store"
	"gatehouse/world"
)

func needsCommand() *cobra.Command {
	var n needing
	c := &cobra.Command{Use: "needs FILE", Short: "Say which permissions a Terraform plan, template, policy or recorded run needs", Args: cobra.ExactArgs(1),
		Long: `Read what is about to run and say which permissions it asks for at which scopes, and the
smallest role that would do: a built-in one where one is near, else a custom role.

FILE is a Terraform plan ("terraform plan -out p.bin", "terraform show -json p.bin"), an ARM
template, an API Management policy (with --scope), or a recording: a HAR file, JSON lines of
"gatehouse audit export", or what az --debug or TF_LOG=DEBUG wrote. "-" is standard input.

With --as, the permissions are compared with what that principal has, in a world file
(--world), on a running server (--server) or in a data directory; exit code 1 says that it
lacks some.`,
		Example: "  gatehouse needs plan.json\n  gatehouse needs plan.json --as ci-deployer --world world.yaml\n  gatehouse needs plan.json -o role > role.json",
		RunE:    func(c *cobra.Command, args []string) error { return n.run(c, args[0]) }}
	n.flags(c)
	return c
}

type needing struct{ data, server, world, as, scope, subscription, parameters, name, format string }

var needsForms = []string{"text", "json", "role", "none"}

func (n *needing) flags(c *cobra.Command) {
	dataFlag(c, &n.data, serverData)
	f := c.Flags()
	f.StringVar(&n.as, "as", "", "compare with what this principal has: sign-in name, display name, application ID or object ID")
	f.StringVar(&n.world, "world", "", "world file to compare with instead of a data directory")
	f.StringVar(&n.server, "server", "", "running server to compare with, or \"local\" for the one over the data directory")
	f.StringVar(&n.scope, "scope", "", "where a template is deployed to or a policy is set")
	f.StringVar(&n.subscription, "subscription", "", "subscription of a plan that names none")
	f.StringVar(&n.parameters, "parameters", "", "parameter file of a template")
	f.StringVar(&n.name, "role-name", "", "name of a custom role (default: after the file)")
	f.StringVarP(&n.format, "output", "o", "text", "text, json, role (the custom role for az) or none")
	completeWith(c, "output", needsForms...)
}

func (n *needing) run(c *cobra.Command, file string) error {
	if !slices.Contains(needsForms, n.format) {
		return notOneOf("-o", n.format, needsForms...)
	}
	text, err := readInput(file)
	if err != nil {
		return err
	}
	o := needs.Options{Subscription: n.subscription, Now: time.Now()}
	if o.Scope, err = gatehouse.ParseID(n.scope); err != nil {
		return usage(err)
	}
	if o.Parameters, err = n.given(); err != nil {
		return err
	}
	r, err := needs.Read(text, o)
	if err != nil {
		return err
	}
	answer := needs.Answer{Requirements: r, Proposals: r.Propose(n.roleName(file))}
	if n.as != "" {
		if answer.Comparison, err = n.compare(c.Context(), r); err != nil {
			return err
		}
	}
	if err := n.print(c.OutOrStdout(), &answer, file); err != nil {
		return err
	}
	if answer.Comparison != nil && len(answer.Comparison.Missing) > 0 {
		return errNo
	}
	return nil
}

// given reads a parameter file, with or without the envelope.
func (n *needing) given() (*jsondoc.Object, error) {
	if n.parameters == "" {
		return nil, nil
	}
	text, err := os.ReadFile(n.parameters)
	if err != nil {
		return nil, err
	}
	doc, err := jsondoc.ParseObject(text)
	if err == nil && doc.Object("parameters") != nil {
		doc = doc.Object("parameters")
	}
	return doc, err
}

func (n *needing) roleName(file string) string {
	if n.name != "" {
		return n.name
	}
	base := filepath.Base(file)
	return "Runs " + strings.TrimSuffix(base, filepath.Ext(base))
}

func (n *needing) compare(ctx context.Context, r *needs.Requirements) (*needs.Comparison, error) {
	w, err := n.read(ctx)
	if err != nil {
		return nil, err
	}
	who, err := w.FindPrincipal(n.as)
	if err != nil {
		return nil, err
	}
	now := w.Now
	if now.IsZero() {
		now = time.Now()
	}
	c := r.Compare(w, who, now)
	return &c, nil
}

func (n *needing) read(ctx context.Context) (w *world.World, err error) {
	if n.world != "" {
		text, err := os.ReadFile(n.world)
		if err != nil {
			return nil, err
		}
		return world.Parse(n.world, text)
	}
	if n.server != "" {
		r, err := (&liveFlags{server: n.server, data: n.data}).connect(ctx)
		if err != nil {
			return nil, err
		}
		return r.world(ctx)
	}
	err = withStore(ctx, n.data, func(s *store.Store) error {
		w, err = world.FromStore(ctx, s)
		return err
	})
	return w, err
}

func (n *needing) print(w io.Writer, a *needs.Answer, file string) error {
	switch n.format {
	case "json":
		return printJSON(w, a)
	case "none":
		return nil
	case "role":
		var roles []*needs.Role
		for _, p := range a.Proposals {
			if p.Custom != nil {
				roles = append(roles, p.Custom)
			}
		}
		if len(roles) == 1 {
			return printJSON(w, roles[0])
		}
		return printJSON(w, roles)
	}
	return a.Text(w, file)
}
