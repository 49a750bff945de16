package resources

import "time"

// timestamp is the form of times on the wire: seven digits and Z (rbac.md 2.4).
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }
