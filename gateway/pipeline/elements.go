package pipeline

import "gatehouse/policy"

// compile makes the step of one element. It tells what is wrong by k.fault and then returns
// whatever it has: a document with a fault never runs.
type compile func(k *Compiler, e *policy.Element) Step

// element finds who compiles an element, nil for a name that is no policy. It is a function and
// not a variable because some of what it returns calls it.
func element(name string) compile {
	switch name {
	case "authentication-basic":
		return compileBasic
	case "authentication-certificate":
		return compileAuthenticationCertificate
	case "authentication-managed-identity":
		return compileManagedIdentity
	case "base":
		return compileBase
	case "cache-lookup":
		return compileCacheLookup
	case "cache-lookup-value":
		return compileCacheLookupValue
	case "cache-remove-value":
		return compileCacheRemoveValue
	case "cache-store":
		return compileCacheStore
	case "cache-store-value":
		return compileCacheStoreValue
	case "cache-value":
		return compileCacheValue
	case "check-header":
		return compileCheckHeader
	case "choose":
		return compileChoose
	case "cors":
		return compileCORS
	case "cosmosdb-data-source", "send-service-bus-message", "sql-data-source", "xsl-transform":
		return compileUnavailable
	case "cross-domain":
		return compileCrossDomain
	case "emit-metric":
		return compileEmitMetric
	case "find-and-replace":
		return compileFindAndReplace
	case "forward-request":
		return compileForward
	case "get-authorization-context":
		return compileAuthorizationContext
	case "include-fragment":
		return compileFragment
	case "invoke-dapr-binding":
		return compileInvokeDaprBinding
	case "ip-filter":
		return compileIPFilter
	case "json-to-xml":
		return compileJSONToXML
	case "jsonp":
		return compileJSONP
	case "limit-concurrency":
		return compileLimitConcurrency
	case "llm-content-safety":
		return compileContentSafety
	case "llm-emit-token-metric", "azure-openai-emit-token-metric":
		return compileTokenMetric
	case "llm-semantic-cache-lookup", "azure-openai-semantic-cache-lookup":
		return compileSemanticLookup
	case "llm-semantic-cache-store", "azure-openai-semantic-cache-store":
		return compileSemanticStore
	case "llm-token-limit", "azure-openai-token-limit":
		return compileTokenLimit
	case "log-to-eventhub":
		return compileLogToEventHub
	case "mock-response":
		return compileMock
	case "proxy":
		return compileProxy
	case "publish-to-dapr":
		return compilePublishToDapr
	case "quota":
		return compileQuota
	case "quota-by-key":
		return compileQuotaByKey
	case "rate-limit":
		return compileRateLimit
	case "rate-limit-by-key":
		return compileRateLimitByKey
	case "redirect-content-urls":
		return compileRedirectURLs
	case "retry":
		return compileRetry
	case "return-response":
		return compileReturnResponse
	case "rewrite-uri":
		return compileRewrite
	case "send-one-way-request":
		return compileSendRequest
	case "send-request":
		return compileSendRequest
	case "set-backend-service":
		return compileSetBackend
	case "set-body":
		return compileSetBody
	case "set-header":
		return compileSetHeader
	case "set-method":
		return compileSetMethod
	case "set-query-parameter":
		return compileSetQuery
	case "set-status":
		return compileSetStatus
	case "set-variable":
		return compileSetVariable
	case "trace":
		return compileTrace
	case "validate-azure-ad-token":
		return compileValidateAzureToken
	case "validate-client-certificate":
		return compileValidateClientCertificate
	case "validate-content":
		return compileValidateContent
	case "validate-graphql-request":
		return compileValidateGraphQL
	case "validate-headers":
		return compileValidateHeaders
	case "validate-jwt":
		return compileValidateJwt
	case "validate-parameters":
		return compileValidateParameters
	case "validate-status-code":
		return compileValidateStatusCode
	case "wait":
		return compileWait
	case "xml-to-json":
		return compileXMLToJSON
	}
	return nil
}
