package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/openapi"
	"gatehouse/provider/access"
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

// TestDocumentedAll: what is routed below Gatehouse.Access is described, and the reverse.
func TestDocumentedAll(t *testing.T) {
	described := map[string]bool{}
	for _, o := range documented() {
		described[o.Method+" "+strings.TrimPrefix(o.Path, "/{scope}")] = true
	}
	routed := map[string]bool{}
	for _, r := range appWorld(t).Server.Routes() {
		if strings.Contains(r.Path, access.Path+"/") {
			routed[r.Method+" "+strings.TrimPrefix(r.Path, access.Anywhere[:len(access.Anywhere)-len(access.Path)])] = true
		}
	}
	for call := range routed {
		if !described[call] {
			t.Errorf("%s is not in the OpenAPI document", call)
		}
	}
	for call := range described {
		if !routed[call] && strings.Contains(call, access.Path) {
			t.Errorf("%s is in the OpenAPI document, and nothing answers it", call)
		}
	}
}

// TestEnvironmentHelp: every variable of ours that the program reads, and every one that "gatehouse env" prints, is explained.
func TestEnvironmentHelp(t *testing.T) {
	explained := func(name string) bool {
		prefix, _, _ := strings.Cut(name, "_")
		return strings.Contains(environmentHelp, name) || strings.Contains(environmentHelp, prefix+"_*")
	}
	vars, err := variables(t.TempDir(), &bootstrap{}, &running{IMDS: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vars {
		if !explained(v.name) {
			t.Errorf("gatehouse env prints %s", v.name)
		}
	}
	ours := regexp.MustCompile(`"(GATEHOUSE_[A-Z_]+)"`)
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "clients" || d.Name() == "bench" || d.Name() == "gen" || d.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range ours.FindAllStringSubmatch(string(text), -1) {
			if !explained(m[1]) {
				t.Errorf("%s reads %s", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
