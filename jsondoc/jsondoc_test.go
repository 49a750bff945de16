package jsondoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse"
)

func parse(t testing.TB, s string) Value {
	t.Helper()
	v, err := Parse([]byte(s), Options{})
	if err != nil {
		t.Fatalf("Parse(%s): %v", s, err)
	}
	return v
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{` null `, `null`},
		{"\ufeff[]", `[]`},
		{`{ "b" : 1.50 , "a" : [ true , false , { } ] }`, `{"b":1.50,"a":[true,false,{}]}`},
		{`12345678901234567890.000`, `12345678901234567890.000`},
		{`-0`, `-0`},
		{`1E+400`, `1E+400`},
		{`"<a href=\"x\">&\u2028\/"`, "\"<a href=\\\"x\\\">&\u2028/\""},
		{`"\u0000\b\f\n\r\t\u001f"`, `"\u0000\u0008\u000c\n\r\t\u001f"`},
		{`"\ud83d\ude00\u00e9"`, "\"😀é\""},
		{`{"":{"":0}}`, `{"":{"":0}}`},
	} {
		if got := string(Marshal(parse(t, c.in))); got != c.out {
			t.Errorf("%s became %s, want %s", c.in, got, c.out)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ in, part string }{
		{``, "line 1, column 1: there is nothing"},
		{`  `, "there is nothing"},
		{`{"a":1,"a":2}`, `line 1, column 8: the member "a" is there twice`},
		{`{"Actions":1,` + "\n" + ` "actions":2}`, `line 2, column 2: the members "Actions" and "actions" differ only in case`},
		{`{"stra\u00dfe":1,"STRA\u00dfE":2}`, `differ only in case`},
		{`{"a":1,}`, `line 1, column 8: a comma stands before '}'`},
		{`[1,]`, `a comma stands before ']'`},
		{`[1 2]`, `'2' where a comma or ']' is expected`},
		{`[,1]`, `',' starts no value`},
		{`{a:1}`, `put names in double quotes`},
		{`{"a" 1}`, `'1' where the colon after "a" is expected`},
		{`{"a":`, `the content ends where a value is expected`},
		{`{"a":1`, `'{' has no end`},
		{`[1`, `'[' has no end`},
		{`"abc`, `the string has no end`},
		{`"a\`, `the content ends in an escape`},
		{`"a\x"`, `unknown escape`},
		{`"\u12g4"`, `unknown escape`},
		{`"\ud800"`, `half of a surrogate pair`},
		{`"\ud800\u0041"`, `half of a surrogate pair`},
		{`"\udc00"`, `half of a surrogate pair`},
		{"\"a\nb\"", `line 1, column 3: a string holds the raw control character 0x0a`},
		{"[\n\"a\xff\"]", `line 2, column 3: byte 0xff is not valid UTF-8`},
		{`01`, `'1' follows the end`},
		{`-`, `is not a JSON number`},
		{`1.`, `is not a JSON number`},
		{`1e+`, `is not a JSON number`},
		{`.5`, `starts no value`},
		{`+1`, `starts no value`},
		{`NaN`, `starts no value`},
		{`tru`, `starts no value`},
		{`truely`, `'l' follows the end`},
		{`'a'`, `starts no value`},
		{`// c` + "\n1", `starts no value`},
		{`1 2`, `'2' follows the end of the document`},
		{strings.Repeat("[", 101) + strings.Repeat("]", 101), `more than 100 levels deep`},
	} {
		_, err := Parse([]byte(c.in), Options{})
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Kind != gatehouse.Invalid || e.Code != InvalidRequestContent {
			t.Errorf("Parse(%q) gave %v, want an Invalid error", c.in, err)
		} else if c.in != `01` && !strings.Contains(e.Message, c.part) {
			t.Errorf("Parse(%q): %s\nwant part: %s", c.in, e.Message, c.part)
		}
	}
	if _, err := Parse(make([]byte, 11), Options{MaxBytes: 10}); gatehouse.KindOf(err) != gatehouse.TooLarge {
		t.Errorf("too large gave %v", err)
	}
	if _, err := ParseObject([]byte(`[]`)); err == nil || !strings.Contains(err.Error(), "it is an array") {
		t.Errorf("an array passed as object: %v", err)
	}
}

func TestManyMembersDuplicate(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, `"m%d":%d,`, i, i)
	}
	if _, err := ParseObject([]byte("{" + b.String() + `"M7":0}`)); err == nil || !strings.Contains(err.Error(), `"m7" and "M7"`) {
		t.Errorf("duplicate among many members: %v", err)
	}
	o, err := ParseObject([]byte("{" + b.String() + `"x":0}`))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if n, ok := o.Int(fmt.Sprintf("M%d", i)); !ok || n != int64(i) {
			t.Fatalf("M%d is %d, %v", i, n, ok)
		}
	}
	o.Delete("m3")
	o.Set("Q", 1)
	if o.Has("M3") || !o.Has("q") || o.Spelling("M39") != "m39" {
		t.Error("the index is stale after Delete and Set")
	}
}

