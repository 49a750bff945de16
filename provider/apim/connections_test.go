package apim_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// connectionMakers are the makers of what connects a service to others: backends, loggers,
// caches, certificates, identity providers and the like.
var connectionMakers = map[string]func(r *mathrand.Rand, n int) any{
	"namedValues properties.keyVault.secretIdentifier":                                   func(*mathrand.Rand, int) any { return nil },
	"namedValues properties.keyVault.identityClientId":                                   func(*mathrand.Rand, int) any { return nil },
	"backends properties.url":                                                            func(_ *mathrand.Rand, n int) any { return fmt.Sprint("https://b", n, ".contoso.test/x y") },
	"backends properties.protocol":                                                       func(*mathrand.Rand, int) any { return "http" },
	"backends properties.type":                                                           func(*mathrand.Rand, int) any { return "Single" },
	"backends properties.pool.services":                                                  func(*mathrand.Rand, int) any { return nil },
	"backends properties.pool.sessionAffinity.sessionId.source":                          func(*mathrand.Rand, int) any { return nil },
	"backends properties.pool.sessionAffinity.sessionId.name":                            func(*mathrand.Rand, int) any { return nil },
	"backends properties.credentials.query":                                              lists,
	"backends properties.credentials.header":                                             lists,
	"backends properties.credentials.authorization.parameter":                            func(r *mathrand.Rand, _ int) any { return plain(r, 300) },
	"backends properties.credentials.certificateIds":                                     func(*mathrand.Rand, int) any { return []any{service + "/certificates/parent"} },
	"backends properties.properties.serviceFabricCluster.clientCertificateId":            func(*mathrand.Rand, int) any { return nil },
	"backends properties.properties.serviceFabricCluster.clientCertificatethumbprint":    func(*mathrand.Rand, int) any { return "ab" },
	"certificates properties.data":                                                       func(*mathrand.Rand, int) any { return pfx },
	"certificates properties.password":                                                   func(*mathrand.Rand, int) any { return "hunter2" },
	"certificates properties.subject":                                                    func(*mathrand.Rand, int) any { return nil },
	"certificates properties.thumbprint":                                                 func(*mathrand.Rand, int) any { return nil },
	"certificates properties.expirationDate":                                             func(*mathrand.Rand, int) any { return nil },
	"certificates properties.keyVault.secretIdentifier":                                  func(*mathrand.Rand, int) any { return nil },
	"certificates properties.keyVault.identityClientId":                                  func(*mathrand.Rand, int) any { return nil },
	"authorizationServers properties.grantTypes":                                         func(*mathrand.Rand, int) any { return []any{"implicit"} },
	"authorizationServers properties.authorizationMethods":                               func(*mathrand.Rand, int) any { return []any{"POST", "GET"} },
	"authorizationServers properties.clientRegistrationEndpoint":                         address,
	"authorizationServers properties.authorizationEndpoint":                              address,
	"authorizationServers properties.tokenEndpoint":                                      address,
	"identityProviders properties.type":                                                  func(*mathrand.Rand, int) any { return "google" },
	"identityProviders properties.clientSecret":                                          func(r *mathrand.Rand, _ int) any { return text(r, 1, 500) },
	"authorizationProviders properties.oauth2.grantTypes.authorizationCode.clientSecret": func(r *mathrand.Rand, _ int) any { return text(r, 1, 500) },
	"authorizations properties.parameters": func(r *mathrand.Rand, _ int) any {
		return map[string]any{"clientId": text(r, 1, 50), "clientSecret": text(r, 1, 50), "other": text(r, 0, 50)}
	},
	"authorizations properties.parameters.clientSecret": func(*mathrand.Rand, int) any { return "secret" },
	"accessPolicies properties.tenantId":                guid,
	"accessPolicies properties.objectId":                guid,
	"accessPolicies properties.appIds":                  func(r *mathrand.Rand, n int) any { return []any{guid(r, n)} },
	"clientApplications properties.ownerId":             func(*mathrand.Rand, int) any { return service + "/users/1" },
	"loggers properties.loggerType": func(r *mathrand.Rand, _ int) any {
		return []string{"applicationInsights", "azureEventHub"}[r.IntN(2)]
	},
	"loggers properties.credentials": func(r *mathrand.Rand, _ int) any {
		return map[string]any{"name": text(r, 1, 50) + ".", "connectionString": text(r, 1, 500) + "."}
	},
	"diagnostics properties.loggerId":    func(*mathrand.Rand, int) any { return service + "/loggers/parent" },
	"caches properties.connectionString": func(r *mathrand.Rand, _ int) any { return text(r, 1, 298) + "." },
}

