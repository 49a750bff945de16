package pipeline

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/policy/expr"
	"gatehouse/token"
)

// In requests of cases JWT(who {claims}) stands for a token: who is secret (HS256 under the bytes a to z twice), issuer
// (ES256 under the key that https://issuer.test publishes), tenant (that of tenant 11111111-...), pair (RS256 under the
// key of that certificate), stranger, or nobody (no signature). JWE(...) is the same, encrypted to the certificate pair.
var jwtMacro = regexp.MustCompile(`JW([TE])\((\w+) (\{.*?\})\)`)

var testKeys = sync.OnceValue(func() map[string]any {
	keys := map[string]any{"secret": []byte(strings.Repeat("abcdefghijklmnopqrstuvwxyz", 2)), "pair": testCertificates()["pair"].Key}
	for _, name := range []string{"issuer", "tenant", "stranger"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[name] = key
	}
	return keys
})

// expandTokens puts tokens in place of what stands for them, and notes which, so that what is seen can be written back.
func (w *world) expandTokens(raw []byte) []byte {
	return jwtMacro.ReplaceAllFunc(raw, func(macro []byte) []byte {
		m := jwtMacro.FindSubmatch(macro)
		text, err := signTest(string(m[2]), m[3])
		if err == nil && m[1][0] == 'E' {
			text, err = sealTest(text)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.tokens = append(w.tokens, text, string(macro))
		return []byte(text)
	})
}

func signTest(who string, claims []byte) (string, error) {
	if who == "nobody" {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims) + ".", nil
	}
	key, algorithm := testKeys()[who], jose.ES256
	switch key.(type) {
	case []byte:
		algorithm = jose.HS256
	case *rsa.PrivateKey:
		algorithm = jose.RS256
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: who}}, nil)
	if err != nil {
		return "", err
	}
	signed, err := s.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func sealTest(inner string) (string, error) {
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: testCertificates()["pair"].Leaf.PublicKey, KeyID: "pair"}, nil)
	if err != nil {
		return "", err
	}
	sealed, err := e.Encrypt([]byte(inner))
	if err != nil {
		return "", err
	}
	return sealed.CompactSerialize()
}

