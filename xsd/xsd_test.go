package xsd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/dotnet/xlinq"
)

func compiled(t *testing.T, body string, from Library) *Set {
	t.Helper()
	s, err := Compile(schema(body), from)
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	return s
}

func schema(body string) string {
	if strings.HasPrefix(body, "<xs:schema") {
		return body
	}
	return `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">` + body + `</xs:schema>`
}

func check(t *testing.T, s *Set, document string) string {
	t.Helper()
	d, err := xlinq.ParseDocument(document, true, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	faults, err := s.Check(d.Root(), "")
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, f := range faults {
		all = append(all, f.Path+" "+f.Rule)
	}
	return strings.Join(all, ", ")
}

// TestCheck: a schema, and documents with what is wrong in them.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, schema string
		documents    map[string]string
	}{
		{"sequence and counts", `<xs:element name="o"><xs:complexType><xs:sequence><xs:element name="a" type="xs:int"/><xs:element name="b" minOccurs="0" maxOccurs="2"/><xs:element name="c" type="xs:string" minOccurs="2" maxOccurs="unbounded"/></xs:sequence><xs:attribute name="id" type="xs:ID" use="required"/></xs:complexType></xs:element>`, map[string]string{
			`<o id="x"><a>1</a><c/><c/></o>`: "", `<o id="x"><a>1</a><b/><b/><c/><c/><c/></o>`: "", `<o id="x"><a>1</a><b/><b/><b/><c/><c/></o>`: "/o/b[3] Content",
			`<o id="x"><a>1</a><c/></o>`: "/o Content", `<o id="x"><c/><c/></o>`: "/o/c Content", `<o><a>one</a><c/><c/></o>`: "/o Attribute, /o/a Value", `<o id="x" k="1"><a> 5 </a><c/><c/></o>`: "/o Attribute",
			`<o id="x">text<a>1</a><c/><c/></o>`: "/o Content", `<x/>`: "/x Element", `<o xmlns="urn:x" id="x"/>`: "/o Element",
		}},
		{"choice and nesting", `<xs:element name="o"><xs:complexType><xs:choice maxOccurs="3"><xs:element name="a"/><xs:sequence><xs:element name="b"/><xs:element name="c"/></xs:sequence></xs:choice></xs:complexType></xs:element>`, map[string]string{
			`<o><a/><b/><c/><a/></o>`: "", `<o><b/></o>`: "/o Content", `<o><b/><a/></o>`: "/o/a Content", `<o><a/><a/><a/><a/></o>`: "/o/a[4] Content", `<o/>`: "/o Content",
		}},
		{"all", `<xs:element name="o"><xs:complexType><xs:all><xs:element name="a"/><xs:element name="b" minOccurs="0"/><xs:element name="c"/></xs:all></xs:complexType></xs:element>`, map[string]string{
			`<o><c/><a/></o>`: "", `<o><b/><c/><a/></o>`: "", `<o><b/><c/></o>`: "/o Content", `<o><a/><a/><c/></o>`: "/o/a[2] Content",
		}},
		{"facets", `<xs:element name="o"><xs:complexType><xs:sequence>
			<xs:element name="a" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}\d+"/><xs:pattern value="-"/><xs:maxLength value="5"/></xs:restriction></xs:simpleType></xs:element>
			<xs:element name="d" minOccurs="0"><xs:simpleType><xs:restriction base="xs:decimal"><xs:minExclusive value="0"/><xs:maxInclusive value="99.5"/><xs:totalDigits value="4"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType></xs:element>
			<xs:element name="e" minOccurs="0"><xs:simpleType><xs:restriction base="xs:token"><xs:enumeration value="red"/><xs:enumeration value="dark red"/></xs:restriction></xs:simpleType></xs:element>
			<xs:element name="l" minOccurs="0"><xs:simpleType><xs:restriction><xs:simpleType><xs:list itemType="xs:byte"/></xs:simpleType><xs:length value="2"/></xs:restriction></xs:simpleType></xs:element>
			<xs:element name="u" minOccurs="0"><xs:simpleType><xs:union memberTypes="xs:int xs:boolean"/></xs:simpleType></xs:element>
			<xs:element name="t" minOccurs="0"><xs:simpleType><xs:restriction base="xs:date"><xs:minInclusive value="2020-01-01"/></xs:restriction></xs:simpleType></xs:element>
			</xs:sequence></xs:complexType></xs:element>`, map[string]string{
			`<o><a>AB12</a><d>99.50</d><e> dark  red </e><l>1 -2</l><u>true</u><t>2024-02-29</t></o>`: "", `<o><a>-</a></o>`: "", `<o><a>AB123456</a></o>`: "/o/a Value", `<o><a>ab1</a></o>`: "/o/a Value",
			`<o><d>0</d></o>`: "/o/d Value", `<o><d>99.51</d></o>`: "/o/d Value", `<o><d>1.234</d></o>`: "/o/d Value", `<o><d>1e1</d></o>`: "/o/d Value", `<o><e>blue</e></o>`: "/o/e Value",
			`<o><l>1</l></o>`: "/o/l Value", `<o><l>1 300</l></o>`: "/o/l Value", `<o><u>maybe</u></o>`: "/o/u Value", `<o><t>2019-12-31</t></o>`: "/o/t Value", `<o><t>2023-02-29</t></o>`: "/o/t Value",
			`<o><t>2020-01-01Z</t></o>`: "/o/t Value",
		}},
		{"derivation", `<xs:complexType name="base"><xs:sequence><xs:element name="a"/></xs:sequence><xs:attribute name="x"/></xs:complexType>
			<xs:complexType name="more"><xs:complexContent><xs:extension base="base"><xs:sequence><xs:element name="b"/></xs:sequence><xs:attribute name="y" use="required"/></xs:extension></xs:complexContent></xs:complexType>
			<xs:complexType name="less"><xs:complexContent><xs:restriction base="base"><xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence><xs:attribute name="x" use="prohibited"/></xs:restriction></xs:complexContent></xs:complexType>
			<xs:complexType name="other"><xs:sequence/></xs:complexType><xs:complexType name="none" abstract="true"/>
			<xs:element name="o" type="base"/><xs:element name="strict" type="base" block="extension"/><xs:element name="n" type="none"/>`, map[string]string{
			`<o x="1"><a/></o>`: "", `<o xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="more" y="1"><a/><b/></o>`: "", `<o xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="more"><a/><b/></o>`: "/o Attribute",
			`<o><a/><b/></o>`: "/o/b Content", `<o xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="less" x="1"><a>1</a></o>`: "/o Attribute", `<o xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="other"/>`: "/o Type",
			`<strict xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="more" y="1"><a/><b/></strict>`: "/strict Type", `<strict xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="less"><a>1</a></strict>`: "",
			`<o xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="missing"/>`: "/o Type", `<n/>`: "/n Type",
		}},
		{"simple content, fixed, nil", `<xs:element name="o"><xs:complexType><xs:sequence><xs:element name="p" minOccurs="0" nillable="true"><xs:complexType><xs:simpleContent><xs:extension base="xs:decimal"><xs:attribute name="currency" type="xs:NCName" use="required"/></xs:extension></xs:simpleContent></xs:complexType></xs:element><xs:element name="v" type="xs:decimal" fixed="1.0" minOccurs="0"/></xs:sequence><xs:attribute name="version" fixed="2"/></xs:complexType></xs:element>`, map[string]string{
			`<o version="2"><p currency="EUR">1.5</p><v>1.00</v></o>`: "", `<o version="3"/>`: "/o Value", `<o><p>1</p></o>`: "/o/p Attribute", `<o><p currency="EUR">x</p></o>`: "/o/p Value", `<o><v>2</v></o>`: "/o/v Value", `<o><v/></o>`: "",
			`<o><p currency="EUR" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></o>`: "", `<o><p currency="EUR" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">1</p></o>`: "/o/p Nil",
			`<o><v xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></o>`: "/o/v Nil", `<o><p currency="EUR"><x/></p></o>`: "/o/p Content",
		}},
		{"substitution", `<xs:element name="shape" type="xs:string" abstract="true"/><xs:element name="circle" substitutionGroup="shape"/><xs:element name="disc" substitutionGroup="circle"/><xs:element name="line"/>
			<xs:element name="o"><xs:complexType><xs:sequence><xs:element ref="shape" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>`, map[string]string{
			`<o><circle/><disc>a</disc></o>`: "", `<o><shape/></o>`: "/o/shape Element", `<o><line/></o>`: "/o/line Content",
		}},
		{"wildcards", `<xs:element name="known" type="xs:int"/><xs:element name="o"><xs:complexType><xs:sequence><xs:any namespace="##local" processContents="strict" minOccurs="0"/><xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence><xs:anyAttribute namespace="urn:a" processContents="skip"/></xs:complexType></xs:element>`, map[string]string{
			`<o><known>1</known><x xmlns="urn:x"><y/></x></o>`: "", `<o><known>one</known></o>`: "/o/known Value", `<o><strange/></o>`: "/o/strange Element", `<o xmlns:a="urn:a" a:x="1"/>`: "", `<o x="1"/>`: "/o Attribute",
		}},
		{"identity", `<xs:element name="o"><xs:complexType><xs:sequence><xs:element name="i" maxOccurs="unbounded"><xs:complexType><xs:attribute name="id" type="xs:int"/><xs:attribute name="after" type="xs:int"/></xs:complexType></xs:element></xs:sequence></xs:complexType>
			<xs:key name="k"><xs:selector xpath=".//i"/><xs:field xpath="@id"/></xs:key><xs:keyref name="r" refer="k"><xs:selector xpath="i"/><xs:field xpath="@after"/></xs:keyref></xs:element>`, map[string]string{
			`<o><i id="1"/><i id="2" after="01"/></o>`: "", `<o><i id="1"/><i id="01"/></o>`: "/o Unique", `<o><i/></o>`: "/o Key", `<o><i id="1" after="2"/></o>`: "/o Keyref",
		}},
		{"ids", `<xs:element name="o"><xs:complexType><xs:sequence><xs:element name="i" maxOccurs="unbounded"><xs:complexType><xs:attribute name="id" type="xs:ID"/><xs:attribute name="to" type="xs:IDREFS"/></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>`, map[string]string{
			`<o><i id="a"/><i id="b" to="a b"/></o>`: "", `<o><i id="a"/><i id="a"/></o>`: "/o/i[2] ID", `<o><i to="a"/></o>`: "/o ID",
		}},
		{"groups", `<xs:group name="g"><xs:sequence><xs:element name="a"/></xs:sequence></xs:group><xs:attributeGroup name="ag"><xs:attribute name="x" use="required"/></xs:attributeGroup>
			<xs:element name="o"><xs:complexType><xs:sequence><xs:group ref="g" maxOccurs="2"/></xs:sequence><xs:attributeGroup ref="ag"/></xs:complexType></xs:element>`, map[string]string{
			`<o x="1"><a/><a/></o>`: "", `<o><a/></o>`: "/o Attribute", `<o x="1"/>`: "/o Content",
		}},
		{"mixed and recursion", `<xs:complexType name="n" mixed="true"><xs:sequence><xs:element name="n" type="n" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType><xs:element name="n" type="n"/>`, map[string]string{
			`<n>a<n>b<n/></n>c</n>`: "", `<n><m/></n>`: "/n/m Content",
		}},
		{"namespaces", `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" xmlns:t="urn:t" elementFormDefault="qualified"><xs:element name="o" type="t:o"/><xs:complexType name="o"><xs:sequence><xs:element name="a"/><xs:element name="b" form="unqualified"/></xs:sequence></xs:complexType></xs:schema>`, map[string]string{
			`<o xmlns="urn:t"><a/><b xmlns=""/></o>`: "", `<o xmlns="urn:t"><a/><b/></o>`: "/o/b Content", `<t:o xmlns:t="urn:t"><a/><b/></t:o>`: "/o/a Content",
		}},
		{"entities", `<xs:element name="o" type="xs:string"/>`, map[string]string{`<o>&lt;&#65;</o>`: "", `<o><![CDATA[<x>]]></o>`: "", `<!-- a --><o/>`: ""}},
	} {
		s := compiled(t, c.schema, Library{})
		for document, want := range c.documents {
			if got := check(t, s, document); got != want {
				t.Errorf("%s: %s: %q, want %q", c.name, document, got, want)
			}
		}
	}
}

