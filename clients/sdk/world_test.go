// Package sdk tells the story of the product through the Azure SDK for Go, unmodified and at pinned versions, against a
// freshly built server: the same people, roles and refusals as the scripts for az beside it.
package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/live"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Built-in roles, by the GUIDs that Azure gives them.
const (
	ownerRole             = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	contributorRole       = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	readerRole            = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	apimServiceReaderRole = "71522526-b88f-4d52-b57f-d31fc3546d0d"
)

// azClient is the public client that every tenant knows without registration.
const azClient = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

// world is one running server and how to reach it. Each test has its own, so that each can end with nothing left.
type world struct {
	*testing.T
	server       *live.Server
	tenant, subs string
	client       azcore.ClientOptions
	arm          *arm.ClientOptions
	admin        azcore.TokenCredential // the bootstrap service principal, Owner at the root
}

func start(t *testing.T) *world {
	t.Helper()
	server := live.For(t)
	transport := server.ClientFor(t)
	gh := server.Env["GATEHOUSE_ARM"]
	w := &world{T: t, server: server, tenant: server.Env["TENANT_ID"], subs: server.Env["SUBSCRIPTION_ID"]}
	w.client = azcore.ClientOptions{Transport: transport, Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: server.Env["GATEHOUSE_AUTHORITY"],
		Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: gh, Audience: gh}},
	}}
	w.client.Retry.MaxRetries = -1 // a retry would hide a fault
	w.arm = &arm.ClientOptions{ClientOptions: w.client, DisableRPRegistration: true}
	w.admin = w.secret(server.Env["CLIENT_ID"], server.Env["CLIENT_SECRET"])
	return w
}

func (w *world) secret(app, secret string) azcore.TokenCredential {
	return must(azidentity.NewClientSecretCredential(w.tenant, app, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: w.client, DisableInstanceDiscovery: true}))(w.T)
}

// scope is where a token for Resource Manager is good.
func (w *world) token() policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{w.server.Env["GATEHOUSE_ARM"] + "/.default"}}
}

func (w *world) roleID(guid string) *string {
	return ptr("/subscriptions/" + w.subs + "/providers/Microsoft.Authorization/roleDefinitions/" + guid)
}

// graph sends one Microsoft Graph request as the administrator; a JSON answer is decoded into a map.
func (w *world) graph(method, path string, body any) map[string]any {
	w.Helper()
	token := must(w.admin.GetToken(w.Context(), policy.TokenRequestOptions{Scopes: []string{w.server.Env["GATEHOUSE_GRAPH"] + "/.default"}}))(w.T)
	var text []byte
	if body != nil {
		text = must(json.Marshal(body))(w.T)
	}
	req := must(http.NewRequestWithContext(w.Context(), method, w.server.Env["GATEHOUSE_GRAPH"]+"/v1.0"+path, bytes.NewReader(text)))(w.T)
	req.Header.Set("Authorization", "Bearer "+token.Token)
	req.Header.Set("Content-Type", "application/json")
	resp := must(w.client.Transport.Do(req))(w.T)
	defer resp.Body.Close()
	answer := must(io.ReadAll(resp.Body))(w.T)
	if resp.StatusCode >= 300 {
		w.Fatalf("%s %s answered %s: %s", method, path, resp.Status, answer)
	}
	out := map[string]any{}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &out); err != nil {
			w.Fatalf("%s %s answered %q: %v", method, path, answer, err)
		}
	}
	return out
}

// domain is the tenant's default verified domain, in which users are named.
func (w *world) domain() string {
	w.Helper()
	for _, d := range w.graph("GET", "/organization", nil)["value"].([]any)[0].(map[string]any)["verifiedDomains"].([]any) {
		if d := d.(map[string]any); d["isDefault"] == true {
			return d["name"].(string)
		}
	}
	w.Fatal("the organization has no default domain")
	return ""
}

// user makes a user who is a member of the groups, the outermost first: each is a member of the one before it.
func (w *world) user(name, password string, groups ...string) (upn, id string) {
	w.Helper()
	upn = name + "@" + w.domain()
	id = w.graph("POST", "/users", map[string]any{"accountEnabled": true, "displayName": name, "mailNickname": name, "userPrincipalName": upn,
		"passwordProfile": map[string]any{"password": password, "forceChangePasswordNextSignIn": false}})["id"].(string)
	member := id
	for i := len(groups) - 1; i >= 0; i-- {
		w.graph("POST", "/groups/"+groups[i]+"/members/$ref", map[string]any{"@odata.id": w.server.Env["GATEHOUSE_GRAPH"] + "/v1.0/directoryObjects/" + member})
		member = groups[i]
	}
	return upn, id
}

func (w *world) group(name string) string {
	w.Helper()
	return w.graph("POST", "/groups", map[string]any{"displayName": name, "mailNickname": name, "mailEnabled": false, "securityEnabled": true})["id"].(string)
}

// application makes an application and its service principal.
type application struct{ object, app, principal string }

func (w *world) application(name string, more map[string]any) application {
	w.Helper()
	body := map[string]any{"displayName": name}
	for k, v := range more {
		body[k] = v
	}
	a := w.graph("POST", "/applications", body)
	sp := w.graph("POST", "/servicePrincipals", map[string]any{"appId": a["appId"], "accountEnabled": true})
	return application{a["id"].(string), a["appId"].(string), sp["id"].(string)}
}

// refused asks for the error that Azure's own clients act on.
func refused(t *testing.T, err error, status int, code string, words ...string) {
	t.Helper()
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		t.Fatalf("want an answer of %d %s, have %v", status, code, err)
	}
	if answer.StatusCode != status || answer.ErrorCode != code {
		t.Fatalf("answered %d %s, want %d %s: %v", answer.StatusCode, answer.ErrorCode, status, code, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the answer does not say %q: %v", word, err)
		}
	}
}

// entra asks for a sign-in that failed with one of Entra's numbers.
func entra(t *testing.T, err error, number int) {
	t.Helper()
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), fmt.Sprintf("AADSTS%d:", number)) {
		t.Fatalf("want AADSTS%d, have %v", number, err)
	}
}

func all[P, T any](t *testing.T, pager *runtime.Pager[P], items func(P) []*T) []*T {
	t.Helper()
	var out []*T
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, items(page)...)
	}
	return out
}

// done waits for a long-running operation, asking often.
func done[T any](t *testing.T, poller *runtime.Poller[T], err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result, err := poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// must unwraps a result: must(f())(t).
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, have, want T) {
	t.Helper()
	if have != want {
		t.Fatalf("%s is %v, want %v", what, have, want)
	}
}

func ptr[T any](v T) *T { return &v }

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
