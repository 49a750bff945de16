package apidoc

import (
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// CheckSchema checks the text of a schema by its content type. Types that are not known here may hold anything.
func CheckSchema(contentType, value string) error {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case kind == GraphQLSchema:
		return CheckGraphQL(value)
	case kind == XSD:
		return CheckXSD(value)
	case kind == WADLGrammars, kind == ODataSchema, kind == "application/xml", kind == "text/xml":
		_, err := parseXML([]byte(value))
		return err
	case kind == GRPCSchema:
		_, err := parseProto(value)
		return err
	case kind == SwaggerDefinitions, kind == OpenAPIComponents, kind == "application/json":
		_, err := ParseJSON([]byte(value))
		return err
	}
	return nil
}

// CheckXSD wants a well-formed document whose root is an XML schema.
func CheckXSD(value string) error {
	root, err := parseXML([]byte(value))
	if err != nil {
		return err
	}
	if root.Name.Local != "schema" {
		return fault(root.place(), "the root element is %s where an XML schema's <schema> is expected", root.Name.Local)
	}
	return nil
}

// ParseJSON reads a JSON document whose names compare with case.
func ParseJSON(b []byte) (jsondoc.Value, error) {
	v, err := jsondoc.Parse(b, jsondoc.Options{Exact: true, MaxDepth: maxDepth, MaxBytes: MaxBytes})
	if err != nil {
		return nil, jsonFault(err)
	}
	return v, nil
}

// jsonFault takes the place out of jsondoc's wording.
func jsonFault(err error) error {
	message := err.Error()
	var e *gatehouse.Error
	if asError(err, &e) {
		message = e.Message
	}
	_, inner, quoted := strings.Cut(message, "'")
	if !quoted {
		return fault("", "%s", message)
	}
	inner = strings.TrimSuffix(strings.TrimSuffix(inner, "."), "'")
	if place, rest, ok := strings.Cut(inner, ": "); ok && strings.HasPrefix(place, "line ") {
		return fault(place, "%s", rest)
	}
	return fault("", "%s", inner)
}
