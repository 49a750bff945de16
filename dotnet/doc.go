// Package dotnet does in Go what .NET's class library does to numbers, dates, strings, addresses and encodings, as far as
// policy expressions can tell the difference (policy-expressions.md section 5): UTF-16 positions, the format languages,
// decimal arithmetic, DateTime with ticks and kind, regular expressions, composite formatting, and the English texts of the
// exceptions. Culture is always invariant, the local time zone always UTC, the runtime is taken to be .NET 8.
//
// The functions are pure: no state, no clock but where a function says so (Now, Random, NewGuid), nothing of Gatehouse.
// What fails in .NET with an exception returns an *Exception with the type's full name and .NET's message.
//
// # Strings
//
// A .NET string is a row of UTF-16 units; here it is a Go string in UTF-8, and functions that take or give positions count
// units (StringLength, Substring, IndexOf). Strings of ASCII only take a fast path in which a unit is a byte. A surrogate
// without its partner, which Substring can cut off, is kept as the three bytes UTF-8 would give it if it were a scalar value
// (WTF-8), so that nothing is lost until the text leaves the process; Scalar then writes U+FFFD, as Encoding.UTF8 does. Two
// such halves that meet again must become one character: join strings with Concat wherever a half may be at hand.
// Any other byte that is not UTF-8 counts as one unit, U+FFFD.
package dotnet
