package main

import (
	"context"

	"gatehouse"
	"gatehouse/entra"
	"gatehouse/gateway/feed"
	away "gatehouse/gateway/remote"
	"gatehouse/gateway/trace"
	"gatehouse/guard"
	"gatehouse/store"
)

// gatewaySide is what the management node has for gateways, in this process and in others.
type gatewaySide struct {
	feed   *feed.Feed
	node   *away.Node
	traces *trace.Store
	rights authority
}

// newGatewaySide follows the store: make it after guard and sign-in, which answer for it, and before anything is served.
func (a *app) newGatewaySide(ctx context.Context, s *store.Store) (*gatewaySide, error) {
	g := &gatewaySide{traces: trace.NewStore(nil), rights: authority{a.entra, a.guard}}
	var err error
	if g.feed, err = feed.New(ctx, s, nil); err != nil {
		return nil, err
	}
	g.node, err = away.NewNode(ctx, away.NodeConfig{Store: s, Guard: a.guard, Feed: g.feed, Authority: g.rights, Analytics: a.counted, Traces: g.traces,
		Manager: func(ctx context.Context, bearer string) (*gatehouse.Caller, error) {
			return a.entra.Authenticate(ctx, bearer, a.entra.ARMAudiences()...)
		}})
	return g, err
}

// authority answers gateways about identities and rights: sign-in knows the first, the guard the second.
type authority struct {
	*entra.Server
	guard *guard.Guard
}

// Decide says whether a caller may perform a data action.
func (a authority) Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error) {
	return a.guard.AuthorizeData(ctx, caller, action, scope)
}
