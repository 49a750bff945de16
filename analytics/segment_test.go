package analytics

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func opened(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	if o.Clock == nil {
		o.Clock = func() time.Time { return noon }
	}
	s, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func some(r *rand.Rand, n int) (list []Request) {
	for range n {
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint32())
		if r.IntN(10) == 0 {
			id = fmt.Sprint("by itself ", r.IntN(5))
		}
		list = append(list, Request{Service: fmt.Sprint("s", r.IntN(2)), Time: noon.Add(time.Duration(r.Int64N(1e6)) * time.Microsecond), ID: id,
			API: fmt.Sprint("/apis/", r.IntN(3)), Operation: "/apis/0/operations/o", Gateway: []string{"", "West"}[r.IntN(2)], Country: []string{"", "CH"}[r.IntN(2)], Method: []string{"GET", "POST"}[r.IntN(2)],
			URL: fmt.Sprint("https://x/ü/", r.IntN(50)), Address: fmt.Sprint("10.0.0.", r.IntN(9)), Status: r.IntN(600), BackendStatus: r.IntN(600),
			RequestSize: r.Int64N(1 << 40), ResponseSize: r.Int64N(300) - 1, Cache: []Cache{CacheNone, CacheHit, CacheMiss}[r.IntN(3)],
			Total: time.Duration(r.Int64N(1e10)), Backend: time.Duration(r.Int64N(1e9))})
	}
	return list
}

