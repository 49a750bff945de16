package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/entra"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/feed"
	"gatehouse/gateway/foreign"
	"gatehouse/gateway/hooks"
	away "gatehouse/gateway/remote"
	"gatehouse/gateway/trace"
	"gatehouse/guard"
	"gatehouse/store"
)

// gatewaySide is what the management node has for gateways, in this process and in others.
type gatewaySide struct {
	feed     *feed.Feed
	node     *away.Node
	traces   *trace.Store
	rights   authority
	hooks    *hooks.Hooks // of the gateway in this process
	refused  chan gatehouse.Change
	policies *policyIdentities
	signIn   string // where callers get tokens
}

// newGatewaySide follows the store: make it after guard and sign-in, which answer for it, and before anything is served.
func (a *app) newGatewaySide(ctx context.Context, s *store.Store, tenant gatehouse.GUID) (*gatewaySide, error) {
	g := &gatewaySide{traces: trace.NewStore(nil), refused: make(chan gatehouse.Change, 1000), signIn: a.publicURL + "/" + tenant.String()}
	var err error
	if g.feed, err = feed.New(ctx, s, nil); err != nil {
		return nil, err
	}
	others := foreign.New(foreign.Config{Store: s, Directory: a.dir, Client: a.entra.IssuerClient(), Own: a.entra.Issuer()})
	g.rights, g.policies = authority{a.entra, a.guard, others, g.feed}, newPolicyIdentities(a)
	secret, err := frontSecret(ctx, s)
	if err == nil {
		secret, err = hkdf.Key(sha256.New, secret, nil, "what gateways have", 32)
	}
	if err != nil {
		return nil, fmt.Errorf("the secret of gateways: %w", err)
	}
	g.node, err = away.NewNode(ctx, away.NodeConfig{Store: s, Secret: secret, Guard: a.guard, Feed: g.feed, Authority: recorded{g.rights, a.dir, g.refused}, Analytics: a.counted, Traces: g.traces, More: g.policies.gatewayAnswers(),
		Manager: func(ctx context.Context, bearer string) (*gatehouse.Caller, error) {
			return a.entra.Authenticate(ctx, bearer, a.entra.ARMAudiences()...)
		}})
	return g, err
}

// authority answers gateways about identities and rights: sign-in knows the first, the guard the second.
type authority struct {
	*entra.Server
	guard  *guard.Guard
	others *foreign.Authority
	feed   *feed.Feed
}

// Foreign says whom a token of another identity provider stands for, as the role check has it now.
func (a authority) Foreign(ctx context.Context, bearer string, by *admit.Foreign) (*gatehouse.Caller, error) {
	service, err := gatehouse.ParseID(by.Service)
	if err != nil {
		return nil, err
	}
	var issuers []config.Issuer
	a.feed.View(service.Scope(), func(c *config.Config) {
		if c == nil {
			return
		}
		if setting, ok := c.RoleChecks.Get(config.Key(by.Setting)); ok {
			issuers = setting.Issuers
		}
	})
	return a.others.Caller(ctx, bearer, issuers)
}

// Decide says whether a caller may perform a data action.
func (a authority) Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error) {
	return a.guard.AuthorizeData(ctx, caller, action, scope)
}

// recorded answers gateways elsewhere. Refusals are put on record, as far as the log bears, beside the call.
type recorded struct {
	authority
	dir      *directory.Index
	refusals chan<- gatehouse.Change // to be put on record; what does not fit is not
}

// Decide says whether a caller may perform a data action.
func (a recorded) Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error) {
	d, err := a.authority.Decide(ctx, caller, action, scope)
	if gatehouse.KindOf(err) == gatehouse.Forbidden {
		because := &gatehouse.Because{Code: d.Code}
		if !d.Deny.IsZero() {
			because.Deny = d.Deny.String()
		}
		who := gatehouse.Caller{ID: caller.ID, Type: caller.Type, Method: "gateway", Agent: caller.Agent} // the gateway says no more than that
		if p, ok := a.dir.Principal(caller.ID); ok {
			who.Type, who.Name = p.Type, p.Name
		}
		if who.Agent != nil {
			who.Name = who.Agent.Name + " for " + who.Name
		}
		operation := gatehouse.NewGUID().String()
		change := gatehouse.Change{Kind: gatehouse.Refused, Resource: scope.String(), Type: scope.Type(), Status: http.StatusForbidden, Note: gatehouse.CodeOf(err),
			Cause: gatehouse.Cause{Caller: who, Action: action, Scope: scope.String(), Decision: because, Operation: operation, Correlation: operation}}
		select {
		case a.refusals <- change:
		default:
		}
	}
	return d, err
}

// run does what goes on beside calls until the returned function is called: calls are recorded, refusals put on record.
func (g *gatewaySide) run(ctx context.Context, refusals *guard.Refusals) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	all.Go(func() { g.hooks.Run(ctx) })
	all.Go(func() {
		for {
			select {
			case change := <-g.refused:
				if err := refusals.Record(ctx, change); err != nil {
					slog.Error("the refusal of a call could not be put on record", "error", err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); all.Wait() }
}

// metrics tells how many gateways elsewhere live.
func (g *gatewaySide) metrics() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_gateways_heard", Help: "Gateways in other processes that were heard of within a minute."},
		func() float64 { return float64(g.node.Heard()) })
}

// around adds to a gateway what is done around the policies of a call, and follows the configuration for it.
func (a *app) around(ctx context.Context, c *gateway.Config) (err error) {
	g := a.gateways
	if g.hooks, err = a.newHooks(ctx); err != nil {
		return err
	}
	c.Begin, c.Admit, c.Debug, c.Observe = g.hooks.Begin, g.hooks.Admit, g.hooks.Debug, g.hooks.Observe
	c.Serve = g.policies.serve
	g.feed.Follow(g.hooks.Update)
	return nil
}
