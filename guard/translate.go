package guard

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// The functions of this file read one document each, knowing nothing of others.

// ParseRole reads a custom role.
func ParseRole(id gatehouse.ID, body []byte) (gatehouse.RoleDefinition, error) {
	var b RoleDefinitionBody
	if err := jsondoc.Unmarshal(body, &b); err != nil {
		return gatehouse.RoleDefinition{}, err
	}
	p := b.Properties
	r := gatehouse.RoleDefinition{Name: p.RoleName, Type: gatehouse.CustomRole, Description: p.Description, Permissions: p.Permissions}
	var err error
	if r.ID, err = nameGUID(id); err != nil {
		return r, err
	}
	for _, text := range p.AssignableScopes {
		// They bear on no decision (rbac.md 4.3): a malformed one costs nobody a right.
		if scope, err := gatehouse.ParseScope(text); err == nil {
			r.AssignableScopes = append(r.AssignableScopes, scope)
		}
	}
	return r, nil
}

// OutsideDirectory cuts what Resource Manager's roles grant and its deny assignments
// deny short of the directory's data actions, whatever the wildcards say: who owns
// every scope could else shut the Global Administrators out.
func OutsideDirectory(permissions []gatehouse.Permission) []gatehouse.Permission {
	entries := make([]gatehouse.Permission, len(permissions))
	for i, p := range permissions {
		for _, pattern := range p.DataActions {
			if mayReach(gatehouse.Fold(pattern), gatehouse.Fold(builtin.DirectoryNamespace)) && !slices.Contains(p.NotDataActions, builtin.DirectoryNamespace+"*") {
				p.NotDataActions = append(p.NotDataActions[:len(p.NotDataActions):len(p.NotDataActions)], builtin.DirectoryNamespace+"*")
				break
			}
		}
		entries[i] = p
	}
	return entries
}

// mayReach reports whether a folded pattern can match an action that starts with namespace.
func mayReach(pattern, namespace string) bool {
	if star := strings.IndexByte(pattern, '*'); star >= 0 && star < len(namespace) {
		return strings.HasPrefix(namespace, pattern[:star])
	}
	return strings.HasPrefix(pattern, namespace)
}

// ParseAssignment reads a role assignment.
func ParseAssignment(id gatehouse.ID, body []byte) (gatehouse.RoleAssignment, error) {
	var b RoleAssignmentBody
	if err := jsondoc.Unmarshal(body, &b); err != nil {
		return gatehouse.RoleAssignment{}, err
	}
	p := b.Properties
	a := gatehouse.RoleAssignment{Scope: id.Parent().Scope(), Principal: p.PrincipalID, Condition: p.Condition, Start: p.Start, End: p.End}
	var err error
	if a.ID, err = nameGUID(id); err != nil {
		return a, err
	}
	if a.Role, err = roleGUID(p.RoleDefinitionID); err != nil {
		return a, err
	}
	return a, sound(a)
}

// sound refuses assignments that would make Resource Manager's roles reach the directory, or everyone a holder.
func sound(a gatehouse.RoleAssignment) error {
	if a.Principal.IsZero() {
		return fmt.Errorf("principalId is missing; the zero GUID stands for everyone in deny assignments only")
	}
	if directoryScope.Contains(a.Scope) {
		return fmt.Errorf("role assignments of Resource Manager do not hold in the directory; make a directory role assignment instead")
	}
	if r, ok := builtin.DirectoryRole(a.Role); ok {
		return fmt.Errorf("%s is a directory role and cannot be assigned through Resource Manager", r.Name)
	}
	return nil
}

// ParseDeny reads a deny assignment.
func ParseDeny(id gatehouse.ID, body []byte) (gatehouse.DenyAssignment, error) {
	var b DenyAssignmentBody
	if err := jsondoc.Unmarshal(body, &b); err != nil {
		return gatehouse.DenyAssignment{}, err
	}
	p := b.Properties
	d := gatehouse.DenyAssignment{
		Name: p.Name, Scope: id.Parent().Scope(), Permissions: p.Permissions, ExceptChildScopes: p.ExceptChildScopes,
		Audit: strings.EqualFold(p.Effect, "audit"), Condition: p.Condition, SystemProtected: p.SystemProtected,
	}
	var err error
	if d.ID, err = nameGUID(id); err != nil {
		return d, err
	}
	if d.Principals, err = principalIDs(p.Principals); err != nil {
		return d, fmt.Errorf("principals: %w", err)
	}
	if d.ExcludePrincipals, err = principalIDs(p.ExcludePrincipals); err != nil {
		return d, fmt.Errorf("excludePrincipals: %w", err)
	}
	// Nobody can be spared in everyone's place (rbac.md 3.1).
	d.ExcludePrincipals = slices.DeleteFunc(d.ExcludePrincipals, gatehouse.GUID.IsZero)
	return d, nil
}

