package pipeline

import (
	"sync"

	"gatehouse/policy"
)

// compile makes the step of one element. It tells what is wrong by k.fault and then returns
// whatever it has: a document with a fault never runs.
type compile func(k *Compiler, e *policy.Element) Step

// elements are the policies by name, with who compiles them. The table is made when it is first asked for, since some of
// what stands in it asks for it.
var elements struct {
	once  sync.Once
	named map[string]compile
}

// element finds who compiles an element, nil for a name that is no policy.
func element(name string) compile {
	elements.once.Do(func() { elements.named = allElements() })
	return elements.named[name]
}

func allElements() map[string]compile {
	return map[string]compile{
		"authentication-basic":               compileBasic,
		"authentication-certificate":         compileAuthenticationCertificate,
		"authentication-managed-identity":    compileManagedIdentity,
		"authentication-token":               compileUnavailable,
		"authentication-token-store":         compileUnavailable,
		"azure-openai-emit-token-metric":     compileTokenMetric,
		"azure-openai-semantic-cache-lookup": compileSemanticLookup,
		"azure-openai-semantic-cache-store":  compileSemanticStore,
		"azure-openai-token-limit":           compileTokenLimit,
		"base":                               compileBase,
		"cache-lookup":                       compileCacheLookup,
		"cache-lookup-value":                 compileCacheLookupValue,
		"cache-remove-value":                 compileCacheRemoveValue,
		"cache-store":                        compileCacheStore,
		"cache-store-value":                  compileCacheStoreValue,
		"cache-value":                        compileCacheValue,
		"check-header":                       compileCheckHeader,
		"choose":                             compileChoose,
		"cors":                               compileCORS,
		"cosmosdb-data-source":               compileUnavailable,
		"cross-domain":                       compileCrossDomain,
		"emit-metric":                        compileEmitMetric,
		"find-and-replace":                   compileFindAndReplace,
		"forward-request":                    compileForward,
		"get-authorization-context":          compileAuthorizationContext,
		"graphql-data-source":                compileUnavailable,
		"include-fragment":                   compileFragment,
		"invoke-dapr-binding":                compileInvokeDaprBinding,
		"invoke-request":                     compileUnavailable,
		"ip-filter":                          compileIPFilter,
		"json-to-xml":                        compileJSONToXML,
		"jsonp":                              compileJSONP,
		"limit-concurrency":                  compileLimitConcurrency,
		"llm-content-safety":                 compileContentSafety,
		"llm-emit-token-metric":              compileTokenMetric,
		"llm-semantic-cache-lookup":          compileSemanticLookup,
		"llm-semantic-cache-store":           compileSemanticStore,
		"llm-token-limit":                    compileTokenLimit,
		"log-to-eventhub":                    compileLogToEventHub,
		"mock-response":                      compileMock,
		"proxy":                              compileProxy,
		"publish-to-dapr":                    compilePublishToDapr,
		"quota":                              compileQuota,
		"quota-by-key":                       compileQuotaByKey,
		"rate-limit":                         compileRateLimit,
		"rate-limit-by-key":                  compileRateLimitByKey,
		"redirect-content-urls":              compileRedirectURLs,
		"retry":                              compileRetry,
		"return-response":                    compileReturnResponse,
		"rewrite-uri":                        compileRewrite,
		"send-one-way-request":               compileSendRequest,
		"send-request":                       compileSendRequest,
		"send-service-bus-message":           compileServiceBus,
		"set-backend-service":                compileSetBackend,
		"set-body":                           compileSetBody,
		"set-header":                         compileSetHeader,
		"set-method":                         compileSetMethod,
		"set-query-parameter":                compileSetQuery,
		"set-request-metric-dimension-value": compileUnavailable,
		"set-status":                         compileSetStatus,
		"set-variable":                       compileSetVariable,
		"sql-data-source":                    compileUnavailable,
		"trace":                              compileTrace,
		"validate-azure-ad-token":            compileValidateAzureToken,
		"validate-client-certificate":        compileValidateClientCertificate,
		"validate-content":                   compileValidateContent,
		"validate-graphql-request":           compileValidateGraphQL,
		"validate-headers":                   compileValidateHeaders,
		"validate-jwt":                       compileValidateJwt,
		"validate-odata-request":             compileValidateOData,
		"validate-parameters":                compileValidateParameters,
		"validate-status-code":               compileValidateStatusCode,
		"wait":                               compileWait,
		"xml-to-json":                        compileXMLToJSON,
		"xsl-transform":                      compileXSLTransform,
	}
}
