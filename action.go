package gatehouse

import "strings"

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

// Match reports whether the action, in any casing, matches. It allocates only to fold.
func (p Pattern) Match(action string) bool { return p.MatchFolded(Fold(action)) }

// MatchFolded is Match for an action that Fold has already been applied to.
func (p Pattern) MatchFolded(action string) bool {
	return match(p.folded, action)
}

func match(pattern, action string) bool {
	star := strings.IndexByte(pattern, '*')
	if star < 0 {
		return pattern == action
	}
	if !strings.HasPrefix(action, pattern[:star]) {
		return false
	}
	before, after := pattern[:star], pattern[star+1:]
	if strings.IndexByte(after, '*') < 0 {
		if len(action) >= star+len(after) {
			return strings.HasSuffix(action, after)
		}
		shared := strings.HasSuffix(before, "/") && strings.HasPrefix(after, "/")
		return shared && len(action) == star+len(after)-1 && strings.HasSuffix(action, after)
	}
	for i := star; i <= len(action); i++ {
		if match(after, action[i:]) {
			return true
		}
	}
	shared := strings.HasSuffix(before, "/") && strings.HasPrefix(after, "/")
	return shared && match(after, action[star-1:])
}
