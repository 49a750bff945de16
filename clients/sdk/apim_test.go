package sdk

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/apimanagement/armapimanagement/v3"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
)

func (w *world) service(group, name string) string {
	w.Helper()
	services := must(armapimanagement.NewServiceClient(w.subs, w.admin, w.arm))(w.T)
	poller, err := services.BeginCreateOrUpdate(w.Context(), group, name, armapimanagement.ServiceResource{Location: ptr("westeurope"),
		SKU:        &armapimanagement.ServiceSKUProperties{Name: ptr(armapimanagement.SKUTypeDeveloper), Capacity: ptr(int32(1))},
		Properties: &armapimanagement.ServiceProperties{PublisherEmail: ptr("ops@contoso.example"), PublisherName: ptr("Contoso")}}, nil)
	made := done(w.T, poller, err)
	equal(w.T, "provisioningState", *made.Properties.ProvisioningState, "Succeeded")
	return *made.ID
}

func api(display, path string) armapimanagement.APICreateOrUpdateParameter {
	return armapimanagement.APICreateOrUpdateParameter{Properties: &armapimanagement.APICreateOrUpdateProperties{DisplayName: &display, Path: &path,
		ServiceURL: ptr("https://backend.example"), Protocols: []*armapimanagement.Protocol{ptr(armapimanagement.ProtocolHTTPS)}}}
}

// TestCalculator is the main story: a clone of API Management Service Reader that may also write one API, given to a
// group in a group; its member may change that API and no other.
func TestCalculator(t *testing.T) {
	w := start(t)
	w.resourceGroup("rg-apis")
	service := w.service("rg-apis", "contoso-apim")
	apis := must(armapimanagement.NewAPIClient(w.subs, w.admin, w.arm))(t)
	orders, err := apis.BeginCreateOrUpdate(t.Context(), "rg-apis", "contoso-apim", "orders", api("Orders", "orders"), nil)
	done(t, orders, err)

	outer, inner := w.group("api-team"), w.group("calculator-devs")
	upn, id := w.user("ada", "Analytical-Engine-1843", outer, inner)
	calculator := service + "/apis/calculator"
	role := w.cloneServiceReader(calculator)
	assignments := must(armauthorization.NewRoleAssignmentsClient(w.subs, w.admin, w.arm))(t)
	grant := must(assignments.Create(t.Context(), calculator, newGUID(t), armauthorization.RoleAssignmentCreateParameters{Properties: &armauthorization.RoleAssignmentProperties{
		RoleDefinitionID: role.ID, PrincipalID: &outer, PrincipalType: ptr(armauthorization.PrincipalTypeGroup)}}, nil))(t)

	ada := w.password(upn, "Analytical-Engine-1843")
	w.mayEditOnlyCalculator(ada, upn, id, service)

	// Revoked: the next request with the same token is refused.
	must(assignments.DeleteByID(t.Context(), *grant.ID, nil))(t)
	_, err = must(armapimanagement.NewAPIClient(w.subs, ada, w.arm))(t).Get(t.Context(), "rg-apis", "contoso-apim", "calculator", nil)
	refused(t, err, 403, "AuthorizationFailed", "Microsoft.ApiManagement/service/apis/read")
	must(must(armauthorization.NewRoleDefinitionsClient(w.admin, w.arm))(t).Delete(t.Context(), calculator, *role.Name, nil))(t)
	w.deleteAll("rg-apis", "contoso-apim")
}

func (w *world) cloneServiceReader(scope string) armauthorization.RoleDefinition {
	w.Helper()
	roles := must(armauthorization.NewRoleDefinitionsClient(w.admin, w.arm))(w.T)
	reader := must(roles.Get(w.Context(), "/subscriptions/"+w.subs, apimServiceReaderRole, nil))(w.T)
	permission := *reader.Properties.Permissions[0]
	permission.Actions = append(permission.Actions, ptr("Microsoft.ApiManagement/service/apis/write"), ptr("Microsoft.ApiManagement/service/apis/*/write"))
	return must(roles.CreateOrUpdate(w.Context(), scope, newGUID(w.T), armauthorization.RoleDefinition{Properties: &armauthorization.RoleDefinitionProperties{
		RoleName: ptr("Calculator API Contributor"), RoleType: ptr("CustomRole"), Description: ptr("Reads the service, edits the calculator API"),
		AssignableScopes: []*string{&scope}, Permissions: []*armauthorization.Permission{&permission}}}, nil))(w.T).RoleDefinition
}

