package expr

import (
	"testing"
	"time"
)

// storedCases are expressions whose values are kept, or are not.
var storedCases = map[string]bool{
	`null`: true, `""`: true, `"ä\u0000"`: true, `true`: true, `'x'`: true, `-7`: true, `7L`: true, `(byte)200`: true, `1.5`: true, `1.5f`: true, `1.50m`: true,
	`18446744073709551615`: true, `new byte[] {0, 255}`: true, `new sbyte[] {-1}`: true, `context.RequestId`: true,
	`context.Timestamp`: true, `context.Elapsed`: true,
	`JObject.Parse("{\"a\":[1,2.50,null,\"2026-01-31T12:00:00Z\"],\"b\":{}}")`: true, `new JArray(1, "x")`: true, `JToken.Parse("3")`: true, `(JToken)null`: true,
	`JObject.Parse("{\"a\":1}").Property("a")`:                            false,
	`XElement.Parse("<a x='1'> <b/> text</a>")`:                           true,
	`XDocument.Parse("<?xml version='1.0'?><a>ä</a>")`:                    true,
	`new string[] {"a", null}`:                                            true,
	`new [] {new [] {1}, new int[0]}`:                                     true,
	`new List<string> {"a"}`:                                              true,
	`new Dictionary<string, object> {{"a", 1}, {"b", new List<int> {1}}}`: true,
	`new Dictionary<string, string[]>()`:                                  true,
	`new int?[] {1, null}`:                                                true,
	`new {a = 1}`:                                                         false,
	`new [] {new {a = 1}}`:                                                false,
	`new HashSet<string>()`:                                               false,
	`context`:                                                             false,
	`"a,b".Split(',').Where(s => true)`:                                   false,
}

func TestStored(t *testing.T) {
	for code, kept := range storedCases {
		p, faults := Compile(code, false, WantAny)
		if len(faults) > 0 {
			t.Errorf("%s: %v", code, faults)
			continue
		}
		v, err := p.Run(world(), &Budget{})
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		data, err := AppendStored(nil, v)
		if (err == nil) != kept {
			t.Errorf("%s: kept %t, %v", code, err == nil, err)
		}
		if err != nil {
			continue
		}
		got, err := ReadStored(data)
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		if typeOf(got) != typeOf(v) || got.Print() != v.Print() {
			t.Errorf("%s became %s %q", code, typeOf(got), got.Print())
		}
		if again, err := AppendStored(nil, got); err != nil || string(again) != string(data) {
			t.Errorf("%s: %q became %q, %v", code, data, again, err)
		}
	}
	at := time.Unix(1e9, 0).UTC()
	for _, v := range []Value{Object(&Jwt{ID: "x", Claims: Claims{"a": {"1"}}, IssuedAt: &at}), Object(&BasicAuth{"u", "p"}), Object(&Authorization{AccessToken: "t"})} {
		data, err := AppendStored(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadStored(data)
		if err != nil || typeOf(got) != typeOf(v) {
			t.Errorf("%T became %v, %v", v.Ref(), got, err)
		}
		if j, ok := got.Ref().(*Jwt); ok && (j.ID != "x" || j.Claims["a"][0] != "1" || !j.IssuedAt.Equal(at)) {
			t.Errorf("got %+v", j)
		}
	}
}

// FuzzStored: bytes that nobody wrote are an error, never a panic; what is read can be written.
func FuzzStored(f *testing.F) {
	for code := range storedCases {
		p, _ := Compile(code, false, WantAny)
		v, err := p.Run(world(), &Budget{})
		if err != nil {
			continue
		}
		if data, err := AppendStored(nil, v); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ReadStored(data)
		if err != nil {
			return
		}
		again, err := AppendStored(nil, v)
		if err != nil {
			return // such as a tree that was never printed like this
		}
		if _, err := ReadStored(again); err != nil {
			t.Errorf("%q became %q: %v", data, again, err)
		}
	})
}
