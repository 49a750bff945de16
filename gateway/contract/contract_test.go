package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway/config"
)

const orders = `{"components":{"schemas":{
	"Order":{"type":"object","required":["id"],"properties":{"id":{"type":"integer","minimum":0,"exclusiveMinimum":true},"note":{"type":"string","nullable":true,"pattern":"^(?=.*o)[a-z]+$"},"lines":{"type":"array","items":{"$ref":"#/components/schemas/Line"}}}},
	"Line":{"type":"object","properties":{"sku":{"type":"string"}}},
	"Size":{"type":"string","enum":["s","m"]},
	"Outside":{"$ref":"https://example.test/schema.json"},
	"Loop":{"type":"object","properties":{"next":{"$ref":"#/components/schemas/Loop"}}}}}}`

func operation(t *testing.T) *Operation {
	schema := &config.Schema{Document: json.RawMessage(orders)}
	return New(&config.Operation{
		Method: "POST", URLTemplate: "/orders/{id}?soapAction={soapAction}",
		TemplateParameters: []config.Parameter{{Name: "id", Type: "integer", Required: true}},
		Request: &config.Message{
			Query:           []config.Parameter{{Name: "size", Schema: "s", TypeName: "Size"}, {Name: "full", Type: "boolean"}, {Name: "sort", Type: "string", Values: []string{"up", "down"}}, {Name: "ids", Type: "array"}},
			Headers:         []config.Parameter{{Name: "X-Trace", Required: true, Type: "number"}},
			Representations: []config.Representation{{ContentType: "application/json", Schema: "s", TypeName: "Order"}, {ContentType: "text/xml"}},
		},
		Responses: []config.Message{{Status: 200, Headers: []config.Parameter{{Name: "X-Page", Type: "integer"}}, Representations: []config.Representation{{ContentType: "application/json; charset=utf-8", Schema: "s", TypeName: "#/components/schemas/Line"}}}},
	}, func(name string) *config.Schema {
		if name == "s" {
			return schema
		}
		return nil
	}, &Schemas{})
}

