package counter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/analytics"
	"gatehouse/counter"
	"gatehouse/redis"
	"gatehouse/redis/redistest"
)

// clock is a clock that tests set.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

var dawn = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// opener opens nodes that count together. Their ledger is one, as that of a service is.
type opener func(t *testing.T, nodes int, o counter.Options) []counter.Counters

func openLocal(t *testing.T, nodes int, o counter.Options) []counter.Counters {
	c := counter.NewLocal(o)
	t.Cleanup(func() { c.Close(context.Background()) })
	all := make([]counter.Counters, nodes)
	for i := range all {
		all[i] = c
	}
	return all
}

func openShared(t *testing.T, server *redistest.Server, nodes int, o counter.Options) []counter.Counters {
	var all []counter.Counters
	for range nodes {
		conn := redis.New(redis.Options{Address: server.Address, Timeout: 5 * time.Second, Pause: 20 * time.Millisecond})
		c := counter.NewShared(conn, o)
		t.Cleanup(func() { c.Close(context.Background()); conn.Close() })
		all = append(all, c)
	}
	return all
}

func TestLocal(t *testing.T) { suite(t, openLocal) }

func TestShared(t *testing.T) {
	server := redistest.Start(t)
	suite(t, func(t *testing.T, nodes int, o counter.Options) []counter.Counters {
		return openShared(t, server, nodes, o)
	})
}

// suite is what every implementation has to do. It names its keys by the test, since a Redis is shared by all.
func suite(t *testing.T, open opener) {
	for _, each := range []struct {
		name string
		run  func(t *testing.T, open opener)
	}{
		{"window", testWindow}, {"retry", testRetry}, {"negative", testNegative}, {"apart", testApart}, {"model", testModel}, {"clock", testClock},
		{"exact", testExact}, {"quota", testQuota}, {"restart", testRestart}, {"edit", testEdit}, {"ledger", testLedgerGone}, {"together", testQuotaTogether},
	} {
		t.Run(each.name, func(t *testing.T) { each.run(t, open) })
	}
}

func start() *clock {
	c := &clock{}
	c.at.Store(dawn.UnixNano())
	return c
}

func keyOf(t *testing.T, name string) counter.Key { return counter.Key{Space: t.Name(), Name: name} }

