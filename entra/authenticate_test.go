package entra

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/directory"
)

// forgeries are tokens that only a verifier with a known mistake takes: no
// signature, and the public key used as an HMAC secret.
func forgeries(t testing.TB, public *rsa.PublicKey, header, claims map[string]any) map[string]string {
	t.Helper()
	out := map[string]string{}
	c, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding
	input := func(alg string) string {
		h, _ := json.Marshal(with(header, "alg", alg))
		return b64.EncodeToString(h) + "." + b64.EncodeToString(c)
	}
	for _, alg := range []string{"none", "None", ""} {
		out["alg "+alg] = input(alg) + "."
		out["alg "+alg+" with a signature"] = input(alg) + ".AAAA"
	}
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"DER": pkix, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}), "modulus": public.N.Bytes(), "PKCS1": x509.MarshalPKCS1PublicKey(public),
	} {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input("HS256")))
		out["HS256 with the public key as "+name] = input("HS256") + "." + b64.EncodeToString(mac.Sum(nil))
	}
	return out
}

func (w *world) claims(oid gatehouse.GUID) map[string]any {
	now := w.clock.Now().Unix()
	return map[string]any{"iss": w.s.Issuer(), "aud": publicURL, "tid": tid, "oid": oid.String(), "sub": oid.String(), "idtyp": "app",
		"appid": pipelineID.String(), "iat": now, "nbf": now, "exp": now + 3600, "ver": "1.0", "uti": "x"}
}

func TestAuthenticate(t *testing.T) {
	w := newWorld(t)
	kid := w.s.keys.set.Load().keys[0].kid
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": kid}
	now, good := w.clock.Now().Unix(), w.claims(pipelineSP)
	for _, c := range []struct {
		name string
		text string
		code string
	}{
		{"good", jws(t, sharedKey(), header, good), ""},
		{"audience with a slash and capitals", jws(t, sharedKey(), header, with(good, "aud", "https://Gatehouse.test:8443/")), ""},
		{"expired within the skew", jws(t, sharedKey(), header, with(good, "exp", now-5)), ""},
		{"missing", "", AuthenticationFailed},
		{"garbage", "abc", InvalidToken},
		{"too long", strings.Repeat("x", tokenMax+1), InvalidToken},
		{"expired", jws(t, sharedKey(), header, with(good, "exp", now-60)), ExpiredToken},
		{"without expiry", jws(t, sharedKey(), header, with(good, "exp", nil)), InvalidToken},
		{"not yet", jws(t, sharedKey(), header, with(good, "nbf", now+600)), InvalidToken},
		{"wrong issuer", jws(t, sharedKey(), header, with(good, "iss", "https://sts.windows.net/x/")), InvalidTokenTenant},
		{"wrong tenant", jws(t, sharedKey(), header, with(good, "tid", guid(9).String())), InvalidTokenTenant},
		{"wrong audience", jws(t, sharedKey(), header, with(good, "aud", "https://graph.microsoft.com")), InvalidTokenAudience},
		{"no audience", jws(t, sharedKey(), header, with(good, "aud", nil)), InvalidTokenAudience},
		{"audience is a prefix", jws(t, sharedKey(), header, with(good, "aud", publicURL+"1")), InvalidTokenAudience},
		{"unknown kid", jws(t, sharedKey(), with(header, "kid", "other"), good), InvalidToken},
		{"no kid", jws(t, sharedKey(), with(header, "kid", nil), good), InvalidToken},
		{"another key", jws(t, strangerKey(), header, good), InvalidToken},
		{"PS256 under our key", jws(t, sharedKey(), with(header, "alg", "PS256"), good), InvalidToken},
		{"unknown principal", jws(t, sharedKey(), header, with(good, "oid", guid(200).String())), InvalidToken},
		{"no principal", jws(t, sharedKey(), header, with(good, "oid", nil)), InvalidToken},
		{"a user said to be an application", jws(t, sharedKey(), header, with(good, "oid", ada.String())), InvalidToken},
		{"disabled user", jws(t, sharedKey(), header, with(with(good, "oid", offUser.String()), "idtyp", "user")), InvalidToken},
		{"neither user nor application", jws(t, sharedKey(), header, with(good, "idtyp", nil)), InvalidToken},
		{"changed payload", tamper(jws(t, sharedKey(), header, good)), InvalidToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // the second time from the cache
				caller, err := w.s.Authenticate(t.Context(), c.text, w.s.ARMAudiences()...)
				if gatehouse.CodeOf(err) != c.code || (err == nil) != (c.code == "") || (caller == nil) != (err != nil) {
					t.Fatalf("Authenticate = %v, %v", caller, err)
				}
				if err != nil && gatehouse.KindOf(err) != gatehouse.Unauthenticated {
					t.Errorf("kind %v", gatehouse.KindOf(err))
				}
			}
		})
	}
	for name, text := range forgeries(t, &sharedKey().PublicKey, header, good) {
		if _, err := w.s.Authenticate(t.Context(), text, publicURL); gatehouse.CodeOf(err) != InvalidToken {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.s.Authenticate(t.Context(), jws(t, sharedKey(), header, good)); gatehouse.CodeOf(err) != InvalidTokenAudience {
		t.Errorf("no audience allowed: %v", err)
	}
}

func tamper(token string) string {
	parts := strings.Split(token, ".")
	b, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(b), pipelineSP.String(), ada.String(), 1)))
	return strings.Join(parts, ".")
}