// TestTypes: texts that are, and that are not, values of the types that every schema knows.
func TestTypes(t *testing.T) {
	for kind, c := range map[string]struct{ good, bad []string }{
		"boolean": {[]string{"true", "0", " 1 "}, []string{"TRUE", "", "yes"}}, "integer": {[]string{"-0", "+5", "00012345678901234567890"}, []string{"1.0", "", "1 2", "0x1"}},
		"unsignedByte": {[]string{"255", "0"}, []string{"256", "-1"}}, "positiveInteger": {[]string{"1"}, []string{"0"}}, "negativeInteger": {[]string{"-1"}, []string{"0"}},
		"double": {[]string{"1e5", "INF", "-INF", "NaN", ".5"}, []string{"+INF", "inf", "0x1p3", "1e", "1_000"}}, "decimal": {[]string{".5", "5.", "-0.0"}, []string{"1e5", ".", "", "1/2"}},
		"dateTime": {[]string{"2024-02-29T24:00:00", "2024-01-01T00:00:00.123+14:00", "-0044-03-15T00:00:00Z"}, []string{"2024-02-30T00:00:00", "2024-01-01", "2024-01-01T24:00:01", "2024-01-01T00:00:60", "0000-01-01T00:00:00", "2024-01-01T00:00:00+15:00"}},
		"time":     {[]string{"23:59:59.999Z"}, []string{"24:01:00", "1:00:00"}}, "gYear": {[]string{"2024", "2024Z", "2024-05:00", "12024"}, []string{"24", "02024"}}, "gYearMonth": {[]string{"2024-12", "2024-12+01:00"}, []string{"2024-13"}},
		"gMonthDay": {[]string{"--02-29"}, []string{"--02-30", "02-29"}}, "gDay": {[]string{"---31"}, []string{"---32"}}, "gMonth": {[]string{"--12"}, []string{"--13"}}, "date": {[]string{"2024-01-31-05:00"}, []string{"2024-1-31"}},
		"duration": {[]string{"P1Y2M3DT4H5M6.7S", "-P1D", "PT0S"}, []string{"P", "PT", "P1Y2MT", "1D", "P1.5D", "P-1D"}}, "hexBinary": {[]string{"", "0aFF"}, []string{"0", "xx"}}, "base64Binary": {[]string{"", "YWI=", "YW Jj"}, []string{"YWI", "===="}},
		"anyURI": {[]string{"http://x/?a=b#c", ""}, []string{"a b c<"}}, "QName": {[]string{"a", "xs:b"}, []string{"a:b:c", ":a", "nobody:a"}}, "language": {[]string{"en-GB"}, []string{"englishes-x"}}, "NCName": {[]string{"_a.b"}, []string{"1a", "a:b"}},
		"NMTOKENS": {[]string{"1 2"}, []string{""}}, "token": {[]string{"a  b"}, nil}, "string": {[]string{""}, nil}, "Name": {[]string{"a:b"}, []string{"-a"}},
	} {
		s := compiled(t, `<xs:element name="o" type="xs:`+kind+`"/>`, Library{})
		for i, list := range [][]string{c.good, c.bad} {
			for _, text := range list {
				text = strings.NewReplacer("<", "&lt;").Replace(text)
				if got := check(t, s, `<o xmlns:xs="urn:x">`+text+`</o>`); (got == "") != (i == 0) {
					t.Errorf("%s %q: %q", kind, text, got)
				}
			}
		}
	}
}

