package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gatehouse"
	"gatehouse/desired"
	"gatehouse/world"
)

// planFlags are what plan and apply share.
type planFlags struct {
	data, server, as string
	reason           string
	subscription     string
	expand           bool
	output           outputFlags
}

func (f *planFlags) flags(c *cobra.Command) {
	dataFlag(c, &f.data, serverData)
	c.Flags().StringVar(&f.as, "as", "", "whose rights to use: user principal name, application ID or object ID (default: the bootstrap service principal)")
	serverFlag(c, &f.server)
	c.Flags().StringVar(&f.subscription, "subscription", "", "subscription that scopes such as rg-apis are in (default: the first one)")
	c.Flags().BoolVar(&f.expand, "expand", false, "show everybody and everything, not only the first few")
	f.output.flags(c)
}

// savedPlan is what plan --out writes: the declaration with what followed from it.
type savedPlan struct {
	Gatehouse    string            `json:"gatehousePlan"` // version of the form
	Made         time.Time         `json:"made"`
	Subscription string            `json:"subscription"`
	Files        map[string]string `json:"files"`
	Order        []string          `json:"order"`
	Plan         *desired.Plan     `json:"plan"`
}

const planForm = "1"

// differences is the end of plan --detailed-exitcode when there are some.
type differences struct{ error }

func planCommand() *cobra.Command {
	var f planFlags
	var out string
	var detailed bool
	c := &cobra.Command{Use: "plan FILE...", Short: "Show what would make access as files declare it, and what that means for people", Args: cobra.MinimumNArgs(1),
		Long: `Compare what files declare (roles, role assignments, groups with members, deny
assignments) with what there is, and print what would have to be done. Nothing is changed.
What a file does not govern is left alone; what is there already under another name is adopted.

--detailed-exitcode makes it a test for drift: 0 no differences, 1 an error, 2 differences.`,
		Example: "  gatehouse plan access.yaml --out access.plan && gatehouse apply access.plan",
		RunE: func(c *cobra.Command, args []string) (err error) {
			defer func() {
				if detailed && err != nil && !errors.As(err, new(differences)) {
					err = errors.New(sentence(err)) // 2 means differences and nothing else
				}
			}()
			saved, err := f.plan(c.Context(), args)
			if err != nil {
				return err
			}
			if out != "" {
				if err := saved.write(out); err != nil {
					return err
				}
			}
			if err := f.show(c.OutOrStdout(), saved.Plan); err != nil {
				return err
			}
			if detailed && saved.Plan.Different() {
				return differences{errors.New("")}
			}
			return nil
		}}
	f.flags(c)
	c.Flags().StringVar(&out, "out", "", "also keep the plan in this file: apply does exactly that or nothing")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are differences")
	return c
}

func (f *planFlags) show(w io.Writer, p *desired.Plan) error {
	if f.output.format == "" && f.output.query == "" { // a plan is for reading, in a pipe too
		return p.Print(w, f.expand)
	}
	return f.output.print(w, p, func(w io.Writer) error { return p.Print(w, f.expand) })
}

// plan reads the files and compares them with the server.
func (f *planFlags) plan(ctx context.Context, files []string) (*savedPlan, error) {
	s := &savedPlan{Gatehouse: planForm, Made: time.Now().UTC().Truncate(time.Second), Files: map[string]string{}, Order: files, Subscription: f.subscription}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, usage(err)
		}
		s.Files[name] = string(raw)
	}
	cl, err := newCaller(ctx, f.data, f.server, f.as)
	if err != nil {
		return nil, err
	}
	if err := cl.choose(ctx, s.Subscription); err != nil {
		return nil, err
	}
	s.Subscription = cl.subscription
	s.Plan, err = s.compare(ctx, cl)
	return s, err
}

// compare makes the plan for the files as they were read.
func (s *savedPlan) compare(ctx context.Context, cl *caller) (*desired.Plan, error) {
	d := &desired.Declaration{}
	for _, name := range s.Order {
		file, err := world.Open(name, []byte(s.Files[name]))
		if err == nil {
			err = d.Read(file)
		}
		if err != nil {
			return nil, usage(err)
		}
	}
	cl.subscription = s.Subscription
	scopes, err := d.Topmost(cl.subscription)
	if err != nil {
		return nil, usage(err)
	}
	live, err := desired.Caller(cl.call).Live(ctx, scopes, cl.r.PublicURL)
	if err != nil {
		return nil, err
	}
	plan, err := desired.Compare(d, live, desired.Options{Subscription: s.Subscription, Applier: cl.me(), Now: time.Now()})
	var fault *world.Fault
	if errors.As(err, &fault) {
		return nil, usage(err)
	}
	return plan, err
}

func (s *savedPlan) write(file string) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o600)
}

