package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/rbac/builtin"
)

// output runs a command of the program over an estate and returns what it printed.
func (e *estate) output(args ...string) string {
	e.t.Helper()
	out, err := program(append(args, "--data", e.dir)...).Output()
	if err != nil {
		var said string
		if failed, ok := err.(*exec.ExitError); ok {
			said = string(failed.Stderr)
		}
		e.t.Fatalf("%v: %v: %s", args, err, said)
	}
	return strings.TrimSpace(string(out))
}

// role gives ada a data action at a scope, and returns how to take it away.
func (e *estate) role(scope, action string) (revoke func()) {
	e.t.Helper()
	sub, _, _ := strings.Cut(e.service, "/resourceGroups/")
	role := sub + "/providers/Microsoft.Authorization/roleDefinitions/" + gatehouse.NewGUID().String()
	e.put(role+"?api-version=2022-04-01", `{"properties": {"roleName": "`+role[len(role)-8:]+`", "type": "CustomRole", "assignableScopes": ["`+sub+`"], "permissions": [{"actions": [], "dataActions": ["`+action+`"]}]}}`)
	at := scope + "/providers/Microsoft.Authorization/roleAssignments/" + gatehouse.NewGUID().String() + "?api-version=2022-04-01"
	e.put(at, `{"properties": {"roleDefinitionId": "`+role+`", "principalId": "`+e.ada()+`", "principalType": "User"}}`)
	return func() {
		e.t.Helper()
		if status, out := e.manage("DELETE", at, ""); status/100 != 2 {
			e.t.Fatal(status, out)
		}
	}
}

func (e *estate) ada() string {
	e.t.Helper()
	return e.graph("GET", "/v1.0/users/ada@"+domain, "", e.output("token", "--resource", "https://graph.microsoft.com"))["id"].(string)
}

func (e *estate) graph(method, path, body, token string) map[string]any {
	e.t.Helper()
	status, text, err := ask(e.dir, method, path, http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}, []byte(body), false)
	if err != nil || status/100 != 2 {
		e.t.Fatalf("%s %s: %d %s %v", method, path, status, text, err)
	}
	out := map[string]any{}
	_ = json.Unmarshal(text, &out)
	return out
}

