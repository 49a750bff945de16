package apidoc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/jsondoc"
)

// Exported is what an export needs to know besides the API: where callers find it, and how they show their key.
type Exported struct {
	*API
	Server              string // address of the API at the gateway
	KeyHeader, KeyQuery string // "" when no subscription is required
}

// exports are the formats of an export, by the word of the request.
var exports = map[string]struct {
	write  func(*Exported) ([]byte, error)
	answer string // how the answer calls it (apim-control-plane.md 2.2)
	media  string
	suffix string
}{
	"swagger-link":      {writeSwagger, "swagger-link-json", "application/json", "json"},
	"openapi-link":      {writeOpenAPI, "openapi-link", "application/vnd.oai.openapi", "yaml"},
	"openapi+json-link": {writeOpenAPIJSON, "openapi-link", "application/json", "json"},
	"wadl-link":         {writeWADL, "wadl-link-json", "application/xml", "wadl"},
	"wsdl-link":         {writeWSDL, "wsdl-link+xml", "application/xml", "wsdl"},
}

// ExportFormat says how an answer calls a format, and the suffix of its files; ok is false for an unknown one.
func ExportFormat(format string) (answer, suffix string, ok bool) {
	f, ok := exports[strings.ToLower(format)]
	return f.answer, f.suffix, ok
}

// Export writes an API in a format of exports. What it writes, Import reads as the same operations and schemas,
// as far as the format can say them.
func Export(format string, e *Exported) (document []byte, mediaType string, err error) {
	f, ok := exports[strings.ToLower(format)]
	if !ok {
		return nil, "", fmt.Errorf("the format %q is not known", format)
	}
	document, err = f.write(e)
	return document, f.media, err
}

func writeSwagger(e *Exported) ([]byte, error) {
	o, err := (&writer{Exported: e, v2: true}).document()
	return indented(o), err
}

func writeOpenAPIJSON(e *Exported) ([]byte, error) {
	o, err := (&writer{Exported: e}).document()
	return indented(o), err
}

func writeOpenAPI(e *Exported) ([]byte, error) {
	o, err := (&writer{Exported: e}).document()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	y := yaml.NewEncoder(&b)
	y.SetIndent(2)
	err = y.Encode(yamlNode(o))
	return b.Bytes(), err
}

func indented(v jsondoc.Value) []byte {
	var b bytes.Buffer
	if json.Indent(&b, jsondoc.Marshal(v), "", "  ") != nil {
		return nil
	}
	return b.Bytes()
}

// yamlNode is v as YAML, in the order of its members.
func yamlNode(v jsondoc.Value) *yaml.Node {
	switch v := v.(type) {
	case *jsondoc.Object:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for name, inner := range v.All() {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, yamlNode(inner))
		}
		return n
	case []jsondoc.Value:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, inner := range v {
			n.Content = append(n.Content, yamlNode(inner))
		}
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v}
	case jsondoc.Number:
		tag := "!!int"
		if strings.ContainsAny(string(v), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: string(v)}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}
