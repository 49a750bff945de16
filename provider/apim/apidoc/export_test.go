package apidoc

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// again exports an API and imports what came out.
func again(t *testing.T, api *API, export, format string, o Options) *API {
	t.Helper()
	document, _, err := Export(export, &Exported{API: api, Server: api.ServiceURL, KeyHeader: "Ocp-Apim-Subscription-Key", KeyQuery: "subscription-key"})
	if err != nil {
		t.Fatal(err)
	}
	back, err := Import(format, document, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return back
}

// same reports whether two APIs say the same, but for the policies of SOAP to REST.
func same(t *testing.T, name string, a, b *API) {
	t.Helper()
	if x, y := shown(t, a), shown(t, b); !bytes.Equal(x, y) {
		t.Errorf("%s: exported and imported again it differs:\n%s\n%s", name, x, y)
	}
}

// What is exported is imported as the same operations and schemas.
func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		file, format, export, back string
		o                          Options
	}{
		{"store2.json", "swagger-json", "swagger-link", "swagger-json", Options{}},
		{"store2.json", "swagger-json", "swagger-link", "swagger-link-json", Options{QueryParameters: true}},
		{"store3.yaml", "openapi", "openapi-link", "openapi", Options{}},
		{"store3.yaml", "openapi", "openapi+json-link", "openapi+json", Options{}},
		{"store3.yaml", "openapi", "openapi-link", "openapi", Options{QueryParameters: true}},
		{"shop.wsdl", "wsdl", "wsdl-link", "wsdl", Options{SOAP: true}},
		{"shop.wsdl", "wsdl", "wsdl-link", "wsdl", Options{SOAP: true, Endpoint: "Soap12"}},
		{"shop.wadl", "wadl-xml", "wadl-link", "wadl-xml", Options{}},
	} {
		document, err := os.ReadFile(filepath.Join("testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		api, err := Import(c.format, document, c.o)
		if err != nil {
			t.Fatal(err)
		}
		o := c.o
		o.Endpoint = ""
		back := again(t, api, c.export, c.back, o)
		back.Version = api.Version
		if c.format == "wsdl" || c.format == "wadl-xml" { // the schema says the same with other prefixes
			for i := range back.Schemas {
				back.Schemas[i].Document = api.Schemas[i].Document
			}
		}
		same(t, c.file+" as "+c.export, api, back)
	}
}
