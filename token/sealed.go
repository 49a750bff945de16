package token

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
)

// unsigned reads a token whose algorithm is none. ok is false for every other one.
func unsigned(raw string) (t *Token, ok bool, err error) {
	head, rest, _ := strings.Cut(raw, ".")
	body, signature, two := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
	}
	if err != nil || json.Unmarshal(b, &header) != nil || header.Algorithm != "none" {
		return nil, false, nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || !two || signature != "" {
		return nil, true, refuse(Invalid, "JWT is malformed.")
	}
	t = &Token{Algorithm: "none", Type: header.Type}
	if err := t.readClaims(payload); err != nil {
		return nil, true, refuse(Invalid, "JWT is malformed: %v.", err)
	}
	return t, true, nil
}

// decrypt opens an encrypted token with the first key that fits.
func decrypt(raw string, keys []*Key) (inner string, by *Key, err error) {
	if len(keys) == 0 {
		return "", nil, refuse(Invalid, "JWT is encrypted, and there is no key to open it.")
	}
	sealed, err := jose.ParseEncryptedCompact(raw,
		[]jose.KeyAlgorithm{jose.RSA_OAEP, jose.RSA_OAEP_256, jose.DIRECT, jose.A128KW, jose.A192KW, jose.A256KW},
		[]jose.ContentEncryption{jose.A128CBC_HS256, jose.A192CBC_HS384, jose.A256CBC_HS512, jose.A128GCM, jose.A192GCM, jose.A256GCM})
	if err != nil {
		return "", nil, refuse(Invalid, "JWT is malformed, or encrypted in a way that is not accepted.")
	}
	for _, k := range keys {
		if sealed.Header.KeyID != "" && k.ID != "" && k.ID != sealed.Header.KeyID {
			continue
		}
		var material any = k.open
		if k.secret != nil {
			material = k.secret
		}
		if material == nil {
			continue
		}
		if b, err := sealed.Decrypt(material); err == nil {
			return string(b), k, nil
		}
	}
	return "", nil, refuse(SignatureKeyNotFound, "No key opens the encrypted JWT. Access denied.")
}

// Parse reads what a token says without checking anything: for expressions that look into one (AsJwt). The error is a *Fault.
func Parse(raw string) (*Token, error) {
	if len(raw) > tokenMax {
		return nil, refuse(Invalid, "JWT is longer than %d bytes.", tokenMax)
	}
	if t, ok, err := unsigned(raw); ok {
		return t, err
	}
	signed, err := jose.ParseSignedCompact(raw, algorithms())
	if err != nil || len(signed.Signatures) != 1 {
		return nil, refuse(Invalid, "JWT is malformed.")
	}
	header := signed.Signatures[0].Header
	t := &Token{Algorithm: header.Algorithm, KeyID: header.KeyID, Type: kind(header)}
	if err := t.readClaims(signed.UnsafePayloadWithoutVerification()); err != nil {
		return nil, refuse(Invalid, "JWT is malformed: %v.", err)
	}
	return t, nil
}
