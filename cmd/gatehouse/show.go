package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/naming"
	"gatehouse/store"
)

func auditShow(data *string) *cobra.Command {
	var output outputFlags
	c := &cobra.Command{Use: "show ID", Short: "Show one change whole, with what was before and after", Args: cobra.ExactArgs(1),
		Long: `Show who did what, where and why it was permitted or refused, and what the change did.
The number stands in the last column of "gatehouse audit list". -o json prints the
record as it is in the log.`,
		RunE: func(c *cobra.Command, args []string) error {
			seq, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || seq < 1 {
				return usagef("%q is not the number of a change: take one from \"gatehouse audit list\"", args[0])
			}
			return withStore(c.Context(), *data, func(s *store.Store) error {
				change, err := s.Change(c.Context(), seq)
				if gatehouse.KindOf(err) == gatehouse.NotFound {
					return gatehouse.Errorf(gatehouse.NotFound, "ChangeNotFound", "There is no change %d. The newest are in \"gatehouse audit list\".", seq)
				}
				if err != nil {
					return err
				}
				at := ""
				if c.Flags().Changed("data") {
					at = " --data " + *data
				}
				return output.print(c.OutOrStdout(), change, func(w io.Writer) error { return showChange(w, naming.New(c.Context(), s), &change, at) })
			})
		}}
	output.flags(c)
	return c
}

// showChange prints a change for people: facts, then the difference it made.
func showChange(w io.Writer, n *naming.Names, c *gatehouse.Change, at string) error {
	var b strings.Builder
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-8s %s\n", name, oneLine(value))
		}
	}
	fact("Change", fmt.Sprintf("%d, %s, %s", c.Seq, c.Outcome(), c.Time.UTC().Format("2006-01-02 15:04:05.000 UTC")))
	fact("Who", whoActed(n, &c.Cause.Caller))
	fact("What", c.Cause.Action+answered(c))
	fact("Where", cmp.Or(c.Resource, c.Cause.Scope))
	if where := n.Where(c); where != cmp.Or(c.Resource, c.Cause.Scope) {
		fact("", where)
	}
	fact("Why", n.Why(c))
	fact("Reason", c.Cause.Reason)
	fact("Note", c.Note)
	fact("Request", requestIDs(&c.Cause))
	if c.Kind == gatehouse.Write || c.Kind == gatehouse.Delete {
		b.WriteString("\n" + difference(n, c) + "\n")
	}
	fact("Hash", c.Hash)
	fact("", "covers this record and the hash before it. To check the whole log: gatehouse audit verify"+at)
	_, err := io.WriteString(w, b.String())
	return err
}

// methods are the ways to sign in (Caller.Method) in words.
var methods = map[string]string{
	"pwd": "password", "secret": "client secret", "certificate": "client certificate", "federated": "federated token", "identity": "managed identity",
	"device": "device code", "code": "sign-in page", "operator": "token that the operator issued", "refresh": "refresh token",
	"claim": "token of another identity provider",
}

func whoActed(n *naming.Names, c *gatehouse.Caller) string {
	if c.Type == gatehouse.SystemDefined {
		return cmp.Or(c.Name, "Gatehouse") + " (the server itself)"
	}
	who := fmt.Sprintf("%s (%s %s)", n.Caller(c), strings.ToLower(spaced(string(c.Type))), c.ID)
	if how := cmp.Or(methods[c.Method], c.Method); how != "" {
		who += ", by " + how
	}
	if c.Issuer != "" {
		who += " of " + c.Issuer
	}
	if c.Address != "" {
		who += ", from " + c.Address
	}
	return who
}

func spaced(s string) string { return strings.ReplaceAll(s, "ePrincipal", "e principal") }

func answered(c *gatehouse.Change) string {
	if c.Cause.Method == "" || c.Status == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s, answered with %d)", c.Cause.Method, c.Status)
}

func requestIDs(c *gatehouse.Cause) string {
	if c.Operation == "" {
		return ""
	}
	ids := "operation " + c.Operation
	if c.Correlation != "" && c.Correlation != c.Operation {
		ids += ", correlation " + c.Correlation
	}
	return ids
}

