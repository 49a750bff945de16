package policy

import (
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func parsed(t *testing.T, text string, f Format) *Document {
	t.Helper()
	d, err := Parse(text, f)
	if err != nil {
		t.Fatalf("%s as %v: %v", text, f, err)
	}
	return d
}

// The two forms of one document. In XML the quotes of an attribute and its line ends are
// escaped, as the service does it (Azure/azure-rest-api-specs#25306).
var forms = []struct{ raw, xml string }{
	{`<policies><inbound><a b="@(x["y"] < 1)" /></inbound></policies>`, `<policies><inbound><a b="@(x[&quot;y&quot;] &lt; 1)" /></inbound></policies>`},
	{`<policies><inbound><a b='@(x == 'c' && "d" != null)' /></inbound></policies>`, `<policies><inbound><a b='@(x == &apos;c&apos; &amp;&amp; "d" != null)' /></inbound></policies>`},
	{`<policies><inbound><a b=" @{ return $@"<{x["}"]}>"""; } ">@(1<2 ? "a" : 'b')</a></inbound></policies>`,
		`<policies><inbound><a b=" @{ return $@&quot;&lt;{x[&quot;}&quot;]}&gt;&quot;&quot;&quot;; } ">@(1&lt;2 ? "a" : 'b')</a></inbound></policies>`},
	{`<policies><inbound><a b="@(1) or &lt;@(2)" c="x@(y)">text @(z)</a></inbound></policies>`, ``},
	{`<policies><!-- @(1 < 2) "<a b=" --><inbound><![CDATA[@(1 < 2)]]></inbound></policies>`, `<policies><!-- @(1 < 2) "<a b=" --><inbound><![CDATA[@(1 < 2)]]></inbound></policies>`},
	{"<policies><inbound><a b=\"@{ // it's\n\treturn \"&amp;amp;\"; }\" /></inbound></policies>", `<policies><inbound><a b="@{ // it's&#xA;&#x9;return &quot;&amp;amp;&quot;; }" /></inbound></policies>`},
	{`<policies><inbound><!-- a -->@(1 > 0)<!-- b --></inbound></policies>`, `<policies><inbound><!-- a -->@(1 &gt; 0)<!-- b --></inbound></policies>`},
}

func TestForms(t *testing.T) {
	for _, c := range forms {
		raw := parsed(t, c.raw, Raw)
		if raw.As(Raw) != c.raw {
			t.Errorf("%s\nbecomes\n%s", c.raw, raw.As(Raw))
		}
		if c.xml == "" {
			continue
		}
		if got := raw.As(XML); got != c.xml {
			t.Errorf("as xml\n%s is\n%s, want\n%s", c.raw, got, c.xml)
		}
		if got := parsed(t, c.xml, XML).As(Raw); got != c.raw {
			t.Errorf("as rawxml\n%s is\n%s, want\n%s", c.xml, got, c.raw)
		}
	}
}

// Documents written for rawxml hold expressions that were escaped for xml, and the other way round.
func TestEntitiesInExpressions(t *testing.T) {
	for _, c := range []struct{ raw, code string }{
		{`<a b="@(x[&quot;y)&quot;] &amp;&amp; 1 &lt; 2)"/>`, `x["y)"] && 1 < 2`},
		{`<a b="@(x["&quot;"])"/>`, `x["&quot;"]`},
		{`<a b="@(x["&amp;"])"/>`, `x["&"]`},
	} {
		d := parsed(t, c.raw, Raw)
		v, _ := d.Root.Attr("b")
		if v.Expr == nil || v.Expr.Code != c.code {
			t.Errorf("%s holds %+v, want %s", c.raw, v.Expr, c.code)
		}
		if again := parsed(t, d.As(XML), XML); !same(again.Root, d.Root) {
			t.Errorf("%s as xml is %s", c.raw, d.As(XML))
		}
	}
}

func TestTree(t *testing.T) {
	d := parsed(t, "<policies>\r\n\t<inbound>\n\t\t<base />\n\t\t<set-header name=\"X-😀\" exists-action='@(\"x\")'>\n\t\t\t<value>a &amp; {{b.c}}</value>\n\t\t</set-header>\n"+
		"<set-body><soap:Envelope xmlns:soap=\"urn:x\"><!-- c --></soap:Envelope></set-body>\t</inbound>\n</policies>", Raw)
	in := d.Section("inbound")
	if in == nil || len(in.Policies) != 3 || d.Section("outbound") != nil {
		t.Fatalf("sections: %+v", d.Sections)
	}
	header := in.Policies[1]
	action, _ := header.Attr("exists-action")
	value := header.Children[0]
	for _, c := range []struct {
		what       string
		pos        Pos
		line, char int
	}{{"inbound", in.Element.Pos, 2, 3}, {"set-header", header.Pos, 4, 4}, {"attribute", header.Attrs[1].Pos, 4, 27}, {"expression", action.Expr.Pos, 4, 42}, {"named value", value.Text.Names[0].Pos, 5, 19}} {
		if c.pos.Line != c.line || c.pos.Column != c.char {
			t.Errorf("%s stands at %v, want line %d, column %d", c.what, c.pos, c.line, c.char)
		}
	}
	if value.Text.Text != "a & {{b.c}}" || value.Text.Names[0].Name != "b.c" || value.Text.Literal() || action.Expr.Code != `"x"` || action.Expr.Block {
		t.Errorf("values: %+v, %+v", value.Text, action)
	}
	if body := in.Policies[2]; body.Inner != `<soap:Envelope xmlns:soap="urn:x"><!-- c --></soap:Envelope>` {
		t.Errorf("inner: %s", body.Inner)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		f    Format
		want string
	}{
		{"", XML, "Root element is missing. Line 1, position 1."},
		{"x<policies/>", XML, "Data at the root level is invalid. Line 1, position 1."},
		{"<policies/>\n @(1)", Raw, "Data at the root level is invalid. Line 2, position 2."},
		{"<policies/><policies/>", XML, "There are multiple root elements. Line 1, position 12."},
		{"<policies>\n  <inbound>\n</policies>", XML, "The 'inbound' start tag on line 2 position 4 does not match the end tag of 'policies'. Line 3, position 3."},
		{"<policies><inbound>", XML, "Unexpected end of file has occurred. The following elements are not closed: inbound, policies. Line 1, position 20."},
		{`<a b="@(1 < 2)"/>`, XML, "'<', hexadecimal value 0x3C, is an invalid attribute character. Line 1, position 11."},
		{`<a b="@(x["y"])"/>`, XML, "The expression that starts here does not end: a bracket, a text or a comment in it is not closed. Line 1, position 7."},
		{`<a b="x"y"/>`, XML, "'y' is an unexpected token. Expecting white space. Line 1, position 9."},
		{`<a b=1/>`, XML, `'1' is an unexpected token. The expected token is '"' or '''. Line 1, position 6.`},
		{`<a b="1" b="2"/>`, XML, "'b' is a duplicate attribute name. Line 1, position 10."},
		{`<a>x & y</a>`, XML, "An error occurred while parsing EntityName. Write a single '&' as '&amp;'. Line 1, position 7."},
		{`<a>&nbsp;</a>`, XML, "Reference to undeclared entity 'nbsp'. Line 1, position 5."},
		{`<!DOCTYPE a><a/>`, XML, "A document type declaration is not permitted. Line 1, position 1."},
		{`<a b="@(1 < (2)"/>`, Raw, "The expression that starts here does not end: a bracket, a text or a comment in it is not closed. Line 1, position 7."},
		{`<a b="@(1 + (2)"/>`, Raw, "The expression that starts here does not end: a bracket, a text or a comment in it is not closed. Line 1, position 7."},
		{`<a>@{ return "; }</a>`, Raw, "The expression that starts here does not end: a bracket, a text or a comment in it is not closed. Line 1, position 4."},
		{"<a>\x01</a>", XML, "'.', hexadecimal value 0x01, is an invalid character. Line 1, position 4."},
		{"<a><!-- a -- b --></a>", XML, "An XML comment cannot contain '--', and '-' cannot be the last character. Line 1, position 11."},
		{strings.Repeat("<a>", 101), XML, "Elements nest more than 100 levels deep. Line 1, position 304."},
	} {
		_, err := Parse(c.text, c.f)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

// same reports whether two trees hold the same, whatever they were written as.
func same(a, b *Element) bool {
	if a.Name != b.Name || len(a.Attrs) != len(b.Attrs) || len(a.Children) != len(b.Children) || !sameValue(a.Text, b.Text) {
		return false
	}
	for i := range a.Attrs {
		if a.Attrs[i].Name != b.Attrs[i].Name || !sameValue(a.Attrs[i].Value, b.Attrs[i].Value) {
			return false
		}
	}
	return slices.EqualFunc(a.Children, b.Children, same)
}

func sameValue(a, b Value) bool {
	if (a.Expr == nil) != (b.Expr == nil) || a.Text != b.Text {
		return false
	}
	return a.Expr == nil || a.Expr.Code == b.Expr.Code && a.Expr.Block == b.Expr.Block
}

// wellFormed asks Go's reader of XML, which lets a few things pass that ours does not.
func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// agree is what holds for every text: each form parses to the same tree as the other,
// and what is accepted as XML is XML.
func agree(t *testing.T, text string, f Format) {
	d, err := Parse(text, f)
	if err != nil {
		return
	}
	if d.As(f) != d.Text() {
		t.Fatalf("%q is not kept", text)
	}
	other := XML + Raw - f
	again, err := Parse(d.As(other), other)
	if err != nil {
		t.Fatalf("%q as %v is %q: %v", text, other, d.As(other), err)
	}
	if !same(d.Root, again.Root) {
		t.Fatalf("%q as %v is %q, another tree", text, other, d.As(other))
	}
	back := parsed(t, again.As(f), f)
	if !same(d.Root, back.Root) {
		t.Fatalf("%q as %v is %q, and back %q", text, other, d.As(other), again.As(f))
	}
	ascii := !strings.ContainsFunc(text, func(r rune) bool { return r > '~' })
	if err := wellFormed(d.As(XML)); err != nil && ascii && !strings.Contains(text, ":") && !strings.Contains(text, "<?") {
		t.Fatalf("%q is no XML: %v", d.As(XML), err)
	}
	Check(d, API, Env{Exists: func(Reference) (bool, error) { return false, nil }})
}

// expressionCases are the cases of package expr as they stand in documents.
func expressionCases(t testing.TB) (list []string) {
	files, err := filepath.Glob("expr/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases: ", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			switch line = strings.TrimSpace(line); {
			case line == "", strings.HasPrefix(line, "=> "), line[0] == '#':
			case line[0] == '{':
				list = append(list, "@"+line)
			default:
				list = append(list, "@("+line+")")
			}
		}
	}
	return list
}

func FuzzDocument(f *testing.F) {
	for _, c := range forms {
		f.Add(c.raw, true)
		f.Add(c.xml, false)
	}
	for _, seed := range []string{
		`<policies><inbound><a b="@(x["y"] < 1)" c='@('"')'>@{ /* } */ return "}"; }</a></inbound></policies>`,
		`<policies><inbound><a b="@(1) &amp; @(2)">@(a)@(b)</a><!-- @( --><![CDATA[@(]]></inbound></policies>`,
		`<policies><backend>@($"{a:"b"}")</backend></policies>`, `<policies>@(`, `<policies a="@(">`, `<?xml version="1.0"?><policies/>`,
		`<a b="@(x &quot;) y" c="&quot;)"/>`, `<a b="@(&quot;it's) x&quot;) junk" c="')"/>`, `<a b="&#64;(1"/>`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	for _, code := range expressionCases(f) {
		f.Add(`<policies><inbound><a b="`+code+`">`+code+`</a></inbound></policies>`, true)
	}
	f.Fuzz(func(t *testing.T, text string, raw bool) {
		if raw {
			agree(t, text, Raw)
		} else {
			agree(t, text, XML)
		}
	})
}

// Documents put together of the pieces that matter find more than random bytes.
func TestRandomDocuments(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	pieces := []string{"@(", "@{", ")", "}", "(", "{", "[", "]", `"`, "'", `\"`, "$\"", "@\"", "//", "/*", "*/", "\n", "&quot;", "&apos;", "&amp;", "&lt;", "&#64;", "&", "<", ">", "x", " ", ";", "{{n}}", "<!-- c -->", "<![CDATA[", "]]>", "amp;", "<b/>"}
	accepted := 0
	for range 60000 {
		some := func() string {
			var b strings.Builder
			for range r.IntN(9) {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			return b.String()
		}
		text := `<a b="` + some() + `" c='` + some() + `'>` + some() + "</a>"
		if r.IntN(2) == 0 {
			text = `<a b="@(` + some() + `)">@{` + some() + "}</a>"
		}
		for _, f := range []Format{XML, Raw} {
			if _, err := Parse(text, f); err == nil {
				accepted++
			}
			agree(t, text, f)
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d documents were accepted: the pieces do not fit", accepted)
	}
}
