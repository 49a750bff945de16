package apim_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/store"
)

const contoso = `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`

// apiBody is an API as the service stores it: every tenth is a version in a set of ten.
func apiBody(n int) string {
	set := ""
	if n%10 == 0 {
		set = fmt.Sprintf(`,"apiVersion":"v%d","apiVersionSetId":"%s/apiVersionSets/set%d"`, n, service, n/100)
	}
	return fmt.Sprintf(`{"properties":{"displayName":"API %d","path":"path/%d","apiRevision":"1","isCurrent":true,"subscriptionRequired":true,"protocols":["https"],`+
		`"serviceUrl":"https://backend.test/%d","subscriptionKeyParameterNames":{"header":"Ocp-Apim-Subscription-Key","query":"subscription-key"}%s}}`, n, n, n, set)
}

// seeded is a World whose service holds so many APIs with so many operations each, written in bulk.
func seeded(b *testing.B, apis, operations int) *armtest.World {
	w := armtest.Start(b, build(b))
	if a := w.Do("owner", "PUT", service+version, nil, contoso); a.Code != 201 {
		b.Fatalf("service: %d %s", a.Code, a.Body)
	}
	holder := gatehouse.MustID(service)
	batch := []*store.Document{}
	put := func(id gatehouse.ID, kind, body string) {
		if batch = append(batch, &store.Document{ID: id, Type: "Microsoft.ApiManagement/service/" + kind, Body: []byte(body)}); len(batch) == 5000 {
			w.Put(b, batch...)
			batch = batch[:0]
		}
	}
	for n := range apis {
		if n%100 == 0 {
			put(holder.Child("apiVersionSets", fmt.Sprint("set", n/100)), "apiVersionSets", `{"properties":{"displayName":"Set","versioningScheme":"Segment"}}`)
		}
		id := holder.Child("apis", fmt.Sprint("api", n))
		put(id, "apis", apiBody(n))
		for k := range operations {
			put(id.Child("operations", fmt.Sprint("op", k)), "apis/operations",
				fmt.Sprintf(`{"properties":{"displayName":"Operation %d","method":"GET","urlTemplate":"/op/%d/{id}","templateParameters":[{"name":"id","type":"string"}],"responses":[]}}`, k, k))
		}
	}
	w.Put(b, batch...)
	return w
}

// sizes are how many APIs the service holds; the time of a request has to be the same for all.
func sizes(b *testing.B, each func(b *testing.B, w *armtest.World, apis int)) {
	for _, apis := range []int{10, 10_000, 100_000} {
		b.Run(fmt.Sprint(apis), func(b *testing.B) { each(b, seeded(b, apis, 0), apis) })
	}
}

// timed runs one request per iteration and reports the median.
func timed(b *testing.B, want int, w *armtest.World, request func(n int) (method, path, body string)) {
	var took []time.Duration
	n := 0
	for b.Loop() {
		method, path, body := request(n)
		n++
		start := time.Now()
		a := w.Do("owner", method, service+path+version, nil, body)
		took = append(took, time.Since(start))
		if a.Code != want {
			b.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
}

// A new API with a path, a version and a set of its own; the first one reads who has which path.
func BenchmarkPutAPI(b *testing.B) {
	sizes(b, func(b *testing.B, w *armtest.World, apis int) {
		start := time.Now()
		if a := w.Do("owner", "PUT", service+"/apis/first"+version, nil, `{"properties": {"displayName": "First", "path": "first"}}`); a.Code != 201 {
			b.Fatalf("first: %d %s", a.Code, a.Body)
		}
		first := time.Since(start)
		timed(b, 201, w, func(n int) (string, string, string) {
			return "PUT", fmt.Sprint("/apis/new", n), fmt.Sprintf(`{"properties": {"displayName": "New %d", "path": "new/%d", "apiVersion": "n%d", "apiVersionSetId": "/apiVersionSets/set0"}}`, n, n, n)
		})
		b.ReportMetric(float64(first.Milliseconds()), "first-ms")
	})
}

// An API that is there gets another description.
func BenchmarkUpdateAPI(b *testing.B) {
	sizes(b, func(b *testing.B, w *armtest.World, apis int) {
		w.Do("owner", "PUT", service+"/apis/first"+version, nil, `{"properties": {"displayName": "First", "path": "first"}}`)
		timed(b, 200, w, func(n int) (string, string, string) {
			n, round := n*7919%apis, n/apis
			return "PUT", fmt.Sprint("/apis/api", n), fmt.Sprintf(`{"properties": {"displayName": "API %d", "path": "path/%d", "description": "round %d of %d"}}`, n, n, round, n)
		})
	})
}

func BenchmarkGetAPI(b *testing.B) {
	sizes(b, func(b *testing.B, w *armtest.World, apis int) {
		timed(b, 200, w, func(n int) (string, string, string) {
			return "GET", fmt.Sprint("/apis/api", n*7919%apis), ""
		})
	})
}

// A revision by its number, which first has to be found to be the current one.
func BenchmarkGetRevision(b *testing.B) {
	sizes(b, func(b *testing.B, w *armtest.World, apis int) {
		timed(b, 200, w, func(n int) (string, string, string) {
			return "GET", fmt.Sprint("/apis/api", n*7919%apis, ";rev=1"), ""
		})
	})
}

// A release that exchanges two revisions of 300 operations, half of which differ.
func BenchmarkRelease(b *testing.B) {
	w := seeded(b, 1, 300)
	must := func(method, path, body string) {
		if a := w.Do("owner", method, service+path+version, nil, body); a.Code >= 300 {
			b.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
		}
	}
	must("PUT", "/apis/api0;rev=2", `{"properties": {"sourceApiId": "/apis/api0"}}`)
	for k := range 150 {
		must("PUT", fmt.Sprint("/apis/api0;rev=2/operations/op", k), fmt.Sprintf(`{"properties": {"displayName": "Other", "method": "GET", "urlTemplate": "/other/%d"}}`, k))
	}
	timed(b, 201, w, func(n int) (string, string, string) {
		return "PUT", fmt.Sprint("/apis/api0/releases/r", n), fmt.Sprintf(`{"properties": {"apiId": "/apis/api0;rev=%d"}}`, 2-n%2)
	})
}

// A service with 10,000 APIs and 200,000 operations is read by what has to know it
// before the first request: access, the directory, the server with its providers.
func BenchmarkStart(b *testing.B) {
	w := seeded(b, 10_000, 20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	opened := 0
	for b.Loop() {
		g, err := guard.New(b.Context(), w.Store)
		if err != nil {
			b.Fatal(err)
		}
		index, err := directory.NewIndex(b.Context(), w.Store)
		if err != nil {
			b.Fatal(err)
		}
		again := &armtest.World{Store: w.Store, Guard: g, Index: index, Clock: w.Clock}
		arm.New(arm.Config{Store: w.Store, Guard: g, BaseURL: armtest.BaseURL, TenantID: armtest.Tenant}, build(b)(again)...)
		opened++
	}
	runtime.GC()
	runtime.ReadMemStats(&after) // what was opened stays: the store tells all of them of its commits
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20)/float64(opened), "MiB-held")
	b.ReportMetric(float64(after.HeapSys)/(1<<20), "MiB-heap")
}
