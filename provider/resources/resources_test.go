package resources_test

import (
	"context"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/provider/resources"
	"gatehouse/store"
)

// widgets is a provider to have something to deploy and to list: widgets with a secret, and parts in them.
func widgets() *arm.Provider {
	return &arm.Provider{Namespace: "Contoso.Widgets", Versions: []string{"2026-01-01"},
		Mounts: []arm.Mount{{At: arm.AtGroup, Types: []*arm.Type{widget}}}}
}

var widget = &arm.Type{
	Segment: "widgets", Shape: arm.Entity, Tracked: true,
	Model: arm.NewModel(`
		location string required immutable
		tags     map
		sku.name string
		properties.colour enum(red|green|blue) default="red"
		properties.size   int max=10
		properties.key    string secret
		properties.note   string
		properties.provisioningState string readonly
	`),
	Hooks: arm.Hooks{
		Default: func(_ *arm.Op, next *arm.Resource) { next.Props().Set("provisioningState", "Succeeded") },
		Delete: func(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
			return tx.Note("event", "widget "+old.ID.Name()+" is gone")
		},
	},
	Actions: []arm.Action{{Name: "listKeys", Do: func(op *arm.Op) (*arm.Answer, error) {
		r, err := op.Load(op.Store(), op.ID)
		if err != nil {
			return nil, err
		}
		return arm.OK(jsondoc.NewObject("key", r.SecretString("properties.key"))), op.Record("keys listed")
	}}},
	Holds: []*arm.Type{{Segment: "parts", Shape: arm.Object, Model: arm.NewModel("properties.weight int\nproperties.of string")}},
}

func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(context.Background(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, widgets())
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }

func TestSweep(t *testing.T) {
	armtest.Sweep(t, armtest.Start(t, build(t)), "../../arm/testdata/unguarded.txt", false)
}

func TestRoutes(t *testing.T) {
	w := armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(context.Background(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return providers
	})
	armtest.Routes(t, w.Server, "testdata/routes.txt")
}
