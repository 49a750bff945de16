package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// TestNameless: an application that may read the log and the role assignments, but not the
// directory, is told IDs of people and groups, and cannot find out who there is.
func TestNameless(t *testing.T) {
	w := armtest.Start(t, build(t))
	group := gatehouse.NameGUID(gatehouse.GUID{7}, "secret project")
	w.Put(t, armtest.Assignment("", armtest.App, builtin.Reader))
	cause := gatehouse.Cause{Caller: gatehouse.Caller{ID: armtest.Owner, Type: gatehouse.User, Name: "owner@contoso.test"}, Action: "x", Scope: "/", Operation: gatehouse.NewGUID().String()}
	_, err := w.Store.Write(t.Context(), cause, func(tx *store.Tx) error {
		for _, d := range []*store.Document{
			{ID: directory.GroupID(group), Type: directory.GroupType, Body: fmt.Appendf(nil, `{"id":%q,"displayName":"secret project"}`, group)},
			{ID: directory.MemberID(group, armtest.Bob), Type: directory.GroupMemberType, Body: []byte(`{}`)},
			armtest.Assignment(armtest.GroupID().String(), group, builtin.Contributor),
			armtest.Assignment(armtest.GroupID().String(), armtest.Alice, builtin.Contributor),
		} {
			if err := tx.Put(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	at := armtest.GroupID().String() + "/providers/Gatehouse.Access/"
	get := func(who, path string, code int) string {
		t.Helper()
		a := w.Do(who, "GET", at+path, nil, "")
		if a.Code != code {
			t.Errorf("%s as %s: %d %s", path, who, a.Code, a.Body)
		}
		return a.Body.String()
	}
	for _, path := range []string{"history?api-version=2026-11-01", "diff?api-version=2026-11-01&since=%231"} {
		if body := get("reader", path, 200); !strings.Contains(body, "bob@") || !strings.Contains(body, "owner@") || !strings.Contains(body, "secret project") {
			t.Errorf("a user sees %s", body)
		}
		if body := get("app", path, 200); strings.Contains(body, "@contoso.test") || strings.Contains(body, "secret project") {
			t.Errorf("an application sees %s", body)
		}
	}
	get("app", "history?api-version=2026-11-01&principal=bob@contoso.test", 404)
	get("app", "history?api-version=2026-11-01&principal="+armtest.Bob.String(), 200)
}

// TestMany: nobody makes the server read the log again and again by one request.
func TestMany(t *testing.T) {
	w := armtest.Start(t, build(t))
	list := strings.Repeat(`"1..5000",`, 100_000) + `"1"`
	a := w.Do("nobody", "POST", "/providers/Gatehouse.Access/undo?api-version=2026-11-01", nil, `{"changes":[`+list+`]}`)
	if a.Code != 400 || !strings.Contains(a.Body.String(), "TooManyChanges") {
		t.Errorf("%d %.300s", a.Code, a.Body)
	}
	a = w.Do("nobody", "POST", "/providers/Gatehouse.Access/undo?api-version=2026-11-01", nil, `{"changes":[`+strings.Repeat(`"1..5000",`, 499)+`"1"]}`)
	if a.Code != 400 && a.Code != 404 {
		t.Errorf("%d %.300s", a.Code, a.Body)
	}
}

// TestUnreadable: who may write something and not read it does not read it by trying to undo its changes.
func TestUnreadable(t *testing.T) {
	w := armtest.Start(t, build(t))
	role := gatehouse.NameGUID(gatehouse.GUID{9}, "writer")
	w.Put(t, &store.Document{ID: guard.RoleDefinitionID(role), Type: guard.RoleDefinitionType, Body: []byte(`{"properties":{"roleName":"writer","type":"CustomRole","assignableScopes":["/"],
		"permissions":[{"actions":["Microsoft.Insights/eventtypes/values/read","Microsoft.Resources/subscriptions/resourceGroups/write"]}]}}`)},
		armtest.Assignment(armtest.GroupID().String(), armtest.Bob, role.String()))
	for _, tag := range []string{"confidential", "public"} {
		if a := w.Do("owner", "PUT", armtest.GroupID().String()+"?api-version=2021-04-01", nil, `{"location":"westeurope","tags":{"t":"`+tag+`"}}`); a.Code >= 300 {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
	}
	seq, _, err := w.Store.Last(t.Context(), w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for who, reads := range map[string]bool{"bob": false, "owner": true} {
		a := w.Do(who, "POST", "/providers/Gatehouse.Access/undo?api-version=2026-11-01", nil, fmt.Sprintf(`{"changes":["%d"],"dryRun":true}`, seq))
		if a.Code != 200 || strings.Contains(a.Body.String(), "confidential") != reads {
			t.Errorf("%s: %d %s", who, a.Code, a.Body)
		}
	}
}

// TestElsewhere: a history is of what happened at a scope and below it; what came down from
// above is told on demand, and nothing is told of scopes whose changes the caller may not read.
func TestElsewhere(t *testing.T) {
	w := armtest.Start(t, build(t))
	rg := armtest.GroupID().String()
	service := rg + "/providers/Microsoft.ApiManagement/service/contoso"
	w.Put(t, armtest.Assignment(rg, armtest.Bob, builtin.Reader))
	start, _, err := w.Store.Last(t.Context(), w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	deny := gatehouse.NameGUID(gatehouse.GUID{5}, "deny")
	w.Put(t, armtest.Assignment("/subscriptions/"+armtest.Subscription.String(), armtest.Alice, builtin.Contributor), armtest.Assignment(service, armtest.Alice, builtin.Reader),
		armtest.Assignment(rg, armtest.Alice, builtin.Reader))
	closed := &store.Document{ID: gatehouse.MustID(service + "/providers/Microsoft.Authorization/denyAssignments/" + deny.String()), Type: guard.DenyAssignmentType,
		Body: fmt.Appendf(nil, `{"properties":{"denyAssignmentName":"closed","permissions":[{"actions":["*"]}],"principals":[{"id":%q,"type":"User"}],"excludePrincipals":[]}}`, armtest.Bob)}
	ask := func(who, path string) string {
		t.Helper()
		a := w.Do(who, "GET", rg+"/providers/Gatehouse.Access/"+path+"&api-version=2026-11-01", nil, "")
		if a.Code != 200 {
			t.Errorf("%s as %s: %d %s", path, who, a.Code, a.Body)
		}
		return a.Body.String()
	}
	above, below, here := `"scope":"/subscriptions/`+armtest.Subscription.String()+`"`, `"scope":"`+service+`"`, `"scope":"`+rg+`"`
	expect := func(who, path string, want ...string) {
		t.Helper()
		body := strings.Join(strings.Fields(ask(who, path)), "")
		for _, s := range []string{above, below, here} {
			if got := strings.Contains(body, s); got != slices.Contains(want, s) {
				t.Errorf("%s as %s tells of %s: %v\n%s", path, who, s, got, body)
			}
		}
	}
	since := fmt.Sprintf("since=%%23%d", start)
	expect("owner", "history?"+since, here, below)
	expect("owner", "history?inherited=true&"+since, here, below, above)
	expect("bob", "history?"+since, here, below)
	expect("bob", "history?inherited=true&"+since, here, below)
	w.Put(t, closed)
	expect("bob", "history?"+since, here)
	expect("owner", "history?principal=alice@contoso.test&"+since, here, below)

	if body := ask("owner", "diff?"+since); !strings.Contains(body, `subscriptions/`+armtest.Subscription.String()+`/providers/Microsoft.Authorization/roleAssignments`) || strings.Contains(body, "elsewhere") {
		t.Errorf("the owner is told %s", body)
	}
	body := ask("bob", "diff?"+since)
	if !strings.Contains(body, `"elsewhere"`) || strings.Contains(body, `"resource": "/subscriptions/`+armtest.Subscription.String()+`/providers`) || strings.Contains(body, `"scope": "`+service) {
		t.Errorf("bob is told %s", body)
	}
}
