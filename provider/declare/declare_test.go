package declare_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/graph"
	"gatehouse/provider/access"
	"gatehouse/provider/authorization"
	"gatehouse/provider/declare"
	"gatehouse/provider/resources"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// build makes a server of both wires: the calls of this package come back to it.
func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		var people http.Handler
		both := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if people == nil {
				people = graph.New(graph.Config{Store: w.Store, Index: w.Index, Guard: w.Guard, Authenticate: w.Server.Authenticate, BaseURL: armtest.BaseURL, TenantID: armtest.Tenant,
					Roles: builtin.DirectoryRoles(), Clock: w.Clock.Now, PageKey: []byte("page")})
			}
			if strings.HasPrefix(r.URL.Path, "/v1.0/") {
				people.ServeHTTP(rw, r)
			} else {
				w.Server.ServeHTTP(rw, r)
			}
		})
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			&arm.Provider{Namespace: access.Namespace, Versions: []string{access.Version}, Calls: declare.Calls(declare.Config{Server: both, BaseURL: armtest.BaseURL})})
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }

const wanted = `{"declaration": {"governs": {"scopes": ["test-group"]}, "reason": "access as code",
	"roleAssignments": [{"role": "Reader", "principal": "alice@contoso.test", "scope": "test-group"}]}, "subscription": "` + "11111111-1111-1111-1111-111111111111" + `"`

func send(t *testing.T, w *armtest.World, who, call, body string) (int, declare.Answer, string) {
	t.Helper()
	a := w.Do(who, "POST", access.Path+"/"+call+"?api-version=2026-11-01", nil, strings.ReplaceAll(body, "11111111-1111-1111-1111-111111111111", armtest.Subscription.String()))
	var out declare.Answer
	if err := json.Unmarshal(a.Body.Bytes(), &out); err != nil {
		t.Fatal(a.Code, a.Body)
	}
	return a.Code, out, a.Body.String()
}

// TestApply: what was planned is done as the caller, each step authorized and recorded with the reason.
func TestApply(t *testing.T) {
	w := armtest.Start(t, build(t))
	code, plan, text := send(t, w, "owner", "plan", wanted+"}")
	if code != 200 || len(plan.Plan.Steps) != 1 || plan.Applied != 0 {
		t.Fatal(code, text)
	}
	if w.Guard.Allowed(&gatehouse.Caller{ID: armtest.Alice}, "Microsoft.Resources/subscriptions/resourceGroups/read", armtest.GroupID()) {
		t.Fatal("a plan changed something")
	}
	for _, who := range []string{"contributor", "reader"} { // they may read and plan, not grant
		if code, _, text := send(t, w, who, "plan", wanted+"}"); code != 200 {
			t.Error(who, code, text)
		}
		code, _, text := send(t, w, who, "apply", wanted+"}")
		if code != 403 || !strings.Contains(text, "Microsoft.Authorization/roleAssignments/write") || !strings.Contains(text, "0 of 1 steps") {
			t.Error(who, code, text)
		}
	}
	if code, _, text := send(t, w, "owner", "apply", wanted+`, "digest": "another"}`); code != 409 || !strings.Contains(text, "PlanStale") {
		t.Error(code, text)
	}
	code, done, text := send(t, w, "owner", "apply", wanted+`, "digest": "`+plan.Digest+`", "reason": "CHG-9"}`)
	if code != 200 || done.Applied != 1 || done.Reason != "CHG-9" {
		t.Fatal(code, text)
	}
	if !w.Guard.Allowed(&gatehouse.Caller{ID: armtest.Alice}, "Microsoft.Resources/subscriptions/resourceGroups/read", armtest.GroupID()) {
		t.Error("nothing was applied")
	}
	changes, err := w.Store.Changes(t.Context(), store.ChangeQuery{Descending: true, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for c := range changes {
		if c.Cause.Reason != "CHG-9" || c.Cause.Caller.ID != armtest.Owner || c.Cause.Action != "Microsoft.Authorization/roleAssignments/write" {
			t.Errorf("%+v", c.Cause)
		}
	}
	if code, again, text := send(t, w, "owner", "plan", wanted+"}"); code != 200 || len(again.Plan.Steps) != 0 {
		t.Error(code, text)
	}
}
