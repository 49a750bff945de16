package arm_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
)

// A secret of any kind is taken out of the body as a whole. A PUT that leaves it out
// keeps it, unless it is a whole one; a PATCH clears that by a null, also of what holds it.
func TestSecretsOfAnyKind(t *testing.T) {
	locked := &arm.Type{Segment: "safes", Shape: arm.Entity, ETag: true, Model: arm.NewModel(`
		properties.name        string
		properties.in.headers  any secret whole
		properties.in.pin      string secret whole
		properties.kept        map secret`)}
	locked.Hooks.Show = func(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
		shown := jsondoc.NewObject()
		for _, path := range []string{"properties.in.headers", "properties.kept"} {
			if v := r.SecretValue(path); v != nil {
				shown.Set(path, v)
			}
		}
		shown.Set("pin", r.SecretString("properties.in.pin"))
		out.Set("unsealed", shown)
	}
	p := &arm.Provider{Namespace: "Contoso.Test", Mounts: []arm.Mount{{At: arm.AtGroup, Types: []*arm.Type{locked}}}}
	w := armtest.Start(t, func(*armtest.World) []*arm.Provider { return []*arm.Provider{p} })
	path := armtest.GroupID().String() + "/providers/Contoso.Test/safes/a?api-version=2024-01-01"
	const headers, kept = `"properties.in.headers":{"x":["1",{"y":2}]}`, `"properties.kept":{"a":"b"}`
	for _, c := range []struct {
		method, body string
		code         int
		unsealed     string
	}{
		{"PUT", `{"properties": {"name": "a", "in": {"headers": {"x": ["1", {"y": 2}]}, "PIN": "7"}, "kept": {"a": "b"}}}`, 201, `{` + headers + `,` + kept + `,"pin":"7"}`},
		{"PATCH", `{"properties": {"name": "b"}}`, 200, `{` + headers + `,` + kept + `,"pin":"7"}`},
		{"PATCH", `{"properties": {"in": {"pin": null}, "kept": null}}`, 200, `{` + headers + `,` + kept + `,"pin":""}`},
		{"PATCH", `{"properties": {"kept": {"a": 7}}}`, 400, ""},
		{"PATCH", `{"properties": {"in": null}}`, 200, `{` + kept + `,"pin":""}`},
		{"PATCH", `{"properties": {"in": {"headers": "text"}}}`, 200, `{"properties.in.headers":"text",` + kept + `,"pin":""}`},
		{"PUT", `{"properties": {"name": "c"}}`, 200, `{` + kept + `,"pin":""}`},
	} {
		a := w.Do("owner", c.method, path, http.Header{"If-Match": {"*"}}, c.body)
		if a.Code != c.code {
			t.Fatalf("%s %s: %d %s", c.method, c.body, a.Code, a.Body)
		}
		out, err := jsondoc.ParseObject(a.Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		v, _ := out.Get("unsealed")
		want, _ := jsondoc.Parse([]byte(c.unsealed), jsondoc.Options{})
		if c.code < 300 && !jsondoc.Equal(v, want) {
			t.Errorf("%s %s: unsealed %s, want %s", c.method, c.body, jsondoc.Marshal(v), c.unsealed)
		}
	}
	id, _ := gatehouse.ParseID(strings.TrimSuffix(path, "?api-version=2024-01-01"))
	d, err := w.Store.Get(t.Context(), id.Scope())
	if err != nil || strings.Contains(string(d.Body), "text") || strings.Contains(string(d.Body), `"a"`) && strings.Contains(string(d.Body), "kept") {
		t.Errorf("the stored body holds a secret: %v %s", err, d.Body)
	}
}
