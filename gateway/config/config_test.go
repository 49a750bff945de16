package config

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestKinds: every table of a Config is reached by one kind, and holds what is made for a key of that kind.
func TestKinds(t *testing.T) {
	seen := map[any]string{}
	c := &Config{}
	for _, kind := range tableKinds {
		table := reflect.ValueOf(c.table(kind)).FieldByName("Table").Interface()
		if other := seen[table]; other != "" {
			t.Errorf("%s and %s have the same table", kind, other)
		}
		seen[table] = kind
	}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct && seen[f.Addr().Interface()] == "" {
			t.Errorf("no kind leads to %s", v.Type().Field(i).Name)
		}
	}
}

func TestKey(t *testing.T) {
	for _, c := range []struct{ key, parent, name, workspace, kind Key }{
		{"", "", "", "", ""},
		{"/apis/a", "", "a", "", "apis"},
		{"/apis/a;rev=2/operations/o", "/apis/a;rev=2", "o", "", "apis/operations"},
		{"/workspaces/w", "", "w", "/workspaces/w", "workspaces"},
		{"/workspaces/w/policies/policy", "/workspaces/w", "policy", "/workspaces/w", "policies"},
		{"/workspaces/w/apis/a/operations/o/policies/policy", "/workspaces/w/apis/a/operations/o", "policy", "/workspaces/w", "apis/operations/policies"},
	} {
		if c.key.Parent() != c.parent || Key(c.key.Name()) != c.name || c.key.Workspace() != c.workspace || Key(c.key.kind()) != c.kind {
			t.Errorf("%s: %q %q %q %q", c.key, c.key.Parent(), c.key.Name(), c.key.Workspace(), c.key.kind())
		}
	}
	if api, ok := Key("/workspaces/w/apis/a/operations/o").Of("apis"); !ok || api != "/workspaces/w/apis/a" {
		t.Error(api, ok)
	}
}

func TestUpdate(t *testing.T) {
	api, op, link := &API{Path: "x"}, &Operation{Method: "GET"}, &Link{To: "/apis/a"}
	api.SetID("/apis/A")
	op.SetID("/apis/A/operations/Get")
	link.SetID("/products/p/apis/A")
	service := &Service{Resource: "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/Contoso"}
	c := New(&Update{Whole: true, Revision: 3, Put: []Entity{service, api, op, link}})
	wire, err := json.Marshal(c.Update())
	if err != nil {
		t.Fatal(err)
	}
	var u Update
	if err := json.Unmarshal(wire, &u); err != nil {
		t.Fatal(err)
	}
	if again := New(&u); !reflect.DeepEqual(again, c) {
		t.Errorf("%s: %+v, want %+v", wire, again, c)
	}
	if got := c.Operations.Below(api.Key()); len(got) != 1 || got[0].Name() != "Get" || link.From() != "/products/p" {
		t.Errorf("operations %v, link of %s", got, link.From())
	}
	c.Apply(&Update{Revision: 4, Delete: []Key{op.Key(), "/apis/none", "/unknown/x"}})
	if c.Operations.Len() != 0 || c.Revision != 4 || c.APIs.Len() != 1 {
		t.Errorf("after a delete: %+v", c)
	}
}

// TestUnknown: a newer management node may send what this program does not know.
func TestUnknown(t *testing.T) {
	var u Update
	if err := json.Unmarshal([]byte(`{"service":"/s","put":[{"id":"/novelties/n","x":1},{"id":"/apis/a","path":"p","novel":true}]}`), &u); err != nil || len(u.Put) != 1 {
		t.Errorf("%v, %d entities", err, len(u.Put))
	}
}
