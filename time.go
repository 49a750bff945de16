package gatehouse

import "time"

// Timestamp is how Azure spells a moment on the wire: UTC with seven digits of a
// second, as in 2026-01-10T08:20:27.0007137Z (rbac.md 2.4).
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }
