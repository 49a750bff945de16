package apim_test

import (
	"testing"
	"time"

	"gatehouse/analytics"
	"gatehouse/arm/armtest"
)

// traffic is what a gateway counted for a service named counted: its key is its id and
// the time of the first request to a world. The other services have none.
func traffic(t testing.TB) *analytics.Store {
	t.Helper()
	at := time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)
	s, err := analytics.Open(t.Context(), t.TempDir(), analytics.Options{Clock: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	key := armtest.GroupID().Scope().String() + "/providers/microsoft.apimanagement/service/counted 2026-03-04T05:06:08.1234560Z"
	request := func(minute int, status int, r analytics.Request) analytics.Request {
		r.Service, r.Status, r.Time = key, status, at.Add(time.Duration(minute)*time.Minute+1234567*time.Nanosecond)
		r.Gateway, r.Method, r.URL, r.Address = "West Europe", "GET", "https://counted.azure-api.net/orders?page=2", "198.51.100.7"
		r.Country, r.Region, r.Zip = "US", "WA", "98052"
		r.RequestSize, r.ResponseSize = 100, 900
		r.Total, r.Backend = time.Duration(10+minute)*time.Millisecond, 5500*time.Microsecond
		r.ID = "63e7119c-26aa-433c-96d7-f6f3267ff5" + string(rune('a'+minute/10)) + "0"
		if status < 400 {
			r.BackendStatus = status
		}
		return r
	}
	gold := analytics.Request{API: "/apis/orders", Operation: "/apis/orders/operations/list", Product: "/products/starter", User: "/users/1", Subscription: "/subscriptions/first"}
	open := analytics.Request{API: "/apis/plain", Cache: analytics.CacheHit}
	gone := analytics.Request{API: "/apis/gone", Operation: "/apis/gone/operations/x"}
	err = s.Add(t.Context(), []analytics.Request{request(0, 200, gold), request(10, 404, gold), request(20, 500, gold), request(20, 200, open),
		request(30, 401, analytics.Request{}), request(70, 200, gone)})
	if err == nil {
		week := 7 * 24 * time.Hour
		err = s.Charge(t.Context(), key, []analytics.Quota{
			{Counter: "first", Period: "0_P7D", Start: at, End: at.Add(week), Calls: 5, Kilobytes: 2.5830078125},
			{Counter: "first", Period: "1_P7D", Start: at.Add(week), End: at.Add(2 * week), Calls: 1},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}
