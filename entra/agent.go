package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// AgentGrantType is the type of the documents that hold what agents may do for somebody. Without its document a token
// is worth nothing, so deleting one takes effect with the next call.
const AgentGrantType = "Microsoft.Gatehouse/agentGrants"

const (
	agentType = "agent" // idtyp of agents' tokens
	// The bounds of grants.
	AgentLife     = time.Hour // of a token, at most
	mostGrants    = 100       // of a principal at a time
	mostGrantSize = 50        // actions, and scopes
)

// AgentGrant is part of a principal's rights, for an agent, for a while.
type AgentGrant struct {
	ID      gatehouse.GUID          `json:"id"`
	Agent   string                  `json:"agent"`
	User    gatehouse.GUID          `json:"user"`
	Type    gatehouse.PrincipalType `json:"userType"`
	Name    string                  `json:"userName"`
	Actions []string                `json:"actions"`
	Scopes  []string                `json:"scopes"`
	Expires time.Time               `json:"expires"`
}

func agentGrantID(id gatehouse.GUID) gatehouse.ID {
	return gatehouse.ID{}.Extension("Microsoft.Gatehouse", "agentGrants", id.String())
}

// IssueAgent makes a grant and a token for it, in the transaction and for the cause of whoever asks: the user that the
// grant is a part of the rights of.
//
// The object ID in the token is that of the grant, not the user's: who takes tokens of this tenant and knows
// nothing of agents finds nobody by that name.
func (s *Server) IssueAgent(ctx context.Context, tx *store.Tx, g *AgentGrant) (token string, err error) {
	now := s.now()
	if err := s.checkGrant(ctx, tx, g, now); err != nil {
		return "", err
	}
	g.ID, g.Expires = gatehouse.NewGUID(), g.Expires.UTC().Truncate(time.Second)
	body, err := json.Marshal(g)
	if err != nil {
		return "", err
	}
	if err := tx.Put(&store.Document{ID: agentGrantID(g.ID), Type: AgentGrantType, Body: body}); err != nil {
		return "", err
	}
	return s.keys.sign(ctx, claims{Audience: GatewayAudience, Issuer: s.issuer, IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiry: g.Expires.Unix(), IdType: agentType,
		OID: g.ID.String(), Subject: g.ID.String(), Name: g.Agent, TID: s.tenant, UTI: newID(16), Version: "1.0", Method: agentType, User: g.User.String(), UserType: string(g.Type)})
}

// checkGrant refuses what is out of bounds, and clears away the user's grants that have ended.
func (s *Server) checkGrant(ctx context.Context, tx *store.Tx, g *AgentGrant, now time.Time) error {
	if left := g.Expires.Sub(now); left <= 0 || left > AgentLife {
		return gatehouse.Errorf(gatehouse.Invalid, "LifetimeInvalid", "An agent token lasts for an hour at most.").At("lifetime")
	}
	if len(g.Actions) == 0 || len(g.Scopes) == 0 || len(g.Actions) > mostGrantSize || len(g.Scopes) > mostGrantSize {
		return gatehouse.Errorf(gatehouse.Invalid, "GrantInvalid", "A grant names one to %d data actions and one to %d scopes.", mostGrantSize, mostGrantSize)
	}
	list, err := s.grants(ctx, tx, g.User)
	if err != nil {
		return err
	}
	alive := 0
	for i := range list {
		if now.Before(list[i].Expires) {
			alive++
		} else if _, err := tx.Delete(agentGrantID(list[i].ID).Scope()); err != nil {
			return err
		}
	}
	if alive >= mostGrants {
		return gatehouse.Errorf(gatehouse.Conflict, "TooManyGrants", "%s has %d agent tokens already: revoke some or wait for their end.", g.Name, alive)
	}
	return nil
}

// AgentGrants are the grants of a principal that count now.
func (s *Server) AgentGrants(ctx context.Context, r store.Reader, user gatehouse.GUID) ([]AgentGrant, error) {
	all, err := s.grants(ctx, r, user)
	var list []AgentGrant
	for i := range all {
		if s.now().Before(all[i].Expires) {
			list = append(list, all[i])
		}
	}
	return list, err
}

func (s *Server) grants(ctx context.Context, r store.Reader, user gatehouse.GUID) ([]AgentGrant, error) {
	page, err := r.List(ctx, store.Query{Type: AgentGrantType})
	if err != nil {
		return nil, err
	}
	var list []AgentGrant
	for _, d := range page.Documents {
		if g, err := readGrant(d); err == nil && g.User == user {
			list = append(list, *g)
		}
	}
	return list, nil
}

// RevokeAgent ends a grant of a principal, and with it the token. A grant of somebody else is not found.
func (s *Server) RevokeAgent(ctx context.Context, tx *store.Tx, user, id gatehouse.GUID) error {
	missing := gatehouse.Errorf(gatehouse.NotFound, "GrantNotFound", "There is no agent grant '%s' of yours.", id)
	d, err := tx.Get(ctx, agentGrantID(id).Scope())
	if err != nil {
		return missing
	}
	if g, err := readGrant(d); err != nil || g.User != user {
		return missing
	}
	_, err = tx.Delete(agentGrantID(id).Scope())
	return err
}

func readGrant(d *store.Document) (*AgentGrant, error) {
	g := &AgentGrant{}
	if err := json.Unmarshal(d.Body, g); err != nil || g.ID.IsZero() || g.User.IsZero() {
		return nil, fmt.Errorf("entra: the agent grant %s is damaged", d.ID)
	}
	return g, nil
}

// readAgent reads the claims of an agent's token. The caller is the user; what the agent may is added at each call.
func readAgent(kid string, grant gatehouse.GUID, c *claims) (*verified, error) {
	user, err := gatehouse.ParseGUID(c.User)
	if err != nil || user.IsZero() || grant.IsZero() || c.Expiry == 0 || c.UserType != string(gatehouse.User) && c.UserType != string(gatehouse.ServicePrincipal) {
		return nil, invalidToken()
	}
	return &verified{kid: kid, issuer: c.Issuer, tenant: c.TID, audience: foldAudience(c.Audience), notBefore: time.Unix(c.NotBefore, 0), grant: grant,
		caller: gatehouse.Caller{ID: user, Type: gatehouse.PrincipalType(c.UserType), TokenID: c.UTI, Method: agentType,
			IssuedAt: time.Unix(c.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(c.Expiry, 0).UTC()}}, nil
}

// actFor makes the caller of an agent's token the agent that acts for a user, as the grant is at this moment.
func (s *Server) actFor(ctx context.Context, caller *gatehouse.Caller, grant gatehouse.GUID) error {
	d, err := s.store.Get(ctx, agentGrantID(grant).Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The agent's grant '%s' was revoked.", grant)
	}
	if err != nil {
		return err
	}
	g, err := readGrant(d)
	if err != nil || g.ID != grant || g.User != caller.ID {
		return invalidToken()
	}
	if !s.now().Before(g.Expires) {
		return gatehouse.Errorf(gatehouse.Unauthenticated, ExpiredToken, "The agent's grant ended at UTC time '%s'.", stamp(g.Expires))
	}
	name := g.Name
	if p, ok := s.dir.Principal(g.User); ok {
		name = p.Name
	}
	caller.Name = g.Agent + " for " + name
	caller.Agent = &gatehouse.Agent{Name: g.Agent, Grant: g.ID, Actions: g.Actions, Scopes: g.Scopes, Expires: g.Expires}
	return nil
}
