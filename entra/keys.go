package entra

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse"
	"gatehouse/store"
)

// SigningKeyType is the type of the documents that hold signing keys, the private part sealed.
const SigningKeyType = "Microsoft.Gatehouse/signingKeys"

const (
	keyBits = 2048
	// keyNotice is how long a key is published before its first use, so that
	// whoever caches the key set has it in time.
	keyNotice = 3 * 24 * time.Hour
	// keyLinger is how long a replaced key stays published beyond the lifetime of the tokens under it.
	keyLinger = 24 * time.Hour
)

// signingKey is one RSA key. It signs from start until a younger key starts.
type signingKey struct {
	id      gatehouse.ID
	kid     string
	start   time.Time
	private *rsa.PrivateKey
	signer  jose.Signer
}

// keySet is an immutable moment of the keyring, oldest first, and its published form.
type keySet struct {
	keys []*signingKey
	jwks []byte
}

type keyring struct {
	cfg Config
	mu  sync.Mutex // held while keys are made, stored and retired
	set atomic.Pointer[keySet]
}

func openKeyring(ctx context.Context, cfg Config) (*keyring, error) {
	k := &keyring{cfg: cfg}
	page, err := cfg.Store.List(ctx, store.Query{Type: SigningKeyType})
	if err != nil {
		return nil, err
	}
	var keys []*signingKey
	for _, d := range page.Documents {
		key, err := readKey(d)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	k.publish(keys)
	return k, nil
}

// tend rotates the keys until ctx ends.
func (k *keyring) tend(ctx context.Context) {
	for {
		if err := k.rotate(ctx, false); err != nil && ctx.Err() == nil {
			k.cfg.Logger.LogAttrs(ctx, slog.LevelError, "signing keys could not be rotated; trying again in a minute", slog.String("cause", err.Error()))
			if !pause(ctx, time.Minute) {
				return
			}
			continue
		}
		if !pause(ctx, time.Hour) {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// RotateKeys makes the next signing key now instead of in time. It is published at
// once and signs after the usual notice; tokens of the keys before it stay good.
func (s *Server) RotateKeys(ctx context.Context) error { return s.keys.rotate(ctx, true) }

// RevokeKeys withdraws every signing key at once and makes a new one: each token
// that was issued before is refused from now on. It is for a key that leaked.
// Refresh tokens and sessions stay good, so people get new tokens without signing in.
func (s *Server) RevokeKeys(ctx context.Context) error { return s.keys.revoke(ctx) }

func (k *keyring) revoke(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh := &signingKey{start: k.cfg.Clock()}
	if err := fresh.generate(); err != nil {
		return err
	}
	if err := k.save(ctx, fresh, k.set.Load().keys); err != nil {
		return err
	}
	k.publish([]*signingKey{fresh})
	return nil
}

// rotate makes the first key, makes the next one in time or when it is asked to,
// and retires those whose tokens are dead.
func (k *keyring) rotate(ctx context.Context, early bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, keys := k.cfg.Clock(), k.set.Load().keys
	var fresh *signingKey
	switch {
	case len(keys) == 0:
		fresh = &signingKey{start: now}
	case !now.Before(keys[len(keys)-1].start.Add(k.cfg.KeyPeriod - keyNotice)):
		// The server may have slept past the moment: the notice counts from now.
		fresh = &signingKey{start: later(keys[len(keys)-1].start.Add(k.cfg.KeyPeriod), now.Add(keyNotice))}
	}
	if early && fresh == nil {
		fresh = &signingKey{start: later(keys[len(keys)-1].start, now.Add(keyNotice))}
	}
	dead := k.dead(keys, now)
	if fresh == nil && len(dead) == 0 {
		return nil
	}
	if fresh != nil {
		if err := fresh.generate(); err != nil {
			return err
		}
		keys = append(slices.Clone(keys), fresh)
	}
	if err := k.save(ctx, fresh, dead); err != nil {
		return err
	}
	k.publish(slices.DeleteFunc(slices.Clone(keys), func(key *signingKey) bool { return slices.Contains(dead, key) }))
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// dead returns the keys whose successor has been signing for longer than any token of theirs lives.
func (k *keyring) dead(keys []*signingKey, now time.Time) (dead []*signingKey) {
	for i := 0; i+1 < len(keys); i++ {
		if now.After(keys[i+1].start.Add(2*k.cfg.TokenLifetime + keyLinger)) {
			dead = append(dead, keys[i])
		}
	}
	return dead
}

func (k *keyring) save(ctx context.Context, fresh *signingKey, dead []*signingKey) error {
	var d *store.Document
	if fresh != nil {
		var err error
		if d, err = fresh.document(); err != nil {
			return err
		}
	}
	cause := system("Microsoft.Gatehouse/signingKeys/write", "/")
	cause.Reason = "signing keys rotate by age"
	_, err := k.cfg.Store.Write(ctx, cause, func(tx *store.Tx) error {
		if d != nil {
			if err := tx.Put(d); err != nil {
				return err
			}
		}
		for _, key := range dead {
			if _, err := tx.Delete(key.id.Scope()); err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
				return err
			}
		}
		return nil
	})
	return err
}

// system is the cause of what the server does on its own.
func system(action, scope string) gatehouse.Cause {
	op := gatehouse.NewGUID().String()
	return gatehouse.Cause{
		Caller: gatehouse.Caller{Type: gatehouse.SystemDefined, Name: "Gatehouse", Method: "system"},
		Action: action, Scope: scope, Operation: op, Correlation: op,
	}
}

func (key *signingKey) generate() error {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("entra: make a signing key: %w", err)
	}
	key.id = gatehouse.ID{}.Extension("Microsoft.Gatehouse", "signingKeys", gatehouse.NewGUID().String())
	return key.use(private)
}

func (key *signingKey) use(private *rsa.PrivateKey) error {
	public := jose.JSONWebKey{Key: private.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("entra: name a signing key: %w", err)
	}
	key.private, key.kid = private, base64.RawURLEncoding.EncodeToString(sum)
	// Entra names the key in x5t as well, and some verifiers look only there.
	opt := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", key.kid).WithHeader("x5t", key.kid)
	key.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: private}, opt)
	return err
}

type keyBody struct {
	Kid   string    `json:"kid"`
	Start time.Time `json:"startDateTime"`
}

type keySecret struct {
	PrivateKey []byte `json:"privateKey"` // PKCS #8
}

func (key *signingKey) document() (*store.Document, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key.private)
	if err != nil {
		return nil, fmt.Errorf("entra: encode a signing key: %w", err)
	}
	body, err1 := json.Marshal(keyBody{key.kid, key.start.UTC()})
	secret, err2 := json.Marshal(keySecret{der})
	return &store.Document{ID: key.id, Type: SigningKeyType, Body: body, Secret: secret}, errors.Join(err1, err2)
}

