package audit_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/store"
)

const (
	assignment = subscription + "/resourceGroups/Rg/providers/Microsoft.Authorization/roleAssignments/22222222-2222-2222-2222-222222222222"
	tenant     = "99999999-9999-9999-9999-999999999999"
)

// story is a small history: a group, a role assignment and its end, a refusal, a
// custom role written through the subscription, a secret revealed, a directory object.
func story(t *testing.T) *audit.Log {
	s := open(t, t.TempDir())
	group := subscription + "/resourceGroups/Rg"
	write(t, s, cause("1", "PUT", groupType+"/write", group), func(tx *store.Tx) error {
		if err := tx.Put(doc(group+"/providers/Microsoft.X/things/side", "Microsoft.X/things", `{}`, "")); err != nil {
			return err
		}
		if err := tx.Put(doc(group, groupType, `{"location":"here"}`, "")); err != nil {
			return err
		}
		return tx.Put(doc(group, groupType, `{"location":"there"}`, ""))
	})
	grant := cause("2", "PUT", assignmentType+"/write", assignment)
	grant.Request = []byte("{\n \"properties\": {\"principalId\": \"p\", \"roleDefinitionId\": \"r\"}}")
	grant.Decision = &gatehouse.Because{Allowed: true, Role: "owner"}
	body := `{"properties":{"principalId":"p","roleDefinitionId":"r"}}`
	write(t, s, grant, func(tx *store.Tx) error { return tx.Put(doc(assignment, assignmentType, body, "")) })
	write(t, s, cause("3", "DELETE", assignmentType+"/delete", assignment), func(tx *store.Tx) error {
		_, err := tx.Delete(gatehouse.MustScope(assignment))
		return err
	})
	for _, action := range []string{"/write", "/read"} {
		refused := cause("4"+action, "PUT", groupType+action, subscription+"/resourceGroups/Other")
		refused.Caller = gatehouse.Caller{ID: gatehouse.MustGUID("bbbbbbbb-0000-0000-0000-000000000002"), Type: gatehouse.ServicePrincipal, Name: "app"}
		if err := s.Record(context.Background(), gatehouse.Change{Kind: gatehouse.Refused, Cause: refused}); err != nil {
			t.Fatal(err)
		}
	}
	role := "/providers/Microsoft.Authorization/roleDefinitions/33333333-3333-3333-3333-333333333333"
	write(t, s, cause("5", "PUT", "Microsoft.Authorization/roleDefinitions/write", subscription+role), func(tx *store.Tx) error {
		return tx.Put(doc(role, "Microsoft.Authorization/roleDefinitions", `{"properties":{}}`, ""))
	})
	reveal := gatehouse.Change{Kind: gatehouse.Event, Note: "revealed", Cause: cause("6", "POST", "Microsoft.X/things/listSecrets/action", group+"/providers/Microsoft.X/things/t")}
	if err := s.Record(context.Background(), reveal); err != nil {
		t.Fatal(err)
	}
	user := "/providers/Microsoft.Graph/directory/main/users/u"
	write(t, s, cause("7", "POST", "Microsoft.Graph/directory/users/write", user), func(tx *store.Tx) error {
		return tx.Put(doc(user, "Microsoft.Graph/directory/users", `{}`, ""))
	})
	return &audit.Log{Store: s, Tenant: tenant, Name: func(action string) string { return "Do " + action }}
}

