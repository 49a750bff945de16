package gatehouse_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// arrows says who may import whom. "a, b < c" reads: c may import a and b, and whatever those may import. A package that
// is not here, or an import that no line allows, fails the test: a new arrow is a line in a diff, to be argued for.
// Tests are free to import what they like; cmd/gatehouse wires everything.
const arrows = `
	gatehouse                                  < jsondoc, odata, rbac/cond, localca
	rbac/cond                                  < rbac
	rbac                                       < rbac/builtin
	rbac/builtin                               < rbac/builtin/gen
	gatehouse                                  < provider/apim/gen, dotnet, analytics
	dotnet                                     < dotnet/newtonsoft, dotnet/xlinq
	dotnet/newtonsoft, dotnet/xlinq            < liquid, dotnet/jsonxml
	dotnet/jsonxml                             < policy/expr
	policy/expr                                < policy
	gatehouse                                  < policy/expr/gen
	gatehouse                                  < provider/apim/gen, policy, analytics
	gatehouse                                  < gateway/headers, recent
	recent                                     < token, entra
	token                                      < gateway/admit
	gateway/headers                            < gateway/admit, gateway/pipeline
	gatehouse                                  < gateway/graphql
	gatehouse                                  < redis
	redis                                      < redis/redistest, cache
	gatehouse                                  < leaktest
	analytics, redis                           < counter
	jsondoc                                    < policy/gen
	odata, jsondoc                             < store
	store                                      < store/sqldb, store/storetest, audit, directory
	store/sqldb                                < store/sqlite
	store/sqlite                               < store/sqlite/sqlitetest
	jsondoc                                    < template
	store, directory, rbac/builtin             < guard
	jsondoc                                    < yamldoc
	guard, yamldoc                             < world
	guard                                      < naming
	world                                      < past
	world, rbac/builtin                        < access
	audit, past                                < evidence
	store                                      < siem
	world                                      < desired
	world                                      < lint
	world, template                            < needs
	guard                                      < arm
	arm, store/sqlite                          < arm/armtest
	yamldoc                                    < provider/apim/apidoc
	arm                                        < provider/identity, provider/operations, provider/rolecheck
	jsondoc                                    < openapi
	arm, access, openapi, past                 < provider/access
	arm, template                              < provider/resources
	arm, audit                                 < provider/insights, provider/authorization
	gatehouse                                  < entra/password
	gatehouse                                  < gateway/config, gateway/trace
	arm, policy, analytics                     < provider/apim
	gateway/config, gateway/trace              < provider/apim
	provider/apim/apidoc, entra/password       < provider/apim
	world                                      < check
	guard, entra/password                      < entra
	guard, entra/password                      < graph
	arm, graph                                 < undo
	undo, provider/access                      < provider/history
	check, lint, needs, provider/access        < provider/governance
	evidence, lint, naming, provider/access    < provider/attest
	entra, provider/access                     < provider/agents
	desired, provider/access                   < provider/declare
	guard                                      < demo
	dotnet/xlinq                               < xsd, xslt
	gateway/config, xsd                        < gateway/contract
	dotnet/xlinq                               < gateway/contract/edm
	gateway/contract/edm                       < gateway/pipeline
	policy, token                              < gateway/pipeline
	gateway/contract, gateway/graphql, xslt    < gateway/pipeline
	counter, cache, dotnet/jsonxml, liquid      < gateway/pipeline
	gateway/pipeline, gateway/config           < gateway
	gateway/config, guard                      < gateway/feed
	gateway/config, directory, token           < gateway/foreign
	gateway/feed, gateway/trace, analytics     < gateway/remote
	gateway/admit                              < gateway/remote
	gateway, gateway/admit, arm                < gateway/hooks
	gateway/trace, analytics                   < gateway/hooks
	gateway/hooks                              < gateway/telemetry
	gateway/telemetry                          < gateway/spans
	gateway/config                             < gateway/mcp
	gateway/telemetry                          < gateway/record
	gateway/record, access                     < gateway/replay
`

