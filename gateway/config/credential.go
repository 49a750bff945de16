package config

// AuthorizationServer is an OAuth 2.0 server that callers of APIs sign in at.
type AuthorizationServer struct {
	Base
	DisplayName           string   `json:"displayName"`
	ClientID              string   `json:"clientId,omitempty"`
	ClientSecret          string   `json:"clientSecret,omitempty"`
	AuthorizationEndpoint string   `json:"authorizationEndpoint,omitempty"`
	TokenEndpoint         string   `json:"tokenEndpoint,omitempty"`
	DefaultScope          string   `json:"defaultScope,omitempty"`
	GrantTypes            []string `json:"grantTypes,omitempty"`
}

// OpenIDProvider is an OpenID provider that callers of APIs sign in at.
type OpenIDProvider struct {
	Base
	DisplayName  string `json:"displayName"`
	Metadata     string `json:"metadataEndpoint,omitempty"`
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"clientSecret,omitempty"`
}

// IdentityProvider is where users of the developer portal sign in.
type IdentityProvider struct {
	Base
	Type           string   `json:"type,omitempty"`
	ClientID       string   `json:"clientId,omitempty"`
	ClientSecret   string   `json:"clientSecret,omitempty"`
	SignInTenant   string   `json:"signinTenant,omitempty"`
	AllowedTenants []string `json:"allowedTenants,omitempty"`
	Authority      string   `json:"authority,omitempty"`
}

// AuthorizationProvider is where connections of the credential manager get their tokens.
type AuthorizationProvider struct {
	Base
	DisplayName      string `json:"displayName,omitempty"`
	IdentityProvider string `json:"identityProvider,omitempty"` // aad, github, oauth2, ...
	RedirectURL      string `json:"redirectUrl,omitempty"`
	// The settings of each grant by name, as the kind of provider has them: clientId, clientSecret, scopes, tokenUrl, ...
	Code              map[string]string `json:"authorizationCode,omitempty"`
	ClientCredentials map[string]string `json:"clientCredentials,omitempty"`
}

// Connection is an authorization of a provider: tokens that policies get for backends.
type Connection struct {
	Base
	Type       string            `json:"authorizationType,omitempty"`
	Grant      string            `json:"oauth2grantType,omitempty"` // AuthorizationCode or ClientCredentials
	Parameters map[string]string `json:"parameters,omitempty"`      // with clientSecret
	// ConsentCode is what a sign-in ended with and nobody has exchanged for tokens yet.
	ConsentCode string `json:"consentCode,omitempty"`
}

// AccessPolicy says whose tokens may use a connection.
type AccessPolicy struct {
	Base
	Tenant string   `json:"tenantId"`
	Object string   `json:"objectId"`
	Apps   []string `json:"appIds,omitempty"`
}
