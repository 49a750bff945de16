package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/config"
)

// TestErrors: the failures before any policy, as gateway/pipeline/testdata/errors.txt lists them: what on-error of the global
// document sees, and what the client is told.
func TestErrors(t *testing.T) {
	text, err := os.ReadFile("pipeline/testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := newPolicy("", `<inbound /><backend><forward-request /></backend><on-error><set-header name="X-Error"><value>@(context.LastError.Source + " " + context.LastError.Reason + " | " + context.Response.StatusCode + " | " + context.LastError.Message)</value></set-header></on-error>`)
	s := newSite(t, seen, newAPI("a", "a", echo(t), func(a *config.API) { a.SubscriptionRequired = true }), newOperation("a", "o", "GET", "/o"))
	for row, call := range map[string][]string{
		"configuration OperationNotFound":       {"GET /nowhere"},
		"authorization SubscriptionKeyNotFound": {"GET /a/o"},
		"authorization SubscriptionKeyInvalid":  {"GET /a/o", "Ocp-Apim-Subscription-Key", "wrong"},
	} {
		_, h, body := s.call(call[0], call[1:]...)
		_, told, _ := strings.Cut(body, `"message": "`)
		if line := h.Get("X-Error") + " | " + strings.TrimSuffix(told, `" }`); !strings.HasPrefix(line, row+" | ") || !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("%s: errors.txt does not have %q", row, line)
		}
		if h.Get("Content-Type") != "application/json" {
			t.Error(h)
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "configuration ") || strings.HasPrefix(line, "authorization ") {
			if reason := strings.Fields(line)[1]; reason != "OperationNotFound" && reason != "SubscriptionKeyNotFound" && reason != "SubscriptionKeyInvalid" {
				t.Errorf("nothing shows %s", line)
			}
		}
	}
}

// TestClientCertificates: who issued a client's certificate is known, and its dates are one question, its chain another.
func TestClientCertificates(t *testing.T) {
	ca, key := newCertificate(t, "ca", nil, nil, time.Now().Add(time.Hour))
	leaf, _ := newCertificate(t, "robot", ca, key, time.Now().Add(time.Hour))
	late, _ := newCertificate(t, "late", ca, key, time.Now().Add(-time.Minute))
	other, _ := newCertificate(t, "other", nil, nil, time.Now().Add(time.Hour))
	s := newSite(t, newAPI("a", "a", echo(t), nil), newOperation("a", "all", "GET", "/*"), newPolicy("/apis/a", `<inbound><choose>
		<when condition="@(context.Request.Url.Path == "/issuer")"><validate-client-certificate validate-revocation="false"><identities><identity issuer-thumbprint="`+thumbprint(ca)+`" /></identities></validate-client-certificate></when>
		<when condition="@(context.Request.Url.Path == "/dates")"><validate-client-certificate validate-revocation="false" validate-not-after="false" /></when>
		<otherwise><validate-client-certificate validate-revocation="false" /></otherwise>
		</choose><return-response><set-body>@(context.Request.Certificate.Verify().ToString())</set-body></return-response></inbound>`))
	service := &config.Service{Resource: s.c.Service.Resource, Statistics: "contoso", CAs: []config.CACertificate{{Store: "Root", Data: ca.Raw}}}
	service.SetID("")
	s.put(service)
	for _, c := range []struct {
		path   string
		chain  []*x509.Certificate
		status int
		body   string
	}{
		{"/a/plain", nil, 403, "Invalid client certificate"},
		{"/a/plain", []*x509.Certificate{leaf}, 200, "True"},
		{"/a/issuer", []*x509.Certificate{leaf}, 200, "True"},
		{"/a/issuer", []*x509.Certificate{leaf, other}, 200, "True"},
		{"/a/issuer", []*x509.Certificate{other}, 403, "Invalid client certificate"},
		{"/a/plain", []*x509.Certificate{late}, 403, "Invalid client certificate"},
		{"/a/dates", []*x509.Certificate{late}, 200, "False"},
		{"/a/dates", []*x509.Certificate{other}, 403, "Invalid client certificate"},
	} {
		r := httptest.NewRequest("GET", "https://contoso.azure-api.net"+c.path, nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: c.chain}
		for range 2 { // what was found is kept
			w := httptest.NewRecorder()
			s.g.ServeHTTP(w, r.Clone(t.Context()))
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("%s: %d %s, want %d %s", c.path, w.Code, w.Body, c.status, c.body)
			}
		}
	}
}

func newCertificate(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, end time.Time) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotBefore: end.Add(-24 * time.Hour), NotAfter: end, BasicConstraintsValid: true, IsCA: parent == nil, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}
