package expr

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestCompileBombs: small texts that ask the compiler for much are refused, or cost little.
func TestCompileBombs(t *testing.T) {
	doubled := "const string s0 = \"" + strings.Repeat("a", 30_000) + "\";"
	nested := "var a0 = new[]{1}.ToDictionary(x => 1, x => 1);"
	for i := 1; i < 40; i++ {
		doubled += fmt.Sprintf("const string s%d = s%d + s%d;", i, i-1, i-1)
		nested += fmt.Sprintf("var a%d = new[]{1}.ToDictionary(x => a%d, x => a%d);", i, i-1, i-1)
	}
	for name, c := range map[string]struct {
		code    string
		refused bool
	}{
		"a constant doubled":                   {doubled + "return s39;", true},
		"a type that holds the last one twice": {nested + "return a39;", true},
		"a long array":                         {"return new[]{" + strings.Repeat("1,", 30_000) + "1};", false},
	} {
		begin := time.Now()
		p, faults := compile(c.code, true, WantAny, nil)
		if (p == nil) != c.refused || p == nil && len(faults) == 0 {
			t.Errorf("%s: %v", name, faults)
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s takes %v", name, took)
		}
	}
}
