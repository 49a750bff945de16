package entra

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/directory"
	"gatehouse/store"
)

func (w *world) assert(text string, more ...string) answer {
	w.t.Helper()
	return w.token(append([]string{"grant_type", "client_credentials", "client_id", pipelineID.String(), "scope", arm,
		"client_assertion_type", jwtBearer, "client_assertion", text}, more...)...)
}

// good are the claims of an assertion as az makes it, fractions included.
func (w *world) good() map[string]any {
	now := float64(w.clock.Now().Unix()) + 0.731
	id := pipelineID.String()
	return map[string]any{"iss": id, "sub": id, "aud": publicURL + "/" + tid + "/oauth2/v2.0/token", "exp": now + 600, "iat": now, "jti": "x"}
}

func with(m map[string]any, name string, value any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	if value == nil {
		delete(out, name)
	} else {
		out[name] = value
	}
	return out
}

func TestCertificateAssertions(t *testing.T) {
	w := newWorld(t)
	x5t, x5t256 := sha1Padded(w.leaf), sha256Padded(w.leaf)
	az := map[string]any{"alg": "RS256", "typ": "JWT", "x5t": x5t}
	now := float64(w.clock.Now().Unix())
	for _, c := range []struct {
		name   string
		key    *rsa.PrivateKey
		header map[string]any
		claims map[string]any
		code   int
	}{
		{"az: x5t padded, fractional times", w.cert, az, w.good(), 0},
		{"x5t without padding", w.cert, with(az, "x5t", strings.TrimRight(x5t, "=")), w.good(), 0},
		{"azurerm: kid is the padded SHA-1", w.cert, map[string]any{"alg": "RS256", "typ": "JWT", "kid": x5t}, w.good(), 0},
		{"MSAL Go: PS256 with x5t#S256", w.cert, map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": x5t256}, w.good(), 0},
		{"issued in the future by the client's clock", w.cert, az, with(with(w.good(), "iat", now+60), "nbf", now+60), 0},
		{"expired by less than the skew", w.cert, az, with(w.good(), "exp", now-60), 0},
		{"audience is the issuer", w.cert, az, with(w.good(), "aud", publicURL+"/"+tid+"/v2.0"), 0},
		{"audience of adfs", w.cert, az, with(w.good(), "aud", publicURL+"/adfs/oauth2/token"), 0},
		{"doubled slash in the audience", w.cert, az, with(w.good(), "aud", publicURL+"//"+tid+"/oauth2/v2.0/token"), 0},
		{"expired", w.cert, az, with(w.good(), "exp", now-3600), 700024},
		{"not yet", w.cert, az, with(w.good(), "nbf", now+3600), 700024},
		{"without expiry", w.cert, az, with(w.good(), "exp", nil), 700024},
		{"another server's audience", w.cert, az, with(w.good(), "aud", "https://login.microsoftonline.com/"+tid+"/oauth2/v2.0/token"), 700023},
		{"another path of ours", w.cert, az, with(w.good(), "aud", publicURL+"/devicelogin"), 700023},
		{"another tenant's audience", w.cert, az, with(w.good(), "aud", publicURL+"/"+guid(9).String()+"/oauth2/v2.0/token"), 700023},
		{"another subject", w.cert, az, with(w.good(), "sub", guid(9).String()), 700021},
		{"signed by a stranger", strangerKey(), az, w.good(), 700027},
		{"unregistered certificate", w.cert, with(az, "x5t", "AAAA"), w.good(), 700027},
		{"certificate not named", w.cert, map[string]any{"alg": "RS256"}, w.good(), 700027},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := w.assert(jws(t, c.key, c.header, c.claims)); a.code() != c.code || (c.code == 0) != (a.status == 200) || c.code != 0 && a.str("error") != invalidClient {
				t.Errorf("answered %d %d: %s", a.status, a.code(), a.text)
			}
		})
	}
	if a := w.token("grant_type", "client_credentials", "scope", arm, "client_assertion_type", jwtBearer, "client_assertion", jws(t, w.cert, az, w.good())); a.status != 200 {
		t.Errorf("without client_id: %s", a.text)
	}
	if a := w.token("grant_type", "client_credentials", "client_id", pipelineID.String(), "scope", arm, "client_assertion", jws(t, w.cert, az, w.good())); a.code() != 900144 {
		t.Errorf("without client_assertion_type: %s", a.text)
	}
}

// An assertion may come again until it expires: MSAL Python keeps one and sends it
// for every resource. After that it is worth nothing.
func TestAssertionReplay(t *testing.T) {
	w := newWorld(t)
	text := jws(t, w.cert, map[string]any{"alg": "RS256", "x5t": sha1Padded(w.leaf)}, w.good())
	for range 2 {
		if a := w.assert(text); a.status != 200 {
			t.Fatal(a.text)
		}
	}
	w.clock.advance(time.Hour)
	if a := w.assert(text); a.code() != 700024 {
		t.Errorf("an hour later: %s", a.text)
	}
}

