package needs

import (
	"slices"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/rbac/builtin"
)

// TestTable: every row gives an ID that is one, and actions that are known where the catalogue of the provider is.
func TestTable(t *testing.T) {
	for name, row := range azurerm() {
		c := &change{Address: name + ".x", Mode: "managed", Type: name}
		c.Change.After = map[string]any{"resource_group_name": "rg", "api_management_name": "apim", "name": "x", "sign_in": []any{1.0}, "tenant_access": []any{1.0}}
		for _, word := range strings.FieldsFunc(row.id, func(r rune) bool { return strings.ContainsRune("{}^", r) }) {
			if c.Change.After[word] == nil && !strings.Contains(word, "/") {
				c.Change.After[word] = "x"
			}
			if word == "api_id" || word == "scope" || word == "parent_id" || strings.HasSuffix(word, "_workspace_id") || word == "api_operation_id" || word == "api_tag_id" || word == "gateway_id" {
				c.Change.After[word] = parents[word]
			}
		}
		x := terraform{Requirements: newRequirements(""), plan: &terraformPlan{}, subscription: "s", byAddress: map[string]*change{}}
		x.resource(c, "crud", "test")
		if len(x.Unknown) > 0 || len(x.Needs) < 3 {
			t.Errorf("%s: %v, unknown %v", name, x.Needs, x.Unknown)
		}
		for _, n := range x.Needs {
			if err := builtin.Check(n.Action, false); err != nil && !(strings.HasSuffix(n.Action, "/delete") || strings.HasSuffix(n.Action, "/resources/read")) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

const apim = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ApiManagement/service/apim"

var parents = map[string]string{"scope": "/subscriptions/s/resourceGroups/rg", "api_id": apim + "/apis/a;rev=1", "api_management_workspace_id": apim + "/workspaces/w",
	"api_operation_id": apim + "/apis/a/operations/o", "api_tag_id": apim + "/apis/a/tags/t", "gateway_id": apim + "/gateways/g",
	"parent_id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"}

// TestCalls: the action and scope of a request, as its method and path say.
func TestCalls(t *testing.T) {
	for _, c := range []struct{ method, path, action, scope string }{
		{"GET", "https://management.azure.com" + apim + "/apis?api-version=1", "Microsoft.ApiManagement/service/apis/read", apim},
		{"HEAD", apim + "/apis/a", "Microsoft.ApiManagement/service/apis/read", apim + "/apis/a"},
		{"PATCH", apim, "Microsoft.ApiManagement/service/write", apim},
		{"POST", apim + "/namedValues/k/listValue", "Microsoft.ApiManagement/service/namedValues/listValue/action", apim + "/namedValues/k"},
		{"POST", "/subscriptions/s/providers/Microsoft.ApiManagement/checkNameAvailability", "Microsoft.ApiManagement/checkNameAvailability/read", "/subscriptions/s"},
		{"GET", "/subscriptions/s/providers/Microsoft.ApiManagement/service", "Microsoft.ApiManagement/service/read", "/subscriptions/s"},
		{"GET", "/subscriptions/s/resourceGroups", "Microsoft.Resources/subscriptions/resourceGroups/read", "/subscriptions/s"},
		{"PUT", apim + "/providers/Microsoft.Authorization/roleAssignments/r", "Microsoft.Authorization/roleAssignments/write", apim + "/providers/Microsoft.Authorization/roleAssignments/r"},
		{"GET", apim + "/providers/Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleAssignments/read", apim},
	} {
		r := newRequirements("")
		r.call(c.method, c.path)
		if len(r.Needs) != 1 || r.Needs[0].Action != c.action || r.Needs[0].Scope.String() != c.scope {
			t.Errorf("%s %s: %+v %v", c.method, c.path, r.Needs, r.Unknown)
		}
	}
}

// TestPlaces: what does not exist yet counts where it will be made, and what is held above is not asked for below.
func TestPlaces(t *testing.T) {
	r := newRequirements("")
	r.creates[gatehouse.MustScope(apim)] = true
	r.add("Microsoft.ApiManagement/service/write", gatehouse.MustID(apim), "a")
	r.add("Microsoft.ApiManagement/service/notifications/recipientEmails/write", gatehouse.MustID(apim+"/notifications/n/recipientEmails/e"), "a")
	r.add("Microsoft.ApiManagement/service/write", gatehouse.MustID(apim+"2"), "a")
	r.add("Microsoft.ApiManagement/service/read", gatehouse.MustID(apim+"2"), "a")
	places := r.Places()
	if len(places) != 2 || places[0].Scope.Name() != "rg" || len(places[0].Actions) != 2 || !slices.Equal(places[1].Actions, []string{"Microsoft.ApiManagement/service/read"}) {
		t.Errorf("%+v", places)
	}
	for i := range 10 {
		r.add("Microsoft.ApiManagement/service/apis/write", gatehouse.MustID(apim+"2/apis/"+string(rune('a'+i))), "a")
	}
	if places := r.Places(); len(places) > maxPlaces {
		t.Errorf("%d places", len(places))
	}
}

// TestBuiltInRole: a role that is near is taken as it is.
func TestBuiltInRole(t *testing.T) {
	for _, b := range builtin.Roles() {
		if b.Name != "API Management Service Reader Role" {
			continue
		}
		r := newRequirements("")
		for _, o := range builtin.Operations() {
			if !o.Data && holds(&b, o.Name) {
				r.add(o.Name, gatehouse.MustID(apim), "a")
			}
		}
		p := r.Propose("test")
		if len(p) != 1 || p[0].BuiltIn != b.Name || !p[0].Near || p[0].Custom != nil || len(p[0].Surplus) != 0 {
			t.Errorf("%+v", p)
		}
	}
}

// TestPrinted: a file that somebody else wrote neither gets a terminal to do anything nor
// a shell, when the commands that are proposed are pasted into it.
func TestPrinted(t *testing.T) {
	id, err := gatehouse.ParseID("/subscriptions/s/resourceGroups/rg'$(touch x)'")
	if err != nil {
		t.Fatal(err)
	}
	a := &Answer{Requirements: newRequirements(""), Proposals: []Proposal{{Scope: id, BuiltIn: "Reader' $(id) '\x1b[2J"}}}
	a.Unknown, a.Notes = []string{"\x1b]0;owned\x07"}, []string{"\u202e"}
	var b strings.Builder
	if err := a.Text(&b, "plan.json"); err != nil {
		t.Fatal(err)
	}
	const command = `az role assignment create --assignee PRINCIPAL --role 'Reader'\'' $(id) '\'' [2J' --scope '/subscriptions/s/resourceGroups/rg'\''$(touch x)'\'''` + "\n"
	if strings.ContainsAny(b.String(), "\x1b\x07\u202e") || !strings.HasSuffix(b.String(), command) {
		t.Errorf("%q", b.String())
	}
}
