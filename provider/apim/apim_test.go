package apim_test

import (
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/identity"
	"gatehouse/provider/insights"
	"gatehouse/provider/resources"
)

func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			identity.New(armtest.Tenant, w.Index), insights.New(w.Store), apim.New(armtest.Tenant, w.Index))
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }
