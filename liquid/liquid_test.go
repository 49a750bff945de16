package liquid_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
	"gatehouse/liquid"
)

const body = `{"name":"Ada","n":5,"price":1.5,"items":[{"id":"a","v":2},{"id":"b","v":1}],"tags":["x","y","x",null],
"when":"2020-01-02T03:04:05Z","empty":"","o":{"k":1,"l":"z"},"t":true,"nul":null}`

func roots(t testing.TB) map[string]any {
	tok, err := newtonsoft.Parse(body, nil)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := xlinq.ParseDocument(`<e:env xmlns:e="u"><e:body id="7"><city>Rome</city><city>Oslo</city></e:body></e:env>`, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"body": liquid.JSON(tok), "xml": liquid.XML(doc, false)}
}

func TestRender(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Hi {{body.name}}!", "Hi Ada!"}, {"{{ body.none.more }}|{{nothing}}", "|"}, {`{{body["name"]}}{{body.items[1].id}}{{body.items[-1].v}}`, "Adab1"},
		{"{{body.t}} {{body.price}} {{body.nul}}{{body.o}}", `true 1.5 {"k":1,"l":"z"}`}, {"{{body.tags}}", "xyx"},
		{"{% if body.n > 4 and body.name == 'Ada' %}yes{% elsif x %}no{% else %}never{% endif %}", "yes"},
		{"{% if body.nul == nil %}1{% endif %}{% if body.empty == empty %}2{% endif %}{% if body.empty %}3{% endif %}{% if body.nul %}4{% endif %}", "123"},
		{"{% unless body.t %}a{% else %}b{% endunless %}", "b"},
		{"{% for i in body.items %}{{forloop.index}}{{i.id}}{% if forloop.last == false %},{% endif %}{% endfor %}", "1a,2b"},
		{"{% for i in (1..5) reversed limit:3 offset:1 %}{{i}}{% endfor %}", "432"}, {"{% for i in none %}x{% else %}empty{% endfor %}", "empty"},
		{"{% for i in (1..9) %}{% if i == 2 %}{% continue %}{% elsif i == 4 %}{% break %}{% endif %}{{i}}{% endfor %}", "13"},
		{"{% for p in body.o %}{{p[0]}}={{p[1]}};{% endfor %}", "k=1;l=z;"},
		{"{% assign a = body.name | Upcase | Append: '!' %}{{a}}{% capture b %}[{{a}}]{% endcapture %}{{b}}", "ADA![ADA!]"},
		{"{% case body.n %}{% when 1, 2 %}low{% when 5 or 6 %}mid{% else %}high{% endcase %}", "mid"},
		{"{% comment %}{{ x }}{% endcomment %}{% raw %}{{ x }}{% endraw %}", "{{ x }}"},
		{"a {%- if true -%} b {%- endif -%} c", "abc"}, {"{% cycle 'a','b' %}{% cycle 'a','b' %}{% cycle 'a','b' %}", "aba"},
		{"{% increment x %}{% increment x %}{% decrement y %}", "01-1"},
		{"{% for i in (1..3) %}{% ifchanged %}{{ body.n }}{% endifchanged %}{% endfor %}", "5"},
		{"{{xml.env.body.id}} {{xml.env.body.city[1]}} {{xml.env.body.city | Size}}", "7 Oslo 2"},
		{"{{ 'x' | upcase }}", "x"}, {"{{ body.tags | Uniq | Compact | Join: ', ' }}", "x, y"}, {"{{ body.items | Sort: 'v' | Map: 'id' | Join }}", "b a"},
		{"{{ 7 | DividedBy: 2 }} {{ 7.0 | DividedBy: 2 }} {{ 7 | Modulo: 4 }} {{ 0.1 | Plus: 0.2 }} {{ 3 | Minus: 5 | Abs }} {{ '1' | Plus: 1 }}", "3 3.5 3 0.3 2 11"},
		{"{{ 1 | DividedBy: 0 }}", "Liquid error: Attempted to divide by zero."}, {"{{ 2.345 | Round: 2 }} {{ 3 | AtLeast: 5 }} {{ 3 | AtMost: 2 }} {{ 2 | Times: 3 }}", "2.34 5 2 6"},
		{"{{ body.when | Date: 'yyyy/MM/dd HH:mm' }} {{ 'x' | Date: 'd' }}", "2020/01/02 03:04 x"}, {"{{ body.when }}", "01/02/2020 03:04:05"},
		{"{{ body.empty | Default: 'd' }}{{ body.n | Default: 'd' }}", "d5"}, {"{{ 'hello big WORLD' | Capitalize }}", "Hello Big WORLD"},
		{"{{ '<a>&\"' | Escape }} {{ '<b>x</b>y' | StripHtml }} {{ 'a b&c' | UrlEncode }} {{ 'a+b%26' | UrlDecode }}", "&lt;a&gt;&amp;&quot; xy a+b%26c a b&"},
		{"{{ 'abcabc' | Replace: 'b', 'X' }} {{ 'abcabc' | ReplaceFirst: 'b', 'X' }} {{ 'abcabc' | Remove: 'b' }} {{ 'abcabc' | RemoveFirst: 'b' }}", "aXcaXc aXcabc acac acabc"},
		{"{{ 'abcdef' | Slice: 1, 3 }} {{ 'abcdef' | Slice: -2 }} {{ 'a long text here' | Truncate: 9 }} {{ 'a b c d' | TruncateWords: 2 }}", "bcd e a long... a b..."},
		{"{{ 'a,b,,c' | Split: ',' | Size }} {{ 'abc' | Size }} {{ body.tags | First }}{{ body.tags.size }}", "3 3 x4"}, {"[{{ ' x ' | Strip }}{{ ' x' | Lstrip }}{{ 'x ' | Rstrip }}]", "[xxx]"},
		{"{{ 1234.5 | Currency: 'en-US' }} {{ 'x' | Prepend: 'y' | Downcase }}", "$1,234.50 yx"},
		{"{% if body.tags contains 'y' %}1{% endif %}{% if body.name contains 'd' %}2{% endif %}{% if body.name startswith 'A' %}3{% endif %}", "123"},
		{"{ {{body.n}} } {a}", "{ 5 } {a}"}, {"{% if a and b or body.t %}1{% endif %}", ""},
	} {
		tpl, err := liquid.Parse(c.in)
		got := ""
		if err == nil {
			got, err = tpl.Render(roots(t), liquid.Limits{})
		}
		if err != nil || got != c.want {
			t.Errorf("%s\n got %q, %v\nwant %q", c.in, got, err, c.want)
		}
	}
}

