package xslt

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const open = `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">`

func sheet(body string) string {
	if strings.HasPrefix(body, "<xsl:stylesheet") || !strings.HasPrefix(body, "<xsl:") {
		return body
	}
	return open + body + "</xsl:stylesheet>"
}

const orders = `<orders xmlns:x="urn:x"><!-- c --><order id="2" x:k="v"><item>pen</item><item>ink</item><total>10.5</total></order><order id="10"><item>Cap</item><total>3</total></order><?go on?></orders>`

// TestTransform: stylesheets, and what they make of the orders. Text output leaves the rest of XML out.
func TestTransform(t *testing.T) {
	plain := `<xsl:output omit-xml-declaration="yes"/>`
	text := `<xsl:output method="text"/>`
	root := func(body string) string { return text + `<xsl:template match="/">` + body + `</xsl:template>` }
	value := func(x string) string { return root(`<xsl:value-of select="` + x + `"/>`) }
	for _, c := range []struct{ sheet, want string }{
		{value("count(//item)"), "3"}, {value("/orders/order[2]/item"), "Cap"}, {value("//order[@id=10]/total + 1"), "4"}, {value("sum(//total)"), "13.5"}, {value("//order[last()]/@id"), "10"},
		{value("string-length(normalize-space('  a  b '))"), "3"}, {value("substring('12345', 1.5, 2.6)"), "234"}, {value("substring('12345', 0, 3)"), "12"}, {value("substring('12345', 2)"), "2345"}, {value("substring-after('a=b','=')"), "b"},
		{value("translate('bar','abc','AB')"), "BAr"}, {value("concat('a', 1 div 3 &gt; 0, -0)"), "atrue0"}, {value("1 div 0"), "Infinity"}, {value("0 div 0"), "NaN"}, {value("5 mod -2"), "1"}, {value("round(-2.5)"), "-2"}, {value("not(//none)"), "true"},
		{value("//item != 'pen'"), "true"}, {value("//item = //item[2]"), "true"}, {value("boolean(//order[item='ink' and not(item='Cap')])"), "true"}, {value("local-name(//@*[namespace-uri()='urn:x'])"), "k"}, {value("name(//processing-instruction())"), "go"},
		{value("count(//item[1]/following::item)"), "2"}, {value("name(//total[1]/preceding-sibling::*[1])"), "item"}, {value("count(//total/ancestor-or-self::*)"), "5"}, {value("(//item)[3]"), "Cap"}, {value("count(//order[1]/item | //item)"), "3"},
		{value("count(//comment())"), "1"}, {value("id('x')"), ""}, {value("generate-id(//item[1]) = generate-id((//item)[1])"), "true"}, {value("format-number(1234567.891, '#,##0.00')"), "1,234,567.89"}, {value("format-number(0.256, '0.0%')"), "25.6%"},
		{value("format-number(-3, '0;(0)')"), "(3)"}, {value("format-number(5, '000')"), "005"}, {value("string(//none)"), ""}, {value("starts-with('abc','ab') and contains('abc','c')"), "true"}, {value("'&lt;' = '&lt;' or unknown"), "true"}, {value("2 * 3 - 4 div 2"), "4"},
		{value("//order[position() mod 2 = 0]/@id"), "10"}, {value("count(/descendant-or-self::node())"), "16"}, {value("number('12x')"), "NaN"}, {value("system-property('xsl:version')"), "1"}, {value("function-available('document')"), "false"},
		{root(`<xsl:for-each select="//order"><xsl:sort select="total" data-type="number"/><xsl:value-of select="concat(@id,position(),last(),';')"/></xsl:for-each>`), "1012;222;"},
		{root(`<xsl:for-each select="//item"><xsl:sort order="descending"/><xsl:value-of select="."/>,</xsl:for-each>`), "pen,ink,Cap,"},
		{root(`<xsl:choose><xsl:when test="//order[@id=3]">three</xsl:when><xsl:otherwise><xsl:if test="//order">some</xsl:if></xsl:otherwise></xsl:choose>`), "some"},
		{root(`<xsl:variable name="v" select="//item"/><xsl:variable name="f"><a>1</a><a>2</a></xsl:variable><xsl:value-of select="concat(count($v),$f)"/>`), "312"},
		{text + `<xsl:param name="who">nobody</xsl:param><xsl:param name="n" select="1"/><xsl:template match="/"><xsl:value-of select="concat($who,$n)"/></xsl:template>`, "ada1"},
		{text + `<xsl:template match="/"><xsl:call-template name="t"><xsl:with-param name="p" select="5"/></xsl:call-template></xsl:template><xsl:template name="t"><xsl:param name="p"/><xsl:param name="q">d</xsl:param><xsl:if test="$p"><xsl:value-of select="concat($p,$q)"/><xsl:call-template name="t"><xsl:with-param name="p" select="$p - 1"/></xsl:call-template></xsl:if></xsl:template>`, "5d4d3d2d1d"},
		{text + `<xsl:template match="order"><xsl:apply-templates select="item" mode="m"/></xsl:template><xsl:template match="item" mode="m">[<xsl:value-of select="."/>]</xsl:template><xsl:template match="item">never</xsl:template>`, "[pen][ink][Cap]"},
		{text + `<xsl:template match="*">any<xsl:apply-templates select="*"/></xsl:template><xsl:template match="item">item</xsl:template><xsl:template match="order[2]/item">second</xsl:template><xsl:template match="total" priority="-1">low</xsl:template><xsl:template match="orders//total">deep</xsl:template>`, "anyanyitemitemdeepanyseconddeep"},
		{text + `<xsl:template match="item[position()=2]">two</xsl:template><xsl:template match="item|total"/><xsl:template match="@*"/>`, "two"},
		{text + `<xsl:key name="by" match="order" use="item"/><xsl:template match="/"><xsl:value-of select="key('by','ink')/@id"/><xsl:value-of select="count(key('by',//item))"/></xsl:template>`, "22"},
		{root(`<xsl:for-each select="//item"><xsl:number level="any" format="(a) "/></xsl:for-each><xsl:for-each select="//item"><xsl:number level="multiple" count="order|item" format="1.i "/></xsl:for-each><xsl:number value="1999" format="I"/>`), "(a) (b) (c) 1.i 1.ii 2.i MCMXCIX"},
		{text + `<xsl:decimal-format name="de" decimal-separator="," grouping-separator="."/><xsl:template match="/"><xsl:value-of select="format-number(1234.5,'#.##0,00','de')"/></xsl:template>`, "1.234,50"},
		{text + `<xsl:template match="/">{<xsl:value-of select="current()/orders/order[@id = (current()//total)[2] + 7]/@id"/>}</xsl:template>`, "{10}"},
		// Elements.
		{plain + `<xsl:template match="node()|@*"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>`, orders},
		{plain + `<xsl:template match="/"><r a="{//order/@id}-{{}}"><xsl:copy-of select="//order[2]/item"/>&lt;&amp;</r></xsl:template>`, `<r a="2-{}"><item xmlns:x="urn:x">Cap</item>&lt;&amp;</r>`},
		{plain + `<xsl:template match="/"><xsl:element name="p:e" namespace="urn:p"><xsl:attribute name="a">"&lt;</xsl:attribute><xsl:attribute name="q:b" namespace="urn:q">2</xsl:attribute><xsl:comment>a--b-</xsl:comment><xsl:processing-instruction name="t">x?&gt;</xsl:processing-instruction></xsl:element></xsl:template>`, `<p:e xmlns:p="urn:p" xmlns:q="urn:q" a="&quot;&lt;" q:b="2"><!--a- -b- --><?t x? >?></p:e>`},
		{plain + `<xsl:attribute-set name="s"><xsl:attribute name="a">1</xsl:attribute><xsl:attribute name="b">1</xsl:attribute></xsl:attribute-set><xsl:template match="/"><r xsl:use-attribute-sets="s" b="2"/></xsl:template>`, `<r a="1" b="2" />`},
		{plain + `<xsl:template match="/"><r xmlns="urn:d"><xsl:element name="s" namespace=""/><t/></r></xsl:template>`, `<r xmlns="urn:d"><s xmlns="" /><t /></r>`},
		{open + `<xsl:output omit-xml-declaration="yes" indent="yes"/><xsl:template match="/"><a><b>t</b><c/></a></xsl:template></xsl:stylesheet>`, "<a>\n  <b>t</b>\n  <c />\n</a>"},
		{`<xsl:output standalone="yes"/><xsl:template match="/"><a/></xsl:template>`, `<?xml version="1.0" encoding="utf-8" standalone="yes"?><a />`},
		{`<xsl:template match="/"><html><br/><script>a&lt;b</script><p class="a&lt;b">&lt;</p></html></xsl:template><xsl:output indent="no"/>`, `<html><br><script>a<b</script><p class="a<b">&lt;</p></html>`},
		{plain + `<xsl:output cdata-section-elements="c" doctype-system="d"/><xsl:template match="/"><c>&lt;]]&gt;</c></xsl:template>`, "<!DOCTYPE c SYSTEM \"d\">\n<c><![CDATA[<]]]]><![CDATA[>]]></c>"},
		{plain + `<xsl:template match="/"><a><xsl:value-of select="'&lt;b/&gt;'" disable-output-escaping="yes"/></a></xsl:template>`, `<a><b/></a>`},
		{open[:len(open)-1] + ` xmlns:o="urn:o" exclude-result-prefixes="o">` + plain + `<xsl:namespace-alias stylesheet-prefix="o" result-prefix="xsl"/><xsl:template match="/"><o:text/><p/></xsl:template></xsl:stylesheet>`, `<o:text xmlns:o="http://www.w3.org/1999/XSL/Transform" /><p />`},
		{`<out xsl:version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:value-of select="//total"/></out>`, `<?xml version="1.0" encoding="utf-8"?><out>10.5</out>`},
	} {
		s, err := Compile(sheet(c.sheet))
		if err != nil {
			t.Errorf("%v: %s", err, c.sheet)
			continue
		}
		got, err := s.Transform(orders, map[string]string{"who": "ada", "unknown": "x"})
		if err != nil || got != c.want {
			t.Errorf("%s\ngot  %q %v\nwant %q", c.sheet, got, err, c.want)
		}
	}
}

func TestStrip(t *testing.T) {
	document := "<a> <b> </b> <c xml:space=\"preserve\"> </c></a>"
	for rules, want := range map[string]string{
		"":                                document,
		`<xsl:strip-space elements="*"/>`: `<a><b /><c xml:space="preserve"> </c></a>`,
		`<xsl:strip-space elements="*"/><xsl:preserve-space elements="b"/>`: `<a><b> </b><c xml:space="preserve"> </c></a>`,
	} {
		s, err := Compile(open + `<xsl:output omit-xml-declaration="yes"/>` + rules + `<xsl:template match="/"><xsl:copy-of select="."/></xsl:template></xsl:stylesheet>`)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Transform(document, nil); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", rules, got, err, want)
		}
	}
}

// TestRefused: what reaches outside, what does not exist, and what is no stylesheet.
func TestRefused(t *testing.T) {
	for _, body := range []string{`<xsl:import href="file:///etc/passwd"/>`, `<xsl:include href="x"/>`, `<xsl:template match="/"><xsl:copy-of select="document('x')"/></xsl:template>`, `<xsl:template match="/"><xsl:value-of select="unknown()"/></xsl:template>`,
		`<xsl:template match="/"><xsl:apply-imports/></xsl:template>`, `<xsl:template/>`, `<xsl:template match="a["/>`, `<xsl:template match="ancestor::a"/>`, `<xsl:template match="/"><xsl:if/></xsl:template>`, `<xsl:value-of select="1"/>`, `<xsl:template match="/"><a b="{"/></xsl:template>`,
		`<xsl:output method="x:y"/>`, `<m:script xmlns:m="urn:schemas-microsoft-com:xslt" language="C#"/>`, `<xsl:template match="/"><xsl:value-of select="m:f()" xmlns:m="urn:m"/></xsl:template>`, `<xsl:template match="/" xmlns:e="urn:e" xsl:extension-element-prefixes="e"><e:go/></xsl:template>`,
		`<xsl:template name="a"/><xsl:template name="a"/>`, `<xsl:template match="/"><xsl:value-of select="` + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500) + `"/></xsl:template>`, `<xsl:template match="/"><xsl:value-of select="1 +"/></xsl:template>`} {
		if _, err := Compile(open + body + "</xsl:stylesheet>"); err == nil {
			t.Errorf("compiles: %.200s", body)
		}
	}
	for _, text := range []string{"", "<a", "<a/>", `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a/>`, "<!-- only -->"} {
		if _, err := Compile(text); err == nil {
			t.Errorf("compiles: %s", text)
		}
	}
}

