package sdk

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/live"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"
)

// claims of an access token; clients read them and do not verify them.
func (w *world) claims(cred azcore.TokenCredential) map[string]any {
	w.Helper()
	token := must(cred.GetToken(w.Context(), w.token()))(w.T)
	body := must(base64.RawURLEncoding.DecodeString(strings.Split(token.Token, ".")[1]))(w.T)
	out := map[string]any{}
	check(w.T, json.Unmarshal(body, &out))
	if left := time.Until(token.ExpiresOn); left < time.Minute || left > 25*time.Hour {
		w.Errorf("the token expires in %v", left)
	}
	return out
}

// reads says that a credential may read one resource group: it is who we think, and its role counts at once.
func (w *world) reads(cred azcore.TokenCredential, group string) {
	w.Helper()
	groups := must(armresources.NewResourceGroupsClient(w.subs, cred, w.arm))(w.T)
	equal(w.T, "resource group", *must(groups.Get(w.Context(), group, nil))(w.T).Name, group)
	_, err := groups.CreateOrUpdate(w.Context(), group, armresources.ResourceGroup{Location: ptr("westeurope"), Tags: map[string]*string{"x": ptr("y")}}, nil)
	refused(w.T, err, 403, "AuthorizationFailed", "Microsoft.Resources/subscriptions/resource", "/write")
}

func (w *world) grant(role, principal string, kind armauthorization.PrincipalType, scope string) {
	w.Helper()
	assignments := must(armauthorization.NewRoleAssignmentsClient(w.subs, w.admin, w.arm))(w.T)
	_, err := assignments.Create(w.Context(), scope, newGUID(w.T), armauthorization.RoleAssignmentCreateParameters{Properties: &armauthorization.RoleAssignmentProperties{
		RoleDefinitionID: w.roleID(role), PrincipalID: &principal, PrincipalType: &kind}}, nil)
	check(w.T, err)
}

func (w *world) resourceGroup(name string) string {
	w.Helper()
	groups := must(armresources.NewResourceGroupsClient(w.subs, w.admin, w.arm))(w.T)
	made := must(groups.CreateOrUpdate(w.Context(), name, armresources.ResourceGroup{Location: ptr("westeurope")}, nil))(w.T)
	equal(w.T, "provisioningState", *made.Properties.ProvisioningState, "Succeeded")
	return *made.ID
}

func TestClientSecret(t *testing.T) {
	w := start(t)
	claims := w.claims(w.admin)
	equal(t, "tid", claims["tid"], any(w.tenant))
	equal(t, "appid", claims["appid"], any(w.server.Env["CLIENT_ID"]))
	subs := must(armsubscriptions.NewClient(w.admin, w.arm))(t)
	list := all(t, subs.NewListPager(nil), func(p armsubscriptions.ClientListResponse) []*armsubscriptions.Subscription { return p.Value })
	equal(t, "number of subscriptions", len(list), 1)
	equal(t, "subscription", *list[0].SubscriptionID, w.subs)
	equal(t, "its tenant", *must(subs.Get(t.Context(), w.subs, nil))(t).TenantID, w.tenant)
	_, err := subs.Get(t.Context(), "00000000-0000-0000-0000-00000000dead", nil)
	refused(t, err, 404, "SubscriptionNotFound")

	_, err = w.secret(w.server.Env["CLIENT_ID"], "wrong").GetToken(t.Context(), w.token())
	entra(t, err, 7000215)
	_, err = w.secret("00000000-0000-0000-0000-00000000dead", "wrong").GetToken(t.Context(), w.token())
	entra(t, err, 700016)
}

// TestDefaultCredential is what `eval "$(gatehouse env)"` promises: a program that says nothing but NewDefaultAzureCredential.
func TestDefaultCredential(t *testing.T) {
	w := start(t)
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST"} {
		if w.server.Env[name] == "" {
			t.Errorf("gatehouse env does not give %s", name)
		}
		t.Setenv(name, w.server.Env[name])
	}
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential") // without it a failure here goes on to ask addresses outside
	options := w.client
	options.Cloud = cloud.Configuration{} // the authority comes from AZURE_AUTHORITY_HOST
	cred := must(azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true}))(t)
	equal(t, "appid", w.claims(cred)["appid"], any(w.server.Env["CLIENT_ID"]))
}

func TestClientCertificate(t *testing.T) {
	w := start(t)
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	cert := certificate(t, key)
	a := w.application("signer", map[string]any{"keyCredentials": []any{map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "displayName": "one",
		"key": base64.StdEncoding.EncodeToString(cert.Raw), "startDateTime": cert.NotBefore.Format(time.RFC3339), "endDateTime": cert.NotAfter.Format(time.RFC3339)}}})
	w.grant(readerRole, a.principal, armauthorization.PrincipalTypeServicePrincipal, w.resourceGroup("rg-cert"))
	w.reads(w.certificate(a.app, cert, key), "rg-cert")

	stranger := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	_, err := w.certificate(a.app, certificate(t, stranger), stranger).GetToken(t.Context(), w.token())
	entra(t, err, 700027)
	w.graph("PATCH", "/applications/"+a.object, map[string]any{"keyCredentials": []any{}})
	_, err = w.certificate(a.app, cert, key).GetToken(t.Context(), w.token())
	entra(t, err, 700027)
}

