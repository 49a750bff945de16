package odata

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

// world is the object that testdata/filters.txt asks about.
var world = map[string]any{
	"displayName": "O'Brien's API", "resourceProvider": "Microsoft.Authorization", "path": "/",
	"accountEnabled": true, "callCount": json.Number("12"), "ratio": 0.5, "nothing": nil,
	"eventTimestamp": time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), "createdDateTime": "2026-03-01T12:00:00.0000000Z",
	"principalId": gatehouse.MustGUID("6b9d23a1-0000-4000-8000-00000000000a"), "appId": "6B9D23A1-0000-4000-8000-00000000000A",
	"identifierUris": []any{"api://one", "https://contoso.com/two"}, "servicePrincipalNames": []string{"x", "y"}, "empty": []any{},
	"keys":                []any{map[string]any{"kind": "cert", "end": map[string]any{"year": 2030}}, map[string]any{"kind": "secret"}},
	"properties/roleName": "Reader",
}

func env() *Env {
	return &Env{
		Lookup: func(path string) (any, bool) { v, ok := world[path]; return v, ok },
		Call: func(name string, args []any) (bool, error) {
			return name == "atScope" || name == "assignedTo" && args[0] == "me", nil
		},
	}
}

// TestFilters reads lines "answer | filter [| canonical text]" where answer is
// true, false, or "error:" with a part of the message.
func TestFilters(t *testing.T) {
	f, err := os.Open("testdata/filters.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s, n := bufio.NewScanner(f), 1; s.Scan(); n++ {
		if s.Text() == "" || s.Text()[0] == '#' {
			continue
		}
		parts := strings.Split(s.Text(), " | ")
		checkFilter(t, n, strings.TrimSpace(parts[0]), parts[1], append(parts, "")[2])
	}
}

func checkFilter(t *testing.T, line int, want, filter, canonical string) {
	e, err := Parse(filter)
	var got bool
	if err == nil {
		got, err = env().Match(e)
	}
	if part, isError := strings.CutPrefix(want, "error:"); isError {
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(part)) || gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("line %d: %s: error %v, want %q", line, filter, err, part)
		}
		return
	}
	if err != nil || got != (want == "true") {
		t.Errorf("line %d: %s is %v, %v, want %s", line, filter, got, err, want)
		return
	}
	if canonical != "" && e.String() != canonical {
		t.Errorf("line %d: canonical text %s, want %s", line, e, canonical)
	}
	roundTrip(t, e)
}

func roundTrip(t *testing.T, e Expr) {
	t.Helper()
	again, err := Parse(e.String())
	if err != nil {
		if len(e.String()) > MaxFilter {
			return
		}
		t.Fatalf("%s does not parse again: %v", e, err)
	}
	if again.String() != e.String() || !reflect.DeepEqual(stripped(again), stripped(e)) {
		t.Fatalf("%s parses again as %s", e, again)
	}
}

// stripped is e without places, and without how values were written.
func stripped(e Expr) Expr {
	switch e := e.(type) {
	case *Binary:
		return &Binary{e.Op, stripped(e.Left), stripped(e.Right), Pos{}}
	case *Not:
		return &Not{stripped(e.X), Pos{}}
	case *In:
		in := &In{X: stripped(e.X)}
		for _, l := range e.List {
			in.List = append(in.List, stripped(l).(*Literal))
		}
		return in
	case *Call:
		c := &Call{Name: e.Name}
		for _, a := range e.Args {
			c.Args = append(c.Args, stripped(a))
		}
		return c
	case *Lambda:
		l := &Lambda{Path: e.Path, All: e.All, Var: e.Var}
		if e.Body != nil {
			l.Body = stripped(e.Body)
		}
		return l
	case *Field:
		return &Field{e.Path, Pos{}}
	}
	return &Literal{Value: e.(*Literal).Value}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a eq 'b''c' and not (x gt 1 or y/any(z:z/w ne null))", "resourceProvider eq Microsoft.Authorization",
		"id in ('a',2) or atScope() and assignedTo('x')", "a eq (b)", "(a in ('x')) eq true", "t ge datetime'2024-01-01' and 'x' eq y", "a/all(b:startswith(tolower(b),'c'))"} {
		f.Add(seed)
	}
	rules := Names("a b name")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			if gatehouse.KindOf(err) != gatehouse.Invalid {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		roundTrip(t, e)
		_ = rules.Check(e)
		_, _ = env().Match(e)
	})
}

