package apim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// all reads a list to its end, following nextLink.
func all(t *testing.T, w *armtest.World, url string) (items []*jsondoc.Object) {
	t.Helper()
	for url != "" {
		a := w.Do("reader", "GET", url, nil, "")
		if a.Code != 200 {
			t.Fatalf("GET %s: %d %s", url, a.Code, a.Body)
		}
		page := parse(t, a.Body.Bytes())
		for _, v := range page.Array("value") {
			items = append(items, v.(*jsondoc.Object))
		}
		url = page.String("nextLink")
		if i := strings.Index(url, "/subscriptions/"); i > 0 {
			url = url[i:]
		}
	}
	return items
}

// Assignments and links of tags stay one relation, whichever way each is written and
// deleted; and lists of pairs are the same in pages of any size.
func TestTagsTwoWays(t *testing.T) {
	t.Parallel()
	w := world(t)
	do := func(method, path, body string) int {
		return w.Do("owner", method, service+path+version, map[string][]string{"If-Match": {"*"}}, body).Code
	}
	const n = 4
	for i := range n {
		do("PUT", fmt.Sprint("/tags/t", i), `{"properties": {"displayName": "T"}}`)
		do("PUT", fmt.Sprint("/apis/a", i), fmt.Sprintf(`{"properties": {"displayName": "A", "path": "a%d"}}`, i))
	}
	r := rand.New(rand.NewPCG(5, 8))
	for range 400 {
		tag, api := fmt.Sprint("t", r.IntN(n)), fmt.Sprint("a", r.IntN(n))
		link := fmt.Sprint("/tags/", tag, "/apiLinks/l", r.IntN(3))
		switch r.IntN(9) {
		case 0, 1, 2:
			do("PUT", "/apis/"+api+"/tags/"+tag, "")
		case 3, 4, 5:
			do("PUT", link, fmt.Sprintf(`{"properties": {"apiId": "/apis/%s"}}`, api))
		case 6:
			do("DELETE", "/apis/"+api+"/tags/"+tag, "")
		case 7:
			do("DELETE", link, "")
		case 8:
			if r.IntN(4) == 0 {
				do("DELETE", "/tags/"+tag, "")
				do("PUT", "/tags/"+tag, `{"properties": {"displayName": "T"}}`)
			}
		}
		agree(t, w)
	}
	for _, list := range []string{"/tagResources" + version, "/apisByTags" + version + "&includeNotTaggedApis=true"} {
		whole := all(t, w, service+list)
		for _, size := range []int{1, 2, 3, 7} {
			paged := all(t, w, service+list+fmt.Sprint("&$top=", size))
			if !slices.EqualFunc(whole, paged, func(a, b *jsondoc.Object) bool { return jsondoc.Equal(a, b) }) {
				t.Errorf("%s in pages of %d: %d items, %d in one page", list, size, len(paged), len(whole))
			}
		}
	}
}

// agree finds the other form of each relation in the store: the link of a short form, and
// the short form of a link. That holds below services, workspaces, revisions alike.
func agree(t *testing.T, w *armtest.World) {
	t.Helper()
	bodies := map[string]*jsondoc.Object{}
	page, err := w.Store.List(t.Context(), store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range page.Documents {
		body, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			t.Fatal(err)
		}
		bodies[d.Key().String()] = body
	}
	pairs := 0
	for key, body := range bodies {
		segments := strings.Split(key, "/")
		family := segments[len(segments)-2]
		holder := key[:strings.LastIndex(key, "/"+family+"/")]
		switch {
		case strings.HasSuffix(family, "links") && family != "workspacelinks":
			pairs++
			target := gatehouse.Fold(body.String("properties." + strings.TrimSuffix(family, "links") + "Id"))
			short := target + "/tags/" + holder[strings.LastIndexByte(holder, '/')+1:]
			if strings.Contains(holder, "/products/") {
				short = holder + "/" + strings.TrimSuffix(family, "links") + "s" + target[strings.LastIndexByte(target, '/'):]
			}
			if bodies[target] == nil || bodies[short] == nil || gatehouse.Fold(bodies[short].String("link")) != segments[len(segments)-1] {
				t.Fatalf("%s has no short form at %s", key, short)
			}
		case body.Has("link"):
			pairs--
		}
	}
	if pairs != 0 {
		t.Fatalf("there are %d more links than short forms", pairs)
	}
}

// Revisions, clones and releases carry their tags along as relations of their own.
func TestTagsOfRevisions(t *testing.T) {
	t.Parallel()
	w := world(t)
	do := func(method, path, body string) {
		t.Helper()
		if a := w.Do("owner", method, service+path+version+"&deleteRevisions=true", map[string][]string{"If-Match": {"*"}}, body); a.Code >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
		}
		agree(t, w)
	}
	tags := func(api string) (names string) {
		for _, tag := range all(t, w, service+"/apis/"+api+"/tags"+version) {
			names += tag.String("name")
		}
		return names
	}
	do("PUT", "/tags/a", `{"properties": {"displayName": "A"}}`)
	do("PUT", "/tags/b", `{"properties": {"displayName": "B"}}`)
	do("PUT", "/apis/parent/tags/a", "")
	do("PUT", "/apis/parent/operations/parent/tags/a", "")
	do("PUT", "/apis/parent;rev=2", `{"properties": {"path": "parent", "sourceApiId": "/apis/parent"}}`)
	do("PUT", "/apis/parent;rev=2/tags/b", "")
	if tags("parent") != "a" || tags("parent;rev=2") != "ab" {
		t.Errorf("revision 1 has %s, revision 2 has %s", tags("parent"), tags("parent;rev=2"))
	}
	do("PUT", "/apis/parent/releases/r", `{"properties": {"apiId": "/apis/parent;rev=2"}}`)
	if tags("parent") != "ab" || tags("parent;rev=1") != "a" {
		t.Errorf("after the release: revision 1 has %s, revision 2 has %s", tags("parent;rev=1"), tags("parent"))
	}
	do("PUT", "/apis/clone", `{"properties": {"path": "clone", "displayName": "Clone", "sourceApiId": "/apis/parent"}}`)
	do("DELETE", "/apis/parent;rev=1/tags/a", "")
	do("PUT", "/tags/b/apiLinks/l", `{"properties": {"apiId": "/apis/parent;rev=1"}}`)
	if tags("parent") != "ab" || tags("parent;rev=1") != "b" || tags("clone") != "ab" {
		t.Errorf("at the end: revision 1 has %s, revision 2 has %s, the clone %s", tags("parent;rev=1"), tags("parent"), tags("clone"))
	}
	do("DELETE", "/tags/a", "")
	do("DELETE", "/apis/parent", "")
	if tags("clone") != "b" {
		t.Errorf("the clone is left with %s", tags("clone"))
	}
}