func readKey(d *store.Document) (*signingKey, error) {
	var body keyBody
	var secret keySecret
	if json.Unmarshal(d.Body, &body) != nil || json.Unmarshal(d.Secret, &secret) != nil {
		return nil, fmt.Errorf("entra: signing key %s is damaged: delete the document to have a new one made", d.ID)
	}
	private, err := x509.ParsePKCS8PrivateKey(secret.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("entra: signing key %s cannot be read: delete the document to have a new one made", d.ID)
	}
	key := &signingKey{id: d.ID, start: body.Start}
	rsaKey, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("entra: signing key %s is not an RSA key: delete the document to have a new one made", d.ID)
	}
	return key, key.use(rsaKey)
}

// publish makes keys the current set.
func (k *keyring) publish(keys []*signingKey) {
	slices.SortFunc(keys, func(a, b *signingKey) int { return a.start.Compare(b.start) })
	var out bytes.Buffer
	out.WriteString(`{"keys":[`)
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		b64 := base64.RawURLEncoding
		fmt.Fprintf(&out, `{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"x5t":%q,"n":%q,"e":%q}`, key.kid, key.kid,
			b64.EncodeToString(key.private.N.Bytes()), b64.EncodeToString(exponent(key.private.E)))
	}
	out.WriteString(`]}`)
	k.set.Store(&keySet{keys, out.Bytes()})
}

func exponent(e int) []byte {
	return bytes.TrimLeft([]byte{byte(e >> 24), byte(e >> 16), byte(e >> 8), byte(e)}, "\x00")
}

// ready returns the keys, and waits for the first one to be made where there is none yet.
func (k *keyring) ready(ctx context.Context) (*keySet, error) {
	if set := k.set.Load(); len(set.keys) > 0 {
		return set, nil
	}
	if err := k.rotate(ctx, false); err != nil {
		return nil, err
	}
	return k.set.Load(), nil
}

// current returns the youngest key that has started.
func (k *keyring) current(ctx context.Context) (*signingKey, error) {
	set, err := k.ready(ctx)
	if err != nil {
		return nil, err
	}
	now := k.cfg.Clock()
	for _, key := range slices.Backward(set.keys) {
		if !now.Before(key.start) {
			return key, nil
		}
	}
	return set.keys[0], nil // the clock went back; the oldest is as good as any
}

// find returns the public key with that kid.
func (k *keyring) find(kid string) (*rsa.PublicKey, bool) {
	for _, key := range k.set.Load().keys {
		if key.kid == kid {
			return &key.private.PublicKey, true
		}
	}
	return nil, false
}

// sign returns claims as a compact JWS under the current key.
func (k *keyring) sign(ctx context.Context, claims any) (string, error) {
	key, err := k.current(ctx)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("entra: encode a token: %w", err)
	}
	signed, err := key.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("entra: sign a token: %w", err)
	}
	return signed.CompactSerialize()
}
