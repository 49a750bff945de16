package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/world"
)

func importCommand() *cobra.Command {
	c := &cobra.Command{Use: "import", Short: "Take over access from elsewhere"}
	c.AddCommand(importAzure())
	return c
}

// importFlags are those of import azure.
type importFlags struct {
	liveFlags
	form, file, group string
	maps              []string
	yes               bool
}

func importAzure() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use: "azure DIR", Short: "Read exports of a real tenant into a world file or a running server", Args: cobra.ExactArgs(1),
		Long: `Read what az printed about a tenant, in files of any name, and write it as one world for
check and the questions about access. What a file holds is told by its content:

  az role definition list --custom-role-only        az ad user list
  az role assignment list --all                     az ad group list
  az role assignment list --scope /providers/...    az ad sp list --all
  az rest --url .../denyAssignments?...             az account management-group show -e -r

Members of a group, which az prints without the group, belong into a file named after
it: members/GROUP.json, or members-GROUP.json, where GROUP is the name or object ID:

  az ad group member list --group engineering > members/engineering.json

With --server, the same is brought into a running server by ordinary Graph and Resource
Manager calls with the rights of the caller, a plan first. Objects of the directory get
new IDs there; what has the same name is taken for the same. Nothing is changed or
deleted that is there. --map OLD=NEW replaces a part of scopes and sign-in names, such
as a subscription's ID or a domain. ARM templates, as az apim or the portal export them,
are deployed to --resource-group.`,
		Example: `  gatehouse import azure exports/ --file world.yaml
  gatehouse import azure exports/ --server local --map contoso.com=contoso.onmicrosoft.com`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	f.liveFlags.flags(c)
	c.Flags().StringVarP(&f.form, "output", "o", string(world.YAML), "yaml or json")
	c.Flags().StringVar(&f.file, "file", "", "new file to write to (default: standard output)")
	c.Flags().StringArrayVar(&f.maps, "map", nil, "OLD=NEW: replace in scopes and sign-in names")
	c.Flags().StringVar(&f.group, "resource-group", "", "ID of the resource group that templates are deployed to")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "carry out the plan")
	completeWith(c, "output", worldForms...)
	return c
}

func (f *importFlags) run(c *cobra.Command, dir string) error {
	format := world.Format(strings.ToLower(f.form))
	if format != world.YAML && format != world.JSON {
		return notOneOf("-o", f.form, worldForms...)
	}
	for _, m := range f.maps {
		if before, _, ok := strings.Cut(m, "="); !ok || before == "" {
			return usagef("--map takes OLD=NEW; it is %q", m)
		}
	}
	in, err := readAzure(dir)
	if err != nil {
		return err
	}
	for _, name := range in.skipped {
		fmt.Fprintf(c.ErrOrStderr(), "skipped %s: it holds nothing that bears on access\n", name)
	}
	if f.server == "" {
		for _, t := range in.templates {
			fmt.Fprintf(c.ErrOrStderr(), "skipped %s: a template is deployed with --server\n", t.Name)
		}
		return writeWorld(c, in.world, format, f.file)
	}
	if len(in.templates) > 0 && f.group == "" {
		return usagef("%s is an ARM template: name the ID of a resource group to deploy it to with --resource-group", in.templates[0].Name)
	}
	return f.takeOver(c, in)
}

// takeOver shows the plan and, when told to, carries it out.
func (f *importFlags) takeOver(c *cobra.Command, in *azureExports) error {
	r, err := f.connect(c.Context())
	if err != nil {
		return err
	}
	t := &takeOver{r: r, from: in.world, templates: in.templates, maps: f.maps, group: strings.TrimSuffix(f.group, "/")}
	if t.to, err = r.world(c.Context()); err != nil {
		return err
	}
	if err := t.plan(); err != nil {
		return err
	}
	t.show(c.OutOrStdout())
	switch {
	case len(t.steps) == 0:
		return nil
	case !f.yes:
		fmt.Fprintln(c.ErrOrStderr(), "Nothing was done: repeat the command with --yes to carry it out.")
		return nil
	}
	if failed := t.apply(c.Context(), c.ErrOrStderr()); failed > 0 {
		return fmt.Errorf("%d of %d steps failed; the others are done, and a repeated import goes on with what is missing", failed, len(t.steps))
	}
	fmt.Fprintln(c.OutOrStdout(), "done")
	return nil
}

// azureExports is what a directory of exports holds.
type azureExports struct {
	world     *world.World
	templates []*world.File
	skipped   []string
}

// isTemplate tells an ARM template by its schema.
func isTemplate(f *world.File) bool {
	o, ok := f.Root.(*jsondoc.Object)
	return ok && strings.Contains(gatehouse.Fold(o.String("$schema")), "deploymenttemplate.json")
}

// readAzure puts the exports of a directory together.
func readAzure(dir string) (*azureExports, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, usage(errors.Join(err, fmt.Errorf("name the directory that the exports are in; it is %s", dir)))
	}
	files, _, err := openFiles([]string{dir})
	if err != nil {
		return nil, err
	}
	var b world.Builder
	in := &azureExports{}
	read := 0
	for _, f := range files {
		group, members := memberFile(f.Name)
		list, isList := f.Root.([]jsondoc.Value)
		switch {
		case isTemplate(f):
			in.templates = append(in.templates, f)
		case members:
			b.AddMembers(f, group)
		case isList && len(list) == 0, !world.Recognises(f):
			in.skipped = append(in.skipped, f.Name)
			continue
		default:
			b.Add(f)
		}
		read++
	}
	if read == 0 {
		return nil, usagef("%s holds no export of az: see \"gatehouse import azure --help\"", dir)
	}
	if in.world, err = b.World(); err != nil {
		return nil, usage(err)
	}
	return in, nil
}

// memberFile is the group whose members a file of that name lists.
func memberFile(name string) (group string, ok bool) {
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	switch dir := strings.ToLower(filepath.Base(filepath.Dir(name))); {
	case dir == "members" || dir == "group-members":
		return base, true
	case strings.HasPrefix(base, "members-"):
		return strings.TrimPrefix(base, "members-"), true
	}
	return "", false
}
