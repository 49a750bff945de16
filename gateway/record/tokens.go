package record

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"gatehouse/token"
)

func itoa(n int) string { return strconv.Itoa(n) }

// looksLikeToken reports whether a text begins like a JSON Web Token: its first part is a JSON object in Base64url.
func looksLikeToken(raw string) bool {
	head, _, ok := strings.Cut(raw, ".")
	if !ok || len(raw) > 64<<10 {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(head)
	return err == nil && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{"))
}

// Verified says who signed a token and whether that was the identity provider of this installation; ok is false when nothing
// says that the signature is good. It must not wait for others.
type Verified func(raw string) (o token.Origin, tenant *token.Set, ok bool)

// fingerprints remembers those of keys: they take a while.
type fingerprints struct {
	salt string
	mu   sync.Mutex
	made map[*token.Key]string
}

// mostFingerprints bounds them.
const mostFingerprints = 1000

func (f *fingerprints) of(k *token.Key) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if text, ok := f.made[k]; ok {
		return text
	}
	if f.made == nil || len(f.made) >= mostFingerprints {
		f.made = map[*token.Key]string{}
	}
	f.made[k] = k.Fingerprint(f.salt)
	return f.made[k]
}

// describe tells of a token what may stand in a file.
func (f *fingerprints) describe(raw string, verified Verified) (t Token, ok bool) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return t, false
	}
	var bad error
	if t.Header, bad = object(parts[0]); bad != nil {
		return t, false
	}
	if t.Claims, bad = object(parts[1]); bad != nil {
		return t, false
	}
	if verified == nil {
		return t, true
	}
	o, tenant, good := verified(raw)
	if !good || o.Key == nil {
		return t, true
	}
	t.Key = f.of(o.Key)
	for _, p := range o.Published {
		t.Published = append(t.Published, Published{p.Address, p.Issuers, o.Key.JWK()})
	}
	if tenant != nil {
		t.Tenant = true
		t.Published = append(t.Published, Published{"", tenant.Issuers, o.Key.JWK()})
	}
	return t, true
}

func object(part string) (json.RawMessage, error) {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, err
	}
	var o map[string]json.RawMessage
	return text, json.Unmarshal(text, &o)
}
