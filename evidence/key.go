package evidence

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile is the name of the sealed signing key in a data directory.
const KeyFile = "evidence.key"

const purpose = "evidence key"

// Sealer closes and opens what is kept in a file; store.Store is one.
type Sealer interface {
	Seal(purpose string, plain []byte) []byte
	Unseal(purpose string, sealed []byte) ([]byte, error)
}

// Key signs evidence.
type Key struct{ private ed25519.PrivateKey }

// PublicKey checks it. Its text is "ed25519:" and base64.
type PublicKey struct{ key ed25519.PublicKey }

const keyPrefix = "ed25519:"

// Open returns the key of the data directory dir, and makes one when there is none.
// The file holds it sealed with the store's keys, so a stolen file signs nothing.
func Open(dir string, s Sealer) (*Key, error) {
	if dir == "" {
		return nil, errors.New("the key that signs evidence: no data directory is named")
	}
	path := filepath.Join(dir, KeyFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = create(path, s); err == nil {
			raw, err = os.ReadFile(path) // another process may have been first
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the key that signs evidence: %w", err)
	}
	sealed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: bring it back from a copy, or take it away and a new key is made", path)
	}
	seed, err := s.Unseal(purpose, sealed)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s cannot be opened (%v): it belongs to another installation or was changed. Bring it back from a copy, or take it away and a new key is made", path, err)
	}
	return &Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// create writes a new key whole or not at all, and leaves one that is there.
func create(path string, s Sealer) error {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails, see crypto/rand
	f, err := os.CreateTemp(filepath.Dir(path), KeyFile+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(s.Seal(purpose, seed)))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Link(f.Name(), path); errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// Public is the part that others check with.
func (k *Key) Public() PublicKey { return PublicKey{k.private.Public().(ed25519.PublicKey)} }

// sign signs a text for one purpose, so that no signature passes for another kind.
func (k *Key) sign(kind string, text []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, signed(kind, text)))
}

func (p PublicKey) signs(kind string, text []byte, signature string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(signature)
	return err == nil && len(p.key) == ed25519.PublicKeySize && ed25519.Verify(p.key, signed(kind, text), b)
}

func signed(kind string, text []byte) []byte {
	sum := sha256.Sum256(text)
	return fmt.Appendf(nil, "gatehouse %s\n%x\n", kind, sum)
}

// ParseKey reads a public key: its text, or the name of a file that holds it.
func ParseKey(text string) (PublicKey, error) {
	if !strings.HasPrefix(text, keyPrefix) {
		raw, err := os.ReadFile(text)
		if err != nil {
			return PublicKey{}, fmt.Errorf("%q is neither a public key (%s…) nor a file that holds one", text, keyPrefix)
		}
		text = string(raw)
	}
	var p PublicKey
	return p, p.UnmarshalText([]byte(strings.TrimSpace(text)))
}

func (p PublicKey) String() string {
	if p.key == nil {
		return ""
	}
	return keyPrefix + base64.StdEncoding.EncodeToString(p.key)
}

// Fingerprint is short enough to be read out.
func (p PublicKey) Fingerprint() string {
	sum := sha256.Sum256(p.key)
	return hex.EncodeToString(sum[:8])
}

// Equal reports whether both are the same key.
func (p PublicKey) Equal(o PublicKey) bool { return p.key.Equal(o.key) }

// MarshalText implements encoding.TextMarshaler.
func (p PublicKey) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *PublicKey) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(string(text), keyPrefix))
	if err != nil || len(b) != ed25519.PublicKeySize || !strings.HasPrefix(string(text), keyPrefix) {
		return errors.New("it is not a public key of the form " + keyPrefix + "…")
	}
	p.key = b
	return nil
}
