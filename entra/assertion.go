package entra

import (
	"context"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse"
	"gatehouse/directory"
)

const (
	// assertionSkew is how far a client's clock may be off, either way: az signs
	// with the very second it sends in (clients.md 3).
	assertionSkew = 5 * time.Minute
	minKeyBits    = 2048
	assertionMax  = 16 << 10
)

// assertionClaims are the claims that both kinds of assertion need. Times may be fractions.
type assertionClaims struct {
	Issuer    string           `json:"iss"`
	Subject   string           `json:"sub"`
	Audience  jwt.Audience     `json:"aud"`
	Expiry    *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
}

// assertion is a parsed but not yet verified client assertion.
type assertion struct {
	text   string
	token  *jwt.JSONWebToken
	header jose.Header
	claims assertionClaims
}

func assertionAlgorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256}
}

func parseAssertion(text string) (*assertion, error) {
	if len(text) > assertionMax {
		return nil, errors.New("it is too long")
	}
	token, err := jwt.ParseSigned(text, assertionAlgorithms())
	if err != nil {
		return nil, errors.New("it is not a JWT signed with RS256, PS256 or ES256")
	}
	a := &assertion{text: text, token: token, header: token.Headers[0]}
	if err := token.UnsafeClaimsWithoutVerification(&a.claims); err != nil {
		return nil, errors.New("its claims cannot be read")
	}
	return a, nil
}

// subjectOf returns the unverified subject of an assertion, to find the client by.
func subjectOf(text string) string {
	a, err := parseAssertion(text)
	if err != nil {
		return ""
	}
	return a.claims.Subject
}

// checkAssertion verifies a client assertion: one that the client signed with its
// certificate, or a token from elsewhere that a federated credential trusts.
//
// An assertion may come again until it expires, as in Entra: MSAL Python keeps one
// for ten minutes and sends it with every request.
func (s *Server) checkAssertion(ctx context.Context, c *client, text string) error {
	a, err := parseAssertion(text)
	if err != nil {
		c.attempted = "certificate"
		return fault(invalidClient, 700027, "The client assertion is not valid: %s.", err.Error())
	}
	if issuer, ok := parseAppID(a.claims.Issuer); ok && issuer == c.id {
		c.attempted = "certificate"
		if err := s.checkCertificate(c, a); err != nil {
			return err
		}
		c.method = "certificate"
		return nil
	}
	c.attempted = "federated"
	if err := s.checkFederated(ctx, c, a); err != nil {
		return err
	}
	c.method = "federated"
	return nil
}

// checkCertificate verifies an assertion under a registered certificate (clients.md 3, Client assertions).
func (s *Server) checkCertificate(c *client, a *assertion) error {
	if subject, ok := parseAppID(a.claims.Subject); !ok || subject != c.id {
		return fault(invalidClient, 700021, "Client assertion application identifier doesn't match 'client_id' parameter: issuer and subject have to be '%s'.", c.id)
	}
	cert := s.findCertificate(c, a)
	if cert == nil {
		return fault(invalidClient, 700027, "The certificate with identifier used to sign the client assertion is not registered on application '%s', or is not within its validity. "+
			"Register it, or name it in the assertion's x5t, x5t#S256 or kid header.", c.id)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKeyBits {
		return fault(invalidClient, 700027, "The certificate on application '%s' does not hold an RSA key of at least %d bits.", c.id, minKeyBits)
	}
	var verified assertionClaims
	if alg := a.header.Algorithm; alg != string(jose.RS256) && alg != string(jose.PS256) || a.token.Claims(key, &verified) != nil {
		return fault(invalidClient, 700027, "Client assertion failed signature validation for application '%s'.", c.id)
	}
	if err := s.checkTimes(&verified); err != nil {
		return err
	}
	if !slices.ContainsFunc(verified.Audience, s.isOwnEndpoint) {
		return fault(invalidClient, 700023, "Client assertion audience claim does not match Realm issuer. It has to be the token endpoint, %s/%s/oauth2/v2.0/token.", s.public, s.tenant)
	}
	return nil
}

// checkTimes takes an assertion that has not expired nor is yet to begin. One
// without expiry would be good for ever and is refused.
func (s *Server) checkTimes(c *assertionClaims) error {
	now := s.now()
	outside := fault(invalidClient, 700024, "Client assertion is not within its valid time range. Current time: %s, expiry time of assertion %s. Check the clock of the client.",
		now.UTC().Format(time.RFC3339), c.Expiry.Time().UTC().Format(time.RFC3339))
	switch {
	case c.Expiry == nil || !now.Before(c.Expiry.Time().Add(assertionSkew)):
		return outside
	case c.NotBefore != nil && now.Before(c.NotBefore.Time().Add(-assertionSkew)):
		return outside
	case c.IssuedAt != nil && now.Before(c.IssuedAt.Time().Add(-assertionSkew)):
		return outside
	}
	return nil
}

// isOwnEndpoint reports whether an audience is the token endpoint under one of
// its addresses, or the issuer.
func (s *Server) isOwnEndpoint(audience string) bool {
	folded, base := gatehouse.Fold(audience), gatehouse.Fold(s.public)
	rest, ok := strings.CutPrefix(folded, base+"/")
	if !ok {
		return false
	}
	tenant, rest, _ := strings.Cut(clean(rest), "/")
	if !s.isTenant(tenant) {
		return false
	}
	switch rest {
	case "", "v2.0", "oauth2/v2.0/token", "oauth2/token":
		return true
	}
	return false
}

// findCertificate returns the registered certificate that an assertion names in
// its header: x5t by SHA-1, x5t#S256 by SHA-256, or kid by either (azurerm),
// in base64url with padding or without, or in hexadecimal.
func (s *Server) findCertificate(c *client, a *assertion) *x509.Certificate {
	var named []string
	for _, v := range []any{a.header.KeyID, a.header.ExtraHeaders["x5t"], a.header.ExtraHeaders["x5t#S256"]} {
		if text, ok := v.(string); ok && text != "" {
			named = append(named, strings.TrimRight(text, "="))
		}
	}
	now := s.now()
	for _, h := range c.holders {
		for _, k := range h.keys {
			if !k.Holds(now) || len(named) == 0 {
				continue
			}
			cert, err := k.Certificate()
			if err == nil && now.Before(cert.NotAfter) && slices.ContainsFunc(thumbprints(cert), func(t string) bool { return slices.Contains(named, t) }) {
				return cert
			}
		}
	}
	return nil
}

func thumbprints(cert *x509.Certificate) []string {
	one, two := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw)
	url, std := base64.RawURLEncoding, base64.RawStdEncoding
	return []string{
		url.EncodeToString(one[:]), url.EncodeToString(two[:]), std.EncodeToString(one[:]), std.EncodeToString(two[:]),
		strings.ToUpper(hex.EncodeToString(one[:])), hex.EncodeToString(one[:]),
	}
}

