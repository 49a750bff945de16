package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rsaKey = must(rsa.GenerateKey(rand.Reader, 2048))
	other  = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey  = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	secret = []byte("0123456789abcdef0123456789abcdef")
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type claims map[string]any

// sign makes a token; times are seconds from noon.
func sign(t testing.TB, a jose.SignatureAlgorithm, key any, kid string, c claims) string {
	t.Helper()
	return signText(t, a, key, kid, string(must(json.Marshal(c))))
}

func signText(t testing.TB, a jose.SignatureAlgorithm, key any, kid, payload string) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: a, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	return must(must(s.Sign([]byte(payload))).CompactSerialize())
}

func in(d time.Duration) int64 { return noon.Add(d).Unix() }

func reason(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Reason
	}
	if err != nil {
		return "not a Fault: " + err.Error()
	}
	return ""
}

func TestVerify(t *testing.T) {
	good := claims{"iss": "https://a", "aud": "api", "exp": in(time.Hour), "scp": "read write", "roles": []string{"x", "y"}, "level": 3, "ok": true}
	with := func(name string, v any) claims {
		c := claims{}
		for k, x := range good {
			c[k] = x
		}
		if c[name] = v; v == nil {
			delete(c, name)
		}
		return c
	}
	keys := []*Key{must(Public("k1", &rsaKey.PublicKey)), must(Public("e1", &ecKey.PublicKey))}
	hs := []*Key{must(Secret("", base64.StdEncoding.EncodeToString(secret)))}
	require := func(change ...func(*Requirements)) *Requirements {
		r := &Requirements{Keys: keys, Audiences: []string{"api", "other"}, Issuers: []string{"https://a"}}
		for _, f := range change {
			f(r)
		}
		return r
	}
	claim := func(w Wanted) func(*Requirements) { return func(r *Requirements) { r.Claims = append(r.Claims, w) } }
	rs := func(c claims) string { return sign(t, jose.RS256, rsaKey, "k1", c) }
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(must(json.Marshal(good))) + "."
	tampered := func() string {
		p := strings.Split(rs(good), ".")
		p[1] = base64.RawURLEncoding.EncodeToString(must(json.Marshal(with("aud", "other"))))
		return strings.Join(p, ".")
	}()
	for _, c := range []struct {
		name, token string
		r           *Requirements
		want        string
	}{
		{"good", rs(good), require(), ""},
		{"PS256", sign(t, jose.PS256, rsaKey, "k1", good), require(), ""},
		{"RS512", sign(t, jose.RS512, rsaKey, "k1", good), require(), ""},
		{"ES256", sign(t, jose.ES256, ecKey, "e1", good), require(), ""},
		{"no kid: every key is tried", sign(t, jose.ES256, ecKey, "", good), require(), ""},
		{"a kid nobody has: every key is tried", sign(t, jose.RS256, rsaKey, "zzz", good), require(), ""},
		{"HS256", sign(t, jose.HS256, secret, "", good), require(func(r *Requirements) { r.Keys = hs }), ""},
		{"nothing", "", require(), NotPresent},
		{"no JWT", "abc", require(), Invalid},
		{"three empty parts", "..", require(), Invalid},
		{"a header nobody understands", signCritical(t), require(func(r *Requirements) { r.Keys = hs }), SignatureInvalid},
		{"changed", tampered, require(), SignatureInvalid},
		{"another's key under our kid", sign(t, jose.RS256, other, "k1", good), require(), SignatureInvalid},
		{"another's key", sign(t, jose.RS256, other, "k9", good), require(), SignatureKeyNotFound},
		{"the public key as a secret", sign(t, jose.HS256, rsaKey.N.Bytes(), "k1", good), require(), SignatureKeyNotFound},
		{"an algorithm of the wrong kind of key", sign(t, jose.HS256, secret, "k1", good), require(), SignatureKeyNotFound},
		{"no keys", rs(good), require(func(r *Requirements) { r.Keys = nil }), SignatureKeyNotFound},
		{"unsigned", none, require(), SignatureInvalid},
		{"unsigned, allowed", none, require(func(r *Requirements) { r.AllowUnsigned = true }), ""},
		{"unsigned with a signature", none + "x", require(func(r *Requirements) { r.AllowUnsigned = true }), Invalid},
		{"expired", rs(with("exp", in(-time.Second))), require(), Expired},
		{"expires now", rs(with("exp", in(0))), require(), Expired},
		{"expired within the skew", rs(with("exp", in(-time.Second))), require(func(r *Requirements) { r.Skew = 2 * time.Second }), ""},
		{"no exp", rs(with("exp", nil)), require(), Expired},
		{"no exp, allowed", rs(with("exp", nil)), require(func(r *Requirements) { r.AllowNoExpiry = true }), ""},
		{"expired although none is needed", rs(with("exp", in(-1e9))), require(func(r *Requirements) { r.AllowNoExpiry = true }), Expired},
		{"exp is a text", rs(with("exp", "tomorrow")), require(), Invalid},
		{"exp beyond every clock", rs(with("exp", 1e300)), require(), Invalid},
		{"not yet", rs(with("nbf", in(time.Minute))), require(), Invalid},
		{"not yet, within the skew", rs(with("nbf", in(time.Minute))), require(func(r *Requirements) { r.Skew = time.Minute }), ""},
		{"issuer", rs(with("iss", "https://b")), require(), IssuerNotAllowed},
		{"issuer in another case", rs(with("iss", "https://A")), require(), IssuerNotAllowed},
		{"no issuer", rs(with("iss", nil)), require(), IssuerNotAllowed},
		{"issuer not asked for", rs(with("iss", "https://b")), require(func(r *Requirements) { r.Issuers = nil }), ""},
		{"audience", rs(with("aud", "x")), require(), AudienceNotAllowed},
		{"audiences", rs(with("aud", []string{"x", "other"})), require(), ""},
		{"no audience", rs(with("aud", nil)), require(), AudienceNotAllowed},
		{"claim there", rs(good), require(claim(Wanted{Name: "scp"})), ""},
		{"claim missing", rs(good), require(claim(Wanted{Name: "scpx"})), ClaimNotFound},
		{"claim by number and truth", rs(good), require(claim(Wanted{Name: "level", Values: []string{"3"}}), claim(Wanted{Name: "ok", Values: []string{"true"}})), ""},
		{"all of a list", rs(good), require(claim(Wanted{Name: "roles", Values: []string{"y", "x"}})), ""},
		{"all of a list, one lacks", rs(good), require(claim(Wanted{Name: "roles", Values: []string{"y", "z"}})), ClaimValueNotAllowed},
		{"any of a list", rs(good), require(claim(Wanted{Name: "roles", Any: true, Values: []string{"y", "z"}})), ""},
		{"any of a list, none", rs(good), require(claim(Wanted{Name: "roles", Any: true, Values: []string{"X", "z"}})), ClaimValueNotAllowed},
		{"separated", rs(good), require(claim(Wanted{Name: "scp", Values: []string{"write"}, Separator: " "})), ""},
		{"not separated", rs(good), require(claim(Wanted{Name: "scp", Values: []string{"write"}})), ClaimValueNotAllowed},
		{"client", rs(with("azp", "APP")), require(func(r *Requirements) { r.Clients = []string{"app"} }), ""},
		{"client of a version 1 token", rs(with("appid", "app")), require(func(r *Requirements) { r.Clients = []string{"app"} }), ""},
		{"another client", rs(with("azp", "x")), require(func(r *Requirements) { r.Clients = []string{"app"} }), ClaimValueNotAllowed},
		{"a claim twice", signText(t, jose.RS256, rsaKey, "k1", `{"aud":"api","exp":99999999999,"aud":"other"}`), require(), Invalid},
		{"claims are a list", signText(t, jose.RS256, rsaKey, "k1", `[]`), require(), Invalid},
		{"encryption wanted", rs(good), require(func(r *Requirements) { r.Decryption = hs }), Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := NewVerifier(Config{})
			for range 2 { // from the signature, then from memory
				got, err := v.Verify(context.Background(), c.token, c.r, noon)
				if reason(err) != c.want {
					t.Fatalf("%v, want %q", err, c.want)
				}
				if (got == nil) != (err != nil) {
					t.Fatalf("token %v with error %v", got, err)
				}
			}
		})
	}
}

