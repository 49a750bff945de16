package foreign

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/gateway/config"
	"gatehouse/store"
	"gatehouse/store/sqlite/sqlitetest"
)

const (
	build    = "https://build.test/oidc"
	tenant   = "https://login.test/9e0a7e0a-0000-4000-8000-000000000001/v2.0"
	tid      = "9e0a7e0a-0000-4000-8000-000000000001"
	own      = "https://gatehouse.test/tenant/v2.0"
	orders   = "api://orders"
	mainline = "repo:contoso/app:ref:refs/heads/main"
)

func guid(n byte) gatehouse.GUID {
	g := gatehouse.MustGUID("00000000-0000-4000-8000-000000000000")
	g[15] = n
	return g
}

var (
	ada, bob, off                = guid(1), guid(2), guid(3)
	robotApp, robotID, robotSP   = guid(10), guid(11), guid(12)
	otherApp, otherID, otherSP   = guid(20), guid(21), guid(22)
	identitySP, identityClientID = guid(31), guid(32)
	identity                     = gatehouse.MustID("/subscriptions/00000000-0000-4000-8000-0000000000aa/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/build")
	noon                         = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

// issuers is the network: identity providers that publish keys, all under the same kid.
type issuers struct {
	keys map[string]*ecdsa.PrivateKey
	down atomic.Bool
	lies map[string]string // issuer -> what its configuration says instead
}

func (n *issuers) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.down.Load() {
		return nil, errors.New("no route to 10.0.0.7")
	}
	at, rest := strings.CutSuffix(r.URL.String(), "/.well-known/openid-configuration")
	var body any
	if rest {
		name := at
		if lie := n.lies[at]; lie != "" {
			name = lie
		}
		body = map[string]any{"issuer": name, "jwks_uri": at + "/keys"}
	} else if at, rest = strings.CutSuffix(at, "/keys"); rest && n.keys[at] != nil {
		raw, _ := n.keys[at].PublicKey.Bytes()
		e := base64.RawURLEncoding.EncodeToString
		body = map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one", "x": e(raw[1:33]), "y": e(raw[33:])}}}
	}
	text, _ := json.Marshal(body)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(text))), Request: r}, nil
}