func TestRelaxed(t *testing.T) {
	const in = `{"properties": {"mode": 'Incremental', template:{ // the file
  /* several
     lines */ "s": "two
lines", $schema: 'it\'s', a1_: [1, 2,], }}}`
	o, err := ParseObjectWith([]byte(in), Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"properties":{"mode":"Incremental","template":{"s":"two\nlines","$schema":"it's","a1_":[1,2]}}}`
	if got := string(Marshal(o)); got != want {
		t.Errorf("got %s", got)
	}
	template := o.Object("properties.template")
	if line, col := template.PositionOf("$SCHEMA"); line != 4 || col != 9 {
		t.Errorf("$schema is at %d:%d", line, col)
	}
	if line, col := template.Position(); line != 1 || col != 49 {
		t.Errorf("template is at %d:%d", line, col)
	}
	for _, bad := range []string{`{a b:1}`, `{1a:1}`, `[1,,2]`, `[,]`, `/* x`, `/x`, `{a:1,,}`, `{a:1,A:2}`, "'a\x00'"} {
		if v, err := Parse([]byte(bad), Options{Relaxed: true}); err == nil {
			t.Errorf("%s passed as %s", bad, Marshal(v))
		}
	}
}

func TestObject(t *testing.T) {
	var zero *Object
	if zero.Len() != 0 || zero.String("a.b") != "" || zero.Object("x") != nil || zero.Clone() != nil {
		t.Error("a nil object cannot be read")
	}
	o := NewObject("Name", "x", "n", 3)
	o.SetPath("properties.sku.capacity", 2)
	o.SetPath("PROPERTIES.sku.name", "Basic")
	o.Set("NAME", "y")
	o.Set("tags", map[string]string{"b": "2", "a": "1"})
	if got := string(Marshal(o)); got != `{"Name":"y","n":3,"properties":{"sku":{"capacity":2,"name":"Basic"}},"tags":{"a":"1","b":"2"}}` {
		t.Error(got)
	}
	if o.String("properties.SKU.Name") != "Basic" || o.Bool("n") || len(o.Array("n")) != 0 {
		t.Error("lookup by path")
	}
	c := o.Clone()
	c.SetPath("properties.sku.name", "Premium")
	if o.String("properties.sku.name") != "Basic" || !c.DeletePath("properties.sku.capacity") || c.DeletePath("q.r") {
		t.Error("the clone shares parts with the original")
	}
	if Equal(o, c) || !Equal(o, o.Clone()) {
		t.Error("Equal")
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"B":[2]}`, `{"b":[2.0],"A":1e0}`, true},
		{`{"a":null}`, `{}`, false},
		{`{"a":null}`, `{"b":null}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`100`, `1e2`, true},
		{`0.10`, `1E-1`, true},
		{`-0`, `0e99`, true},
		{`-1`, `1`, false},
		{`12345678901234567890`, `12345678901234567891`, false},
		{`1e999999999999999999`, `1e999999999999999998`, false},
		{`"a"`, `"A"`, false},
		{`"1"`, `1`, false},
		{`null`, `{}`, false},
		{`true`, `[]`, false},
		{`null`, `null`, true},
	} {
		if got := Equal(parse(t, c.a), parse(t, c.b)); got != c.want {
			t.Errorf("Equal(%s, %s) is %v", c.a, c.b, got)
		}
	}
}

// The examples of RFC 7396, appendix A, that have an object as target and patch.
func TestMerge(t *testing.T) {
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"DisplayName":"x"}`, `{"displayname":"y"}`, `{"DisplayName":"y"}`},
	} {
		target := parse(t, c[0]).(*Object)
		Merge(target, parse(t, c[1]).(*Object))
		if got := string(Marshal(target)); got != c[2] {
			t.Errorf("%s with %s is %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

// Many members must not cost more than their number, whatever is done to them.
func TestManyMembersStayQuick(t *testing.T) {
	target, patch := &Object{}, &Object{}
	for i := range 50_000 {
		target.Set(fmt.Sprint("m", i), i)
		patch.Set(fmt.Sprint("M", i), nil)
	}
	b := Marshal(target)
	if _, err := Parse(append(b[:len(b)-1], `,"M49999":1}`...), Options{}); err == nil {
		t.Error("the duplicate passed")
	}
	target.Set("last", true)
	if Merge(target, patch); string(Marshal(target)) != `{"last":true}` {
		t.Errorf("%d members are left", target.Len())
	}
}

func TestGoValues(t *testing.T) {
	type sku struct {
		Name     string  `json:"name"`
		Capacity int     `json:"capacity"`
		Extra    *Object `json:"extra,omitempty"`
	}
	var s sku
	if err := Decode(parse(t, `{"Name":"a<b","capacity":2,"extra":{"z":1.0,"a":2}}`), &s); err != nil {
		t.Fatal(err)
	}
	v, err := From(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Marshal(v)); got != `{"name":"a<b","capacity":2,"extra":{"z":1.0,"a":2}}` {
		t.Error(got)
	}
	if got := string(MarshalIndent(v, "  ")); !strings.Contains(got, "\n  \"capacity\": 2,\n") {
		t.Error(got)
	}
}

// FuzzParse compares with encoding/json, which accepts more in four points only:
// depth, bad UTF-8, half surrogate pairs and doubled names.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\n\u00e9",null,true]}`, `{"A":1,"a":2}`, `"\ud800"`, `[[[]]]`, `-0.0e-0`, "\"\x7f\"", `{a:'b',/**/}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Parse(b, Options{})
		if relaxed, err2 := Parse(b, Options{Relaxed: true}); err == nil && (err2 != nil || !Equal(v, relaxed)) {
			t.Fatalf("relaxed reads %q as %v, %v", b, relaxed, err2)
		}
		theirs := json.Valid(bytes.TrimPrefix(b, []byte("\ufeff")))
		if err != nil {
			e := err.(*gatehouse.Error)
			stricter := !utf8.Valid(b) || strings.Contains(e.Message, "surrogate") || strings.Contains(e.Message, "levels deep") ||
				strings.Contains(e.Message, "twice") || strings.Contains(e.Message, "differ only")
			if theirs && !stricter {
				t.Fatalf("%q is refused: %v", b, err)
			}
			return
		}
		if !theirs {
			t.Fatalf("%q is no JSON and was accepted", b)
		}
		out := Marshal(v)
		again, err := Parse(out, Options{})
		if err != nil || !Equal(v, again) || !bytes.Equal(out, Marshal(again)) {
			t.Fatalf("%q became %q, then %v, %v", b, out, again, err)
		}
		var x, y any
		if json.Unmarshal(bytes.TrimPrefix(b, []byte("\ufeff")), &x) == nil && json.Unmarshal(out, &y) == nil {
			p, _ := json.Marshal(x)
			q, _ := json.Marshal(y)
			if !bytes.Equal(p, q) {
				t.Fatalf("encoding/json sees %s before and %s after", p, q)
			}
		}
	})
}

