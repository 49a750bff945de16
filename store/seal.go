package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// A sealed value is: version (1 byte), ID of the data key (4 bytes), nonce (12
// bytes), AES-256-GCM ciphertext and tag. What the value belongs to is the
// additional data, so a value moved to another document does not open.
const (
	sealVersion = 1
	sealHeader  = 1 + 4
	keySize     = 32
)

// keyring holds the data keys, unwrapped. It is immutable; rotation swaps it.
type keyring struct {
	current uint32
	keys    map[uint32]cipher.AEAD
}

func documentContext(key string) []byte { return []byte("document\x00" + key) }

func ticketContext(kind, key string) []byte { return []byte("ticket\x00" + kind + "\x00" + key) }

func dataKeyContext(id int64) []byte { return fmt.Appendf(nil, "data key %d", id) }

func (k *keyring) seal(plain, context []byte) []byte {
	aead := k.keys[k.current]
	b := make([]byte, sealHeader+aead.NonceSize(), sealHeader+aead.NonceSize()+len(plain)+aead.Overhead())
	b[0] = sealVersion
	binary.BigEndian.PutUint32(b[1:], k.current)
	rand.Read(b[sealHeader:]) // never fails, see crypto/rand
	return aead.Seal(b, b[sealHeader:], plain, context)
}

func (k *keyring) unseal(sealed, context []byte) ([]byte, error) {
	if len(sealed) < sealHeader || sealed[0] != sealVersion {
		return nil, errors.New("it is not in a format that this version knows")
	}
	id := binary.BigEndian.Uint32(sealed[1:])
	aead := k.keys[id]
	if aead == nil {
		return nil, fmt.Errorf("data key %d is missing", id)
	}
	return open(aead, sealed[sealHeader:], context)
}

func open(aead cipher.AEAD, b, context []byte) ([]byte, error) {
	if len(b) < aead.NonceSize() {
		return nil, errors.New("it is cut short")
	}
	plain, err := aead.Open([]byte{}, b[:aead.NonceSize()], b[aead.NonceSize():], context)
	if err != nil {
		return nil, errors.New("it was changed or belongs elsewhere")
	}
	return plain, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// masterKey wraps data keys; it is never stored in the database.
type masterKey struct {
	raw  []byte
	aead cipher.AEAD
}

func newMasterKey(raw []byte) (masterKey, error) {
	if len(raw) != keySize {
		return masterKey{}, fmt.Errorf("it has %d bytes, a master key has %d", len(raw), keySize)
	}
	aead, err := newAEAD(raw)
	return masterKey{raw, aead}, err
}

// fingerprint names a key without giving it away.
func (m masterKey) fingerprint() string {
	sum := sha256.Sum256(append([]byte("gatehouse master key\x00"), m.raw...))
	return hex.EncodeToString(sum[:8])
}

func (m masterKey) wrap(id int64, key []byte) []byte {
	nonce := randomBytes(m.aead.NonceSize())
	return m.aead.Seal(nonce, nonce, key, dataKeyContext(id))
}

func (m masterKey) unwrap(k DataKey) ([]byte, error) {
	return open(m.aead, k.Wrapped, dataKeyContext(k.ID))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails, see crypto/rand
	return b
}

// outside sets what leaves the store apart from what stays in it.
func outside(purpose string) []byte { return []byte("outside\x00" + purpose) }

// Seal closes a value that is kept outside the store, such as a part of a file, with
// the store's keys. It opens again in this installation only, for the same purpose.
func (s *Store) Seal(purpose string, plain []byte) []byte {
	return s.keys.Load().seal(plain, outside(purpose))
}

// Unseal opens what Seal closed; its error says why it does not open.
func (s *Store) Unseal(purpose string, sealed []byte) ([]byte, error) {
	return s.keys.Load().unseal(sealed, outside(purpose))
}
