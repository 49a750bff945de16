package expr

import (
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestReads(t *testing.T) {
	code := `var t = ((Jwt)context.Variables["jwt"]).Claims.GetValueOrDefault("roles", "");
		foreach (var n in new[] { "a" }) { t += context.Request.Headers.GetValueOrDefault(n, ""); }
		return t + context.Request.Headers.GetValueOrDefault("X-A", "") + context.User.Email + context.Variables.ContainsKey("v") + context.Response.Headers["X-B"][0];`
	p, faults := Compile(code, true, WantText)
	if faults != nil {
		t.Fatal(faults)
	}
	want := Reads{Variables: []string{"jwt", "v"}, Headers: []string{"X-A", "X-B"}, Claims: []string{"roles"},
		Members: []string{"Variables", "Request", "Request.Headers", "User", "User.Email", "Response", "Response.Headers"}, Computed: true}
	if got := p.Reads(); !reflect.DeepEqual(got, want) {
		t.Errorf("reads %+v, want %+v", got, want)
	}
}

// TestSlots: what an expression gives has to fit its place (policy-expressions.md 4).
func TestSlots(t *testing.T) {
	for _, c := range []struct {
		code string
		want Slot
		says string // "" when it fits
	}{
		{`"a"`, WantText, ""}, {`5`, WantText, ""}, {`context.RequestId`, WantText, ""}, {`context.Variables["x"]`, WantText, ""}, {`null`, WantText, ""},
		{`context.Request`, WantText, "Cannot implicitly convert type 'IRequest' to 'string'"},
		{`new JObject()`, WantText, "Cannot implicitly convert type 'Newtonsoft.Json.Linq.JObject' to 'string'. An explicit conversion exists (are you missing a cast?)"},
		{`true`, WantBool, ""}, {`"true"`, WantBool, "Cannot implicitly convert type 'string' to 'bool'"},
		{`context.Variables["x"]`, WantBool, "Cannot implicitly convert type 'object' to 'bool'. An explicit conversion exists (are you missing a cast?)"},
		{`5`, WantInt, ""}, {`5L`, WantInt, ""}, {`5.5`, WantInt, "Cannot implicitly convert type 'double' to 'int'. An explicit conversion exists (are you missing a cast?)"},
		{`5`, WantFloat, ""}, {`5.5`, WantFloat, ""}, {`"5"`, WantFloat, "Cannot implicitly convert type 'string' to 'double'"},
		{`context.Request.Body.As<byte[]>()`, WantBody, ""}, {`"a"`, WantBody, ""}, {`context.Request.Body.As<byte[]>()`, WantBytes, ""}, {`"a"`, WantBytes, "Cannot implicitly convert type 'string' to 'byte[]'"},
		{`context.Request`, WantAny, ""}, {`context.Trace("a")`, WantAny, "Cannot implicitly convert type 'void' to 'string'"},
	} {
		_, faults := Compile(c.code, false, c.want)
		got := ""
		if faults != nil {
			got = faults[0].Message
		}
		if got != c.says {
			t.Errorf("%s for %d: %q, want %q", c.code, c.want, got, c.says)
		}
	}
}

// TestPlaces: faults have the line and column that an editor shows.
func TestPlaces(t *testing.T) {
	_, faults := Compile("\nvar a = \"😀\"; nope();\n\nreturn zip;", true, WantAny)
	if len(faults) != 2 || faults[0].Line != 2 || faults[0].Column != 15 || faults[1].Line != 4 || faults[1].Column != 8 {
		t.Errorf("faults %v", faults)
	}
}

// TestTooMuch: what is too large to compile is refused, not compiled for ever.
func TestTooMuch(t *testing.T) {
	deep := func(open, inner, closing string, n int) string {
		s := inner
		for range n {
			s = open + s + closing
		}
		return s
	}
	sum := "1"
	for range 1900 {
		sum += "+x"
	}
	for name, code := range map[string]string{
		"parentheses": deep("(", "1", ")", 5000), "signs": deep("-", "1", "", 5000), "blocks": deep("{", "", "}", 5000),
		"lambdas": "return " + deep("new[]{1}.Select(x => ", "1", ").First()", 60) + ";", "generics": deep("List<", "int", ">", 500) + " x;",
		"conditionals": deep("true ? 1 : ", "2", "", 3000),
	} {
		if p, faults := Compile(code, true, WantAny); p != nil || len(faults) == 0 {
			t.Errorf("%s: compiles", name)
		}
	}
	if _, faults := Compile("int x = 1; return "+sum+";", true, WantAny); faults != nil {
		t.Errorf("a long sum: %v", faults)
	}
}

// TestWarnings: object == string compiles, compares texts here, and is worth a word (policy-expressions.md 4).
func TestWarnings(t *testing.T) {
	p, _ := Compile(`context.Variables["x"] == ""`, false, WantBool)
	if w := p.Warnings(); len(w) != 1 || w[0].Column != 24 {
		t.Errorf("warnings %v", w)
	}
	p, _ = Compile(`(string)context.Variables["x"] == "" || context.Variables["x"] == null`, false, WantBool)
	if w := p.Warnings(); len(w) != 0 {
		t.Errorf("warnings %v", w)
	}
}

// TestParallel: programs and tables are shared by all goroutines.
func TestParallel(t *testing.T) {
	list := cases(t)
	for g := range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for i := range list {
				c := list[(i*7+g*13)%len(list)]
				if strings.Contains(c.want, "stops") {
					continue
				}
				if got := outcome(c.code); got != c.want {
					t.Errorf("%s:%d gives %s", c.file, c.line, got)
				}
			}
		})
	}
}

// TestSharedURL: calls share the URL of an API's service, and read its query at the same time.
func TestSharedURL(t *testing.T) {
	p, faults := Compile(`context.Api.ServiceUrl.Query.GetValueOrDefault("a", "") + context.Request.Url.Query["b"][0]`, false, WantText)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	api := world().API
	api.ServiceURL.RawQuery = "a=1&A=2"
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			c := world()
			c.API = api
			if v, err := p.Run(c, &Budget{}); err != nil || v.Str() != "1,2x y" {
				t.Errorf("gives %q, %v", v.Str(), err)
			}
		})
	}
	group.Wait()
}
