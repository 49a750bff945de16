package foreign

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/gateway/config"
	"gatehouse/store"
	"gatehouse/token"
)

// How a caller proved who they are (gatehouse.Caller.Method).
const (
	ByCredential = "federated" // the token could be exchanged for tokens of the principal: nobody else should see it
	ByClaim      = "claim"
)

// invalid is the code of all refusals.
const invalid = "InvalidAuthenticationToken"

// skew is how far the clock of an issuer may be off.
const skew = time.Minute

// Config is what an Authority needs.
type Config struct {
	Store     *store.Store
	Directory *directory.Index
	Client    *http.Client     // that keys of issuers are fetched with; it guards where that leads
	Own       string           // issuer of tokens of this server, which are never judged here
	Clock     func() time.Time // time.Now when nil
}

// Authority knows whom tokens of others stand for. It is safe for concurrent use.
type Authority struct {
	Config
	verifier *token.Verifier
	links    links
}

// New returns an Authority that follows the store. Make it before serving.
func New(c Config) *Authority {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	a := &Authority{Config: c, verifier: token.NewVerifier(token.Config{Client: c.Client})}
	a.links.store = c.Store
	c.Store.OnCommit(a.links.follow)
	return a
}

func refuse(format string, args ...any) error {
	return gatehouse.Errorf(gatehouse.Unauthenticated, invalid, format, args...)
}

// Caller says whom a token stands for. An error of kind Unauthenticated is an answer; any other means that there is none.
func (a *Authority) Caller(ctx context.Context, bearer string, issuers []config.Issuer) (*gatehouse.Caller, error) {
	name := token.IssuerOf(bearer)
	i := slices.IndexFunc(issuers, func(i config.Issuer) bool { return i.Issuer == name && name != "" })
	if i < 0 || name == a.Own {
		return nil, refuse("The token's issuer is none that is taken here.")
	}
	t, err := a.verify(ctx, bearer, &issuers[i])
	if err != nil {
		return nil, err
	}
	p, method, err := a.principal(ctx, t, &issuers[i])
	if err != nil {
		return nil, err
	}
	if err := counts(t, p); err != nil {
		return nil, err
	}
	c := &gatehouse.Caller{ID: p.ID, Type: p.Type, Name: p.Name, TokenID: first(t, "jti", "uti"), Method: method, Issuer: name, IssuedAt: t.IssuedAt, ExpiresAt: t.Expires}
	if p.Type == gatehouse.ServicePrincipal {
		c.AppID = p.AppID.String()
	}
	return c, nil
}

// verify checks all of a token that does not depend on who it is about.
func (a *Authority) verify(ctx context.Context, bearer string, i *config.Issuer) (*token.Token, error) {
	now := a.Clock()
	if len(i.Audiences) == 0 { // which no setting has
		return nil, refuse("The token is for nobody here.")
	}
	t, err := a.verifier.Verify(ctx, bearer, &token.Requirements{Published: []string{i.Published()}, Audiences: i.Audiences, Skew: skew}, now)
	var fault *token.Fault
	switch {
	case errors.As(err, &fault):
		return nil, refuse("%s", fault.Message)
	case err != nil:
		return nil, err
	case t.Issuer != i.Issuer: // the issuer's keys may sign for others
		return nil, refuse("The token's issuer is none that is taken here.")
	case i.Tenant != "" && !gatehouse.EqualFold(only(t, "tid"), i.Tenant):
		return nil, refuse("The token is of another tenant.")
	case t.IssuedAt.IsZero() || t.IssuedAt.After(now.Add(skew)):
		return nil, refuse("The token does not say when it was issued, or that is yet to come.")
	}
	return t, nil
}

// principal finds who a token stands for.
func (a *Authority) principal(ctx context.Context, t *token.Token, i *config.Issuer) (*directory.Principal, string, error) {
	if i.Credentials {
		p, err := a.holder(ctx, t, i)
		if p != nil || err != nil {
			return p, ByCredential, err
		}
	}
	if i.Claim != "" {
		if p := a.named(t, i); p != nil {
			return p, ByClaim, nil
		}
	}
	return nil, "", refuse("Nobody here stands for the subject of the token.")
}

// holder is whoever holds a federated identity credential that fits; nil when nobody does.
func (a *Authority) holder(ctx context.Context, t *token.Token, i *config.Issuer) (*directory.Principal, error) {
	if t.Subject == "" || len(t.Values("sub")) != 1 {
		return nil, nil
	}
	all, err := a.links.of(ctx, t.Issuer, t.Subject)
	if err != nil {
		return nil, err
	}
	var found *directory.Principal
	for _, l := range all {
		if !slices.ContainsFunc(l.audiences, func(aud string) bool { return slices.Contains(t.Audiences, aud) && slices.Contains(i.Audiences, aud) }) {
			continue
		}
		p := a.of(&l)
		if p == nil {
			continue
		}
		if found != nil && found.ID != p.ID {
			return nil, refuse("The token stands for several principals here, so that it stands for none.")
		}
		found = p
	}
	return found, nil
}

// of is the service principal of whatever holds a credential.
func (a *Authority) of(l *link) *directory.Principal {
	var oid gatehouse.GUID
	ok := false
	if l.identity.IsRoot() {
		oid, ok = a.Directory.ServicePrincipalByAppID(l.app)
	} else {
		oid, ok = a.Directory.ManagedIdentity(l.identity)
	}
	if !ok {
		return nil
	}
	p, ok := a.Directory.Principal(oid)
	if !ok || p.Type != gatehouse.ServicePrincipal {
		return nil
	}
	return p
}

// named is the principal that a claim names; nil for nobody.
func (a *Authority) named(t *token.Token, i *config.Issuer) *directory.Principal {
	value := only(t, i.Claim)
	if value == "" || i.Claim == "email" && only(t, "email_verified") != "true" {
		return nil
	}
	oid, err := gatehouse.ParseGUID(value)
	ok := err == nil
	if i.Member == config.ByName {
		oid, ok = a.Directory.UserByName(value)
	}
	if !ok || oid.IsZero() {
		return nil
	}
	p, ok := a.Directory.Principal(oid)
	if !ok || p.Type != gatehouse.User && p.Type != gatehouse.ServicePrincipal {
		return nil
	}
	if kind := only(t, "idtyp"); kind == "app" && p.Type == gatehouse.User || kind == "user" && p.Type != gatehouse.User {
		return nil
	}
	return p
}

// counts says why a good token counts no more for a principal.
func counts(t *token.Token, p *directory.Principal) error {
	switch {
	case !p.Enabled:
		return refuse("The account that the token stands for is disabled.")
	case t.IssuedAt.Before(p.ValidFrom.Truncate(time.Second)):
		return refuse("The token was issued before the sessions of its principal were ended.")
	}
	return nil
}

// only is the value of a claim that has one.
func only(t *token.Token, name string) string {
	if v := t.Values(name); len(v) == 1 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

func first(t *token.Token, names ...string) string {
	for _, n := range names {
		if v := only(t, n); v != "" {
			return v
		}
	}
	return ""
}
