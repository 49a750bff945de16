package config

// Logger says where diagnostics go.
type Logger struct {
	Base
	Type        string            `json:"loggerType"` // azureEventHub, applicationInsights, azureMonitor
	Credentials map[string]string `json:"credentials,omitempty"`
	Unbuffered  bool              `json:"unbuffered,omitempty"`
	ResourceID  string            `json:"resourceId,omitempty"`
}

// Diagnostic says what of calls is logged: of all, or of those to the API that holds it, which wins.
type Diagnostic struct {
	Base
	Logger              Key            `json:"logger,omitempty"` // "" for the one named local
	AlwaysLog           string         `json:"alwaysLog,omitempty"`
	Sampling            *float64       `json:"percentage,omitempty"` // nil for all
	Verbosity           string         `json:"verbosity,omitempty"`
	Correlation         string         `json:"httpCorrelationProtocol,omitempty"`
	OperationNameFormat string         `json:"operationNameFormat,omitempty"`
	LogClientIP         bool           `json:"logClientIp,omitempty"`
	Metrics             bool           `json:"metrics,omitempty"`
	Frontend            DiagnosticSide `json:"frontend"`
	Backend             DiagnosticSide `json:"backend"`
}

// DiagnosticSide is what is logged of one side of the gateway.
type DiagnosticSide struct {
	Request  DiagnosticMessage `json:"request"`
	Response DiagnosticMessage `json:"response"`
}

// DiagnosticMessage is what is logged of a request or response.
type DiagnosticMessage struct {
	Headers []string       `json:"headers,omitempty"`
	Body    DiagnosticBody `json:"body"`
	Masking Masking        `json:"dataMasking"`
}

// DiagnosticBody is how much of a body is logged.
type DiagnosticBody struct {
	Bytes Int `json:"bytes,omitempty"`
}

// Masking says what is not logged as it is.
type Masking struct {
	Query   []Masked `json:"queryParams,omitempty"`
	Headers []Masked `json:"headers,omitempty"`
}

// Masked is a name whose values are masked or hidden.
type Masked struct {
	Value string `json:"value"` // the name
	Mode  string `json:"mode"`  // Mask or Hide
}

// Gateway is a self-hosted gateway. Links say which APIs it serves.
type Gateway struct {
	Base
	Region      string `json:"region,omitempty"` // name in locationData
	Description string `json:"description,omitempty"`
}

// GatewayHost is a host name of a self-hosted gateway.
type GatewayHost struct {
	Base
	Host              string `json:"hostname"`
	Certificate       Key    `json:"certificate,omitempty"`
	ClientCertificate bool   `json:"negotiateClientCertificate,omitempty"`
	TLS10             bool   `json:"tls10Enabled,omitempty"`
	TLS11             bool   `json:"tls11Enabled,omitempty"`
	HTTP2             bool   `json:"http2Enabled,omitempty"`
}

// GatewayAuthority is a certificate, by its name, that counts as an authority for clients of a self-hosted gateway.
type GatewayAuthority struct {
	Base
	Trusted bool `json:"isTrusted,omitempty"`
}

// DebugKey is what debug credentials of a gateway are signed with: /gateways/managed/debugKeys/current for that of the service.
type DebugKey struct {
	Base
	Secret string `json:"key"`
}