func address(r *mathrand.Rand, n int) any {
	return fmt.Sprint("https://contoso.test/", n, "/", url.PathEscape(text(r, 0, 100)))
}

func guid(r *mathrand.Rand, _ int) any {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint32())
}

// lists are values per name, as backends send them along.
func lists(r *mathrand.Rand, _ int) any {
	return map[string]any{"a": []any{plain(r, 50), plain(r, 50)}, "b": []any{}}
}

// plain is text that refers to no named value.
func plain(r *mathrand.Rand, max int) string {
	return "." + strings.ReplaceAll(text(r, 0, max-1), "{", "(")
}

// pfx is a certificate with its key as PKCS#12; the password is hunter2.
const pfx = "MIID0gIBAzCCA4IGCSqGSIb3DQEHAaCCA3MEggNvMIIDazCCAhoGCSqGSIb3DQEHBqCCAgswggIHAgEAMIICAAYJKoZIhvcNAQcBMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBANGR7CdbK9gIsCojWmRf+TAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQH6kYsRCIn5ftQMupbrVJPYCCAZA/dGqYydLIv36KNyBOAUJLZD3ROcxAghj+1Oc9bOeL/hl3ebM20eT4o7ivTAa5vlrNB0j/kEb53Fif1Et6TTOWziOWRttPLLleSyPE22qxn0bmFqkwlC+yn88fdLxVGG3YTbbHIUb9geH1nTTXdKwVMgWLVidq7GG87TxuKBD5TcNht4I0nl4Enbft8ULAcDJ21qo4gtJ7IKOmr5KEzL/JwnS0Fg7nbSHyn8CdLbesT8GgZ8OkkLn8rBzG+ejuR4U2VUiWT8iEeJe0WeMIrNkZbDjE/LvIguaX4lfPgdQPnpSCHQDq0yRgGCumD9l7zK0/+pjiE/qXp0TPx/8C5boxk8WuSwEEAAUbJ41yyhxGBnylXv28xAo3salEPZnACZuf1pbY9+gtx5ISTYscwQIBdOPN9cFyXCpYK+78Qq39t+CJfg/isDXMHpM1d49ZTbbJvYjuEbTcNWNdLi/mjQmGUmtd/jjT/zsirVfxaEsKuO4t09hD72wmGOGCTqqUYaR6g/57JftPq+fjeMSbYQ6OMIIBSQYJKoZIhvcNAQcBoIIBOgSCATYwggEyMIIBLgYLKoZIhvcNAQwKAQKggfcwgfQwXwYJKoZIhvcNAQUNMFIwMQYJKoZIhvcNAQUMMCQEELX0lUEepgcw26yYJoMQ8uUCAggAMAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBBvSJlBlFyKLG4vF1oymcDVBIGQ2Fadi1UVz1RqP48Axv3EPvl6ZG6ZgH4khzrcM6Txf0gMTpMzigR4yB1UuHTJ9flCIbBxmHsiHjjX+wDe4xKL3dyw1U6TMCMTnqAFjv+76I43iE9PW6ZBJa6tG90ddt2tZnaN2CyKV99UDTSIu4BYF3ro9IAoxBG4k0aXugK8s2wpkWovARN+eVDt4gg/7+W6MSUwIwYJKoZIhvcNAQkVMRYEFMvJ6bnIwZMgvh59pHBZ6dOqe0OEMEcwLzALBglghkgBZQMEAgEEIE7Kh/YQe003nvyQreiDfsEFH+YSKED/dUQxlr7MWAFnBBBjzmWzaeB34jqSKgcvrM1wAgIIAA=="

// A login link leads to the authorization endpoint of its provider, with a state that nobody guesses
// and that does not come twice.
func TestLoginLinks(t *testing.T) {
	w := world(t)
	path := service + "/authorizationProviders/parent/authorizations/parent/getLoginLinks" + version
	seen := map[string]bool{}
	for range 2 {
		a := w.Do("owner", "POST", path, nil, `{"postLoginRedirectUrl": "https://contoso.test/done"}`)
		link, err := url.Parse(parse(t, a.Body.Bytes()).String("loginLink"))
		if err != nil || a.Code != 200 {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
		if got := link.Scheme + "://" + link.Host + link.Path; got != "https://login.windows.net/common/oauth2/authorize" {
			t.Errorf("the link leads to %s", got)
		}
		q := link.Query()
		if q.Get("client_id") != "a" || q.Get("response_type") != "code" || !strings.HasSuffix(q.Get("redirect_uri"), "/redirect/apim/contoso") {
			t.Errorf("the link asks %s", link.RawQuery)
		}
		if state := q.Get("state"); len(state) < 20 || seen[state] {
			t.Errorf("the state is %q", state)
		} else {
			seen[state] = true
		}
	}
}

// A damaged PKCS#12 is refused, wherever the damage is.
func TestDamagedCertificates(t *testing.T) {
	w := world(t)
	raw, err := base64.StdEncoding.DecodeString(pfx)
	if err != nil {
		t.Fatal(err)
	}
	few, many := []byte{0x02, 0x02, 0x08, 0x00}, []byte{0x02, 0x02, 0x7f, 0xff} // 2048, 32767
	changed := bytes.Replace(raw, few, many, -1)
	if bytes.Equal(changed, raw) {
		t.Fatal("no count of rounds was found")
	}
	for n := range len(raw) {
		cut := append(bytes.Clone(raw[:n]), changed[n:]...)
		body := `{"properties": {"password": "hunter2", "data": "` + base64.StdEncoding.EncodeToString(cut[:len(cut)-n%7]) + `"}}`
		if n%29 != 0 {
			continue
		}
		if a := w.Do("owner", "PUT", service+"/certificates/busy"+version, nil, body); a.Code >= 500 {
			t.Errorf("cut at %d: %d %s", n, a.Code, a.Body)
		}
	}
}

// The certificate is the one that the private key belongs to, wherever it stands among those of its
// chain; its subject is written as the service writes it.
func TestCertificateOfTheKey(t *testing.T) {
	w := world(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer := issue(t, pkix.Name{CommonName: "Authority"}, nil, authority, authority)
	leaf := issue(t, pkix.Name{Country: []string{"NL"}, Organization: []string{"Contoso, Inc."}, CommonName: "client"}, issuer, key, authority)
	for _, chain := range [][]*x509.Certificate{{leaf, issuer}, {issuer, leaf}} {
		raw, err := pkcs12.Modern.Encode(key, chain[0], chain[1:], "")
		if err != nil {
			t.Fatal(err)
		}
		a := w.Do("owner", "PUT", service+"/certificates/chain"+version, nil, `{"properties": {"data": "`+base64.StdEncoding.EncodeToString(raw)+`"}}`)
		sum := sha1.Sum(leaf.Raw)
		props := parse(t, a.Body.Bytes()).Object("properties")
		if got, want := props.String("thumbprint"), strings.ToUpper(hex.EncodeToString(sum[:])); got != want {
			t.Errorf("thumbprint %s, want %s: %s", got, want, a.Body)
		}
		if got, want := props.String("subject"), `CN=client, O="Contoso, Inc.", C=NL`; got != want {
			t.Errorf("subject %s, want %s", got, want)
		}
	}
}

// issue makes a certificate for key, signed by the key of issuer, or of its own when there is none.
func issue(t *testing.T, subject pkix.Name, issuer *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: subject, NotAfter: time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: issuer == nil, BasicConstraintsValid: true}
	if issuer == nil {
		issuer = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
