// Package xsd checks XML documents against W3C XML Schema 1.0.
//
// Schemas are compiled from texts that the caller hands over: include and import lead only where the caller's
// Library leads, never to a file or the network. A schema that uses what is not understood here (redefine, and
// what XML Schema 1.1 adds: assertions, alternatives, open content) is not compiled at all, so that nothing
// passes because a rule was overlooked.
//
// A compiled Set never changes and may be used by many at once. Both reading and checking are bounded: depth by
// package xlinq, steps by a budget; patterns run in linear time. What exceeds a bound is an error, never a pass.
package xsd
