package cache_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/cache"
	"gatehouse/redis"
	"gatehouse/redis/redistest"
)

// waiting is a cache whose writes are done when Put returns, as far as the suite can see.
type waiting struct{ *cache.Shared }

func (w waiting) Put(k cache.Key, value []byte, ttl time.Duration) {
	w.Shared.Put(k, value, ttl)
	w.Shared.Remove(context.Background(), cache.Key{Space: "wait"}) // takes its turn behind the write
}

func TestMemory(t *testing.T) {
	suite(t, func(t *testing.T, n int) []cache.Cache {
		c, err := cache.NewMemory(8<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		all := make([]cache.Cache, n)
		for i := range all {
			all[i] = c
		}
		return all
	})
}

func TestShared(t *testing.T) {
	server := redistest.Start(t)
	suite(t, func(t *testing.T, n int) (all []cache.Cache) {
		for range n {
			conn := redis.New(redis.Options{Address: server.Address, Timeout: 5 * time.Second})
			c := cache.NewShared(conn, func(err error) { t.Error(err) })
			t.Cleanup(func() { c.Close(); conn.Close() })
			all = append(all, waiting{c})
		}
		return all
	})
}

// suite is what every implementation has to do; the caches that open opens are those of nodes that share one.
func suite(t *testing.T, open func(t *testing.T, n int) []cache.Cache) {
	t.Run("entries", func(t *testing.T) { testEntries(t, open(t, 2)) })
	t.Run("expiry", func(t *testing.T) { testExpiry(t, open(t, 1)[0]) })
	t.Run("sizes", func(t *testing.T) { testSizes(t, open(t, 1)[0]) })
	t.Run("together", func(t *testing.T) { testTogether(t, open(t, 2)) })
}

func want(t *testing.T, c cache.Cache, k cache.Key, value string, there bool) {
	t.Helper()
	if got, ok := c.Get(t.Context(), k); string(got) != value || ok != there {
		t.Errorf("%q: got %.40q, %v", k, got, ok)
	}
}

func testEntries(t *testing.T, c []cache.Cache) {
	k := cache.Key{Space: t.Name(), Name: "k"}
	want(t, c[0], k, "", false)
	c[0].Put(k, []byte("one"), time.Minute)
	want(t, c[0], k, "one", true)
	want(t, c[1], k, "one", true)
	c[1].Put(k, []byte("two\x00"), time.Minute)
	want(t, c[0], k, "two\x00", true)
	for _, other := range []cache.Key{{Space: t.Name() + "k"}, {Space: t.Name(), Name: "K"}, {Space: t.Name(), Name: ""}, {Space: "", Name: t.Name() + "k"}, {Space: t.Name(), Of: "k"}} {
		want(t, c[0], other, "", false)
	}
	empty := cache.Key{Space: t.Name()}
	c[0].Put(empty, nil, time.Minute)
	want(t, c[1], empty, "", true)
	if err := c[0].Remove(t.Context(), k); err != nil {
		t.Error(err)
	}
	want(t, c[1], k, "", false)
	if err := c[0].Remove(t.Context(), k); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	c[0].Get(stopped, k) // may do anything but hang
}

func testExpiry(t *testing.T, c cache.Cache) {
	short, long := cache.Key{Space: t.Name(), Name: "short"}, cache.Key{Space: t.Name(), Name: "long"}
	c.Put(short, []byte("s"), 150*time.Millisecond)
	c.Put(long, []byte("l"), time.Hour)
	want(t, c, short, "s", true)
	time.Sleep(200 * time.Millisecond)
	want(t, c, short, "", false)
	want(t, c, long, "l", true)
	c.Put(short, []byte("again"), time.Minute)
	want(t, c, short, "again", true)
	c.Put(short, []byte("never"), 0)
	want(t, c, short, "", false)
}

func testSizes(t *testing.T, c cache.Cache) {
	k := cache.Key{Space: t.Name(), Name: "k"}
	large := bytes.Repeat([]byte("x"), cache.MaxEntry)
	c.Put(k, large, time.Minute)
	want(t, c, k, string(large), true)
	c.Put(k, append(large, 'x'), time.Minute) // too large: what was there before is not right any more either
	want(t, c, k, "", false)
}

func testTogether(t *testing.T, c []cache.Cache) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				k := cache.Key{Space: t.Name(), Name: fmt.Sprint(n % 7)}
				switch (i + n) % 3 {
				case 0:
					c[i%2].Put(k, []byte(k.Name), time.Minute)
				case 1:
					if got, ok := c[i%2].Get(t.Context(), k); ok && string(got) != k.Name {
						t.Errorf("%s: got %q", k.Name, got)
					}
				case 2:
					c[i%2].Remove(t.Context(), k)
				}
			}
		})
	}
	wg.Wait()
}

