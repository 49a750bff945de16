package gatehouse

import (
	"strings"
	"unicode/utf8"
)

// Pattern is an action, or many: Microsoft.ApiManagement/service/*/read. It
// compares without case, a star matches any run of characters including slashes,
// and /*/ also matches a single slash (rbac.md 4.4). The zero Pattern matches only "".
//
// Role definitions hold at most one star per pattern; deny assignments and
// conditions use the same matcher, so any number is understood.
type Pattern struct {
	source string
	folded string
}

// NewPattern compiles a pattern. Every text is one.
func NewPattern(s string) Pattern { return Pattern{s, Fold(s)} }

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.source }

// Folded returns the pattern in the form that compares.
func (p Pattern) Folded() string { return p.folded }

// Match reports whether the action, in any casing, matches. It allocates nothing
// unless the action holds letters outside ASCII, which no known action does.
func (p Pattern) Match(action string) bool {
	for i := 0; i < len(action); i++ {
		if action[i] >= utf8.RuneSelf {
			return match(p.folded, Fold(action))
		}
	}
	return match(p.folded, action)
}

// MatchFolded is Match for an action that Fold has already been applied to.
func (p Pattern) MatchFolded(action string) bool { return match(p.folded, action) }

// match compares the texts between the stars from left to right, each at the first
// place where it fits: an earlier end never leaves less room for the rest, so there
// is no need to go back, and many stars cost no more than their length. Where a star
// stands between two slashes, the text after it may begin with the slash that ended
// the text before it.
func match(pattern, action string) bool {
	star := strings.IndexByte(pattern, '*')
	if star < 0 {
		return len(pattern) == len(action) && hasFolded(action, pattern)
	}
	if !hasFolded(action, pattern[:star]) {
		return false
	}
	end := star
	for {
		from := end
		rest := pattern[star+1:]
		if star > 0 && pattern[star-1] == '/' && strings.HasPrefix(rest, "/") {
			from--
		}
		next := strings.IndexByte(rest, '*')
		if next < 0 {
			last := len(action) - len(rest)
			return last >= from && hasFolded(action[last:], rest)
		}
		at := indexFolded(action[from:], rest[:next])
		if at < 0 {
			return false
		}
		end = from + at + next
		star += 1 + next
	}
}

// hasFolded reports whether s starts with prefix, which is folded already; of s only ASCII letters are folded here.
func hasFolded(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := 0; i < len(prefix); i++ {
		c := s[i]
		if c != prefix[i] && ('A' > c || c > 'Z' || c+'a'-'A' != prefix[i]) {
			return false
		}
	}
	return true
}

func indexFolded(s, part string) int {
	for i := 0; i+len(part) <= len(s); i++ {
		if hasFolded(s[i:], part) {
			return i
		}
	}
	return -1
}
