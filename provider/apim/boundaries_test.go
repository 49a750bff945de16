package apim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/provider/apim"
	"gatehouse/store"
)

// allow gives alice actions at a path below the service, and nothing else.
func allow(t testing.TB, w *armtest.World, path string, actions ...string) {
	t.Helper()
	role := gatehouse.NameGUID(armtest.Tenant, path+strings.Join(actions, " "))
	for i, action := range actions {
		actions[i] = serviceType + "/" + action
	}
	body, _ := json.Marshal(map[string]any{"properties": map[string]any{"roleName": role.String(), "type": "CustomRole",
		"permissions": []any{map[string]any{"actions": actions}}, "assignableScopes": []string{armtest.GroupID().String()}}})
	w.Put(t, &store.Document{ID: gatehouse.MustID("/providers/Microsoft.Authorization/roleDefinitions/" + role.String()),
		Type: "Microsoft.Authorization/roleDefinitions", Body: body}, armtest.Assignment(service+path, armtest.Alice, role.String()))
}

// deny takes an action away from alice at a path below the service.
func deny(t testing.TB, w *armtest.World, path string, action string) {
	t.Helper()
	name := gatehouse.NameGUID(armtest.Tenant, path+action).String()
	a := w.Do("owner", "PUT", service+path+"/providers/Microsoft.Authorization/denyAssignments/"+name+"?api-version=2022-04-01", nil,
		fmt.Sprintf(`{"properties": {"denyAssignmentName": %q, "permissions": [{"actions": [%q]}], "principals": [{"id": %q, "type": "User"}]}}`, name, serviceType+"/"+action, armtest.Alice))
	if a.Code != 201 {
		t.Fatalf("deny %s: %d %s", path, a.Code, a.Body)
	}
}

// sends is a request below the service and what its answer has to be like.
type sends struct {
	as, method, path, body string
	code                   int
	has, lacks             string // in the answer
}

func (s sends) check(t *testing.T, w *armtest.World) {
	t.Helper()
	path := service + s.path
	if !strings.Contains(path, "api-version") {
		path += version
	}
	a := w.Do(s.as, s.method, path, http.Header{"If-Match": {"*"}}, s.body)
	if a.Code != s.code || s.has != "" && !strings.Contains(a.Body.String(), s.has) || s.lacks != "" && strings.Contains(a.Body.String(), s.lacks) {
		t.Errorf("%s %s by %s: %d, want %d with %q and without %q: %s", s.method, s.path, s.as, a.Code, s.code, s.has, s.lacks, a.Body)
	}
}

