package contract

import (
	"strings"
	"testing"

	"gatehouse/gateway/config"
)

const head = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:o" xmlns:t="urn:t" targetNamespace="urn:o" elementFormDefault="qualified">`

// TestXMLSchemas: bodies under the schemas of an API (one that imports another by namespace), and in envelopes.
func TestXMLSchemas(t *testing.T) {
	schemas := map[string]*config.Schema{
		"main":  {Text: head + `<xs:import namespace="urn:t"/><xs:include schemaLocation="/schemas/common"/><xs:element name="Add"><xs:complexType><xs:sequence><xs:element name="n" type="t:small"/><xs:element name="c" type="color" minOccurs="0"/></xs:sequence></xs:complexType></xs:element><xs:element name="Other"/></xs:schema>`},
		"types": {Text: `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t"><xs:simpleType name="small"><xs:restriction base="xs:int"><xs:maxInclusive value="9"/></xs:restriction></xs:simpleType></xs:schema>`},
		"json":  {Document: []byte(`{}`)},
		"wrong": {Text: head + `<xs:include schemaLocation="http://example.test/x.xsd"/></xs:schema>`},
	}
	common := &config.Schema{Text: `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:simpleType name="color"><xs:restriction base="xs:string"><xs:enumeration value="red"/></xs:restriction></xs:simpleType></xs:schema>`}
	shared := func(name string) *config.Schema {
		if name == "common" {
			return common
		}
		return nil
	}
	o := New(&config.Operation{}, func(name string) *config.Schema { return schemas[name] }, &Schemas{})
	o.Siblings = []*config.Schema{schemas["main"], schemas["types"], schemas["json"]}
	good := `<Add xmlns="urn:o"><n>5</n><c>red</c></Add>`
	soap := func(body string) string {
		return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>` + body + `</s:Body></s:Envelope>`
	}
	fault := `<s:Fault><faultcode>s:Server</faultcode></s:Fault>`
	for _, c := range []struct{ schema, root, body, kind, want string }{
		{"", "", "<a/>", RequestBody, ""}, {"", "", "<a>", RequestBody, "m Malformed"}, {"", "", "", RequestBody, "m Malformed"}, {"", "", "<a/><b", RequestBody, "m Malformed"}, {"", "", `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, RequestBody, "m Malformed"},
		{"", "soap", soap("<a/>"), RequestBody, ""}, {"", "soap", "<Envelope/>", RequestBody, "m Malformed"}, {"", "soap", strings.Replace(soap(""), "<s:Header/>", "<x/>", 1), RequestBody, "m Malformed"},
		{"", "soap", strings.Replace(soap(""), "<s:Header/>", "<s:Body/>", 1), RequestBody, "m Malformed"},
		{"main", "Add", good, RequestBody, ""}, {"main", "", good, RequestBody, ""}, {"main", "Other", good, RequestBody, "m IncorrectMessage"}, {"main", "NoSuchElement", good, RequestBody, ""},
		{"main", "Add", strings.Replace(good, "5", "50", 1), RequestBody, "m IncorrectMessage"}, {"main", "Add", strings.Replace(good, "red", "blue", 1), RequestBody, "m IncorrectMessage"}, {"main", "Add", "<Add/>", RequestBody, "m IncorrectMessage"},
		{"main", "soap Add", soap(good), RequestBody, ""}, {"main", "soap Add", soap(""), RequestBody, "m IncorrectMessage"}, {"main", "soap Add", soap(good + "<x/>"), RequestBody, "m IncorrectMessage"}, {"main", "soap Add", good, RequestBody, "m Malformed"},
		{"main", "soap Add", soap(fault), ResponseBody, ""}, {"main", "soap Add", soap(fault), RequestBody, "m IncorrectMessage"},
		{"none", "", "<a/>", RequestBody, "m Unchecked"}, {"json", "", "<a/>", RequestBody, "m Unchecked"}, {"wrong", "", "<a/>", RequestBody, "m Unchecked"},
	} {
		root, envelope := strings.CutPrefix(c.root, "soap")
		got := show(o.XML(&config.Representation{Schema: c.schema, TypeName: strings.TrimSpace(root)}, XMLBody{c.body, c.kind, "m", envelope}, shared))
		if got != c.want {
			t.Errorf("%s %s %s: %q, want %q", c.schema, c.root, c.body, got, c.want)
		}
	}
	representation := &config.Representation{Schema: "main"}
	common = &config.Schema{Text: strings.Replace(common.Text, "red", "blue", 1)}
	if got := show(o.XML(representation, XMLBody{good, RequestBody, "m", false}, shared)); got != "m IncorrectMessage" {
		t.Error("a schema that is included was changed, and the old one counts:", got)
	}
	common = nil
	if got := show(o.XML(representation, XMLBody{good, RequestBody, "m", false}, shared)); got != "m Unchecked" {
		t.Error("a schema that is included is gone:", got)
	}
	if got := show((&Schemas{}).XMLBy(schemas["types"], XMLBody{"<x/>", RequestBody, "m", false}, shared)); got != "m IncorrectMessage" {
		t.Error(got)
	}
}
