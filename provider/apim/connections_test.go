package apim_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// connectionMakers are the makers of what connects a service to others: backends, loggers,
// caches, certificates, identity providers and the like.
var connectionMakers = map[string]func(r *rand.Rand, n int) any{
	"namedValues properties.keyVault.secretIdentifier":                                   func(*rand.Rand, int) any { return nil },
	"namedValues properties.keyVault.identityClientId":                                   func(*rand.Rand, int) any { return nil },
	"backends properties.url":                                                            func(_ *rand.Rand, n int) any { return fmt.Sprint("https://b", n, ".contoso.test/x y") },
	"backends properties.protocol":                                                       func(*rand.Rand, int) any { return "http" },
	"backends properties.type":                                                           func(*rand.Rand, int) any { return "Single" },
	"backends properties.pool.services":                                                  func(*rand.Rand, int) any { return nil },
	"backends properties.credentials.query":                                              lists,
	"backends properties.credentials.header":                                             lists,
	"backends properties.credentials.authorization.parameter":                            func(r *rand.Rand, _ int) any { return plain(r, 300) },
	"backends properties.credentials.certificateIds":                                     func(*rand.Rand, int) any { return []any{service + "/certificates/parent"} },
	"backends properties.properties.serviceFabricCluster.clientCertificateId":            func(*rand.Rand, int) any { return nil },
	"backends properties.properties.serviceFabricCluster.clientCertificatethumbprint":    func(*rand.Rand, int) any { return "ab" },
	"certificates properties.data":                                                       func(*rand.Rand, int) any { return pfx },
	"certificates properties.password":                                                   func(*rand.Rand, int) any { return "hunter2" },
	"certificates properties.subject":                                                    func(*rand.Rand, int) any { return nil },
	"certificates properties.thumbprint":                                                 func(*rand.Rand, int) any { return nil },
	"certificates properties.expirationDate":                                             func(*rand.Rand, int) any { return nil },
	"certificates properties.keyVault.secretIdentifier":                                  func(*rand.Rand, int) any { return nil },
	"certificates properties.keyVault.identityClientId":                                  func(*rand.Rand, int) any { return nil },
	"authorizationServers properties.grantTypes":                                         func(*rand.Rand, int) any { return []any{"implicit"} },
	"authorizationServers properties.authorizationMethods":                               func(*rand.Rand, int) any { return []any{"POST", "GET"} },
	"authorizationServers properties.clientRegistrationEndpoint":                         address,
	"authorizationServers properties.authorizationEndpoint":                              address,
	"authorizationServers properties.tokenEndpoint":                                      address,
	"identityProviders properties.type":                                                  func(*rand.Rand, int) any { return "google" },
	"identityProviders properties.clientSecret":                                          func(r *rand.Rand, _ int) any { return text(r, 1, 500) },
	"authorizationProviders properties.oauth2.grantTypes.authorizationCode.clientSecret": func(r *rand.Rand, _ int) any { return text(r, 1, 500) },
	"authorizations properties.parameters": func(r *rand.Rand, _ int) any {
		return map[string]any{"clientId": text(r, 1, 50), "clientSecret": text(r, 1, 50), "other": text(r, 0, 50)}
	},
	"authorizations properties.parameters.clientSecret": func(*rand.Rand, int) any { return "secret" },
	"accessPolicies properties.tenantId":                guid,
	"accessPolicies properties.objectId":                guid,
	"accessPolicies properties.appIds":                  func(r *rand.Rand, n int) any { return []any{guid(r, n)} },
	"clientApplications properties.ownerId":             func(*rand.Rand, int) any { return service + "/users/1" },
	"loggers properties.loggerType": func(r *rand.Rand, _ int) any {
		return []string{"applicationInsights", "azureEventHub"}[r.IntN(2)]
	},
	"loggers properties.credentials": func(r *rand.Rand, _ int) any {
		return map[string]any{"name": text(r, 1, 50) + ".", "connectionString": text(r, 1, 500) + "."}
	},
	"diagnostics properties.loggerId":    func(*rand.Rand, int) any { return service + "/loggers/parent" },
	"caches properties.connectionString": func(r *rand.Rand, _ int) any { return text(r, 1, 298) + "." },
}

func address(r *rand.Rand, n int) any {
	return fmt.Sprint("https://contoso.test/", n, "/", url.PathEscape(text(r, 0, 100)))
}

func guid(r *rand.Rand, _ int) any {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint32())
}

// lists are values per name, as backends send them along.
func lists(r *rand.Rand, _ int) any {
	return map[string]any{"a": []any{plain(r, 50), plain(r, 50)}, "b": []any{}}
}

// plain is text that refers to no named value.
func plain(r *rand.Rand, max int) string {
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
