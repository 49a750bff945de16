package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/store"
)

func testCasing(f *fixture) {
	f.put(group("Rg-One", `{"v":1}`))
	again := group("RG-ONE", `{"v":2}`)
	f.put(again)
	d := f.get(gatehouse.MustID(strings.ToUpper(groupID("rg-one").String())))
	if d.ID != groupID("Rg-One") || string(d.Body) != `{"v":2}` {
		f.Errorf("got %s %s, want the ID as first written and the newer body", d.ID, d.Body)
	}
	if again.ID != groupID("Rg-One") {
		f.Errorf("Put left the ID at %s", again.ID)
	}
	if names, _ := f.list(store.Query{Type: strings.ToLower(groupType)}); len(names) != 1 {
		f.Errorf("a type in lower case lists %v", names)
	}
}

func testUnchanged(f *fixture) {
	d := group("Rg", `{"v":1}`)
	d.Secret = []byte(`{"p":"x"}`)
	f.put(d)
	revision, updated := d.Revision, d.Updated
	f.clock.now = f.clock.now.Add(time.Hour)
	same := group("Rg", `{"v":1}`)
	same.Secret = []byte(`{"p":"x"}`)
	if c := f.write(func(tx *store.Tx) error { return tx.Put(same) }); len(c.Changes) != 0 {
		f.Errorf("an unchanged document made %d changes", len(c.Changes))
	}
	if same.Revision != revision || !same.Updated.Equal(updated) {
		f.Errorf("an unchanged document went from revision %d to %d", revision, same.Revision)
	}
	same.Secret = []byte(`{"p":"y"}`)
	f.put(same)
	if same.Revision <= revision || string(f.get(d.ID).Secret) != `{"p":"y"}` {
		f.Error("a new secret alone did not count as a change")
	}
	none := group("Rg", `{"v":1}`)
	f.put(none)
	if got := f.get(d.ID); got.Secret != nil || !got.Created.Equal(updated) || got.Updated.Equal(updated) {
		f.Errorf("got %+v, want no secret, created kept, updated moved", got)
	}
	f.write(func(tx *store.Tx) error { // a body changed in place is a change
		d, err := tx.Get(context.Background(), none.Key())
		f.must(err)
		d.Body[5] = '7'
		return tx.Put(d)
	})
	if got := f.get(d.ID); string(got.Body) != `{"v":7}` {
		f.Errorf("a body changed in place was stored as %s", got.Body)
	}
}

func testDelete(f *fixture) {
	d := group("Rg", `{"v":1}`)
	f.put(d)
	old := d.Revision
	c := f.write(func(tx *store.Tx) error {
		gone, err := tx.Delete(d.Key())
		if err == nil && string(gone.Body) != `{"v":1}` {
			f.Errorf("Delete returned %s", gone.Body)
		}
		return err
	})
	if len(c.Changes) != 1 || string(c.Changes[0].Before) != `{"v":1}` || c.Changes[0].After != nil {
		f.Errorf("the change is %+v", c.Changes)
	}
	f.missing(d.ID)
	_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error { _, err := tx.Delete(d.Key()); return err })
	f.wantKind(err, gatehouse.NotFound)
	again := group("RG", `{"v":1}`)
	f.put(again)
	if again.Revision <= old || f.get(d.ID).ID != groupID("RG") {
		f.Error("a document made again reuses revision or casing of the deleted one")
	}
	f.write(func(tx *store.Tx) error { // gone and back in one write
		if _, err := tx.Delete(d.Key()); err != nil {
			return err
		}
		if _, err := tx.Get(context.Background(), d.Key()); gatehouse.KindOf(err) != gatehouse.NotFound {
			f.Errorf("a deleted document is found: %v", err)
		}
		return tx.Put(group("Rg", `{"v":3}`))
	})
	if n := f.verify(); n != 5 {
		f.Errorf("%d changes, want 5", n)
	}
}