// What somebody with a narrow role can and cannot learn or do where a request goes beyond
// the entity that it names.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		world func(w *armtest.World)
		sends []sends
	}{
		"keys that were there are told to who may list them": {func(w *armtest.World) { allow(t, w, "", "subscriptions/write") }, []sends{
			{"owner", "PUT", "/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/apis", "primaryKey": "first-key"}}`, 201, "first-key", ""},
			{"alice", "PATCH", "/subscriptions/s", `{"properties": {"displayName": "T"}}`, 200, "", "first-key"},
			{"alice", "PUT", "/subscriptions/s", `{"properties": {"displayName": "T", "scope": "/apis"}}`, 200, "", "first-key"},
			{"alice", "PUT", "/subscriptions/s", `{"properties": {"displayName": "T", "scope": "/apis", "secondaryKey": "second-key"}}`, 200, "second-key", "first-key"},
			{"alice", "PUT", "/subscriptions/new", `{"properties": {"displayName": "N", "scope": "/apis"}}`, 201, "primaryKey", ""},
			{"owner", "PATCH", "/subscriptions/s", `{"properties": {"displayName": "U"}}`, 200, "first-key", ""},
		}},
		"a subscription without an owner is nowhere else": {func(*armtest.World) {}, []sends{
			{"owner", "PUT", "/subscriptions/" + armtest.Subscription.String(), `{"properties": {"displayName": "S", "scope": "/apis"}}`, 201, "", ""},
			{"owner", "DELETE", "/subscriptions/" + armtest.Subscription.String(), "", 200, "", ""},
			{"owner", "GET", "/apis/parent", "", 200, "", ""},
		}},
		"what is denied is not copied by another name": {func(w *armtest.World) {
			allow(t, w, "", "apis/*")
			sends{"owner", "PUT", "/apis/parent/operations/hidden", `{"properties": {"displayName": "Hidden", "method": "PUT", "urlTemplate": "/hidden"}}`, 201, "", ""}.check(t, w)
			deny(t, w, "/apis/parent/operations/hidden", "apis/operations/read")
			sends{"owner", "PUT", "/apis/other", `{"properties": {"displayName": "Other", "path": "other"}}`, 201, "", ""}.check(t, w)
			deny(t, w, "/apis/other", "apis/read")
		}, []sends{
			{"alice", "PUT", "/apis/copy", `{"properties": {"displayName": "C", "path": "c", "sourceApiId": "/apis/parent"}}`, 403, "Authorization", ""},
			{"alice", "PUT", "/apis/copy", `{"properties": {"displayName": "C", "path": "c", "sourceApiId": "/apis/parent;rev=1"}}`, 403, "Authorization", ""},
			{"alice", "PUT", "/apis/copy", `{"properties": {"displayName": "C", "path": "c", "sourceApiId": "/apis/other;rev=1"}}`, 403, "Authorization", ""},
			{"alice", "PUT", "/apis/copy2", `{"properties": {"displayName": "C", "path": "c2", "sourceApiId": "/apis/other;REV=1"}}`, 403, "Authorization", ""},
		}},
		"people of the service are none of a workspace's business": {func(w *armtest.World) {
			allow(t, w, "/workspaces/team", "workspaces/*")
			sends{"owner", "PUT", "/users/secret", `{"properties": {"email": "secret@contoso.test", "firstName": "S", "lastName": "S"}}`, 201, "", ""}.check(t, w)
		}, []sends{
			{"alice", "PUT", "/workspaces/team/groups/g", `{"properties": {"displayName": "G"}}`, 201, "", ""},
			{"alice", "PUT", "/workspaces/team/groups/g/users/secret", "", 404, "", "contoso.test"},
			{"alice", "PUT", "/workspaces/team/groups/g/users/none", "", 404, "", ""},
			{"alice", "PUT", "/workspaces/team/notifications/RequestPublisherNotificationMessage/recipientUsers/secret", "", 404, "", ""},
			{"alice", "PUT", "/workspaces/team/subscriptions/s", `{"properties": {"displayName": "S", "scope": "/apis", "ownerId": "/users/secret"}}`, 400, "", ""},
		}},
		"groups are shown to who may read them": {func(w *armtest.World) { allow(t, w, "", "products/read", "users/read", "users/write") }, []sends{
			{"alice", "GET", "/products/parent" + version + "&expandGroups=true", "", 200, "", "dministrators"},
			{"alice", "GET", "/products" + version + "&expandGroups=true", "", 200, "", "dministrators"},
			{"alice", "GET", "/users/1" + version + "&expandGroups=true", "", 200, "", "dministrators"},
			{"alice", "PUT", "/users/u", `{"properties": {"email": "u@contoso.test", "firstName": "S", "lastName": "S"}}`, 201, "", "evelopers"},
			{"reader", "GET", "/products/parent" + version + "&expandGroups=true", "", 200, "dministrators", ""},
		}},
		"a policy restriction holds for every revision": {func(w *armtest.World) {}, []sends{
			{"owner", "PUT", "/policyRestrictions/r", `{"properties": {"scope": "/apis/parent", "requireBase": "true"}}`, 201, "", ""},
			{"owner", "PUT", "/apis/parent;rev=2", `{"properties": {"sourceApiId": "/apis/parent"}}`, 201, "", ""},
			{"owner", "PUT", "/apis/parent/policies/policy", `{"properties": {"value": "<policies><inbound /></policies>"}}`, 400, "base", ""},
			{"owner", "PUT", "/apis/parent;rev=1/policies/policy", `{"properties": {"value": "<policies><inbound /></policies>"}}`, 400, "base", ""},
			{"owner", "PUT", "/apis/parent;rev=2/policies/policy", `{"properties": {"value": "<policies><inbound /></policies>"}}`, 400, "base", ""},
			{"owner", "PUT", "/apis/parent;rev=2/operations/parent/policies/policy", `{"properties": {"value": "<policies><inbound /></policies>"}}`, 400, "base", ""},
			{"owner", "PUT", "/apis/free", `{"properties": {"displayName": "F", "path": "free"}}`, 201, "", ""},
			{"owner", "PUT", "/apis/free/policies/policy", `{"properties": {"value": "<policies><inbound /></policies>"}}`, 201, "", ""},
			{"owner", "PUT", "/policyRestrictions/r2", `{"properties": {"scope": "/apis/bound", "requireBase": "true"}}`, 201, "", ""},
			{"owner", "PUT", "/apis/bound", `{"properties": {"displayName": "B", "path": "bound", "sourceApiId": "/apis/free"}}`, 400, "base", ""},
			{"owner", "PUT", "/apis/unbound", `{"properties": {"displayName": "B", "path": "unbound", "sourceApiId": "/apis/free"}}`, 201, "", ""},
		}},
		"an import is of a size that can be written": {func(w *armtest.World) {}, []sends{
			{"owner", "PUT", "/apis/large", `{"properties": {"path": "large", "format": "openapi+json", "value": ` + quoted(manyOperations(10_001)) + `}}`, 400, "split it", ""},
			{"owner", "PUT", "/apis/odd", `{"properties": {"displayName": "Odd", "path": "odd", "contact": 1, "license": "x"}}`, 400, "contact", ""},
		}},
		"backends of a workspace refer to its own named values": {func(w *armtest.World) {
			allow(t, w, "/workspaces/team", "workspaces/*")
			sends{"owner", "PUT", "/namedValues/svc", `{"properties": {"displayName": "svc", "value": "v"}}`, 201, "", ""}.check(t, w)
			sends{"owner", "PUT", "/workspaces/team/namedValues/own", `{"properties": {"displayName": "own", "value": "v"}}`, 201, "", ""}.check(t, w)
		}, []sends{
			{"alice", "PUT", "/workspaces/team/backends/b", `{"properties": {"url": "https://{{own}}.test", "protocol": "http"}}`, 201, "", ""},
			{"alice", "PUT", "/workspaces/team/backends/c", `{"properties": {"url": "https://{{svc}}.test", "protocol": "http"}}`, 400, "not found", ""},
			{"alice", "PUT", "/workspaces/team/backends/c", `{"properties": {"url": "{{svc}}", "protocol": "http"}}`, 400, "not found", ""},
			{"alice", "PUT", "/workspaces/team/backends/c", `{"properties": {"url": "https://a.test", "protocol": "http", "proxy": {"url": "http://{{svc}}"}}}`, 400, "not found", ""},
			{"alice", "PUT", "/workspaces/team/backends/c", `{"properties": {"url": "https://a.test", "protocol": "http", "proxy": {"url": "http://p", "username": "{{svc}}"}}}`, 400, "not found", ""},
			{"alice", "DELETE", "/workspaces/team/namedValues/own", "", 400, "used by", ""},
		}},
		"a product's API has one name": {func(w *armtest.World) {}, []sends{
			{"owner", "PUT", "/apis/parent;rev=2", `{"properties": {"sourceApiId": "/apis/parent"}}`, 201, "", ""},
			{"owner", "PUT", "/products/parent/apiLinks/l", `{"properties": {"apiId": "/apis/parent;REV=2"}}`, 201, "/apis/parent\"", ";"},
			{"owner", "GET", "/products/parent/apis", "", 200, `/products/parent/apis/parent"`, ";rev"},
			{"owner", "PUT", "/products/parent/apis/parent;REV=2", "", 200, "", ""},
			{"owner", "PUT", "/gateways/parent/apis/parent;REV=2", "", 201, `/gateways/parent/apis/`, ""},
			{"owner", "GET", "/gateways/parent/apis", "", 200, `/gateways/parent/apis/parent"`, ";rev"},
		}},
		"an import leaves what is locked": {func(w *armtest.World) {}, []sends{
			{"owner", "PUT", "/apis/parent/operations/parent/providers/Microsoft.Authorization/locks/l?api-version=2020-05-01", `{"properties": {"level": "CanNotDelete"}}`, 201, "", ""},
			{"owner", "PUT", "/apis/parent", `{"properties": {"displayName": "P", "path": "parent", "format": "openapi", "value": "openapi: 3.0.1\ninfo: {title: x, version: '1'}\npaths:\n  /a:\n    get: {operationId: a, responses: {}}\n"}}`, 409, "ScopeLocked", ""},
			{"owner", "GET", "/apis/parent/operations/parent", "", 200, "", ""},
		}},
		"a deployment writes what was saved, where it was": {func(w *armtest.World) {}, []sends{
			{"owner", "PUT", "/products/p.raw", `{"properties": {"displayName": "Raw"}}`, 201, "", ""},
			{"owner", "PUT", "/products/p.raw/policies/policy", `{"properties": {"value": "<policies><inbound><base /></inbound></policies>"}}`, 201, "", ""},
			{"owner", "PUT", "/products/p", `{"properties": {"displayName": "P"}}`, 201, "", ""},
			{"owner", "POST", "/tenant/configuration/save", `{"properties": {"branch": "main"}}`, 202, "", ""},
			{"owner", "DELETE", "/products/p.raw/policies/policy", "", 200, "", ""},
			{"owner", "POST", "/tenant/configuration/deploy", `{"properties": {"branch": "main"}}`, 202, "Succeeded", ""},
			{"owner", "GET", "/products/p.raw/policies/policy", "", 200, "", ""},
			{"owner", "GET", "/products/p/policies/policy", "", 404, "", ""},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			c.world(w)
			for _, s := range c.sends {
				s.check(t, w)
			}
		})
	}
}

