// Command gen writes testdata/members.csv of package expr: the members that expressions of published documents use, with
// how many do. A newer count is one run away: GATEHOUSE_TABLES=DIR go generate ./policy/expr
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	from := flag.String("from", os.Getenv("GATEHOUSE_TABLES"), "directory with policy-expression-members.csv")
	to := flag.String("to", "testdata/members.csv", "file to write")
	flag.Parse()
	if *from == "" {
		log.Fatal("gen: name the directory of the count with -from or GATEHOUSE_TABLES")
	}
	raw, err := os.ReadFile(filepath.Join(*from, "policy-expression-members.csv"))
	if err != nil {
		log.Fatal("gen: ", err)
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(raw), "\r\n", "\n")), "\n")
	slices.Sort(lines[1:])
	if err := os.WriteFile(*to, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		log.Fatal("gen: ", err)
	}
}
