package apim_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
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
		agree(t, w, n)
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

func agree(t *testing.T, w *armtest.World, n int) {
	t.Helper()
	var byAPI, byTag []string
	for i := range n {
		for _, tag := range all(t, w, service+fmt.Sprintf("/apis/a%d/tags", i)+version) {
			byAPI = append(byAPI, fmt.Sprint("a", i, " ", tag.String("name")))
		}
		for _, link := range all(t, w, service+fmt.Sprintf("/tags/t%d/apiLinks", i)+version) {
			id := link.String("properties.apiId")
			byTag = append(byTag, fmt.Sprint(id[strings.LastIndexByte(id, '/')+1:], " t", i))
		}
	}
	slices.Sort(byAPI)
	slices.Sort(byTag)
	if !slices.Equal(byAPI, byTag) {
		t.Fatalf("assignments %v, links %v", byAPI, byTag)
	}
}