// Requests come back as they were, whatever segments they went into, by pages and by what is asked.
func TestSegments(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	r := rand.New(rand.NewPCG(5, 6))
	var all []Request
	for _, n := range []int{1, 3, 500, 2*mostInSegment + 7, 40} {
		batch := some(r, n)
		if err := s.Add(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		all = append(all, batch...)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir, Options{}) // nothing of it lives in memory alone
	for range 20 {
		q := Query{Service: fmt.Sprint("s", r.IntN(2))}
		if r.IntN(2) == 0 {
			q.From = noon.Add(time.Duration(r.Int64N(1e9)))
		}
		if r.IntN(2) == 0 {
			q.To = noon.Add(time.Duration(r.Int64N(1e9)))
		}
		if r.IntN(2) == 0 {
			q.Where = map[Field][]string{API: {"/APIS/1", "/apis/2"}}
		}
		skip, top := r.IntN(50), r.IntN(200)
		want := slices.DeleteFunc(slices.Clone(all), func(a Request) bool {
			return a.Service != q.Service || !q.From.IsZero() && a.Time.Before(q.From.Truncate(time.Microsecond)) || !q.To.IsZero() && a.Time.After(q.To) || q.Where != nil && a.API == "/apis/0"
		})
		slices.SortStableFunc(want, func(a, b Request) int { return a.Time.Compare(b.Time) })
		got, count, err := s.Requests(t.Context(), q, skip, top)
		if err != nil || count != len(want) {
			t.Fatalf("%+v: %d, want %d; %v", q, count, len(want), err)
		}
		if page := want[min(skip, count):min(skip+top, count)]; len(page)+len(got) > 0 && !reflect.DeepEqual(got, page) {
			t.Fatalf("%+v from %d: other requests than %d of them", q, skip, len(page))
		}
	}
}

// A database in which each request is a row is read into segments when it is opened, and no row is lost or there twice.
func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	r := rand.New(rand.NewPCG(7, 8))
	old := some(r, mostInSegment+100)
	if err := s.write(t.Context(), func(tx *sql.Tx) (func(), error) { return nil, addRows(s, tx, old) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = opened(t, dir, Options{})
		for _, service := range []string{"s0", "s1"} {
			want := slices.DeleteFunc(slices.Clone(old), func(a Request) bool { return a.Service != service })
			slices.SortStableFunc(want, func(a, b Request) int { return a.Time.Compare(b.Time) })
			got, count, err := s.Requests(t.Context(), Query{Service: service}, 0, len(old))
			for i := range want {
				want[i].Country = "" // rows had none
			}
			for i := range got { // they were kept as milliseconds with fractions
				if d := got[i].Total - want[i].Total; -time.Microsecond < d && d < time.Microsecond {
					got[i].Total = want[i].Total
				}
				if d := got[i].Backend - want[i].Backend; -time.Microsecond < d && d < time.Microsecond {
					got[i].Backend = want[i].Backend
				}
			}
			if err != nil || count != len(want) || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %d requests, want %d; %v", service, count, len(want), err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// addRows keeps requests as databases had them before there were segments.
func addRows(s *Store, tx *sql.Tx, list []Request) error {
	if _, err := tx.Exec(`CREATE TABLE requests (id INTEGER NOT NULL PRIMARY KEY, service INTEGER NOT NULL, time INTEGER NOT NULL, api INTEGER NOT NULL, operation INTEGER NOT NULL,
		product INTEGER NOT NULL, subscription INTEGER NOT NULL, user INTEGER NOT NULL, gateway INTEGER NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL, address TEXT NOT NULL,
		status INTEGER NOT NULL, backend_status INTEGER NOT NULL, request_size INTEGER NOT NULL, response_size INTEGER NOT NULL, cache TEXT NOT NULL, total REAL NOT NULL,
		backend REAL NOT NULL, request TEXT NOT NULL) STRICT; CREATE INDEX requests_by_time ON requests (service, time, id)`); err != nil {
		return err
	}
	var rows [][]any
	for i := range list {
		b, err := s.bucketOf(tx, map[place]bucket{}, &list[i])
		if err != nil {
			return err
		}
		r, d := &list[i], &b.dims
		rows = append(rows, []any{b.service, r.Time.UnixMicro(), d[0], d[1], d[2], d[3], d[4], d[5], r.Method, r.URL, r.Address, r.Status, r.BackendStatus, r.RequestSize, r.ResponseSize,
			string(r.Cache), milliseconds(r.Total), milliseconds(r.Backend), r.ID})
	}
	return insert(tx, `INSERT INTO requests (service, time, api, operation, product, subscription, user, gateway, method, url, address,
		status, backend_status, request_size, response_size, cache, total, backend, request) VALUES `, rows, "")
}

// FuzzSegment: a segment that is damaged is refused, or read as something else, and asks for no more memory than its size warrants.
func FuzzSegment(f *testing.F) {
	s := newSegment()
	for _, r := range some(rand.New(rand.NewPCG(9, 10)), 5) {
		s.add(dimensions{1, 2, 3}, &r)
	}
	f.Add(s.encode())
	f.Add([]byte{segmentVersion, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := openSegment(data)
		if err != nil {
			return
		}
		if r.n > len(data) || len(r.dims) > len(data) || len(r.texts) > len(data) {
			t.Fatalf("%d bytes hold %d requests", len(data), r.n)
		}
		for range r.n {
			r.head()
		}
		for range r.n {
			r.details(new(Request))
		}
	})
}

// What was summed up in memory alone is there after a crash, and nothing is counted twice: neither in a crash nor after an orderly end.
func TestRestore(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(11, 12))
	now := noon
	o := Options{Clock: func() time.Time { return now }, Requests: time.Hour}
	calls := int64(0)
	var s *Store
	for i := range 12 {
		s = opened(t, dir, o)
		for range 3 {
			batch := some(r, r.IntN(20))
			for i := range batch {
				batch[i].Time = now.Add(-time.Duration(i) * time.Second)
			}
			if err := s.Add(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			calls += int64(len(batch))
			now = now.Add(sumsWait / 2)
		}
		switch i % 4 {
		case 0: // a crash, some sums written and some not
		case 1:
			err := s.Close()
			if err != nil {
				t.Fatal(err)
			}
		case 2:
			if _, err := s.Report(t.Context(), Query{Service: "s0"}, nil, 0); err != nil {
				t.Fatal(err)
			}
		case 3:
			now = now.Add(3 * time.Hour) // the requests are deleted with the next batch
		}
		_ = s.db.Close()
	}
	s = opened(t, dir, o)
	got := int64(0)
	for _, service := range []string{"s0", "s1"} {
		rows, err := s.Report(t.Context(), Query{Service: service}, []Field{API, Country}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			got += row.Calls()
		}
	}
	if got != calls {
		t.Errorf("%d calls are reported of %d", got, calls)
	}
}
