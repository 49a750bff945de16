// Package newtonsoft is Json.NET's tree of tokens (Newtonsoft.Json.Linq) as policy expressions see it: text that is read
// as leniently as Json.NET reads it, a tree that knows its parents and can be changed, text printed with Json.NET's
// escapes and number forms, JSONPath, merging, and the mapping between XML and JSON.
//
// One Go type, Token, stands for the whole JToken family; Type tells them apart and Class gives the .NET name. What .NET
// throws is a *dotnet.Exception. What .NET would survive or die of, but a gateway must not
// (endless trees, more memory than one evaluation may have), is a *Limit, which no catch clause may see.
//
// Line ends of indented text are "\n": the line end of the platform on which Gatehouse, like Azure's self-hosted gateway,
// runs (policy-expressions.md 5 says "the platform's", and 12 that nobody has verified it for the managed one).
//
// The package knows nothing of expressions: package policy/expr declares the members and converts values.
package newtonsoft
