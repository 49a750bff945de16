// Package storetest is what any store.Driver has to do, as a suite: Run is the
// definition of right, and no driver's own tests add to it. It also exercises
// everything that Store promises on top of a driver.
package storetest

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// Harness is how the suite reaches an engine.
type Harness struct {
	// Open opens the database that belongs to dir, making it the first time. The suite closes it.
	Open func(dir string) (store.Driver, error)
	// Dump returns everything that the engine keeps for dir, as raw bytes. The database may be open.
	Dump func(dir string) ([]byte, error)
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		test func(*fixture)
	}{
		{"casing", testCasing},
		{"put keeps what did not change", testUnchanged},
		{"delete", testDelete},
		{"malformed documents", testMalformed},
		{"type cannot change", testTypeChange},
		{"list order", testListOrder},
		{"list by parent and under", testListScopes},
		{"list by name", testListByName},
		{"page token after deletes", testPageAfterDelete},
		{"lists inside a write", testListInside},
		{"equal timestamps", testEqualTimes},
		{"clock going back", testClockBack},
		{"lost race on a revision", testLostRace},
		{"rollback midway", testRollback},
		{"panic", testPanic},
		{"goexit", testGoexit},
		{"use after the end", testUseAfterEnd},
		{"cancelled while queued", testCancelQueued},
		{"cancelled while running", testCancelRunning},
		{"very large document", testLarge},
		{"many writers", testManyWriters},
		{"listeners see commits in order, before the answer", testListeners},
		{"change log", testChanges},
		{"change queries", testChangeQueries},
		{"change queries below a busy scope", testBusyScope},
		{"refusals", testRecord},
		{"secrets are sealed", testSealed},
		{"secrets in the log", testLogSecrets},
		{"secret moved to another document", testMovedSecret},
		{"rotation", testRotation},
		{"interrupted rotation", testInterruptedRotation},
		{"wrong key", testWrongKey},
		{"tickets", testTickets},
		{"a ticket is taken once", testTicketRace},
		{"sweep", testSweep},
		{"reopen", testReopen},
		{"backup while writing", testBackup},
		{"agreement with a map", testModel},
		{"close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(newFixture(t, h))
		})
	}
}

// fixture is one database of one test.
type fixture struct {
	*testing.T
	h     Harness
	dir   string
	clock *clock
	opt   store.Options
	s     *store.Store
}

// clock moves only when told.
type clock struct{ now time.Time }

func newFixture(t *testing.T, h Harness) *fixture {
	f := &fixture{T: t, h: h, dir: t.TempDir(), clock: &clock{time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}}
	f.opt = store.Options{KeyFile: filepath.Join(f.dir, "test.key"), Clock: func() time.Time { return f.clock.now },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Sweep: time.Hour}
	f.open()
	t.Cleanup(func() { f.s.Close() })
	return f
}

func (f *fixture) open() {
	f.Helper()
	if err := f.tryOpen(); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) tryOpen() error {
	d, err := f.h.Open(f.dir)
	if err != nil {
		return err
	}
	s, err := store.Open(context.Background(), d, f.opt)
	if err != nil {
		d.Close()
		return err
	}
	f.s = s
	return nil
}

func (f *fixture) reopen() {
	f.Helper()
	f.must(f.s.Close())
	f.open()
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) wantKind(err error, kind gatehouse.Kind) {
	f.Helper()
	if err == nil || gatehouse.KindOf(err) != kind {
		f.Fatalf("got error %v, want one of kind %d", err, kind)
	}
}

const groupType = "Microsoft.Resources/subscriptions/resourceGroups"

func group(name, body string) *store.Document {
	return &store.Document{ID: groupID(name), Type: groupType, Body: []byte(body)}
}

func groupID(name string) gatehouse.ID {
	return gatehouse.MustID("/subscriptions/00000000-0000-0000-0000-00000000000A/resourceGroups/" + name)
}

func cause() gatehouse.Cause {
	return gatehouse.Cause{Caller: gatehouse.Caller{ID: gatehouse.NameGUID(gatehouse.GUID{}, "ada"), Name: "ada@contoso.example"},
		Action: "Microsoft.Resources/subscriptions/resourceGroups/write", Scope: groupID("Rg").String(),
		Operation: "op", Correlation: "corr", Request: []byte(`{"location": "<here>"}`)}
}

// put writes documents, each in a write of its own.
func (f *fixture) put(docs ...*store.Document) {
	f.Helper()
	for _, d := range docs {
		f.write(func(tx *store.Tx) error { return tx.Put(d) })
	}
}

func (f *fixture) write(w func(*store.Tx) error) store.Commit {
	f.Helper()
	c, err := f.s.Write(context.Background(), cause(), w)
	f.must(err)
	return c
}

func (f *fixture) get(id gatehouse.ID) *store.Document {
	f.Helper()
	d, err := f.s.Get(context.Background(), id.Scope())
	f.must(err)
	return d
}

func (f *fixture) missing(id gatehouse.ID) {
	f.Helper()
	_, err := f.s.Get(context.Background(), id.Scope())
	f.wantKind(err, gatehouse.NotFound)
}

func (f *fixture) list(q store.Query) (names []string, next string) {
	f.Helper()
	p, err := f.s.List(context.Background(), q)
	f.must(err)
	for _, d := range p.Documents {
		names = append(names, d.ID.Name())
	}
	return names, p.Next
}

func (f *fixture) changes(q store.ChangeQuery) (all []gatehouse.Change) {
	f.Helper()
	seq, err := f.s.Changes(context.Background(), q)
	f.must(err)
	for c, err := range seq {
		f.must(err)
		all = append(all, c)
	}
	return all
}

// verify walks the log and compares every record with itself and the one before.
func (f *fixture) verify() (n int) {
	f.Helper()
	previous := make([]byte, 32)
	for r, err := range f.s.Records(context.Background(), 0) {
		f.must(err)
		if n++; r.Seq != int64(n) {
			f.Fatalf("record %d has sequence number %d", n, r.Seq)
		}
		if _, err := r.Check(previous); err != nil {
			f.Fatalf("record %d: %v", r.Seq, err)
		}
		previous = r.Hash
	}
	if seq, hash := f.s.Head(context.Background()); seq != int64(n) || n > 0 && hash != hexOf(previous) {
		f.Fatalf("the head is %d %s, the log ends with %d %x", seq, hash, n, previous)
	}
	return n
}
