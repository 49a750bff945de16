package sdk

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
)

func newGUID(t *testing.T) string {
	t.Helper()
	b := make([]byte, 16)
	must(rand.Read(b))(t)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func TestRoleDefinitions(t *testing.T) {
	w := start(t)
	roles := must(armauthorization.NewRoleDefinitionsClient(w.admin, w.arm))(t)
	scope := "/subscriptions/" + w.subs
	list := func(filter string) []*armauthorization.RoleDefinition {
		return all(t, roles.NewListPager(scope, &armauthorization.RoleDefinitionsClientListOptions{Filter: &filter}),
			func(p armauthorization.RoleDefinitionsClientListResponse) []*armauthorization.RoleDefinition {
				return p.Value
			})
	}
	found := list("roleName eq 'API Management Service Reader Role'")
	equal(t, "built-in roles of that name", len(found), 1)
	equal(t, "id", *found[0].ID, *w.roleID(apimServiceReaderRole))
	equal(t, "custom roles", len(list("type eq 'CustomRole'")), 0)

	id := newGUID(t)
	role := armauthorization.RoleDefinition{Properties: &armauthorization.RoleDefinitionProperties{RoleName: ptr("Product Editor"), RoleType: ptr("CustomRole"),
		Description: ptr("Edits products"), AssignableScopes: []*string{&scope},
		Permissions: []*armauthorization.Permission{{Actions: []*string{ptr("Microsoft.ApiManagement/service/products/write")}}}}}
	made := must(roles.CreateOrUpdate(t.Context(), scope, id, role, nil))(t)
	equal(t, "id", *made.ID, *w.roleID(id))
	equal(t, "type", *made.Properties.RoleType, "CustomRole")
	role.Properties.Description = ptr("Edits products well")
	must(roles.CreateOrUpdate(t.Context(), scope, id, role, nil))(t) // an update is 201 too, else the SDK fails
	equal(t, "description", *must(roles.Get(t.Context(), scope, id, nil))(t).Properties.Description, "Edits products well")
	equal(t, "name by id", *must(roles.GetByID(t.Context(), *w.roleID(id), nil))(t).Properties.RoleName, "Product Editor")

	_, err := roles.CreateOrUpdate(t.Context(), scope, newGUID(t), role, nil)
	refused(t, err, 409, "RoleDefinitionWithSameNameExists")
	equal(t, "custom roles", len(list("type eq 'CustomRole'")), 1)
	equal(t, "deleted role", *must(roles.Delete(t.Context(), scope, id, nil))(t).Name, id)
	must(roles.Delete(t.Context(), scope, id, nil))(t) // 204 when it is gone
	_, err = roles.Get(t.Context(), scope, id, nil)
	refused(t, err, 404, "RoleDefinitionDoesNotExist")
}

// TestRoleAssignments lists with every filter that clients send; the SDK puts their blanks on the wire as they are.
func TestRoleAssignments(t *testing.T) {
	w := start(t)
	outer, inner := w.group("outer"), w.group("inner")
	_, ada := w.user("ada", "Analytical-Engine-1843", outer, inner)
	rg := w.resourceGroup("rg-filters")
	subscription := "/subscriptions/" + w.subs
	w.grant(readerRole, outer, armauthorization.PrincipalTypeGroup, subscription)
	w.grant(contributorRole, ada, armauthorization.PrincipalTypeUser, rg)

	assignments := must(armauthorization.NewRoleAssignmentsClient(w.subs, w.admin, w.arm))(t)
	list := func(scope, filter string) string {
		options := &armauthorization.RoleAssignmentsClientListForScopeOptions{}
		if filter != "" {
			options.Filter = &filter
		}
		return w.summary(all(t, assignments.NewListForScopePager(scope, options),
			func(p armauthorization.RoleAssignmentsClientListForScopeResponse) []*armauthorization.RoleAssignment {
				return p.Value
			}))
	}
	for _, c := range []struct{ scope, filter, want string }{
		{rg, "", "Contributor@rg Reader@subscription"},
		{rg, "atScope()", "Contributor@rg Reader@subscription"},
		{subscription, "", "Contributor@rg Reader@subscription"},
		{subscription, "atScope()", "Reader@subscription"},
		{rg, "principalId eq '" + ada + "'", "Contributor@rg"},
		{rg, "assignedTo('" + ada + "')", "Contributor@rg Reader@subscription"},
		{subscription, "atScope() and assignedTo('" + ada + "')", "Reader@subscription"},
		{rg, "atScope() and assignedTo('" + inner + "')", "Reader@subscription"},
	} {
		if have := list(c.scope, c.filter); have != c.want {
			t.Errorf("at %s with %q: %s, want %s", c.scope, c.filter, have, c.want)
		}
	}
	equal(t, "of the group's list", w.summary(all(t, assignments.NewListForResourceGroupPager("rg-filters", nil),
		func(p armauthorization.RoleAssignmentsClientListForResourceGroupResponse) []*armauthorization.RoleAssignment {
			return p.Value
		})), "Contributor@rg Reader@subscription")
	equal(t, "of the subscription's list", w.summary(all(t, assignments.NewListForSubscriptionPager(&armauthorization.RoleAssignmentsClientListForSubscriptionOptions{Filter: ptr("principalId eq '" + ada + "'")}),
		func(p armauthorization.RoleAssignmentsClientListForSubscriptionResponse) []*armauthorization.RoleAssignment {
			return p.Value
		})), "Contributor@rg")

	w.assignmentLife(assignments, rg, ada)
}

// summary writes assignments as sorted Role@level words; those of the bootstrap principal at the root stay out.
func (w *world) summary(list []*armauthorization.RoleAssignment) string {
	names := map[string]string{ownerRole: "Owner", contributorRole: "Contributor", readerRole: "Reader"}
	var words []string
	for _, a := range list {
		scope := *a.Properties.Scope
		if scope == "/" {
			continue
		}
		level := map[int]string{2: "subscription", 4: "rg"}[strings.Count(scope, "/")]
		role := *a.Properties.RoleDefinitionID
		words = append(words, names[role[strings.LastIndex(role, "/")+1:]]+"@"+level)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// assignmentLife: one assignment made, made again, made twice under another name, read, and deleted twice.
func (w *world) assignmentLife(assignments *armauthorization.RoleAssignmentsClient, scope, principal string) {
	t, name := w.T, newGUID(w.T)
	body := armauthorization.RoleAssignmentCreateParameters{Properties: &armauthorization.RoleAssignmentProperties{RoleDefinitionID: w.roleID(readerRole),
		PrincipalID: &principal, Description: ptr("for the audit"), PrincipalType: ptr(armauthorization.PrincipalTypeUser)}}
	made := must(assignments.Create(t.Context(), scope, name, body, nil))(t)
	equal(t, "scope", *made.Properties.Scope, scope)
	equal(t, "principal type", *made.Properties.PrincipalType, armauthorization.PrincipalTypeUser)
	must(assignments.Create(t.Context(), scope, name, body, nil))(t)
	_, err := assignments.Create(t.Context(), scope, newGUID(t), body, nil)
	refused(t, err, 409, "RoleAssignmentExists", "role assignment already exists")
	body.Properties.PrincipalID = ptr("00000000-0000-0000-0000-00000000dead")
	body.Properties.PrincipalType = nil
	_, err = assignments.Create(t.Context(), scope, newGUID(t), body, nil)
	refused(t, err, 400, "PrincipalNotFound")
	got := must(assignments.GetByID(t.Context(), *made.ID, nil))(t)
	equal(t, "description", *got.Properties.Description, "for the audit")
	if got.Properties.CreatedBy == nil || got.Properties.CreatedOn == nil || got.Properties.UpdatedBy == nil {
		t.Errorf("who and when are missing: %+v", got.Properties)
	}
	equal(t, "deleted", *must(assignments.DeleteByID(t.Context(), *made.ID, nil))(t).Name, name)
	must(assignments.Delete(t.Context(), scope, name, nil))(t) // 204 when it is gone
}

func TestPermissionsAndOperations(t *testing.T) {
	w := start(t)
	w.resourceGroup("rg-permissions")
	permissions := must(armauthorization.NewPermissionsClient(w.subs, w.admin, w.arm))(t)
	mine := all(t, permissions.NewListForResourceGroupPager("rg-permissions", nil), func(p armauthorization.PermissionsClientListForResourceGroupResponse) []*armauthorization.Permission {
		return p.Value
	})
	if !slices.ContainsFunc(mine, func(p *armauthorization.Permission) bool {
		return slices.ContainsFunc(p.Actions, func(a *string) bool { return *a == "*" })
	}) {
		t.Errorf("the Owner at the root has not * among %d entries", len(mine))
	}
	operations := must(armauthorization.NewProviderOperationsMetadataClient(w.admin, w.arm))(t)
	apim := must(operations.Get(t.Context(), "Microsoft.ApiManagement", &armauthorization.ProviderOperationsMetadataClientGetOptions{Expand: ptr("resourceTypes")}))(t)
	if len(apim.ResourceTypes) < 20 {
		t.Errorf("Microsoft.ApiManagement lists %d resource types", len(apim.ResourceTypes))
	}
}
