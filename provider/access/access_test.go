package access_test

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse"
	answers "gatehouse/access"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/provider/access"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
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