func events(t *testing.T, l *audit.Log, under, filter string) (all []audit.Event) {
	t.Helper()
	f, err := audit.ParseFilter(filter)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range l.Events(context.Background(), gatehouse.MustScope(under), f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestEventShape(t *testing.T) {
	all := events(t, story(t), subscription, "correlationId eq 'corr-2'")
	if len(all) != 2 {
		t.Fatalf("%d events", len(all))
	}
	got, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"action": "Microsoft.Authorization/roleAssignments/write"`, `"scope": "` + assignment + `"`, `"role": "owner"`,
		`"caller": "ada@contoso.example"`, `"channels": "Operation"`, `"value": "EndRequest"`, `"localizedValue": "Begin request"`,
		`"eventTimestamp": "2026-11-21T08:00:0`, `"clientRequestId": "client-2"`, `"clientIpAddress": "10.0.0.7"`, `"method": "PUT"`,
		`"resourceGroupName": "Rg"`, `"value": "Microsoft.Authorization"`, `"value": "Microsoft.Authorization/roleAssignments"`,
		`"value": "Created"`, `"localizedValue": "Created (HTTP Status Code: 201)"`, `"subscriptionId": "11111111-`, `"tenantId": "9999`,
		`"requestbody": "{\"properties\":{\"principalId\":\"p\",\"roleDefinitionId\":\"r\"}}"`, `"hierarchy": "` + tenant + `/1111`,
		`"http://schemas.microsoft.com/identity/claims/objectidentifier": "aaaaaaaa-`, `"iat": "1790000000"`, `/ticks/639308448030000000`,
		`"localizedValue": "Do Microsoft.Authorization/roleAssignments/write"`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the events lack %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", got)
	}
	end, begin := all[0], all[1]
	if end.EventDataID == begin.EventDataID || end.OperationID != begin.OperationID || begin.Status.Value != "Started" || end.Status.Value != "Succeeded" {
		t.Errorf("the pair is %+v\n%+v", end, begin)
	}
	again := events(t, story(t), subscription, "correlationId eq 'corr-2'")
	if again[0].EventDataID != end.EventDataID {
		t.Error("an event has another ID when read again")
	}
}

// TestDeletion has what az's change log reads of the event that ends a deletion.
func TestDeletion(t *testing.T) {
	end := events(t, story(t), subscription, "correlationId eq 'corr-3'")[0]
	var body struct {
		ID, Name, Type string
		Properties     struct{ PrincipalID, Scope, RoleDefinitionID string }
	}
	if err := json.Unmarshal([]byte(end.Properties["responseBody"]), &body); err != nil {
		t.Fatal(err)
	}
	if body.Properties.Scope != subscription+"/resourceGroups/Rg" || body.Properties.PrincipalID != "p" || body.Properties.RoleDefinitionID != "r" ||
		body.ID != assignment || body.Name != "22222222-2222-2222-2222-222222222222" || end.HTTPRequest.Method != http.MethodDelete {
		t.Errorf("got %+v", body)
	}
}

func TestEventSelection(t *testing.T) {
	l := story(t)
	for _, c := range []struct{ under, filter, want string }{
		{"/", "", "6 5 4/write 3 2 1"},
		{subscription, "", "6 5 4/write 3 2 1"},
		{subscription + "/resourceGroups/RG", "", "6 3 2 1"},
		{subscription, "resourceGroupName eq 'rg'", "6 3 2 1"},
		{subscription, "resourceProvider eq Microsoft.authorization", "5 3 2"},
		{subscription, "resourceProvider eq 'Microsoft.Authorization' and resourceGroupName eq RG", "3 2"},
		{subscription, "resourceUri eq '" + strings.ToUpper(assignment) + "'", "3 2"},
		{subscription, "resourceId eq " + subscription + "/resourceGroups/other", "4/write"},
		{subscription, "resourceUri eq '/subscriptions/another'", ""},
		{subscription, "caller eq 'ADA@contoso.example'", "6 5 3 2 1"},
		{subscription, "caller eq 'bbbbbbbb-0000-0000-0000-000000000002'", "4/write"},
		{subscription, "correlationId eq 'corr-5'", "5"},
		{subscription, "eventTimestamp ge 2026-11-21T08:00:00Z and eventTimestamp le '2026-11-21T09:00:00.1234567'", "6 5 4/write 3 2 1"},
		{subscription, "eventTimestamp ge '2026-11-22'", ""},
		{subscription, "eventTimestamp lt 2026-11-21T07:00:00+00:00", ""},
		{subscription, "eventChannels eq 'Admin, Operation'", "6 5 4/write 3 2 1"},
		{subscription, "eventChannels eq 'Admin'", ""},
		{subscription, "status eq 'Failed'", "4/write"},
		{subscription, "levels eq 'Critical,Error'", "4/write"},
		{subscription, "resourceType eq 'microsoft.resources/subscriptions/resourcegroups'", "4/write 1"},
		{"/subscriptions/another", "", ""},
	} {
		var got []string
		for _, e := range events(t, l, c.under, c.filter) {
			if n := len(got); n == 0 || got[n-1] != e.OperationID {
				got = append(got, e.OperationID)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %q: got %q, want %q", c.under, c.filter, got, c.want)
		}
	}
}

func TestOneRequestOnePair(t *testing.T) {
	all := events(t, story(t), subscription, "correlationId eq corr-1")
	if len(all) != 2 || !strings.HasSuffix(all[0].ResourceID, "/Rg") || all[0].Properties["statusCode"] != "Created" ||
		!strings.Contains(all[0].Properties["responseBody"], "there") {
		t.Errorf("got %+v", all)
	}
}

func TestRefusedEvent(t *testing.T) {
	all := events(t, story(t), subscription, "status eq Failed")
	if len(all) != 1 || all[0].SubStatus.Value != "Forbidden" || all[0].Level != "Error" || all[0].Caller != "bbbbbbbb-0000-0000-0000-000000000002" {
		t.Errorf("got %+v", all)
	}
}

func TestFilterErrors(t *testing.T) {
	for _, text := range []string{"x eq 1", "caller", "caller eq", "caller eq 'a' or caller eq 'b'", "caller eq 'a' and", "caller ne 'a'",
		"eventTimestamp ge yesterday", "eventTimestamp eq 2026-01-01", "caller eq 'open", "resourceUri eq '/nowhere'", "'caller' eq x and"} {
		if _, err := audit.ParseFilter(text); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	f, err := audit.ParseFilter("  caller eq 'O''Hara'  ")
	if err != nil || f.Caller != "O'Hara" {
		t.Errorf("got %+v, %v", f, err)
	}
	f, err = audit.ParseFilter("eventTimestamp ge 2026-01-02 03:04:05")
	if err == nil {
		t.Logf("a bare time with a blank: %v", f.Since)
	}
	f, err = audit.ParseFilter("eventTimestamp ge '2026-01-02 03:04:05'")
	if err != nil || !f.Since.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("got %v, %v", f.Since, err)
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add("eventTimestamp ge '2026-01-01' and caller eq 'x''y'")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := audit.ParseFilter(text); err != nil && gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	})
}
