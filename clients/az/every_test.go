package az

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCommand compares the commands of az apim, as the installed version lists them, with those that the chapters use.
func TestEveryCommand(t *testing.T) {
	var chapters strings.Builder
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		chapters.Write(text)
	}
	commands, err := os.ReadFile("testdata/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	for command := range strings.Lines(string(commands)) {
		command = strings.TrimSpace(command)
		if !regexp.MustCompile(`(?m)^!? ?az ` + command + ` `).MatchString(chapters.String()) {
			t.Errorf("no chapter uses az %s", command)
		}
	}
}
