package entra

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func newTestClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

// Trying many at once gains nothing: attempts are counted before they are checked.
func TestThrottleCountsFirst(t *testing.T) {
	th := newThrottle(newTestClock().Now)
	var group sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 100 {
		group.Go(func() {
			if _, pause := th.begin("ada", "192.0.2.1"); pause == 0 {
				mu.Lock()
				admitted++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if admitted != strikesPair {
		t.Errorf("%d attempts were admitted at once, want %d", admitted, strikesPair)
	}
}

func TestThrottlePauses(t *testing.T) {
	c := newTestClock()
	th := newThrottle(c.Now)
	guess := 0
	wrong := func(name, address string) time.Duration {
		guess++
		a, pause := th.begin(name, address)
		if pause == 0 {
			a.wrong(fmt.Sprint(guess))
		}
		return pause
	}
	for range strikesPair {
		if p := wrong("ada", "192.0.2.1"); p != 0 {
			t.Fatalf("paused %v too early", p)
		}
	}
	if p := wrong("ADA", "192.0.2.1"); p != firstPause {
		t.Errorf("first pause %v", p)
	}
	c.advance(firstPause)
	wrong("ada", "192.0.2.1")
	if p := wrong("ada", "192.0.2.1"); p != 2*firstPause {
		t.Errorf("second pause %v", p)
	}
	if p := wrong("ada", "192.0.2.2"); p != 0 {
		t.Errorf("elsewhere: %v", p)
	}
	// From many addresses the account pauses everywhere.
	paused := false
	for i := range strikesAccount {
		paused = paused || wrong("ada", fmt.Sprintf("198.51.100.%d", i)) > 0
	}
	if !paused {
		t.Error("an account guessed from everywhere never pauses")
	}
	// One address that tries many names pauses for all.
	paused = false
	for i := range strikesAddress + 1 {
		paused = paused || wrong(fmt.Sprint("user", i), "203.0.113.1") > 0
	}
	if !paused {
		t.Error("spraying from one address never pauses")
	}
	c.advance(2 * forget)
	if p := wrong("ada", "192.0.2.1"); p != 0 {
		t.Errorf("after a quiet time: %v", p)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	c := newTestClock()
	th := newThrottle(c.Now)
	for i := range maxTracked {
		a, _ := th.begin(fmt.Sprint("user", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		a.wrong("x")
	}
	if n := len(th.known); n > maxTracked+3 {
		t.Errorf("%d entries", n)
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "",
	} {
		if got := network(address); got != want {
			t.Errorf("network(%q) = %q, want %q", address, got, want)
		}
	}
}
