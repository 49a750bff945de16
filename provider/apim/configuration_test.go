package apim_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
)

// What was saved is what is there after a deployment, whatever happened in between: a
// service full of random entities is saved, taken apart, deployed and saved again, and
// the two branches hold the same files.
func TestConfigurationComesBack(t *testing.T) {
	w := world(t)
	r := rand.New(rand.NewPCG(3, 5))
	fill(t, w, r, "n%d")
	for path, text := range map[string]string{"/apis/parent;rev=2": `{"properties": {"sourceApiId": "/apis/parent", "path": "parent"}}`,
		"/apis/n2;rev=2": `{"properties": {"sourceApiId": "/apis/n2", "path": "` + fmt.Sprint("path/", 5) + `"}}`} {
		if a := w.Do("owner", "PUT", service+path+version, nil, text); a.Code >= 300 {
			t.Fatalf("PUT %s: %d %s", path, a.Code, a.Body)
		}
	}
	if a := w.Do("owner", "PUT", service+"/apis/parent/releases/r"+version, nil, `{"properties": {"apiId": "/apis/parent;rev=2"}}`); a.Code >= 300 {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	job(t, w, "save", "first")
	any := http.Header{"If-Match": {"*"}}
	for _, path := range []string{"/apis/parent", "/apis/n1", "/products/parent", "/products/n0", "/tags/n2", "/groups/n1", "/apiVersionSets/n0", "/policies/policy"} {
		w.Do("owner", "DELETE", service+path+version+"&deleteRevisions=true&deleteSubscriptions=true", any, "")
	}
	fill(t, w, r, "other%d")
	w.Do("owner", "PUT", service+"/portalsettings/signin"+version, nil, `{"properties": {"enabled": true}}`)
	job(t, w, "deploy", "first")
	job(t, w, "save", "second")
	first, second := files(t, w, "first"), files(t, w, "second")
	for path, text := range first {
		if second[path] != text {
			t.Errorf("%s was\n%s\nand is\n%s", path, text, second[path])
		}
	}
	for path := range second {
		if _, ok := first[path]; !ok {
			t.Errorf("%s was not there", path)
		}
	}
	if len(first) < 30 || w.Do("owner", "GET", service+"/apis/other1"+version, nil, "").Code != http.StatusNotFound {
		t.Errorf("%d files; the API other1 is still there", len(first))
	}
}

// fill writes three entities of every family that a configuration holds, with names of a pattern.
func fill(t *testing.T, w *armtest.World, r *rand.Rand, pattern string) {
	t.Helper()
	for _, family := range []string{"tags", "apiVersionSets", "groups", "apis", "apis/n1/operations", "apis/parent/operations", "apis/parent/schemas", "products", "policies", "apis/n1/policies", "products/n0/policies"} {
		d := typeAt(w, family)
		for n := range 3 {
			name := fmt.Sprintf(pattern, n)
			if strings.HasSuffix(family, "policies") {
				name = "policy"
			}
			sent := body(r, d.Name[len(serviceType)+1:], d.Type.Model, n+len(pattern))
			a := w.Do("owner", "PUT", service+"/"+family+"/"+name+version, nil, string(jsondoc.Marshal(sent)))
			if a.Code >= 300 && pattern == "n%d" { // the second time, what holds them may be gone
				t.Fatalf("PUT %s/%s: %d %s", family, name, a.Code, a.Body)
			}
		}
	}
	for _, link := range []string{"/apis/n1/tags/n2", "/apis/parent/tags/n0", "/products/n0/apis/n1", "/products/n0/groups/n1", "/products/parent/tags/n2", "/products/parent/apis/n0"} {
		if a := w.Do("owner", "PUT", service+link+version, nil, ""); a.Code >= 300 && pattern == "n%d" {
			t.Fatalf("PUT %s: %d %s", link, a.Code, a.Body)
		}
	}
}

// job runs save or deploy and wants it to succeed.
func job(t *testing.T, w *armtest.World, action, branch string) {
	t.Helper()
	a := w.Do("owner", "POST", service+"/tenant/configuration/"+action+version, nil, `{"properties": {"branch": "`+branch+`", "force": true}}`)
	if o := parse(t, a.Body.Bytes()); a.Code != http.StatusAccepted || o.String("properties.status") != "Succeeded" {
		t.Fatalf("%s %s: %d %s", action, branch, a.Code, a.Body)
	}
}

func files(t *testing.T, w *armtest.World, branch string) map[string]string {
	t.Helper()
	d, err := w.Store.Get(t.Context(), gatehouse.MustID(service+"/configurationBranches/"+branch).Scope())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, v := range parse(t, d.Body).Array("files") {
		all[v.(*jsondoc.Object).String("path")] = v.(*jsondoc.Object).String("text")
	}
	return all
}

func typeAt(w *armtest.World, parent string) *arm.Declared {
	name := serviceType
	for i, s := range strings.Split(parent, "/") {
		if i%2 == 0 {
			name += "/" + s
		}
	}
	return w.Server.TypeOf(name)
}
