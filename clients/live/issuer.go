package live

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"
)

// Issuer is an identity provider outside of Gatehouse, as a build service is one: it publishes OpenID configuration and
// keys over TLS and signs tokens about its own subjects. Federated identity credentials name it.
type Issuer struct {
	URL    string
	CAFile string // the certificate to trust in order to reach URL

	key    *rsa.PrivateKey
	server *httptest.Server
}

// NewIssuer starts an issuer and writes its certificate below dir.
func NewIssuer(dir string) (*Issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	i := &Issuer{key: key, CAFile: filepath.Join(dir, "issuer.pem")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.configuration)
	mux.HandleFunc("GET /keys", i.keys)
	i.server = httptest.NewTLSServer(mux)
	i.URL = i.server.URL
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.server.Certificate().Raw})
	return i, os.WriteFile(i.CAFile, cert, 0o600)
}

// Close stops the issuer.
func (i *Issuer) Close() { i.server.Close() }

func (i *Issuer) configuration(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"}})
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	e := big.NewInt(int64(i.key.E)).Bytes()
	answer(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
		"n": base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(e)}}})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Token signs a token about subject, good for ten minutes, for the audience that federated credentials ask for.
func (i *Issuer) Token(subject string) (string, error) {
	now := time.Now()
	head, err := part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "one"})
	if err != nil {
		return "", err
	}
	claims, err := part(map[string]any{"iss": i.URL, "sub": subject, "aud": "api://AzureADTokenExchange", "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(head + "." + claims))
	sig, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	return head + "." + claims + "." + base64.RawURLEncoding.EncodeToString(sig), err
}

func part(v any) (string, error) {
	b, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b), err
}