// sign makes a token.
func (n *issuers) sign(t testing.TB, by string, claims map[string]any) string {
	head, payload := part(map[string]any{"alg": "ES256", "kid": "one", "typ": "JWT"}), part(claims)
	sum := sha256.Sum256([]byte(head + "." + payload))
	r, s, err := ecdsa.Sign(rand.Reader, n.keys[by], sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return head + "." + payload + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func part(v any) string {
	b, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b)
}

type world struct {
	*Authority
	t     *testing.T
	net   *issuers
	store *store.Store
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, net: &issuers{keys: map[string]*ecdsa.PrivateKey{}, lies: map[string]string{}}}
	for _, name := range []string{build, tenant, own, "https://evil.test"} {
		w.net.keys[name], _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	clock := func() time.Time { return noon }
	w.store = sqlitetest.Open(t, store.Options{Clock: clock})
	for _, u := range []directory.User{{ID: ada, UserPrincipalName: "ada@contoso.test", AccountEnabled: true}, {ID: bob, UserPrincipalName: "bob@contoso.test", AccountEnabled: true}, {ID: off, UserPrincipalName: "off@contoso.test"}} {
		w.put(u.Document(directory.Secrets{}))
	}
	for _, a := range [][3]gatehouse.GUID{{robotApp, robotID, robotSP}, {otherApp, otherID, otherSP}} {
		w.put((&directory.Application{ID: a[0], AppID: a[1], DisplayName: "app"}).Document(directory.Secrets{}))
		w.put((&directory.ServicePrincipal{ID: a[2], AppID: a[1], DisplayName: "app", Type: directory.KindApplication}).Document(directory.Secrets{}))
	}
	w.put((&directory.ServicePrincipal{ID: identitySP, AppID: identityClientID, DisplayName: "build", Type: directory.KindManagedIdentity, AlternativeNames: []string{"isExplicit=True", identity.String()}}).Document(directory.Secrets{}))
	index, err := directory.NewIndex(t.Context(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	w.Authority = New(Config{Store: w.store, Directory: index, Client: &http.Client{Transport: w.net}, Own: own, Clock: clock})
	return w
}

func (w *world) put(d *store.Document, err error) {
	w.t.Helper()
	w.write(err, func(tx *store.Tx) error { return tx.Put(d) })
}

func (w *world) drop(id gatehouse.ID) {
	w.t.Helper()
	w.write(nil, func(tx *store.Tx) error { _, err := tx.Delete(id.Scope()); return err })
}

func (w *world) write(err error, f func(tx *store.Tx) error) {
	w.t.Helper()
	if err == nil {
		_, err = w.store.Write(context.Background(), gatehouse.Cause{Caller: gatehouse.Caller{Type: gatehouse.SystemDefined, Name: "test"}, Action: "test/write", Scope: "/"}, f)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// link gives an application a federated identity credential.
func (w *world) link(app gatehouse.GUID, issuer, subject, audience string) (unlink func()) {
	w.t.Helper()
	name := fmt.Sprint("c", time.Now().UnixNano())
	w.put((&directory.Federated{Name: name, Issuer: issuer, Subject: subject, Audiences: []string{audience}}).Document(app))
	return func() { w.drop(directory.FederatedID(app, name)) }
}

func with(claims map[string]any, changes ...any) map[string]any {
	out := maps.Clone(claims)
	for i := 0; i < len(changes); i += 2 {
		if out[changes[i].(string)] = changes[i+1]; changes[i+1] == nil {
			delete(out, changes[i].(string))
		}
	}
	return out
}

var (
	good       = map[string]any{"iss": build, "sub": mainline, "aud": orders, "iat": noon.Unix(), "exp": noon.Unix() + 600, "jti": "j1"}
	person     = map[string]any{"iss": tenant, "sub": "pairwise", "aud": orders, "iat": noon.Unix(), "exp": noon.Unix() + 600, "tid": tid, "oid": ada.String(), "idtyp": "user"}
	ofBuild    = config.Issuer{Issuer: build, Audiences: []string{orders}, Credentials: true}
	ofTenant   = config.Issuer{Issuer: tenant, Audiences: []string{orders}, Tenant: tid, Claim: "oid"}
	everything = []config.Issuer{ofBuild, ofTenant}
)

// is shows whom a token stands for; the zero ID for nobody.
func (w *world) is(what string, want gatehouse.GUID, raw string, issuers ...config.Issuer) *gatehouse.Caller {
	w.t.Helper()
	c, err := w.Caller(w.t.Context(), raw, issuers)
	switch {
	case want.IsZero() && (c != nil || gatehouse.KindOf(err) != gatehouse.Unauthenticated):
		w.t.Errorf("%s: %+v %v, want nobody", what, c, err)
	case !want.IsZero() && (err != nil || c.ID != want):
		w.t.Errorf("%s: %+v %v, want %s", what, c, err, want)
	}
	return c
}

// TestCredential: a token stands for whoever holds a federated identity credential of exactly its issuer, subject and audience,
// as long as that is there.
func TestCredential(t *testing.T) {
	w := newWorld(t)
	token := w.net.sign(t, build, good)
	var nobody gatehouse.GUID
	w.is("nobody holds a credential", nobody, token, everything...)
	unlink := w.link(robotApp, build, mainline, orders)
	c := w.is("the holder", robotSP, token, everything...)
	if c == nil || c.Type != gatehouse.ServicePrincipal || c.AppID != robotID.String() || c.Issuer != build || c.Method != ByCredential || c.TokenID != "j1" || !c.ExpiresAt.Equal(noon.Add(10*time.Minute)) {
		t.Errorf("%+v", c)
	}
	w.is("an audience among several", robotSP, w.net.sign(t, build, with(good, "aud", []string{"x", orders})), everything...)

	none := token[:strings.LastIndexByte(token, '.')+1]
	unsigned := part(map[string]any{"alg": "none"}) + "." + part(good) + "."
	raw, _ := w.net.keys[build].PublicKey.Bytes()
	mac := hmac.New(sha256.New, raw)
	head := part(map[string]any{"alg": "HS256", "kid": "one"}) + "." + part(good)
	mac.Write([]byte(head))
	for what, lie := range map[string]string{
		"no signature":                              none,
		"alg none":                                  unsigned,
		"the public key as a secret":                head + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"another issuer's key of the same kid":      w.net.sign(t, "https://evil.test", good),
		"another issuer that is taken signs for it": w.net.sign(t, tenant, good),
		"an issuer that is not taken":               w.net.sign(t, "https://evil.test", with(good, "iss", "https://evil.test")),
		"this server's own issuer":                  w.net.sign(t, own, with(good, "iss", own)),
		"the issuer in other case":                  w.net.sign(t, build, with(good, "iss", "https://BUILD.test/oidc")),
		"the issuer with a slash":                   w.net.sign(t, build, with(good, "iss", build+"/")),
		"two issuers":                               w.net.sign(t, build, with(good, "iss", []string{build, tenant})),
		"the subject in other case":                 w.net.sign(t, build, with(good, "sub", strings.ToUpper(mainline))),
		"the subject with a space":                  w.net.sign(t, build, with(good, "sub", mainline+" ")),
		"another subject":                           w.net.sign(t, build, with(good, "sub", "repo:contoso/app:pull_request")),
		"subjects":                                  w.net.sign(t, build, with(good, "sub", []string{mainline})),
		"no subject":                                w.net.sign(t, build, with(good, "sub", nil)),
		"another audience":                          w.net.sign(t, build, with(good, "aud", "api://AzureADTokenExchange")),
		"the audience in other case":                w.net.sign(t, build, with(good, "aud", "API://orders")),
		"no audience":                               w.net.sign(t, build, with(good, "aud", nil)),
		"expired":                                   w.net.sign(t, build, with(good, "exp", noon.Unix()-120)),
		"no end":                                    w.net.sign(t, build, with(good, "exp", nil)),
		"not yet":                                   w.net.sign(t, build, with(good, "nbf", noon.Unix()+120)),
		"no time of issue":                          w.net.sign(t, build, with(good, "iat", nil)),
		"issued in the future":                      w.net.sign(t, build, with(good, "iat", noon.Unix()+120)),
		"nothing":                                   "",
		"dots":                                      "..",
		"the same claim twice":                      strings.Replace(token, ".", "."+base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+build+`","iss":"x"}`))+".", 1),
	} {
		w.is(what, nobody, lie, append(everything, config.Issuer{Issuer: own, Audiences: []string{orders}, Credentials: true})...)
	}
	// What is accepted elsewhere is not what counts: the setting's audience and the credential's have to be the same one.
	w.is("an audience of the setting, another of the credential", nobody, w.net.sign(t, build, with(good, "aud", []string{"api://billing", orders})), config.Issuer{Issuer: build, Audiences: []string{"api://billing"}, Credentials: true})
	w.is("credentials do not count", nobody, token, config.Issuer{Issuer: build, Audiences: []string{orders}, Claim: "oid", Tenant: tid})
	w.is("no setting", nobody, token)

	other := w.link(otherApp, build, mainline, orders)
	w.is("two holders", nobody, token, everything...)
	other()
	w.is("one again", robotSP, token, everything...)
	disabled := false
	w.put((&directory.ServicePrincipal{ID: robotSP, AppID: robotID, DisplayName: "app", Type: directory.KindApplication, AccountEnabled: &disabled}).Document(directory.Secrets{}))
	w.is("the service principal is disabled", nobody, token, everything...)
	w.put((&directory.ServicePrincipal{ID: robotSP, AppID: robotID, DisplayName: "app", Type: directory.KindApplication}).Document(directory.Secrets{}))
	w.is("enabled", robotSP, token, everything...)
	unlink()
	w.is("the credential is gone", nobody, token, everything...)

	body := `{"properties": {"issuer": "` + build + `", "subject": "` + mainline + `", "audiences": ["` + orders + `"]}}`
	id := identity.Child("federatedIdentityCredentials", "x")
	w.put(&store.Document{ID: id, Type: directory.IdentityFederatedType, Body: []byte(body)}, nil)
	w.is("a managed identity", identitySP, token, everything...)
	w.drop(directory.ServicePrincipalID(identitySP))
	w.is("the identity is gone", nobody, token, everything...)
}

// TestClaim: where a setting says so, a claim names a principal by object ID within a tenant, or by user principal name.
func TestClaim(t *testing.T) {
	w := newWorld(t)
	var nobody gatehouse.GUID
	sign := func(changes ...any) string { return w.net.sign(t, tenant, with(person, changes...)) }
	if c := w.is("a person", ada, sign(), everything...); c == nil || c.Type != gatehouse.User || c.Name != "ada@contoso.test" || c.Method != ByClaim || c.Issuer != tenant {
		t.Errorf("%+v", c)
	}
	w.is("a service principal", robotSP, sign("oid", robotSP.String(), "idtyp", "app"), everything...)
	for what, lie := range map[string]string{
		"another tenant":            sign("tid", "00000000-0000-4000-8000-000000000009"),
		"no tenant":                 sign("tid", nil),
		"two tenants":               sign("tid", []string{tid, tid}),
		"nobody's object ID":        sign("oid", guid(77).String()),
		"the zero ID":               sign("oid", gatehouse.GUID{}.String()),
		"two object IDs":            sign("oid", []string{ada.String(), bob.String()}),
		"no object ID":              sign("oid", nil),
		"a name as an object ID":    sign("oid", "ada@contoso.test"),
		"a disabled user":           sign("oid", off.String()),
		"an application's, a user":  sign("idtyp", "app"),
		"a user's, an application":  sign("oid", robotSP.String()),
		"an application's own ID":   sign("oid", robotApp.String(), "idtyp", nil),
		"an e-mail address instead": sign("oid", nil, "email", "ada@contoso.test", "email_verified", true),
	} {
		w.is(what, nobody, lie, everything...)
	}
	w.put((&directory.User{ID: ada, UserPrincipalName: "ada@contoso.test", AccountEnabled: true, SessionsValidFrom: noon.Add(time.Second)}).Document(directory.Secrets{}))
	w.is("sessions were ended since", nobody, sign(), everything...)
	w.is("a token of afterwards", ada, sign("iat", noon.Unix()+1), everything...)

	byName := config.Issuer{Issuer: tenant, Audiences: []string{orders}, Claim: "upn", Member: config.ByName}
	w.is("by name", bob, sign("upn", "Bob@contoso.test"), byName)
	w.is("by an ID where a name is asked for", nobody, sign("upn", bob.String()), byName)
	w.is("nobody's name", nobody, sign("upn", "bob@contoso.test.evil.test"), byName)
	byMail := config.Issuer{Issuer: tenant, Audiences: []string{orders}, Claim: "email", Member: config.ByName}
	w.is("a verified address", bob, sign("email", "bob@contoso.test", "email_verified", true), byMail)
	w.is("an address that nobody verified", nobody, sign("email", "bob@contoso.test"), byMail)
	w.is("an address that is not verified", nobody, sign("email", "bob@contoso.test", "email_verified", false), byMail)
}

// TestKeys: without the issuer nobody new is let in; keys that were read before serve on. An issuer's configuration speaks for itself only.
func TestKeys(t *testing.T) {
	w := newWorld(t)
	w.link(robotApp, build, mainline, orders)
	w.net.down.Store(true)
	_, err := w.Caller(t.Context(), w.net.sign(t, build, good), everything)
	if gatehouse.KindOf(err) != gatehouse.Unauthenticated || strings.Contains(err.Error(), "10.0.0.7") {
		t.Error(err)
	}
	w = newWorld(t)
	w.link(robotApp, build, mainline, orders)
	w.is("the issuer answers", robotSP, w.net.sign(t, build, good), everything...)
	w.net.down.Store(true)
	w.is("it does not any more", robotSP, w.net.sign(t, build, with(good, "jti", "j2")), everything...)

	w = newWorld(t)
	w.link(robotApp, build, mainline, orders)
	w.net.lies[build] = "https://evil.test"
	w.is("a configuration that names another issuer", gatehouse.GUID{}, w.net.sign(t, build, good), everything...)
}