// TestMemory: a token that one policy's keys verified is nothing to a policy with other keys, and a moment is asked each time.
func TestMemory(t *testing.T) {
	v := NewVerifier(Config{Size: 2})
	raw := sign(t, jose.RS256, rsaKey, "k", claims{"exp": in(time.Minute)})
	mine := &Requirements{Keys: []*Key{must(Public("k", &rsaKey.PublicKey))}}
	theirs := &Requirements{Keys: []*Key{must(Public("k", &other.PublicKey))}}
	check := func(r *Requirements, now time.Time, want string) {
		t.Helper()
		if _, err := v.Verify(context.Background(), raw, r, now); reason(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	check(mine, noon, "")
	check(theirs, noon, SignatureInvalid)
	check(mine, noon, "")
	check(mine, noon.Add(time.Hour), Expired)
	check(&Requirements{}, noon, SignatureKeyNotFound)
	for i := range 10 {
		_, _ = v.Verify(context.Background(), sign(t, jose.RS256, rsaKey, "k", claims{"exp": in(time.Minute), "n": i}), mine, noon)
	}
	if n := len(v.now) + len(v.old); n > 2 {
		t.Errorf("%d tokens remembered, 2 were allowed", n)
	}
	check(mine, noon, "")
}

func TestEncrypted(t *testing.T) {
	secretKey := must(Secret("", base64.StdEncoding.EncodeToString(secret)))
	inner := sign(t, jose.RS256, rsaKey, "k", claims{"exp": in(time.Minute), "sub": "s"})
	seal := func(a jose.KeyAlgorithm, key any) string {
		e := must(jose.NewEncrypter(jose.A128CBC_HS256, jose.Recipient{Algorithm: a, Key: key}, (&jose.EncrypterOptions{}).WithContentType("JWT")))
		return must(must(e.Encrypt([]byte(inner))).CompactSerialize())
	}
	certificate := must(Public("", &other.PublicKey))
	certificate.open = other
	keys := []*Key{must(Public("k", &rsaKey.PublicKey))}
	for _, c := range []struct {
		raw  string
		open []*Key
		want string
	}{
		{seal(jose.DIRECT, secret), []*Key{secretKey}, ""},
		{seal(jose.RSA_OAEP, &other.PublicKey), []*Key{secretKey, certificate}, ""},
		{seal(jose.RSA_OAEP, &rsaKey.PublicKey), []*Key{secretKey, certificate}, SignatureKeyNotFound},
		{seal(jose.DIRECT, secret), nil, Invalid},
	} {
		v := NewVerifier(Config{})
		for range 2 {
			if _, err := v.Verify(context.Background(), c.raw, &Requirements{Keys: keys, Decryption: c.open}, noon); reason(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		}
	}
}

// publish serves an OpenID configuration; keys and failing can be changed, fetches are counted.
type issuer struct {
	keys    atomic.Pointer[[]jose.JSONWebKey]
	failing atomic.Bool
	fetches atomic.Int32
	url     string

	document string // of keys, in place of keys
}

func publish(t *testing.T, keys ...jose.JSONWebKey) *issuer {
	i := &issuer{}
	i.keys.Store(&keys)
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		if i.failing.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"issuer":"https://issuer","jwks_uri":"%s/keys"}`, i.url)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		if i.document != "" {
			fmt.Fprint(w, i.document)
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: *i.keys.Load()})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	i.url = s.URL
	return i
}

func (i *issuer) requirements() *Requirements {
	return &Requirements{Published: []string{i.url + "/.well-known/openid-configuration"}}
}

// TestPublishedKinds: a set of keys is read as far as it can be: kinds that nobody knows, keys for other things and private ones
// are left out, and of two keys with one name either may have signed.
func TestPublishedKinds(t *testing.T) {
	text := must(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &other.PublicKey, KeyID: "1"}, {Key: &rsaKey.PublicKey, KeyID: "1"}, {Key: rsaKey, KeyID: "private"}, {Key: &rsaKey.PublicKey, KeyID: "enc", Use: "enc"}, {Key: secret, KeyID: "s"}}}))
	i := publish(t)
	i.document = `{"keys":[{"kty":"OKP","crv":"X448","kid":"new","x":"AA"},{"kty":"unheard-of","kid":"2"},` + string(text[len(`{"keys":[`):])
	v, r := NewVerifier(Config{}), i.requirements()
	good := claims{"iss": "https://issuer", "exp": in(time.Hour)}
	for _, c := range []struct{ raw, want string }{
		{sign(t, jose.RS256, rsaKey, "1", good), ""}, {sign(t, jose.RS256, other, "1", good), ""}, {sign(t, jose.HS256, secret, "s", good), SignatureKeyNotFound},
	} {
		if _, err := v.Verify(context.Background(), c.raw, r, noon); reason(err) != c.want {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if u := v.Uses(); len(u) != 1 || u[0].Keys != 2 {
		t.Errorf("%+v", u)
	}
}

// TestRedirects: keys are not read over plain http, wherever an issuer leads; nor does one from afar lead into this machine.
func TestRedirects(t *testing.T) {
	check := toReadable(nil)
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"https://issuer.test/a", "https://other.test/b", true}, {"https://issuer.test/a", "http://issuer.test/a", false}, {"https://issuer.test/a", "http://127.0.0.1/a", false}, {"https://issuer.test/a", "https://localhost/a", false},
		{"http://localhost/a", "http://127.0.0.1:9/a", true}, {"https://issuer.test/a", "https://user@other.test/b", false}, {"https://issuer.test/a", "file:///etc/passwd", false},
	} {
		from, to := must(http.NewRequest("GET", c.from, nil)), must(http.NewRequest("GET", c.to, nil))
		if err := check(to, []*http.Request{from}); (err == nil) != c.ok {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
	i := publish(t, jose.JSONWebKey{Key: &rsaKey.PublicKey, KeyID: "1"})
	away := httptest.NewServer(http.RedirectHandler("http://issuer.invalid/.well-known/openid-configuration", http.StatusFound))
	t.Cleanup(away.Close)
	if err := NewVerifier(Config{}).Prepare(context.Background(), away.URL, noon); err == nil || !strings.Contains(err.Error(), "not read at") {
		t.Error("a redirect to plain http was followed:", err)
	}
	home := httptest.NewServer(http.RedirectHandler(i.url+"/.well-known/openid-configuration", http.StatusFound))
	t.Cleanup(home.Close)
	if err := NewVerifier(Config{}).Prepare(context.Background(), home.URL, noon); err != nil {
		t.Error(err)
	}
}

// TestLarge: tokens that are larger than any usual one are verified, and not remembered.
func TestLarge(t *testing.T) {
	v, r := NewVerifier(Config{}), &Requirements{Keys: []*Key{must(Public("k", &rsaKey.PublicKey))}}
	for size, want := range map[int]int{1000: 1, rememberedMax: 0} {
		v.now = map[[32]byte]*proof{}
		raw := sign(t, jose.RS256, rsaKey, "k", claims{"exp": in(time.Minute), "x": strings.Repeat("x", size)})
		if _, err := v.Verify(context.Background(), raw, r, noon); err != nil || len(v.now) != want {
			t.Errorf("%d bytes: %v, %d are remembered", size, err, len(v.now))
		}
	}
}

// TestPublished: keys that are replaced are found, old ones serve while the issuer is down, and it is not asked too often.
func TestPublished(t *testing.T) {
	i := publish(t, jose.JSONWebKey{Key: &rsaKey.PublicKey, KeyID: "1", Use: "sig"}, jose.JSONWebKey{Key: secret, KeyID: "s"})
	v, r := NewVerifier(Config{}), i.requirements()
	ask := func(raw string, at time.Duration, want string, fetches int32) {
		t.Helper()
		if _, err := v.Verify(context.Background(), raw, r, noon.Add(at)); reason(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
		deadline := time.Now().Add(5 * time.Second)
		for i.fetches.Load() != fetches && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if got := i.fetches.Load(); got != fetches {
			t.Errorf("%d fetches, want %d", got, fetches)
		}
	}
	long := claims{"iss": "https://issuer", "exp": in(100 * time.Hour)}
	one, two := sign(t, jose.RS256, rsaKey, "1", long), sign(t, jose.RS256, other, "2", long)
	ask(one, 0, "", 1)
	ask(sign(t, jose.HS256, secret, "s", long), 0, SignatureKeyNotFound, 1) // a published secret is no secret; asked again too soon
	ask(sign(t, jose.RS256, rsaKey, "1", claims{"iss": "https://else", "exp": in(time.Hour)}), 0, IssuerNotAllowed, 1)
	ask(two, time.Minute, SignatureKeyNotFound, 1)
	i.keys.Store(&[]jose.JSONWebKey{{Key: &rsaKey.PublicKey, KeyID: "1"}, {Key: &other.PublicKey, KeyID: "2"}})
	ask(two, 6*time.Minute, "", 2)
	ask(one, 6*time.Minute, "", 2)
	i.failing.Store(true)
	ask(one, 2*time.Hour, "", 3)
	for _, u := range v.Uses() {
		for range 1000 { // the fetch behind the scenes ends a moment later
			if u = v.Uses()[0]; u.Failure != "" {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if u.Keys != 2 || !strings.Contains(u.Failure, "503") {
			t.Errorf("use %+v", u)
		}
	}
	ask(two, 2*time.Hour+time.Minute, "", 3)
	ask(two, 3*time.Hour, "", 4)
	i.failing.Store(false)
	i.keys.Store(&[]jose.JSONWebKey{{Key: &other.PublicKey, KeyID: "2"}})
	ask(two, 4*time.Hour, "", 5)
	time.Sleep(20 * time.Millisecond)
	ask(one, 4*time.Hour+time.Minute, SignatureKeyNotFound, 5) // withdrawn: what was remembered does not count
}

// TestTemplate: the issuer of many tenants is one per tenant.
func TestTemplate(t *testing.T) {
	set := &Set{Keys: []*Key{must(Public("1", &rsaKey.PublicKey))}, Issuers: []string{"https://login/{tenantid}/v2.0"}}
	v := NewVerifier(Config{Local: func(address string) *Set {
		if address == "https://login/common" {
			return set
		}
		return nil
	}})
	for iss, want := range map[string]string{"https://login/t1/v2.0": "", "https://login/t2/v2.0": IssuerNotAllowed, "https://login//v2.0": IssuerNotAllowed} {
		raw := sign(t, jose.RS256, rsaKey, "1", claims{"iss": iss, "tid": "t1", "exp": in(time.Hour)})
		if _, err := v.Verify(context.Background(), raw, &Requirements{Published: []string{"https://login/common"}}, noon); reason(err) != want {
			t.Errorf("%s: %v, want %q", iss, err, want)
		}
	}
	raw := sign(t, jose.RS256, rsaKey, "1", claims{"iss": "https://login//v2.0", "exp": in(time.Hour)})
	if _, err := v.Verify(context.Background(), raw, &Requirements{Published: []string{"https://login/common"}}, noon); reason(err) != IssuerNotAllowed {
		t.Errorf("without tid: %v", err)
	}
}

// TestTakenBack: an issuer in this process is asked about each use of a token.
func TestTakenBack(t *testing.T) {
	var revoked bool
	set := &Set{Keys: []*Key{must(Public("1", &rsaKey.PublicKey))}, Issuers: []string{"https://i"}, Check: func(*Token) string {
		if revoked {
			return "The session was ended."
		}
		return ""
	}}
	v := NewVerifier(Config{Local: func(string) *Set { return set }})
	raw := sign(t, jose.RS256, rsaKey, "1", claims{"iss": "https://i", "exp": in(time.Hour)})
	for _, want := range []string{"", Invalid} {
		if _, err := v.Verify(context.Background(), raw, &Requirements{Published: []string{"x"}}, noon); reason(err) != want {
			t.Errorf("%v, want %q", err, want)
		}
		revoked = true
	}
}

func TestFirstFetchFails(t *testing.T) {
	i := publish(t, jose.JSONWebKey{Key: &rsaKey.PublicKey, KeyID: "1"})
	i.failing.Store(true)
	v, raw := NewVerifier(Config{}), sign(t, jose.RS256, rsaKey, "1", claims{"iss": "https://issuer", "exp": in(time.Hour)})
	for _, at := range []time.Duration{0, time.Second} {
		if _, err := v.Verify(context.Background(), raw, i.requirements(), noon.Add(at)); reason(err) != SignatureKeyNotFound || strings.Contains(err.Error(), i.url) {
			t.Errorf("%v", err)
		}
	}
	i.failing.Store(false)
	if _, err := v.Verify(context.Background(), raw, i.requirements(), noon.Add(time.Minute)); err != nil {
		t.Error(err)
	}
}

func TestKeys(t *testing.T) {
	for name, make := range map[string]func() (*Key, error){
		"short secret":  func() (*Key, error) { return Secret("", "c2hvcnQ=") },
		"no Base64":     func() (*Key, error) { return Secret("", "???") },
		"short RSA":     func() (*Key, error) { return RSA("", "AQAB", "AQAB") },
		"even exponent": func() (*Key, error) { return RSA("", base64.RawURLEncoding.EncodeToString(rsaKey.N.Bytes()), "Ag") },
		"huge exponent": func() (*Key, error) {
			return RSA("", base64.RawURLEncoding.EncodeToString(rsaKey.N.Bytes()), "AQABAQABAQAB")
		},
		"no public key": func() (*Key, error) { return Public("", "x") },
		"unusable curve": func() (*Key, error) {
			return Public("", &must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).PublicKey)
		},
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	k := must(RSA("", base64.URLEncoding.EncodeToString(rsaKey.N.Bytes()), "AQAB"))
	if !equalPublic(k.public, &rsaKey.PublicKey) {
		t.Error("n and e make another key")
	}
	short := must(Secret("", base64.StdEncoding.EncodeToString(secret[:16])))
	if _, err := NewVerifier(Config{}).Verify(context.Background(), signShort(t, secret[:16], `{"exp":99999999999}`), &Requirements{Keys: []*Key{short}}, noon); err != nil {
		t.Errorf("128 bits: %v", err)
	}
}

func TestParse(t *testing.T) {
	raw := signText(t, jose.RS256, rsaKey, "k", `{"iss":"i","sub":"s","jti":"j","aud":["a","b"],"exp":1772366400.5,"nbf":0,"n":1.50,"b":false,"z":null,"o":{"x": 1},"l":[1,"2",null]}`)
	got, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := &Token{Algorithm: "RS256", Type: "JWT", KeyID: "k", ID: "j", Issuer: "i", Subject: "s", Audiences: []string{"a", "b"},
		Expires: time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.UTC), NotBefore: time.Unix(0, 0).UTC(),
		Claims: []Claim{{"iss", []string{"i"}}, {"sub", []string{"s"}}, {"jti", []string{"j"}}, {"aud", []string{"a", "b"}}, {"exp", []string{"1772366400.5"}},
			{"nbf", []string{"0"}}, {"n", []string{"1.50"}}, {"b", []string{"false"}}, {"z", []string{""}}, {"o", []string{`{"x":1}`}}, {"l", []string{"1", "2", ""}}}}
	want.byName = got.byName
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, bad := range []string{"", "a.b", "a.b.c", raw + ".x", strings.Repeat("a", tokenMax+1)} {
		if _, err := Parse(bad); reason(err) != Invalid {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(signText(f, jose.HS256, secret, "k", `{"exp":1,"aud":["a"]}`))
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := Parse(raw); err != nil && reason(err) == "" {
			t.Error(err)
		}
	})
}

func BenchmarkVerifyRepeated(b *testing.B) {
	v := NewVerifier(Config{})
	r := &Requirements{Keys: []*Key{must(Public("k", &rsaKey.PublicKey))}, Audiences: []string{"api"}, Claims: []Wanted{{Name: "roles", Values: []string{"x"}}}}
	raw := sign(b, jose.RS256, rsaKey, "k", claims{"aud": "api", "exp": in(time.Hour), "roles": []string{"x", "y"}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), raw, r, noon); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyFirst(b *testing.B) {
	r := &Requirements{Keys: []*Key{must(Public("k", &rsaKey.PublicKey))}}
	raw := sign(b, jose.RS256, rsaKey, "k", claims{"exp": in(time.Hour)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewVerifier(Config{}).Verify(context.Background(), raw, r, noon); err != nil {
			b.Fatal(err)
		}
	}
}

// signShort signs with a key that go-jose finds too short.
func signShort(_ *testing.T, key []byte, payload string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func signCritical(_ *testing.T) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","crit":["x"],"x":1}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":99999999999}`))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