func FuzzParseQuery(f *testing.F) {
	f.Add("$filter=a+eq+'b'&%24top=5&$orderBy=x desc,y&$select=a,b&$expand=a($select=b,c),d&$count=true&$skipToken=abc")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := ParseQuery(s, Limits{MaxTop: 10, Bare: true}); err != nil && gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func TestRules(t *testing.T) {
	r := &Rules{Fields: map[string]string{"name": "eq startswith", "tags": "any eq", "tags/key": "eq", "age": "*"}, Functions: "atScope assignedTo", Or: false}
	for filter, want := range map[string]string{
		"name eq 'x' and startsWith(NAME,'y')": "", "tags/any(t:t eq 'x')": "", "tags/any(t:t/key eq 'x')": "", "atScope() and assignedTo('x')": "", "age gt 5": "",
		"'x' eq name": "", "tolower(name) eq 'x'": "",
		"name ne 'x'": "ne does not apply to name: use one of eq startswith", "endswith(name,'x')": "endswith does not apply", "other eq 'x'": `"other" cannot be filtered by: use one of age, name, tags, tags/key, atScope, assignedTo`,
		"name eq 'x' or age gt 5": "or is not supported", "not (name eq 'x')": "not is not supported", "asTarget()": "asTarget is not supported here",
		"tags/any(t:t/value eq 'x')": `"tags/value" cannot be filtered by`, "name eq (other)": `"other" cannot`, "startswith('x',other)": `"other" cannot`, "other": `"other" cannot`,
		"tags/all(t:t eq 'x')": "all does not apply", "name in ('x')": "in does not apply",
	} {
		e, err := Parse(filter)
		if err != nil {
			t.Fatal(filter, err)
		}
		err = r.Check(e)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", filter, err, want)
		}
	}
	if Names("x").Check(nil) != nil {
		t.Error("no filter is refused")
	}
}

func TestParseQuery(t *testing.T) {
	_, err := ParseQuery("api-version=1&%24Filter=a%20eq%20'b+c'&$TOP=5&$skip=2&$skipToken=t&$select=id,%20displayName&$expand=owners($select=id,x),members&$orderby=name desc, id&$count=true;", Limits{MaxTop: 5})
	if err == nil || !strings.Contains(err.Error(), "$count") {
		t.Fatalf("a semicolon is taken as a separator: %v", err)
	}
	q, err := ParseQuery("api-version=1&%24Filter=a%20eq%20'b+c'&$TOP=5&$skip=2&$skipToken=t&$select=id,%20displayName&$expand=owners($select=id,x),members&$orderby=name desc, id&$count=true", Limits{MaxTop: 5})
	if err != nil {
		t.Fatal(err)
	}
	if q.Filter.String() != "a eq 'b c'" {
		t.Error(q.Filter)
	}
	q.Filter = nil
	want := &Query{Top: 5, Skip: 2, SkipToken: "t", Select: []string{"id", "displayName"}, Expand: []string{"owners($select=id,x)", "members"}, OrderBy: []Order{{"name", true}, {"id", false}}, Count: true}
	if !reflect.DeepEqual(q, want) {
		t.Errorf("%+v, want %+v", q, want)
	}
	for raw, want := range map[string]string{
		"$top=6": "more than the 5", "$top=0": "at least 1", "$top=x": "whole number", "$top=1&$TOP=2": "more than once", "$filter=%zz": "percent-encoded",
		"$select=a,,b": "not a field name", "$orderby=a up": "not a field name", "$expand=a(": "unbalanced", "$count=maybe": "neither true nor false", "$filter=a eq": "column 5", "$skip=-1": "at least 0",
	} {
		if _, err := ParseQuery(raw, Limits{MaxTop: 5}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	if q, err := ParseQuery("top=900&filter=", Limits{MaxTop: 100, ClipTop: true, Bare: true}); err != nil || q.Top != 100 || q.Filter != nil {
		t.Errorf("%+v %v", q, err)
	}
}

func TestSigner(t *testing.T) {
	s := NewSigner(nil)
	token := s.Token("users?x", "/a/b")
	if after, err := s.After("users?x", token); after != "/a/b" || err != nil {
		t.Error(after, err)
	}
	if after, err := s.After("users", ""); after != "" || err != nil {
		t.Error(after, err)
	}
	other := "A"
	if token[0] == 'A' {
		other = "B"
	}
	for _, bad := range []string{token + "A", other + token[1:], "???", "AAAA", NewSigner(nil).Token("users?x", "/a/b")} {
		if _, err := s.After("users?x", bad); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%s is accepted", bad)
		}
	}
	if _, err := s.After("groups", token); err == nil {
		t.Error("a token of another list is accepted")
	}
}

func TestTakingApart(t *testing.T) {
	e, err := Parse("a eq 'x' and 'y' eq b and c/any(z:z eq 'w') and atScope()")
	if err != nil {
		t.Fatal(err)
	}
	parts := Conjuncts(e)
	if f, l, ok := Equality(parts[0]); !ok || f != "a" || l.Text() != "x" {
		t.Error(f, l, ok)
	}
	if f, l, ok := Equality(parts[1]); !ok || f != "b" || l.Text() != "y" {
		t.Error(f, l, ok)
	}
	if f, l, ok := AnyEquality(parts[2]); !ok || f != "c" || l.Text() != "w" {
		t.Error(f, l, ok)
	}
	if _, ok := CallOf(parts[3], "ATSCOPE"); !ok || len(parts) != 4 {
		t.Error(parts)
	}
}

func TestSort(t *testing.T) {
	items := []map[string]any{{"n": "b", "i": 1}, {"n": "A", "i": 2}, {"i": 3}, {"n": "B", "i": 4}}
	Sort(items, []Order{{"n", false}, {"i", true}}, func(m map[string]any, path string) (any, bool) { v, ok := m[path]; return v, ok })
	var got []any
	for _, m := range items {
		got = append(got, m["i"])
	}
	if !reflect.DeepEqual(got, []any{3, 2, 4, 1}) {
		t.Error(got)
	}
}