// TestFails: runs that end with an error, soon.
func TestFails(t *testing.T) {
	many := "<r>" + strings.Repeat("<a/>", 3000) + "</r>"
	for _, c := range []struct {
		body, document string
		want           error
	}{
		{`<xsl:template match="/"><xsl:call-template name="t"/></xsl:template><xsl:template name="t"><xsl:call-template name="t"/></xsl:template>`, "<a/>", ErrDepth},
		{`<xsl:template match="*"><xsl:apply-templates select="."/></xsl:template>`, "<a/>", ErrDepth},
		{`<xsl:template match="/"><xsl:for-each select="//a"><xsl:for-each select="//a"><xsl:for-each select="//a">x</xsl:for-each></xsl:for-each></xsl:for-each></xsl:template>`, many, ErrSteps},
		{`<xsl:template match="/"><xsl:value-of select="count(//*[count(//*[count(//*)>0])>0])"/></xsl:template>`, many, ErrSteps},
		{`<xsl:template name="t"><xsl:param name="s"/><xsl:call-template name="t"><xsl:with-param name="s" select="concat($s,$s)"/></xsl:call-template></xsl:template><xsl:template match="/"><xsl:call-template name="t"><xsl:with-param name="s" select="'0123456789abcdef'"/></xsl:call-template></xsl:template>`, "<a/>", ErrSize},
		{`<xsl:template match="/"><xsl:message terminate="yes">stop</xsl:message></xsl:template>`, "<a/>", nil}, {`<xsl:template match="/"><xsl:value-of select="$none"/></xsl:template>`, "<a/>", nil}, {`<xsl:variable name="a" select="$b"/><xsl:variable name="b" select="$a"/><xsl:template match="/"><xsl:value-of select="$a"/></xsl:template>`, "<a/>", nil},
		{`<xsl:template match="/"><xsl:element name="{'1 2'}"/></xsl:template>`, "<a/>", nil}, {`<xsl:template match="/"><xsl:for-each select="1"/></xsl:template>`, "<a/>", nil}, {`<xsl:template match="/"><xsl:call-template name="none"/></xsl:template>`, "<a/>", nil}, {`<xsl:template match="/"/>`, "<a>", nil},
		{`<xsl:template match="/"><xsl:value-of select="count(//*[. = 'x'])"/></xsl:template>`, strings.Repeat("<a>", 200) + strings.Repeat("<b>"+strings.Repeat("x", 1000)+"</b>", 2000) + strings.Repeat("</a>", 200), ErrSteps},
	} {
		s, err := Compile(open + c.body + "</xsl:stylesheet>")
		if err != nil {
			t.Errorf("%v: %s", err, c.body)
			continue
		}
		start := time.Now()
		out, err := s.Transform(c.document, nil)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %.50q %v", c.body, out, err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", c.body, took)
		} else if testing.Verbose() {
			t.Log(took, err)
		}
	}
}