// A host leads to one service or gateway, whoever asks first, and those that services come with to these.
func TestHostsAreTakenOnce(t *testing.T) {
	w := world(t)
	host := func(name string) string {
		return `{"properties": {"hostnameConfigurations": [{"type": "Proxy", "hostName": "` + name + `", "encodedCertificate": "` + pfx + `", "certificatePassword": "hunter2"}]}}`
	}
	group := strings.TrimSuffix(service, "service/contoso")
	ask := func(method, path, body string, code int) {
		t.Helper()
		if a := w.Do("owner", method, group+path+version, nil, body); a.Code != code {
			t.Errorf("%s %s %.120s: %d %s", method, path, body, a.Code, a.Body)
		}
	}
	ask("PUT", "service/other", `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`, 201)
	ask("PUT", "gateways/g", `{"location": "westeurope", "sku": {"name": "Standard"}, "properties": {}}`, 201)
	binding := func(name string) string {
		return `{"properties": {"hostname": "` + name + `", "keyVault": {"secretId": "https://v.vault.azure.net/secrets/s"}}}`
	}
	ask("PATCH", "service/other", host("CONTOSO.azure-api.net"), 400)
	ask("PATCH", "service/other", host("contoso.management.azure-api.net"), 400)
	ask("PATCH", "service/other", host("later.azure-api.net"), 400)
	ask("PATCH", "service/other", host("api.contoso.test"), 200)
	ask("PATCH", "service/other", host("API.contoso.test"), 200)
	ask("PATCH", "service/contoso", host("Api.contoso.test"), 400)
	ask("PUT", "gateways/g/hostnameBindings/b", binding("api.contoso.test"), 400)
	ask("PUT", "gateways/g/hostnameBindings/b", binding("contoso.azure-api.net"), 400)
	ask("PUT", "gateways/g/hostnameBindings/b", binding("gw.contoso.test"), 201)
	ask("PUT", "gateways/g/hostnameBindings/b", binding("GW.contoso.test"), 200)
	ask("PATCH", "service/contoso", host("gw.contoso.test"), 400)
	ask("DELETE", "service/other", "", 202)
	ask("PATCH", "service/contoso", host("api.contoso.test"), 200)
	ask("PUT", "service/other", `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"restore": true}}`, 400)
}