func testMalformed(f *fixture) {
	for _, d := range []*store.Document{
		group("Rg", ``), group("Rg", `[]`), group("Rg", `{"a":}`), group("Rg", `{} {}`), group("Rg", `null`),
		{ID: groupID("Rg"), Body: []byte(`{}`)},
		{ID: groupID("Rg"), Type: groupType, Body: []byte(`{}`), Secret: []byte(`geheim`)},
	} {
		_, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error { return tx.Put(d) })
		if err == nil || strings.Contains(err.Error(), "geheim") {
			f.Errorf("a document with body %q of type %q: %v", d.Body, d.Type, err)
		}
	}
	bad := cause()
	bad.Request = []byte(`{"a":`)
	if _, err := f.s.Write(context.Background(), bad, func(tx *store.Tx) error { return tx.Put(group("Rg", `{}`)) }); err == nil {
		f.Error("a cause whose request is no JSON was accepted")
	}
	f.missing(groupID("Rg"))
	f.put(group("Rg", " {\"a\": \"<&>\u2028\", \"n\": 1.50}\n"))
	if got := string(f.get(groupID("Rg")).Body); got != " {\"a\": \"<&>\u2028\", \"n\": 1.50}\n" {
		f.Errorf("a body came back as %q", got)
	}
	f.verify()
}

func testTypeChange(f *fixture) {
	f.put(group("Rg", `{}`))
	other := group("Rg", `{}`)
	other.Type = "Microsoft.Other/things"
	if _, err := f.s.Write(context.Background(), cause(), func(tx *store.Tx) error { return tx.Put(other) }); err == nil {
		f.Error("a document changed its type")
	}
}

func testListOrder(f *fixture) {
	// Bytes order, not language: a driver with a locale's collation mixes these up.
	names := []string{"b", "A", "a-b", "a.b", "a_b", "ä", "z", "Zz", "10", "9", "ab", "日本", "😀"}
	for _, name := range names {
		f.put(group(name, `{}`))
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = groupID(name).Scope().Name()
	}
	slices.Sort(keys)
	for limit := range len(names) + 2 {
		var got []string
		for after, more := "", true; more; more = after != "" {
			page, next := f.list(store.Query{Type: groupType, After: after, Limit: limit})
			got, after = append(got, page...), next
		}
		for i := range got {
			got[i] = gatehouse.Fold(got[i])
		}
		if !slices.Equal(got, keys) {
			f.Fatalf("pages of %d: got %q, want %q", limit, got, keys)
		}
	}
}

func testListScopes(f *fixture) {
	const assignment = "Microsoft.Authorization/roleAssignments"
	at := func(scope, name string) {
		id := gatehouse.MustID(scope).Extension("Microsoft.Authorization", "roleAssignments", name)
		f.put(&store.Document{ID: id, Type: assignment, Body: []byte(`{}`)})
	}
	at("/", "root")
	at("/subscriptions/s", "sub")
	at("/subscriptions/s/resourceGroups/rg", "rg")
	at("/subscriptions/s/resourceGroups/rg-1", "rg1") // sorts between rg and what is below rg
	at("/subscriptions/s/resourceGroups/rg.2", "rg2")
	at("/subscriptions/s/resourceGroups/rg/providers/Microsoft.X/things/t", "thing")
	at("/subscriptions/s2", "other")
	f.put(group("Rg", `{}`))
	for _, c := range []struct {
		parent, under, want string
	}{
		{"", "", "other rg rg1 rg2 root sub thing"},
		{"", "/", "other rg rg1 rg2 root sub thing"},
		{"", "/subscriptions/S", "rg rg1 rg2 sub thing"},
		{"", "/subscriptions/s/resourcegroups/RG", "rg thing"},
		{"/subscriptions/s/resourcegroups/RG", "", "rg"},
		{"/", "", "root"},
		{"/subscriptions/s", "/subscriptions/s/resourceGroups/rg", ""},
		{"", "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Authorization/roleAssignments/RG", "rg"}, // itself
		{"", "/subscriptions/none", ""},
	} {
		q := store.Query{Type: assignment}
		if c.parent != "" {
			s := gatehouse.MustScope(c.parent)
			q.Parent = &s
		}
		if c.under != "" {
			s := gatehouse.MustScope(c.under)
			q.Under = &s
		}
		f.wantList(q, c.want)
	}
}

func testListByName(f *fixture) {
	for _, id := range []string{"/subscriptions/a/resourceGroups/Same", "/subscriptions/b/resourceGroups/same", "/subscriptions/b/resourceGroups/same-1"} {
		f.put(&store.Document{ID: gatehouse.MustID(id), Type: groupType, Body: []byte(`{}`)})
	}
	f.put(&store.Document{ID: gatehouse.MustID("/subscriptions/same"), Type: "Microsoft.Resources/subscriptions", Body: []byte(`{}`)})
	b := gatehouse.MustScope("/subscriptions/b")
	f.wantList(store.Query{Type: groupType, Name: "SAME"}, "Same same")
	f.wantList(store.Query{Type: groupType, Name: "same", Parent: &b}, "same")
	f.wantList(store.Query{Name: "same"}, "Same same same")
	f.wantList(store.Query{Type: groupType, Name: "none"}, "")
}

