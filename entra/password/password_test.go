package password

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
)

func TestHashAndVerify(t *testing.T) {
	h, ctx := New(), context.Background()
	hash, err := h.Hash(ctx, "Correct horse 1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash is %s", hash)
	}
	for _, c := range []struct {
		hash, password string
		want           bool
	}{
		{hash, "Correct horse 1", true}, {hash, "correct horse 1", false}, {hash, "", false},
		{hash, strings.Repeat("x", 300), false}, {"", "Correct horse 1", false}, {"", "", false},
	} {
		if ok, err := h.Verify(ctx, c.hash, c.password); err != nil || ok != c.want {
			t.Errorf("Verify(%.20q, %.20q) = %v, %v, want %v", c.hash, c.password, ok, err, c.want)
		}
	}
}

// The vector is the reference implementation's (phc-winner-argon2 test.c, argon2id v=19, m=256, t=2, p=1).
func TestVector(t *testing.T) {
	const hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if ok, err := New().Verify(context.Background(), hash, "password"); err != nil || !ok {
		t.Fatalf("Verify = %v, %v", ok, err)
	}
}

func TestDamagedHashes(t *testing.T) {
	for _, hash := range []string{
		"plain", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ", "$argon2id$v=16$m=8,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ",
		"$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=256,t=2,p=1$!$!",
	} {
		if ok, err := New().Verify(context.Background(), hash, "password"); err == nil || ok {
			t.Errorf("Verify(%q) = %v, %v; want an error", hash, ok, err)
		}
	}
}

func TestUnknownUserTakesAsLong(t *testing.T) {
	h, ctx := New(), context.Background()
	hash, _ := h.Hash(ctx, "Correct horse 1")
	spend := func(hash string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			h.Verify(ctx, hash, "wrong")
			best = min(best, time.Since(start))
		}
		return best
	}
	known, unknown := spend(hash), spend("")
	if known > 3*unknown || unknown > 3*known {
		t.Errorf("a wrong password took %v, an unknown user %v", known, unknown)
	}
}

func TestQueueIsBounded(t *testing.T) {
	h := New()
	for range cap(h.slots) {
		h.slots <- struct{}{} // all busy
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range maxQueue {
		wg.Go(func() { h.Verify(ctx, "", "x") })
	}
	for h.waiting.Load() < maxQueue {
		time.Sleep(time.Millisecond)
	}
	if _, err := h.Verify(ctx, "", "x"); gatehouse.KindOf(err) != gatehouse.Limited {
		t.Errorf("a full queue answered %v", err)
	}
	cancel()
	wg.Wait()
}

func TestCheck(t *testing.T) {
	for password, ok := range map[string]bool{
		"Passw0rd": true, "aA1": false, "alllowercase": false, "lower123": false, "lower123!": true, strings.Repeat("aA1!", 65): false,
	} {
		if err := Check(password); (err == nil) != ok {
			t.Errorf("Check(%q) = %v", password, err)
		}
	}
}
