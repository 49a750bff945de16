package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	keysFresh    = time.Hour      // after this, keys are fetched again in the background
	keysStale    = 24 * time.Hour // after this, they are not used any more
	keysRetry    = time.Minute    // between fetches of one issuer
	issuerBody   = 1 << 20
	issuerWait   = 10 * time.Second
	issuersKnown = 1000
)

// issuers keeps the public keys of the issuers that federated credentials name.
// Who may write a credential can make the server ask an address of their choice;
// so it asks over https at public addresses, follows no redirect, sends nothing of
// its own, and repeats nothing of the answer.
type issuers struct {
	client   *http.Client
	loopback bool // plain http and loopback addresses are fine
	mu       sync.Mutex
	known    map[string]*issuer
	fetching sync.WaitGroup
}

// issuer is one of them. Its lock is held while its keys are fetched.
type issuer struct {
	mu      sync.Mutex
	keys    jose.JSONWebKeySet
	fetched time.Time
	tried   time.Time
	failure error
	behind  bool // a background fetch is under way
}

func newIssuers(cfg Config) *issuers {
	transport := cfg.IssuerTransport
	if transport == nil {
		dialer := &net.Dialer{Timeout: issuerWait, Control: func(_, address string, _ syscall.RawConn) error {
			return mayDial(address, cfg.AllowPrivateIssuers, cfg.AllowLoopbackIssuers)
		}}
		// No proxy: the check of addresses would be the proxy's.
		transport = &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: issuerWait, MaxIdleConns: 10, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	}
	return &issuers{known: map[string]*issuer{}, loopback: cfg.AllowLoopbackIssuers, client: &http.Client{
		Transport: transport, Timeout: issuerWait,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the issuer answered with a redirect") },
	}}
}

// IssuerClient reads what other identity providers publish: at no address that this server keeps away from.
func (s *Server) IssuerClient() *http.Client { return s.issuers.client }

// refusedAddress says why an address is not asked.
type refusedAddress string

func (r refusedAddress) Error() string { return string(r) }

// mayDial refuses addresses that a federated issuer has no business at. It sees
// the address that is dialled, so no name can be made to point elsewhere in between.
func mayDial(address string, private, loopback bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %s is not usable", address)
	}
	ip := ap.Addr().Unmap()
	switch {
	case ip.IsLoopback() && !loopback:
		return refusedAddress("the issuer is at a loopback address; allow loopback issuers if that is meant")
	case (ip.IsPrivate() || sharedSpace(ip)) && !private:
		return refusedAddress("the issuer is at a private address; allow private issuers if that is meant")
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.IsUnspecified(), !ip.IsValid():
		return refusedAddress("the issuer is at an address that is never asked")
	}
	return nil
}

// sharedSpace is carrier-grade NAT's range and the like, private in all but name (RFC 6598, RFC 6052).
func sharedSpace(ip netip.Addr) bool {
	return netip.MustParsePrefix("100.64.0.0/10").Contains(ip) || netip.MustParsePrefix("64:ff9b::/96").Contains(ip) || netip.MustParsePrefix("0.0.0.0/8").Contains(ip)
}

func (is *issuers) wait() { is.fetching.Wait() }

func (is *issuers) entry(name string) *issuer {
	is.mu.Lock()
	defer is.mu.Unlock()
	e := is.known[name]
	if e == nil {
		if len(is.known) >= issuersKnown {
			clear(is.known)
		}
		e = &issuer{}
		is.known[name] = e
	}
	return e
}

// key returns the issuer's key with that kid. Keys are fetched when none are
// known, when the kid is new, and in the background when they have aged.
func (is *issuers) key(ctx context.Context, name, kid string, now time.Time) (*jose.JSONWebKey, error) {
	e := is.entry(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	usable := now.Sub(e.fetched) < keysStale
	if k := e.find(kid); k != nil && usable {
		if now.Sub(e.fetched) > keysFresh && !e.behind && now.Sub(e.tried) >= keysRetry {
			e.behind = true
			is.fetching.Go(func() { is.refresh(name, e, now) })
		}
		return k, nil
	}
	if e.tried.IsZero() || now.Sub(e.tried) >= keysRetry {
		// Whoever asked may hang up; the answer is for everybody who waits.
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), issuerWait)
		defer cancel()
		e.take(is.fetch(detached, name))(now)
	}
	if k := e.find(kid); k != nil && now.Sub(e.fetched) < keysStale {
		return k, nil
	}
	if e.failure != nil {
		return nil, e.failure
	}
	return nil, fmt.Errorf("the issuer publishes no usable key named %q", clip(kid))
}

func (is *issuers) refresh(name string, e *issuer, now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), issuerWait)
	defer cancel()
	keys, err := is.fetch(ctx, name)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behind = false
	e.take(keys, err)(now)
}

func (e *issuer) take(keys jose.JSONWebKeySet, err error) func(time.Time) {
	return func(now time.Time) {
		e.tried, e.failure = now, err
		if err == nil {
			e.keys, e.fetched = keys, now
		}
	}
}

// find returns the key with that kid; a token without one fits an issuer with one key.
func (e *issuer) find(kid string) *jose.JSONWebKey {
	if kid == "" && len(e.keys.Keys) != 1 {
		return nil
	}
	for i := range e.keys.Keys {
		k := &e.keys.Keys[i]
		if (k.KeyID == kid || kid == "") && k.Valid() && k.IsPublic() && k.Use != "enc" {
			return k
		}
	}
	return nil
}

// fetch reads an issuer's OpenID configuration and key set.
func (is *issuers) fetch(ctx context.Context, name string) (jose.JSONWebKeySet, error) {
	var configuration struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	var keys jose.JSONWebKeySet
	if err := is.get(ctx, strings.TrimSuffix(name, "/")+"/.well-known/openid-configuration", &configuration); err != nil {
		return keys, err
	}
	if configuration.Issuer != name {
		return keys, errors.New("the issuer's OpenID configuration names another issuer")
	}
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := is.get(ctx, configuration.JWKS, &published); err != nil {
		return keys, err
	}
	for _, text := range published.Keys { // one by one: a kind that is not known here takes no other away
		var k jose.JSONWebKey
		if json.Unmarshal(text, &k) == nil {
			keys.Keys = append(keys.Keys, k)
		}
	}
	return keys, nil
}

func (is *issuers) get(ctx context.Context, address string, v any) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(is.loopback && u.Scheme == "http" && isLoopbackHost(u.Hostname())) {
		return errors.New("the issuer or its jwks_uri is not an https address")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return errors.New("the issuer or its jwks_uri is not an https address")
	}
	r.Header.Set("Accept", "application/json")
	answer, err := is.client.Do(r)
	if err != nil {
		// What exactly went wrong would tell the caller about our network.
		var refused refusedAddress
		if errors.As(err, &refused) {
			return refused
		}
		return errors.New("the issuer could not be reached or its certificate is not trusted")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the issuer answered with status %d", answer.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, issuerBody+1))
	if err != nil || len(b) > issuerBody || json.Unmarshal(b, v) != nil {
		return errors.New("the issuer's answer is not the JSON document that was expected")
	}
	return nil
}

func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
