package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/store"
)

// The kinds of tickets. A spent refresh token or code is remembered under its own
// kind, so that using it again is noticed.
const (
	ticketRefresh      = "refresh"
	ticketRefreshSpent = "refresh-spent"
	ticketCode         = "code"
	ticketCodeSpent    = "code-spent"
	ticketDevice       = "device"
	ticketUserCode     = "device-user"
	ticketSession      = "session"
)

// session is what a refresh token, code or browser session stands for.
type session struct {
	User         gatehouse.GUID `json:"user"`
	Client       gatehouse.GUID `json:"client,omitzero"`
	ClientMethod string         `json:"clientMethod,omitempty"`
	Method       string         `json:"method"`
	Scope        string         `json:"scope,omitempty"`
	SignedIn     time.Time      `json:"signedIn"` // when the user gave the password
	Issued       time.Time      `json:"issued"`
	Expires      time.Time      `json:"expires"`
	Family       string         `json:"family,omitempty"`
	Spent        time.Time      `json:"spent,omitzero"`
	Browser      bool           `json:"browser,omitempty"` // of a browser application: redeemed from its origin only

	// Of a code only.
	Redirect  string `json:"redirect,omitempty"`
	Challenge string `json:"challenge,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
	Secret    bool   `json:"secret,omitempty"`  // the client has to authenticate
	Refresh   bool   `json:"refresh,omitempty"` // offline_access was asked for
}

func (v session) ticket(kind, key, owner string, until time.Time) (store.Ticket, error) {
	b, err := json.Marshal(v)
	return store.Ticket{Kind: kind, Key: key, Owner: owner, Value: b, Expires: until}, err
}

func readSession(t store.Ticket) (session, error) {
	var v session
	if err := json.Unmarshal(t.Value, &v); err != nil {
		return v, fmt.Errorf("entra: a ticket of kind %s is damaged: %w", t.Kind, err)
	}
	return v, nil
}

// newRefresh stores the first refresh token of a grant.
func (s *Server) newRefresh(ctx context.Context, g grant, now time.Time) (string, error) {
	v := session{User: g.principal.ID, Client: g.client, ClientMethod: g.clientMethod, Method: g.method, SignedIn: g.signedIn,
		Family: newID(16), Scope: g.asked.text, Browser: g.cors}
	token, t, err := s.nextRefresh(v, now)
	if err != nil {
		return "", err
	}
	return token, s.store.PutTicket(ctx, t)
}

// nextRefresh makes a refresh token of the session's family.
func (s *Server) nextRefresh(v session, now time.Time) (string, store.Ticket, error) {
	v.Issued, v.Expires, v.Spent = now, now.Add(s.cfg.RefreshLifetime), time.Time{}
	v.Redirect, v.Challenge, v.Nonce = "", "", ""
	if v.Secret && v.ClientMethod == "" {
		v.ClientMethod = "secret" // the client authenticated for the code and has to for what follows
	}
	if v.Browser {
		v.Expires = minTime(v.Expires, v.SignedIn.Add(24*time.Hour)) // Entra's limit for browser applications
	}
	token := "1." + newID(48)
	t, err := v.ticket(ticketRefresh, token, v.Family, v.Expires)
	return token, t, err
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func unknownGrant() error {
	return fault(invalidGrant, 70008, "The provided authorization code or refresh token has expired due to inactivity, or is not known. "+
		"Send a new interactive authorization request for this user and resource.")
}

// spent is the outcome of spend.
type spent struct {
	session
	user *directory.Principal // who it stands for; may be set beside an error
	next string               // the token that follows, when one was asked for
}

// spending says how one kind of one-time token is spent.
type spending struct {
	live, dead string // kinds of ticket
	grace      time.Duration
	refresh    bool // let a refresh token follow
	again      error
}

// spend takes a one-time token out of circulation and puts its successor in, in
// one transaction. Finding it spent already, it ends the family unless the grace still runs.
func (s *Server) spend(ctx context.Context, f form, token string, how spending) (out spent, err error) {
	cause := system("Microsoft.Graph/directory/signIn/action", "/")
	cause.Operation, cause.Correlation, cause.Caller.Address = f.request, f.client, f.address
	now := s.now()
	var refusal error
	_, err = s.store.Write(ctx, cause, func(tx *store.Tx) error {
		out, refusal = spent{}, nil
		t, err := tx.TakeTicket(how.live, token)
		if isNotFound(err) {
			t, err = tx.TakeTicket(how.dead, token)
		}
		if isNotFound(err) {
			refusal = unknownGrant()
			return nil
		}
		if err != nil {
			return err
		}
		if out.session, err = readSession(t); err != nil {
			return err
		}
		if out.Spent.IsZero() {
			out.Spent = now
		} else if now.Sub(out.Spent) > how.grace || how.grace == 0 {
			refusal = how.again
			out.user, _ = s.dir.Principal(out.User)
			return s.endFamily(tx, out.session)
		}
		memory, err := out.session.ticket(how.dead, token, out.Family, t.Expires)
		if err != nil {
			return err
		}
		if err := tx.PutTicket(memory); err != nil {
			return err
		}
		if out.user, refusal = s.sessionUser(out.session); refusal != nil || !how.refresh && !out.Refresh {
			return nil
		}
		next, t, err := s.nextRefresh(out.session, now)
		if err != nil {
			return err
		}
		out.next = next
		return tx.PutTicket(t)
	})
	if err == nil {
		err = refusal
	}
	return out, err
}

func isNotFound(err error) bool { return err != nil && gatehouse.KindOf(err) == gatehouse.NotFound }

// endFamily revokes every refresh token that came of one sign-in. The memory of
// spent ones goes too, so that none is taken within its grace.
func (s *Server) endFamily(tx *store.Tx, v session) error {
	for _, kind := range []string{ticketRefresh, ticketRefreshSpent, ticketCodeSpent} {
		if err := tx.DropTickets(kind, v.Family); err != nil {
			return err
		}
	}
	return tx.Note(gatehouse.Event, fmt.Sprintf("a refresh token or code of user %s and client %s was used again; all refresh tokens of that sign-in are revoked", v.User, v.Client))
}

// redeemRefresh answers a refresh token with fresh tokens.
func (s *Server) redeemRefresh(ctx context.Context, f form) (*tokens, error) {
	if f.get("refresh_token") == "" {
		return nil, missing("refresh_token")
	}
	c, err := s.identify(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := s.authenticate(ctx, c, f); err != nil {
		return nil, s.failed(ctx, f, c.principal, c.id, c.attempted, err)
	}
	// Everything that can be wrong without the token's fault is found before it is spent.
	var a asked
	if f.get("scope") != "" || f.get("resource") != "" {
		if a, err = s.parseTarget(ctx, f); err != nil {
			return nil, err
		}
	}
	peek, err := s.peek(ctx, ticketRefresh, ticketRefreshSpent, f.get("refresh_token"))
	if err == nil {
		err = s.checkRefresh(ctx, f, c, peek)
	}
	if err == nil && a.text != "" {
		err = s.mayAsk(ctx, c, peek, a)
	}
	if err != nil {
		return nil, err
	}
	v, err := s.spend(ctx, f, f.get("refresh_token"), spending{live: ticketRefresh, dead: ticketRefreshSpent, grace: s.cfg.RefreshGrace, refresh: true,
		again: fault(invalidGrant, 50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The refresh token was used before.")})
	if err != nil {
		return nil, s.failed(ctx, f, v.user, c.id, "refresh", err)
	}
	if a.text == "" {
		if a, err = s.parseScope(ctx, v.Scope); err != nil {
			return nil, err
		}
	}
	return s.issue(ctx, f, grant{principal: v.user, client: c.id, clientMethod: c.method, method: v.Method, asked: a,
		signedIn: v.SignedIn, next: v.next, cors: v.Browser})
}

// peek reads a one-time token without spending it, be it live or spent already.
func (s *Server) peek(ctx context.Context, live, dead, token string) (session, error) {
	t, err := s.store.Ticket(ctx, live, token)
	if isNotFound(err) {
		t, err = s.store.Ticket(ctx, dead, token)
	}
	if isNotFound(err) {
		return session{}, unknownGrant()
	}
	if err != nil {
		return session{}, err
	}
	return readSession(t)
}

// checkRefresh sees that the token belongs to the client that brings it.
func (s *Server) checkRefresh(ctx context.Context, f form, c *client, v session) error {
	user, _ := s.dir.Principal(v.User)
	switch {
	case v.Client != c.id:
		return s.failed(ctx, f, user, c.id, "refresh", fault(invalidGrant, 700005, "The refresh token was issued to another client than '%s'.", c.id))
	case v.ClientMethod != "" && c.method == "":
		return fault(invalidClient, 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case v.Browser && !c.allowsOrigin(f.origin):
		return fault(invalidRequest, 9002327, "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests from a registered origin.")
	}
	return nil
}

// sessionUser returns the user of a session, who has to exist, be enabled, and not
// have had their sessions ended since.
func (s *Server) sessionUser(v session) (*directory.Principal, error) {
	p, ok := s.dir.Principal(v.User)
	switch {
	case !ok || p.Type != gatehouse.User:
		return nil, fault(invalidGrant, 50034, "The user account does not exist in the directory.")
	case !p.Enabled:
		return p, fault(invalidGrant, 50057, "The user account is disabled.")
	case v.SignedIn.Before(p.ValidFrom):
		// By the sign-in, not by the token: one that was being rotated at that very
		// moment ends as well.
		return p, fault(invalidGrant, 50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. "+
			"The user might have changed or reset their password. The grant was issued on '%s' and the TokensValidFrom date for this user is '%s'.",
			v.SignedIn.UTC().Format(time.RFC3339Nano), p.ValidFrom.UTC().Format(time.RFC3339Nano))
	}
	return p, nil
}
