package entra

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
)

type counter = atomic.Int64

// How many wrong passwords are taken before a pause, by what they have in common.
// Entra's smart lockout begins at 10 with one minute and keeps familiar places
// apart from others; so do we, or anybody could lock the administrator out.
const (
	strikesPair    = 10  // one account from one address
	strikesAccount = 50  // one account from anywhere
	strikesAddress = 100 // any accounts from one address
	firstPause     = time.Minute
	longestPause   = time.Hour
	forget         = time.Hour // without further failures
	maxTracked     = 100_000
)

// throttle counts wrong passwords. Attempts are counted before the password is
// checked and given back when it was right, so that trying many at once gains nothing.
type throttle struct {
	mu    sync.Mutex
	now   func() time.Time
	key   []byte
	known map[string]*strikes
}

type strikes struct {
	count  int
	last   time.Time
	until  time.Time
	recent [3][8]byte // digests of the last wrong passwords: repeating one is no new guess
}

// attempt is one password being tried.
type attempt struct {
	t      *throttle
	keys   [3]string
	before [3]time.Time // until, before this attempt
	set    [3]time.Time // and what it made of it
}

func newThrottle(now func() time.Time) *throttle {
	key := make([]byte, 32)
	rand.Read(key) // never fails, see crypto/rand
	return &throttle{now: now, key: key, known: map[string]*strikes{}}
}

// begin counts an attempt, or returns until when the account or address has to pause.
func (t *throttle) begin(name, address string) (attempt, time.Duration) {
	name, address = gatehouse.Fold(name), network(address)
	a := attempt{t: t, keys: [3]string{"p" + name + "\x00" + address, "n" + name, "a" + address}}
	limits := [3]int{strikesPair, strikesAccount, strikesAddress}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for _, key := range a.keys {
		if s := t.known[key]; s != nil && now.Before(s.until) {
			return attempt{}, s.until.Sub(now)
		}
	}
	t.shrink(now)
	for i, key := range a.keys {
		s := t.known[key]
		if s == nil || now.Sub(s.last) > forget {
			s = &strikes{}
			t.known[key] = s
		}
		s.count++
		s.last = now
		a.before[i] = s.until
		if over := s.count - limits[i]; over >= 0 {
			s.until = now.Add(min(firstPause<<min(over, 6), longestPause))
		}
		a.set[i] = s.until
	}
	return a, 0
}

// right gives the attempt back and forgets the failures from this address.
func (a attempt) right() {
	a.undo()
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	delete(a.t.known, a.keys[0])
}

// wrong keeps the attempt counted, unless the same wrong password came before.
func (a attempt) wrong(password string) {
	mac := hmac.New(sha256.New, a.t.key)
	mac.Write([]byte(password))
	digest := [8]byte(mac.Sum(nil))
	if a.repeated(digest) {
		a.undo()
	}
}

func (a attempt) repeated(digest [8]byte) bool {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	s := a.t.known[a.keys[0]]
	if s == nil {
		return false
	}
	for _, d := range s.recent {
		if d == digest {
			return true
		}
	}
	copy(s.recent[1:], s.recent[:2])
	s.recent[0] = digest
	return false
}

// undo gives the attempt back: it was right, or could not be decided.
func (a attempt) undo() {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	for i, key := range a.keys {
		s := a.t.known[key]
		if s == nil || s.count == 0 {
			continue
		}
		s.count--
		if s.until.Equal(a.set[i]) {
			s.until = a.before[i] // unless another attempt has moved it since
		}
	}
}

// shrink drops what is old, and anything at all when that is not enough.
func (t *throttle) shrink(now time.Time) {
	if len(t.known) < maxTracked {
		return
	}
	for key, s := range t.known {
		if now.Sub(s.last) > forget {
			delete(t.known, key)
		}
	}
	for key, s := range t.known {
		if len(t.known) < maxTracked*9/10 {
			return
		}
		if now.After(s.until) {
			delete(t.known, key)
		}
	}
}

// network is what an address counts as: itself, or for IPv6 the /64 that one
// customer has all of.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// limiter allows so many events for a key in a period.
type limiter struct {
	mu     sync.Mutex
	limit  int
	period time.Duration
	now    func() time.Time
	seen   map[string]*window
}

type window struct {
	start time.Time
	count int
}

func newLimiter(limit int, period time.Duration, now func() time.Time) *limiter {
	return &limiter{limit: limit, period: period, now: now, seen: map[string]*window{}}
}

// allow counts an event and reports whether it is within the limit.
func (l *limiter) allow(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	w := l.seen[key]
	if w == nil || now.Sub(w.start) >= l.period {
		if len(l.seen) >= maxTracked {
			clear(l.seen)
		}
		w = &window{start: now}
		l.seen[key] = w
	}
	w.count++
	return w.count <= l.limit
}

// blocked reports whether the key has used up its period, without counting.
func (l *limiter) blocked(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.seen[key]
	return w != nil && l.now().Sub(w.start) < l.period && w.count >= l.limit
}