// testCertificates are those of the cases. Of root are robot, late and early; namesake has its name and another key. The
// service has ca (that is root), namesake, public, all without their keys, and pair.
var testCertificates = sync.OnceValue(func() map[string]*expr.Certificate {
	t := &testing.T{}
	root, rootKey := testCertificate(t, "root", nil, nil, nil)
	all := map[string]*expr.Certificate{"root": {Leaf: root}}
	for _, name := range []string{"robot", "late", "early"} {
		leaf, _ := testCertificate(t, name, root, rootKey, func(c *x509.Certificate) {
			switch name {
			case "late":
				c.NotAfter = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
			case "early":
				c.NotBefore = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
			}
		})
		all[name] = &expr.Certificate{Leaf: leaf, Verified: name == "robot", Chain: true, Issuer: root}
	}
	for name, subject := range map[string]string{"namesake": "root", "public": "public", "self": "robot"} {
		leaf, _ := testCertificate(t, subject, nil, nil, nil)
		all[name] = &expr.Certificate{Leaf: leaf}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pair"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	pair, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	all["pair"] = &expr.Certificate{Leaf: pair, Key: key}
	return all
})

// serviceCertificates are those that the service of the cases has.
func serviceCertificates() map[string]*expr.Certificate {
	all := testCertificates()
	pair := all["pair"]
	return map[string]*expr.Certificate{"ca": all["root"], "namesake": all["namesake"], "public": all["public"], "pair": pair, thumbprint(pair.Leaf): pair}
}

// In documents of cases THUMBPRINT(name) is that of a certificate, and MODULUS(pair) the n of its key.
var certificateMacro = regexp.MustCompile(`(THUMBPRINT|MODULUS)\((\w+)\)`)

func (w *world) expandCertificates(text string) string {
	return certificateMacro.ReplaceAllStringFunc(text, func(macro string) string {
		m := certificateMacro.FindStringSubmatch(macro)
		leaf := testCertificates()[m[2]].Leaf
		made := thumbprint(leaf)
		if m[1] == "MODULUS" {
			made = base64.RawURLEncoding.EncodeToString(leaf.PublicKey.(*rsa.PublicKey).N.Bytes())
		}
		w.tokens = append(w.tokens, made, macro)
		return made
	})
}

const testTenant = "11111111-0000-4000-8000-000000000001"

// newTokens verifies against what the issuers of the cases publish.
func newTokens() *token.Verifier {
	sets := map[string]*token.Set{}
	for name, issuers := range map[string][]string{"issuer": {"https://issuer.test"}, "tenant": {"https://login.microsoftonline.com/" + testTenant + "/v2.0"}} {
		key, err := token.Public(name, &testKeys()[name].(*ecdsa.PrivateKey).PublicKey)
		if err != nil {
			panic(err)
		}
		sets[name] = &token.Set{Keys: []*token.Key{key}, Issuers: issuers}
	}
	return token.NewVerifier(token.Config{Local: func(address string) *token.Set {
		switch {
		case strings.HasPrefix(address, "https://issuer.test/"):
			return sets["issuer"]
		case strings.HasPrefix(address, "https://login.microsoftonline.com/"+testTenant+"/"):
			return sets["tenant"]
		}
		return &token.Set{}
	}})
}

// identityServices are the service's own identities, and its connections, as cases know them.
func (w *world) identityServices(s *Services) {
	s.Tokens = newTokens()
	s.IdentityToken = func(_ context.Context, resource, client string) (string, error) {
		if resource == "https://nobody.test" {
			return "", errors.New("the resource is not known")
		}
		return "token-for-" + resource + "-as-" + client, nil
	}
	s.Authorization = func(_ context.Context, a AuthorizationRequest) (*expr.Authorization, error) {
		if a.Connection != "work" {
			return nil, errors.New("there is no such connection")
		}
		return &expr.Authorization{AccessToken: "access-" + a.Provider + a.Identity, Claims: map[string]string{"scope": "mail"}}, nil
	}
	s.Events = func(_ *Call, e Event) {
		fmt.Fprintf(&w.seen, "event to %s/%s%s: %s\n", e.Logger, e.PartitionID, e.PartitionKey, e.Message)
	}
	s.Import = func(pfx []byte, password string) (string, error) {
		if string(pfx) != "pfx" || password != "open" {
			return "", errors.New("not a certificate")
		}
		return "IMPORTED", nil
	}
}

// testCertificate makes a certificate; parent nil for one of its own.
func testCertificate(t testing.TB, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(0xab12), Subject: pkix.Name{CommonName: name, Organization: []string{"Contoso"}}, NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), DNSNames: []string{name + ".test"}, BasicConstraintsValid: true, IsCA: parent == nil, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	if change != nil {
		change(template)
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

// TestValidateClientCertificate is a table and no case because certificates are made anew each time.
func TestValidateClientCertificate(t *testing.T) {
	ca, caKey := testCertificate(t, "root", nil, nil, nil)
	other, _ := testCertificate(t, "root", nil, nil, nil) // of the same name, and another key
	leaf, _ := testCertificate(t, "robot", ca, caKey, nil)
	late, _ := testCertificate(t, "late", ca, caKey, func(c *x509.Certificate) { c.NotAfter = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC) })
	early, _ := testCertificate(t, "early", ca, caKey, func(c *x509.Certificate) { c.NotBefore = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) })
	trusted := func(c *x509.Certificate) *expr.Certificate {
		return &expr.Certificate{Leaf: c, Verified: true, Chain: true, Issuer: ca}
	}
	identity := func(attributes string) string {
		return `<validate-client-certificate><identities><identity ` + attributes + ` /></identities></validate-client-certificate>`
	}
	print := thumbprint(leaf)
	for _, c := range []struct {
		name, policy string
		certificate  *expr.Certificate
		want         int
	}{
		{"trusted", `<validate-client-certificate />`, trusted(leaf), 200},
		{"none", `<validate-client-certificate />`, nil, 403},
		{"none, ignored", `<validate-client-certificate ignore-error="true" />`, nil, 200},
		{"of no trusted issuer", `<validate-client-certificate />`, &expr.Certificate{Leaf: leaf}, 403},
		{"trust not asked", `<validate-client-certificate validate-trust="false" />`, &expr.Certificate{Leaf: leaf}, 200},
		{"expired", `<validate-client-certificate />`, trusted(late), 403},
		{"expiry not asked", `<validate-client-certificate validate-not-after="false" />`, trusted(late), 200},
		{"not yet", `<validate-client-certificate />`, trusted(early), 403},

		{"thumbprint", identity(`thumbprint="` + strings.ToLower(print) + `"`), trusted(leaf), 200},
		{"thumbprint with blanks", identity(`thumbprint="` + print[:2] + " " + print[2:] + `"`), trusted(leaf), 200},
		{"another thumbprint", identity(`thumbprint="00` + print[2:] + `x"`), trusted(leaf), 403},
		{"serial number", identity(`serial-number="00AB12"`), trusted(leaf), 200},
		{"common name", identity(`common-name="robot"`), trusted(leaf), 200},
		{"another common name", identity(`common-name="Robot2"`), trusted(leaf), 403},
		{"subject as .NET writes it", identity(`subject="CN=robot, O=Contoso"`), trusted(leaf), 200},
		{"DNS name", identity(`dns-name="ROBOT.test"`), trusted(leaf), 200},
		{"issuer's subject", identity(`issuer-subject="O=Contoso, CN=root"`), trusted(leaf), 200},
		{"issuer's thumbprint", identity(`issuer-thumbprint="` + thumbprint(ca) + `"`), trusted(leaf), 200},
		{"thumbprint of a namesake", identity(`issuer-thumbprint="` + thumbprint(other) + `"`), trusted(leaf), 403},
		{"issuer's certificate", identity(`issuer-certificate-id="ca"`), trusted(leaf), 200},
		{"certificate of a namesake", identity(`issuer-certificate-id="namesake"`), trusted(leaf), 403},
		{"one thing right, one wrong", identity(`common-name="robot" dns-name="x.test"`), trusted(leaf), 403},
		{"the second identity", `<validate-client-certificate><identities><identity common-name="x" /><identity common-name="robot" /></identities></validate-client-certificate>`, trusted(leaf), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t: t, services: &Services{Now: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }}}
			d := Compile(Source{Scope: 'g', Document: w.parse(`<policies><inbound>` + c.policy + `</inbound></policies>`)}, Env{})
			if d.Err != nil {
				t.Fatal(d.Err)
			}
			call := NewCall(w.services)
			defer call.Release()
			call.Chain = Chain{d}
			call.Request.Certificate = c.certificate
			call.Deployment = &expr.Deployment{Certificates: map[string]*expr.Certificate{"ca": {Leaf: ca}, "namesake": {Leaf: other}}}
			call.Run()
			status := 200
			if call.Response != nil {
				status = call.Response.StatusCode
			}
			if status != c.want {
				t.Errorf("%d, want %d: %+v", status, c.want, call.LastError)
			}
		})
	}
}

