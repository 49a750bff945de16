package config

import "strings"

// Policy is the policy document of its holder: the service (global), a workspace, product, API, operation or resolver.
type Policy struct {
	Base
	Format string `json:"format"` // xml or rawxml
	Value  string `json:"value"`
}

// Holder is the entity whose policy this is; "" for the global one.
func (p *Policy) Holder() Key { return p.key.Parent() }

// Fragment is a policy fragment.
type Fragment struct {
	Base
	Format string `json:"format"`
	Value  string `json:"value"`
}

// NamedValue is text that policies and others refer to as {{DisplayName}}.
type NamedValue struct {
	Base
	DisplayName string `json:"displayName"`
	Value       string `json:"value"`
	Secret      bool   `json:"secret,omitempty"`
	// Missing tells that the value is in a Key Vault and is not here.
	Missing bool `json:"missing,omitempty"`
}

// Modes of a RoleCheck.
const (
	Off     = "off"
	Audit   = "audit"
	Enforce = "enforce"
)

// RoleCheck says how calls are checked against role assignments (gateway.md 13). The one of an API counts before
// that of the product by which the call comes, and that before that of the service.
type RoleCheck struct {
	Base
	Mode string `json:"mode"` // Off, Audit or Enforce; anything else is Enforce
	// Audiences are those that a token may be for, besides that which stands for gateways.
	Audiences []string `json:"audiences,omitempty"`
	Header    string   `json:"header,omitempty"` // where the token is; "" for Authorization
	// Certificates lets registered client certificates count, SignIn sends browsers to sign in.
	Certificates bool `json:"clientCertificates,omitempty"`
	SignIn       bool `json:"signIn,omitempty"`
	// Issuers are other identity providers whose tokens count.
	Issuers []Issuer `json:"issuers,omitempty"`
	// Read and Invoke are the data actions asked for: of GET, HEAD and OPTIONS, and of all other calls.
	// "" stands for the usual ones.
	Read   string `json:"readAction,omitempty"`
	Invoke string `json:"invokeAction,omitempty"`
}

// Holder is what the setting is for; "" for the service.
func (r *RoleCheck) Holder() Key { return r.key.Parent() }

// Issuer is another identity provider whose tokens a RoleCheck takes, and how they stand for principals here.
type Issuer struct {
	Issuer      string   `json:"issuer"` // as in the claim iss
	Audiences   []string `json:"audiences"`
	Tenant      string   `json:"tenantId,omitempty"`             // that the claim tid has to name; "" does not look
	Credentials bool     `json:"federatedCredentials,omitempty"` // who holds a federated identity credential that fits
	Claim       string   `json:"principalClaim,omitempty"`       // that names a principal; "" for none
	Member      string   `json:"principalMember,omitempty"`      // by which: ByName, or the object ID
}

// ByName is Issuer.Member where the claim holds a user principal name.
const ByName = "userPrincipalName"

// Published is where the issuer's OpenID configuration is: where it says so itself, so that nobody else speaks for it.
func (i *Issuer) Published() string {
	return strings.TrimSuffix(i.Issuer, "/") + "/.well-known/openid-configuration"
}
