package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// PasswordCredential is a client secret as its holder's body shows it; the hash
// is in Secrets under the same key ID.
type PasswordCredential struct {
	KeyID       gatehouse.GUID `json:"keyId"`
	DisplayName string         `json:"displayName,omitempty"`
	Hint        string         `json:"hint"`
	Start       time.Time      `json:"startDateTime"`
	End         time.Time      `json:"endDateTime"`
}

// Holds reports whether the credential may be used at that moment.
func (c *PasswordCredential) Holds(now time.Time) bool { return within(now, c.Start, c.End) }

// KeyCredential is a public certificate that its holder signs in with.
type KeyCredential struct {
	KeyID       gatehouse.GUID `json:"keyId"`
	DisplayName string         `json:"displayName,omitempty"`
	Type        string         `json:"type"`                // AsymmetricX509Cert
	Usage       string         `json:"usage"`               // Verify
	Key         string         `json:"key"`                 // base64 DER; white space inside is ignored
	Identifier  string         `json:"customKeyIdentifier"` // SHA-1 thumbprint in hexadecimal capitals
	Start       time.Time      `json:"startDateTime"`
	End         time.Time      `json:"endDateTime"`
}

// Holds reports whether the credential may be used at that moment.
func (c *KeyCredential) Holds(now time.Time) bool { return within(now, c.Start, c.End) }

func within(now, start, end time.Time) bool {
	return (start.IsZero() || !now.Before(start)) && (end.IsZero() || now.Before(end))
}

// Certificate decodes Key.
func (c *KeyCredential) Certificate() (*x509.Certificate, error) { return ParseCertificate(c.Key) }

// ParseCertificate reads a certificate as clients send one: base64 of DER, broken
// into lines or not (az breaks them, clients.md 5), or base64 of a PEM text.
func ParseCertificate(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "KeyCredentialsInvalid", "The certificate is not valid base64: send the DER form of the public certificate in base64.").At("key")
	}
	if block, _ := pem.Decode(der); block != nil {
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		e := gatehouse.Errorf(gatehouse.Invalid, "KeyCredentialsInvalid", "The key is not an X.509 certificate: send the DER form of the public certificate in base64.").At("key")
		e.Cause = err
		return nil, e
	}
	return cert, nil
}

// NewKeyCredential makes the credential that stands for a certificate. The
// certificate's own validity bounds it.
func NewKeyCredential(cert *x509.Certificate, displayName string) KeyCredential {
	sum := sha1.Sum(cert.Raw)
	return KeyCredential{
		KeyID: gatehouse.NewGUID(), DisplayName: displayName, Type: "AsymmetricX509Cert", Usage: "Verify",
		Key: base64.StdEncoding.EncodeToString(cert.Raw), Identifier: strings.ToUpper(hex.EncodeToString(sum[:])),
		Start: cert.NotBefore.UTC(), End: cert.NotAfter.UTC(),
	}
}

// Secrets is the sealed part of a user, application or service principal document.
type Secrets struct {
	PasswordHash string            `json:"passwordHash,omitempty"`        // PHC string of a user's password
	Passwords    map[string]string `json:"passwordCredentials,omitempty"` // key ID to hash, of client secrets
}

// SecretsOf reads the sealed part of a document.
func SecretsOf(d *store.Document) (Secrets, error) {
	var s Secrets
	if len(d.Secret) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(d.Secret, &s); err != nil {
		// The decoder's own words may quote the secret.
		return s, fmt.Errorf("directory: sealed part of %s is damaged", d.ID)
	}
	return s, nil
}

// JSON returns the form that a document keeps; nil when there is nothing secret.
func (s Secrets) JSON() []byte {
	if s.PasswordHash == "" && len(s.Passwords) == 0 {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always encode
	}
	return b
}

// Add keeps the hash of a client secret.
func (s *Secrets) Add(keyID gatehouse.GUID, hash string) {
	if s.Passwords == nil {
		s.Passwords = map[string]string{}
	}
	s.Passwords[keyID.String()] = hash
}

// Remove forgets a client secret.
func (s *Secrets) Remove(keyID gatehouse.GUID) { delete(s.Passwords, keyID.String()) }

// Matches reports whether text is the client secret with that key ID. It takes
// the same time whatever the difference.
func (s *Secrets) Matches(keyID gatehouse.GUID, text string) bool {
	hash, ok := s.Passwords[keyID.String()]
	return subtle.ConstantTimeCompare([]byte(hash), []byte(HashClientSecret(keyID, text))) == 1 && ok
}

// HashClientSecret returns the form in which a client secret is stored: an HMAC
// under its key ID. Client secrets are random and checked on every token request,
// so a slow hash would protect nothing (dependencies.md, traps).
func HashClientSecret(keyID gatehouse.GUID, text string) string {
	mac := hmac.New(sha256.New, keyID[:])
	mac.Write([]byte(text))
	return "hmac-sha256:" + base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

// NewClientSecret makes a client secret: the credential for the body, the text to
// show once, and the hash for Secrets.Add.
func NewClientSecret(displayName string, start, end time.Time) (c PasswordCredential, text, hash string) {
	text = randomText(3) + "~" + randomText(38)
	c = PasswordCredential{
		KeyID: gatehouse.NewGUID(), DisplayName: displayName, Hint: text[:3], Start: start.UTC(), End: end.UTC(),
	}
	return c, text, HashClientSecret(c.KeyID, text)
}

// randomText returns n random letters and digits: nothing that a shell or an
// option parser could take for its own, such as a leading dash.
func randomText(n int) string {
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"
	b := make([]byte, 0, n)
	var buf [64]byte
	for {
		rand.Read(buf[:]) // never fails, see crypto/rand
		for _, c := range buf {
			if int(c) >= 256-256%len(alphabet) {
				continue // keeps every character equally likely
			}
			if b = append(b, alphabet[int(c)%len(alphabet)]); len(b) == n {
				return string(b)
			}
		}
	}
}
