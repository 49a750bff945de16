package identity_test

import (
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/directory"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/identity"
	"gatehouse/provider/resources"
)

func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			identity.New(armtest.Tenant, w.Index), apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index}))
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }

// An identity is a service principal from the answer to its PUT on, and nobody from
// the answer to its DELETE on, also when its resource group goes.
func TestServicePrincipal(t *testing.T) {
	w := armtest.Start(t, build(t))
	path := armtest.GroupID().String() + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/worker"
	id := gatehouse.MustID(path)
	for _, gone := range []string{path + "?api-version=2023-01-31", armtest.GroupID().String() + "?api-version=2021-04-01"} {
		if a := w.Do("owner", "PUT", path+"?api-version=2023-01-31", nil, `{"location": "westeurope"}`); a.Code != 201 {
			t.Fatalf("PUT: %d %s", a.Code, a.Body)
		}
		oid, ok := w.Index.ManagedIdentity(id)
		p, known := w.Index.Principal(oid)
		if !ok || !known || !p.Managed || !p.Enabled || p.DisplayName != "worker" || p.Type != gatehouse.ServicePrincipal {
			t.Fatalf("the directory knows %+v", p)
		}
		w.Put(t, armtest.Assignment(armtest.GroupID().String(), oid, "acdd72a7-3385-48ef-bd42-f606fba81ae7"))
		caller := &gatehouse.Caller{ID: oid, Type: gatehouse.ServicePrincipal}
		if !w.Guard.Allowed(caller, "Contoso.Test/x/read", armtest.GroupID()) {
			t.Error("its role does not count")
		}
		if a := w.Do("owner", "DELETE", gone, nil, ""); a.Code != 200 && a.Code != 202 {
			t.Fatalf("DELETE %s: %d %s", gone, a.Code, a.Body)
		}
		if _, ok := w.Index.Principal(oid); ok {
			t.Errorf("after DELETE %s the directory still has it", gone)
		}
		if _, err := w.Store.Get(t.Context(), directory.ServicePrincipalID(oid).Scope()); gatehouse.KindOf(err) != gatehouse.NotFound {
			t.Errorf("after DELETE %s the store still has it: %v", gone, err)
		}
	}
}
