package az

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCommand wants every command of az apim (commands.txt lists those of 2.45, the version that Debian 12 has) in some chapter.
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
	commands, err := os.ReadFile("commands.txt")
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
