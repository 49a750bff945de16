package token

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/recent"
)

// Reasons of LastError for tokens that are refused (gateway.md 6).
const (
	NotPresent           = "TokenNotPresent"
	SignatureInvalid     = "TokenSignatureInvalid"
	AudienceNotAllowed   = "TokenAudienceNotAllowed"
	IssuerNotAllowed     = "TokenIssuerNotAllowed"
	Expired              = "TokenExpired"
	SignatureKeyNotFound = "TokenSignatureKeyNotFound"
	ClaimNotFound        = "TokenClaimNotFound"
	ClaimValueNotAllowed = "TokenClaimValueNotAllowed"
	Invalid              = "JwtInvalid"
)

// Fault says why a token is refused. Message is fit for the caller: it names no key and repeats no token.
type Fault struct{ Reason, Message string }

func (f *Fault) Error() string { return f.Reason + ": " + f.Message }

func refuse(reason, format string, args ...any) *Fault {
	return &Fault{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Requirements are what a token has to fulfil. They must not change once they are used.
type Requirements struct {
	Keys       []*Key   // that sign
	Published  []string // addresses of OpenID configurations, whose keys sign too
	Decryption []*Key   // that open encrypted tokens

	Issuers   []string // beside those of Published; no issuer is asked for when there are neither
	Audiences []string // none: not checked
	Clients   []string // application IDs, as appid or azp; none: not checked
	Claims    []Wanted

	AllowNoExpiry bool
	AllowUnsigned bool
	Skew          time.Duration // that clocks may differ by
}

// Wanted is a claim that a token must have.
type Wanted struct {
	Name      string
	Values    []string // none: it has to be there
	Any       bool     // one of the values will do; all otherwise
	Separator string   // splits a claim that is one text
}

// Config says how a Verifier reaches the keys of issuers.
type Config struct {
	Client *http.Client // for published keys; nil for one of its own
	// Local returns what this server itself publishes at an address, nil when the address is not its own. The keys
	// in the set have to be the same ones each time while they have not changed.
	Local func(address string) *Set
	Size  int // how many verified tokens are remembered; 0 for 20,000
	// Vouch says of a token that came without its signature whether a key made that one: for replays of what was verified
	// once. Signatures are not looked at then. Nil, as in every gateway that answers anybody, checks them.
	Vouch func(raw string, k *Key) bool
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	publishers publishers
	vouch      func(raw string, k *Key) bool
	mu         sync.RWMutex
	size       int
	now, old   map[[32]byte]*proof
	recent     *recent.Table[*proof]
}

// proof is a token whose signature one key made. What can change, the key among it, is checked each time.
type proof struct {
	token *Token
	key   *Key // nil for an unsigned token
	open  *Key // that decrypted it, nil when it was not encrypted
}

// NewVerifier returns a Verifier.
func NewVerifier(c Config) *Verifier {
	if c.Client == nil {
		c.Client = &http.Client{Timeout: publishedWait}
	}
	own := *c.Client
	own.CheckRedirect = toReadable(own.CheckRedirect)
	c.Client = &own
	if c.Size == 0 {
		c.Size = 20_000
	}
	return &Verifier{
		publishers: publishers{client: c.Client, local: c.Local, known: map[string]*publisher{}},
		vouch:      c.Vouch,
		size:       max(1, c.Size/2), now: map[[32]byte]*proof{}, recent: recent.New[*proof](),
	}
}

// Uses lists the addresses that keys were fetched from.
func (v *Verifier) Uses() []Use { return v.publishers.uses() }

// Prepare fetches the keys behind an address, so that the first call need not wait. It tells what went wrong.
func (v *Verifier) Prepare(ctx context.Context, address string, now time.Time) error {
	_, err := v.publishers.keys(ctx, address, false, now)
	return err
}

// tokenMax is more than any header may hold; what is longer than rememberedMax is verified each time, so that what is
// remembered does not become much.
const (
	tokenMax      = 64 << 10
	rememberedMax = 8 << 10
)

// Verify checks a token without its scheme word. The Token is shared: it must not be changed. The error is a *Fault.
func (v *Verifier) Verify(ctx context.Context, raw string, r *Requirements, now time.Time) (*Token, error) {
	if raw == "" {
		return nil, refuse(NotPresent, "JWT not present.")
	}
	if len(raw) > tokenMax {
		return nil, refuse(Invalid, "JWT is longer than %d bytes.", tokenMax)
	}
	var few [2]source
	sources, failure := v.sources(ctx, few[:0], r, false, now)
	p, ok := v.recent.Get(raw)
	if ok {
		if set, ok := p.holds(r, sources); ok {
			return allow(p.token, r.check(p.token, set, now))
		}
	}
	sum := digest(raw)
	if p = v.get(sum); p != nil {
		if set, ok := p.holds(r, sources); ok {
			v.recent.Put(raw, p)
			return allow(p.token, r.check(p.token, set, now))
		}
	}
	p, set, err := v.prove(ctx, raw, r, slices.Clone(sources), failure, now)
	if err != nil {
		return nil, err
	}
	if len(raw) <= rememberedMax {
		v.put(sum, p)
		v.recent.Put(raw, p)
	}
	return allow(p.token, r.check(p.token, set, now))
}

// allow hands out no token that was refused.
func allow(t *Token, err error) (*Token, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

// digest is SHA-256 of a text, without allocating for tokens of usual length.
func digest(text string) [32]byte {
	var buf [2048]byte
	if len(text) > len(buf) {
		return sha256.Sum256([]byte(text))
	}
	return sha256.Sum256(buf[:copy(buf[:], text)])
}

// source is a group of keys.
type source struct {
	keys []*Key
	set  *Set // that publishes them; nil for keys of the requirements themselves
}

// sources adds to a list the keys that may sign at this moment. What could not be read is left out; failure says why.
func (v *Verifier) sources(ctx context.Context, all []source, r *Requirements, again bool, now time.Time) (_ []source, failure error) {
	if len(r.Keys) > 0 {
		all = append(all, source{keys: r.Keys})
	}
	for _, address := range r.Published {
		set, err := v.publishers.keys(ctx, address, again, now)
		if err != nil {
			failure = err
			continue
		}
		all = append(all, source{keys: set.Keys, set: set})
	}
	return all, failure
}

// holds reports whether a proof counts under these requirements, and which set its key is from.
func (p *proof) holds(r *Requirements, sources []source) (*Set, bool) {
	if p.open != nil && !slices.Contains(r.Decryption, p.open) || p.open == nil && len(r.Decryption) > 0 {
		return nil, false
	}
	if p.key == nil {
		return nil, r.AllowUnsigned
	}
	for _, s := range sources {
		if slices.Contains(s.keys, p.key) {
			return s.set, true
		}
	}
	return nil, false
}

func (v *Verifier) get(sum [32]byte) *proof {
	v.mu.RLock()
	p := v.now[sum]
	if p != nil {
		v.mu.RUnlock()
		return p
	}
	p = v.old[sum]
	v.mu.RUnlock()
	if p != nil {
		v.put(sum, p)
	}
	return p
}

// put remembers a proof. There are two generations: what is not asked for during one is forgotten.
func (v *Verifier) put(sum [32]byte, p *proof) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.now) >= v.size {
		v.now, v.old = make(map[[32]byte]*proof, v.size), v.now
	}
	v.now[sum] = p
}

// prove opens a token and finds the key that signed it.
func (v *Verifier) prove(ctx context.Context, raw string, r *Requirements, sources []source, failure error, now time.Time) (*proof, *Set, error) {
	p := &proof{}
	if strings.Count(raw, ".") == 4 {
		inner, key, err := decrypt(raw, r.Decryption)
		if err != nil {
			return nil, nil, err
		}
		raw, p.open = inner, key
	} else if len(r.Decryption) > 0 {
		return nil, nil, refuse(Invalid, "JWT is not encrypted, and an encrypted one is required.")
	}
	if t, ok, err := unsigned(raw); ok {
		if err == nil && !r.AllowUnsigned {
			err = refuse(SignatureInvalid, "JWT is not signed. Access denied.")
		}
		p.token = t
		return p, nil, err
	}
	signed, err := jose.ParseSignedCompact(raw, algorithms())
	if err != nil {
		return nil, nil, refuse(Invalid, "JWT is malformed, or signed with an algorithm that is not accepted.")
	}
	set, err := p.sign(raw, signed, sources, v.vouch)
	var unknown *Fault
	if errors.As(err, &unknown) && unknown.Reason == SignatureKeyNotFound && len(r.Published) > 0 {
		sources, failure = v.sources(ctx, nil, r, true, now) // keys may have been replaced since
		set, err = p.sign(raw, signed, sources, v.vouch)
	}
	if err != nil && failure != nil {
		return nil, nil, refuse(SignatureKeyNotFound, "The keys of the issuer could not be read. Access denied.")
	}
	return p, set, err
}

// triesMax bounds how many keys are tried for a token without a usable kid.
const triesMax = 50

// sign finds the key that signed a token.
func (p *proof) sign(raw string, signed *jose.JSONWebSignature, sources []source, vouch func(string, *Key) bool) (*Set, error) {
	if len(signed.Signatures) != 1 {
		return nil, refuse(Invalid, "JWT has several signatures.")
	}
	header := signed.Signatures[0].Header
	found := false
	for _, s := range sources {
		keys, _ := find(s.keys, header.KeyID, jose.SignatureAlgorithm(header.Algorithm))
		for _, k := range keys[:min(len(keys), triesMax)] {
			found = found || k.ID == "" || k.ID == header.KeyID || header.KeyID == ""
			payload, ok := k.made(raw, signed, vouch)
			if !ok {
				continue
			}
			p.key, p.token = k, &Token{Algorithm: header.Algorithm, KeyID: header.KeyID, Type: kind(header)}
			if err := p.token.readClaims(payload); err != nil {
				return nil, refuse(Invalid, "JWT is malformed: %v.", err)
			}
			return s.set, nil
		}
	}
	if !found {
		return nil, refuse(SignatureKeyNotFound, "No key was found for the signature of the JWT (kid %q). Access denied.", clip(header.KeyID))
	}
	return nil, refuse(SignatureInvalid, "The signature of the JWT is not valid. Access denied.")
}

func kind(header jose.Header) string {
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return typ
}

// made checks the signature, or takes the word of vouch for it.
func (k *Key) made(raw string, signed *jose.JSONWebSignature, vouch func(string, *Key) bool) (payload []byte, ok bool) {
	if vouch != nil {
		return signed.UnsafePayloadWithoutVerification(), vouch(raw, k)
	}
	return k.verify(raw, signed)
}

// verify checks the signature and returns what was signed. Secrets are ours to check: go-jose wants 256 bits of them,
// where .NET's token library takes 128, and so do the issuers that documents were written for.
func (k *Key) verify(raw string, signed *jose.JSONWebSignature) (payload []byte, ok bool) {
	if k.secret == nil {
		payload, err := signed.Verify(k.public)
		return payload, err == nil
	}
	header := signed.Signatures[0].Header
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return nil, false
	}
	sum := map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}[header.Algorithm]
	if sum == nil {
		return nil, false
	}
	mac := hmac.New(sum, k.secret)
	mac.Write([]byte(raw[:strings.LastIndexByte(raw, '.')]))
	return signed.UnsafePayloadWithoutVerification(), hmac.Equal(mac.Sum(nil), signed.Signatures[0].Signature)
}

