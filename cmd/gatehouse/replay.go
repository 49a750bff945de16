package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/entra"
	"gatehouse/gateway/config"
	"gatehouse/gateway/feed"
	"gatehouse/gateway/record"
	away "gatehouse/gateway/remote"
	"gatehouse/gateway/replay"
	"gatehouse/store"
	"gatehouse/world"
)

// replayFlags are those of replay.
type replayFlags struct {
	liveFlags
	outputFlags
	service                     string
	policies, fragments, values []string
	checks, assign, remove      []string
	world                       string
	failOn                      []string
}

// The words of --fail-on.
var failOnWords = []string{"newly-allowed", "newly-refused", "any", "none"}

func replayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use: "replay FILE|DIR...", Short: "Run recorded calls against edited policies and roles, and show what would differ", Args: cobra.MinimumNArgs(1),
		Long: `Make calls that "gatehouse serve --gateway-record" wrote down once more: as policies and roles are, and as
they would be after edits. What differs between the two is printed; newly allowed calls stand first.
Nothing is sent to backends, which answer what they answered then, and nothing is saved.

Edits are documents of policies (--policy api/orders=FILE), fragments, named values, modes of role checks, role
assignments that are added or removed, or another world of roles and people (--world). A FILE left out takes the document away.

The configuration is that of the data directory, whether a server runs over it or not. With --server it is asked of a
server; that takes the data action Microsoft.ApiManagement/service/gateways/getConfiguration/action at the service, and
rights to read roles and people.

Exit codes: 0 nothing differs, 1 something does that --fail-on names, 2 something cannot be read.`,
		Example: `  gatehouse replay calls.jsonl --policy api/orders=orders.xml
  gatehouse replay calls.jsonl --remove 'ada@contoso.onmicrosoft.com' --fail-on newly-refused
  gatehouse replay calls/ --assign 'ada@contoso.onmicrosoft.com=API caller@contoso-apim/apis/orders' -o json`,
		RunE: func(c *cobra.Command, args []string) error { return asked(f.run(c, args)) },
	}
	f.liveFlags.flags(c)
	f.outputFlags.flags(c)
	l := c.Flags()
	l.StringVar(&f.service, "service", "", "name of the API Management service whose calls are replayed (default: the one that was recorded)")
	l.StringArrayVar(&f.policies, "policy", nil, "SCOPE=FILE: the document that a scope would have: global, api/NAME, api/NAME/operation/NAME, product/NAME; may be repeated")
	l.StringArrayVar(&f.fragments, "fragment", nil, "NAME=FILE: the policy fragment that there would be; may be repeated")
	l.StringArrayVar(&f.values, "named-value", nil, "NAME=VALUE, or NAME=@FILE: the named value that there would be; may be repeated")
	l.StringArrayVar(&f.checks, "role-check", nil, "SCOPE=MODE: the mode that a role check would have: enforce, audit or off; may be repeated")
	l.StringArrayVar(&f.assign, "assign", nil, "PRINCIPAL=ROLE@SCOPE: a role assignment that there would be; may be repeated")
	l.StringArrayVar(&f.remove, "remove", nil, "PRINCIPAL, PRINCIPAL=ROLE, PRINCIPAL=ROLE@SCOPE or the ID of an assignment: role assignments that there would not be; may be repeated")
	l.StringVar(&f.world, "world", "", "world file with the roles, assignments and people that there would be")
	l.StringSliceVar(&f.failOn, "fail-on", []string{"any"}, "differences that end with exit code 1: "+strings.Join(failOnWords, ", "))
	completeWith(c, "fail-on", failOnWords...)
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"jsonl"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return c
}

func (f *replayFlags) run(c *cobra.Command, args []string) error {
	for _, word := range f.failOn {
		if !slices.Contains(failOnWords, word) {
			return notOneOf("--fail-on", word, failOnWords...)
		}
	}
	calls, skipped, err := readCalls(args)
	if err != nil {
		return err
	}
	service, err := f.serviceOf(calls)
	if err != nil {
		return err
	}
	before, w, err := f.source(c.Context(), service)
	if err != nil {
		return err
	}
	after, edited, err := f.edited(before, w)
	if err != nil {
		return err
	}
	calls = slices.DeleteFunc(calls, func(one replay.Call) bool {
		return !gatehouse.EqualFold(one.Record.Service, before.Config.Service.Resource)
	})
	o := replay.Options{Audience: entra.GatewayAudience, Publishes: publishesAt, Edited: edited}
	report, err := replay.Run(c.Context(), calls, before, after, o)
	var fault *replay.Fault
	if errors.As(err, &fault) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	report.Skipped = append(skipped, report.Skipped...)
	if err := f.print(c.OutOrStdout(), report, func(w io.Writer) error { return printReplay(w, report) }); err != nil {
		return err
	}
	if f.fails(report) {
		return errNo
	}
	return nil
}

// print shows people the text also in a pipe: a report is for reading.
func (f *replayFlags) print(w io.Writer, report *replay.Report, human func(io.Writer) error) error {
	if f.format == "" && f.query == "" {
		return human(w)
	}
	return f.outputFlags.print(w, report, human)
}