// A cache in memory stays within its bytes, and its clock is the one that it was given.
func TestMemoryBounds(t *testing.T) {
	var at atomic.Int64
	c, err := cache.NewMemory(4<<20, func() time.Time { return time.Unix(at.Load(), 0) })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 200 {
		c.Put(cache.Key{Name: fmt.Sprint(i)}, make([]byte, 100<<10), time.Hour)
	}
	for range 100 {
		if c.Size() <= 4<<20 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if c.Size() > 4<<20 {
		t.Errorf("%d bytes in use", c.Size())
	}
	k := cache.Key{Name: "k"}
	c.Put(k, []byte("v"), time.Minute)
	at.Add(59)
	want(t, c, k, "v", true)
	at.Add(1)
	want(t, c, k, "", false)
	if _, err := cache.NewMemory(1<<20, nil); err == nil {
		t.Error("a cache that cannot have one large entry")
	}
}

// Without Redis there is nothing in the cache, and nobody waits for it.
func TestRedisGone(t *testing.T) {
	server := redistest.Start(t)
	server.Stop()
	conn := redis.New(redis.Options{Address: server.Address, Pause: 20 * time.Millisecond})
	defer conn.Close()
	var told atomic.Int64
	c := cache.NewShared(conn, func(error) { told.Add(1) })
	k, began := cache.Key{Name: "k"}, time.Now()
	for range 3000 {
		c.Put(k, make([]byte, 100<<10), time.Minute)
		want(t, c, k, "", false)
	}
	if err := c.Remove(t.Context(), k); err == nil {
		t.Error("removed from a cache that is not there")
	}
	if d := time.Since(began); d > 2*time.Second || told.Load() == 0 || told.Load() > 500 {
		t.Errorf("it took %v, and %d errors", d, told.Load())
	}
	server.Restart(t)
	for range 100 {
		c.Put(k, []byte("v"), time.Minute)
		if got, ok := c.Get(t.Context(), k); ok && string(got) == "v" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	want(t, c, k, "v", true)
	c.Close()
	c.Close()
	c.Put(k, nil, time.Minute)
	if err := c.Remove(t.Context(), k); err == nil {
		t.Error("removed from a cache that is closed")
	}
}

func TestKinds(t *testing.T) {
	in, err := cache.NewMemory(8<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	ex, err := cache.NewMemory(8<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer ex.Close()
	both := cache.Caches{Internal: in, External: ex}
	for _, each := range []struct {
		of   cache.Caches
		kind string
		want cache.Cache
	}{
		{both, "", ex}, {both, "prefer-external", ex}, {both, "external", ex}, {both, "internal", in},
		{cache.Caches{Internal: in}, "prefer-external", in}, {cache.Caches{Internal: in}, "external", nil},
		{cache.Caches{External: ex}, "internal", nil}, {cache.Caches{}, "", nil},
	} {
		kind, ok := cache.KindOf(each.kind)
		got := each.of.Of(kind)
		if !ok || each.want != nil && got != each.want {
			t.Errorf("%q: another cache", each.kind)
		}
		if each.want == nil {
			got.Put(cache.Key{}, nil, time.Minute)
			if _, found := got.Get(t.Context(), cache.Key{}); found || got.Remove(t.Context(), cache.Key{}) != nil {
				t.Errorf("%q: no cache keeps nothing", each.kind)
			}
		}
	}
	if _, ok := cache.KindOf("both"); ok {
		t.Error("there is no such kind")
	}
}

func BenchmarkMemoryHit(b *testing.B) {
	c, err := cache.NewMemory(64<<20, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	k := cache.Key{Space: "service", Name: "https://contoso.azure-api.net/orders/1"}
	c.Put(k, make([]byte, 4096), time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Get(context.Background(), k); !ok {
			b.Fatal("a miss")
		}
	}
}

func BenchmarkSharedHit(b *testing.B) {
	conn := redis.New(redis.Options{Address: redistest.Start(b).Address, Timeout: time.Second})
	c := cache.NewShared(conn, nil)
	defer conn.Close()
	defer c.Close()
	k := cache.Key{Space: "service", Name: "https://contoso.azure-api.net/orders/1"}
	waiting{c}.Put(k, make([]byte, 4096), time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Get(context.Background(), k); !ok {
			b.Fatal("a miss")
		}
	}
}
