package insights_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/provider/authorization"
	"gatehouse/provider/identity"
	"gatehouse/provider/insights"
	"gatehouse/provider/resources"
)

func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			identity.New(armtest.Tenant, w.Index), insights.New(w.Store))
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }

// Pages follow each other without a gap and without a repetition, whatever happens meanwhile.
func TestPages(t *testing.T) {
	w := armtest.Start(t, build(t))
	write := func(n int) {
		t.Helper()
		body := fmt.Sprintf(`{"location": "westeurope", "tags": {"n": "%d"}}`, n)
		if a := w.Do("owner", "PUT", armtest.GroupID().String()+"?api-version=2021-04-01", nil, body); a.Code != 200 {
			t.Fatalf("PUT: %d %s", a.Code, a.Body)
		}
	}
	const writes = 560
	for i := range writes {
		write(i)
		w.Clock.Advance(1_000_000)
	}
	next := "/subscriptions/" + armtest.Subscription.String() + "/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&$select=eventDataId,operationName&$filter=eventTimestamp ge 2026-03-04 and resourceProvider eq 'Microsoft.Resources'"
	seen, pages := map[string]bool{}, 0
	for ; next != ""; pages++ {
		a := w.Do("owner", "GET", next, nil, "")
		var page struct {
			Value    []struct{ EventDataID string }
			NextLink string
		}
		if err := json.Unmarshal(a.Body.Bytes(), &page); err != nil || a.Code != 200 {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
		for _, e := range page.Value {
			if seen[e.EventDataID] {
				t.Fatalf("an event stands on two pages")
			}
			seen[e.EventDataID] = true
		}
		next = strings.TrimPrefix(page.NextLink, armtest.BaseURL)
		w.Clock.Advance(1_000_000)
		write(writes + pages) // must not shift what follows
	}
	if len(seen) != 2*writes || pages != 3 {
		t.Errorf("%d events on %d pages, want %d on 3", len(seen), pages, 2*writes)
	}
}
