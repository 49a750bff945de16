package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/entra"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	away "gatehouse/gateway/remote"
	"gatehouse/policy/expr"
	"gatehouse/token"
)

// The questions of gateways elsewhere about identities of policies and sign-in, with their answers.
type (
	askIdentity  struct{ Resource, Client string }
	tellIdentity struct {
		Token   string
		Expires time.Time
	}
	askPublished  struct{ Address string }
	tellPublished struct {
		Ours   bool
		Issuer string
		Keys   []publishedKey
	}
	publishedKey struct {
		ID, N string // of an RSA key with the usual exponent
		E     int
	}
	askWithdrawn struct {
		Principal string
		Issued    time.Time
	}
	tellWithdrawn struct{ Reason string }
	tellSignIn    struct {
		Authorize, Token, SignOut, Client, Audience, Resource string
		Secret                                                []byte
	}
)

// gatewayAnswers answers them. Self-hosted gateways get no identities and no connections of the service, as on Azure: who
// runs one is not the service.
func (p *policyIdentities) gatewayAnswers() map[string]away.More {
	managed := func(ask away.More) away.More {
		return func(ctx context.Context, q *away.Question) (any, error) {
			if q.Gateway != away.Managed {
				return nil, gatehouse.Errorf(gatehouse.Forbidden, "Forbidden", "Identities and connections of the service are for its own gateways, not for self-hosted ones.")
			}
			return ask(ctx, q)
		}
	}
	return map[string]away.More{
		"published": func(_ context.Context, q *away.Question) (any, error) {
			var asked askPublished
			if err := json.Unmarshal(q.Body, &asked); err != nil || !p.a.entra.Publishes(asked.Address) {
				return tellPublished{}, nil
			}
			t := tellPublished{Ours: true, Issuer: p.a.entra.Issuer()}
			for kid, key := range p.a.entra.PublicKeys() {
				t.Keys = append(t.Keys, publishedKey{kid, key.N.Text(62), key.E})
			}
			return t, nil
		},
		"withdrawn": func(_ context.Context, q *away.Question) (any, error) {
			var asked askWithdrawn
			if err := json.Unmarshal(q.Body, &asked); err != nil {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The question cannot be read.")
			}
			principal, err := gatehouse.ParseGUID(asked.Principal)
			if err != nil {
				return tellWithdrawn{"The token names no principal."}, nil
			}
			return tellWithdrawn{p.a.entra.Withdrawn(principal, asked.Issued)}, nil
		},
		"identity": managed(func(ctx context.Context, q *away.Question) (any, error) {
			var asked askIdentity
			if err := json.Unmarshal(q.Body, &asked); err != nil {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The question cannot be read.")
			}
			who, err := identityOf(q.Service, asked.Client)
			if err != nil {
				return nil, gatehouse.Errorf(gatehouse.NotFound, "IdentityNotFound", "%s", err)
			}
			text, expires, err := p.identityToken(ctx, who, asked.Resource)
			return tellIdentity{text, expires}, err
		}),
		"authorization": managed(func(ctx context.Context, q *away.Question) (any, error) {
			var asked pipeline.AuthorizationRequest
			if err := json.Unmarshal(q.Body, &asked); err != nil {
				return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The question cannot be read.")
			}
			return p.authorization(ctx, q.Service, asked)
		}),
		"sign-in": func(ctx context.Context, q *away.Question) (any, error) {
			secret, err := frontSecret(ctx, p.a.store)
			if err != nil {
				return nil, err
			}
			own, err := hkdf.Key(sha256.New, secret, nil, "gateway elsewhere\n"+gatehouse.Fold(q.Service.Resource)+"\n"+q.Gateway, 32)
			issuer := strings.TrimSuffix(p.a.entra.Issuer(), "/v2.0")
			return tellSignIn{Authorize: issuer + "/oauth2/v2.0/authorize", Token: issuer + "/oauth2/v2.0/token", SignOut: issuer + "/oauth2/v2.0/logout", Client: gatewayClient.String(),
				Audience: entra.GatewayAudience, Resource: q.Service.Resource, Secret: own}, err
		},
	}
}

// remoteIdentities are the identities and tokens of policies on a gateway elsewhere: the management node is asked.
type remoteIdentities struct {
	remote   *away.Remote
	verifier *token.Verifier
	managed  bool

	mu        sync.Mutex
	published map[string]*publishedSet
	withdrawn map[askWithdrawn]withdrawal
}

type publishedSet struct {
	ours   bool
	access int64
	set    *token.Set
	keys   map[publishedKey]*token.Key
}

type withdrawal struct {
	reason string
	access int64
}

// mostWithdrawn bounds what is known of tokens.
const mostWithdrawn = 50_000

func newRemoteIdentities(r *away.Remote, client *http.Client) *remoteIdentities {
	i := &remoteIdentities{remote: r, managed: r.Gateway == away.Managed, published: map[string]*publishedSet{}, withdrawn: map[askWithdrawn]withdrawal{}}
	i.verifier = token.NewVerifier(token.Config{Client: client, Local: i.local})
	return i
}

// serve is gateway.Config.Serve.
func (i *remoteIdentities) serve(_ *config.Config, s *pipeline.Services) {
	s.Tokens = i.verifier
	if i.managed {
		s.IdentityToken, s.Authorization = i.identityToken, i.authorization
	}
}

