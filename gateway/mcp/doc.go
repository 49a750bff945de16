// Package mcp offers operations of APIs to language models: an API of type mcp is a server of the Model Context Protocol
// at {path}/mcp (streamable HTTP, without sessions), whose tools are operations of HTTP APIs (gateway.md 10).
//
// It promises that a tool is called as its operation would be called by whoever calls the tool: through the
// gateway with its policies, keys, limits and role checks, by the same token, key and address. It adds no right and
// knows none. What clients send under names of the gateway goes no further.
package mcp