func show(all []Violation) string {
	var lines []string
	for _, v := range all {
		lines = append(lines, strings.TrimSpace(v.Name+" "+v.Rule))
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

func TestParameters(t *testing.T) {
	o := operation(t)
	for query, want := range map[string]string{
		"soapAction=x":                            "",
		"":                                        "soapAction Required",
		"SoapAction=x&SIZE=m&full=true&sort=up":   "",
		"soapAction=x&size=xl":                    "size Enum",
		"soapAction=x&full=yes":                   "full DataType",
		"soapAction=x&full=true&Full=yes":         "full DataType",
		"soapAction=x&FULL=yes&full=true":         "full DataType",
		"soapAction=x&full=True":                  "full DataType",
		"soapAction=x&sort=left":                  "sort Enumeration",
		"soapAction=x&evil=1&other=2":             "evil Unspecified, other Unspecified",
		"soapAction=x&ids=1,2,3&full=true&full=x": "full DataType",
	} {
		values, _ := url.ParseQuery(query)
		if got := show(o.Query(values)); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	for id, want := range map[string]string{"5": "", "-5": "", "5.0": "id DataType", "x": "id DataType", "99999999999999999999": "id DataType", "": "id DataType"} {
		if got := show(o.Path(map[string]string{"id": id})); got != want {
			t.Errorf("path %q: %s, want %s", id, got, want)
		}
	}
	for _, c := range []struct {
		h    http.Header
		want string
	}{
		{http.Header{"X-Trace": {"1.5"}, "User-Agent": {"x"}, "Key": {"k"}}, ""},
		{http.Header{}, "X-Trace Required"},
		{http.Header{"X-Trace": {"NaN"}}, "X-Trace DataType"},
		{http.Header{"X-Trace": {"1e400"}}, "X-Trace DataType"},
		{http.Header{"X-Trace": {"0x10"}, "X-Else": {""}}, "X-Else Unspecified, X-Trace DataType"},
	} {
		if got := show(o.Headers(c.h, "key")); got != c.want {
			t.Errorf("%v: %s, want %s", c.h, got, c.want)
		}
	}
	if got := show(o.ResponseHeaders(200, http.Header{"X-Page": {"x"}, "X-Powered-By": {"y"}})); got != "X-Page DataType, X-Powered-By Unspecified" {
		t.Error(got)
	}
	if show(o.Status(200)) != "" || show(o.Status(500)) != "500 Unspecified" {
		t.Error("status codes")
	}
}

func TestBodies(t *testing.T) {
	o := operation(t)
	if o.Representation(0, "Application/JSON; charset=utf-8") == nil || o.Representation(200, "application/json") == nil || o.Representation(200, "text/plain") != nil || o.Representation(404, "application/json") != nil {
		t.Error("representations")
	}
	for _, c := range []struct {
		body    string
		options Options
		want    string
	}{
		{`{"id":1}`, Options{}, ""},
		{`{"id":0}`, Options{}, "/id ExclusiveMinimum"},
		{`{"id":"1"}`, Options{}, "/id Type"},
		{`{}`, Options{}, "/ Required"},
		{`[]`, Options{}, "/ Type"},
		{`{"id":1`, Options{}, "Malformed"},
		{`{"id":1} x`, Options{}, "Malformed"},
		{``, Options{}, "Malformed"},
		{`{"id":1,"id":"x"}`, Options{}, "Malformed"},
		{`{"id":1,"note":null}`, Options{}, ""},
		{`{"id":1,"note":"foo"}`, Options{}, ""},
		{`{"id":1,"note":"bar"}`, Options{}, "/note Pattern"},
		{`{"id":1,"more":1}`, Options{}, ""},
		{`{"id":1,"more":1}`, Options{Closed: true}, "/ AdditionalProperties"},
		{`{"id":1,"lines":[{"sku":1},{"skus":2}]}`, Options{Closed: true}, "/lines/0/sku Type, /lines/1 AdditionalProperties"},
		{`{"ID":1,"Lines":[{"SKU":1}]}`, Options{Folded: true}, "/lines/0/sku Type"},
		{`{"id":1,"ID":"x"}`, Options{Folded: true}, "Malformed"},
		{`{"id":1,"lines":[{"sku":"x","Sku":1}]}`, Options{Folded: true}, "Malformed"},
		{strings.Repeat("[", 100000), Options{}, "Malformed"},
		{`{"id":1,"lines":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, Options{}, "Malformed"},
	} {
		if got := show(o.JSON(o.Representation(0, "application/json"), []byte(c.body), RequestBody, c.options)); got != c.want {
			t.Errorf("%.60s: %s, want %s", c.body, got, c.want)
		}
	}
	many := o.JSON(o.Representation(0, "application/json"), []byte(`{"id":1,"lines":[`+strings.Repeat("1,", 100)+`1]}`), RequestBody, Options{})
	if len(many) != violationsMax {
		t.Errorf("%d violations", len(many))
	}
}

func TestSchemas(t *testing.T) {
	s := &Schemas{}
	schema := &config.Schema{Document: json.RawMessage(orders)}
	for _, c := range []struct{ ref, body, want string }{
		{"#/components/schemas/Size", `"m"`, ""},
		{"/components/schemas/Size", `"x"`, "/ Enum"},
		{"#/components/schemas/Nothing", `1`, "Unchecked"},
		{"#/components/schemas/Outside", `1`, "Unchecked"},
		{"#/components/schemas/Loop", `{"next":{"next":{"next":5}}}`, "/next/next/next Type"},
	} {
		if got := show(s.JSONBy(schema, c.ref, []byte(c.body), RequestBody, Options{})); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.ref, c.body, got, c.want)
		}
	}
	before := len(s.kept)
	s.JSONBy(schema, "#/components/schemas/Size", []byte(`1`), RequestBody, Options{})
	if len(s.kept) != before {
		t.Error("compiled again")
	}
	text := &config.Schema{Text: `{"type":"string","pattern":"^(a+)+$"}`}
	if got := show(s.JSONBy(text, "", []byte(fmt.Sprintf("%q", strings.Repeat("a", 40)+"!")), RequestBody, Options{})); got != "Unchecked" {
		t.Error("a pattern that runs too long neither matches nor does not:", got)
	}
	for bad, want := range map[string]string{``: "Unchecked", `{`: "Unchecked", `{"type":"nonsense"}`: "Unchecked", `{"pattern":"("}`: "Unchecked", `{"$ref":"file:///etc/passwd"}`: "Unchecked"} {
		if got := show(s.JSONBy(&config.Schema{Text: bad}, "", []byte(`"x"`), RequestBody, Options{})); got != want {
			t.Errorf("%s: %s", bad, got)
		}
	}
}

// TestBounds: what a body makes a schema do is bounded, and what was not finished does not pass; it leaves nothing behind.
func TestBounds(t *testing.T) {
	s := &Schemas{}
	tree := `{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"properties":{"x":{"$ref":"#/$defs/a"}},"required":["y"]},{"properties":{"x":{"$ref":"#/$defs/a"}},"required":["z"]}]}}}`
	evil := `"` + strings.Repeat("a", 40) + `!"`
	for _, c := range []struct{ schema, body, want string }{
		{tree, strings.Repeat(`{"x":`, 150) + "1" + strings.Repeat("}", 150), "Unchecked"},
		{tree, `{"y":1,"x":{"z":1,"x":{"y":2}}}`, ""},
		{`{"items":{"pattern":"^(a+)+$"}}`, "[" + strings.Repeat(evil+",", 10_000) + `"a"]`, "Unchecked"},
		{`{"not":{"items":{"pattern":"^(a+)+$"}}}`, "[" + evil + "]", "Unchecked"},
		{`{"patternProperties":{"^(a+)+$":{"type":"integer"}}}`, "{" + evil + `:"x"}`, "Unchecked"},
		{`{"items":{"type":"string"}}`, "[" + strings.Repeat("1,", listedMost) + "1]", "/ Schema"},
		{`{"items":{"type":"integer","minimum":1}}`, "[" + strings.Repeat("1,", listedMost) + "1]", ""},
	} {
		schema := &config.Schema{Text: c.schema}
		if got := show(s.JSONBy(schema, "", []byte(c.body), RequestBody, Options{})); got != c.want {
			t.Errorf("%.60s with %.30s: %s, want %s", c.schema, c.body, got, c.want)
		}
		if got := show(s.JSONBy(schema, "", []byte(`true`), RequestBody, Options{})); strings.Contains(got, "Unchecked") {
			t.Errorf("after that: %s", got)
		}
	}
	if len(s.kept) != 7 {
		t.Errorf("%d schemas were compiled", len(s.kept))
	}
}

// TestBeside: a schema is used by any number of calls at a time.
func TestBeside(t *testing.T) {
	s, schema := &Schemas{}, &config.Schema{Text: `{"type":"object","properties":{"a":{"pattern":"^x+$"}}}`}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				if got := show(s.JSONBy(schema, "", []byte(`{"a":"y"}`), RequestBody, Options{})) + show(s.JSONBy(schema, "", []byte(`{"a":"xx"}`), RequestBody, Options{})); got != "/a Pattern" {
					t.Error(got)
				}
			}
		})
	}
	all.Wait()
	for _, kept := range s.kept {
		if n := len(kept.idle); n == 0 || n > idleMost {
			t.Errorf("%d instances are kept", n)
		}
	}
}

func FuzzJSON(f *testing.F) {
	s := &Schemas{}
	schema := &config.Schema{Document: json.RawMessage(orders)}
	f.Add(`{"id":1}`)
	f.Fuzz(func(t *testing.T, body string) {
		s.JSONBy(schema, "#/components/schemas/Order", []byte(body), RequestBody, Options{Folded: true, Closed: true})
	})
}
