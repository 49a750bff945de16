package sdk

import (
	"context"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/msi/armmsi"
)

// TestManagedIdentity: made, granted, signed in without a secret, and spoken for by a federated credential.
func TestManagedIdentity(t *testing.T) {
	w := start(t)
	rg := w.resourceGroup("rg-robots")
	identities := must(armmsi.NewUserAssignedIdentitiesClient(w.subs, w.admin, w.arm))(t)
	made := must(identities.CreateOrUpdate(t.Context(), "rg-robots", "robot", armmsi.Identity{Location: ptr("westeurope")}, nil))(t)
	app, principal := *made.Properties.ClientID, *made.Properties.PrincipalID
	equal(t, "its service principal", w.graph("GET", "/servicePrincipals/"+principal, nil)["servicePrincipalType"], any("ManagedIdentity"))
	w.grant(readerRole, principal, armauthorization.PrincipalTypeServicePrincipal, rg)

	t.Setenv("IDENTITY_ENDPOINT", w.server.Env["IDENTITY_ENDPOINT"])
	t.Setenv("IDENTITY_HEADER", w.server.Env["IDENTITY_HEADER"])
	for _, id := range []azidentity.ManagedIDKind{azidentity.ClientID(app), azidentity.ResourceID(*made.ID)} {
		robot := must(azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: w.client, ID: id}))(t)
		equal(t, "oid", w.claims(robot)["oid"], any(principal))
		w.reads(robot, "rg-robots")
	}

	federated := must(armmsi.NewFederatedIdentityCredentialsClient(w.subs, w.admin, w.arm))(t)
	must(federated.CreateOrUpdate(t.Context(), "rg-robots", "robot", "cluster", armmsi.FederatedIdentityCredential{Properties: &armmsi.FederatedIdentityCredentialProperties{
		Issuer: &w.server.Issuer.URL, Subject: ptr("system:serviceaccount:build:robot"), Audiences: []*string{ptr("api://AzureADTokenExchange")}}}, nil))(t)
	equal(t, "credentials", len(all(t, federated.NewListPager("rg-robots", "robot", nil), func(p armmsi.FederatedIdentityCredentialsClientListResponse) []*armmsi.FederatedIdentityCredential {
		return p.Value
	})), 1)
	outside := must(azidentity.NewClientAssertionCredential(w.tenant, app, func(context.Context) (string, error) {
		return w.server.Issuer.Token("system:serviceaccount:build:robot")
	}, &azidentity.ClientAssertionCredentialOptions{ClientOptions: w.client, DisableInstanceDiscovery: true}))(t)
	w.reads(outside, "rg-robots")

	must(federated.Delete(t.Context(), "rg-robots", "robot", "cluster", nil))(t)
	must(identities.Delete(t.Context(), "rg-robots", "robot", nil))(t)
	_, err := identities.Get(t.Context(), "rg-robots", "robot", nil)
	refused(t, err, 404, "ResourceNotFound")
	w.deleteGroup("rg-robots")
}
