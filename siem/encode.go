package siem

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"gatehouse"
)

// Format is how a change is written.
type Format string

// The formats. OCSF and JSON are one object, CEF is one line of text.
const (
	OCSF Format = "ocsf"
	CEF  Format = "cef"
	JSON Format = "json"
)

// Formats are all of them.
var Formats = []string{string(OCSF), string(CEF), string(JSON)}

// Encode writes a change without a line end. version is that of Gatehouse.
func Encode(f Format, version string, c *gatehouse.Change) ([]byte, error) {
	switch f {
	case CEF:
		return cefLine(version, c), nil
	case OCSF:
		return object(newEvent(version, c))
	}
	return object(c)
}

func object(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// succeeded reports whether an act came to its end.
func succeeded(c *gatehouse.Change) bool {
	return c.Kind != gatehouse.Refused && c.Status < 400
}

// severity is 1 for what happens all day, 2 for what changes who may do what, 3 for what was refused.
func severity(c *gatehouse.Change) int {
	switch {
	case !succeeded(c):
		return 3
	case accessType(c.Type):
		return 2
	}
	return 1
}

func accessType(name string) bool {
	switch gatehouse.Fold(name) {
	case "microsoft.authorization/roleassignments", "microsoft.authorization/roledefinitions", "microsoft.authorization/denyassignments",
		"microsoft.graph/directory/groups/members", "microsoft.graph/directory/roleassignments":
		return true
	}
	return false
}

func who(c *gatehouse.Change) string {
	if c.Cause.Caller.Name == "" {
		return c.Cause.Caller.ID.String()
	}
	return c.Cause.Caller.Name
}

func where(c *gatehouse.Change) string { return cmp.Or(c.Resource, c.Cause.Scope) }

// message says in a sentence what happened.
func message(c *gatehouse.Change) string {
	verb := map[gatehouse.ChangeKind]string{gatehouse.Write: "changed", gatehouse.Delete: "deleted", gatehouse.Refused: "was refused at", gatehouse.SignIn: "signed in:", gatehouse.Event: "did " + c.Cause.Action + " at"}[c.Kind]
	switch {
	case c.Kind == gatehouse.Write && c.Before == nil:
		verb = "created"
	case c.Kind == gatehouse.SignIn && !succeeded(c):
		verb = "failed to sign in:"
	}
	return strings.TrimSpace(who(c) + " " + verb + " " + where(c))
}
