package apim

import "testing"

func TestForms(t *testing.T) {
	for _, c := range []struct{ raw, xml string }{
		{`<policies><inbound><a b="@(x["y"] < 1)" /></inbound></policies>`, `<policies><inbound><a b="@(x[&quot;y&quot;] &lt; 1)" /></inbound></policies>`},
		{`<policies><inbound><a b='@(x == 'c' && "d" != null)' /></inbound></policies>`, `<policies><inbound><a b='@(x == &apos;c&apos; &amp;&amp; &quot;d&quot; != null)' /></inbound></policies>`},
		{`<policies><inbound><a b=" @{ return $@"<{x["}"]}>"""; } ">@(1<2)</a></inbound></policies>`, `<policies><inbound><a b=" @{ return $@&quot;&lt;{x[&quot;}&quot;]}&gt;&quot;&quot;&quot;; } ">@(1&lt;2)</a></inbound></policies>`},
		{`<policies><inbound><a b="@(1) or &lt;@(2)" c="x@(y)">text @(z)</a></inbound></policies>`, `<policies><inbound><a b="@(1) or &lt;@(2)" c="x@(y)">text @(z)</a></inbound></policies>`},
		{`<policies><!-- @(1 < 2) "<a b=" --><inbound><![CDATA[@(1 < 2)]]></inbound></policies>`, `<policies><!-- @(1 < 2) "<a b=" --><inbound><![CDATA[@(1 < 2)]]></inbound></policies>`},
	} {
		masked, err := maskExpressions(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		if err := checkDocument(masked); err != nil || len(masked) != len(c.raw) {
			t.Errorf("%s as %s: %v", c.raw, masked, err)
		}
		if got := escapeExpressions(c.raw); got != c.xml {
			t.Errorf("escaped\n%s is\n%s, want\n%s", c.raw, got, c.xml)
		}
		if got := unescapeExpressions(c.xml); got != c.raw {
			t.Errorf("unescaped\n%s is\n%s, want\n%s", c.xml, got, c.raw)
		}
	}
}

// Whatever is accepted as rawxml is well-formed in the xml form, and comes back as it was.
func FuzzForms(f *testing.F) {
	for _, seed := range []string{
		`<policies><inbound><a b="@(x["y"] < 1)" c='@('"')'>@{ /* } */ return "}"; }</a></inbound></policies>`,
		`<policies><inbound><a b="@(1) &amp; @(2)">@(a)@(b)</a><!-- @( --><![CDATA[@(]]></inbound></policies>`,
		`<policies><backend>@($"{a:"b"}")</backend></policies>`, `<policies>@(`, `<policies a="@(">`, `<?xml version="1.0"?><policies/>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		masked, err := maskExpressions(raw)
		if err != nil || checkDocument(masked) != nil {
			unescapeExpressions(raw) // only must not crash
			return
		}
		xml := escapeExpressions(raw)
		if err := checkDocument(xml); err != nil {
			t.Fatalf("%q is accepted, its xml form %q is not: %v", raw, xml, err)
		}
		if back := escapeExpressions(unescapeExpressions(xml)); back != xml {
			t.Fatalf("%q becomes %q and then %q", raw, xml, back)
		}
	})
}
