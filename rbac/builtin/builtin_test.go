package builtin

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

// grants tells what a role says about an action, straight from rbac.md 4.3: yes,
// only under the condition of an entry, or no.
func grants(r gatehouse.RoleDefinition, action string, data bool) string {
	answer := "no"
	for _, p := range r.Permissions {
		with, without := p.Actions, p.NotActions
		if data {
			with, without = p.DataActions, p.NotDataActions
		}
		switch {
		case !matches(with, action) || matches(without, action):
		case p.Condition == "":
			return "yes"
		default:
			answer = "condition"
		}
	}
	return answer
}

func matches(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return gatehouse.NewPattern(p).Match(action) })
}

func named(t *testing.T, name string) gatehouse.RoleDefinition {
	t.Helper()
	for _, r := range slices.Concat(Roles(), DirectoryRoles()) {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no role is named %q", name)
	return gatehouse.RoleDefinition{}
}

func TestRolesAreComplete(t *testing.T) {
	if n := len(Roles()); n < 50 {
		t.Errorf("%d built-in roles, want at least 50", n)
	}
	apim := 0
	for _, r := range Roles() {
		if strings.HasPrefix(r.Name, "API Management ") {
			apim++
		}
		if r.ID.IsZero() || r.Type != gatehouse.BuiltInRole || r.Description == "" || len(r.Permissions) == 0 {
			t.Errorf("%s is incomplete: %+v", r.Name, r)
		}
		if !slices.Equal(r.AssignableScopes, []gatehouse.Scope{{}}) {
			t.Errorf("%s is assignable at %v, want the root", r.Name, r.AssignableScopes)
		}
		if got, ok := Role(r.ID); !ok || got.Name != r.Name {
			t.Errorf("Role(%s) = %q, %v", r.ID, got.Name, ok)
		}
		for _, p := range r.Permissions {
			if p.Actions == nil || p.NotActions == nil || p.DataActions == nil || p.NotDataActions == nil {
				t.Errorf("%s has a list that is nil; answers show all four", r.Name)
			}
		}
	}
	if apim != 10 {
		t.Errorf("%d roles of API Management, want 10 (rbac.md 13)", apim)
	}
	if p := named(t, "Key Vault Data Access Administrator").Permissions[0]; p.Condition == "" || p.ConditionVersion != "2.0" {
		t.Errorf("Key Vault Data Access Administrator lost its condition: %+v", p)
	}
	for _, s := range []string{CreatedOn, UpdatedOn} {
		if at, err := time.Parse("2006-01-02T15:04:05.0000000Z", s); err != nil || at.IsZero() {
			t.Errorf("timestamp %s: %v", s, err)
		}
	}
}

// TestRolesNameKnownOperations proves that each string of a built-in role would be accepted from a custom role.
func TestRolesNameKnownOperations(t *testing.T) {
	for _, r := range Roles() {
		for _, p := range r.Permissions {
			for _, a := range slices.Concat(p.Actions, p.NotActions) {
				if err := Check(a, false); err != nil {
					t.Errorf("%s: %v", r.Name, err)
				}
			}
			for _, a := range slices.Concat(p.DataActions, p.NotDataActions) {
				if err := Check(a, true); err != nil {
					t.Errorf("%s: %v", r.Name, err)
				}
			}
		}
	}
}

// TestFacts holds rbac.md 13, row by row.
func TestFacts(t *testing.T) {
	const (
		contributor = "API Management Service Contributor"
		operator    = "API Management Service Operator Role"
		reader      = "API Management Service Reader Role"
		apim        = "Microsoft.ApiManagement/"
	)
	services := []string{contributor, operator, reader}
	cases := []struct {
		roles   []string
		actions string
		want    string // an answer per role
	}{
		{services, apim + "service/read service/apis/read service/apis/operations/policies/read service/workspaces/apis/read", "yes yes yes"},
		{services, apim + "service/users/keys/read", "yes no no"},
		{services, apim + "service/apis/write service/apis/delete service/products/write service/policies/write", "yes no no"},
		{services, apim + "service/write service/delete", "yes yes no"},
		{services, apim + "service/managedeployments/action service/backup/action service/restore/action service/updatehostname/action service/updatecertificate/action", "yes yes no"},
		{services, apim + "service/applynetworkconfigurationupdates/action service/getssotoken/action service/scheduledMaintenance/action", "yes no no"},
		{services, apim + "service/subscriptions/listSecrets/action service/namedValues/listValue/action service/tenant/listSecrets/action", "yes no no"},
		{services, apim + "gateways/read gateways/write deletedservices/read register/action", "no no no"},
		{services, "Microsoft.Resources/deployments/write", "yes yes no"},
		{services, "Microsoft.Resources/deployments/read", "yes yes yes"},
		{services, "Microsoft.Authorization/roleAssignments/read", "yes yes yes"},
		{services, "Microsoft.Authorization/roleAssignments/write Microsoft.Authorization/roleDefinitions/write", "no no no"},

		{[]string{"API Management Workspace Contributor", "API Management Workspace Reader", "API Management Workspace API Developer", "API Management Workspace API Product Manager"},
			apim + "service/workspaces/read service/workspaces/apis/read", "yes yes yes yes"},
		{[]string{"API Management Workspace Contributor", "API Management Workspace Reader", "API Management Workspace API Developer", "API Management Workspace API Product Manager"},
			apim + "service/workspaces/apis/write service/workspaces/namedValues/write", "yes no yes no"},
		{[]string{"API Management Workspace Contributor", "API Management Workspace Reader", "API Management Workspace API Developer", "API Management Workspace API Product Manager"},
			apim + "service/workspaces/subscriptions/listSecrets/action", "yes no no yes"},
		{[]string{"API Management Workspace Contributor", "API Management Workspace Reader", "API Management Workspace API Developer", "API Management Workspace API Product Manager"},
			apim + "service/workspaces/notifications/action", "yes no no yes"},
		{[]string{"API Management Service Workspace API Developer", "API Management Service Workspace API Product Manager"},
			apim + "service/read service/products/apiLinks/write service/tags/apiLinks/write", "yes yes"},
		{[]string{"API Management Service Workspace API Developer", "API Management Service Workspace API Product Manager"},
			apim + "service/users/read service/groups/users/write", "no yes"},
		{[]string{"API Management Developer Portal Content Editor"}, apim + "service/portalRevisions/write service/contentTypes/contentItems/delete", "yes"},
		{[]string{"API Management Developer Portal Content Editor"}, apim + "service/read service/portalRevisions/delete", "no"},

		{[]string{"Owner", "Contributor", "Reader"}, apim + "service/apis/read", "yes yes yes"},
		{[]string{"Owner", "Contributor", "Reader"}, apim + "service/apis/write", "yes yes no"},
		{[]string{"Owner", "Contributor", "Reader"}, "Microsoft.Authorization/roleAssignments/write Microsoft.Authorization/elevateAccess/action Microsoft.Resources/deploymentStacks/manageDenySetting/action", "yes no no"},
		{[]string{"Owner", "Contributor", "Reader"}, "Microsoft.Subscription/cancel/action Microsoft.Authorization/denyAssignments/delete", "yes no no"},
		{[]string{"User Access Administrator", "Role Based Access Control Administrator"}, "Microsoft.Authorization/roleAssignments/write Microsoft.Authorization/roleAssignments/delete", "yes yes"},
		{[]string{"User Access Administrator", "Role Based Access Control Administrator"}, "Microsoft.Authorization/locks/write Microsoft.Authorization/roleDefinitions/write Microsoft.Authorization/policyAssignments/write", "yes no"},
		{[]string{"Managed Identity Operator", "Managed Identity Contributor"}, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "yes no"},
	}
	for _, c := range cases {
		for _, action := range strings.Fields(c.actions) {
			if !strings.HasPrefix(action, "Microsoft.") {
				action = apim + action
			}
			for i, want := range strings.Fields(c.want) {
				if got := grants(named(t, c.roles[i]), action, false); got != want {
					t.Errorf("%s, %s: %s, want %s", c.roles[i], action, got, want)
				}
			}
		}
	}
	if n := len(named(t, "Contributor").Permissions[0].NotActions); n != 11 {
		t.Errorf("Contributor excludes %d actions, want 11", n)
	}
}

// TestDataActionsAreApart proves that no role for Resource Manager reaches the
// directory or the gateway's calls, and no directory role reaches Resource Manager.
func TestDataActionsAreApart(t *testing.T) {
	var data []string
	for _, o := range Operations() {
		if o.Data && strings.HasPrefix(o.Name, "Microsoft.ApiManagement/") {
			data = append(data, o.Name)
		}
	}
	if len(data) != 2 {
		t.Errorf("data actions of API Management: %v, want two", data)
	}
	data = append(data, CallRead, CallInvoke, DirectoryNamespace+"directory/users/read", DirectoryNamespace+"directory/groups/members/write")
	for _, r := range Roles() {
		for _, a := range data {
			if got := grants(r, a, true); got != "no" {
				t.Errorf("%s, data action %s: %s", r.Name, a, got)
			}
		}
	}
	for _, r := range DirectoryRoles() {
		if _, ok := Role(r.ID); ok || len(r.AssignableScopes) > 0 {
			t.Errorf("directory role %s is also a role of Resource Manager", r.Name)
		}
		for _, o := range Operations() {
			if got := grants(r, o.Name, o.Data); got != "no" {
				t.Errorf("%s, %s: %s", r.Name, o.Name, got)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	cases := []struct {
		pattern string
		kinds   string // accepted as: action, data, both, none
	}{
		{"*", "both"},
		{"*/read", "both"},
		{"Microsoft.ApiManagement/service/apis/read", "action"},
		{"microsoft.APIMANAGEMENT/Service/apis/READ", "action"},
		{"Microsoft.ApiManagement/service/apis/wikis/write", "action"}, // not published, served here
		{"Microsoft.ApiManagement/service/apis/reed", "none"},
		{"Microsoft.ApiManagement/service/apis", "none"},
		{"Microsoft.ApiManagement/service/gateways/getConfiguration/action", "data"},
		{"Microsoft.ApiManagement/*", "both"},
		{"Microsoft.ApiManagement/service/*/read", "both"},
		{"Microsoft.ApiManagement/service/nothing*", "both"}, // wildcards are not compared with the catalogue
		{"Microsoft.ApiManagement/*/apis/*", "none"},
		{"Microsoft.ApiManagement", "none"},
		{"Microsoft.ApiManagement/", "none"},
		{"Microsoft.ApiManagement//read", "none"},
		{"Microsoft.ApiManagemen/service/read", "none"},
		{"Microsoft.*/read", "none"},
		{"Microsoft.*", "none"},
		{"*read", "none"},
		{"", "none"},
		{"Microsoft.Support/*", "both"},
		{"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read", "data"},
		{"Microsoft.Storage/storageAccounts/listAccountSas/action", "both"}, // no catalogue: any well-shaped one
		{"Microsoft.Storage/storageAccounts", "none"},
		{"Microsoft.Insights/alertRules/write", "both"},
		{CallRead, "data"},
		{"Gatehouse.Gateway/*", "both"},
		{"Gatehouse.Gateway/apis/read", "none"},
		{"Microsoft.Graph/*", "none"},
		{"Microsoft.Graph/directory/users/write", "none"},
		{"Contoso.Things/read", "none"},
	}
	for _, c := range cases {
		action, data := Known(c.pattern, false), Known(c.pattern, true)
		got := map[[2]bool]string{{true, true}: "both", {true, false}: "action", {false, true}: "data"}[[2]bool{action, data}]
		if got == "" {
			got = "none"
		}
		if got != c.kinds {
			t.Errorf("%q is accepted as %s, want %s", c.pattern, got, c.kinds)
		}
	}
	for pattern, want := range map[string]string{
		"Microsoft.X/y/read": "'Microsoft.X/y/read' does not match any of the actions supported by the providers.",
		"*/a/*":              "'*/a/*' contains multiple wildcards. Only one is allowed.",
	} {
		e, ok := Check(pattern, false).(*gatehouse.Error)
		if !ok || e.Code != "InvalidActionOrNotAction" || e.Kind != gatehouse.Invalid || e.Message != want {
			t.Errorf("Check(%q) = %v", pattern, e)
		}
	}
}

func TestOperations(t *testing.T) {
	seen := map[string]bool{}
	last := ""
	for _, o := range Operations() {
		key := gatehouse.Fold(o.Name)
		if id := key + map[bool]string{true: " data"}[o.Data]; seen[id] {
			t.Errorf("%s is listed twice", id)
		} else {
			seen[id] = true
		}
		if key < last || strings.ContainsAny(key, "{}* \t") {
			t.Errorf("%s is out of order or malformed", o.Name)
		}
		last = key
		if o.DisplayName == "" || o.Description == "" || o.Origin == "" {
			t.Errorf("%s is incomplete: %+v", o.Name, o)
		}
		if Canonical(strings.ToUpper(o.Name)) != o.Name && !strings.EqualFold(Canonical(strings.ToUpper(o.Name)), o.Name) {
			t.Errorf("Canonical(%s) = %s", strings.ToUpper(o.Name), Canonical(strings.ToUpper(o.Name)))
		}
	}
	if got := Canonical("microsoft.apimanagement/SERVICE/portalsettings/listsecrets/action"); got != "Microsoft.ApiManagement/service/portalSettings/listSecrets/action" {
		t.Errorf("Canonical = %s", got)
	}
	if got := Canonical("Contoso/x/Read"); got != "Contoso/x/Read" {
		t.Errorf("Canonical changed an unknown action to %s", got)
	}
}

func TestProviders(t *testing.T) {
	total := 0
	for _, p := range Providers() {
		total += len(p.Operations)
		for _, typ := range p.Types {
			total += len(typ.Operations)
			if typ.DisplayName == "" {
				t.Errorf("%s/%s has no display name", p.Namespace, typ.Name)
			}
		}
	}
	if total != len(Operations()) {
		t.Errorf("providers hold %d operations of %d", total, len(Operations()))
	}
	p, ok := ProviderNamed("microsoft.apimanagement")
	if !ok || !p.Catalogue || p.DisplayName != "Microsoft API Management" || p.Namespace != "Microsoft.ApiManagement" {
		t.Errorf("ProviderNamed = %+v, %v", p.Namespace, ok)
	}
	i := slices.IndexFunc(p.Operations, func(o Operation) bool { return o.Name == "Microsoft.ApiManagement/register/action" })
	j := slices.IndexFunc(p.Types, func(r ResourceType) bool { return r.Name == "service/apis/operations/policies" })
	if i < 0 || j < 0 || p.Types[j].DisplayName != "API Operation Policy" || len(p.Types[j].Operations) != 3 {
		t.Errorf("API Management is not grouped as providerOperations shows it: %d, %d, %+v", i, j, p.Types[max(j, 0)])
	}
	for _, c := range []struct {
		name string
		want bool
	}{{"Microsoft.Authorization", true}, {"Microsoft.Resources", true}, {"Microsoft.ManagedIdentity", true}, {"Gatehouse.Gateway", true}, {"Microsoft.Insights", false}, {"Microsoft.Storage", false}} {
		if p, ok := ProviderNamed(c.name); !ok || p.Catalogue != c.want {
			t.Errorf("%s: known %v, catalogue %v, want %v", c.name, ok, p.Catalogue, c.want)
		}
	}
	if _, ok := ProviderNamed("Microsoft.Graph"); ok {
		t.Error("Microsoft.Graph is a known provider: custom roles could name directory rights")
	}
}

func BenchmarkFirstUse(b *testing.B) {
	for b.Loop() {
		readOperations()
		readRoles()
	}
}
