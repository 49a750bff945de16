package entra

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse"
)

// The codes of a refused access token, as ARM words them.
const (
	AuthenticationFailed        = "AuthenticationFailed"
	InvalidToken                = "InvalidAuthenticationToken"
	ExpiredToken                = "ExpiredAuthenticationToken"
	InvalidTokenAudience        = "InvalidAuthenticationTokenAudience"
	InvalidTokenTenant          = "InvalidAuthenticationTokenTenant"
	tokenSkew                   = 30 * time.Second
	tokenMax                    = 16 << 10
	challengeInvalid     string = "invalid_token"
)

// verified is what a token with a good signature says. It is shared and never changed.
type verified struct {
	kid       string // of the key that signed it; withdrawn with it
	caller    gatehouse.Caller
	issuer    string
	tenant    string
	audience  string // folded
	notBefore time.Time
	grant     gatehouse.GUID // of an agent's token; zero for others
}

// Authenticate returns who a bearer token was issued to. The token has to be
// signed by this server, in force, meant for one of the audiences, and its
// principal has to exist and be enabled at this moment. The caller is the
// receiver's own copy; its Address is left to the wire.
//
// Errors are of kind Unauthenticated, with ARM's codes; Challenge makes their header.
func (s *Server) Authenticate(ctx context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error) {
	if bearer == "" {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, AuthenticationFailed, "Authentication failed. The 'Authorization' header is missing. Send one with the scheme Bearer and an access token.")
	}
	if len(bearer) > tokenMax {
		return nil, invalidToken()
	}
	v, err := s.proven(bearer)
	if err != nil {
		return nil, err
	}
	if err := s.inForce(v, audiences); err != nil {
		return nil, err
	}
	caller := v.caller
	if !v.grant.IsZero() {
		if err := s.actFor(ctx, &caller, v.grant); err != nil {
			return nil, err
		}
	}
	return &caller, nil
}

// proven returns what a token says whose signature is good.
func (s *Server) proven(bearer string) (*verified, error) {
	if v, ok := s.recent.Get(bearer); ok {
		return v, nil
	}
	sum := digest(bearer)
	v, ok := s.verified.get(sum)
	if !ok {
		var err error
		if v, err = s.verify(bearer); err != nil {
			return nil, err
		}
		s.verified.put(sum, v)
	}
	s.recent.Put(bearer, v)
	return v, nil
}

// digest is SHA-256 of a text, without allocating for tokens of usual length.
func digest(text string) [32]byte {
	var buf [2048]byte
	if len(text) > len(buf) {
		return sha256.Sum256([]byte(text))
	}
	return sha256.Sum256(buf[:copy(buf[:], text)])
}

func invalidToken() error {
	return gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The access token is invalid. Get a new one and send it as: Authorization: Bearer <token>.")
}

