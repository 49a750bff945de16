// Package graphql reads GraphQL requests, checks them against the schema of an
// API and against rules (gateway.md 8.2, validate-graphql-request), and executes
// them over resolvers for APIs that have no GraphQL server behind them (10).
//
// A request is bounded before it is understood: size, tokens, depth, and number of
// fields after fragments were put in place, so that a small text cannot ask
// for much. Values from resolvers are JSON; what does not fit the schema is a
// field error, as the specification of October 2021, section 6, has it.
package graphql
