package record

import (
	"strings"

	"gatehouse/gateway/telemetry"
)

// letsIn are parts of names of headers, parameters and members whose values let somebody in.
var letsIn = []string{"authorization", "token", "secret", "password", "passwd", "api-key", "api_key", "apikey", "cookie", "credential", "session", "assertion"}

// harmless are ends of names that only sound so.
var harmless = []string{"type", "url", "uri", "endpoint", "name", "count", "limit", "expires", "supported"}

// SecretName reports whether what has that name is not for a file. It would rather hide too much: what is hidden has the
// same stand-in each time, so that limits by it still work in a replay.
func SecretName(name string) bool {
	if telemetry.Secret(name) {
		return true
	}
	name = strings.ToLower(name)
	for _, end := range harmless {
		if strings.HasSuffix(name, end) {
			return false
		}
	}
	if strings.HasSuffix(name, "-key") || strings.HasSuffix(name, "_key") {
		return true
	}
	for _, part := range letsIn {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