func (w *world) certificate(app string, cert *x509.Certificate, key crypto.PrivateKey) azcore.TokenCredential {
	return must(azidentity.NewClientCertificateCredential(w.tenant, app, []*x509.Certificate{cert}, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: w.client, DisableInstanceDiscovery: true}))(w.T)
}

func certificate(t *testing.T, key *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "signer"}, NotBefore: now.Add(-time.Minute), NotAfter: now.AddDate(1, 0, 0)}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))(t)))(t)
}

// TestSecretRotation: a second secret beside the first, then the first is removed; nobody who uses the new one notices.
func TestSecretRotation(t *testing.T) {
	w := start(t)
	a := w.application("rotating", nil)
	first := w.graph("POST", "/applications/"+a.object+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "first"}})
	second := w.graph("POST", "/applications/"+a.object+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "second"}})
	for _, s := range []any{first["secretText"], second["secretText"]} {
		must(w.secret(a.app, s.(string)).GetToken(t.Context(), w.token()))(t)
	}
	w.graph("POST", "/applications/"+a.object+"/removePassword", map[string]any{"keyId": first["keyId"]})
	_, err := w.secret(a.app, first["secretText"].(string)).GetToken(t.Context(), w.token())
	entra(t, err, 7000215)
	must(w.secret(a.app, second["secretText"].(string)).GetToken(t.Context(), w.token()))(t)
}

// TestFederatedToken: a token of an issuer outside, by callback and by file, for the registered subject only.
func TestFederatedToken(t *testing.T) {
	w := start(t)
	a := w.application("build", nil)
	w.graph("POST", "/applications/"+a.object+"/federatedIdentityCredentials", map[string]any{"name": "main", "issuer": w.server.Issuer.URL,
		"subject": "repo:contoso/calculator:ref:refs/heads/main", "audiences": []string{"api://AzureADTokenExchange"}})
	w.grant(readerRole, a.principal, armauthorization.PrincipalTypeServicePrincipal, w.resourceGroup("rg-build"))
	assert := func(subject string) azcore.TokenCredential {
		return must(azidentity.NewClientAssertionCredential(w.tenant, a.app, func(context.Context) (string, error) { return w.server.Issuer.Token(subject) },
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: w.client, DisableInstanceDiscovery: true}))(t)
	}
	w.reads(assert("repo:contoso/calculator:ref:refs/heads/main"), "rg-build")
	_, err := assert("repo:mallory/calculator:ref:refs/heads/main").GetToken(t.Context(), w.token())
	entra(t, err, 700213)

	file := writeFile(t, filepath.Join(t.TempDir(), "token"), must(w.server.Issuer.Token("repo:contoso/calculator:ref:refs/heads/main"))(t))
	w.reads(must(azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: w.client, DisableInstanceDiscovery: true,
		TenantID: w.tenant, ClientID: a.app, TokenFilePath: file}))(t), "rg-build")
}

// TestUserPassword: a user whose only right comes through a group in a group.
func TestUserPassword(t *testing.T) {
	w := start(t)
	outer, inner := w.group("outer"), w.group("inner")
	upn, id := w.user("ada", "Analytical-Engine-1843", outer, inner)
	w.grant(readerRole, outer, armauthorization.PrincipalTypeGroup, w.resourceGroup("rg-people"))
	ada := w.password(upn, "Analytical-Engine-1843")
	equal(t, "oid", w.claims(ada)["oid"], any(id))
	w.reads(ada, "rg-people")
	_, err := w.password(upn, "wrong").GetToken(t.Context(), w.token())
	entra(t, err, 50126)
}

func (w *world) password(upn, password string) azcore.TokenCredential {
	//lint:ignore SA1019 people still use it, so it has to work
	options := azidentity.UsernamePasswordCredentialOptions{ClientOptions: w.client, DisableInstanceDiscovery: true}
	return must(azidentity.NewUsernamePasswordCredential(w.tenant, azClient, upn, password, &options))(w.T)
}

func TestDeviceCode(t *testing.T) {
	w := start(t)
	upn, id := w.user("grace", "Nanoseconds-11.8-inches")
	w.grant(readerRole, id, armauthorization.PrincipalTypeUser, w.resourceGroup("rg-device"))
	browser := must(w.server.Client())(t)
	cred := must(azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{ClientOptions: w.client, DisableInstanceDiscovery: true,
		TenantID: w.tenant, ClientID: azClient, UserPrompt: func(ctx context.Context, m azidentity.DeviceCodeMessage) error {
			return live.Person{Name: upn, Password: "Nanoseconds-11.8-inches", Client: browser}.EnterCode(ctx, m.VerificationURL, m.UserCode)
		}}))(t)
	equal(t, "oid", w.claims(cred)["oid"], any(id))
	w.reads(cred, "rg-device")
}
