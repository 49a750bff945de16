package config

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
	// Read and Invoke are the data actions asked for: of GET, HEAD and OPTIONS, and of all other calls.
	// "" stands for the usual ones.
	Read   string `json:"readAction,omitempty"`
	Invoke string `json:"invokeAction,omitempty"`
}

// Holder is what the setting is for; "" for the service.
func (r *RoleCheck) Holder() Key { return r.key.Parent() }