func TestAssertionAlgorithms(t *testing.T) {
	w := newWorld(t)
	x5t := sha1Padded(w.leaf)
	for name, text := range forgeries(t, &w.cert.PublicKey, map[string]any{"x5t": x5t}, w.good()) {
		if a := w.assert(text); a.code() != 700027 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

func TestExpiredCertificateCredential(t *testing.T) {
	w := newWorld(t)
	w.clock.advance(366 * 24 * time.Hour)
	if a := w.assert(jws(t, w.cert, map[string]any{"alg": "RS256", "x5t": sha1Padded(w.leaf)}, w.good())); a.code() != 700027 {
		t.Errorf("answered %s", a.text)
	}
}

// fakeIssuer answers for https://issuer.test without a network.
type fakeIssuer struct {
	asked atomic.Int32
	fail  atomic.Bool
	kid   atomic.Pointer[string]
	name  string
}

func (f *fakeIssuer) RoundTrip(r *http.Request) (*http.Response, error) {
	f.asked.Add(1)
	rec := httptest.NewRecorder()
	switch {
	case f.fail.Load():
		rec.WriteHeader(500)
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		fmt.Fprintf(rec, `{"issuer":%q,"jwks_uri":"https://issuer.test/keys"}`, f.name)
	default:
		key := jose.JSONWebKey{Key: strangerKey().Public(), KeyID: *f.kid.Load(), Algorithm: "RS256", Use: "sig"}
		own, _ := json.Marshal(key)
		fmt.Fprintf(rec, `{"keys":[{"kty":"unheard-of","kid":"0"},%s]}`, own) // a kind that is not known takes no other away
	}
	return rec.Result(), nil
}

func TestFederated(t *testing.T) {
	fake := &fakeIssuer{name: "https://issuer.test/oidc"}
	kid := "k1"
	fake.kid.Store(&kid)
	w := newWorld(t, func(c *Config) { c.IssuerTransport = fake })
	now := w.clock.Now().Unix()
	header := map[string]any{"alg": "RS256", "kid": "k1"}
	good := map[string]any{"iss": "https://issuer.test/oidc", "sub": "repo:contoso/app:ref:refs/heads/main", "aud": "api://AzureADTokenExchange", "exp": now + 300, "iat": now}
	// What no credential names is refused before anything is fetched.
	for _, c := range []struct {
		field, value string
		code         int
	}{{"iss", "https://evil.test", 700211}, {"sub", "repo:contoso/app:ref:refs/heads/MAIN", 700213}, {"aud", "api://other", 700212}} {
		if a := w.assert(jws(t, strangerKey(), header, with(good, c.field, c.value))); a.code() != c.code || a.status != 401 {
			t.Errorf("%s: %d %s", c.field, a.status, a.text)
		}
	}
	if fake.asked.Load() != 0 {
		t.Error("an issuer was asked for a token that no credential fits")
	}
	if a := w.assert(jws(t, strangerKey(), header, good)); a.status != 200 || claimsOf(t, a.str("access_token"))["gatehouse_method"] != "federated" {
		t.Fatalf("answered %s", a.text)
	}
	if a := w.assert(jws(t, clientKey(), header, good)); a.code() != 700027 {
		t.Errorf("signed by another: %s", a.text)
	}
	if a := w.assert(jws(t, strangerKey(), header, with(good, "exp", now-3600))); a.code() != 700024 {
		t.Errorf("expired: %s", a.text)
	}
	if a := w.assert(jws(t, strangerKey(), with(header, "kid", "k9"), good)); a.code() != 50166 {
		t.Errorf("unknown kid: %s", a.text)
	}
	for name, text := range forgeries(t, &strangerKey().PublicKey, header, good) {
		if a := w.assert(text); a.status != 401 {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	if n := fake.asked.Load(); n != 2 {
		t.Errorf("the issuer was asked %d times, want 2: its keys are kept", n)
	}
	w.federatedAges(fake, header, good)
}

// federatedAges goes on with keys that age: served stale while the issuer is
// down, fetched again in the background, and after a day not used any more.
func (w *world) federatedAges(fake *fakeIssuer, header, good map[string]any) {
	t := w.t
	fresh := func(m map[string]any) map[string]any { return with(m, "exp", w.clock.Now().Unix()+300) }
	fake.fail.Store(true)
	w.clock.advance(2 * time.Hour)
	if a := w.assert(jws(t, strangerKey(), header, fresh(good))); a.status != 200 {
		t.Errorf("with the issuer down for a while: %s", a.text)
	}
	w.s.issuers.wait()
	w.clock.advance(25 * time.Hour)
	if a := w.assert(jws(t, strangerKey(), header, fresh(good))); a.code() != 50166 {
		t.Errorf("with the issuer down for a day: %s", a.text)
	}
	fake.fail.Store(false)
	kid := "k2"
	fake.kid.Store(&kid)
	w.clock.advance(2 * time.Minute)
	if a := w.assert(jws(t, strangerKey(), with(header, "kid", "k2"), fresh(good))); a.status != 200 {
		t.Errorf("after the issuer rotated: %s", a.text)
	}
	fake.name = "https://other.test"
	w.clock.advance(26 * time.Hour)
	if a := w.assert(jws(t, strangerKey(), with(header, "kid", "k2"), fresh(good))); a.code() != 50166 {
		t.Errorf("a configuration that names another issuer: %s", a.text)
	}
}

// A managed identity of this very server stands for an application, and the
// other way round; no network is needed.
func TestFederatedByOwnIssuer(t *testing.T) {
	w := newWorld(t)
	const exchange = "api://AzureADTokenExchange"
	fic := directory.Federated{Name: "own", Issuer: w.s.Issuer(), Subject: identitySP.String(), Audiences: []string{exchange}}
	w.put(fic.Document(pipelineApp))
	token, _, err := w.s.Issue(t.Context(), identitySP, exchange, "identity")
	if err != nil {
		t.Fatal(err)
	}
	if a := w.assert(token); a.status != 200 {
		t.Errorf("answered %s", a.text)
	}
	other, _, _ := w.s.Issue(t.Context(), identitySP, publicURL, "identity")
	if a := w.assert(other); a.code() != 700212 {
		t.Errorf("a token for ARM: %s", a.text)
	}
	// A user-assigned identity holds its credentials as ARM documents.
	body := fmt.Sprintf(`{"properties":{"issuer":%q,"subject":%q,"audiences":[%q]}}`, w.s.Issuer(), pipelineSP, exchange)
	w.put(&store.Document{ID: identityRes.Child("federatedIdentityCredentials", "x"), Type: directory.IdentityFederatedType, Body: []byte(body)}, nil)
	token, _, _ = w.s.Issue(t.Context(), pipelineSP, exchange, "cli")
	a := w.token("grant_type", "client_credentials", "client_id", identityID.String(), "scope", arm, "client_assertion_type", jwtBearer, "client_assertion", token)
	if a.status != 200 || claimsOf(t, a.str("access_token"))["xms_mirid"] != identityRes.String() {
		t.Errorf("as the identity: %s", a.text)
	}
	w.drop(directory.ServicePrincipalID(pipelineSP))
	a = w.token("grant_type", "client_credentials", "client_id", identityID.String(), "scope", arm, "client_assertion_type", jwtBearer, "client_assertion", token)
	if a.status != 401 {
		t.Errorf("after its subject was deleted: %s", a.text)
	}
}

func TestIssuerAddresses(t *testing.T) {
	for _, c := range []struct {
		address           string
		private, loopback bool
		ok                bool
	}{
		{"93.184.216.34:443", false, false, true}, {"127.0.0.1:443", false, false, false}, {"127.0.0.1:443", false, true, true},
		{"[::1]:443", false, false, false}, {"[::ffff:127.0.0.1]:443", false, false, false}, {"10.1.2.3:443", false, false, false},
		{"10.1.2.3:443", true, false, true}, {"169.254.169.254:80", true, true, false}, {"[fe80::1]:443", true, true, false},
		{"0.0.0.0:443", true, true, false}, {"[fd00::1]:443", false, false, false}, {"100.64.1.1:443", false, false, false}, {"224.0.0.1:443", true, true, false},
	} {
		if err := mayDial(c.address, c.private, c.loopback); (err == nil) != c.ok {
			t.Errorf("mayDial(%s, %v, %v) = %v", c.address, c.private, c.loopback, err)
		}
	}
}

// The real transport: a redirect and a plain address are refused, a loopback
// issuer works when that is configured.
func TestIssuerTransport(t *testing.T) {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL+"/good", server.URL+"/keys")
		case "/away/.well-known/openid-configuration":
			http.Redirect(w, r, "/good/.well-known/openid-configuration", http.StatusFound)
		case "/keys":
			json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: strangerKey().Public(), KeyID: "k"}}})
		}
	}))
	defer server.Close()
	now := time.Now()
	open := newIssuers(Config{AllowLoopbackIssuers: true})
	if _, err := open.key(t.Context(), server.URL+"/good", "k", now); err != nil {
		t.Error(err)
	}
	if _, err := open.key(t.Context(), server.URL+"/away", "k", now); err == nil {
		t.Error("a redirect was followed")
	}
	shut := newIssuers(Config{})
	if _, err := shut.key(t.Context(), server.URL+"/good", "k", now); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("plain http: %v", err)
	}
	if _, err := shut.key(t.Context(), strings.Replace(server.URL, "http:", "https:", 1)+"/good", "k", now); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("loopback: %v", err)
	}
}
