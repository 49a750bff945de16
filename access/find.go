package access

import (
	"iter"
	"slices"
	"strings"

	"gatehouse"
)

// FindScope reads a scope as people write it: an ID, or a path of names such as
// contoso-apim/apis/calculator that begins with a known scope. It returns every scope
// that is meant by it; known are those that may be found, and name is what a
// subscription or management group is called besides.
func FindScope(text string, known iter.Seq[gatehouse.ID], name func(gatehouse.Scope) string) ([]gatehouse.ID, error) {
	if strings.HasPrefix(text, "/") {
		id, err := gatehouse.ParseID(text)
		if err != nil {
			return nil, err
		}
		return []gatehouse.ID{id}, nil
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '/' })
	if len(parts) == 0 {
		return nil, nil
	}
	all := map[gatehouse.Scope]gatehouse.ID{}
	for id := range known {
		all[id.Scope()] = id
	}
	var out []gatehouse.ID
	for scope, id := range all {
		if !called(id, parts[0], name) {
			continue
		}
		if len(parts) > 1 {
			for inner, innerID := range all { // rg-apis/contoso-apim
				if inner != scope && inner.Parent() == scope && called(innerID, parts[1], name) {
					out = append(out, below(innerID, parts[2:])...)
				}
			}
		}
		out = append(out, below(id, parts[1:])...)
	}
	slices.SortFunc(out, func(a, b gatehouse.ID) int { return strings.Compare(a.String(), b.String()) })
	return slices.CompactFunc(out, func(a, b gatehouse.ID) bool { return a.Scope() == b.Scope() }), nil
}

func called(id gatehouse.ID, text string, name func(gatehouse.Scope) string) bool {
	return gatehouse.EqualFold(id.Name(), text) || name != nil && gatehouse.EqualFold(name(id.Scope()), text)
}

// below appends types and names: apis/calculator. Nothing but an ID of a resource can hold them.
func below(id gatehouse.ID, rest []string) []gatehouse.ID {
	if len(rest) == 0 {
		return []gatehouse.ID{id}
	}
	if group, ok := id.Scope().ResourceGroup(); !ok || group == id.Scope() || len(rest)%2 != 0 {
		return nil
	}
	out, err := gatehouse.ParseID(id.String() + "/" + strings.Join(rest, "/"))
	if err != nil {
		return nil
	}
	return []gatehouse.ID{out}
}

// Scopes are all scopes that a Snapshot's assignments, denies and hierarchy name, with all above each.
func (v *View) Scopes() iter.Seq[gatehouse.ID] {
	return func(yield func(gatehouse.ID) bool) {
		seen := map[gatehouse.Scope]bool{}
		more := true
		tell := func(s gatehouse.Scope) {
			for ; more && !seen[s]; s = s.Parent() {
				seen[s] = true
				if id, err := gatehouse.ParseID(Spelled(s)); err == nil && !s.IsRoot() {
					more = yield(id)
				}
			}
		}
		w := v.Snapshot.World()
		for _, a := range w.Assignments {
			tell(a.Scope)
		}
		for _, d := range w.Denies {
			tell(d.Scope)
		}
		for child, parent := range w.Parents {
			tell(child)
			tell(parent)
		}
		for _, r := range w.Roles {
			for _, s := range r.AssignableScopes {
				tell(s)
			}
		}
		for _, a := range v.Eligible {
			tell(a.Scope)
		}
	}
}
