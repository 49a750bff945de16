package apim

import (
	"strings"

	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// policies have one document per scope, kept as it was written. Until the engine of
// policies checks them whole, a document has to be well-formed, with the root element
// policies and its four sections.
func policies() *arm.Type {
	return entity(arm.Type{
		Segment: "policies", Shape: arm.Document, Noun: "PoliciesConfiguration", Name: arm.NameRule{Only: []string{"policy"}},
		Model: arm.NewModel(`
			properties.value  string required
			properties.format enum(xml|rawxml|xml-link|rawxml-link) default="xml"
		`),
		Hooks: arm.Hooks{Check: checkPolicy, Show: showPolicy},
	})
}

func checkPolicy(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	format := strings.ToLower(props.String("format"))
	if strings.HasSuffix(format, "-link") {
		return validation("format", "policies are not fetched from links; send the document in value with format xml or rawxml")
	}
	props.Set("format", format)
	text := props.String("value")
	if format == "rawxml" {
		masked, err := maskExpressions(text)
		if err != nil {
			return err
		}
		text = masked
	}
	return checkDocument(text)
}

// showPolicy answers in the format that was asked for: xml unless a GET says rawxml
// (apim-control-plane.md 2.4). The answer to a write has the format of the write.
func showPolicy(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	kept := r.Props().String("format")
	want := strings.ToLower(op.Query.Get("format"))
	switch op.Route.Verb {
	case arm.Put:
		want = kept
	case arm.List:
		want = "xml"
	}
	if want != "rawxml" {
		want = "xml"
	}
	value := r.Props().String("value")
	switch {
	case want == "xml" && kept == "rawxml":
		value = escapeExpressions(value)
	case want == "rawxml" && kept == "xml":
		value = unescapeExpressions(value)
	}
	out.SetPath("properties.value", value)
	out.SetPath("properties.format", want)
}
