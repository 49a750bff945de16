package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// operation is one line of operations.tsv.
type operation struct {
	name   string
	data   bool
	origin string
}

// catalogue collects operations. The first table that names one decides its
// origin and spelling; types that are known already lend their spelling to new operations.
// A few names are an action and a data action; those are two operations.
type catalogue struct {
	ops      map[string]operation // by folded name and kind
	spelling map[string]string    // of folded namespaces and types
}

func newCatalogue() *catalogue {
	return &catalogue{map[string]operation{}, map[string]string{}}
}

func (c *catalogue) readTables(from string) error {
	tables := []struct{ file, column, origin string }{
		{"provider-operations.csv", "operation", "published"},
		{"apim-resource-types.csv", "rbacAction", "rest"},
		{"arm-neighbour-operations.csv", "rbacAction", "rest"},
	}
	for _, t := range tables {
		rows, err := readTable(filepath.Join(from, t.file))
		if err != nil {
			return err
		}
		for _, row := range rows {
			// Calls on resources of any type have no action of their own: theirs is the resource's.
			if name := row[t.column]; name != "" && !strings.Contains(name, "{") {
				c.add(operation{name, row["isDataAction"] == "true", t.origin})
			}
		}
	}
	return nil
}

// addRoles adds what built-in roles name without a star: for most providers
// that is all that is known, and it tells actions from data actions.
func (c *catalogue) addRoles(roles []role) {
	for _, r := range roles {
		for _, p := range r.Permissions {
			c.addNamed(slices.Concat(p.Actions, p.NotActions), false)
			c.addNamed(slices.Concat(p.DataActions, p.NotDataActions), true)
		}
	}
}

func (c *catalogue) addNamed(names []string, data bool) {
	for _, name := range names {
		if !strings.Contains(name, "*") {
			c.add(operation{name, data, "role"})
		}
	}
}

func (c *catalogue) add(o operation) {
	key := strings.ToLower(o.name) + "\t" + o.kind()
	if _, ok := c.ops[key]; ok {
		return
	}
	if o.origin != "published" {
		o.name = c.respell(o.name)
	}
	c.learn(o.name)
	c.ops[key] = o
}

func (o operation) kind() string {
	if o.data {
		return "data"
	}
	return "action"
}

// respell gives a name the spelling of the longest known type that it starts
// with, and lower case in its last segment.
func (c *catalogue) respell(name string) string {
	segments := strings.Split(name, "/")
	last := len(segments) - 1
	segments[last] = strings.ToLower(segments[last])
	for i := last; i > 0; i-- {
		if known, ok := c.spelling[strings.ToLower(strings.Join(segments[:i], "/"))]; ok {
			return known + "/" + strings.Join(segments[i:], "/")
		}
	}
	return strings.Join(segments, "/")
}

func (c *catalogue) learn(name string) {
	for i, r := range name {
		if key := strings.ToLower(name[:i]); r == '/' && c.spelling[key] == "" {
			c.spelling[key] = name[:i]
		}
	}
}

func (c *catalogue) write(path string) error {
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(c.ops)) {
		o := c.ops[key]
		fmt.Fprintf(&b, "%s\t%s\t%s\n", o.name, o.kind(), o.origin)
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func readTable(path string) ([]map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var rows []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, column := range records[0] {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}
