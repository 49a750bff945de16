package entra

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
)

// documents renders what does not change while the server runs: the cloud
// metadata by api-version, and the OpenID configuration.
func (s *Server) documents() (metadata map[string][]byte, openid []byte) {
	// az of 2.45 and before asks the public cloud about any authority that it does
	// not know, unless its first path part is adfs: the two versions that only az
	// reads name that one. PowerShell (1.0) would take /adfs for Azure Stack.
	forAz := s.public + "/adfs"
	return map[string][]byte{
		"2015-01-01": encode(s.oldMetadata(forAz)),
		"1.0":        encode(s.oldMetadata(s.public)),
		"2019-05-01": encode([]any{s.environment(forAz)}),
		"":           encode(s.environment(s.public)),
	}, encode(s.openIDConfiguration())
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return b
}

// oldMetadata is what az cloud register and Add-AzEnvironment read (clients.md 2).
func (s *Server) oldMetadata(login string) any {
	return map[string]any{
		"authentication": map[string]any{
			"loginEndpoint": login, "audiences": []string{s.public + "/", "https://management.core.windows.net/", "https://management.azure.com/"},
		},
		"galleryEndpoint": s.public + "/", "graphEndpoint": s.public + "/", "portalEndpoint": s.public + "/",
	}
}

// environment is what go-azure-sdk reads as one object and az as a list of one.
// Without the suffixes storage and keyVaultDns azurerm does not start; those
// services do not exist here, so the suffixes name the server's own host.
func (s *Server) environment(login string) any {
	host := s.public[strings.Index(s.public, "://")+3:]
	if u, err := url.Parse(s.public); err == nil {
		host = u.Hostname()
	}
	return map[string]any{
		"name":            "Gatehouse",
		"resourceManager": s.public,
		"authentication": map[string]any{
			"loginEndpoint": login, "audiences": []string{s.public, s.public + "/", "https://management.core.windows.net/", "https://management.azure.com/"},
			"tenant": "common", "identityProvider": "AAD",
		},
		"microsoftGraphResourceId":              s.public,
		"graph":                                 s.public,
		"graphAudience":                         s.public,
		"portal":                                s.public,
		"gallery":                               s.public,
		"batch":                                 s.public,
		"media":                                 s.public,
		"sqlManagement":                         s.public,
		"vmImageAliasDoc":                       s.public,
		"activeDirectoryDataLake":               s.public,
		"attestationResourceId":                 s.public,
		"synapseAnalyticsResourceId":            s.public,
		"logAnalyticsResourceId":                s.public,
		"ossrDbmsResourceId":                    s.public,
		"appInsightsResourceId":                 s.public,
		"appInsightsTelemetryChannelResourceId": s.public,
		"suffixes": map[string]any{
			"storage": "storage." + host, "keyVaultDns": "vault." + host, "mhsmDns": "managedhsm." + host, "sqlServerHostname": "database." + host,
			"acrLoginServer": "azurecr." + host, "azureFrontDoorEndpointSuffix": "azurefd." + host, "mysqlServerEndpoint": "mysql." + host,
			"postgresqlServerEndpoint": "postgres." + host, "mariadbServerEndpoint": "mariadb." + host, "storageSyncEndpointSuffix": "afs." + host,
			"synapseAnalytics": "synapse." + host, "attestationEndpoint": "attest." + host, "azureDataLakeStoreFileSystem": "datalake." + host,
		},
	}
}

// openIDConfiguration is the same at all its paths. The issuer's origin has to be
// the authority's (MSAL Go and Node check), and MSAL reads the tenant from the
// first path part of token_endpoint, so the tenant's GUID stands there (clients.md 3).
func (s *Server) openIDConfiguration() any {
	base := s.public + "/" + s.tenant
	return map[string]any{
		"issuer":                                s.issuer,
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"end_session_endpoint":                  base + "/oauth2/v2.0/logout",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{grantCode, grantRefresh, grantClient, grantPassword, grantDevice},
		"code_challenge_methods_supported":      []string{"S256"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"claims_supported":                      []string{"sub", "iss", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "preferred_username", "name", "tid", "oid", "ver"},
		"request_uri_parameter_supported":       false,
		"http_logout_supported":                 false,
		"frontchannel_logout_supported":         false,
		"tenant_region_scope":                   nil,
		"cloud_instance_name":                   s.host(),
		"cloud_graph_host_name":                 s.host(),
		"msgraph_host":                          s.host(),
	}
}

func (s *Server) host() string { return strings.TrimPrefix(s.public, "https://") }

func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	body, ok := s.metadata[r.URL.Query().Get("api-version")]
	if !ok {
		body = s.metadata[""]
	}
	writePublic(w, body)
}

func (s *Server) serveOpenID(w http.ResponseWriter, _ *http.Request) { writePublic(w, s.openid) }

func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request) {
	set, err := s.keys.ready(r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	writePublic(w, set.jwks)
}

// writePublic sends a document that everybody may read, browsers of other origins included.
func writePublic(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "max-age=300, private")
	h.Set("Access-Control-Allow-Origin", "*")
	w.Write(body)
}

// serveUserRealm answers MSAL's question how a user signs in: always with a
// password here. It tells nothing about whether the user exists.
func (s *Server) serveUserRealm(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[strings.LastIndexByte(strings.TrimRight(r.URL.Path, "/"), '/')+1:]
	domain := ""
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		domain = strings.TrimRight(name[at+1:], "/")
	}
	writeJSON(w, http.StatusOK, map[string]string{
		"ver": "1.0", "account_type": "Managed", "domain_name": clip(domain),
		"cloud_instance_name": s.host(), "cloud_audience_urn": "urn:federation:MicrosoftOnline",
	})
}

// serveInstance answers instance discovery: this server is the only authority it
// knows. Clients that have not switched discovery off ask the public cloud instead.
func (s *Server) serveInstance(w http.ResponseWriter, _ *http.Request) {
	host := s.host()
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": s.public + "/" + s.tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": host, "preferred_cache": host, "aliases": []string{host},
		}},
	})
}

// parseAppID reads an application ID as clients send it.
func parseAppID(text string) (gatehouse.GUID, bool) {
	g, err := gatehouse.ParseGUID(strings.TrimSpace(text))
	return g, err == nil && !g.IsZero()
}