func (w *world) mayEditOnlyCalculator(ada azcore.TokenCredential, upn, id, service string) {
	t := w.T
	apis := must(armapimanagement.NewAPIClient(w.subs, ada, w.arm))(t)
	poller, err := apis.BeginCreateOrUpdate(t.Context(), "rg-apis", "contoso-apim", "calculator", api("Calculator", "calc"), nil)
	equal(t, "path", *done(t, poller, err).Properties.Path, "calc")
	tag := must(apis.GetEntityTag(t.Context(), "rg-apis", "contoso-apim", "calculator", nil))(t)
	updated := must(apis.Update(t.Context(), "rg-apis", "contoso-apim", "calculator", *tag.ETag,
		armapimanagement.APIUpdateContract{Properties: &armapimanagement.APIContractUpdateProperties{Description: ptr("adds and subtracts")}}, nil))(t)
	equal(t, "description", *updated.Properties.Description, "adds and subtracts")
	_, err = apis.Update(t.Context(), "rg-apis", "contoso-apim", "calculator", *tag.ETag, armapimanagement.APIUpdateContract{Properties: &armapimanagement.APIContractUpdateProperties{Description: ptr("late")}}, nil)
	if err == nil {
		t.Error("an update with yesterday's ETag was accepted")
	}
	operations := must(armapimanagement.NewAPIOperationClient(w.subs, ada, w.arm))(t)
	must(operations.CreateOrUpdate(t.Context(), "rg-apis", "contoso-apim", "calculator", "add", armapimanagement.OperationContract{Properties: &armapimanagement.OperationContractProperties{
		DisplayName: ptr("Add"), Method: ptr("GET"), URLTemplate: ptr("/add")}}, nil))(t)

	// The other API: refused in Azure's words, whether it exists or not.
	_, err = apis.BeginCreateOrUpdate(t.Context(), "rg-apis", "contoso-apim", "orders", api("Mine", "orders"), nil)
	refused(t, err, 403, "AuthorizationFailed", "The client '"+upn+"' with object id '"+id+"' does not have authorization to perform action 'Microsoft.ApiManagement/service/apis/write' over scope '"+
		service+"/apis/orders' or the scope is invalid. If access was recently granted, please refresh your credentials.")
	_, err = apis.Update(t.Context(), "rg-apis", "contoso-apim", "nothing", "*", armapimanagement.APIUpdateContract{}, nil)
	refused(t, err, 403, "AuthorizationFailed")
	_, err = apis.BeginDelete(t.Context(), "rg-apis", "contoso-apim", "calculator", "*", nil)
	refused(t, err, 403, "AuthorizationFailed", "Microsoft.ApiManagement/service/apis/delete")
	_, err = must(armapimanagement.NewProductClient(w.subs, ada, w.arm))(t).Get(t.Context(), "rg-apis", "contoso-apim", "unlimited", nil)
	refused(t, err, 403, "AuthorizationFailed", "Microsoft.ApiManagement/service/products/read")
}

func (w *world) deleteAll(group, service string) {
	w.Helper()
	services := must(armapimanagement.NewServiceClient(w.subs, w.admin, w.arm))(w.T)
	gone, err := services.BeginDelete(w.Context(), group, service, nil)
	done(w.T, gone, err)
	_, err = services.Get(w.Context(), group, service, nil)
	refused(w.T, err, 404, "ResourceNotFound")
	w.deleteGroup(group)
}

func (w *world) deleteGroup(name string) {
	w.Helper()
	groups := must(armresources.NewResourceGroupsClient(w.subs, w.admin, w.arm))(w.T)
	gone, err := groups.BeginDelete(w.Context(), name, nil)
	done(w.T, gone, err)
	if there := must(groups.CheckExistence(w.Context(), name, nil))(w.T); there.Success {
		w.Errorf("resource group %s is still there", name)
	}
}

