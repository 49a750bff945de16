package apidoc

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// shown is an API with the names of its operations, to be read.
func shown(t testing.TB, api *API) []byte {
	t.Helper()
	type operation struct {
		Name string
		Tags []string `json:",omitempty"`
		*Operation
		Policy string `json:",omitempty"`
	}
	type schema struct {
		ID, ContentType string
		Document        json.RawMessage
	}
	all := struct {
		*API
		Operations []operation
		Schemas    []schema
	}{API: api}
	for i := range api.Operations {
		o := &api.Operations[i]
		all.Operations = append(all.Operations, operation{o.Name, o.Tags, o, o.Policy})
	}
	for _, s := range api.Schemas {
		all.Schemas = append(all.Schemas, schema(s))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(name)
	if *update {
		err = os.WriteFile(name, got, 0o644)
		want = got
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; run with -update and review the difference:\n%s", name, got)
	}
}

// Each document of testdata reads as the file beside it says.
func TestImport(t *testing.T) {
	for _, c := range []struct {
		file, format string
		o            Options
	}{
		{"store2.json", "swagger-json", Options{}},
		{"store3.yaml", "openapi", Options{}},
		{"store3.yaml", "openapi-link", Options{QueryParameters: true}},
		{"shop.wsdl", "wsdl", Options{SOAP: true}},
		{"shop.wsdl", "wsdl", Options{Service: "Shop", Endpoint: "Soap12"}},
		{"shop.wadl", "wadl-xml", Options{}},
		{"shop.graphql", "graphql-link", Options{}},
		{"introspection.json", "graphql-link", Options{}},
		{"metadata.xml", "odata", Options{}},
		{"shop.proto", "grpc", Options{}},
	} {
		document, err := os.ReadFile(filepath.Join("testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		api, err := Import(c.format, document, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		name := c.file + "." + c.format
		if c.o.SOAP {
			name += ".soap"
		}
		golden(t, filepath.Join("testdata", name+".golden"), shown(t, api))
	}
}
