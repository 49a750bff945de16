// Package liquid runs the templates of set-body template="liquid": the Liquid of DotLiquid with C# naming, which is what
// Azure's gateway uses (gateway.md 11). Filters have Pascal-case names, dates take .NET formats, output is not escaped,
// unknown variables print nothing, a filter nobody knows leaves its input alone, and a filter that fails prints "Liquid
// error: " and why.
//
// A Template is compiled once and may be rendered by several goroutines. It sees only the roots it is given; values are nil,
// bool, int64, float64, string, []any, dates, and whatever implements Object or List. JSON and XML make such
// values of bodies. Rendering is bounded in steps, output and time; templates cannot include others.
package liquid
