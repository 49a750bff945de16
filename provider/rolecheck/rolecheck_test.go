package rolecheck_test

import (
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
	"gatehouse/provider/rolecheck"
)

func TestCases(t *testing.T) {
	armtest.Run(t, "testdata/*.txtar", func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, rolecheck.New(rolecheck.Config{Management: func() []string { return []string{armtest.BaseURL} }, Own: func() string { return armtest.BaseURL + "/own/v2.0" }}), authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index}))
	})
}