func principalIDs(list []DenyPrincipal) ([]gatehouse.GUID, error) {
	var out []gatehouse.GUID
	for i, p := range list {
		if p.ID == nil {
			return nil, fmt.Errorf("entry %d has no id", i)
		}
		out = append(out, *p.ID)
	}
	return out, nil
}

// ParseDirectoryRole reads a directory role assignment.
func ParseDirectoryRole(id gatehouse.ID, body []byte) (gatehouse.RoleAssignment, error) {
	var b DirectoryRoleBody
	if err := jsondoc.Unmarshal(body, &b); err != nil {
		return gatehouse.RoleAssignment{}, err
	}
	a := gatehouse.RoleAssignment{Scope: directoryScope, Principal: b.PrincipalID}
	var err error
	if a.ID, err = nameGUID(id); err != nil {
		return a, err
	}
	if a.Role, err = roleGUID(b.RoleDefinitionID); err != nil {
		return a, err
	}
	switch {
	case a.Principal.IsZero():
		return a, fmt.Errorf("principalId is missing")
	case b.DirectoryScopeID != "" && b.DirectoryScopeID != "/":
		return a, fmt.Errorf("directoryScopeId %q is not known; directory roles are assigned at /", b.DirectoryScopeID)
	case !assignableInDirectory(a.Role):
		return a, fmt.Errorf("%s is not a directory role", a.Role)
	}
	return a, nil
}

// assignableInDirectory holds for directory roles but those that ownership stands for.
func assignableInDirectory(role gatehouse.GUID) bool {
	_, ok := builtin.DirectoryRole(role)
	return ok && role != gatehouse.MustGUID(builtin.GroupOwner) && role != gatehouse.MustGUID(builtin.ApplicationOwner)
}

// ownership is the grant that an owners document stands for: the role on the owned object.
func ownership(id gatehouse.ID, role string) (gatehouse.RoleAssignment, error) {
	owner, err := nameGUID(id)
	scope := id.Scope()
	return gatehouse.RoleAssignment{ID: gatehouse.NameGUID(ownerSpace, scope.String()), Scope: scope.Parent(),
		Principal: owner, Role: gatehouse.MustGUID(role)}, err
}

// membership reads {group}/members/{member}.
func membership(id gatehouse.ID) (rbac.Membership, error) {
	group, ok := directory.ObjectOf(id.Scope().Parent())
	member, err := nameGUID(id)
	if err == nil && !ok {
		err = fmt.Errorf("the group's name is not a GUID")
	}
	return rbac.Membership{Group: group, Member: member}, err
}

// parentGroup reads which management group holds the one at id; none is the zero Scope.
func parentGroup(body []byte) (gatehouse.Scope, error) {
	var b ManagementGroupBody
	if err := jsondoc.Unmarshal(body, &b); err != nil {
		return gatehouse.Scope{}, err
	}
	text := b.Properties.Details.Parent.ID
	if text == "" {
		return gatehouse.Scope{}, nil
	}
	parent, err := gatehouse.ParseScope(text)
	if err != nil {
		return gatehouse.Scope{}, err
	}
	if group, ok := parent.ManagementGroup(); !ok || group != parent {
		return gatehouse.Scope{}, fmt.Errorf("details.parent.id %q is not the ID of a management group", text)
	}
	return parent, nil
}

// SecurityAttributes flattens customSecurityAttributes to the names that conditions use (rbac.md 7.5).
func SecurityAttributes(sets map[string]any) map[string]any {
	var out map[string]any
	for set, attributes := range sets {
		attributes, _ := attributes.(map[string]any)
		for name, v := range attributes {
			value, ok := attributeValue(v)
			if !ok || strings.Contains(name, "@") { // annotations such as Project@odata.type
				continue
			}
			if out == nil {
				out = map[string]any{}
			}
			out["Microsoft.Directory/CustomSecurityAttributes/Id:"+set+"_"+name] = value
		}
	}
	return out
}

func attributeValue(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			value, ok := attributeValue(e)
			if _, nested := value.([]any); !ok || nested {
				return nil, false
			}
			list = append(list, value)
		}
		return list, true
	}
	return nil, false
}

func nameGUID(id gatehouse.ID) (gatehouse.GUID, error) { return gatehouse.ParseGUID(id.Name()) }

// roleGUID reads the GUID at the end of a roleDefinitionId.
func roleGUID(text string) (gatehouse.GUID, error) {
	g, err := gatehouse.ParseGUID(text[strings.LastIndexByte(text, '/')+1:])
	if err != nil {
		return g, fmt.Errorf("roleDefinitionId %q does not end in a GUID", text)
	}
	return g, nil
}
