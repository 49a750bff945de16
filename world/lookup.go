package world

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse"
)

// Named is an object that a name may mean.
type Named struct {
	ID   gatehouse.GUID
	Type string // User, Group, ServicePrincipal, CustomRole, BuiltInRole
	Name string
}

// String tells people apart: ada@contoso.com (User 1111…).
func (n Named) String() string { return fmt.Sprintf("%s (%s %s)", n.Name, n.Type, n.ID) }

// PrincipalsNamed lists the principals that a text may mean: by object ID, sign-in
// name, mail address, display name or application ID, whatever its case. A sign-in
// name, object ID or application ID wins over what need not be unique.
func (w *World) PrincipalsNamed(text string) []Named {
	id, err := gatehouse.ParseGUID(text)
	var exact, loose []Named
	for i := range w.Principals {
		p := &w.Principals[i]
		n := Named{p.ID, string(p.Type), p.Title()}
		label, labelled := w.Labels[p.ID]
		switch {
		case err == nil && p.ID == id, p.AppID != "" && gatehouse.EqualFold(p.AppID, text),
			p.Type == gatehouse.User && gatehouse.EqualFold(p.Name, text), labelled && gatehouse.EqualFold(label, text):
			exact = append(exact, n)
		case gatehouse.EqualFold(p.Name, text), p.Display != "" && gatehouse.EqualFold(p.Display, text), p.Mail != "" && gatehouse.EqualFold(p.Mail, text):
			loose = append(loose, n)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return loose
}

// RolesNamed lists the roles that a text may mean: by GUID, by an ID that ends in
// one, or by name.
func (w *World) RolesNamed(text string) []Named {
	id, err := gatehouse.ParseGUID(roleName(text))
	var found []Named
	for i := range w.Roles {
		r := &w.Roles[i]
		if label := w.Labels[r.ID]; err == nil && r.ID == id || err != nil && (gatehouse.EqualFold(r.Name, text) || label != "" && gatehouse.EqualFold(label, text)) {
			found = append(found, Named{r.ID, string(r.Type), r.Name})
		}
	}
	return found
}

// FindPrincipal is the one principal that a text means. A GUID that no principal has
// is taken as the object ID of one that is gone. Ambiguity lists who could be meant.
func (w *World) FindPrincipal(text string) (gatehouse.GUID, error) {
	found := w.PrincipalsNamed(text)
	if id, err := gatehouse.ParseGUID(text); err == nil && len(found) == 0 {
		return id, nil
	}
	return one("principal", "PrincipalNotFound", text, found)
}

// FindRole is the one role that a text means.
func (w *World) FindRole(text string) (gatehouse.GUID, error) {
	return one("role", "RoleDefinitionDoesNotExist", text, w.RolesNamed(text))
}

func one(what, code, text string, found []Named) (gatehouse.GUID, error) {
	switch len(found) {
	case 0:
		return gatehouse.GUID{}, gatehouse.Errorf(gatehouse.NotFound, code, "There is no %s %q in this world.", what, text)
	case 1:
		return found[0].ID, nil
	}
	return gatehouse.GUID{}, gatehouse.Errorf(gatehouse.Invalid, "Ambiguous", "%s", ambiguous(text, found))
}

func ambiguous(text string, found []Named) string {
	lines := make([]string, len(found))
	for i, n := range found {
		lines[i] = n.String()
	}
	slices.Sort(lines)
	return fmt.Sprintf("%q may mean several: %s. Write the ID of one.", text, strings.Join(lines, ", "))
}

// Principal returns the principal with that ID, nil when there is none.
func (w *World) Principal(id gatehouse.GUID) *Principal {
	for i := range w.Principals {
		if w.Principals[i].ID == id {
			return &w.Principals[i]
		}
	}
	return nil
}

// Role returns the role with that ID, nil when there is none.
func (w *World) Role(id gatehouse.GUID) *gatehouse.RoleDefinition {
	for i := range w.Roles {
		if w.Roles[i].ID == id {
			return &w.Roles[i]
		}
	}
	return nil
}

// Title is what people call a principal.
func (p *Principal) Title() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.Display != "":
		return p.Display
	}
	return p.ID.String()
}
