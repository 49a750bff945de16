// Package trace keeps what gateways wrote down about single calls, for those who debug policies
// (gateway.md 14): gateways put traces in, the management side's listTrace takes them out.
//
// It promises a bound: so many traces, so many bytes, for an hour, the oldest go first. Nothing outlives the
// process. What is secret the gateway masks before it puts a trace in.
package trace

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"gatehouse"
)

// The bounds of a Store.
const (
	mostTraces = 1000
	mostBytes  = 64 << 20
	Life       = time.Hour
)

// The sections of a trace, in order.
const (
	Inbound  = "inbound"
	Backend  = "backend"
	Outbound = "outbound"
	OnError  = "on-error"
)

// Trace is what is told of one call.
type Trace struct {
	ID      string  `json:"traceId"`
	Entries Entries `json:"traceEntries"`
}

// Entries are the entries of a trace by section.
type Entries struct {
	Inbound  []Entry `json:"inbound"`
	Backend  []Entry `json:"backend"`
	Outbound []Entry `json:"outbound"`
	OnError  []Entry `json:"on-error,omitempty"`
}

// Entry is one line. Data goes into the answer as JSON.
type Entry struct {
	Source  string
	Time    time.Time
	Elapsed time.Duration // since the call began
	Data    any
}

// Add adds an entry to a section; what belongs to none is inbound.
func (t *Trace) Add(section string, e Entry) {
	to := &t.Entries.Inbound
	switch section {
	case Backend:
		to = &t.Entries.Backend
	case Outbound:
		to = &t.Entries.Outbound
	case OnError:
		to = &t.Entries.OnError
	}
	*to = append(*to, e)
}

// MarshalJSON spells the entry as listTrace does.
func (e Entry) MarshalJSON() ([]byte, error) {
	d := e.Elapsed / 100 // in units of the spelling
	const second = 10_000_000
	elapsed := fmt.Sprintf("%02d:%02d:%02d.%07d", d/(3600*second), d/(60*second)%60, d/second%60, d%second)
	return json.Marshal(struct {
		Source  string `json:"source"`
		Time    string `json:"timestamp"`
		Elapsed string `json:"elapsed"`
		Data    any    `json:"data"`
	}{e.Source, gatehouse.Timestamp(e.Time), elapsed, e.Data})
}

// Store keeps traces. It is safe for concurrent use. A nil Store keeps none.
type Store struct {
	now func() time.Time

	mu    sync.Mutex
	kept  map[string]*kept // by gateway and ID
	order []*kept          // oldest first
	last  map[string]*kept // by gateway
	bytes int
}

type kept struct {
	gateway, key string
	body         []byte
	until        time.Time
}

// NewStore makes an empty Store. A nil clock is time.Now.
func NewStore(clock func() time.Time) *Store {
	if clock == nil {
		clock = time.Now
	}
	return &Store{now: clock, kept: map[string]*kept{}, last: map[string]*kept{}}
}

func key(gateway, id string) string { return gatehouse.Fold(gateway) + "\n" + gatehouse.Fold(id) }

// Put keeps the trace of a call by a gateway: the full resource ID of a service with /gateways/{name} behind,
// "managed" for the gateway of the service itself.
func (s *Store) Put(gateway string, t *Trace) error {
	if s == nil {
		return nil
	}
	whole := *t
	for _, section := range []*[]Entry{&whole.Entries.Inbound, &whole.Entries.Backend, &whole.Entries.Outbound} {
		if *section == nil {
			*section = []Entry{} // clients expect arrays
		}
	}
	body, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	return s.PutJSON(gateway, t.ID, body)
}

// PutJSON keeps a trace that is JSON already, such as that of a gateway elsewhere.
func (s *Store) PutJSON(gateway, id string, body []byte) error {
	if s == nil {
		return nil
	}
	if id == "" || len(body) > mostBytes/16 || !json.Valid(body) {
		return fmt.Errorf("trace: no trace, or one of more than %d bytes", mostBytes/16)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &kept{gateway: gatehouse.Fold(gateway), key: key(gateway, id), body: body, until: s.now().Add(Life)}
	s.kept[k.key], s.last[k.gateway] = k, k
	s.order = append(s.order, k)
	s.bytes += len(body)
	for len(s.order) > mostTraces || s.bytes > mostBytes || !s.now().Before(s.order[0].until) {
		s.drop(s.order[0])
		s.order = s.order[1:]
	}
	return nil
}

func (s *Store) drop(k *kept) {
	s.bytes -= len(k.body)
	if s.kept[k.key] == k {
		delete(s.kept, k.key)
	}
	if s.last[k.gateway] == k {
		delete(s.last, k.gateway)
	}
}

// Get returns a trace as JSON, with an empty ID the last one of the gateway; nil when there is none.
func (s *Store) Get(gateway, id string) []byte {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.last[gatehouse.Fold(gateway)]
	if id != "" {
		k = s.kept[key(gateway, id)]
	}
	if k == nil || !s.now().Before(k.until) {
		return nil
	}
	return k.body
}
