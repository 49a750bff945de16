package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

const apiType = "Microsoft.ApiManagement/service/apis"

// apiBody is about the size of a real API document.
var apiBody = []byte(`{"properties":{"displayName":"Calculator","apiRevision":"1","description":"Adds, subtracts, multiplies and divides. Call it with two numbers and be told a third.","subscriptionRequired":true,"serviceUrl":"https://calc.example.org/api","path":"calc","protocols":["https"],"authenticationSettings":{"oAuth2":null,"openid":null},"subscriptionKeyParameterNames":{"header":"Ocp-Apim-Subscription-Key","query":"subscription-key"},"isCurrent":true}}`)

func apiID(n int) gatehouse.ID {
	const service = "/subscriptions/5ae4f3ab-3c2b-4d0c-8d5b-0c8f7a3c0001/resourceGroups/rg%d/providers/Microsoft.ApiManagement/service/contoso/apis/api%06d"
	return gatehouse.MustID(fmt.Sprintf(service, n%10, n))
}

func apiCause() gatehouse.Cause {
	op := gatehouse.NewGUID().String()
	return gatehouse.Cause{
		Caller: gatehouse.Caller{ID: gatehouse.NameGUID(gatehouse.GUID{}, "ada"), Type: gatehouse.User, Name: "ada@contoso.example", Method: "pwd", Address: "127.0.0.1",
			TokenID: "aTokenIdentifier", IssuedAt: time.Unix(1790000000, 0).UTC(), ExpiresAt: time.Unix(1790003600, 0).UTC()},
		Action: "Microsoft.ApiManagement/service/apis/write", Scope: apiID(1).String(), Method: "PUT", Operation: op, Correlation: op,
		Decision: &gatehouse.Because{Allowed: true, Grant: op, Role: op}, Request: apiBody,
	}
}

func open(tb testing.TB, dir string, o store.Options, s sqlite.Settings) *store.Store {
	tb.Helper()
	opened, err := sqlite.Open(context.Background(), dir, o, s)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { opened.Close() })
	return opened
}

func put(tb testing.TB, s *store.Store, n int) {
	d := &store.Document{ID: apiID(n), Type: apiType, Body: apiBody}
	if _, err := s.Write(context.Background(), apiCause(), func(tx *store.Tx) error { return tx.Put(d) }); err != nil {
		tb.Error(err)
	}
}

// BenchmarkWrite/bare is the transaction that a write cannot do without: the
// same rows, made beforehand, through the same driver. BenchmarkWrite/store is one ARM write.
func BenchmarkWrite(b *testing.B) {
	b.Run("bare", benchBare)
	b.Run("store", func(b *testing.B) {
		s := open(b, b.TempDir(), store.Options{}, sqlite.Settings{})
		n := 0
		for b.Loop() {
			put(b, s, n)
			n++
		}
	})
	b.Run("ratio", benchRatio)
	b.Run("writers=100", func(b *testing.B) {
		s := open(b, b.TempDir(), store.Options{}, sqlite.Settings{})
		var n atomic.Int64
		b.SetParallelism(50) // times GOMAXPROCS, which is 2 where this was written
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				put(b, s, int(n.Add(1)))
			}
		})
	})
}

// benchRatio takes turns between the bare transaction and a write, since the time
// that a disk takes to flush wanders, and reports medians and their ratio.
func benchRatio(b *testing.B) {
	s, bare := open(b, b.TempDir(), store.Options{}, sqlite.Settings{}), bareWrite(b)
	var plain, whole []float64
	n := 0
	for b.Loop() {
		began := time.Now()
		bare()
		middle := time.Now()
		put(b, s, n)
		plain, whole = append(plain, float64(middle.Sub(began))), append(whole, float64(time.Since(middle)))
		n++
	}
	slices.Sort(plain)
	slices.Sort(whole)
	b.ReportMetric(plain[len(plain)/2]/1000, "bare-µs")
	b.ReportMetric(whole[len(whole)/2]/1000, "store-µs")
	b.ReportMetric(whole[len(whole)/2]/plain[len(plain)/2], "ratio")
}

func benchBare(b *testing.B) {
	bare := bareWrite(b)
	for b.Loop() {
		bare()
	}
}

