package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jmespath-community/go-jmespath"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// outputFlags are -o and --query, as az has them.
type outputFlags struct{ format, query string }

func (o *outputFlags) flags(c *cobra.Command) {
	c.Flags().StringVarP(&o.format, "output", "o", "", "json, yaml, table or tsv (default: table on a terminal, json elsewhere)")
	c.Flags().StringVar(&o.query, "query", "", "JMESPath query over the JSON form")
}

// print writes v in the asked form; table draws the human one. With a query the default form is json.
func (o *outputFlags) print(w io.Writer, v any, table func(io.Writer)) error {
	format := o.format
	if format == "" {
		format = "json"
		if o.query == "" && isTerminal(w) {
			format = "table"
		}
	}
	if format == "table" && o.query == "" {
		table(w)
		return nil
	}
	plain, err := plainValue(v)
	if err != nil {
		return err
	}
	if o.query != "" {
		if plain, err = jmespath.Search(o.query, plain); err != nil {
			return usagef("--query %q: %v", o.query, err)
		}
	}
	switch format {
	case "json":
		return printJSON(w, plain)
	case "yaml":
		raw, err := yaml.Marshal(plain)
		if err == nil {
			_, err = w.Write(raw)
		}
		return err
	case "tsv", "table":
		return printTSV(w, plain)
	}
	return usagef("-o takes json, yaml, table or tsv; it is %q", o.format)
}

func plainValue(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var plain any
	return plain, json.Unmarshal(raw, &plain)
}

// printTSV writes a row an element; nested values are skipped, as az does.
func printTSV(w io.Writer, v any) error {
	rows, ok := v.([]any)
	if !ok {
		rows = []any{v}
	}
	for _, row := range rows {
		cells, ok := row.([]any)
		if !ok {
			cells = []any{row}
		}
		if m, ok := row.(map[string]any); ok {
			cells = cells[:0]
			for _, name := range sortedKeys(m) {
				cells = append(cells, m[name])
			}
		}
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell(c))
		}
		fmt.Fprintln(w)
	}
	return nil
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string, float64:
		return fmt.Sprint(v)
	}
	return ""
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