// wantList compares what q selects, whole and by pages of one, and its count.
func (f *fixture) wantList(q store.Query, want string) {
	f.Helper()
	names, _ := f.list(q)
	slices.Sort(names)
	if got := strings.Join(names, " "); got != want {
		f.Errorf("%+v: got %q, want %q", q, got, want)
	}
	if n, err := f.s.Count(context.Background(), q); err != nil || n != len(names) {
		f.Errorf("%+v: count %d, %v, want %d", q, n, err, len(names))
	}
	n := 0
	for q.Limit = 1; ; n++ {
		page, next := f.list(q)
		if len(page) == 0 || next == "" {
			n += len(page)
			break
		}
		q.After = next
	}
	if n != len(names) {
		f.Errorf("%+v: by pages %d, want %d", q, n, len(names))
	}
}

func testPageAfterDelete(f *fixture) {
	for i := range 10 {
		f.put(group(fmt.Sprint("g", i), `{}`))
	}
	first, next := f.list(store.Query{Type: groupType, Limit: 4})
	f.write(func(tx *store.Tx) error { // what the token names, what was read and what is ahead
		for _, name := range []string{"g3", "g0", "g5"} {
			if _, err := tx.Delete(groupID(name).Scope()); err != nil {
				return err
			}
		}
		return nil
	})
	rest, end := f.list(store.Query{Type: groupType, Limit: 100, After: next})
	if got := append(first, rest...); end != "" || !slices.Equal(got, []string{"g0", "g1", "g2", "g3", "g4", "g6", "g7", "g8", "g9"}) {
		f.Errorf("got %v", got)
	}
	last, next := f.list(store.Query{Type: groupType, Limit: 7})
	if len(last) != 7 || next != "" {
		f.Errorf("a page that holds all has the token %q", next)
	}
}

func testListInside(f *fixture) {
	f.put(group("a", `{}`))
	f.write(func(tx *store.Tx) error {
		f.must(tx.Put(group("b", `{}`)))
		p, err := tx.List(context.Background(), store.Query{Type: groupType})
		n, err2 := tx.Count(context.Background(), store.Query{Type: groupType})
		if err != nil || err2 != nil || len(p.Documents) != 2 || n != 2 {
			f.Errorf("a write does not see itself: %d %d %v %v", len(p.Documents), n, err, err2)
		}
		if n, _ := f.s.Count(context.Background(), store.Query{Type: groupType}); n != 1 {
			f.Errorf("a reader sees %d documents, one is not committed", n)
		}
		return nil
	})
}

func testLarge(f *fixture) {
	body := append(append([]byte(`{"v":"`), bytes.Repeat([]byte("x"), 8<<20)...), `"}`...)
	d := &store.Document{ID: groupID("Rg"), Type: groupType, Body: body, Secret: body}
	f.put(d)
	other := group("Rg", `{"v":1}`)
	f.put(other)
	changes := f.changes(store.ChangeQuery{})
	if len(changes) != 2 || !bytes.Equal(changes[0].After, body) || !bytes.Equal(changes[1].Before, body) {
		f.Error("the log does not hold the large body")
	}
	f.put(d)
	if got := f.get(d.ID); !bytes.Equal(got.Body, body) || !bytes.Equal(got.Secret, body) {
		f.Error("a large document came back different")
	}
	f.verify()
}

func testReopen(f *fixture) {
	d := group("Rg", `{"v":1}`)
	d.Secret = []byte(`{"p":"x"}`)
	f.put(d)
	seq, hash := f.s.Head(context.Background())
	f.reopen()
	if got := f.get(d.ID); string(got.Secret) != `{"p":"x"}` || got.Revision != d.Revision || !got.Created.Equal(d.Created) {
		f.Errorf("got %+v, want %+v", got, d)
	}
	if s, h := f.s.Head(context.Background()); s != seq || h != hash {
		f.Errorf("the head went from %d %s to %d %s", seq, hash, s, h)
	}
	f.put(group("Rg", `{"v":2}`))
	if n := f.verify(); n != 2 {
		f.Errorf("%d changes, want 2", n)
	}
}
