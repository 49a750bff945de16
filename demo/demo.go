// Package demo seeds a small Contoso world for a first look: people, groups within
// groups, a pipeline, a service with three APIs, a role that may change one of them, and one
// that may call another.
//
// It writes through the product's own HTTP wires as an ordinary client with a
// token, so everything in it was authorized, checked and recorded like anything else.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/store"
)

// Names of the world, for texts that tell what to try.
const (
	Group   = "rg-apis"
	Service = "contoso-apim"
	Role    = "Calculator API Contributor"
	Caller  = "Payments API Caller"
	Called  = "payments" // the API that asks who calls it
)

// World is what Seed needs: the wires, two tokens, and where things go.
type World struct {
	Handler      http.Handler
	ARMToken     string
	GraphToken   string
	Subscription string
	Domain       string
	Password     string // of every person
}

// Person is a user of the demo.
type Person struct{ Name, Login, Title string }

// People are the users, without their domain.
var People = []Person{
	{"Ada Lovelace", "ada", "may change the Calculator API, through a group in a group"},
	{"Grace Hopper", "grace", "reads the service, and may call the Payments API"},
	{"Alan Turing", "alan", "owns the subscription"},
}

// groups hold people and one another.
var groups = []struct {
	name    string
	members []string // logins, or names of groups that stand before it
}{
	{"calculator-team", []string{"ada"}},
	{"api-developers", []string{"calculator-team"}},
	{"engineering", []string{"api-developers", "grace"}},
}

// complete is the tag of the resource group that is set when all is there.
const complete = "demo"