// checkFederated verifies a token from elsewhere. Nothing is fetched for an
// issuer that no credential of this very client names.
func (s *Server) checkFederated(ctx context.Context, c *client, a *assertion) error {
	holder, err := c.federatedHolder()
	if err != nil {
		return err
	}
	all, err := directory.FederatedCredentials(ctx, s.store, holder)
	if err != nil {
		return err
	}
	found, err := match(all, &a.claims)
	if err != nil {
		return err
	}
	if found.Issuer == s.issuer {
		if _, err := s.Authenticate(ctx, a.text, found.Audiences...); err != nil {
			return fault(invalidClient, 700027, "The assertion of this server is not valid: %s", err.Error())
		}
		return nil
	}
	key, err := s.issuers.key(ctx, found.Issuer, a.header.KeyID, s.now())
	if err != nil {
		return fault(invalidClient, 50166, "The keys of the federated issuer could not be had: %s", err.Error()).because(err)
	}
	var verified assertionClaims
	if err := a.token.Claims(key, &verified); err != nil {
		return fault(invalidClient, 700027, "Client assertion failed signature validation. The key '%s' of issuer '%s' did not sign it.", clip(a.header.KeyID), clip(found.Issuer))
	}
	return s.checkTimes(&verified)
}

func (c *client) federatedHolder() (gatehouse.ID, error) {
	if c.app != nil {
		return directory.ApplicationID(c.app.ID), nil
	}
	if c.principal != nil && c.principal.Managed {
		if id, err := gatehouse.ParseID(c.principal.Resource); err == nil && !id.IsRoot() {
			return id, nil
		}
	}
	return gatehouse.ID{}, fault(invalidClient, 70025, "The client '%s' has no configured federated identity credentials.", c.id)
}

// match finds the credential that a token fits. Issuer, subject and audience
// compare exactly, as in Entra; the error names the first that no credential has.
func match(all []*directory.Federated, claims *assertionClaims) (*directory.Federated, error) {
	if len(all) == 0 {
		return nil, fault(invalidClient, 70025, "The client has no configured federated identity credentials.")
	}
	number, what, value := 700211, "issuer", claims.Issuer
	for _, f := range all {
		if f.Issuer != claims.Issuer || f.Issuer == "" {
			continue
		}
		if f.Subject != claims.Subject || f.Subject == "" {
			if number == 700211 {
				number, what, value = 700213, "subject", claims.Subject
			}
			continue
		}
		if slices.ContainsFunc(f.Audiences, func(audience string) bool { return slices.Contains(claims.Audience, audience) }) {
			return f, nil
		}
		number, what, value = 700212, "audience", strings.Join(claims.Audience, " ")
	}
	return nil, fault(invalidClient, number, "No matching federated identity record found for presented assertion %s '%s'. "+
		"Check your federated identity credential Subject, Audience and Issuer against the presented assertion.", what, clip(value))
}