// TestServiceContents: the first slice of API Management as the SDK sees it.
func TestServiceContents(t *testing.T) {
	w := start(t)
	w.resourceGroup("rg-shop")
	w.service("rg-shop", "fabrikam-apim")
	const rg, name = "rg-shop", "fabrikam-apim"
	ctx := t.Context()
	services := must(armapimanagement.NewServiceClient(w.subs, w.admin, w.arm))(t)
	equal(t, "services", len(all(t, services.NewListPager(nil), func(p armapimanagement.ServiceClientListResponse) []*armapimanagement.ServiceResource { return p.Value })), 1)

	products := must(armapimanagement.NewProductClient(w.subs, w.admin, w.arm))(t)
	must(products.CreateOrUpdate(ctx, rg, name, "basic", armapimanagement.ProductContract{Properties: &armapimanagement.ProductContractProperties{
		DisplayName: ptr("Basic"), State: ptr(armapimanagement.ProductStatePublished)}}, nil))(t)
	equal(t, "state", *must(products.Get(ctx, rg, name, "basic", nil))(t).Properties.State, armapimanagement.ProductStatePublished)

	values := must(armapimanagement.NewNamedValueClient(w.subs, w.admin, w.arm))(t)
	poller, err := values.BeginCreateOrUpdate(ctx, rg, name, "key", armapimanagement.NamedValueCreateContract{Properties: &armapimanagement.NamedValueCreateContractProperties{
		DisplayName: ptr("key"), Secret: ptr(true), Value: ptr("s3cr3t")}}, nil)
	done(t, poller, err)
	if v := must(values.Get(ctx, rg, name, "key", nil))(t).Properties.Value; v != nil {
		t.Errorf("a secret named value shows %q", *v)
	}
	equal(t, "value", *must(values.ListValue(ctx, rg, name, "key", nil))(t).Value, "s3cr3t")

	tags := must(armapimanagement.NewTagClient(w.subs, w.admin, w.arm))(t)
	must(tags.CreateOrUpdate(ctx, rg, name, "blue", armapimanagement.TagCreateUpdateParameters{Properties: &armapimanagement.TagContractProperties{DisplayName: ptr("blue")}}, nil))(t)
	policies := must(armapimanagement.NewPolicyClient(w.subs, w.admin, w.arm))(t)
	must(policies.CreateOrUpdate(ctx, rg, name, armapimanagement.PolicyIDNamePolicy, armapimanagement.PolicyContract{Properties: &armapimanagement.PolicyContractProperties{
		Format: ptr(armapimanagement.PolicyContentFormatXML), Value: ptr("<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>")}}, nil))(t)
	subscriptions := must(armapimanagement.NewSubscriptionClient(w.subs, w.admin, w.arm))(t)
	must(subscriptions.CreateOrUpdate(ctx, rg, name, "first", armapimanagement.SubscriptionCreateParameters{Properties: &armapimanagement.SubscriptionCreateParameterProperties{
		DisplayName: ptr("first"), Scope: ptr("/products/basic")}}, nil))(t)
	if keys := must(subscriptions.ListSecrets(ctx, rg, name, "first", nil))(t); keys.PrimaryKey == nil || *keys.PrimaryKey == *keys.SecondaryKey {
		t.Error("a subscription needs two keys of its own")
	}
	workspaces := must(armapimanagement.NewWorkspaceClient(w.subs, w.admin, w.arm))(t)
	must(workspaces.CreateOrUpdate(ctx, rg, name, "team-a", armapimanagement.WorkspaceContract{Properties: &armapimanagement.WorkspaceContractProperties{DisplayName: ptr("Team A")}}, nil))(t)
	must(workspaces.Delete(ctx, rg, name, "team-a", "*", nil))(t)
	must(subscriptions.Delete(ctx, rg, name, "first", "*", nil))(t)
	must(policies.Delete(ctx, rg, name, armapimanagement.PolicyIDNamePolicy, "*", nil))(t)
	must(tags.Delete(ctx, rg, name, "blue", "*", nil))(t)
	must(values.Delete(ctx, rg, name, "key", "*", nil))(t)
	must(products.Delete(ctx, rg, name, "basic", "*", nil))(t)
	w.deleteAll(rg, name)
}
