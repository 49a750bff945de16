package arm_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/guard"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// unread fails whoever reads from it.
type unread struct{ read bool }

func (u *unread) Read([]byte) (int, error) {
	u.read = true
	return 0, errors.New("the line broke")
}

// Who has no right to write is refused before a byte of the body is taken: bodies
// are large and lines are slow. A body that breaks off is the caller's fault, and
// no business of a method that has none.
func TestBodiesAreReadOnceAuthorized(t *testing.T) {
	w := newThings(t, "a")
	for _, c := range []struct {
		as, method, path string
		status           int
		read             bool
	}{
		{"nobody", "PUT", "a/things/x", 403, false},
		{"nobody", "PATCH", "a/things/x", 403, false},
		{"nobody", "POST", "a/things/x/fail", 403, false},
		{"owner", "PUT", "a/things/x", 400, true},
		{"owner", "GET", "a", 200, true},
	} {
		body := &unread{}
		r := httptest.NewRequest(c.method, armtest.GroupID().String()+"/providers/Contoso.Test/boxes/"+c.path+"?api-version=2024-05-01", body)
		r.Header.Set("Authorization", "Bearer "+c.as)
		answer := httptest.NewRecorder()
		if w.Server.ServeHTTP(answer, r); answer.Code != c.status || body.read != c.read {
			t.Errorf("%s as %s: %d, body read: %t; want %d, %t: %s", c.method, c.as, answer.Code, body.read, c.status, c.read, answer.Body)
		}
	}
}

// Conditions are asked again inside the transaction with what is true then, not
// with what was read before.
func TestConditionsHoldWhenWritten(t *testing.T) {
	asked := 0
	counted := &arm.Type{Segment: "counters", Shape: arm.Document, Hooks: arm.Hooks{Attributes: func(op *arm.Op) *gatehouse.Attributes {
		asked++
		return &gatehouse.Attributes{Resource: map[string]any{"Contoso.Test/counters:asked": int64(asked)}}
	}}}
	w := armtest.Start(t, func(*armtest.World) []*arm.Provider {
		return []*arm.Provider{{Namespace: "Contoso.Test", Mounts: []arm.Mount{{At: arm.AtGroup, Types: []*arm.Type{counted}}}}}
	})
	w.Put(t, &store.Document{ID: guard.RoleAssignmentID(armtest.GroupID(), gatehouse.NewGUID()), Type: guard.RoleAssignmentType,
		Body: fmt.Appendf(nil, `{"properties": {"roleDefinitionId": "x/%s", "principalId": "%s", "condition": "@Resource[Contoso.Test/counters:asked] NumericLessThanEquals 1"}}`, builtin.Owner, armtest.Alice)})
	url := armtest.GroupID().String() + "/providers/Contoso.Test/counters/x?api-version=2024-05-01"
	if a := w.Do("alice", "PUT", url, nil, "{}"); a.Code != 403 || asked != 2 {
		t.Errorf("a condition that no longer holds: %d after %d questions: %s", a.Code, asked, a.Body)
	}
	if a := w.Do("owner", "PUT", url, nil, "{}"); a.Code != 201 {
		t.Errorf("the owner: %d %s", a.Code, a.Body)
	}
}
