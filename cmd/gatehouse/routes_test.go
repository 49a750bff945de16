package main

import (
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/evidence"
)

// world is a test server with every provider of the product.
func appWorld(t *testing.T) *armtest.World { return armtest.Start(t, everything(t)) }

func everything(t *testing.T) func(w *armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		key, err := evidence.Open(t.TempDir(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		a := &app{store: w.Store, guard: w.Guard, dir: w.Index, key: key}
		providers, err := a.providers(t.Context(), armtest.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		return providers
	}
}

// TestWire runs the stories that need several providers together.
func TestWire(t *testing.T) { armtest.Run(t, "testdata/wire/*.txtar", everything(t)) }

// TestRoutes keeps the table of every route with the action that it asks for.
func TestRoutes(t *testing.T) { armtest.Routes(t, appWorld(t).Server, "testdata/routes.txt") }

// TestSweep asks every route without a token and without a role.
func TestSweep(t *testing.T) { armtest.Sweep(t, appWorld(t), "../../arm/testdata/unguarded.txt", true) }
