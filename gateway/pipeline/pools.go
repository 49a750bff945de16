package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"

	"gatehouse/gateway/config"
	"gatehouse/policy/expr"
)

// backendPool sends each try to one of several servers: of those that are healthy and have the lowest priority number, by
// weight (gateway.md 12.1).
type backendPool struct {
	seen    *expr.Backend
	members []poolMember // by priority
	cookie  string       // that keeps a client with one member; "" for none
	turn    *rotation
}

type poolMember struct {
	*backend
	key      config.Key
	priority int
	weight   int64
	cookie   string // value that stands for the member
}

func newPool(b *config.Backend, all *BackendSet, turn *rotation) *backendPool {
	p := &backendPool{seen: &all.entities[b.Key()].seen, cookie: b.Pool.Cookie, turn: turn}
	weighted := slices.ContainsFunc(b.Pool.Members, func(m config.PoolMember) bool { return m.Weight > 0 })
	for _, m := range b.Pool.Members {
		found := all.entities[m.Backend]
		if found == nil || found.seen.Type == "Pool" { // members are single backends only
			continue
		}
		weight := int64(m.Weight)
		if !weighted {
			weight = 1
		}
		sum := sha256.Sum256([]byte(string(b.Key()) + "\x00" + string(m.Backend)))
		p.members = append(p.members, poolMember{found, m.Backend, int(m.Priority), weight, hex.EncodeToString(sum[:12])})
	}
	slices.SortStableFunc(p.members, func(a, b poolMember) int { return a.priority - b.priority })
	return p
}

func (p *backendPool) pick(c *Call) (Member, error) {
	m := p.choose(c)
	if m == nil {
		return Member{}, noBackend("BackendPoolUnavailable", "No member of the backend pool '"+p.seen.ID+"' can be called.")
	}
	c.Backend = &expr.Backend{ID: m.seen.ID, Type: p.seen.Type, AzureRegion: m.seen.AzureRegion}
	return m.member(c)
}

// choose finds the member for a try, nil when no circuit is closed.
func (p *backendPool) choose(c *Call) *poolMember {
	now := c.Services.now()
	pinned := p.pinned(c)
	var healthy []*poolMember
	for i := range p.members {
		m := &p.members[i]
		if !m.circuit.closed(now) {
			continue
		}
		if m.cookie == pinned {
			return m
		}
		healthy = append(healthy, m)
	}
	if len(healthy) == 0 {
		return nil
	}
	first := healthy[0].priority
	healthy = slices.DeleteFunc(healthy, func(m *poolMember) bool { return m.priority != first })
	m := p.turn.next(healthy)
	p.pin(c, m)
	return m
}

// pinned is the value of the client's cookie, "-" when it has none.
func (p *backendPool) pinned(c *Call) string {
	if p.cookie == "" {
		return "-"
	}
	for _, line := range c.Request.Headers["Cookie"] {
		list, err := http.ParseCookie(line)
		if err != nil {
			continue
		}
		for _, each := range list {
			if each.Name == p.cookie {
				return each.Value
			}
		}
	}
	return "-"
}

// pin has the client come back to the member.
func (p *backendPool) pin(c *Call, m *poolMember) {
	if p.cookie == "" {
		return
	}
	set := &http.Cookie{Name: p.cookie, Value: m.cookie, Path: "/", HttpOnly: true, Secure: c.Request.OriginalURL.Scheme == "https", SameSite: http.SameSiteLaxMode}
	line := set.String()
	c.BeforeSend(func(c *Call) {
		headers := c.Reply().Headers
		headers["Set-Cookie"] = append(slices.DeleteFunc(slices.Clone(headers["Set-Cookie"]), func(v string) bool {
			old, err := http.ParseSetCookie(v)
			return err == nil && old.Name == p.cookie // of an earlier try
		}), line)
	})
}

// rotation is whose turn it is: each gets as many turns as its weight says, spread evenly (smooth weighted round robin).
type rotation struct {
	mu     sync.Mutex
	credit map[config.Key]int64
}

func (r *rotation) next(members []*poolMember) *poolMember {
	if len(members) == 1 {
		return members[0]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.credit == nil {
		r.credit = map[config.Key]int64{}
	}
	var best *poolMember
	total := int64(0)
	for _, m := range members {
		weight := m.weight
		total += weight
		r.credit[m.key] += weight
		if best == nil || r.credit[m.key] > r.credit[best.key] || weight > 0 && best.weight == 0 {
			best = m
		}
	}
	r.credit[best.key] -= total
	return best
}
