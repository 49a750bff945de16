package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gatehouse/jsondoc"
)

// outputForms are what -o takes, as az has them. Colour is not for logs and pipes,
// so the c forms are the plain ones.
var outputForms = []string{"json", "jsonc", "yaml", "yamlc", "table", "tsv", "none"}

// outputFlags are -o and --query, as az has them.
type outputFlags struct{ format, query string }

func (o *outputFlags) flags(c *cobra.Command) {
	c.Flags().StringVarP(&o.format, "output", "o", "", "json, yaml, table, tsv or none (default: table on a terminal, json elsewhere)")
	c.Flags().StringVar(&o.query, "query", "", "JMESPath query over the JSON form")
	completeWith(c, "output", outputForms...)
}

// form is the form to print in.
func (o *outputFlags) form(w io.Writer) (string, error) {
	switch form := strings.ToLower(o.format); {
	case form == "" && isTerminal(w) && o.query == "":
		return "table", nil
	case form == "":
		return "json", nil
	case !slices.Contains(outputForms, form):
		return "", notOneOf("-o", o.format, outputForms...)
	default:
		return strings.TrimSuffix(form, "c"), nil
	}
}

// print writes v in the asked form; table draws the one for people. A query makes a
// table of its own.
func (o *outputFlags) print(w io.Writer, v any, table func(io.Writer) error) error {
	form, err := o.form(w)
	if err != nil || form == "none" {
		return err
	}
	if form == "table" && o.query == "" {
		return table(w)
	}
	ordered, err := orderedValue(v)
	if err != nil {
		return err
	}
	if o.query != "" {
		if ordered, err = search(o.query, ordered); err != nil {
			return err
		}
	}
	switch form {
	case "yaml":
		return printYAML(w, ordered)
	case "tsv":
		return printTSV(w, ordered)
	case "table":
		return printTable(w, ordered)
	}
	return printJSON(w, ordered)
}

// orderedValue is v as its JSON says, members in their order and numbers as written.
func orderedValue(v any) (jsondoc.Value, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsondoc.Parse(raw, jsondoc.Options{MaxBytes: len(raw), MaxDepth: 1 << 10})
}

// printJSON indents by two blanks, as az does.
func printJSON(w io.Writer, v any) error {
	ordered, err := orderedValue(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", jsondoc.MarshalIndent(ordered, "  "))
	return err
}

func printYAML(w io.Writer, v jsondoc.Value) error {
	raw, err := yaml.MarshalWithOptions(yamlValue(v), yaml.UseLiteralStyleIfMultiline(true))
	if err == nil {
		_, err = w.Write(raw)
	}
	return err
}

// yamlValue is v in the types of the YAML encoder.
func yamlValue(v jsondoc.Value) any {
	switch v := v.(type) {
	case *jsondoc.Object:
		m := yaml.MapSlice{}
		for name, member := range v.All() {
			m = append(m, yaml.MapItem{Key: name, Value: yamlValue(member)})
		}
		return m
	case []jsondoc.Value:
		list := make([]any, len(v))
		for i := range v {
			list[i] = yamlValue(v[i])
		}
		return list
	case jsondoc.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // out of range is infinite, which YAML can write
		return f
	}
	return v
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress returns a callback that shows how far a long piece of work is, on
// terminals and once it takes longer than two seconds; nil elsewhere.
func progress(w io.Writer, what string) func(done, total int64) {
	if !isTerminal(w) {
		return nil
	}
	started, last := time.Now(), time.Time{}
	return func(done, total int64) {
		now := time.Now()
		if now.Sub(started) < 2*time.Second || now.Sub(last) < 200*time.Millisecond && done < total {
			return
		}
		last = now
		end := ""
		if done >= total {
			end = "\n"
		}
		fmt.Fprintf(w, "\r%d of %d %s%s", done, total, what, end)
	}
}
