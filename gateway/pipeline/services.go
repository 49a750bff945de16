package pipeline

import (
	"context"
	"net/http"
	"time"

	"gatehouse/counter"
	"gatehouse/gateway/config"
	"gatehouse/gateway/contract"
	"gatehouse/policy/expr"
	"gatehouse/token"
)

// Services are what policies reach beyond the call. A gateway has one; tests make their own. What
// is nil is not there: elements say so by failing.
type Services struct {
	Now func() time.Time
	// Transport returns the connections for an upstream.
	Transport func(Upstream) (http.RoundTripper, error)
	// Loopback serves a request to the gateway itself; ok is false when it is to somebody else.
	Loopback func(*http.Request) (answer *http.Response, ok bool)
	// Go runs work that goes on after the call, in a pool of bounded size; false when that is full.
	Go func(func(context.Context)) bool
	// Sleep waits, less long when the context ends; nil waits by the clock.
	Sleep func(context.Context, time.Duration) error
	// Telemetry takes what trace policies send; nil drops it.
	Telemetry func(*Call, Telemetry)
	// Limits holds the calls that are inside limit-concurrency.
	Limits *Concurrency
	// Counters count what limits and quotas limit.
	Counters counter.Counters
	// Metrics take what emit-metric and its kin send; nil drops it.
	Metrics *Metrics

	// Schema finds a schema of the service, or of a workspace when that is not "", and Schemas keeps what was compiled of them.
	Schema  func(workspace, name string) *config.Schema
	Schemas *contract.Schemas

	// Events takes messages to loggers; it never waits. Nil drops them.
	Events func(*Call, Event)

	// Tokens verifies tokens of callers.
	Tokens *token.Verifier
	// Revoked asks whether a client's certificate was revoked; nil asks nobody.
	Revoked Revocation
	// Import takes a certificate with its private key, as PKCS #12, for calls of backends. It returns its thumbprint.
	Import func(pfx []byte, password string) (thumbprint string, err error)
	// IdentityToken gets a token for a resource as the service's own identity, or as one that is assigned to it
	// when clientID is given.
	IdentityToken func(ctx context.Context, resource, clientID string) (string, error)
	// Authorization gets the token of a connection of the credential manager.
	Authorization func(ctx context.Context, a AuthorizationRequest) (*expr.Authorization, error)
}

// AuthorizationRequest asks for the token of a connection (gateway.md 8.1, get-authorization-context).
type AuthorizationRequest struct {
	Provider, Connection string
	Workspace            string // name of the workspace that the API is in, "" for none
	Identity             string // token of the one who asks; "" for the service itself
}

func (s *Services) now() time.Time {
	if s == nil || s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Services) sleep(ctx context.Context, d time.Duration) error {
	if s != nil && s.Sleep != nil {
		return s.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
