// Package sqlitetest opens stores for the tests of other packages.
package sqlitetest

import (
	"testing"

	"gatehouse/store"
	"gatehouse/store/sqlite"
)

// Open returns a store in a temporary directory, closed with the test. It does
// not wait for the disk.
func Open(t testing.TB, o ...store.Options) *store.Store {
	t.Helper()
	var options store.Options
	if len(o) > 0 {
		options = o[0]
	}
	s, err := sqlite.Open(t.Context(), t.TempDir(), options, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error("closing the store:", err)
		}
	})
	return s
}
