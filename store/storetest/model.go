package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/store"
)

// testModel does random things to the store and to a map, and compares what both
// answer. The map knows nothing of pages, folding tricks or transactions.
func testModel(f *fixture) {
	seed := rand.Uint64()
	m := &model{fixture: f, random: rand.New(rand.NewPCG(seed, 0)), docs: map[string]modelDoc{}}
	for range 400 {
		if m.random.IntN(3) == 0 {
			m.compareList()
		} else {
			m.write()
		}
		if f.Failed() {
			f.Fatalf("seed %d", seed)
		}
	}
	f.reopen()
	m.compareList()
	f.verify()
}

type modelDoc struct{ id, kind, body, secret string }

type model struct {
	*fixture
	random *rand.Rand
	docs   map[string]modelDoc // by folded ID
}

var modelTypes = []string{"Microsoft.A/as", "Microsoft.A/as/bs", "Microsoft.B/links"}

// randomID makes IDs that are few, nested, and close to each other in order.
func (m *model) randomID() (gatehouse.ID, string) {
	pick := func(all ...string) string { return all[m.random.IntN(len(all))] }
	name := func() string { return pick("a", "A", "a-", "a.b", "a0", "b", "é", "É") }
	path := "/subscriptions/" + name() + pick("", "/resourceGroups/"+name())
	kind := m.random.IntN(len(modelTypes))
	switch kind {
	case 0:
		path += "/providers/Microsoft.A/as/" + name()
	case 1:
		path += "/providers/Microsoft.A/as/" + name() + "/bs/" + name()
	default:
		path += pick("", "/providers/Microsoft.A/as/"+name()) + "/providers/Microsoft.B/links/" + name()
	}
	return gatehouse.MustID(path), modelTypes[kind]
}

// write does a few things in one transaction, which in the end fails now and then.
func (m *model) write() {
	next := maps.Clone(m.docs)
	failing := m.random.IntN(5) == 0
	_, err := m.s.Write(context.Background(), cause(), func(tx *store.Tx) error {
		for range 1 + m.random.IntN(4) {
			if err := m.step(tx, next); err != nil {
				return err
			}
		}
		if failing {
			return errors.New("on purpose")
		}
		return nil
	})
	if (err != nil) != failing {
		m.Errorf("write: %v", err)
	}
	if err == nil {
		m.docs = next
	}
}

func (m *model) step(tx *store.Tx, docs map[string]modelDoc) error {
	id, kind := m.randomID()
	key := id.Scope().String()
	old, exists := docs[key]
	if m.random.IntN(3) == 0 {
		_, err := tx.Delete(id.Scope())
		if exists != (err == nil) {
			return fmt.Errorf("deleting %s, which exists %v: %w", key, exists, err)
		}
		delete(docs, key)
		return nil
	}
	d := modelDoc{id: id.String(), kind: kind, body: fmt.Sprintf(`{"v":%d}`, m.random.IntN(3)), secret: []string{"", `{"p":1}`, `{"p":2}`}[m.random.IntN(3)]}
	if exists {
		d.id = old.id
	}
	seq := tx.Seq()
	stored := &store.Document{ID: id, Type: kind, Body: []byte(d.body)}
	if d.secret != "" {
		stored.Secret = []byte(d.secret)
	}
	if err := tx.Put(stored); err != nil {
		return err
	}
	if changed := tx.Seq() != seq; changed == (exists && old == d) || stored.ID.String() != d.id {
		return fmt.Errorf("putting %+v over %+v changed it: %v", d, old, changed)
	}
	docs[key] = d
	return nil
}

func (m *model) compareList() {
	q := store.Query{}
	if m.random.IntN(4) > 0 {
		q.Type = modelTypes[m.random.IntN(len(modelTypes))]
	}
	at, _ := m.randomID()
	scope := at.Scope()
	for range m.random.IntN(4) {
		scope = scope.Parent()
	}
	switch m.random.IntN(4) {
	case 0:
		q.Under = &scope
	case 1:
		q.Parent = &scope
	case 2:
		q.Name = at.Name()
	}
	want := m.expected(q)
	var got []string
	q.Limit = 1 + m.random.IntN(8)
	for more := true; more; more = q.After != "" {
		page, err := m.s.List(context.Background(), q)
		m.must(err)
		for _, d := range page.Documents {
			got = append(got, fmt.Sprint(modelDoc{d.ID.String(), d.Type, string(d.Body), string(d.Secret)}))
		}
		q.After = page.Next
	}
	n, err := m.s.Count(context.Background(), q)
	if !slices.Equal(got, want) || err != nil || n != len(want) {
		m.Errorf("%+v under %v parent %v: got %d, count %d, %v\n%s\nwant %d\n%s", q, q.Under, q.Parent, len(got), n, err, strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

func (m *model) expected(q store.Query) (all []string) {
	for _, key := range slices.SortedFunc(maps.Keys(m.docs), cmp.Compare) {
		d, scope := m.docs[key], gatehouse.MustScope(key)
		if q.Type != "" && d.kind != q.Type || q.Under != nil && !q.Under.Contains(scope) ||
			q.Parent != nil && scope.Parent() != *q.Parent || q.Name != "" && scope.Name() != gatehouse.Fold(q.Name) {
			continue
		}
		all = append(all, fmt.Sprint(d))
	}
	return all
}
