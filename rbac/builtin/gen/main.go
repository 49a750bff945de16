// Command gen writes the data of package builtin from the tables that describe Azure:
// the published built-in roles, the published operations of resource providers, and the
// actions of REST calls, of which some are missing from the published operations.
//
//	go run ./gen -from DIR        (in rbac/builtin; DIR holds the tables)
//
// The output is sorted and has one fact per line, so that a newer table shows as a readable diff.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	from := flag.String("from", "", "directory with builtin-roles.json, provider-operations.csv, apim-resource-types.csv and arm-neighbour-operations.csv")
	to := flag.String("to", "data", "directory to write roles.json and operations.tsv to")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	if from == "" {
		return fmt.Errorf("-from is missing: name the directory with the source tables")
	}
	roles, err := readRoles(filepath.Join(from, "builtin-roles.json"))
	if err != nil {
		return err
	}
	c := newCatalogue()
	if err := c.readTables(from); err != nil {
		return err
	}
	c.addRoles(roles)
	if err := writeRoles(filepath.Join(to, "roles.json"), roles); err != nil {
		return err
	}
	return c.write(filepath.Join(to, "operations.tsv"))
}