func (f *replayFlags) fails(r *replay.Report) bool {
	for _, word := range f.failOn {
		switch {
		case word == "any" && r.Differ > 0, word == "newly-allowed" && r.NewlyAllowed > 0, word == "newly-refused" && r.NewlyRefused > 0:
			return true
		}
	}
	return false
}

// readCalls reads recordings: files, and of directories those that a recorder made.
func readCalls(args []string) (calls []replay.Call, skipped []replay.Skipped, err error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, nil, usage(err)
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		inside, err := filepath.Glob(filepath.Join(arg, "*.jsonl"))
		if err != nil {
			return nil, nil, usage(err)
		}
		slices.Sort(inside)
		files = append(files, inside...)
	}
	for _, name := range files {
		in, err := os.Open(name)
		if err != nil {
			return nil, nil, usage(err)
		}
		err = record.Read(in, func(line int, one *record.Record) error {
			calls = append(calls, replay.Call{Line: line, Record: one})
			return nil
		}, func(line int, err error) error {
			skipped = append(skipped, replay.Skipped{Line: line, Why: err.Error()})
			return nil
		})
		if err := errors.Join(err, in.Close()); err != nil {
			return nil, nil, usage(fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(calls) == 0 {
		return nil, nil, usagef("there is no recorded call in %s: \"gatehouse serve --gateway-record FILE\" writes them", strings.Join(args, ", "))
	}
	return calls, skipped, nil
}

// serviceOf is the resource ID of the service whose calls are replayed.
func (f *replayFlags) serviceOf(calls []replay.Call) (gatehouse.ID, error) {
	found := map[string]gatehouse.ID{}
	for _, c := range calls {
		id, err := gatehouse.ParseID(c.Record.Service)
		if err == nil && (f.service == "" || gatehouse.EqualFold(id.Name(), f.service)) {
			found[id.Scope().String()] = id
		}
	}
	var names []string
	for _, id := range found {
		names = append(names, id.Name())
		if len(found) == 1 {
			return id, nil
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return gatehouse.ID{}, gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "The recording has no call of the service %s.", f.service)
	}
	return gatehouse.ID{}, usagef("the recording has calls of several services: say with --service which: %s", strings.Join(names, ", "))
}

// source reads what there is: from a server, or from the data directory.
func (f *replayFlags) source(ctx context.Context, service gatehouse.ID) (*replay.Side, *world.World, error) {
	if f.server != "" {
		return f.served(ctx, service)
	}
	var c *config.Config
	var w *world.World
	err := withStore(ctx, f.data, func(s *store.Store) error {
		all, err := feed.New(ctx, s, nil)
		if err != nil {
			return err
		}
		all.View(service.Scope(), func(one *config.Config) {
			if one != nil {
				c = config.New(one.Update())
			}
		})
		w, err = world.FromStore(ctx, s)
		return err
	})
	if err == nil && (c == nil || c.Service == nil) {
		err = gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "There is no service %s any more.", service)
	}
	if err != nil {
		return nil, nil, err
	}
	return &replay.Side{Config: c, View: access.Of(w, time.Now())}, w, nil
}

// getConfiguration is the right to the configuration of a gateway, with its secrets.
const getConfiguration = "Microsoft.ApiManagement/service/gateways/getConfiguration/action"

// served asks a server for the configuration, as a gateway does, and for the world.
func (f *replayFlags) served(ctx context.Context, service gatehouse.ID) (*replay.Side, *world.World, error) {
	cl, err := f.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, err := away.New(away.Config{Endpoint: cl.r.PublicURL + away.Path + "/" + url.PathEscape(service.Name()), Gateway: away.Managed,
		Token: func() (string, error) { return cl.token, nil }, Transport: cl.http.Transport})
	if err != nil {
		return nil, nil, err
	}
	if err := r.Sync(ctx); err != nil {
		return nil, nil, fmt.Errorf("reading the configuration of %s: %w (it takes the data action %s at the service)", service.Name(), err, getConfiguration)
	}
	var c *config.Config
	r.Follow(func(one *config.Config, u *config.Update) { c = config.New(u) })()
	if c == nil || c.Service == nil {
		return nil, nil, gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "The server has no service %s.", service.Name())
	}
	w, err := cl.world(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &replay.Side{Config: c, View: access.Of(w, time.Now())}, w, nil
}

// publishesAt reports whether an address is where an installation with these issuers publishes its keys: at its own, or where
// Microsoft would for its tenant.
func publishesAt(address string, issuers []string) bool {
	for _, issuer := range issuers {
		u, err := url.Parse(issuer)
		if err == nil && entra.PublishedAt(address, u.Host, strings.Split(strings.Trim(u.Path, "/"), "/")[0], domain) {
			return true
		}
	}
	return false
}

// edited is what there would be.
func (f *replayFlags) edited(before *replay.Side, w *world.World) (*replay.Side, []config.Key, error) {
	e := replay.NewEdits(before.Config)
	for _, each := range []struct {
		flag, form string
		list       []string
		file       bool
		do         func(name, text string) error
	}{
		{"--policy", "SCOPE=FILE", f.policies, true, e.Policy}, {"--fragment", "NAME=FILE", f.fragments, true, e.Fragment},
		{"--named-value", "NAME=VALUE", f.values, false, e.NamedValue}, {"--role-check", "SCOPE=MODE", f.checks, false, e.RoleCheck},
	} {
		for _, text := range each.list {
			name, value, ok := strings.Cut(text, "=")
			if !ok || name == "" {
				return nil, nil, usagef("%s takes %s; it is %q", each.flag, each.form, text)
			}
			value, err := contentOf(value, each.file)
			if err == nil {
				err = each.do(name, value)
			}
			if err != nil {
				return nil, nil, editError(each.flag, err)
			}
		}
	}
	next, err := f.editedWorld(w, before)
	if err != nil {
		return nil, nil, err
	}
	after := &replay.Side{Config: e.Config(), View: before.View}
	if next != w {
		after.View = access.Of(next, time.Now())
	}
	return after, e.Edited, nil
}

// contentOf is a value, or the content of the file that it names.
func contentOf(value string, file bool) (string, error) {
	if name, ok := strings.CutPrefix(value, "@"); ok && !file {
		value, file = name, true
	}
	if !file || value == "" {
		return value, nil
	}
	raw, err := os.ReadFile(value)
	return strings.TrimPrefix(string(raw), "\ufeff"), err
}

func editError(flag string, err error) error {
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return err
	}
	return usage(fmt.Errorf("%s: %w", flag, err))
}

