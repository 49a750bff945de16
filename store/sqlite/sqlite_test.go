package sqlite_test

import (
	"context"
	"testing"

	"gatehouse"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, err := sqlite.Open(ctx, dir, store.Options{}, sqlite.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	d := &store.Document{ID: gatehouse.MustID("/subscriptions/A/resourceGroups/Rg"), Type: "Microsoft.Resources/subscriptions/resourceGroups", Body: []byte(`{"a":1}`), Secret: []byte(`{"p":"geheim"}`)}
	c, err := s.Write(ctx, gatehouse.Cause{}, func(tx *store.Tx) error { return tx.Put(d) })
	if err != nil || len(c.Changes) != 1 {
		t.Fatal(err)
	}
	got, err := s.Get(ctx, d.Key())
	if err != nil || string(got.Secret) != `{"p":"geheim"}` {
		t.Fatal(err, got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = sqlite.Open(ctx, dir, store.Options{}, sqlite.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	got, err = s.Get(ctx, d.Key())
	t.Log(got, err)
	s.Close()
}
