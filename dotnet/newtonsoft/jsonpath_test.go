package newtonsoft_test

import (
	"strings"
	"testing"

	"gatehouse/dotnet/newtonsoft"
)

const store = `{"store":{"book":[
 {"category":"reference","author":"Nigel","title":"Sayings","price":8.95},
 {"category":"fiction","author":"Evelyn","title":"Sword","price":12.99,"tags":["a","b"]},
 {"category":"fiction","author":"Herman","title":"Moby","isbn":"0-553","price":9}],
 "bicycle":{"color":"red","price":19.95}},"limit":10,"odd name":{"x.y":1},"when":"2020-01-02T03:04:05Z"}`

func TestPath(t *testing.T) {
	root, err := newtonsoft.Parse(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{"$", ""}, {"limit", "10"}, {"$.limit", "10"}, {"store.book[0].title", `"Sayings"`},
		{"$['odd name']['x.y']", "1"}, {"store.book[*].price", "8.95 12.99 9"}, {"$..price", "8.95 12.99 9 19.95"},
		{"store.book[1:].author", `"Evelyn" "Herman"`}, {"store.book[:-1].author", `"Nigel" "Evelyn"`},
		{"store.book[::-1].author", `"Herman" "Evelyn" "Nigel"`}, {"store.book[0,2].author", `"Nigel" "Herman"`},
		{"store.book[?(@.price < 10)].author", `"Nigel" "Herman"`},
		{"store.book[?(@.price < $.limit)].author", `"Nigel" "Herman"`},
		{"store.book[?(@.isbn)].title", `"Moby"`}, {"store.book[?(@.category == 'fiction' && @.price > 10)].title", `"Sword"`},
		{"store.book[?(@.title == 'Moby' || @.title == 'Sword')].price", "12.99 9"},
		{"store.book[?(@.price === 9.0)].title", `"Moby"`}, {"store.book[?(@.category != 'fiction')].title", `"Sayings"`},
		{"store.book[?(@.tags[1] == 'b')].title", `"Sword"`}, {"$..[?(@.color == 'red')].price", "19.95"},
		{"store.bicycle.*", `"red" 19.95`}, {"store..['author','color']", `"Nigel" "Evelyn" "Herman" "red"`},
		{"nothing.here", ""}, {"store.book[9]", ""},
		{"store.book[", "Path ended with open indexer."}, {"store.book[x]", "Unexpected character while parsing path indexer: x"},
		{"store.", "Unexpected end while parsing path."}, {"store.book[0]x", "Unexpected character following indexer: x"},
		{"store.book[?(@.x", "Path ended with open query."}, {"store.book[]", "Array index expected."},
		{"store.book[?(@.x ~ 1)]", "Could not read query operator."}, {"store.book[::0]", "Step cannot be zero."},
	} {
		var got []string
		path, err := newtonsoft.ParsePath(c.path)
		if err == nil {
			var found []*newtonsoft.Token
			found, err = root.SelectTokens(path, false, nil)
			for _, f := range found {
				if f != root {
					text, _ := f.Print(false, nil)
					got = append(got, text)
				}
			}
		}
		if err != nil {
			got = []string{message(err)}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.path, text, c.want)
		}
	}
	for path, want := range map[string]string{
		"store.x": "Property 'x' does not exist on JObject.", "limit.x": "Property 'x' not valid on JValue.",
		"store.book[9]": "Index 9 outside the bounds of JArray.", "store.book[5:]": "Array slice of 5 to * returned no results.",
		"store.book.x": "Property 'x' not valid on JArray.",
	} {
		p, _ := newtonsoft.ParsePath(path)
		if _, err := root.SelectToken(p, true, nil); err == nil || message(err) != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"$.a[0]['b']..c", "a[?(@.b == 'c' && @.d > 1)]", "[1:2:3]", "$..[?(@.x)]", "a.*[*]"} {
		f.Add(s)
	}
	root, err := newtonsoft.Parse(store, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		left := 1 << 20
		spend := func(n int) error {
			if left -= n; left < 0 {
				return &newtonsoft.Limit{What: "over"}
			}
			return nil
		}
		path, err := newtonsoft.ParsePath(text)
		if err == nil {
			_, _ = root.SelectTokens(path, true, spend)
		}
	})
}

