package replay

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/record"
	"gatehouse/guard"
	"gatehouse/token"
)

// authority knows identities from the recording and rights from the world of a stage.
type authority struct{ s *stage }

func nobody(format string, args ...any) error {
	return gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", format, args...)
}

// skew is what clocks may differ by.
const skew = 5 * time.Minute

// Authenticate says who a token of the call was issued to. Only what was verified when it was recorded counts.
func (a authority) Authenticate(_ context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error) {
	k := a.s.player.call
	if bearer == sessionToken && k.Principal != nil && k.Principal.Via == "session" {
		return a.recorded(k)
	}
	t, ok := k.tokens[bearer]
	if !ok || !t.Tenant || t.Key == "" {
		return nil, nobody("The access token is invalid.")
	}
	var c claims
	if err := json.Unmarshal(t.Claims, &c); err != nil {
		return nil, nobody("The access token is invalid.")
	}
	now := a.s.now
	switch {
	case c.Expiry == 0 || !now.Before(time.Unix(c.Expiry, 0).Add(skew)) || now.Before(time.Unix(c.NotBefore, 0).Add(-skew)):
		return nil, nobody("The access token is not in force.")
	case !slices.ContainsFunc(c.audiences(), func(is string) bool {
		return slices.ContainsFunc(audiences, func(one string) bool { return sameAudience(one, is) })
	}):
		return nil, nobody("The access token is for another audience.")
	}
	id, err := gatehouse.ParseGUID(c.Object)
	if err != nil {
		return nil, nobody("The access token is invalid.")
	}
	switch c.Type {
	case "user":
		return a.caller(&gatehouse.Caller{ID: id, Type: gatehouse.User, Name: c.Name, AppID: c.App})
	case "app":
		return a.caller(&gatehouse.Caller{ID: id, Type: gatehouse.ServicePrincipal, Name: c.App, AppID: c.App})
	}
	// An agent's token names a grant, which the recording has when the call was checked then.
	if p := k.Principal; p != nil && p.Agent != nil && p.Agent.Grant == id {
		return a.recorded(k)
	}
	return nil, nobody("The recording does not tell what the agent was granted.")
}

func sameAudience(a, b string) bool {
	return gatehouse.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// recorded is who was found to call when the call was recorded.
func (a authority) recorded(k *call) (*gatehouse.Caller, error) {
	p := k.Principal
	return a.caller(&gatehouse.Caller{ID: p.ID, Type: p.Type, Name: p.Name, AppID: p.AppID, Agent: p.Agent})
}

// caller refuses who is gone or disabled in the world.
func (a authority) caller(c *gatehouse.Caller) (*gatehouse.Caller, error) {
	p, known := a.s.side.View.Principal(c.ID)
	if known && (p.Disabled || p.Type != c.Type && p.Type != gatehouse.UnknownPrincipal) || !known && a.s.side.View.Complete {
		return nil, nobody("The access token's principal '%s' does not exist any more or is disabled.", c.ID)
	}
	return c, nil
}

// Foreign says for whom a token of another identity provider stood, when a role check found that out then.
func (a authority) Foreign(_ context.Context, bearer string, _ *admit.Foreign) (*gatehouse.Caller, error) {
	p := a.s.player.call.Principal
	if p == nil || p.Via != "bearer" || p.Issuer == "" || p.Issuer != token.IssuerOf(bearer) {
		return nil, nobody("The recording does not tell for whom the token stands.")
	}
	return a.caller(&gatehouse.Caller{ID: p.ID, Type: p.Type, Name: p.Name, AppID: p.AppID, Issuer: p.Issuer, Method: p.Method})
}

// Certificate says who registered the certificate of the call, when a role check found that out then.
func (a authority) Certificate(_ context.Context, _ *x509.Certificate) (*gatehouse.Caller, error) {
	if k := a.s.player.call; k.Principal != nil && k.Principal.Via == "certificate" {
		return a.recorded(k)
	}
	return nil, nobody("The recording does not tell whose the certificate is.")
}

// Decide decides by the world, at the time of the call.
func (a authority) Decide(_ context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error) {
	if agent := caller.Agent; agent != nil && !agent.Covers(action, true, scope.Scope(), a.s.now) {
		return gatehouse.Decision{Code: gatehouse.AuthorizationFailed}, gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed, "The grant of the agent '%s' does not cover the action.", agent.Name)
	}
	v := a.s.side.View
	q := &gatehouse.Request{Principal: caller.ID, Action: action, Data: true, Scope: scope.Scope(), Now: a.s.now}
	if own := v.Attributes(caller.ID); own != nil {
		q.Attributes = &gatehouse.Attributes{Principal: own}
	}
	d := v.Snapshot.Decide(q)
	if d.Allowed {
		return d, nil
	}
	return d, guard.Refusal(caller, action, scope.String(), d, func() (name, at string) {
		for _, g := range a.s.explain(caller.ID, action, scope.Scope()).Denies {
			return g.Name, g.Scope.ID
		}
		return d.Deny.String(), scope.String()
	})
}

// explain asks the world of a stage.
func (s *stage) explain(principal gatehouse.GUID, action string, scope gatehouse.Scope) *access.Explanation {
	v := *s.side.View
	v.Now = s.now
	return v.Explain(access.Question{Principal: principal, Action: action, Data: true, Scope: scope})
}

// signed is token.Config.Vouch: a key made a token when it is the one that had made it.
func (s *stage) signed(raw string, k *token.Key) bool {
	t, ok := s.player.call.tokens[raw]
	return ok && t.Key != "" && k.Fingerprint(s.player.call.Salt) == t.Key
}

// published is token.Config.Local. An address that the recording has nothing from publishes no keys here.
func (s *stage) published(address string) *token.Set {
	if set := s.keys[address]; set != nil {
		return set
	}
	if own := s.keys[""]; own != nil && s.Publishes != nil && s.Publishes(address, own.Issuers) {
		return &token.Set{Issuers: own.Issuers, Keys: own.Keys, Check: s.withdrawn}
	}
	return &token.Set{}
}

// withdrawn says why a token of the installation counts no more in the world of the stage.
func (s *stage) withdrawn(t *token.Token) string {
	id, err := gatehouse.ParseGUID(t.First("oid"))
	if err != nil {
		return "The token names no principal."
	}
	if p, known := s.side.View.Principal(id); known && p.Disabled || !known && s.side.View.Complete {
		return "The principal of the token does not exist any more or is disabled."
	}
	return ""
}

// publishedIn gathers the keys that recorded tokens were signed with, by where they were published.
func publishedIn(records []*record.Record) map[string]*token.Set {
	sets := map[string]*token.Set{}
	have := map[string]bool{}
	for _, r := range records {
		for _, t := range r.Tokens {
			for _, p := range t.Published {
				if p.Address != "" {
					if _, err := url.Parse(p.Address); err != nil {
						continue
					}
				}
				set := sets[p.Address]
				if set == nil {
					set = &token.Set{}
					sets[p.Address] = set
				}
				for _, issuer := range p.Issuers {
					if !slices.Contains(set.Issuers, issuer) {
						set.Issuers = append(set.Issuers, issuer)
					}
				}
				if at := p.Address + "\n" + string(p.Key); !have[at] {
					if key, err := token.ParseJWK(p.Key); err == nil {
						have[at], set.Keys = true, append(set.Keys, key)
					}
				}
			}
		}
	}
	return sets
}
