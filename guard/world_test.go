package guard_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/rbac"
	worldfile "gatehouse/world"
)

// TestWorldOfStore: the world that is read from a store, and the file that it is
// written to, decide as the Guard over the same documents does.
func TestWorldOfStore(t *testing.T) {
	w := start(t)
	docs := pool()
	random := rand.New(rand.NewPCG(3, 4))
	there := map[gatehouse.Scope]bool{}
	for round := range 25 {
		for range 8 {
			d := docs[random.IntN(len(docs))]
			if key := d.id.Scope(); there[key] && random.IntN(5) < 2 {
				d, there[key] = d.gone(), false
			} else {
				there[key] = true
			}
			w.write(d)
		}
		live, err := worldfile.FromStore(context.Background(), w.store)
		if err != nil {
			t.Fatal(err)
		}
		b, err := live.Marshal(worldfile.YAML)
		if err != nil {
			t.Fatal(err)
		}
		file, err := worldfile.Parse("world.yaml", b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		sameDecisions(t, round, w.guard.Snapshot(), rbac.New(live.Engine()), live)
		sameDecisions(t, round, w.guard.Snapshot(), rbac.New(file.Engine()), file)
		if t.Failed() {
			t.Fatalf("%s", b)
		}
	}
}

func sameDecisions(t *testing.T, round int, want, got *rbac.Snapshot, w *worldfile.World) {
	t.Helper()
	for _, q := range questions() {
		r := gatehouse.Request{Principal: guid(q.who), Action: q.action, Data: q.data, Scope: id(q.scope).Scope(), Now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
		if p := w.Principal(r.Principal); p != nil && p.Attributes != nil {
			r.Attributes = &gatehouse.Attributes{Principal: p.Attributes}
		}
		x, y := want.Decide(&r), got.Decide(&r)
		if x.Allowed != y.Allowed || x.Code != y.Code || x.Conditional != y.Conditional {
			t.Errorf("round %d: %v: the guard says %+v, the world %+v", round, q, x, y)
		}
	}
}
