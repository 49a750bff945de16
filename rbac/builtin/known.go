package builtin

import (
	"strings"

	"gatehouse"
)

// Known reports whether a custom role may name the pattern among its data actions
// (data) or its actions. Check says why not.
func Known(pattern string, data bool) bool { return Check(pattern, data) == nil }

// Check is the rule for the strings of a custom role (rbac.md 6.1). Its error has
// the code InvalidActionOrNotAction and Azure's words.
//
//   - At most one star.
//   - A star in the place of the namespace (*, */read) names every provider. Otherwise
//     the namespace is written out and known; what follows is not compared with the catalogue.
//   - Without a star, it has to be in the catalogue of its provider, as an action or
//     data action as the case may be. Of providers whose catalogue Azure does not
//     publish as data, any action of the right shape is accepted, except that one that is
//     known as the other kind only is not: no such resource exists here, so it
//     grants nothing, and roles made for Azure stay importable.
func Check(pattern string, data bool) error {
	stars := strings.Count(pattern, "*")
	if stars > 1 {
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidActionOrNotAction",
			"'%s' contains multiple wildcards. Only one is allowed.", pattern)
	}
	if !supported(gatehouse.Fold(pattern), stars == 1, data) {
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidActionOrNotAction",
			"'%s' does not match any of the actions supported by the providers.", pattern)
	}
	return nil
}

func supported(folded string, star, data bool) bool {
	namespace, rest, cut := strings.Cut(folded, "/")
	if namespace == "*" {
		return !cut || wellFormed(rest)
	}
	t := operations()
	i, known := t.byName[namespace]
	if !known || !cut || !wellFormed(rest) {
		return false
	}
	if star {
		return true
	}
	k, listed := t.kinds[folded]
	if listed {
		return data && k.data || !data && k.action
	}
	return !t.providers[i].Catalogue && actionShaped(rest)
}

// wellFormed reports whether no segment is empty or holds what no action holds.
func wellFormed(rest string) bool {
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "" || strings.ContainsAny(segment, " \t\r\n{}[]'\"\\") {
			return false
		}
	}
	return true
}

func actionShaped(rest string) bool {
	for _, verb := range []string{"/read", "/write", "/delete", "/action"} {
		if strings.HasSuffix(rest, verb) {
			return true
		}
	}
	return false
}
