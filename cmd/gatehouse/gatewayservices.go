package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/entra"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy/expr"
	"gatehouse/provider/apim"
	"gatehouse/token"
)

// policyIdentities are identities and tokens for policies: keys of this tenant from memory, tokens of services' managed identities,
// tokens of connections.
type policyIdentities struct {
	a        *app
	verifier *token.Verifier

	mu      sync.Mutex
	version any // of the keys in local
	keys    map[string]tokenKey
	local   *token.Set
	ours    map[string]bool // address -> whether entra publishes there

	tokens map[identityKey]*identityToken
}

type tokenKey struct {
	public *rsa.PublicKey
	key    *token.Key
}

type identityKey struct {
	principal gatehouse.GUID
	resource  string
}

// identityToken is the token of a managed identity for a resource. Its lock is held while one is got.
type identityToken struct {
	mu              sync.Mutex
	text            string
	issued, expires time.Time
}

// identityEarly is how long before its end a token is replaced.
const identityEarly = 5 * time.Minute

// mostAddresses bounds what is known of addresses that keys may be published at: expressions may compute those, too.
const mostAddresses = 10_000

// mostIdentityTokens bounds what is kept: expressions may compute resources.
const mostIdentityTokens = 10_000

func newPolicyIdentities(a *app) *policyIdentities {
	p := &policyIdentities{a: a, ours: map[string]bool{}, tokens: map[identityKey]*identityToken{}}
	p.verifier = token.NewVerifier(token.Config{Local: p.published})
	return p
}

// serve completes the services of policies for one API Management service: gateway.Config.Serve. Nobody is asked whether a
// client's certificate was revoked by its issuer.
func (p *policyIdentities) serve(c *config.Config, s *pipeline.Services) {
	service := c.Service
	s.Tokens = p.verifier
	s.IdentityToken = func(ctx context.Context, resource, client string) (string, error) {
		who, err := identityOf(service, client)
		if err != nil {
			return "", err
		}
		text, _, err := p.identityToken(ctx, who, resource)
		return text, err
	}
	s.Authorization = func(ctx context.Context, r pipeline.AuthorizationRequest) (*expr.Authorization, error) {
		return p.authorization(ctx, service, r)
	}
}

// published are the keys of this tenant for an address that they are published at; nil for addresses of others.
func (p *policyIdentities) published(address string) *token.Set {
	version := p.a.entra.KeysVersion()
	p.mu.Lock()
	defer p.mu.Unlock()
	ours, known := p.ours[address]
	if !known {
		if len(p.ours) >= mostAddresses {
			clear(p.ours)
		}
		ours = p.a.entra.Publishes(address)
		p.ours[address] = ours
	}
	if !ours {
		return nil
	}
	if p.local != nil && p.version == version {
		return p.local
	}
	set := &token.Set{Issuers: []string{p.a.entra.Issuer()}, Check: p.withdrawn}
	keys := map[string]tokenKey{}
	for kid, public := range p.a.entra.PublicKeys() {
		one := p.keys[kid]
		if one.public != public {
			key, err := token.Public(kid, public)
			if err != nil {
				continue // tokens under it are refused
			}
			one = tokenKey{public, key}
		}
		keys[kid] = one
		set.Keys = append(set.Keys, one.key)
	}
	p.version, p.keys, p.local = version, keys, set
	return set
}

// withdrawn says why a token of this tenant counts no more.
func (p *policyIdentities) withdrawn(t *token.Token) string {
	oid, err := gatehouse.ParseGUID(t.First("oid"))
	if err != nil {
		return "The token names no principal."
	}
	return p.a.entra.Withdrawn(oid, t.IssuedAt)
}

// identityOf is the principal of a service's own identity, or of the one assigned to it with a client ID.
func identityOf(s *config.Service, client string) (gatehouse.GUID, error) {
	for _, one := range s.Identities {
		if client == "" && one.Resource == "" || client != "" && one.Resource != "" && strings.EqualFold(one.Client, client) {
			return gatehouse.ParseGUID(one.Principal)
		}
	}
	if client == "" {
		return gatehouse.GUID{}, errors.New("the service has no identity of its own: switch on its system-assigned one, or name one that is assigned to it with client-id")
	}
	return gatehouse.GUID{}, errors.New("no identity with that client ID is assigned to the service")
}

// identityToken returns a token of a managed identity: one that was got before while it is good, else a new one, which is
// recorded like any sign-in.
func (p *policyIdentities) identityToken(ctx context.Context, who gatehouse.GUID, resource string) (string, time.Time, error) {
	if strings.TrimSpace(resource) == "" {
		return "", time.Time{}, errors.New("the resource is empty")
	}
	key := identityKey{who, resource}
	p.mu.Lock()
	kept := p.tokens[key]
	if kept == nil {
		if len(p.tokens) >= mostIdentityTokens {
			clear(p.tokens)
		}
		kept = &identityToken{}
		p.tokens[key] = kept
	}
	p.mu.Unlock()
	kept.mu.Lock()
	defer kept.mu.Unlock()
	now := time.Now()
	if kept.text != "" && now.Before(kept.expires.Add(-identityEarly)) && p.a.entra.Withdrawn(who, kept.issued) == "" {
		return kept.text, kept.expires, nil
	}
	text, expires, err := p.a.entra.Issue(ctx, who, resource, "identity")
	if err != nil {
		return "", expires, err
	}
	kept.text, kept.issued, kept.expires = text, now, expires
	return text, expires, nil
}

// authorization gets the token of a connection, in the name of the service or of whoever a token was issued to.
func (p *policyIdentities) authorization(ctx context.Context, service *config.Service, r pipeline.AuthorizationRequest) (*expr.Authorization, error) {
	by, err := p.asker(ctx, service, r.Identity)
	if err != nil {
		return nil, err
	}
	parent, err := gatehouse.ParseID(service.Resource)
	if err != nil {
		return nil, err
	}
	if r.Workspace != "" {
		parent = parent.Child("workspaces", r.Workspace)
	}
	got, err := p.a.apim.Connections.Token(ctx, parent, r.Provider, r.Connection, by)
	if err != nil {
		return nil, err
	}
	return &expr.Authorization{AccessToken: got.AccessToken, Claims: got.Claims}, nil
}

func (p *policyIdentities) asker(ctx context.Context, service *config.Service, identity string) (by apim.Asker, err error) {
	by.Tenant = p.a.tenant.String()
	if identity != "" {
		if rest, ok := strings.CutPrefix(identity, "Bearer "); ok {
			identity = strings.TrimSpace(rest)
		}
		caller, err := p.a.entra.Authenticate(ctx, identity, entra.AuthorizationManagerAudience)
		if err != nil {
			return by, err
		}
		by.Object, by.App = caller.ID.String(), caller.AppID
		return by, nil
	}
	who, err := identityOf(service, "")
	if err != nil {
		return by, err
	}
	one, ok := p.a.dir.Principal(who)
	if !ok || !one.Enabled {
		return by, errors.New("the identity of the service does not exist any more or is disabled")
	}
	by.Object, by.App = who.String(), one.AppID.String()
	return by, nil
}
