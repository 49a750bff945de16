package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/store"
)

func testChanges(f *fixture) {
	d := group("Rg", `{"v": 1.50}`)
	c := f.write(func(tx *store.Tx) error {
		if seq := tx.Seq(); seq != 1 {
			f.Errorf("the next change has number %d", seq)
		}
		if err := tx.Put(d); err != nil {
			return err
		}
		tx.Answer(202)
		d.Body = []byte(`{"v":2}`)
		return tx.Put(d)
	})
	f.write(func(tx *store.Tx) error {
		if err := tx.Note(gatehouse.Event, "looked"); err != nil {
			return err
		}
		_, err := tx.Delete(d.Key())
		return err
	})
	got := f.changes(store.ChangeQuery{})
	if len(got) != 4 || len(c.Changes) != 2 {
		f.Fatalf("%d changes, want 4", len(got))
	}
	want := []struct {
		kind          gatehouse.ChangeKind
		before, after string
		status        int
	}{{gatehouse.Write, ``, `{"v": 1.50}`, 201}, {gatehouse.Write, `{"v": 1.50}`, `{"v":2}`, 202}, {gatehouse.Event, ``, ``, 0}, {gatehouse.Delete, `{"v":2}`, ``, 200}}
	for i, w := range want {
		if g := got[i]; g.Kind != w.kind || string(g.Before) != w.before || string(g.After) != w.after || g.Status != w.status {
			f.Errorf("change %d is %s %s -> %s %d, want %+v", i+1, g.Kind, g.Before, g.After, g.Status, w)
		}
	}
	f.sameChange(c.Changes[1], got[1])
	if got[0].Cause.Operation != "op" || string(got[0].Cause.Request) != `{"location": "<here>"}` {
		f.Errorf("the cause came back as %+v", got[0].Cause)
	}
	if one, err := f.s.Change(context.Background(), 3); err != nil || one.Note != "looked" {
		f.Errorf("change 3 is %+v, %v", one, err)
	}
	_, err := f.s.Change(context.Background(), 5)
	f.wantKind(err, gatehouse.NotFound)
	f.verify()
}

// sameChange compares what a writer and listeners were told with what the log says.
func (f *fixture) sameChange(told, logged gatehouse.Change) {
	f.Helper()
	a, err := json.Marshal(told)
	f.must(err)
	b, err := json.Marshal(logged)
	f.must(err)
	if string(a) != string(b) {
		f.Errorf("told  %s\nlogged %s", a, b)
	}
}

func testChangeQueries(f *fixture) {
	bob := gatehouse.NameGUID(gatehouse.GUID{}, "bob")
	start := f.clock.now
	for i, scope := range []string{"/subscriptions/s", "/subscriptions/s/resourceGroups/rg", "/subscriptions/s/resourceGroups/rg-1",
		"/subscriptions/s/resourceGroups/rg/providers/Microsoft.X/things/t", "/subscriptions/s2", "/subscriptions/s/resourceGroups/rg"} {
		c := cause()
		c.Scope = scope
		if i%2 == 1 {
			c.Caller.ID, c.Operation = bob, "other"
		}
		c.Correlation = scope
		body := []byte(`{"v":` + string(rune('0'+i)) + `}`)
		_, err := f.s.Write(context.Background(), c, func(tx *store.Tx) error {
			id := gatehouse.MustID(scope)
			return tx.Put(&store.Document{ID: id, Type: id.Type(), Body: body})
		})
		f.must(err)
		f.clock.now = f.clock.now.Add(time.Minute)
	}
	under := func(s string) *gatehouse.Scope { scope := gatehouse.MustScope(s); return &scope }
	for _, c := range []struct {
		q    store.ChangeQuery
		want []int64
	}{
		{store.ChangeQuery{}, []int64{1, 2, 3, 4, 5, 6}},
		{store.ChangeQuery{Descending: true}, []int64{6, 5, 4, 3, 2, 1}},
		{store.ChangeQuery{AfterSeq: 4}, []int64{5, 6}},
		{store.ChangeQuery{AfterSeq: 3, Descending: true}, []int64{2, 1}},
		{store.ChangeQuery{Limit: 2, AfterSeq: 1}, []int64{2, 3}},
		{store.ChangeQuery{Limit: 2, Descending: true}, []int64{6, 5}},
		{store.ChangeQuery{Under: under("/subscriptions/S")}, []int64{1, 2, 3, 4, 6}},
		{store.ChangeQuery{Under: under("/subscriptions/s/resourceGroups/RG")}, []int64{2, 4, 6}},
		{store.ChangeQuery{Under: under("/subscriptions/s/resourceGroups/RG"), Limit: 2, Descending: true}, []int64{6, 4}},
		{store.ChangeQuery{Under: under("/")}, []int64{1, 2, 3, 4, 5, 6}},
		{store.ChangeQuery{Resource: under("/subscriptions/s/resourceGroups/RG")}, []int64{2, 6}},
		{store.ChangeQuery{Actor: bob}, []int64{2, 4, 6}},
		{store.ChangeQuery{Operation: "other", AfterSeq: 2}, []int64{4, 6}},
		{store.ChangeQuery{Correlation: "/subscriptions/s2"}, []int64{5}},
		{store.ChangeQuery{Type: strings.ToUpper(groupType)}, []int64{2, 3, 6}},
		{store.ChangeQuery{Kind: gatehouse.Delete}, nil},
		{store.ChangeQuery{Since: start.Add(2 * time.Minute), Until: start.Add(4 * time.Minute)}, []int64{3, 4}},
		{store.ChangeQuery{Since: start.Add(90 * time.Second), Actor: bob}, []int64{4, 6}},
		{store.ChangeQuery{Since: start.Add(time.Hour)}, nil},
		{store.ChangeQuery{Until: start.Add(time.Hour), Descending: true, Limit: 1}, []int64{6}},
		{store.ChangeQuery{Until: start}, nil},
	} {
		var got []int64
		for _, change := range f.changes(c.q) {
			got = append(got, change.Seq)
		}
		if !slices.Equal(got, c.want) {
			f.Errorf("%+v: got %v, want %v", c.q, got, c.want)
		}
	}
}

