package redis_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/redis"
	"gatehouse/redis/redistest"
)

func TestConn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := redis.New(redis.Options{Address: server.Address, Pause: 50 * time.Millisecond, Timeout: time.Second})
	defer c.Close()
	ctx := t.Context()
	if got, err := c.Get(ctx, "a"); got != nil || err != nil {
		t.Fatalf("nothing stored: %q, %v", got, err)
	}
	if err := c.Set(ctx, "a", []byte("one\x00"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get(ctx, "a"); string(got) != "one\x00" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	if err := c.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Get(ctx, "a"); got != nil {
		t.Fatalf("deleted, but %q", got)
	}
	add := redis.NewScript(`return {redis.call('INCRBY', KEYS[1], ARGV[1]), 7}`)
	for i := range 3 {
		if got, err := c.Run(ctx, add, []string{"n"}, []string{"2"}); err != nil || len(got) != 2 || got[0] != int64(2*i+2) || got[1] != 7 {
			t.Fatalf("script: %v, %v", got, err)
		}
	}
	if _, err := c.Run(ctx, redis.NewScript(`return redis.error_reply('no')`), nil, nil); err == nil || errors.Is(err, redis.ErrDown) || c.Down() {
		t.Fatalf("an error of the server's is an answer: %v", err)
	}

	server.Stop()
	if _, err := c.Get(ctx, "a"); !errors.Is(err, redis.ErrDown) {
		t.Fatalf("the server is gone: %v", err)
	}
	start := time.Now()
	for range 100 {
		if _, err := c.Get(ctx, "a"); !errors.Is(err, redis.ErrDown) {
			break // the pause is over
		}
	}
	if d := time.Since(start); d > 300*time.Millisecond {
		t.Errorf("a server that is gone took %v of 100 calls", d)
	}
	server.Restart(t)
	for range 200 {
		if _, err := c.Run(ctx, add, []string{"n"}, []string{"1"}); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the server is back, but the connection is not")
}

// A server that is not there when the program starts is found when it comes, and nobody waits long meanwhile.
func TestLate(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Stop()
	c := redis.New(redis.Options{Address: server.Address, Pause: 20 * time.Millisecond, Timeout: 500 * time.Millisecond})
	defer c.Close()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := c.Set(t.Context(), "a", nil, time.Second); !errors.Is(err, redis.ErrDown) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	server.Restart(t)
	for range 200 {
		if err := c.Set(t.Context(), "a", nil, time.Second); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("never connected")
}

// A password and the number of a database count; a wrong password is as good as no server, and stands in no error.
func TestPassword(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "let=me,in")
	for text, ok := range map[string]bool{"redis://:let=me%2Cin@" + server.Address + "/3": true, "redis://default:let=me%2Cin@" + server.Address: true, server.Address + ",password=wrong": false} {
		o, err := redis.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Timeout = time.Second
		c := redis.New(o)
		defer c.Close()
		err = c.Set(t.Context(), "a", []byte("b"), time.Minute)
		if (err == nil) != ok || err != nil && (!errors.Is(err, redis.ErrDown) || strings.Contains(err.Error(), "wrong")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, each := range []struct {
		text, address, user, password string
		database                      int
		secure                        bool
	}{
		{"contoso.redis.cache.windows.net:6380,password=p=w=,ssl=True,abortConnect=False", "contoso.redis.cache.windows.net:6380", "", "p=w=", 0, true},
		{"cache,ssl=true", "cache:6380", "", "", 0, true},
		{"cache", "cache:6379", "", "", 0, false},
		{"cache:1,user=u,password=x,defaultDatabase=3", "cache:1", "u", "x", 3, false},
		{"redis://u:x@cache/2", "cache:6379", "u", "x", 2, false},
		{"rediss://:x@cache:7", "cache:7", "", "x", 0, true},
	} {
		o, err := redis.Parse(each.text)
		if err != nil || o.Address != each.address || o.User != each.user || o.Password != each.password || o.Database != each.database || (o.TLS != nil) != each.secure {
			t.Errorf("%s: %+v, %v", each.text, o, err)
		}
	}
	for _, text := range []string{"", "a,b", "a,ssl=x", "redis://", "redis://a/x", "password=x"} {
		if o, err := redis.Parse(text); err == nil {
			t.Errorf("%q was read as %+v", text, o)
		}
	}
}
