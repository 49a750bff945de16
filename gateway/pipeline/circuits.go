package pipeline

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/config"
	"gatehouse/policy"
)

// Circuits is what a gateway knows of the health of backends (gateway.md 12.1): each instance for itself. Its zero value is empty.
type Circuits struct {
	mu        sync.Mutex
	circuits  map[string]*circuit
	rotations map[string]*rotation
}

// of finds the circuit of a backend. New rules make a new one.
func (s *Circuits) of(service string, b *config.Backend) *circuit {
	if len(b.Breakers) == 0 {
		return nil
	}
	text, _ := json.Marshal(b.Breakers) // plain values always encode
	s.mu.Lock()
	defer s.mu.Unlock()
	name := service + string(b.Key())
	if old := s.circuits[name]; old != nil && old.written == string(text) {
		return old
	}
	made := &circuit{written: string(text)}
	for i := range b.Breakers {
		made.rules = append(made.rules, newBreaker(&b.Breakers[i]))
	}
	if s.circuits == nil {
		s.circuits = map[string]*circuit{}
	}
	s.circuits[name] = made
	return made
}

// Open lists the backends whose circuit is open, each by the resource ID of its service and its key below that.
func (s *Circuits) Open(now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, c := range s.circuits {
		if !c.closed(now) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// rotation finds whose turn it is in a pool.
func (s *Circuits) rotation(service string, b *config.Backend) *rotation {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := service + string(b.Key())
	if s.rotations[name] == nil {
		if s.rotations == nil {
			s.rotations = map[string]*rotation{}
		}
		s.rotations[name] = &rotation{}
	}
	return s.rotations[name]
}

// circuit is open while its backend is given time to recover. A nil circuit is always closed.
type circuit struct {
	written string // the rules, as JSON
	mu      sync.Mutex
	rules   []*breaker
	open    time.Time // until then
}

func (c *circuit) watches() bool { return c != nil }

// closed reports whether calls may go to the backend.
func (c *circuit) closed(now time.Time) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !now.Before(c.open)
}

// record counts how a try ended, and opens the circuit when a rule says so.
func (c *circuit) record(now time.Time, answer *http.Response, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.open) { // a call that was on its way when the circuit opened
		return
	}
	for _, r := range c.rules {
		if !r.record(now, answer, err) {
			continue
		}
		wait := r.trip
		if after, ok := retryAfter(answer, now); ok && r.acceptRetryAfter {
			wait = after
		}
		c.open = now.Add(wait)
		for _, each := range c.rules {
			each.clear()
		}
		return
	}
}

// retryAfter reads Retry-After: seconds, or a date.
func retryAfter(answer *http.Response, now time.Time) (time.Duration, bool) {
	if answer == nil {
		return 0, false
	}
	text := answer.Header.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, maxTrip), true
	}
	at, err := http.ParseTime(text)
	return min(at.Sub(now), maxTrip), err == nil && at.After(now)
}

// maxTrip bounds what a backend can ask for.
const maxTrip = 24 * time.Hour

// slices of a breaker's interval: what is older than the interval goes one slice at a time.
const breakerParts = 10

// breaker is one rule and what it has counted.
type breaker struct {
	count, percentage int64 // 0 for none
	ranges            []config.StatusRange
	reasons           []string
	trip              time.Duration
	acceptRetryAfter  bool

	part   time.Duration
	newest int64 // number of the newest slice
	failed [breakerParts]int64
	all    [breakerParts]int64
}

func newBreaker(r *config.BreakerRule) *breaker {
	b := &breaker{ranges: r.StatusRanges, reasons: r.ErrorReasons, acceptRetryAfter: r.AcceptRetryAfter}
	if r.Count != nil {
		b.count = int64(*r.Count)
	}
	if r.Percentage != nil {
		b.percentage = int64(*r.Percentage)
	}
	if b.count <= 0 && b.percentage <= 0 {
		b.count = 1
	}
	if len(b.ranges)+len(b.reasons) == 0 {
		b.ranges = []config.StatusRange{{Min: 500, Max: 599}}
	}
	b.trip = breakerTime(r.TripDuration)
	b.part = breakerTime(r.Interval) / breakerParts
	return b
}

// breakerTime reads a duration; one that cannot be read is a minute.
func breakerTime(text string) time.Duration {
	if n, ok := policy.Seconds(text); ok && n > 0 && n < 366*86400 {
		return time.Duration(n) * time.Second
	}
	return time.Minute
}

// record counts a try and reports whether the circuit opens.
func (b *breaker) record(now time.Time, answer *http.Response, err error) bool {
	number := now.UnixNano() / int64(b.part)
	if number-b.newest >= breakerParts || b.newest == 0 {
		b.clear()
		b.newest = number
	}
	for ; b.newest < number; b.newest++ {
		b.failed[(b.newest+1)%breakerParts], b.all[(b.newest+1)%breakerParts] = 0, 0
	}
	b.all[number%breakerParts]++
	if !b.matches(answer, err) {
		return false
	}
	b.failed[number%breakerParts]++
	failed, all := int64(0), int64(0)
	for i := range b.failed {
		failed += b.failed[i]
		all += b.all[i]
	}
	return b.count > 0 && failed >= b.count || b.percentage > 0 && failed*100 >= b.percentage*all
}

// matches tells failures. A backend that did not answer is what the client sees of it: 500. A client that went away is nobody's failure.
func (b *breaker) matches(answer *http.Response, err error) bool {
	status := http.StatusInternalServerError
	if err != nil {
		var f *Failure
		if errors.As(err, &f) {
			if slices.ContainsFunc(b.reasons, func(r string) bool { return strings.EqualFold(r, f.Reason) }) {
				return true
			}
			if f.Reason == ReasonClientConnection {
				return false
			}
		}
	} else if answer != nil {
		status = answer.StatusCode
	}
	return slices.ContainsFunc(b.ranges, func(r config.StatusRange) bool { return int(r.Min) <= status && status <= int(r.Max) })
}

func (b *breaker) clear() {
	clear(b.failed[:])
	clear(b.all[:])
}
