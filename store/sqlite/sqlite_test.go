package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/store"
	"gatehouse/store/sqlite"
	"gatehouse/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Open: func(dir string) (store.Driver, error) {
			return sqlite.OpenDriver(t.Context(), dir, sqlite.Settings{Unsafe: true})
		},
		Dump: dump,
	})
}

// dump returns the bytes of all files that SQLite keeps.
func dump(dir string) (all []byte, err error) {
	files, err := filepath.Glob(filepath.Join(dir, sqlite.DatabaseFile+"*"))
	for _, file := range files {
		b, readErr := os.ReadFile(file)
		if readErr != nil {
			return nil, readErr
		}
		all = append(all, b...)
	}
	return all, err
}
