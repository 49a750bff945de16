// Package pipeline runs the policies of a call: compiled documents, one over the other by base,
// each policy a Step over a Call.
//
// It promises: nothing is compiled while a call runs; a document that cannot be compiled fails
// every call that it governs rather than being left out; a failure's own words go to LastError,
// traces and logs and never into an answer. It leaves to package gateway where a call belongs
// (routes, keys, roles) and how its answer goes out.
//
// # Adding a policy
//
// A policy is a file with a compile function, named in the table of elements.go:
//
//	func compileX(k *Compiler, e *policy.Element) Step
//
// It asks k for the attributes by their kind (Text, Flag, Whole, Real, Any, Literal; Content and
// Contents for text in elements, Block for policies in it). Each of them replaces named values,
// knows the default that policy/table.txt has, compiles expressions for the kind, and notes what is
// wrong; the function returns a Step all the same, or nil. What was left out and has no default is
// the zero value, and Given tells. What depends on nothing but the document is made here, not in
// Run: patterns, sets, URLs.
//
// The Step's Run evaluates what it keeps (x.Eval(c)) and works on c: c.Request, c.Reply(),
// c.Headers(side), c.Body(side), c.SetBody(side, body), c.Variables. k.Side() is the message that
// policies work on in this section. Run returns
//
//   - nil to go on;
//   - a *Failure to go to on-error: Reason and Message for LastError, Status and Text for the client,
//     Header for what goes with it; failed(reason, message) is the usual 500;
//   - what Eval returned, as it is: that becomes ExpressionValueEvaluationFailure;
//   - c.End() to end the pipeline with the response as it stands.
//
// What a policy has to do later it hands to c.BeforeSend, c.AfterSend, c.OnClose. What it needs from
// outside the call is a field of Services: add one, and say in its comment what nil means. What it
// needs from the configuration while compiling is a field of Env, in the same way.
// c.Trace(source, message, pairs...) adds to the trace and costs nothing when the call has none.
// A Step is shared by calls that run at once, so it never changes.
//
// # Testing a policy
//
// A case is a file testdata/*.txtar:
//
//	-- policy api --        a document; also global, workspace, product, operation. Without global: forward-request alone
//	-- fragment NAME --     the policies of a fragment
//	-- values --            named values, name=value
//	-- config --            an Update of gateway/config as JSON, for its backends
//	-- options --           name=value: variables=a b (printed at the end), step=10s (passes after each request), preflight=1,
//	                        template=/x/{id}, matched=id:5 b:6, base=http://backend.test/v1, subscription=sub1,
//	                        address=unknown, gone=1 (the client has hung up), upstream=1 (how backends are connected to is printed),
//	                        started=2026-01-01T00:00:00Z (of the subscription), external=1 (there is an external cache, out of reach),
//	                        without=Counters (a service that this gateway does not have), unmatched=1 (no API answers on the path)
//	-- operation --         the definition of the operation as JSON (config.Operation), for validate-*
//	-- graphql --           the schema of a GraphQL API
//	-- odata --             the metadata of an OData API
//	-- resolver Type/f --   the policy of a resolver: the API is synthetic then
//	-- schema NAME --       a schema of the API, and of the service
//	-- request --           as HTTP has it; several are sent one after the other. Test-Certificate: robot is a certificate of the
//	                        client (tokens_test.go lists them), Test-User: ada the owner of the subscription; the gateway sees neither header
//	-- backend --           an answer, "timeout", "silence" (until nobody waits any more), or the text of a connection error; several
//	                        go out in order, the last again and again
//	-- want --              what was seen: requests that went out (>), the answer (<), LastError, variables
//	-- trace --             the trace of each request
//
// "go test ./gateway/pipeline -run TestCases/name -update" writes want and trace, to be read against gateway.md
// before it is committed. send-request is answered by the same backends as forward-request. The
// clock stands still, and waiting moves it on.
package pipeline