func TestTree(t *testing.T) {
	o, _ := newtonsoft.ParseObject(`{"a":{"x":1},"b":[1,2,3]}`, nil)
	a := o.Get("a")
	if err := o.AddMember(nil, "a", nil); err == nil || message(err) != "Can not add property a to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object." {
		t.Error(err)
	}
	if err := o.Put(nil, "c", a); err != nil || o.Get("c") == a || a.Parent().Name() != "a" {
		t.Error("a token that has a parent is not copied")
	}
	if err := o.Add(nil, a); err == nil || message(err) != "Can not add Newtonsoft.Json.Linq.JObject to Newtonsoft.Json.Linq.JObject." {
		t.Error(err)
	}
	b := o.Get("b")
	if err := b.RemoveAt(3); err == nil || message(err) != "Index is equal to or greater than Count. (Parameter 'index')" {
		t.Error(err)
	}
	two := b.Items()[1]
	_ = two.AddBeforeSelf(nil, newtonsoft.NewValue(newtonsoft.String, "x"))
	_ = two.AddAfterSelf(nil, newtonsoft.NewValue(newtonsoft.String, "y"))
	_ = b.Items()[0].Remove()
	if err := two.Replace(nil, newtonsoft.NewNull()); err != nil {
		t.Error(err)
	}
	if got, _ := o.Print(false, nil); got != `{"a":{"x":1},"b":["x",null,"y",3],"c":{"x":1}}` {
		t.Errorf("got %s", got)
	}
	for i := range 30 {
		_ = o.Put(nil, string(rune('A'+i)), nil)
	}
	if ok, err := o.RemoveMember("b"); !ok || err != nil || o.Get("b") != nil || o.Get("C") == nil || o.FoldProperty("c") == nil {
		t.Error("the index of names is wrong")
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		a, b, want string
		how        newtonsoft.Merge
	}{
		{`{"a":1,"b":{"x":1}}`, `{"a":2,"b":{"y":2},"c":3}`, `{"a":2,"b":{"x":1,"y":2},"c":3}`, newtonsoft.Merge{}},
		{`{"a":1}`, `{"a":null}`, `{"a":1}`, newtonsoft.Merge{}}, {`{"a":1}`, `{"a":null}`, `{"a":null}`, newtonsoft.Merge{Nulls: true}},
		{`{"a":[1,2]}`, `{"a":[2,3]}`, `{"a":[1,2,2,3]}`, newtonsoft.Merge{}},
		{`{"a":[1,2]}`, `{"a":[2,3]}`, `{"a":[1,2,3]}`, newtonsoft.Merge{Arrays: newtonsoft.Union}},
		{`{"a":[1,2]}`, `{"a":[3]}`, `{"a":[3]}`, newtonsoft.Merge{Arrays: newtonsoft.ReplaceArray}},
		{`{"a":[1,2]}`, `{"a":[3]}`, `{"a":[3,2]}`, newtonsoft.Merge{Arrays: newtonsoft.MergeItems}},
		{`{"a":1}`, `{"A":2}`, `{"a":2}`, newtonsoft.Merge{Fold: true}},
	} {
		a, _ := newtonsoft.Parse(c.a, nil)
		b, _ := newtonsoft.Parse(c.b, nil)
		if err := a.Merge(nil, b, c.how); err != nil {
			t.Error(err)
		}
		if got, _ := a.Print(false, nil); got != c.want {
			t.Errorf("%s + %s: got %s, want %s", c.a, c.b, got, c.want)
		}
	}
}
