package evidence_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/evidence"
	"gatehouse/guard"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// TestDenied: who had access to what says what deny assignments take away from it: from whom they name,
// directly, through a group or as everyone; at the scope or at a part; not from whom they exclude.
func TestDenied(t *testing.T) {
	_, s, k := filled(t, 1)
	const sub = "/subscriptions/11111111-1111-1111-1111-111111111111"
	who := func(name string) gatehouse.GUID { return gatehouse.NameGUID(gatehouse.GUID{1}, name) }
	write := func(docs ...*store.Document) {
		t.Helper()
		_, err := s.Write(context.Background(), gatehouse.Cause{Action: "x", Scope: "/", Operation: gatehouse.NewGUID().String()}, func(tx *store.Tx) error {
			for _, d := range docs {
				if err := tx.Put(d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	user := func(name string) *store.Document {
		return &store.Document{ID: directory.UserID(who(name)), Type: directory.UserType, Body: fmt.Appendf(nil, `{"id":%q,"userPrincipalName":"%s@contoso.test","displayName":%q,"accountEnabled":true}`, who(name), name, name)}
	}
	assign := func(name, at, role string) *store.Document {
		return &store.Document{ID: guard.RoleAssignmentID(gatehouse.MustID(at), who(name+at)), Type: guard.RoleAssignmentType,
			Body: fmt.Appendf(nil, `{"properties":{"principalId":%q,"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/%s"}}`, who(name), role)}
	}
	deny := func(name, at, actions, principals, excluded, more string) *store.Document {
		return &store.Document{ID: gatehouse.MustID(at + "/providers/Microsoft.Authorization/denyAssignments/" + who(name).String()), Type: guard.DenyAssignmentType,
			Body: fmt.Appendf(nil, `{"properties":{"denyAssignmentName":%q,"permissions":[{"actions":[%s]}],"principals":[%s],"excludePrincipals":[%s]%s}}`, name, actions, principals, excluded, more)}
	}
	one := func(name string) string { return fmt.Sprintf(`{"id":%q,"type":"User"}`, who(name)) }
	everyone := `{"id":"00000000-0000-0000-0000-000000000000","type":"SystemDefined"}`
	write(user("ada"), user("bob"), user("eve"),
		&store.Document{ID: directory.GroupID(who("team")), Type: directory.GroupType, Body: fmt.Appendf(nil, `{"id":%q,"displayName":"team"}`, who("team"))},
		&store.Document{ID: directory.MemberID(who("team"), who("bob")), Type: directory.GroupMemberType, Body: []byte(`{}`)},
		assign("ada", sub, builtin.Reader), assign("team", sub, builtin.Reader), assign("eve", sub+"/resourceGroups/rg-0", builtin.Reader),
		deny("nothing for ada", sub, `"*/read"`, one("ada"), "", ""),
		deny("no groups", sub+"/resourceGroups/rg-0", `"Microsoft.Resources/subscriptions/resourceGroups/read"`, everyone, one("ada"), ""),
		deny("only looking", sub, `"*"`, everyone, "", `,"denyAssignmentEffect":"audit"`),
		deny("for the team", sub, `"Microsoft.Resources/*"`, fmt.Sprintf(`{"id":%q,"type":"Group"}`, who("team")), "", ""))
	dir := filepath.Join(t.TempDir(), "b")
	now := time.Now().Add(time.Second)
	r, err := k.Bundle(context.Background(), s, evidence.Request{Kind: evidence.AccessReview, From: now.Add(-time.Hour), To: now, Now: now, Tenant: "t", Version: "v", Names: names}, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]evidence.Access{}
	for _, a := range r.End {
		got[a.Principal] = a
	}
	if a := got["ada@contoso.test"]; a.Left != 0 || a.Actions < 300 || a.DeniedBy() != fmt.Sprintf("nothing for ada at %s: %d actions", sub, a.Actions) {
		t.Errorf("ada: %d of %d, %s", a.Left, a.Actions, a.DeniedBy())
	}
	if a := got["bob@contoso.test"]; a.Left >= a.Actions || !strings.Contains(a.DeniedBy(), "for the team at "+sub) || !strings.Contains(a.DeniedBy(), "no groups at "+sub+"/resourceGroups/rg-0: 1 actions at a part") {
		t.Errorf("bob: %d of %d, %s", a.Left, a.Actions, a.DeniedBy())
	}
	if a := got["eve@contoso.test"]; a.Left != a.Actions-1 || len(a.Denied) != 1 || a.Denied[0].Within {
		t.Errorf("eve: %d of %d, %s", a.Left, a.Actions, a.DeniedBy())
	}
	sheet, err := os.ReadFile(filepath.Join(dir, "review-sheet.csv"))
	page, err2 := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil || err2 != nil || !strings.Contains(string(sheet), "nothing for ada at") || !strings.Contains(string(page), "nothing for ada at") {
		t.Errorf("the sheet or the page does not tell: %v %v", err, err2)
	}
}
