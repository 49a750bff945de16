package apim_test

import (
	"fmt"
	"net/http"
	"testing"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// BenchmarkPolicyUsers is what keeping a fragment costs that one of 10,000 APIs
// includes: every policy of the service is looked at, and one parsed.
func BenchmarkPolicyUsers(b *testing.B) {
	w := world(b)
	if a := w.Do("owner", "PUT", service+"/policyFragments/shared"+version, nil, `{"properties": {"value": "<fragment />"}}`); a.Code != 201 {
		b.Fatalf("%d %s", a.Code, a.Body)
	}
	seedPolicies(b, w.Store, 10_000)
	if a := w.Do("owner", "PUT", service+"/apis/parent/policies/policy"+version, nil, `{"properties": {"value": "<policies><inbound><include-fragment fragment-id=\"shared\" /></inbound></policies>"}}`); a.Code > 201 {
		b.Fatalf("%d %s", a.Code, a.Body)
	}
	for b.Loop() {
		a := w.Do("owner", "DELETE", service+"/policyFragments/shared"+version, http.Header{"If-Match": {"*"}}, "")
		if a.Code != 400 {
			b.Fatalf("%d %s", a.Code, a.Body)
		}
	}
}

// seedPolicies writes n APIs' policies straight into the store.
func seedPolicies(b *testing.B, s *store.Store, n int) {
	text := "<policies><inbound><base /><set-header name=\"X-Request\" exists-action=\"override\"><value>@(context.RequestId.ToString())</value></set-header>" +
		"<rate-limit-by-key calls=\"100\" renewal-period=\"60\" counter-key=\"@(context.Subscription.Id)\" /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
	body := jsondoc.Marshal(jsondoc.NewObject("properties", jsondoc.NewObject("value", text, "format", "rawxml")))
	_, err := s.Write(b.Context(), gatehouse.Cause{Action: "seed"}, func(tx *store.Tx) error {
		for i := range n {
			id, err := gatehouse.ParseID(fmt.Sprintf("%s/apis/api-%d/policies/policy", service, i))
			if err != nil {
				return err
			}
			if err := tx.Put(&store.Document{ID: id, Type: "Microsoft.ApiManagement/service/apis/policies", Body: body}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
