package apim

import (
	"errors"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/store"
)

// schemas of an API: their content type says what the document is and which member holds it
// (apim-control-plane.md 2.2).
func schemas() *arm.Type {
	return published("service/apis/schemas", `
		properties.contentType string required
		properties.document    object required
	`, arm.Type{
		Noun: "Schema", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Foreign: []string{"properties.document"},
		Hooks: arm.Hooks{Check: checkSchema, Delete: dropSchema, Show: provisioned},
	})
}

// globalSchemas are what the validate-content policy names: XML schemas as text, JSON schemas
// as objects (apim-control-plane.md 2.6).
func globalSchemas() *arm.Type {
	return published("service/schemas", `
		properties.schemaType enum(xml|json) required
	`, arm.Type{
		Noun: "Schema", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Foreign: []string{"properties.document", "properties.value"},
		Hooks: arm.Hooks{Check: checkGlobalSchema, Show: provisioned},
	})
}

// provisioned shows the state of what is finished within the request.
func provisioned(_ *arm.Op, _ *arm.Resource, out *jsondoc.Object) {
	if props := out.Object("properties"); props != nil {
		props.Set("provisioningState", "Succeeded")
	}
}

// unreadable is the refusal of a document (apim-control-plane.md 1.8).
func unreadable(target string, err error) error {
	var f *apidoc.Fault
	if !errors.As(err, &f) {
		return err
	}
	return validation(target, "Parsing error(s): %s", f.Error())
}

// checkSchema reads what came as text into the member of its content type, as the service does
// with the JSON that older clients send in value.
func checkSchema(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	contentType := props.String("contentType")
	if strings.TrimSpace(contentType) == "" {
		return validation("contentType", "contentType should not be empty")
	}
	document := props.Object("document")
	member := apidoc.Member(contentType)
	value, isText := mustString(document, "value")
	switch {
	case isText:
		if err := apidoc.CheckSchema(contentType, value); err != nil {
			return unreadable("document.value", err)
		}
		if member != "value" {
			return structured(document, member, value)
		}
	case member == "value":
		return validation("document.value", "the schema has to be a string in document.value for the content type %s", contentType)
	case document.Object(member) == nil:
		return validation("document."+member, "the schema has to be an object in document.%s for the content type %s", member, contentType)
	}
	return nil
}

// structured moves JSON from the text in value to its member; text may hold the member or what is in it.
func structured(document *jsondoc.Object, member, value string) error {
	v, err := apidoc.ParseJSON([]byte(value))
	if err != nil {
		return unreadable("document.value", err)
	}
	o, ok := v.(*jsondoc.Object)
	if !ok {
		return validation("document.value", "Parsing error(s): the schema is %s where a JSON object is expected", jsondoc.KindOf(v))
	}
	if inner := o.Object(member); inner != nil {
		o = inner
	}
	document.Delete("value")
	document.Set(member, o)
	return nil
}

func mustString(o *jsondoc.Object, member string) (string, bool) {
	v, _ := o.Get(member)
	s, ok := v.(string)
	return s, ok
}

func checkGlobalSchema(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	if strings.EqualFold(props.String("schemaType"), "xml") {
		value, ok := mustString(props, "value")
		if !ok {
			return validation("value", "an XML schema has to be a string in value")
		}
		props.Delete("document")
		return unreadable("value", apidoc.CheckXSD(value))
	}
	return settleJSONSchema(props)
}

// settleJSONSchema keeps a JSON schema as the object in document, however it came.
func settleJSONSchema(props *jsondoc.Object) error {
	v, _ := props.Get("document")
	if v == nil {
		v, _ = props.Get("value")
	}
	if s, ok := v.(string); ok {
		parsed, err := apidoc.ParseJSON([]byte(s))
		if err != nil {
			return unreadable("document", err)
		}
		v = parsed
	}
	switch v.(type) {
	case *jsondoc.Object, bool: // true and false are schemas too
	default:
		return validation("document", "a JSON schema has to be an object in document")
	}
	props.Delete("value")
	props.Set("document", v)
	return nil
}

// dropSchema keeps a schema that operations refer to, unless force takes their references away.
func dropSchema(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	all, err := operationsOf(op, tx, old.ID.Parent())
	if err != nil {
		return err
	}
	for _, o := range all {
		if !unrefer(o.Body, old.ID.Name()) {
			continue
		}
		if !strings.EqualFold(op.Query.Get("force"), "true") {
			return refusal(gatehouse.Invalid, "ValidationError",
				"Schema '%s' cannot be deleted since operations refer to it. Change them before deleting the schema or pass in force=true as query param", old.ID.Name())
		}
		if err := op.Save(tx, o); err != nil {
			return err
		}
	}
	return nil
}

// unrefer takes the references to a schema out of an operation and reports whether there were any.
func unrefer(v jsondoc.Value, schema string) bool {
	found := false
	switch v := v.(type) {
	case *jsondoc.Object:
		if id := v.String("schemaId"); id != "" && gatehouse.EqualFold(id, schema) {
			v.Delete("schemaId")
			v.Delete("typeName")
			found = true
		}
		for _, inner := range v.All() {
			found = unrefer(inner, schema) || found
		}
	case []jsondoc.Value:
		for _, inner := range v {
			found = unrefer(inner, schema) || found
		}
	}
	return found
}

// operationsOf are the operations of an API in the order of their names.
func operationsOf(op *arm.Op, r store.Reader, api gatehouse.ID) ([]*arm.Resource, error) {
	return childrenOf(op, r, api, "operations")
}

// childrenOf reads all children of one family.
func childrenOf(op *arm.Op, r store.Reader, of gatehouse.ID, family string) ([]*arm.Resource, error) {
	scope := of.Scope()
	page, err := r.List(op.Context, store.Query{Type: of.Type() + "/" + family, Parent: &scope})
	if err != nil {
		return nil, err
	}
	all := make([]*arm.Resource, len(page.Documents))
	for i, d := range page.Documents {
		if all[i], err = arm.FromDocument(d); err != nil {
			return nil, err
		}
	}
	return all, nil
}
