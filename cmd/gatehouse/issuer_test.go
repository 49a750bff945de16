package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issuer is an identity provider outside of Gatehouse.
type issuer struct {
	*httptest.Server
	t   testing.TB
	key *rsa.PrivateKey
}

// newIssuer starts one that programs started afterwards trust.
func newIssuer(t *testing.T) *issuer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		e := base64.RawURLEncoding.EncodeToString
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "kid": "one", "n": e(key.N.Bytes()), "e": e(big.NewInt(int64(key.E)).Bytes())}}})
	})
	i.Server = httptest.NewTLSServer(mux)
	t.Cleanup(i.Close)
	file := filepath.Join(t.TempDir(), "issuer.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	return i
}

// token makes a token of claims besides issuer and times, as a header has it.
func (i *issuer) token(claims map[string]any) string {
	i.t.Helper()
	now := time.Now().Unix()
	all := map[string]any{"iss": i.URL, "iat": now, "exp": now + 600}
	for name, value := range claims {
		all[name] = value
	}
	part := func(v any) string { b, _ := json.Marshal(v); return base64.RawURLEncoding.EncodeToString(b) }
	text := part(map[string]any{"alg": "RS256", "kid": "one", "typ": "JWT"}) + "." + part(all)
	sum := sha256.Sum256([]byte(text))
	signed, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		i.t.Fatal(err)
	}
	return "Bearer " + text + "." + base64.RawURLEncoding.EncodeToString(signed)
}

// TestOtherIssuers: tokens of another identity provider count where a role check names it, at both gateways, for whoever holds a
// federated identity credential, or whom a claim names; and not from the next call on once that is taken away.
func TestOtherIssuers(t *testing.T) {
	i := newIssuer(t)
	s := newStops(t, "--allow-loopback-issuers")
	const guarded, exchange = "/guarded/", "api://AzureADTokenExchange"
	app := s.graph("POST", "/applications", `{"displayName": "pipeline"}`)
	graph, err := s.by.token(t.Context(), "https://graph.microsoft.com")
	if err != nil {
		t.Fatal(err)
	}
	_, answer, err := ask(s.dir, "GET", "/v1.0/applications/"+app, http.Header{"Authorization": {"Bearer " + graph}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	pipeline := s.graph("POST", "/servicePrincipals", `{"appId": "`+parsed(answer).String("appId")+`"}`)
	s.assign(pipeline, "ServicePrincipal")
	check := func(issuers string) {
		s.do("PUT", s.service+"/apis/guarded/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": {"mode": "enforce", "issuers": [`+issuers+`]}}`)
	}
	credentials := `{"issuer": "` + i.URL + `", "audiences": ["` + exchange + `"], "federatedCredentials": true}`
	build := map[string]any{"sub": "repo:contoso/app:ref:refs/heads/main", "aud": exchange}
	token := shows(i.token(build))
	link := func() string {
		return s.graph("POST", "/applications/"+app+"/federatedIdentityCredentials", `{"name": "main", "issuer": "`+i.URL+`", "subject": "repo:contoso/app:ref:refs/heads/main", "audiences": ["`+exchange+`"]}`)
	}
	unlink := func(id string) {
		s.graph("DELETE", "/applications/"+app+"/federatedIdentityCredentials/"+id, "")
	}
	id := link()
	s.here.is(401, guarded, token.Get("Authorization")) // no role check names the issuer
	check(credentials)
	s.ends("a federated credential is deleted", 401, guarded, token, func() { unlink(id) })
	id = link()
	for _, lie := range []map[string]any{{"sub": "repo:contoso/app:ref:refs/heads/Main", "aud": exchange}, {"sub": build["sub"], "aud": "api://other"}, {"sub": build["sub"], "aud": exchange, "iss": i.URL + "/"}} {
		for _, g := range []*farmGateway{s.here, s.away} {
			g.is(401, guarded, i.token(lie))
		}
	}
	s.ends("the role check does not name the issuer any more", 401, guarded, token, func() { check("") })
	check(credentials)
	s.ends("its service principal is disabled", 401, guarded, token, func() { s.graph("PATCH", "/servicePrincipals/"+pipeline, `{"accountEnabled": false}`) })
	s.graph("PATCH", "/servicePrincipals/"+pipeline, `{"accountEnabled": true}`)
	s.ends("the application is deleted", 401, guarded, token, func() { s.graph("DELETE", "/applications/"+app, "") })

	who, _, _ := s.person()
	revoke := s.assign(who, "User")
	check(`{"issuer": "` + i.URL + `", "audiences": ["api://orders"], "tenantId": "t1", "principalClaim": "oid"}`)
	person := shows(i.token(map[string]any{"sub": "x", "aud": "api://orders", "tid": "t1", "oid": who}))
	s.ends("the role of a person", 403, guarded, person, revoke)
	s.assign(who, "User")
	s.ends("a person is disabled", 401, guarded, person, func() { s.graph("PATCH", "/users/"+who, `{"accountEnabled": false}`) })

	until(t, "the refusal tells of the issuer", func() bool {
		out, err := program("audit", "list", "--kind", "refused", "--data", s.dir, "-o", "json").CombinedOutput()
		return err == nil && strings.Contains(string(out), fmt.Sprintf("%q", i.URL))
	})
}
