package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How published keys are kept (gateway.md 9.1).
const (
	publishedFresh = time.Hour        // then they are fetched again behind the scenes
	publishedRetry = 5 * time.Minute  // between fetches for a kid that nobody published, and after a failure
	firstRetry     = 10 * time.Second // after a failure while there are no keys at all: every call fails until then
	publishedBody  = 1 << 20
	publishedWait  = 10 * time.Second
	publishersMax  = 1000
)

// publishers keeps the keys behind addresses of OpenID configurations.
type publishers struct {
	client *http.Client
	local  func(address string) *Set
	mu     sync.Mutex
	known  map[string]*publisher
}

// publisher is one address. Whoever reads takes the set; one at a time fetches.
type publisher struct {
	address string
	set     atomic.Pointer[Set] // nil until the first fetch succeeded
	mu      sync.Mutex          // guards what follows
	done    chan struct{}       // closed when the fetch under way ends; nil when there is none
	fetched time.Time
	tried   time.Time
	failure error
}

// Use is what is known of one address, for operators.
type Use struct {
	Address string
	Keys    int
	Fetched time.Time
	Failure string // of the last try, "" when it succeeded
}

// uses lists the addresses by name.
func (p *publishers) uses() []Use {
	p.mu.Lock()
	all := make([]*publisher, 0, len(p.known))
	for _, one := range p.known {
		all = append(all, one)
	}
	p.mu.Unlock()
	list := make([]Use, 0, len(all))
	for _, one := range all {
		list = append(list, one.use())
	}
	slices.SortFunc(list, func(a, b Use) int { return strings.Compare(a.Address, b.Address) })
	return list
}

func (p *publisher) use() Use {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := Use{Address: p.address, Fetched: p.fetched}
	if s := p.set.Load(); s != nil {
		u.Keys = len(s.Keys)
	}
	if p.failure != nil {
		u.Failure = p.failure.Error()
	}
	return u
}

func (p *publishers) at(address string) *publisher {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.known[address]
	if one == nil {
		if len(p.known) >= publishersMax { // addresses may be computed by expressions; forgetting one costs a fetch
			for name := range p.known {
				delete(p.known, name)
				break
			}
		}
		one = &publisher{address: address}
		p.known[address] = one
	}
	return one
}

// keys returns what an address publishes. With again set, a kid was not among what is known.
func (p *publishers) keys(ctx context.Context, address string, again bool, now time.Time) (*Set, error) {
	if p.local != nil {
		if s := p.local(address); s != nil {
			return s, nil
		}
	}
	one := p.at(address)
	set := one.set.Load()
	wait := p.refresh(ctx, one, set, again, now)
	if wait == nil {
		return one.known()
	}
	select {
	case <-wait:
	case <-ctx.Done():
		return nil, errors.New("the call ended while the keys were fetched")
	}
	return one.known()
}

func (p *publisher) known() (*Set, error) {
	if s := p.set.Load(); s != nil {
		return s, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil {
		return nil, p.failure
	}
	return nil, errors.New("the OpenID configuration has not been read yet")
}

// refresh starts a fetch where one is due. It returns what to wait for, nil when what is known will do.
func (p *publishers) refresh(ctx context.Context, one *publisher, set *Set, again bool, now time.Time) <-chan struct{} {
	one.mu.Lock()
	defer one.mu.Unlock()
	blocking := set == nil || again
	if one.done == nil && one.due(set, again, now) {
		one.done, one.tried = make(chan struct{}), now
		// Whoever asked may hang up; the answer is for everybody who waits.
		go p.fetch(context.WithoutCancel(ctx), one, now)
	} else if one.done == nil {
		return nil
	}
	if blocking {
		return one.done
	}
	return nil
}

func (p *publisher) due(set *Set, again bool, now time.Time) bool {
	since := now.Sub(p.tried)
	switch {
	case p.tried.IsZero():
		return true
	case set == nil:
		return since >= firstRetry
	case again, p.failure != nil:
		return since >= publishedRetry
	}
	return now.Sub(p.fetched) >= publishedFresh
}

func (p *publishers) fetch(ctx context.Context, one *publisher, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, publishedWait)
	defer cancel()
	set, err := p.read(ctx, one.address)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.failure = err
	if err == nil {
		one.fetched = now
		one.set.Store(keep(one.set.Load(), set))
	}
	close(one.done)
	one.done = nil
}

// keep returns the new set with the keys of the old one that are in it unchanged, so that verified tokens stay known.
func keep(old, set *Set) *Set {
	if old == nil {
		return set
	}
	for i, k := range set.Keys {
		for _, was := range old.Keys {
			if was.ID == k.ID && equalPublic(was.public, k.public) {
				set.Keys[i] = was
			}
		}
	}
	return set
}

// read fetches an OpenID configuration and the keys it names.
func (p *publishers) read(ctx context.Context, address string) (*Set, error) {
	var configuration struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := p.get(ctx, address, &configuration); err != nil {
		return nil, fmt.Errorf("the OpenID configuration at %s: %w", address, err)
	}
	if configuration.JWKS == "" || configuration.Issuer == "" {
		return nil, fmt.Errorf("the OpenID configuration at %s names no issuer or no jwks_uri", address)
	}
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := p.get(ctx, configuration.JWKS, &published); err != nil {
		return nil, fmt.Errorf("the keys at %s: %w", configuration.JWKS, err)
	}
	return &Set{Keys: publishedKeys(published.Keys), Issuers: []string{configuration.Issuer}}, nil
}

// readable reports whether keys may be read at an address: what comes over plain http can be anybody's.
func readable(u *url.URL) bool {
	return u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
}

// toReadable follows redirects to such addresses alone, and from afar to none of this machine.
func toReadable(also func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		switch {
		case !readable(r.URL) || loopback(r.URL.Hostname()) && !loopback(via[0].URL.Hostname()):
			return errors.New("it leads to an address that keys are not read at")
		case also != nil:
			return also(r, via)
		case len(via) >= 5:
			return errors.New("it leads on and on")
		}
		return nil
	}
}

func (p *publishers) get(ctx context.Context, address string, v any) error {
	u, err := url.Parse(address)
	if err != nil || !readable(u) {
		return errors.New("it is not an https address")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return errors.New("it is not an https address")
	}
	r.Header.Set("Accept", "application/json")
	answer, err := p.client.Do(r)
	if err != nil {
		return errors.Unwrap(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered with status %d", answer.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, publishedBody+1))
	if err != nil || len(b) > publishedBody || json.Unmarshal(b, v) != nil {
		return errors.New("it did not answer with the JSON document that was expected")
	}
	return nil
}

// loopback: keys that come over plain http can be anybody's, but for those of this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
