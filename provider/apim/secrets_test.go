package apim_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/arm/armtest"
	"gatehouse/store"
)

// A secret that came in goes out through its own action and the answer to a write of
// subscription keys, and nowhere else: no answer, no list, no error, no record of the
// change log, no activity log has it (apim-control-plane.md 1.9).
func TestSecretsStayIn(t *testing.T) {
	w := world(t)
	const secret = "correct-horse-battery"
	long := strings.Repeat(secret, 250)
	certificates := `[{"storeName": "Root", "encodedCertificate": "` + secret + `", "certificatePassword": "` + secret + `"}]`
	hosts := `[{"type": "Proxy", "hostName": "a.contoso.test", "encodedCertificate": "` + secret + `", "certificatePassword": "` + secret + `"}]`
	for _, c := range []struct {
		method, path, body string
		shows              bool
	}{
		{"PUT", "/namedValues/s", `{"properties": {"displayName": "s", "secret": true, "value": "` + secret + `"}}`, false},
		{"PATCH", "/namedValues/s", `{"properties": {"value": "` + secret + `2"}}`, false},
		{"PATCH", "/namedValues/s", `{"properties": {"secret": false}}`, false},
		{"PUT", "/namedValues/s2", `{"properties": {"displayName": "s", "secret": true, "value": "` + secret + `"}}`, false},
		{"PUT", "/namedValues/s3", `{"properties": {"displayName": "s3", "secret": true, "value": "` + long + `"}}`, false},
		{"PUT", "/namedValues/s4", `{"properties": {"displayName": "s4", "secret": true, "value": ["` + secret + `"]}}`, false},
		{"PUT", "/namedValues/s5", `{"properties": {"displayName": "s5", "secret": true, "value": "` + secret + `" "}}`, false},
		{"PUT", "/namedValues/s6", `{"properties": {"displayName": "s6", "secret": true, "VALUE": "` + secret + `"}}`, false},
		{"PUT", "/namedValues/s7", `{"properties": {"displayName": "s7", "secret": true, "value": "` + secret + `", "Value": "` + secret + `"}}`, false},
		{"PUT", "/subscriptions/s", `{"properties": {"displayName": "s", "scope": "/apis", "primaryKey": "` + secret + `", "secondaryKey": "` + secret + `"}}`, true},
		{"PATCH", "/subscriptions/s", `{"properties": {"displayName": "t"}}`, true},
		{"PUT", "/subscriptions/s2", `{"properties": {"displayName": "s", "scope": "/apis", "primaryKey": "` + long + `"}}`, false},
		{"PUT", "/subscriptions/s3", `{"properties": {"displayName": "s", "scope": "/nowhere", "primaryKey": "` + secret + `"}}`, false},
		{"PUT", "/loggers/s", `{"properties": {"loggerType": "azureEventHub", "credentials": {"name": "s", "connectionString": "` + secret + `"}}}`, false},
		{"PATCH", "/loggers/s", `{"properties": {"credentials": {"Other": "` + secret + `", "connectionString": ["` + secret + `"]}}}`, false},
		{"PATCH", "/loggers/s", `{"properties": {"credentials": {"connectionString": "{{` + secret + `"}}}`, false},
		{"PUT", "/loggers/s2", `{"properties": {"loggerType": "applicationInsights", "credentials": "` + secret + `"}}`, false},
		{"PUT", "/caches/s", `{"properties": {"useFromLocation": "default", "connectionString": "` + secret + `"}}`, false},
		{"PUT", "/caches/s2", `{"properties": {"connectionString": "` + secret + `"}}`, false},
		{"PUT", "/backends/s", `{"properties": {"url": "https://b.test", "protocol": "http", "credentials": {"header": {"x": ["` + secret + `"]}, "query": {"y": ["` + secret + `"]}, "authorization": {"scheme": "Basic", "parameter": "` + secret + `"}}, "proxy": {"url": "http://p", "password": "` + secret + `"}}}`, true},
		{"PATCH", "/backends/s", `{"properties": {"credentials": {"Header": {"x": "` + secret + `"}}}}`, false},
		{"PATCH", "/backends/s", `{"properties": {"credentials": {"header": ["` + secret + `"], "authorization": {"parameter": ["` + secret + `"]}}}}`, false},
		{"PUT", "/backends/s2", `{"properties": {"credentials": {"query": "` + secret + `"}, "proxy": {"password": {"a": "` + secret + `"}}}}`, false},
		{"GET", "/backends/s", "", true}, {"GET", "/backends", "", false},
		{"PUT", "/certificates/s", `{"properties": {"data": "` + pfx + `", "password": "` + secret + `"}}`, false},
		{"PUT", "/certificates/s", `{"properties": {"data": "` + secret + `", "password": ["` + secret + `"]}}`, false},
		{"PUT", "/authorizationServers/s", `{"properties": {"displayName": "S", "clientRegistrationEndpoint": "https://a.test", "authorizationEndpoint": "https://a.test", "grantTypes": ["implicit"], "clientId": "1", "clientSecret": "` + secret + `", "resourceOwnerPassword": "` + secret + `"}}`, false},
		{"PUT", "/identityProviders/google", `{"properties": {"clientId": "1", "clientSecret": "` + secret + `"}}`, false},
		{"PUT", "/identityProviders/google", `{"properties": {"clientId": "1", "clientSecret": {"a": "` + secret + `"}}}`, false},
		{"PUT", "/authorizationProviders/s", `{"properties": {"displayName": "S", "identityProvider": "aad", "oauth2": {"grantTypes": {"authorizationCode": {"ClientSecret": "` + secret + `"}, "clientCredentials": {"clientSecret": "` + secret + `"}}}}}`, false},
		{"PUT", "/authorizationProviders/s/authorizations/s", `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "AuthorizationCode", "parameters": {"clientSecret": "` + secret + `"}}}`, false},
		{"POST", "/authorizationProviders/s/authorizations/s/getLoginLinks", `{"postLoginRedirectUrl": "https://a.test"}`, false},
		{"POST", "/authorizationProviders/s/authorizations/s/confirmConsentCode", `{"consentCode": "` + secret + `"}`, false},
		{"GET", "/authorizationServers", "", false}, {"GET", "/identityProviders", "", false}, {"GET", "/authorizationProviders", "", false}, {"GET", "/authorizationProviders/s/authorizations/s", "", false},
		{"GET", "/loggers", "", false}, {"GET", "/loggers/s", "", false}, {"GET", "/caches", "", false},
		{"PUT", "/users/s", `{"properties": {"email": "s@contoso.test", "firstName": "S", "lastName": "S", "password": "` + secret + `"}}`, false},
		{"PATCH", "/users/s", `{"properties": {"password": "` + secret + `"}}`, false},
		{"PUT", "/users/s2", `{"properties": {"email": "nowhere", "firstName": "S", "lastName": "S", "password": "` + secret + `"}}`, false},
		{"PUT", "/users/s3", `{"properties": {"email": "s3@contoso.test", "firstName": "S", "lastName": "S", "password": ["` + secret + `"]}}`, false},
		{"PATCH", "", `{"properties": {"certificates": ` + certificates + `}}`, false},
		{"PATCH", "", `{"properties": {"hostnameConfigurations": ` + hosts + `}}`, false},
		{"PATCH", "", `{"properties": {"certificates": [{"storeName": "Nowhere", "encodedCertificate": ["` + secret + `"]}]}}`, false},
		{"PATCH", "", `{"properties": {"certificates": {"encodedCertificate": "` + secret + `"}}}`, false},
		{"GET", "", "", false}, {"GET", "/namedValues", "", false}, {"GET", "/namedValues/s", "", false}, {"GET", "/namedValues/s6", "", false},
		{"PUT", "/portalsettings/delegation", `{"properties": {"url": "https://a.test", "validationKey": "` + secret + `"}}`, false},
		{"PATCH", "/portalsettings/delegation", `{"properties": {"ValidationKey": "` + secret + `"}}`, false},
		{"PUT", "/portalsettings/signin", `{"properties": {"validationKey": "` + secret + `"}}`, false},
		{"PUT", "/portalconfigs/default", `{"properties": {"delegation": {"validationKey": "` + secret + `"}}}`, false},
		{"PATCH", "/portalconfigs/default", `{"properties": {"delegation": {"validationKey": ["` + secret + `"]}}}`, false},
		{"PUT", "/tenant/access", `{"properties": {"enabled": true, "primaryKey": "` + secret + `", "secondaryKey": "` + secret + `"}}`, false},
		{"POST", "/tenant/configuration/save", `{"properties": {"branch": "main"}}`, false},
		{"POST", "/tenant/configuration/deploy", `{"properties": {"branch": "main"}}`, false},
		{"GET", "/portalsettings", "", false}, {"GET", "/portalconfigs", "", false}, {"GET", "/tenant", "", false}, {"GET", "/settings", "", false},
		{"GET", "/subscriptions", "", false}, {"GET", "/subscriptions/s", "", false},
	} {
		a := w.Do("owner", c.method, service+c.path+version, http.Header{"If-Match": {"*"}}, c.body)
		if found := strings.Contains(a.Body.String(), secret); found != c.shows || a.Code >= 500 {
			t.Errorf("%s %s %.120s: %d %s", c.method, c.path, c.body, a.Code, a.Body)
		}
	}
	log := w.Do("owner", "GET", "/subscriptions/"+armtest.Subscription.String()+"/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01", nil, "")
	if log.Code != 200 || strings.Contains(log.Body.String(), secret) {
		t.Errorf("the activity log has a secret: %d", log.Code)
	}
	changes, err := w.Store.Changes(t.Context(), store.ChangeQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range changes {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(c.Before)+string(c.After)+string(c.Cause.Request), secret) {
			t.Errorf("change %d of %s has a secret: %s %s", c.Seq, c.Resource, c.After, c.Cause.Request)
		}
	}
}
