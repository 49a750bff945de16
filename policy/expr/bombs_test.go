package expr

import (
	"fmt"
	"runtime"
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

// TestRunBombs: small programs that ask for much are stopped, with little more memory than they may have, and no catch sees it.
func TestRunBombs(t *testing.T) {
	big := "var s = new string('é', 15000000); var b = new byte[30000000]; var a = \"\"; int n = 0; for (int i = 0; i < 1000000; i++) { try { "
	for _, code := range []string{
		"n += s[i]", "n += s.Length", "n += s.ToCharArray().Length", "if (s.Trim('b') == a) n++", "Array.Reverse(b)", "n += Array.IndexOf(b, (byte)1)", "b = b.Encrypt(\"Aes\", new byte[16], new byte[16])",
		"a = string.Format(\"{0,2000000000}\", 1)", "a = Uri.EscapeDataString(s)", "a = Convert.ToBase64String(b)", "b = Encoding.UTF32.GetBytes(s)", "a = s.PadLeft(2000000000)",
		`a = Regex.Replace(new string('a', 1000000), "a+", string.Concat(Enumerable.Repeat("$&", 100000)))`, `n += Regex.Matches("aaaaaaaaaaaaaaaaaaaaaaaa", "(a|aa)+$b").Count`,
		`n += Enumerable.Repeat("x", 100000000).ToArray().Length`, "a += s", "while (true) { }", "for (;;) { a = a + 1; }",
	} {
		p, faults := Compile(big+code+"; } catch { n++; } finally { n--; } } return n;", true, WantAny)
		if len(faults) > 0 {
			t.Errorf("%s: %v", code, faults)
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := p.Run(world(), &Budget{Deadline: time.Now().Add(200 * time.Millisecond)})
		runtime.ReadMemStats(&after)
		if _, ok := err.(*LimitError); !ok {
			t.Errorf("%s: ends with %v", code, err)
		}
		if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 1000 {
			t.Errorf("%s: makes %d MiB", code, made)
		}
	}
}
