package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	jose "github.com/go-jose/go-jose/v4"
)

// Key verifies signatures, or opens encrypted tokens. It is immutable.
type Key struct {
	ID     string // kid; "" when it has none
	secret []byte
	public crypto.PublicKey
	open   crypto.PrivateKey // of a certificate, for encrypted tokens
}

// minRSABits is what .NET's token library wants of keys that verify.
const minRSABits = 2048

// Secret makes a symmetric key of its Base64 form.
func Secret(id, base64Text string) (*Key, error) {
	b, err := base64.StdEncoding.DecodeString(base64Text)
	if err != nil {
		return nil, errors.New("the key is not Base64")
	}
	if len(b) < 16 {
		return nil, errors.New("the key has fewer than 128 bits")
	}
	return &Key{ID: id, secret: b}, nil
}

// RSA makes a key of modulus and exponent, both Base64url as in a JSON Web Key.
func RSA(id, n, e string) (*Key, error) {
	modulus, err1 := base64URL(n)
	exponent, err2 := base64URL(e)
	if err1 != nil || err2 != nil || len(exponent) > 4 {
		return nil, errors.New("n and e of the key are not Base64url numbers")
	}
	return Public(id, &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())})
}

// base64URL takes padding too, which people paste.
func base64URL(s string) ([]byte, error) {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	return base64.RawURLEncoding.DecodeString(s)
}

// Certificate makes a key of a certificate, and of its private key where it is to open encrypted tokens.
func Certificate(id string, c *x509.Certificate, private crypto.PrivateKey) (*Key, error) {
	k, err := Public(id, c.PublicKey)
	if err != nil {
		return nil, err
	}
	k.open = private
	return k, nil
}

// Public makes a key of an RSA or ECDSA public key.
func Public(id string, public crypto.PublicKey) (*Key, error) {
	switch p := public.(type) {
	case *rsa.PublicKey:
		if p.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("the RSA key has %d bits, and %d are the least", p.N.BitLen(), minRSABits)
		}
		if p.E < 3 || p.E%2 == 0 {
			return nil, errors.New("the exponent of the RSA key is not usable")
		}
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() && p.Curve != elliptic.P384() && p.Curve != elliptic.P521() {
			return nil, errors.New("the curve of the key is not P-256, P-384 or P-521")
		}
	default:
		return nil, fmt.Errorf("a key of type %T does not verify tokens", public)
	}
	return &Key{ID: id, public: public}, nil
}

// verifies reports whether signatures of an algorithm are made with this kind of key (gateway.md 9.1).
func (k *Key) verifies(a jose.SignatureAlgorithm) bool {
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, a)
	case *ecdsa.PublicKey:
		return a == map[elliptic.Curve]jose.SignatureAlgorithm{elliptic.P256(): jose.ES256, elliptic.P384(): jose.ES384, elliptic.P521(): jose.ES512}[p.Curve]
	}
	return k.secret != nil && slices.Contains([]jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}, a)
}

// algorithms are all that any key verifies.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512, jose.HS256, jose.HS384, jose.HS512,
	}
}

// Set is the keys that an issuer publishes. It is immutable.
type Set struct {
	// Issuers are who the tokens under these keys may name. {tenantid} in one stands for the token's tid.
	Issuers []string
	Keys    []*Key
	// Check says what else is against a token under these keys, "" for nothing: the issuer may have taken it back.
	// It is asked each time, of tokens that fulfil the requirements for time, issuer and audience. Nil asks nothing.
	Check func(*Token) string
}

// find lists the keys that may have signed: the one with the token's kid, or all when none has it (gateway.md 9.1).
func find(keys []*Key, kid string, a jose.SignatureAlgorithm) (fit []*Key, named bool) {
	for _, k := range keys {
		if kid != "" && k.ID == kid {
			named = true
			if k.verifies(a) {
				fit = append(fit, k)
			}
		}
	}
	if named {
		return fit, true
	}
	for _, k := range keys {
		if k.verifies(a) {
			fit = append(fit, k)
		}
	}
	return fit, false
}

// publishedKeys reads the keys of a JSON Web Key Set. Keys that are not for signatures, that are secret, or of unknown kinds are
// left out, one by one: what an issuer adds for others must not take its other keys away.
func publishedKeys(set []json.RawMessage) []*Key {
	var keys []*Key
	for _, text := range set {
		var k jose.JSONWebKey
		if json.Unmarshal(text, &k) != nil || k.Use == "enc" || !k.IsPublic() || !k.Valid() {
			continue
		}
		if public, err := Public(k.KeyID, k.Key); err == nil {
			keys = append(keys, public)
		}
	}
	return keys
}
