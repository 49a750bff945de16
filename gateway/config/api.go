package config

import "encoding/json"

// API is one revision of an API. The current one stands under the plain name, every other under name;rev=n.
type API struct {
	Base
	DisplayName          string   `json:"displayName"`
	Description          string   `json:"description,omitempty"`
	Path                 string   `json:"path"` // without slashes around it; may be ""
	ServiceURL           string   `json:"serviceUrl,omitempty"`
	Protocols            []string `json:"protocols"`
	Revision             string   `json:"apiRevision"`
	Version              string   `json:"apiVersion,omitempty"`
	VersionSet           Key      `json:"versionSet,omitempty"`
	Type                 string   `json:"type,omitempty"` // "" for http; soap, graphql, websocket, odata, grpc, mcp
	Current              bool     `json:"isCurrent,omitempty"`
	Offline              bool     `json:"offline,omitempty"` // a revision that answers as if it did not exist
	SubscriptionRequired bool     `json:"subscriptionRequired"`
	KeyNames             KeyNames `json:"subscriptionKeyParameterNames"`
	// OAuth2 and OpenID say how callers sign in; they are shown to callers, the gateway does not check them.
	OAuth2 []APISignIn `json:"oAuth2,omitempty"`
	OpenID []APISignIn `json:"openid,omitempty"`
}

// KeyNames are where a caller puts the subscription key.
type KeyNames struct {
	Header string `json:"header,omitempty"`
	Query  string `json:"query,omitempty"`
}

// APISignIn names an authorization server or an OpenID provider.
type APISignIn struct {
	Server  Key      `json:"server"`
	Scope   string   `json:"scope,omitempty"`
	Sending []string `json:"bearerTokenSendingMethods,omitempty"`
}

// VersionSet says where calls name the version of an API.
type VersionSet struct {
	Base
	DisplayName string `json:"displayName"`
	Scheme      string `json:"versioningScheme"` // Segment, Query, Header
	Query       string `json:"versionQueryName,omitempty"`
	Header      string `json:"versionHeaderName,omitempty"`
}

// Operation is an operation of an API.
type Operation struct {
	Base
	DisplayName        string      `json:"displayName"`
	Description        string      `json:"description,omitempty"`
	Method             string      `json:"method"`
	URLTemplate        string      `json:"urlTemplate"`
	TemplateParameters []Parameter `json:"templateParameters,omitempty"`
	Request            *Message    `json:"request,omitempty"`
	Responses          []Message   `json:"responses,omitempty"`
	// Order is when the operation was made: of two that are equal otherwise the older one wins (gateway.md 2.4).
	Order Time `json:"order"`
}

// Message is a request or a response of an operation.
type Message struct {
	Status          Int              `json:"statusCode,omitempty"` // of responses
	Description     string           `json:"description,omitempty"`
	Query           []Parameter      `json:"queryParameters,omitempty"`
	Headers         []Parameter      `json:"headers,omitempty"`
	Representations []Representation `json:"representations,omitempty"`
}

// Parameter is a parameter of a template, query, header or form.
type Parameter struct {
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Default     string             `json:"defaultValue,omitempty"`
	Required    bool               `json:"required,omitempty"`
	Values      []string           `json:"values,omitempty"`
	Schema      string             `json:"schemaId,omitempty"` // name of a schema of the API
	TypeName    string             `json:"typeName,omitempty"` // definition in that schema
	Examples    map[string]Example `json:"examples,omitempty"`
}

// Representation is a body in one media type.
type Representation struct {
	ContentType string             `json:"contentType"`
	Schema      string             `json:"schemaId,omitempty"`
	TypeName    string             `json:"typeName,omitempty"`
	Form        []Parameter        `json:"formParameters,omitempty"`
	Examples    map[string]Example `json:"examples,omitempty"`
}

// Example is a sample of a body or parameter.
type Example struct {
	Summary       string          `json:"summary,omitempty"`
	Description   string          `json:"description,omitempty"`
	Value         json.RawMessage `json:"value,omitempty"`
	ExternalValue string          `json:"externalValue,omitempty"`
}

// Schema is a schema of an API, or one of the service or a workspace that policies name.
type Schema struct {
	Base
	ContentType string          `json:"contentType,omitempty"` // of those of APIs
	Type        string          `json:"schemaType,omitempty"`  // of the others: xml or json
	Text        string          `json:"value,omitempty"`       // what is text: XML schemas, GraphQL
	Document    json.RawMessage `json:"document,omitempty"`    // what is JSON, such as {"definitions": ...}
}

// Resolver resolves a field of a synthetic GraphQL API; its policy says how.
type Resolver struct {
	Base
	DisplayName string `json:"displayName"`
	Path        string `json:"path"` // Type/field
}

// Tool is an operation that an API of type mcp offers.
type Tool struct {
	Base
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	Operation   Key    `json:"operation,omitempty"` // "" while it names none
}