// A principal that is deleted or disabled, or whose sessions were ended, is out
// with the acknowledgement of the write, cached token or not.
func TestAuthenticateFollowsTheDirectory(t *testing.T) {
	w := newWorld(t)
	check := func(token, want string) {
		t.Helper()
		if _, err := w.s.Authenticate(t.Context(), token, publicURL); gatehouse.CodeOf(err) != want {
			t.Errorf("Authenticate = %v, want %q", err, want)
		}
	}
	user, _, err := w.s.Issue(t.Context(), ada, publicURL, "cli")
	if err != nil {
		t.Fatal(err)
	}
	app, _, _ := w.s.Issue(t.Context(), pipelineSP, publicURL, "cli")
	check(user, "")
	check(app, "")
	w.setUser(ada, func(u map[string]any) { u["accountEnabled"] = false })
	check(user, InvalidToken)
	w.setUser(ada, func(u map[string]any) { u["accountEnabled"] = true })
	check(user, "")
	w.clock.advance(time.Minute)
	w.setUser(ada, func(u map[string]any) {
		u["signInSessionsValidFromDateTime"] = w.clock.Now().Format(time.RFC3339)
	})
	check(user, InvalidToken)
	fresh, _, _ := w.s.Issue(t.Context(), ada, publicURL, "cli")
	check(fresh, "")
	// Removing a secret ends nothing; removing the service principal ends everything.
	application, d, err := directory.ReadApplication(t.Context(), w.store, pipelineApp)
	if err != nil {
		t.Fatal(err)
	}
	application.PasswordCredentials = nil
	d.Body, _ = json.Marshal(application)
	d.Secret = nil
	w.put(d, nil)
	check(app, "")
	w.drop(directory.ServicePrincipalID(pipelineSP))
	check(app, InvalidToken)
}

func TestCaller(t *testing.T) {
	w := newWorld(t)
	a := w.signInAda(arm)
	c, err := w.s.Authenticate(t.Context(), a.str("access_token"), publicURL)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != ada || c.Type != gatehouse.User || c.Name != "Ada@contoso.test" || c.AppID != azureCLI.ID.String() || c.Method != "pwd" || c.TokenID == "" || len(c.Scopes) == 0 {
		t.Errorf("caller %+v", c)
	}
	c.Name = "changed"
	if again, _ := w.s.Authenticate(t.Context(), a.str("access_token"), publicURL); again.Name != "Ada@contoso.test" {
		t.Error("a caller is shared between requests")
	}
}