// Complete reports whether the world was made, whatever has become of it since.
func Complete(ctx context.Context, r store.Reader, subscription string) (bool, error) {
	id, err := gatehouse.ParseID("/subscriptions/" + subscription + "/resourceGroups/" + Group)
	if err != nil {
		return false, err
	}
	d, err := r.Get(ctx, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var body struct{ Tags map[string]string }
	err = json.Unmarshal(d.Body, &body)
	return body.Tags[complete] != "", err
}

// Seed makes the world. It can be repeated after it was cut short.
func Seed(ctx context.Context, w World) error {
	s := &seeder{World: w, ctx: ctx, ids: map[string]string{}}
	for _, step := range []func(){s.people, s.groups, s.pipeline, s.resources, s.calls, s.access, s.done} {
		if step(); s.err != nil {
			return fmt.Errorf("seeding the demo: %w", s.err)
		}
	}
	return nil
}

// seeder does one call after another until one fails.
type seeder struct {
	World
	ctx context.Context
	ids map[string]string // login, group or application to object id
	err error
}

type object = map[string]any

func (s *seeder) subscription() string { return "/subscriptions/" + s.Subscription }
func (s *seeder) group() string        { return s.subscription() + "/resourceGroups/" + Group }
func (s *seeder) service() string {
	return s.group() + "/providers/Microsoft.ApiManagement/service/" + Service
}

func (s *seeder) people() {
	for _, p := range People {
		s.ids[p.Login] = s.create("/users", "userPrincipalName eq '"+p.Login+"@"+s.Domain+"'", object{"displayName": p.Name, "userPrincipalName": p.Login + "@" + s.Domain,
			"mailNickname": p.Login, "jobTitle": p.Title, "accountEnabled": true, "passwordProfile": object{"password": s.Password, "forceChangePasswordNextSignIn": false}})
	}
}

func (s *seeder) groups() {
	for _, g := range groups {
		id := s.create("/groups", "displayName eq '"+g.name+"'", object{"displayName": g.name, "mailNickname": g.name, "mailEnabled": false, "securityEnabled": true})
		s.ids[g.name] = id
		for _, m := range g.members {
			status, answer := s.call(http.MethodPost, "/v1.0/groups/"+id+"/members/$ref", s.GraphToken, object{"@odata.id": "https://graph/v1.0/directoryObjects/" + s.ids[m]})
			if status >= 300 && !strings.Contains(string(answer), "already exist") {
				s.fail("adding "+m+" to "+g.name, status, answer)
			}
		}
	}
}

func (s *seeder) pipeline() {
	app := s.create("/applications", "displayName eq 'ci-deployer'", object{"displayName": "ci-deployer"})
	status, answer := s.call(http.MethodGet, "/v1.0/applications/"+app, s.GraphToken, nil)
	if status != http.StatusOK {
		s.fail("reading the application ci-deployer", status, answer)
		return
	}
	appID, _ := s.decode(answer)["appId"].(string)
	s.ids["ci-deployer"] = s.create("/servicePrincipals", "appId eq '"+appID+"'", object{"appId": appID})
}

func (s *seeder) resources() {
	s.putGroup(object{"team": "apis"})
	s.put(s.service(), "2022-08-01", object{"location": "westeurope", "sku": object{"name": "Developer", "capacity": 1},
		"properties": object{"publisherEmail": "apis@" + s.Domain, "publisherName": "Contoso"}})
	for _, api := range []struct{ name, title, path string }{{"calculator", "Calculator", "calc"}, {"orders", "Orders", "orders"}} {
		id := s.service() + "/apis/" + api.name
		s.put(id, "2022-08-01", object{"properties": object{"displayName": api.title, "path": api.path, "protocols": []string{"https"}, "serviceUrl": "https://backend.contoso.example/" + api.path}})
		s.put(id+"/operations/get", "2022-08-01", object{"properties": object{"displayName": "Get", "method": "GET", "urlTemplate": "/"}})
	}
}

// access gives the Calculator story its shape: one API writable, the service readable, the pipeline on one group.
func (s *seeder) access() {
	api := s.service() + "/apis/calculator"
	role := s.guid("role")
	s.put(s.subscription()+"/providers/Microsoft.Authorization/roleDefinitions/"+role, "2022-04-01", object{"properties": object{
		"roleName": Role, "type": "CustomRole", "description": "Changes the Calculator API and what belongs to it.", "assignableScopes": []string{s.subscription()}, // az lists the roles of a subscription
		"permissions": []object{{"actions": []string{"Microsoft.ApiManagement/service/*/read", "Microsoft.ApiManagement/service/read",
			"Microsoft.ApiManagement/service/apis/write", "Microsoft.ApiManagement/service/apis/*/write", "Microsoft.Authorization/*/read"}}}}})
	s.assign(api, role, "api-developers", "Group")
	s.assign(s.service(), "71522526-b88f-4d52-b57f-d31fc3546d0d", "engineering", "Group")
	s.assign(s.group(), "312a565d-c81f-4fd8-895a-4e21e48d571c", "ci-deployer", "ServicePrincipal")
	s.assign(s.subscription(), "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "alan", "User")
}

// calls has one API look at role assignments when it is called, and gives grace the right.
func (s *seeder) calls() {
	api, role := s.service()+"/apis/"+Called, s.guid("calls")
	s.put(api, "2022-08-01", object{"properties": object{"displayName": "Payments", "path": "pay", "protocols": []string{"https"}, "subscriptionRequired": false, "serviceUrl": "https://backend.contoso.example/pay"}})
	for _, method := range []string{"GET", "POST"} {
		s.put(api+"/operations/"+strings.ToLower(method), "2022-08-01", object{"properties": object{"displayName": method, "method": method, "urlTemplate": "/"}})
	}
	s.put(api+"/providers/Gatehouse.Gateway/roleChecks/default", "2026-11-01", object{"properties": object{"mode": "enforce"}})
	s.put(s.subscription()+"/providers/Microsoft.Authorization/roleDefinitions/"+role, "2022-04-01", object{"properties": object{
		"roleName": Caller, "type": "CustomRole", "description": "Calls the Payments API through the gateway.", "assignableScopes": []string{s.subscription()},
		"permissions": []object{{"actions": []string{}, "dataActions": []string{"Gatehouse.Gateway/apis/operations/read", "Gatehouse.Gateway/apis/operations/invoke/action"}}}}})
	s.assign(api, role, "grace", "User")
}

func (s *seeder) done() { s.putGroup(object{"team": "apis", complete: "complete"}) }

func (s *seeder) putGroup(tags object) {
	s.put(s.group(), "2021-04-01", object{"location": "westeurope", "tags": tags})
}

func (s *seeder) assign(scope, role, who, kind string) {
	s.put(scope+"/providers/Microsoft.Authorization/roleAssignments/"+s.guid(scope+role+who), "2022-04-01", object{"properties": object{
		"roleDefinitionId": s.subscription() + "/providers/Microsoft.Authorization/roleDefinitions/" + role, "principalId": s.ids[who], "principalType": kind}})
}

// guid is the same for the same name, so that a second run finds what the first made.
func (s *seeder) guid(name string) string {
	return gatehouse.NameGUID(gatehouse.MustGUID(s.Subscription), "demo "+name).String()
}

// create makes a directory object unless one matches the filter, and returns its id.
func (s *seeder) create(collection, filter string, body object) string {
	status, answer := s.call(http.MethodGet, "/v1.0"+collection+"?$filter="+strings.ReplaceAll(filter, " ", "%20"), s.GraphToken, nil)
	if found, _ := s.decode(answer)["value"].([]any); status == http.StatusOK && len(found) > 0 {
		id, _ := found[0].(object)["id"].(string)
		return id
	}
	if status, answer = s.call(http.MethodPost, "/v1.0"+collection, s.GraphToken, body); status != http.StatusCreated {
		s.fail("POST "+collection, status, answer)
	}
	id, _ := s.decode(answer)["id"].(string)
	return id
}

func (s *seeder) put(id, version string, body object) {
	status, answer := s.call(http.MethodPut, id+"?api-version="+version, s.ARMToken, body)
	if status >= 300 {
		s.fail("PUT "+id, status, answer)
	}
}

func (s *seeder) fail(what string, status int, answer []byte) {
	if s.err == nil {
		s.err = fmt.Errorf("%s was answered with %d: %s", what, status, answer)
	}
}

func (s *seeder) decode(answer []byte) object {
	o := object{}
	_ = json.Unmarshal(answer, &o) // what is no object has no members
	return o
}

// call sends a request to the handler in this process. After a failure it does nothing.
func (s *seeder) call(method, target, token string, body any) (int, []byte) {
	if s.err != nil {
		return 0, nil
	}
	var payload io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.err = err
			return 0, nil
		}
		payload = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.ctx, method, target, payload)
	if err != nil {
		s.err = err
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.RemoteAddr = "127.0.0.1:0"
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	s.Handler.ServeHTTP(answer, req)
	return answer.status, answer.body.Bytes()
}

// recorder is a ResponseWriter that keeps the answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
