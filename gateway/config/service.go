package config

import "strings"

// Service is the service itself. Its Key is "".
type Service struct {
	Base
	Resource   string            `json:"resource"`   // its full resource ID
	Statistics string            `json:"statistics"` // what analytics and quotas count it by
	Location   string            `json:"location"`   // region as it is spelled in Azure's short form: westeurope
	SKU        SKU               `json:"sku"`
	Hosts      []HostName        `json:"hosts,omitempty"`       // custom ones; the built-in is BuiltInHost
	CAs        []CACertificate   `json:"authorities,omitempty"` // authorities besides those of the system
	Settings   map[string]string `json:"settings,omitempty"`    // customProperties
	Identities []Identity        `json:"identities,omitempty"`  // managed identities; the system-assigned one, if any, comes first
	// ClientCertificates is enableClientCertificate: the built-in host of a Consumption service asks for certificates.
	ClientCertificates bool `json:"clientCertificates,omitempty"`
	Disabled           bool `json:"disabled,omitempty"` // disableGateway
}

// SKU is the tier and its units.
type SKU struct {
	Name     string `json:"name"`
	Capacity Int    `json:"capacity,omitempty"`
}

// HostName is a host name of the service.
type HostName struct {
	Type              string `json:"type"` // Proxy for that of the gateway
	Host              string `json:"hostName"`
	Default           bool   `json:"defaultSslBinding,omitempty"`
	ClientCertificate bool   `json:"negotiateClientCertificate,omitempty"`
	PFX               []byte `json:"pfx,omitempty"` // PKCS#12 with the private key; nil when there is none here
	Password          string `json:"password,omitempty"`
}

// CACertificate is an authority that the service trusts besides those of the system.
type CACertificate struct {
	Store    string `json:"storeName"` // Root or CertificateAuthority
	Data     []byte `json:"data"`      // DER, PEM or PKCS#12
	Password string `json:"password,omitempty"`
}

// Identity is a managed identity of the service.
type Identity struct {
	Resource  string `json:"resource,omitempty"` // of a user-assigned one; "" for the service's own
	Principal string `json:"principalId"`
	Client    string `json:"clientId,omitempty"`
	Tenant    string `json:"tenantId,omitempty"`
}

// ServiceName is the name of the service, as it was first written.
func (s *Service) ServiceName() string { return s.Resource[strings.LastIndexByte(s.Resource, '/')+1:] }

// BuiltInHost is the host name that every service has (gateway.md 1).
func (s *Service) BuiltInHost() string { return strings.ToLower(s.ServiceName()) + ".azure-api.net" }

// Workspace holds entities of its own.
type Workspace struct {
	Base
	DisplayName string `json:"displayName"`
	Description string `json:"description,omitempty"`
}

// WorkspaceGateway is the connection of a gateway apart from the service with one of its workspaces.
type WorkspaceGateway struct {
	Base
	Gateway   string   `json:"gateway"` // full resource ID of the gateway
	Hosts     []string `json:"hosts"`   // at which it serves the workspace alone
	Shared    []string `json:"shared"`  // at which it serves all of its workspaces
	Workspace Key      `json:"workspace"`
}