// readPlan reads a saved plan; nil for a file that is something else.
func readPlan(file string) (*savedPlan, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, usage(err)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte(`{`)) || !bytes.Contains(raw, []byte(`"gatehousePlan"`)) {
		return nil, nil
	}
	s := &savedPlan{}
	if err := json.Unmarshal(raw, s); err != nil || s.Plan == nil {
		return nil, usagef("%s is a damaged plan: make it again with \"gatehouse plan --out\"", file)
	}
	if s.Gatehouse != planForm {
		return nil, usagef("%s was made by another version of gatehouse: make it again", file)
	}
	return s, nil
}

func applyCommand() *cobra.Command {
	var f planFlags
	var yes, force bool
	c := &cobra.Command{Use: "apply FILE...|PLAN", Short: "Make access as files declare it", Args: cobra.MinimumNArgs(1),
		Long: `Do what "gatehouse plan" shows, with ordinary Resource Manager and Graph calls and no more
rights than the caller has. Grants come before removals. A plan that was kept with --out is
done exactly, or refused when the state has moved since.

The reason is recorded with each change: see "gatehouse audit show".`,
		Example: "  gatehouse apply access.yaml --reason CHG-1042",
		RunE: func(c *cobra.Command, args []string) error {
			a := &applier{planFlags: &f, force: force, out: c.OutOrStdout(), messages: c.ErrOrStderr()}
			a.ask = func() bool { return yes || confirmed(c.InOrStdin(), c.ErrOrStderr()) }
			if !yes && !isInteractive(c.InOrStdin()) {
				a.ask = nil
			}
			return a.run(c.Context(), args)
		}}
	f.flags(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&force, "force", false, "even if you then may no longer grant anything yourself")
	c.Flags().StringVar(&f.reason, "reason", "", "ticket or sentence to record with each change (default: reason of the file)")
	return c
}

func isInteractive(r io.Reader) bool {
	file, ok := r.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func confirmed(in io.Reader, out io.Writer) bool {
	fmt.Fprint(out, "\nDo this? Only \"yes\" is taken: ")
	answer, _ := bufio.NewReader(in).ReadString('\n') // an end without an answer is no
	return strings.TrimSpace(answer) == "yes"
}

// applier does a plan.
type applier struct {
	*planFlags
	force         bool
	ask           func() bool // nil where nobody can be asked
	out, messages io.Writer
}

func (a *applier) run(ctx context.Context, args []string) error {
	saved, err := readPlan(args[0])
	if err != nil {
		return err
	}
	if saved != nil && len(args) > 1 {
		return usagef("a plan is applied alone: %s is one", args[0])
	}
	cl, err := newCaller(ctx, a.data, a.server, a.as)
	if err != nil {
		return err
	}
	kept := saved != nil
	if kept {
		err = saved.still(ctx, cl)
	} else {
		saved, err = a.plan(ctx, args)
	}
	if err != nil {
		return err
	}
	if err := saved.Plan.Print(a.out, a.expand); err != nil || len(saved.Plan.Steps) == 0 {
		return err
	}
	if len(saved.Plan.Lockouts) > 0 && !a.force {
		return gatehouse.Errorf(gatehouse.Conflict, "Lockout", "After this you could no longer grant anything at %s, nor undo it. Keep an assignment of your own in the file, let somebody else apply it, or give --force.", strings.Join(saved.Plan.Lockouts, ", "))
	}
	if !kept && a.ask == nil {
		return usagef("nobody is there to ask: give -y, or apply a plan that was kept with \"gatehouse plan --out\"")
	}
	if !kept && !a.ask() {
		return errors.New("nothing was changed")
	}
	cl.reason = cmp.Or(a.reason, saved.Plan.Reason)
	return a.do(ctx, cl, saved.Plan)
}

// still makes the plan again and refuses when it has become another.
func (s *savedPlan) still(ctx context.Context, cl *caller) error {
	now, err := s.compare(ctx, cl)
	if err != nil {
		return err
	}
	if s.Plan.Digest() != now.Digest() {
		return gatehouse.Errorf(gatehouse.Conflict, "PlanStale", "The state has changed since the plan was made (%s): it had %d steps and would have %d now. Nothing was changed. Make the plan again and look at it.",
			s.Made.Format(time.RFC3339), len(s.Plan.Steps), len(now.Steps))
	}
	s.Plan.Effects, s.Plan.Lockouts = now.Effects, now.Lockouts
	return nil
}

// do makes the calls, one after another, and stops at the first that is refused.
func (a *applier) do(ctx context.Context, cl *caller, p *desired.Plan) error {
	fmt.Fprintln(a.out)
	n, err := p.Apply(ctx, cl.call, func(s *desired.Step) { fmt.Fprintf(a.out, "  done: %s %s\n", s.Do, oneLine(s.Title)) })
	if err != nil {
		fmt.Fprintf(a.messages, "%d of %d steps were done; what is done stays. Mend the cause and apply again: it goes on from there.\n", n, len(p.Steps))
		return err
	}
	why := ""
	if cl.reason != "" {
		why = ", recorded with the reason " + oneLine(cl.reason)
	}
	fmt.Fprintf(a.out, "\nApplied: %d changes%s.\n", len(p.Steps), why)
	return nil
}
