package config

// Backend is what calls go to: one server or a pool.
type Backend struct {
	Base
	Title       string              `json:"title,omitempty"`
	Type        string              `json:"type,omitempty"` // Single or Pool
	URL         string              `json:"url,omitempty"`
	Protocol    string              `json:"protocol,omitempty"` // http or soap
	ResourceID  string              `json:"resourceId,omitempty"`
	Credentials *BackendCredentials `json:"credentials,omitempty"`
	Proxy       *BackendProxy       `json:"proxy,omitempty"`
	TLS         BackendTLS          `json:"tls"`
	Breakers    []BreakerRule       `json:"breakers,omitempty"`
	Pool        *BackendPool        `json:"pool,omitempty"`
	Fabric      *FabricCluster      `json:"serviceFabricCluster,omitempty"`
}

// IsPool reports whether the backend is a pool of others.
func (b *Backend) IsPool() bool { return b.Pool != nil }

// BackendCredentials is what a backend is sent to be let in. Values may hold {{references}} to named values.
type BackendCredentials struct {
	Certificates  []Key               `json:"certificates,omitempty"`
	Thumbprints   []string            `json:"thumbprints,omitempty"`
	Query         map[string][]string `json:"query,omitempty"`
	Header        map[string][]string `json:"header,omitempty"`
	Authorization *Authorization      `json:"authorization,omitempty"`
	// ManagedIdentity is the resource to get a token for, and the client ID of a user-assigned identity.
	ManagedIdentity *BackendIdentity `json:"managedIdentity,omitempty"`
}

// Authorization is an Authorization header.
type Authorization struct {
	Scheme    string `json:"scheme"`
	Parameter string `json:"parameter"`
}

// BackendIdentity asks for a token of a managed identity.
type BackendIdentity struct {
	Resource string `json:"resource,omitempty"`
	Client   string `json:"clientId,omitempty"`
}

// BackendProxy is a proxy before the backend.
type BackendProxy struct {
	URL      string `json:"url"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// BackendTLS says what is checked of the server's certificate.
type BackendTLS struct {
	Chain bool `json:"validateCertificateChain"`
	Host  bool `json:"validateCertificateName"`
	// Thumbprints and Names of server certificates that count without the chain; none for the usual check.
	Thumbprints []string           `json:"serverCertificateThumbprints,omitempty"`
	Names       []FabricServerName `json:"serverX509Names,omitempty"`
}

// BreakerRule opens the circuit to a backend that fails.
type BreakerRule struct {
	Name             string        `json:"name"`
	Count            *Int          `json:"count,omitempty"`
	Percentage       *Int          `json:"percentage,omitempty"`
	Interval         string        `json:"interval"` // ISO 8601
	StatusRanges     []StatusRange `json:"statusCodeRanges,omitempty"`
	ErrorReasons     []string      `json:"errorReasons,omitempty"`
	TripDuration     string        `json:"tripDuration"` // ISO 8601
	AcceptRetryAfter bool          `json:"acceptRetryAfter,omitempty"`
}

// StatusRange is a range of status codes, both ends included.
type StatusRange struct {
	Min Int `json:"min"`
	Max Int `json:"max"`
}

// BackendPool is a pool: lowest priority number first, inside one priority by weight (gateway.md 12.1).
type BackendPool struct {
	Members []PoolMember `json:"services"`
	// Cookie is the name of the cookie that pins a client to a member; "" for none.
	Cookie string `json:"cookie,omitempty"`
}

// PoolMember is a member of a pool.
type PoolMember struct {
	Backend  Key `json:"backend"`
	Priority Int `json:"priority,omitempty"`
	Weight   Int `json:"weight,omitempty"`
}

// FabricCluster is a Service Fabric cluster behind a backend.
type FabricCluster struct {
	Certificate Key                `json:"clientCertificate,omitempty"`
	Thumbprint  string             `json:"clientCertificatethumbprint,omitempty"`
	Endpoints   []string           `json:"managementEndpoints,omitempty"`
	MaxRetries  Int                `json:"maxPartitionResolutionRetries,omitempty"`
	Thumbprints []string           `json:"serverCertificateThumbprints,omitempty"`
	Names       []FabricServerName `json:"serverX509Names,omitempty"`
}

// FabricServerName is a name in a server's certificate, and who may have issued it.
type FabricServerName struct {
	Name   string `json:"name,omitempty"`
	Issuer string `json:"issuerCertificateThumbprint,omitempty"`
}

// Certificate is a client certificate.
type Certificate struct {
	Base
	Subject    string `json:"subject,omitempty"`
	Thumbprint string `json:"thumbprint,omitempty"` // upper-case hexadecimal
	Expiration Time   `json:"expirationDate"`
	PFX        []byte `json:"pfx,omitempty"` // PKCS#12 with the private key; nil when it is in a Key Vault
	Password   string `json:"password,omitempty"`
}

// Cache is an external cache.
type Cache struct {
	Base
	Connection string `json:"connectionString"` // a {{reference}} to a named value, usually
	Location   string `json:"useFromLocation"`  // a region, or default
}