// verify checks the signature and reads the claims. The algorithm is ours and not
// the token's choice, and the key is looked up by its ID and never taken from the token.
func (s *Server) verify(bearer string) (*verified, error) {
	token, err := jwt.ParseSigned(bearer, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, invalidToken()
	}
	key, ok := s.keys.find(token.Headers[0].KeyID)
	if !ok {
		return nil, invalidToken()
	}
	var c claims
	if err := token.Claims(key, &c); err != nil {
		return nil, invalidToken()
	}
	oid, err := gatehouse.ParseGUID(c.OID)
	if err == nil && c.IdType == agentType {
		return readAgent(token.Headers[0].KeyID, oid, &c)
	}
	if err != nil || oid.IsZero() || c.Expiry == 0 || c.IdType != "user" && c.IdType != "app" {
		return nil, invalidToken() // an ID token, for one, is no access token
	}
	v := &verified{kid: token.Headers[0].KeyID, issuer: c.Issuer, tenant: c.TID, audience: foldAudience(c.Audience), notBefore: time.Unix(c.NotBefore, 0)}
	v.caller = gatehouse.Caller{
		ID: oid, Type: gatehouse.ServicePrincipal, Name: c.AppID, AppID: c.AppID, TokenID: c.UTI, Method: c.Method,
		IssuedAt: time.Unix(c.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(c.Expiry, 0).UTC(),
	}
	if c.IdType == "user" {
		v.caller.Type, v.caller.Name, v.caller.Scopes = gatehouse.User, c.UPN, strings.Fields(c.Scopes)
	}
	return v, nil
}

// inForce is asked on every request: what it depends on can change at any time.
func (s *Server) inForce(v *verified, audiences []string) error {
	now := s.now()
	if _, ok := s.keys.find(v.kid); !ok {
		return invalidToken()
	}
	if v.issuer != s.issuer || v.tenant != s.tenant {
		return gatehouse.Errorf(gatehouse.Unauthenticated, InvalidTokenTenant,
			"The access token is from the wrong issuer '%s'. It must match the tenant '%s/' associated with this subscription. Please use the authority (URL) '%s/%s' to get the token.", v.issuer, s.issuer, s.public, s.tenant)
	}
	if !now.Before(v.caller.ExpiresAt.Add(tokenSkew)) {
		return gatehouse.Errorf(gatehouse.Unauthenticated, ExpiredToken,
			"The access token expiry UTC time '%s' is earlier than current UTC time '%s'.", stamp(v.caller.ExpiresAt), stamp(now))
	}
	if now.Before(v.notBefore.Add(-tokenSkew)) {
		return gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The access token is not valid before UTC time '%s'; the current UTC time is '%s'.", stamp(v.notBefore), stamp(now))
	}
	if !slices.Contains(audiences, v.audience) && !slices.ContainsFunc(audiences, func(a string) bool { return foldAudience(a) == v.audience }) {
		return gatehouse.Errorf(gatehouse.Unauthenticated, InvalidTokenAudience,
			"The access token has been obtained for wrong audience or resource '%s'. It should exactly match with one of the allowed audiences '%s'.", v.audience, strings.Join(audiences, "','"))
	}
	p, ok := s.dir.Principal(v.caller.ID)
	if !ok || p.Type != v.caller.Type || !p.Enabled {
		return gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The access token's principal '%s' does not exist any more or is disabled.", v.caller.ID)
	}
	// iat counts whole seconds, so a token of the very second of the revocation stays good.
	if v.caller.IssuedAt.Before(p.ValidFrom.Truncate(time.Second)) {
		return gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The access token has been revoked: the sessions of '%s' were ended at '%s'. Sign in again.", p.Name, stamp(p.ValidFrom))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("1/2/2006 3:04:05 PM") }

// Bearer returns the token of an Authorization header, "" when it holds none.
func Bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if gatehouse.Fold(scheme) != "bearer" {
		return ""
	}
	return strings.TrimSpace(token)
}

// Challenge returns the WWW-Authenticate header for an error of Authenticate.
func (s *Server) Challenge(err error) string {
	text := "The authentication failed because of missing 'Authorization' header."
	if code := gatehouse.CodeOf(err); code != "" && code != AuthenticationFailed {
		text = "The access token is invalid, expired, or of the wrong audience or tenant."
		if code == ExpiredToken {
			text = "The access token expired."
		}
	}
	return fmt.Sprintf(`Bearer authorization_uri="%s/%s", error="invalid_token", error_description="%s"`, s.public, s.tenant, text)
}

// tokenCache remembers tokens whose signature was good, by their digest, so that
// the check of a repeated one costs a microsecond. Nothing that can change is in
// it. It holds two generations: what was not asked for during one is dropped.
type tokenCache struct {
	mu       sync.RWMutex
	size     int
	now, old map[[32]byte]*verified
}

func newTokenCache(size int) *tokenCache {
	return &tokenCache{size: size / 2, now: map[[32]byte]*verified{}}
}

func (c *tokenCache) get(sum [32]byte) (*verified, bool) {
	c.mu.RLock()
	v, ok := c.now[sum]
	if ok {
		c.mu.RUnlock()
		return v, true
	}
	v, ok = c.old[sum]
	c.mu.RUnlock()
	if ok {
		c.put(sum, v)
	}
	return v, ok
}

func (c *tokenCache) put(sum [32]byte, v *verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.now) >= c.size {
		c.now, c.old = make(map[[32]byte]*verified, c.size), c.now
	}
	c.now[sum] = v
}
