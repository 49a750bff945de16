package history_test

import (
	"fmt"
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
