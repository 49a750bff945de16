package xlinq_test

import (
	"errors"
	"math/rand"
	"strings"
	"testing"

	"gatehouse/dotnet"
	"gatehouse/dotnet/xlinq"
)

func message(err error) string {
	var x *dotnet.Exception
	if errors.As(err, &x) {
		return x.Message
	}
	return err.Error()
}

func TestReadAndPrint(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`<a/>`, `<a />`}, {`<a></a>`, `<a></a>`}, {"<a>\n <b/> </a>", "<a>\n  <b />\n</a>"},
		{`<a>x<b><c/></b></a>`, `<a>x<b><c /></b></a>`},
		{`<a><b/>x<c/></a>`, "<a>\n  <b />x<c /></a>"},
		{`<?xml version="1.0" encoding="utf-8"?><!--c--><a/>`, "<!--c-->\n<a />"},
		{`<a b='1' c="&quot;&lt;&#xA;&apos;"/>`, `<a b="1" c="&quot;&lt;&#xA;'" />`},
		{`<a>&lt;&amp;&#65;&#x42;<![CDATA[<x>]]></a>`, `<a>&lt;&amp;AB<![CDATA[<x>]]></a>`},
		{`<s:Envelope xmlns:s="urn:s" xmlns="urn:d"><s:Body s:x="1"><v/></s:Body></s:Envelope>`,
			"<s:Envelope xmlns:s=\"urn:s\" xmlns=\"urn:d\">\n  <s:Body s:x=\"1\">\n    <v />\n  </s:Body>\n</s:Envelope>"},
		{`<a xml:space="preserve"> <b/> </a>`, `<a xml:space="preserve"> <b /> </a>`},
		{`<?p d?><a><?q?></a>`, "<?p d?>\n<a>\n  <?q?>\n</a>"},
		{`<!DOCTYPE html><html/>`, "<!DOCTYPE html >\n<html />"},
		{`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, `For security reasons DTD is prohibited in this XML document. Line 1, position 3.`},
		{``, `Root element is missing.`},
		{`x`, `Data at the root level is invalid. Line 1, position 1.`},
		{`<a>`, `Unexpected end of file has occurred. The following elements are not closed: a. Line 1, position 4.`},
		{`<a><b></a>`, `The 'b' start tag on line 1 position 5 does not match the end tag of 'a'. Line 1, position 9.`},
		{`<a/><b/>`, `There are multiple root elements. Line 1, position 6.`},
		{`<p:a/>`, `'p' is an undeclared prefix. Line 1, position 2.`},
		{`<a>&foo;</a>`, `Reference to undeclared entity 'foo'. Line 1, position 5.`},
		{`<a>a & b</a>`, `An error occurred while parsing EntityName. Line 1, position 7.`},
		{`<a b="1" b="2"/>`, `'b' is a duplicate attribute name. Line 1, position 10.`},
		{"<a>\n<1/></a>", `Name cannot begin with the '1' character, hexadecimal value 0x31. Line 2, position 2.`},
		{"<a>\x01</a>", "'\x01', hexadecimal value 0x01, is an invalid character. Line 1, position 4."},
		{strings.Repeat("<a>", 257), `Elements are nested more than 256 deep. Line 1, position 770.`},
	} {
		got := ""
		if d, err := xlinq.ParseDocument(c.in, false, nil); err != nil {
			got = message(err)
		} else if got, err = d.Print(xlinq.Format{}, nil); err != nil {
			t.Error(err)
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func element(t *testing.T, name string, content ...*xlinq.Node) *xlinq.Node {
	t.Helper()
	n, err := xlinq.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	e := xlinq.NewElement(n)
	for _, c := range content {
		if err := e.Add(nil, c); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func attribute(t *testing.T, name, value string) *xlinq.Node {
	t.Helper()
	n, err := xlinq.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	a, err := xlinq.NewAttribute(n, value)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestPrefixes checks the declarations that XmlWriter adds for names whose namespace has no prefix.
func TestPrefixes(t *testing.T) {
	for _, c := range []struct {
		tree *xlinq.Node
		want string
	}{
		{element(t, "{urn:a}a", element(t, "{urn:a}b")), "<a xmlns=\"urn:a\">\n  <b />\n</a>"},
		{element(t, "{urn:a}a", element(t, "b")), "<a xmlns=\"urn:a\">\n  <b xmlns=\"\" />\n</a>"},
		{element(t, "{urn:a}a", attribute(t, "x", "1")), `<a x="1" xmlns="urn:a" />`},
		{element(t, "a", attribute(t, "{urn:a}x", "1")), `<a p1:x="1" xmlns:p1="urn:a" />`},
		{element(t, "{urn:a}a", attribute(t, "{"+xlinq.XMLNSNamespace+"}n", "urn:a")), `<n:a xmlns:n="urn:a" />`},
		{element(t, "a", attribute(t, "{"+xlinq.XMLNamespace+"}lang", "en")), `<a xml:lang="en" />`},
	} {
		if got, err := c.tree.Print(xlinq.Format{}, nil); err != nil || got != c.want {
			t.Errorf("got %s, %v\nwant %s", got, err, c.want)
		}
	}
	parent := element(t, "a", attribute(t, "{"+xlinq.XMLNSNamespace+"}n", "urn:a"), element(t, "{urn:a}b"))
	if got, _ := parent.Items()[0].Print(xlinq.Format{}, nil); got != `<n:b xmlns:n="urn:a" />` {
		t.Errorf("an element within another prints as %s", got)
	}
}

func TestAdd(t *testing.T) {
	e := element(t, "a")
	_ = e.AddText(nil, "x")
	_ = e.AddText(nil, "y")
	if len(e.Items()) != 1 {
		t.Error("texts do not join")
	}
	other := element(t, "b", e)
	if err := element(t, "c").Add(nil, e); err != nil || e.Parent() != other {
		t.Error("a node with a parent is not copied")
	}
	d := xlinq.NewDocument()
	_ = d.Add(nil, e)
	for want, child := range map[string]*xlinq.Node{
		"This operation would create an incorrectly structured document.": e,
		"Non-whitespace characters cannot be added to content.":           xlinq.NewText(xlinq.Text, "x"),
		"An attribute cannot be added to content.":                        attribute(t, "x", "1"),
		"A node of type CDATA cannot be added to content.":                xlinq.NewText(xlinq.CDATA, "x"),
	} {
		if err := d.Add(nil, child); err == nil || message(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestBudget(t *testing.T) {
	over := errors.New("over")
	left := 1 << 20
	spend := func(n int) error {
		if left -= n; left < 0 {
			return over
		}
		return nil
	}
	if _, err := xlinq.ParseDocument("<a>"+strings.Repeat("<b/>", 1<<16)+"</a>", false, spend); !errors.Is(err, over) {
		t.Errorf("reading: %v", err)
	}
	var err error
	for e := element(t, "a"); err == nil; {
		err = e.Add(spend, e)
	}
	if !errors.Is(err, over) {
		t.Errorf("adding to itself: %v", err)
	}
}

func random(r *rand.Rand, depth int) *xlinq.Node {
	names := []xlinq.Name{{Local: "a"}, {Local: "b"}, {Space: "urn:1", Local: "a"}, {Space: "urn:2", Local: "c"}}
	e := xlinq.NewElement(names[r.Intn(len(names))])
	for range r.Intn(3) {
		a, _ := xlinq.NewAttribute(names[r.Intn(len(names))], "v<\"\n\t&'")
		_ = e.Add(nil, a)
	}
	if r.Intn(3) == 0 {
		a, _ := xlinq.NewAttribute(xlinq.Name{Space: xlinq.XMLNSNamespace, Local: "n"}, "urn:1")
		_ = e.Add(nil, a)
	}
	for range r.Intn(4) {
		switch kind := r.Intn(6); {
		case kind < 3 && depth > 0:
			_ = e.Add(nil, random(r, depth-1))
		case kind == 3:
			_ = e.AddText(nil, "x & <y> ]]>é😀")
		case kind == 4:
			_ = e.Add(nil, xlinq.NewText(xlinq.CDATA, "x <y>"))
		case kind == 5:
			_ = e.Add(nil, xlinq.NewText(xlinq.Comment, "c"))
		}
	}
	return e
}

// TestRoundTrip prints random trees and reads them again. Declarations that printing adds are attributes of what is read,
// so printing once more has to give the same text.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 3000 {
		tree := random(r, 4)
		for _, compact := range []bool{false, true} {
			once, err := tree.Print(xlinq.Format{Compact: compact}, nil)
			if err != nil {
				t.Fatal(err)
			}
			again, err := xlinq.ParseElement(once, false, nil)
			if err != nil {
				t.Fatalf("%s: %s", once, message(err))
			}
			if twice, _ := again.Print(xlinq.Format{Compact: compact}, nil); !sameTree(tree, again) {
				t.Fatalf("%s\nthen\n%s", once, twice)
			}
		}
	}
}

// sameTree compares what a tree means: names, values and texts, without declarations of namespaces.
func sameTree(a, b *xlinq.Node) bool {
	strip := func(e *xlinq.Node) {
		e.Descendants(true, func(n *xlinq.Node) bool {
			for _, at := range append([]*xlinq.Node(nil), n.Attributes()...) {
				if at.IsDeclaration() {
					_ = at.Remove()
				}
			}
			return true
		})
	}
	a, _ = a.Clone(nil)
	strip(a)
	strip(b)
	return xlinq.Equal(a, b)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`<a b="1"><c/>x<![CDATA[y]]></a>`, `<p:a xmlns:p="u" p:b="1"/>`, `<!DOCTYPE a SYSTEM "x"><a>&#65;</a>`, `<?xml version="1.0"?><a><!--x--><?y z?></a>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		d, err := xlinq.ParseDocument(in, false, nil)
		if err != nil {
			return
		}
		once, err := d.Print(xlinq.Format{Compact: true}, nil)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		again, err := xlinq.ParseDocument(once, false, nil)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", in, once, err)
		}
		if twice, _ := again.Print(xlinq.Format{Compact: true}, nil); twice != once {
			t.Fatalf("%q prints as %q, then as %q", in, once, twice)
		}
	})
}