func TestSyntax(t *testing.T) {
	for in, want := range map[string]string{
		"a\n{% if x %}\nb":         "Liquid template, line 2: tag 'if' is not closed",
		"\n\n{{ a | }":             "Liquid template, line 3: the tag is not closed",
		"{% foo %}":                "Liquid template, line 1: unexpected tag 'foo'",
		"{{ a b }}":                "Liquid template, line 1: unexpected text 'b'",
		"{% for x of y %}":         "Liquid template, line 1: for wants 'item in list'",
		"x\n{% include 'a' %}":     "Liquid template, line 2: tag 'include' is not supported: there are no other templates",
		"{% if a %}\n{% endfor %}": "Liquid template, line 2: unknown tag 'endfor'",
	} {
		if _, err := liquid.Parse(in); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, in := range []string{
		"{% for a in (1..1000000000) %}{% endfor %}",
		"{% for a in (1..10000) %}{% for b in (1..10000) %}{% endfor %}{% endfor %}",
		"{% assign s = 'x' %}{% for a in (1..100) %}{% assign s = s | Append: s %}{% endfor %}",
		"{{ 'x' | Times: 9000000000 }}", "{{ (1..1000000000) | Join }}",
		"{% assign s = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' %}{% for a in (1..900000) %}{{ s }}{% endfor %}",
	} {
		tpl, err := liquid.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tpl.Render(nil, liquid.Limits{}); !errors.Is(err, liquid.ErrLimit) {
			t.Errorf("%s: %v", in, err)
		}
	}
	tpl, _ := liquid.Parse("{% for a in (1..100000) %}{% endfor %}")
	late := errors.New("late")
	if _, err := tpl.Render(nil, liquid.Limits{Check: func() error { return late }}); !errors.Is(err, late) {
		t.Error(err)
	}
	if _, err := liquid.Parse(strings.Repeat("{% if a %}", 200)); err == nil {
		t.Error("nesting has no bound")
	}
}

// TestCost: what a body makes a template do is bounded, too: asking a large object for what it does not have, searching and
// comparing lists and texts.
func TestCost(t *testing.T) {
	object, list := strings.Builder{}, strings.Builder{}
	for i := range 50_000 {
		fmt.Fprintf(&object, `"k%d":%d,`, i, i)
		fmt.Fprintf(&list, `"%d",`, i)
	}
	text := `{` + object.String() + `"list":[` + list.String() + `"end"],"text":"` + strings.Repeat("x", 1<<20) + `"}`
	token, err := newtonsoft.ParsePlain(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	elements, err := xlinq.ParseDocument("<r>"+strings.Repeat("<i/>", 50_000)+"<f>1</f></r>", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for in, stopped := range map[string]bool{
		"{% for x in body.list %}{{ body.missing }}{% endfor %}":                                       false,
		"{% for x in body.list %}{{ body.size }}{% endfor %}":                                          true,
		"{% for x in body.list %}{% if body.list contains 'nothing' %}{% endif %}{% endfor %}":         true,
		"{% for x in body.list %}{% if body.list == body.list %}{% endif %}{% endfor %}":               true,
		"{% for x in body.list %}{% if body.text contains 'y' %}{% endif %}{% endfor %}":               true,
		"{% for x in body.list %}{% if body.text == body.text %}{% endif %}{% endfor %}":               true,
		"{% for x in body.list %}{% for y in body limit:1 %}{% endfor %}{% endfor %}":                  true,
		"{% for x in xml.r.i %}{{ xml.r.f }}{% endfor %}":                                              true,
		"{% for x in body.list limit:100 %}{% if body.list contains '40000' %}{% endif %}{% endfor %}": true,
		"{% if body.list contains '40000' %}{{ body.size }}{{ body.text | Size }}{% endif %}":          false,
	} {
		tpl, err := liquid.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tpl.Render(map[string]any{"body": liquid.JSON(token), "xml": liquid.XML(elements, false)}, liquid.Limits{})
		if errors.Is(err, liquid.ErrLimit) != stopped || err != nil && !stopped {
			t.Errorf("%s: %v", in, err)
		}
	}
	for _, in := range []string{"{{ " + strings.Repeat("(", 400_000) + " }}", "{{ a" + strings.Repeat("[a", 400_000) + " }}", "{% if " + strings.Repeat("a and ", 100_000) + "a %}{% endif %}"} {
		if _, err := liquid.Parse(in); err == nil {
			t.Errorf("%.20s... is taken", in)
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"{{a.b[0] | Append: 'x'}}", "{% for a in (1..3) %}{{a}}{% endfor %}", "{% if a == 'b' and c %}x{% else %}y{% endif %}", "{%- case a -%}{% when 1 %}{% endcase %}"} {
		f.Add(s)
	}
	r := roots(f)
	f.Fuzz(func(t *testing.T, in string) {
		if tpl, err := liquid.Parse(in); err == nil {
			_, _ = tpl.Render(r, liquid.Limits{Steps: 10000, Output: 1 << 16})
		}
	})
}
