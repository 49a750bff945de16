package main

import (
	"testing"

	"gatehouse/openapi"
)

// TestDocumented writes the document of every call of our own: a type that it cannot describe panics.
func TestDocumented(t *testing.T) {
	paths := openapi.Document("Gatehouse", "1", "/", documented()).Object("paths")
	for _, path := range []string{"/openapi.json", "/{scope}/providers/Gatehouse.Access/explain", "/providers/Gatehouse.Access/needs"} {
		if !paths.Has(path) {
			t.Errorf("%s is not described", path)
		}
	}
}
