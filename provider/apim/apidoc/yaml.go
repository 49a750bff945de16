package apidoc

import (
	"bytes"
	"errors"
	"fmt"

	"gatehouse/jsondoc"
	"gatehouse/yamldoc"
)

// parseDocument reads JSON, or else YAML, into objects whose names compare with case.
func parseDocument(b []byte) (*jsondoc.Object, error) {
	b = utf8Text(b)
	var v jsondoc.Value
	var err error
	if text := bytes.TrimLeft(b, " \t\r\n"); len(text) > 0 && text[0] == '{' {
		if v, err = ParseJSON(b); err != nil && !looksLikeYAML(text) {
			return nil, err
		}
	}
	if v == nil {
		if v, err = parseYAML(b); err != nil {
			return nil, err
		}
	}
	o, ok := v.(*jsondoc.Object)
	if !ok {
		return nil, fault("line 1, column 1", "the document is %s where an object is expected", jsondoc.KindOf(v))
	}
	return o, nil
}

// looksLikeYAML tells a flow mapping with bare names from JSON with a fault.
func looksLikeYAML(b []byte) bool {
	b = bytes.TrimLeft(b[1:], " \t\r\n")
	return len(b) > 0 && b[0] != '"' && b[0] != '}'
}

func parseYAML(b []byte) (jsondoc.Value, error) {
	v, err := yamldoc.Parse(b, yamldoc.Options{Exact: true, MaxDepth: maxDepth})
	if f := (*yamldoc.Fault)(nil); errors.As(err, &f) {
		return nil, fault(at(f.Line, f.Column), "%s", yamlWords(f))
	}
	return v, err
}

// yamlWords is a fault in the words for who imports an API.
func yamlWords(f *yamldoc.Fault) string {
	switch f.Kind {
	case yamldoc.Syntax:
		return "the YAML cannot be read: " + f.Detail
	case yamldoc.Empty:
		return "the YAML cannot be read: EOF"
	case yamldoc.Aliases:
		return f.Message + " or use $ref"
	case yamldoc.Twice:
		return fmt.Sprintf("the member %q is there twice", clip(f.Detail, 100))
	}
	return f.Message
}