// TestCertificateKeys: a token key of a certificate stays the same from call to call, so that verified tokens stay known.
func TestCertificateKeys(t *testing.T) {
	leaf, key := testCertificate(t, "signer", nil, nil, nil)
	w := &world{t: t}
	d := w.parse(`<policies><inbound><validate-jwt header-name="Authorization"><issuer-signing-keys><key certificate-id="signer" /></issuer-signing-keys></validate-jwt></inbound></policies>`)
	k := &Compiler{doc: &Document{}}
	step := compileValidateJwt(k, d.Section("inbound").Policies[0]).(*bearer)
	call := &Call{}
	call.Deployment = &expr.Deployment{Certificates: map[string]*expr.Certificate{"signer": {Leaf: leaf, Key: key}}}
	first, err := step.rules.requirements(call)
	if err != nil {
		t.Fatal(err)
	}
	again, err := step.rules.requirements(call)
	if err != nil || first.Keys[0] != again.Keys[0] {
		t.Error("the key was made anew", err)
	}
	call.Deployment.Certificates["signer"] = &expr.Certificate{Leaf: leaf}
	if replaced, err := step.rules.requirements(call); err != nil || first.Keys[0] == replaced.Keys[0] {
		t.Error("a replaced certificate keeps its old key", err)
	}
}

