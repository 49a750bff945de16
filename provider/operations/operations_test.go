package operations_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/directory"
	"gatehouse/provider/operations"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// build makes the provider with tokens that tell whom they are for. The resource "unknown" is refused.
func build(w *armtest.World) []*arm.Provider {
	issue := func(_ context.Context, principal gatehouse.GUID, resource string) (string, time.Time, error) {
		if resource == "unknown" {
			return "", time.Time{}, gatehouse.Errorf(gatehouse.Invalid, "invalid_resource", "There is no resource 'unknown'.")
		}
		return "token of " + principal.String() + " for " + resource, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), nil
	}
	return []*arm.Provider{operations.New(operations.Config{Directory: w.Index, IssueToken: issue, RotateKeys: func(context.Context) error { return nil }})}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build) }

// TestRecordFirst: no token leaves without a record, and keys that could not be changed are no success.
func TestRecordFirst(t *testing.T) {
	broken := func(w *armtest.World) []*arm.Provider {
		return []*arm.Provider{operations.New(operations.Config{Directory: w.Index, RotateKeys: func(context.Context) error { return errors.New("the disk is full") }})}
	}
	w := armtest.Start(t, broken)
	w.Put(t, administrator())
	answer := w.Do("alice", http.MethodPost, "/providers/Gatehouse.Operations/rotateKeys?api-version=2026-11-01", nil, "{}")
	if answer.Code != http.StatusInternalServerError || strings.Contains(answer.Body.String(), "disk") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// administrator makes alice a Global Administrator.
func administrator() *store.Document {
	return &store.Document{ID: directory.RoleAssignmentID(gatehouse.NewGUID()), Type: directory.RoleAssignmentType,
		Body: fmt.Appendf(nil, `{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, armtest.Alice, builtin.GlobalAdministrator)}
}
