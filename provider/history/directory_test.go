package history_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/directory"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// TestPrivileged: who may manage groups cannot bring back one that holds a directory role, and so become what
// its members were; whoever may assign that role can.
func TestPrivileged(t *testing.T) {
	w := armtest.Start(t, build(t))
	group := gatehouse.NameGUID(gatehouse.GUID{7}, "admins")
	role := func(n byte, who gatehouse.GUID, role string) *store.Document {
		return &store.Document{ID: directory.RoleAssignmentID(gatehouse.GUID{n}), Type: directory.RoleAssignmentType,
			Body: fmt.Appendf(nil, `{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, who, role)}
	}
	w.Put(t, armtest.Assignment("", armtest.App, builtin.Reader), role(1, armtest.App, "fdd7a751-b60b-444a-984c-02652fe8fa1c"), role(2, group, builtin.GlobalAdministrator),
		&store.Document{ID: directory.GroupID(group), Type: directory.GroupType, Body: fmt.Appendf(nil, `{"id":%q,"displayName":"admins"}`, group)},
		&store.Document{ID: directory.MemberID(group, armtest.App), Type: directory.GroupMemberType, Body: []byte(`{}`)})
	_, err := w.Store.Write(t.Context(), gatehouse.Cause{Action: "x", Scope: "/", Operation: gatehouse.NewGUID().String()}, func(tx *store.Tx) error {
		return w.Index.Delete(t.Context(), tx, directory.GroupID(group))
	})
	if err != nil {
		t.Fatal(err)
	}
	last := func() string {
		seq, _, err := w.Store.Last(t.Context(), w.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"changes":["%d"]}`, seq)
	}()
	const path = "/providers/Gatehouse.Access/undo?api-version=2026-11-01"
	if a := w.Do("app", "POST", path, nil, last); a.Code != 403 {
		t.Errorf("a manager of groups: %d %s", a.Code, a.Body)
	}
	w.Put(t, role(3, armtest.App, builtin.GlobalAdministrator))
	if a := w.Do("app", "POST", path, nil, last); a.Code != 200 {
		t.Errorf("a Global Administrator: %d %s", a.Code, a.Body)
	}
}

// TestEndedSessions: a password that was replaced, and the sessions that ended with it, do not come back by
// deleting the user and undoing both.
func TestEndedSessions(t *testing.T) {
	w := armtest.Start(t, build(t))
	user := gatehouse.NameGUID(gatehouse.GUID{6}, "eve")
	put := func(since, hash string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			return tx.Put(&store.Document{ID: directory.UserID(user), Type: directory.UserType, Secret: fmt.Appendf(nil, `{"passwordHash":%q}`, hash),
				Body: fmt.Appendf(nil, `{"id":%q,"userPrincipalName":"eve@contoso.test","displayName":"Eve","accountEnabled":true,"signInSessionsValidFromDateTime":%q}`, user, since)})
		}
	}
	w.Put(t, armtest.Assignment("", armtest.App, builtin.Reader), &store.Document{ID: directory.RoleAssignmentID(gatehouse.GUID{1}), Type: directory.RoleAssignmentType,
		Body: fmt.Appendf(nil, `{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, armtest.App, builtin.GlobalAdministrator)})
	var last []int64
	for _, f := range []func(*store.Tx) error{put("2026-01-01T00:00:00Z", "stolen"), put("2026-02-01T00:00:00Z", "new"),
		func(tx *store.Tx) error { return w.Index.Delete(t.Context(), tx, directory.UserID(user)) }} {
		if _, err := w.Store.Write(t.Context(), gatehouse.Cause{Action: "x", Scope: "/", Operation: gatehouse.NewGUID().String()}, f); err != nil {
			t.Fatal(err)
		}
		seq, _, err := w.Store.Last(t.Context(), w.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		last = append(last, seq)
	}
	const path = "/providers/Gatehouse.Access/undo?api-version=2026-11-01"
	if a := w.Do("app", "POST", path, nil, fmt.Sprintf(`{"changes":["%d..%d"]}`, last[1], last[2])); a.Code != 409 || !strings.Contains(a.Body.String(), "SessionsEnded") {
		t.Errorf("the reset and the deletion: %d %s", a.Code, a.Body)
	}
	if a := w.Do("app", "POST", path, nil, fmt.Sprintf(`{"changes":["%d"],"reviveSecrets":true}`, last[2])); a.Code != 200 {
		t.Errorf("the deletion alone: %d %s", a.Code, a.Body)
	}
}

// TestRevive: secrets that are gone and that somebody may still hold are named, and come back only when that is asked for.
func TestRevive(t *testing.T) {
	w := armtest.Start(t, build(t))
	w.Put(t, armtest.Assignment("", armtest.App, builtin.Owner), &store.Document{ID: directory.RoleAssignmentID(gatehouse.GUID{1}), Type: directory.RoleAssignmentType,
		Body: fmt.Appendf(nil, `{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, armtest.App, builtin.GlobalAdministrator)})
	app, key, other := gatehouse.NameGUID(gatehouse.GUID{6}, "deployer"), gatehouse.GUID{1, 1}, gatehouse.GUID{1, 2}
	put := func(name string, keys ...gatehouse.GUID) func(*store.Tx) error {
		var list, hashes []string
		for i, k := range keys {
			list = append(list, fmt.Sprintf(`{"keyId":%q,"displayName":"ci-%d"}`, k, i+1))
			hashes = append(hashes, fmt.Sprintf(`%q:"hash"`, k))
		}
		return func(tx *store.Tx) error {
			return tx.Put(&store.Document{ID: directory.ApplicationID(app), Type: directory.ApplicationType, Secret: fmt.Appendf(nil, `{"passwordCredentials":{%s}}`, strings.Join(hashes, ",")),
				Body: fmt.Appendf(nil, `{"id":%q,"appId":%q,"displayName":%q,"identifierUris":[],"passwordCredentials":[%s],"keyCredentials":[]}`, app, app, name, strings.Join(list, ","))})
		}
	}
	trust := directory.ApplicationID(app).String() + "/federatedIdentityCredentials/main"
	write := func(f func(*store.Tx) error) int64 {
		t.Helper()
		if _, err := w.Store.Write(t.Context(), gatehouse.Cause{Action: "x", Scope: "/", Operation: gatehouse.NewGUID().String()}, f); err != nil {
			t.Fatal(err)
		}
		seq, _, err := w.Store.Last(t.Context(), w.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	undo := func(seq int64, more string) (int, string) {
		a := w.Do("app", "POST", "/providers/Gatehouse.Access/undo?api-version=2026-11-01", nil, fmt.Sprintf(`{"changes":["%d"]%s}`, seq, more))
		return a.Code, a.Body.String()
	}
	write(put("deployer", key))
	write(func(tx *store.Tx) error {
		return tx.Put(&store.Document{ID: gatehouse.MustID(trust), Type: directory.FederatedType, Body: []byte(`{"name":"main","issuer":"https://ci.example","subject":"main"}`)})
	})
	added := write(put("deployer", key, other))
	if code, body := undo(added, `,"dryRun":true`); code != 200 || strings.Contains(body, "revives") {
		t.Errorf("taking a secret away brings none back: %d %s", code, body)
	}
	rotated := write(put("deployer", other))
	renamed := write(put("deploys", other))
	if code, body := undo(renamed, `,"dryRun":true`); code != 200 || strings.Contains(body, `"secrets"`) {
		t.Errorf("a name is no secret: %d %s", code, body)
	}
	if code, body := undo(renamed, ""); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if code, body := undo(rotated, `,"withLater":true,"dryRun":true`); code != 200 || !strings.Contains(body, "client secret ci-1") {
		t.Errorf("a dry run does not name the secret: %d %s", code, body)
	}
	if code, body := undo(rotated, `,"withLater":true`); code != 409 || !strings.Contains(body, "SecretsRevived") || !strings.Contains(body, "client secret ci-1") {
		t.Errorf("%d %s", code, body)
	}
	gone := write(func(tx *store.Tx) error {
		_, err := tx.Delete(gatehouse.MustID(trust).Scope())
		return err
	})
	if code, body := undo(gone, ""); code != 409 || !strings.Contains(body, `federated credential \"main\"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := undo(gone, `,"reviveSecrets":true`); code != 200 || !strings.Contains(body, `federated credential \"main\"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := undo(rotated, `,"withLater":true,"reviveSecrets":true`); code != 200 {
		t.Errorf("%d %s", code, body)
	}

	service := armtest.GroupID().String() + "/providers/Microsoft.ApiManagement/service/contoso"
	for _, c := range []struct{ method, path, body string }{
		{"PUT", service, `{"location":"westeurope","sku":{"name":"Developer","capacity":1},"properties":{"publisherEmail":"a@contoso.test","publisherName":"C"}}`},
		{"PUT", service + "/subscriptions/s1", `{"properties":{"displayName":"s1","scope":"/apis"}}`},
		{"DELETE", service + "/subscriptions/s1", ""},
	} {
		if a := w.Do("owner", c.method, c.path+"?api-version=2022-08-01", nil, c.body); a.Code >= 300 {
			t.Fatalf("%s %s: %d %s", c.method, c.path, a.Code, a.Body)
		}
	}
	last, _, err := w.Store.Last(t.Context(), w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if code, body := undo(last, ""); code != 409 || !strings.Contains(body, "primaryKey") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := undo(last, `,"reviveSecrets":true`); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

// TestCreatedWithAttributes: who may delete users may undo the creation of one, whatever attributes it has;
// bringing it back with them takes the right to write them.
func TestCreatedWithAttributes(t *testing.T) {
	w := armtest.Start(t, build(t))
	user := gatehouse.NameGUID(gatehouse.GUID{6}, "mallory")
	const userAdministrator = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	w.Put(t, armtest.Assignment("", armtest.App, builtin.Reader), &store.Document{ID: directory.RoleAssignmentID(gatehouse.GUID{1}), Type: directory.RoleAssignmentType,
		Body: fmt.Appendf(nil, `{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, armtest.App, userAdministrator)})
	_, err := w.Store.Write(t.Context(), gatehouse.Cause{Action: "x", Scope: "/", Operation: gatehouse.NewGUID().String()}, func(tx *store.Tx) error {
		return tx.Put(&store.Document{ID: directory.UserID(user), Type: directory.UserType,
			Body: fmt.Appendf(nil, `{"id":%q,"userPrincipalName":"mallory@contoso.test","displayName":"Mallory","accountEnabled":true,"customSecurityAttributes":{"S":{"A":"x"}}}`, user)})
	})
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := w.Store.Last(t.Context(), w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	undo := func(seq int64) (int, string) {
		a := w.Do("app", "POST", "/providers/Gatehouse.Access/undo?api-version=2026-11-01", nil, fmt.Sprintf(`{"changes":["%d"]}`, seq))
		return a.Code, a.Body.String()
	}
	if code, body := undo(made); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if code, body := undo(made + 1); code != 403 || !strings.Contains(body, "customSecurityAttributes/write") {
		t.Errorf("%d %s", code, body)
	}
}