// free may import every package of ours: they are where the parts are put together.
var free = []string{"cmd/gatehouse"}

type goPackage struct {
	ImportPath, Dir, Name string
	Imports, GoFiles      []string
}

const module = "gatehouse"

func short(path string) string { return strings.TrimPrefix(path, module+"/") }

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Imports,GoFiles", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// allowed closes the table: package -> everything it may import.
func allowed(t *testing.T, table string) map[string]map[string]bool {
	t.Helper()
	may := map[string]map[string]bool{module: {}}
	for line := range strings.Lines(table) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		below, above, ok := strings.Cut(line, "<")
		if !ok {
			t.Fatalf("no < in %q", line)
		}
		for b := range strings.SplitSeq(above, ",") {
			b = strings.TrimSpace(b)
			if may[b] == nil {
				may[b] = map[string]bool{}
			}
			for a := range strings.SplitSeq(below, ",") {
				a = strings.TrimSpace(a)
				if may[a] == nil {
					t.Fatalf("line %q uses %s before it has a line of its own: the table is ordered from below", line, a)
				}
				may[b][a] = true
				for x := range may[a] {
					may[b][x] = true
				}
			}
		}
	}
	return may
}

func TestArrows(t *testing.T) {
	may := allowed(t, arrows)
	for _, p := range packages(t) {
		from := short(p.ImportPath)
		if slices.Contains(free, from) {
			continue
		}
		if may[from] == nil {
			t.Errorf("package %s has no line in the table of arrows", from)
			continue
		}
		for _, imported := range p.Imports {
			to := short(imported)
			if to == imported && imported != module {
				continue // not ours
			}
			if !may[from][to] {
				t.Errorf("%s imports %s, which no arrow allows", from, to)
			}
		}
	}
}

// TestArrowsTable: the checker itself says no when it should.
func TestArrowsTable(t *testing.T) {
	may := allowed(t, "gatehouse < a\n a < b\n gatehouse < c")
	for _, c := range []struct {
		from, to string
		want     bool
	}{{"b", "a", true}, {"b", module, true}, {"a", "b", false}, {"c", "a", false}, {module, "a", false}} {
		if may[c.from][c.to] != c.want {
			t.Errorf("%s may import %s: %v", c.from, c.to, !c.want)
		}
	}
}

// TestPackageComments: every package says once what it promises.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		var with []string
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != "" {
				with = append(with, file)
			}
		}
		if len(p.GoFiles) > 0 && len(with) != 1 {
			t.Errorf("%s has %d package comments, want one: %v", short(p.ImportPath), len(with), with)
		}
	}
}

// TestNothingLocal: no file of the repository names a path of the machine it was written on, nor the host of a package
// registry: those are the business of each user's own configuration.
func TestNothingLocal(t *testing.T) {
	hosts := []string{"proxy.golang" + ".org", "sum.golang" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org", "pypi" + ".org", "files.pythonhosted" + ".org", "crates" + ".io"}
	local := regexp.MustCompile("(?m)(^|[\\s\"'`=:(<])/(work|root|home/[a-z]+)/[A-Za-z0-9._]")
	for _, file := range repositoryFiles(t) {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(text) {
			continue
		}
		for _, host := range hosts {
			if bytes.Contains(text, []byte(host)) {
				t.Errorf("%s names the registry host %s", file, host)
			}
		}
		if at := local.FindIndex(text); at != nil {
			t.Errorf("%s:%d names a path of one machine: %q", file, 1+bytes.Count(text[:at[1]], []byte("\n")), excerpt(text, at))
		}
	}
}

func excerpt(text []byte, at []int) string {
	return fmt.Sprintf("%.60s", bytes.TrimSpace(text[at[0]:]))
}

// repositoryFiles lists the files under version control; outside of a clone, those of the source tree.
func repositoryFiles(t *testing.T) []string {
	t.Helper()
	if out, err := exec.Command("git", "ls-files", "-z").Output(); err == nil && len(out) > 0 {
		return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	}
	var files []string
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", ".gatehouse", "bin", "node_modules"}, path) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