func equalPublic(a, b crypto.PublicKey) bool {
	p, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && p.Equal(b)
}

// check is what depends on the moment and on the requirements. set is where the key is from, nil for the requirements' own.
func (r *Requirements) check(t *Token, set *Set, now time.Time) error {
	if err := r.standard(t, set, now); err != nil {
		return err
	}
	if set != nil && set.Check != nil {
		if why := set.Check(t); why != "" {
			return refuse(Invalid, "%s Access denied.", why)
		}
	}
	return r.claims(t)
}

// standard checks lifetime, issuer, audience and client. It returns an untyped nil for a token that fulfils all of it.
func (r *Requirements) standard(t *Token, set *Set, now time.Time) error {
	switch {
	case t.Expires.IsZero() && !r.AllowNoExpiry:
		return refuse(Expired, "JWT has no expiration time, and one is required. Access denied.")
	case !t.Expires.IsZero() && !now.Before(t.Expires.Add(r.Skew)):
		return refuse(Expired, "JWT expired at %s; the time is %s. Access denied.", stamp(t.Expires), stamp(now))
	case now.Before(t.NotBefore.Add(-r.Skew)):
		return refuse(Invalid, "JWT is not valid before %s; the time is %s. Access denied.", stamp(t.NotBefore), stamp(now))
	case !r.issuedBy(t, set):
		return refuse(IssuerNotAllowed, "JWT issuer %q is not allowed. Access denied.", clip(t.Issuer))
	case len(r.Audiences) > 0 && !overlap(r.Audiences, t.Audiences):
		return refuse(AudienceNotAllowed, "JWT audience %q is not allowed. Access denied.", clip(strings.Join(t.Audiences, ",")))
	case len(r.Clients) > 0 && !r.client(t):
		return refuse(ClaimValueNotAllowed, "Claim azp or appid of the JWT is not an allowed client application. Access denied.")
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("01/02/2006 15:04:05") }

func overlap(allowed, have []string) bool {
	return slices.ContainsFunc(have, func(s string) bool { return slices.Contains(allowed, s) })
}

// issuedBy: a key that somebody publishes vouches for that issuer only, unless the requirements name the token's issuer.
func (r *Requirements) issuedBy(t *Token, set *Set) bool {
	if slices.Contains(r.Issuers, t.Issuer) {
		return true
	}
	if set == nil {
		return len(r.Issuers) == 0
	}
	return slices.ContainsFunc(set.Issuers, func(i string) bool {
		if strings.Contains(i, "{tenantid}") {
			tid := t.First("tid")
			return tid != "" && t.Issuer == strings.ReplaceAll(i, "{tenantid}", tid)
		}
		return i == t.Issuer
	})
}

// client looks at azp of a version 2 token or appid of a version 1 token (gateway.md 8.1, validate-azure-ad-token).
func (r *Requirements) client(t *Token) bool {
	allowed := func(id string) bool {
		return id != "" && slices.ContainsFunc(r.Clients, func(c string) bool { return strings.EqualFold(c, id) })
	}
	return allowed(t.First("azp")) || allowed(t.First("appid"))
}

func (r *Requirements) claims(t *Token) error {
	var missing []string
	for _, w := range r.Claims {
		if _, ok := t.byName[w.Name]; !ok {
			missing = append(missing, w.Name)
		}
	}
	if len(missing) > 0 {
		return refuse(ClaimNotFound, "JWT token is missing the following claims: %s. Access denied.", strings.Join(missing, ", "))
	}
	for _, w := range r.Claims {
		if have := w.split(t.byName[w.Name]); !w.met(have) {
			return refuse(ClaimValueNotAllowed, "Claim %s value of %s is not allowed. Access denied.", w.Name, clip(strings.Join(have, ",")))
		}
	}
	return nil
}

func (w *Wanted) split(have []string) []string {
	if w.Separator == "" || len(have) != 1 {
		return have
	}
	return strings.Split(have[0], w.Separator)
}

func (w *Wanted) met(have []string) bool {
	if len(w.Values) == 0 {
		return true
	}
	if w.Any {
		return overlap(w.Values, have)
	}
	return !slices.ContainsFunc(w.Values, func(s string) bool { return !slices.Contains(have, s) })
}
