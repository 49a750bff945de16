package apidoc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// MaxBytes is the largest document that is read.
const MaxBytes = 32 << 20

// Options say what the request says besides the document.
type Options struct {
	// QueryParameters leaves required query parameters out of URL templates (translateRequiredQueryParameters=query).
	QueryParameters bool
	SOAP            bool     // apiType soap: pass-through; a WSDL becomes SOAP to REST otherwise
	Service         string   // wsdlSelector.wsdlServiceName
	Endpoint        string   // wsdlSelector.wsdlEndpointName
	Base            *url.URL // where the document came from, nil for one in the request
	// SchemaID names the schema of each content type that the import makes.
	SchemaID func(contentType string) string
}

// formats maps the formats of a request to how they are read (apim-control-plane.md 2.2).
var formats = map[string]struct {
	read func([]byte, Options) (*API, error)
	link bool
}{
	"swagger-json":      {read: readSwagger},
	"swagger-link-json": {readSwagger, true},
	"openapi":           {read: readOpenAPI},
	"openapi-link":      {readOpenAPI, true},
	"openapi+json":      {read: readOpenAPIJSON},
	"openapi+json-link": {readOpenAPIJSON, true},
	"wsdl":              {read: readWSDL},
	"wsdl-link":         {readWSDL, true},
	"wadl-xml":          {read: readWADL},
	"wadl-link-json":    {readWADL, true},
	"graphql-link":      {readGraphQL, true},
	"odata":             {read: readOData},
	"odata-link":        {readOData, true},
	"grpc":              {read: readGRPC},
	"grpc-link":         {readGRPC, true},
}

// Known reports whether a format can be imported, and whether its value is the address of the document.
func Known(format string) (link, ok bool) {
	f, ok := formats[strings.ToLower(format)]
	return f.link, ok
}

// Import reads a document. Its errors are of type *Fault, but for an unknown format.
func Import(format string, document []byte, o Options) (api *API, err error) {
	f, ok := formats[strings.ToLower(format)]
	if !ok {
		return nil, fmt.Errorf("the format %q is not known", format)
	}
	if len(document) > MaxBytes {
		return nil, fault("", "the document has %d bytes and at most %d are read", len(document), MaxBytes)
	}
	if o.SchemaID == nil {
		o.SchemaID = func(contentType string) string { return Member(contentType) }
	}
	if o.Base == nil {
		o.Base = &url.URL{}
	}
	return f.read(document, o)
}

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// Properties is the operation as the body of its entity.
func (o *Operation) Properties() (json.RawMessage, error) { return json.Marshal(o) }

// name makes the name of an operation of what a document calls it. An operationId that can be a
// name stays as it is; everything else is normalized as the service documents it: small letters,
// a dash for what is neither letter nor digit, 76 characters and room for a number that tells it
// apart from the others.
func (n *names) name(id, fallback string) string {
	name := id
	if id == "" || len(id) > 76 || strings.Trim(id, wordCharacters) != "" {
		name = normalized(id)
	}
	if name == "" {
		name = normalized(fallback)
	}
	if name == "" {
		name = "operation"
	}
	return n.unique(name)
}

const wordCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// names are given out once, whatever their case.
type names struct{ taken map[string]int }

func (n *names) unique(name string) string {
	if n.taken == nil {
		n.taken = map[string]int{}
	}
	key := strings.ToLower(name)
	for {
		again, taken := n.taken[key]
		if n.taken[key] = again + 1; !taken {
			return name
		}
		candidate := fmt.Sprintf("%s-%d", name, again+1)
		if _, taken := n.taken[strings.ToLower(candidate)]; !taken {
			n.taken[strings.ToLower(candidate)] = 0
			return candidate
		}
	}
}

func normalized(s string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
			continue
		}
		dash = true
	}
	out := b.String()
	if len(out) > 76 {
		out = strings.Trim(out[:76], "-")
	}
	return out
}

// pascal joins the words of s with capitals, as the service names schemas after paths and media types.
func pascal(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		switch {
		case !letter:
			up = true
		case up:
			b.WriteString(strings.ToUpper(string(r)))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// clip cuts text to a number of characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most])
}