// TestLarge: ordinary stylesheets stay within the budget on ordinary documents.
func TestLarge(t *testing.T) {
	var b strings.Builder
	b.WriteString("<r>")
	for i := range 5000 {
		fmt.Fprintf(&b, `<row id="%d"><name>n%d</name><v>%d</v></row>`, i, i%100, i)
	}
	b.WriteString("</r>")
	s, err := Compile(open + `<xsl:key name="k" match="row" use="name"/><xsl:template match="r"><out><xsl:for-each select="row[generate-id() = generate-id(key('k',name)[1])]"><xsl:sort select="name"/><g n="{name}" sum="{sum(key('k',name)/v)}"/></xsl:for-each><xsl:apply-templates/></out></xsl:template><xsl:template match="row[@id &gt; 10]"><big/></xsl:template><xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template></xsl:stylesheet>`)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Transform(b.String(), nil)
	if err != nil || strings.Count(out, "<g ") != 100 || strings.Count(out, "<big />") != 4989 {
		t.Error(err, len(out))
	}
}

func FuzzTransform(f *testing.F) {
	f.Add(open+`<xsl:template match="/"><a><xsl:value-of select="//a[1]"/></a></xsl:template></xsl:stylesheet>`, "<a>1</a>")
	f.Fuzz(func(t *testing.T, text, document string) {
		if s, err := Compile(text); err == nil {
			_, _ = s.Transform(document, nil)
		}
	})
}

func FuzzExpression(f *testing.F) {
	f.Add("//a[position() = last()]/@b | key('a', 1)[2] + -1 div 3")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = parse(text, func(string) (string, bool) { return "urn:x", true })
		_, _ = patterns(text, func(string) (string, bool) { return "urn:x", true })
	})
}
