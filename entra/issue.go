package entra

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/directory"
)

// grant is what a successful sign-in amounts to, before tokens are made of it.
type grant struct {
	principal    *directory.Principal
	client       gatehouse.GUID
	clientMethod string // how the client of a user's grant proved who it is, "" for public ones
	method       string // how the principal did: pwd, secret, certificate, federated, identity; device and code are pwd's way in
	asked        asked
	signedIn     time.Time // of the user, interactively
	nonce        string
	refresh      bool   // a refresh token was asked for
	next         string // the refresh token that a spent one was replaced by
	cors         bool   // the client is a browser application of the origin that asks
}

// tokens is a successful answer of the token endpoint.
type tokens struct {
	access, id, refresh, info string
	scope, resource           string
	expires                   time.Time
	user, cors                bool
}

// claims are those of access and ID tokens. Both versions' names for the client
// are given, because readers look for either.
type claims struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expiry    int64    `json:"exp"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	AppID     string   `json:"appid,omitempty"`
	AppIDACR  string   `json:"appidacr,omitempty"`
	AZP       string   `json:"azp,omitempty"`
	AZPACR    string   `json:"azpacr,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	IdType    string   `json:"idtyp,omitempty"`
	Name      string   `json:"name,omitempty"`
	AppName   string   `json:"app_displayname,omitempty"`
	Nonce     string   `json:"nonce,omitempty"`
	OID       string   `json:"oid"`
	Preferred string   `json:"preferred_username,omitempty"`
	Scopes    string   `json:"scp,omitempty"`
	Subject   string   `json:"sub"`
	TID       string   `json:"tid"`
	Unique    string   `json:"unique_name,omitempty"`
	UPN       string   `json:"upn,omitempty"`
	UTI       string   `json:"uti,omitempty"`
	Version   string   `json:"ver"`
	Resource  string   `json:"xms_mirid,omitempty"`
	Method    string   `json:"gatehouse_method,omitempty"` // how it signed in, for the audit log
	User      string   `json:"gatehouse_user,omitempty"`   // of agents' tokens: for whom; oid is the grant then
	UserType  string   `json:"gatehouse_user_type,omitempty"`
}

// issue records the sign-in and makes its tokens.
func (s *Server) issue(ctx context.Context, f form, g grant) (*tokens, error) {
	c := s.signIn(f, g.principal, g.client, g.method)
	c.Status, c.Note = 200, "signed in for "+clip(g.asked.resource.audience)
	if err := s.store.Record(ctx, c); err != nil {
		return nil, err
	}
	now := s.now()
	access := s.accessClaims(g, now)
	t := &tokens{expires: now.Add(s.cfg.TokenLifetime), resource: g.asked.resource.audience, cors: g.cors}
	var err error
	if t.access, err = s.keys.sign(ctx, access); err != nil {
		return nil, err
	}
	if g.principal.Type != gatehouse.User {
		return t, nil
	}
	return t, s.userTokens(ctx, g, now, t)
}

// userTokens adds what only users' grants have.
func (s *Server) userTokens(ctx context.Context, g grant, now time.Time, t *tokens) (err error) {
	t.user, t.scope = true, g.asked.answer()
	info, err := json.Marshal(map[string]string{"uid": g.principal.ID.String(), "utid": s.tenant})
	if err != nil {
		return err
	}
	t.info = base64.RawURLEncoding.EncodeToString(info)
	if g.asked.openid {
		if t.id, err = s.keys.sign(ctx, s.idClaims(g, now)); err != nil {
			return err
		}
	}
	t.refresh = g.next
	if g.refresh {
		t.refresh, err = s.newRefresh(ctx, g, now)
	}
	return err
}

