package entra

import (
	"context"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// agent issues a token for an agent of ada.
func (w *world) agent(g AgentGrant) (string, gatehouse.GUID, error) {
	w.t.Helper()
	var token string
	_, err := w.store.Write(context.Background(), system("test/grant", "/"), func(tx *store.Tx) (err error) {
		token, err = w.s.IssueAgent(context.Background(), tx, &g)
		return err
	})
	return token, g.ID, err
}

func (w *world) grant(life time.Duration) AgentGrant {
	return AgentGrant{Agent: "bot", User: ada, Type: gatehouse.User, Name: "ada@contoso.test", Actions: []string{"A/*"}, Scopes: []string{"/subscriptions/s"}, Expires: w.clock.Now().Add(life)}
}

// TestAgentToken: an agent's token names its user and its grant, for calls of APIs, until time or somebody ends the grant.
func TestAgentToken(t *testing.T) {
	w := newWorld(t)
	token, id, err := w.agent(w.grant(10 * time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	who := func() (*gatehouse.Caller, error) { return w.s.Authenticate(t.Context(), token, GatewayAudience) }
	c, err := who()
	if err != nil || c.ID != ada || c.Agent == nil || c.Agent.Grant != id || c.Agent.Name != "bot" || len(c.Agent.Actions) != 1 || c.Name == "bot" {
		t.Fatalf("%+v %v", c, err)
	}
	for _, audiences := range [][]string{w.s.ARMAudiences(), w.s.GraphAudiences(), {AuthorizationManagerAudience}} {
		if _, err := w.s.Authenticate(t.Context(), token, audiences...); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Errorf("taken for %v: %v", audiences, err)
		}
	}
	w.clock.advance(9 * time.Minute)
	if _, err := who(); err != nil {
		t.Error("before its end", err)
	}
	w.clock.advance(time.Minute) // tokens have some grace, grants have none
	if _, err := who(); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
		t.Error("after its end", err)
	}
	w.clock.advance(-2 * time.Minute)
	if _, err := w.store.Write(t.Context(), system("test/revoke", "/"), func(tx *store.Tx) error { return w.s.RevokeAgent(t.Context(), tx, offUser, id) }); gatehouse.KindOf(err) != gatehouse.NotFound {
		t.Error("somebody else revoked it", err)
	}
	if _, err := w.store.Write(t.Context(), system("test/revoke", "/"), func(tx *store.Tx) error { return w.s.RevokeAgent(t.Context(), tx, ada, id) }); err != nil {
		t.Fatal(err)
	}
	if _, err := who(); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
		t.Error("after it was revoked", err)
	}
}

// TestForgedAgents: claims that do not fit the grant make nobody, and neither do grants out of bounds.
func TestForgedAgents(t *testing.T) {
	w := newWorld(t)
	_, id, err := w.agent(w.grant(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	now := w.clock.Now()
	good := claims{Audience: GatewayAudience, Issuer: w.s.issuer, IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiry: now.Add(time.Minute).Unix(), IdType: "agent", OID: id.String(), TID: w.s.tenant,
		User: ada.String(), UserType: "User"}
	for name, change := range map[string]func(*claims){
		"somebody else's grant": func(c *claims) { c.User = pipelineSP.String(); c.UserType = "ServicePrincipal" },
		"no grant":              func(c *claims) { c.OID = gatehouse.NewGUID().String() },
		"the user for a grant":  func(c *claims) { c.OID = ada.String() },
		"no user":               func(c *claims) { c.User = "" },
		"no end":                func(c *claims) { c.Expiry = 0 },
		"a grant as a user":     func(c *claims) { c.IdType = "user" },
		"a grant as a program":  func(c *claims) { c.IdType = "app" },
		"a group":               func(c *claims) { c.UserType = "Group" },
	} {
		c := good
		change(&c)
		token, err := w.s.keys.sign(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if who, err := w.s.Authenticate(t.Context(), token, GatewayAudience); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Errorf("%s: %+v %v", name, who, err)
		}
	}
	long := w.grant(AgentLife + time.Second)
	none := w.grant(time.Minute)
	none.Scopes = nil
	for _, g := range []AgentGrant{long, none, w.grant(0)} {
		if _, _, err := w.agent(g); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%+v was granted: %v", g, err)
		}
	}
}