// testBusyScope asks below scopes with few and with very many changes, which a
// driver may answer in different ways.
func testBusyScope(f *fixture) {
	note := func(scope string, n int) {
		c := cause()
		c.Scope = scope
		_, err := f.s.Write(context.Background(), c, func(tx *store.Tx) error {
			for range n {
				if err := tx.Note(gatehouse.Event, scope); err != nil {
					return err
				}
			}
			return nil
		})
		f.must(err)
	}
	note("/subscriptions/s/resourceGroups/rg-1", 3)
	note("/subscriptions/s/resourceGroups/rg/providers/Microsoft.X/things/t", 6000)
	note("/subscriptions/s/resourceGroups/rg", 2)
	note("/subscriptions/s2", 4)
	for scope, want := range map[string]int{"/subscriptions/S": 6005, "/subscriptions/s/resourceGroups/RG": 6002, "/subscriptions/s/resourceGroups/rg-1": 3, "/subscriptions/s2": 4, "/": 6009} {
		under := gatehouse.MustScope(scope)
		for _, descending := range []bool{false, true} {
			got := f.changes(store.ChangeQuery{Under: &under, Descending: descending})
			if len(got) != want || !slices.IsSortedFunc(got, func(a, b gatehouse.Change) int { return cmp.Compare(a.Seq, b.Seq) * sign(descending) }) {
				f.Errorf("%s, descending %v: %d changes, want %d in order", scope, descending, len(got), want)
			}
		}
	}
	one := gatehouse.MustScope("/subscriptions/s/resourceGroups/rg")
	if got := f.changes(store.ChangeQuery{Under: &one, AfterSeq: 4, Limit: 5500}); len(got) != 5500 || got[0].Seq != 5 || got[5499].Seq != 5504 {
		f.Errorf("%d changes, want 5500 from 5 on", len(got))
	}
}

func sign(descending bool) int {
	if descending {
		return -1
	}
	return 1
}

func testRecord(f *fixture) {
	refused := gatehouse.Change{Kind: gatehouse.Refused, Cause: cause(), Status: 403, Note: "no role"}
	refused.Cause.Decision = &gatehouse.Because{Code: gatehouse.AuthorizationFailed}
	f.must(f.s.Record(context.Background(), refused))
	for _, kind := range []gatehouse.ChangeKind{gatehouse.Write, gatehouse.Delete, ""} {
		if f.s.Record(context.Background(), gatehouse.Change{Kind: kind, Cause: cause()}) == nil {
			f.Errorf("a %q without a document was recorded", kind)
		}
	}
	scope := groupID("RG").Scope()
	got := f.changes(store.ChangeQuery{Kind: gatehouse.Refused, Under: &scope})
	if len(got) != 1 || got[0].Status != 403 || got[0].Note != "no role" || got[0].Cause.Decision.Code != gatehouse.AuthorizationFailed {
		f.Errorf("got %+v", got)
	}
	f.verify()
}
