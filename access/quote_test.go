package access

import (
	"os/exec"
	"testing"

	"gatehouse"
)

// TestQuote: whatever something is called, a shell takes it as that one word.
func TestQuote(t *testing.T) {
	for _, name := range []string{"", "plain", "two words", "`id`", "a`id`", "$(id)", "a'b", `a"b`, "a\nid", "a\tb", "#x", "~", "~root", "{a,b}", "a[b]", "a;id", "x&id", "a>b", "!!", "%s", "ü", "\\", "=ls", "-n"} {
		out, err := exec.Command("sh", "-c", "printf '%s|' "+quote(name)).Output()
		if err != nil || string(out) != name+"|" {
			t.Errorf("%q as %s comes out as %q, %v", name, quote(name), out, err)
		}
	}
	id := gatehouse.GUID{1}
	for name, want := range map[string]string{"Ops": "Ops", "@/etc/passwd": id.String(), "--help": id.String(), "a\x1b[2J": id.String(), "a\nb": id.String(), "": id.String(), "a@b": "a@b"} {
		if got := argument(name, id); got != want {
			t.Errorf("%q is given as %q, want %q", name, got, want)
		}
	}
}