func TestPatterns(t *testing.T) {
	for pattern, c := range map[string][2]string{
		`a|b`: {"a", "ab"}, `^a$`: {"^a$", "a"}, `[a-z-[aeiou]]+`: {"xyz", "xaz"}, `\i\c*`: {"_a-1", "1a"}, `[\d-[5]]`: {"4", "5"}, `[^\s]+`: {"ab", "a b"}, `\p{Lu}\P{Lu}`: {"Aa", "AA"}, `\p{IsBasicLatin}*`: {"abc", "ä"},
		`.`: {"x", "\n"}, `\.\-\[\]`: {".-[]", "x-[]"}, `[a\-z]`: {"-", "b"}, `[+\-*/]`: {"*", "a"}, `(ab){2,3}`: {"abab", "ab"}, `\w+`: {"aß1", "a-b"}, `[-a]`: {"-", "b"}, `[a-]`: {"-", "b"}, ``: {"", "a"},
	} {
		re, err := compilePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		if !re.MatchString(c[0]) || re.MatchString(c[1]) {
			t.Errorf("%s: %q %t, %q %t", pattern, c[0], re.MatchString(c[0]), c[1], re.MatchString(c[1]))
		}
	}
	for _, bad := range []string{`[`, `]`, `[z-a]`, `\p{Nothing}`, `\p{IsNothing}`, `(`, `(?i)a`, `\`, `\y`, `[]`, strings.Repeat("a", 5000), `*`} {
		if _, err := compilePattern(bad); err == nil {
			t.Errorf("%q compiles", bad)
		}
	}
}

// TestCompileErrors: what cannot be understood is not compiled.
func TestCompileErrors(t *testing.T) {
	for _, body := range []string{"<a/>", `<xs:element/>`, `<xs:element name="o" type="xs:nothing"/>`, `<xs:element name="o" type="nobody:x"/>`, `<xs:redefine schemaLocation="x"/>`, `<xs:include schemaLocation="file:///etc/passwd"/>`,
		`<xs:import namespace="urn:x" schemaLocation="http://example.test/x.xsd"/>`, `<xs:element name="o"><xs:complexType><xs:sequence/><xs:assert test="1"/></xs:complexType></xs:element>`, `<xs:element name="o"><xs:alternative/></xs:element>`,
		`<xs:complexType name="t"><xs:complexContent><xs:extension base="t"/></xs:complexContent></xs:complexType>`, `<xs:group name="g"><xs:sequence><xs:group ref="g"/></xs:sequence></xs:group><xs:element name="o"><xs:complexType><xs:group ref="g"/></xs:complexType></xs:element>`,
		`<xs:element name="a" substitutionGroup="b"/><xs:element name="b" substitutionGroup="a"/>`, `<xs:simpleType name="t"><xs:restriction base="t"/></xs:simpleType>`, `<xs:simpleType name="t"><xs:restriction base="xs:string"><xs:assertion/></xs:restriction></xs:simpleType>`,
		`<xs:simpleType name="t"><xs:restriction base="xs:int"><xs:maxInclusive value="x"/></xs:restriction></xs:simpleType>`, `<xs:element name="o"/><xs:element name="o"/>`, `<xs:element name="o"><xs:complexType><xs:sequence minOccurs="2" maxOccurs="1"/></xs:complexType></xs:element>`,
		`<!DOCTYPE x [<!ENTITY a "b">]><x/>`, ``} {
		text := schema(body)
		if body == "" || strings.HasPrefix(body, "<!") {
			text = body
		}
		if _, err := Compile(text, Library{}); err == nil {
			t.Errorf("compiles: %s", body)
		}
	}
}

func TestLibrary(t *testing.T) {
	texts := map[string]string{
		"/schemas/types":  `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="/schemas/types"/><xs:simpleType name="size"><xs:restriction base="small"/></xs:simpleType><xs:simpleType name="small"><xs:restriction base="xs:int"><xs:maxInclusive value="9"/></xs:restriction></xs:simpleType></xs:schema>`,
		"/schemas/others": `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:other"><xs:import namespace="urn:t"/><xs:element name="x" type="xs:boolean"/></xs:schema>`,
	}
	load := func(location string) (string, bool) { text, ok := texts[location]; return text, ok }
	s := compiled(t, `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" xmlns:o="urn:other" targetNamespace="urn:t" elementFormDefault="qualified"><xs:include schemaLocation="/schemas/types"/><xs:import namespace="urn:other" schemaLocation="/schemas/others"/>
		<xs:element name="o"><xs:complexType><xs:sequence><xs:element name="s" type="size"/><xs:element ref="o:x"/></xs:sequence></xs:complexType></xs:element></xs:schema>`, Library{Load: load})
	for document, want := range map[string]string{
		`<o xmlns="urn:t"><s>9</s><x xmlns="urn:other">true</x></o>`: "", `<o xmlns="urn:t"><s>10</s><x xmlns="urn:other">1</x></o>`: "/o/s Value", `<o xmlns="urn:t"><s>1</s><x>1</x></o>`: "/o/x Content",
	} {
		if got := check(t, s, document); got != want {
			t.Errorf("%s: %q, want %q", document, got, want)
		}
	}
	byName := Library{Import: func(space string) []string {
		if space == "urn:other" {
			return []string{texts["/schemas/others"]}
		}
		return nil
	}}
	s = compiled(t, `<xs:import namespace="urn:other"/><xs:element name="o"><xs:complexType><xs:sequence><xs:element xmlns:o="urn:other" ref="o:x"/></xs:sequence></xs:complexType></xs:element>`, byName)
	if got := check(t, s, `<o><x xmlns="urn:other">maybe</x></o>`); got != "/o/x Value" {
		t.Error(got)
	}
	endless := func(location string) (string, bool) {
		return schema(`<xs:include schemaLocation="` + location + `x"/>`), true
	}
	if _, err := Compile(schema(`<xs:include schemaLocation="x"/>`), Library{Load: endless}); err == nil {
		t.Error("endless includes compile")
	}
}

