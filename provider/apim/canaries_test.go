package apim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/store"
)

// canaries are entities with a word in them that says what they are, and what ties them together.
var canaries = []struct{ kind, path, body string }{
	{"apiVersionSets", "/apiVersionSets/parent", `{"properties": {"displayName": "canary-apiVersionSets", "versioningScheme": "Segment"}}`},
	{"apis", "/apis/parent", `{"properties": {"displayName": "canary-apis", "path": "parent", "serviceUrl": "https://canary-apis.test", "apiVersion": "v1", "apiVersionSetId": "/apiVersionSets/parent"}}`},
	{"apis/operations", "/apis/parent/operations/parent", `{"properties": {"displayName": "canary-apis/operations", "method": "GET", "urlTemplate": "/parent"}}`},
	{"apis/policies", "/apis/parent/policies/policy", `{"properties": {"value": "<policies><inbound><base /><!-- canary-apis/policies --></inbound></policies>"}}`},
	{"apis/schemas", "/apis/parent/schemas/parent", `{"properties": {"contentType": "text/plain", "document": {"value": "canary-apis/schemas"}}}`},
	{"apis/issues", "/apis/parent/issues/parent", `{"properties": {"title": "canary-apis/issues", "description": "canary-apis/issues", "userId": "/users/1"}}`},
	{"apis/issues/comments", "/apis/parent/issues/parent/comments/parent", `{"properties": {"text": "canary-apis/issues/comments", "userId": "/users/1"}}`},
	{"apis/issues/attachments", "/apis/parent/issues/parent/attachments/parent", `{"properties": {"title": "canary-apis/issues/attachments", "contentFormat": "link", "content": "https://a.test"}}`},
	{"apis/releases", "/apis/parent/releases/parent", `{"properties": {"apiId": "/apis/parent", "notes": "canary-apis/releases"}}`},
	{"products", "/products/parent", `{"properties": {"displayName": "canary-products"}}`},
	{"groups", "/groups/parent", `{"properties": {"displayName": "canary-groups"}}`},
	{"users", "/users/parent", `{"properties": {"email": "canary-users@contoso.test", "firstName": "canary-users", "lastName": "x"}}`},
	{"tags", "/tags/parent", `{"properties": {"displayName": "canary-tags"}}`},
	{"namedValues", "/namedValues/parent", `{"properties": {"displayName": "canary-namedValues", "value": "canary-namedValues"}}`},
	{"backends", "/backends/parent", `{"properties": {"url": "https://canary-backends.test", "protocol": "http"}}`},
	{"loggers", "/loggers/parent", `{"properties": {"loggerType": "applicationInsights", "description": "canary-loggers", "credentials": {"instrumentationKey": "key"}}}`},
	{"policyFragments", "/policyFragments/parent", `{"properties": {"value": "<fragment><!-- canary-policyFragments --></fragment>"}}`},
	{"subscriptions", "/subscriptions/parent", `{"properties": {"displayName": "canary-subscriptions", "scope": "/products/parent", "ownerId": "/users/parent", "primaryKey": "canary-key"}}`},
	{"", "/groups/parent/users/parent", "{}"}, {"", "/products/parent/groups/parent", "{}"}, {"", "/products/parent/apis/parent", "{}"}, {"", "/apis/parent/tags/parent", "{}"},
	{"", "/products/parent/tags/parent", "{}"}, {"", "/apis/parent/operations/parent/tags/parent", "{}"}, {"", "/gateways/parent/apis/parent", "{}"},
	{"", "/apis/parent/tagDescriptions/parent", "{}"}, {"", "/notifications/RequestPublisherNotificationMessage/recipientUsers/parent", "{}"},
}

// For each read, somebody who has its action alone asks with every option there is. What they
// see of other types stands in a golden file: what is published to be shown, such as the APIs
// in the list of a product's APIs. A new line there needs a reason of that kind.
func TestReadsShowTheirOwn(t *testing.T) {
	w := world(t)
	for _, c := range canaries {
		if a := w.Do("owner", "PUT", service+c.path+version, http.Header{"If-Match": {"*"}}, c.body); a.Code >= 300 {
			t.Fatalf("%s: %d %s", c.path, a.Code, a.Body)
		}
	}
	found := map[string]bool{}
	h := &hostile{t: t, w: w}
	h.collect()
	for i, route := range h.routes {
		if route.Method != http.MethodGet || !strings.HasPrefix(route.TypeName, serviceType+"/") || strings.Contains(route.TypeName, "/workspaces/") {
			continue
		}
		caller := gatehouse.MustGUID(fmt.Sprintf("0b7ec7aa-0000-4000-8000-%012d", i))
		only(t, w, caller, route.Action)
		path := strings.ReplaceAll(h.existing(route), "/poor", "/parent")
		for _, option := range []string{"", "&expandGroups=true", "&expandApiVersionSet=true", "&expandCommentsAttachments=true", "&tags=parent", "&includeNotTaggedApis=true&includeNotTaggedOperations=true&includeNotTaggedProducts=true", "&format=rawxml"} {
			a := w.Do(caller.String(), "GET", path+version+option, nil, "")
			if a.Code == http.StatusForbidden {
				t.Errorf("%s with %s: %s", path, route.Action, a.Body)
			}
			reads := strings.TrimPrefix(route.Action, serviceType+"/")
			for _, c := range canaries {
				if c.kind != "" && reads != c.kind+"/read" && sings(a.Body.String(), c.kind) {
					found[reads+": "+c.kind] = true
				}
			}
			if strings.Contains(a.Body.String(), "canary-key") {
				t.Errorf("%s shows a key", path)
			}
		}
	}
	var all []string
	for each := range found {
		all = append(all, each)
	}
	slices.Sort(all)
	armtest.Golden(t, "testdata/overlaps.txt", []byte("What reads show of another type: the action that is asked for, and the type.\n\n"+strings.Join(all, "\n")+"\n"))
}

// sings reports whether text holds the word of a kind, and not only that of a longer one.
func sings(text, kind string) bool {
	for _, end := range []string{`"`, ".test", "@", " "} {
		if strings.Contains(text, "canary-"+kind+end) {
			return true
		}
	}
	return false
}

// only gives somebody one action on the resource group.
func only(t testing.TB, w *armtest.World, who gatehouse.GUID, action string) {
	t.Helper()
	role := gatehouse.NameGUID(who, action).String()
	body, _ := json.Marshal(map[string]any{"properties": map[string]any{"roleName": role, "type": "CustomRole",
		"permissions": []any{map[string]any{"actions": []string{action}}}, "assignableScopes": []string{armtest.GroupID().String()}}})
	w.Put(t, &store.Document{ID: gatehouse.MustID("/providers/Microsoft.Authorization/roleDefinitions/" + role), Type: "Microsoft.Authorization/roleDefinitions", Body: body},
		armtest.Assignment(armtest.GroupID().String(), who, role))
}
