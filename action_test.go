package gatehouse

import (
	"regexp"
	"strings"
	"testing"
)

// globNaive is rbac.md 4.4 as a regular expression: a star is any run of characters,
// and /*/ may also be a single slash.
func globNaive(pattern, action string) bool {
	pattern = Fold(pattern)
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] != '*':
			out.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		case i > 0 && strings.HasPrefix(pattern[i-1:], "/*/"):
			out.WriteString(`(?:.*/)?`)
			i++ // the slash
		default:
			out.WriteString(`.*`)
		}
	}
	return regexp.MustCompile(`(?s)^` + out.String() + `$`).MatchString(Fold(action))
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, action string
		want            bool
	}{
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"*", "Microsoft.ApiManagement/service/read", true},
		// rbac.md 4.4: case on both sides.
		{"Microsoft.Authorization/*/Write", "microsoft.authorization/roleassignments/write", true},
		{"Microsoft.Insights/Register/Action", "microsoft.insights/register/action", true},
		// rbac.md 4.4: a star spans slashes.
		{"*/read", "Microsoft.ApiManagement/service/apis/read", true},
		{"*/read", "read", false},
		{"Microsoft.ApiManagement/service/*/read", "Microsoft.ApiManagement/service/apis/operations/policies/read", true},
		// rbac.md 4.4: /*/ also matches a single slash.
		{"Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action", "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", true},
		{"Microsoft.ApiManagement/service/workspaces/*/read", "Microsoft.ApiManagement/service/workspaces/read", true},
		{"Microsoft.ApiManagement/service/workspaces/*/read", "Microsoft.ApiManagement/service/workspacesread", false},
		{"a/*/*/b", "a/b", true},
		{"a/*/*/b", "a/x/b", true},
		{"a/*b", "a/b", true},
		{"a*/b", "a/b", true},
		{"a/*/b", "a//b", true},
		{"a/*", "a", false},
		// rbac.md 4.4: a trailing /* needs the slash.
		{"service/apis/*", "service/apisByTags/read", false},
		{"service/apis/*", "service/apis/", true},
		// rbac.md 4.4: nothing else is special.
		{"a.c", "abc", false},
		{"a?c", "abc", false},
		{"a*a", "a", false},
		{"ab*ba", "aba", false},
		{"*a*b*c*", "xaxbxcx", true},
		{"*a*b*c*", "xbxaxcx", false},
		// A letter outside ASCII folds, and never to an ASCII one.
		{"É/read", "é/READ", true},
		{"k/read", "\u212a/read", false},
	} {
		if got := NewPattern(c.pattern).Match(c.action); got != c.want {
			t.Errorf("%q.Match(%q) = %v", c.pattern, c.action, got)
		}
		if got := globNaive(c.pattern, c.action); got != c.want {
			t.Errorf("the naive %q matches %q: %v", c.pattern, c.action, got)
		}
		if got := NewPattern(c.pattern).MatchFolded(Fold(c.action)); got != c.want {
			t.Errorf("%q.MatchFolded(%q) = %v", c.pattern, c.action, got)
		}
	}
}

func TestPatternAllocatesNothing(t *testing.T) {
	p := NewPattern("Microsoft.ApiManagement/service/*/read")
	if n := testing.AllocsPerRun(100, func() { p.Match("Microsoft.ApiManagement/service/apis/operations/READ") }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

// Many stars must not cost more than their length: conditions and denies take any pattern.
func TestPatternManyStars(t *testing.T) {
	p := NewPattern(strings.Repeat("*a", 2000) + "b")
	if p.Match(strings.Repeat("a", 4000)) {
		t.Error("matched without a b")
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("a/*/read", "a/read")
	f.Add("*/*/*", "a/b//")
	f.Add("a/*/*/b*", "A/B/C")
	f.Add("**/x/**/", "/x/")
	f.Fuzz(func(t *testing.T, pattern, action string) {
		if len(pattern) > 200 || len(action) > 200 {
			return
		}
		p := NewPattern(pattern)
		if got, want := p.Match(action), globNaive(pattern, action); got != want {
			t.Errorf("%q.Match(%q) = %v, naive %v", pattern, action, got, want)
		}
		if p.Match(action) != p.MatchFolded(Fold(action)) {
			t.Errorf("%q: Match and MatchFolded differ on %q", pattern, action)
		}
		if p.String() != pattern || p.Folded() != Fold(pattern) {
			t.Errorf("%q changed to %q, %q", pattern, p, p.Folded())
		}
	})
}