// TestSecretKey is the key of the cases, as their documents write it.
func TestSecretKey(t *testing.T) {
	if got := base64.StdEncoding.EncodeToString(testKeys()["secret"].([]byte)); got != "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg==" {
		t.Error(got)
	}
}

// TestAuthenticationCertificate: backends see a certificate of the service that has a private key, or one that is brought along.
func TestAuthenticationCertificate(t *testing.T) {
	leaf, key := testCertificate(t, "client", nil, nil, nil)
	public, _ := testCertificate(t, "public", nil, nil, nil)
	for _, c := range []struct{ attributes, want string }{
		{`certificate-id="client"`, thumbprint(leaf)},
		{`certificate-id="@("cli" + "ent")"`, thumbprint(leaf)},
		{`thumbprint="` + strings.ToLower(thumbprint(leaf)) + `"`, thumbprint(leaf)},
		{`certificate-id="public"`, "CertificateNotFound"},
		{`certificate-id="nothing"`, "CertificateNotFound"},
		{`body="@(new byte[] {112, 102, 120})" password="open"`, "IMPORTED"},
		{`body="@(new byte[] {112, 102, 120})" password="wrong"`, "CertificateNotFound"},
		{`body="text"`, "CertificateNotFound"},
	} {
		w := &world{t: t, services: &Services{}}
		w.identityServices(w.services)
		d := Compile(Source{Scope: 'g', Document: w.parse(`<policies><inbound><authentication-certificate ` + c.attributes + ` /></inbound></policies>`)}, Env{})
		if d.Err != nil {
			t.Fatal(c.attributes, d.Err)
		}
		call := NewCall(w.services)
		call.Chain = Chain{d}
		call.Deployment = &expr.Deployment{Certificates: map[string]*expr.Certificate{"client": {Leaf: leaf, Key: key}, thumbprint(leaf): {Leaf: leaf, Key: key}, "public": {Leaf: public}}}
		call.Run()
		got := call.Target.Upstream.Certificate
		if call.LastError != nil {
			got = call.LastError.Reason
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.attributes, got, c.want)
		}
		call.Release()
	}
}

// TestMadeKeys: keys that expressions compute are the same ones each time, and do not become many.
func TestMadeKeys(t *testing.T) {
	var m madeKeys
	make := func() (*token.Key, error) { return token.Secret("", "MDEyMzQ1Njc4OWFiY2RlZg==") }
	first, err := m.once(madeKey{secret: "x"}, make)
	again, _ := m.once(madeKey{secret: "x"}, make)
	named, _ := m.once(madeKey{id: "1", secret: "x"}, make)
	if err != nil || first != again || first == named {
		t.Error("a key is made again, or for another one:", err)
	}
	for i := range 10 * mostMadeKeys {
		if _, err := m.once(madeKey{secret: strconv.Itoa(i)}, make); err != nil || len(m.all) > mostMadeKeys {
			t.Fatalf("%d keys: %v", len(m.all), err)
		}
	}
}
