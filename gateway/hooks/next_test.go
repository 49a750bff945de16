package hooks

import (
	"testing"

	"gatehouse/arm/armtest"
)

// TestNextCall: what was saved counts for the very next call.
func TestNextCall(t *testing.T) {
	f := start(t)
	say := func(text string) string {
		return `{"properties": {"format": "rawxml", "value": "<policies><inbound><return-response><set-status code=\"200\" /><set-body>` + text + `</set-body></return-response></inbound></policies>"}}`
	}
	said := func(what, want string, headers ...string) {
		t.Helper()
		if status, _, body := f.call("GET", "/orders", headers...); status != 200 || body != want {
			t.Errorf("%s: %d %s, want %s", what, status, body, want)
		}
	}
	f.put("/namedValues/word", `{"properties": {"displayName": "word", "value": "one"}}`)
	f.put("/apis/orders/policies/policy", say("{{word}}"))
	said("a policy", "one")
	f.put("/namedValues/word", `{"properties": {"displayName": "word", "value": "two"}}`)
	said("a named value", "two")
	f.put("/apis/orders;rev=2/policies/policy", say("rev two"))
	f.put("/apis/orders/releases/r", `{"properties": {"apiId": "/apis/orders;rev=2"}}`)
	said("a release", "rev two")

	f.do("PATCH", contoso+"/apis/orders"+version, `{"properties": {"subscriptionRequired": true}}`)
	f.want("a key is asked for", 401, "GET", "/orders")
	f.put("/products/gold", `{"properties": {"displayName": "Gold"}}`)
	f.put("/products/gold/apis/orders", "")
	f.put("/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/products/gold", "primaryKey": "first", "secondaryKey": "second"}}`)
	key, other := []string{"Ocp-Apim-Subscription-Key", "first"}, []string{"Ocp-Apim-Subscription-Key", "second"}
	f.want("a key", 200, "GET", "/orders", key...)
	f.do("POST", contoso+"/subscriptions/s/regeneratePrimaryKey"+version, "")
	f.want("that was replaced", 401, "GET", "/orders", key...)
	f.want("the other one", 200, "GET", "/orders", other...)
	for _, step := range []struct {
		method, path, body string
		status             int
	}{
		{"PATCH", "/subscriptions/s", `{"properties": {"state": "suspended"}}`, 401},
		{"PATCH", "/subscriptions/s", `{"properties": {"state": "active"}}`, 200},
		{"DELETE", "/products/gold/apis/orders", "", 401},
		{"PUT", "/products/gold/apis/orders", "", 200},
		{"DELETE", "/subscriptions/s", "", 401},
		{"PUT", "/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/apis/orders", "secondaryKey": "second"}}`, 200},
		{"DELETE", "/apis/orders/operations/get", "", 404},
		{"PUT", "/apis/orders/operations/get", `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/"}}`, 200},
		{"PATCH", "/apis/orders", `{"properties": {"path": "moved"}}`, 404},
		{"PATCH", "/apis/orders", `{"properties": {"path": "orders"}}`, 200},
	} {
		f.do(step.method, contoso+step.path+version, step.body)
		f.want(step.method+" "+step.path, step.status, "GET", "/orders", other...)
	}
	f.do("DELETE", contoso+version, "")
	f.want("the service is gone", 404, "GET", "/orders", other...)
	f.do("PUT", contoso+version, `{"location": "westeurope", "properties": {"restore": true}}`)
	f.want("and back", 200, "GET", "/orders", other...)
	f.do("DELETE", armtest.GroupID().String()+"?api-version=2021-04-01", "")
	f.want("its group is gone", 404, "GET", "/orders", other...)
}
