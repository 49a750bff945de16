// Package password keeps people's passwords: argon2id hashes in PHC strings, and
// a bound on how many are computed at once, because each takes 19 MiB and tens of
// milliseconds. It promises the same time for a wrong password and for a user who
// does not exist. Who may try how often is left to the caller.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"gatehouse"
)

// The cost of new hashes (OWASP's first choice for argon2id). Stored hashes keep
// the parameters that they were made with.
const (
	memory  = 19 * 1024 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// Bounds on the parameters that a stored hash may ask for, and on what may be hashed.
const (
	maxMemory = 256 * 1024
	maxPasses = 16
	maxLanes  = 16
	maxLength = 256 // of a password, in bytes; Entra's own limit
	minLength = 8
	maxQueue  = 64 // waiting computations, over all callers
)

// Hasher computes hashes, a few at a time. The zero Hasher is not usable: call New.
type Hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	dummy   phc // what an unknown user's password is compared with
}

// New returns a Hasher that computes at most as many hashes at once as there are processors, and at most four.
func New() *Hasher {
	h := &Hasher{slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), 4))}
	h.dummy = phc{memory: memory, passes: passes, lanes: lanes, salt: random(saltLen), key: random(keyLen)}
	return h
}

// Hash returns the PHC string of a password. It fails with Limited when too many are waiting.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	p := phc{memory: memory, passes: passes, lanes: lanes, salt: random(saltLen), key: make([]byte, keyLen)}
	key, err := h.compute(ctx, &p, password)
	if err != nil {
		return "", err
	}
	p.key = key
	return p.String(), nil
}

// Verify reports whether hash was made of password. An empty hash, that of a user
// who does not exist or has no password, matches nothing and takes as long.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	p, known := &h.dummy, hash != ""
	if known {
		stored, err := parse(hash)
		if err != nil {
			return false, err
		}
		p = stored
	}
	key, err := h.compute(ctx, p, password)
	if err != nil {
		return false, err
	}
	usable := password != "" && len(password) <= maxLength
	return subtle.ConstantTimeCompare(key, p.key) == 1 && known && usable, nil
}

func (h *Hasher) compute(ctx context.Context, p *phc, password string) ([]byte, error) {
	if len(password) > maxLength {
		password = password[:maxLength] // takes as long, and Verify refuses it
	}
	if h.waiting.Add(1) > maxQueue {
		h.waiting.Add(-1)
		e := gatehouse.Errorf(gatehouse.Limited, "TooManySignIns", "Too many sign-ins are waiting. Try again in a few seconds.")
		e.RetryAfter = 2 * time.Second
		return nil, e
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, uint32(len(p.key))), nil
}

// Check reports why a new password may not be used, nil when it may: Entra's rules
// of length and of three character classes out of four.
func Check(password string) error {
	if len(password) > maxLength || utf8.RuneCountInString(password) < minLength {
		return weak("it has to have 8 to 256 characters")
	}
	var lower, upper, digit, other int
	for _, r := range password {
		switch {
		case 'a' <= r && r <= 'z':
			lower = 1
		case 'A' <= r && r <= 'Z':
			upper = 1
		case '0' <= r && r <= '9':
			digit = 1
		default:
			other = 1
		}
	}
	if lower+upper+digit+other < 3 {
		return weak("it needs three of these four: small letters, capitals, digits, other characters")
	}
	return nil
}

func weak(why string) error {
	return gatehouse.Errorf(gatehouse.Invalid, "Request_BadRequest",
		"The specified password does not comply with password complexity requirements: %s. Please provide a different password.", why).At("passwordProfile")
}

// phc is a parsed hash: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type phc struct {
	memory uint32
	passes uint32
	lanes  uint8
	salt   []byte
	key    []byte
}

func (p *phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.lanes,
		b64.EncodeToString(p.salt), b64.EncodeToString(p.key))
}

func parse(hash string) (*phc, error) {
	p := &phc{}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, fmt.Errorf("password: the stored hash is not argon2id of version %d", argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil {
		return nil, fmt.Errorf("password: the stored hash has unreadable parameters")
	}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	p.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("password: the stored hash is not valid base64")
	}
	sane := p.memory >= 8 && p.memory <= maxMemory && p.passes >= 1 && p.passes <= maxPasses && p.lanes >= 1 && p.lanes <= maxLanes &&
		len(p.salt) >= 8 && len(p.salt) <= 64 && len(p.key) >= 16 && len(p.key) <= 64
	if !sane {
		return nil, fmt.Errorf("password: the stored hash asks for parameters outside the accepted range")
	}
	return p, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails, see crypto/rand
	return b
}