// TestAgents: an agent may what both its user may and its grant covers, now; nothing else, and nothing of management.
func TestAgents(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls.log")
	e := newEstate(t, "--gateway-access-log", log)
	e.put("/apis/other", `{"properties": {"displayName": "Other", "path": "other", "protocols": ["https"], "serviceUrl": "https://backend.contoso.example/other", "subscriptionRequired": false}}`)
	e.put("/apis/other/operations/get", `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/"}}`)
	e.put("/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": {"mode": "enforce"}}`)
	greetings, other := e.service+"/apis/greetings", e.service+"/apis/other"
	agent := func(actions, scopes string) (token, grant string) {
		t.Helper()
		cmd := program("token", "agent", "--data", e.dir, "--as", "ada@"+domain, "--agent", "orders-bot", "--action", actions, "--scope", scopes)
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err, said.String())
		}
		grant, _, _ = strings.Cut(strings.TrimPrefix(said.String(), "grant "), " ")
		return strings.TrimSpace(string(out)), grant
	}
	is := func(what string, want int, method, path, token string) {
		t.Helper()
		if status, _, body := e.call(method, path, "", "Authorization", "Bearer "+token, "Ocp-Apim-Subscription-Key", estateKey); status != want {
			t.Errorf("%s: %d %s, want %d", what, status, body, want)
		}
	}
	const hello, echo = "/greetings/hello", "/greetings/echo"
	all, allGrant := agent("Gatehouse.Gateway/*", e.service)
	is("a grant of what the user may not", 403, "GET", hello, all)
	revoke := e.role(e.service, "Gatehouse.Gateway/*")
	is("what both may", 200, "GET", hello, all)
	is("what both may", 200, "POST", echo, all)
	is("another API", 200, "GET", "/other", all)
	reading, _ := agent(builtin.CallRead, e.service)
	is("a grant to read", 200, "GET", hello, reading)
	is("a grant to read does not invoke", 403, "POST", echo, reading)
	one, _ := agent("Gatehouse.Gateway/*", greetings)
	is("a grant at an API", 200, "POST", echo, one)
	is("a grant at an API is none at another", 403, "GET", "/other", one)
	operation, _ := agent("Gatehouse.Gateway/*", greetings+"/operations/hello")
	is("a grant at an operation", 200, "GET", hello, operation)
	is("a grant at an operation is none at another", 403, "POST", echo, operation)
	prefix, _ := agent("Gatehouse.Gateway/*", greetings[:len(greetings)-1])
	is("part of a name is no scope", 403, "GET", hello, prefix)
	wrong, _ := agent("Microsoft.Storage/*", e.service)
	is("another action", 403, "GET", hello, wrong)

	is("before the user loses the role", 200, "GET", hello, all)
	revoke()
	is("the user has lost the role", 403, "GET", hello, all)
	e.role(other, builtin.CallRead)
	is("the user has a role elsewhere", 200, "GET", "/other", all)
	is("the grant covers more than the role", 403, "GET", hello, all)
	e.output("token", "agent", "--as", "ada@"+domain, "--revoke", allGrant)
	is("the grant was revoked", 401, "GET", "/other", all)
	is("another grant was not", 200, "GET", "/other", reading)

	// Management: neither Resource Manager nor Microsoft Graph nor our own calls take the token.
	for _, path := range []string{e.service + "?api-version=2022-08-01", "/subscriptions?api-version=2022-12-01", "/v1.0/me"} {
		status, text, err := ask(e.dir, "GET", path, http.Header{"Authorization": {"Bearer " + reading}}, nil, false)
		if err != nil || status != 401 {
			t.Errorf("%s with an agent's token: %d %s", path, status, text)
		}
	}
	status, text, err := ask(e.dir, "POST", "/providers/Gatehouse.Access/issueAgentToken?api-version=2026-11-01", http.Header{"Authorization": {"Bearer " + reading}, "Content-Type": {"application/json"}},
		[]byte(`{"agent": "x", "dataActions": ["*"], "scopes": ["/"]}`), false)
	if err != nil || status != 401 {
		t.Errorf("an agent made a grant: %d %s", status, text)
	}

	// Policies that verify tokens of the tenant find no user in it.
	e.put("/apis/other/policies/policy", e.policy(`<validate-azure-ad-token tenant-id="`+e.tenant()+`"><audiences><audience>api://gatehouse-gateway</audience></audiences></validate-azure-ad-token>`))
	is("a policy that wants a user's token", 401, "GET", "/other", reading)
	is("a user's own token passes it", 200, "GET", "/other", e.output("token", "--as", "ada@"+domain, "--resource", "api://gatehouse-gateway"))
	e.put("/apis/other/policies/policy", e.policy(""))
	is("without that policy", 200, "GET", "/other", reading)

	e.graph("PATCH", "/v1.0/users/"+e.ada(), `{"accountEnabled": false}`, e.output("token", "--resource", "https://graph.microsoft.com"))
	is("the user was disabled", 401, "GET", "/other", reading)

	eventually(t, "the log tells of agent and user", func() bool {
		for _, l := range jsonLines(t, log) {
			if l["agent"] == "orders-bot" && l["principalName"] == "orders-bot for ada@"+domain {
				return true
			}
		}
		return false
	})
	if out := e.output("audit", "list", "-o", "json"); !strings.Contains(out, "orders-bot for ada@"+domain) {
		t.Error("the log of changes does not tell of the agent")
	}
}

func (e *estate) tenant() string {
	b, _, err := connection(e.dir)
	if err != nil {
		e.t.Fatal(err)
	}
	return b.TenantID
}
