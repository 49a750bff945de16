package apim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/provider/resources"
)

// Every policy of a new service can be read in both forms and written back; in the form
// it is kept in, that changes nothing.
func TestPoliciesOfANewService(t *testing.T) {
	w := armtest.Start(t, build(t))
	if a := w.Do("owner", "PUT", service+version, nil, `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`); a.Code != 201 {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	list := parse(t, w.Do("owner", "GET", service+"/allPolicies"+version, nil, "").Body.Bytes())
	if len(list.Array("value")) < 3 {
		t.Fatalf("a new service has the policies %s", jsondoc.Marshal(list))
	}
	for _, v := range list.Array("value") {
		path := v.(*jsondoc.Object).String("properties.referencePolicyId")
		for _, format := range []string{"rawxml", "xml"} {
			got := w.Do("owner", "GET", path+version+"&format="+format, nil, "")
			o := parse(t, got.Body.Bytes())
			if o.String("properties.format") != format {
				t.Errorf("%s as %s: %s", path, format, got.Body)
			}
			put := w.Do("owner", "PUT", path+version, http.Header{"If-Match": {got.Header().Get("ETag")}}, string(jsondoc.Marshal(o)))
			if put.Code != 200 {
				t.Errorf("%s as %s cannot be written back: %d %s", path, format, put.Code, put.Body)
			}
		}
	}
}

// A document is fetched from a link, where that is allowed, and then is like one that was sent.
func TestPolicyLinks(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/raw":
			w.Write([]byte("\ufeff<policies><inbound><set-method>@(\"a\" + \"<\")</set-method></inbound></policies>"))
		case "/latin":
			w.Write([]byte("<policies><!-- \xe9 --></policies>"))
		case "/page":
			w.Write([]byte("<!DOCTYPE html><html></html>"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer web.Close()
	for _, c := range []struct {
		links        apidoc.Fetcher
		path, format string
		code         int
		holds        string
	}{
		{apidoc.Fetcher{}, "/raw", "rawxml-link", 400, "not allowed here"},
		{apidoc.Fetcher{Loopback: true}, "/raw", "rawxml-link", 200, `\"&lt;\")`},
		{apidoc.Fetcher{Loopback: true}, "/raw", "xml-link", 400, "does not end"},
		{apidoc.Fetcher{Loopback: true}, "/latin", "xml-link", 400, "UTF-8"},
		{apidoc.Fetcher{Loopback: true}, "/page", "xml-link", 400, "document type declaration"},
		{apidoc.Fetcher{Loopback: true}, "/missing", "XML-link", 400, "status 404"},
	} {
		w := armtest.Start(t, func(w *armtest.World) []*arm.Provider {
			providers, err := resources.New(t.Context(), w.Store)
			if err != nil {
				t.Fatal(err)
			}
			return append(providers, apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index, Links: c.links}))
		})
		w.Do("owner", "PUT", service+version, nil, `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`)
		a := w.Do("owner", "PUT", service+"/policies/policy"+version, nil, `{"properties": {"format": "`+c.format+`", "value": "`+web.URL+c.path+`"}}`)
		if a.Code != c.code || !strings.Contains(a.Body.String(), c.holds) {
			t.Errorf("%s as %s: %d %s", c.path, c.format, a.Code, a.Body)
		}
	}
}

// Who may delete a fragment or a named value does not learn of policies that it may not
// read; who may write in a workspace does not get at what only the service may read.
func TestPolicyReferencesStayIn(t *testing.T) {
	w := world(t)
	const contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	any := http.Header{"If-Match": {"*"}}
	document := func(value string) string {
		return string(jsondoc.Marshal(jsondoc.NewObject("properties", jsondoc.NewObject("value", value))))
	}
	for path, body := range map[string]string{
		"/policyFragments/shared": document("<fragment />"),
		"/namedValues/key":        `{"properties": {"displayName": "key", "value": "v", "secret": true}}`,
	} {
		if a := w.Do("owner", "PUT", service+path+version, nil, body); a.Code != 201 {
			t.Fatalf("%s: %d %s", path, a.Code, a.Body)
		}
		w.Put(t, armtest.Assignment(service+path, armtest.Alice, contributor))
	}
	w.Put(t, armtest.Assignment(service+"/workspaces/team", armtest.Bob, contributor))
	policy := document(`<policies><inbound><include-fragment fragment-id="shared" /><set-method>{{key}}</set-method></inbound></policies>`)
	for _, caller := range []string{"bob", "owner"} { // a workspace's policy cannot name what the service holds, whoever writes it
		if a := w.Do(caller, "PUT", service+"/workspaces/team/policies/policy"+version, nil, policy); a.Code != 400 || !strings.Contains(a.Body.String(), "could not be found") {
			t.Errorf("%s writes the policy of the workspace: %d %s", caller, a.Code, a.Body)
		}
	}
	for _, path := range []string{"/policies/policy", "/products/parent/policies/policy"} {
		if a := w.Do("owner", "PUT", service+path+version, nil, policy); a.Code > 201 {
			t.Errorf("owner writes %s: %d %s", path, a.Code, a.Body)
		}
	}
	for _, path := range []string{"/policyFragments/shared", "/namedValues/key"} {
		a := w.Do("alice", "DELETE", service+path+version, any, "")
		if a.Code != 400 || strings.Contains(a.Body.String(), "policies/policy") || !strings.Contains(a.Body.String(), "and 2 more") {
			t.Errorf("alice deletes %s: %d %s", path, a.Code, a.Body)
		}
		if a := w.Do("owner", "DELETE", service+path+version, any, ""); !strings.Contains(a.Body.String(), `\r\n/policies/policy\r\n/products/parent/policies/policy\r\n`) {
			t.Errorf("owner deletes %s: %d %s", path, a.Code, a.Body)
		}
	}
	if a := w.Do("alice", "POST", service+"/policyFragments/shared/listReferences"+version, nil, ""); a.Code != 200 || strings.Contains(a.Body.String(), "policies/policy") {
		t.Errorf("alice lists references: %d %s", a.Code, a.Body)
	}
}
