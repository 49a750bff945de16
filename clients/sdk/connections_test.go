package sdk

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/apimanagement/armapimanagement/v3"
)

// TestConnections is what connects a service to others, through the published client: what
// is sent comes back in the client's types, secrets come from their own calls.
func TestConnections(t *testing.T) {
	w := start(t)
	w.resourceGroup("rg-connections")
	service := w.service("rg-connections", "contoso-connections")
	const group, name = "rg-connections", "contoso-connections"
	all := must(armapimanagement.NewClientFactory(w.subs, w.admin, w.arm))(t)

	logger := must(all.NewLoggerClient().CreateOrUpdate(t.Context(), group, name, "insights", armapimanagement.LoggerContract{Properties: &armapimanagement.LoggerContractProperties{
		LoggerType: to.Ptr(armapimanagement.LoggerTypeApplicationInsights), Credentials: map[string]*string{"instrumentationKey": to.Ptr("hunter2")}}}, nil))(t)
	if kept := *logger.Properties.Credentials["instrumentationKey"]; len(kept) < 10 || kept[:2] != "{{" {
		t.Errorf("the logger shows %s", kept)
	}
	diagnostic := must(all.NewDiagnosticClient().CreateOrUpdate(t.Context(), group, name, "applicationinsights", armapimanagement.DiagnosticContract{Properties: &armapimanagement.DiagnosticContractProperties{
		LoggerID: to.Ptr("/loggers/insights"), AlwaysLog: to.Ptr(armapimanagement.AlwaysLogAllErrors), Verbosity: to.Ptr(armapimanagement.VerbosityInformation),
		Sampling: &armapimanagement.SamplingSettings{SamplingType: to.Ptr(armapimanagement.SamplingTypeFixed), Percentage: to.Ptr(12.5)},
		Frontend: &armapimanagement.PipelineDiagnosticSettings{Request: &armapimanagement.HTTPMessageDiagnostic{Body: &armapimanagement.BodyDiagnosticSettings{Bytes: to.Ptr[int32](512)}}}}}, nil))(t)
	equal(t, "loggerId", *diagnostic.Properties.LoggerID, service+"/loggers/insights")

	backends := all.NewBackendClient()
	backend := must(backends.CreateOrUpdate(t.Context(), group, name, "orders", armapimanagement.BackendContract{Properties: &armapimanagement.BackendContractProperties{
		URL: to.Ptr("https://orders.contoso.example"), Protocol: to.Ptr(armapimanagement.BackendProtocolHTTP),
		Credentials: &armapimanagement.BackendCredentialsContract{Header: map[string][]*string{"x-key": {to.Ptr("a"), to.Ptr("b")}},
			Authorization: &armapimanagement.BackendAuthorizationHeaderCredentials{Scheme: to.Ptr("Basic"), Parameter: to.Ptr("sesame")}},
		CircuitBreaker: &armapimanagement.BackendCircuitBreaker{Rules: []*armapimanagement.CircuitBreakerRule{{Name: to.Ptr("often"), TripDuration: to.Ptr("PT1M"),
			FailureCondition: &armapimanagement.CircuitBreakerFailureCondition{Count: to.Ptr[int64](3), Interval: to.Ptr("PT5M")}}}}}}, nil))(t)
	equal(t, "header", *backend.Properties.Credentials.Header["x-key"][1], "b")
	equal(t, "parameter", *backend.Properties.Credentials.Authorization.Parameter, "sesame")
	must(backends.CreateOrUpdate(t.Context(), group, name, "pool", armapimanagement.BackendContract{Properties: &armapimanagement.BackendContractProperties{
		Type: to.Ptr(armapimanagement.BackendTypePool), Pool: &armapimanagement.BackendBaseParametersPool{Services: []*armapimanagement.BackendPoolItem{{ID: backend.ID, Weight: to.Ptr[int32](1)}}}}}, nil))(t)
	must(backends.Reconnect(t.Context(), group, name, "orders", nil))(t)

	cache := must(all.NewCacheClient().CreateOrUpdate(t.Context(), group, name, "default", armapimanagement.CacheContract{Properties: &armapimanagement.CacheContractProperties{
		ConnectionString: to.Ptr("redis.example,password=x"), UseFromLocation: to.Ptr("default")}}, nil))(t)
	if len(*cache.Properties.ConnectionString) != len("{{}}")+24 {
		t.Errorf("the cache shows %s", *cache.Properties.ConnectionString)
	}
	named := all.NewNamedValueClient()
	created, err := named.BeginCreateOrUpdate(t.Context(), group, name, "vaulted", armapimanagement.NamedValueCreateContract{Properties: &armapimanagement.NamedValueCreateContractProperties{
		DisplayName: to.Ptr("vaulted"), Secret: to.Ptr(true), KeyVault: &armapimanagement.KeyVaultContractCreateProperties{SecretIdentifier: to.Ptr("https://vault.example/secrets/a")}}}, nil)
	done(t, created, err)
	refreshed, err := named.BeginRefreshSecret(t.Context(), group, name, "vaulted", nil)
	if status := done(t, refreshed, err).Properties.KeyVault.LastStatus; *status.Code == "Success" || status.TimeStampUTC.Before(time.Now().Add(-time.Hour)) {
		t.Errorf("the last status is %s at %s", *status.Code, status.TimeStampUTC)
	}
	certificate := must(all.NewCertificateClient().CreateOrUpdate(t.Context(), group, name, "client", armapimanagement.CertificateCreateOrUpdateParameters{Properties: &armapimanagement.CertificateCreateOrUpdateProperties{
		KeyVault: &armapimanagement.KeyVaultContractCreateProperties{SecretIdentifier: to.Ptr("https://vault.example/secrets/a")}}}, nil))(t)
	equal(t, "secretIdentifier", *certificate.Properties.KeyVault.SecretIdentifier, "https://vault.example/secrets/a")

	servers := all.NewAuthorizationServerClient()
	must(servers.CreateOrUpdate(t.Context(), group, name, "contoso", armapimanagement.AuthorizationServerContract{Properties: &armapimanagement.AuthorizationServerContractProperties{
		DisplayName: to.Ptr("Contoso"), ClientRegistrationEndpoint: to.Ptr("http://localhost"), AuthorizationEndpoint: to.Ptr("https://a.example"), ClientID: to.Ptr("1"),
		ClientSecret: to.Ptr("hunter2"), GrantTypes: []*armapimanagement.GrantType{to.Ptr(armapimanagement.GrantTypeImplicit)}}}, nil))(t)
	equal(t, "clientSecret", *must(servers.ListSecrets(t.Context(), group, name, "contoso", nil))(t).ClientSecret, "hunter2")
	provider := must(all.NewIdentityProviderClient().CreateOrUpdate(t.Context(), group, name, armapimanagement.IdentityProviderTypeAADB2C, armapimanagement.IdentityProviderCreateContract{
		Properties: &armapimanagement.IdentityProviderCreateContractProperties{ClientID: to.Ptr("1"), ClientSecret: to.Ptr("hunter2")}}, nil))(t)
	equal(t, "type", *provider.Properties.Type, armapimanagement.IdentityProviderTypeAADB2C)
	must(all.NewAuthorizationProviderClient().CreateOrUpdate(t.Context(), group, name, "entra", armapimanagement.AuthorizationProviderContract{Properties: &armapimanagement.AuthorizationProviderContractProperties{
		DisplayName: to.Ptr("Entra"), IdentityProvider: to.Ptr("aad"), Oauth2: &armapimanagement.AuthorizationProviderOAuth2Settings{GrantTypes: &armapimanagement.AuthorizationProviderOAuth2GrantTypes{
			AuthorizationCode: map[string]*string{"clientId": to.Ptr("1"), "clientSecret": to.Ptr("hunter2")}}}}}, nil))(t)
	connection := must(all.NewAuthorizationClient().CreateOrUpdate(t.Context(), group, name, "entra", "mine", armapimanagement.AuthorizationContract{Properties: &armapimanagement.AuthorizationContractProperties{
		AuthorizationType: to.Ptr(armapimanagement.AuthorizationTypeOAuth2), OAuth2GrantType: to.Ptr(armapimanagement.OAuth2GrantTypeAuthorizationCode)}}, nil))(t)
	equal(t, "error", *connection.Properties.Error.Code, "Unauthenticated")
	link := must(all.NewAuthorizationLoginLinksClient().Post(t.Context(), group, name, "entra", "mine", armapimanagement.AuthorizationLoginRequestContract{PostLoginRedirectURL: to.Ptr("https://contoso.example")}, nil))(t)
	if link.LoginLink == nil || *link.LoginLink == "" {
		t.Error("there is no login link")
	}
	must(all.NewAuthorizationAccessPolicyClient().CreateOrUpdate(t.Context(), group, name, "entra", "mine", "app", armapimanagement.AuthorizationAccessPolicyContract{
		Properties: &armapimanagement.AuthorizationAccessPolicyContractProperties{TenantID: to.Ptr(w.tenant), ObjectID: to.Ptr(newGUID(t))}}, nil))(t)
}
