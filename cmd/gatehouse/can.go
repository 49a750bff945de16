package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
)

func canICommand() *cobra.Command {
	var a asking
	var q theQuestion
	var quiet, list bool
	c := &cobra.Command{
		Use: "can-i ACTION [--scope S]", Short: "Answer yes or no: may I, or somebody, do this?", Args: cobra.MaximumNArgs(1),
		Long: `Answer yes (exit code 0) or no (exit code 1), and for a no what came closest, what would
do, and who can grant it. Not being able to ask is neither: exit codes 2 to 7.
With --list, list every known operation that is allowed at the scope.`,
		Example: "  gatehouse can-i Microsoft.ApiManagement/service/apis/write --scope contoso-apim/apis/calculator --as ci-deployer",
		RunE: func(c *cobra.Command, args []string) error {
			if list == (len(args) == 1) {
				return usagef("can-i takes an ACTION or --list")
			}
			o, err := a.oracle()
			if err != nil {
				return err
			}
			if list {
				return listAllowed(c, &a, o, q.scope)
			}
			q.action = args[0]
			answer, err := o.canI(c.Context(), &q, a.as)
			if err != nil {
				return err
			}
			if !quiet {
				if err := a.output.print(c.OutOrStdout(), answer, func(w io.Writer) error { return printCanI(w, answer) }); err != nil {
					return err
				}
			}
			if !answer.Allowed {
				return errNo
			}
			return nil
		},
	}
	a.flags(c)
	a.asFlag(c)
	q.flags(c)
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing; the exit code says it")
	c.Flags().BoolVar(&list, "list", false, "list all that is allowed at the scope")
	return c
}

func listAllowed(c *cobra.Command, a *asking, o oracle, scope string) error {
	if s, ok := o.(*served); ok && scope == "" {
		scope = s.scope
	}
	if scope == "" {
		scope = "/"
	}
	what, err := o.whatCan(c.Context(), a.as, scope, "")
	if err != nil {
		return err
	}
	return a.output.print(c.OutOrStdout(), what.Actions, func(w io.Writer) error { return actTable(w, what.Actions) })
}

func actTable(w io.Writer, acts []access.Act) error {
	t := &table{titles: []string{"Action", "Kind"}}
	for _, act := range acts {
		t.add(act.Name, actKind(act))
	}
	return t.print(w)
}

func actKind(a access.Act) string {
	if a.Data {
		return "data action"
	}
	return "action"
}

func printCanI(w io.Writer, c *access.CanI) error {
	l := &lines{w: w}
	l.f("%s", oneLine(c.Verdict))
	if c.Allowed {
		return l.err
	}
	if c.Closest != "" {
		l.f("  closest: %s", oneLine(c.Closest))
	}
	if c.WouldDo != nil {
		of := ""
		if c.Of > 1 {
			of = fmt.Sprintf("   smallest of %d", c.Of)
		}
		l.f("  would do: %s%s", oneLine(c.WouldDo.Text), of)
		for _, n := range c.WouldDo.Needs {
			l.f("    and %s", oneLine(n))
		}
		l.f("  opens: %s", c.WouldDo.Opens)
		if len(c.WouldDo.By) > 0 {
			l.f("  can grant: %s", granters(c.WouldDo.By))
		}
		for _, command := range c.WouldDo.Commands {
			l.f("  run: %s", oneLine(command))
		}
	}
	if c.Hidden > 0 {
		l.f("  hidden: %d %s you may not read", c.Hidden, plural(c.Hidden, "assignment", "assignments"))
	}
	return l.err
}

func whoCanCommand() *cobra.Command {
	var a asking
	var q theQuestion
	var groups bool
	c := &cobra.Command{
		Use: "who-can ACTION [--scope S]", Short: "List who may do something, and through which role and groups", Args: cobra.ExactArgs(1),
		Long: `List the users and service principals that may, each with one grant that lets it and the
groups that lead there. --include-groups lists the groups as well.`,
		Example: "  gatehouse who-can Microsoft.ApiManagement/service/apis/delete --scope contoso-apim/apis/orders",
		RunE: func(c *cobra.Command, args []string) error {
			o, err := a.oracle()
			if err != nil {
				return err
			}
			q.action = args[0]
			answer, err := o.whoCan(c.Context(), &q, groups)
			if err != nil {
				return err
			}
			if err := a.output.print(c.OutOrStdout(), answer, func(w io.Writer) error { return whoCanTable(w, answer) }); err != nil {
				return err
			}
			if answer.Hidden > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "%d more may through assignments that you may not read\n", answer.Hidden)
			}
			return nil
		},
	}
	a.flags(c)
	q.flags(c)
	c.Flags().BoolVar(&groups, "include-groups", false, "list the groups too")
	return c
}

