package dotnet

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRegex(t *testing.T) {
	for _, c := range []struct {
		pattern string
		options RegexOptions
		s, want string // every match: index+length and its successful groups
	}{
		{`(?<year>\d{4})-(\d\d)`, 0, "2009-06 2010-07", "0+7 1=06 year=2009; 8+7 1=07 year=2010"},
		{`b`, RegexIgnoreCase, "aBb", "1+1; 2+1"},
		{`b`, RegexRightToLeft, "abb", "2+1; 1+1"},
		{`(?<=é)x`, 0, "éxx", "1+1"},
		{`x`, 0, "😀x", "2+1"}, // positions are units
		{`😀+`, 0, "a😀", "1+2"},
		{`^.$`, 0, "€", "0+1"},
		{`^..$`, 0, "😀", "0+2"},
		{`^a$`, RegexMultiline, "a\na", "0+1; 2+1"},
		{`(a)|(b)`, 0, "ab", "0+1 1=a; 1+1 2=b"},
		{`(a)`, RegexExplicitCapture, "a", "0+1"},
		{`a.c`, RegexCultureInvariant | RegexCompiled | RegexSingleline, "a\nc", "0+3"},
		{`[a-z-[aeiou]]+`, 0, "education", "1+1; 3+1; 5+1; 8+1"}, // learn.microsoft.com: character class subtraction
		{``, 0, "ab", "0+0; 1+0; 2+0"},
	} {
		r, err := NewRegex(c.pattern, c.options, 0)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		var found []string
		err = r.Each(c.s, ToEnd, func(m *RegexMatch) (bool, error) {
			at := m.Groups[0].Last()
			text := fmt.Sprintf("%d+%d", at.Index, at.Length)
			for i := range m.Groups[1:] {
				if g := &m.Groups[i+1]; g.Success() {
					text += " " + g.Name + "=" + g.Last().Value
				}
			}
			found = append(found, text)
			return true, nil
		})
		if got := strings.Join(found, "; "); err != nil || got != c.want {
			t.Errorf("%s in %q: %s, %v, want %s", c.pattern, c.s, got, err, c.want)
		}
	}
}

func TestRegexReplace(t *testing.T) {
	for _, c := range [][4]string{
		{`(\w+)\s(\w+)`, "one two", "$2 $1", "two one"}, {`(?<a>o)`, "foo", "[${a}]", "f[o][o]"}, {`o`, "foo", "$$", "f$$"}, {`o`, "foo", "$&$&", "foooo"},
		{`b`, "abc", "[$`|$'|$_|$+]", "a[a|c|abc|b]c"}, {`b`, "abc", "$9${x}$", "a$9${x}$c"}, {`é`, "aéb😀", "e", "aeb😀"}, {`(a)(b)?`, "a", "<$2>", "<>"},
	} {
		r, err := NewRegex(c[0], 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Replace(c[1], func(m *RegexMatch) (string, error) { return m.Expand(c[2], free) }, -1, ToEnd)
		if err != nil || got != c[3] {
			t.Errorf("Replace(%q, %q, %q) = %q, %v, want %q", c[1], c[0], c[2], got, err, c[3])
		}
	}
	r, _ := NewRegex("a", RegexRightToLeft, 0)
	got, _ := r.Replace("aaa", func(*RegexMatch) (string, error) { return "x", nil }, 2, ToEnd)
	r, _ = NewRegex("(-)", 0, 0)
	split, _ := r.Split("a-b-c", 2, ToEnd)
	whole, _ := r.Split("-a-", 0, ToEnd)
	unescaped, _ := RegexUnescape(`\*a\tb\u00e9\x41\\`)
	pairs(t, got, "axx", strings.Join(split, "|"), "a|-|b-c", strings.Join(whole, "|"), "|-|a|-|", RegexEscape("a.b*c d\n#"), `a\.b\*c\ d\n\#`, unescaped, "*a\tbéA\\")
}

func TestRegexRefusals(t *testing.T) {
	for pattern, want := range map[string]string{
		"(":                               "Invalid pattern '(' at offset 1. Not enough )'s.",
		"[a":                              "Invalid pattern '[a' at offset 2. Unterminated [] set.",
		`a\`:                              `Invalid pattern 'a\' at offset 2. Illegal \ at end of pattern.`,
		"*":                               "Invalid pattern '*' at offset 1. Quantifier '*' following nothing.",
		"a{2,1}":                          "Invalid pattern 'a{2,1}' at offset 6. Illegal {x,y} with x > y.",
		strings.Repeat("a", MaxPattern+1): "The pattern is longer than 4096 bytes.",
	} {
		_, err := NewRegex(pattern, 0, 0)
		if e, ok := err.(*Exception); !ok || e.Message != want || !e.IsA(ArgumentException) {
			t.Errorf("%.10s: %v, want %s", pattern, err, want)
		}
	}
	r, err := NewRegex(`^(a+)+$`, 0, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = r.IsMatch(strings.Repeat("a", 40)+"!", ToEnd)
	if e, ok := err.(*Exception); err != nil && (!ok || e.TypeName != RegexMatchTimeoutException) || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// free is a budget without bounds.
func free(int) error { return nil }
