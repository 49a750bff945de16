package gatehouse_test

import (
	"fmt"
	"testing"

	"gatehouse"
)

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"Zoë's API":                 "Zoë's API",
		"a\x1b[2J\x1b]0;owned\x07b": "a [2J ]0;owned b",
		"ok\nFAIL":                  "ok FAIL",
		"\u202egnp.exe\u009b31m":    " gnp.exe 31m",
		"a\u2028b":                  "a b",
	} {
		if got := gatehouse.Plain(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := fmt.Sprintf("%s %d %s", gatehouse.Plainly("a\x1bb", 7, fmt.Errorf("c\nd"))...); got != "a b 7 c d" {
		t.Errorf("%q", got)
	}
}