// bareWrite returns a function that runs the one transaction which a write of a document needs, and nothing else.
func bareWrite(b *testing.B) func() {
	dir := b.TempDir()
	open(b, dir, store.Options{}, sqlite.Settings{}).Close() // makes the schema
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.DatabaseFile)+"?_pragma=synchronous(FULL)&_pragma=cache_size(-32000)&_pragma=temp_store(MEMORY)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	prepare := func(q string) *sql.Stmt {
		s, err := conn.PrepareContext(ctx, q)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	begin, commit := prepare(`BEGIN IMMEDIATE`), prepare(`COMMIT`)
	document := prepare(`INSERT INTO documents (key, id, type, type_name, parent, name, revision, created, updated, body) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`)
	change := prepare(`INSERT INTO changes (seq, time, kind, resource, scope, type, actor, operation, correlation, hash, record) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`)
	record, hash := make([]byte, 2300), make([]byte, 32)
	exec := func(s *sql.Stmt, args ...any) {
		if _, err := s.Exec(args...); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	return func() {
		n++
		id := apiID(n)
		key, op := id.Scope().String(), gatehouse.NewGUID().String()
		exec(begin)
		exec(document, key, id.String(), gatehouse.Fold(apiType), apiType, id.Parent().Scope().String(), id.Scope().Name(), n, n, n, apiBody)
		exec(change, n, n, "write", key, key, gatehouse.Fold(apiType), op, op, op, hash, record)
		exec(commit)
	}
}

// filled is a data directory with 100,000 documents, made once per benchmark.
func filled(b *testing.B) string {
	dir := b.TempDir()
	s := open(b, dir, store.Options{}, sqlite.Settings{Unsafe: true})
	defer s.Close()
	for n := 0; n < 100_000; n += 1000 {
		_, err := s.Write(context.Background(), apiCause(), func(tx *store.Tx) error {
			for i := range 1000 {
				if err := tx.Put(&store.Document{ID: apiID(n + i), Type: apiType, Body: apiBody}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// Benchmark100k is what a store of 100,000 documents costs to open and to read.
func Benchmark100k(b *testing.B) {
	ctx := context.Background()
	dir := filled(b)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := sqlite.Open(ctx, dir, store.Options{}, sqlite.Settings{})
			if err != nil {
				b.Fatal(err)
			}
			s.Close()
		}
	})
	s := open(b, dir, store.Options{}, sqlite.Settings{Unsafe: true})
	b.Run("load all", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range s.All(ctx, store.Query{Type: apiType}) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != 100_000 {
				b.Fatal(n)
			}
		}
	})
	service := apiID(5).Parent().Scope()
	after := apiID(90_005).Scope().String()
	subscription := gatehouse.MustScope("/subscriptions/5ae4f3ab-3c2b-4d0c-8d5b-0c8f7a3c0001")
	for _, c := range []struct {
		name string
		q    store.Query
	}{
		{"page by parent, first", store.Query{Type: apiType, Parent: &service, Limit: 50}},
		{"page by parent, deep", store.Query{Type: apiType, Parent: &service, Limit: 50, After: after}},
		{"page under, deep", store.Query{Type: apiType, Under: &subscription, Limit: 50, After: after}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if p, err := s.List(ctx, c.q); err != nil || len(p.Documents) != 50 {
					b.Fatal(len(p.Documents), err)
				}
			}
		})
	}
	for name, q := range map[string]store.Query{"count by parent": {Type: apiType, Parent: &service}, "count all": {Type: apiType}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := s.Count(ctx, q); err != nil || n < 10_000 {
					b.Fatal(n, err)
				}
			}
		})
	}
	b.Run("get", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n = (n + 7919) % 100_000
			if _, err := s.Get(ctx, apiID(n).Scope()); err != nil {
				b.Fatal(err)
			}
		}
	})
	benchChanges(b, s)
}

func benchChanges(b *testing.B, s *store.Store) {
	ctx := context.Background()
	one, group := apiID(77).Scope(), gatehouse.MustScope("/subscriptions/5ae4f3ab-3c2b-4d0c-8d5b-0c8f7a3c0001/resourceGroups/rg3")
	none := gatehouse.MustScope("/subscriptions/another")
	for _, c := range []struct {
		name string
		q    store.ChangeQuery
	}{
		{"changes, newest 50", store.ChangeQuery{Descending: true, Limit: 50}},
		{"changes of a resource", store.ChangeQuery{Resource: &one}},
		{"changes under a group, newest 50", store.ChangeQuery{Under: &group, Descending: true, Limit: 50}},
		{"changes under a resource", store.ChangeQuery{Under: &one, Descending: true, Limit: 50}},
		{"changes under nothing", store.ChangeQuery{Under: &none}},
		{"changes by an unknown actor", store.ChangeQuery{Actor: gatehouse.NewGUID()}},
		{"changes by the actor, newest 50", store.ChangeQuery{Actor: apiCause().Caller.ID, Descending: true, Limit: 50}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				changes, err := s.Changes(ctx, c.q)
				if err != nil {
					b.Fatal(err)
				}
				for _, err := range changes {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
