package odata

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// Signer makes and checks the opaque tokens of $skiptoken. A token says where a
// list continues; it is bound to the list it came from, so that nobody can point
// a list at a place of his own choice.
type Signer struct{ key []byte }

// NewSigner returns a Signer. Tokens outlive a restart when the key does; nil makes a random one.
func NewSigner(key []byte) *Signer {
	if len(key) == 0 {
		key = make([]byte, 32)
		rand.Read(key) // never fails, see crypto/rand
	}
	return &Signer{key}
}

const macSize = 16

func (s *Signer) mac(list, after string) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(list))
	m.Write([]byte{0})
	m.Write([]byte(after))
	return m.Sum(nil)[:macSize]
}

// Token returns the token for what follows the key after in the list. List is any
// text that names the list and its options; it holds no zero byte.
func (s *Signer) Token(list, after string) string {
	return base64.RawURLEncoding.EncodeToString(append(s.mac(list, after), after...))
}

// After returns the key that a token of the same list holds; "" for no token.
func (s *Signer) After(list, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < macSize || !hmac.Equal(b[:macSize], s.mac(list, string(b[macSize:]))) {
		return "", invalid("$skiptoken", "The $skiptoken is not one that this list has given: follow nextLink as it is, or start again without it.")
	}
	return string(b[macSize:]), nil
}