func sample() []byte {
	var b bytes.Buffer
	b.WriteString(`{"value":[`)
	for i := range 500 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/providers/Microsoft.Authorization/roleAssignments/%d",
  "type":"Microsoft.Authorization/roleAssignments","name":"%d","properties":{"roleDefinitionId":"/providers/x","principalId":"y",
  "principalType":"User","scope":"/","condition":null,"canDelegate":false,"n":%d,"list":["a","b","c"]}}`, i, i, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	in := sample()
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(in, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	v, _ := Parse(sample(), Options{})
	b.SetBytes(int64(len(Marshal(v))))
	b.ReportAllocs()
	for b.Loop() {
		Marshal(v)
	}
}

// What Get does not find under a name, Unmarshal does not either.
func TestUnmarshalLookAlikes(t *testing.T) {
	var v struct {
		Key, Users string
		Inner      []struct{ Skip bool }
	}
	for _, text := range []string{
		`{"users": "u", "u\u017fers": "x", "\u212aey": "x", "key": "k", "inner": [{"\u017fkip": true}]}`,
		"{\"users\": \"u\", \"u\u017fers\": \"x\", \"\u212aey\": \"x\", \"key\": \"k\", \"inner\": [{\"s\u212aip\": true}]}",
	} {
		if err := Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if v.Key != "k" || v.Users != "u" || len(v.Inner) != 1 || v.Inner[0].Skip {
			t.Errorf("%s: %+v", text, v)
		}
	}
	if err := Unmarshal([]byte(`{"users": "\u212a \u017f"}`), &v); err != nil || v.Users != "\u212a \u017f" {
		t.Errorf("a value lost its letters: %q, %v", v.Users, err)
	}
}

// Foreign documents keep names that differ only in case, and only there.
func TestVariants(t *testing.T) {
	const doc = `{"a":{"Id":1,"id":2,"x":{"A":[{"q":1,"Q":2}]}}}`
	v, err := Parse([]byte(doc), Options{Variants: true})
	if err != nil || string(Marshal(v)) != doc || string(Marshal(Clone(v))) != doc {
		t.Fatalf("%v: %s", err, Marshal(v))
	}
	a := v.(*Object).Object("a")
	if n, _ := a.Int("id"); n != 2 || a.Has("ID") || !v.(*Object).Has("A") {
		t.Errorf("names of an exact object compare with case, others do not")
	}
	for paths, ok := range map[string]bool{"": false, "a": true, "A": true, "a.x": false, "b": false} {
		if err := CheckVariants(v, []string{paths}); (err == nil) != ok {
			t.Errorf("below %q: %v", paths, err)
		}
	}
	if !Equal(v, Clone(v)) || Equal(a, NewObject("id", 1, "x", 2)) {
		t.Error("Equal")
	}
	for _, bad := range []string{`{"a":1,"a":2}`, `[{"a":1,"A":2,"a":3}]`} {
		for _, o := range []Options{{Variants: true}, {Exact: true}} {
			if _, err := Parse([]byte(bad), o); err == nil {
				t.Errorf("%s is accepted with %+v", bad, o)
			}
		}
	}
	merged := NewObject("A", NewObject("id", 0))
	Merge(merged, v.(*Object))
	if !Equal(merged.Object("a"), a) {
		t.Errorf("merged: %s", Marshal(merged))
	}
}
