package apim_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/store"
)

// Whatever is written by whichever name while revisions are released: one revision is
// the current one, nothing lies below the number of that one, every operation is held by
// an API, and no API has two with one template.
func TestReleasesAmongWrites(t *testing.T) {
	w := world(t)
	must := func(path, body string) {
		if a := w.Do("owner", "PUT", service+path+version, nil, body); a.Code >= 300 {
			t.Fatalf("%s: %d %s", path, a.Code, a.Body)
		}
	}
	for n := range 2 {
		must(fmt.Sprint("/apis/parent;rev=", n+2), `{"properties": {"sourceApiId": "/apis/parent"}}`)
	}
	var wait sync.WaitGroup
	for worker := range 6 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 17))
			for n := range 60 {
				api := "/apis/parent" + []string{"", ";rev=1", ";rev=2", ";rev=3"}[r.IntN(4)]
				operation := fmt.Sprint(api, "/operations/o", r.IntN(8))
				switch r.IntN(6) {
				case 0:
					write(t, w, "PUT", fmt.Sprint("/apis/parent/releases/r", r.IntN(5)), fmt.Sprintf(`{"properties": {"apiId": "/apis/parent;rev=%d"}}`, 1+r.IntN(3)))
				case 1:
					write(t, w, "DELETE", operation, "")
				case 2:
					write(t, w, "PATCH", api, fmt.Sprintf(`{"properties": {"serviceUrl": "https://b.test/%d"}}`, n))
				case 3:
					write(t, w, "PATCH", "/apis/parent", fmt.Sprintf(`{"properties": {"displayName": "Parent %d"}}`, n))
				default:
					write(t, w, "PUT", operation, fmt.Sprintf(`{"properties": {"displayName": "O", "method": "GET", "urlTemplate": "/t%d"}}`, r.IntN(8)))
				}
			}
		})
	}
	wait.Wait()
	checkRevisions(t, w)
}

func write(t *testing.T, w *armtest.World, method, path, body string) {
	a := w.Do("owner", method, service+path+version, map[string][]string{"If-Match": {"*"}}, body)
	if a.Code >= 500 || a.Code == 403 {
		t.Errorf("%s %s: %d %s", method, path, a.Code, a.Body)
	}
}

func checkRevisions(t *testing.T, w *armtest.World) {
	t.Helper()
	under := gatehouse.MustScope(service)
	page, err := w.Store.List(t.Context(), store.Query{Under: &under})
	if err != nil {
		t.Fatal(err)
	}
	apis, names, templates := map[string]*arm.Resource{}, map[string]string{}, map[string]string{}
	for _, d := range page.Documents {
		r, err := arm.FromDocument(d)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(r.Type, "service/apis") && strings.HasPrefix(r.ID.Name(), "parent"):
			apis[r.ID.Name()], names[r.Props().String("displayName")] = r, r.ID.Name()
		case strings.HasSuffix(r.Type, "service/apis/operations"):
			key := r.ID.Parent().Name() + " " + r.Props().String("method") + " " + r.Props().String("urlTemplate")
			if other := templates[key]; other != "" {
				t.Errorf("operations %s and %s have one template: %s", r.ID.Name(), other, key)
			}
			templates[key] = r.ID.Name()
			if _, err := w.Store.Get(t.Context(), r.ID.Parent().Scope()); err != nil {
				t.Errorf("%s: %v", r.ID, err)
			}
		}
	}
	current := apis["parent"].Props().String("apiRevision")
	if len(apis) != 3 || apis["parent;rev="+current] != nil || !apis["parent"].Props().Bool("isCurrent") {
		t.Errorf("revision %s is current among %v", current, apis)
	}
	for name, r := range apis {
		if name != "parent" && (r.Props().Has("isCurrent") || name != "parent;rev="+r.Props().String("apiRevision")) {
			t.Errorf("%s: %v", name, r.Props())
		}
	}
	if len(names) != 1 {
		t.Errorf("the revisions have different display names: %v", names)
	}
}
