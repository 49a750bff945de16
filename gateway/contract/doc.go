// Package contract knows what an operation says of its messages, and finds what
// of a real message goes against that: parameters, headers, status codes, bodies
// (gateway.md 8.2, validate-*). It judges and decides nothing: what becomes of a
// Violation is the policy's business.
//
// Schemas are JSON Schema of draft 2020-12. Those of Swagger and OpenAPI 3.0 are
// brought into that form: nullable, and bounds that are excluded by a boolean.
// References lead nowhere outside of their document. XML schemas are those of package
// xsd; what they include or import is found among the schemas of the API and of the
// service, and nowhere else. A check that cannot be made is a violation, so that it refuses.
package contract
