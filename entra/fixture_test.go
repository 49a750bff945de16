package entra

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/entra/password"
	"gatehouse/store"
	"gatehouse/store/sqlite/sqlitetest"
)

const (
	publicURL = "https://gatehouse.test:8443"
	tid       = "7e0a7e0a-0000-4000-8000-000000000001"
	goodWord  = "Correct horse 1"
)

func guid(n byte) gatehouse.GUID {
	g := gatehouse.MustGUID("00000000-0000-4000-8000-000000000000")
	g[15] = n
	return g
}

var (
	ada, offUser, forced            = guid(1), guid(2), guid(3)
	pipelineApp, pipelineSP         = guid(10), guid(11)
	pipelineID                      = guid(12)
	webID, spaID, nativeID, apiID   = guid(22), guid(32), guid(42), guid(52)
	orphanID, disabledID            = guid(62), guid(72)
	identitySP, identityID, otherMI = guid(81), guid(82), guid(84)
	identityRes                     = gatehouse.MustID("/subscriptions/00000000-0000-4000-8000-0000000000aa/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/build")
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a server over a small directory in a real store.
type world struct {
	t      testing.TB
	s      *Server
	store  *store.Store
	dir    *directory.Index
	clock  *clock
	log    *syncBuffer
	secret string // of the pipeline
	cert   *rsa.PrivateKey
	leaf   *x509.Certificate
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Keys and hashes are dear to make, so the tests share them.
var (
	sharedKey   = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	clientKey   = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	strangerKey = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	sharedHash  = sync.OnceValue(func() string { h, _ := password.New().Hash(context.Background(), goodWord); return h })
)

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	c := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	st := sqlitetest.Open(t, store.Options{Clock: c.Now})
	w := &world{t: t, store: st, clock: c, log: &syncBuffer{}, cert: clientKey()}
	w.seed()
	dir, err := directory.NewIndex(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	w.dir = dir
	cfg := Config{Store: st, Directory: dir, Tenant: gatehouse.MustGUID(tid), PublicURL: publicURL, Domains: []string{"contoso.test"},
		Name: "Contoso", Clock: c.Now, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, f := range change {
		f(&cfg)
	}
	if w.s, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.s.Close)
	return w
}

func (w *world) put(d *store.Document, err error) {
	w.t.Helper()
	if err == nil {
		_, err = w.store.Write(context.Background(), system("test/write", "/"), func(tx *store.Tx) error { return tx.Put(d) })
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) drop(id gatehouse.ID) {
	w.t.Helper()
	_, err := w.store.Write(context.Background(), system("test/delete", "/"), func(tx *store.Tx) error {
		_, err := tx.Delete(id.Scope())
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) seed() {
	key := &signingKey{id: gatehouse.ID{}.Extension("Microsoft.Gatehouse", "signingKeys", guid(99).String()), start: w.clock.Now().Add(-time.Hour)}
	if err := key.use(sharedKey()); err != nil {
		w.t.Fatal(err)
	}
	w.put(key.document())
	for _, u := range []directory.User{
		{ID: ada, UserPrincipalName: "Ada@contoso.test", DisplayName: "Ada Lovelace", AccountEnabled: true},
		{ID: offUser, UserPrincipalName: "off@contoso.test", DisplayName: "Off"},
		{ID: forced, UserPrincipalName: "new@contoso.test", DisplayName: "New", AccountEnabled: true, PasswordProfile: directory.PasswordProfile{ForceChange: true}},
	} {
		w.put(u.Document(directory.Secrets{PasswordHash: sharedHash()}))
	}
	w.seedPipeline()
	for _, a := range []directory.Application{
		{ID: guid(20), AppID: webID, DisplayName: "Web", Web: directory.RedirectURIs{RedirectURIs: []string{"https://web.test/cb", "https://web.test/cb?x=1"}}},
		{ID: guid(30), AppID: spaID, DisplayName: "Browser", SPA: directory.RedirectURIs{RedirectURIs: []string{"https://spa.test/app"}}},
		{ID: guid(40), AppID: nativeID, DisplayName: "Native", PublicClient: directory.RedirectURIs{RedirectURIs: []string{"http://localhost/back", "msal42://auth"}}},
		{ID: guid(50), AppID: apiID, DisplayName: "API", IdentifierURIs: []string{"api://orders"}, API: directory.API{TokenVersion: 2}},
		{ID: guid(60), AppID: orphanID, DisplayName: "Orphan"},
		{ID: guid(70), AppID: disabledID, DisplayName: "Disabled"},
	} {
		w.put(a.Document(directory.Secrets{}))
		if a.AppID == orphanID {
			continue
		}
		enabled := a.AppID != disabledID
		sp := directory.ServicePrincipal{ID: guid(a.ID[15] + 1), AppID: a.AppID, DisplayName: a.DisplayName, Type: directory.KindApplication, AccountEnabled: &enabled}
		w.put(sp.Document(directory.Secrets{}))
	}
	mi := directory.ServicePrincipal{ID: identitySP, AppID: identityID, DisplayName: "build", Type: directory.KindManagedIdentity, AlternativeNames: []string{"isExplicit=True", identityRes.String()}}
	w.put(mi.Document(directory.Secrets{}))
	other := directory.ServicePrincipal{ID: guid(83), AppID: otherMI, DisplayName: "deploy", Type: directory.KindManagedIdentity, AlternativeNames: []string{identityRes.Parent().Extension("Microsoft.ManagedIdentity", "userAssignedIdentities", "deploy").String()}}
	w.put(other.Document(directory.Secrets{}))
}

func (w *world) seedPipeline() {
	now := w.clock.Now()
	w.leaf = certificate(w.t, w.cert, now)
	app := directory.Application{ID: pipelineApp, AppID: pipelineID, DisplayName: "Pipeline", KeyCredentials: []directory.KeyCredential{directory.NewKeyCredential(w.leaf, "")}}
	var secrets directory.Secrets
	good, text, hash := directory.NewClientSecret("good", now, now.Add(30*24*time.Hour))
	secrets.Add(good.KeyID, hash)
	old, _, _ := directory.NewClientSecret("old", now.Add(-2*time.Hour), now.Add(-time.Hour))
	secrets.Add(old.KeyID, directory.HashClientSecret(old.KeyID, "old-secret"))
	app.PasswordCredentials = []directory.PasswordCredential{good, old}
	w.secret = text
	w.put(app.Document(secrets))
	sp := directory.ServicePrincipal{ID: pipelineSP, AppID: pipelineID, DisplayName: "Pipeline", Type: directory.KindApplication}
	w.put(sp.Document(directory.Secrets{}))
	fic := directory.Federated{Name: "github", Issuer: "https://issuer.test/oidc", Subject: "repo:contoso/app:ref:refs/heads/main", Audiences: []string{"api://AzureADTokenExchange"}}
	w.put(fic.Document(pipelineApp))
}

func certificate(t testing.TB, key *rsa.PrivateKey, now time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pipeline"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// answer is a response of the server, decoded when it is JSON.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (a answer) str(name string) string { s, _ := a.json[name].(string); return s }

// code returns the AADSTS number, 0 for none.
func (a answer) code() int {
	list, _ := a.json["error_codes"].([]any)
	if len(list) != 1 {
		return 0
	}
	n, _ := list[0].(float64)
	return int(n)
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.s.Handler().ServeHTTP(rec, r)
	a := answer{status: rec.Code, header: rec.Header(), text: rec.Body.String()}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
		_ = json.Unmarshal(rec.Body.Bytes(), &a.json) // lists stay undecoded
	}
	return a
}

func (w *world) get(path string) answer {
	w.t.Helper()
	return w.do(httptest.NewRequest("GET", publicURL+path, nil))
}

func postForm(path string, fields ...string) *http.Request {
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequest("POST", publicURL+path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (w *world) token(fields ...string) answer {
	w.t.Helper()
	return w.do(postForm("/"+tid+"/oauth2/v2.0/token", fields...))
}

// claimsOf reads a token without checking it.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// jws signs by hand, so that tests can make what no library would.
func jws(t testing.TB, key *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	input := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	sum := sha256.Sum256([]byte(input))
	var sig []byte
	var err error
	if header["alg"] == "PS256" {
		sig, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		sig, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func sha1Padded(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return base64.URLEncoding.EncodeToString(sum[:])
}

func sha256Padded(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.URLEncoding.EncodeToString(sum[:])
}

// signIns returns the notes of the recorded sign-ins, oldest first.
func (w *world) signIns() (notes []string) {
	w.t.Helper()
	seq, err := w.store.Changes(context.Background(), store.ChangeQuery{})
	if err != nil {
		w.t.Fatal(err)
	}
	for c, err := range seq {
		if err != nil {
			w.t.Fatal(err)
		}
		if c.Kind == gatehouse.SignIn {
			notes = append(notes, c.Cause.Caller.Method+" "+c.Note)
		}
	}
	return notes
}

// setUser edits a user's body.
func (w *world) setUser(oid gatehouse.GUID, edit func(map[string]any)) {
	w.t.Helper()
	_, d, err := directory.ReadUser(context.Background(), w.store, oid)
	if err != nil {
		w.t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(d.Body, &body); err != nil {
		w.t.Fatal(err)
	}
	edit(body)
	d.Body, _ = json.Marshal(body)
	w.put(d, nil)
}
