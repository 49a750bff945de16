package apim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/store"
)

// exporter serves the exports of a World; every one made of it takes the links of the others.
func exporter(w *armtest.World) *apim.Exports {
	return apim.NewExports(w.Store, w.Clock.Now, []byte("exports"))
}

func document(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("apidoc", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func emptyService(t testing.TB, links apidoc.Fetcher) *armtest.World {
	t.Helper()
	w := armtest.Start(t, buildWith(t, links))
	if a := w.Do("owner", "PUT", service+version, nil, `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`); a.Code != 201 {
		t.Fatal(a.Body)
	}
	return w
}

// bring imports a document as an API of that name.
func bring(w *armtest.World, name string, props ...any) *httptest.ResponseRecorder {
	body := jsondoc.NewObject("properties", jsondoc.NewObject(append([]any{"path", name}, props...)...))
	return w.Do("owner", "PUT", service+"/apis/"+name+version, nil, string(jsondoc.Marshal(body)))
}

// contents are the bodies of an API's operations by name, with the names of schemas made comparable.
func contents(t testing.TB, w *armtest.World, api string) map[string]string {
	t.Helper()
	all := map[string]string{}
	list := parse(t, w.Do("reader", "GET", service+"/apis/"+api+"/operations"+version+"&$top=2000", nil, "").Body.Bytes())
	for _, v := range list.Array("value") {
		o := v.(*jsondoc.Object)
		text := string(jsondoc.Marshal(o.Object("properties")))
		for {
			before, after, ok := strings.Cut(text, `"schemaId":"`)
			if !ok {
				break
			}
			text = before + `"schema":"` + after[strings.IndexByte(after, '"')+0:]
		}
		all[o.String("name")] = text
	}
	return all
}

// An export is fetched without a token, from the link alone, and imports as the same operations.
func TestExportLinks(t *testing.T) {
	w := emptyService(t, apidoc.Fetcher{})
	for _, c := range []struct{ file, format, export, back, kind string }{
		{"store2.json", "swagger-json", "swagger-link", "swagger-json", "http"},
		{"store3.yaml", "openapi", "openapi-link", "openapi", "http"},
		{"store3.yaml", "openapi", "openapi+json-link", "openapi+json", "http"},
		{"shop.wadl", "wadl-xml", "wadl-link", "wadl-xml", "http"},
		{"shop.wsdl", "wsdl", "wsdl-link", "wsdl", "soap"},
	} {
		from, to := "from-"+c.export, "to-"+c.export
		from, to = strings.ReplaceAll(from, "+", "-"), strings.ReplaceAll(to, "+", "-")
		if a := bring(w, from, "format", c.format, "value", document(t, c.file), "apiType", c.kind); a.Code != 201 {
			t.Fatalf("%s: %d %s", c.file, a.Code, a.Body)
		}
		a := w.Do("reader", "GET", service+"/apis/"+from+version+"&export=true&format="+url.QueryEscape(c.export), nil, "")
		link := parse(t, a.Body.Bytes()).String("value.link")
		if a.Code != 200 || !strings.HasPrefix(link, armtest.BaseURL+apim.ExportPath+"/") {
			t.Fatalf("%s: %d %s", c.export, a.Code, a.Body)
		}
		got := fetch(w, "GET", link)
		if got.Code != 200 || got.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%s: %d %s", link, got.Code, got.Body)
		}
		if a := bring(w, to, "format", c.back, "value", got.Body.String(), "apiType", c.kind); a.Code != 201 {
			t.Fatalf("%s: %d %s\n%s", c.export, a.Code, a.Body, got.Body)
		}
		before, after := contents(t, w, from), contents(t, w, to)
		if fmt.Sprint(before) != fmt.Sprint(after) || len(before) == 0 {
			t.Errorf("%s:\n%v\n%v", c.export, before, after)
		}
	}
}

func fetch(w *armtest.World, method, link string) *httptest.ResponseRecorder {
	r := httptest.NewRecorder()
	exporter(w).ServeHTTP(r, httptest.NewRequest(method, link, nil))
	return r
}

// A link works for what it says, for five minutes, and for nothing else.
func TestExportSignature(t *testing.T) {
	w := emptyService(t, apidoc.Fetcher{})
	for _, name := range []string{"a", "b"} {
		if a := bring(w, name, "format", "openapi", "value", document(t, "store3.yaml")); a.Code != 201 {
			t.Fatal(a.Body)
		}
	}
	a := w.Do("reader", "GET", service+"/apis/a"+version+"&export=true&format=openapi-link", nil, "")
	link, err := url.Parse(parse(t, a.Body.Bytes()).String("value.link"))
	if err != nil {
		t.Fatal(err)
	}
	for member, value := range map[string]string{"id": service + "/apis/b", "format": "swagger-link", "se": "99999999999", "sig": "", "none": "x"} {
		q := link.Query()
		q.Set(member, value)
		forged := *link
		forged.RawQuery = q.Encode()
		if got := fetch(w, "GET", forged.String()).Code; (got == 200) != (member == "none") {
			t.Errorf("with another %s: %d", member, got)
		}
	}
	if a := fetch(w, "POST", link.String()); a.Code != 405 {
		t.Errorf("POST: %d", a.Code)
	}
	if a := fetch(w, "HEAD", link.String()); a.Code != 200 || a.Body.Len() != 0 {
		t.Errorf("HEAD: %d", a.Code)
	}
	other := httptest.NewRecorder()
	apim.NewExports(w.Store, w.Clock.Now, nil).ServeHTTP(other, httptest.NewRequest("GET", link.String(), nil))
	if other.Code != 403 {
		t.Errorf("another key: %d", other.Code)
	}
	w.Clock.Advance(5*time.Minute - time.Second)
	if got := fetch(w, "GET", link.String()).Code; got != 200 {
		t.Errorf("before the end: %d", got)
	}
	w.Clock.Advance(time.Second)
	if got := fetch(w, "GET", link.String()).Code; got != 403 {
		t.Errorf("after five minutes: %d", got)
	}
	if a := w.Do("nobody", "GET", service+"/apis/a"+version+"&export=true&format=openapi-link", nil, ""); a.Code != 403 {
		t.Errorf("export without the right: %d", a.Code)
	}
}

// Links are fetched where that is allowed, and lead nowhere else.
func TestImportLinks(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/swagger.json": "store2.json", "/openapi.yaml": "store3.yaml", "/shop.wsdl": "shop.wsdl", "/shop.wadl": "shop.wadl",
		"/shop.graphql": "shop.graphql", "/graphql": "introspection.json", "/odata/$metadata": "metadata.xml", "/shop.proto": "shop.proto"}
	documents := map[string]string{}
	for path, name := range files {
		documents[path] = document(t, name)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" || r.Method != "GET" {
			t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
		}
		switch d, ok := documents[r.URL.Path]; {
		case ok:
			w.Write([]byte(d))
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/openapi.yaml", http.StatusFound)
		case r.URL.Path == "/astray":
			http.Redirect(w, r, "http://169.254.169.254/metadata", http.StatusFound)
		case r.URL.Path == "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case r.URL.Path == "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case r.URL.Path == "/slow":
			<-r.Context().Done()
		case r.URL.Path == "/endless":
			for b := make([]byte, 1<<20); r.Context().Err() == nil; {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		default:
			http.Error(w, "secret words", http.StatusTeapot)
		}
	}))
	defer server.Close()
	w := emptyService(t, apidoc.Fetcher{Loopback: true, Timeout: 2 * time.Second})
	for i, c := range []struct{ format, path, url string }{
		{"swagger-link-json", "/swagger.json", "https://shop.contoso.test/v2"},
		{"openapi-link", "/openapi.yaml", "https://eu.shop.contoso.test/v3"},
		{"openapi-link", "/moved", "https://eu.shop.contoso.test/v3"},
		{"wsdl-link", "/shop.wsdl", "http://shop.contoso.test/shop.asmx"},
		{"wadl-link-json", "/shop.wadl", "https://shop.contoso.test/wadl"},
		{"graphql-link", "/shop.graphql", server.URL + "/shop.graphql"},
		{"graphql-link", "/graphql", server.URL + "/graphql"},
		{"odata-link", "/odata/$metadata", server.URL + "/odata"},
		{"grpc-link", "/shop.proto", ""},
	} {
		a := bring(w, fmt.Sprint("api", i), "format", c.format, "value", server.URL+c.path)
		if got := parse(t, a.Body.Bytes()).String("properties.serviceUrl"); a.Code != 201 || got != c.url {
			t.Errorf("%s %s: %d %s", c.format, c.path, a.Code, a.Body)
		}
	}
	for path, want := range map[string]string{"/astray": "an address that is never asked", "/file": "no plain http or https", "/circle": "too often",
		"/slow": "did not answer in time", "/endless": "more than 33554432 bytes", "/none": "status 418"} {
		a := bring(w, "refused", "format", "openapi-link", "value", server.URL+path)
		if a.Code != 400 || !strings.Contains(a.Body.String(), want) || strings.Contains(a.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	if a := bring(emptyService(t, apidoc.Fetcher{}), "refused", "format", "openapi-link", "value", server.URL+"/openapi.yaml"); a.Code != 400 {
		t.Errorf("without the option: %d %s", a.Code, a.Body)
	}
}

// The documents of the change log and of the store stay readable whatever an import brings, and
// a large import is one request.
func TestLargeImport(t *testing.T) {
	w := emptyService(t, apidoc.Fetcher{})
	var b strings.Builder
	b.WriteString(`{"openapi":"3.0.1","info":{"title":"Large","version":"1"},"paths":{`)
	const n = 1000
	for i := range n {
		fmt.Fprintf(&b, `"/things%d/{id}":{"get":{"operationId":"get%d","responses":{"200":{"description":"ok","content":{"application/json":{"schema":{"$ref":"#/components/schemas/S"}}}}}}},`, i, i)
	}
	b.WriteString(`"/last":{}},"components":{"schemas":{"S":{"properties":{`)
	for i := range 50_000 {
		fmt.Fprintf(&b, `"member%d":{"type":"string","description":"What this member of the schema is about."},`, i)
	}
	b.WriteString(`"Id":{},"id":{}}}}}}`)
	for _, code := range []int{201, 200} {
		started := time.Now()
		if a := bring(w, "large", "format", "openapi+json", "value", b.String()); a.Code != code {
			t.Fatalf("%d %.300s", a.Code, a.Body)
		}
		t.Logf("%d operations in %d bytes: %v", n, b.Len(), time.Since(started))
	}
	if got := len(contents(t, w, "large")); got != n {
		t.Errorf("%d operations", got)
	}
	if a := w.Do("reader", "GET", service+"/apis/large/schemas"+version, nil, ""); a.Code != 200 || a.Body.Len() < 4<<20 {
		t.Errorf("schemas: %d, %d bytes", a.Code, a.Body.Len())
	}
	if a := w.Do("owner", "DELETE", service+"/apis/large"+version, http.Header{"If-Match": {"*"}}, ""); a.Code != 204 {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// What SOAP to REST writes as a policy is one that a caller could have sent.
func TestRestPolicy(t *testing.T) {
	w := emptyService(t, apidoc.Fetcher{})
	if a := bring(w, "rest", "format", "wsdl", "value", document(t, "shop.wsdl")); a.Code != 201 {
		t.Fatal(a.Body)
	}
	path := service + "/apis/rest/operations/AddPet/policies/policy" + version
	value := parse(t, w.Do("reader", "GET", path, nil, "").Body.Bytes()).String("properties.value")
	if value == "" {
		t.Fatal("there is no policy")
	}
	body := jsondoc.NewObject("properties", jsondoc.NewObject("format", "xml", "value", value))
	if a := w.Do("owner", "PUT", path, nil, string(jsondoc.Marshal(body))); a.Code != 200 {
		t.Errorf("%d %s\n%s", a.Code, a.Body, value)
	}
}

// Terraform names the revision that is current; what an import makes is the same under both names.
func TestImportRevisions(t *testing.T) {
	w := emptyService(t, apidoc.Fetcher{})
	for i, c := range []struct{ name, format, file string }{
		{"x;rev=1", "swagger-json", "store2.json"}, {"x", "openapi", "store3.yaml"}, {"x;rev=1", "openapi", "store3.yaml"},
	} {
		body := jsondoc.NewObject("properties", jsondoc.NewObject("path", "x", "format", c.format, "value", document(t, c.file)))
		if a := w.Do("owner", "PUT", service+"/apis/"+c.name+version, nil, string(jsondoc.Marshal(body))); a.Code != 200 && (i > 0 || a.Code != 201) {
			t.Fatalf("%s: %d %s", c.name, a.Code, a.Body)
		}
		schemas := parse(t, w.Do("reader", "GET", service+"/apis/x/schemas"+version, nil, "").Body.Bytes())
		if n, _ := schemas.Int("count"); n != 1 {
			t.Errorf("%s: %d schemas", c.name, n)
		}
	}
	body := jsondoc.NewObject("properties", jsondoc.NewObject("path", "x", "sourceApiId", "/apis/x", "format", "swagger-json", "value", document(t, "store2.json")))
	if a := w.Do("owner", "PUT", service+"/apis/x;rev=2"+version, nil, string(jsondoc.Marshal(body))); a.Code != 201 {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	if now, next := contents(t, w, "x"), contents(t, w, "x;rev=2"); len(now) != 5 || len(next) != 4 {
		t.Errorf("%d operations, and %d in the new revision", len(now), len(next))
	}
}

// The log keeps no document, and of a link nothing that could authorize somebody.
func TestImportLog(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(document(t, "store3.yaml"))) }))
	defer server.Close()
	w := emptyService(t, apidoc.Fetcher{Loopback: true})
	if a := bring(w, "x", "format", "openapi-link", "value", server.URL+"/x.yaml?sig=hidden-words"); a.Code != 201 {
		t.Fatal(a.Body)
	}
	seen := 0
	changes, err := w.Store.Changes(t.Context(), store.ChangeQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range changes {
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(c)
		if strings.Contains(string(text), "hidden-words") {
			t.Errorf("the log holds the query of a link: %.400s", text)
		}
		if strings.Contains(string(text), "/x.yaml") {
			seen++
		}
	}
	if seen == 0 {
		t.Error("the log does not say where the document came from")
	}
}
