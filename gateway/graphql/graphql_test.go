package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

const shop = `
"What is sold."
type Product implements Node { id: ID! name: String! price(currency: Currency = EUR): Float tags: [String!] maker: Maker old: String @deprecated(reason: "gone") }
type Maker implements Node { id: ID! name: String products: [Product!]! secret: String }
interface Node { id: ID! secretless: String }
union Found = Product | Maker
enum Currency { EUR USD }
input Filter { name: String, limit: Int = 5 }
scalar Date
type Query { product(id: ID!): Product products(filter: Filter): [Product!]! node(id: ID!): Node find: [Found] count: Int day: Date strict: String! }
type Mutation { rename(id: ID!, name: String!): Product }
`

func schema(t testing.TB) *Schema {
	s, err := ParseSchema(strings.Replace(shop, "secretless: String", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t testing.TB, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// resolver answers fields of Query from a table of JSON.
func resolver(t testing.TB, table map[string]string) Resolver {
	return func(_ context.Context, f Field) (any, bool, error) {
		text, ok := table[f.Type+"/"+f.Name]
		switch {
		case !ok:
			return nil, false, nil
		case strings.HasPrefix(text, "error"):
			return nil, true, errors.New(text)
		case text == "args":
			b, _ := json.Marshal(f.Arguments)
			return decode(t, `{"id":"1","name":`+string(mustQuote(string(b)))+`}`), true, nil
		}
		return decode(t, text), true, nil
	}
}

func mustQuote(s string) []byte { b, _ := json.Marshal(s); return b }

var table = map[string]string{
	"Query/product": `{"id":1,"name":"Lamp","price":9.5,"tags":["a","b"],"maker":{"id":"m","name":"Acme"}}`, "Query/products": `[{"id":"1","name":"Lamp"},{"id":"2","name":null}]`,
	"Query/find": `[{"__typename":"Product","name":"Lamp"},{"__typename":"Maker","name":"Acme"},{"name":"?"}]`, "Query/node": `{"__typename":"Maker","id":"m"}`, "Query/count": `3.5`, "Query/day": `{"any":1}`,
	"Query/strict": `null`, "Mutation/rename": "args", "Product/maker": `{"id":"9"}`,
}

func TestExecute(t *testing.T) {
	s := schema(t)
	for _, c := range []struct{ query, variables, want string }{
		{`{product(id:"1"){id name price tags}}`, ``, `{"data":{"product":{"id":"1","name":"Lamp","price":9.5,"tags":["a","b"]}}}`},
		{`{b:product(id:"1"){name} a:product(id:"1"){__typename}}`, ``, `{"data":{"b":{"name":"Lamp"},"a":{"__typename":"Product"}}}`},
		{`{product(id:"1"){...F maker{id}}} fragment F on Product{name maker{name}}`, ``, `{"data":{"product":{"name":"Lamp","maker":{"name":null,"id":"9"}}}}`},
		{`query($s:Boolean!){product(id:"1"){id @skip(if:$s) name @include(if:$s)}}`, `{"s":true}`, `{"data":{"product":{"name":"Lamp"}}}`},
		{`{find{__typename ...on Product{name} ...on Maker{n:name}}}`, ``, `{"data":{"find":[{"__typename":"Product","name":"Lamp"},{"__typename":"Maker","n":"Acme"},null]},"errors":[{"message":"The value does not say in __typename which Found it is.","locations":[{"line":1,"column":2}],"path":["find",2]}]}`},
		{`{node(id:"m"){id ...on Maker{name}}}`, ``, `{"data":{"node":{"id":"m","name":null}}}`},
		{`{count day}`, ``, `{"data":{"count":null,"day":{"any":1}},"errors":[{"message":"The value is not of type Int.","locations":[{"line":1,"column":2}],"path":["count"]}]}`},
		{`{count strict}`, ``, `{"data":null,"errors":[{"message":"The value is not of type Int.","locations":[{"line":1,"column":2}],"path":["count"]},{"message":"The field must not be null, and it is.","locations":[{"line":1,"column":8}],"path":["strict"]}]}`},
		{`mutation($n:String!){rename(id:"1",name:$n){name}}`, `{"n":"x\"y"}`, `{"data":{"rename":{"name":"{\"id\":\"1\",\"name\":\"x\\\"y\"}"}}}`},
	} {
		o, err := s.Prepare(&Request{Query: c.query, Variables: json.RawMessage(c.variables)}, 0)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := string(o.Execute(context.Background(), resolver(t, table), nil)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.query, got, c.want)
		}
	}
	// A null that a list may not hold takes the list with it, and what holds that.
	o, _ := s.Prepare(&Request{Query: `{products{name}}`}, 0)
	if got := string(o.Execute(context.Background(), resolver(t, table), nil)); !strings.HasPrefix(got, `{"data":null,"errors":[`) {
		t.Error(got)
	}
	o, _ = s.Prepare(&Request{Query: `{product(id:"1"){name}}`}, 0)
	if got := string(o.Execute(context.Background(), resolver(t, map[string]string{"Query/product": "error: backend says no"}), nil)); got != `{"data":{"product":null},"errors":[{"message":"error: backend says no","locations":[{"line":1,"column":2}],"path":["product"]}]}` {
		t.Error(got)
	}
}

func TestPrepareRefuses(t *testing.T) {
	s := schema(t)
	deep := `{product(id:"1"){maker{products{maker{products{maker{id}}}}}}}`
	wide := "{" + strings.Repeat(`product(id:"1"){id} `, 130) + "}"
	unused := "{count} fragment F on Query{" + strings.Repeat("count ", 14_000) + "}" // seconds of comparing fields in pairs
	schemas := "{" + strings.Repeat("a:__schema{types{name kind}} ", 80) + "}"
	bomb := `query{...A} fragment A on Query{...B ...B ...B ...B ...B ...B ...B ...B} fragment B on Query{...C ...C ...C ...C ...C ...C ...C ...C} fragment C on Query{...D ...D ...D ...D ...D ...D ...D ...D} fragment D on Query{count count count count count count}`
	for query, want := range map[string]string{
		`{`: "Expected Name", `{nothing}`: "Cannot query field", `{product{id}}`: "is required", `query A{count} query B{count}`: "which of its operations", deep: "deeper than 6", wide: "more than 250 fields", bomb: "more than 250 fields",
		unused: "more than 250 fields", schemas: "more than 250 fields",
		`query{...A} fragment A on Query{...A}`: "Cannot spread fragment", strings.Repeat("{a", 20000): "nesting depth", strings.Repeat("{a} ", 9000): "token", `query($x:Int!){product(id:$x){id}}`: "ID",
	} {
		_, err := s.Prepare(&Request{Query: query}, 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", query, err)
		}
	}
	if _, err := s.Prepare(&Request{Query: deep}, 20); err != nil {
		t.Error(err)
	}
	if _, err := s.Prepare(&Request{Query: `query($x:Int){count}`, Variables: json.RawMessage(`[]`)}, 0); err == nil {
		t.Error("variables that are a list")
	}
}

func TestAuthorize(t *testing.T) {
	s := schema(t)
	for _, c := range []struct {
		query, want string
		rules       []Rule
	}{
		{`{count}`, "ok", nil},
		{`{count product(id:"1"){maker{secret name}}}`, "removes secret", []Rule{{"/Maker/secret", Remove}}},
		{`{product(id:"1"){maker{secret}}}`, "rejects secret", []Rule{{"/Maker/secret", Reject}}},
		{`{product(id:"1"){...F}} fragment F on Product{maker{secret}}`, "rejects secret", []Rule{{"/Maker/secret", Reject}}},
		{`{node(id:"1"){id}}`, "rejects id", []Rule{{"/Maker/id", Reject}}},
		{`{node(id:"1"){...on Maker{secret}}}`, "rejects secret", []Rule{{"/Maker/*", Reject}}},
		{`{__schema{types{name}}}`, "rejects __schema", []Rule{{"/__*", Reject}}},
		{`{s:__schema{types{name}}}`, "rejects __schema", []Rule{{"/__*", Reject}}},
		{`{count}`, "ok", []Rule{{"/Query/count", Ignore}, {"/Query/count", Allow}, {"/*", Reject}}},
		{`{count}`, "rejects count", []Rule{{"/Query/count", Ignore}, {"/*", Reject}}},
		{`{count day}`, "removes day", []Rule{{"/Query/day", Remove}}},
		{`{day}`, "rejects day", []Rule{{"/Query/day", Remove}}},
	} {
		o, err := s.Prepare(&Request{Query: c.query}, 0)
		if err != nil {
			t.Fatal(c.query, err)
		}
		removed, err := o.Authorize(c.rules)
		got, list := "ok", removed
		if len(removed) > 0 {
			got = "removes "
		}
		if err != nil {
			got = "rejects "
			_ = errors.As(err, &list)
		}
		if len(list) > 0 {
			got += strings.Split(list[0].Message, "'")[1]
		}
		if got != c.want {
			t.Errorf("%s %v: %s, want %s", c.query, c.rules, got, c.want)
		}
		if err == nil && len(removed) > 0 {
			text := o.Rewritten().Query
			if strings.Contains(text, "secret") || strings.Contains(text, "day") {
				t.Error("it is still asked for:", text)
			}
			if _, err := s.Prepare(&Request{Query: text}, 0); err != nil {
				t.Error("the rewritten query is not valid:", text, err)
			}
		}
	}
}

// introspection is the query that tools send, in its essence.
const introspection = `query IntrospectionQuery{__schema{queryType{name} mutationType{name} subscriptionType{name} types{...FullType} directives{name description locations args{...InputValue}}}}
fragment FullType on __Type{kind name description fields(includeDeprecated:true){name description args{...InputValue} type{...TypeRef} isDeprecated deprecationReason} inputFields{...InputValue} interfaces{...TypeRef} enumValues(includeDeprecated:true){name description isDeprecated deprecationReason} possibleTypes{...TypeRef}}
fragment InputValue on __InputValue{name description type{...TypeRef} defaultValue}
fragment TypeRef on __Type{kind name ofType{kind name ofType{kind name ofType{kind name}}}}`

func TestIntrospection(t *testing.T) {
	o, err := schema(t).Prepare(&Request{Query: introspection}, 0)
	if err != nil {
		t.Fatal(err)
	}
	answer := o.Execute(context.Background(), resolver(t, nil), nil)
	var body struct {
		Errors []Error
		Data   struct {
			Schema struct {
				QueryType        struct{ Name string }
				SubscriptionType any
				Types            []struct {
					Kind, Name, Description string
					Fields                  []struct {
						Name              string
						IsDeprecated      bool
						DeprecationReason *string
						Type              struct {
							Kind   string
							OfType *struct{ Name string }
						}
					}
					PossibleTypes []struct{ Name string }
					InputFields   []struct{ Name, DefaultValue string }
				}
			} `json:"__schema"`
		}
	}
	if err := json.Unmarshal(answer, &body); err != nil || len(body.Errors) > 0 {
		t.Fatal(err, body.Errors)
	}
	if body.Data.Schema.QueryType.Name != "Query" || body.Data.Schema.SubscriptionType != nil {
		t.Error("roots")
	}
	seen := map[string]bool{}
	for _, d := range body.Data.Schema.Types {
		seen[d.Name] = true
		switch d.Name {
		case "Product":
			if d.Description != "What is sold." || len(d.Fields) != 6 || d.Fields[0].Type.Kind != "NON_NULL" || d.Fields[0].Type.OfType.Name != "ID" || !d.Fields[5].IsDeprecated || *d.Fields[5].DeprecationReason != "gone" {
				t.Errorf("%+v", d)
			}
		case "Found":
			if d.Kind != "UNION" || len(d.PossibleTypes) != 2 {
				t.Errorf("%+v", d)
			}
		case "Filter":
			if d.InputFields[1].DefaultValue != "5" {
				t.Errorf("%+v", d)
			}
		}
	}
	if !seen["Currency"] || !seen["__Schema"] || !seen["Date"] {
		t.Error(seen)
	}
	o, _ = schema(t).Prepare(&Request{Query: `{__type(name:"Currency"){enumValues{name}} none:__type(name:"X"){name}}`}, 0)
	if got := string(o.Execute(context.Background(), resolver(t, nil), nil)); got != `{"data":{"__type":{"enumValues":[{"name":"EUR"},{"name":"USD"}]},"none":null}}` {
		t.Error(got)
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ media, body, query, want string }{
		{"application/json", `{"query":"{a}","variables":{"x":1}}`, "", "{a}"}, {"application/graphql", `{a}`, "", "{a}"}, {"", "", "query=%7Ba%7D", "{a}"},
		{"application/json", `[]`, "", ""}, {"application/json", `{"query":"{a}","QUERY":"{b}"}`, "", "{a}"}, {"application/json", `{"query":"{a}","query":"{b}"}`, "", ""},
		{"application/json", `{"query":"{a}"} {"query":"{b}"}`, "", ""}, {"application/json", `{"query":"{a}"}`, "query=%7Bb%7D", ""}, {"application/json", `{"query":"{a}","operationName":null}`, "", "{a}"}, {"application/json", `{}`, "", ""}, {"", "", "", ""}, {"application/json", strings.Repeat("x", MaxSize+1), "", ""},
		// What one server takes from the body, another takes from the address, and a form is no JSON to it.
		{"application/json", `{"query":"query A{a} query B{b}","operationName":"A"}`, "operationName=B", ""}, {"application/json", `{"query":"{a}"}`, "variables={}", ""}, {"application/json", `{"query":"{a}"}`, "Extensions={}", ""},
		{"", "", "query={a}&Query={b}", ""}, {"", "", "query={a}&operationName=A&operationName=B", ""}, {"application/json", `{"query":"{a}"}`, "page=1", "{a}"},
		{"application/x-www-form-urlencoded", `{"query":"{a}","x":"&query={b}&y="}`, "", ""}, {"multipart/form-data; boundary=x", `{"query":"{a}"}`, "", ""}, {"text/plain", `{"query":"{a}"}`, "", ""},
		{"application/json; charset=utf-16", `{"query":"{a}"}`, "", ""}, {"application/json; charset=UTF-8", `{"query":"{a}"}`, "", "{a}"}, {"application/graphql+json", `{"query":"{a}"}`, "", "{a}"}, {"application/json,text/x", `{"query":"{a}"}`, "", ""}, {"", `{"query":"{a}"}`, "", "{a}"},
	} {
		r, err := Read(c.media, []byte(c.body), c.query)
		if (err != nil) != (c.want == "") || err == nil && r.Query != c.want {
			t.Errorf("%.40s %s: %v %v", c.body, c.query, r, err)
		}
	}
}

func FuzzExecute(f *testing.F) {
	s := schema(f)
	for q := range map[string]bool{introspection: true, `{product(id:"1"){...F}} fragment F on Product{name}`: true, `query($s:Boolean!){count @skip(if:$s)}`: true} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		o, err := s.Prepare(&Request{Query: query}, 0)
		if err != nil {
			return
		}
		if _, err := o.Authorize([]Rule{{"/Maker/secret", Remove}}); err != nil {
			return
		}
		answer := o.Execute(context.Background(), resolver(t, table), nil)
		if !json.Valid(answer) || bytes.Contains(answer, []byte("\x00")) {
			t.Errorf("%s", answer)
		}
	})
}

func TestRulesAreOrdered(t *testing.T) {
	if got := decide([]Rule{{"/a/b", Ignore}, {"/a/*", Remove}, {"/a/b", Reject}}, "a", "b"); got != Remove {
		t.Error(got)
	}
	if !slices.Contains([]Action{Allow}, decide(nil, "a", "b")) {
		t.Error("no rule refuses")
	}
}
