package remote

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/gateway/config"
	"gatehouse/store"
)

// states are what the instances of a gateway have, as the node remembers it. Who has something else gets everything.
type states struct {
	list []*state // least recently used first
}

// mostStates is how many different states of one gateway are remembered.
const mostStates = 4

// forgotten is how long a state is remembered that nobody asks with.
const forgotten = 10 * time.Minute

// gather is how long the node waits for more changes after one: those of an import come in a row.
const gather = 10 * time.Millisecond

// state is what an instance has after an answer.
type state struct {
	id       string
	revision int64
	view     view
	used     time.Time
}

func sameService(a, b *config.Service) bool { return reflect.DeepEqual(a, withID(b)) }

func withID(s *config.Service) *config.Service {
	s.SetID("")
	return s
}

// gatewayKeys are the keys in the document of a self-hosted gateway.
func gatewayKeys(d *store.Document) ([]string, error) {
	var keys struct{ Primary, Secondary string }
	if d.Secret == nil {
		return nil, nil
	}
	err := json.Unmarshal(d.Secret, &keys)
	return []string{keys.Primary, keys.Secondary}, err
}

// updates answers what changed since the state that a gateway has, as soon as there is something or the time is over.
func (n *Node) updates(a *asking, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wait, err := time.ParseDuration(q.Get("wait"))
	if err != nil || wait < 0 {
		wait = 0
	}
	known, err := strconv.ParseInt(q.Get("access"), 10, 64)
	if err != nil {
		known = -1
	}
	counted, err := strconv.ParseInt(q.Get("edits"), 10, 64)
	if err != nil {
		counted = -1 // it does not ask
	}
	over := time.NewTimer(min(wait, maxWait))
	defer over.Stop()
	for first := true; ; first = false {
		if !first && (a.gateway == Managed && n.resourceOf(a.scope) != "" || n.exists(a)) { // the proof may have been taken away while the call waited
			if _, err := n.identify(r, a.service.Name(), a.gateway); err != nil {
				fault(w, http.StatusUnauthorized, gatehouse.CodeOf(err), "The gateway's token does not open this configuration any more.")
				return
			}
		}
		changed := n.Feed.Changed()
		access, turned := n.access.revision()
		edited := n.edits.Load()
		h, put, gone := n.look(a, q.Get("state"))
		h.Access = access
		if h.Edits, err = n.editsAfter(r.Context(), a, counted); err != nil {
			n.Log.Error("what was set of quotas cannot be read", "error", err)
		}
		if h.Whole || h.Gone || len(put)+len(gone)+len(h.Edits) > 0 || access != known {
			send(w, r, h, put, gone)
			return
		}
		select {
		case <-changed:
			time.Sleep(gather)
		case <-turned:
		case <-*edited:
		case <-over.C:
			send(w, r, h, nil, nil)
			return
		case <-r.Context().Done():
			return
		case <-n.done:
			fault(w, http.StatusServiceUnavailable, "ShuttingDown", "The management node stops.")
			return
		}
	}
}

// editsAfter is what was set of the quotas of a gateway's service.
func (n *Node) editsAfter(ctx context.Context, a *asking, last int64) ([]analytics.Edit, error) {
	if last < 0 {
		return nil, nil
	}
	return n.Analytics.Edits(ctx, n.statisticsOf(a), last)
}

// look compares what a gateway should have with the state that it has.
func (n *Node) look(a *asking, has string) (h *head, put []config.Entity, gone []config.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h = &head{Service: a.service.String(), State: has}
	key := a.scope.String() + "\n" + a.gateway
	n.forget()
	s := n.states[key]
	if s == nil {
		s = &states{}
		n.states[key] = s
	}
	before := s.take(has, n.Clock())
	var now view
	n.Feed.View(a.scope, func(c *config.Config) {
		if c == nil || c.Service == nil {
			return
		}
		h.Revision = c.Revision
		switch {
		case before != nil && before.revision == c.Revision:
			now = before.view
		case a.gateway == Managed:
			now = whole(c, a.gateway)
		default:
			now = limited(c, a.gateway, s.newest())
		}
	})
	if now == nil { // it went since the gateway proved that it is one
		h.Gone, h.State = true, ""
		return h, nil, nil
	}
	if before == nil {
		h.Whole = true
		put, _ = now.since(nil)
	} else if put, gone = now.since(before.view); len(put)+len(gone) == 0 {
		before.revision = h.Revision // so that nobody has to look again
		return h, nil, nil
	}
	next := &state{id: n.newState(a), revision: h.Revision, view: now, used: n.Clock()}
	s.list = append(s.list, next)
	s.list = s.list[max(0, len(s.list)-mostStates):]
	h.State = next.id
	return h, put, gone
}

// forget drops states that nobody asks with any more.
func (n *Node) forget() {
	now := n.Clock()
	for key, s := range n.states {
		s.list = slices.DeleteFunc(s.list, func(one *state) bool { return now.Sub(one.used) > forgotten })
		if len(s.list) == 0 {
			delete(n.states, key)
		}
	}
}

// take finds a state and makes it the one that was used last.
func (s *states) take(id string, now time.Time) *state {
	i := slices.IndexFunc(s.list, func(one *state) bool { return one.id == id })
	if i < 0 || id == "" {
		return nil
	}
	found := s.list[i]
	found.used = now
	s.list = append(slices.Delete(s.list, i, i+1), found)
	return found
}

func (s *states) newest() view {
	if len(s.list) == 0 {
		return nil
	}
	return s.list[len(s.list)-1].view
}

// send writes an answer about configuration, a line per change.
func send(w http.ResponseWriter, r *http.Request, h *head, put []config.Entity, gone []config.Key) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	var out io.Writer = w
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(put) > 20 {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		out = z
	}
	b := bufio.NewWriterSize(out, 64<<10)
	defer b.Flush()
	e := json.NewEncoder(b)
	if e.Encode(h) != nil {
		return
	}
	for i := range gone {
		if e.Encode(line{Delete: &gone[i]}) != nil {
			return
		}
	}
	for _, entity := range put {
		raw, err := json.Marshal(entity)
		if err != nil || e.Encode(line{Put: raw}) != nil {
			return // without an end, the gateway asks again
		}
	}
	_ = e.Encode(line{End: true}) // a gateway that is gone asks again
}
