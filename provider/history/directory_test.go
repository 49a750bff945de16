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
	if a := w.Do("app", "POST", path, nil, fmt.Sprintf(`{"changes":["%d"]}`, last[2])); a.Code != 200 {
		t.Errorf("the deletion alone: %d %s", a.Code, a.Body)
	}
}
