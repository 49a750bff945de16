package pipeline

import "gatehouse/policy"

const knownByName = "' is known by its name only: there is no reference that says what it does."

// unavailable are policies that need Azure's own cloud, or whose effect nobody has published: they can be saved, and fail
// the calls that reach them with the reason PolicyNotAvailable (docs/gateway.md).
var unavailable = map[string]string{
	"authentication-token":               "The policy 'authentication-token" + knownByName,
	"authentication-token-store":         "The policy 'authentication-token-store" + knownByName,
	"cosmosdb-data-source":               "Resolvers over Cosmos DB are not available in this gateway.",
	"graphql-data-source":                "Resolvers over other GraphQL services are not available in this gateway: 'graphql-data-source" + knownByName,
	"invoke-request":                     "The policy 'invoke-request" + knownByName,
	"set-request-metric-dimension-value": "The policy 'set-request-metric-dimension-value" + knownByName,
	"sql-data-source":                    "Resolvers over Azure SQL are not available in this gateway.",
}

// compileUnavailable compiles a policy that cannot be run.
func compileUnavailable(k *Compiler, e *policy.Element) Step {
	text := unavailable[e.Name]
	k.Warn(text)
	return StepFunc(func(*Call) error { return failed("PolicyNotAvailable", text) })
}
