package access_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse"
	answers "gatehouse/access"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/guard"
	"gatehouse/provider/access"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/identity"
	"gatehouse/provider/resources"
	"gatehouse/store"
)

func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			access.New(access.Config{Guard: w.Guard, Directory: w.Index, Store: w.Store}))
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }

// TestDecision: a refusal can be explained by whom it befell and by who may ask about
// them there; for others it is as if it were not. What was granted since is told.
func TestDecision(t *testing.T) {
	w := armtest.Start(t, build(t))
	refused := w.Do("alice", "DELETE", armtest.GroupID().String()+"?api-version=2021-04-01", nil, "")
	if refused.Code != 403 {
		t.Fatalf("%d %s", refused.Code, refused.Body)
	}
	url := "/providers/Gatehouse.Access/decisions/" + refused.Header().Get("x-ms-request-id") + "?api-version=2026-11-01"
	for who, want := range map[string]int{"alice": 200, "reader": 200, "bob": 404, "app": 404, "nobody": 404} {
		if a := w.Do(who, "GET", url, nil, ""); a.Code != want {
			t.Errorf("%s: %d, want %d: %s", who, a.Code, want, a.Body)
		}
	}
	decision := func() (d answers.Decision) {
		t.Helper()
		if err := json.Unmarshal(w.Do("reader", "GET", url, nil, "").Body.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := decision(); d.Now.Allowed || d.Request.Action != "Microsoft.Resources/subscriptions/resourceGroups/delete" || d.Now.Diagnoses[0].Code != answers.NoAssignment {
		t.Errorf("%+v", d)
	}
	w.Clock.Advance(time.Minute)
	w.Put(t, armtest.Assignment(armtest.GroupID().String(), armtest.Alice, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"))
	if d := decision(); !d.Now.Allowed || len(d.Now.Diagnoses) != 2 || d.Now.Diagnoses[0].Code != answers.StaleToken || d.Now.Diagnoses[1].Code != answers.GrantedAfterwards {
		t.Errorf("%+v", d.Now)
	}
}

// TestFlood: whoever is refused all the time fills neither the log nor the list of others.
func TestFlood(t *testing.T) {
	w := armtest.Start(t, build(t))
	ask := func(who string, times int) {
		for range times {
			if a := w.Do(who, "DELETE", armtest.GroupID().String()+"?api-version=2021-04-01", nil, ""); a.Code != 403 {
				t.Fatalf("%d %s", a.Code, a.Body)
			}
		}
	}
	ask("bob", 3)
	ask("alice", 300)
	list := func(who, query string) (out struct {
		Value   []answers.Refusal
		Omitted int
	}) {
		t.Helper()
		a := w.Do(who, "GET", "/providers/Gatehouse.Access/decisions?api-version=2026-11-01"+query, nil, "")
		if err := json.Unmarshal(a.Body.Bytes(), &out); err != nil || a.Code != 200 {
			t.Fatal(a.Code, a.Body)
		}
		return out
	}
	of := map[string]int{}
	all := list("reader", "")
	for _, r := range all.Value {
		of[r.Principal.Name]++
	}
	if of["alice@contoso.test"] != 17 || of["bob@contoso.test"] != 3 || all.Omitted != 183 {
		t.Errorf("%v, %d omitted", of, all.Omitted)
	}
	if own := list("bob", ""); len(own.Value) != 3 || own.Omitted != 0 {
		t.Errorf("bob sees %d", len(own.Value))
	}
	if one := list("reader", "&principal=alice@contoso.test&$top=200"); len(one.Value) != 200 || one.Omitted != 0 {
		t.Errorf("%d of alice are on record", len(one.Value))
	}
	if dropped := w.Server.Refusals.Dropped(); dropped != 100 {
		t.Errorf("%d were dropped", dropped)
	}
}

// TestAgree: what canI says of everybody is what they are then allowed, whoever asks.
func TestAgree(t *testing.T) {
	w := armtest.Start(t, build(t))
	for name, id := range map[string]gatehouse.GUID{"owner": armtest.Owner, "contributor": armtest.Contributor, "reader": armtest.Reader, "nobody": armtest.Nobody} {
		for _, action := range []string{"Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Resources/subscriptions/resourceGroups/write", "Microsoft.Authorization/roleAssignments/write"} {
			want := w.Guard.Allowed(&gatehouse.Caller{ID: id}, action, armtest.GroupID())
			for who, principal := range map[string]string{name: "", "owner": id.String()} {
				a := w.Do(who, "POST", armtest.GroupID().String()+"/providers/Gatehouse.Access/canI?api-version=2026-11-01", nil, `{"action": "`+action+`", "principal": "`+principal+`"}`)
				var got answers.CanI
				if err := json.Unmarshal(a.Body.Bytes(), &got); err != nil || a.Code != 200 || got.Allowed != want {
					t.Errorf("%s asks whether %s may %s: %d %s, want %v", who, name, action, a.Code, a.Body, want)
				}
			}
		}
	}
}

// TestLinked: a refusal for a right on something that the request refers to names that right and its place, then and now.
func TestLinked(t *testing.T) {
	w := armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		list := build(t)(w)
		return append(list, apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index}), identity.New(armtest.Tenant, w.Index))
	})
	role := gatehouse.NameGUID(gatehouse.GUID{9}, "services")
	w.Put(t, &store.Document{ID: guard.RoleDefinitionID(role), Type: guard.RoleDefinitionType, Body: []byte(`{"properties":{"roleName":"services","type":"CustomRole","assignableScopes":["/"],
		"permissions":[{"actions":["Microsoft.ApiManagement/service/*"]}]}}`)}, armtest.Assignment(armtest.GroupID().String(), armtest.Bob, role.String()))
	id := armtest.GroupID().String() + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/deploy"
	if a := w.Do("owner", "PUT", id+"?api-version=2023-01-31", nil, `{"location":"westeurope"}`); a.Code >= 300 {
		t.Fatal(a.Code, a.Body)
	}
	service := armtest.GroupID().String() + "/providers/Microsoft.ApiManagement/service/contoso"
	refused := w.Do("bob", "PUT", service+"?api-version=2022-08-01", nil, `{"location":"westeurope","sku":{"name":"Developer","capacity":1},"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+id+`":{}}},
		"properties":{"publisherEmail":"a@contoso.test","publisherName":"a"}}`)
	if refused.Code != 403 || !strings.Contains(refused.Body.String(), "LinkedAuthorizationFailed") {
		t.Fatal(refused.Code, refused.Body)
	}
	decision := func(who string) (d answers.Decision) {
		t.Helper()
		a := w.Do(who, "GET", "/providers/Gatehouse.Access/decisions/"+refused.Header().Get("x-ms-request-id")+"?api-version=2026-11-01", nil, "")
		if err := json.Unmarshal(a.Body.Bytes(), &d); err != nil || a.Code != 200 {
			t.Fatal(a.Code, a.Body)
		}
		return d
	}
	const action = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
	for _, who := range []string{"bob", "owner"} {
		d := decision(who).Now
		if d.Allowed || len(d.LinkedChecks) != 1 || d.LinkedChecks[0].Action != action || !gatehouse.EqualFold(d.LinkedChecks[0].Scope.ID, id) {
			t.Fatalf("%s: %+v", who, d)
		}
		if first := d.Diagnoses[0]; first.Code != answers.LinkedScope || !strings.Contains(first.Detail, action) || !strings.Contains(first.Detail, "deploy") {
			t.Errorf("%s: %+v", who, first)
		}
	}
	w.Put(t, armtest.Assignment(id, armtest.Bob, "f1a07417-d97a-45cb-824c-7a7467783830")) // Managed Identity Operator
	if d := decision("bob").Now; !d.Allowed || !d.LinkedChecks[0].Explanation.Allowed || d.Diagnoses[0].Advice != "Send the request again." {
		t.Errorf("%+v", d)
	}
}
