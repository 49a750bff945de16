package token

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"

	jose "github.com/go-jose/go-jose/v4"
)

// Origin is who signed a token, as far as that is known.
type Origin struct {
	Key       *Key
	Published []Publication // where the key is published, of the addresses that keys were fetched from
}

// Publication is an address that publishes keys, and the issuers that those vouch for.
type Publication struct {
	Address string
	Issuers []string
}

// Origin tells of a token whose signature was found good lately, whatever else was against the token. It asks nobody.
func (v *Verifier) Origin(raw string) (o Origin, ok bool) {
	if len(raw) > tokenMax {
		return o, false
	}
	p := v.get(digest(raw))
	if p == nil || p.key == nil || p.open != nil {
		return o, false
	}
	o.Key = p.key
	for _, u := range v.Uses() {
		if set := v.publishers.at(u.Address).set.Load(); set != nil && slices.Contains(set.Keys, p.key) {
			o.Published = append(o.Published, Publication{u.Address, set.Issuers})
		}
	}
	return o, true
}

// fingerprintRounds makes guessing a weak secret by its fingerprint slow.
const fingerprintRounds = 100_000

// Fingerprint tells keys apart without telling a secret: the same for the same key and salt.
func (k *Key) Fingerprint(salt string) string {
	text := k.secret
	rounds := fingerprintRounds
	if k.public != nil {
		rounds = 1
		text, _ = x509.MarshalPKIXPublicKey(k.public) // Public took only kinds that have such a form
	}
	sum, err := pbkdf2.Key(sha256.New, "gatehouse key "+string(text), []byte(salt), rounds, 16)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// JWK is the public part of a key as a JSON Web Key; nil for a secret.
func (k *Key) JWK() json.RawMessage {
	if k.public == nil {
		return nil
	}
	text, err := (&jose.JSONWebKey{Key: k.public, KeyID: k.ID}).MarshalJSON()
	if err != nil {
		return nil
	}
	return text
}

// ParseJWK reads what JWK wrote.
func ParseJWK(text json.RawMessage) (*Key, error) {
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return Public(k.KeyID, k.Key)
}
