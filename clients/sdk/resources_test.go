package sdk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
)

const accessTemplate = `{
	"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
	"contentVersion": "1.0.0.0",
	"parameters": {"principalId": {"type": "string"}},
	"resources": [{
		"type": "Microsoft.Authorization/roleAssignments", "apiVersion": "2022-04-01", "name": "[guid(resourceGroup().id, parameters('principalId'))]",
		"properties": {"roleDefinitionId": "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'acdd72a7-3385-48ef-bd42-f606fba81ae7')]",
			"principalId": "[parameters('principalId')]", "principalType": "ServicePrincipal"}
	}],
	"outputs": {"group": {"type": "string", "value": "[resourceGroup().name]"}}
}`

func deployment(t *testing.T, principal string) armresources.Deployment {
	t.Helper()
	template := map[string]any{}
	check(t, json.Unmarshal([]byte(accessTemplate), &template))
	return armresources.Deployment{Properties: &armresources.DeploymentProperties{Mode: ptr(armresources.DeploymentModeIncremental), Template: template,
		Parameters: map[string]any{"principalId": map[string]any{"value": principal}}}}
}

// TestDeployment: a template that grants; and the same template in the hands of a Contributor, who may not grant.
func TestDeployment(t *testing.T) {
	w := start(t)
	rg := w.resourceGroup("rg-deploy")
	reader := w.application("reader", nil)
	deployments := must(armresources.NewDeploymentsClient(w.subs, w.admin, w.arm))(t)
	body := deployment(t, reader.principal)

	validate, err := deployments.BeginValidate(t.Context(), "rg-deploy", "access", body, nil)
	done(t, validate, err)
	whatIf, err := deployments.BeginWhatIf(t.Context(), "rg-deploy", "access", armresources.DeploymentWhatIf{Properties: &armresources.DeploymentWhatIfProperties{
		Mode: body.Properties.Mode, Template: body.Properties.Template, Parameters: body.Properties.Parameters}}, nil)
	changes := done(t, whatIf, err).Properties.Changes
	equal(t, "number of changes", len(changes), 1)
	equal(t, "change", *changes[0].ChangeType, armresources.ChangeTypeCreate)

	create, err := deployments.BeginCreateOrUpdate(t.Context(), "rg-deploy", "access", body, nil)
	made := done(t, create, err)
	equal(t, "state", *made.Properties.ProvisioningState, armresources.ProvisioningStateSucceeded)
	equal(t, "output", fmt.Sprint(made.Properties.Outputs), "map[group:map[type:String value:rg-deploy]]")
	assignments := must(armauthorization.NewRoleAssignmentsClient(w.subs, w.admin, w.arm))(t)
	granted := all(t, assignments.NewListForScopePager(rg, &armauthorization.RoleAssignmentsClientListForScopeOptions{Filter: ptr("principalId eq '" + reader.principal + "'")}),
		func(p armauthorization.RoleAssignmentsClientListForScopeResponse) []*armauthorization.RoleAssignment {
			return p.Value
		})
	equal(t, "grants", len(granted), 1)

	deployer := w.application("deployer", nil)
	secret := w.graph("POST", "/applications/"+deployer.object+"/addPassword", map[string]any{"passwordCredential": map[string]any{}})["secretText"].(string)
	w.grant(contributorRole, deployer.principal, armauthorization.PrincipalTypeServicePrincipal, rg)
	sneaky := must(armresources.NewDeploymentsClient(w.subs, w.secret(deployer.app, secret), w.arm))(t)
	poller, err := sneaky.BeginCreateOrUpdate(t.Context(), "rg-deploy", "sneaky", deployment(t, deployer.principal), nil)
	if err == nil {
		_, err = poller.PollUntilDone(t.Context(), nil)
	}
	if err == nil || !strings.Contains(err.Error(), "Microsoft.Authorization/roleAssignments/write") {
		t.Errorf("a Contributor's deployment of a role assignment: %v", err)
	}

	if there := must(deployments.CheckExistence(t.Context(), "rg-deploy", "access", nil))(t); !there.Success {
		t.Error("the deployment is not there")
	}
	gone, err := deployments.BeginDelete(t.Context(), "rg-deploy", "access", nil)
	done(t, gone, err)
	_, err = deployments.Get(t.Context(), "rg-deploy", "access", nil)
	refused(t, err, 404, "DeploymentNotFound")
	w.deleteGroup("rg-deploy")
}

func TestResourceGroups(t *testing.T) {
	w := start(t)
	w.resourceGroup("rg-One")
	groups := must(armresources.NewResourceGroupsClient(w.subs, w.admin, w.arm))(t)
	equal(t, "name in other case", *must(groups.Get(t.Context(), "RG-ONE", nil))(t).Name, "rg-One")
	updated := must(groups.Update(t.Context(), "rg-one", armresources.ResourceGroupPatchable{Tags: map[string]*string{"team": ptr("one")}}, nil))(t)
	equal(t, "tag", *updated.Tags["team"], "one")
	_, err := groups.Get(t.Context(), "rg-two", nil)
	refused(t, err, 404, "ResourceGroupNotFound")
	w.service("rg-one", "contoso-apim")
	resources := must(armresources.NewClient(w.subs, w.admin, w.arm))(t)
	list := all(t, resources.NewListByResourceGroupPager("rg-one", nil), func(p armresources.ClientListByResourceGroupResponse) []*armresources.GenericResourceExpanded {
		return p.Value
	})
	equal(t, "resources", len(list), 1)
	equal(t, "type", *list[0].Type, "Microsoft.ApiManagement/service")
	provider := must(must(armresources.NewProvidersClient(w.subs, w.admin, w.arm))(t).Get(t.Context(), "Microsoft.ApiManagement", nil))(t)
	equal(t, "registration", *provider.RegistrationState, "Registered")
	w.deleteGroup("rg-one")
}

// TestActivityLog: who granted what to whom, and who was refused.
func TestActivityLog(t *testing.T) {
	w := start(t)
	since := time.Now().Add(-time.Minute)
	rg := w.resourceGroup("rg-log")
	upn, bob := w.user("bob", "Can-we-fix-it-1999")
	w.grant(readerRole, bob, armauthorization.PrincipalTypeUser, rg)
	w.reads(w.password(upn, "Can-we-fix-it-1999"), "rg-log")

	events := must(armmonitor.NewActivityLogsClient(w.subs, w.admin, w.arm))(t)
	filter := fmt.Sprintf("eventTimestamp ge '%s' and eventTimestamp le '%s' and resourceGroupName eq 'rg-log'", since.UTC().Format(time.RFC3339), time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
	list := all(t, events.NewListPager(filter, nil), func(p armmonitor.ActivityLogsClientListResponse) []*armmonitor.EventData { return p.Value })
	var granted, wrote bool
	for _, e := range list {
		switch {
		case *e.OperationName.Value == "Microsoft.Authorization/roleAssignments/write" && *e.Status.Value == "Started":
			granted = true
			equal(t, "who granted", *e.Caller, w.claims(w.admin)["oid"].(string)) // of a service principal the object ID
			if body := e.Properties["requestbody"]; body == nil || !strings.Contains(*body, bob) {
				t.Errorf("to whom is missing: %+v", e.Properties)
			}
		case *e.Caller == upn && *e.Status.Value == "Failed":
			wrote = true
			equal(t, "what was refused", *e.OperationName.Value, "Microsoft.Resources/subscriptions/resourceGroups/write")
		}
	}
	if !granted || !wrote {
		t.Errorf("grant seen: %v, refusal seen: %v, among %d events", granted, wrote, len(list))
	}
}
