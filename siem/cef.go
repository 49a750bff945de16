package siem

import (
	"encoding/json"
	"fmt"
	"strings"

	"gatehouse"
)

// cefLine is a change in ArcSight's Common Event Format, version 0 of the header and
// the keys of its dictionary:
//
//	CEF:0|Gatehouse|Gatehouse|VERSION|ACTION|MESSAGE|SEVERITY|rt=… externalId=…
func cefLine(version string, c *gatehouse.Change) []byte {
	var b strings.Builder
	level := map[int]int{1: 2, 2: 5, 3: 7}[severity(c)] // CEF counts to 10
	fmt.Fprintf(&b, "CEF:0|Gatehouse|Gatehouse|%s|%s|%s|%d|", header(version), header(c.Cause.Action), header(message(c)), level)
	outcome := "success"
	if !succeeded(c) {
		outcome = "failure"
	}
	fields := []string{"rt", fmt.Sprint(c.Time.UnixMilli()), "externalId", fmt.Sprint(c.Seq), "cat", string(c.Kind), "outcome", outcome,
		"suser", c.Cause.Caller.Name, "suid", callerID(c), "src", c.Cause.Caller.Address, "requestMethod", c.Cause.Method, "request", where(c)}
	if d := c.Cause.Decision; d != nil {
		fields = append(fields, "reason", d.Code)
		fields = append(fields, labelled(1, "roleAssignment", d.Grant)...)
		fields = append(fields, labelled(2, "denyAssignment", d.Deny)...)
	}
	fields = append(fields, labelled(3, "operationId", c.Cause.Operation)...)
	fields = append(fields, labelled(4, "ticket", c.Cause.Reason)...)
	fields = append(fields, labelled(5, "hash", c.Hash)...)
	fields = append(fields, labelled(6, "resourceType", c.Type)...)
	first := true
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "" {
			continue
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(fields[i] + "=" + extension(fields[i+1]))
	}
	return []byte(b.String())
}

// labelled is a custom string with its label; nothing when it is empty.
func labelled(n int, label, value string) []string {
	if value == "" {
		return nil
	}
	return []string{fmt.Sprintf("cs%dLabel", n), label, fmt.Sprintf("cs%d", n), value}
}

func callerID(c *gatehouse.Change) string {
	if c.Cause.Caller.ID.IsZero() {
		return ""
	}
	return c.Cause.Caller.ID.String()
}

// header escapes text of the header: no line may be made by who chooses a name.
func header(s string) string {
	return strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\n", " ", "\r", " ").Replace(s)
}

// extension escapes a value of the extension.
func extension(s string) string {
	return strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`).Replace(s)
}

// property reads a member of properties of the document after the change, or before it.
func property(c *gatehouse.Change, name string) string {
	for _, raw := range [][]byte{c.After, c.Before} {
		var body struct{ Properties map[string]any }
		if json.Unmarshal(raw, &body) == nil && body.Properties[name] != nil {
			return fmt.Sprint(body.Properties[name])
		}
	}
	return ""
}
