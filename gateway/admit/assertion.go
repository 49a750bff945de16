package admit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse"
)

// The headers that tell a backend who calls. Requests that bring them are stripped of them (headers.Clean).
const (
	AssertionHeader = "X-Gatehouse-Jwt-Assertion"
	principalID     = "X-Gatehouse-Principal-Id"
	principalName   = "X-Gatehouse-Principal-Name"
	KeysPath        = Prefix + "keys" // the JSON Web Key Set that assertions verify with
)

const (
	assertionLife  = 5 * time.Minute
	assertionReuse = time.Minute
	assertionsKept = 10_000
)

// Signer makes the tokens that tell backends who calls: ES256, issued by the gateway for the host of the backend. It
// is safe for concurrent use.
type Signer struct {
	issuer string
	now    func() time.Time
	signer jose.Signer
	keys   []byte

	mu   sync.Mutex
	made map[subject]*assertion
}

type subject struct {
	principal gatehouse.GUID
	token     string
	issuer    string
	via       string
	audience  string
	resource  gatehouse.ID
}

// assertion is what a backend is told. The slices are shared between calls: they have no room, so that whoever adds to one
// makes another.
type assertion struct {
	text, id, name []string
	made           time.Time
}

// NewSigner returns a Signer; a nil key is made anew, so that backends have to read KeysPath again after a restart.
func NewSigner(issuer string, key *ecdsa.PrivateKey, now func() time.Time) (*Signer, error) {
	var err error
	if key == nil {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(public)
	kid := base64.RawURLEncoding.EncodeToString(sum[:12])
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("admit: sign assertions: %w", err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: kid, Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Signer{issuer: issuer, now: now, signer: signer, keys: keys, made: map[subject]*assertion{}}, nil
}

// ServeHTTP answers with the keys that assertions verify with.
func (s *Signer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(s.keys)
}

// Sign puts who calls into the headers of a request to a backend.
func (s *Signer) Sign(h http.Header, a *Admission, audience string) error {
	c := a.Caller
	if c == nil {
		return nil
	}
	told, err := s.assertion(c, a, audience)
	if err != nil {
		return err
	}
	h[AssertionHeader], h[principalID], h[principalName] = told.text, told.id, told.name
	return nil
}

// visible keeps a name from breaking a header.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// assertion makes the token, or gives the one that was made for the same caller a moment ago.
func (s *Signer) assertion(c *gatehouse.Caller, a *Admission, audience string) (*assertion, error) {
	key, now := subject{c.ID, c.TokenID, c.Issuer, a.Via, audience, a.Resource}, s.now()
	s.mu.Lock()
	last, ok := s.made[key]
	s.mu.Unlock()
	if ok && now.Sub(last.made) < assertionReuse {
		return last, nil
	}
	said := map[string]any{
		"iss": s.issuer, "aud": audience, "sub": c.ID.String(), "oid": c.ID.String(), "name": c.Name, "appid": c.AppID, "idtyp": string(c.Type), "amr": []string{a.Via},
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(assertionLife).Unix(), "uti": c.TokenID,
	}
	if !a.Resource.IsRoot() { // for which operation the right was there: the audience alone is for anybody to choose who has an API
		said["resource"] = a.Resource.String()
	}
	if c.Issuer != "" { // who vouched for the subject
		said["idp"] = c.Issuer
	}
	if a := c.Agent; a != nil { // who acts for the subject
		said["act"] = map[string]string{"sub": a.Name, "grant": a.Grant.String()}
	}
	payload, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	signed, err := s.signer.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("admit: sign an assertion: %w", err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		return nil, err
	}
	told := &assertion{text: []string{text}, id: []string{c.ID.String()}, name: []string{visible(c.Name)}, made: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.made) >= assertionsKept {
		clear(s.made)
	}
	s.made[key] = told
	return told, nil
}