func TestChallenge(t *testing.T) {
	w := newWorld(t)
	_, err := w.s.Authenticate(t.Context(), "", publicURL)
	got := w.s.Challenge(err)
	if !strings.HasPrefix(got, `Bearer authorization_uri="`+publicURL+"/"+tid+`", error="invalid_token"`) {
		t.Error(got)
	}
	for header, want := range map[string]string{"Bearer abc": "abc", "bearer  abc ": "abc", "Basic abc": "", "": "", "Bearer": ""} {
		if got := Bearer(header); got != want {
			t.Errorf("Bearer(%q) = %q", header, got)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	kids := func() (all []string) {
		for _, k := range w.s.keys.set.Load().keys {
			all = append(all, k.kid)
		}
		return all
	}
	old, _, _ := w.s.Issue(ctx, pipelineSP, publicURL, "cli")
	first := kids()
	w.clock.advance(28 * 24 * time.Hour) // within the notice of the next key
	if err := w.s.keys.rotate(ctx, false); err != nil {
		t.Fatal(err)
	}
	both := kids()
	if len(both) != 2 || both[0] != first[0] {
		t.Fatalf("keys %v", both)
	}
	current, _ := w.s.keys.current(ctx)
	if current.kid != first[0] {
		t.Error("the next key signs before it was published long enough")
	}
	before, _, _ := w.s.Issue(ctx, pipelineSP, publicURL, "cli")
	w.clock.advance(3 * 24 * time.Hour)
	if current, _ = w.s.keys.current(ctx); current.kid != both[1] {
		t.Error("the next key does not sign in its time")
	}
	after, _, _ := w.s.Issue(ctx, pipelineSP, publicURL, "cli")
	if err := w.s.keys.rotate(ctx, false); err != nil || len(kids()) != 2 {
		t.Fatalf("%v, keys %v", err, kids())
	}
	if _, err := w.s.Authenticate(ctx, after, publicURL); err != nil {
		t.Error(err)
	}
	if _, err := w.s.Authenticate(ctx, old, publicURL); gatehouse.CodeOf(err) != ExpiredToken {
		t.Error(err)
	}
	w.clock.advance(2 * 24 * time.Hour)
	if err := w.s.keys.rotate(ctx, false); err != nil || len(kids()) != 1 {
		t.Errorf("the old key was not retired: %v, keys %v", err, kids())
	}
	if before == after {
		t.Error("tokens are equal")
	}
	// A server that starts later reads the same keys.
	again, err := openKeyring(ctx, w.s.cfg)
	if err != nil || again.set.Load().keys[0].kid != kids()[0] {
		t.Errorf("reopened: %v", err)
	}
	if jwks := w.get("/" + tid + "/discovery/v2.0/keys"); strings.Contains(jwks.text, `"d"`) || !strings.Contains(jwks.text, kids()[0]) {
		t.Error("the key set is not right: " + jwks.text)
	}
}

// A token signed at the end of a key's life verifies until it expires.
func TestKeyOverlap(t *testing.T) {
	w := newWorld(t)
	w.clock.advance(30*24*time.Hour - 62*time.Minute)
	if err := w.s.keys.rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	start := w.s.keys.set.Load().keys[1].start
	w.clock.advance(start.Sub(w.clock.Now()) - time.Second)
	token, _, _ := w.s.Issue(t.Context(), pipelineSP, publicURL, "cli")
	w.clock.advance(74 * time.Minute)
	if err := w.s.keys.rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Authenticate(t.Context(), token, publicURL); err != nil {
		t.Error(err)
	}
}

func TestFirstStartMakesAKey(t *testing.T) {
	w := newWorld(t)
	w.drop(w.s.keys.set.Load().keys[0].id)
	began := time.Now()
	s, err := New(w.s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if d := time.Since(began); d > time.Second { // making a key in it would often take longer
		t.Errorf("New took %v", d)
	}
	var group sync.WaitGroup
	for range 8 { // all wait for the same key
		group.Go(func() {
			if _, _, err := s.Issue(t.Context(), pipelineSP, publicURL, "cli"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(s.keys.set.Load().keys); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func TestConcurrency(t *testing.T) {
	w := newWorld(t)
	refresh := w.signInAda(arm + " offline_access").str("refresh_token")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 5 {
				a := w.token("grant_type", "client_credentials", "client_id", pipelineID.String(), "client_secret", w.secret, "scope", arm)
				if _, err := w.s.Authenticate(t.Context(), a.str("access_token"), publicURL); err != nil {
					t.Error(err)
				}
			}
			if a := w.token("grant_type", "refresh_token", "client_id", azureCLI.ID.String(), "refresh_token", refresh); a.status != 200 {
				t.Errorf("refresh %d: %s", i, a.text)
			}
		})
	}
	group.Wait()
}

func TestTokenCacheIsBounded(t *testing.T) {
	c := newTokenCache(100)
	for i := range 1000 {
		c.put(sha256.Sum256(fmt.Append(nil, i)), &verified{})
	}
	if n := len(c.now) + len(c.old); n > 100 {
		t.Errorf("%d entries", n)
	}
	if _, ok := c.get(sha256.Sum256(fmt.Append(nil, 999))); !ok {
		t.Error("the newest is gone")
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	w := newWorld(b)
	token, _, err := w.s.Issue(b.Context(), pipelineSP, publicURL, "cli")
	if err != nil {
		b.Fatal(err)
	}
	audiences := w.s.ARMAudiences()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.s.Authenticate(b.Context(), token, audiences...); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRotateKeysNow(t *testing.T) {
	w := newWorld(t)
	before, _, err := w.s.Issue(t.Context(), pipelineSP, publicURL, "cli")
	if err != nil {
		t.Fatal(err)
	}
	first := w.s.keys.set.Load().keys[0].kid
	if err := w.s.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.s.keys.set.Load().keys); n != 2 {
		t.Fatalf("%d keys", n)
	}
	if key, _ := w.s.keys.current(t.Context()); key.kid != first {
		t.Error("the new key signs at once: whoever has the old key set refuses its tokens")
	}
	if _, err := w.s.Authenticate(t.Context(), before, publicURL); err != nil {
		t.Error(err)
	}
	w.clock.advance(keyNotice)
	if key, _ := w.s.keys.current(t.Context()); key.kid == first {
		t.Error("the new key never signs")
	}
}

func FuzzAuthenticate(f *testing.F) {
	w := newWorld(f)
	kid := w.s.keys.set.Load().keys[0].kid
	good := jws(f, sharedKey(), map[string]any{"alg": "RS256", "kid": kid}, w.claims(pipelineSP))
	f.Add(good)
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := w.s.Authenticate(t.Context(), text, publicURL); err == nil && text != good {
			t.Errorf("%q was taken for a token of %v", text, c.ID)
		}
		if a, err := parseAssertion(text); err == nil && len(a.token.Headers) != 1 {
			t.Errorf("%q has %d headers", text, len(a.token.Headers))
		}
	})
}

// Whatever is said to be a redirect URI of az is on this very machine.
func FuzzRedirect(f *testing.F) {
	for _, uri := range []string{"http://localhost", "http://localhost:1/x", "http://127.0.0.1:8400", "http://[::1]:1", "http://localhost@evil", "http://localhost\\@evil", "https://localhost", "http://localhost:1#x"} {
		f.Add(uri)
	}
	c := &client{id: azureCLI.ID, known: &azureCLI}
	f.Fuzz(func(t *testing.T, uri string) {
		if c.redirect(uri) == unregistered {
			return
		}
		rest, ok := strings.CutPrefix(strings.ToLower(uri), "http://")
		host, _, _ := strings.Cut(rest, "/")
		host = strings.TrimRight(strings.TrimRight(host, "0123456789"), ":")
		if !ok || host != "localhost" && host != "127.0.0.1" && host != "[::1]" && uri != "http://127.0.0.1" && uri != "http://[::1]" {
			t.Errorf("%q is a redirect URI of az", uri)
		}
	})
}

func BenchmarkOwns(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		w.s.Owns("/subscriptions/00000000-0000-4000-8000-0000000000aa/resourceGroups/rg/providers/Microsoft.ApiManagement/service/x")
	}
}

func BenchmarkClientSecret(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		if a := w.token("grant_type", "client_credentials", "client_id", pipelineID.String(), "client_secret", w.secret, "scope", arm); a.status != 200 {
			b.Fatal(a.text)
		}
	}
}

// After a key leaked, no token of before is good, also one that was verified already.
func TestRevokeKeys(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.s.Issue(t.Context(), pipelineSP, publicURL, "cli")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Authenticate(t.Context(), token, publicURL); err != nil {
		t.Fatal(err)
	}
	if err := w.s.RevokeKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Authenticate(t.Context(), token, publicURL); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
		t.Errorf("a revoked token: %v", err)
	}
	again, err := New(w.s.cfg) // what is stored is what counts
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Authenticate(t.Context(), token, publicURL); err == nil {
		t.Error("a restart brought a revoked key back")
	}
	fresh, _, err := again.Issue(t.Context(), pipelineSP, publicURL, "cli")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Authenticate(t.Context(), fresh, publicURL); err != nil {
		t.Errorf("a token of the new key: %v", err)
	}
}
