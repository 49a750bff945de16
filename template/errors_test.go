package template

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/jsondoc"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestErrors runs testdata/errors.txtar: each file is a template that is refused
// ("HEAD" stands for its schema and version, "GIVEN" holds what the request
// gives), and want lists the errors.
func TestErrors(t *testing.T) {
	const file = "testdata/errors.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	var want []byte
	var kept []txtar.File
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = f.Data
			continue
		}
		kept = append(kept, f)
		fmt.Fprintf(&got, "%s\n  %v\n", f.Name, refusal(t, f))
	}
	if strings.Contains(got.String(), "hunter2") {
		t.Error("an error shows a secret")
	}
	if bytes.Equal(got.Bytes(), want) {
		return
	}
	if !*update {
		t.Fatalf("got:\n%s\nwant:\n%s", got.Bytes(), want)
	}
	archive.Files = append(kept, txtar.File{Name: "want", Data: got.Bytes()})
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func refusal(t *testing.T, f txtar.File) string {
	const head = `"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0"`
	doc, err := jsondoc.ParseObjectWith(bytes.ReplaceAll(f.Data, []byte("HEAD"), []byte(head)), jsondoc.Options{Relaxed: true})
	if err != nil {
		t.Fatal(f.Name, err)
	}
	params := doc.Object("GIVEN")
	doc.Delete("GIVEN")
	template, err := Parse(doc)
	if err == nil {
		w := &world{resources: map[gatehouse.Scope]*jsondoc.Object{}}
		_, err = w.deploy(template, params, testEnv(gatehouse.MustID(testGroup)), "")
	}
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: error is %v", f.Name, err)
	}
	s := e.Error()
	for _, d := range e.Details {
		s += "\n    " + d.Error()
	}
	return s
}
