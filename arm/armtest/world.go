package armtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

// BaseURL is the public address of every test server.
const BaseURL = "https://gatehouse.test"

// Group is the name of the resource group that every World starts with.
const Group = "test-group"

// The tenant, its subscriptions and its principals.
var (
	Tenant       = gatehouse.MustGUID("7e4a4700-0000-4000-8000-000000000001")
	Subscription = gatehouse.MustGUID("50b5c400-0000-4000-8000-000000000001")
	Other        = gatehouse.MustGUID("50b5c400-0000-4000-8000-000000000002")

	Owner       = gatehouse.MustGUID("0b7ec700-0000-4000-8000-000000000001")
	Contributor = gatehouse.MustGUID("0b7ec700-0000-4000-8000-000000000002")
	Reader      = gatehouse.MustGUID("0b7ec700-0000-4000-8000-000000000003")
	Alice       = gatehouse.MustGUID("0b7ec700-0000-4000-8000-000000000004")
	Bob         = gatehouse.MustGUID("0b7ec700-0000-4000-8000-000000000005")
	Nobody      = gatehouse.MustGUID("0b7ec700-0000-4000-8000-000000000006")
	App         = gatehouse.MustGUID("0b7ec700-0000-4000-8000-000000000007")
	AppID       = gatehouse.MustGUID("a9911d00-0000-4000-8000-000000000007")
)

// roles of the callers that have one (rbac.md 13; builtin-roles.json).
const (
	ownerRole       = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	contributorRole = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	readerRole      = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

var callers = map[string]gatehouse.GUID{"owner": Owner, "contributor": Contributor, "reader": Reader,
	"alice": Alice, "bob": Bob, "nobody": Nobody, "app": App}

// World is a server on a store of its own.
type World struct {
	Server *arm.Server
	Store  *store.Store
	Guard  *guard.Guard
	Index  *directory.Index
	Clock  *Clock
}

// Clock is a time that moves only when told.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the time forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start is when every World begins; its fraction of a second is not zero so that no digit gets lost unseen.
var start = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

// Start makes a World with the providers that build returns. Build may use
// everything in the World but its Server, which does not exist yet.
func Start(t testing.TB, build func(w *World) []*arm.Provider) *World {
	t.Helper()
	w := &World{Clock: &Clock{now: start}}
	ctx, log := context.Background(), slog.New(slog.NewTextHandler(io.Discard, nil))
	_, measured := t.(*testing.B) // waits for the disk, as a server does
	var err error
	w.Store, err = sqlite.Open(ctx, t.TempDir(), store.Options{MasterKey: []byte(strings.Repeat("k", 32)), Clock: w.Clock.Now, Logger: log},
		sqlite.Settings{Unsafe: !measured})
	must(t, err)
	t.Cleanup(func() { w.Store.Close() })
	w.seed(t)
	w.Guard, err = guard.Options{Clock: w.Clock.Now, Logger: log}.New(ctx, w.Store)
	must(t, err)
	w.Index, err = directory.NewIndex(ctx, w.Store)
	must(t, err)
	w.Server = arm.New(arm.Config{Store: w.Store, Guard: w.Guard, Authenticate: w.authenticate, BaseURL: BaseURL,
		TenantID: Tenant, Clock: w.Clock.Now, Log: log}, build(w)...)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// authenticate takes a caller's name or object ID for a token.
func (w *World) authenticate(r *http.Request) (*gatehouse.Caller, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	}
	id, known := callers[token]
	if !known {
		var err error
		if id, err = gatehouse.ParseGUID(token); err != nil {
			return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "The access token is invalid.")
		}
		token = id.String()
	}
	c := &gatehouse.Caller{ID: id, Type: gatehouse.User, Name: token + "@contoso.test", Method: "pwd", IssuedAt: w.Clock.Now(), ExpiresAt: w.Clock.Now().Add(time.Hour)}
	if id == App {
		c.Type, c.Name, c.AppID, c.Method = gatehouse.ServicePrincipal, AppID.String(), AppID.String(), "secret"
	}
	return c, nil
}

// seed writes what every test starts with.
func (w *World) seed(t testing.TB) {
	t.Helper()
	var docs []*store.Document
	add := func(id, kind, format string, args ...any) {
		docs = append(docs, &store.Document{ID: gatehouse.MustID(id), Type: kind, Body: fmt.Appendf(nil, format, args...)})
	}
	add("/providers/Microsoft.Resources/tenants/"+Tenant.String(), "Microsoft.Resources/tenants",
		`{"displayName":"Contoso","defaultDomain":"contoso.test","domains":["contoso.test"]}`)
	root := "/providers/Microsoft.Management/managementGroups/" + Tenant.String()
	add(root, "Microsoft.Management/managementGroups", `{"properties":{"tenantId":%q,"displayName":"Tenant Root Group","details":{"version":1}}}`, Tenant)
	for i, sub := range []gatehouse.GUID{Subscription, Other} {
		add("/subscriptions/"+sub.String(), "Microsoft.Resources/subscriptions", `{"displayName":"Subscription %d","state":"Enabled"}`, i+1)
		add(root+"/subscriptions/"+sub.String(), "Microsoft.Management/managementGroups/subscriptions",
			`{"properties":{"parent":{"id":%q}}}`, root)
	}
	add(GroupID().String(), "Microsoft.Resources/subscriptions/resourceGroups", `{"location":"westeurope","properties":{"provisioningState":"Succeeded"}}`)
	for name, id := range callers {
		if id != App {
			add(directory.UserID(id).String(), directory.UserType, `{"id":%q,"userPrincipalName":"%s@contoso.test","displayName":%q,"accountEnabled":true}`, id, name, name)
		}
	}
	add(directory.ServicePrincipalID(App).String(), directory.ServicePrincipalType,
		`{"id":%q,"appId":%q,"displayName":"app","servicePrincipalType":"Application","servicePrincipalNames":[%q],"alternativeNames":[],"passwordCredentials":[],"keyCredentials":[]}`, App, AppID, AppID)
	docs = append(docs, Assignment("", Owner, ownerRole), Assignment("/subscriptions/"+Subscription.String(), Contributor, contributorRole),
		Assignment("/subscriptions/"+Subscription.String(), Reader, readerRole))
	w.Put(t, docs...)
}

// GroupID is the ID of the resource group that every World starts with.
func GroupID() gatehouse.ID {
	return gatehouse.MustID("/subscriptions/" + Subscription.String() + "/resourceGroups/" + Group)
}

// Assignment is a role assignment as a document; scope "" is the root.
func Assignment(scope string, principal gatehouse.GUID, role string) *store.Document {
	name := gatehouse.NameGUID(principal, scope+" "+role)
	body, _ := json.Marshal(map[string]any{"properties": map[string]any{
		"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/" + role, "principalId": principal, "principalType": "User"}})
	return &store.Document{ID: gatehouse.MustID(scope + "/providers/Microsoft.Authorization/roleAssignments/" + name.String()),
		Type: "Microsoft.Authorization/roleAssignments", Body: body}
}

// Put writes documents without asking anybody.
func (w *World) Put(t testing.TB, docs ...*store.Document) {
	t.Helper()
	cause := gatehouse.Cause{Caller: gatehouse.Caller{ID: Owner, Type: gatehouse.User, Name: "armtest"}, Action: "armtest/seed", Scope: "/",
		Operation: Tenant.String(), Correlation: Tenant.String()}
	_, err := w.Store.Write(context.Background(), cause, func(tx *store.Tx) error {
		for _, d := range docs {
			if err := tx.Put(d); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
}