func ledger(t testing.TB) *analytics.Store {
	t.Helper()
	s, err := analytics.Open(t.Context(), t.TempDir(), analytics.Options{Clock: func() time.Time { return dawn }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func testWindow(t *testing.T, open opener) {
	now := start()
	c := open(t, 2, counter.Options{Clock: now.now})
	w, k := counter.Window{Limit: 3, Length: time.Minute}, keyOf(t, "k")
	for i := range 3 {
		if v := c[i%2].Rate(t.Context(), k, w, 1); !v.OK || v.Used != int64(i+1) {
			t.Fatalf("call %d: %+v", i, v)
		}
		now.advance(10 * time.Second)
	}
	// The first leaves after a minute, which is in 30 seconds.
	for range 3 { // who is refused is not counted
		if v := c[1].Rate(t.Context(), k, w, 1); v.OK || v.Used != 3 || v.Retry != 30*time.Second {
			t.Fatalf("full: %+v", v)
		}
	}
	now.advance(30*time.Second - time.Millisecond)
	if v := c[0].Rate(t.Context(), k, w, 1); v.OK || counter.Seconds(v.Retry) != 1 {
		t.Fatalf("a moment too early: %+v", v)
	}
	now.advance(time.Millisecond)
	if v := c[0].Rate(t.Context(), k, w, 1); !v.OK || v.Used != 3 {
		t.Fatalf("the first has left: %+v", v)
	}
	if v := c[0].Rate(t.Context(), k, w, 1); v.OK || v.Retry != 10*time.Second {
		t.Fatalf("the second leaves next: %+v", v)
	}
	now.advance(time.Hour)
	if v := c[0].Rate(t.Context(), k, w, 0); !v.OK || v.Used != 0 {
		t.Fatalf("all have left, and nothing is counted: %+v", v)
	}
}

// testRetry is the recorded answer of gateway.md 4: 57 seconds of a window of 60.
func testRetry(t *testing.T, open opener) {
	now := start()
	c := open(t, 1, counter.Options{Clock: now.now})[0]
	w, k := counter.Window{Limit: 4, Length: time.Minute}, keyOf(t, "k")
	for range 4 {
		c.Rate(t.Context(), k, w, 1)
		now.advance(750 * time.Millisecond)
	}
	if v := c.Rate(t.Context(), k, w, 1); v.OK || counter.Seconds(v.Retry) != 57 {
		t.Errorf("got %+v", v)
	}
	// Several have to leave before there is room.
	big := keyOf(t, "big")
	c.AddRate(t.Context(), big, w, 2)
	now.advance(20 * time.Second)
	c.AddRate(t.Context(), big, w, 5)
	if v := c.Rate(t.Context(), big, w, 1); v.OK || v.Used != 7 || v.Retry != time.Minute {
		t.Errorf("7 of 4, 5 of which leave in a minute: %+v", v)
	}
	none := counter.Window{Limit: 0, Length: time.Minute}
	if v := c.Rate(t.Context(), keyOf(t, "none"), none, 1); v.OK || v.Retry != time.Minute {
		t.Errorf("nothing is allowed: %+v", v)
	}
}

func testNegative(t *testing.T, open opener) {
	now := start()
	c := open(t, 1, counter.Options{Clock: now.now})[0]
	w, k := counter.Window{Limit: 1000, Length: time.Minute}, keyOf(t, "k")
	c.Rate(t.Context(), k, w, 900)
	now.advance(5 * time.Second)
	c.AddRate(t.Context(), k, w, -600) // the estimate was too high
	if v := c.Rate(t.Context(), k, w, 0); !v.OK || v.Used != 300 {
		t.Errorf("got %+v", v)
	}
}

func testApart(t *testing.T, open opener) {
	now := start()
	c := open(t, 1, counter.Options{Clock: now.now})[0]
	w := counter.Window{Limit: 1, Length: time.Minute}
	for _, k := range []counter.Key{{Space: t.Name(), Name: "ab"}, {Space: t.Name() + "a", Name: "b"}, {Space: t.Name(), Name: "AB"}, {Space: t.Name(), Name: ""}, {Space: t.Name(), Name: "a\x00b"}, {Space: t.Name(), Of: "a", Name: "b"}, {Space: t.Name(), Of: "ab"}} {
		if v := c.Rate(t.Context(), k, w, 1); !v.OK {
			t.Errorf("%q was counted before: %+v", k, v)
		}
		if v := c.Rate(t.Context(), k, counter.Window{Limit: 1, Length: time.Second}, 1); !v.OK {
			t.Errorf("%q: windows of other lengths are counted apart: %+v", k, v)
		}
		if v := c.Rate(t.Context(), k, counter.Window{Limit: 5, Length: time.Minute}, 0); !v.OK || v.Used != 1 {
			t.Errorf("%q: windows of one length are one, whatever the limit: %+v", k, v)
		}
	}
}

// testModel compares with a list of all calls: what is younger than the window less a sub-window always counts, what is
// older than the window never does.
func testModel(t *testing.T, open opener) {
	now := start()
	c := open(t, 3, counter.Options{Clock: now.now})
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 8 {
		length := time.Duration(1+r.IntN(300)) * time.Second
		w, k := counter.Window{Limit: int64(1 + r.IntN(20)), Length: length}, keyOf(t, fmt.Sprint(round))
		var calls []time.Time
		for range 150 {
			now.advance(time.Duration(r.Int64N(int64(length) / w.Limit)).Truncate(time.Millisecond))
			if r.IntN(50) == 0 {
				now.advance(length)
			}
			young, all := int64(0), int64(0)
			for _, at := range calls {
				age := now.now().Sub(at)
				if age < length-length/60-time.Microsecond {
					young++
				}
				if age <= length {
					all++
				}
			}
			v := c[r.IntN(3)].Rate(t.Context(), k, w, 1)
			if v.OK {
				calls = append(calls, now.now())
				v.Used--
			}
			if v.OK && young >= w.Limit || !v.OK && all < w.Limit || v.Used < young || v.Used > all {
				t.Fatalf("%d in %v: %+v, but the model has %d to %d", w.Limit, length, v, young, all)
			}
			if !v.OK && r.IntN(2) == 0 {
				now.advance(v.Retry)
				if again := c[r.IntN(3)].Rate(t.Context(), k, w, 0); !again.OK {
					t.Fatalf("%d in %v: waited %v, as told, and got %+v", w.Limit, length, v.Retry, again)
				}
			}
		}
	}
}

func testClock(t *testing.T, open opener) {
	now := start()
	c := open(t, 1, counter.Options{Clock: now.now})[0]
	w, k := counter.Window{Limit: 2, Length: time.Minute}, keyOf(t, "k")
	c.Rate(t.Context(), k, w, 1)
	now.advance(-time.Hour)
	c.Rate(t.Context(), k, w, 1)
	if v := c.Rate(t.Context(), k, w, 1); v.OK || v.Used != 2 {
		t.Errorf("a clock that is set back forgets nothing: %+v", v)
	}
}

func testExact(t *testing.T, open opener) {
	now := start()
	c := open(t, 4, counter.Options{Clock: now.now})
	w, k := counter.Window{Limit: 100, Length: time.Minute}, keyOf(t, "k")
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				if c[i%4].Rate(t.Context(), k, w, 1).OK {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := passed.Load(); n != 100 {
		t.Errorf("%d of 100 passed", n)
	}
}

func testQuota(t *testing.T, open opener) {
	now := start()
	c := open(t, 2, counter.Options{Clock: now.now, Ledger: ledger(t), Every: -1})
	cycle, k := counter.Every(time.Hour, dawn), keyOf(t, "k")
	limit := counter.Amount{Calls: 3, Bytes: 5000}
	take := func(n counter.Amount) counter.QuotaVerdict {
		v := c[now.now().Second()%2].Quota(t.Context(), k, cycle.At(now.now()), limit, n)
		now.advance(time.Second)
		return v
	}
	for i := range 2 {
		if v := take(counter.Amount{Calls: 1, Bytes: 10}); !v.OK() || v.Used != (counter.Amount{Calls: int64(i + 1), Bytes: int64(10 * (i + 1))}) {
			t.Fatalf("call %d: %+v", i, v)
		}
	}
	c[0].AddQuota(t.Context(), k, cycle.At(now.now()), counter.Amount{Bytes: 6000})
	if v := take(counter.Amount{Calls: 1}); v.Out != counter.Bandwidth || v.End != time.Hour-2*time.Second || v.Used.Bytes != 6020 {
		t.Fatalf("bytes are used up: %+v", v)
	}
	c[1].AddQuota(t.Context(), k, cycle.At(now.now()), counter.Amount{Calls: 1, Bytes: -6000})
	if v := take(counter.Amount{Calls: 1}); v.Out != counter.Calls || v.Used != (counter.Amount{Calls: 3, Bytes: 20}) {
		t.Fatalf("calls are used up: %+v", v)
	}
	now.advance(time.Hour - 5*time.Second)
	if v := take(counter.Amount{Calls: 1}); v.OK() {
		t.Fatalf("the period is not over: %+v", v)
	}
	if v := take(counter.Amount{Calls: 1}); !v.OK() || v.Used != (counter.Amount{Calls: 1}) {
		t.Fatalf("a new period: %+v", v)
	}
	never := counter.Every(0, dawn).At(now.now())
	if v := c[0].Quota(t.Context(), k, never, counter.Amount{Calls: 1, Bytes: counter.Unlimited}, counter.Amount{Calls: 1}); !v.OK() {
		t.Fatalf("another period of the same key: %+v", v)
	}
	now.advance(10 * 365 * 24 * time.Hour)
	if v := c[0].Quota(t.Context(), k, never, counter.Amount{Calls: 1, Bytes: counter.Unlimited}, counter.Amount{Calls: 1}); v.OK() || v.End != 0 {
		t.Fatalf("a period that never ends: %+v", v)
	}
}

// sum is what the ledger has of a counter.
func sum(t *testing.T, l *analytics.Store, k counter.Key) (list []analytics.Quota) {
	t.Helper()
	list, err := l.Quotas(t.Context(), k.Space, k.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func testRestart(t *testing.T, open opener) {
	now, l := start(), ledger(t)
	o := counter.Options{Clock: now.now, Ledger: l, Every: -1}
	k, limit := keyOf(t, "k"), counter.Amount{Calls: 5, Bytes: counter.Unlimited}
	p := counter.Every(7*24*time.Hour, dawn.AddDate(0, 0, -8)).At(now.now())
	nodes := open(t, 2, o)
	for i := range 4 {
		nodes[i%2].Quota(t.Context(), k, p, limit, counter.Amount{Calls: 1, Bytes: 512})
	}
	for _, c := range nodes {
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	list := sum(t, l, k)
	if len(list) != 1 || list[0].Calls != 4 || list[0].Kilobytes != 2 || list[0].Period != "1_P7D" || !list[0].Start.Equal(dawn.AddDate(0, 0, -1)) || !list[0].End.Equal(dawn.AddDate(0, 0, 6)) {
		t.Fatalf("the ledger has %+v", list)
	}
	c := open(t, 1, o)[0]
	if v := c.Quota(t.Context(), k, p, limit, counter.Amount{Calls: 1}); !v.OK() || v.Used != (counter.Amount{Calls: 5, Bytes: 2048}) {
		t.Fatalf("after a restart: %+v", v)
	}
	if v := c.Quota(t.Context(), k, p, limit, counter.Amount{Calls: 1}); v.OK() {
		t.Fatalf("after a restart: %+v", v)
	}
	if err := errors.Join(c.Flush(t.Context()), c.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	if list := sum(t, l, k); len(list) != 1 || list[0].Calls != 5 {
		t.Fatalf("the ledger has %+v", list)
	}
}

func testEdit(t *testing.T, open opener) {
	now, l := start(), ledger(t)
	c := open(t, 1, counter.Options{Clock: now.now, Ledger: l, Every: -1})[0]
	k, limit := counter.Key{Space: t.Name(), Of: "starter", Name: "alice"}, counter.Amount{Calls: 3, Bytes: counter.Unlimited}
	p := counter.Every(time.Hour, dawn).At(now.now())
	l.OnEdit(c.Reload)
	take := func() counter.QuotaVerdict { return c.Quota(t.Context(), k, p, limit, counter.Amount{Calls: 1}) }
	for take().OK() {
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, period := range []string{"", p.Name()} {
		calls := int64(2)
		if err := l.SetQuota(t.Context(), k.Space, "starter:alice", period, &calls, nil); err != nil {
			t.Fatal(err)
		}
		if v := take(); !v.OK() || v.Used.Calls != 3 {
			t.Fatalf("after %q was set to 2: %+v", period, v)
		}
		if v := take(); v.OK() {
			t.Fatalf("after %q was set to 2, and another call: %+v", period, v)
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// broken is a ledger that fails until it is mended.
type broken struct {
	counter.Ledger
	mended atomic.Bool
}

func (b *broken) Charge(ctx context.Context, service string, batch []analytics.Quota) error {
	if !b.mended.Load() {
		return errors.New("disk full")
	}
	return b.Ledger.Charge(ctx, service, batch)
}

func (b *broken) Quotas(ctx context.Context, service, name, period string) ([]analytics.Quota, error) {
	if !b.mended.Load() {
		return nil, errors.New("disk full")
	}
	return b.Ledger.Quotas(ctx, service, name, period)
}

func testLedgerGone(t *testing.T, open opener) {
	now, l := start(), &broken{Ledger: ledger(t)}
	var told atomic.Int64
	c := open(t, 1, counter.Options{Clock: now.now, Ledger: l, Every: -1, Failed: func(error) { told.Add(1) }})[0]
	k, limit := keyOf(t, "k"), counter.Amount{Calls: 3, Bytes: counter.Unlimited}
	p := counter.Every(time.Hour, dawn).At(now.now())
	n := 0
	for c.Quota(t.Context(), k, p, limit, counter.Amount{Calls: 1}).OK() {
		n++
	}
	if err := c.Flush(t.Context()); n != 3 || err == nil || told.Load() == 0 {
		t.Fatalf("without a ledger: %d calls, %v, told %d times", n, err, told.Load())
	}
	l.mended.Store(true)
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := sum(t, l.Ledger.(*analytics.Store), k); len(list) != 1 || list[0].Calls != 3 {
		t.Fatalf("the ledger has %+v", list)
	}
	if v := c.Quota(t.Context(), k, p, limit, counter.Amount{Calls: 1}); v.OK() || v.Used.Calls != 3 {
		t.Fatalf("mended: %+v", v)
	}
}

func testQuotaTogether(t *testing.T, open opener) {
	now, l := start(), ledger(t)
	c := open(t, 3, counter.Options{Clock: now.now, Ledger: l, Every: time.Millisecond})
	k, limit := keyOf(t, "k"), counter.Amount{Calls: 100, Bytes: counter.Unlimited}
	p := counter.Every(time.Hour, dawn).At(now.now())
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for range 30 {
				if c[i%3].Quota(t.Context(), k, p, limit, counter.Amount{Calls: 1}).OK() {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	for _, each := range c {
		if err := each.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if list := sum(t, l, k); passed.Load() != 100 || len(list) != 1 || list[0].Calls != 100 {
		t.Errorf("%d of 100 passed, the ledger has %+v", passed.Load(), list)
	}
}