// What a connectivity check never asks, however the address is written; names are resolved first.
func TestProbedAddresses(t *testing.T) {
	w := armtest.Start(t, buildConfig(t, apim.Config{}))
	sends{"owner", "PUT", "", `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`, 201, "", ""}.check(t, w)
	for _, address := range []string{"127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "168.63.129.16", "10.0.0.1", "192.168.1.1", "100.64.0.1",
		"192.0.0.1", "198.18.0.1", "240.0.0.1", "255.255.255.255", "224.0.0.1", "fd00:ec2::254", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "fec0::1"} {
		for _, protocol := range []string{"TCP", "HTTP"} {
			a := w.Do("owner", "POST", service+"/connectivityCheck"+version, nil,
				fmt.Sprintf(`{"source": {"region": "westeurope"}, "destination": {"address": %q, "port": 1}, "protocol": %q}`, address, protocol))
			if a.Code != 200 || !strings.Contains(a.Body.String(), "NetworkSecurityRule") {
				t.Errorf("%s %s: %d %s", protocol, address, a.Code, a.Body)
			}
		}
	}
}

// A document that includes much, or one thing by many spellings of its name, is checked soon
// or refused: nobody else can write in the meantime.
func TestManyIncludes(t *testing.T) {
	w := world(t)
	large := "<fragment>" + strings.Repeat(`<set-variable name="a" value="b" />`, 14000) + "</fragment>"
	for i := range 12 {
		sends{"owner", "PUT", fmt.Sprintf("/policyFragments/fragment%c", 'a'+i), `{"properties": {"value": ` + quoted(large) + `}}`, 201, "", ""}.check(t, w)
	}
	document := func(names ...string) string {
		return `{"properties": {"value": ` + quoted(`<policies><inbound><include-fragment fragment-id="`+strings.Join(names, `" /><include-fragment fragment-id="`)+`" /></inbound></policies>`) + `}}`
	}
	var spellings, all []string
	for i := range 512 {
		name := []byte("fragmenta")
		for bit := range name {
			if i>>bit&1 == 1 {
				name[bit] -= 'a' - 'A'
			}
		}
		spellings = append(spellings, string(name))
		all = append(all, fmt.Sprintf("fragment%c", 'a'+i%12))
	}
	began := time.Now()
	sends{"owner", "PUT", "/policies/policy", document(spellings...), 200, "", ""}.check(t, w)
	sends{"owner", "PUT", "/policies/policy", document(all...), 400, "bytes together", ""}.check(t, w)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// manyOperations is an OpenAPI document.
func manyOperations(n int) string {
	var paths strings.Builder
	for i := range n {
		fmt.Fprintf(&paths, `, "/p%d": {"get": {"responses": {}}}`, i)
	}
	return `{"openapi": "3.0.1", "info": {"title": "Large", "version": "1"}, "paths": {` + paths.String()[1:] + `}}`
}

// What is in use is found without reading all that uses it, which would keep everybody else from writing.
func TestUsedByMany(t *testing.T) {
	w := world(t)
	sends{"owner", "PUT", "/namedValues/a", `{"properties": {"displayName": "a", "value": "v"}}`, 201, "", ""}.check(t, w)
	text := quoted("<policies><inbound><base />" + strings.Repeat(`<set-variable name="a" value="{{a}}" />`, 4000) + "</inbound></policies>")
	var docs []*store.Document
	for i := range 150 {
		api := gatehouse.MustID(fmt.Sprintf("%s/apis/n%d", service, i))
		docs = append(docs, &store.Document{ID: api, Type: serviceType + "/apis", Body: fmt.Appendf(nil, `{"properties": {"displayName": "N", "path": "n%d", "apiRevision": "1", "isCurrent": true}}`, i)},
			&store.Document{ID: api.Child("policies", "policy"), Type: serviceType + "/apis/policies", Body: []byte(`{"properties": {"format": "xml", "value": ` + text + `}}`)})
	}
	w.Put(t, docs...)
	sends{"owner", "DELETE", "/namedValues/a", "", 400, "and more", "n150"}.check(t, w)
}
