package policy

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

var scopes = map[string]Scope{"global": Global, "workspace": Workspace, "product": Product, "api": API, "operation": Operation, "resolver": Resolver, "fragment": Fragment}

func TestSamples(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/samples.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		scope, _, _ := strings.Cut(f.Name, "-")
		text := strings.ReplaceAll(string(f.Data), "\n", "\r\n")
		raw := parsed(t, text, Raw)
		escaped := parsed(t, raw.As(XML), XML)
		if !same(raw.Root, escaped.Root) || escaped.As(Raw) != text {
			t.Errorf("%s changes on the way through xml:\n%s", f.Name, escaped.As(Raw))
		}
		for _, d := range []*Document{raw, escaped} {
			faults, err := Check(d, scopes[scope], Env{SKU: "Developer"})
			if err != nil || len(faults) > 0 {
				t.Errorf("%s as %v: %v %v", f.Name, d.Format, faults, err)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	const file = "testdata/faults.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		question, answer := archive.Files[i], &archive.Files[i+1]
		head, _, _ := strings.Cut(question.Name, ":")
		scope, consumption := strings.CutSuffix(head, " consumption")
		env := Env{Exists: func(Reference) (bool, error) { return false, nil }}
		if scope == "operation" {
			env.Template = "/orders/{id}?page={p}"
		}
		if consumption {
			env.SKU, env.InWorkspace = "Consumption", true
		}
		faults, err := Check(parsed(t, string(question.Data), Raw), scopes[scope], env)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, f := range faults {
			got.WriteString(f.Error() + "\n")
		}
		if *update {
			answer.Data = []byte(got.String())
		} else if got.String() != string(answer.Data) {
			t.Errorf("%s: got\n%swant\n%s", question.Name, got.String(), answer.Data)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Every policy of the table can be used somewhere, and has a description.
func TestTable(t *testing.T) {
	if len(Definitions()) < 70 {
		t.Fatalf("the table has %d policies", len(Definitions()))
	}
	for _, d := range Definitions() {
		if d.Description == "" || d.Sections == "" || d.Scopes == "" || d.Gateways == "" {
			t.Errorf("%s: %+v", d.Name, d)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/samples.txtar")
	if err != nil {
		b.Fatal(err)
	}
	text := string(archive.Files[1].Data)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text, Raw); err != nil {
			b.Fatal(err)
		}
	}
}
