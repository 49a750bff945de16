package authorization_test

import (
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
)

func build(t *testing.T) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant,
			Limits: authorization.Limits{AssignmentsPerSubscription: 12, AssignmentsPerManagementGroup: 2, CustomRoles: 3}}))
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }
