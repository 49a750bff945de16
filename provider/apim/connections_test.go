package apim_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// connectionMakers are the makers of what connects a service to others: backends, loggers,
// caches, certificates, identity providers and the like.
var connectionMakers = map[string]func(r *rand.Rand, n int) any{
	"namedValues properties.keyVault.secretIdentifier":                                func(*rand.Rand, int) any { return nil },
	"namedValues properties.keyVault.identityClientId":                                func(*rand.Rand, int) any { return nil },
	"backends properties.url":                                                         func(_ *rand.Rand, n int) any { return fmt.Sprint("https://b", n, ".contoso.test/x y") },
	"backends properties.protocol":                                                    func(*rand.Rand, int) any { return "http" },
	"backends properties.type":                                                        func(*rand.Rand, int) any { return "Single" },
	"backends properties.pool.services":                                               func(*rand.Rand, int) any { return nil },
	"backends properties.credentials.query":                                           lists,
	"backends properties.credentials.header":                                          lists,
	"backends properties.credentials.authorization.parameter":                         func(r *rand.Rand, _ int) any { return plain(r, 300) },
	"backends properties.credentials.certificateIds":                                  func(*rand.Rand, int) any { return []any{service + "/certificates/parent"} },
	"backends properties.properties.serviceFabricCluster.clientCertificateId":         func(*rand.Rand, int) any { return nil },
	"backends properties.properties.serviceFabricCluster.clientCertificatethumbprint": func(*rand.Rand, int) any { return "ab" },
	"certificates properties.data":                                                    func(*rand.Rand, int) any { return pfx },
	"certificates properties.password":                                                func(*rand.Rand, int) any { return "hunter2" },
	"certificates properties.subject":                                                 func(*rand.Rand, int) any { return nil },
	"certificates properties.thumbprint":                                              func(*rand.Rand, int) any { return nil },
	"certificates properties.expirationDate":                                          func(*rand.Rand, int) any { return nil },
	"certificates properties.keyVault.secretIdentifier":                               func(*rand.Rand, int) any { return nil },
	"certificates properties.keyVault.identityClientId":                               func(*rand.Rand, int) any { return nil },
	"loggers properties.loggerType": func(r *rand.Rand, _ int) any {
		return []string{"applicationInsights", "azureEventHub"}[r.IntN(2)]
	},
	"loggers properties.credentials": func(r *rand.Rand, _ int) any {
		return map[string]any{"name": text(r, 1, 50) + ".", "connectionString": text(r, 1, 500) + "."}
	},
	"diagnostics properties.loggerId":    func(*rand.Rand, int) any { return service + "/loggers/parent" },
	"caches properties.connectionString": func(r *rand.Rand, _ int) any { return text(r, 1, 298) + "." },
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
