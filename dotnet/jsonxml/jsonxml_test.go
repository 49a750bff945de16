package jsonxml_test

import (
	"errors"
	"testing"

	"gatehouse/dotnet"
	"gatehouse/dotnet/jsonxml"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
)

func message(err error) string {
	var x *dotnet.Exception
	if errors.As(err, &x) {
		return x.Message
	}
	return err.Error()
}

func TestToJSON(t *testing.T) {
	direct := jsonxml.JSON{}
	for _, c := range []struct {
		how      jsonxml.JSON
		in, want string
	}{
		{direct, `<a>x</a>`, `{"a":"x"}`}, {direct, `<a/>`, `{"a":null}`}, {direct, `<a></a>`, `{"a":""}`},
		{direct, `<?xml version="1.0" standalone="no"?><root><person id="1"><name>Alan</name></person><person id="2"/></root>`,
			`{"?xml":{"@version":"1.0","@standalone":"no"},"root":{"person":[{"@id":"1","name":"Alan"},{"@id":"2"}]}}`},
		{direct, `<a>x<b/>y<![CDATA[z]]></a>`, `{"a":{"#text":["x","y"],"b":null,"#cdata-section":"z"}}`},
		{direct, `<s:a xmlns:s="urn:s" s:x="1"><s:b/></s:a>`, `{"s:a":{"@xmlns:s":"urn:s","@s:x":"1","s:b":null}}`},
		{direct, `<a xmlns="urn:d"><b/></a>`, `{"a":{"@xmlns":"urn:d","b":null}}`},
		{direct, `<a><p:b xmlns:p="u">1</p:b></a>`, `{"a":{"p:b":{"@xmlns:p":"u","#text":"1"}}}`},
		{direct, `<a xmlns:json="http://james.newtonking.com/projects/json"><b json:Array="true">1</b></a>`, `{"a":{"b":["1"]}}`},
		{direct, `<a><!--c--><?p d?><x_x0020_y/></a>`, `{"a":{"?p":"d","x y":null}}`},
		{jsonxml.JSON{Friendly: true}, `<?xml version="1.0"?><s:a xmlns:s="u" x="1"><s:b>2</s:b>t</s:a>`, `{"a":{"x":"1","b":"2","#text":"t"}}`},
		{jsonxml.JSON{ChildArrays: true}, `<a><b>1</b></a>`, `{"a":{"b":["1"]}}`}, {jsonxml.JSON{OmitRoot: true}, `<a><b>1</b></a>`, `{"b":"1"}`},
	} {
		d, err := xlinq.ParseDocument(c.in, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if tok, err := c.how.Convert(d, nil); err != nil {
			got = message(err)
		} else {
			got, _ = tok.Print(false, nil)
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestToXML(t *testing.T) {
	for _, c := range []struct {
		how      jsonxml.XML
		in, want string
	}{
		{jsonxml.XML{}, `{"a":{"@id":1,"b":[1,2.5,true,null,"x"],"#text":"t"}}`, `<a id="1"><b>1</b><b>2.5</b><b>true</b><b /><b>x</b>t</a>`},
		{jsonxml.XML{}, `{"?xml":{"@version":"1.0"},"s:a":{"@xmlns:s":"urn:s","s:b":{"@s:c":"1"}}}`, `<s:a xmlns:s="urn:s"><s:b s:c="1" /></s:a>`},
		{jsonxml.XML{}, `{"a":{"@xmlns":"urn:d","b":{}}}`, `<a xmlns="urn:d"><b /></a>`},
		{jsonxml.XML{}, `{"a b":{"1":{"#cdata-section":"<"}}}`, `<a_x0020_b><_x0031_><![CDATA[<]]></_x0031_></a_x0020_b>`},
		{jsonxml.XML{}, `{"a":[[1,2],[3]]}`, `JSON root object has multiple properties. The root object must have a single property in order to create a valid XML document. Consider specifying a DeserializeRootElementName. Path 'a'.`},
		{jsonxml.XML{Root: "Document"}, `{"a":[[1,2],[3]],"d":"2020-01-02T03:04:05Z"}`, `<Document><a><a>1</a><a>2</a></a><a><a>3</a></a><d>2020-01-02T03:04:05Z</d></Document>`},
		{jsonxml.XML{Root: "Document"}, `[1,{"x":2}]`, `<Document><Document>1</Document><Document><x>2</x></Document></Document>`},
		{jsonxml.XML{Root: "r", Separator: "_", NamespacePrefix: "xmlns", AttributeBlock: "#attrs"},
			`{"p_a":{"xmlns_p":"urn:p","#attrs":{"i":1},"p_b":2,"q_c":3}}`, `<r><p:a xmlns:p="urn:p" i="1"><p:b>2</p:b><q_c>3</q_c></p:a></r>`},
		{jsonxml.XML{}, `[1]`, `XmlNodeConverter can only convert JSON that begins with an object. Path ''.`},
		{jsonxml.XML{}, `{"a":{"@b":{}}}`, `Cannot get an XML string value from token type 'StartObject'. Path ''.`},
	} {
		tok, err := newtonsoft.Parse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if d, err := c.how.Convert(tok, nil); err != nil {
			got = message(err)
		} else {
			got, err = d.Print(xlinq.Format{Compact: true}, nil)
			if err != nil {
				t.Error(err)
			}
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}
