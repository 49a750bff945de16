package apidoc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Hostile documents are refused, or read, in a moment, and with a place.
func TestHostile(t *testing.T) {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	head := "{\"openapi\":\"3.0.1\",\"info\":{\"title\":\"t\",\"version\":\"1\"},"
	var siblings, ops, doubling strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&siblings, `"/p%d":{"$ref":"#/paths/~1p"},`, i)
		fmt.Fprintf(&ops, `"/q%d":{"get":{"responses":{"200":{"$ref":"#/components/responses/big"}}}},`, i)
	}
	for i := range 60 {
		fmt.Fprintf(&doubling, `"S%d":{"allOf":[{"$ref":"#/components/schemas/S%d"},{"$ref":"#/components/schemas/S%d"}]},`, i, i+1, i+1)
	}
	big := `{"type":"string","description":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct {
		name, format, document string
		fine                   bool
	}{
		{"deep JSON", "openapi", head + `"paths":` + deep(`{"a":`, "}", 100000) + "}", false},
		{"deep arrays", "openapi+json", deep("[", "]", 1<<20), false},
		{"deep YAML flow", "openapi", "openapi: " + deep("[", "]", 1<<20), false},
		{"deep YAML flow over lines", "openapi", "openapi: " + deep("[\n", "]", 1<<18), false},
		{"deep YAML sequences", "openapi", strings.Repeat("- ", 1<<18) + "x", false},
		{"deep YAML blocks", "openapi", func() string {
			var b strings.Builder
			for i := range 3000 {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		}(), false},
		{"an alias of itself", "openapi", "a: &a [*a]\nopenapi: 3.0.1", false},
		{"a merge of itself", "openapi", "a: &a {<<: *a}\nopenapi: 3.0.1", false},
		{"cyclic reference", "openapi", head + `"paths":{"/p":{"$ref":"#/paths/~1p"}}}`, false},
		{"cyclic parameter", "openapi", head + `"paths":{"/p":{"get":{"parameters":[{"$ref":"#/components/parameters/a"}],"responses":{}}}},"components":{"parameters":{"a":{"$ref":"#/components/parameters/b"},"b":{"$ref":"#/components/parameters/a"}}}}`, false},
		{"cyclic schema", "openapi", head + `"paths":{},"components":{"schemas":{"A":{"$ref":"#/components/schemas/A"}}}}`, true},
		{"doubling references", "openapi", head + `"paths":{},"components":{"schemas":{` + doubling.String() + `"S60":{}}}}`, true},
		{"a file", "openapi", head + `"paths":{"/p":{"$ref":"/etc/passwd"}}}`, false},
		{"an address", "openapi", head + `"paths":{"/p":{"get":{"responses":{"200":{"$ref":"http://169.254.169.254/x#/a"}}}}}}`, false},
		{"references into an operation", "openapi", head + `"paths":{` + siblings.String() + `"/p":{"get":{"responses":{}}}}}`, true},
		{"a large example everywhere", "openapi", head + `"paths":{` + ops.String() + `"/p":{}},"components":{"responses":{"big":{"description":"x","content":{"a/b":{"example":"` + strings.Repeat("x", 1<<20) + `"}}}}}}`, false},
		{"a large schema everywhere", "openapi", head + `"paths":{` + ops.String() + `"/p":{}},"components":{"responses":{"big":{"description":"x","content":{"a/b":{"schema":` + big + `}}}}}}`, true},
		{"no UTF-8", "openapi", "openapi: \"\xff\xfe\"", false},
		{"nothing", "openapi", "", false},
		{"only comments", "openapi", "# nothing", false},
		{"two documents", "openapi", "---\nopenapi: 3.0.1\n---\nx", false},
		{"deep XML", "wsdl", deep("<a>", "</a>", 1<<18), false},
		{"many elements", "wadl-xml", "<application>" + strings.Repeat("<a/>", 1<<20) + "</application>", false},
		{"many prefixes", "wadl-xml", "<application>" + strings.Repeat(`<a xmlns:b="c"/>`, 1<<17) + "</application>", false},
		{"namespaces that schemas inherit", "wsdl", `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" ` + spaces(5000) + `><types>` +
			strings.Repeat(`<schema xmlns="http://www.w3.org/2001/XMLSchema"><element name="e"/></schema>`, 20000) + `</types></definitions>`, false},
		{"an entity", "wsdl", `<!DOCTYPE a [<!ENTITY b "cccc">]><a>&b;</a>`, false},
		{"an unknown entity", "wadl-xml", `<application>&b;</application>`, false},
		{"a circle of methods", "wadl-xml", `<application><resources><resource path="a"><method href="#m"/></resource></resources><method id="m" href="#m"/></application>`, false},
		{"comments in text", "wadl-xml", "<application><doc>" + strings.Repeat("a<!---->", 1<<18) + "</doc><resources/></application>", true},
		{"deep GraphQL", "graphql-link", "type Query { a: " + deep("[", "]", 1<<20) + " }", false},
		{"deep GraphQL values", "graphql-link", "type Query { a(b: Int = " + deep("[", "]", 1<<20) + "): Int }", false},
		{"deep proto", "grpc", "syntax = \"proto3\";\n" + deep("message A {", "}", 1<<18), false},
		{"no end of a comment", "grpc", "syntax = \"proto3\"; /* service A {", false},
	} {
		started := time.Now()
		_, err := Import(c.format, []byte(c.document), Options{})
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
		var f *Fault
		switch {
		case c.fine != (err == nil):
			t.Errorf("%s: %v", c.name, err)
		case err != nil && (!errors.As(err, &f) || f.Place == "" || len(err.Error()) > 3000):
			t.Errorf("%s: no place: %.300v", c.name, err)
		}
	}
}

// spaces declares prefixes.
func spaces(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, `xmlns:n%d="urn:%d" `, i, i)
	}
	return all.String()
}

func FuzzOpenAPI(f *testing.F) { fuzz(f, "openapi", "store3.yaml", "store2.json") }
func FuzzSwagger(f *testing.F) { fuzz(f, "swagger-json", "store2.json") }
func FuzzWSDL(f *testing.F)    { fuzz(f, "wsdl", "shop.wsdl") }
func FuzzWADL(f *testing.F)    { fuzz(f, "wadl-xml", "shop.wadl") }
func FuzzGraphQL(f *testing.F) { fuzz(f, "graphql-link", "shop.graphql", "introspection.json") }
func FuzzOData(f *testing.F)   { fuzz(f, "odata", "metadata.xml") }
func FuzzGRPC(f *testing.F)    { fuzz(f, "grpc", "shop.proto") }

// fuzz wants no panic, faults of type Fault only, and what was read to be written and read again.
func fuzz(f *testing.F, format string, seeds ...string) {
	for _, name := range seeds {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
		f.Add(b, true)
	}
	exportOf := map[string]string{"openapi": "openapi-link", "swagger-json": "swagger-link"}
	f.Fuzz(func(t *testing.T, b []byte, query bool) {
		o := Options{QueryParameters: query, SOAP: query}
		api, err := Import(format, b, o)
		var fault *Fault
		if err != nil {
			if !errors.As(err, &fault) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		export := exportOf[format]
		if export == "" {
			return
		}
		document, _, err := Export(export, &Exported{API: api, Server: "https://shop.contoso.test/x"})
		if err != nil {
			t.Fatal(err)
		}
		back, err := Import(format, document, o)
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		if len(back.Operations) != len(api.Operations) {
			t.Fatalf("%d operations and then %d\n%s", len(api.Operations), len(back.Operations), document)
		}
	})
}