// editedWorld is the world as it would be.
func (f *replayFlags) editedWorld(w *world.World, before *replay.Side) (*world.World, error) {
	if f.world != "" {
		other, err := readWorld(f.world)
		if err != nil {
			return nil, err
		}
		w = other
	}
	for _, text := range f.remove {
		which, err := removal(w, text, before)
		if err != nil {
			return nil, err
		}
		next, n := replay.Remove(w, which)
		if n == 0 {
			return nil, gatehouse.Errorf(gatehouse.NotFound, "RoleAssignmentNotFound", "There is no role assignment %q that could be removed. Rights through groups are removed at the group.", text)
		}
		w = next
	}
	for _, text := range f.assign {
		who, what, ok := strings.Cut(text, "=")
		at := strings.LastIndexByte(what, '@')
		if !ok || at < 0 {
			return nil, usagef("--assign takes PRINCIPAL=ROLE@SCOPE; it is %q", text)
		}
		principal, err := w.FindPrincipal(who)
		role, err2 := w.FindRole(what[:at])
		scope, err3 := scopeIn(w, what[at+1:], before)
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, cmp.Or(err, err2, err3)
		}
		w = replay.Assign(w, principal, role, scope)
	}
	return w, nil
}

// removal says which assignments a text means.
func removal(w *world.World, text string, before *replay.Side) (func(world.Assignment) bool, error) {
	if id, err := gatehouse.ParseGUID(text); err == nil && slices.ContainsFunc(w.Assignments, func(a world.Assignment) bool { return a.ID == id }) {
		return func(a world.Assignment) bool { return a.ID == id }, nil
	}
	who, what, some := strings.Cut(text, "=")
	principal, err := w.FindPrincipal(who)
	if err != nil {
		return nil, err
	}
	if !some {
		return func(a world.Assignment) bool { return a.Principal == principal }, nil
	}
	name, at, placed := strings.Cut(what, "@")
	role, err := w.FindRole(name)
	if err != nil {
		return nil, err
	}
	if !placed {
		return func(a world.Assignment) bool { return a.Principal == principal && a.Role == role }, nil
	}
	scope, err := scopeIn(w, at, before)
	return func(a world.Assignment) bool {
		return a.Principal == principal && a.Role == role && a.Scope == scope.Scope()
	}, err
}

// scopeIn is the scope that a text means: an ID, or names that begin with a scope of the world or the service.
func scopeIn(w *world.World, text string, before *replay.Side) (gatehouse.ID, error) {
	service, err := gatehouse.ParseID(before.Config.Service.Resource)
	if err != nil {
		return service, err
	}
	o := &offline{w, before.View}
	found, err := access.FindScope(text, func(yield func(gatehouse.ID) bool) {
		for id := service; !id.IsRoot(); id = id.Parent() {
			if !yield(id) {
				return
			}
		}
		for id := range o.view.Scopes() {
			if !yield(id) {
				return
			}
		}
	}, nil)
	switch {
	case err != nil:
		return service, usage(err)
	case len(found) == 0:
		return service, gatehouse.Errorf(gatehouse.NotFound, "ScopeNotFound", "There is nothing called %q. Give a resource ID, or names that begin with %s.", text, service.Name())
	case len(found) > 1:
		return service, usagef("%q may be any of %d scopes: give a resource ID", text, len(found))
	}
	return found[0], nil
}
