// Command gen writes the tables of package apim from the published facts about
// Microsoft.ApiManagement: operations.tsv (every operation with its RBAC action,
// status codes and the rest), types.tsv (a line per resource type) and models.txt
// (the fields of every body, in the form that arm.NewModel reads). A newer table
// of facts is one run away: GATEHOUSE_TABLES=DIR go generate ./provider/apim
package main

import (
	"encoding/csv"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	from := flag.String("from", os.Getenv("GATEHOUSE_TABLES"), "directory with apim-resource-types.csv, apim-body-fields.csv and client-status-codes.tsv")
	to := flag.String("to", "data", "directory to write to")
	flag.Parse()
	if *from == "" {
		log.Fatal("gen: name the directory of the source tables with -from or GATEHOUSE_TABLES")
	}
	if err := run(*from, *to); err != nil {
		log.Fatal("gen: ", err)
	}
}

func run(from, to string) error {
	ops, err := readTable(filepath.Join(from, "apim-resource-types.csv"))
	if err != nil {
		return err
	}
	fields, err := readTable(filepath.Join(from, "apim-body-fields.csv"))
	if err != nil {
		return err
	}
	clients, err := readTable(filepath.Join(from, "client-status-codes.tsv"))
	if err != nil {
		return err
	}
	m := newModels(fields)
	types := collect(ops, m)
	for name, text := range map[string]string{"operations.tsv": operations(ops, accepted(clients)), "types.tsv": typeTable(types), "models.txt": m.text(types)} {
		if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// row is one line of a table by column name.
type row map[string]string

func readTable(path string) ([]row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	if strings.HasSuffix(path, ".tsv") {
		r.Comma = '\t'
	}
	r.FieldsPerRecord = -1 // rows of preview families leave the last columns out
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var rows []row
	for _, line := range lines[1:] {
		each := row{}
		for i, cell := range line {
			if i < len(lines[0]) {
				each[lines[0][i]] = cell
			}
		}
		rows = append(rows, each)
	}
	return rows, nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func tabbed(cells ...string) string { return strings.Join(cells, "\t") + "\n" }
