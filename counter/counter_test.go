package counter_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/counter"
	"gatehouse/redis"
	"gatehouse/redis/redistest"
)

func TestCycles(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	calendar := func(name string) counter.Cycle {
		c, err := counter.Calendar(name)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, each := range []struct {
		cycle                  counter.Cycle
		now, start, end, named string
	}{
		{counter.Every(5*time.Minute, at("0001-01-01T00:00:00Z")), "2026-11-22T03:17:02Z", "2026-11-22T03:15:00Z", "2026-11-22T03:20:00Z", "213103047_PT5M"},
		{counter.Every(90*time.Minute, at("2026-01-01T00:00:00Z")), "2026-01-01T01:30:00Z", "2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z", "1_PT1H30M"},
		{counter.Every(25*time.Hour, at("2026-01-01T00:00:00+02:00")), "2025-01-01T00:00:00Z", "2025-12-31T22:00:00Z", "2026-01-01T23:00:00Z", "0_P1DT1H"},
		{counter.Every(0, at("2026-01-01T00:00:00Z")), "2030-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "", "0_P0D"},
		{calendar("Hourly"), "2026-11-22T03:17:02+05:30", "2026-11-21T21:00:00Z", "2026-11-21T22:00:00Z", "1795294800_PT1H"},
		{calendar("Daily"), "2026-11-22T03:17:02Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z", "1795305600_P1D"},
		{calendar("Weekly"), "2026-11-22T03:17:02Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z", "1794787200_P7D"},
		{calendar("Weekly"), "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z", "1795392000_P7D"},
		{calendar("Monthly"), "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z", "1832976000_P1M"},
		{calendar("Yearly"), "2026-11-22T03:17:02Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "1767225600_P1Y"},
	} {
		p := each.cycle.At(at(each.now))
		end := ""
		if !p.End.IsZero() {
			end = p.End.Format(time.RFC3339)
		}
		if got := p.Start.Format(time.RFC3339); got != each.start || end != each.end || p.Name() != each.named {
			t.Errorf("%s: %s to %s, %s", each.now, got, end, p.Name())
		}
	}
	if _, err := counter.Calendar("Minutely"); err == nil {
		t.Error("Minutely is no period")
	}
}

// What happens without Redis: see the package's comment.
func TestRedisGone(t *testing.T) {
	server := redistest.Start(t)
	now, l := start(), ledger(t)
	nodes := openShared(t, server, 2, counter.Options{Clock: now.now, Ledger: l, Every: -1})
	k, ctx := keyOf(t, "k"), t.Context()
	w, limit := counter.Window{Limit: 10, Length: time.Minute}, counter.Amount{Calls: 100, Bytes: counter.Unlimited}
	p := counter.Every(time.Hour, dawn).At(now.now())
	one := counter.Amount{Calls: 1}
	for i := range 6 {
		nodes[i%2].Rate(ctx, k, w, 1)
		nodes[i%2].Quota(ctx, k, p, limit, one)
	}
	server.Stop()
	began := time.Now()
	for range 50 {
		nodes[0].Rate(ctx, k, w, 1)
	}
	if v := nodes[0].Rate(ctx, k, w, 1); v.OK || v.Used != 10 {
		t.Errorf("a window is what this node counted: %+v", v)
	}
	if v := nodes[1].Rate(ctx, k, w, 0); !v.OK || v.Used != 3 {
		t.Errorf("a window is what this node counted: %+v", v)
	}
	for i := range 4 {
		if v := nodes[0].Quota(ctx, k, p, limit, one); !v.OK() || v.Used.Calls != int64(6+i) { // its last answer said 5
			t.Errorf("a period is what was known plus what is counted: %+v", v)
		}
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("without Redis calls take long: %v", d)
	}
	for _, c := range nodes {
		if err := c.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}

	server.Restart(t) // empty
	back := func(c counter.Counters) {
		for answered := 0; answered < 3; answered++ { // the first attempts meet connections that broke; keys go by different ones
			if c.Quota(ctx, k, p, limit, counter.Amount{}); c.(*counter.Shared).Down() {
				answered = -1
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	back(nodes[1])
	if v := nodes[1].Quota(ctx, k, p, limit, one); !v.OK() || v.Used.Calls != 11 {
		t.Errorf("a Redis that comes back empty starts from the ledger: %+v", v)
	}
	back(nodes[0])
	if v := nodes[0].Quota(ctx, k, p, limit, one); !v.OK() || v.Used.Calls != 12 {
		t.Errorf("what the ledger had is not counted twice: %+v", v)
	}
}

// A Redis that cannot be reached for a while, but forgot nothing, learns what was counted meanwhile.
func TestRedisAway(t *testing.T) {
	server := redistest.Start(t)
	now, l := start(), ledger(t)
	nodes := openShared(t, server, 2, counter.Options{Clock: now.now, Ledger: l, Every: -1})
	k, ctx, limit, one := keyOf(t, "k"), t.Context(), counter.Amount{Calls: 100, Bytes: counter.Unlimited}, counter.Amount{Calls: 1}
	p := counter.Every(time.Hour, dawn).At(now.now())
	nodes[0].Quota(ctx, k, p, limit, one)
	nodes[1].Quota(ctx, k, p, limit, one)
	nodes[0].(*counter.Shared).Hold(time.Hour)
	for range 5 {
		nodes[0].Quota(ctx, k, p, limit, one)
	}
	if v := nodes[1].Quota(ctx, k, p, limit, one); v.Used.Calls != 3 {
		t.Errorf("the other node: %+v", v)
	}
	nodes[0].(*counter.Shared).Hold(0)
	if v := nodes[0].Quota(ctx, k, p, limit, one); v.Used.Calls != 9 {
		t.Errorf("back again: %+v", v)
	}
}

func TestBounded(t *testing.T) {
	now := start()
	c := counter.NewLocal(counter.Options{Clock: now.now, MaxKeys: 640, Ledger: ledger(t), Every: -1})
	defer c.Close(context.Background())
	w := counter.Window{Limit: 1, Length: time.Second}
	p := counter.Every(time.Hour, dawn).At(now.now())
	for i := range 20000 {
		k := keyOf(t, fmt.Sprint(i))
		if !c.Rate(t.Context(), k, w, 1).OK {
			t.Fatal("counted before")
		}
		c.Quota(t.Context(), k, p, counter.Amount{Calls: 1, Bytes: 1}, counter.Amount{})
		now.advance(time.Microsecond)
	}
	if rates, periods := c.Sizes(); rates > 640 || periods > 640 {
		t.Errorf("%d windows, %d periods", rates, periods)
	}
}

func TestSlots(t *testing.T) {
	var c counter.Slots
	k, other := keyOf(t, "k"), keyOf(t, "other")
	first, second := c.Enter(k, 2), c.Enter(k, 2)
	if !first || !second || c.Enter(k, 2) || !c.Enter(other, 1) {
		t.Fatal("two slots are not two slots")
	}
	c.Leave(k)
	if again := c.Enter(k, 2); !again || c.Enter(k, 2) {
		t.Fatal("a slot was given back")
	}
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if !c.Enter(keyOf(t, "busy"), 3) {
					continue
				}
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				inside.Add(-1)
				c.Leave(keyOf(t, "busy"))
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n < 1 || n > 3 || !c.Enter(keyOf(t, "busy"), 1) {
		t.Errorf("%d were inside at once", n)
	}
}

func BenchmarkRate(b *testing.B) {
	c := counter.NewLocal(counter.Options{})
	w, k := counter.Window{Limit: 1 << 40, Length: time.Minute}, counter.Key{Space: "service", Name: "10.0.0.1"}
	b.ReportAllocs()
	for b.Loop() {
		c.Rate(context.Background(), k, w, 1)
	}
}

func BenchmarkRateKeys(b *testing.B) {
	c := counter.NewLocal(counter.Options{})
	w := counter.Window{Limit: 10, Length: time.Minute}
	keys := make([]counter.Key, 100_000)
	for i := range keys {
		keys[i] = counter.Key{Space: "service", Name: fmt.Sprint("10.0.0.", i)}
	}
	for _, k := range keys {
		c.Rate(context.Background(), k, w, 1)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			c.Rate(context.Background(), keys[i%len(keys)], w, 1)
		}
	})
}

func BenchmarkQuota(b *testing.B) {
	c := counter.NewLocal(counter.Options{Ledger: ledger(b)})
	defer c.Close(context.Background())
	cycle, k := counter.Every(time.Hour, dawn), counter.Key{Space: "service", Name: "starter:alice"}
	b.ReportAllocs()
	for b.Loop() {
		c.Quota(context.Background(), k, cycle.At(time.Now()), counter.Amount{Calls: counter.Unlimited, Bytes: counter.Unlimited}, counter.Amount{Calls: 1})
	}
}

func BenchmarkSlots(b *testing.B) {
	c := &counter.Slots{}
	k := counter.Key{Space: "service", Name: "k"}
	b.ReportAllocs()
	for b.Loop() {
		c.Enter(k, 5)
		c.Leave(k)
	}
}

func BenchmarkShared(b *testing.B) {
	server := redistest.Start(b)
	conn := redis.New(redis.Options{Address: server.Address, Timeout: time.Second})
	defer conn.Close()
	c := counter.NewShared(conn, counter.Options{})
	w, k := counter.Window{Limit: 1 << 40, Length: time.Minute}, counter.Key{Space: "service", Name: "10.0.0.1"}
	b.ReportAllocs()
	for b.Loop() {
		c.Rate(context.Background(), k, w, 1)
	}
}