// TestBombs: schemas and documents that are made to cost end soon.
func TestBombs(t *testing.T) {
	var nested strings.Builder
	for i := range 60 {
		fmt.Fprintf(&nested, `<xs:group name="g%d"><xs:choice><xs:sequence><xs:group ref="g%d"/><xs:group ref="g%d"/></xs:sequence><xs:element name="e%d"/></xs:choice></xs:group>`, i, i+1, i+1, i)
	}
	nested.WriteString(`<xs:group name="g60"><xs:sequence><xs:element name="a" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:group><xs:element name="o"><xs:complexType><xs:group ref="g0" maxOccurs="unbounded"/></xs:complexType></xs:element>`)
	start := time.Now()
	s := compiled(t, nested.String(), Library{})
	check(t, s, "<o>"+strings.Repeat("<a/>", 1000)+"</o>")
	s = compiled(t, `<xs:element name="o"><xs:complexType><xs:sequence maxOccurs="unbounded"><xs:element name="a" minOccurs="0" maxOccurs="2000000000"/><xs:element name="a" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>`, Library{})
	check(t, s, "<o>"+strings.Repeat("<a/>", 5000)+"</o>")
	s = compiled(t, `<xs:element name="o"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="(a*)*b"/></xs:restriction></xs:simpleType></xs:element>`, Library{})
	if got := check(t, s, "<o>"+strings.Repeat("a", 1<<20)+"</o>"); got != "/o Value" {
		t.Error(got)
	}
	s = compiled(t, `<xs:element name="o" type="xs:integer"/>`, Library{})
	if got := check(t, s, "<o>"+strings.Repeat("9", 1<<21)+"</o>"); got != "/o Value" {
		t.Error(got)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(schema(`<xs:element name="o" type="xs:int"/>`), `<o>1</o>`)
	f.Fuzz(func(t *testing.T, text, document string) {
		s, err := Compile(text, Library{})
		if err != nil {
			return
		}
		if d, err := xlinq.ParseDocument(document, true, nil); err == nil && d.Root() != nil {
			_, _ = s.Check(d.Root(), "")
		}
	})
}
