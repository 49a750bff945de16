// Package jsondoc holds JSON documents without loss: members keep their order
// and spelling, numbers keep their literal. It promises that what Parse accepts
// has one meaning only: no member twice (names compare without case, as Azure's
// do), no invalid UTF-8, no half of a surrogate pair. The relaxed mode reads what
// az sends for deployments; schemas and other foreign documents, in which Id and id are two names,
// are read with Exact or Variants. What the members mean is left to others.
package jsondoc

import "encoding/json"

// Value is a JSON value: *Object, []Value, string, Number, bool or nil.
type Value = any

// Number is a JSON number as its literal; it is exact, whatever its size.
type Number = json.Number