func (s *Server) accessClaims(g grant, now time.Time) claims {
	p := g.principal
	c := claims{
		Audience: g.asked.resource.audience, Issuer: s.issuer, IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiry: now.Add(s.cfg.TokenLifetime).Unix(),
		AppID: g.client.String(), OID: p.ID.String(), Subject: p.ID.String(), TID: s.tenant, UTI: newID(16), Version: "1.0", Method: g.method,
	}
	if p.Type == gatehouse.User {
		c.AppIDACR, c.IdType, c.ACR, c.AMR = acr(g.clientMethod), "user", "1", []string{"pwd"}
		c.Name, c.UPN, c.Unique, c.Scopes = p.DisplayName, p.Name, p.Name, g.asked.granted()
		c.Subject = s.pairwise(p.ID, g.asked.resource.audience)
	} else {
		c.AppIDACR, c.IdType, c.AppName, c.Resource = acr(g.method), "app", p.DisplayName, p.Resource
	}
	if g.asked.resource.version == 2 {
		c.Version, c.AZP, c.AZPACR, c.Preferred = "2.0", c.AppID, c.AppIDACR, c.UPN
	}
	return c
}

// acr is how a client proved who it is, in Entra's numbers.
func acr(method string) string {
	switch method {
	case "":
		return "0"
	case "secret":
		return "1"
	}
	return "2"
}

func (s *Server) idClaims(g grant, now time.Time) claims {
	p := g.principal
	c := claims{
		Audience: g.client.String(), Issuer: s.issuer, IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiry: now.Add(s.cfg.TokenLifetime).Unix(),
		Name: p.DisplayName, Preferred: p.Name, UPN: p.Name, Unique: p.Name, OID: p.ID.String(), TID: s.tenant, Nonce: g.nonce,
		Subject: s.pairwise(p.ID, g.client.String()), UTI: newID(16), Version: "2.0",
	}
	if !g.signedIn.IsZero() {
		c.AuthTime = g.signedIn.Unix()
	}
	return c
}

// pairwise is a user's name towards one application: stable, and of no use to another.
func (s *Server) pairwise(user gatehouse.GUID, audience string) string {
	mac := hmac.New(sha256.New, s.cfg.Tenant[:])
	mac.Write(user[:])
	mac.Write([]byte(foldAudience(audience)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// newID returns a random text of n bytes in base64url.
func newID(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// body is the answer as JSON. The version 1 endpoint answers numbers as texts.
func (t *tokens) body(v1 bool, now time.Time) any {
	left := int64(t.expires.Sub(now) / time.Second)
	out := map[string]any{"token_type": "Bearer", "access_token": t.access, "expires_in": left, "ext_expires_in": left}
	if v1 {
		text := strconv.FormatInt(left, 10)
		out["expires_in"], out["ext_expires_in"] = text, text
		out["expires_on"] = strconv.FormatInt(t.expires.Unix(), 10)
		out["not_before"] = strconv.FormatInt(now.Unix(), 10)
		out["resource"] = t.resource
	}
	if t.user {
		out["scope"], out["client_info"] = t.scope, t.info
	}
	if t.id != "" {
		out["id_token"] = t.id
	}
	if t.refresh != "" {
		out["refresh_token"] = t.refresh
	}
	return out
}

// Issue makes an access token for a principal without any sign-in: for the
// operator's own commands, who hold the data directory anyway. It is recorded like a sign-in by method.
func (s *Server) Issue(ctx context.Context, principal gatehouse.GUID, audience, method string) (token string, expires time.Time, err error) {
	p, ok := s.dir.Principal(principal)
	if !ok || p.Type == gatehouse.Group {
		return "", time.Time{}, gatehouse.Errorf(gatehouse.NotFound, "PrincipalNotFound", "There is no user or service principal %s in the directory.", principal)
	}
	if !p.Enabled {
		return "", time.Time{}, gatehouse.Errorf(gatehouse.Forbidden, "PrincipalDisabled", "%s is disabled: enable the account to issue tokens for it.", p.Name)
	}
	if audience == "" {
		audience = s.public + "/"
	}
	r, err := s.resolve(ctx, audience)
	if err != nil {
		return "", time.Time{}, gatehouse.Errorf(gatehouse.Invalid, "InvalidResource", "There is no resource %q to issue a token for: use %s or an application's identifier URI.", clip(audience), s.public)
	}
	client := p.AppID
	if p.Type == gatehouse.User {
		client = azureCLI.ID
	}
	op := gatehouse.NewGUID().String()
	g := grant{principal: p, client: client, method: method, asked: asked{resource: r, names: []string{".default"}}, signedIn: s.now()}
	t, err := s.issue(ctx, form{request: op, client: op}, g)
	if err != nil {
		return "", time.Time{}, err
	}
	return t.access, t.expires, nil
}
