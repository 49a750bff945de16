// Package apidoc reads descriptions of APIs (OpenAPI 2 to 3.1, WSDL, WADL, GraphQL, OData and
// gRPC) into what API Management keeps of them, and writes them again.
//
// It promises the operations, schemas and names of apim-control-plane.md 2.2, a place with every
// fault, and that no input makes it panic, wait, read a file or call anybody: a document stands
// for itself. Fetching one is Fetcher's business alone, storing what was read is the provider's.
package apidoc

import (
	"encoding/json"
	"fmt"
)

// API is what a document says of an API. Members that it does not tell are empty.
type API struct {
	DisplayName, Description, TermsOfService string
	ServiceURL                               string
	Type                                     string // soap, graphql, odata or grpc; "" for HTTP
	Version                                  string // of the document's own counting
	Contact, License                         map[string]string
	Operations                               []Operation
	Schemas                                  []Schema
	Tags                                     []Tag
}

// Tag is a tag that the document describes; operations name theirs.
type Tag struct{ Name, Description string }

// Operation has the members of OperationContract (apim-body-fields.csv).
type Operation struct {
	Name string   `json:"-"`
	Tags []string `json:"-"`
	// Policy is the document that SOAP to REST needs, "" for none.
	Policy string `json:"-"`

	DisplayName        string      `json:"displayName"`
	Method             string      `json:"method"`
	URLTemplate        string      `json:"urlTemplate"`
	TemplateParameters []Parameter `json:"templateParameters"`
	Description        string      `json:"description,omitempty"`
	Request            *Request    `json:"request,omitempty"`
	Responses          []Response  `json:"responses"`
}

// Request is a RequestContract.
type Request struct {
	Description     string           `json:"description,omitempty"`
	QueryParameters []Parameter      `json:"queryParameters"`
	Headers         []Parameter      `json:"headers"`
	Representations []Representation `json:"representations"`
}

// Response is a ResponseContract.
type Response struct {
	StatusCode      int              `json:"statusCode"`
	Description     string           `json:"description,omitempty"`
	Representations []Representation `json:"representations"`
	Headers         []Parameter      `json:"headers"`
}

// Parameter is a ParameterContract.
type Parameter struct {
	Name         string             `json:"name"`
	Description  string             `json:"description,omitempty"`
	Type         string             `json:"type"`
	DefaultValue string             `json:"defaultValue,omitempty"`
	Required     bool               `json:"required,omitempty"`
	Values       []string           `json:"values"`
	SchemaID     string             `json:"schemaId,omitempty"`
	TypeName     string             `json:"typeName,omitempty"`
	Examples     map[string]Example `json:"examples,omitempty"`
}

// Representation is a RepresentationContract.
type Representation struct {
	ContentType    string             `json:"contentType"`
	SchemaID       string             `json:"schemaId,omitempty"`
	TypeName       string             `json:"typeName,omitempty"`
	FormParameters []Parameter        `json:"formParameters,omitempty"`
	Examples       map[string]Example `json:"examples,omitempty"`
}

// Example is a ParameterExampleContract.
type Example struct {
	Summary       string          `json:"summary,omitempty"`
	Description   string          `json:"description,omitempty"`
	Value         json.RawMessage `json:"value,omitempty"`
	ExternalValue string          `json:"externalValue,omitempty"`
}

// Schema is a schema of the API. Document is the value of the member that its content type
// goes by: an object for definitions and components, a JSON string for the others.
type Schema struct {
	ID          string
	ContentType string
	Document    json.RawMessage
}

// The content types of schemas (apim-control-plane.md 2.2).
const (
	SwaggerDefinitions = "application/vnd.ms-azure-apim.swagger.definitions+json"
	OpenAPIComponents  = "application/vnd.oai.openapi.components+json"
	XSD                = "application/vnd.ms-azure-apim.xsd+xml"
	WADLGrammars       = "application/vnd.ms-azure-apim.wadl.grammars+xml"
	GraphQLSchema      = "application/vnd.ms-azure-apim.graphql.schema"
	ODataSchema        = "application/vnd.ms-azure-apim.odata.schema"
	GRPCSchema         = "application/vnd.ms-azure-apim.grpc.schema"
)

// Member is the member of a schema's document that holds its text or object.
func Member(contentType string) string {
	switch contentType {
	case SwaggerDefinitions:
		return "definitions"
	case OpenAPIComponents:
		return "components"
	}
	return "value"
}

// Fault is what is wrong with a document, and where: a line and column, or a JSON pointer.
type Fault struct{ Place, Message string }

func (f *Fault) Error() string {
	if f.Place == "" {
		return f.Message
	}
	return f.Place + ": " + f.Message
}

func fault(place, format string, args ...any) *Fault {
	return &Fault{Place: place, Message: fmt.Sprintf(format, args...)}
}

func at(line, column int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d, column %d", line, column)
}

func text(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return b
}

// Limits of what is read.
const (
	maxDepth    = 80      // of nesting; the entity and its change record add some levels
	maxElements = 400_000 // of an XML document
)
