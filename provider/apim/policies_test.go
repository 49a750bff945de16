package apim_test

import (
	"net/http"
	"testing"

	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
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
