package guard_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/guard"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

// TestTooManyRefusals: one caller cannot fill the log, nor can many; what is left out is counted, and the log says so.
func TestTooManyRefusals(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	clock := func() time.Time { return now }
	s, err := sqlite.Open(context.Background(), t.TempDir(), store.Options{Clock: clock}, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := guard.NewRefusals(s, clock)
	refuse := func(caller byte, n int) {
		t.Helper()
		for range n {
			c := gatehouse.Change{Kind: gatehouse.Refused, Status: 403, Cause: gatehouse.Cause{Caller: gatehouse.Caller{ID: gatehouse.GUID{caller}}, Action: "a/read", Scope: "/", Operation: gatehouse.NewGUID().String()}}
			if err := r.Record(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(q store.ChangeQuery) (n int, note string) {
		t.Helper()
		changes, err := s.Changes(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for c, err := range changes {
			if err != nil {
				t.Fatal(err)
			}
			n, note = n+1, c.Note
		}
		return n, note
	}
	of := func(caller byte) int {
		n, _ := count(store.ChangeQuery{Kind: gatehouse.Refused, Actor: gatehouse.GUID{caller}})
		return n
	}
	refuse(1, 500)
	refuse(2, 10)
	if of(1) != 200 || of(2) != 10 || r.Dropped() != 300 {
		t.Errorf("%d of the one, %d of the other, %d dropped", of(1), of(2), r.Dropped())
	}
	now = now.Add(2 * time.Minute)
	refuse(2, 1)
	if n, note := count(store.ChangeQuery{Kind: gatehouse.Event, Actor: gatehouse.GUID{1}}); n != 1 || !strings.HasPrefix(note, "300 refusals of this caller from 2026-03-04T05:06:07Z") {
		t.Errorf("%d gaps: %s", n, note)
	}
	if refuse(1, 1); of(1) != 201 {
		t.Error("a caller who has been quiet is not recorded")
	}
	for caller := range byte(20) { // more than the log takes of everybody together
		refuse(100+caller, 200)
	}
	if n, _ := count(store.ChangeQuery{Kind: gatehouse.Refused}); n > 2300 {
		t.Errorf("%d refusals are on record", n)
	}
	before := r.Dropped()
	if err := r.Flush(t.Context()); err != nil || before < 2000 {
		t.Error(err, before)
	}
	if n, _ := count(store.ChangeQuery{Kind: gatehouse.Event}); n < 10 {
		t.Errorf("%d gaps", n)
	}
}
