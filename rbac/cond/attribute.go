package cond

import (
	"strings"
	"time"

	"gatehouse"
)

// Source is where an attribute comes from.
type Source uint8

// The four sources (rbac.md 7.2).
const (
	Environment Source = iota
	Principal
	Request
	Resource
)

var sourceNames = [...]string{"Environment", "Principal", "Request", "Resource"}

// String returns the name of the source as conditions write it.
func (s Source) String() string { return sourceNames[s] }

func sourceNamed(name string) (Source, bool) {
	for i, n := range sourceNames {
		if gatehouse.EqualFold(n, name) {
			return Source(i), true
		}
	}
	return 0, false
}

// keyExact marks an attribute whose key, the part behind the last colon, compares with case.
const keyExact = "<$key_case_sensitive$>"

// attribute is a reference to an attribute.
type attribute struct {
	source Source
	path   string // as written
	name   string // path without the mark for exact keys
	key    int    // where the exact key starts in name; len(name) when none is exact
}

func newAttribute(s Source, path string) *attribute {
	a := &attribute{source: s, path: path, name: path, key: len(path)}
	if name, ok := strings.CutSuffix(path, keyExact); ok && name != "" {
		a.name = name
		a.key = strings.LastIndexByte(name, ':') + 1
	}
	return a
}

// String spells the reference as in a condition.
func (a *attribute) String() string { return "@" + a.source.String() + "[" + a.path + "]" }

// Env is what a condition is evaluated against. The attribute UtcNow of the
// environment is Now unless Attributes holds one.
type Env struct {
	Action       string
	SubOperation string
	Attributes   *gatehouse.Attributes
	Now          time.Time
}

// lookup returns the value of a, a single one or a []any.
func (e *Env) lookup(a *attribute) (any, bool) {
	if e.Attributes != nil {
		if v, ok := a.in(e.bag(a.source)); ok {
			return v, v != nil
		}
	}
	return nil, false
}

func (e *Env) bag(s Source) map[string]any {
	switch s {
	case Environment:
		return e.Attributes.Environment
	case Principal:
		return e.Attributes.Principal
	case Request:
		return e.Attributes.Request
	}
	return e.Attributes.Resource
}

// in finds a by exact name, else by a name that differs in casing only; of several
// such the first in byte order, so that the answer does not depend on chance.
func (a *attribute) in(bag map[string]any) (any, bool) {
	if v, ok := bag[a.name]; ok {
		return v, true
	}
	found, ok := "", false
	for name := range bag {
		if a.is(name) && (!ok || name < found) {
			found, ok = name, true
		}
	}
	return bag[found], ok
}

func (a *attribute) is(name string) bool {
	if a.key == len(a.name) {
		return gatehouse.EqualFold(a.name, name)
	}
	at := strings.LastIndexByte(name, ':') + 1
	return name[at:] == a.name[a.key:] && gatehouse.EqualFold(a.name[:a.key], name[:at])
}

// isNow reports whether a is the time of the request.
func (a *attribute) isNow() bool {
	return a.source == Environment && gatehouse.EqualFold(a.name, "UtcNow")
}