// local are the keys of the identity provider beside the node, for addresses that it publishes at. Whether one is such an
// address is asked once; the keys are asked for anew when rights and identities change.
func (i *remoteIdentities) local(address string) *token.Set {
	now, counts := i.remote.Access()
	i.mu.Lock()
	known := i.published[address]
	i.mu.Unlock()
	if known != nil && (!known.ours || known.access == now || !counts) {
		return known.set // without word from the node, its Check refuses
	}
	var t tellPublished
	access, err := i.remote.Ask(context.Background(), "published", askPublished{address}, &t)
	switch {
	case err != nil && known != nil:
		return known.set
	case err != nil && !i.maybeOurs(address):
		return nil
	case err != nil:
		return &token.Set{} // no key: nothing is good until the node can be asked
	}
	next := &publishedSet{ours: t.Ours, access: access, keys: map[publishedKey]*token.Key{}}
	if t.Ours {
		next.set = &token.Set{Issuers: []string{t.Issuer}, Check: i.check}
		for _, k := range t.Keys {
			key := (*token.Key)(nil)
			if known != nil {
				key = known.keys[k]
			}
			if n, ok := new(big.Int).SetString(k.N, 62); key == nil && ok {
				if key, err = token.Public(k.ID, &rsa.PublicKey{N: n, E: k.E}); err != nil {
					continue
				}
			}
			if key != nil {
				next.keys[k] = key
				next.set.Keys = append(next.set.Keys, key)
			}
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.published) >= mostAddresses {
		clear(i.published)
	}
	i.published[address] = next
	return next.set
}

// maybeOurs reports whether an address could be one that the node publishes at.
func (i *remoteIdentities) maybeOurs(address string) bool {
	u, err := url.Parse(address)
	node, err2 := url.Parse(i.remote.Endpoint)
	if err != nil || err2 != nil {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return host == strings.ToLower(node.Hostname()) || host == "localhost" || strings.HasSuffix(host, ".microsoftonline.com") || strings.HasSuffix(host, ".windows.net")
}

// check says why a token of the identity provider counts no more. What the node said counts until rights or identities change.
func (i *remoteIdentities) check(t *token.Token) string {
	const away = "The token could not be checked: the management node was not heard of in time."
	asked := askWithdrawn{t.First("oid"), t.IssuedAt.UTC()}
	now, counts := i.remote.Access()
	if !counts {
		return away
	}
	i.mu.Lock()
	known, ok := i.withdrawn[asked]
	i.mu.Unlock()
	if ok && known.access == now {
		return known.reason
	}
	var answer tellWithdrawn
	access, err := i.remote.Ask(context.Background(), "withdrawn", asked, &answer)
	if err != nil {
		return away
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.withdrawn) >= mostWithdrawn {
		clear(i.withdrawn)
	}
	i.withdrawn[asked] = withdrawal{answer.Reason, access}
	return answer.Reason
}

// identityToken asks for a token of an identity of the service. The node keeps it until shortly before its end, and looks
// each time whether the service still has the identity.
func (i *remoteIdentities) identityToken(ctx context.Context, resource, client string) (string, error) {
	var t tellIdentity
	if _, err := i.remote.Ask(ctx, "identity", askIdentity{resource, client}, &t); err != nil {
		return "", nodeError(err)
	}
	return t.Token, nil
}

func (i *remoteIdentities) authorization(ctx context.Context, r pipeline.AuthorizationRequest) (*expr.Authorization, error) {
	var t expr.Authorization
	if _, err := i.remote.Ask(ctx, "authorization", r, &t); err != nil {
		return nil, nodeError(err)
	}
	return &t, nil
}

// nodeError keeps addresses of the node out of what policies see.
func nodeError(err error) error {
	var refused *away.Refused
	if errors.As(err, &refused) {
		return refused
	}
	return errors.New("the management node could not be asked")
}

// remoteSignIn is how browsers sign in at a gateway elsewhere, which the server says. Until it was heard nobody can.
type remoteSignIn struct {
	admit.SignIn
	remote *away.Remote
	client *http.Client
}

// How often the server is asked: soon while nobody can sign in, else seldom, for one that has been set up anew.
const (
	signInSoon   = time.Second
	signInSeldom = time.Minute
)

// ask asks the server once.
func (s *remoteSignIn) ask(ctx context.Context) error {
	var t tellSignIn
	if _, err := s.remote.Ask(ctx, "sign-in", struct{}{}, &t); err != nil {
		return err
	}
	return s.Set(admit.SignInConfig{Authorize: t.Authorize, Token: t.Token, SignOut: t.SignOut, ClientID: t.Client, Audience: t.Audience,
		AudienceOf: func(string) string { return t.Resource }, Secret: t.Secret, Client: s.client})
}

// run asks the server until ctx ends. What it said last goes on counting: a session is nothing without the server's word for its token.
func (s *remoteSignIn) run(ctx context.Context) {
	told := false
	for {
		pause := signInSeldom
		if err := s.ask(ctx); err != nil && ctx.Err() == nil {
			if !told {
				slog.Warn("the server could not be asked how browsers sign in; it is asked again", "error", err)
			}
			pause = signInSoon
		}
		told = pause == signInSoon
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