// difference lists what a change added (+), changed (~) and removed (-).
func difference(n *naming.Names, c *gatehouse.Change) string {
	d := &differ{names: n}
	before, after := parsed(c.Before), parsed(c.After)
	d.objects("", cmp.Or(before, jsondoc.NewObject()), cmp.Or(after, jsondoc.NewObject()))
	if len(d.lines) == 0 {
		return "  no difference in what may be shown: a secret was written\n"
	}
	width := 0
	for _, l := range d.lines {
		width = max(width, utf8.RuneCountInString(l.path))
	}
	var b strings.Builder
	for _, l := range d.lines {
		fmt.Fprintf(&b, "  %s %s%s  %s\n", l.sign, l.path, strings.Repeat(" ", width-utf8.RuneCountInString(l.path)), oneLine(l.text))
	}
	if d.same > 0 {
		fmt.Fprintf(&b, "    (%d unchanged)\n", d.same)
	}
	return b.String()
}

// differ collects the differences of two documents, a line for each value.
type differ struct {
	names *naming.Names
	lines []diffLine
	same  int
}

type diffLine struct{ sign, path, text string }

func (d *differ) line(sign, path, text string) {
	d.lines = append(d.lines, diffLine{sign, oneLine(path), text})
}

func (d *differ) objects(path string, before, after *jsondoc.Object) {
	for name, old := range before.All() {
		if value, ok := after.Get(name); ok {
			d.values(join(path, name), old, value)
		} else {
			d.whole("-", join(path, name), old)
		}
	}
	for name, value := range after.All() {
		if !before.Has(name) {
			d.whole("+", join(path, name), value)
		}
	}
}

func (d *differ) values(path string, before, after jsondoc.Value) {
	oldObject, wasObject := before.(*jsondoc.Object)
	newObject, isObject := after.(*jsondoc.Object)
	oldList, wasList := before.([]jsondoc.Value)
	newList, isList := after.([]jsondoc.Value)
	switch {
	case jsondoc.Equal(before, after):
		d.same += leaves(after)
	case wasObject && isObject:
		d.objects(path, oldObject, newObject)
	case wasList && isList:
		d.lists(path, oldList, newList)
	default:
		d.line("~", path, d.show(path, before)+" -> "+d.show(path, after))
	}
}

// lists compares lists of plain values as sets, so that an element in front does not
// change all that follow; other lists by place.
func (d *differ) lists(path string, before, after []jsondoc.Value) {
	lines := len(d.lines)
	if plain(before) && plain(after) {
		for _, v := range before {
			if !holds(after, v) {
				d.whole("-", path+"[]", v)
			}
		}
		for _, v := range after {
			if !holds(before, v) {
				d.whole("+", path+"[]", v)
			}
		}
		if len(d.lines) == lines { // another order, or the same value more often
			d.line("~", path, d.show(path, before)+" -> "+d.show(path, after))
		}
		return
	}
	for i := range max(len(before), len(after)) {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case i >= len(before):
			d.whole("+", at, after[i])
		case i >= len(after):
			d.whole("-", at, before[i])
		default:
			d.values(at, before[i], after[i])
		}
	}
}

// whole lists all of a value that came or went.
func (d *differ) whole(sign, path string, v jsondoc.Value) {
	switch v := v.(type) {
	case *jsondoc.Object:
		for name, member := range v.All() {
			d.whole(sign, join(path, name), member)
		}
		if v.Len() > 0 {
			return
		}
	case []jsondoc.Value:
		if !plain(v) {
			for i, element := range v {
				d.whole(sign, fmt.Sprintf("%s[%d]", path, i), element)
			}
			return
		}
	}
	if v != nil { // that something is not there need not be told
		d.line(sign, path, d.show(path, v))
	}
}

// show is a value as JSON, with the name of the principal or role that it stands for.
func (d *differ) show(path string, v jsondoc.Value) string {
	shown := string(jsondoc.Marshal(v))
	if s, ok := v.(string); ok {
		if name := d.names.Value(path[strings.LastIndex(path, ".")+1:], s); name != "" {
			shown += "  (" + name + ")"
		}
	}
	return shown
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func plain(list []jsondoc.Value) bool { return !slices.ContainsFunc(list, nested) }

func holds(list []jsondoc.Value, v jsondoc.Value) bool {
	return slices.ContainsFunc(list, func(other jsondoc.Value) bool { return jsondoc.Equal(v, other) })
}

func leaves(v jsondoc.Value) (n int) {
	switch v := v.(type) {
	case *jsondoc.Object:
		for _, member := range v.All() {
			n += leaves(member)
		}
		return n
	case []jsondoc.Value:
		if !plain(v) {
			for _, element := range v {
				n += leaves(element)
			}
			return n
		}
	}
	return 1
}

func parsed(body []byte) *jsondoc.Object {
	o, err := jsondoc.ParseObject(body)
	if err != nil {
		return nil
	}
	return o
}