func whoCanTable(w io.Writer, answer *access.WhoCan) error {
	t := &table{titles: []string{"Who", "Type", "Role", "Where", "Through"}}
	for _, h := range answer.Holders {
		kind := h.Type
		if h.Disabled {
			kind += ", disabled"
		}
		where := h.Scope.Name
		if h.Inherited {
			where += " (inherited)"
		}
		t.add(oneLine(h.String()), kind, oneLine(h.Role.Name), oneLine(where), oneLine(through(h.Path)))
	}
	return t.print(w)
}

func through(path []access.Who) string {
	if len(path) < 2 {
		return "itself"
	}
	list := []string{}
	for _, p := range path[1:] {
		list = append(list, p.String())
	}
	return strings.Join(list, " > ")
}

func whatCanCommand() *cobra.Command {
	var a asking
	var scope, other string
	c := &cobra.Command{
		Use: "what-can PRINCIPAL [--scope S]", Short: "List what somebody has: roles, through which groups, and what they allow", Args: cobra.MaximumNArgs(1),
		Long: `List the role assignments that a principal has, itself and through groups, in the whole
tenant or, with --scope, those that count there; and the deny assignments that name it.
With --scope the JSON form also lists every known operation that is allowed there.
--diff compares with somebody else: + is what the other may besides, - what only the first may.`,
		Example: `  gatehouse what-can ada@contoso.onmicrosoft.com
  gatehouse what-can ada@contoso.onmicrosoft.com --scope contoso-apim --diff grace@contoso.onmicrosoft.com`,
		RunE: func(c *cobra.Command, args []string) error {
			o, err := a.oracle()
			if err != nil {
				return err
			}
			principal := ""
			if len(args) > 0 {
				principal = args[0]
			}
			answer, err := o.whatCan(c.Context(), principal, scope, other)
			if err != nil {
				return err
			}
			return a.output.print(c.OutOrStdout(), answer, func(w io.Writer) error { return printWhatCan(w, answer) })
		},
	}
	a.flags(c)
	c.Flags().StringVar(&scope, "scope", "", "only what counts at this resource ID or name")
	c.Flags().StringVar(&other, "diff", "", "compare with this principal")
	return c
}

func printWhatCan(w io.Writer, a *access.WhatCan) error {
	if a.Other != nil {
		return printComparison(w, a)
	}
	l := &lines{w: w}
	t := &table{titles: []string{"Role", "Where", "Through", "State", "Actions"}}
	for _, h := range a.Holds {
		state := h.State
		if h.Condition != "" {
			state += ", conditional"
		}
		t.add(oneLine(h.Role.Name), oneLine(h.Scope.Name), oneLine(through(h.Path)), state, fmt.Sprint(h.Actions))
	}
	for _, d := range a.Denies {
		t.add("DENY "+oneLine(d.Name), oneLine(d.Scope.Name), oneLine(through(d.Path)), d.State, "")
	}
	if len(t.rows) > 0 {
		if err := t.print(w); err != nil {
			return err
		}
		l.f("")
	}
	what := fmt.Sprintf("%s has %d %s", oneLine(a.Principal.String()), len(a.Holds), plural(len(a.Holds), "role assignment", "role assignments"))
	if a.Scope != nil {
		what += fmt.Sprintf(" that count at %s; %d known operations are allowed there", oneLine(a.Scope.Name), len(a.Actions))
	}
	l.f("%s.", what)
	if a.Hidden > 0 {
		l.f("%d %s you may not read.", a.Hidden, plural(a.Hidden, "assignment", "assignments"))
	}
	return l.err
}

func printComparison(w io.Writer, a *access.WhatCan) error {
	l := &lines{w: w}
	l.f("%s against %s at %s", oneLine(a.Principal.String()), oneLine(a.Other.String()), oneLine(a.Scope.Name))
	for _, part := range []struct {
		mark string
		acts []access.Act
	}{{"+", a.Gains}, {"-", a.Loses}} {
		for _, act := range part.acts {
			l.f("  %s %s", part.mark, act.Name)
		}
	}
	l.f("%d operations only %s may, %d only %s may", len(a.Gains), oneLine(a.Other.String()), len(a.Loses), oneLine(a.Principal.String()))
	return l.err
}
