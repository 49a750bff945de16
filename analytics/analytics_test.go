package analytics_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/analytics"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, o analytics.Options) *analytics.Store {
	t.Helper()
	if o.Clock == nil {
		o.Clock = func() time.Time { return noon }
	}
	s, err := analytics.Open(t.Context(), t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func random(r *rand.Rand) analytics.Request {
	pick := func(format string, n int) string {
		if i := r.IntN(n + 1); i > 0 {
			return fmt.Sprintf(format, i)
		}
		return ""
	}
	return analytics.Request{
		Service: fmt.Sprint("service", r.IntN(2)), Time: noon.Add(-time.Duration(r.Int64N(int64(6 * time.Hour)))), ID: fmt.Sprint(r.Uint64()),
		API: pick("/apis/a%d", 3), Product: pick("/products/p%d", 2), User: pick("/users/%d", 2), Subscription: pick("/subscriptions/s%d", 2),
		Gateway: pick("West %d", 1), Country: pick("C%d", 2), Zip: pick("%d", 2),
		Method: "GET", URL: "https://x/y", Status: []int{200, 301, 304, 307, 400, 401, 403, 404, 418, 429, 500, 503}[r.IntN(12)],
		RequestSize: r.Int64N(100), ResponseSize: r.Int64N(1000), Cache: []analytics.Cache{"", "none", "hit", "miss"}[r.IntN(4)],
		Total: time.Duration(r.Int64N(int64(time.Second))), Backend: time.Duration(r.Int64N(int64(time.Second))),
	}
}

// A report says what adding the requests up one by one says, whatever it selects and groups by.
func TestReports(t *testing.T) {
	s := open(t, analytics.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	var all []analytics.Request
	for range 40 {
		var batch []analytics.Request
		for range r.IntN(60) {
			batch = append(batch, random(r))
		}
		must(t, s.Add(t.Context(), batch))
		all = append(all, batch...)
	}
	for range 200 {
		q := analytics.Query{Service: fmt.Sprint("service", r.IntN(3))}
		if r.IntN(2) == 0 {
			q.From = noon.Add(-time.Duration(r.Int64N(int64(6 * time.Hour))))
		}
		if r.IntN(2) == 0 {
			q.To = noon.Add(-time.Duration(r.Int64N(int64(6 * time.Hour))))
		}
		if r.IntN(2) == 0 {
			q.Where = map[analytics.Field][]string{analytics.API: {"/APIS/a1", "/apis/A2", "/apis/none"}}
		}
		by := []analytics.Field{analytics.API, analytics.User, analytics.Country}[:r.IntN(4)]
		every := []time.Duration{0, analytics.Quarter, time.Hour, 24 * time.Hour}[r.IntN(4)]
		got, err := s.Report(t.Context(), q, by, every)
		must(t, err)
		want := naive(all, q, by, every)
		if len(got) != len(want) {
			t.Fatalf("%+v by %v every %v: %d rows, want %d", q, by, every, len(got), len(want))
		}
		for _, row := range got {
			if w, ok := want[key(row.Keys, by, row.Start)]; !ok || !close(row.Sums, *w) {
				t.Errorf("%+v by %v every %v: %+v, want %+v", q, by, every, row, w)
			}
		}
	}
}

func key(keys map[analytics.Field]string, by []analytics.Field, start time.Time) string {
	k := start.String()
	for _, f := range by {
		k += "|" + keys[f]
	}
	return k
}

func naive(all []analytics.Request, q analytics.Query, by []analytics.Field, every time.Duration) map[string]*analytics.Sums {
	rows := map[string]*analytics.Sums{}
	for _, r := range all {
		quarter := r.Time.Truncate(analytics.Quarter)
		if r.Service != q.Service || !q.From.IsZero() && quarter.Before(q.From.Truncate(analytics.Quarter)) || !q.To.IsZero() && quarter.After(q.To) {
			continue
		}
		if q.Where != nil && r.API != "/apis/a1" && r.API != "/apis/a2" {
			continue
		}
		var start time.Time
		if every > 0 {
			start = r.Time.Truncate(every)
		}
		k := key(map[analytics.Field]string{analytics.API: r.API, analytics.User: r.User, analytics.Country: r.Country}, by, start)
		total, backend := float64(r.Total)/1e6, float64(r.Backend)/1e6
		v := rows[k]
		if v == nil {
			v = &analytics.Sums{TotalMin: total, BackendMin: backend}
			rows[k] = v
		}
		switch {
		case slices.Contains([]int{200, 301, 304, 307}, r.Status):
			v.Success++
		case slices.Contains([]int{401, 403, 429}, r.Status):
			v.Blocked++
		case slices.Contains([]int{400, 500, 503}, r.Status):
			v.Failed++
		default:
			v.Other++
		}
		v.Bytes += r.RequestSize + r.ResponseSize
		switch r.Cache {
		case "hit":
			v.CacheHits++
		case "miss":
			v.CacheMisses++
		}
		v.Total, v.TotalMin, v.TotalMax = v.Total+total, min(v.TotalMin, total), max(v.TotalMax, total)
		v.Backend, v.BackendMin, v.BackendMax = v.Backend+backend, min(v.BackendMin, backend), max(v.BackendMax, backend)
	}
	return rows
}

func close(a, b analytics.Sums) bool {
	near := math.Abs(a.Total-b.Total) < 1e-6 && math.Abs(a.Backend-b.Backend) < 1e-6
	a.Total, a.Backend, b.Total, b.Backend = 0, 0, 0, 0
	return near && a == b
}

func TestRequests(t *testing.T) {
	s := open(t, analytics.Options{})
	var batch []analytics.Request
	for i := range 10 {
		batch = append(batch, analytics.Request{Service: "s", Time: noon.Add(time.Duration(9-i) * time.Second), ID: fmt.Sprint(i), API: fmt.Sprint("/apis/", i%2), Total: 1500 * time.Microsecond})
	}
	must(t, s.Add(t.Context(), batch))
	list, count, err := s.Requests(t.Context(), analytics.Query{Service: "s", From: noon.Add(2 * time.Second), Where: map[analytics.Field][]string{analytics.API: {"/apis/0"}}}, 1, 2)
	must(t, err)
	if count != 4 || len(list) != 2 || list[0].ID != "4" || list[1].ID != "2" || list[0].API != "/apis/0" || list[0].Total != 1500*time.Microsecond || list[0].Cache != "none" {
		t.Errorf("%d %+v", count, list)
	}
	if list, count, err := s.Requests(t.Context(), analytics.Query{Service: "t"}, 0, 10); err != nil || count != 0 || list != nil {
		t.Errorf("another service has %d %v %v", count, list, err)
	}
}

// What is too old goes: requests first, statistics later; and there are never many more requests than there may be.
func TestRetention(t *testing.T) {
	now := noon
	s := open(t, analytics.Options{Requests: 2 * time.Hour, Statistics: 24 * time.Hour, MaxRequests: 5, Clock: func() time.Time { return now }})
	left := func() (int, int) {
		_, requests, err := s.Requests(t.Context(), analytics.Query{Service: "s"}, 0, 10)
		must(t, err)
		rows, err := s.Report(t.Context(), analytics.Query{Service: "s"}, nil, analytics.Quarter)
		must(t, err)
		return requests, len(rows)
	}
	for hour := range 30 {
		now = noon.Add(time.Duration(hour) * time.Hour)
		must(t, s.Add(t.Context(), []analytics.Request{{Service: "s", Time: now}}))
		requests, rows := left()
		if requests > 3 || rows > 25 || requests < min(hour+1, 3) || rows < min(hour+1, 25) {
			t.Fatalf("after %d hours: %d requests, %d rows", hour, requests, rows)
		}
	}
	must(t, s.Add(t.Context(), slices.Repeat([]analytics.Request{{Service: "s", Time: now}}, 20)))
	now = now.Add(time.Hour)
	must(t, s.Add(t.Context(), []analytics.Request{{Service: "s", Time: now}}))
	if requests, _ := left(); requests != 6 {
		t.Errorf("%d requests are kept, five may be before the last batch", requests)
	}
}

func TestQuotas(t *testing.T) {
	s := open(t, analytics.Options{})
	period := analytics.Quota{Counter: "k", Period: "0_P7D", Start: noon, End: noon.Add(7 * 24 * time.Hour), Calls: 2, Kilobytes: 0.5}
	later := analytics.Quota{Counter: "k", Period: "1_P7D", Start: period.End, End: period.End.Add(7 * 24 * time.Hour), Calls: 1}
	must(t, s.Charge(t.Context(), "s", []analytics.Quota{period, later, {Counter: "other", Period: "0_P7D", Calls: 7}}))
	must(t, s.Charge(t.Context(), "s", []analytics.Quota{period}))
	must(t, s.Charge(t.Context(), "t", []analytics.Quota{period}))
	period.Calls, period.Kilobytes = 4, 1
	check := func(want ...analytics.Quota) {
		t.Helper()
		if got, err := s.Quotas(t.Context(), "s", "k", ""); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v %v, want %v", got, err, want)
		}
	}
	check(later, period)
	calls, kb := int64(0), 2.5
	must(t, s.SetQuota(t.Context(), "s", "k", "0_P7D", &calls, nil))
	period.Calls = 0
	check(later, period)
	must(t, s.SetQuota(t.Context(), "s", "k", "", nil, &kb))
	period.Kilobytes, later.Kilobytes = kb, kb
	check(later, period)
	must(t, s.SetQuota(t.Context(), "s", "none", "", &calls, &kb))
	if got, err := s.Quotas(t.Context(), "s", "none", ""); err != nil || got != nil {
		t.Errorf("setting made a counter: %v %v", got, err)
	}
}

// Nothing gets lost among writers, and what was kept is there after opening again.
// TestEdits: what is set in one store is set in another by number, each edit once and each period apart.
func TestEdits(t *testing.T) {
	at, away := open(t, analytics.Options{}), open(t, analytics.Options{})
	period := analytics.Quota{Counter: "k", Period: "0_P7D", Start: noon, End: noon.Add(7 * 24 * time.Hour), Calls: 5, Kilobytes: 1}
	later := analytics.Quota{Counter: "k", Period: "1_P7D", Start: period.End, End: period.End.Add(7 * 24 * time.Hour), Calls: 6}
	for _, s := range []*analytics.Store{at, away} {
		must(t, s.Charge(t.Context(), "s", []analytics.Quota{period}))
	}
	var told []string
	away.OnEdit(func(_ context.Context, service, counter, period string) {
		told = append(told, service+" "+counter+" "+period)
	})
	calls, kb := int64(0), 2.5
	must(t, at.SetQuota(t.Context(), "s", "k", "", &calls, nil))
	must(t, at.SetQuota(t.Context(), "s", "k", "0_P7D", nil, &kb))
	must(t, at.SetQuota(t.Context(), "other", "k", "", &calls, nil))
	must(t, away.Charge(t.Context(), "s", []analytics.Quota{later}))
	list, err := at.Edits(t.Context(), "s", 0)
	if err != nil || len(list) != 2 || list[0].Number >= list[1].Number || list[0].Period != "0_P7D" || *list[0].Calls != 0 || list[0].Kilobytes != nil {
		t.Fatalf("%+v %v", list, err)
	}
	must(t, away.TakeEdits(t.Context(), "s", list))
	must(t, away.Charge(t.Context(), "s", []analytics.Quota{{Counter: "k", Period: "0_P7D", Calls: 1}}))
	must(t, away.TakeEdits(t.Context(), "s", list)) // again
	period.Calls, period.Kilobytes = 1, kb
	if got, err := away.Quotas(t.Context(), "s", "k", ""); err != nil || !slices.Equal(got, []analytics.Quota{later, period}) {
		t.Errorf("%v %v, want %v; a period that began later was set, or an edit counted twice", got, err, []analytics.Quota{later, period})
	}
	if fmt.Sprint(told) != "[s k 0_P7D s k 0_P7D]" {
		t.Error(told)
	}
	last, err := away.LastEdit(t.Context(), "s")
	if rest, err2 := at.Edits(t.Context(), "s", last); err != nil || err2 != nil || len(rest) != 0 || last != list[1].Number {
		t.Error(last, rest, err, err2)
	}
	if last, err := away.LastEdit(t.Context(), "other"); err != nil || last != 0 {
		t.Error(last, err)
	}
}

func TestWriters(t *testing.T) {
	dir := t.TempDir()
	s, err := analytics.Open(t.Context(), dir, analytics.Options{})
	must(t, err)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 10 {
				batch := slices.Repeat([]analytics.Request{{Service: "s", Time: noon, API: fmt.Sprint(i), Status: 200}}, 20)
				if err := s.Add(t.Context(), batch); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	must(t, s.Close())
	if s, err = analytics.Open(t.Context(), dir, analytics.Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows, err := s.Report(t.Context(), analytics.Query{Service: "s"}, []analytics.Field{analytics.API}, 0)
	must(t, err)
	calls := int64(0)
	for _, r := range rows {
		calls += r.Calls()
	}
	if len(rows) != 8 || calls != 1600 {
		t.Errorf("%d rows, %d calls", len(rows), calls)
	}
}

// A nil Store was never told anything.
func TestNone(t *testing.T) {
	var s *analytics.Store
	must(t, s.Add(t.Context(), make([]analytics.Request, 1)))
	must(t, s.SetQuota(t.Context(), "s", "k", "", nil, nil))
	rows, err := s.Report(t.Context(), analytics.Query{}, nil, 0)
	if rows != nil || err != nil || s.Close() != nil {
		t.Error(rows, err)
	}
	if strings.Contains(analytics.File, "/") {
		t.Error("the file is in the data directory itself")
	}
}

// BenchmarkAdd keeps batches of 1,000 requests over 50 APIs with 10 operations and 1,000 subscriptions.
func BenchmarkAdd(b *testing.B) {
	s := open(b, analytics.Options{})
	r := rand.New(rand.NewPCG(3, 4))
	at := noon
	for b.Loop() {
		batch := make([]analytics.Request, 1000)
		for i := range batch {
			at = at.Add(10 * time.Millisecond)
			api := r.IntN(50)
			batch[i] = analytics.Request{Service: "s", Time: at, API: fmt.Sprint("/apis/", api), Operation: fmt.Sprint("/apis/", api, "/operations/", r.IntN(10)),
				Subscription: fmt.Sprint("/subscriptions/", r.IntN(1000)), Method: "GET", URL: "https://contoso.test/orders/12345", Status: 200, ID: "63e7119c-26aa-433c-96d7-f6f3267ff52f"}
		}
		must(b, s.Add(b.Context(), batch))
	}
	start := time.Now()
	_, err := s.Report(b.Context(), analytics.Query{Service: "s"}, []analytics.Field{analytics.API, analytics.Operation}, 0)
	must(b, err)
	b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/report")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/request")
}
