package apim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/arm"
)

// sentVersions are the api-versions that clients send (apim-control-plane.md 1.2).
var sentVersions = []string{"2016-07-07", "2016-10-10", "2017-03-01", "2018-01-01", "2018-06-01-preview", "2019-01-01", "2019-12-01-preview", "2019-12-01",
	"2020-06-01-preview", "2020-12-01", "2021-01-01-preview", "2021-04-01-preview", "2021-08-01", "2021-12-01-preview", "2022-04-01-preview", "2022-08-01",
	"2022-09-01-preview", "2023-03-01-preview", "2023-05-01-preview", "2023-09-01-preview", "2024-05-01", "2024-06-01-preview", "2024-10-01-preview",
	"2025-03-01-preview", "2025-09-01-preview", "2026-09-01-preview"}

// One of every type is read and written in a third of the api-versions, by turns. What the newest version wrote is
// the same thing in all of them: writing it again in another one changes nothing, so
// that clients of different age do not undo each other's work. Secrets
// stay in, and readers see none in any version.
func TestVersions(t *testing.T) {
	t.Parallel()
	w := world(t)
	_, sent := populate(t, w)
	var paths []string
	for path := range sent {
		if strings.HasSuffix(path, "/n0") || !strings.Contains(path[strings.LastIndex(path, "/"):], "/n") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for turn, path := range paths {
		target, err := w.Server.Resolve("PUT", path)
		if err != nil {
			t.Fatal(err)
		}
		d := w.Server.TypeOf(target.Route.TypeName)
		tag := ""
		for i, v := range sentVersions {
			if (turn+i)%3 != 0 {
				continue
			}
			version := "?api-version=" + v
			put := w.Do("owner", "PUT", path+version, http.Header{"If-Match": {"*"}}, sent[path])
			if put.Code != max(d.Type.Status.Update, http.StatusOK) {
				t.Errorf("PUT %s in %s: %d %s", path, v, put.Code, put.Body)
				break
			}
			if now := put.Header().Get("ETag"); tag != "" && now != tag {
				t.Errorf("PUT %s in %s changes something", path, v)
			}
			tag = put.Header().Get("ETag")
			if !has(w, d, arm.Get) {
				continue
			}
			get := w.Do("reader", "GET", path+version, nil, "")
			if get.Code != http.StatusOK || get.Header().Get("ETag") != tag || strings.Contains(get.Body.String(), hush) {
				t.Errorf("GET %s in %s: %d %s", path, v, get.Code, get.Body)
			}
		}
	}
	t.Logf("%d addresses", len(paths))
	quiet(t, w)
}

// Versions that were never published, and requests without one, are refused in the words of ARM, by everything below a service.
func TestUnsupportedVersions(t *testing.T) {
	w := world(t)
	for _, path := range []string{"", "/apis", "/apis/parent", "/workspaces/team/apis/parent", "/skus", "/reports/byApi", "/tenant/access/git"} {
		for query, code := range map[string]string{"": "MissingApiVersionParameter", "?api-version=": "MissingApiVersionParameter", "?x=2024-05-01": "MissingApiVersionParameter",
			"?api-version=2014-02-14": "InvalidApiVersionParameter", "?api-version=2016-07-06": "InvalidApiVersionParameter", "?api-version=2023-09-01": "InvalidApiVersionParameter",
			"?api-version=2099-01-01": "InvalidApiVersionParameter", "?api-version=2017-01-01-preview": "InvalidApiVersionParameter", "?api-version=latest": "InvalidApiVersionParameter",
			"?api-version=2024-05-01%27": "InvalidApiVersionParameter", "?api-version=2024-5-1": "InvalidApiVersionParameter"} {
			a := w.Do("owner", "GET", service+path+query, nil, "")
			e := parse(t, a.Body.Bytes()).Object("error")
			if path == "/tenant/access/git" && a.Code == http.StatusNotFound {
				continue // no GET there
			}
			if a.Code != http.StatusBadRequest || e.String("code") != code || code[0] == 'I' && !strings.HasPrefix(e.String("message"), "The api-version '") {
				t.Errorf("%s%s: %d %s", path, query, a.Code, a.Body)
			}
		}
	}
}

// A service may refuse older versions for all that it holds (apim-control-plane.md 1.2).
func TestLeastVersion(t *testing.T) {
	w := world(t)
	least := func(v string) {
		t.Helper()
		if a := w.Do("owner", "PATCH", service+version, nil, `{"properties": {"apiVersionConstraint": {"minApiVersion": `+v+`}}}`); a.Code != http.StatusOK {
			t.Fatalf("minApiVersion %s: %d %s", v, a.Code, a.Body)
		}
	}
	least(`"2021-08-01"`)
	for _, path := range []string{"/apis", "/apis/parent", "/apis/parent/operations/parent", "/workspaces/team/apis/parent", "/tenant/access", "/networkstatus", "/reports/byApi?$filter=timestamp ge datetime'2026-01-01T00:00:00'"} {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		for _, v := range sentVersions {
			a := w.Do("owner", "GET", service+path+join+"api-version="+v, nil, "")
			if refused := a.Code == http.StatusBadRequest && strings.Contains(a.Body.String(), "MissingOrIncorrectVersionParameter"); refused != (v < "2021-08-01") || !refused && a.Code != http.StatusOK {
				t.Errorf("%s in %s: %d %.300s", path, v, a.Code, a.Body)
			}
		}
	}
	for _, call := range []string{"PUT /products/parent", "PATCH /apis/parent", "DELETE /products/parent", "POST /subscriptions/master/listSecrets"} {
		method, path, _ := strings.Cut(call, " ")
		if a := w.Do("owner", method, service+path+"?api-version=2019-12-01", http.Header{"If-Match": {"*"}}, `{"properties": {}}`); !strings.Contains(a.Body.String(), "MissingOrIncorrectVersionParameter") {
			t.Errorf("%s: %d %s", call, a.Code, a.Body)
		}
	}
	least("null")
	if a := w.Do("owner", "GET", service+"/apis?api-version=2016-07-07", nil, ""); a.Code != http.StatusOK {
		t.Errorf("without a constraint: %d %s", a.Code, a.Body)
	}
}
