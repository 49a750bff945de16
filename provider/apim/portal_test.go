package apim_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim"
	"gatehouse/store"
)

// portalMakers are the makers of what the developer portal is made of.
var portalMakers = map[string]func(r *rand.Rand, n int) any{
	"portalsettings properties.enabled":                        none, // belongs to signin and signup
	"portalsettings properties.termsOfService.text":            none,
	"portalsettings properties.termsOfService.enabled":         none,
	"portalsettings properties.termsOfService.consentRequired": none,
	"contentTypes properties":                                  freeObject,
	"contentItems properties":                                  freeObject,
}

func freeObject(r *rand.Rand, _ int) any { return map[string]any{"free": anything(r, 4)} }

// A portal revision keeps what it published, whatever becomes of the content, and
// revisions of the same content share one snapshot.
func TestPublished(t *testing.T) {
	w := world(t)
	item := service + "/contentTypes/page/contentItems/home" + version
	publish := func(name, title string) {
		t.Helper()
		w.Do("owner", "PUT", item, nil, `{"properties": {"title": "`+title+`"}}`)
		if a := w.Do("owner", "PUT", service+"/portalRevisions/"+name+version, nil, `{"properties": {"isCurrent": true}}`); a.Code != 201 {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
	}
	publish("r1", "one")
	publish("r2", "two")
	publish("r3", "one")
	w.Do("owner", "DELETE", item, map[string][]string{"If-Match": {"*"}}, "")
	for name, title := range map[string]string{"r1": "one", "r2": "two", "r3": "one"} {
		items, err := apim.Published(t.Context(), w.Store, gatehouse.MustID(service+"/portalRevisions/"+name))
		if err != nil || len(items) != 1 || items[0].String("id") != "/contentTypes/page/contentItems/home" || items[0].String("properties.title") != title {
			t.Errorf("%s: %v %s, want %s", name, err, jsondoc.Marshal(object(items)), title)
		}
	}
	snapshots, err := w.Store.List(t.Context(), store.Query{Type: "Microsoft.ApiManagement/service/portalSnapshots"})
	if err != nil || len(snapshots.Documents) != 2 {
		t.Errorf("%d snapshots, %v", len(snapshots.Documents), err)
	}
	if a := w.Do("reader", "GET", service+"/portalRevisions"+version, nil, ""); strings.Contains(a.Body.String(), "snapshot") {
		t.Errorf("the list names snapshots: %s", a.Body)
	}
}

func object(items []*jsondoc.Object) *jsondoc.Object {
	list := make([]jsondoc.Value, len(items))
	for i, item := range items {
		list[i] = item
	}
	return jsondoc.NewObject("items", list)
}
